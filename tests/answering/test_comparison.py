"""The two sides of a comparison are told apart, and what the guide lacks is found."""

from __future__ import annotations

import pytest

from assistant.answering.comparison import (
    Side,
    find_missing_sides,
    find_shared_sections,
    group_by_side,
    make_sides,
    quote_contrast,
    quote_definition,
)
from tests.answering.candidates import read_page, score

PETS = """# Pets

All of them live here.

## Keeping

A cat keeps its own hours. A dog keeps yours.

## Cats

Nobody owns one. A cat (also called a puss) is a small hunter. Mice fear it.

## Dogs

Everybody likes dogs. Bones are their food.
"""


@pytest.fixture
def pets(tmp_path):
    return {passage.heading: passage for passage in read_page(tmp_path, PETS)}


def headings(groups):
    return [[section.sentences[0].passage.heading for section in group] for group in groups]


def test_a_side_is_named_by_its_words_in_any_order_and_number():
    side = Side("product owners", exact=False)
    assert side.is_named_in("The owner of a product")
    assert not side.is_named_in("The owner of a shop")


def test_an_exact_side_is_named_word_for_word():
    side = Side("day guard", exact=True)
    assert side.is_named_in("Two Day-Guards walk")
    assert not side.is_named_in("A guard by day")
    assert not side.is_named_in("A midday guard")
    assert not side.is_named_in("A day guardian")


def test_sides_are_exact_only_where_one_contains_the_words_of_the_other():
    assert [side.exact for side in make_sides(["cats", "dogs"])] == [False, False]
    assert [side.exact for side in make_sides(["cat", "cat food"])] == [True, True]
    assert [side.exact for side in make_sides(["cat food", "cats"])] == [True, True]
    assert [side.exact for side in make_sides(["cat food", "dog food"])] == [False, False]


def test_a_side_is_missing_where_the_guide_lacks_one_of_its_words():
    known = {"cat": 3, "food": 1}
    assert find_missing_sides(["cats", "mink"], known) == ["mink"]
    assert find_missing_sides(["cat food", "dog food"], known) == ["dog food"]
    assert find_missing_sides(["cats", "the food"], known) == []


def test_each_side_has_the_sections_that_name_it_in_the_order_asked(pets):
    sections = score([*pets.values()], {})
    assert headings(group_by_side(sections, make_sides(["dogs", "cats"]))) == [["Dogs"], ["Cats"]]
    assert headings(group_by_side(sections, make_sides(["cats", "mink"]))) == [["Cats"], []]


def test_a_section_whose_heading_names_both_sides_is_shared_unless_it_is_one_line(tmp_path):
    page = "# Pets\n\n## Dogs, cats\n\nThey sleep.\n\n## Cats and dogs\n\nThey fight in the "
    page += "morning, in the evening and whenever there is only one bowl of milk.\n"
    sections = score(read_page(tmp_path, page), {})
    (shared,) = find_shared_sections(sections, make_sides(["cats", "dogs"]))
    assert shared.sentences[0].passage.heading == "Cats and dogs"
    assert find_shared_sections(sections, make_sides(["cats", "birds"])) == []


def test_a_side_is_quoted_by_the_sentence_that_defines_it(pets):
    side = Side("cats", exact=False)
    (quote,) = quote_definition(side, [pets["Keeping"], pets["Cats"]])
    assert quote.text == "A cat (also called a puss) is a small hunter."


def test_a_side_without_a_definition_is_quoted_by_a_sentence_of_its_own_section(pets):
    side = Side("dogs", exact=False)
    (quote,) = quote_definition(side, [pets["Keeping"], pets["Cats"], pets["Dogs"]])
    assert quote.text == "Everybody likes dogs."
    (quote,) = quote_definition(side, [pets["Cats"], pets["Keeping"]])
    assert quote.text == "A dog keeps yours."


def test_a_side_that_no_passage_names_is_not_quoted(pets):
    assert quote_definition(Side("mink", exact=False), [*pets.values()]) == []


def test_a_sentence_that_says_something_of_all_sides_is_a_contrast(tmp_path):
    page = (
        "# Knots\n\nKnow the bowline and the reef knot. What are a bowline and a reef knot for?\n\n"
    )
    contrast = "A bowline makes a loop that holds, while a reef knot joins two equal ropes."
    passages = read_page(tmp_path, f"{page}{contrast}\n")
    (quote,) = quote_contrast(passages, make_sides(["bowline", "reef knot"]))
    assert quote.text == contrast
    assert quote_contrast(passages, make_sides(["bowline", "sheet bend"])) == []
