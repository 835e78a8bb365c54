"""A sentence defines a subject where it says what it is, or writes its acronym beside it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.answering.definitions import defines, subject_pattern


@pytest.mark.parametrize(
    "sentence",
    [
        "A cat is a small hunter.",
        "The cat is the smallest hunter.",
        "Cats are those who sleep by day.",
        "But a cat is one of them.",
        "In short, cats are what keeps mice away.",
        "A cat (also called a puss) is a hunter.",
        "Cat means hunter.",
        "CATS REFER TO small hunters.",
        "Some cats were the guards of barns.",
        "Cat stands for Careful Animal Transport.",
        "We sell Careful Animals (CAT) there.",
    ],
)
def test_a_sentence_that_says_what_the_subject_is_defines_it(sentence):
    subject = "careful animal" if "We sell" in sentence else "cat"
    assert defines(subject, sentence)


@pytest.mark.parametrize(
    "sentence",
    [
        "A dog is a guard.",
        "A cat is asleep.",
        "A cat keeps its own hours.",
        "A cat food is a meal.",
        "The owner of a cat is a servant.",
        "Nobody knows what a cat is.",
        "Caterpillars are the young of moths.",
        "",
    ],
)
def test_a_sentence_that_only_mentions_the_subject_does_not_define_it(sentence):
    assert not defines("cat", sentence)


@pytest.mark.parametrize(
    "sentence",
    [
        "Our measure is the Vertical Jump Height (VJH).",
        "We take the VJH (vertical jump height) twice.",
        "All vertical-jump heights (V.J.H) are taken twice.",
    ],
)
def test_an_acronym_beside_its_words_defines_them(sentence):
    assert defines("vertical jump height", sentence)


def test_brackets_without_an_acronym_define_nothing():
    assert not defines("vertical jump height", "A vertical jump height (taken twice) tells all.")
    assert not defines("vertical jump height", "We measure (vertical jump height) twice.")


def test_an_acronym_is_defined_by_the_words_it_stands_for():
    assert defines("VJH", "Our measure is the Vertical Jump Height (VJH).")
    assert not defines("VJH", "Our measure (VJH, for short) is old.")


@pytest.mark.parametrize(
    ("subject", "written"),
    [
        ("cat", "cats"),
        ("cats", "cat"),
        ("companies", "company"),
        ("companies", "companies"),
        ("box", "boxes"),
        ("boss", "bosses"),
        ("night watch", "Night-Watches"),
    ],
)
def test_a_subject_is_found_in_the_singular_and_in_the_plural(subject, written):
    assert subject_pattern(subject).fullmatch(written)


def test_marks_in_a_subject_are_taken_literally():
    assert defines("C++", "C++ is a language.")
    assert not defines("c.t", "A cat is a hunter.")


words = st.text(st.characters(categories=["Ll", "Lu", "Nd", "Po", "Sm"]), min_size=1, max_size=8)


@given(st.lists(words, min_size=1, max_size=4).map(" ".join))
def test_any_subject_is_defined_by_saying_what_it_is(subject):
    assert defines(subject, f"{subject} is a thing.")
    assert defines(subject, f"The {subject} means nothing.")
    assert not defines(subject, f"Zzzz Zzzz {subject} is a thing.")
