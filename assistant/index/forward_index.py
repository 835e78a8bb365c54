"""Every word of a guide in order, as numbers: what BM25 and the vocabulary are counted from.

Knows how a passage is taken apart into words and runs of words, how the words of pages that
stayed are joined with those of pages that changed, and how to count them at the size of 29,000
pages. Must not know what the counts are for.
"""

from __future__ import annotations

import itertools
import operator
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from assistant.text.text import STOPWORDS, split_words, stem

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from assistant.models.documents import Passage

    Numbers = NDArray[np.int64]

HEADING_WEIGHT = 3
"""How often a heading's words count for BM25; measured in DECISIONS.md."""

# What a token is, in the low bits of its number.
_BREAK = 1  # a run of words begins with it
_IN_RUN = 2  # it counts where phrases are looked for
_WORD = 4  # it counts as a word
_HEADING = 8  # it stands in the heading path
_BITS = 4

_CLAUSE = re.compile(r"[.!?;:,()\[\]|>\"“”\n—–]+|\bvs\b|\bversus\b", re.I)
# In ASCII a clause ends at a mark, but for the texts that may have initials or a `versus`.
_MARKS = re.compile(r"[.!?;:,()\[\]|>\"\n]+")
_INITIALS = re.compile(r"\.(?<=(?<![A-Za-z0-9])[A-Za-z]\.)[A-Za-z](?![A-Za-z0-9])")


@dataclass(frozen=True, slots=True)
class ForwardIndex:
    """The words of passages: `words` sorted, `tokens` one a word in order, `first` one a passage.

    A token is the number of its word, shifted, with what it is in the low bits. `first` is where
    each passage's tokens begin, with the end of the last one behind it.
    """

    words: tuple[str, ...]
    tokens: NDArray[np.int32]
    offsets: Numbers

    def slice_passages(self, start: int, end: int) -> ForwardIndex:
        """The passages from `start` up to `end`, over the same words."""
        tokens = self.tokens[self.offsets[start] : self.offsets[end]]
        return ForwardIndex(self.words, tokens, self.offsets[start : end + 1] - self.offsets[start])


@dataclass(frozen=True, slots=True)
class Postings:
    """In which passages each stem stands, and how often, its stops and headings weighted.

    `stems` are sorted. Those of `stems[n]` are `passages[ends[n]:ends[n+1]]`, in order; a count
    is 0 where only stopwords have the stem.
    """

    terms: tuple[str, ...]
    offsets: Numbers
    passages: NDArray[np.int32]
    frequencies: NDArray[np.int32]


class _Numbers(dict[str, int]):
    """Words numbered as they come."""

    def __missing__(self, word: str) -> int:
        number = self[word] = len(self)
        return number


def index_passages(passages: Iterable[Passage]) -> ForwardIndex:
    """Take passages apart into their words."""
    return _number_words((passage.heading_path, passage.body) for passage in passages)


def index_texts(texts: Iterable[str]) -> ForwardIndex:
    """Take texts apart as if each were the text of a passage without headings."""
    return _number_words(("", text) for text in texts)


def _number_words(texts: Iterable[tuple[str, str]]) -> ForwardIndex:
    numbers = _Numbers()
    tokens: list[NDArray[np.int32]] = []
    lengths = [0]
    for headings, body in texts:
        found = split_words(headings)
        kinds = bytearray((_WORD | _HEADING,) * len(found))
        _append_body(body, found, kinds)
        row = np.fromiter(map(numbers.__getitem__, found), dtype=np.int32, count=len(found))
        tokens.append(row << _BITS | np.frombuffer(kinds, dtype=np.uint8))
        lengths.append(len(found))
    ordered = sorted(numbers)
    place = np.zeros(len(ordered), dtype=np.int32)
    place[[numbers[word] for word in ordered]] = np.arange(len(ordered), dtype=np.int32)
    together = np.concatenate([np.zeros(0, dtype=np.int32), *tokens])
    return ForwardIndex(
        tuple(ordered), _renumber(together, place), np.cumsum(lengths, dtype=np.int64)
    )


