"""The table of speeds says what was measured: a goal that is missed reads as missed."""

from __future__ import annotations

import pytest

from benchmarks.table import Goal, Row, markdown

PEERS = {"swift": 20.0, "slow": 80.0}


def row(ours: float, bound: float, *, more_is_better: bool = False) -> Row:
    return Row("row", "a thing", "ms", ours, Goal(bound), PEERS, more_is_better=more_is_better)


def cells(*rows: Row) -> list[list[str]]:
    """The cells of each row, without the head."""
    lines = markdown(list(rows)).splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_the_peer_to_beat_is_the_one_that_does_best():
    assert row(5.0, 4).best == "swift"
    assert row(5.0, 4).ratio == 20.0 / 5.0
    assert row(240.0, 3, more_is_better=True).best == "slow"
    assert row(240.0, 3, more_is_better=True).ratio == 240.0 / 80.0


@pytest.mark.parametrize(
    ("ours", "more_is_better", "met"),
    [(5.0, False, True), (5.01, False, False), (320.0, True, True), (319.0, True, False)],
)
def test_a_goal_is_met_exactly_from_its_bound_on(ours, more_is_better, met):
    assert row(ours, 4, more_is_better=more_is_better).met is met


def test_what_just_misses_its_goal_does_not_read_as_met():
    ((*_, ratio, goal, met),) = cells(row(5.001, 4))
    assert (ratio, goal, met) == ("3.99 ×", "≥ 4 ×", "**no**")


def test_where_a_peer_beats_us_the_ratio_is_below_one():
    ((*_, ratio, _, met),) = cells(row(25.0, 4))
    assert (ratio, met) == ("0.8 ×", "**no**")


def test_an_absolute_goal_has_no_ratio_and_needs_no_peer():
    alone = Row("row", "memory", "MB", 201.0, Goal(200, "MB"))
    beside = Row("row", "time", "s", 1.1, Goal(1.2, "s"), {"swift": 0.5})
    assert [line[-3:] for line in cells(alone, beside)] == [
        ["–", "≤ 200 MB", "**no**"],
        ["–", "≤ 1.2 s", "yes"],
    ]


def test_every_peer_has_its_column_and_the_best_is_bold():
    other = Row("row", "another", "s", 1.0, Goal(2), {"third": 3.0})
    head = markdown([row(5.0, 4), other]).splitlines()[0]
    assert [cell.strip() for cell in head.strip("|").split("|")][2:5] == ["swift", "slow", "third"]
    first, second = cells(row(5.0, 4), other)
    assert first[2:5] == ["**20.0**", "80.0", ""]
    assert second[2:5] == ["", "", "**3.00**"]


def test_a_ratio_without_a_peer_is_a_mistake():
    with pytest.raises(ValueError, match="no peer"):
        Row("row", "a thing", "ms", 5.0, Goal(4))
