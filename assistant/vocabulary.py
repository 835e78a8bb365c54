"""What one guide calls things: its words, how common they are, and its acronyms.

Knows how acronyms are written out, how they are formed from phrases, and which of its own
words a misspelt one was meant to be. Must not know how passages are stored or ranked.
"""

from __future__ import annotations

import itertools
import math
import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rapidfuzz.distance import DamerauLevenshtein

from assistant.text import STOPWORDS, stem, terms, words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from assistant.model import Passage

SMALL = frozenset("a an and as at by for from in of on or the to with".split())
"""Words an acronym may leave out, or stand for by their first letter."""

LONGEST_PHRASE = 5
READINGS_KEPT = 4

# A phrase that stands in no heading must come up this often before its initials mean it.
_FREQUENT = 3
# Counting phrases of a very large guide: what came up once so far is forgotten past this size.
_PHRASES_HELD = 2_000_000

_ACRONYM = re.compile(r"^(?=(?:.*[A-Z0-9]){2})[A-Z][A-Za-z0-9&]{0,7}$")
_BEFORE_BRACKET = re.compile(
    r"(?<![\w’'&/-])((?:[\w’'&/-]++[ \t]++){1,8})"
    r"\(([A-Z][A-Za-z0-9&.]{1,8})(?:[,;][^()\n]{0,80})?\)"
)
_IN_BRACKET = re.compile(r"\b([A-Z][A-Za-z0-9&.]{1,8})[ \t]+\(([A-Za-z][^()\n]{3,80})\)")
_CLAUSE = re.compile(r"[.!?;:,()\[\]|>\"“”\n—–]+|\bvs\b|\bversus\b", re.I)


