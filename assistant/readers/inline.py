"""Collapse the white space of a run of inline text, and place its markup in the result."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, NamedTuple

from assistant.models.documents import Markup
from assistant.text.normalize import strip_invisible

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from assistant.models.documents import MarkupKind

MARKUP_TAGS: dict[str, MarkupKind] = {
    "b": "strong",
    "strong": "strong",
    "em": "emphasis",
    "i": "emphasis",
    "code": "code",
    "kbd": "code",
    "samp": "code",
    "tt": "code",
}
"""The kind of markup that an HTML element is."""

CELL_BORDER = " | "
"""What is between two cells in the text of a row."""


class PieceMarkup(NamedTuple):
    """Markup of a run: the number of its first piece, of the piece after its last, its kind."""

    first: int
    end: int
    kind: MarkupKind
    url: str = ""


def collapse_whitespace(text: str) -> str:
    """Return text with single spaces, without outer ones and invisible characters."""
    collapsed = " ".join(text.split())
    if collapsed.isascii() and collapsed.isprintable():  # nothing invisible in it
        return collapsed
    return " ".join(strip_invisible(text).split())


def collapse_pieces(
    pieces: Sequence[str], markup: Sequence[PieceMarkup]
) -> tuple[str, tuple[Markup, ...]]:
    """Collapse the pieces of a run to one text, in linear time; return where its markup is.

    Markup without a word is left out.
    """
    if not markup:
        return collapse_whitespace("".join(pieces)), ()
    edges = {edge for item in markup for edge in (item.first, item.end)}
    starts: dict[int, int] = {}  # by edge: where the next word begins
    ends: dict[int, int] = {}  # by edge: where the last word ended
    texts: list[str] = []
    waiting: list[int] = []  # the edges that no word has followed
    length, has_gap = 0, False
    for edge, following in itertools.pairwise(sorted({*edges, 0, len(pieces)})):
        ends[edge] = length
        waiting.append(edge)
        part = strip_invisible("".join(pieces[edge:following]))
        words = " ".join(part.split())
        if not words:
            has_gap = has_gap or bool(part)
            continue
        if length and (has_gap or part[0].isspace()):
            words = f" {words}"
        for before in waiting:
            starts[before] = length + (words[0] == " ")
        waiting.clear()
        texts.append(words)
        length += len(words)
        has_gap = part[-1].isspace()
    for edge in edges - starts.keys():
        starts[edge] = length
    for edge in edges - ends.keys():
        ends[edge] = length
    placed = (
        Markup(starts[item.first], ends[item.end], item.kind, item.url)
        for item in markup
        if starts[item.first] < ends[item.end]
    )
    return "".join(texts), sort_markup(placed)


def sort_markup(markup: Iterable[Markup]) -> tuple[Markup, ...]:
    """Return markup in order; what contains others comes before them."""
    return tuple(sorted(markup, key=lambda item: (item.start, -item.end)))


def move_markup(markup: Iterable[Markup], offset: int) -> Iterator[Markup]:
    """Yield markup at its place in a longer text."""
    for start, end, kind, url in markup:
        yield Markup(start + offset, end + offset, kind, url)


def slice_markup(markup: Iterable[Markup], start: int, end: int) -> Iterator[Markup]:
    """Yield the markup of a part of a text; a link is left out unless all of it is in the part."""
    for item in markup:
        first, last = max(item.start, start), min(item.end, end)
        is_whole = (first, last) == (item.start, item.end)
        if is_whole or (first < last and item.kind != "link"):
            yield Markup(first - start, last - start, item.kind, item.url)


def join_cells(
    cells: Iterable[tuple[str, Iterable[Markup]]],
) -> tuple[str, tuple[Markup, ...]]:
    """Join the texts of cells to that of a row; return it with the markup of all, and the cells.

    An empty cell has no text and no border, but its place.
    """
    text = ""
    markup: list[Markup] = []
    for words, inside in cells:
        start = len(text)
        if words:
            text += f"{CELL_BORDER}{words}" if text else words
            start = len(text) - len(words)
        markup.append(Markup(start, len(text), "cell"))
        markup += move_markup(inside, start)
    return text, tuple(markup)
