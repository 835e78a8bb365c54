"""Test that a long run of publishing and reading uses no more resources at its end."""

from __future__ import annotations

import pytest

from tests.durability import scene
from tests.sizes import size

MEGABYTE = 1 << 20


def find_growth(observed: list[list[int]]) -> list[str]:
    """List what grew in the second half of a run: open files, memory, generations on disk."""
    half = observed[len(observed) // 2 :]
    files, memory, generations = zip(*half, strict=True)
    quarter = len(half) // 2
    growth = {
        f"open files from {files[0]} to {files[-1]}": files[-1] > files[0],
        f"memory by {(max(memory[quarter:]) - max(memory[:quarter])) / MEGABYTE:.1f} MB": (
            max(memory[quarter:]) - max(memory[:quarter]) > 2 * MEGABYTE
        ),
        f"{max(generations)} generations on disk": max(generations) > 2,
    }
    return [name for name, grew in growth.items() if grew]


def run_updates(writers, tmp_path, keep_open: int) -> list[list[int]]:
    times = size(30, 200)
    guide = scene.write_guide(tmp_path / "guide", 0)
    ended = writers.run("update", times, keep_open, guide, tmp_path / "index")
    assert ended.status == 0, ended.output
    assert len(ended.output) == times
    return ended.output


def test_updates_leave_files_memory_and_disk_as_they_were(writers, tmp_path):
    observed = run_updates(writers, tmp_path, keep_open=0)
    scene.figures.info(
        "open files, bytes, generations: first %s, last %s", observed[9], observed[-1]
    )
    assert find_growth(observed) == []


def test_a_reader_that_keeps_indexes_open_is_caught(writers, tmp_path):
    result = " ".join(find_growth(run_updates(writers, tmp_path, keep_open=1)))
    assert "open files" in result
    assert "memory" in result


@pytest.mark.parametrize("column", range(3))
def test_growth_of_any_one_resource_is_detected(column):
    flat = [[10, 100 * MEGABYTE, 2] for _ in range(40)]
    assert find_growth(flat) == []
    for number, row in enumerate(flat):
        row[column] += number * (MEGABYTE if column == 1 else 1)
    assert len(find_growth(flat)) == 1
