"""Follow-ups of conversations about an invented farm: the evidence of the guide decides."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.small_guides import build_assistant

if TYPE_CHECKING:
    from assistant.assistant import Assistant
    from assistant.models.answers import Turn

PAGES = {
    "goats.md": """# Goats

## Requesting a goat

Request a goat in the barn portal before noon. The herd keeper approves each request within a day.

## Number of goats

Each member may keep four goats. Members of the club in Bergen may keep six goats.

## Shearing goats

Goats are shorn in May. The shearing fee is 30 crowns in Oslo and 25 crowns in Bergen.
""",
    "hens.md": """# Hens

## Shearing and moulting

Hens are never shorn. They moult in autumn, and lay no eggs for eight weeks.

## Egg delivery

Eggs are delivered on Tuesdays. If the road is flooded, eggs are delivered on Thursdays instead.

## Lending out a tractor

Members may borrow the red tractor for two days. The mechanic approves each loan in writing.
""",
}


@pytest.fixture(scope="module")
def farm(tmp_path_factory, encoder) -> Assistant:
    return build_assistant(tmp_path_factory.mktemp("farm"), PAGES, encoder)


def ask_last(farm: Assistant, *questions: str):
    """Ask the last of several questions of one conversation."""
    turns: list[Turn] = []
    for question in questions:
        answer = farm.ask(question, turns)
        turns += answer.turns
    return answer


@pytest.mark.parametrize(
    ("before", "question", "quoted"),
    [
        ("how many goats may I keep?", "and in Bergen?", "six goats"),
        ("what does it cost to shear a goat in Oslo?", "and in Bergen?", "25 crowns"),
        ("can I borrow the red tractor?", "who approves that?", "mechanic"),
        ("when are eggs delivered?", "and if the road is flooded?", "Thursdays"),
        ("when are goats shorn?", "what about hens?", "never shorn"),
        ("when are eggs delivered?", "thx. other thing: who approves goats?", "herd keeper"),
    ],
)  # fmt: skip
def test_a_follow_up_is_answered(farm, before, question, quoted):
    answer = ask_last(farm, before, question)
    assert answer.found
    assert quoted in answer.text


def test_a_question_that_stands_alone_is_not_answered_from_the_conversation(farm):
    question = "how many goats do I get?"
    alone = farm.ask(question)
    assert "four goats" in alone.text
    assert ask_last(farm, "how do I request a goat?", question).text == alone.text


@pytest.mark.parametrize(
    ("before", "question", "quoted"),
    [
        ("what is a sail loft?", "what's the fee", "9 crowns"),
        ("what is a sail loft?", "how many people can use one?", "Two people"),
        ("what is a boat shed?", "whats the fee", "5 crowns"),
        ("what is a sail loft?", "who invented it?", "Ada Holm"),
    ],
)
def test_a_question_without_a_subject_is_about_what_was_spoken_of(
    tmp_path_factory, encoder, before, question, quoted
):
    pages = {
        "harbour.md": "# Harbour\n\n## Fees\n\nThe fee is what a member pays for a stay. Many "
        "people ask how many crowns that is.\n\n## Sail loft\n\nA sail loft is where sails are "
        "mended. Ada Holm devised the sail loft. The fee for the sail loft is 9 crowns. Two "
        "people can use a sail loft at once.\n\n"
        "## Boat shed\n\nA boat shed is where boats dry. The fee for the boat shed is 5 crowns. "
        "Five people can use a boat shed at once.\n"
    }
    guide = build_assistant(tmp_path_factory.mktemp("harbour"), pages, encoder)
    assert quoted in ask_last(guide, before, question).text


@pytest.mark.parametrize("animal", ["goat", "sheep"])
def test_of_pages_that_answer_alike_the_one_spoken_of_comes_first(
    tmp_path_factory, encoder, animal
):
    pages = {
        f"{name}.md": f"# {name.title()}\n\n## Feeding a {name}\n\nA {name} eats {food}.\n\n"
        f"## Papers and permits\n\nHand in the birth certificate and form {form}.\n"
        for name, food, form in [("goat", "thistles", 7), ("sheep", "clover", 9)]
    }
    guide = build_assistant(tmp_path_factory.mktemp("papers"), pages, encoder)
    first = ask_last(guide, f"what does a {animal} eat?", "which papers and permits are needed?")
    assert first.citations[0].path == f"{animal}.md"


@pytest.mark.parametrize(
    ("question", "quoted"),
    [
        ("shearing fee in Oslo", "30 crowns"),
        ("egg delivery on a flooded road", "Thursdays"),
        ("I need the red tractor, how long can I borrow it", "two days"),
    ],
)
@pytest.mark.parametrize("before", ["how do I request a goat?", "do hens moult in autumn?"])
def test_keywords_and_statements_after_another_subject_are_answered(farm, before, question, quoted):
    answer = ask_last(farm, before, question)
    assert answer.found
    assert quoted in answer.text
    assert answer.text == farm.ask(question).text


def test_a_new_subject_replaces_the_last_question(farm):
    before = ["how often are goats shorn?", "why are they shorn?", "in which month?"]
    answer = ask_last(farm, *before, "what about egg delivery?")
    assert answer.text.startswith("Eggs are delivered on Tuesdays.")
    answer = ask_last(farm, *before, "what about egg delivery?", "and on flooded roads?")
    assert "Thursdays" in answer.text
    assert "shorn" not in answer.text


@pytest.mark.parametrize(
    "question",
    ["and pizza?", "what about the stock exchange?", "who directed that?", "and in Rome?"],
)
@pytest.mark.parametrize("before", ["how many goats may I keep?", "when are eggs delivered?"])
def test_a_question_about_something_else_is_refused_after_an_answer(farm, before, question):
    assert not ask_last(farm, before, question).found


@pytest.mark.parametrize(
    ("before", "question", "shown"),
    [
        ("what is the shearing fee in Oslo?", "and in Bergen?",
         "what is the shearing fee in Bergen?"),
        ("can I borrow the red tractor?", "who approves that?", "who approves that?"),
    ],
)  # fmt: skip
def test_a_rewritten_question_is_shown_only_where_it_is_certain(farm, before, question, shown):
    assert ask_last(farm, before, question).understood_as == shown


@pytest.mark.parametrize("text", ["hi", "thanks!", "help", "what can you do?", "???"])
def test_small_talk_gets_what_the_guide_covers_and_three_questions(farm, text):
    answer = farm.ask(text)
    assert answer.is_overview
    assert not answer.found
    assert [section.headings for section in answer.related] == [("Goats",), ("Hens",)]
    assert len(answer.next_questions) == 3
    assert all(farm.ask(question).found for question in answer.next_questions)


def test_thanks_between_two_questions_change_nothing(farm):
    turns = farm.ask("can I borrow the red tractor?").turns
    turns += farm.ask("thanks", turns).turns
    assert "mechanic" in farm.ask("and who approves that?", turns).text
