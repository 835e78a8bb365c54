"""Publishing and reading for long costs no more at the end than at the start."""

from __future__ import annotations

import pytest

from tests.durability import scene
from tests.sizes import size

MEGABYTE = 1 << 20


def grown(observed: list[list[int]]) -> list[str]:
    """What grew over the second half of a long run: open files, memory, generations on disk."""
    half = observed[len(observed) // 2 :]
    files, memory, generations = zip(*half, strict=True)
    quarter = len(half) // 2
    result = {
        f"open files from {files[0]} to {files[-1]}": files[-1] > files[0],
        f"memory by {(max(memory[quarter:]) - max(memory[:quarter])) / MEGABYTE:.1f} MB": (
            max(memory[quarter:]) - max(memory[:quarter]) > 2 * MEGABYTE
        ),
        f"{max(generations)} generations on disk": max(generations) > 2,
    }
    return [what for what, grew in result.items() if grew]


def run(writers, tmp_path, stored: int) -> list[list[int]]:
    times = size(30, 200)
    guide = scene.write_guide(tmp_path / "guide", 0)
    ended = writers.run("update", times, stored, guide, tmp_path / "index")
    assert ended.status == 0, ended.text
    assert len(ended.text) == times
    return ended.text


def test_updates_leave_files_memory_and_disk_as_they_were(writers, tmp_path):
    observed = run(writers, tmp_path, stored=0)
    scene.figures.info(
        "open files, bytes, generations: first %s, last %s", observed[9], observed[-1]
    )
    assert grown(observed) == []


def test_a_reader_that_keeps_what_it_opened_is_caught(writers, tmp_path):
    result = " ".join(grown(run(writers, tmp_path, stored=1)))
    assert "open files" in result
    assert "memory" in result


@pytest.mark.parametrize("column", range(3))
def test_growth_in_any_one_respect_is_seen(column):
    flat = [[10, 100 * MEGABYTE, 2] for _ in range(40)]
    assert grown(flat) == []
    for number, row in enumerate(flat):
        row[column] += number * (MEGABYTE if column == 1 else 1)
    assert len(grown(flat)) == 1
