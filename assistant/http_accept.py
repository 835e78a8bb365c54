"""Parse Accept headers and choose the media type of a response (RFC 9110, 12.5)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.request import parse_http_list

if TYPE_CHECKING:
    from collections.abc import Sequence

EVENT_STREAM = "text/event-stream"
HTML = "text/html"
JSON = "application/json"

_MAX_ITEMS = 50  # of one header; browsers and programs send a handful
_QUALITY = re.compile(r"0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?")


def parse_accept(header: str) -> list[tuple[str, float]]:
    """List the items of an Accept header in lower case with their qualities, in its order.

    Parameters other than `q` are left out. An item whose quality is malformed is left out too.
    """
    items = []
    for item in parse_http_list(header)[:_MAX_ITEMS]:
        name, *parameters = (part.strip().lower() for part in item.split(";"))
        pairs = (parameter.partition("=") for parameter in parameters)
        qualities = [value.strip() for key, _, value in pairs if key.strip() == "q"]
        quality = ",".join(qualities or ["1"])
        if name and _QUALITY.fullmatch(quality):
            items.append((name, float(quality)))
    return items


def choose_media_type(header: str, media_types: Sequence[str]) -> str:
    """Choose the available media type that a client prefers; empty where it accepts none.

    The most specific range that names a type decides its quality, and 0 excludes it. Of equal
    qualities the type that is named more exactly wins, then the first of `media_types`, which is
    also the choice where there is no header.
    """
    ranges = parse_accept(header)
    if not header.strip():
        return media_types[0]
    rated = [(_media_type_quality(ranges, kind), kind) for kind in media_types]
    (quality, _), best = max(rated, key=lambda item: item[0])  # the first of equals
    return best if quality else ""


def _media_type_quality(ranges: Sequence[tuple[str, float]], kind: str) -> tuple[float, int]:
    """Return the quality of a media type, and how exactly it is named: 2 by name, 0 by `*/*`."""
    names = {"*": 0, "*/*": 0, f"{kind.partition('/')[0]}/*": 1, kind: 2}
    matches = [(names[name], quality) for name, quality in ranges if name in names]
    specificity, quality = max(matches, default=(0, 0.0))
    return quality, specificity
