"""Questions to guides in languages that the encoder does not know: words decide."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.small_guides import build_assistant

if TYPE_CHECKING:
    from assistant.assistant import Assistant

GUIDES = tomllib.loads((Path(__file__).parent / "languages.toml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module", params=sorted(GUIDES))
def guide(request, tmp_path_factory, encoder) -> tuple[Assistant, dict]:
    questions = GUIDES[request.param]
    pages = {"guide.md": questions["page"]}
    return build_assistant(tmp_path_factory.mktemp(request.param), pages, encoder), questions


def test_a_question_is_answered_in_the_guides_language(guide) -> None:
    assistant, questions = guide
    texts = {question: assistant.ask(question).text for question, _ in questions["answered"]}
    assert [
        question for question, words in questions["answered"] if words not in texts[question]
    ] == []


def test_a_question_on_what_the_guide_does_not_cover_is_refused(guide) -> None:
    assistant, questions = guide
    answers = [assistant.ask(question) for question in questions["unanswered"]]
    assert [answer.question for answer in answers if answer.found] == []
    assert not any(answer.is_other_language for answer in answers)


@pytest.mark.parametrize(
    "question",
    [
        "wie viele Tage Urlaub habe ich im Jahr?",
        "¿cuántos días de vacaciones tengo?",
        "quand est-ce que je peux prendre mes congés ?",
        "сколько дней отпуска у меня есть?",
        "有給休暇は何日ありますか？",
    ],
)
def test_a_question_in_another_language_is_told_so(question, encoder, tmp_path) -> None:
    page = "# Leave\n\nEvery member has 25 days of leave in a year.\n"
    assistant = build_assistant(tmp_path, {"leave.md": page}, encoder)
    answer = assistant.ask(question)
    assert answer.is_other_language
    assert "another language" in answer.note
    assert not assistant.ask("how do I bake bread?").is_other_language


@pytest.mark.parametrize(
    ("question", "is_answered"),
    [
        ("was ist der Unterschied zwischen einem Alpaca und einem Llama?", True),
        ("wie viele Alpaca gibt es in der Schweiz?", False),
    ],
)
def test_a_question_in_another_language_needs_a_surer_answer(
    question, is_answered, encoder, tmp_path
) -> None:
    page = """# Animals

## Alpaca vs. llama

A llama is twice as big as an alpaca, and guards the herd.
"""
    answer = build_assistant(tmp_path, {"animals.md": page}, encoder).ask(question)
    assert answer.found is is_answered
    assert answer.is_other_language is not is_answered
