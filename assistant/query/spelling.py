"""Correct misspelt words to words of a guide, by the cost of each edit (English)."""

from __future__ import annotations

import itertools
import math
import re
from bisect import bisect_left
from functools import cached_property
from string import ascii_lowercase
from typing import TYPE_CHECKING

import numpy as np
from rapidfuzz import process
from rapidfuzz.distance import OSA

from assistant.text.tokenize import STOPWORDS, stem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

# The cost of each edit: minus the logarithm of how often the edit happens where it is possible.
# Counted over 27,455 of the 57,742 misspellings in DL-Typo: those of one half of the words (chosen
# by the digest of the correct word) that are at most two edits away from it.
_SWAP_COST = 3.9
_DELETION_COST, _DOUBLED_DELETION_COST = 3.3, 1.8
_INSERTION_COST, _VOWEL_INSERTION_COST, _DOUBLED_INSERTION_COST = 7.7, 6.3, 4.6
_SUBSTITUTION_COST, _VOWEL_SUBSTITUTION_COST = 7.6, 5.0
_NEIGHBOUR_KEY_COST, _SIMILAR_SOUND_COST = 6.6, 4.9
_FIRST_LETTER_COST = 1.6  # the first letter is right five times as often as any other

# The edits of a word of n letters may cost 2 + n. A word that is English by its ending, or whose
# stem the guide uses, is corrected only by edits that hardly ever turn one word into another: a
# letter is missing, or two letters are swapped.
_MAX_COST = 2.0
_MAX_ENGLISH_COST = 4.7
_FREQUENCY_WEIGHT = 0.5  # the bonus of a word that is e (2.7) times as frequent in the guide
_SPLIT_COST = 6.0
_INFLECTION_COST = 1.5  # for a word that the guide uses only with another ending

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
    for n, key in enumerate(keys)
    for other in (
        keys[n + 1 : n + 2]
        + "".join(below[max(0, n - 1) : n + 1] for below in _KEYBOARD_ROWS[row + 1 : row + 2])
    )
)

_SUFFIXES = tuple(
    "ing ed er ers or ors able ness ment ments less ism ist ists al ly ity y s es ful ion ions ive "
    "ic".split()
)
_PREFIXES = tuple("un re non pre dis mis de over sub in inter".split())
_SHORT_HALVES = frozenset(("on", "in", "up"))  # `oncall`, `inapp`
_NUMBERED = re.compile(r"(?P<name>[a-z]{2,20})\d{1,6}")
_NUMERONYM = re.compile(r"(?P<first>[a-z])(?P<left_out>\d{1,2})(?P<last>[a-z])")
_MIN_LEFT_OUT = 4  # `b2b` is no word that begins and ends with b
_PARTICLES = ("up", "out", "off", "down", "in")


_CONTRACTIONS = {
    word.replace("'", ""): word
    for word in """
        who's what's how's where's when's why's that's there's don't doesn't didn't can't couldn't
        isn't aren't wasn't won't wouldn't shouldn't haven't hasn't hadn't mustn't needn't
        i'm i've you're you've we've they're they've
    """.split()
}
"""Contractions by their spelling without the apostrophe: `whos`."""


