"""Term positions of passages, and the matches of a query's terms."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from zlib import crc32

import numpy as np

from assistant.index.passage_words import split_passage
from assistant.text.tokenize import extract_terms, stem_words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from assistant.index.passage_words import PassageWords
    from assistant.models.documents import Passage

    Codes = NDArray[np.int32]
    Places = NDArray[np.intp]
    Mask = NDArray[np.bool_]
    Weights = NDArray[np.float64]

_CHANGELOG = re.compile(
    r"^\W*(?:change\s?logs?|release\s+(?:notes|history)|version\s+history|what['’]s\s+new)\b|"
    r"^\W*(?:version\s+|release\s+|v)?\d+\.\d+(?:\.\d+)*\b(?!\s*[a-z%])",
    re.I,
)

# A line is the codes of its terms, which are negative, and then an end code, which is not.
_LINE_END = 0
_HEADING_LINE_END = 1  # the end code of a sentence that is a heading: its line has no terms
_EXTRA_LINES = (
    2  # after the lines of its sentences a passage has one for its heading, one for its address
)

HEADING_SCORE = -1.0
"""The score of a heading, for every query: lower than that of any sentence."""


def term_row(passage: Passage, words: PassageWords) -> list[int]:
    """Encode a passage as numbers: a line per sentence, one for its heading, one for its address.

    The code of a term is the last 31 bits of its CRC-32, made negative: fewer than one query in
    100,000 takes one term for another in one of its candidates. The last number is twice the number
    of distinct terms in the sentences. It is 1 more where a heading, by a name or a version number,
    shows that the passage belongs to a change log.
    """
    codes: list[int] = []
    distinct: set[str] = set()
    for sentence, clauses in zip(passage.sentences, words.sentences, strict=True):
        if sentence.kind == "heading":
            codes.append(_HEADING_LINE_END)
            continue
        own = stem_words(itertools.chain.from_iterable(clauses))
        distinct.update(own)
        codes += [*map(_hash_term, own), _LINE_END]
    codes += [*map(_hash_term, extract_terms(passage.heading)), _LINE_END]
    codes += map(_hash_term, stem_words(words.address))
    return [*codes, 2 * len(distinct) + any(map(_CHANGELOG.search, passage.headings))]


def _hash_term(term: str) -> int:
    return -1 << 31 | crc32(term.encode())


@dataclass(frozen=True, slots=True)
class TermPositions:
    """The term rows of some passages, one after another, and where their lines end.

    A line is one of a passage's sentences, its heading or its heading path, in this order.
    `line_ends` are positions in `codes`. For each passage, `first_lines` and `last_lines` are its
    first and its last line, and `sentences` is the number of its sentences. For each sentence,
    `sentence_passages` is its passage, `sentence_numbers` its number in the passage from 0, and
    `sentence_lines` its line.
    """

    codes: Codes
    line_ends: Places
    first_lines: Places
    last_lines: Places
    sentences: Places
    sentence_passages: Places
    sentence_numbers: Places
    sentence_lines: Places

    @classmethod
    def from_rows(cls, codes: Codes, sentences: NDArray[np.int64]) -> TermPositions:
        """Find the lines in the term rows of passages; `sentences` counts the sentences of each."""
        last = (sentences + _EXTRA_LINES).cumsum() - 1
        first = last - sentences - (_EXTRA_LINES - 1)
        passages = np.arange(sentences.size).repeat(sentences)
        lines = np.arange(passages.size) + _EXTRA_LINES * passages
        return cls(
            codes=codes,
            line_ends=(codes >= 0).nonzero()[0],
            first_lines=first,
            last_lines=last,
            sentences=sentences,
            sentence_passages=passages,
            sentence_numbers=lines - first[passages],
            sentence_lines=lines,
        )

    @classmethod
    def from_passages(cls, passages: Sequence[Passage]) -> TermPositions:
        """Encode passages, and find the lines in their rows."""
        codes = [code for passage in passages for code in term_row(passage, split_passage(passage))]
        sentences = [len(passage.sentences) for passage in passages]
        return cls.from_rows(np.array(codes, dtype=np.int32), np.array(sentences, dtype=np.int64))

    @property
    def distinct_terms(self) -> Codes:
        """The number of distinct terms in the sentences of each passage."""
        return self.codes[self.line_ends[self.last_lines]] >> 1

    @property
    def changelogs(self) -> Codes:
        """1 for each passage of a change log, else 0."""
        return self.codes[self.line_ends[self.last_lines]] & 1

    def pad_by_passage(self, values: NDArray[Any], empty: float) -> NDArray[Any]:
        """Put the value of each sentence into the row of its passage, and `empty` after the last.

        The result has shape (passages, 1 + the most sentences of a passage).
        """
        rows = np.full((self.sentences.size, 1 + self.sentences.max()), empty, values.dtype)
        rows[self.sentence_passages, self.sentence_numbers] = values
        return rows

    def match(self, terms: Sequence[str]) -> TermMatches:
        """Find the matches of some distinct terms."""
        term_codes = np.array([*map(_hash_term, terms)], dtype=np.int32)
        same = (term_codes[:, None] == self.codes).ravel()  # flat, which takes half as long
        term_numbers, places = np.divmod(same.nonzero()[0], max(1, self.codes.size))
        lines = np.zeros((self.line_ends.size, term_codes.size), dtype=np.bool_)
        lines[self.line_ends.searchsorted(places), term_numbers] = True
        passages = lines
        if self.first_lines.size:
            passages = np.logical_or.reduceat(lines, self.first_lines, axis=0)
        return TermMatches(self, tuple(terms), lines, passages, term_numbers, places)


@dataclass(frozen=True, slots=True)
class TermMatches:
    """Where the terms of a query match.

    `lines` and `passages` say which terms each line and each passage contains. `term_numbers` and
    `places` have one value per match: the number of the term, and its position in the codes.
    """

    positions: TermPositions
    terms: tuple[str, ...]
    lines: Mask
    passages: Mask
    term_numbers: Places
    places: Places

    def passages_with(self, term: str) -> Mask:
        """Return which passages contain one of the terms."""
        return self.passages[:, self.terms.index(term)]

    def terms_by_passage(self, terms: Sequence[str]) -> list[tuple[str, ...]]:
        """List which of the first terms each passage contains, in their order."""
        return [tuple(itertools.compress(terms, row)) for row in self.passages.tolist()]

    def score_sentences(self, weights: Weights, cosines: NDArray[np.float32]) -> Weights:
        """Score each sentence: half by its cosine, half by the share of the weights it contains.

        `weights` belong to the first of the terms. A heading has HEADING_SCORE.
        """
        positions = self.positions
        total = sum(weights.tolist()) or 1.0
        shares = sum_weights(self.lines, weights)[positions.sentence_lines] / total
        scores = 0.5 * cosines.astype(np.float64) + 0.5 * shares
        ends = positions.codes[positions.line_ends[positions.sentence_lines]]
        scores[ends == _HEADING_LINE_END] = HEADING_SCORE
        return scores

    def terms_near(self, best: Places) -> Mask:
        """Return which terms are in one sentence of each passage, beside it, or in the heading.

        `best` is the number of that sentence for each passage.
        """
        positions, lines = self.positions, self.lines
        heading = positions.last_lines - 1
        line = np.minimum(positions.first_lines + best, heading)
        after, before = np.minimum(line + 1, heading), np.maximum(line - 1, positions.first_lines)
        near: Mask = lines[line] | lines[before] | lines[after] | lines[heading]
        return near

    def count_adjacent_pairs(self, pairs: Sequence[tuple[str, str]]) -> Places:
        """Count, per passage, the pairs of terms that are at most one word apart in a line."""
        positions, number = self.positions, {term: n for n, term in enumerate(self.terms)}
        none = len(number)
        numbers = np.full(positions.codes.size + 2, none)
        numbers[self.places] = self.term_numbers
        next_term = numbers[self.places + 1]
        is_term = positions.codes[self.places + 1] < 0
        term_after = np.where(is_term, numbers[self.places + 2], none)
        passages = positions.line_ends[positions.last_lines].searchsorted(self.places)
        adjacent = np.zeros((none, none + 1, positions.first_lines.size), dtype=np.bool_)
        adjacent[self.term_numbers, next_term, passages] = True
        adjacent[self.term_numbers, term_after, passages] = True
        first, second = ([number[pair[place]] for pair in pairs] for place in (0, 1))
        counts: Places = adjacent[first, second].sum(axis=0)
        return counts


def sum_weights(matches: Mask, weights: Weights) -> Weights:
    """Add up the weights of the terms that each row contains, from the first term to the last.

    `weights` belong to the first terms.
    """
    if not weights.size:
        return np.zeros(len(matches))
    return np.add.accumulate(matches[:, : weights.size] * weights, axis=1)[:, -1]
