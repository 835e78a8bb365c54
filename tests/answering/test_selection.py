"""Quotes are selected by question type, on pages small enough to check by hand."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.answering import selection
from assistant.answering.quotes import Quote
from assistant.answering.selection import Source, TermWeights
from assistant.guide.folder import read_guide
from assistant.index.term_matches import TermPositions
from assistant.query.query import Question
from assistant.query.question_type import parse_question

if TYPE_CHECKING:
    from assistant.models.documents import Passage

PETS = """# Pets

A dog is an animal that lives with people. It guards the house. Dogs bark.

Before we go on, a word on food. Meat is dear. Milk is cheap. Bread is for ducks. Hay is for horses.

## Cats and dogs

Many people mix them up. A cat keeps its own hours. A dog keeps yours.

## Cats

Nobody owns one. A cat (also called a puss) is a small hunter. This makes mice nervous.

## Kinds of birds

We know these kinds:

- the robin, which sings
- the crow, which does not
- the owl, which works nights

## Vertical Jump Height (VJH)

Our measure is the Vertical Jump Height (VJH). It is taken twice.

## How to wash a dog

1. Fill the tub.
2. Put the dog in.
3. Dry the walls.
"""


@pytest.fixture
def passages(tmp_path) -> dict[str, Passage]:
    """Each section's first passage by its heading."""
    (tmp_path / "pets.md").write_text(PETS)
    guide = read_guide(tmp_path)
    return {passage.heading: passage for passage in guide.passages}


def even(text: str) -> TermWeights:
    """Weights in which each term of the question counts the same."""
    return TermWeights.from_text(text, lambda term: 1.0)


def source(text: str, passage: Passage) -> Source:
    """A passage as a source for a question, every sentence equally near to it."""
    idf = even(text).idf
    near = np.full(len(passage.sentences), 0.2, dtype=np.float32)
    scores = (
        TermPositions.from_passages([passage])
        .match([*idf])
        .score_sentences(np.array([*idf.values()]), near)
    )
    return Source(passage, tuple(scores.tolist()))


def quote_texts(text: str, *passages: Passage) -> list[str]:
    question = parse_question(text)
    write = selection.quote_comparison if question.type == "comparison" else selection.select_quotes
    return [
        quote.text for quote in write(question, [source(text, passage) for passage in passages])
    ]


def test_a_definition_is_the_defining_sentence_and_the_rest_of_its_paragraph(passages):
    assert quote_texts("what is a dog?", passages["Pets"]) == [
        "A dog is an animal that lives with people. It guards the house. Dogs bark."
    ]


def test_a_definition_ignores_sentences_that_only_mention_the_word(passages):
    quotes = quote_texts("what is a cat?", passages["Cats and dogs"], passages["Cats"])
    assert quotes == ["A cat (also called a puss) is a small hunter. This makes mice nervous."]


def test_an_acronym_is_defined_where_it_is_written_out(passages):
    quotes = quote_texts(
        "what does vertical jump height mean?", passages["Vertical Jump Height (VJH)"]
    )
    assert "Vertical Jump Height (VJH)" in quotes[0]


def test_a_list_is_quoted_whole_with_its_introduction(passages):
    (quote,) = quote_texts("what kinds of birds are there?", passages["Kinds of birds"])
    assert quote.startswith("We know these kinds:")
    assert quote.index("robin") < quote.index("crow") < quote.index("owl")


def test_steps_are_quoted_in_order_and_complete(passages):
    (quote,) = quote_texts("how do I wash a dog?", passages["How to wash a dog"])
    assert quote.index("Fill") < quote.index("Put") < quote.index("Dry")


def test_a_comparison_quotes_the_section_on_both(passages):
    quotes = quote_texts("cats vs dogs", passages["Cats"], passages["Cats and dogs"])
    assert quotes == ["Many people mix them up. A cat keeps its own hours. A dog keeps yours."]


def test_a_comparison_without_such_a_section_quotes_each_sides_own(passages):
    quotes = quote_texts("dogs vs cats", passages["Pets"], passages["Cats"])
    assert any("dog is an animal" in quote for quote in quotes)
    assert any("puss" in quote for quote in quotes)


