"""The command line where an encoding, a home, a user's name or a writable folder is missing."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from assistant.index import builder
from tests.conftest import ROOT

GUIDE = "# 休暇\n\n有給休暇は年に二十日です。\n\n# Élan\n\nL'élan mange des feuilles “vertes”.\n"
BARE = {"PATH": os.defpath, "PYTHONPATH": str(ROOT), "ORT_DISABLE_TELEMETRY": "1"}
QUESTION = "有給休暇は何日ですか？"


@pytest.fixture(scope="module")
def index(tmp_path_factory, encoder) -> Path:
    folder = tmp_path_factory.mktemp("streams")
    (folder / "guide").mkdir()
    (folder / "guide" / "休暇.md").write_text(GUIDE, encoding="utf-8")
    builder.build_index(folder / "guide", folder / "index", encoder)
    return folder / "index"


def typed(
    *arguments: object, under: tuple[str, ...] = (), given: bytes = b"", **environment: str
) -> tuple[int, bytes, bytes]:
    """Type a command: its exit code, standard output and standard error. No one waits for it."""
    command = [*under, sys.executable, "-m", "assistant", *map(os.fsencode, map(str, arguments))]
    with tempfile.TemporaryDirectory() as empty:
        Path(empty).chmod(0o755)
        done = subprocess.run(
            command, env={**BARE, **environment}, cwd=empty,
            input=given, capture_output=True, timeout=120, check=False,
        )  # fmt: skip
    assert b"Traceback" not in done.stderr, done.stderr.decode(errors="replace")
    return done.returncode, done.stdout, done.stderr


@pytest.fixture
def cache() -> dict[str, str]:
    """Where this session's exported model is."""
    return {"XDG_CACHE_HOME": os.environ["XDG_CACHE_HOME"]}


ENCODINGS = {
    "cp1252": {"PYTHONIOENCODING": "cp1252"},
    "ascii": {"PYTHONIOENCODING": "ascii"},
    "cp932": {"PYTHONIOENCODING": "cp932"},
    "C": {"LANG": "C", "LC_ALL": "C"},
    "POSIX": {"LC_ALL": "POSIX"},
    "C, not as UTF-8": {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
}


HARSHEST = ENCODINGS["C, not as UTF-8"]


@pytest.mark.parametrize("setting", ENCODINGS.values(), ids=ENCODINGS.keys())
def test_an_answer_is_printed_in_any_encoding(index, cache, setting):
    for question in (QUESTION, "what does the élan eat? “x”"):
        code, out, err = typed("ask", question, "--index", index, **cache, **setting)
        assert code == 0, err
        assert out.strip()
    row = json.dumps({"id": 1, "text": QUESTION}, ensure_ascii=False).encode()
    code, out, err = typed("ask", "--batch", "-", "--index", index, given=row, **cache, **setting)
    assert code == 0, err
    answer = json.loads(out.decode(setting.get("PYTHONIOENCODING", "utf-8")))
    assert answer["question"] == QUESTION, "a batch is UTF-8 whatever the terminal is"
    code, out, err = typed("ask", QUESTION, "--index", index / "猫", **cache, **setting)
    assert (code, out) == (3, b"")
    assert len(err.splitlines()) in {2, 4}, "what, how to fix it, and why it is written so"


@pytest.mark.parametrize("setting", [ENCODINGS["cp932"], HARSHEST], ids=["cp932", "C"])
def test_json_loses_nothing_and_hits_are_printed_too(index, cache, setting):
    code, out, err = typed("ask", QUESTION, "--index", index, "--json", **cache, **setting)
    assert code == 0, err
    assert json.loads(out.decode(setting.get("PYTHONIOENCODING", "utf-8")))["found"]
    code, out, err = typed("search", QUESTION, "--index", index, **cache, **setting)
    assert code == 0, err


def test_what_an_encoding_cannot_write_is_escaped_and_said_once_with_what_is_needed(index, cache):
    code, out, err = typed("ask", QUESTION, "--index", index, **cache, PYTHONIOENCODING="cp1252")
    assert code == 0
    assert rb"\u6709\u7d66" in out
    assert err.decode().splitlines() == [
        r"cp1252 has no sign for some of the characters: they are shown as \uXXXX.",
        "Set PYTHONIOENCODING=utf-8 to see them.",
    ]


@pytest.mark.parametrize("given", [b'{"id": 1, "text": "caf\xe9"}', b"\xff\xfe", b'{}\n{"\x80"}'])
def test_a_batch_that_is_no_text_is_told_by_its_line(index, cache, given):
    code, out, err = typed("ask", "--batch", "-", "--index", index, given=given, **cache)
    assert (code, out, len(err.splitlines())) == (2, b"", 2)
    assert f"line {given.count(10) + 1} is not UTF-8".encode() in err


def test_a_talk_goes_on_over_bytes_that_are_no_text(index, cache):
    given = b"caf\xe9 \xff?\n" + QUESTION.encode() + b"\n\n"
    code, out, err = typed("chat", "--index", index, given=given, **cache)
    assert code == 0, err
    assert "年に二十日" in out.decode()


def test_words_and_names_that_are_no_text(index, cache, tmp_path):
    bad = os.fsdecode(b"caf\xe9\xff")
    code, out, err = typed("ask", f"{bad}?", "--index", index, "--json", **cache)
    assert code == 0, err
    json.loads(out)
    for command in (
        ["ask", "x", "--index", f"/{bad}"],
        ["build", "--corpus", f"/{bad}"],
        ["ask", "--batch", f"/{bad}", "--index", index],
        ["verify", f"/{bad}"],
        ["keys", "add", bad, "--index", tmp_path],
        ["build", f"--{bad}"],
    ):
        code, out, err = typed(*command, **cache)
        assert code in {2, 3}, err
        assert (out, len(err.splitlines())) == (b"", 2), err


def test_a_terminal_that_can_do_nothing(index, cache):
    code, out, err = typed("ask", QUESTION, "--index", index, **cache, TERM="dumb")
    assert (code, err) == (0, b"")
    assert b"\x1b" not in out


def test_streams_that_are_closed(index, cache):
    for closed in (">&-", "2>&-", "<&-", ">&- 2>&- <&-"):
        under = ("sh", "-c", f'exec "$0" "$@" {closed}')
        code, _, err = typed("ask", QUESTION, "--index", index, under=under, **cache)
        assert code == 0, err


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
@pytest.mark.parametrize("flags", [[], ["--json"]], ids=["text", "json"])
def test_output_that_cannot_be_written_is_told_of(index, cache, flags):
    under = ("sh", "-c", 'exec "$0" "$@" >/dev/full')
    code, _, err = typed("ask", QUESTION, "--index", index, *flags, under=under, **cache)
    assert code == 3
    assert len(err.splitlines()) == 2
    assert b"cannot be written" in err


# -- no home, no name, no folder to write to --------------------------------------------------

AS_NOBODY = (
    "setpriv", "--reuid", "54321", "--regid", "54321", "--clear-groups",
    "--inh-caps", "+dac_read_search", "--ambient-caps", "+dac_read_search",
)  # fmt: skip
as_root = pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("setpriv") or not shutil.which("unshare"),
    reason="another user and a read-only root take root, setpriv and unshare",
)
READ_ONLY = """
mount --make-rprivate /
for place in $(cut -d' ' -f2 /proc/mounts | grep -v '^/proc\\|^/sys\\|^/dev' | sort -r); do
    mount -o remount,bind,ro "$place" || exit 9
done
! touch /tmp/made 2>/dev/null || exit 9
exec "$0" "$@"
"""
ON_READ_ONLY = ("unshare", "-m", "sh", "-c", READ_ONLY)


