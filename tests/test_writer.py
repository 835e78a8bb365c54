"""From hits to quotes, on pages small enough to answer by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant import guide as guides
from assistant import writer
from assistant.question import Question, parse
from assistant.quotes import Quote
from assistant.writer import Weights

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
def sources(tmp_path) -> dict[str, Source]:
    """Each section's first passage as a source by its heading; every sentence equally near."""
    (tmp_path / "pets.md").write_text(PETS)
    guide = guides.read(tmp_path)
    return {p.heading: Source(p, (0.5,) * len(p.sentences)) for p in guide.passages}


def even(text: str) -> Weights:
    """Weights in which each term of the question counts the same."""
    return Weights.of(text, lambda term: 1.0)


def answered(text: str, *sources: Source) -> list[str]:
    question = parse(text)
    write = writer.compare if question.form == "comparison" else writer.write
    return [quote.text for quote in write(question, list(sources), even(text))]


def test_a_definition_is_the_sentence_that_defines_and_what_follows_in_its_paragraph(sources):
    assert answered("what is a dog?", sources["Pets"]) == [
        "A dog is an animal that lives with people. It guards the house. Dogs bark."
    ]


def test_a_definition_looks_past_sentences_that_only_mention_the_word(sources):
    found = answered("what is a cat?", sources["Cats and dogs"], sources["Cats"])
    assert found == ["A cat (also called a puss) is a small hunter. This makes mice nervous."]


def test_an_acronym_is_defined_where_it_is_written_out(sources):
    found = answered("what does vertical jump height mean?", sources["Vertical Jump Height (VJH)"])
    assert "Vertical Jump Height (VJH)" in found[0]


def test_a_list_is_whole_and_keeps_the_line_that_leads_into_it(sources):
    (quote,) = answered("what kinds of birds are there?", sources["Kinds of birds"])
    assert quote.startswith("We know these kinds:")
    assert quote.index("robin") < quote.index("crow") < quote.index("owl")


def test_steps_come_in_order_and_none_is_missing(sources):
    (quote,) = answered("how do I wash a dog?", sources["How to wash a dog"])
    assert quote.index("Fill") < quote.index("Put") < quote.index("Dry")


def test_a_comparison_quotes_the_section_on_both(sources):
    found = answered("cats vs dogs", sources["Cats"], sources["Cats and dogs"])
    assert found == ["Many people mix them up. A cat keeps its own hours. A dog keeps yours."]


def test_a_comparison_without_such_a_section_takes_each_side_from_its_own(sources):
    found = answered("dogs vs cats", sources["Pets"], sources["Cats"])
    assert any("dog is an animal" in quote for quote in found)
    assert any("puss" in quote for quote in found)


def test_sides_that_share_words_are_told_apart_to_the_letter(tmp_path):
    page = "# Jobs\n\n## Day guard\n\nWalks by day.\n\n## Night day guard\n\nWalks by night.\n"
    (tmp_path / "jobs.md").write_text(page)
    day, night = (Source(p, (0.5,) * len(p.sentences)) for p in guides.read(tmp_path).passages[-2:])
    found = answered("day guard vs night day guard", night, day)
    assert "night" in found[0]  # the one section that names both, to the letter


def test_after_a_colon_what_it_announces_comes_along(sources):
    (quote,) = answered("do we know these kinds?", sources["Kinds of birds"])
    assert quote.startswith("We know these kinds:")
    assert "the owl, which works nights" in quote


def test_a_number_is_answered_by_a_number_or_not_at_all(tmp_path):
    page = "# Tea\n\nTea is dear. A pound of tea costs 12 shillings. Nobody drinks less tea.\n"
    (tmp_path / "tea.md").write_text(page)
    passage = guides.read(tmp_path).passages[0]
    source = Source(passage, (0.5,) * len(passage.sentences))
    (quote,) = writer.amount([source], even("how much does tea cost?"))
    assert quote.text == "A pound of tea costs 12 shillings."
    assert writer.amount([source], even("how much dear is that?")) == []


def test_a_comparison_with_a_side_the_guide_never_names_says_nothing(sources):
    assert answered("cats vs ferrets", sources["Cats"], sources["Cats and dogs"]) == []


def test_of_a_long_passage_only_what_answers_is_quoted(sources):
    (quote,) = answered("is milk cheap?", sources["Pets"])
    assert "Milk is cheap." in quote
    assert "Hay" not in quote
    assert "Dogs bark" not in quote


def test_a_sentence_that_opens_with_a_pronoun_brings_what_it_leans_on(sources):
    (quote,) = answered("what guards the house?", sources["Pets"])
    assert quote.startswith("A dog is an animal")


def test_a_heading_comes_along_where_the_first_sentence_leans_on_it(tmp_path):
    page = "# Jobs\n\n## Night watch\n\nThis is the hardest job of all because it is dark.\n"
    (tmp_path / "jobs.md").write_text(page)
    watch = guides.read(tmp_path).passages[-1]
    found = answered("which job is hardest?", Source(watch, (0.5,) * len(watch.sentences)))
    assert found == ["Night watch\n\nThis is the hardest job of all because it is dark."]


def test_nothing_found_writes_nothing():
    assert writer.write(Question("why?", "other"), [], even("why?")) == []


def test_sections_below_a_heading_are_listed_by_name_and_first_sentence(sources):
    quotes = writer.children([sources["Cats"].passage, sources["Cats and dogs"].passage])
    assert [quote.text for quote in quotes] == [
        "Cats\n\nNobody owns one.",
        "Cats and dogs\n\nMany people mix them up.",
    ]


def test_a_quote_knows_its_lines_in_the_file(sources):
    passage = sources["Cats"].passage
    line = 1 + PETS.splitlines().index("## Cats")
    assert Quote(passage, 0, 0).lines == (line, line)
    assert Quote(passage, 1, 1).lines == (line + 2, line + 2)


words = st.sampled_from("cat dog milk house bread This is It the a bird tub works".split())
sentence = st.lists(words, min_size=1, max_size=8).map(lambda found: " ".join(found) + ".")
page = st.lists(st.lists(sentence, min_size=1, max_size=6).map(" ".join), min_size=1, max_size=4)
asked = st.sampled_from(
    ["what is a cat?", "cat vs dog", "which dog works?", "list of dogs", "how to milk a cat?"]
)


@given(page, asked)
def test_whatever_is_asked_a_quote_is_a_run_of_its_passage(tmp_path_factory, paragraphs, text):
    folder = tmp_path_factory.mktemp("page")
    (folder / "page.md").write_text("# Page\n\n" + "\n\n".join(paragraphs))
    found = [Source(p, (0.5,) * len(p.sentences)) for p in guides.read(folder).passages]
    question = parse(text)
    write = writer.compare if question.form == "comparison" else writer.write
    for quote in write(question, found, even(text)):
        start, end = quote.span
        assert quote.passage.text[start:end] == quote.text
        assert quote.text.strip() == quote.text != ""
