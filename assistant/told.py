"""What a passage tells: its terms by sentence, taken apart once and compared often; pure.

Knows which sentence, heading or path holds a term. Must not know what is asked, or what a term
weighs.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import chain, pairwise
from typing import TYPE_CHECKING

from assistant.text import terms

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from assistant.model import Passage

_NEWS = re.compile(
    r"^\W*(?:change\s?logs?|release\s+(?:notes|history)|version\s+history|what['’]s\s+new)\b|"
    r"^\W*(?:version\s+|release\s+|v)?\d+\.\d+(?:\.\d+)*\b(?!\s*[a-z%])",
    re.I,
)


@dataclass(frozen=True, slots=True)
class Told:
    """A passage taken apart into what a question is compared with.

    `numbers` are those of its sentences that are no heading. `places` says for each term where it
    stands, as bits: bit n for the sentence `numbers[n]`, the next for the heading, the last for
    the heading path. `lines` are the terms of each of these but the heading, in order. `news` is
    whether a heading says that this is a change log: by name, or by a version.
    """

    passage: Passage
    numbers: tuple[int, ...]
    places: Mapping[str, int]
    lines: tuple[tuple[str, ...], ...]
    brevity: float
    news: bool

    @classmethod
    def of(cls, passage: Passage) -> Told:
        """Take a passage apart."""
        numbered = [(n, s) for n, s in enumerate(passage.sentences) if s.kind != "heading"]
        said = [tuple(terms(passage.slice(sentence))) for _, sentence in numbered]
        path = tuple(terms(passage.heading_path))
        places: dict[str, int] = {}
        for place, line in enumerate([*said, terms(passage.heading), path]):
            for term in line:
                places[term] = places.get(term, 0) | 1 << place
        in_body = (1 << len(said)) - 1
        size = sum(bool(where & in_body) for where in places.values())
        return cls(
            passage,
            tuple(n for n, _ in numbered),
            places,
            (*said, path),
            1.0 / (1.0 + size / 20.0),
            any(map(_NEWS.search, passage.headings)),
        )

    def where(self, weights: Mapping[str, float]) -> list[tuple[int, float]]:
        """Where each term stands, as in `places`, 0 for nowhere, with its weight."""
        get = self.places.get
        return [(get(term, 0), weight) for term, weight in weights.items()]

    def held(self, where: Iterable[tuple[int, float]]) -> list[float]:
        """The summed weight of the terms that each sentence holds; headings are no sentences."""
        held = [0.0] * len(self.numbers)
        in_body = (1 << len(held)) - 1
        for place, weight in where:
            left = place & in_body
            while left:
                held[(left & -left).bit_length() - 1] += weight
                left &= left - 1
        return held

    def held_near(self, where: Iterable[tuple[int, float]], near: range) -> float:
        """The summed weight of the terms that some sentences hold together with the heading."""
        count = len(self.numbers)
        window = 1 << count | ((1 << near.stop) - (1 << near.start)) & ((1 << count) - 1)
        return sum([weight for place, weight in where if place & window])

    def beside(self, pairs: Iterable[tuple[str, str]]) -> int:
        """How many pairs of terms stand side by side, or one apart, in a sentence or the path."""
        get, lines = self.places.get, ~(1 << len(self.numbers))
        found = 0
        for pair in pairs:
            shared = get(pair[0], 0) & get(pair[1], 0) & lines
            found += bool(shared) and self._stand_together(pair, shared)
        return found

    def _stand_together(self, pair: tuple[str, str], shared: int) -> bool:
        while shared:
            place = (shared & -shared).bit_length() - 1
            line = self.lines[min(place, len(self.numbers))]
            if pair in chain(pairwise(line), zip(line, line[2:], strict=False)):
                return True
            shared &= shared - 1
        return False

    def text(self, near: range) -> str:
        """The text of some of its sentences, as many as there are."""
        passage = self.passage
        numbers = self.numbers[near.start : near.stop]
        return " ".join(passage.slice(passage.sentences[n]) for n in numbers)
