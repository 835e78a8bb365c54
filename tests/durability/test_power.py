"""Test that a power loss during a publish leaves the old generation or the new one."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import pytest

from tests.durability import scene
from tests.durability.power import Recording
from tests.sizes import size

OLD, NEW = 2, 3


def record(writers, world: Path, *editions: int) -> Recording:
    """Record the publish of the last edition after the others."""
    beside = world / "disk"
    beside.mkdir()
    *before, last = editions
    for edition in before:
        writers.run("build", scene.write_guide(world / "guide", edition), beside / "index")
    guide = scene.write_guide(world / "guide", last)
    ended = writers.run("record", guide, beside / "index", world / "record")
    assert ended.status == 0, ended.output
    return Recording(world / "record")


def judge(recording: Recording, state, folder: Path, allowed: set[int]) -> str:
    """Return what is wrong with a state of the disk, or an empty string."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    recording.lay_out(state, folder)
    # Before the first pointer, a lost pointer looks the same as a missing one.
    damaged = None if scene.NO_INDEX in allowed else False
    try:
        edition = scene.edition_in(folder / "index", damaged=damaged)
    except scene.Bad as bad:
        return str(bad)
    return "" if edition in allowed else f"edition {edition}, not of {allowed}"


def allowed_after(recording: Recording, step: int, old: int, new: int) -> set[int]:
    """Return the allowed editions: the old before the pointer is replaced, the new at the end."""
    if step == len(recording.steps) - 1:
        return {new}
    pointer = "index/CURRENT"
    first, now = (recording.steps[n].tree.get(pointer) for n in (0, step))
    return {old} if first == now and old else {old, new}


def sample_states(recording: Recording, old: int, new: int, most: int):
    """Yield at most `most` states for each step, with the editions allowed in each."""
    rng = random.Random(1)
    for step in range(len(recording.steps)):
        states = list(recording.states(step, rng))
        allowed = allowed_after(recording, step, old, new)
        for state in rng.sample(states, min(most, len(states))):
            yield step, state, allowed


@pytest.mark.parametrize(
    ("editions", "most"),
    [((3,), 2), ((1, 2, 3), 2), ((3, 2, 3), 1)],
    ids=["the first", "a third", "one that is there already"],
)
def test_power_cut_at_any_step_of_a_publish_leaves_the_old_or_the_new(
    writers, tmp_path, editions, most
):
    """Each step has a number of sampled states, or all of them at full size."""
    recording = record(writers, tmp_path, *editions)
    old = editions[-2] if len(editions) > 1 else scene.NO_INDEX
    bad, count = [], 0
    for step, state, allowed in sample_states(recording, old, editions[-1], size(most, 10_000)):
        wrong = judge(recording, state, tmp_path / "after", allowed)
        count += 1
        if wrong:
            bad.append(f"step {step}: {wrong}")
        elif count % 20 == 0:
            ended = writers.run("build", tmp_path / "guide", tmp_path / "after" / "index")
            assert ended.status == 0, ended.output
            assert scene.edition_in(tmp_path / "after" / "index") == editions[-1]
            assert scene.debris_in(tmp_path / "after" / "index") == []
    scene.figures.info("%d steps, %d states, %d bad", len(recording.steps), count, len(bad))
    assert bad == []
    assert count >= 25 * most


def test_every_sync_of_a_publish_is_needed(writers, tmp_path):
    """Without any one sync, some state of the disk is bad, and the model finds it."""
    recording = record(writers, tmp_path, 1, OLD, NEW)
    assert len(recording.synced) > 10
    for left_out in recording.synced[:: size(8, 1)]:
        rng = random.Random(1)
        assert any(
            judge(recording, state, tmp_path / "after", allowed)
            for step in reversed(range(left_out, len(recording.steps)))
            for allowed in [allowed_after(recording, step, OLD, NEW)]
            for state in recording.states(step, rng, without=frozenset({left_out}))
        ), f"the sync at step {left_out} of {recording.steps[left_out].synced} changes nothing"


def test_a_writer_that_never_syncs_is_caught(writers, tmp_path):
    recording = record(writers, tmp_path, 1, OLD, NEW)
    rng = random.Random(1)
    last = len(recording.steps) - 1
    states = recording.states(last, rng, without=frozenset(recording.synced))
    assert any(judge(recording, state, tmp_path / "after", {OLD, NEW}) for state in states)
