"""Postings, the inverted index: the passages that contain each term, and how often."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from assistant.index.forward_index import IN_ADDRESS, KIND_BITS, map_numbers
from assistant.text.tokenize import STOPWORDS, stem

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from assistant.index.forward_index import ForwardIndex

HEADING_WEIGHT = 3
"""How many times a word of a heading counts for BM25; measured, see docs/decisions."""


@dataclass(frozen=True, slots=True)
class Postings:
    """The passages that contain each term, in order, and how often.

    `terms` are stems, sorted. The passages of term n are `passages[offsets[n]:offsets[n + 1]]`.
    A frequency counts a heading's words HEADING_WEIGHT times and stopwords not at all.
    """

    terms: tuple[str, ...]
    offsets: NDArray[np.int64]
    passages: NDArray[np.int32]
    frequencies: NDArray[np.int32]


def build_postings(index: ForwardIndex) -> Postings:
    """Invert a forward index."""
    term_of_word = [stem(word) for word in index.words]
    used = np.bincount(index.tokens >> KIND_BITS, minlength=len(index.words)) > 0
    terms = sorted(set(itertools.compress(term_of_word, used)))
    number = {term: n for n, term in enumerate(terms)}
    # One sortable number per token: its term, its passage, and in the two lowest bits its weight.
    shift = max(1, len(index.offsets).bit_length())
    high = np.fromiter((number.get(term, 0) for term in term_of_word), np.int64, len(term_of_word))
    high <<= shift + 2
    is_stopword = np.fromiter(
        (word in STOPWORDS for word in index.words), np.bool_, len(term_of_word)
    )
    keys = high[index.tokens >> KIND_BITS]
    weights = np.where(index.tokens & IN_ADDRESS, HEADING_WEIGHT, 1)
    weights[is_stopword[index.tokens >> KIND_BITS]] = 0
    keys |= weights
    keys |= np.repeat(np.arange(len(index)), np.diff(index.offsets)) << 2
    del weights  # for a large guide these take gigabytes
    keys.sort()
    weights = (keys & 3).astype(np.int32)
    keys >>= 2
    starts = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]])[: len(keys)])
    frequencies = np.add.reduceat(weights, starts) if len(starts) else weights
    pairs = keys[starts]
    offsets = np.searchsorted(pairs >> shift, np.arange(len(terms) + 1))
    passages = (pairs & ((1 << shift) - 1)).astype(np.int32)
    return Postings(tuple(terms), offsets, passages, frequencies.astype(np.int32))


def merge_postings(
    old: Postings, moved: NDArray[np.int64], new: Postings, places: NDArray[np.int64]
) -> Postings:
    """Merge the postings of reused passages and of new ones, as if built at once.

    `moved` is the new number of each old passage, below 0 where it is removed. `places` is the
    number of each new passage. Both increase, so that two sorted runs are merged.
    """
    term, passage = _term_numbers(old), moved[old.passages]
    stays = passage >= 0
    term, passage = term[stays], passage[stays]
    still_used = np.bincount(term, minlength=len(old.terms)) > 0
    terms = sorted({*itertools.compress(old.terms, still_used), *new.terms})
    number = {name: n for n, name in enumerate(terms)}
    keys = _sort_keys(map_numbers(old.terms, number), term, passage)
    added = _sort_keys(map_numbers(new.terms, number), _term_numbers(new), places[new.passages])
    at = np.searchsorted(keys, added)
    keys = np.insert(keys, at, added)
    frequencies = np.insert(old.frequencies[stays], at, new.frequencies)
    offsets = np.searchsorted(keys >> 32, np.arange(len(terms) + 1))
    return Postings(tuple(terms), offsets, (keys & 0xFFFFFFFF).astype(np.int32), frequencies)


def _term_numbers(postings: Postings) -> NDArray[np.int64]:
    """Return the term number of every posting."""
    return np.repeat(np.arange(len(postings.terms)), np.diff(postings.offsets))


def _sort_keys(
    new_numbers: NDArray[np.int32] | None, term: NDArray[np.int64], passage: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return a number for every posting that sorts by term, then by passage."""
    numbers = term if new_numbers is None else new_numbers.astype(np.int64)[term]
    return numbers << 32 | passage