class SpellingCorrector:
    """Corrects words to those of one guide; safe to share between threads.

    `word_counts` is how often the guide writes each word. `has_stem` says whether it uses a word
    with any ending, `is_known_word` whether a word is correct although the guide does not use it.
    `extra_words` are corrections beside the guide's words.
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
        """Correct a misspelt word to one or two of the guide's; return any other word unchanged.

        Leaves alone words of the guide, known words, very short words, and anything with a digit or
        a capital inside, except for a number after a name: `http3` may be the guide's HTTP/3. The
        cheapest edit wins, then the commoner word.
        """
        plain = word.lower()
        if numbered := _NUMBERED.fullmatch(plain):
            return self._split_number(word, len(numbered["name"]))
        if short := _NUMERONYM.fullmatch(plain):
            return self._expand_numeronym(short) or word
        if plain in _CONTRACTIONS and plain not in self._word_counts:
            return _CONTRACTIONS[plain]
        if not _MIN_LENGTH <= len(plain) <= _MAX_LENGTH or not plain.isalpha():
            return word
        if not (word.islower() or word.istitle()):
            return word
        if plain in self._word_counts or plain in self._extra_words:
            return word
        if self._is_known_word(plain):
            return self._split_phrasal_noun(plain) or word
        english = self._has_stem(plain) or self._is_english(plain)
        max_cost = min(_MAX_COST + len(plain), _MAX_ENGLISH_COST if english else math.inf)
        candidates = [
            *self._edit_candidates(plain, max_cost),
            *self._split_candidates(plain, max_cost),
            *self._inflection_candidates(plain, max_cost),
        ]
        correction = min(candidates)[1] if candidates else word
        return word if english and stem(correction) == stem(plain) else correction

    def _expand_numeronym(self, short: re.Match[str]) -> str:
        """Return the guide's word that a numeronym stands for: `internationalization`, for i18n."""
        first, last, left_out = short["first"], short["last"], int(short["left_out"])
        if short[0] in self._word_counts or left_out < _MIN_LEFT_OUT:
            return ""
        ends = (
            word
            for word in self._word_counts
            if len(word) == left_out + 2 and word[0] == first and word[-1] == last
        )
        return max(ends, key=lambda word: (self._word_counts[word], word), default="")

    def find_compounds(self, words: Sequence[str]) -> list[str]:
        """Find words that the guide writes as one where a question writes two: `setup`, `set up`.

        Pairs are left out where the guide uses both words: `student aid` is not the `studentaid` of
        a URL.
        """
        return [
            first + second
            for first, second in itertools.pairwise(words)
            if first + second in self._word_counts
            and first not in STOPWORDS
            and (second in _PARTICLES or not (self._has_stem(first) and self._has_stem(second)))
        ]

    def _edit_candidates(self, plain: str, max_cost: float) -> Iterator[tuple[float, str]]:
        words, first_of_length, masks = self._candidate_words
        size = len(plain)
        start = first_of_length[max(0, size - _MAX_EDITS)]
        end = first_of_length[size + _MAX_EDITS + 1]
        own_mask, candidate_masks = _letter_masks([plain]), masks[start:end]
        # An edit removes at most one letter and adds at most one.
        fits = np.bitwise_count(candidate_masks & ~own_mask) <= _MAX_EDITS
        fits &= np.bitwise_count(own_mask & ~candidate_masks) <= _MAX_EDITS
        near = process.extract(
            plain,
            [words[start + n] for n in np.flatnonzero(fits).tolist()],
            scorer=OSA.distance,
            score_cutoff=_MAX_EDITS,
            limit=None,
        )
        for candidate, _, _ in near:
            cost = edit_cost(plain, candidate)
            if cost <= max_cost:
                yield cost - self._frequency_bonus(candidate), candidate

    def _inflection_candidates(self, plain: str, max_cost: float) -> Iterator[tuple[float, str]]:
        """Yield known words, one edit away, that the guide uses with another ending."""
        for candidate in _single_edits(plain):
            if candidate in self._word_counts or not self._is_known_word(candidate):
                continue
            cost = edit_cost(plain, candidate)
            if cost <= max_cost and self._has_stem(candidate):
                yield cost + _INFLECTION_COST, candidate

    def _split_candidates(self, plain: str, max_cost: float) -> Iterator[tuple[float, str]]:
        """Yield two words of the guide that were written without a space."""
        for n in range(2, len(plain) - 2) if max_cost >= _SPLIT_COST else ():
            halves = plain[:n], plain[n:]
            if (n > 2 or halves[0] in _SHORT_HALVES) and all(
                half in self._word_counts for half in halves
            ):
                bonus = min(map(self._frequency_bonus, halves))
                yield _SPLIT_COST - bonus, " ".join(halves)

    def _split_number(self, word: str, length: int) -> str:
        """Split a name from its number where the guide writes both, and not as one word."""
        name, number = word[:length], word[length:]
        is_split = name.lower() in self._word_counts and self._has_stem(number)
        return f"{name} {number}" if is_split and not self._has_stem(word) else word

    def _split_phrasal_noun(self, plain: str) -> str:
        """Split a noun like `setup` into the verb that the guide writes; empty for any other."""
        for particle in _PARTICLES:
            verb = plain.removesuffix(particle)
            is_verb = verb in self._word_counts and verb not in STOPWORDS
            if verb != plain and len(verb) > 2 and is_verb:
                return f"{verb} {particle}"
        return ""

    def _frequency_bonus(self, word: str) -> float:
        return _FREQUENCY_WEIGHT * math.log(1 + self._word_counts.get(word, 0))

    def _is_english(self, plain: str) -> bool:
        """Whether a word is a known one with another ending or a prefix."""
        if any(map(self._is_known_word, (f"{plain}ed", f"{plain}ing"))) and plain[-1] != "e":
            return True
        if self._is_known_word(f"{plain}s") and plain[-1] != "s":
            return True
        silent_e = plain[-1] == "e" and plain[-2] != "e" and len(plain) > 4
        if silent_e and any(map(self._is_known_word, (f"{plain}d", f"{plain[:-1]}ing"))):
            return True
        bare = [
            plain.removeprefix(prefix)
            for prefix in _PREFIXES
            if plain.startswith(prefix) and len(plain) > len(prefix) + 4
        ]
        roots = [root for part in (plain, *bare) for root in _find_roots(part)]
        return any(self._is_known_word(root) for root in (*bare, *roots) if len(root) > 3)

    @cached_property
    def _candidate_words(self) -> tuple[list[str], list[int], NDArray[np.uint64]]:
        """The possible corrections sorted by length, where each length starts, and letter masks."""
        longest = _MAX_LENGTH + _MAX_EDITS
        unique = dict.fromkeys([*self._word_counts, *sorted(self._extra_words)])
        words = [word for word in unique if _MIN_LENGTH <= len(word) <= longest and word.isalpha()]
        words.sort(key=len)
        lengths = [len(word) for word in words]
        first_of_length = [bisect_left(lengths, length) for length in range(longest + 2)]
        return words, first_of_length, _letter_masks(words)


