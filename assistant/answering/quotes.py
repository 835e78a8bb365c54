"""Quotes: verbatim runs of a passage's sentences, with the neighbours they need."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from assistant.models.documents import Passage

LIST_KINDS = frozenset({"item", "row", "header"})
"""The kinds of sentences that are entries of a list or a table."""

_PROSE_KINDS = frozenset({"heading", "prose", "quote"})
_REFERS_BACK = re.compile(
    r"^(?:[\"“(]?)(?:this|that|these|those|it|its|they|their|them|he|she|his|her|such|both|here|another|"
    r"then|however|but|and|or|so|also|instead|otherwise|in contrast|the same|as such)\b",
    re.I,
)


@dataclass(frozen=True, slots=True)
class Quote:
    """A run of a passage's sentences, `first` to `last` inclusive."""

    passage: Passage
    first: int
    last: int

    @property
    def span(self) -> tuple[int, int]:
        """The start and end of the quote in the passage's text."""
        sentences = self.passage.sentences
        return sentences[self.first].start, sentences[self.last].end

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


def count_words(passage: Passage, positions: Iterable[int]) -> int:
    """Count the words of some sentences."""
    return sum(len(passage.slice(passage.sentences[n]).split()) for n in positions)


def adjacent_block(passage: Passage, position: int, step: int) -> list[int]:
    """List the positions of what is next to a sentence: one sentence, or a whole list or table.

    From inside a list or a table it takes the entries one by one.
    """
    first = position + step
    if not 0 <= first < len(passage.sentences) or passage.sentences[first].kind == "heading":
        return []
    positions = [first]
    kind = _block_kind(passage, first)
    if kind != "prose" and kind != _block_kind(passage, position):
        while _block_kind(passage, positions[-1] + step) == kind:
            positions.append(positions[-1] + step)
    return positions


def _block_kind(passage: Passage, position: int) -> str:
    """Return the kind of block a sentence is part of; empty beyond the passage's ends."""
    if not 0 <= position < len(passage.sentences):
        return ""
    kind = passage.sentences[position].kind
    if kind in _PROSE_KINDS:
        return "prose"
    return "table" if kind in {"row", "header"} else kind


def group_into_quotes(passage: Passage, positions: Iterable[int]) -> list[Quote]:
    """Group sentences into quotes, neighbours into one.

    Adds the sentences that they refer back to, and the lists that they introduce.
    """
    quotes: list[Quote] = []
    for position in _add_introduced(passage, _add_antecedents(passage, positions)):
        if quotes and quotes[-1].last == position - 1:
            quotes[-1] = Quote(passage, quotes[-1].first, position)
        else:
            quotes.append(Quote(passage, position, position))
    return quotes


def _add_antecedents(passage: Passage, positions: Iterable[int]) -> list[int]:
    """Add the sentences before some sentences that their first words refer to."""
    extended = set(positions)
    for position in sorted(extended):
        before = position
        while before > 0 and _REFERS_BACK.match(passage.slice(passage.sentences[before])):
            before -= 1
            extended.add(before)
    return sorted(extended)


def _add_introduced(passage: Passage, positions: Sequence[int]) -> list[int]:
    """Add the whole list, table or code after a sentence that ends with a colon."""
    extended = set(positions)
    for position in positions:
        if passage.slice(passage.sentences[position]).endswith(":"):
            after = adjacent_block(passage, position, 1)
            if after and _block_kind(passage, after[0]) != "prose":
                extended.update(after)
    return sorted(extended)
