"""Test the command line without an encoding, a home, a user name or a writable folder."""

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
from tests.sizes import LONG, size

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


def run_command(
    *arguments: object, under: tuple[str, ...] = (), raw: bytes = b"", **environment: str
) -> tuple[int, bytes, bytes]:
    """Run a command: (exit code, standard output, standard error)."""
    command = [*under, sys.executable, "-m", "assistant", *map(os.fsencode, map(str, arguments))]
    with tempfile.TemporaryDirectory() as empty:
        Path(empty).chmod(0o755)
        done = subprocess.run(
            command, env={**BARE, **environment}, cwd=empty,
            input=raw, capture_output=True, timeout=300, check=False,
        )  # fmt: skip
    assert b"Traceback" not in done.stderr, done.stderr.decode(errors="replace")
    return done.returncode, done.stdout, done.stderr


@pytest.fixture
def cache() -> dict[str, str]:
    """Return the environment that names the exported model."""
    return {"XDG_CACHE_HOME": os.environ["XDG_CACHE_HOME"]}


ENCODINGS = {
    "cp1252": {"PYTHONIOENCODING": "cp1252"},
    "ascii": {"PYTHONIOENCODING": "ascii"},
    "cp932": {"PYTHONIOENCODING": "cp932"},
    "C": {"LANG": "C", "LC_ALL": "C"},
    "C, not as UTF-8": {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
}


HARSHEST = ENCODINGS["C, not as UTF-8"]
TWO = {"cp932": ENCODINGS["cp932"], "C": HARSHEST}
BATCHED = size(TWO, ENCODINGS)


@pytest.mark.parametrize("setting", ENCODINGS.values(), ids=ENCODINGS.keys())
def test_an_answer_is_printed_in_any_encoding(index, cache, setting):
    question = "what does the élan eat? “x”"
    code, out, err = run_command("ask", question, "--index", index, **cache, **setting)
    assert code == 0, err
    assert out.strip()


@pytest.mark.parametrize("setting", BATCHED.values(), ids=BATCHED.keys())
def test_a_batch_is_answered_and_an_error_printed_in_any_encoding(index, cache, setting):
    row = json.dumps({"id": 1, "text": QUESTION}, ensure_ascii=False).encode()
    code, out, err = run_command(
        "ask", "--batch", "-", "--index", index, raw=row, **cache, **setting
    )
    assert code == 0, err
    answer = json.loads(out.decode(setting.get("PYTHONIOENCODING", "utf-8")))
    assert answer["question"] == QUESTION, "a batch is UTF-8 in any terminal"
    code, out, err = run_command("ask", QUESTION, "--index", index / "猫", **cache, **setting)
    assert (code, out) == (3, b"")
    assert len(err.splitlines()) in {2, 4}, "the message and its hint, and a note on the encoding"


@pytest.mark.parametrize("setting", TWO.values(), ids=TWO.keys())
def test_json_loses_nothing_and_hits_are_printed_in_any_encoding(index, cache, setting):
    code, out, err = run_command("ask", QUESTION, "--index", index, "--json", **cache, **setting)
    assert code == 0, err
    assert json.loads(out.decode(setting.get("PYTHONIOENCODING", "utf-8")))["found"]
    code, out, err = run_command("search", QUESTION, "--index", index, **cache, **setting)
    assert code == 0, err


def test_unencodable_characters_are_escaped_with_one_notice_and_a_hint(index, cache):
    code, out, err = run_command(
        "ask", QUESTION, "--index", index, **cache, PYTHONIOENCODING="cp1252"
    )
    assert code == 0
    assert rb"\u6709\u7d66" in out
    assert err.decode().splitlines() == [
        r"cp1252 lacks some of the characters: they are printed as \uXXXX.",
        "Set PYTHONIOENCODING=utf-8 to see them.",
    ]


@pytest.mark.parametrize("raw", [b'{"id": 1, "text": "caf\xe9"}', b"\xff\xfe", b'{}\n{"\x80"}'])
def test_a_batch_line_that_is_not_utf_8_is_named(index, cache, raw):
    code, out, err = run_command("ask", "--batch", "-", "--index", index, raw=raw, **cache)
    assert (code, out, len(err.splitlines())) == (2, b"", 2)
    assert f"line {raw.count(10) + 1} is not UTF-8".encode() in err


def test_a_conversation_continues_after_bytes_that_are_no_text(index, cache):
    raw = b"caf\xe9 \xff?\n" + QUESTION.encode() + b"\n\n"
    code, out, err = run_command("chat", "--index", index, raw=raw, **cache)
    assert code == 0, err
    assert "年に二十日" in out.decode()


def test_arguments_that_are_no_text_are_handled(index, cache, tmp_path):
    bad = os.fsdecode(b"caf\xe9\xff")
    code, out, err = run_command("ask", f"{bad}?", "--index", index, "--json", **cache)
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
        code, out, err = run_command(*command, **cache)
        assert code in {2, 3}, err
        assert (out, len(err.splitlines())) == (b"", 2), err


def test_a_dumb_terminal_gets_no_escape_sequences(index, cache):
    code, out, err = run_command("ask", QUESTION, "--index", index, **cache, TERM="dumb")
    assert (code, err) == (0, b"")
    assert b"\x1b" not in out


def test_closed_streams_are_no_error(index, cache):
    for closed in (">&-", "2>&-", "<&-", ">&- 2>&- <&-"):
        under = ("sh", "-c", f'exec "$0" "$@" {closed}')
        code, _, err = run_command("ask", QUESTION, "--index", index, under=under, **cache)
        assert code == 0, err


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
@pytest.mark.parametrize("flags", [[], ["--json"]], ids=["text", "json"])
def test_output_that_cannot_be_written_is_an_error(index, cache, flags):
    under = ("sh", "-c", 'exec "$0" "$@" >/dev/full')
    code, _, err = run_command("ask", QUESTION, "--index", index, *flags, under=under, **cache)
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


def test_without_a_folder_for_the_model_it_answers_with_one_notice(index):
    code, out, err = run_command("ask", QUESTION, "--index", index, HOME="/nonexistent")
    assert code == 0
    assert "年に二十日" in out.decode()
    assert len(err.splitlines()) == 1
    assert b"assistant build" in err


def test_a_build_that_cannot_store_the_model_continues_with_a_notice(tmp_path):
    (tmp_path / "guide").mkdir()
    (tmp_path / "guide" / "a.md").write_text("# Cats\n\nCats sleep.\n")
    (tmp_path / "file").write_text("")
    code, _, err = run_command(
        "build", "--corpus", tmp_path / "guide", "--index", tmp_path / "index",
        XDG_CACHE_HOME=str(tmp_path / "file" / "cache"), HOME="/nonexistent",
    )  # fmt: skip
    assert code == 0, err
    (line,) = [line for line in err.decode().splitlines() if "Answers are slow" in line]
    assert "XDG_CACHE_HOME" in line


@pytest.fixture
def public(index) -> Iterator[Path]:
    """Copy the index to a folder that every user may read."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "index"
        shutil.copytree(index, copy)
        for path in (copy.parent, copy, *copy.rglob("*")):
            path.chmod(0o755)
        yield copy


@as_root
def test_a_user_without_a_name_and_a_home_gets_answers(public, cache):
    index = public
    if LONG:  # without a model stored it loads torch, as another test here does
        code, out, err = run_command("ask", QUESTION, "--index", index, under=AS_NOBODY)
        assert code == 0, err
        assert b"XDG_CACHE_HOME" in err
    code, _, err = run_command("ask", QUESTION, "--index", index, under=AS_NOBODY, **cache)
    assert (code, err) == (0, b"")
    code, _, err = run_command("ask", "what is a PM?", under=AS_NOBODY)
    assert (code, len(err.splitlines())) == (2, 2)
    assert b"XDG_CACHE_HOME" in err
    code, out, err = run_command("doctor", "--index", index, under=AS_NOBODY)
    assert code == 3
    assert b"XDG_CACHE_HOME" in out


@as_root
def test_a_read_only_machine_gives_answers_with_a_cache_and_errors_without(index, cache):
    code, out, err = run_command(
        "ask", QUESTION, "--index", index, under=ON_READ_ONLY, HOME="/nonexistent", **cache
    )
    assert (code, err) == (0, b"")
    assert "年に二十日" in out.decode()
    code, out, err = run_command(
        "ask", QUESTION, "--index", index, under=ON_READ_ONLY, HOME="/nonexistent"
    )
    assert (code, out) == (3, b"")
    assert b"TMPDIR" in err
    code, out, err = run_command(
        "serve", "--index", index, "--port", "0", under=ON_READ_ONLY, HOME="/nonexistent", **cache
    )
    assert (code, out, len(err.splitlines())) == (2, b"", 2)
    assert b"TMPDIR" in err
