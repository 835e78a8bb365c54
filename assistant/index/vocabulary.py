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
from assistant.index.phrases import OPTIONAL_WORDS
from assistant.text.text import STOPWORDS, split_words, stem

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from assistant.index.forward_index import ForwardIndex, Postings
    from assistant.index.phrases import Key, Phrase
    from assistant.models.documents import Passage

MAX_EXPANSIONS = 4

_ACRONYM = re.compile(r"^[A-Z](?=[a-z&/]{0,6}[A-Z0-9])[A-Za-z0-9&/]{1,7}$")
_PLURAL = re.compile(r"['’]?s$")
# What a bracket holds, and read backwards the words before it.
_BRACKET = re.compile(r"\(([A-Z][A-Za-z0-9&./]{1,8})(?:[,;][^()\n]{0,80})?\)")
_WORDS_BEFORE = re.compile(r"(?:[ \t]++[\w’'&/-]++){1,8}")
_IN_BRACKET = re.compile(r"\b([A-Z][A-Za-z0-9&./]{1,8})[ \t]+\(([A-Za-z][^()\n]{3,80})\)")


@dataclass(frozen=True, slots=True)
class Expansion:
    """What an acronym may stand for, and how much the guide talks about it.

    `spelled` is whether the guide itself writes the two side by side.
    """

    phrase: str
    weight: int
    is_defined: bool


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The words and acronyms of one guide.

    `passages` is how many there are, `frequency` in how many of them each stem stands, `surface`
    how often each word is written, `acronyms` the readings of each acronym, likeliest first.
    """

    passages: int
    document_frequency: dict[str, int]
    word_counts: dict[str, int]
    acronyms: dict[str, tuple[Expansion, ...]]

    def idf(self, term: str) -> float:
        """How rare a stem is: ln(1 + N/(n+½)), largest for what the guide never says."""
        return math.log(1 + self.passages / (self.document_frequency.get(term, 0) + 0.5))

    def idfs(self, terms: Iterable[str]) -> NDArray[np.float64]:
        """How rare each stem is."""
        return np.array([*map(self.idf, terms)], dtype=np.float64)

    def contains(self, word: str) -> bool:
        """Whether the guide uses the word, in any of its endings."""
        return stem(word.lower()) in self.document_frequency

    def excluding(self, passages: Iterable[Passage]) -> Vocabulary:
        """What would be counted were some of the passages not in the guide."""
        gone = [{stem(word) for word in split_words(passage.search_text)} for passage in passages]
        lost = Counter(term for found in gone for term in found)
        left = self.document_frequency | {
            term: self.document_frequency.get(term, 0) - n for term, n in lost.items()
        }
        frequency = {term: count for term, count in left.items() if count > 0}
        return replace(self, passages=self.passages - len(gone), document_frequency=frequency)

    def expansions(self, token: str) -> tuple[Expansion, ...]:
        """What a word of a question may stand for, if it is an acronym the guide can spell.

        A lower-case word is one only where it means nothing else, to the guide or in English.
        """
        plain = token.replace(".", "")
        singular = _PLURAL.sub("", plain)
        if plain.upper() not in self.acronyms and singular.upper() not in self.acronyms:
            return ()
        if plain in STOPWORDS and not self._is_defined(plain):
            return ()  # `was` is no several WA
        # `PMs` are several PM before they are a PMS.
        for form in (singular, plain) if _ACRONYM.match(singular) else (plain, singular):
            if not _ACRONYM.match(form) and self._is_a_word(form):
                continue
            # Where the guide writes the letters themselves, a phrase that merely begins with
            # them must be talked about at least as much to be what they mean.
            written = self.word_counts.get(form.lower(), 0)
            found = self.acronyms.get(form.upper(), ())
            meant = tuple(r for r in found if r.is_defined or r.weight >= written)
            if meant:
                return meant
        return ()

    def _is_a_word(self, form: str) -> bool:
        if self._is_defined(form):
            return form.lower() in STOPWORDS
        return form.lower() in STOPWORDS or form.lower() in self.word_counts

    def _is_defined(self, form: str) -> bool:
        return any(reading.is_defined for reading in self.acronyms.get(form.upper(), ()))

    def defined_acronyms(self) -> Iterator[tuple[str, str]]:
        """The acronyms the guide writes beside what they stand for, and that, in order."""
        for acronym, readings in sorted(self.acronyms.items()):
            for reading in readings:
                if reading.is_defined:
                    yield acronym, reading.phrase

    def to_dict(self) -> dict[str, Any]:
        """The vocabulary as JSON types, keys sorted."""
        return {
            "passages": self.passages,
            "frequency": dict(sorted(self.document_frequency.items())),
            "surface": dict(sorted(self.word_counts.items())),
            "acronyms": {
                acronym: [[r.phrase, r.weight, r.is_defined] for r in readings]
                for acronym, readings in sorted(self.acronyms.items())
            },
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Vocabulary:
        """The vocabulary that `to_dict` wrote."""
        return cls(
            passages=data["passages"],
            document_frequency=data["frequency"],
            word_counts=data["surface"],
            acronyms={
                acronym: tuple(Expansion(*reading) for reading in readings)
                for acronym, readings in data["acronyms"].items()
            },
        )


def build_vocabulary(passages: Sequence[Passage]) -> Vocabulary:
    """Collect a guide's words and acronyms from its passages."""
    lexicon = lexicons.index_passages(passages)
    by_page = itertools.groupby(passages, key=lambda passage: passage.path)
    found = collect_acronyms(
        lexicon,
        headings=dict.fromkeys(itertools.chain.from_iterable(p.headings for p in passages)),
        pages=[(path, len(list(group))) for path, group in by_page],
        definitions=Counter(
            pair for passage in passages for pair in find_definitions(passage.text)
        ),
    )
    return count_vocabulary(lexicon, lexicons.build_postings(lexicon), found)


