"""Ranges in the first column of a table: the row "5 to 9" is for 6 years."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, NamedTuple

from assistant.answering.amounts import find_amounts
from assistant.readers.inline import CELL_BORDER

if TYPE_CHECKING:
    from collections.abc import Sequence

    from assistant.answering.amounts import Amount

_VALUE = r"(?:[$€£] ?|[A-Z]{3} )?\d[\d,.\u00a0]{0,12}(?: ?(?:[%$€£]|[a-z]{1,12}))?"
_TO = r"(?: to | and | until | ?[-–—] ?)"
_MORE = r"(?:\+|(?:or|and) (?:more|over|above|longer|older|up)|upwards)"
_RANGES = tuple(
    (re.compile(rf"^{pattern}$", re.I), kind)
    for pattern, kind in (
        (rf"(?:from |between )?(?P<low>{_VALUE}){_TO}(?P<high>{_VALUE})", "[]"),
        (rf"(?:up to|at most|no more than|until|≤|<=|max(?:imum)?) ?(?P<high>{_VALUE})", "[]"),
        (rf"(?:under|below|less than|fewer than|before|<) ?(?P<high>{_VALUE})", "[)"),
        (rf"(?:over|above|more than|after|>) ?(?P<low>{_VALUE})", "(]"),
        (rf"(?:from|at least|≥|>=|min(?:imum)?) ?(?P<low>{_VALUE})", "[]"),
        (rf"(?P<low>{_VALUE}) ?{_MORE}", "[]"),
    )
)
_THOUSANDS = re.compile(r"(?<=\d)k\b", re.I)
_YEARS = range(1900, 2100)
_MAX_LENGTH = 60  # of a cell that is a range


class Range(NamedTuple):
    """The numbers from `low` to `high`; the kind `[)` is without `high`, `(]` without `low`.

    `dimension` is that of both, empty for numbers without a unit, which are compared as written.
    """

    low: float
    high: float
    kind: str
    dimension: str

    def contains(self, amount: Amount) -> bool:
        """Whether an amount is in the range; never one of another dimension."""
        is_price = self.dimension == "money" and not amount.dimension  # "can I approve 10k?"
        if self.dimension not in {"", amount.dimension} and not is_price:
            return False
        value = amount.value if self.dimension else amount.number
        above = value > self.low if self.kind[0] == "(" else value >= self.low
        below = value < self.high if self.kind[1] == ")" else value <= self.high
        return above and below


def read_range(cell: str) -> Range | None:
    """Read a cell that is a range of numbers; None for any other."""
    plain = _THOUSANDS.sub("000", cell.strip(" *_`")) if len(cell) <= _MAX_LENGTH else ""
    for pattern, kind in _RANGES:
        if match := pattern.match(plain):
            ends = match.groupdict()
            low, high = (_read_value(ends.get(name)) for name in ("low", "high"))
            dimension = (high and high.dimension) or (low and low.dimension) or ""
            if low and high and not low.dimension and high.number:  # "5 to 9 years"
                low = low._replace(value=low.number * high.value / high.number)
            return Range(
                (low.value if dimension else low.number) if low else -math.inf,
                (high.value if dimension else high.number) if high else math.inf,
                kind,
                dimension,
            )
    return None


def _read_value(text: str | None) -> Amount | None:
    return next(iter(find_amounts(text)), None) if text else None


def find_numbers(text: str) -> list[Amount]:
    """Find the amounts of a text that are written in digits, without years; 10k is 10,000."""
    amounts = find_amounts(_THOUSANDS.sub("000", text), in_words=False)
    return [amount for amount in amounts if amount.dimension or amount.number not in _YEARS]


def has_range_with(row: str, amounts: Sequence[Amount]) -> bool:
    """Whether the first cell of a row is a range that contains one of some amounts."""
    own = read_range(row.split(CELL_BORDER, maxsplit=1)[0]) if amounts else None
    return own is not None and any(map(own.contains, amounts))
