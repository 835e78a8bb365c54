"""The addresses that the server adds to an answer for browsers; a comparison leaves them out."""

from __future__ import annotations

from typing import Any


def drop_hrefs(value: Any) -> Any:
    """Return JSON types without the member `href`, at any depth."""
    if isinstance(value, dict):
        return {name: drop_hrefs(item) for name, item in value.items() if name != "href"}
    return [drop_hrefs(item) for item in value] if isinstance(value, list) else value
