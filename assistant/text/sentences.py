"""Split running text into sentences."""

from __future__ import annotations

import math
import re
from bisect import bisect_right
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_ABBREVIATIONS = frozenset(
    "cf co corp dept dr e.g eg est etc i.e ie inc jr ltd mr mrs ms prof resp sr st vs v".split()
)
_NUMBER_ABBREVIATIONS = frozenset("approx fig max min no nos p pp sec vol".split())
_TERMINATORS = ".!?…।؟۔"
# The repeats are possessive, and tried only at the start of a run of terminators, so that a
# megabyte of terminators takes linear time.
_SENTENCE_END = re.compile(
    rf"[{_TERMINATORS}](?<![{_TERMINATORS}][{_TERMINATORS}])[{_TERMINATORS}]*+[\"'”’)\]]*+(?=\s)"
    "|[。！？](?<![。！？][。！？])[。！？]*+[」』”’）]*+"
)
_ANY_TERMINATOR = re.compile(rf"[{_TERMINATORS}。！？]")
_CLOSING_MARKS = "\"'”’)]"
_WORD_START = re.compile(r"[\s(\[\"“]")
_NEXT_CHARACTER = re.compile(r"\s*(\S?)")


def split_sentences(text: str, code: Sequence[tuple[int, int]] = ()) -> list[tuple[int, int]]:
    """Return the start and end of each sentence of one block of text, without outer white space.

    A terminator ends a sentence unless a lower-case word follows, as in "the foo! macro". A full
    stop, and any terminator before a closing quotation mark or bracket, does not end it after an
    abbreviation, an initial or a number either. Nothing in `code`, the spans of inline code in
    order, ends one.
    """
    spans: list[tuple[int, int]] = []
    terminator = _ANY_TERMINATOR.search(text)
    if not terminator or terminator.end() == len(text):  # nearly all items, rows and headings
        _append_span(spans, text, 0, len(text))
        return spans
    start = 0
    for match in _SENTENCE_END.finditer(text):
        following = _NEXT_CHARACTER.match(text, match.end())
        if following and following[1].islower():
            continue
        if code and _is_in_code(code, match.start() + len(match[0].rstrip(_CLOSING_MARKS)) - 1):
            continue
        is_certain = match.group()[0] not in ".…" and match.group()[-1] not in _CLOSING_MARKS
        if not is_certain and not _ends_sentence(text, start, match):
            continue
        _append_span(spans, text, start, match.end())
        start = match.end()
    _append_span(spans, text, start, len(text))
    return spans


def _is_in_code(code: Sequence[tuple[int, int]], position: int) -> bool:
    before = bisect_right(code, (position, math.inf)) - 1
    return before >= 0 and position < code[before][1]


def _ends_sentence(text: str, start: int, terminator: re.Match[str]) -> bool:
    """Check whether an ambiguous terminator ends the sentence that begins at `start`."""
    match = _NEXT_CHARACTER.match(text, terminator.end())
    following = match[1] if match else ""
    if following.islower():
        return False
    before = _WORD_START.split(text[max(0, terminator.start() - 24) : terminator.start()])[-1]
    if before.lower() in _ABBREVIATIONS:
        return False
    if before.lower() in _NUMBER_ABBREVIATIONS and following.isdigit():
        return False
    if len(before) == 1 and before.isalpha() and before.isupper() and before != "I":
        return False
    # "1. First" is a number that opens a line, not a sentence.
    return not (before.isdigit() and not text[start : terminator.start() - len(before)].strip())


def _append_span(spans: list[tuple[int, int]], text: str, start: int, end: int) -> None:
    """Append a span without its outer white space; an empty one is left out."""
    piece = text[start:end]
    start += len(piece) - len(piece.lstrip())
    end -= len(piece) - len(piece.rstrip())
    if start < end:
        spans.append((start, end))
