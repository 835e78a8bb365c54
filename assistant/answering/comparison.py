"""The sides of a comparison: which of them a text names, and which the guide does not mention."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from assistant.answering.definitions import defines, subject_pattern
from assistant.answering.quotes import Quote, body_positions
from assistant.text.tokenize import extract_terms

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from assistant.answering.selection import ScoredSection
    from assistant.models.documents import Passage

MAX_SIDE_WORDS = 5
"""The most words in a side of a comparison that is reported as missing; a longer one is no name."""


_MIN_WORDS = 12
"""A section with at most this many words compares nothing, whatever its heading says."""


@dataclass(frozen=True, slots=True)
class Side:
    """One side of a comparison; `exact` is whether a text has to name it word for word.

    `longer` is the other side where it contains this one: its name does not name this side.
    """

    subject: str
    exact: bool
    longer: str = ""

    def is_named_in(self, text: str) -> bool:
        """Whether a text names this side."""
        if self.exact:
            if self.longer:
                text = _whole_name(self.longer).sub(" ", text)
            return bool(_whole_name(self.subject).search(text))
        return set(extract_terms(self.subject)) <= set(extract_terms(text))


def make_sides(subjects: Sequence[str]) -> list[Side]:
    """Make the sides; exact ones where the terms of one contain all terms of another."""
    terms = [set(extract_terms(subject)) for subject in subjects]
    nested = any(a <= b for a, b in itertools.permutations(terms, 2))
    return [
        Side(subject, nested, next((o for o in subjects if _contains_name(o, subject)), ""))
        for subject in subjects
    ]


def _whole_name(subject: str) -> re.Pattern[str]:
    return re.compile(rf"\b{subject_pattern(subject).pattern}\b", re.I)


def _contains_name(longer: str, subject: str) -> bool:
    return longer != subject and bool(_whole_name(subject).search(longer))


def find_missing_sides(subjects: Iterable[str], known_terms: Collection[str]) -> list[str]:
    """List the sides with a word that the guide never uses."""
    return [
        side for side in subjects if not all(term in known_terms for term in extract_terms(side))
    ]


def quote_definition(side: Side, passages: Sequence[Passage]) -> list[Quote]:
    """Quote the sentence that defines a side, else the first of a section on it."""
    about = [passage for passage in passages if side.is_named_in(passage.heading)]
    for passage in (*about, *passages):
        for n in body_positions(passage):
            if defines(side.subject, passage.slice(passage.sentences[n])):
                return [Quote(passage, n, n)]
    for passage in (*about, *passages):
        for n in body_positions(passage):
            if side.is_named_in(passage.slice(passage.sentences[n])):
                return [Quote(passage, n, n)]
    return []


def group_by_side(
    sections: Sequence[ScoredSection], sides: Sequence[Side]
) -> list[list[ScoredSection]]:
    """Return for each side the sections whose heading names it."""
    return [
        [section for section in sections if side.is_named_in(_heading_of(section))]
        for side in sides
    ]


def find_shared_sections(
    sections: Sequence[ScoredSection], sides: Sequence[Side]
) -> list[ScoredSection]:
    """Find the sections whose heading names all sides, and that have more than a line of text."""
    return [
        section
        for section in sections
        if all(side.is_named_in(_heading_of(section)) for side in sides)
        and sum(section.words) > _MIN_WORDS
    ]


def _heading_of(section: ScoredSection) -> str:
    return section.sentences[0].passage.heading
