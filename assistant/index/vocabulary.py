"""What one guide calls things: its words, how common they are, and its acronyms.

Knows how acronyms are written out and how they are formed from phrases. Must not know how
passages are stored or ranked, nor how words are misspelt.
"""

from __future__ import annotations

import itertools
import math
import re
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from assistant.index import forward_index as lexicons
from assistant.index import phrases
from assistant.index.phrases import SMALL
from assistant.text.text import STOPWORDS, stem, words

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from assistant.index.forward_index import Lexicon, Postings
    from assistant.index.phrases import Key, Phrase
    from assistant.models.documents import Passage

READINGS_KEPT = 4

_ACRONYM = re.compile(r"^[A-Z](?=[a-z&/]{0,6}[A-Z0-9])[A-Za-z0-9&/]{1,7}$")
_PLURAL = re.compile(r"['’]?s$")
# What a bracket holds, and read backwards the words before it.
_BRACKET = re.compile(r"\(([A-Z][A-Za-z0-9&./]{1,8})(?:[,;][^()\n]{0,80})?\)")
_BEFORE = re.compile(r"(?:[ \t]++[\w’'&/-]++){1,8}")
_IN_BRACKET = re.compile(r"\b([A-Z][A-Za-z0-9&./]{1,8})[ \t]+\(([A-Za-z][^()\n]{3,80})\)")


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

    def rarities(self, terms: Iterable[str]) -> NDArray[np.float64]:
        """How rare each stem is."""
        return np.array([*map(self.rarity, terms)], dtype=np.float64)

    def says(self, word: str) -> bool:
        """Whether the guide uses the word, in any of its endings."""
        return stem(word.lower()) in self.frequency

    def without(self, passages: Iterable[Passage]) -> Vocabulary:
        """What would be counted were some of the passages not in the guide."""
        gone = [{stem(word) for word in words(passage.search_text)} for passage in passages]
        lost = Counter(term for found in gone for term in found)
        left = self.frequency | {term: self.frequency.get(term, 0) - n for term, n in lost.items()}
        frequency = {term: count for term, count in left.items() if count > 0}
        return replace(self, passages=self.passages - len(gone), frequency=frequency)

    def readings(self, token: str) -> tuple[Reading, ...]:
        """What a word of a question may stand for, if it is an acronym the guide can spell.

        A lower-case word is one only where it means nothing else, to the guide or in English.
        """
        plain = token.replace(".", "")
        singular = _PLURAL.sub("", plain)
        if plain.upper() not in self.acronyms and singular.upper() not in self.acronyms:
            return ()
        if plain in STOPWORDS and not self._spelled(plain):
            return ()  # `was` is no several WA
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
        if self._spelled(form):
            return form.lower() in STOPWORDS
        return form.lower() in STOPWORDS or form.lower() in self.surface

    def _spelled(self, form: str) -> bool:
        return any(reading.spelled for reading in self.acronyms.get(form.upper(), ()))

    def spelled_out(self) -> Iterator[tuple[str, str]]:
        """The acronyms the guide writes beside what they stand for, and that, in order."""
        for acronym, readings in sorted(self.acronyms.items()):
            for reading in readings:
                if reading.spelled:
                    yield acronym, reading.phrase

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


def mine(passages: Sequence[Passage]) -> Vocabulary:
    """Collect a guide's words and acronyms from its passages."""
    lexicon = lexicons.read(passages)
    by_page = itertools.groupby(passages, key=lambda passage: passage.path)
    found = acronyms(
        lexicon,
        headings=dict.fromkeys(itertools.chain.from_iterable(p.headings for p in passages)),
        pages=[(path, len(list(group))) for path, group in by_page],
        spelled=Counter(pair for passage in passages for pair in written_out(passage.text)),
    )
    return count(lexicon, lexicons.postings(lexicon), found)


def count(
    lexicon: Lexicon, postings: Postings, known: dict[str, tuple[Reading, ...]]
) -> Vocabulary:
    """The vocabulary of a guide from its words, where they stand, and its acronyms."""
    return Vocabulary(
        len(lexicon.first) - 1,
        dict(zip(postings.stems, np.diff(postings.ends).tolist(), strict=True)),
        lexicons.written(lexicon),
        known,
    )


