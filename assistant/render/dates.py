"""Write dates in the words of a reader's language."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import date

    from assistant.render.catalogue import Messages


def format_date(day: date, messages: Messages) -> str:
    """Write a date out, like 30 November 2026."""
    month = messages("months").split()[day.month - 1]
    return messages("date_words", day=day.day, month=month, year=day.year)