@dataclass(frozen=True, slots=True)
class Reading:
    """What an acronym may stand for, and how much the guide talks about it.

    `spelled` is whether the guide itself writes the two side by side.
    """

    phrase: str
    weight: int
    spelled: bool


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The words and acronyms of one guide.

    `passages` is how many there are, `frequency` in how many of them each stem stands, `surface`
    how often each word is written, `acronyms` the readings of each acronym, likeliest first.
    """

    passages: int
    frequency: dict[str, int]
    surface: dict[str, int]
    acronyms: dict[str, tuple[Reading, ...]]

    def rarity(self, term: str) -> float:
        """How rare a stem is: ln(1 + N/(n+½)), largest for what the guide never says."""
        return math.log(1 + self.passages / (self.frequency.get(term, 0) + 0.5))

    def says(self, word: str) -> bool:
        """Whether the guide uses the word, in any of its endings."""
        return stem(word.lower()) in self.frequency

    def readings(self, token: str) -> tuple[Reading, ...]:
        """What a word of a question may stand for, if it is an acronym the guide can spell.

        A lower-case word is one only where it means nothing else, to the guide or in English.
        """
        plain = token.replace(".", "")
        singular = re.sub(r"['’]?s$", "", plain)
        # `PMs` are several PM before they are a PMS.
        for form in (singular, plain) if _ACRONYM.match(singular) else (plain, singular):
            if not _ACRONYM.match(form) and self._is_a_word(form):
                continue
            # Where the guide writes the letters themselves, a phrase that merely begins with
            # them must be talked about at least as much to be what they mean.
            written = self.surface.get(form.lower(), 0)
            found = self.acronyms.get(form.upper(), ())
            meant = tuple(r for r in found if r.spelled or r.weight >= written)
            if meant:
                return meant
        return ()

    def _is_a_word(self, form: str) -> bool:
        if any(reading.spelled for reading in self.acronyms.get(form.upper(), ())):
            return form.lower() in STOPWORDS
        return form.lower() in STOPWORDS or form.lower() in self.surface

    def short_forms(self, question: str) -> list[str]:
        """The acronyms the guide writes beside a phrase that the question spells out."""
        asked = " " + " ".join(terms(question)) + " "
        return sorted(
            acronym
            for acronym, readings in self.acronyms.items()
            for reading in readings
            if reading.spelled and f" {' '.join(terms(reading.phrase))} " in asked
        )

    def mend(
        self, word: str, known: Callable[[str], bool], others: frozenset[str] = frozenset()
    ) -> str:
        """The guide's word that a misspelt one was meant to be, or the word as it stands.

        Left alone: words of the guide, words `known` to be right, very short words, and anything
        with a digit or a capital inside. The nearest word by edit distance wins, then the commoner;
        `others` are words that may be meant beside the guide's.
        """
        plain = word.lower()
        if len(plain) < 4 or not plain.isalpha() or not (word.islower() or word.istitle()):
            return word
        if self.says(plain) or plain in STOPWORDS or plain in others or known(plain):
            return word
        allowed = 1 if len(plain) < 8 else 2
        shortest = (
            5 if len(plain) == 4 else 4
        )  # four letters say little: only a missing one is mended
        near = [
            (distance, -count, candidate)
            for candidate, count in itertools.chain(self.surface.items(), ((o, 0) for o in others))
            if abs(len(candidate) - len(plain)) <= allowed
            and len(candidate) >= shortest
            and candidate[0] == plain[0]
            and (distance := DamerauLevenshtein.distance(plain, candidate, score_cutoff=allowed))
            <= allowed
        ]
        return min(near)[2] if near else word

    def to_dict(self) -> dict[str, Any]:
        """The vocabulary as JSON types, keys sorted."""
        return {
            "passages": self.passages,
            "frequency": dict(sorted(self.frequency.items())),
            "surface": dict(sorted(self.surface.items())),
            "acronyms": {
                acronym: [[r.phrase, r.weight, r.spelled] for r in readings]
                for acronym, readings in sorted(self.acronyms.items())
            },
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Vocabulary:
        """The vocabulary that `to_dict` wrote."""
        return cls(
            passages=data["passages"],
            frequency=data["frequency"],
            surface=data["surface"],
            acronyms={
                acronym: tuple(Reading(*reading) for reading in readings)
                for acronym, readings in data["acronyms"].items()
            },
        )


def mine(passages: Iterable[Passage]) -> Vocabulary:
    """Collect a guide's words and acronyms from its passages."""
    frequency: Counter[str] = Counter()
    surface: Counter[str] = Counter()
    phrases = _Phrases()
    spelled: dict[str, Counter[str]] = {}
    total = 0
    for passage in passages:
        total += 1
        text = passage.search_text
        found = words(text)
        frequency.update({stem(word) for word in found})
        surface.update(word for word in found if word.isalpha())
        for heading in passage.headings:
            phrases.add(heading, heading=True)
        phrases.add(passage.body)
        for acronym, phrase in written_out(passage.text):
            spelled.setdefault(acronym, Counter())[phrase] += 1
    return Vocabulary(total, dict(frequency), dict(surface), _readings(spelled, phrases))


class _Phrases:
    """How often each run of words comes up, and in which spelling."""

    def __init__(self) -> None:
        self.count: Counter[tuple[str, ...]] = Counter()
        self.written: dict[tuple[str, ...], Counter[str]] = {}
        self.names: set[tuple[str, ...]] = set()  # what headings begin or end with
        self._seen_headings: set[str] = set()

    def add(self, text: str, *, heading: bool = False) -> None:
        if heading:
            if text in self._seen_headings:
                return
            self._seen_headings.add(text)
        for clause in _CLAUSE.split(text):
            run = words(clause)
            for length in range(2, LONGEST_PHRASE + 1):
                for start in range(len(run) - length + 1):
                    at_an_end = start == 0 or start + length == len(run)
                    self._count(run[start : start + length], names=heading and at_an_end)
        if len(self.count) > _PHRASES_HELD:
            self._forget()

    def _count(self, run: list[str], *, names: bool) -> None:
        if run[0] in STOPWORDS or run[-1] in STOPWORDS:
            return
        if any(word in STOPWORDS and word not in SMALL for word in run[1:-1]):
            return
        key = tuple(map(stem, run))
        self.count[key] += 1
        self.written.setdefault(key, Counter())[" ".join(run)] += 1
        if names:
            self.names.add(key)

    def _forget(self) -> None:
        for key in [key for key, n in self.count.items() if n == 1 and key not in self.names]:
            del self.count[key], self.written[key]

    def spelling(self, key: tuple[str, ...]) -> str:
        """The phrase as written, in the singular where the guide has it."""
        return min(self.written[key], key=lambda phrase: (len(phrase), phrase))