def acronyms(
    lexicon: Lexicon,
    *,
    headings: Iterable[str],
    pages: Sequence[tuple[str, int]],
    spelled: Mapping[tuple[str, str], int],
) -> dict[str, tuple[Reading, ...]]:
    """The readings of a guide's acronyms, likeliest first.

    `headings` are distinct, `pages` the paths with how many passages each has, and `spelled` how
    often each acronym is written beside each phrase.
    """
    halved = phrases.halvings(lexicons.size(lexicon))
    chosen = [phrases.is_sampled(path, halved) for path, _ in pages]
    sample = np.repeat(np.array(chosen, dtype=np.bool_), [passages for _, passages in pages])
    found = phrases.count(
        headings,
        lexicons.sampled(lexicon, sample),
        worth=1 << halved,
        wanted={_key(phrase) for _, phrase in spelled},
    )
    return _readings(spelled, {phrase.key: phrase for phrase in found})


def written_out(text: str) -> Iterator[tuple[str, str]]:
    """Acronyms a text writes beside what they stand for, in either order."""
    end = 0
    for match in _BRACKET.finditer(text):
        before = _BEFORE.match(text[end : match.start()][::-1])
        end = match.end()
        acronym, run = _singular(match[1]), before[0][::-1].split() if before else []
        for length in range(1, len(run) + 1):
            if spells(run[-length:], acronym):
                yield _closed_up(acronym), " ".join(run[-length:]).lower()
                break
    for match in _IN_BRACKET.finditer(text) if "(" in text else ():
        acronym, run = _singular(match[1]), match[2].split()
        if spells(run, acronym):
            yield _closed_up(acronym), " ".join(run).lower()


def spells(run: list[str], acronym: str) -> bool:
    """Whether the words of a run give the letters of an acronym, in order.

    Each word gives its first letter, or its digit for `to` and `for`, or X where it begins with
    `ex`; small words and the later parts of compounds may give none.
    """
    letters = re.sub(r"[.&/]", "", acronym.lower())
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
    spelled: Mapping[tuple[str, str], int], known: Mapping[Key, Phrase]
) -> dict[str, tuple[Reading, ...]]:
    found: dict[str, dict[Key, Reading]] = {}
    for (acronym, written), times in sorted(spelled.items()):
        key = _key(written)
        phrase = known.get(key)
        weight = max(times, phrase.count) if phrase else times
        spelling = phrase.spelling if phrase else written
        found.setdefault(acronym, {})[key] = Reading(spelling, weight, spelled=True)
    within = {
        part
        for key, phrase in known.items()
        for part in (key[:-1], key[1:])
        if part in known and known[part].count == phrase.count
    }
    # What never stands but in a longer phrase is meant only where nothing else can be.
    for key, phrase in sorted(known.items(), key=lambda pair: pair[0] in within):
        if not phrase.known:
            continue
        for acronym in {initials.upper() for initials in _initials(key)}:
            if len(acronym) > 1 and not acronym.isdigit():
                readings = found.setdefault(acronym, {})
                if key not in within or readings.keys() <= within:
                    formed = Reading(phrase.spelling, phrase.count, spelled=False)
                    readings.setdefault(key, formed)
    return {acronym: _likeliest(readings.values()) for acronym, readings in found.items()}


def _key(phrase: str) -> Key:
    return tuple(map(stem, words(phrase)))


def _likeliest(readings: Iterable[Reading]) -> tuple[Reading, ...]:
    """Written out before formed, then by how much the guide talks about it; the tail is dropped."""
    ordered = sorted(readings, key=lambda r: (not r.spelled, -r.weight, r.phrase))
    return tuple(ordered[:READINGS_KEPT])


def _closed_up(acronym: str) -> str:
    return acronym.upper().replace(".", "")


def _singular(acronym: str) -> str:
    return acronym[:-1] if acronym.endswith("s") and acronym[:-1].isupper() else acronym
