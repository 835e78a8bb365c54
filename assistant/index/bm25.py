"""Which passages say the words of a question, by BM25 over postings that lie on disk.

Knows the files of postings, what each is worth, and which of them need not be read for the best
passages to be known. Must not know passages, or how a question is understood.
"""

from __future__ import annotations

import math
import threading
from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from assistant.index.arrays import map_array, top_k
from assistant.index.forward_index import Postings

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    Keys = NDArray[np.int32]
    Scores = NDArray[np.float32]

K1 = 1.5
B = 0.75
"""BM25's k1 and b, in Lucene's form: idf · f / (f + k1 · (1 − b + b · length / mean))."""

# To look a passage up among a term's costs as much as to read so many (80 and 5 ns).
_LOOKUP_COST = 16

# So many are read before it pays to ask whether the rest is needed: 80 µs.
_SCORE_ALL_UP_TO = 16_384

# Sums of 32-bit scores are this near to what they should be.
_ROUNDING = 1e-5


@dataclass(frozen=True, slots=True)
class _PostingList:
    """Where one term stands: the passages in order, what it is worth in each, and at most."""

    passages: Keys
    scores: Scores
    max_score: float


class Bm25:
    """BM25 over the postings in a folder; safe to share.

    `stems` are those of the postings, in their order.
    """

    def __init__(self, folder: Path, stems: Sequence[str], *, passages: int) -> None:
        self._stems = stems
        self._size = passages
        self._own = threading.local()
        self._ends: NDArray[np.int64] = map_array(folder / "posting_ends.npy")
        self._passages: Keys = map_array(folder / "posting_passages.npy")
        self._worth: Scores = map_array(folder / "posting_worth.npy")
        self._most: Scores = map_array(folder / "posting_most.npy")

    def top_k(self, terms: Iterable[str], k: int) -> list[tuple[int, float]]:
        """The k best passages by number and score, best first, ties by number; all above 0.

        What every passage scores is added up only until the terms that are left, the commonest,
        can lift none of the others among the best k (Turtle and Flood's max-score): then they
        are looked up for those that are still in the running. So the ranking is the whole one.
        """
        said = self._posting_lists(terms)
        if not said or k < 1:
            return []
        scores = self._zero_scores()
        if sum([len(one.passages) for one in said]) <= _SCORE_ALL_UP_TO:
            for one in said:
                np.add.at(scores, one.passages, one.scores)
            keys = np.flatnonzero(scores).astype(np.int32)
            return top_k(keys, scores[keys], k)
        left = np.cumsum([one.max_score for one in said][::-1])[::-1].tolist()
        left.append(0.0)
        bar = lowest = 0.0
        read = 0
        for read, one in enumerate(said, 1):
            np.add.at(scores, one.passages, one.scores)
            bar = max(bar, _kth_highest(scores[one.passages], k, bar))
            lowest = max(0.0, bar * (1 - _ROUNDING) - left[read])
            if lowest and read < len(said):
                running = np.count_nonzero(scores > lowest)
                if _LOOKUP_COST * running < len(said[read].passages):
                    break
        keys = np.flatnonzero(scores > lowest).astype(np.int32)
        found = scores[keys]
        for n, one in enumerate(said[read:], read + 1):
            place = np.searchsorted(one.passages, keys)
            place[place == len(one.passages)] = 0
            says = one.passages[place] == keys
            found[says] += one.scores[place[says]]
            still = found > _kth_highest(found, k, 0.0) * (1 - _ROUNDING) - left[n]
            keys, found = keys[still], found[still]
        return top_k(keys, found, k)

    def _zero_scores(self) -> Scores:
        """A score of 0 for every passage, in memory that this thread used before.

        Memory that is new costs .6 ms at a million passages, and this .1 ms.
        """
        if not hasattr(self._own, "scores"):
            self._own.scores = np.empty(self._size, dtype=np.float32)
        scores: Scores = self._own.scores
        scores.fill(0.0)
        return scores

    def _posting_lists(self, terms: Iterable[str]) -> list[_PostingList]:
        """Where the terms stand that stand anywhere, the rarest first; one asked twice is so."""
        found: list[tuple[int, int, int, float]] = []
        for term, times in Counter(terms).items():
            stem = bisect_left(self._stems, term)
            if stem == len(self._stems) or self._stems[stem] != term:
                continue
            if most := self._most.item(stem):
                start, end = self._ends.item(stem), self._ends.item(stem + 1)
                found.append((end - start, start, times, times * most))
        return [
            _PostingList(self._passages[start:end], worth if times == 1 else times * worth, most)
            for size, start, times, most in sorted(found)
            for end in [start + size]
            for worth in [self._worth[start:end]]  # of a common term it may never be read
        ]


def _kth_highest(scores: Scores, k: int, threshold: float) -> float:
    """The k-th best of the scores that are above a bar, or 0 where there are fewer."""
    high = scores[scores > threshold]
    return float(np.partition(high, len(high) - k)[len(high) - k]) if len(high) >= k else 0.0


def write_postings(folder: Path, postings: Postings, *, passages: int) -> None:
    """Write postings and what each is worth."""
    np.save(folder / "posting_ends.npy", postings.offsets)
    np.save(folder / "posting_passages.npy", postings.passages)
    np.save(folder / "posting_counts.npy", postings.frequencies)
    worth = _score_postings(postings, passages)
    np.save(folder / "posting_worth.npy", worth)
    most = np.maximum.reduceat(worth, postings.offsets[:-1]) if len(worth) else worth
    np.save(folder / "posting_most.npy", most)


def read_postings(folder: Path, stems: Sequence[str]) -> Postings:
    """The postings that `write` wrote, from their files where they are."""
    return Postings(
        tuple(stems),
        map_array(folder / "posting_ends.npy"),
        map_array(folder / "posting_passages.npy"),
        map_array(folder / "posting_counts.npy"),
    )


def _score_postings(postings: Postings, passages: int) -> Scores:
    """What every posting adds to a score; 0 where only stopwords have the stem."""
    often = postings.frequencies.astype(np.float32)
    lengths = np.bincount(postings.passages, weights=often, minlength=passages)
    norm = K1 * ((1 - B) + B * lengths / max(lengths.mean(), 1e-9))
    columns = np.repeat(np.arange(len(postings.terms)), np.diff(postings.offsets))
    holding = np.bincount(columns[postings.frequencies > 0], minlength=len(postings.terms))
    rarity = {n: math.log(1 + (passages - n + 0.5) / (n + 0.5)) for n in set(holding.tolist())}
    idf = np.array([rarity[n] for n in holding.tolist()], dtype=np.float32)
    share = often / (norm[postings.passages] + often)
    return np.asarray(idf[columns] * share, dtype=np.float32)
