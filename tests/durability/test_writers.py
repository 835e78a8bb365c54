"""Test that one writer at a time holds the index, and that a killed one blocks nobody."""

from __future__ import annotations

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from assistant.errors import EXIT_STATE, IndexBusy
from assistant.index import builder, generations
from tests.conftest import WordEncoder
from tests.durability import scene
from tests.durability.writers import KILL, PATIENCE, REFUSED, ROOT

HOLD = """
import sys, time
from pathlib import Path
from assistant.index import generations
with generations.lock_for_writing(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def holder(tmp_path):
    """Start another process that holds the index for writing."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, tmp_path / "index"], stdout=subprocess.PIPE, cwd=ROOT
    )
    assert process.stdout.readline() == b"held\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def test_a_second_writer_ends_at_once_and_the_kernel_frees_the_lock_of_a_killed_one(
    holder, writers, tmp_path
):
    guide = scene.write_guide(tmp_path / "guide", 1)
    second = writers.run("build", guide, tmp_path / "index")
    assert second.status == REFUSED
    assert second.output.startswith("Another process is building the index")
    assert scene.edition_in(tmp_path / "index") == scene.NO_INDEX
    holder.kill()
    holder.wait()
    assert (tmp_path / "index" / ".lock").exists()
    assert writers.run("build", guide, tmp_path / "index").status == 0
    assert scene.edition_in(tmp_path / "index") == 1
    assert scene.debris_in(tmp_path / "index") == []


def test_the_second_writer_reads_no_page_and_encodes_nothing(holder, tmp_path):
    class Idle(WordEncoder):
        def encode(self, texts, progress=None):
            raise AssertionError("encoded")

    with pytest.raises(IndexBusy):
        builder.build_index(tmp_path / "no guide", tmp_path / "index", Idle())


def test_the_command_line_reports_a_busy_index_with_its_exit_code(holder, tmp_path):
    guide = scene.write_guide(tmp_path / "guide", 1)
    folders = ["--corpus", guide, "--index", tmp_path / "index"]
    ended = subprocess.run(
        [sys.executable, "-m", "assistant", "build", *folders],
        capture_output=True,
        cwd=ROOT,
        text=True,
        check=False,
    )
    assert ended.returncode == EXIT_STATE
    assert "Another process is building the index" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert len(ended.stderr.strip().splitlines()) <= 3


def test_of_writers_that_start_together_only_one_at_a_time_holds_the_index(tmp_path):
    held = []

    def try_to_write(_):
        try:
            with generations.lock_for_writing(tmp_path / "index"):
                held.append(+1)
                inside = sum(held)
                time.sleep(0.01)
                held.append(-1)
                return inside
        except IndexBusy:
            return 0

    with ThreadPoolExecutor(8) as pool:
        inside = list(pool.map(try_to_write, range(40)))
    assert max(inside) == 1


def test_a_writer_that_is_killed_while_all_cores_read_leaves_no_process_and_no_lock(
    writers, tmp_path
):
    guide = tmp_path / "guide"
    guide.mkdir()
    for number in range(400):
        page = f"# Page {number}\n\n" + "The cat eats bread and milk. " * 700
        (guide / f"{number}.md").write_text(page)
    ended = writers.run("build", guide, tmp_path / "index", kill_after=0.4)
    assert ended.status == -KILL
    ends = time.monotonic() + PATIENCE
    while time.monotonic() < ends:
        try:
            with generations.lock_for_writing(tmp_path / "index"):
                return
        except IndexBusy:
            time.sleep(0.01)
    pytest.fail("something that the killed writer started still holds its lock")
