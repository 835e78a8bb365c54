"""Which of a guide's words a misspelt one was meant to be.

Knows which slips of the pen and of the hand are common, and how an English word takes its
endings. Must not know where the guide's words come from, or what a question asks.
"""

from __future__ import annotations

import itertools
import math
from bisect import bisect_left
from functools import cached_property
from string import ascii_lowercase
from typing import TYPE_CHECKING

import numpy as np
from rapidfuzz import process
from rapidfuzz.distance import OSA

from assistant.text.text import STOPWORDS, stem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

# How unlikely each slip is where it could be made: minus the logarithm of its share. Counted
# over the 27,455 of 57,742 misspellings collected in DL-Typo (half of the words by the digest of
# the right one) that are at most two edits from it.
_SWAP_COST = 3.9
_DELETION_COST, _DOUBLED_DELETION_COST = 3.3, 1.8
_INSERTION_COST, _VOWEL_INSERTION_COST, _DOUBLED_INSERTION_COST = 7.7, 6.3, 4.6
_SUBSTITUTION_COST, _NEIGHBOUR_KEY_COST, _SIMILAR_SOUND_COST, _VOWEL_SUBSTITUTION_COST = (
    7.6,
    6.6,
    4.9,
    5.0,
)
_FIRST_LETTER_COST = 1.6  # the first letter is right five times as often as any other

# A word of n letters may cost 2 + n. One that is English by its endings, or whose stem the
# guide says, is mended only of what hardly ever makes another word: a letter lost or swapped.
_MAX_COST = 2.0
_MAX_ENGLISH_COST = 4.7
_FREQUENCY_WEIGHT = 0.5  # what a word gains by being e times as common in the guide
_SPLIT_COST = 6.0
_INFLECTION_COST = 1.5  # what a word loses that the guide uses only in another ending

_MIN_LENGTH, _MAX_LENGTH = 4, 24
_MAX_EDITS = 2

_VOWELS = frozenset("aeiouy")
_SIMILAR_SOUNDS = frozenset(
    frozenset(pair) for pair in ("cs", "td", "ck", "bp", "gj", "sz", "mn", "vw", "fv", "cz", "kq")
)
_KEYBOARD_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
_NEIGHBOUR_KEYS = frozenset(
    frozenset((key, other))
    for row, keys in enumerate(_KEYBOARD_ROWS)
    for place, key in enumerate(keys)
    for other in (
        keys[place + 1 : place + 2]
        + "".join(
            below[max(0, place - 1) : place + 1] for below in _KEYBOARD_ROWS[row + 1 : row + 2]
        )
    )
)

_SUFFIXES = tuple(
    "ing ed er ers or ors able ness ment ments less ism ist ists al ly ity y s es ful ion ions ive "
    "ic".split()
)
_PREFIXES = tuple("un re non pre dis mis de over sub in inter".split())
_PARTICLES = ("up", "out", "off", "down", "in")