def test_sides_that_share_words_are_matched_exactly(tmp_path):
    page = "# Jobs\n\n## Day guard\n\nWalks by day.\n\n## Night day guard\n\nWalks by night.\n"
    (tmp_path / "jobs.md").write_text(page)
    day, night = read_guide(tmp_path).passages[-2:]
    quotes = quote_texts("day guard vs night day guard", night, day)
    assert quotes == ["Walks by day.", "Walks by night."]


def test_a_colon_includes_what_it_introduces(passages):
    (quote,) = quote_texts("do we know these kinds?", passages["Kinds of birds"])
    assert quote.startswith("We know these kinds:")
    assert "the owl, which works nights" in quote


def test_a_heading_without_text_is_answered_by_its_subsections(tmp_path):
    page = "# Barn\n\n## Doors\n\n### The front\n\nIt is red.\n\n### The back\n\nIt is shut.\n"
    (tmp_path / "barn.md").write_text(page)
    around = read_guide(tmp_path).passages
    heading = next(passage for passage in around if passage.heading == "Doors")
    question = parse_question("which doors has the barn?")
    quotes = selection.select_quotes(question, [source(question.text, heading)], lambda: around)
    assert [quote.text for quote in quotes] == [
        "The front\n\nIt is red.",
        "The back\n\nIt is shut.",
    ]
    alone = selection.select_quotes(question, [source(question.text, heading)])
    assert [quote.text for quote in alone] == ["Doors"]


def test_an_amount_is_answered_by_a_number_or_refused(tmp_path):
    page = "# Tea\n\nTea is dear. A pound of tea costs 12 shillings. Nobody drinks less tea.\n"
    (tmp_path / "tea.md").write_text(page)
    passage = read_guide(tmp_path).passages[0]
    question = "how much does tea cost?"
    (quote,) = selection.quote_amount([source(question, passage)])
    assert quote.text == "A pound of tea costs 12 shillings."
    assert selection.quote_amount([source("how much dear is that?", passage)]) == []


def test_a_comparison_of_two_sections_adds_the_sentence_that_names_both(tmp_path):
    page = (
        "# Pets\n\n## Cats\n\nA cat is a hunter.\n\n## Dogs\n\nA dog is a guard.\n\n"
        "## Meals\n\nMeat is dear. A cat eats less than a dog. Hay is for horses.\n"
    )
    (tmp_path / "pets.md").write_text(page)
    quotes = quote_texts("cats vs dogs", *read_guide(tmp_path).passages)
    assert quotes == ["A cat is a hunter.", "A dog is a guard.", "A cat eats less than a dog."]


def test_with_a_missing_side_the_other_is_quoted(passages):
    question = "cats vs ferrets"
    sources = [source(question, passages["Cats"]), source(question, passages["Pets"])]
    (quote,) = selection.quote_comparison(parse_question(question), sources, ["ferrets"])
    assert quote.text.startswith("A cat (also called a puss) is a small hunter.")
    assert (
        selection.quote_comparison(parse_question("ferrets vs mink"), sources, ["ferrets", "mink"])
        == []
    )


def test_a_comparison_with_a_side_no_source_names_has_no_quotes(passages):
    assert quote_texts("cats vs ferrets", passages["Cats"], passages["Cats and dogs"]) == []


def one_passage(tmp_path, text: str) -> Passage:
    (tmp_path / "page.md").write_text(text)
    return read_guide(tmp_path).passages[0]


# Eight words each, and none of them says anything to a question about milk.
FILLING = " ".join(f"Number {n} of the sheds stands by itself." for n in range(8))


def test_a_long_passage_is_quoted_in_part(tmp_path):
    answer = "Milk is cheap on Mondays. Soup is dear."
    page = f"# Farm\n\nFowl live outside. {FILLING} {answer} {FILLING}\n"
    quote = " ".join(quote_texts("is milk cheap?", one_passage(tmp_path, page)))
    assert "Milk is cheap on Mondays." in quote
    assert "Number 0" not in quote
    assert len(quote.split()) < len(page.split()) / 2


def test_a_sentence_that_repeats_the_question_includes_the_next(tmp_path):
    page = f"# Trouble\n\n{FILLING} The milk smells of smoke. Open every window. {FILLING}\n"
    quote = " ".join(quote_texts("why does the milk smell of smoke?", one_passage(tmp_path, page)))
    assert "Open every window." in quote