def test_without_a_folder_for_the_model_answers_come_and_what_is_needed_is_said(index):
    code, out, err = typed("ask", QUESTION, "--index", index, HOME="/nonexistent")
    assert code == 0
    assert "年に二十日" in out.decode()
    assert len(err.splitlines()) == 1
    assert b"assistant build" in err


def test_where_the_model_cannot_be_kept_a_build_goes_on_without_and_says_so(tmp_path):
    (tmp_path / "guide").mkdir()
    (tmp_path / "guide" / "a.md").write_text("# Cats\n\nCats sleep.\n")
    (tmp_path / "file").write_text("")
    code, _, err = typed(
        "build", "--corpus", tmp_path / "guide", "--index", tmp_path / "index",
        XDG_CACHE_HOME=str(tmp_path / "file" / "cache"), HOME="/nonexistent",
    )  # fmt: skip
    assert code == 0, err
    (line,) = [line for line in err.decode().splitlines() if "Answers are slow" in line]
    assert "XDG_CACHE_HOME" in line


@pytest.fixture
def public(index) -> Iterator[Path]:
    """A copy of the index where every user may read it."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "index"
        shutil.copytree(index, copy)
        for path in (copy.parent, copy, *copy.rglob("*")):
            path.chmod(0o755)
        yield copy


@as_root
def test_a_user_without_a_name_and_a_home(public, cache):
    index = public
    code, out, err = typed("ask", QUESTION, "--index", index, under=AS_NOBODY)
    assert code == 0, err
    assert b"XDG_CACHE_HOME" in err
    code, _, err = typed("ask", QUESTION, "--index", index, under=AS_NOBODY, **cache)
    assert (code, err) == (0, b"")
    code, _, err = typed("ask", "what is a PM?", under=AS_NOBODY)
    assert (code, len(err.splitlines())) == (2, 2)
    assert b"XDG_CACHE_HOME" in err
    code, out, err = typed("doctor", "--index", index, under=AS_NOBODY)
    assert code == 3
    assert b"XDG_CACHE_HOME" in out


@as_root
def test_a_machine_on_which_nothing_can_be_written(index, cache):
    code, out, err = typed(
        "ask", QUESTION, "--index", index, under=ON_READ_ONLY, HOME="/nonexistent", **cache
    )
    assert (code, err) == (0, b"")
    assert "年に二十日" in out.decode()
    code, out, err = typed(
        "ask", QUESTION, "--index", index, under=ON_READ_ONLY, HOME="/nonexistent"
    )
    assert (code, out) == (3, b"")
    assert b"TMPDIR" in err
    code, out, err = typed(
        "serve", "--index", index, "--port", "0", under=ON_READ_ONLY, HOME="/nonexistent", **cache
    )
    assert (code, out, len(err.splitlines())) == (2, b"", 2)
    assert b"TMPDIR" in err