class SpellingCorrector:
    """Mends words to those of one guide; safe to share.

    `written` is how often the guide writes each word, `says` whether it uses a word in any
    ending, `known` whether a word is right by other knowledge; `others` are words that may be
    meant beside the guide's.
    """

    def __init__(
        self,
        word_counts: Mapping[str, int],
        *,
        has_stem: Callable[[str], bool],
        is_known_word: Callable[[str], bool],
        extra_words: frozenset[str] = frozenset(),
    ) -> None:
        self._word_counts = word_counts
        self._has_stem = has_stem
        self._is_known_word = is_known_word
        self._extra_words = extra_words | STOPWORDS

    def correct(self, word: str) -> str:
        """The guide's word, or two, that a misspelt one was meant to be; or the word as it stands.

        Left alone: words of the guide, words known to be right, very short words, and anything
        with a digit or a capital inside. The likeliest slip wins, then the commoner word.
        """
        plain = word.lower()
        if not _MIN_LENGTH <= len(plain) <= _MAX_LENGTH or not plain.isalpha():
            return word
        if not (word.islower() or word.istitle()):
            return word
        if plain in self._word_counts or plain in self._extra_words:
            return word
        if self._is_known_word(plain):
            return self._split_phrasal_noun(plain) or word
        english = self._has_stem(plain) or self._is_english(plain)
        most = min(_MAX_COST + len(plain), _MAX_ENGLISH_COST if english else math.inf)
        found = [
            *self._edit_candidates(plain, most),
            *self._split_candidates(plain, most),
            *self._inflection_candidates(plain, most),
        ]
        meant = min(found)[1] if found else word
        return word if english and stem(meant) == stem(plain) else meant

    def find_compounds(self, words: Sequence[str]) -> list[str]:
        """The words that the guide writes as one where a question writes two: `set up`.

        Not where the guide says both: `student aid` is not the `studentaid` of an address.
        """
        return [
            first + second
            for first, second in itertools.pairwise(words)
            if first + second in self._word_counts
            and first not in STOPWORDS
            and (second in _PARTICLES or not (self._has_stem(first) and self._has_stem(second)))
        ]

    def _edit_candidates(self, plain: str, most: float) -> Iterator[tuple[float, str]]:
        words, begins, letters = self._candidate_words
        size = len(plain)
        shortest, longest = begins[max(0, size - _MAX_EDITS)], begins[size + _MAX_EDITS + 1]
        own, theirs = _letter_masks([plain]), letters[shortest:longest]
        # An edit takes away one letter at most, and brings in one.
        fits = np.bitwise_count(theirs & ~own) <= _MAX_EDITS
        fits &= np.bitwise_count(own & ~theirs) <= _MAX_EDITS
        near = process.extract(
            plain,
            [words[shortest + n] for n in np.flatnonzero(fits).tolist()],
            scorer=OSA.distance,
            score_cutoff=_MAX_EDITS,
            limit=None,
        )
        for candidate, _, _ in near:
            unlikely = edit_cost(plain, candidate)
            if unlikely <= most:
                yield unlikely - self._frequency_bonus(candidate), candidate

    def _inflection_candidates(self, plain: str, most: float) -> Iterator[tuple[float, str]]:
        """Words known to be right, one edit away, that the guide says in another ending."""
        for candidate in _single_edits(plain):
            if candidate in self._word_counts or not self._is_known_word(candidate):
                continue
            unlikely = edit_cost(plain, candidate)
            if unlikely <= most and self._has_stem(candidate):
                yield unlikely + _INFLECTION_COST, candidate

    def _split_candidates(self, plain: str, most: float) -> Iterator[tuple[float, str]]:
        """Two words of the guide that were written without their space."""
        for place in range(3, len(plain) - 2) if most >= _SPLIT_COST else ():
            halves = plain[:place], plain[place:]
            if all(half in self._word_counts for half in halves):
                rarer = min(map(self._frequency_bonus, halves))
                yield _SPLIT_COST - rarer, " ".join(halves)

    def _split_phrasal_noun(self, plain: str) -> str:
        """A noun like `setup` as the verb the guide writes; empty where it is none."""
        for particle in _PARTICLES:
            verb = plain.removesuffix(particle)
            if (
                verb != plain
                and len(verb) > 2
                and verb in self._word_counts
                and verb not in STOPWORDS
            ):
                return f"{verb} {particle}"
        return ""

    def _frequency_bonus(self, word: str) -> float:
        return _FREQUENCY_WEIGHT * math.log(1 + self._word_counts.get(word, 0))

    def _is_english(self, plain: str) -> bool:
        """Whether a word is one known to be right, in another ending or with an opening."""
        if any(map(self._is_known_word, (f"{plain}ed", f"{plain}ing"))) and plain[-1] != "e":
            return True
        if self._is_known_word(f"{plain}s") and plain[-1] != "s":
            return True
        mute = plain[-1] == "e" and plain[-2] != "e" and len(plain) > 4
        if mute and any(map(self._is_known_word, (f"{plain}d", f"{plain[:-1]}ing"))):
            return True
        bare = [
            plain.removeprefix(opening)
            for opening in _PREFIXES
            if plain.startswith(opening) and len(plain) > len(opening) + 4
        ]
        roots = [root for part in (plain, *bare) for root in _find_roots(part)]
        return any(self._is_known_word(root) for root in (*bare, *roots) if len(root) > 3)

    @cached_property
    def _candidate_words(self) -> tuple[list[str], list[int], NDArray[np.uint64]]:
        """The words that may be meant by length, where each length begins, and their letters."""
        longest = _MAX_LENGTH + _MAX_EDITS
        both = dict.fromkeys([*self._word_counts, *sorted(self._extra_words)])
        words = [word for word in both if _MIN_LENGTH <= len(word) <= longest and word.isalpha()]
        words.sort(key=len)
        lengths = [len(word) for word in words]
        begins = [bisect_left(lengths, length) for length in range(longest + 2)]
        return words, begins, _letter_masks(words)


