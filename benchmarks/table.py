"""What came of measuring both sides: a row for each goal, and the table that README shows.

Knows how a figure is compared with its goal. Must not know how it was measured.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

OURS = "ours"


@dataclass(frozen=True, slots=True)
class Goal:
    """What a figure has to be: so many times better than the best peer, or at most so much."""

    bound: float
    unit: str = ""
    """Of an absolute goal; empty where the goal is a ratio."""

    @property
    def is_ratio(self) -> bool:
        """Whether it is the best peer that is to be beaten."""
        return not self.unit

    def __str__(self) -> str:
        return f"≥ {self.bound:g} ×" if self.is_ratio else f"≤ {self.bound:g} {self.unit}"


@dataclass(frozen=True, slots=True)
class Row:
    """A measure of us and of the peers beside us, in one unit, and the goal for it."""

    name: str
    measure: str
    unit: str
    ours: float
    goal: Goal
    peers: dict[str, float] = field(default_factory=dict)
    more_is_better: bool = False

    def __post_init__(self) -> None:
        if self.goal.is_ratio and not self.peers:
            raise ValueError(f"{self.name} has a ratio for its goal and no peer to divide by")

    @property
    def best(self) -> str:
        """The peer that does best; empty where none was measured."""
        if not self.peers:
            return ""
        return (max if self.more_is_better else min)(self.peers, key=self.peers.__getitem__)

    @property
    def ratio(self) -> float | None:
        """How many times better than the best peer we are; None where that is not the goal."""
        if not self.goal.is_ratio:
            return None
        theirs = self.peers[self.best]
        return self.ours / theirs if self.more_is_better else theirs / self.ours

    @property
    def met(self) -> bool:
        """Whether the goal is reached, by the figures as measured and not as rounded."""
        ratio = self.ratio
        return self.ours <= self.goal.bound if ratio is None else ratio >= self.goal.bound

    def to_dict(self) -> dict[str, Any]:
        """The row as JSON types."""
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
    """The rows as a Markdown table, a column for each peer; the best peer's figure is bold."""
    peers = list(dict.fromkeys(peer for row in rows for peer in row.peers))
    lines = [["measured", "here", *peers, "against the best", "goal", "met"]]
    lines.append(["---"] * len(lines[0]))
    for row in rows:
        theirs = [_of_peer(row, peer) for peer in peers]
        # Rounded down, so that what just misses its goal does not read as having met it.
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
    """A figure with three digits that count, and no more after the point than they need."""
    if abs(figure) >= 100:
        return f"{figure:,.0f}"
    return f"{figure:.1f}" if abs(figure) >= 10 else f"{figure:.2f}"
