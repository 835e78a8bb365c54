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

    def held(self, weights: Mapping[str, float]) -> list[float]:
        """The summed weight of the terms that each sentence holds; headings are no sentences."""
        held = [0.0] * len(self.numbers)
        for term, weight in weights.items():
            where = self.places.get(term, 0) & ((1 << len(held)) - 1)
            while where:
                held[(where & -where).bit_length() - 1] += weight
                where &= where - 1
        return held

    def held_near(self, weights: Mapping[str, float], near: range) -> float:
        """The summed weight of the terms that some sentences hold together with the heading."""
        count = len(self.numbers)
        window = 1 << count | ((1 << near.stop) - (1 << near.start)) & ((1 << count) - 1)
        places = self.places
        return sum(weight for term, weight in weights.items() if places.get(term, 0) & window)

    def beside(self, pairs: Iterable[tuple[str, str]]) -> int:
        """How many pairs of terms stand side by side, or one apart, in a sentence or the path."""
        return sum(self._stand_together(one, other) for one, other in pairs)

    def _stand_together(self, one: str, other: str) -> bool:
        heading = len(self.numbers)
        shared = self.places.get(one, 0) & self.places.get(other, 0) & ~(1 << heading)
        while shared:
            place = (shared & -shared).bit_length() - 1
            line = self.lines[min(place, heading)]
            near = chain(pairwise(line), zip(line, line[2:], strict=False))
            if (one, other) in near:
                return True
            shared &= shared - 1
        return False

    def text(self, near: range) -> str:
        """The text of some of its sentences, as many as there are."""
        passage = self.passage
        numbers = self.numbers[near.start : near.stop]
        return " ".join(passage.slice(passage.sentences[n]) for n in numbers)
