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

LISTED = frozenset({"item", "row", "header"})
"""Kinds of sentences that are entries of a list or a table."""

_RUNNING = frozenset({"heading", "prose", "quote"})
_LEANS = re.compile(
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


def body(passage: Passage) -> list[int]:
    """Where the sentences stand that are not its heading."""
    return [n for n, sentence in enumerate(passage.sentences) if sentence.kind != "heading"]


def words_in(passage: Passage, positions: Iterable[int]) -> int:
    """How many words the sentences have together."""
    return sum(len(passage.slice(passage.sentences[n]).split()) for n in positions)


def beside(passage: Passage, position: int, step: int) -> list[int]:
    """What stands next to a sentence, to be taken as a whole: the next one, or a whole list.

    From inside a list or a table its entries are taken one by one.
    """
    first = position + step
    if not 0 <= first < len(passage.sentences) or passage.sentences[first].kind == "heading":
        return []
    found = [first]
    kind = _family(passage, first)
    if kind != "running" and kind != _family(passage, position):
        while _family(passage, found[-1] + step) == kind:
            found.append(found[-1] + step)
    return found


def _family(passage: Passage, position: int) -> str:
    """What a sentence is part of; empty beyond the passage's ends."""
    if not 0 <= position < len(passage.sentences):
        return ""
    kind = passage.sentences[position].kind
    if kind in _RUNNING:
        return "running"
    return "table" if kind in {"row", "header"} else kind


def runs(passage: Passage, kept: Iterable[int]) -> list[Quote]:
    """The sentences as quotes, neighbours as one, with what they lean on and announce."""
    quotes: list[Quote] = []
    for position in _with_announced(passage, _with_antecedents(passage, kept)):
        if quotes and quotes[-1].last == position - 1:
            quotes[-1] = Quote(passage, quotes[-1].first, position)
        else:
            quotes.append(Quote(passage, position, position))
    return quotes


def _with_antecedents(passage: Passage, kept: Iterable[int]) -> list[int]:
    """The sentences with those before them that their first words lean on."""
    wanted = set(kept)
    for position in sorted(wanted):
        before = position
        while before > 0 and _LEANS.match(passage.slice(passage.sentences[before])):
            before -= 1
            wanted.add(before)
    return sorted(wanted)


def _with_announced(passage: Passage, kept: Sequence[int]) -> list[int]:
    """The sentences, and after one that ends with a colon the whole list, table or code."""
    wanted = set(kept)
    for position in kept:
        if passage.slice(passage.sentences[position]).endswith(":"):
            after = beside(passage, position, 1)
            if after and _family(passage, after[0]) != "running":
                wanted.update(after)
    return sorted(wanted)
