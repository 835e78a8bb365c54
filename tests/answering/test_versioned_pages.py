"""Pages of several versions of one thing: the version of the question is quoted alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.small_guides import build_assistant

if TYPE_CHECKING:
    from assistant.assistant import Assistant

PAGES = {
    "v1/tanks.md": "# Tanks\n\n## Pressure\n\nThe highest pressure of a tank is 4 bar.\n",
    "v2/tanks.md": "# Tanks\n\n## Pressure\n\nThe highest pressure of a tank is 9 bar.\n",
    "prices.md": """# Prices

## Prices in 2023

A tank costs 310 crowns to rent for a month.

## Prices in 2024

A tank costs 340 crowns to rent for a month.
""",
}


@pytest.fixture(scope="module")
def tanks(tmp_path_factory, encoder) -> Assistant:
    return build_assistant(tmp_path_factory.mktemp("tanks"), PAGES, encoder)


@pytest.mark.parametrize(
    ("question", "quoted", "other"),
    [
        ("what is the highest pressure of a tank in v1?", "4 bar", "9 bar"),
        ("highest tank pressure, version 2", "9 bar", "4 bar"),
        ("what did it cost to rent a tank in 2023?", "310", "340"),
        ("what does it cost to rent a tank in 2024?", "340", "310"),
    ],
)
def test_the_version_of_the_question_is_quoted_alone(tanks, question, quoted, other) -> None:
    text = tanks.ask(question).text
    assert quoted in text
    assert other not in text


def test_a_question_without_a_version_may_be_answered_by_several(tanks) -> None:
    text = tanks.ask("what is the highest pressure of a tank?").text
    assert "4 bar" in text
    assert "9 bar" in text


@pytest.mark.parametrize(
    "question", ["what is the highest pressure of a tank in v3?", "what did a tank cost in 2019?"]
)
def test_a_version_that_no_page_documents_is_refused(tanks, question) -> None:
    assert not tanks.ask(question).found
