"""Find the amounts in a text, in units that can be compared."""

from __future__ import annotations

import re
from typing import NamedTuple


class Amount(NamedTuple):
    """A number in the base unit of its dimension: seconds for a time, metres for a length.

    `dimension` is empty for a number without a unit, and the unit itself where it is another one.
    `number` is as it is written.
    """

    value: float
    dimension: str
    number: float


_UNITS: dict[str, tuple[float, str]] = {
    **{unit: (size, "time") for unit, size in {
        "ms": 0.001, "millisecond": 0.001, "s": 1, "sec": 1, "second": 1, "min": 60, "minute": 60,
        "h": 3600, "hr": 3600, "hour": 3600, "day": 86400, "night": 86400, "week": 604800,
        "fortnight": 1209600, "month": 2629800, "quarter": 7889400, "year": 31557600,
    }.items()},
    **{unit: (size, "length") for unit, size in {
        "mm": 0.001, "cm": 0.01, "m": 1, "metre": 1, "meter": 1, "km": 1000, "kilometre": 1000,
        "kilometer": 1000, "inch": 0.0254, "foot": 0.3048, "feet": 0.3048, "ft": 0.3048,
        "mile": 1609.344,
    }.items()},
    **{unit: (size, "weight") for unit, size in {
        "mg": 0.000001, "g": 0.001, "gram": 0.001, "kg": 1, "kilo": 1, "kilogram": 1, "t": 1000,
        "ton": 1000, "tonne": 1000, "lb": 0.4536, "pound": 0.4536,
    }.items()},
    **{unit: (size, "bytes") for unit, size in {
        "byte": 1, "kb": 1e3, "kib": 1024, "mb": 1e6, "mib": 2**20, "gb": 1e9, "gib": 2**30,
        "tb": 1e12, "tib": 2**40,
    }.items()},
    "%": (1, "%"), "percent": (1, "%"),
    "$": (1, "money"), "€": (1, "money"), "£": (1, "money"), "dollar": (1, "money"),
    "euro": (1, "money"), "eur": (1, "money"), "usd": (1, "money"), "gbp": (1, "money"),
    "cent": (0.01, "money"), "crown": (1, "money"), "franc": (1, "money"), "chf": (1, "money"),
}  # fmt: skip
_NUMBER_WORDS = {
    word: n
    for n, word in enumerate(
        "zero one two three four five six seven eight nine ten eleven twelve".split()
    )
} | {"no": 0, "none": 0, "free": 0, "half": 0.5, "a": 1, "an": 1}
_NUMBER = re.compile(
    r"(?<![\w.,-])(?P<currency>[$€£])? ?"
    r"(?P<number>\d{1,3}(?:[,\u202f\u00a0]\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|"
    r"(?:zero|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|half|none|free|"
    r"an?(?= (?:second|minute|hour|day|week|fortnight|month|quarter|year)\b))\b)"
    r"(?:[ \u00a0-]?(?P<unit>[^\W\d_]+|[%€$£]))?",
    re.I,
)


def find_amounts(text: str, *, in_words: bool = True) -> list[Amount]:
    """Find the amounts in a text, in order; those written in words too, unless left out."""
    matches = _NUMBER.finditer(text)
    return [_read_amount(m) for m in matches if in_words or m["number"][0].isdigit()]


def _read_amount(match: re.Match[str]) -> Amount:
    number = match["number"].lower()
    for separator in ",\u202f\u00a0":
        number = number.replace(separator, "")
    value = _NUMBER_WORDS[number] if number in _NUMBER_WORDS else float(number)
    if match["number"].lower() in {"none", "free"}:
        return Amount(value, "", value)
    unit = (match["currency"] or match["unit"] or "").lower()
    singular = unit if unit in _UNITS else unit.removesuffix("s")
    size, dimension = _UNITS.get(singular, (1, singular))
    return Amount(value * size, dimension, value)
