"""Quotes are runs of sentences with what they refer to and introduce."""

from __future__ import annotations

import pytest

from assistant.answering.quotes import (
    Quote,
    adjacent_block,
    body_positions,
    count_words,
    group_into_quotes,
)
from assistant.guide.folder import read_guide

PAGE = """# Barn

The barn is red. It was built twice. The doors are these:

- the front
- the back

Nobody paints the roof.

| door | key |
| --- | --- |
| front | big |
| back | small |
"""


@pytest.fixture
def barn(tmp_path):
    (tmp_path / "barn.md").write_text(PAGE)
    return read_guide(tmp_path).passages[0]


def where(passage, text: str) -> int:
    return next(n for n, s in enumerate(passage.sentences) if text in passage.slice(s))


def test_the_body_is_all_but_the_heading(barn):
    assert body_positions(barn) == list(range(1, len(barn.sentences)))
    assert count_words(barn, [where(barn, "red"), where(barn, "roof")]) == 4 + 4


def test_a_list_or_a_table_is_adjacent_as_a_whole(barn):
    roof = where(barn, "roof")
    assert [barn.slice(barn.sentences[n]) for n in adjacent_block(barn, roof, -1)] == [
        "the back",
        "the front",
    ]
    assert adjacent_block(barn, roof, 1) == list(range(roof + 1, len(barn.sentences)))


def test_inside_a_list_its_entries_are_adjacent_one_by_one(barn):
    front = where(barn, "the front")
    assert adjacent_block(barn, front, 1) == [front + 1]


def test_nothing_is_adjacent_beyond_the_ends_of_a_passage(barn):
    assert adjacent_block(barn, 1, -1) == []
    assert adjacent_block(barn, len(barn.sentences) - 1, 1) == []


def test_a_quote_includes_what_its_first_word_refers_to(barn):
    (quote,) = group_into_quotes(barn, [where(barn, "built")])
    assert quote.text == "The barn is red. It was built twice."


def test_a_quote_that_ends_with_a_colon_includes_what_it_introduces(barn):
    (quote,) = group_into_quotes(barn, [where(barn, "these:")])
    assert quote.text.startswith("The doors are these:")
    assert quote.text.endswith("the back")


def test_neighbours_are_one_quote_and_others_are_separate(barn):
    red, roof = where(barn, "red"), where(barn, "roof")
    assert group_into_quotes(barn, [red + 1, red]) == [Quote(barn, red, red + 1)]
    assert group_into_quotes(barn, [roof, red]) == [Quote(barn, red, red), Quote(barn, roof, roof)]


def test_a_quote_is_a_slice_of_its_passage(barn):
    for quote in group_into_quotes(barn, [1, 5]):
        start, end = quote.span
        assert barn.text[start:end] == quote.text
