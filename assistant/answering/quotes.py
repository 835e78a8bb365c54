"""Quotes: verbatim runs of a passage's sentences, with the neighbours they need."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from assistant.models.documents import Passage

_REFERS_BACK = re.compile(
    r"^(?:[\"“(]?)(?:this|that|these|those|it|its|they|their|them|he|she|his|her|such|both|here|another|"
    r"then|however|but|and|or|so|also|instead|otherwise|in contrast|the same|as such)\b",
    re.I,
)


_MARKER = re.compile(r"\s*(?:[-*+•]|\(?[0-9A-Za-z]{1,4}[.)])\s+")


@dataclass(frozen=True, slots=True)
class Quote:
    """A run of a passage's sentences, `first` to `last` inclusive.

    `highlights` are the numbers of the sentences that decide; empty where all count the same.
    """

    passage: Passage
    first: int
    last: int
    highlights: tuple[int, ...] = ()

    @property
    def span(self) -> tuple[int, int]:
        """The start and end of the quote in the passage's text, with its first item's marker."""
        passage = self.passage
        first = passage.sentences[self.first]
        start = first.start
        if first.kind == "item":
            line = passage.text.rfind("\n", 0, start) + 1
            marker = passage.text[line:start]
            start -= len(marker.lstrip()) if _MARKER.fullmatch(marker) else 0
        return start, passage.sentences[self.last].end

    @property
    def text(self) -> str:
        """The quoted text."""
        start, end = self.span
        return self.passage.text[start:end]

    @property
    def lines(self) -> tuple[int, int]:
        """The first and last line of the quote in the file."""
        sentences = self.passage.sentences
        return sentences[self.first].lines[0], sentences[self.last].lines[1]


def body_positions(passage: Passage) -> list[int]:
    """List the positions of the sentences that are not its heading."""
    return [n for n, sentence in enumerate(passage.sentences) if sentence.kind != "heading"]


def refers_back(text: str) -> bool:
    """Whether the first words of a sentence refer to the one before it."""
    return bool(_REFERS_BACK.match(text))


def count_words(quotes: Iterable[Quote]) -> int:
    """Count the words of quotes; the bars between cells are none."""
    return sum(len(quote.text.replace("|", " ").split()) for quote in quotes)


def join_quotes(quotes: Iterable[Quote]) -> list[Quote]:
    """Return the quotes in order; those of one passage that overlap become one."""
    joined: list[Quote] = []
    for quote in quotes:
        overlapping = [other for other in joined if _overlap(quote, other)]
        if not overlapping:
            joined.append(quote)
            continue
        united = reduce(_unite, overlapping, quote)
        joined = [
            united if other is overlapping[0] else other
            for other in joined
            if other is overlapping[0] or other not in overlapping
        ]
    return joined


def add_headers(
    quotes: Sequence[Quote], find_passage: Callable[[str, str], Passage | None]
) -> list[Quote]:
    """Quote the header of a table too, where only rows from its later passages are quoted.

    The header is quoted from where it stands, so that it can be proven like any other quote.
    `find_passage` returns a passage by its page and its id.
    """
    shown = {(quote.passage.id, n) for quote in quotes for n in range(quote.first, quote.last + 1)}
    added: list[Quote] = []
    for quote in quotes:
        passage = quote.passage
        for group in passage.groups:
            is_quoted = group.first <= quote.last and quote.first <= group.last
            if not is_quoted or not group.header:
                continue
            number, sentence = group.header
            header_id = f"{passage.id.rpartition('/')[0]}/{number}"
            if header_id == passage.id or (header_id, sentence) in shown:
                continue
            shown.add((header_id, sentence))
            if header := find_passage(passage.path, header_id):
                added.append(Quote(header, sentence, sentence))
        added.append(quote)
    return added


def _overlap(one: Quote, other: Quote) -> bool:
    same = one.passage.id == other.passage.id
    return same and one.first <= other.last and other.first <= one.last


def _unite(one: Quote, other: Quote) -> Quote:
    return Quote(
        one.passage,
        min(one.first, other.first),
        max(one.last, other.last),
        tuple(sorted({*one.highlights, *other.highlights})),
    )
