"""Complete a question while it is typed, from the questions that the guide's headings make."""

from __future__ import annotations

from typing import TYPE_CHECKING

from assistant.text.tokenize import split_words

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_QUESTIONS = 3000
"""How many questions of a guide are offered; to look through them takes under 10 ms."""

MAX_COMPLETIONS = 5


class Completions:
    """The questions of one guide, in the order of its pages."""

    def __init__(self, questions: Iterable[str]) -> None:
        self._questions = [(question, split_words(question)) for question in questions]

    def find(self, typed: str, count: int = MAX_COMPLETIONS) -> list[str]:
        """Return questions with every typed word, the last of which may be unfinished.

        Those that begin as the typed text does come first, then those in which the words stand
        earlier; equal ones are in the order of the pages.
        """
        words = split_words(typed)
        if not words:
            return []
        start = " ".join(words)
        ranked = []
        for number, (question, own) in enumerate(self._questions):
            places = _places(words, own)
            if places is not None:
                ranked.append((not " ".join(own).startswith(start), places, number, question))
        return [question for *_, question in sorted(ranked)[:count]]


def _places(typed: list[str], own: list[str]) -> int | None:
    """Return the sum of the places at which the typed words stand, or None where one is missing."""
    total = 0
    for number, word in enumerate(typed):
        is_last = number == len(typed) - 1
        for place, other in enumerate(own):
            if other == word or (is_last and other.startswith(word)):
                total += place
                break
        else:
            return None
    return total