def written_out(text: str) -> Iterator[tuple[str, str]]:
    """Acronyms a text writes beside what they stand for, in either order."""
    for match in _BEFORE_BRACKET.finditer(text):
        acronym = _singular(match[2])
        run = match[1].split()
        for length in range(1, len(run) + 1):
            if spells(run[-length:], acronym):
                yield _closed_up(acronym), " ".join(run[-length:]).lower()
                break
    for match in _IN_BRACKET.finditer(text):
        acronym, run = _singular(match[1]), match[2].split()
        if spells(run, acronym):
            yield _closed_up(acronym), " ".join(run).lower()


def spells(run: list[str], acronym: str) -> bool:
    """Whether the words of a run give the letters of an acronym, in order.

    Each word gives its first letter, or its digit for `to` and `for`, or X where it begins with
    `ex`; small words and the later parts of compounds may give none.
    """
    letters = acronym.lower().replace(".", "").replace("&", "")
    parts = [part for word in run for part in re.split(r"[-/’']", word.lower()) if part]
    if not letters or not parts or parts[0] in SMALL:
        return False

    reached = {0}  # how many letters the words so far may have given
    for word in parts:
        given = {n + 1 for n in reached if n < len(letters) and letters[n] in _letters(word)}
        reached = given | reached if word in SMALL else given
    return len(letters) in reached


def _letters(word: str) -> str:
    other = {"to": "2", "too": "2", "two": "2", "for": "4", "four": "4"}.get(word, "")
    return word[0] + other + ("x" if word.startswith("ex") else "")


def _initials(key: tuple[str, ...]) -> Iterator[str]:
    """The acronyms a phrase may form: small words left out, given by letter, or by digit."""
    full = "".join(word[0] for word in key)
    yield full
    yield "".join(word[0] for word in key if word not in SMALL)
    yield "".join(_letters(word)[-1] for word in key)


def _readings(
    spelled: dict[str, Counter[str]], phrases: _Phrases
) -> dict[str, tuple[Reading, ...]]:
    found: dict[str, dict[tuple[str, ...], Reading]] = {}
    for acronym, written in spelled.items():
        for phrase in sorted(written):
            key = tuple(map(stem, words(phrase)))
            weight = max(written[phrase], phrases.count[key])
            spelling = phrases.spelling(key) if key in phrases.written else phrase
            found.setdefault(acronym, {})[key] = Reading(spelling, weight, spelled=True)
    for key, count in phrases.count.items():
        if count < _FREQUENT and key not in phrases.names:
            continue
        for acronym in {initials.upper() for initials in _initials(key)}:
            if len(acronym) > 1 and not acronym.isdigit():
                formed = Reading(phrases.spelling(key), count, spelled=False)
                found.setdefault(acronym, {}).setdefault(key, formed)
    return {acronym: _likeliest(readings.values()) for acronym, readings in found.items()}


def _likeliest(readings: Iterable[Reading]) -> tuple[Reading, ...]:
    """Written out before formed, then by how much the guide talks about it; the tail is dropped."""
    ordered = sorted(readings, key=lambda r: (not r.spelled, -r.weight, r.phrase))
    return tuple(ordered[:READINGS_KEPT])


def _closed_up(acronym: str) -> str:
    return acronym.upper().replace(".", "")


def _singular(acronym: str) -> str:
    return acronym[:-1] if acronym.endswith("s") and acronym[:-1].isupper() else acronym
