"""The child process that reads pages: its limits, its end, and what it may not do."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from assistant.guide.folder import read_guide
from assistant.readers.sandbox import Limits, Sandbox
from tests.documents import docx, paragraph, printed

pytest.importorskip("markitdown")

pytestmark = pytest.mark.slow


RAGGED = ".. csv-table::\n\n" + "   a\n" * 40_000 + "   " + "," * 9_000 + "\n"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits a process's memory")
def test_restructured_text_that_takes_too_much_memory_is_read_as_plain_text(tmp_path) -> None:
    (tmp_path / "a.rst").write_text(f"Pumps\n=====\n\n{RAGGED}")
    (tmp_path / "b.rst").write_text("Valves\n======\n\nA *valve* is shut.\n")
    guide = read_guide(tmp_path)
    assert guide.passages[-1].text == "Valves\n\nA valve is shut."
    assert guide.passages[0].text.startswith("Pumps")
    (warning,) = guide.warnings
    assert warning.message.startswith("The page was read as plain text: reading it takes more than")


LONG = docx(printed(60))
"""A page that takes 3 s to read."""
PATIENCE = 120.0
"""Seconds after which a process counts as hung."""


@pytest.fixture
def sandbox():
    """Start sandboxes with limits, and stop them after the test."""
    sandboxes: list[Sandbox] = []

    def start(**limits: int) -> Sandbox:
        sandboxes.append(Sandbox("office", Limits(**limits)))
        return sandboxes[-1]

    yield start
    for each in sandboxes:
        each.close()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits a process's memory")
def test_a_page_that_takes_too_much_memory_is_refused_and_the_next_is_read(sandbox) -> None:
    reader = sandbox(memory=60_000_000)
    letter = docx(paragraph("A letter."))
    for _ in range(2):  # in a new process, and in one that has read a page
        with pytest.raises(ValueError, match="more than 60 MB of memory; split it"):
            reader.read(".docx", LONG)
        assert "A letter." in reader.read(".docx", letter)[0]


def test_a_page_that_takes_too_long_is_refused_and_the_next_is_read(sandbox) -> None:
    reader = sandbox(cpu_seconds=1)  # and the rest of the second that has begun
    with pytest.raises(ValueError, match="more than 1 s of CPU time; split it"):
        reader.read(".docx", LONG)
    assert "A letter." in reader.read(".docx", docx(paragraph("A letter.")))[0]


def test_a_page_without_a_response_in_time_is_refused_and_the_next_is_read(sandbox) -> None:
    reader = sandbox(wall_seconds=1)
    with pytest.raises(ValueError, match="more than 1 s; split it"):
        reader.read(".docx", docx(printed(150)))
    assert "A letter." in reader.read(".docx", docx(paragraph("A letter.")))[0]


def test_one_process_reads_many_pages_and_goes_on_after_a_refusal(sandbox) -> None:
    reader = sandbox()
    pids = set()
    for number in range(30):
        assert f"Letter {number}" in reader.read(".docx", docx(paragraph(f"Letter {number}")))[0]
        with pytest.raises(ValueError, match="no archive"):
            reader.read(".docx", b"none")
        pids.add(reader._child.pid)
    assert len(pids) == 1


def test_a_process_that_was_killed_is_started_again(sandbox) -> None:
    reader = sandbox()
    reader.read(".docx", docx(paragraph("One.")))
    os.kill(reader._child.pid, signal.SIGKILL)
    assert "Two." in reader.read(".docx", docx(paragraph("Two.")))[0]


@pytest.mark.parametrize(
    ("stopped_by", "reason"),
    [
        (signal.SIGABRT, "SIGABRT, most likely because it takes more than 1,500 MB of memory"),
        (signal.SIGSEGV, "SIGSEGV, most likely because it takes more than 1,500 MB of memory"),
        (signal.SIGKILL, "stopped by SIGKILL$"),
    ],
)
def test_a_process_that_ends_during_a_page_names_the_signal_and_the_likely_reason(
    sandbox, stopped_by, reason
) -> None:
    reader = sandbox()
    with ThreadPoolExecutor() as threads:
        page = threads.submit(reader.read, ".docx", LONG)
        wait_until(lambda: reader._child)
        os.kill(reader._child.pid, stopped_by)
        with pytest.raises(ValueError, match=reason):
            page.result()


def python(tmp_path: Path, script: str, *arguments: str) -> subprocess.Popen[str]:
    (tmp_path / "script.py").write_text(script)
    return subprocess.Popen(
        [sys.executable, str(tmp_path / "script.py"), *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "READ_FOR": str(tmp_path)},
    )  # fmt: skip


def count_processes(tmp_path: Path) -> int:
    """Count the processes that a script started and itself, by Linux's list of processes."""
    mark = f"READ_FOR={tmp_path}\0".encode()
    return sum(mark in environment(place) for place in Path("/proc").glob("[0-9]*/environ"))


