"""Test that a writer killed at any moment leaves the old generation or the new one."""

from __future__ import annotations

import random
import shutil
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from tests.durability import scene
from tests.durability.writers import KILL
from tests.sizes import LONG, size


@dataclass(slots=True)
class Tally:
    """The number of killed writers, the editions found after them, and the errors."""

    killed: int = 0
    old: int = 0
    new: int = 0
    unfinished: int = 0
    seconds: list[float] = field(default_factory=list)
    bad: list[str] = field(default_factory=list)


def kill_writers(writers, world: Path, job: str, times: int) -> Tally:
    """Kill writers, each at a random moment, and check what each left.

    A broken writer is killed only until the first error is found.
    """
    rng = random.Random(times)
    folder, guide = world / "index", world / "guide"
    tally = Tally()
    current = 1
    writers.run("build", scene.write_guide(guide, current), folder)
    started = time.perf_counter()
    for _ in range(3):
        current += 1
        writers.run(job, scene.write_guide(guide, current), folder)
    life = (time.perf_counter() - started) / 3
    while tally.killed < times and (job == "build" or not tally.bad):
        scene.write_guide(guide, current + 1)
        moment = rng.uniform(0, life)
        ended = writers.run(job, guide, folder, kill_after=moment)
        tally.killed += ended.status == -KILL
        tally.unfinished += bool(scene.debris_in(folder))
        started = time.perf_counter()
        wrong, edition = "", scene.NO_INDEX
        try:
            edition = scene.edition_in(folder)
        except scene.Bad as bad:
            wrong = str(bad)
        tally.seconds.append(time.perf_counter() - started)
        if not wrong and (
            edition not in {current, current + 1} or not (ended.status or edition > current)
        ):
            wrong = f"edition {edition}"
        if wrong:
            tally.bad.append(f"killed after {moment:.4f} s: {wrong}")
            shutil.rmtree(folder)
            writers.run("build", guide, folder)
            edition = current + 1
        tally.old += edition == current
        tally.new += edition != current
        current = edition
    return tally


def test_a_killed_writer_leaves_the_old_generation_or_the_new_one(writers, tmp_path):
    tally = kill_writers(writers, tmp_path, "build", size(20, 500))
    ready = float(np.percentile(tally.seconds, 95))
    scene.figures.info(
        "%d killed, %d left unfinished, %d old and %d new served, %d bad, ready in %.2f s (p95)",
        *(tally.killed, tally.unfinished, tally.old, tally.new, len(tally.bad), ready),
    )
    assert tally.bad == []
    assert ready <= scene.READY or not LONG
    assert tally.old
    assert tally.unfinished, "at least one kill interrupted the writing"
    writers.run("build", scene.write_guide(tmp_path / "guide", 0), tmp_path / "index")
    assert scene.debris_in(tmp_path / "index") == []


def test_a_writer_that_works_in_place_is_caught_when_it_is_killed(writers, tmp_path):
    assert kill_writers(writers, tmp_path, "in_place", size(40, 100)).bad


def test_a_writer_that_points_before_it_renames_is_caught_when_it_is_killed(writers, tmp_path):
    assert kill_writers(writers, tmp_path, "pointer_first", size(40, 100)).bad
