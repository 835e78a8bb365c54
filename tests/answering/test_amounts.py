"""An amount is a number, a date or a duration in one of the sentences that match best."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.answering.amounts import has_amount


@pytest.mark.parametrize(
    "sentence",
    [
        "A pound of tea costs 12 shillings.",
        "It opens at 9:30.",
        "Two cats live here.",
        "They are forty.",
        "She is SIXTEEN.",
        "Dozens of birds came.",
        "It takes half of the day.",
        "Feeding takes an hour.",
        "He waited for weeks.",
        "Tea is free.",
        "None of them is left.",
    ],
)
def test_a_number_a_date_or_a_duration_is_an_amount(sentence):
    assert has_amount([(sentence, 0.5)])


@pytest.mark.parametrize(
    "sentence",
    ["Tea is dear.", "Nobody drinks less of it.", "The weight of tea matters.", "Often.", ""],
)
def test_a_sentence_without_any_has_no_amount(sentence):
    assert not has_amount([(sentence, 0.5)])


def test_only_the_sentences_with_the_highest_scores_count():
    dear = ("Tea is dear.", 0.5)
    assert has_amount([dear, ("A cup costs 3 pence.", 0.41)])
    assert not has_amount([dear, ("A cup costs 3 pence.", 0.39)])


def test_no_sentences_have_no_amount():
    assert not has_amount([])


scores = st.floats(0.01, 1)


@given(st.lists(st.tuples(st.sampled_from(["Tea is dear.", "Tea costs 3 pence."]), scores)))
def test_the_order_of_the_sentences_does_not_matter_and_the_best_one_always_counts(scored):
    assert has_amount(scored) == has_amount(reversed(scored))
    best = max((score for _, score in scored), default=0.0)
    if ("Tea costs 3 pence.", best) in scored:
        assert has_amount(scored)
    if all(text == "Tea is dear." for text, _ in scored):
        assert not has_amount(scored)
