"""Ask the last question again about something else: "and in Rome?", "a fox?" (English)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from assistant.query.question_type import EDGE_CHARACTERS, parse_question
from assistant.text.tokenize import STOPWORDS, stem, tokenize

if TYPE_CHECKING:
    from assistant.query.query import Question

_PREPOSITION = (
    r"(?:from|to|with|than|for|about|of|in|on|by|at|against|as|after|before|during|until|without)"
)
_LEADING_PREPOSITION = re.compile(rf"^{_PREPOSITION} ", re.I)
_LEADING_CLAUSE = re.compile(r"^(?:if|when|unless|because|once|while|since|even) ", re.I)
_LAST_ARTICLE = re.compile(r"\b(?:an?|the) $", re.I)
_LEADING_ARTICLE = re.compile(r"^(?:an?|the|my|our|your) ", re.I)
# Where a phrase ends that begins with a preposition.
_PHRASE_END = re.compile(
    rf" (?:{_PREPOSITION}|if|when|and|or|that|which|who)\b|(?<![,;?.! ])[,;?.! ]*+$", re.I
)
_LAST_PHRASE = re.compile(r" (in|for|at|on) (?:\S{1,30} ){0,2}\S{1,30}$", re.I)
_COMPARING = frozenset(("from ", "to ", "with ", "than ", "about ", "of "))
_PLACES = frozenset(("in ", "on ", "at ", "for "))
_MAX_SUBJECT_WORDS = 3
_ONES = re.compile(r" ones?$", re.I)


def ask_about(last: str, rest: str) -> tuple[str, bool]:
    """Ask a question about something else; the second value is whether the old one was identified.

    `rest` is what a follow-up names, without the connective. Where nothing in the last question
    can be replaced, the two are put side by side.
    """
    if _LEADING_CLAUSE.match(rest):
        return f"{last.rstrip('?!. ')} {rest}?", False
    preposition = _LEADING_PREPOSITION.match(rest)
    bare = (rest[preposition.end() :] if preposition else rest).strip(EDGE_CHARACTERS)
    if not bare:
        return f"{rest}: {last}", False
    if preposition and (same := _replace_phrase(last, preposition[0], rest)):
        return same, True
    if not preposition and (like := _replace_noun(last, bare) or _replace_like(last, bare)):
        return like, True
    question = parse_question(last)
    is_side = not preposition or preposition[0].lower() in _COMPARING
    if question.subjects and is_side and (replaced := _replace_subject(last, question, bare)):
        return replaced, True
    phrase = _LAST_PHRASE.search(last.rstrip("?!. "))
    if phrase and (not preposition or preposition[0].lower() in _PLACES):
        new = rest.strip(EDGE_CHARACTERS) if preposition else f"{phrase[1]} {bare}"
        return f"{last[: phrase.start()]} {new}?", False
    return f"{rest}: {last}", False


def _replace_subject(last: str, question: Question, bare: str) -> str:
    """Replace the thing that a question is about; empty for a list, or a thing of many words."""
    old = question.subjects[-1]
    start = last.rfind(old)
    if question.type == "list" or start < 0 or len(old.split()) > _MAX_SUBJECT_WORDS:
        return ""
    return _LAST_ARTICLE.sub("", last[:start]) + bare + last[start + len(old) :]


def _replace_phrase(last: str, preposition: str, phrase: str) -> str:
    """Replace the last phrase with the same preposition; empty where there is none."""
    start = last.lower().rfind(f" {preposition.lower()}")
    if start < 0:
        return ""
    end = _PHRASE_END.search(last, start + len(preposition))
    return f"{last[:start]} {phrase}{last[end.start() if end else len(last) :].rstrip('?')}?"


def _replace_noun(last: str, bare: str) -> str:
    """Replace the phrase with the same noun, or for `ones` the last one with a modifier."""
    tokens = list(tokenize(last))
    plain = _LEADING_ARTICLE.sub("", bare)
    words = [token for token, _, _ in tokenize(plain)]
    if len(words) < 2:
        return ""
    is_ones = bool(_ONES.search(plain))
    for n in range(len(tokens) - 1, 0, -1):
        token, _, stop = tokens[n]
        before, start, _ = tokens[n - 1]
        is_head = not is_ones and stem(token.lower()) == stem(words[-1].lower())
        is_head = is_head or (is_ones and token.lower() not in STOPWORDS)
        if is_head and before.lower() not in STOPWORDS:
            new = _ONES.sub(f" {token}", plain) if is_ones else plain
            return last[:start] + new + last[stop:]
    return ""


def _replace_like(last: str, bare: str) -> str:
    """Replace the last word that is written like a new name: with a capital, or like a code."""
    shape = _shape(bare)
    for token, start, stop in reversed(list(tokenize(last))):
        if shape and start and _shape(token) == shape:
            return last[:start] + bare + last[stop:]
    return ""


def _shape(word: str) -> str:
    """Name how a word is written: as a code, with a capital, or plainly (empty)."""
    if " " in word:
        return "name" if all(part[:1].isupper() for part in word.split()) else ""
    if re.search(r"\w[-_.]\w|\d", word):
        return "code"
    return "name" if word[:1].isupper() else ""
