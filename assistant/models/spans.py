"""Nest the spans of a text as elements of HTML are nested."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from assistant.models.answers import Span, SpanStyle

_TAGS: dict[SpanStyle, str] = {"code": "code", "emphasis": "em", "strong": "strong"}


def group_links(spans: Iterable[Span]) -> Iterator[tuple[str, list[Span]]]:
    """Yield the address of each link with its spans; an empty one for the text between links."""
    for url, group in groupby(spans, key=lambda span: span.url):
        yield url, list(group)


def wrap_styles(span: Span, content: str) -> str:
    """Put the HTML of a span into the elements of its styles."""
    for style, tag in _TAGS.items():
        if style in span.styles:
            content = f"<{tag}>{content}</{tag}>"
    return content
