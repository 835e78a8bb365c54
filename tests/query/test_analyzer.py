"""An analysed question: which of its words are acronyms, identifiers or misspelt."""

from __future__ import annotations

import pytest

from assistant.index.vocabulary import build_vocabulary
from assistant.models.documents import Passage, Sentence
from assistant.query.analyzer import Analyzer


def passage(text: str, *headings: str) -> Passage:
    sentences = (Sentence(0, len(text), "prose", (1, 1)),)
    return Passage(f"p.md#{text}/1", "p.md", headings, "", "p.md", text, sentences)


def analyzer(*passages: Passage) -> Analyzer:
    ranks = dict.fromkeys("garden shed hen feed the".split(), 2000)
    return Analyzer(build_vocabulary(passages), ranks.get)


GARDEN = analyzer(
    passage("Sign the open shed form (OSF) before you feed a hen.", "Garden"),
    passage("The shed day pass costs 3.", "Garden", "Shed Day Pass"),
)


def read(text: str) -> str:
    """Return the likeliest interpretation of a question."""
    return GARDEN.analyze(text, ()).subqueries[0].interpretations[0].question.text


def test_an_acronym_is_expanded() -> None:
    assert read("who signs the OSF?") == "who signs the open shed form?"
    assert read("who signs the osf?") == "who signs the open shed form?"


@pytest.mark.parametrize("text", ["GARDEN_OSF is unset", "what is /OSF for?", "run it with --OSF"])
def test_a_part_of_an_identifier_is_no_acronym(text: str) -> None:
    assert read(text) == text


def test_capitals_mark_nothing_in_a_question_of_capitals() -> None:
    assert read("WHO SIGNS THE OSF FOR A HEN?") == "who signs the open shed form for a hen?"
    assert "open" not in read("WHICH SDP IS A HEN?").lower()
