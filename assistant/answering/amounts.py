"""Whether passages contain an amount: what a question of how much, how long or when asks for."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_NEAR_BEST_RATIO = 0.8
"""A sentence counts where its score is at least this share of the highest."""

_AMOUNT = re.compile(
    r"\d|\b(?:two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|(?:twen|thir|for|fif|six|seven|eigh|nine)ty|"
    r"(?:thir|four|fif|six|seven|eigh|nine)teen(?:th)?|dozens?|hundreds?|thousands?|millions?|billions?|half|third|quarter|twice|few|several|none|free|"
    r"unlimited|percent|seconds?|minutes?|hours?|days?|weeks?|months?|years?|decades?|century|centuries)\b",
    re.I,
)


def has_amount(sentences: Iterable[tuple[str, float]]) -> bool:
    """Whether one of the sentences with the highest scores has a number, a date or a duration."""
    scored = list(sentences)
    highest = max((score for _, score in scored), default=0.0)
    return any(
        score >= _NEAR_BEST_RATIO * highest and _AMOUNT.search(text) for text, score in scored
    )
