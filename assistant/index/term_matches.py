"""What passages tell: the terms of each sentence as numbers, and where those asked for stand.

Knows how a passage is written as a row of numbers, so that many are looked through at once.
Must not know where rows are kept, what is asked, or what a term weighs.
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from zlib import crc32

import numpy as np

from assistant.text.text import extract_terms

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from assistant.models.documents import Passage

    Numbers = NDArray[np.int32]
    Places = NDArray[np.intp]
    Marks = NDArray[np.bool_]
    Figures = NDArray[np.float64]

_CHANGELOG = re.compile(
    r"^\W*(?:change\s?logs?|release\s+(?:notes|history)|version\s+history|what['’]s\s+new)\b|"
    r"^\W*(?:version\s+|release\s+|v)?\d+\.\d+(?:\.\d+)*\b(?!\s*[a-z%])",
    re.I,
)

# A line of terms, which are below 0, ends with a number that is not.
_LINE_END = 0
_HEADING_LINE_END = 1  # ends the line of a sentence that is a heading, which is left empty
_EXTRA_LINES = 2  # lines of a passage that are none of its sentences: its heading, its heading path

HEADING_SCORE = -1.0
"""What a heading says to any question: less than every sentence."""


def term_row(passage: Passage) -> list[int]:
    """A passage as numbers: a line for each sentence, one for its heading, one for its path.

    A term is the last 31 bits of its CRC-32, set below 0: fewer than one question in 100,000 takes
    a term for another in one of its candidates. The last number of all is how many terms the
    sentences have, each counted once, times two; and one more where a heading says that this is a
    change log, by name or by a version.
    """
    found: list[int] = []
    said: set[str] = set()
    for sentence in passage.sentences:
        if sentence.kind == "heading":
            found.append(_HEADING_LINE_END)
            continue
        own = extract_terms(passage.slice(sentence))
        said.update(own)
        found += [*map(_hash_term, own), _LINE_END]
    found += [*map(_hash_term, extract_terms(passage.heading)), _LINE_END]
    found += map(_hash_term, extract_terms(passage.heading_path))
    return [*found, 2 * len(said) + any(map(_CHANGELOG.search, passage.headings))]


def _hash_term(term: str) -> int:
    return -1 << 31 | crc32(term.encode())


@dataclass(frozen=True, slots=True)
class TermPositions:
    """What some passages tell: their rows one after another, and where each line is in them.

    A line is one of a passage's sentences, its heading or its heading path, in this order. `ends`
    are the places where lines end, `first` the first line of each passage and `last` its last,
    `sentences` how many sentences it has. `owners`, `columns` and `lines` say for each sentence
    which passage has it, its number there from 0, and which line it is.
    """

    codes: Numbers
    line_ends: Places
    first_lines: Places
    last_lines: Places
    sentences: Places
    sentence_passages: Places
    sentence_numbers: Places
    sentence_lines: Places

    @classmethod
    def from_rows(cls, numbers: Numbers, sentences: NDArray[np.int64]) -> TermPositions:
        """What rows of numbers tell, of passages that have so many sentences each."""
        last = (sentences + _EXTRA_LINES).cumsum() - 1
        first = last - sentences - (_EXTRA_LINES - 1)
        owners = np.arange(sentences.size).repeat(sentences)
        lines = np.arange(owners.size) + _EXTRA_LINES * owners
        ends = (numbers >= 0).nonzero()[0]
        return cls(numbers, ends, first, last, sentences, owners, lines - first[owners], lines)

    @classmethod
    def from_passages(cls, passages: Sequence[Passage]) -> TermPositions:
        """Take passages apart."""
        found = [number for passage in passages for number in term_row(passage)]
        counts = [len(passage.sentences) for passage in passages]
        return cls.from_rows(np.array(found, dtype=np.int32), np.array(counts, dtype=np.int64))

    @property
    def distinct_terms(self) -> Numbers:
        """How many terms the sentences of each passage have, each counted once."""
        return self.codes[self.line_ends[self.last_lines]] >> 1

    @property
    def changelogs(self) -> Numbers:
        """1 for each passage of a change log, else 0."""
        return self.codes[self.line_ends[self.last_lines]] & 1

    def pad_by_passage(self, values: NDArray[Any], empty: float) -> NDArray[Any]:
        """A value of each sentence in the row of its passage, and `empty` behind the last one."""
        found = np.full((self.sentences.size, 1 + self.sentences.max()), empty, values.dtype)
        found[self.sentence_passages, self.sentence_numbers] = values
        return found

    def match(self, sought: Sequence[str]) -> TermMatches:
        """Where some terms stand, none of them named twice."""
        wanted = np.array([*map(_hash_term, sought)], dtype=np.int32)
        same = (wanted[:, None] == self.codes).ravel()  # flat, which takes half as long
        which, at = np.divmod(same.nonzero()[0], max(1, self.codes.size))
        held = np.zeros((self.line_ends.size, wanted.size), dtype=np.bool_)
        held[self.line_ends.searchsorted(at), which] = True
        passages = (
            np.logical_or.reduceat(held, self.first_lines, axis=0)
            if self.first_lines.size
            else held
        )
        return TermMatches(self, tuple(sought), held, passages, which, at)


@dataclass(frozen=True, slots=True)
class TermMatches:
    """Where terms stand.

    `lines` and `passages` say which terms each line and each passage holds; `which` and `at` name
    each place where one stands: the number of the term, and the place.
    """

    positions: TermPositions
    terms: tuple[str, ...]
    lines: Marks
    passages: Marks
    term_numbers: Places
    places: Places

    def passages_with(self, term: str) -> Marks:
        """Which passages hold one of the terms."""
        return self.passages[:, self.terms.index(term)]

    def terms_by_passage(self, sought: Sequence[str]) -> list[tuple[str, ...]]:
        """Which of the first terms each passage holds, in their order."""
        return [tuple(itertools.compress(sought, row)) for row in self.passages.tolist()]

    def score_sentences(self, weights: Figures, cosines: NDArray[np.float32]) -> Figures:
        """What each sentence says: half by meaning, half by the share of the weights it holds.

        `weights` are of the first of the terms. HEADING for one that is a heading.
        """
        told = self.positions
        held = sum_weights(self.lines, weights)[told.sentence_lines] / (
            sum(weights.tolist()) or 1.0
        )
        said = 0.5 * cosines.astype(np.float64) + 0.5 * held
        said[told.codes[told.line_ends[told.sentence_lines]] == _HEADING_LINE_END] = HEADING_SCORE
        return said

    def terms_near(self, best: Places) -> Marks:
        """Which terms stand in a sentence of each passage, beside it, or in the heading."""
        told, lines = self.positions, self.lines
        heading = told.last_lines - 1
        line = np.minimum(told.first_lines + best, heading)
        after, before = np.minimum(line + 1, heading), np.maximum(line - 1, told.first_lines)
        near: Marks = lines[line] | lines[before] | lines[after] | lines[heading]
        return near

    def count_adjacent_pairs(self, pairs: Sequence[tuple[str, str]]) -> Places:
        """How many pairs of terms stand side by side, or one apart, in a line of each passage."""
        told, number = self.positions, {term: n for n, term in enumerate(self.terms)}
        none = len(number)
        numbers = np.full(told.codes.size + 2, none)
        numbers[self.places] = self.term_numbers
        after = numbers[self.places + 1]
        later = np.where(told.codes[self.places + 1] < 0, numbers[self.places + 2], none)
        owners = told.line_ends[told.last_lines].searchsorted(self.places)
        stand = np.zeros((none, none + 1, told.first_lines.size), dtype=np.bool_)
        stand[self.term_numbers, after, owners] = stand[self.term_numbers, later, owners] = True
        one, other = ([number[pair[place]] for pair in pairs] for place in (0, 1))
        found: Places = stand[one, other].sum(axis=0)
        return found


def sum_weights(held: Marks, weights: Figures) -> Figures:
    """The summed weight of what each row holds, added up from the first term to the last.

    `weights` are of the first terms.
    """
    if not weights.size:
        return np.zeros(len(held))
    return np.add.accumulate(held[:, : weights.size] * weights, axis=1)[:, -1]
