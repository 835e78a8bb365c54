"""Words and sentences: one definition for the whole package.

Knows how text is normalised, where its words are, which of them carry meaning, and where a
sentence ends. Must not know what a guide, a question or an index is.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

_INVISIBLE_CHARACTERS = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    "\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U000e0000-\U000e0fff]"
)
# Those that are not white space, and halves of characters, which no encoding can write.
_CONTROL_CHARACTERS = re.compile("[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\ud800-\udfff]")

# Of these, what has no use in any script or emoji, and can carry words that only a machine reads.
_HIDDEN_CHARACTERS = re.compile(
    "[\u200b\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufe00-\ufe0d\ufeff\U000e0000-\U000e0fff]"
)

# Scripts written without spaces: each character is a word of its own, so that a question
# needs no dictionary to meet the text.
_UNSPACED_SCRIPTS = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
)
# Vowel signs and accents that stand on a letter belong to its word (Hebrew, Arabic, Indic).
_COMBINING_MARKS = (
    "\u0300-\u036f\u0591-\u05bd\u0610-\u061a\u064b-\u065f\u0670\u0900-\u0963\u0966-\u0dff"
)
_LETTER = rf"(?:(?![{_UNSPACED_SCRIPTS}_])[\w{_COMBINING_MARKS}])"
_WORD = re.compile(rf"[{_UNSPACED_SCRIPTS}]|{_LETTER}+(?:['’.+#&/-]{_LETTER}+)*[+#]*")
# What `_WORD` comes to where a text is ASCII, at a third of its time.
_ASCII_WORD = re.compile(r"[A-Za-z0-9]+(?:['.+#&/-][A-Za-z0-9]+)*[+#]*")
_COMPOUND_SEPARATOR = re.compile(r"['’.+#&/-]+")
MAX_QUERY_CHARS = 2000
"""The characters of a question, an earlier turn or a heading that are read for what they ask."""

_MAX_CACHED_CHARS = 200  # characters of a question, seldom more
_DOTTED_INITIALS = re.compile(r"(?:[^\W\d_]\.)+[^\W\d_]\.?")

STOPWORDS = frozenset(
    """
    a about actually after again all also am an and another any anyone anything are aren around as
    at be because been before being between both but by can cannot could did do does doesn doing don
    done each either else ever every exactly for from get gets give given go goes going got had has
    have having he her here hers him his how however i if in instead into is isn it its itself just
    kind know let like ll look make makes many may me mean means might mine more most much must my
    need needs never no nor not of off often on once one only or other our ours out over own please
    possible quite rather re really regarding s same say says see shall she should show so some
    someone something sort still such t take tell than that the their theirs them themselves then
    there these they thing things this those through to too try until up upon us use used using
    usually ve very via vs versus want was wasn way we well were what whatever when where whether
    which while who whom whose why will with within without won would yes yet you your yours
    """.split()
)
"""Words that carry no topic of their own in a question (English; other languages have none yet)."""

_ABBREVIATIONS = frozenset(
    "cf co corp dept dr e.g eg est etc i.e ie inc jr ltd mr mrs ms prof resp sr st vs v".split()
)
_NUMBER_ABBREVIATIONS = frozenset("approx fig max min no nos p pp sec vol".split())
# Possessive, and tried only where a run of stops begins: a megabyte of stops takes linear time.
_TERMINATORS = ".!?…।؟۔"
_SENTENCE_END = re.compile(
    rf"[{_TERMINATORS}](?<![{_TERMINATORS}][{_TERMINATORS}])[{_TERMINATORS}]*+[\"'”’)\]]*+(?=\s)"
    "|[。！？](?<![。！？][。！？])[。！？]*+[」』”’）]*+"
)
_ANY_TERMINATOR = re.compile(rf"[{_TERMINATORS}。！？]")
_CLOSING_MARKS = "\"'”’)]"
_WORD_START = re.compile(r"[\s(\[\"“]")
_NEXT_CHARACTER = re.compile(r"\s*(\S?)")


def normalise(text: str) -> str:
    """Bring text to one form: NFKC, no invisible or control characters, single spaces.

    Line ends become spaces. Used on questions, never on what is quoted.
    """
    # What is invisible goes first: it may keep a letter from the accent that follows.
    text = _CONTROL_CHARACTERS.sub(
        " ", unicodedata.normalize("NFKC", _INVISIBLE_CHARACTERS.sub("", text))
    )
    return " ".join(text.split())


def truncate(text: str, max_chars: int = MAX_QUERY_CHARS) -> str:
    """The first characters of a text, single spaces between its words, cut behind a word.

    What patterns look for in a question, a turn or a heading they look for in this: a space is
    one, and no caller and no page can make it longer.
    """
    plain = " ".join(text[: 4 * max_chars].split())
    if len(plain) <= max_chars:
        return plain
    cut = plain[: max_chars + 1]
    return cut.rpartition(" ")[0] or cut[:max_chars]


def replace_surrogates(text: str) -> str:
    """The text with a question mark for each half of a character, which UTF-8 cannot write."""
    return text.encode(errors="replace").decode()


def strip_invisible(text: str) -> str:
    """Drop characters no reader can see and keep everything else as it stands."""
    if text.isascii() and text.isprintable():
        return text
    return _CONTROL_CHARACTERS.sub("", _INVISIBLE_CHARACTERS.sub("", text))


def find_hidden_characters(text: str) -> list[int]:
    """Where characters stand that no reader can see and no script needs.

    Tags, variation selectors of nothing, and the marks that turn the direction of what follows.
    """
    return [] if text.isascii() else [found.start() for found in _HIDDEN_CHARACTERS.finditer(text)]


def tokenize(text: str) -> Iterator[tuple[str, int, int]]:
    """Yield each word with its character span, as written.

    Inner hyphens, slashes, apostrophes and dots keep a word whole (`B2B`, `don't`, `P.M`,
    `go-to-market`); `words` takes it apart afterwards.
    """
    for match in (_ASCII_WORD if text.isascii() else _WORD).finditer(text):
        yield match.group(), match.start(), match.end()


def split_words(text: str) -> list[str]:
    """The words of a text, lower-case, compounds taken apart, dotted initials closed up."""
    return list(_split_short_text(text)) if len(text) <= _MAX_CACHED_CHARS else _split_words(text)


@lru_cache(maxsize=256)
def _split_short_text(text: str) -> tuple[str, ...]:
    """The words of a text that may be asked for again: those of a question are, eight times."""
    return tuple(_split_words(text))


def _split_words(text: str) -> list[str]:
    found: list[str] = []
    for token in (_ASCII_WORD if text.isascii() else _WORD).findall(text):
        if token.isalnum():  # nearly all of them
            found.append(token.lower())
            continue
        if _DOTTED_INITIALS.fullmatch(token):
            found.append(token.replace(".", "").lower())
            continue
        found.extend(part for part in _COMPOUND_SEPARATOR.split(token.lower()) if part)
        if token[-1] in "+#":  # C++ and C# are not C
            found[-1:] = [found[-1] + token[len(token.rstrip("+#")) :]]
    return found


@lru_cache(maxsize=65536)
def stem(word: str) -> str:
    """The word without its English ending (Porter 2), so that `owners` meets `owner`."""
    return str(_load_stemmer().stemWord(word))


@lru_cache(maxsize=1)
def _load_stemmer() -> Any:
    import Stemmer

    # Without its own cache the stemmer is a pure function that threads may share.
    return Stemmer.Stemmer("english", 0)


def extract_terms(text: str) -> list[str]:
    """The stems of the words that carry meaning, in order, repeats kept."""
    return [stem(word) for word in split_words(text) if word not in STOPWORDS]


def split_sentences(text: str) -> list[tuple[int, int]]:
    """Character spans of the sentences of one block of running text, white space outside.

    A full stop ends a sentence unless an abbreviation, an initial or a number stands before it
    or a lower-case word follows; so does any stop inside quotation marks or brackets.
    """
    spans: list[tuple[int, int]] = []
    stop = _ANY_TERMINATOR.search(text)
    if not stop or stop.end() == len(text):  # nearly all items, rows and headings
        _append_span(spans, text, 0, len(text))
        return spans
    start = 0
    for match in _SENTENCE_END.finditer(text):
        settled = match.group()[0] not in ".…" and match.group()[-1] not in _CLOSING_MARKS
        if not settled and not _ends_sentence(text, start, match):
            continue
        _append_span(spans, text, start, match.end())
        start = match.end()
    _append_span(spans, text, start, len(text))
    return spans


def _ends_sentence(text: str, start: int, stop: re.Match[str]) -> bool:
    """Whether a full stop, or any stop before a closing mark, ends the sentence at `start`."""
    follows = _NEXT_CHARACTER.match(text, stop.end())
    following = follows[1] if follows else ""
    if following.islower():
        return False
    before = _WORD_START.split(text[max(0, stop.start() - 24) : stop.start()])[-1]
    if before.lower() in _ABBREVIATIONS:
        return False
    if before.lower() in _NUMBER_ABBREVIATIONS and following.isdigit():
        return False
    if len(before) == 1 and before.isalpha() and before.isupper() and before != "I":
        return False
    # "1. First" is a number that opens a line, not a sentence.
    return not (before.isdigit() and not text[start : stop.start() - len(before)].strip())


def _append_span(spans: list[tuple[int, int]], text: str, start: int, end: int) -> None:
    piece = text[start:end]
    start += len(piece) - len(piece.lstrip())
    end -= len(piece) - len(piece.rstrip())
    if start < end:
        spans.append((start, end))
