"""The forward index: every word of every passage, in order, as numbers."""

from __future__ import annotations

import itertools
import operator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from assistant.index.passage_words import PassageWords
from assistant.text.tokenize import split_clauses

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray


# The kind of a token, in the low bits of its number.
STARTS_CLAUSE = 1  # the first word of a clause; phrases are counted in clauses
IN_ADDRESS = 2  # a word of the address: the heading path, the folders and the file
KIND_BITS = 2


@dataclass(frozen=True, slots=True)
class ForwardIndex:
    """The tokens of passages, in order.

    `words` are sorted and distinct. A token is the number of its word shifted left by KIND_BITS,
    with its kind in the low bits. The tokens of passage n are `tokens[offsets[n]:offsets[n + 1]]`.
    """

    words: tuple[str, ...]
    tokens: NDArray[np.int32]
    offsets: NDArray[np.int64]

    def __len__(self) -> int:
        """Count the passages."""
        return len(self.offsets) - 1

    def slice_passages(self, start: int, end: int) -> ForwardIndex:
        """Return the passages from `start` to before `end`, over the same words."""
        tokens = self.tokens[self.offsets[start] : self.offsets[end]]
        return ForwardIndex(self.words, tokens, self.offsets[start : end + 1] - self.offsets[start])


def index_texts(texts: Iterable[str]) -> ForwardIndex:
    """Number the words of texts, as if each were a passage of one sentence without an address."""
    return index_passages(PassageWords([], [split_clauses(text)]) for text in texts)


class _WordNumbers(dict[str, int]):
    """Numbers words in the order of their first occurrence."""

    def __missing__(self, word: str) -> int:
        number = self[word] = len(self)
        return number


def index_passages(passages: Iterable[PassageWords]) -> ForwardIndex:
    """Number the words of passages."""
    numbers = _WordNumbers()
    tokens: list[NDArray[np.int32]] = [np.zeros(0, dtype=np.int32)]
    lengths = [0]
    for passage in passages:
        words = list(passage.address)
        kinds = bytearray((IN_ADDRESS,) * len(words))
        for clause in itertools.chain.from_iterable(passage.sentences):
            words += clause
            kinds.append(STARTS_CLAUSE)
            kinds += bytes(len(clause) - 1)
        row = np.fromiter(map(numbers.__getitem__, words), dtype=np.int32, count=len(words))
        tokens.append(row << KIND_BITS | np.frombuffer(kinds, dtype=np.uint8))
        lengths.append(len(words))
    ordered = sorted(numbers)
    new_numbers = np.zeros(len(ordered), dtype=np.int32)
    new_numbers[[numbers[word] for word in ordered]] = np.arange(len(ordered), dtype=np.int32)
    joined = _renumber(np.concatenate(tokens), new_numbers)
    return ForwardIndex(tuple(ordered), joined, np.cumsum(lengths, dtype=np.int64))


def concatenate(parts: Sequence[ForwardIndex]) -> ForwardIndex:
    """Put parts one after another, over the words that their tokens use."""
    # Many parts are slices of one forward index and share its words.
    used: dict[int, tuple[tuple[str, ...], NDArray[np.bool_]]] = {}
    for part in parts:
        _, mask = used.setdefault(id(part.words), (part.words, np.zeros(len(part.words), np.bool_)))
        mask[part.tokens >> KIND_BITS] = True
    words = sorted(
        {word for all_words, mask in used.values() for word in itertools.compress(all_words, mask)}
    )
    number = {word: n for n, word in enumerate(words)}
    new_numbers = {key: map_numbers(all_words, number) for key, (all_words, _) in used.items()}
    tokens = [_renumber(part.tokens, new_numbers[id(part.words)]) for part in parts]
    lengths = [np.diff(part.offsets) for part in parts]
    return ForwardIndex(
        tuple(words),
        np.concatenate([np.zeros(0, dtype=np.int32), *tokens]),
        np.cumsum(np.concatenate([[0], *lengths])),
    )


def map_numbers(old: Sequence[str], number: Mapping[str, int]) -> NDArray[np.int32] | None:
    """Return the new number of each old word, 0 for those left out; None where none changes."""
    if len(old) == len(number) and all(map(operator.eq, old, number)):
        return None
    return np.fromiter((number.get(word, 0) for word in old), np.int32, len(old))


def _renumber(
    tokens: NDArray[np.int32], new_numbers: NDArray[np.int32] | None
) -> NDArray[np.int32]:
    if new_numbers is None or not len(tokens):
        return tokens
    shifted = new_numbers[tokens >> KIND_BITS] << KIND_BITS
    return np.asarray(shifted | (tokens & ((1 << KIND_BITS) - 1)), dtype=np.int32)


def list_clause_words(index: ForwardIndex) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
    """List the words of clauses by number, and whether each begins one; without addresses."""
    tokens = index.tokens[(index.tokens & IN_ADDRESS) == 0]
    return tokens >> KIND_BITS, (tokens & STARTS_CLAUSE) > 0


def count_clause_words(index: ForwardIndex) -> int:
    """Count the words of clauses; without addresses."""
    return int(np.count_nonzero((index.tokens & IN_ADDRESS) == 0))


def select_passages(index: ForwardIndex, selected: NDArray[np.bool_]) -> ForwardIndex:
    """Return the passages selected by a mask, over the same words."""
    lengths = np.diff(index.offsets)
    offsets = np.cumsum(np.concatenate([[0], lengths[selected]]))
    return ForwardIndex(index.words, index.tokens[np.repeat(selected, lengths)], offsets)


def count_words(index: ForwardIndex) -> dict[str, int]:
    """Count how often each word of letters alone is written."""
    counts = np.bincount(index.tokens >> KIND_BITS, minlength=len(index.words)).tolist()
    return {
        word: count
        for word, count in zip(index.words, counts, strict=True)
        if count and word.isalpha()
    }
