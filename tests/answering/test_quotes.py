"""Quotes are runs of sentences, taken letter by letter from their passage."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.answering.quotes import Quote, body_positions, join_quotes, refers_back
from tests.answering.candidates import find, read_page

PAGE = """# Barn

The barn is red. It was built twice. The doors are these:

- the front
- the back. It is shut.

Nobody paints the roof.

1. Open the front.
2. Shut the back.
"""


@pytest.fixture(scope="module")
def barn(tmp_path_factory):
    return read_page(tmp_path_factory.mktemp("barn"), PAGE)[0]


def test_the_body_is_all_but_the_heading(barn):
    assert barn.sentences[0].kind == "heading"
    assert body_positions(barn) == list(range(1, len(barn.sentences)))


def test_a_quote_is_the_text_from_its_first_sentence_to_its_last(barn):
    quote = Quote(barn, find(barn, "red"), find(barn, "twice"))
    assert quote.text == "The barn is red. It was built twice."
    assert quote.span == (6, 6 + len(quote.text))


def test_a_quote_that_begins_with_an_item_has_its_marker(barn):
    assert Quote(barn, find(barn, "the front"), find(barn, "the front")).text == "- the front"
    shut = find(barn, "Shut")
    assert Quote(barn, shut, shut).text == "2. Shut the back."


def test_a_quote_that_begins_inside_an_item_has_no_marker(barn):
    inside = find(barn, "is shut")
    assert Quote(barn, inside, inside).text == "It is shut."


def test_a_quote_has_its_lines_in_the_file(barn):
    lines = PAGE.splitlines()
    quote = Quote(barn, find(barn, "the front"), find(barn, "roof"))
    assert quote.lines == (
        1 + lines.index("- the front"),
        1 + lines.index("Nobody paints the roof."),
    )


@pytest.mark.parametrize("text", ["It was shut.", "“This one is red.", "However, no."])
def test_a_sentence_that_begins_with_a_pronoun_or_a_connective_refers_back(text):
    assert refers_back(text)


@pytest.mark.parametrize("text", ["Items are shut.", "The barn is.", "Before it rains.", ""])
def test_any_other_sentence_refers_to_nothing_before_it(text):
    assert not refers_back(text)


def test_a_quote_inside_an_earlier_one_is_left_out(barn):
    whole, part, other = Quote(barn, 1, 3), Quote(barn, 2, 3), Quote(barn, 5, 5)
    assert join_quotes([whole, part, other, whole]) == [whole, other]


def test_quotes_of_different_passages_are_all_kept(tmp_path):
    first, second = read_page(tmp_path, "# Barn\n\nIt is red.\n\n## Roof\n\nIt is red.\n")
    quotes = [Quote(first, 1, 1), Quote(second, 1, 1)]
    assert join_quotes(quotes) == quotes


def test_quotes_stay_in_the_order_given(barn):
    quotes = [Quote(barn, 5, 5), Quote(barn, 1, 1), Quote(barn, 3, 3)]
    assert join_quotes(quotes) == quotes


@given(st.data())
def test_every_run_of_sentences_is_a_slice_with_all_of_them_in_order(barn, data):
    numbers = st.integers(0, len(barn.sentences) - 1)
    first, last = sorted((data.draw(numbers), data.draw(numbers)))
    quote = Quote(barn, first, last)
    start, end = quote.span
    assert barn.text[start:end] == quote.text == quote.text.strip() != ""
    texts = [barn.slice(barn.sentences[n]) for n in range(first, last + 1)]
    places = [quote.text.find(text) for text in texts]
    assert -1 not in places
    assert places == sorted(places)
    assert quote.text.endswith(texts[-1])


def test_runs_that_share_no_sentence_do_not_overlap(barn):
    for cut in range(1, len(barn.sentences) - 1):
        before, after = Quote(barn, 0, cut), Quote(barn, cut + 1, len(barn.sentences) - 1)
        assert before.span[1] <= after.span[0]
    spans = [Quote(barn, n, n).span for n in range(len(barn.sentences))]
    assert all(a[1] <= b[0] for a, b in itertools.pairwise(spans))
