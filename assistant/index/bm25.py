"""BM25 over the postings on disk: the passages that match a query's terms best."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from assistant.index.arrays import top_k

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from assistant.index.arrays import ArrayReader, ArrayWriter
    from assistant.index.postings import Postings

    Keys = NDArray[np.int32]
    Scores = NDArray[np.float32]

K1 = 1.5
B = 0.75
"""BM25's parameters, in Lucene's form: idf · f / (f + k1 · (1 − b + b · length / mean length)).

The idf here is Lucene's too, ln(1 + (N − n + ½) / (n + ½)), for N passages of which n contain the
term. It is part of the scores on disk. `Vocabulary.idf` has another formula and another purpose: it
weighs the terms of a question, also those that the guide does not contain.
"""

# Looking up a passage in a posting list costs as much as reading 16 postings (80 ns and 5 ns).
_LOOKUP_COST = 16

# A query with at most this many postings reads them all (80 µs): pruning would save nothing.
_SCORE_ALL_UP_TO = 16_384

# The largest relative error of a sum of 32-bit scores.
_ROUNDING = 1e-5


@dataclass(frozen=True, slots=True)
class _PostingList:
    """The passages that contain one term, in order, with their scores and the highest score."""

    passages: Keys
    scores: Scores
    max_score: float


class Bm25:
    """BM25 scores of passages, one posting list per term; thread-safe.

    `terms` are those of the postings, in their order.
    """

    def __init__(self, arrays: ArrayReader, terms: Sequence[str], *, passages: int) -> None:
        self._terms = terms
        self._size = passages
        self._offsets: NDArray[np.int64] = arrays.map("posting_offsets.bin")
        self._passages: Keys = arrays.map("posting_passages.bin")
        self._scores: Scores = arrays.map("posting_scores.bin")
        self._max_scores: Scores = arrays.map("posting_max_scores.bin")

    def top_k(self, terms: Iterable[str], k: int) -> list[tuple[int, float]]:
        """Find the k best passages as (number, score), best first, ties in order of their numbers.

        All scores are above 0. The result is exact. Turtle and Flood's max-score saves work where
        posting lists are long. The rarest terms are read first. Once the other terms cannot bring
        a new passage among the best k, they are looked up only for the passages that still can be.
        """
        lists = self._posting_lists(terms)
        if not lists or k < 1:
            return []
        scores = np.zeros(self._size, dtype=np.float32)
        if sum(len(postings.passages) for postings in lists) <= _SCORE_ALL_UP_TO:
            for postings in lists:
                np.add.at(scores, postings.passages, postings.scores)
            keys = np.flatnonzero(scores).astype(np.int32)
            return top_k(keys, scores[keys], k)
        return self._prune(lists, scores, k)

    def _prune(
        self, lists: Sequence[_PostingList], scores: Scores, k: int
    ) -> list[tuple[int, float]]:
        """Find the k best passages without reading every posting list to its end."""
        # The most that all lists from the n-th on can add to a score.
        left = np.cumsum([postings.max_score for postings in lists][::-1])[::-1].tolist()
        left.append(0.0)
        threshold = lowest = 0.0
        read = 0
        for read, postings in enumerate(lists, 1):
            np.add.at(scores, postings.passages, postings.scores)
            threshold = max(threshold, _kth_highest(scores[postings.passages], k, threshold))
            lowest = max(0.0, threshold * (1 - _ROUNDING) - left[read])
            if lowest and read < len(lists):
                candidates = np.count_nonzero(scores > lowest)
                if _LOOKUP_COST * candidates < len(lists[read].passages):
                    break
        keys = np.flatnonzero(scores > lowest).astype(np.int32)
        totals = scores[keys]
        for n, postings in enumerate(lists[read:], read + 1):
            places = np.searchsorted(postings.passages, keys)
            places[places == len(postings.passages)] = 0
            contains_term = postings.passages[places] == keys
            totals[contains_term] += postings.scores[places[contains_term]]
            possible = totals > _kth_highest(totals, k, 0.0) * (1 - _ROUNDING) - left[n]
            keys, totals = keys[possible], totals[possible]
        return top_k(keys, totals, k)

    def _posting_lists(self, terms: Iterable[str]) -> list[_PostingList]:
        """Collect the posting lists of the terms that occur, the shortest first.

        A term counts as often as the query repeats it.
        """
        chosen: list[tuple[int, int, int, float]] = []
        for term, times in Counter(terms).items():
            number = bisect_left(self._terms, term)
            if number == len(self._terms) or self._terms[number] != term:
                continue
            if max_score := self._max_scores.item(number):
                start, end = self._offsets.item(number), self._offsets.item(number + 1)
                chosen.append((end - start, start, times, times * max_score))
        lists = []
        for size, start, times, max_score in sorted(chosen):
            scores = self._scores[start : start + size]
            if times > 1:
                scores = times * scores
            lists.append(_PostingList(self._passages[start : start + size], scores, max_score))
        return lists


def _kth_highest(scores: Scores, k: int, threshold: float) -> float:
    """Return the k-th highest of the scores above a threshold, or 0 where there are fewer."""
    high = scores[scores > threshold]
    return float(np.partition(high, len(high) - k)[len(high) - k]) if len(high) >= k else 0.0


def write_postings(arrays: ArrayWriter, postings: Postings, *, passages: int) -> None:
    """Write postings, and the BM25 score that each adds to its passage.

    `passages` is the number of passages.
    """
    scores = _score_postings(postings, passages)
    max_scores = np.maximum.reduceat(scores, postings.offsets[:-1]) if len(scores) else scores
    arrays.write("posting_offsets.bin", postings.offsets)
    arrays.write("posting_passages.bin", postings.passages)
    arrays.write("posting_frequencies.bin", postings.frequencies)
    arrays.write("posting_scores.bin", scores)
    arrays.write("posting_max_scores.bin", max_scores)


def _score_postings(postings: Postings, passages: int) -> Scores:
    """Compute the score of every posting; 0 where only stopwords of the passage have the term."""
    frequencies = postings.frequencies.astype(np.float32)
    lengths = np.bincount(postings.passages, weights=frequencies, minlength=passages)
    norm = K1 * ((1 - B) + B * lengths / max(lengths.mean(), 1e-9))
    terms = np.repeat(np.arange(len(postings.terms)), np.diff(postings.offsets))
    document_frequency = np.bincount(
        terms[postings.frequencies > 0], minlength=len(postings.terms)
    ).tolist()
    # `math.log` is called once for each document frequency.
    idf_of = {n: math.log(1 + (passages - n + 0.5) / (n + 0.5)) for n in set(document_frequency)}
    idf = np.array([idf_of[n] for n in document_frequency], dtype=np.float32)
    share = frequencies / (norm[postings.passages] + frequencies)
    return np.asarray(idf[terms] * share, dtype=np.float32)
