"""What no line of the guide names as a whole is not defined, however near the rest is."""

from __future__ import annotations

import pytest

from tests.small_guides import build_assistant

PAGES = {
    "crew.md": """# Crew

## Captain

A captain commands a ferry and answers for everyone on board.

## Night watch

The night watch keeps a lookout from dusk to dawn. Two sailors share it.

## Harbour pilot

A harbour pilot guides a ferry through the harbour.

## Pay

| Watch | Starts | Bonus |
| --- | --- | --- |
| Early | 06:00 | 12 crowns |
| Late | 22:00 | 30 crowns |
""",
}


@pytest.fixture(scope="module")
def ferry(tmp_path_factory, encoder):
    return build_assistant(tmp_path_factory.mktemp("ferry"), PAGES, encoder)


@pytest.mark.parametrize("question", ["what is a night captain?", "whats a watch pilot"])
def test_a_kind_of_thing_that_the_guide_never_names_is_refused(ferry, question):
    assert not ferry.ask(question).found


@pytest.mark.parametrize(
    ("question", "quoted"),
    [
        ("what is a captain?", "A captain commands a ferry"),
        ("whats the night watch", "keeps a lookout"),
        ("what is a pilot in the harbour?", "guides a ferry"),
        ("what is the bonus of the late watch?", "30 crowns"),
        ("what is the early watch bonus?", "12 crowns"),
    ],
)
def test_what_the_guide_names_is_answered(ferry, question, quoted):
    answer = ferry.ask(question)
    assert answer.found
    assert quoted in answer.text


@pytest.mark.parametrize(
    "question",
    [
        "how do I become a harbour captain?",
        "what does a night pilot do?",
        "who invented the harbour watch?",
        "how many lifeboats does a ferry have?",
    ],
)
def test_a_thing_whose_name_stands_nowhere_is_refused(ferry, question):
    assert not ferry.ask(question).found


@pytest.mark.parametrize(
    ("question", "quoted"),
    [
        ("what does a harbour pilot do?", "guides a ferry"),
        ("what does a harbour pilot do at dawn?", "guides a ferry"),
        ("how many sailors share the night watch?", "Two sailors"),
    ],
)
def test_a_thing_whose_name_the_guide_writes_is_answered(ferry, question, quoted):
    assert quoted in ferry.ask(question).text
