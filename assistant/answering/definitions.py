"""Recognise a sentence that defines a subject: "X is a …", or X beside its acronym."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

# These parts are compiled once, and the subject of a question is compiled separately: a whole
# pattern with the subject in it took a millisecond to compile for every question.
_LEAD_IN = re.compile(r"(?:but|and|so|in\s+short),?\s+", re.I)
_ARTICLE = re.compile(r"(?:an?|the|some)\s+", re.I)
_BRACKETED = r"(?:\s+\([^)]*\))?"
_DEFINES = re.compile(
    rf"{_BRACKETED}\s+(?:(?:is|are|was|were)\s+(?:an?|the|any|anyone|one|what|how|where|when|those)|"
    r"means?|refers?\s+to|stands?\s+for|describes?)\b",
    re.I,
)
_ACRONYM = r"[A-Z][\w&.]{0,40}"
_ACRONYM_WINDOW = 50  # how many characters before a bracket are searched for an acronym
_ACRONYM_AFTER = re.compile(rf"\s*\({_ACRONYM}\)")
_ACRONYM_BEFORE = re.compile(rf"\b{_ACRONYM}\s?\($")


def defines(subject: str, text: str) -> bool:
    """Whether a sentence defines a subject: it says what it is, or has its acronym beside it."""
    pattern = subject_pattern(subject)
    if _is_followed_by(_DEFINES.match, pattern, text, _subject_starts(text)):
        return True
    return _has_acronym_beside(pattern, text)


def _subject_starts(text: str) -> set[int]:
    """Find where the subject of a sentence may start: after a connective, and after an article."""
    starts = {0} | {match.end() for match in [_LEAD_IN.match(text)] if match}
    return starts | {match.end() for at in starts if (match := _ARTICLE.match(text, at))}


def _is_followed_by(
    match_rest: Callable[[str, int], re.Match[str] | None],
    subject: re.Pattern[str],
    text: str,
    starts: Iterable[int],
) -> bool:
    """Whether the subject is at one of the starts and `match_rest` matches what follows."""
    matches = (subject.match(text, at) for at in starts)
    return any(match_rest(text, match.end()) for match in matches if match)


def _has_acronym_beside(subject: re.Pattern[str], text: str) -> bool:
    """Whether the subject is beside its acronym, one of the two in brackets."""
    for match in subject.finditer(text):
        start, end = match.span()
        if text[start - 1 : start].isalnum():
            continue  # the end of another word
        if _ACRONYM_AFTER.match(text, end):
            return True
        if text[end : end + 1] == ")" and _ACRONYM_BEFORE.search(
            text, max(0, start - _ACRONYM_WINDOW), start
        ):
            return True
    return False


@lru_cache(maxsize=1024)
def subject_pattern(subject: str) -> re.Pattern[str]:
    """Compile a pattern for a subject in the singular and the plural."""
    return re.compile(r"[\s-]{1,4}".join(map(_singular_or_plural, subject.split())), re.I)


def _singular_or_plural(word: str) -> str:
    lower = word.lower()
    if lower.endswith("ies"):
        return rf"{re.escape(word[:-3])}(?:y|ies)"
    if re.search(r"[^aeiou]y$", lower):
        return rf"{re.escape(word[:-1])}(?:y|ies)"
    if len(word) > 3 and re.search(r"(?:s|x|z|o|ch|sh)es$", lower):
        return rf"{re.escape(word[:-2])}(?:es?)?"
    base = word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word
    return rf"{re.escape(base)}(?:e?s)?"