def test_the_first_sentence_of_a_section_is_included_where_it_scores_nearly_as_high(tmp_path):
    page = f"# Milk\n\nMilk is sold here. {FILLING} Fresh milk is sold on Mondays.\n"
    quotes = quote_texts("when is fresh milk sold?", one_passage(tmp_path, page))
    assert quotes[0].startswith("Milk is sold here.")
    assert "Fresh milk is sold on Mondays." in quotes[-1]


def test_a_list_beside_the_answer_is_quoted_whole_or_not_at_all(tmp_path):
    sheds = "\n".join(f"- shed number {n} which stands by itself" for n in range(12))
    page = f"# Farm\n\n{FILLING} Milk is cheap on Mondays.\n\n{sheds}\n"
    quote = " ".join(quote_texts("is milk cheap?", one_passage(tmp_path, page)))
    assert "Milk is cheap on Mondays." in quote
    assert "- shed" not in quote


def test_a_list_that_runs_over_its_passage_is_quoted_whole(tmp_path):
    birds = "\n".join(f"- bird number {n} sings on every morning of May" for n in range(60))
    (tmp_path / "birds.md").write_text(f"# Birds\n\nThese are the birds:\n\n{birds}\n")
    parts = read_guide(tmp_path).passages
    assert len(parts) > 2
    for text in ("list the birds", "how do I name a bird?"):
        for part in parts:
            quotes = selection.select_quotes(
                parse_question(text), [source(text, part)], lambda: parts
            )
            listed = "\n".join(quote.text for quote in quotes)
            assert listed.startswith("These are the birds:")
            assert re.findall(r"number (\d+)", listed) == list(map(str, range(60)))


def test_a_sentence_that_opens_with_a_pronoun_includes_its_antecedent(passages):
    (quote,) = quote_texts("what guards the house?", passages["Pets"])
    assert quote.startswith("A dog is an animal")


def test_a_heading_is_included_where_the_first_sentence_refers_to_it(tmp_path):
    page = "# Jobs\n\n## Night watch\n\nThis is the hardest job of all because it is dark.\n"
    (tmp_path / "jobs.md").write_text(page)
    watch = read_guide(tmp_path).passages[-1]
    quotes = quote_texts("which job is hardest?", watch)
    assert quotes == ["Night watch\n\nThis is the hardest job of all because it is dark."]


def test_no_sources_give_no_quotes():
    assert selection.select_quotes(Question("why?", "other"), []) == []


def test_sections_below_a_heading_are_listed_by_name_and_first_sentence(passages):
    quotes = selection.quote_section_openings([passages["Cats"], passages["Cats and dogs"]])
    assert [quote.text for quote in quotes] == [
        "Cats\n\nNobody owns one.",
        "Cats and dogs\n\nMany people mix them up.",
    ]


def test_a_quote_has_its_lines_in_the_file(passages):
    passage = passages["Cats"]
    line = 1 + PETS.splitlines().index("## Cats")
    assert Quote(passage, 0, 0).lines == (line, line)
    assert Quote(passage, 1, 1).lines == (line + 2, line + 2)


words = st.sampled_from("cat dog milk house bread This is It the a bird tub works".split())
sentence = st.lists(words, min_size=1, max_size=8).map(lambda chosen: " ".join(chosen) + ".")
page = st.lists(st.lists(sentence, min_size=1, max_size=6).map(" ".join), min_size=1, max_size=4)
question_text = st.sampled_from(
    ["what is a cat?", "cat vs dog", "which dog works?", "list of dogs", "how to milk a cat?"]
)


@given(page, question_text)
def test_any_question_is_answered_by_runs_of_a_passage(tmp_path_factory, paragraphs, text):
    folder = tmp_path_factory.mktemp("page")
    (folder / "page.md").write_text("# Page\n\n" + "\n\n".join(paragraphs))
    sources = [source(text, passage) for passage in read_guide(folder).passages]
    question = parse_question(text)
    write = selection.quote_comparison if question.type == "comparison" else selection.select_quotes
    for quote in write(question, sources):
        start, end = quote.span
        assert quote.passage.text[start:end] == quote.text
        assert quote.text.strip() == quote.text != ""
