"""Sentences are selected with what they need, within the limits, on pages read at a glance."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from assistant.answering.selection import make_quotes, score_sections, select_sentences
from assistant.query.question_type import parse_question
from tests.answering.candidates import make_candidates, read_page, score, select_quotes

BIRDS = """# Birds

We know these birds:

- the robin
- the crow
- the owl, which hunts

## Food

Meat is dear. It is sold on Mondays. Milk is cheap.

They say so:

Nobody asks why. Why do ducks eat bread? Because it floats.

## Prices

| food | price |
| --- | --- |
| milk | 1 |
| bread | 2 |
| meat | 9 |

## Mending the coop

1. Stop the pump:

   ```
   pump stop
   ```

2. Mend the coop.
"""


def texts(folder, page, likely, question="why is that?", **limits):
    quotes = select_quotes(read_page(folder, page), likely, question, **limits)
    return [quote.text for quote in quotes]


def test_a_short_list_is_quoted_whole_with_its_lead_in(tmp_path):
    (quote,) = texts(tmp_path, BIRDS, {"crow": 0.9})
    assert quote == "We know these birds:\n\n- the robin\n- the crow\n- the owl, which hunts"


def test_a_lead_in_brings_what_it_introduces(tmp_path):
    (quote,) = texts(tmp_path, BIRDS, {"these birds": 0.9})
    assert quote.endswith("- the owl, which hunts")


@pytest.mark.parametrize(
    "lead", ["Feed them one of the following.", "The feed is mixed as follows.", "See it below."]
)
@pytest.mark.parametrize("introduced", ["- seeds\n- worms", "```\nmix seeds\n```"])
def test_a_lead_in_that_ends_with_a_full_stop_brings_what_it_introduces(tmp_path, lead, introduced):
    page = f"# Birds\n\n{lead}\n\n{introduced}\n"
    (quote,) = texts(tmp_path, page, {lead: 0.9})
    assert quote.splitlines()[-1] in introduced
    assert quote.startswith(lead)
    assert len(quote) > len(lead)


def test_what_a_sentence_announces_may_come_after_the_rest_of_its_paragraph(tmp_path):
    lead = "The following birds are here in winter."
    page = f"# Birds\n\n{lead} Each stays by the pond.\n\n- the heron\n- the owl\n"
    (quote,) = texts(tmp_path, page, {lead: 0.9})
    assert quote == f"{lead} Each stays by the pond.\n\n- the heron\n- the owl"


def test_what_a_sentence_announces_is_in_its_own_paragraph(tmp_path):
    lead = "The following birds are here in winter."
    page = f"# Birds\n\n{lead}\n\nEach stays by the pond.\n\n- the heron\n- the owl\n"
    assert texts(tmp_path, page, {lead: 0.9}) == [lead]


def test_a_sentence_before_more_text_introduces_nothing(tmp_path):
    page = "# Birds\n\nThe robin is described below.\n\nThe crow is black.\n"
    assert texts(tmp_path, page, {"robin": 0.9}) == ["The robin is described below."]


@pytest.mark.parametrize(("count", "question"), [(7, "why is that?"), (11, "how do I do that?")])
def test_a_list_is_quoted_whole_up_to_a_length_and_else_in_part(tmp_path, count, question):
    item = "is a bird that often sings"  # eight words with the number and the marker
    entries = [f"- n{n} {item}" for n in range(count + 1)]
    short = "These:\n\n" + "\n".join(entries[:count])
    assert texts(tmp_path, f"# Birds\n\n{short}\n", {"n2 ": 0.9}, question) == [short]
    page = f"# Birds\n\n{short}\n{entries[-1]}\n"
    assert texts(tmp_path, page, {"n2 ": 0.9}, question) == [f"These:\n\n{entries[0]}", entries[2]]


def test_an_item_of_a_long_list_is_quoted_from_its_beginning(tmp_path):
    items = "\n".join(f"- Bird {n} sings. Nobody knows why bird {n} sings so." for n in range(9))
    (quote,) = texts(tmp_path, f"# Birds\n\n{items}\n", {"why bird 4": 0.9}, max_words=12)
    assert quote == "- Bird 4 sings. Nobody knows why bird 4 sings so."


def test_a_row_comes_with_the_header_and_not_with_the_whole_table(tmp_path):
    assert texts(tmp_path, BIRDS, {"milk": 0.9}, max_runs=1) == ["food | price\nmilk | 1"]
    assert texts(tmp_path, BIRDS, {"meat": 0.9}, max_words=7) == ["food | price", "meat | 9"]


@pytest.mark.parametrize("question", ["which foods can I sell?", "list all the foods"])
def test_a_short_table_is_quoted_whole_where_all_of_it_is_asked_for(tmp_path, question):
    (quote,) = texts(tmp_path, BIRDS, {"milk": 0.9}, question)
    assert quote == "food | price\nmilk | 1\nbread | 2\nmeat | 9"


def test_code_between_steps_belongs_to_the_list(tmp_path):
    (quote,) = texts(tmp_path, BIRDS, {"Mend": 0.9}, "how do I mend it?")
    assert quote == "1. Stop the pump:\npump stop\n2. Mend the coop."


def test_a_sentence_that_refers_back_comes_with_the_one_before(tmp_path):
    assert texts(tmp_path, BIRDS, {"Mondays": 0.9}) == ["Meat is dear. It is sold on Mondays."]


def test_a_sentence_does_not_refer_back_to_another_paragraph(tmp_path):
    assert texts(tmp_path, "# Food\n\nMeat is dear.\n\nIt rains.\n", {"rains": 0.9}) == [
        "It rains."
    ]


@pytest.mark.parametrize("end", ["...", "…"])
def test_a_sentence_that_trails_off_brings_what_it_leads_to(tmp_path, end):
    page = f"# Ducks\n\nYou can feed a duck yourself{end}\n\n```\nfeed --duck\n```\n"
    (quote,) = texts(tmp_path, page, {"yourself": 0.9})
    assert quote.endswith("feed --duck")


@pytest.mark.parametrize(
    ("text", "is_quoted"),
    [
        ("Ducks at last", False),
        ("Yes.", False),
        ("Ducks swim.", True),
        ("Gate 7", True),
        ("アヒルは泳ぐ。", True),
        ("- one duck", True),
    ],
)
def test_a_label_or_a_word_is_not_quoted_alone(tmp_path, text, is_quoted):
    rest = "The children of the village feed them."
    page = f"# Ducks\n\n{text}\n\n---\n\n{rest}\n"
    quoted = "\n".join(texts(tmp_path, page, {text.lstrip("- "): 0.6, rest: 0.4}))
    assert rest in quoted
    assert (text.lstrip("- ") in quoted) == is_quoted


def test_a_question_in_the_text_comes_with_its_answer(tmp_path):
    assert texts(tmp_path, BIRDS, {"Why do ducks": 0.9}) == [
        "Why do ducks eat bread? Because it floats."
    ]


def test_a_short_sentence_between_two_quoted_ones_is_quoted_too(tmp_path):
    page = "# Food\n\nMeat is dear. Hay is for horses. Milk is cheap.\n"
    assert texts(tmp_path, page, {"Meat": 0.5, "Milk": 0.5}) == [page.split("\n\n")[1].strip()]
    long = "Hay is what the horses of the whole valley eat all through the winter."
    page = f"# Food\n\nMeat is dear. {long} Milk is cheap.\n"
    assert texts(tmp_path, page, {"Meat": 0.5, "Milk": 0.5}) == ["Meat is dear.", "Milk is cheap."]


def test_an_answer_that_is_long_and_likely_enough_does_not_grow(tmp_path):
    long = "Meat is what " + "the wolves and " * 10 + "the bears eat."
    page = f"# Food\n\n{long}\n\nMilk is cheap.\n"
    assert texts(tmp_path, page, {"Meat": 0.75, "Milk": 0.1}) == [long]
    (quote,) = texts(tmp_path, page, {"Meat": 0.65, "Milk": 0.1})
    assert quote == f"{long}\n\nMilk is cheap."


def test_a_run_over_two_passages_is_two_quotes(tmp_path):
    page = "# Food\n\nMeat is dear.\n\n***\n\nMilk is cheap.\n"
    likely = {"Meat": 0.5, "Milk": 0.4}
    assert texts(tmp_path, page, likely) == ["Meat is dear.", "Milk is cheap."]
    assert texts(tmp_path, page, likely, max_runs=1) == ["Meat is dear."]


def test_a_sentence_that_the_guide_has_twice_is_quoted_once(tmp_path):
    page = "# Food\n\nMilk is cheap.\n\n## Prices\n\nMILK is cheap.\n"
    assert texts(tmp_path, page, {"Milk": 0.5, "MILK": 0.4}) == ["Milk is cheap."]


def test_where_nothing_fits_the_likeliest_sentence_is_quoted_alone(tmp_path):
    long = "Meat is what " + "the wolves and " * 10 + "the bears eat."
    page = f"# Food\n\n{long} Milk is cheap.\n"
    assert texts(tmp_path, page, {"Meat": 0.9}, max_words=20) == [long]
    assert select_sentences([]) == {}


OPENING = "# Mending a net\n\nA net is mended from the middle, or its edges pull apart.\n\n"


@pytest.mark.parametrize("heading_share", [1.0, 0.0], ids=["titled", "a list alone"])
def test_an_opening_that_does_not_fit_is_quoted_with_less_of_the_rest(tmp_path, heading_share):
    steps = [f"{n}. Tie knot number {n} and pull it tight." for n in range(1, 9)]
    page = OPENING + "\n".join(steps)
    likely = {f"number {n}": 0.3 if n < 4 else 0.05 for n in range(1, 9)}
    (section,) = score(read_page(tmp_path, page), likely)
    sections = [replace(section, heading_share=heading_share)]
    quotes = [q.text for q in make_quotes(sections, select_sentences(sections, max_words=40))]
    assert quotes[0].startswith("A net is mended from the middle, or its edges pull apart.")
    assert "number 1 " in "".join(quotes)
    assert sum(len(quote.split()) for quote in quotes) <= 40


def test_each_question_of_a_text_counts_the_same(tmp_path):
    candidates = make_candidates(read_page(tmp_path, "# A\n\nOne. Two.\n\n## B\n\nThree.\n"))
    questions = [parse_question("why?"), parse_question("how?")]
    first, second = candidates
    scored = score_sections(
        [
            ([first, second], [np.array([0.5, 0.1]), np.array([0.4])]),
            ([second], [np.array([1.0])]),
        ],
        questions,
    )
    assert [section.probabilities for section in scored] == [(0.25, 0.05), (pytest.approx(0.7),)]


def test_the_words_of_a_quote_are_counted_with_the_markers(tmp_path):
    sections = score(read_page(tmp_path, BIRDS), {})
    words = dict(zip([s.text for s in sections[0].sentences], sections[0].words, strict=True))
    assert words == {
        "We know these birds:": 4, "the robin": 3, "the crow": 3, "the owl, which hunts": 5
    }  # fmt: skip
    assert sections[2].words == (2, 2, 2, 2)
