"""Test that a full, broken or unwritable disk costs an update and nothing else.

The faults are real: the C library under the writer's process fails, or the process reaches a
limit of the kernel.
"""

from __future__ import annotations

import errno
import itertools
import os
import shutil
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from tests.durability import scene
from tests.durability.writers import FAILED, REFUSED, Writers
from tests.sizes import LONG, size

OLD, NEW = 2, 3
ERRORS = (errno.ENOSPC, errno.EIO, errno.EMFILE, errno.EACCES)
COUNTING = 0
"""No I/O has this number: none fails, all are counted."""


@pytest.fixture(scope="module")
def shimmed(tmp_path_factory):
    """Return writers whose C library fails on request."""
    compiler = shutil.which("cc")
    if not compiler:
        pytest.skip("there is no C compiler (cc) to build the failing library with")
    library = tmp_path_factory.mktemp("shim") / "shim.so"
    source = Path(__file__).with_name("shim.c")
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", library, source, "-ldl"], check=True)
    started = Writers(LD_PRELOAD=str(library))
    yield started
    started.close()


class Disk:
    """An index folder that is reset to two editions before each writer, and the next guide."""

    def __init__(self, writers: Writers, world: Path) -> None:
        self._writers = writers
        self._saved = world / "saved"
        self.folder = world / "index"
        self.guide = world / "guide"
        for edition in (1, OLD):
            writers.run("build", scene.write_guide(self.guide, edition), self._saved)
        scene.write_guide(self.guide, NEW)

    def restore(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.copytree(self._saved, self.folder)

    def try_job(self, *job: str | int) -> tuple[str, str]:
        """Run a job under a fault; return its outcome and any error then or after the next job."""
        self.restore()
        ended = self._writers.run(*job, self.guide, self.folder)
        how = {0: "published", REFUSED: "refused"}.get(ended.status, "failed")
        if ended.status == FAILED:
            return how, ended.output
        if ended.status == REFUSED and str(self.folder.parent) not in ended.output.split("\n")[0]:
            return how, f"names no folder: {ended.output}"
        try:
            edition = scene.edition_in(self.folder)
            if edition not in ({OLD, NEW} if ended.status else {NEW}):
                return how, f"edition {edition} is served"
            after = self._writers.run("build", self.guide, self.folder)
            if after.status or scene.edition_in(self.folder) != NEW:
                return how, f"the next writer does not repair it: {after.output}"
        except scene.Bad as bad:
            return how, str(bad)
        return how, f"left over: {left}" if (left := scene.debris_in(self.folder)) else ""


def fail_each(disk: Disk, writers: Writers, job: str, step: int) -> tuple[Counter, list[str]]:
    """Fail the I/Os of a job in turn; return the counts of outcomes and the errors found."""
    disk.restore()
    done = writers.run("faulty", COUNTING, 0, job, disk.guide, disk.folder).output
    tally, bad = Counter(), []
    assert done > 100
    errors = itertools.cycle(ERRORS)
    for number in range(1, done + 1, step):
        for error in [next(errors)] if not LONG else ERRORS:
            how, wrong = disk.try_job("faulty", number, error, job)
            tally[how] += 1
            if wrong:
                bad.append(f"I/O {number} of {done}, {errno.errorcode[error]}: {wrong}")
            if bad and job != "build":
                return tally, bad  # a broken writer is caught
    return tally, bad


def test_whichever_io_fails_the_old_generation_answers_and_the_next_writer_repairs_it(
    shimmed, tmp_path
):
    tally, bad = fail_each(Disk(shimmed, tmp_path), shimmed, "build", size(20, 1))
    scene.figures.info("%s, %d bad", dict(tally), len(bad))
    assert bad == []
    assert tally["refused"] > tally["published"], "most faults must stop the writer"


def test_a_writer_that_goes_on_after_a_failure_is_caught(shimmed, tmp_path):
    assert fail_each(Disk(shimmed, tmp_path), shimmed, "careless", 50)[1]


@pytest.mark.parametrize(
    ("limit", "values"),
    [
        ("RLIMIT_FSIZE", range(0, 400_000, size(80_000, 500))),
        ("RLIMIT_NOFILE", range(0, 60, size(8, 1))),
    ],
)
def test_at_a_limit_of_the_process_the_old_generation_answers(writers, tmp_path, limit, values):
    disk = Disk(writers, tmp_path)
    ended = {value: disk.try_job("limited", limit, value, "build") for value in values}
    assert {value: wrong for value, (_, wrong) in ended.items() if wrong} == {}
    assert {how for how, _ in ended.values()} == {"refused", "published"}


def test_an_unwritable_folder_is_an_error_and_its_index_still_answers(writers, tmp_path):
    disk = Disk(writers, tmp_path)
    disk.restore()
    disk.folder.chmod(0o500)
    if os.access(disk.folder, os.W_OK):
        pytest.skip("this user may write anywhere")
    ended = writers.run("build", disk.guide, disk.folder)
    disk.folder.chmod(0o700)
    assert ended.status == REFUSED
    assert "--index" in ended.output
    assert scene.edition_in(disk.folder) == OLD
