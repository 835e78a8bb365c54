"""Decide by its front matter and its folder whether a page is published."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from assistant.errors import GuideError

if TYPE_CHECKING:
    from assistant.guide.front_matter import FrontMatter

_DRAFT_FOLDER = "_drafts"
_TRUE, _FALSE = frozenset({"true", "yes", "on"}), frozenset({"false", "no", "off"})

# Keys of front matter in lower case, with the values by which a page is left out.
_SWITCHES = {
    "draft": _TRUE,
    "published": _FALSE,
    "publish": _FALSE,
    "search.exclude": _TRUE,
    "search_exclude": _TRUE,
}
_FIRST_DAYS = ("publishdate", "pubdate", "published")
_LAST_DAYS = ("expirydate", "unpublishdate")


class DraftError(GuideError):
    """A page is not published, and so not read."""


def find_reason_unpublished(front_matter: FrontMatter, path: str, today: date) -> str:
    """Return why a page is not published; empty where it is."""
    if _DRAFT_FOLDER in PurePosixPath(path).parts[:-1]:
        return f"it is in {_DRAFT_FOLDER}"
    metadata = {str(key).lower(): value for key, value in front_matter.metadata.items()}
    search = metadata.get("search")
    if isinstance(search, dict):
        metadata["search.exclude"] = search.get("exclude")
    for key, values in _SWITCHES.items():
        value = str(metadata.get(key, "")).strip().lower()
        if value in values:
            return f"{key}: {value}"
    for key in _FIRST_DAYS:
        day = _parse_day(metadata.get(key))
        if day and day > today:
            return f"it is published on {day}"
    for key in _LAST_DAYS:
        day = _parse_day(metadata.get(key))
        if day and day <= today:
            return f"it expired on {day}"
    return ""


def _parse_day(value: object) -> date | None:
    """Return the day of a date in YAML, which is text, or in TOML; None where there is none."""
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(str(value).strip()[:10])
    except ValueError:
        return None
