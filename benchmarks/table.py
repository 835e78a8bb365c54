"""The results of both sides: a row for each goal, and the table in README.

This module compares figures with goals; it does not know how they were measured.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

OURS = "ours"


@dataclass(frozen=True, slots=True)
class Goal:
    """The bound of a figure: a ratio to the best peer, or a largest value.

    `unit` is that of a largest value, and empty for a ratio.
    """

    bound: float
    unit: str = ""

    @property
    def is_ratio(self) -> bool:
        """Whether the goal is a ratio to the best peer."""
        return not self.unit

    def __str__(self) -> str:
        return f"≥ {self.bound:g} ×" if self.is_ratio else f"≤ {self.bound:g} {self.unit}"


@dataclass(frozen=True, slots=True)
class Row:
    """One measure of us and of the peers, in one unit, and its goal."""

    name: str
    measure: str
    unit: str
    ours: float
    goal: Goal
    peers: dict[str, float] = field(default_factory=dict)
    more_is_better: bool = False

    def __post_init__(self) -> None:
        if self.goal.is_ratio and not self.peers:
            raise ValueError(f"{self.name} has a ratio as its goal and no peer")

    @property
    def best(self) -> str:
        """The best peer; empty where none was measured."""
        if not self.peers:
            return ""
        return (max if self.more_is_better else min)(self.peers, key=self.peers.__getitem__)

    @property
    def ratio(self) -> float | None:
        """How many times better we are than the best peer; None where the goal is no ratio."""
        if not self.goal.is_ratio:
            return None
        theirs = self.peers[self.best]
        return self.ours / theirs if self.more_is_better else theirs / self.ours

    @property
    def met(self) -> bool:
        """Whether the goal is reached, by the figures before rounding."""
        ratio = self.ratio
        return self.ours <= self.goal.bound if ratio is None else ratio >= self.goal.bound

    def to_dict(self) -> dict[str, Any]:
        """Return the row as JSON types."""
        return {
            "name": self.name,
            "measure": self.measure,
            "unit": self.unit,
            OURS: self.ours,
            "peers": self.peers,
            "best peer": self.best,
            "ratio": self.ratio,
            "goal": str(self.goal),
            "met": self.met,
        }


def markdown(rows: list[Row]) -> str:
    """Render the rows as a Markdown table, a column for each peer; the best figure is bold."""
    peers = list(dict.fromkeys(peer for row in rows for peer in row.peers))
    lines = [["measured", "here", *peers, "against the best", "goal", "met"]]
    lines.append(["---"] * len(lines[0]))
    for row in rows:
        theirs = [_of_peer(row, peer) for peer in peers]
        # Rounded down, so that a ratio just below its goal does not look as if it met the goal.
        ratio = "–" if row.ratio is None else f"{math.floor(row.ratio * 100) / 100:g} ×"
        ours = f"{shown(row.ours)} {row.unit}"
        met = "yes" if row.met else "**no**"
        lines.append([row.measure, ours, *theirs, ratio, str(row.goal), met])
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def _of_peer(row: Row, peer: str) -> str:
    if peer not in row.peers:
        return ""
    figure = shown(row.peers[peer])
    return f"**{figure}**" if peer == row.best else figure


def shown(figure: float) -> str:
    """Format a figure with three significant digits."""
    if abs(figure) >= 100:
        return f"{figure:,.0f}"
    return f"{figure:.1f}" if abs(figure) >= 10 else f"{figure:.2f}"
