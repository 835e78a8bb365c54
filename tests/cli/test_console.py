"""What is written to a terminal: no text of others steers it, and none forges a line of ours."""

from __future__ import annotations

import ast
import json
import os
import pty
import subprocess
import sys
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from assistant import console
from assistant.cli.main import main
from assistant.server.answer_log import AnswerLog
from assistant.server.security.api_keys import ApiKeys
from tests.answered import answer, make_citation
from tests.conftest import ROOT
from tests.source import PATHS, tree

FORGED = "Built (all is well): FORGED"
STEERING = "\x1b[2J\x1b]0;title\x07\x9b31m\r\x08\x7f\u202eolleh\u2066\u2028\x85\x0c"
HOSTILE = f"{STEERING}a\n{FORGED}"
FORBIDDEN = {chr(n) for n in (*range(9), *range(11, 32), *range(127, 160))}
FORBIDDEN |= set(
    "\u061c\u200e\u200f\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
)


def assert_tame(text: str) -> None:
    """No control but line ends and tabs, and no line that others wrote at the first column."""
    assert not FORBIDDEN & set(text), ascii(text)
    assert "FORGED" in text
    for line in text.split("\n"):
        assert not line.startswith(FORGED), text


@example("\u206a")
@example("a\ud800")
@given(st.text(st.characters()))
def test_of_any_text_no_control_is_left_and_no_line_begins_where_ours_do(text):
    events_seen = console.format_entry(text)
    assert not FORBIDDEN & set(events_seen)
    events_seen.encode()
    _, *others = events_seen.split("\n")
    assert all(line == "" or line.startswith("    ") for line in others)
    assert "\n" not in console.one_line(text)
    if not {"\x1b", "\x9b"} & set(text):
        dropped = {*FORBIDDEN, *map(chr, range(0x206A, 0x2070)), " ", "\n"}
        stored = (c for c in text if c not in dropped)
        shown = (f"\\u{ord(c):04x}" if "\ud800" <= c <= "\udfff" else c for c in stored)
        assert "".join(c for c in events_seen if c not in " \n") == "".join(shown)


def test_letters_marks_and_signs_of_every_script_stay_as_they_are():
    text = "Größe, 猫 and \U0001f600, café\u0301, नमस्ते, שלום, مرحبا\tx"
    assert console.format_entry(text) == text


def test_a_half_of_a_character_is_written_out_so_that_a_file_can_be_told():
    assert console.format_entry("caf\udce9.md") == r"caf\udce9.md"


# -- one writer -----------------------------------------------------------------------------

STREAMS = {"stdout", "stderr", "__stdout__", "__stderr__"}
WORDS = {
    "typer": {"echo", "secho", "confirm", "prompt", "style", "echo_via_pager"},
    "logging": {"StreamHandler", "basicConfig", "lastResort"},
    "traceback": {"print_exc", "print_exception"},
}


def writes(tree: ast.AST) -> list[str]:
    """What in a module writes to a stream by itself, with its line."""
    result = []
    for node in ast.walk(tree):
        name = ""
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            name = node.func.id if node.func.id in {"print", "input", "pprint"} else ""
        elif isinstance(node, ast.Attribute):
            inner = node.value
            if isinstance(inner, ast.Name) and node.attr in WORDS.get(inner.id, ()):
                name = f"{inner.id}.{node.attr}"
            elif isinstance(inner, ast.Attribute) and inner.attr in STREAMS:
                name = node.attr if node.attr in {"write", "writelines", "buffer"} else ""
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names = {alias.name for alias in node.names}
            module = getattr(node, "module", None) or ""
            if module in {"rich", "rich.console"} or {"click", "rich", "rich.console"} & names:
                name = "rich.console"
            elif STREAMS & names:
                name = "a stream"
        elif isinstance(node, ast.keyword) and node.arg == "file":
            name = "file="
        if name:
            result.append(f"{name} in line {node.lineno}" if hasattr(node, "lineno") else name)
    return result


@pytest.mark.parametrize(
    "code",
    ["print(1)", "sys.stderr.write('')", "typer.echo('')", "from rich.console import Console",
     "logging.basicConfig()", "from sys import stdout", "input()", "print(1, file=sys.stderr)",
     "sys.stdout.buffer.write(b'')", "import click", "typer.confirm('')"],
)  # fmt: skip
def test_the_next_test_would_notice(code):
    assert writes(ast.parse(code))


