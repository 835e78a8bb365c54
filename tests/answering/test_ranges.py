"""A number of a question is in the range of a row."""

from __future__ import annotations

import pytest

from assistant.answering.ranges import find_numbers, has_range_with, read_range


@pytest.mark.parametrize(
    ("cell", "inside", "outside"),
    [
        ("5 to 9", ["5 crates", "9 crates"], ["4 crates", "10 crates"]),
        ("5–9 years", ["6 years", "60 months"], ["10 years", "6 weeks", "6 crates"]),
        ("between 2 and 4", ["3"], ["5"]),
        ("up to 4 days", ["4 days", "1 hour"], ["5 days"]),
        ("under 5,000 EUR", ["4,999 EUR", "an order of 3k"], ["5,000 EUR", "10k"]),
        ("€500 - €2,000", ["€700"], ["€2,001", "700 days"]),
        ("more than 2 weeks", ["15 days"], ["14 days"]),
        ("10 or more", ["10", "4000"], ["9"]),
        ("10+", ["11"], ["9"]),
        ("at least 20 MB", ["20 MB"], ["20 kB"]),
    ],
)
def test_a_cell_that_is_a_range_contains_the_amounts_in_it(cell, inside, outside):
    assert [has_range_with(f"{cell} | yes", find_numbers(text)) for text in inside] == [True] * len(
        inside
    )
    assert not any(has_range_with(f"{cell} | yes", find_numbers(text)) for text in outside)


@pytest.mark.parametrize(
    "cell",
    ["2024-03-04", "1. Moor the boat", "7 crates", "Deck 5 to the stern", "L5 and above", ""],
)
def test_any_other_cell_is_no_range(cell):
    assert read_range(cell) is None


def test_a_range_beside_other_cells_is_not_that_of_the_row():
    assert not has_range_with("Harbour | 5 to 9", find_numbers("6 crates"))


@pytest.mark.parametrize("text", ["who carries a crate?", "two days in 2024", "a week off"])
def test_words_and_years_are_no_numbers_of_a_range(text):
    assert find_numbers(text) == []


def test_of_a_text_the_numbers_in_digits_are_in_a_range():
    (amount,) = find_numbers("can I take a day off after 6 months?")
    assert amount.number == 6
