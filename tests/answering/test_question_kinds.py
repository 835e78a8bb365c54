"""Kinds of questions are answered from the structure of an invented guide."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.answering.ferry import PAGES
from tests.small_guides import build_assistant

if TYPE_CHECKING:
    from collections.abc import Callable

    from assistant.models.answers import Answer

    Ask = Callable[..., Answer]


@pytest.fixture(scope="module")
def ask(tmp_path_factory, encoder) -> Ask:
    """Asks the guide of the ferry company a question."""
    return build_assistant(tmp_path_factory.mktemp("ferry"), PAGES, encoder).ask


def quote(answer: Answer) -> str:
    return "\n".join(citation.quote for citation in answer.citations)


def headings(answer: Answer) -> list[str]:
    return [citation.headings[-1] for citation in answer.citations]


# -- codes and options ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("question", "row"),
    [
        ("what does A-17 mean?", "A-17 | The oil is too hot. | Runa Solberg"),
        ("what is alarm A-18?", "A-18 | The bilge is full. | Odd Berge"),
        ("A-170?", "A-170 | The fuel filter is blocked. | Runa Solberg"),
        ("A-31", "A-31 | A-17 | The cooler is off."),
        ("what does code 2 of the pump mean?", "2 | The pump is jammed."),
    ],
)
def test_a_code_is_answered_by_the_row_that_it_opens(ask: Ask, question: str, row: str):
    (block,) = ask(question).blocks
    assert block.kind == "table"
    assert block.header
    assert [" | ".join(cell[0].text for cell in row.cells) for row in block.rows] == [row]


def test_the_rows_of_several_codes_are_all_quoted(ask: Ask):
    (block,) = ask("what do A-17 and A-18 mean?").blocks
    assert [row.cells[0][0].text for row in block.rows] == ["A-17", "A-18"]


def test_an_option_is_answered_by_the_item_that_explains_it(ask: Ask):
    assert quote(ask("what does --drift do?")) == (
        "- --drift: follows the current. Not together with --hold."
    )


def test_a_section_that_is_named_by_a_code_answers_what_it_means(ask: Ask):
    assert quote(ask("what does sail_plan do?")) == "Sets the sails for a voyage of several days."


# -- highest and lowest ---------------------------------------------------------------------


COMPARED = (
    ("Single", "Weekly", "Family", "Season"),
    ("Bulk", "Cooled", "Livestock"),
    ("Dinghy", "Launch", "Barge"),
)


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("which ticket is the cheapest?", "Single"),
        ("which ticket has the lowest price?", "Single"),
        ("which ticket is the most expensive?", "Season"),
        ("which kind of ticket has the longest validity?", "Season"),
        ("which ticket is valid for the shortest period?", "Single"),
        ("which cargo costs the least?", "Bulk"),
        ("which cargo class has the highest price?", "Cooled"),
        ("which boat carries the most people?", "Barge"),
        ("what is the cheapest boat for hire?", "Dinghy"),
        ("which boat for hire costs the most?", "Launch"),
    ],
)
def test_the_highest_or_lowest_is_found_by_its_amount(ask: Ask, question: str, expected: str):
    text = quote(ask(question))
    (others,) = (names for names in COMPARED if expected in names)
    assert [name for name in others if name in text] == [expected]


def test_things_without_amounts_are_not_compared(ask: Ask):
    assert len(ask("which engineer keeps the most engines running?").citations) == 1


# -- versions -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        (
            "what changed in 2.3?",
            "2.3.0 (2024-05-02)\n\n- Added group tickets.\n- Removed the fax printer.",
        ),
        (
            "what changed in version 2.2.1?",
            "2.2.1 (2024-02-11)\n\n- Mended the clock of the ticket machine.",
        ),
        ("what is new in v2.2.0?", "2.2.0 (2023-11-20)\n\n- Added the seat map."),
        (
            "what is new in the latest version?",
            "2.3.0 (2024-05-02)\n\n- Added group tickets.\n- Removed the fax printer.",
        ),
        ("when was the seat map added?", "2.2.0 (2023-11-20)\n\n- Added the seat map."),
        (
            "when was the fax printer removed?",
            "2.3.0 (2024-05-02)\n- Removed the fax printer.",
        ),
        (
            "in which version were group tickets added?",
            "2.3.0 (2024-05-02)\n\n- Added group tickets.",
        ),
        (
            "what changed about tickets in 2.3?",
            "2.3.0 (2024-05-02)\n\n- Added group tickets.",
        ),
        ("when was 2.2.0 released?", "2.2.0 (2023-11-20)"),
    ],
)
def test_a_change_is_quoted_under_its_version(ask: Ask, question: str, expected: str):
    assert quote(ask(question)) == expected


@pytest.mark.parametrize(
    "question",
    [
        "what changed in 2.5?",
        "when was 3.0 released?",
        "what is new in version 2.4.1?",
        "what was added in 2.2.1 for lifeboats?",
    ],
)
def test_a_version_or_a_change_of_it_that_nobody_documents_is_refused(ask: Ask, question: str):
    assert not ask(question).found


# -- resources ------------------------------------------------------------------------------

STARS = "- Stars above the strait by Ilse Brandt (12 min)"


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("who wrote Stars above the strait?", STARS),
        ("what is the author of stars above the strait?", STARS),
        ("whos the author of stars above the strait", STARS),
        ("how long does it take to read stars above the strait by brandt?", STARS),
        ("how many minutes is the talk about currents?", "- Currents for captains (25 min)"),
        ("how long is it to read Stars above the strait?", STARS),
        ("how many minutes does Currents for captains take?", "- Currents for captains (25 min)"),
        ("is there a video about currents?", "- Currents for captains (25 min)"),
        ("is there a form to report an accident?", "- Accident report"),
        ("where do I report an accident?", "- Accident report"),
        ("where can I sign up for first aid?", "- Sign-up for first aid"),
        ("show me links on charts", "- Know your charts"),
    ],
)
def test_a_question_about_a_resource_is_answered_by_its_line(
    ask: Ask, question: str, expected: str
):
    answer = ask(question)
    assert quote(answer) == expected
    assert [resource.title in expected for resource in answer.resources] == [True]


def test_what_to_read_first_is_the_reading_lists_in_the_order_of_the_guide(ask: Ask):
    answer = ask("what should I read first about navigation?")
    assert [citation.quote for citation in answer.citations] == [
        "- Steering without stars by Jon Vik (7 min)",
        f"{STARS}\n- Currents for captains (25 min)\n- Know your charts",
    ]
    assert [resource.title for resource in answer.resources] == [
        "Steering without stars by Jon Vik",
        "Stars above the strait by Ilse Brandt",
        "Currents for captains",
    ]


def test_an_answer_comes_with_the_reading_list_of_its_page(ask: Ask):
    (resource,) = ask("how does the captain steer?").resources
    assert (resource.title, resource.minutes) == ("Steering without stars by Jon Vik", 7)


def test_an_answer_without_anything_to_read_recommends_nothing(ask: Ask):
    assert ask("what do deckhands wear?").found
    assert ask("what do deckhands wear?").resources == ()


# -- the frame of a page --------------------------------------------------------------------

FRAME = ("Created by", "Home", "Uniforms\n", "Edit this page", "Back to top")


@pytest.mark.parametrize(
    "question",
    [
        "what is in the staff handbook?",
        "what do deckhands wear?",
        "what happens if I drink alcohol on board?",
        "how do I edit the uniform page?",
    ],
)
def test_the_frame_of_a_page_is_no_answer(ask: Ask, question: str):
    assert not [text for text in FRAME if text in quote(ask(question))]


@pytest.mark.parametrize(
    "question", ["who wrote the staff handbook?", "when was the staff handbook last modified?"]
)
def test_a_byline_is_quoted_where_it_is_asked_for(ask: Ask, question: str):
    assert quote(ask(question)) == "Created by Runa Solberg, last modified on 3 March 2024"


# -- sections that point elsewhere, titles and steps ----------------------------------------


@pytest.mark.parametrize(
    "question", ["how do I claim expenses?", "tell me about expenses", "what about expenses?"]
)
def test_a_section_that_points_to_another_one_leads_there(ask: Ask, question: str):
    answer = ask(question)
    assert headings(answer)[0] == "Claims"
    assert answer.citations[0].path == "money.md"
    assert "Send the receipt to the purser" in quote(answer)
    assert "See Claims" not in quote(answer)


def test_a_section_that_points_out_of_the_guide_is_quoted_with_its_link(ask: Ask):
    (block,) = ask("where are rooms for overnight stays described?").blocks
    assert [span.url for span in block.rows[0].cells[0] if span.url] == [
        "https://intranet.example/rooms"
    ]


def test_a_section_whose_title_is_the_question_answers_it_alone(ask: Ask):
    assert quote(ask("what does the engineer do?")) == (
        "The engineer keeps the engines running and logs the fuel."
    )


@pytest.mark.parametrize(
    "question", ["how do I start the main engine?", "what are the steps to start the main engine?"]
)
def test_steps_that_are_sections_are_quoted_with_what_comes_before(ask: Ask, question: str):
    assert [citation.quote for citation in ask(question).citations] == [
        "Two people are needed to start the main engine.",
        "1. Open the sea valve\n\nTurn the red wheel to the left.",
        "2. Prime the fuel pump\n\nPress the lever ten times.",
        "3. Turn the key\n\nHold it for three seconds.",
    ]


def test_a_heading_that_only_groups_others_is_no_step(tmp_path, encoder):
    page = """# Move a boat

