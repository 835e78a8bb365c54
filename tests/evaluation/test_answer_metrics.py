"""The measures of whole answers, against values worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.evaluation import metrics


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("The boat leaves at 9.", ["boat", "leaves", "9"]),
        ("Will it be you?", []),
        ("Not before noon, never on Sundays", ["before", "noon", "never", "sundays"]),
        ("Ask @here, pay £1.50 or €2 -- see EX-112.", ["ask", "@here", "pay", "£1.50", "€2", "see",
                                                         "ex-112"]),
        ("C++ and v1.2-rc", ["c++", "v1.2-rc"]),
        ("the café’s pier", ["café", "s", "pier"]),
        ("Attic ... 48 EUR", ["attic", "48", "eur"]),
        ("| Attic | 48 |", ["attic", "48"]),
        ("", []),
    ],
)  # fmt: skip
def test_content_words_are_what_is_left_without_function_words(text, words):
    assert metrics.content_words(text) == words


GOLD = "The night ferry to Skarvik costs 12 EUR, in winter 9 EUR"
# Its content words: night ferry skarvik costs 12 eur winter 9 eur. Nine, two of them with a digit.


@pytest.mark.parametrize(
    ("answer", "share", "complete"),
    [
        (GOLD, 1.0, True),
        ("In winter 9 EUR, otherwise 12 EUR: the night ferry.", 7 / 9, True),
        ("9 EUR or 12 EUR by ferry at night", 6 / 9, False),
        ("The night ferry to Skarvik costs 12 EUR in winter", 8 / 9, False),
        ("The night ferry to Skarvik costs 12 EUR, in winter 19 EUR", 8 / 9, False),
        ("", 0.0, False),
    ],
    ids=["all", "seven of nine", "six of nine", "a number less", "another number", "nothing"],
)
def test_a_complete_answer_has_seven_tenths_of_the_words_and_all_numbers(answer, share, complete):
    assert metrics.gold_share(answer, GOLD) == pytest.approx(share)
    assert metrics.contains_gold(answer, GOLD) is complete


def test_exactly_seven_tenths_are_enough():
    gold = "alder birch cedar elm fir hazel larch maple oak pine"
    assert metrics.contains_gold("alder birch cedar elm fir hazel larch", gold)
    assert not metrics.contains_gold("alder birch cedar elm fir hazel", gold)


def test_case_order_and_the_words_between_do_not_matter():
    assert metrics.contains_gold("EUR forty-eight? No: 48, for the ATTIC", "Attic ... 48 EUR")


@given(st.lists(st.sampled_from(["ferry", "9", "night", "EUR", "the"])), st.text(max_size=20))
def test_more_words_never_make_an_answer_less_complete(words, more):
    answer = " ".join(words)
    longer = f"{answer} {more}"
    assert metrics.gold_share(longer, GOLD) >= metrics.gold_share(answer, GOLD)
    assert metrics.contains_gold(longer, GOLD) >= metrics.contains_gold(answer, GOLD)


# -- intervals ------------------------------------------------------------------------------------


def test_the_interval_of_a_median_is_reproducible_and_around_it():
    values = [*range(1, 100)]
    low, high = metrics.median_interval(values)
    # The median of 99 has a standard error near 1.25 * 28.6 / sqrt(99) = 3.6.
    assert 50 - 3 * 3.6 < low < 50 < high < 50 + 3 * 3.6
    assert (low, high) == metrics.median_interval(values)


def test_the_median_of_equal_counts_has_no_interval():
    assert metrics.median_interval([7, 7, 7]) == (7.0, 7.0)
    assert metrics.median_interval([7]) == (7.0, 7.0)


def test_the_interval_of_two_kinds_resamples_each_by_itself():
    # Were both kinds drawn together, some resample would have no question of the rare kind.
    scores = np.array([0.9, *[0.1] * 40])
    positive = scores > 0.5
    assert metrics.two_sample_interval(metrics.auroc, scores, positive) == (1.0, 1.0)
