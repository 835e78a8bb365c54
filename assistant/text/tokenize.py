"""Split text into words, stem them, and drop stopwords."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

UNSPACED_SCRIPTS = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
)
"""The characters of scripts without spaces, for a character class: Thai, Lao, Burmese, Khmer,
Japanese and Chinese. Each is a word of its own, so that a question matches without a dictionary."""

# Vowel signs and accents that belong to the letter before them (Hebrew, Arabic, Indic).
_COMBINING_MARKS = (
    "\u0300-\u036f\u0591-\u05bd\u0610-\u061a\u064b-\u065f\u0670\u0900-\u0963\u0966-\u0dff"
)
_LETTER = rf"(?:(?![{UNSPACED_SCRIPTS}_])[\w{_COMBINING_MARKS}])"
_WORD = re.compile(rf"[{UNSPACED_SCRIPTS}]|{_LETTER}+(?:['’.+#&/-]{_LETTER}+)*[+#]*")
# Equal to `_WORD` on ASCII text, in a third of the time.
_ASCII_WORD = re.compile(r"[A-Za-z0-9]+(?:['.+#&/-][A-Za-z0-9]+)*[+#]*")
_CLAUSE_END = re.compile(r"[.!?;:,()\[\]|>\"“”\n—–]")
_WORD_OR_CLAUSE_END = re.compile(f"{_WORD.pattern}|{_CLAUSE_END.pattern}")
_ASCII_WORD_OR_CLAUSE_END = re.compile(f"{_ASCII_WORD.pattern}|{_CLAUSE_END.pattern}")
_COMPOUND_SEPARATOR = re.compile(r"['’.+#&/-]+")
_DOTTED_INITIALS = re.compile(r"(?:[^\W\d_]\.)+[^\W\d_]\.?")

_BETWEEN_CLAUSES = frozenset(("vs", "versus"))

_MAX_CACHED_CHARS = 200  # a question is seldom longer

STOPWORDS = frozenset(
    """
    a about actually after again all also am an and another any anyone anything are aren around as
    at be because been before being between both but by can cannot could did do does doesn doing don
    done each either else ever every exactly for from get gets give given go goes going got had has
    have having he her here hers herself him himself his how however i if in instead into is isn it
    its itself just kind know let like ll look make makes many may me mean means might mine more
    most much must my myself need needs never no nor not of off often on once one only or other our
    ours ourselves out over own please possible quite rather re really regarding s same say says see
    shall she should show so some someone something sort still such t take tell than that the their
    theirs them themselves then there these they thing things this those through to too try until up
    upon us use used using usually ve very via vs versus want was wasn way we well were what
    whatever when where whether which while who whom whose why will with within without won would
    yes yet you your yours yourself yourselves
    """.split()
)
"""Words that do not say what a question is about (English only)."""


def tokenize(text: str) -> Iterator[tuple[str, int, int]]:
    """Yield each token as written, with its start and end in the text.

    A token may contain hyphens, slashes, apostrophes and dots (`don't`, `P.M`, `go-to-market`);
    `split_words` splits it.
    """
    for match in (_ASCII_WORD if text.isascii() else _WORD).finditer(text):
        yield match.group(), match.start(), match.end()


def split_words(text: str) -> list[str]:
    """Return the words of a text in lower case, compounds split, dotted initials joined."""
    return list(_split_short_text(text)) if len(text) <= _MAX_CACHED_CHARS else _split_words(text)


@lru_cache(maxsize=256)
def _split_short_text(text: str) -> tuple[str, ...]:
    """Return the words of a short text from a cache: those of a question are needed eight times."""
    return tuple(_split_words(text))


def _split_words(text: str) -> list[str]:
    words: list[str] = []
    for token in (_ASCII_WORD if text.isascii() else _WORD).findall(text):
        if token.isalnum():  # nearly all tokens
            words.append(token.lower())
        else:
            words += _split_compound(token)
    return words


def _split_compound(token: str) -> list[str]:
    if _DOTTED_INITIALS.fullmatch(token):
        return [token.replace(".", "").lower()]
    words = [part for part in _COMPOUND_SEPARATOR.split(token.lower()) if part]
    if token[-1] in "+#":  # C++ and C# are not C
        words[-1] += token[len(token.rstrip("+#")) :]
    return words


def split_clauses(text: str) -> list[list[str]]:
    """Return the words of a text, as `split_words` does, clause by clause.

    A clause ends at a punctuation mark or a line's end, and on both sides of `vs`.
    """
    clauses: list[list[str]] = [[]]
    pattern = _ASCII_WORD_OR_CLAUSE_END if text.isascii() else _WORD_OR_CLAUSE_END
    for token in pattern.findall(text):
        if token.isalnum():
            word = token.lower()
            if word in _BETWEEN_CLAUSES:
                clauses += [[word], []]
            else:
                clauses[-1].append(word)
        elif _CLAUSE_END.match(token):
            clauses.append([])
        else:
            clauses[-1] += _split_compound(token)
    return [clause for clause in clauses if clause]


@lru_cache(maxsize=65536)
def stem(word: str) -> str:
    """Return the word without its English ending (Porter 2), so that `owners` matches `owner`."""
    return str(_load_stemmer().stemWord(word))


@lru_cache(maxsize=1)
def _load_stemmer() -> Any:
    import Stemmer

    # Without its own cache the stemmer is a pure function that threads may share.
    return Stemmer.Stemmer("english", 0)


def extract_terms(text: str) -> list[str]:
    """Return the stems of all words that are no stopwords, in order, with repeats."""
    return stem_words(split_words(text))


def stem_words(words: Iterable[str]) -> list[str]:
    """Return the stems of the words that are no stopwords, in order, with repeats."""
    return [stem(word) for word in words if word not in STOPWORDS]
