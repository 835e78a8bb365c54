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


SETTINGS = analyzer(
    passage("Set GATE_SESSION_TIMEOUT in the file. Call openGate() to open it.", "Gates"),
    passage("The session ends after the timeout.", "Sessions"),
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("what is GATE_SESION_TIMEOUT?", "what is GATE_SESSION_TIMEOUT?"),
        ("what is GATE_SESSION_TIMEOTU?", "what is GATE_SESSION_TIMEOUT?"),
        ("what does opnGate do?", "what does opengate do?"),
        ("what is GATE_FOUNTAIN_TIMEOUT?", "what is GATE_FOUNTAIN_TIMEOUT?"),
        ("what does openGarage do?", "what does openGarage do?"),
        ("what does startsMs do?", "what does startsMs do?"),
    ],
)
def test_a_typo_in_an_identifier_is_corrected_to_the_guide_s(text: str, expected: str) -> None:
    interpretation = SETTINGS.analyze(text, ()).subqueries[0].interpretations[0]
    assert interpretation.search_text == expected


def test_a_name_whose_words_the_guide_has_may_be_written_apart_there() -> None:
    interpretation = SETTINGS.analyze("what does sessionTimeout do?", ()).subqueries[0]
    assert interpretation.interpretations[0].search_text == "what does session timeout do?"
    assert interpretation.interpretations[0].identifiers == ("sessionTimeout",)


def test_a_question_after_a_statement_is_searched_for_with_it_and_without() -> None:
    text = "I just moved to Rome. How do I feed a hen?"
    (subquery,) = GARDEN.analyze(text, ()).subqueries
    assert [one.search_text for one in subquery.interpretations] == ["How do I feed a hen?", text]
    assert {one.question.text for one in subquery.interpretations} == {text}


@pytest.mark.parametrize(
    "text", ["I lost it. What do I do?", "How do I feed a hen? I have two.", "I have a hen."]
)
def test_a_question_that_needs_its_statement_is_searched_for_with_it_only(text: str) -> None:
    (subquery,) = GARDEN.analyze(text, ()).subqueries
    assert [one.search_text for one in subquery.interpretations] == [text]
