"""How often each run of words comes up in a guide, and how it is spelt.

Knows which runs of words are phrases, and how to count millions of them. Must not know what
phrases are for: which of them form acronyms is for the vocabulary to say.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from assistant.index import forward_index as lexicons
from assistant.text.text import STOPWORDS, stem

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from assistant.index.forward_index import ForwardIndex

    Key = tuple[str, ...]
    Hashes = NDArray[np.uint64]
    Places = NDArray[np.int64]

OPTIONAL_WORDS = frozenset("a an and as at by for from in of on or the to with".split())
"""Words an acronym may leave out, or stand for by their first letter."""

LONGEST_PHRASE = 5

# A phrase that stands in no heading must come up this often before its initials mean it.
_MIN_COUNT = 3

# How many words of running text are looked through. A larger guide is sampled by page, half of
# the pages, a quarter and so on: by the digest of a page's path, so that the sample is the same
# whatever order the pages came in, and an edit moves no other page in or out of it. What is rare
# in a sample of that size forms acronyms by chance alone.
_MAX_WORDS = 2_000_000

# Odd numbers of 64 bits, one a place: two phrases of a guide meet in one sum once in a million
# guides of 3 million phrases.
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
    """A run of stems: how often it comes up, how it is written, whether that makes it known.

    `known` is whether it comes up often, or a heading begins or ends with it.
    """

    key: Key
    count: int
    spelling: str
    is_established: bool


def count_halvings(size: int) -> int:
    """How often a guide of so many words is halved until few enough are left to look through."""
    return max(0, -(-size // _MAX_WORDS) - 1).bit_length()


def is_sampled(path: str, halvings: int) -> bool:
    """Whether a page is in the sample of a guide halved so often."""
    return zlib.crc32(path.encode()) % (1 << halvings) == 0


def count_phrases(
    headings: Iterable[str],
    bodies: ForwardIndex,
    *,
    weight: int = 1,
    required: Collection[Key] = (),
) -> Iterator[Phrase]:
    """The phrases of headings and running text that are known, or wanted.

    A phrase of a body counts `worth` times. Where that is more than once, the guide is so large
    that only a whole clause of a heading is known by standing there.
    """
    own = lexicons.index_texts(headings)
    both = lexicons.concatenate([own, bodies])
    text = _Text(both, headings=len(lexicons.list_clause_words(own)[0]))
    for length in range(2, LONGEST_PHRASE + 1):
        yield from text.phrases(length, weight, [key for key in required if len(key) == length])


class _Text:
    """All running text of a guide, one number a word, its headings first."""

    def __init__(self, lexicon: ForwardIndex, *, headings: int) -> None:
        self._words = lexicon.words
        self._stems = [stem(word) for word in lexicon.words]
        self._place = {name: n for n, name in enumerate(dict.fromkeys(self._stems))}
        self._headings = headings
        self._numbers, self._begins = lexicons.list_clause_words(lexicon)
        self._ends = np.concatenate([self._begins[1:], [True]])[: len(self._begins)]
        self._run = np.cumsum(self._begins)
        stop = np.fromiter((word in STOPWORDS for word in self._words), np.bool_, len(self._words))
        small = np.fromiter(
            (word in OPTIONAL_WORDS for word in self._words), np.bool_, len(self._words)
        )
        self._outer = ~stop[self._numbers]
        self._inner = (~stop | small)[self._numbers]

    def phrases(self, length: int, worth: int, wanted: Sequence[Key]) -> Iterator[Phrase]:
        """The phrases of so many words that are known, or wanted."""
        at = self._starts(length)
        if not len(at):
            return
        rows = self._numbers[at[:, None] + np.arange(length)]
        of_stem = np.fromiter(map(self._place.__getitem__, self._stems), np.uint64)
        by_stem, by_word = _hash_rows(of_stem[rows]), _hash_rows(rows.astype(np.uint64))
        order = np.lexsort((by_word, by_stem))
        rows, by_stem, by_word, at = rows[order], by_stem[order], by_word[order], at[order]
        changes = np.concatenate([[True], by_stem[1:] != by_stem[:-1]])
        spelt = changes | np.concatenate([[True], by_word[1:] != by_word[:-1]])
        starts = np.flatnonzero(changes)
        counts = np.diff(np.append(starts, len(at)))
        of_headings = np.add.reduceat((at < self._headings).astype(np.int64), starts)
        known = (counts >= _MIN_COUNT) | np.logical_or.reduceat(
            self._bounds_heading(at, length, worth), starts
        )
        kept = known | np.isin(by_stem[starts], self._hash_keys(wanted, length))
        group = np.cumsum(changes) - 1
        weights = of_headings + worth * (counts - of_headings)
        chosen = np.flatnonzero(spelt & kept[group])
        spellings: dict[int, list[list[int]]] = {}
        for which, row in zip(group[chosen].tolist(), rows[chosen].tolist(), strict=True):
            spellings.setdefault(which, []).append(row)
        for which, written in spellings.items():
            phrases = (" ".join(self._words[number] for number in row) for row in written)
            yield Phrase(
                key=tuple(self._stems[number] for number in written[0]),
                count=int(weights[which]),
                # As written, in the singular where the guide has it.
                spelling=min(phrases, key=lambda phrase: (len(phrase), phrase)),
                is_established=bool(known[which]),
            )

    def _starts(self, length: int) -> Places:
        """Where a phrase begins: in one clause, no stopword at its ends, only small ones inside."""
        size = max(0, len(self._numbers) - length + 1)
        last = length - 1
        fits = self._run[:size] == self._run[last : last + size]
        fits &= self._outer[:size] & self._outer[last : last + size]
        for inner in range(1, last):
            fits &= self._inner[inner : inner + size]
        return np.flatnonzero(fits)

    def _bounds_heading(self, at: Places, length: int, worth: int) -> NDArray[np.bool_]:
        """Whether a phrase stands where a heading begins or ends."""
        opens, closes = self._begins[at], self._ends[at + length - 1]
        return np.asarray((at < self._headings) & (opens & closes if worth > 1 else opens | closes))

    def _hash_keys(self, wanted: Sequence[Key], length: int) -> Hashes:
        rows = [[self._place.get(part, -1) for part in key] for key in wanted]
        found = [row for row in rows if -1 not in row]
        return _hash_rows(np.array(found, dtype=np.uint64).reshape(-1, length))


def _hash_rows(rows: Hashes) -> Hashes:
    return np.asarray((rows + np.uint64(1)) @ _HASH_FACTORS[: rows.shape[1]], dtype=np.uint64)
