"""Test the questions that complete what a reader types."""

from __future__ import annotations

from assistant.server.completions import Completions

QUESTIONS = (
    "What is a lantern?",
    "How do I light the lantern in the rain?",
    "How do I repair a rowing boat?",
    "Who may light the beacon?",
)


def test_the_last_word_may_be_unfinished_and_the_others_may_not():
    known = Completions(QUESTIONS)
    assert known.find("repair a row") == ["How do I repair a rowing boat?"]
    assert known.find("rep boat") == []


def test_words_may_stand_anywhere_and_earlier_ones_come_first():
    known = Completions(QUESTIONS)
    assert known.find("lantern") == [QUESTIONS[0], QUESTIONS[1]]
    assert known.find("LIGHT") == [QUESTIONS[3], QUESTIONS[1]]


def test_a_question_that_begins_as_typed_comes_first():
    known = Completions(("May we row? How do I?", "How do I row?"))
    assert known.find("how do i") == ["How do I row?", "May we row? How do I?"]


def test_nothing_typed_is_completed_by_nothing():
    assert Completions(QUESTIONS).find("  ?! ") == []


def test_at_most_the_wished_number_is_returned():
    many = Completions(f"What is lantern {number}?" for number in range(40))
    assert many.find("lantern", 3) == [f"What is lantern {number}?" for number in range(3)]