def count_vocabulary(
    lexicon: ForwardIndex, postings: Postings, acronyms: dict[str, tuple[Expansion, ...]]
) -> Vocabulary:
    """The vocabulary of a guide from its words, where they stand, and its acronyms."""
    return Vocabulary(
        len(lexicon.offsets) - 1,
        dict(zip(postings.terms, np.diff(postings.offsets).tolist(), strict=True)),
        lexicons.count_words(lexicon),
        acronyms,
    )


def collect_acronyms(
    lexicon: ForwardIndex,
    *,
    headings: Iterable[str],
    pages: Sequence[tuple[str, int]],
    definitions: Mapping[tuple[str, str], int],
) -> dict[str, tuple[Expansion, ...]]:
    """The readings of a guide's acronyms, likeliest first.

    `headings` are distinct, `pages` the paths with how many passages each has, and `spelled` how
    often each acronym is written beside each phrase.
    """
    halved = phrases.count_halvings(lexicons.count_clause_words(lexicon))
    chosen = [phrases.is_sampled(path, halved) for path, _ in pages]
    sample = np.repeat(np.array(chosen, dtype=np.bool_), [passages for _, passages in pages])
    found = phrases.count_phrases(
        headings,
        lexicons.select_passages(lexicon, sample),
        weight=1 << halved,
        required={_stem_phrase(phrase) for _, phrase in definitions},
    )
    return _expansions(definitions, {phrase.key: phrase for phrase in found})


def find_definitions(text: str) -> Iterator[tuple[str, str]]:
    """Acronyms a text writes beside what they stand for, in either order."""
    end = 0
    for match in _BRACKET.finditer(text):
        before = _WORDS_BEFORE.match(text[end : match.start()][::-1])
        end = match.end()
        acronym, run = _singular(match[1]), before[0][::-1].split() if before else []
        for length in range(1, len(run) + 1):
            if is_acronym_of(run[-length:], acronym):
                yield _without_dots(acronym), " ".join(run[-length:]).lower()
                break
    for match in _IN_BRACKET.finditer(text) if "(" in text else ():
        acronym, run = _singular(match[1]), match[2].split()
        if is_acronym_of(run, acronym):
            yield _without_dots(acronym), " ".join(run).lower()


def is_acronym_of(run: list[str], acronym: str) -> bool:
    """Whether the words of a run give the letters of an acronym, in order.

    Each word gives its first letter, or its digit for `to` and `for`, or X where it begins with
    `ex`; small words and the later parts of compounds may give none.
    """
    letters = re.sub(r"[.&/]", "", acronym.lower())
    parts = [part for word in run for part in re.split(r"[-/’']", word.lower()) if part]
    if not letters or not parts or parts[0] in OPTIONAL_WORDS:
        return False

    reached = {0}  # how many letters the words so far may have given
    for word in parts:
        given = {n + 1 for n in reached if n < len(letters) and letters[n] in _letters_of(word)}
        reached = given | reached if word in OPTIONAL_WORDS else given
    return len(letters) in reached


def _letters_of(word: str) -> str:
    other = {"to": "2", "too": "2", "two": "2", "for": "4", "four": "4"}.get(word, "")
    return word[0] + other + ("x" if word.startswith("ex") else "")


def _acronyms_of(key: tuple[str, ...]) -> Iterator[str]:
    """The acronyms a phrase may form: small words left out, given by letter, or by digit."""
    full = "".join(word[0] for word in key)
    yield full
    yield "".join(word[0] for word in key if word not in OPTIONAL_WORDS)
    yield "".join(_letters_of(word)[-1] for word in key)


def _expansions(
    spelled: Mapping[tuple[str, str], int], known: Mapping[Key, Phrase]
) -> dict[str, tuple[Expansion, ...]]:
    found: dict[str, dict[Key, Expansion]] = {}
    for (acronym, written), times in sorted(spelled.items()):
        key = _stem_phrase(written)
        phrase = known.get(key)
        weight = max(times, phrase.count) if phrase else times
        spelling = phrase.spelling if phrase else written
        found.setdefault(acronym, {})[key] = Expansion(spelling, weight, is_defined=True)
    within = {
        part
        for key, phrase in known.items()
        for part in (key[:-1], key[1:])
        if part in known and known[part].count == phrase.count
    }
    # What never stands but in a longer phrase is meant only where nothing else can be.
    for key, phrase in sorted(known.items(), key=lambda pair: pair[0] in within):
        if not phrase.is_established:
            continue
        for acronym in {initials.upper() for initials in _acronyms_of(key)}:
            if len(acronym) > 1 and not acronym.isdigit():
                readings = found.setdefault(acronym, {})
                if key not in within or readings.keys() <= within:
                    formed = Expansion(phrase.spelling, phrase.count, is_defined=False)
                    readings.setdefault(key, formed)
    return {acronym: _most_likely(readings.values()) for acronym, readings in found.items()}


def _stem_phrase(phrase: str) -> Key:
    return tuple(map(stem, split_words(phrase)))


def _most_likely(readings: Iterable[Expansion]) -> tuple[Expansion, ...]:
    """Written out before formed, then by how much the guide talks about it; the tail is dropped."""
    ordered = sorted(readings, key=lambda r: (not r.is_defined, -r.weight, r.phrase))
    return tuple(ordered[:MAX_EXPANSIONS])


def _without_dots(acronym: str) -> str:
    return acronym.upper().replace(".", "")


def _singular(acronym: str) -> str:
    return acronym[:-1] if acronym.endswith("s") and acronym[:-1].isupper() else acronym
