"""Recognise a heading that is the question itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from assistant.answering.codes import CODE_WORD_STEMS
from assistant.query.identifiers import find_identifiers
from assistant.text.tokenize import extract_terms, split_words, stem

if TYPE_CHECKING:
    from assistant.query.query import Question

_DROPPED = frozenset(
    "a an the i you we one they my your our to can could should please exactly".split()
)
_SAME = {
    "does": "do",
    "did": "do",
    "is": "be",
    "are": "be",
    "s": "be",
    "was": "be",
    "whats": "what",
}
_MIN_TERMS = 2


def is_title_of(heading: str, question: Question) -> bool:
    """Whether a heading asks the same as a question: "How to start the pump" for "how do I …".

    For a question of how to do something, the heading may also be the thing to do; for one of what
    a code means, the code.
    """
    text = question.text
    terms = set(extract_terms(text))
    if (
        question.type == "steps"
        and len(terms) >= _MIN_TERMS
        and terms == set(extract_terms(heading))
    ):
        return True
    if (heading.strip(" `"),) == find_identifiers(text):  # "what does --verbose do?"
        return terms - CODE_WORD_STEMS <= set(extract_terms(heading))
    words = _normalise(heading)
    return len(words) > _MIN_TERMS and words == _normalise(text)


def _normalise(text: str) -> frozenset[str]:
    words = (_SAME.get(word, word) for word in split_words(text))
    return frozenset(stem(word) for word in words if word not in _DROPPED)