def _append_body(text: str, found: list[str], kinds: bytearray) -> None:
    """Append the words of a text and what each is; in runs that end where a clause does."""
    if _is_plain(text):
        clauses, kind = list(map(split_words, _MARKS.split(text))), _IN_RUN | _WORD
    else:
        clauses, kind = list(map(split_words, _CLAUSE.split(text))), _IN_RUN | _WORD
        whole = split_words(text)
        if whole != list(itertools.chain.from_iterable(clauses)):
            # Initials are one word closed up, and letters where a clause ends at each stop.
            kind = _IN_RUN
            found += whole
            kinds += bytes((_WORD,)) * len(whole)
    for run in clauses:
        if run:
            found += run
            kinds.append(kind | _BREAK)
            kinds += bytes((kind,)) * (len(run) - 1)


def _is_plain(text: str) -> bool:
    if not text.isascii() or _INITIALS.search(text):
        return False
    lower = text.lower()
    return "vs" not in lower and "versus" not in lower


def concatenate(parts: Sequence[ForwardIndex]) -> ForwardIndex:
    """The parts one after another, over the words that are left in use."""
    used: dict[int, tuple[tuple[str, ...], NDArray[np.bool_]]] = {}
    for part in parts:  # many are parts of one lexicon and share its words
        _, mask = used.setdefault(id(part.words), (part.words, np.zeros(len(part.words), np.bool_)))
        mask[part.tokens >> _BITS] = True
    kept = sorted(
        {word for found, mask in used.values() for word in itertools.compress(found, mask)}
    )
    number = {word: n for n, word in enumerate(kept)}
    place = {which: _map_numbers(found, number) for which, (found, _) in used.items()}
    nothing = np.zeros(0, dtype=np.int32)
    tokens = [_renumber(part.tokens, place[id(part.words)]) for part in parts]
    lengths = [np.diff(part.offsets) for part in parts]
    return ForwardIndex(
        tuple(kept), np.concatenate([nothing, *tokens]), np.cumsum(np.concatenate([[0], *lengths]))
    )


def _map_numbers(found: Sequence[str], number: Mapping[str, int]) -> NDArray[np.int32] | None:
    """The new number of each word, 0 for those that are gone; None where none changes."""
    if len(found) == len(number) and all(map(operator.eq, found, number)):
        return None
    return np.fromiter((number.get(word, 0) for word in found), np.int32, len(found))


def _renumber(tokens: NDArray[np.int32], place: NDArray[np.int32] | None) -> NDArray[np.int32]:
    if place is None or not len(tokens):
        return tokens
    numbers = place[tokens >> _BITS] << _BITS
    return np.asarray(numbers | (tokens & ((1 << _BITS) - 1)), dtype=np.int32)


def list_clause_words(lexicon: ForwardIndex) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
    """The words of clauses by number, and whether each begins one; headings are left out."""
    tokens = lexicon.tokens[(lexicon.tokens & _IN_RUN) > 0]
    return tokens >> _BITS, (tokens & _BREAK) > 0


def count_clause_words(lexicon: ForwardIndex) -> int:
    """How many words there are in clauses; those of headings are left out."""
    return int(np.count_nonzero(lexicon.tokens & _IN_RUN))


def select_passages(lexicon: ForwardIndex, chosen: NDArray[np.bool_]) -> ForwardIndex:
    """The passages that are chosen, over the same words."""
    lengths = np.diff(lexicon.offsets)
    first = np.cumsum(np.concatenate([[0], lengths[chosen]]))
    return ForwardIndex(lexicon.words, lexicon.tokens[np.repeat(chosen, lengths)], first)