def wait_until(condition) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def assert_no_process_is_left(tmp_path: Path) -> None:
    wait_until(lambda: count_processes(tmp_path) == 0)


def environment(place: Path) -> bytes:
    try:
        return place.read_bytes()
    except OSError:  # it has ended since, or belongs to another user
        return b""


def test_the_process_ends_within_a_page_when_its_parent_is_killed(tmp_path) -> None:
    (tmp_path / "a.docx").write_bytes(docx(printed(300)))
    parent = python(tmp_path, f"""
import threading
from pathlib import Path
from assistant.readers.sandbox import Sandbox
reader = Sandbox("office")
raw = Path({str(tmp_path / "a.docx")!r}).read_bytes()
threading.Thread(target=reader.read, args=(".docx", raw)).start()
while not reader._child or reader._socket.gettimeout() != 3600:
    pass
print("begun", flush=True)
""")  # fmt: skip
    with parent:
        assert parent.stdout.readline() == "begun\n"
        parent.kill()
    assert_no_process_is_left(tmp_path)


def test_a_script_without_a_main_guard_reads_documents_in_forked_workers_and_leaves_none(
    tmp_path,
) -> None:
    folder = tmp_path / "guide"
    folder.mkdir()
    for number in range(70):
        (folder / f"{number:02}.docx").write_bytes(docx(paragraph(f"Letter {number}")))
    for number in range(5):
        (folder / f"large{number}.txt").write_text("Plain words in a row.\n\n" * 40_000)
    ran = python(tmp_path, f"""
import os
from pathlib import Path
from assistant.guide.folder import read_guide
from assistant.readers.decode import decode_office
raw = Path({str(folder / "00.docx")!r}).read_bytes()
decode_office("a.docx", raw)  # in a child process of the parent's own
guide = read_guide(Path({str(folder)!r}))
print(len([page for page in guide.pages if page.path.endswith("docx")]), guide.warnings)
decode_office("a.docx", raw)
""")  # fmt: skip
    with ran:
        out, err = ran.communicate(timeout=120)
    assert (out, err) == ("70 ()\n", "")
    assert_no_process_is_left(tmp_path)


def test_forked_workers_and_their_processes_end_when_the_parent_is_killed(tmp_path) -> None:
    folder = tmp_path / "guide"
    folder.mkdir()
    for number in range(64):
        (folder / f"{number:02}.docx").write_bytes(docx(printed(30)))
    for number in range(5):
        (folder / f"large{number}.txt").write_text("Plain words in a row.\n\n" * 40_000)
    parent = python(tmp_path, f"""
from pathlib import Path
from assistant.guide.folder import read_guide
print("begun", flush=True)
read_guide(Path({str(folder)!r}))
""")  # fmt: skip
    with parent:
        assert parent.stdout.readline() == "begun\n"
        # It has a worker, and that its child process.
        wait_until(lambda: count_processes(tmp_path) >= 3)
        parent.kill()
    assert_no_process_is_left(tmp_path)


def test_documents_are_read_where_another_program_embeds_python(tmp_path) -> None:
    ran = python(tmp_path, f"""
import sys, multiprocessing
multiprocessing.set_executable("/usr/sbin/host")
from assistant.readers.decode import decode_office
print("Words." in decode_office("a.docx", {docx(paragraph("Words."))!r}).text)
""")  # fmt: skip
    with ran:
        out, err = ran.communicate(timeout=120)
    assert (out, err) == ("True\n", "")


def test_a_process_that_does_not_start_is_an_error(tmp_path) -> None:
    ran = python(tmp_path, f"""
import sys, multiprocessing
multiprocessing.set_executable("/nowhere/python")
from assistant.errors import GuideError
from assistant.readers.decode import decode_office
try:
    decode_office("a.docx", {docx(paragraph("Words."))!r})
except GuideError as error:
    print(error.message)
""")  # fmt: skip
    with ran:
        out, _ = ran.communicate(timeout=120)
    assert "/nowhere/python, which would read it, does not start" in out


def test_the_process_may_not_write_files_start_processes_or_open_connections(
    tmp_path,
) -> None:
    ran = python(tmp_path, f"""
import socket, subprocess
from pathlib import Path
from assistant.readers.sandbox import _confine
_confine(500_000_000)
target = Path({str(tmp_path / "written")!r})
for attempt in (
    lambda: target.write_text("words"),
    lambda: subprocess.run(["true"]),
    lambda: socket.create_connection(("127.0.0.1", 9)),
    lambda: socket.getaddrinfo("localhost", 80),
):
    try:
        attempt()
        print("done")
    except OSError as error:
        print(type(error).__name__)
""")  # fmt: skip
    with ran:
        out, err = ran.communicate(timeout=120)
    assert (out.split(), err) == (["OSError", *["PermissionError"] * 3], "")
    assert not (tmp_path / "written").read_text()
