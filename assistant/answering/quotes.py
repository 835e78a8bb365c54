"""Quotes: runs of a passage's sentences, with what they lean on and what they announce.

Knows which sentences cannot stand without a neighbour. Must not know what was asked.
Nothing here makes a sentence: a quote is a span of a passage.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from assistant.models.documents import Passage

LIST_KINDS = frozenset({"item", "row", "header"})
"""Kinds of sentences that are entries of a list or a table."""

_PROSE_KINDS = frozenset({"heading", "prose", "quote"})
_DEPENDENT_OPENING = re.compile(
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
        """The characters of the passage that are quoted."""
        sentences = self.passage.sentences
        return sentences[self.first].start, sentences[self.last].end

    @property
    def text(self) -> str:
        """The quoted characters."""
        start, end = self.span
        return self.passage.text[start:end]

    @property
    def lines(self) -> tuple[int, int]:
        """The lines of the file the quote stands on."""
        sentences = self.passage.sentences
        return sentences[self.first].lines[0], sentences[self.last].lines[1]


def body_positions(passage: Passage) -> list[int]:
    """Where the sentences stand that are not its heading."""
    return [n for n, sentence in enumerate(passage.sentences) if sentence.kind != "heading"]


def count_words(passage: Passage, positions: Iterable[int]) -> int:
    """How many words the sentences have together."""
    return sum(len(passage.slice(passage.sentences[n]).split()) for n in positions)


def adjacent_block(passage: Passage, position: int, step: int) -> list[int]:
    """What stands next to a sentence, to be taken as a whole: the next one, or a whole list.

    From inside a list or a table its entries are taken one by one.
    """
    first = position + step
    if not 0 <= first < len(passage.sentences) or passage.sentences[first].kind == "heading":
        return []
    found = [first]
    kind = _block_kind(passage, first)
    if kind != "running" and kind != _block_kind(passage, position):
        while _block_kind(passage, found[-1] + step) == kind:
            found.append(found[-1] + step)
    return found


def _block_kind(passage: Passage, position: int) -> str:
    """What a sentence is part of; empty beyond the passage's ends."""
    if not 0 <= position < len(passage.sentences):
        return ""
    kind = passage.sentences[position].kind
    if kind in _PROSE_KINDS:
        return "running"
    return "table" if kind in {"row", "header"} else kind


def group_into_quotes(passage: Passage, kept: Iterable[int]) -> list[Quote]:
    """The sentences as quotes, neighbours as one, with what they lean on and announce."""
    quotes: list[Quote] = []
    for position in _add_announced(passage, _add_antecedents(passage, kept)):
        if quotes and quotes[-1].last == position - 1:
            quotes[-1] = Quote(passage, quotes[-1].first, position)
        else:
            quotes.append(Quote(passage, position, position))
    return quotes


def _add_antecedents(passage: Passage, kept: Iterable[int]) -> list[int]:
    """The sentences with those before them that their first words lean on."""
    wanted = set(kept)
    for position in sorted(wanted):
        before = position
        while before > 0 and _DEPENDENT_OPENING.match(passage.slice(passage.sentences[before])):
            before -= 1
            wanted.add(before)
    return sorted(wanted)


def _add_announced(passage: Passage, kept: Sequence[int]) -> list[int]:
    """The sentences, and after one that ends with a colon the whole list, table or code."""
    wanted = set(kept)
    for position in kept:
        if passage.slice(passage.sentences[position]).endswith(":"):
            after = adjacent_block(passage, position, 1)
            if after and _block_kind(passage, after[0]) != "running":
                wanted.update(after)
    return sorted(wanted)