def count_words(lexicon: ForwardIndex) -> dict[str, int]:
    """How often each word of letters alone is written."""
    numbers = lexicon.tokens[(lexicon.tokens & _WORD) > 0] >> _BITS
    counts = np.bincount(numbers, minlength=len(lexicon.words)).tolist()
    return {
        word: count
        for word, count in zip(lexicon.words, counts, strict=True)
        if count and word.isalpha()
    }


def build_postings(lexicon: ForwardIndex) -> Postings:
    """In which passages each stem stands, how often by BM25's weights."""
    chosen = np.flatnonzero(lexicon.tokens & _WORD)
    used = np.bincount(lexicon.tokens[chosen] >> _BITS, minlength=len(lexicon.words)) > 0
    of_word = [stem(word) for word in lexicon.words]
    stems = sorted(set(itertools.compress(of_word, used)))
    number = {name: n for n, name in enumerate(stems)}
    shift = max(1, (len(lexicon.offsets)).bit_length())
    # One sortable number a word: its stem, its passage, what it weighs. A weight of a token is
    # at most 3, so two bits hold it.
    high = np.fromiter((number.get(name, 0) for name in of_word), np.int64, len(of_word))
    high <<= shift + 2
    stops = np.fromiter((word in STOPWORDS for word in lexicon.words), np.bool_, len(of_word))
    tokens = lexicon.tokens[chosen]
    keys = high[tokens >> _BITS]
    weight = np.where(tokens & _HEADING, HEADING_WEIGHT, 1)
    weight[stops[tokens >> _BITS]] = 0
    keys |= weight
    keys |= (np.searchsorted(lexicon.offsets, chosen, side="right") - 1) << 2
    del chosen, tokens, weight
    keys.sort()
    weight = (keys & 3).astype(np.int32)
    keys >>= 2
    starts = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]])[: len(keys)])
    counts = np.add.reduceat(weight, starts) if len(starts) else weight
    pairs = keys[starts]
    ends = np.searchsorted(pairs >> shift, np.arange(len(stems) + 1))
    return Postings(
        tuple(stems), ends, (pairs & ((1 << shift) - 1)).astype(np.int32), counts.astype(np.int32)
    )


def merge_postings(
    old: Postings, moved: NDArray[np.int64], new: Postings, places: NDArray[np.int64]
) -> Postings:
    """The postings of passages that stayed and of new ones, as if counted at once.

    `moved` is the new number of each old passage, below 0 where it is gone; `places` the number
    of each new one. Both grow, so that two sorted runs are all there is to merge.
    """
    column, passage = _term_numbers(old), moved[old.passages]
    stays = passage >= 0
    if not stays.all():
        column, passage = column[stays], passage[stays]
    left = np.bincount(column, minlength=len(old.terms)) > 0
    stems = sorted({*itertools.compress(old.terms, left), *new.terms})
    number = {name: n for n, name in enumerate(stems)}
    keys = _sort_keys(_map_numbers(old.terms, number), column, passage)
    added = _sort_keys(_map_numbers(new.terms, number), _term_numbers(new), places[new.passages])
    where = np.searchsorted(keys, added)
    keys = np.insert(keys, where, added)
    counts = np.insert(
        old.frequencies if stays.all() else old.frequencies[stays], where, new.frequencies
    )
    ends = np.searchsorted(keys >> 32, np.arange(len(stems) + 1))
    return Postings(tuple(stems), ends, (keys & 0xFFFFFFFF).astype(np.int32), counts)


def _term_numbers(of: Postings) -> NDArray[np.int64]:
    """The number of its stem for every posting."""
    return np.repeat(np.arange(len(of.terms)), np.diff(of.offsets))


def _sort_keys(
    place: NDArray[np.int32] | None, column: NDArray[np.int64], passage: NDArray[np.int64]
) -> NDArray[np.int64]:
    numbers = column if place is None else place.astype(np.int64)[column]
    return numbers << 32 | passage
