"""Phrases of a guide: how often each run of words occurs, and how it is spelt."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from assistant.index.forward_index import concatenate, index_texts, list_clause_words
from assistant.text.tokenize import STOPWORDS, split_words, stem

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from assistant.index.forward_index import ForwardIndex

    Key = tuple[str, ...]
    Hashes = NDArray[np.uint64]
    Places = NDArray[np.int64]

OPTIONAL_WORDS = frozenset("a an and as at by for from in of on or the to with".split())
"""Words that an acronym may leave out, or give by their first letter."""

DIGIT_WORDS = {"to": "2", "too": "2", "two": "2", "for": "4", "four": "4"}
"""Words that an acronym may write as a digit: B2B."""

LONGEST_PHRASE = 5

# The initials of a phrase are its acronym if it occurs this often: at a heading's end, and again.
MIN_COUNT = 2

# How many words of running text are searched for phrases. A larger guide is sampled by page: half
# of the pages, a quarter and so on. The checksum of a page's path decides, so that the sample does
# not depend on the order of the pages, and an edit of one page moves no other page in or out. A
# phrase that is rare in a sample of that size forms an acronym only by chance.
_MAX_WORDS = 2_000_000

# Odd numbers of 64 bits, one for each place in a phrase. Of a million guides with 3 million
# phrases, one has two phrases with the same hash.
_HASH_FACTORS = np.array(
    [
        0x9E3779B97F4A7C15,
        0xC2B2AE3D27D4EB4F,
        0x165667B19E3779F9,
        0xD6E8FEB86659FD93,
        0xA0761D6478BD642F,
    ],
    dtype=np.uint64,
)


@dataclass(frozen=True, slots=True)
class Phrase:
    """A run of stems, how often it occurs and how it is spelt.

    `is_established` is whether it is the name of something: a heading begins or ends with it,
    apart from stopwords, and it occurs at least MIN_COUNT times, or has one of DIGIT_WORDS.
    """

    key: Key
    count: int
    spelling: str
    is_established: bool


def stem_phrase(phrase: str) -> Key:
    """Return the stems of a phrase, by which it is looked up."""
    return tuple(map(stem, split_words(phrase)))


def count_halvings(words: int) -> int:
    """Count how often a guide with this number of words is halved, to leave at most _MAX_WORDS."""
    return max(0, -(-words // _MAX_WORDS) - 1).bit_length()


def is_sampled(path: str, halvings: int) -> bool:
    """Whether a page is in the sample of a guide that is halved `halvings` times."""
    return zlib.crc32(path.encode()) % (1 << halvings) == 0


def count_phrases(
    headings: Iterable[str],
    texts: ForwardIndex,
    *,
    weight: int = 1,
    required: Collection[Key] = (),
) -> Iterator[Phrase]:
    """Count the phrases of headings and texts that are established or required.

    A phrase of a body counts `weight` times. A weight above 1 means that the guide is sampled; then
    a heading establishes only a phrase that it consists of.
    """
    own = index_texts(headings)
    text = _Text(concatenate([own, texts]), headings=len(list_clause_words(own)[0]))
    for length in range(2, LONGEST_PHRASE + 1):
        yield from text.phrases(length, weight, [key for key in required if len(key) == length])


class _Text:
    """All running text of a guide, one number per word, its headings first."""

    def __init__(self, index: ForwardIndex, *, headings: int) -> None:
        self._words = index.words
        self._stems = [stem(word) for word in index.words]
        self._stem_numbers = {name: n for n, name in enumerate(dict.fromkeys(self._stems))}
        self._headings = headings
        self._numbers, self._begins = list_clause_words(index)
        self._clause = np.cumsum(self._begins, dtype=np.int64)
        words = len(self._words)
        is_stop = np.fromiter((word in STOPWORDS for word in self._words), np.bool_, words)
        is_small = np.fromiter((word in OPTIONAL_WORDS for word in self._words), np.bool_, words)
        digit_words = (word in DIGIT_WORDS for word in self._words)
        self._has_digit_word = np.fromiter(digit_words, np.bool_, words)
        self._may_be_outer = ~is_stop[self._numbers]
        self._opens = _is_first(self._may_be_outer, self._clause)
        self._closes = _is_first(self._may_be_outer[::-1], self._clause[::-1])[::-1]
        self._may_be_inner = (~is_stop | is_small)[self._numbers]

    def phrases(self, length: int, weight: int, required: Sequence[Key]) -> Iterator[Phrase]:
        """Yield the phrases of `length` words that are established or required."""
        places = self._find_starts(length)
        if not len(places):
            return
        rows = self._numbers[places[:, None] + np.arange(length)]
        stem_of_word = np.fromiter(map(self._stem_numbers.__getitem__, self._stems), np.uint64)
        by_stem, by_word = _hash_rows(stem_of_word[rows]), _hash_rows(rows.astype(np.uint64))
        # Sort so that equal phrases are neighbours, and equal spellings among them.
        order = np.lexsort((by_word, by_stem))
        rows, by_stem, by_word, places = rows[order], by_stem[order], by_word[order], places[order]
        new_phrase = np.concatenate([[True], by_stem[1:] != by_stem[:-1]])
        new_spelling = new_phrase | np.concatenate([[True], by_word[1:] != by_word[:-1]])
        starts = np.flatnonzero(new_phrase)
        counts = np.diff(np.append(starts, len(places)))
        in_headings = np.add.reduceat((places < self._headings).astype(np.int64), starts)
        opens, closes = self._bound_headings(places, length)
        bounds = opens & closes if weight > 1 else opens | closes
        often = (counts >= MIN_COUNT) | self._has_digit_word[rows[starts]].any(axis=1)
        established = np.logical_or.reduceat(bounds, starts) & often
        selected = established | np.isin(by_stem[starts], self._hash_keys(required, length))
        group = np.cumsum(new_phrase) - 1
        totals = in_headings + weight * (counts - in_headings)
        chosen = np.flatnonzero(new_spelling & selected[group])
        spellings: dict[int, list[list[int]]] = {}
        for number, row in zip(group[chosen].tolist(), rows[chosen].tolist(), strict=True):
            spellings.setdefault(number, []).append(row)
        for number, word_rows in spellings.items():
            texts = (" ".join(self._words[word] for word in row) for row in word_rows)
            yield Phrase(
                key=tuple(self._stems[word] for word in word_rows[0]),
                count=int(totals[number]),
                # As written, in the singular where the guide has it.
                spelling=min(texts, key=lambda text: (len(text), text)),
                is_established=bool(established[number]),
            )

    def _find_starts(self, length: int) -> Places:
        """Find where a phrase begins: in one clause, no stopword at its ends, small ones inside."""
        size = max(0, len(self._numbers) - length + 1)
        last = length - 1
        fits = self._clause[:size] == self._clause[last : last + size]
        fits &= self._may_be_outer[:size] & self._may_be_outer[last : last + size]
        for inner in range(1, last):
            fits &= self._may_be_inner[inner : inner + size]
        return np.flatnonzero(fits)

    def _bound_headings(
        self, places: Places, length: int
    ) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Whether a heading begins, and ends, with each phrase; stopwords outside do not count."""
        in_heading = places < self._headings
        return in_heading & self._opens[places], in_heading & self._closes[places + length - 1]

    def _hash_keys(self, keys: Sequence[Key], length: int) -> Hashes:
        rows = [[self._stem_numbers.get(part, -1) for part in key] for key in keys]
        known = [row for row in rows if -1 not in row]
        return _hash_rows(np.array(known, dtype=np.uint64).reshape(-1, length))


def _is_first(mask: NDArray[np.bool_], clauses: Places) -> NDArray[np.bool_]:
    """Whether each place is the first of its clause where the mask is true."""
    first = np.zeros(len(mask), dtype=np.bool_)
    chosen = np.flatnonzero(mask)
    in_clause = clauses[chosen]
    first[chosen[np.concatenate([[True], in_clause[1:] != in_clause[:-1]])[: len(chosen)]]] = True
    return first


def _hash_rows(rows: Hashes) -> Hashes:
    return np.asarray((rows + np.uint64(1)) @ _HASH_FACTORS[: rows.shape[1]], dtype=np.uint64)
