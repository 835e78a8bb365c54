"""Next questions are made from headings: well formed, answered by their section, and new."""

from __future__ import annotations

import pytest

from assistant.answering.suggestions import QuestionSuggester, make_question
from assistant.guide.folder import read_guide

COUNTS = dict.fromkeys(
    "install set use open manage run setting running installing opening the kettle "
    "timer loan cup".split(),
    1,
)


@pytest.fixture
def passage(tmp_path):
    """Makes a passage of a heading and a text."""

    def passage(heading: str, text: str = "There is more to it."):
        (tmp_path / "page.md").write_text(f"# Page\n\n## {heading}\n\n{text}\n")
        return read_guide(tmp_path).passages[-1]

    return passage


@pytest.mark.parametrize(
    ("heading", "question"),
    [
        ("What is a kettle?", "What is a kettle?"),
        ("3. When is it full?", ""),  # "it" stands for something said before
        ("3. When is the kettle full?", "When is the kettle full?"),
        ("When is the kettle full", "When is the kettle full?"),
        ("I lost my kettle. What can I do?", "I lost my kettle. What can I do?"),
        ("Kettle vs. Teapot", "What is the difference between Kettle and Teapot?"),
        ("Differences between cups and mugs", "What is the difference between cups and mugs?"),
        ("How to open the kettle", "How do I open the kettle?"),
        ("Installing the kettle", "How do I install the kettle?"),
        ("Setting Up the Kettle", "How do I set up the Kettle?"),
        ("Using your timer", "How do I use my timer?"),
        ("Managing a loan", "How do I manage a loan?"),
        ("Running in the rain", "How do I run in the rain?"),
        ("Open the kettle", "How do I open the kettle?"),
    ],
)
def test_a_heading_becomes_the_question_it_answers(passage, heading, question):
    assert make_question(passage(heading), COUNTS) == question


@pytest.mark.parametrize(
    "heading",
    [
        "Billing address",  # no verb, as what follows shows
        "Inside the kettle",  # nobody insides anything
        "Frobbing the kettle",  # not a verb the guide uses
        "Using the kettle is allowed",  # a sentence
        "Lost or stolen cups",  # two things beside each other, and no comparison
        "Kettle",  # what it is, the text does not say
        "Installing `kettle.exe`/x86",
        "What about this?",
    ],
)
def test_an_unclear_heading_makes_no_question(passage, heading):
    assert make_question(passage(heading), COUNTS) == ""


@pytest.mark.parametrize(
    ("heading", "text", "question"),
    [
        ("Kettle", "A kettle is a pot for water.", "What is a kettle?"),
        ("Kettle", "We sell tea. The kettle has a lid.", "What is the kettle?"),
        ("Steam", "Steam is water that left.", "What is Steam?"),
        ("Kettle lids", "Kettle lids are made of tin.", "What are kettle lids?"),
        ("Old Kettle", "An Old Kettle has a story.", "What is an Old Kettle?"),
        ("Kettle", "My friend says a kettle is dear.", ""),
    ],
)
def test_a_question_has_the_article_that_its_section_uses(passage, heading, text, question):
    assert make_question(passage(heading, text), COUNTS) == question


def test_a_heading_without_text_suggests_nothing(tmp_path):
    (tmp_path / "page.md").write_text("# Page\n\n## What is a cup?\n\n### Handles\n\nTwo.\n")
    empty = [p for p in read_guide(tmp_path).passages if p.heading == "What is a cup?"]
    assert all(make_question(passage, COUNTS) == "" for passage in empty)


def test_a_previous_question_is_not_suggested_in_other_words(passage):
    near = [passage("What is a kettle?"), passage("Kettles?"), passage("What is a cup?")]
    guide = QuestionSuggester(COUNTS)
    assert guide.suggest(near, ["so what are kettles"], 3) == ["What is a cup?"]
    assert guide.suggest(near, [], 3) == ["What is a kettle?", "What is a cup?"]
    assert guide.suggest(near, [], 1) == ["What is a kettle?"]


def test_the_cache_is_bounded_and_changes_no_suggestion(passage):
    near = [passage(f"What is a cup of {size}?") for size in ("ten", "six", "two", "one")]
    guide = QuestionSuggester(COUNTS, max_cached=2)
    first = guide.suggest(near, [], 4)
    assert len(first) == 4
    assert guide.suggest(near, [], 4) == first
