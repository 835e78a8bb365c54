"""Polite phrases do not change a question."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.query import politeness

# What stands around a question in other people's words, made to be put together.
OPENINGS = [
    "", "Hi, ", "Hello there! ", "Good morning. ", "hey how are you today? ", "Please, ",
    "Hope you are all well. ", "Thanks for your time. ", "Excuse me, ", "Can you help me? ",
]  # fmt: skip
REQUESTS = [
    "", "can you tell me about ", "could you please explain ", "I need some information about ",
    "I would like to know more about ", "I was wondering about ", "I'm looking for help with ",
    "I have a question: ", "do you know ", "can I get some details on ", "i want to learn about ",
    "what's the deal with ", "whats up with ", "what is the situation with ",
]  # fmt: skip
CLOSINGS = ["", ", please", " thanks in advance!", ". Can you help me with that?"]


def test_polite_phrases_are_stripped():
    question = "the fees of a lost badge"
    for opening, request, closing in product(OPENINGS, REQUESTS, CLOSINGS):
        polite = opening + request + question + closing
        assert politeness.strip_politeness(polite) == question, polite


@pytest.mark.parametrize(
    "text",
    [
        "how do I get a badge?",
        "what may members vote as they please",
        "how is a cat different from a dog?",
        "who can help with a lost badge?",
        "I lost my badge. What now?",
        "is there a fee for badges?",
        "hello",
        "can you help me?",
        "please",
        "thank you very much",
        "welcome page",
        "high availability",
        "",
    ],
)
def test_a_question_without_polite_phrases_is_unchanged(text):
    assert politeness.strip_politeness(text) == text


@given(st.text(max_size=300))
def test_the_rest_is_a_part_of_the_question(text):
    assert politeness.strip_politeness(text) in text


@pytest.mark.parametrize(
    "piece", ["hi ", "please ", "can you help me ", "some ", "i want to ", "?"]
)
@pytest.mark.timeout(60)
def test_a_question_of_polite_phrases_alone_takes_linear_time(piece):
    politeness.strip_politeness((piece * 2000)[:2000])