def edit_cost(typed: str, intended: str) -> float:
    """Compute how unlikely it is that one word was typed for another: the least sum of edits."""
    # The prefix and the suffix that both words share are correct.
    begin = 0
    while begin < min(len(typed), len(intended)) and typed[begin] == intended[begin]:
        begin += 1
    end = 0
    shorter = min(len(typed), len(intended))
    while end < shorter - begin and typed[-1 - end] == intended[-1 - end]:
        end += 1
    typed_middle = range(begin, len(typed) - end)

    row = [0.0]
    for j in typed_middle:
        row.append(row[-1] + _insertion_cost(typed, j) + (0.0 if begin else _FIRST_LETTER_COST))
    before: list[float] = []
    for i in range(begin, len(intended) - end):
        first, right = 0.0 if i else _FIRST_LETTER_COST, intended[i]
        deletion = _DOUBLED_DELETION_COST if _is_doubled(intended, i) else _DELETION_COST
        deletion += first
        after = [row[0] + deletion]
        for n, j in enumerate(typed_middle):
            letter = typed[j]
            substitution = _substitution_cost(letter, right) + first if letter != right else 0.0
            costs = [
                row[n] + substitution,
                row[n + 1] + deletion,
                after[n] + _insertion_cost(typed, j),
            ]
            if before and n and letter == intended[i - 1] != right == typed[j - 1]:
                costs.append(before[n - 1] + _SWAP_COST + (_FIRST_LETTER_COST if i == 1 else 0.0))
            after.append(min(costs))
        before, row = row, after
    return row[-1]


def _single_edits(word: str) -> set[str]:
    """List all words that one edit makes: a letter deleted, inserted, replaced or swapped."""
    edits = set()
    for n in range(len(word) + 1):
        before, after = word[:n], word[n:]
        edits.add(before + after[1:])
        edits.add(before + after[1:2] + after[:1] + after[2:])
        for letter in ascii_lowercase:
            edits.add(before + letter + after)
            edits.add(before + letter + after[1:])
    return edits


def _insertion_cost(word: str, n: int) -> float:
    if _is_doubled(word, n):
        return _DOUBLED_INSERTION_COST
    return _VOWEL_INSERTION_COST if word[n] in _VOWELS else _INSERTION_COST


def _is_doubled(word: str, n: int) -> bool:
    """Whether a letter is beside an equal one."""
    return word[n] in (word[n - 1 : n], word[n + 1 : n + 2])


def _substitution_cost(letter: str, right: str) -> float:
    if letter in _VOWELS and right in _VOWELS:
        return _VOWEL_SUBSTITUTION_COST
    pair = frozenset((letter, right))
    if pair in _SIMILAR_SOUNDS:
        return _SIMILAR_SOUND_COST
    return _NEIGHBOUR_KEY_COST if pair in _NEIGHBOUR_KEYS else _SUBSTITUTION_COST


def _find_roots(word: str) -> Iterator[str]:
    """List what an English suffix may have been added to."""
    for suffix in _SUFFIXES:
        root = word.removesuffix(suffix)
        if root == word or len(root) < 3:
            continue
        if root[-1] == "i":
            yield root[:-1] + "y"
        if suffix == "s" and root[-1] in "sxz":
            continue
        if suffix == "es" and not root.endswith(("s", "x", "z", "o", "ch", "sh")):
            continue
        yield root
        if suffix[0] not in _VOWELS or root[-1] in _VOWELS:
            continue
        if root[-1] != root[-2]:
            yield root + "e"
        elif root[-3] in _VOWELS and (len(root) == 3 or root[-4:-3] not in _VOWELS):
            yield root[:-1]


def _letter_masks(words: Sequence[str]) -> NDArray[np.uint64]:
    """Encode the letters of each word as bits; letters outside a to z may share one."""
    codes = np.frombuffer("".join(words).encode("utf-32-le"), dtype=np.uint32)
    bits = np.uint64(1) << (codes & np.uint32(63)).astype(np.uint64)
    begins = np.cumsum([0, *map(len, words)])[:-1]
    return np.bitwise_or.reduceat(bits, begins) if words else bits
