"""Which words are corrected to words of a guide, and which are unchanged."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.query.spelling import SpellingCorrector, edit_cost
from assistant.text.tokenize import split_words, stem

TEXT = """
The product manager decides what internal tools are built. A product owner keeps the backlog, and
performance is measured. Update the channel, watch the video and keep the smart hub on a keyboard.
Choose the colour of the address label. Products are launched together. Set the clock.
"""


def spelling(text: str = TEXT, known: str = "", others: str = "") -> SpellingCorrector:
    word_counts = {word: text.lower().count(word) for word in split_words(text)}
    stems = {stem(word) for word in word_counts}
    return SpellingCorrector(
        word_counts,
        has_stem=lambda word: stem(word) in stems,
        is_known_word=frozenset(known.split()).__contains__,
        extra_words=frozenset(others.split()),
    )


@pytest.mark.parametrize(
    ("typed", "intended"),
    [
        ("prodcut", "product"),  # swapped
        ("manger", "manager"),  # lost
        ("Manger", "manager"),
        ("intrenal", "internal"),
        ("adress", "address"),  # one of two lost
        ("backklog", "backlog"),  # doubled
        ("chanell", "channel"),  # two slips of the commonest kind
        ("updete", "update"),  # another vowel
        ("performanse", "performance"),  # sounds alike
        ("performamce", "performance"),  # the next key
    ],
)
def test_a_misspelt_word_is_corrected_to_one_of_the_guide(typed: str, intended: str) -> None:
    assert spelling().correct(typed) == intended


@pytest.mark.parametrize(("typed", "intended"), [("roduct", "product"), ("pudate", "update")])
def test_the_first_letter_may_be_wrong(typed: str, intended: str) -> None:
    assert spelling().correct(typed) == intended


@pytest.mark.parametrize(
    ("typed", "intended"), [("im", "i'm"), ("youre", "you're"), ("whos", "who's")]
)
def test_an_apostrophe_left_out_is_put_in(typed: str, intended: str) -> None:
    assert spelling().correct(typed) == intended
    assert spelling(f"{TEXT} The {typed} unit.").correct(typed) == typed


@pytest.mark.parametrize(
    ("typed", "intended"),
    [("p9e", "performance"), ("k6d", "keyboard"), ("p9x", "p9x"), ("b2b", "b2b")],
)
def test_a_numeronym_is_the_word_of_the_guide_that_it_shortens(typed: str, intended: str) -> None:
    assert spelling().correct(typed) == intended


def test_a_missing_space_is_inserted() -> None:
    assert spelling().correct("smarthub") == "smart hub"
    assert spelling().correct("productowner") == "product owner"


def test_a_space_is_inserted_after_a_short_word() -> None:
    assert spelling("Who is on call?").correct("oncall") == "on call"
    assert spelling("Who is at call?").correct("atcall") == "atcall"


@pytest.mark.parametrize(
    ("typed", "intended"),
    [("http3", "http 3"), ("HTTP3", "HTTP 3"), ("ward7", "ward 7"), ("http2", "http2")],
)
def test_a_number_is_split_from_a_name_if_the_guide_writes_them_apart(typed, intended) -> None:
    assert spelling("Serve HTTP/3 in ward 7.").correct(typed) == intended
    assert spelling("Serve http3 in ward7 by HTTP2.").correct(typed) == typed


def test_a_noun_is_split_into_the_verb_the_guide_writes() -> None:
    assert spelling(known="setup").correct("setup") == "set up"
    assert spelling("The setup. Set it.", known="setup").correct("setup") == "setup"


def test_words_the_guide_writes_as_one_are_joined() -> None:
    assert spelling().find_compounds(["which", "key", "board", "is", "it"]) == ["keyboard"]
    assert spelling("The setup. Set it.").find_compounds(["set", "up"]) == ["setup"]
    assert spelling("Student aid: studentaid.example").find_compounds(["student", "aid"]) == []
    assert (
        spelling().find_compounds(["to", "gether"]) == []
    )  # no word begins with a `to` of its own


@pytest.mark.parametrize(
    "word",
    "manager managers Product MANGER mAnger manger2 man-ger manger_id mngr 2024 B2C where".split(),
)
def test_a_word_that_may_be_correct_is_unchanged(word: str) -> None:
    assert spelling().correct(word) == word


def test_a_known_word_is_unchanged() -> None:
    assert spelling(known="manger").correct("manger") == "manger"


@pytest.mark.parametrize(
    ("word", "known"),
    [("learner", "learn"), ("invent", "invented"), ("rewatched", "watch"), ("tidying", "tidy")],
)
def test_an_english_word_is_recognised_by_its_endings(word: str, known: str) -> None:
    near = {
        "learner": "learned",
        "invent": "invert",
        "rewatched": "rematched",
        "tidying": "tipying",
    }
    assert spelling(near[word], known=known).correct(word) == word
    assert spelling(near[word]).correct(word) == near[word]


def test_of_two_equally_near_words_the_commoner_one_is_chosen() -> None:
    assert spelling("form form form from").correct("frrm") == "frrm"  # too short to be sure
    assert spelling("center centre centre centre").correct("centee") == "centre"


def test_a_question_word_may_be_the_correction() -> None:
    assert spelling(others="difference").correct("diference") == "difference"
    assert spelling().correct("shoud") == "should"


def test_a_word_the_guide_uses_with_another_ending_may_be_the_correction() -> None:
    assert spelling(known="launch").correct("lanuch") == "launch"


def test_a_likely_edit_costs_less_than_an_unlikely_one() -> None:
    assert (
        edit_cost("adress", "address")
        < edit_cost("addrss", "address")
        < edit_cost("addrezs", "address")
    )
    assert edit_cost("reciept", "receipt") < edit_cost("reczipt", "receipt")
    assert edit_cost("roduct", "product") > edit_cost("prduct", "product")


@given(st.text("abcdefé", max_size=9), st.text("abcdefé", max_size=9))
def test_only_equal_words_have_no_edit_cost(typed: str, intended: str) -> None:
    assert (edit_cost(typed, intended) == 0) == (typed == intended)
    assert edit_cost(typed, intended) >= 0


def test_a_guide_without_words_corrects_nothing() -> None:
    assert (
        SpellingCorrector({}, has_stem=lambda _: False, is_known_word=lambda _: False).correct(
            "manger"
        )
        == "manger"
    )


@pytest.mark.timeout(60)
def test_a_guide_of_many_words_takes_milliseconds() -> None:
    chance = random.Random(7)
    many = {"".join(chance.choices("etaoinshrdlu", k=chance.randint(4, 12))) for _ in range(50_000)}
    corrector = SpellingCorrector(
        dict.fromkeys(sorted(many), 1), has_stem=lambda _: False, is_known_word=lambda _: False
    )
    for word in sorted(many)[:100]:
        corrector.correct(word[::-1] + "q")
