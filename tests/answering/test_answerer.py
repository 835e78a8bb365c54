"""Each kind of question is answered from an invented guide, as a reader would ask it."""

from __future__ import annotations

import pytest

from assistant.assistant import Assistant
from assistant.index.builder import build_index
from assistant.index.index import open_index
from tests.answering.pottery import CLAYS, POTTERY

STEPS = """1. Wet your hands and the wheel head.
2. Throw the ball of clay onto the middle of the wheel.
3. Press down with your palms until the clay stops wobbling."""
CODE_STEPS = """1. Start the kiln service.
kiln start --port 9000
2. Register the serial number.
kiln register 4711
3. Print the label and stick it on the kiln door."""


@pytest.fixture(scope="module")
def ask(tmp_path_factory, encoder):
    """Asks the guide a question; returns the quotes, each with its heading."""
    folder = tmp_path_factory.mktemp("pottery")
    (folder / "guide").mkdir()
    (folder / "guide" / "pottery.md").write_text(POTTERY)
    build_index(folder / "guide", folder / "index", encoder)
    assistant = Assistant(open_index(folder / "index"), encoder)

    def ask(question: str) -> list[tuple[str, str]]:
        citations = assistant.ask(question).citations
        return [(citation.headings[-1], citation.quote) for citation in citations]

    return ask


@pytest.mark.parametrize(
    ("question", "lead_in", "steps"),
    [
        ("how do I center clay on the wheel?", "Do this:", STEPS),
        (
            "how do I register a kiln over the terminal?",
            "Register the kiln once, from the terminal of the workshop computer:",
            CODE_STEPS,
        ),
    ],
)
def test_a_how_to_is_quoted_whole_with_its_first_number(ask, question, lead_in, steps):
    ((_, quote),) = ask(question)
    assert f"{lead_in}\n\n{steps}" in quote


def test_a_how_to_without_a_lead_in_begins_with_its_first_number(ask):
    assert ask("how do I clean the pug mill?") == [
        (
            "Cleaning the pug mill",
            "1. Pull the plug of the pug mill.\n2. Scrape the barrel with a wooden rib.",
        )
    ]


def test_two_how_tos_are_both_quoted_whole(ask):
    quotes = ask(
        "how do I center clay on the wheel and how do I register a kiln over the terminal?"
    )
    text = "\n".join(quote for _, quote in quotes)
    assert STEPS in text
    assert CODE_STEPS in text


@pytest.mark.parametrize("clay", ["Slate", "Flint"])
def test_a_row_comes_with_the_header_and_without_the_whole_table(ask, clay):
    text = "\n".join(quote for _, quote in ask(f"at what temperature is {clay.lower()} fired?"))
    assert "Clay | Temperature\n" in text
    assert f"{clay} | {900 + 17 * CLAYS.index(clay)} degrees" in text
    assert sum(name in text for name in CLAYS) < len(CLAYS)


def test_a_list_comes_whole_with_its_lead_in(ask):
    text = "\n".join(quote for _, quote in ask("which glazes are on the shelf?"))
    assert "Our shelf has these glazes:\n\n- celadon\n- tenmoku\n- shino" in text


def test_a_definition_is_the_sentence_that_defines(ask):
    (heading, quote), *_ = ask("what is slip?")
    assert heading == "Slip"
    assert quote.startswith("Slip is liquid clay that glues two pieces together.")


@pytest.mark.parametrize("joint", ["? ", " and "])
def test_both_questions_of_a_text_are_answered(ask, joint):
    text = "\n".join(quote for _, quote in ask(f"when does the workshop open{joint}what is slip?"))
    assert "opens at nine" in text
    assert "Slip is liquid clay" in text


def test_a_question_that_is_asked_twice_in_one_text_is_answered_once(ask):
    question = "how do I center clay on the wheel?"
    assert ask(f"{question} {question}") == ask(question) != []


@pytest.mark.parametrize(("first", "second"), [("Slip", "Glaze"), ("Glaze", "Slip")])
def test_a_comparison_quotes_the_section_of_each_side_in_the_order_asked(ask, first, second):
    quotes = ask(f"what is the difference between {first.lower()} and {second.lower()}?")
    assert [heading for heading, _ in quotes] == [first, second]
    assert all(quote.startswith(f"{heading} is ") for heading, quote in quotes)


def test_a_comparison_with_something_unknown_defines_the_other_side(ask):
    assert ask("slip vs porcelain") == [
        ("Slip", "Slip is liquid clay that glues two pieces together.")
    ]


def test_kinds_with_a_section_each_are_listed_by_heading_and_first_sentence(ask):
    assert ask("what kinds of decoration styles are there?") == [
        ("Sgraffito", "Sgraffito\n\nSgraffito scratches a pattern through wet slip."),
        ("Marbling", "Marbling\n\nMarbling stirs two colours of clay together."),
    ]


def test_a_sentence_that_the_guide_has_twice_is_quoted_once(ask):
    text = "\n".join(quote for _, quote in ask("can I look into a burning kiln?"))
    assert text.count("Never look into a burning kiln without goggles.") == 1


def test_an_amount_is_answered_by_the_sentence_that_has_it(ask):
    assert "opens at nine" in ask("when does the workshop open?")[0][1]


QUESTIONS = [
    (
        "how do I center clay on the wheel? how do I register a kiln over the terminal? "
        "which glazes are on the shelf? when does the workshop open?"
    ),
    "what are the firing temperatures?",
    "glaze vs slip",
    "what is the workshop? when does it open? who may visit the gallery? what is glaze?",
    "which glazes do you have?",
    "what do these do?",
    "tell me about kilns",
]


@pytest.mark.parametrize("question", QUESTIONS)
def test_an_answer_is_short_and_ends_with_no_lead_in(ask, question):
    quotes = [quote for _, quote in ask(question)]
    assert sum(len(quote.replace("|", " ").split()) for quote in quotes) <= 98
    assert not any(quote.endswith((":", "?")) for quote in quotes)


def test_something_else_is_refused(ask):
    assert ask("how do I bake bread?") == []