Two people move a boat.

## Lift the boat

Lift it by both ends.

## Carry the boat

Carry it to the shed.

## Special cases

### Boats with a mast

Lay down the mast.
"""
    answer = build_assistant(tmp_path, {"boats.md": page}, encoder).ask("how do I move a boat?")
    assert [citation.quote for citation in answer.citations] == [
        "Two people move a boat.",
        "Lift the boat\n\nLift it by both ends.",
        "Carry the boat\n\nCarry it to the shed.",
    ]


def test_a_lead_in_without_what_it_introduces_is_no_answer(ask: Ask):
    assert not quote(ask("do guests of the crew need a pass?")).endswith(":")


# -- rules with their exceptions ------------------------------------------------------------


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("do I have to wear a life jacket in the harbour?", "This also holds in the harbour."),
        ("do cooks need a life jacket?", "Cooks are exempt while they are in the galley."),
        ("what happens if I drink alcohol on board?", "Anyone who does is sent home without pay."),
        ("may I drink alcohol on board?", "Anyone who does is sent home without pay."),
        ("what if I am sick?", "Tell your captain before your shift."),
    ],
)
def test_a_rule_comes_with_its_exception_and_its_consequence(
    ask: Ask, question: str, expected: str
):
    assert expected in quote(ask(question))


# -- comparisons ----------------------------------------------------------------------------

COMPARISONS = {
    "how is a weekly ticket different from a season ticket?": (
        ("Weekly", "Season"),
        ("and from a family ticket?", "Family"),
    ),
    "what is the difference between bulk cargo and livestock?": (
        ("Bulk", "Livestock"),
        ("and cooled cargo?", "Cooled"),
    ),
}


@pytest.mark.parametrize("question", COMPARISONS)
def test_a_comparison_shows_the_two_rows_or_items_and_goes_on_with_others(ask: Ask, question: str):
    sides, (following, other) = COMPARISONS[question]
    answer = ask(question)
    names = [name for group in COMPARED for name in group]
    assert {name for name in names if name in quote(answer)} == set(sides)
    answer = ask(following, answer.turns)
    shown = {name for name in names if name in quote(answer)}
    assert other in shown
    assert len(shown) == len(shown & {other, *sides}) == len(sides)


# -- ranges ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("question", "row"),
    [
        ("which discount does a group of 12 passengers get?", "10 to 24 | 8 %"),
        ("is there a discount for 40 passengers?", "25 or more | 15 %"),
    ],
)
def test_a_number_is_answered_by_the_row_whose_range_it_is_in(ask: Ask, question: str, row: str):
    tables = [block for block in ask(question).blocks if block.kind == "table"]
    rows = [" | ".join(cell[0].text for cell in row.cells) for t in tables for row in t.rows]
    assert row in rows


def test_two_sides_in_one_table_come_with_the_sentence_that_says_how_they_differ(tmp_path, encoder):
    contrast = "A wet suit keeps warm water at the skin, while a dry suit keeps all water out."
    pages = {
        "suits.md": f"# Suits\n\n## Choosing\n\n{contrast} Rent either at the pier.\n\n"
        "## Prices of suits\n\n| Suit | Day | Week |\n| --- | --- | --- |\n"
        "| Wet suit | 9 crowns | 40 crowns |\n| Dry suit | 20 crowns | 90 crowns |\n"
    }
    answer = build_assistant(tmp_path, pages, encoder).ask("wet suit vs dry suit")
    assert contrast in answer.text
    assert "40 crowns" in answer.text
