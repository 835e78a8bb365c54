"""A sentence has what a question asks for."""

from __future__ import annotations

import pytest

from assistant.answering.expected import find_expected, has_expected
from assistant.query.query import Query


@pytest.mark.parametrize(
    ("question", "answer", "other"),
    [
        ("which colour are the vans?", "Our vans are white.", "Our vans are old."),
        ("what color is the lamp?", "It is #ff8800.", "It is bright."),
        ("what material is the hull?", "The hull is steel.", "The hull is new."),
        ("what is the hull made of?", "It is made of oak.", "It is made in spring."),
        ("at which pressure does it open?", "It opens at 6 bar.", "It opens at 6."),
        ("what temperature do I need?", "Heat it to 90 °C.", "Heat it for 90 minutes."),
        ("what size are the tiles?", "They are 20 x 30.", "They are small."),
        ("what is the maximum weight?", "Up to 30 kg.", "Up to 30 people."),
        ("how long does it take?", "It takes 3 days.", "It takes patience."),
        ("how often is it cleaned?", "Every Monday.", "By the crew."),
        ("give me an example", "Take fruit, for example plums.", "Take fruit."),
        ("for instance?", "Fruit such as plums keeps.", "Fruit keeps."),
        ("why two?", "Two, because one may fail.", "There are two."),
    ],
)
def test_what_is_expected_is_in_an_answer_and_not_in_another_sentence(question, answer, other):
    pattern = find_expected(question)
    assert has_expected(pattern, Query(()), answer)
    assert not has_expected(pattern, Query(()), other)