def test_nothing_but_the_console_writes_to_a_terminal():
    for module in set(PATHS) - {"console"}:
        writing = [name for name in writes(tree(module)) if not name.startswith("file=")]
        assert writing == [], module


# -- each command ---------------------------------------------------------------------------


@pytest.fixture
def run(capsys, monkeypatch, tmp_path):
    """Type a command in an empty folder: all that it printed, and its exit code."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")

    def typed(*arguments: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return int(ended.value.code or 0), captured.out, captured.err

    return typed


@pytest.fixture
def guide(tmp_path) -> Path:
    """A guide of pages whose names, headings and words steer a terminal and forge lines."""
    folder = tmp_path / "guide"
    folder.mkdir()
    name = HOSTILE.replace("/", "") + ".md"
    (folder / "cats.md").write_text(
        f"# Cats\n\n## Where do cats sleep? {STEERING}\n\n"
        f"Cats sleep in the sun {STEERING} and purr there.\n{FORGED}\nso it goes on.\n"
    )
    (folder / name).write_bytes(b"\x00\x01 is no text \xff\xfe")
    (folder / f"deep {STEERING}").mkdir()
    (folder / f"deep {STEERING}" / name).write_bytes(b"\x00\x01")
    (folder / os.fsdecode(b"caf\xe9\x1b[31m.md")).write_text("# Dogs\n\nDogs bark.\n")
    return folder


def test_building_over_hostile_file_names(run, guide):
    code, out, err = run("build", "--corpus", guide, "--index", "index", "--report", "report.txt")
    assert (code, out) == (3, "")
    assert_tame("\n".join(line for line in err.split("\n") if "━" not in line))
    report = Path("report.txt").read_text(encoding="utf-8")
    assert_tame(report)
    assert "caf" in report


def test_answers_hits_and_talks_of_hostile_text(run, guide, monkeypatch):
    run("build", "--corpus", guide, "--index", "index")
    for command in (["ask", "where do cats sleep?"], ["search", "where do cats sleep?"]):
        code, out, _ = run(*command, "--index", "index")
        assert code == 0
        assert "Cats sleep in the sun" in out
        assert_tame(out)
        code, out, _ = run(*command, "--index", "index", "--json")
        assert not FORBIDDEN & set(out)
        assert STEERING[-5] in json.dumps(json.loads(out), ensure_ascii=False), "it is all there"
    typed = iter(["where do cats sleep?", ""])
    monkeypatch.setattr("builtins.input", lambda prompt: next(typed))
    code, out, err = run("chat", "--index", "index")
    assert_tame(out + err)


def test_hostile_words_on_the_command_line_and_in_paths(run, tmp_path):
    for command in (
        ["ask", "x", "--index", HOSTILE],
        ["build", "--corpus", HOSTILE],
        ["ask", "--batch", HOSTILE],
        ["verify", HOSTILE],
        ["doctor", "--corpus", HOSTILE, "--index", HOSTILE],
        ["eval", HOSTILE],
        ["calibrate", "--questions", HOSTILE],
        ["keys", "revoke", HOSTILE],
        ["client", f"http://127.0.0.1:1/{HOSTILE}", "x"],
        [HOSTILE],
        ["ask", "x", f"--{HOSTILE}"],
    ):
        code, out, err = run(*command)
        assert code in {2, 3}, command
        assert_tame(f"{out}{err}FORGED")


def test_a_file_of_keys_that_was_tampered_with(run, tmp_path):
    (tmp_path / "index").mkdir()
    path = tmp_path / "index" / "keys.json"
    ApiKeys(path).add("ann")
    data = json.loads(path.read_text())
    data["keys"][0] |= {"name": HOSTILE, "added": HOSTILE}
    path.write_text(json.dumps(data))
    code, out, _ = run("keys", "list")
    assert code == 0
    assert_tame(out)
    code, out, _ = run("keys", "list", "--json")
    assert not FORBIDDEN & set(out)
    assert json.loads(out)["keys"][0]["name"] == HOSTILE


def test_what_readers_write_of_answers(run, tmp_path, monkeypatch):
    url = f"sqlite:///{tmp_path / 'journal.sqlite'}"
    journal = AnswerLog.open(url, days=90)
    id_ = journal.add(answer(HOSTILE, citations=(make_citation(),)), {})
    for helpful in (True, False):
        journal.rate(id_, helpful, f"{HOSTILE}\n2026-01-01T00:00:00+00:00  +  FORGED")
    journal.close()
    monkeypatch.setenv("ASSISTANT_JOURNAL", url)
    code, out, _ = run("feedback")
    assert code == 0
    assert_tame(out)
    assert [line for line in out.split("\n") if line and not line.startswith("    ")] == [
        line for line in out.split("\n") if "1 helpful, 1 not" in line
    ], "an answer begins at the first column, and nothing else does"
    assert sum(line.startswith("    20") for line in out.split("\n")) == 2, "and a comment at four"
    code, out, _ = run("feedback", "--json")
    assert not FORBIDDEN & set(out)
    assert json.loads(out)["question"] == HOSTILE


@contextmanager
def server_of(body: bytes, status: int, kind: str):
    """A server that answers every request with a body."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    served = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=served.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{served.server_port}/"
    finally:
        served.shutdown()
        thread.join()
        served.server_close()


