"""Acronyms of a guide, mined from its own text: what each may stand for."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from assistant.index.forward_index import count_clause_words, select_passages
from assistant.index.phrases import (
    DIGIT_WORDS,
    MIN_COUNT,
    OPTIONAL_WORDS,
    count_halvings,
    count_phrases,
    is_sampled,
    stem_phrase,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from assistant.index.forward_index import ForwardIndex
    from assistant.index.phrases import Key, Phrase
    from assistant.models.documents import Passage

    Edit = tuple[Sequence[Passage], Sequence[Passage]]

MAX_EXPANSIONS = 4

_ARTICLES = frozenset(("a", "an", "the"))

MAX_FORMED_LETTERS = 4
"""The most letters of an acronym that is formed from a heading: a longer one is a sentence."""

# An acronym in a bracket, the words before it (matched in the reversed text), and an acronym before
# a bracket.
_BRACKET = re.compile(r"\(([A-Z][A-Za-z0-9&./]{1,8})(?:[,;][^()\n]{0,80})?\)")
_WORDS_BEFORE = re.compile(r"(?:[ \t]++[\w’'&/-]++){1,8}")
_IN_BRACKET = re.compile(r"\b([A-Z][A-Za-z0-9&./]{1,8})[ \t]+\(([A-Za-z][^()\n]{3,80})\)")
# A word with two capitals, or with a capital and a digit; it may be an acronym.
_CAPITALS = re.compile(r"(?<![\w.&/-])[A-Z](?=[a-z&/]{0,6}[A-Z0-9])[A-Za-z0-9&/]{1,7}(?![\w&/-])")
# What stands between an acronym and its words: a verb, or the mark of a glossary's row.
_AFTER_ACRONYM = re.compile(
    r"[*_`\])\"”’']{0,4}[ \t]*(?:(?:stands for|is short for|short for|"
    r"is an? (?:acronym|abbreviation) (?:for|of)|means)[ \t:]+|[|:=–—-][ \t]*)"
    r"[*_`\"“‘']{0,4}(?:the )?(?P<words>\w[\w’'&/ \t-]{2,80})"
)
_MAX_DISTANCE = 120  # how many characters after an acronym are searched for its words


@dataclass(frozen=True, slots=True)
class Expansion:
    """A phrase that an acronym may stand for.

    `weight` is how often the guide writes the phrase. `is_defined` is whether the guide itself
    writes the acronym and the phrase side by side, as in `Product Owner (PO)`. `capitals` is how
    often the guide writes the acronym itself, with capitals.
    """

    phrase: str
    weight: int
    is_defined: bool
    capitals: int = 0


def collect_acronyms(
    index: ForwardIndex,
    *,
    headings: Iterable[str],
    pages: Sequence[tuple[str, int]],
    definitions: Mapping[tuple[str, str], int],
) -> dict[str, tuple[Expansion, ...]]:
    """Collect the acronyms of a guide with their expansions, likeliest first.

    `headings` are distinct. `pages` are (path, number of passages) in order. `definitions` say how
    often each acronym is beside each phrase, and beside the empty one how often it is written.
    """
    halvings = count_halvings(count_clause_words(index))
    chosen = [is_sampled(path, halvings) for path, _ in pages]
    sample = np.repeat(np.array(chosen, dtype=np.bool_), [passages for _, passages in pages])
    phrases = count_phrases(
        headings,
        select_passages(index, sample),
        weight=1 << halvings,
        required={stem_phrase(phrase) for _, phrase in definitions if phrase},
    )
    return _expand(definitions, {phrase.key: phrase for phrase in phrases})


def acronyms_unchanged(old: ForwardIndex, new: ForwardIndex, edits: Mapping[str, Edit]) -> bool:
    """Whether the acronyms are certainly the same, where no page was added or removed.

    They are if no edited page is in the sample of running text, and if each has the same headings
    and definitions as before. In a small guide every page is in the sample, so every edit counts.
    """
    halvings = count_halvings(count_clause_words(new))
    if not halvings or halvings != count_halvings(count_clause_words(old)):
        return False
    return not any(
        is_sampled(path, halvings)
        or _headings(before) != _headings(after)
        or _definitions(before) != _definitions(after)
        for path, (before, after) in edits.items()
    )


def _headings(passages: Iterable[Passage]) -> set[str]:
    return {heading for passage in passages for heading in passage.headings}


def _definitions(passages: Iterable[Passage]) -> Counter[tuple[str, str]]:
    return Counter(pair for passage in passages for pair in find_definitions(passage.text))


def find_definitions(text: str) -> Iterator[tuple[str, str]]:
    """Find (acronym, phrase) where a text writes the two side by side, in either order.

    Every word with capitals comes with an empty phrase too: the guide writes it as an acronym.
    """
    yield from _find_bracketed(text)
    for match in _CAPITALS.finditer(text):
        acronym = _singular(match[0])
        yield acronym.upper(), ""
        after = _AFTER_ACRONYM.match(text, match.end(), match.end() + _MAX_DISTANCE)
        run = after["words"].split() if after else []
        for length in range(2, min(len(run), 2 * len(acronym)) + 1):
            if is_acronym_of(acronym, run[:length]):
                yield acronym.upper(), " ".join(run[:length]).lower()
                break


def _find_bracketed(text: str) -> Iterator[tuple[str, str]]:
    """Find (acronym, phrase) where a bracket holds one of the two."""
    end = 0
    for match in _BRACKET.finditer(text):
        before = _WORDS_BEFORE.match(text[end : match.start()][::-1])
        end = match.end()
        acronym, run = _singular(match[1]), before[0][::-1].split() if before else []
        for length in range(1, len(run) + 1):
            if is_acronym_of(acronym, run[-length:]):
                yield _without_dots(acronym), " ".join(run[-length:]).lower()
                break
    for match in _IN_BRACKET.finditer(text) if "(" in text else ():
        acronym, run = _singular(match[1]), match[2].split()
        if is_acronym_of(acronym, run):
            yield _without_dots(acronym), " ".join(run).lower()


def is_acronym_of(acronym: str, words: list[str]) -> bool:
    """Whether the words give the letters of the acronym, in order.

    Each word gives its first letter, or a digit (2 for `to`, 4 for `for`), or X where it begins
    with `ex`. Small words such as `of` may give none.
    """
    letters = re.sub(r"[.&/]", "", acronym.lower())
    parts = [part for word in words for part in re.split(r"[-/’']", word.lower()) if part]
    if not letters or not parts or parts[0] in OPTIONAL_WORDS:
        return False
    reached = {0}  # how many letters the words before this one may give
    for word in parts:
        continued = {n + 1 for n in reached if n < len(letters) and letters[n] in _letters_of(word)}
        reached = continued | reached if word in OPTIONAL_WORDS else continued
    return len(letters) in reached


def _letters_of(word: str) -> str:
    """Return the letters a word may give to an acronym."""
    return word[0] + DIGIT_WORDS.get(word, "") + ("x" if word.startswith("ex") else "")


def _acronyms_of(key: Key) -> set[str]:
    """Return the acronyms a phrase may form: of all words, without small words, or with digits."""
    forms = {
        "".join(word[0] for word in key).upper(),
        "".join(word[0] for word in key if word not in OPTIONAL_WORDS).upper(),
        "".join(_letters_of(word)[-1] for word in key).upper(),
    }
    return {form for form in forms if 1 < len(form) <= MAX_FORMED_LETTERS}


def _expand(
    definitions: Mapping[tuple[str, str], int], phrases: Mapping[Key, Phrase]
) -> dict[str, tuple[Expansion, ...]]:
    """Match acronyms with the phrases that define them, or else with those that may form them."""
    acronyms: dict[str, dict[Key, Expansion]] = {}
    capitals = {acronym: times for (acronym, written), times in definitions.items() if not written}
    for (acronym, written), times in sorted(definitions.items()):
        if not written:
            continue
        key = stem_phrase(written)
        phrase = phrases.get(key)
        weight = max(times, phrase.count) if phrase else times
        spelling = phrase.spelling if phrase else written
        acronyms.setdefault(acronym, {})[key] = Expansion(spelling, weight, is_defined=True)
    defined = frozenset(acronyms)
    longer: Counter[tuple[Key, bool]] = Counter()
    for key, phrase in phrases.items():
        if phrase.is_established and _may_be_name(phrase):
            longer[key[:-1], True] += phrase.count
            longer[key[1:], False] += phrase.count
    # A phrase that occurs only inside longer ones is an expansion only where there is no other.
    within = {
        key
        for key, phrase in phrases.items()
        if max(longer[key, True], longer[key, False]) >= phrase.count
    }
    for key, phrase in sorted(phrases.items(), key=lambda pair: pair[0] in within):
        if not phrase.is_established or not _may_be_name(phrase):
            continue
        for acronym in _acronyms_of(key):
            if phrase.count < MIN_COUNT and acronym.isalpha():
                continue
            if acronym in defined:  # the guide itself says what it stands for
                continue
            expansions = acronyms.setdefault(acronym, {})
            if key not in within or expansions.keys() <= within:
                formed = Expansion(phrase.spelling, phrase.count, is_defined=False)
                expansions.setdefault(key, formed)
    return {
        acronym: tuple(
            replace(expansion, capitals=capitals.get(acronym, 0))
            for expansion in _most_likely(by_key.values())
        )
        for acronym, by_key in acronyms.items()
    }


def _may_be_name(phrase: Phrase) -> bool:
    """Whether a phrase may name a thing: words alone, no article, and no activity at its start."""
    words = phrase.spelling.split()
    is_plain = all(map(str.isalpha, words)) and _ARTICLES.isdisjoint(words)
    return is_plain and not words[0].endswith(("ing", "ed"))


def _most_likely(expansions: Iterable[Expansion]) -> tuple[Expansion, ...]:
    """Sort expansions: defined before formed, then by weight; drop those past MAX_EXPANSIONS."""
    ordered = sorted(
        expansions,
        key=lambda expansion: (not expansion.is_defined, -expansion.weight, expansion.phrase),
    )
    return tuple(ordered[:MAX_EXPANSIONS])


def _without_dots(acronym: str) -> str:
    return acronym.upper().replace(".", "")


def _singular(acronym: str) -> str:
    return acronym[:-1] if acronym.endswith("s") and acronym[:-1].isupper() else acronym
