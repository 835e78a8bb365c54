"""The sides of a comparison: which of them a text names, and which the guide does not mention."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from assistant.answering.definitions import defines, subject_pattern
from assistant.answering.entries import find_groups, quote_entries
from assistant.answering.quotes import Quote, body_positions
from assistant.text.tokenize import extract_terms

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from assistant.answering.entries import Entry, EntryGroup
    from assistant.answering.selection import ScoredSection
    from assistant.index.store import FaissStore
    from assistant.models.documents import Passage

MAX_SIDE_WORDS = 5
"""The most words in a side of a comparison that is reported as missing; a longer one is no name."""


_MIN_WORDS = 12
"""A section with at most this many words compares nothing, whatever its heading says."""


_MIN_CONTRAST_WORDS, _MAX_CONTRAST_WORDS = 10, 45
_MIN_WORDS_SAID = 4  # beside the name of a side, in an item on it


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


def quote_contrast(passages: Iterable[Passage], sides: Sequence[Side]) -> list[Quote]:
    """Quote the first sentence that says something of all sides; empty where there is none."""
    for passage in passages:
        for n in body_positions(passage):
            sentence = passage.sentences[n]
            text = passage.slice(sentence)
            is_short = _MIN_CONTRAST_WORDS <= len(text.split()) <= _MAX_CONTRAST_WORDS
            if sentence.kind == "prose" and is_short and _names_all(text, sides):
                return [Quote(passage, n, n)]
    return []


def _names_all(text: str, sides: Sequence[Side]) -> bool:
    return not text.endswith((":", "?")) and all(side.is_named_in(text) for side in sides)


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


def quote_compared_entries(
    passages: Sequence[Passage], sides: Sequence[Side], store: FaissStore
) -> list[Quote]:
    """Quote the rows or items on the sides, where one table or list has exactly one for each.

    The first cell of a row has to name its side, with the headings above it.
    """
    for path, anchor in dict.fromkeys((passage.path, passage.anchor) for passage in passages):
        section = [passage for _, passage in store.section_passages(path, anchor)]
        above = set(extract_terms(section[0].heading_path))
        for group in find_groups(section):
            chosen = [_find_entries(side, group, above) for side in sides]
            if all(len(entries) == 1 for entries in chosen) and chosen[0] != chosen[1]:
                order = [entry for entry in group.entries if [entry] in chosen]
                return quote_entries(group, order)
    return []


def _find_entries(side: Side, group: EntryGroup, above: set[str]) -> list[Entry]:
    """Find the entries whose name has terms of a side, and lacks only those of the headings."""
    terms = set(extract_terms(side.subject))
    named = [(entry, set(extract_terms(_name_of(entry)))) for entry in group.entries]
    return [
        entry
        for entry, own in named
        if terms & own - above and terms <= own | above and _says_more(entry, side)
    ]


def _says_more(entry: Entry, side: Side) -> bool:
    """Whether an entry says something of a side, and does not only name it."""
    words = len(entry.text.split())
    return len(entry.cells) > 1 or words >= len(side.subject.split()) + _MIN_WORDS_SAID


def _name_of(entry: Entry) -> str:
    """Return the first cell of a row, or the start of an item."""
    return entry.cells[0] if len(entry.cells) > 1 else " ".join(entry.text.split()[:MAX_SIDE_WORDS])


def _heading_of(section: ScoredSection) -> str:
    return section.sentences[0].passage.heading