def test_what_a_hostile_server_answers(run):
    quoted = make_citation()
    data = answer(HOSTILE, citations=(quoted,)).to_dict()
    data["citations"][0] |= {"span": [0, len(HOSTILE)]}
    data["citations"][0] |= {"quote": HOSTILE, "headings": [HOSTILE], "url": HOSTILE}
    data |= {
        "text": f"{HOSTILE} [1]",
        "understood_as": f"{HOSTILE}?",
        "next_questions": [HOSTILE],
        "other_readings": [HOSTILE],
    }
    data["resources"][0] |= {"title": HOSTILE, "url": HOSTILE}
    body = json.dumps({"id": "", **data}).encode()
    with server_of(body, 200, "application/json") as url:
        code, out, err = run("client", url, "x")
    assert code == 0, err
    assert_tame(out)
    problem = json.dumps({"detail": HOSTILE, "hint": HOSTILE}).encode()
    with server_of(problem, 503, "application/problem+json") as url:
        code, out, err = run("client", url, "x")
    assert (code, out) == (3, "")
    assert_tame(err)


LOG = """
import logging, sys
from assistant import console
console.configure_streams()
hostile = sys.argv[1]
ours = "assistant.server.security.error_responses"
for name in (ours, "uvicorn.error", "mcp.server", "gradio", "asyncio"):
    logging.getLogger(name).warning("%s", hostile)
try:
    raise ValueError(hostile)
except ValueError:
    logging.getLogger("uvicorn.error").exception("It failed")
"""


def test_lines_of_the_log():
    done = subprocess.run(
        [sys.executable, "-c", LOG, HOSTILE],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout == ""
    assert_tame(done.stderr)
    assert done.stderr.count("FORGED") >= 6
    assert "Traceback" in done.stderr


SAY = """
import sys
from assistant import console
console.configure_streams()
console.echo(sys.argv[1], style="cyan")
console.echo(sys.argv[1], indent=2)
"""


def test_a_terminal_wraps_no_text_of_others_to_its_first_column():
    """What is wider than the terminal goes on below itself, however it is filled."""
    primary, secondary = pty.openpty()
    with os.fdopen(primary, "rb", buffering=0) as read:
        done = subprocess.run(
            [sys.executable, "-c", SAY, "x" * 40 + " " * 30 + f"{FORGED} " + "猫" * 60],
            cwd=ROOT, env={**os.environ, "COLUMNS": "40", "TERM": "dumb"},
            stdout=secondary, stderr=subprocess.PIPE, check=False,
        )  # fmt: skip
        os.close(secondary)
        events_seen = b""
        while piece := _piece(read):
            events_seen += piece
    assert done.returncode == 0, done.stderr
    rows = events_seen.decode().replace("\r\n", "\n").rstrip("\n").split("\n")
    assert "FORGED" in events_seen.decode()
    assert sum(not row.startswith(" ") for row in rows) == 1
    assert all(len(row) + row.count("猫") <= 40 for row in rows), rows


def _piece(file) -> bytes:
    try:
        return file.read(4096)
    except OSError:  # its other end is closed
        return b""
