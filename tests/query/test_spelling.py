"""Which of a guide's words a misspelt one was meant to be, and which words are left alone."""

from __future__ import annotations

import random
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.query.spelling import Spelling, cost
from assistant.text.text import stem, words

TEXT = """
The product manager decides what internal tools are built. A product owner keeps the backlog, and
performance is measured. Update the channel, watch the video and keep the smart hub on a keyboard.
Choose the colour of the address label. Products are launched together. Set the clock.
"""


def spelling(text: str = TEXT, known: str = "", others: str = "") -> Spelling:
    written = {word: text.lower().count(word) for word in words(text)}
    stems = {stem(word) for word in written}
    return Spelling(
        written,
        says=lambda word: stem(word) in stems,
        known=frozenset(known.split()).__contains__,
        others=frozenset(others.split()),
    )


@pytest.mark.parametrize(
    ("written", "meant"),
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
def test_a_misspelt_word_is_mended_to_one_of_the_guide(written: str, meant: str) -> None:
    assert spelling().mend(written) == meant


@pytest.mark.parametrize(("written", "meant"), [("roduct", "product"), ("pudate", "update")])
def test_the_first_letter_may_be_what_is_wrong(written: str, meant: str) -> None:
    assert spelling().mend(written) == meant


def test_a_missing_space_is_put_back() -> None:
    assert spelling().mend("smarthub") == "smart hub"
    assert spelling().mend("productowner") == "product owner"


def test_a_noun_made_of_a_verb_is_read_as_the_verb_the_guide_writes() -> None:
    assert spelling(known="setup").mend("setup") == "set up"
    assert spelling("The setup. Set it.", known="setup").mend("setup") == "setup"


def test_words_the_guide_writes_as_one_are_found_where_they_are_written_apart() -> None:
    assert spelling().joined(["which", "key", "board", "is", "it"]) == ["keyboard"]
    assert spelling("The setup. Set it.").joined(["set", "up"]) == ["setup"]
    assert spelling("Student aid: studentaid.example").joined(["student", "aid"]) == []
    assert spelling().joined(["to", "gether"]) == []  # no word begins with a `to` of its own


@pytest.mark.parametrize(
    "word",
    "manager managers Product MANGER mAnger manger2 man-ger manger_id mngr 2024 B2C where".split(),
)
def test_what_may_be_meant_as_written_is_left_alone(word: str) -> None:
    assert spelling().mend(word) == word


def test_a_word_known_to_be_right_is_left_alone() -> None:
    assert spelling(known="manger").mend("manger") == "manger"


@pytest.mark.parametrize(
    ("word", "known"),
    [("learner", "learn"), ("invent", "invented"), ("rewatched", "watch"), ("tidying", "tidy")],
)
def test_a_right_word_is_told_by_its_endings(word: str, known: str) -> None:
    near = {
        "learner": "learned",
        "invent": "invert",
        "rewatched": "rematched",
        "tidying": "tipying",
    }
    assert spelling(near[word], known=known).mend(word) == word
    assert spelling(near[word]).mend(word) == near[word]


def test_of_two_words_as_near_the_commoner_one_is_meant() -> None:
    assert spelling("form form form from").mend("frrm") == "frrm"  # too short to be sure
    assert spelling("center centre centre centre").mend("centee") == "centre"


def test_a_word_of_the_question_itself_may_be_meant() -> None:
    assert spelling(others="difference").mend("diference") == "difference"
    assert spelling().mend("shoud") == "should"


def test_a_word_the_guide_says_in_another_ending_may_be_meant() -> None:
    assert spelling(known="launch").mend("lanuch") == "launch"


def test_a_likely_slip_costs_less_than_an_unlikely_one() -> None:
    assert cost("adress", "address") < cost("addrss", "address") < cost("addrezs", "address")
    assert cost("reciept", "receipt") < cost("reczipt", "receipt")
    assert cost("roduct", "product") > cost("prduct", "product")


@given(st.text("abcdefé", max_size=9), st.text("abcdefé", max_size=9))
def test_a_word_costs_nothing_only_for_itself(written: str, meant: str) -> None:
    assert (cost(written, meant) == 0) == (written == meant)
    assert cost(written, meant) >= 0


def test_a_guide_of_no_words_mends_nothing() -> None:
    assert Spelling({}, says=lambda _: False, known=lambda _: False).mend("manger") == "manger"


def test_a_guide_of_many_words_takes_milliseconds() -> None:
    chance = random.Random(7)
    many = {"".join(chance.choices("etaoinshrdlu", k=chance.randint(4, 12))) for _ in range(50_000)}
    found = Spelling(dict.fromkeys(sorted(many), 1), says=lambda _: False, known=lambda _: False)
    found.mend("prodcut")  # what is prepared is prepared once
    started = time.process_time()
    for word in sorted(many)[:100]:
        found.mend(word[::-1] + "q")
    assert time.process_time() - started < 3