def edit_cost(typed: str, intended: str) -> float:
    """How unlikely it is that one word was written for another: the least sum of slips."""
    # What both begin and end with is as it should be.
    begin = 0
    while begin < min(len(typed), len(intended)) and typed[begin] == intended[begin]:
        begin += 1
    end = 0
    while end < min(len(typed), len(intended)) - begin and typed[-1 - end] == intended[-1 - end]:
        end += 1
    wrote, right = range(begin, len(typed) - end), range(begin, len(intended) - end)

    row = [0.0]
    for j in wrote:
        row.append(row[-1] + _insertion_cost(typed, j) + (0.0 if begin else _FIRST_LETTER_COST))
    before: list[float] = []
    for i in right:
        opens, wanted = 0.0 if i else _FIRST_LETTER_COST, intended[i]
        lost = opens + (_DOUBLED_DELETION_COST if _is_doubled(intended, i) else _DELETION_COST)
        after = [row[0] + lost]
        for place, j in enumerate(wrote):
            letter = typed[j]
            ways = [
                row[place]
                + (_substitution_cost(letter, wanted) + opens if letter != wanted else 0.0),
                row[place + 1] + lost,
                after[place] + _insertion_cost(typed, j),
            ]
            if before and place and letter == intended[i - 1] != wanted == typed[j - 1]:
                ways.append(
                    before[place - 1] + _SWAP_COST + (_FIRST_LETTER_COST if i == 1 else 0.0)
                )
            after.append(min(ways))
        before, row = row, after
    return row[-1]


def _single_edits(word: str) -> set[str]:
    """What a word may have been before one letter was lost, added, replaced or swapped."""
    found = set()
    for place in range(len(word) + 1):
        before, after = word[:place], word[place:]
        found.add(before + after[1:])
        found.add(before + after[1:2] + after[:1] + after[2:])
        for letter in ascii_lowercase:
            found.add(before + letter + after)
            found.add(before + letter + after[1:])
    return found


def _insertion_cost(word: str, place: int) -> float:
    if _is_doubled(word, place):
        return _DOUBLED_INSERTION_COST
    return _VOWEL_INSERTION_COST if word[place] in _VOWELS else _INSERTION_COST


def _is_doubled(word: str, place: int) -> bool:
    """Whether a letter stands beside another of its kind."""
    return word[place] in (word[place - 1 : place], word[place + 1 : place + 2])


def _substitution_cost(letter: str, wanted: str) -> float:
    if letter in _VOWELS and wanted in _VOWELS:
        return _VOWEL_SUBSTITUTION_COST
    pair = frozenset((letter, wanted))
    if pair in _SIMILAR_SOUNDS:
        return _SIMILAR_SOUND_COST
    return _NEIGHBOUR_KEY_COST if pair in _NEIGHBOUR_KEYS else _SUBSTITUTION_COST


def _find_roots(word: str) -> Iterator[str]:
    """What a word may be formed from by an English ending."""
    for ending in _SUFFIXES:
        root = word.removesuffix(ending)
        if root == word or len(root) < 3:
            continue
        if root[-1] == "i":
            yield root[:-1] + "y"
        if ending == "s" and root[-1] in "sxz":
            continue
        if ending == "es" and not root.endswith(("s", "x", "z", "o", "ch", "sh")):
            continue
        yield root
        if ending[0] not in _VOWELS or root[-1] in _VOWELS:
            continue
        if root[-1] != root[-2]:
            yield root + "e"
        elif root[-3] in _VOWELS and (len(root) == 3 or root[-4:-3] not in _VOWELS):
            yield root[:-1]


def _letter_masks(words: Sequence[str]) -> NDArray[np.uint64]:
    """Which letters each word has, a bit each; letters outside a to z may share one."""
    codes = np.frombuffer("".join(words).encode("utf-32-le"), dtype=np.uint32)
    bits = np.uint64(1) << (codes & np.uint32(63)).astype(np.uint64)
    begins = np.cumsum([0, *map(len, words)])[:-1]
    return np.bitwise_or.reduceat(bits, begins) if words else bits
