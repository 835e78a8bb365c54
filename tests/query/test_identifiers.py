"""Identifiers, versions and years are read from a question letter by letter."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.query.identifiers import (
    contains_identifier,
    find_codes,
    find_identifiers,
    find_split_identifiers,
    find_versions,
    find_years,
    is_quantity,
)


@pytest.mark.parametrize(
    ("question", "identifiers"),
    [
        ("what does --glaze-depth do?", ("--glaze-depth",)),
        ("is -f the same as --force?", ("-f", "--force")),
        ("where do I set KILN_MAX_TEMP?", ("KILN_MAX_TEMP",)),
        ("default of coolDownMs", ("coolDownMs",)),
        ("what is error K9 or k-104?", ("K9", "k-104")),
        ("how do I get `redclay`?", ("redclay",)),
        ("what does `fire /my/pots --slow` do?", ("--slow",)),
        ("is `red clay` wet?", ()),
        ("does KILN_2 need utf8?", ("KILN_2", "utf8")),
        ("what is alarm 12?", ("12",)),
        ("set KILN_MAX_TEMP, then KILN_MAX_TEMP.", ("KILN_MAX_TEMP",)),
        ("what does k-glaze do?", ("k-glaze",)),
        ("does ClayMixer run on the kiln:open hook?", ("ClayMixer", "kiln:open")),
    ],
)
def test_what_is_written_like_code_is_an_identifier(question, identifiers):
    assert find_identifiers(question) == identifiers


@pytest.mark.parametrize(
    "question",
    [
        "how hot is a well-fired kiln?",
        "Do You Fire On Mondays?",
        "what does the PO do - and when?",
        "can I fire 12 pots at 900 degrees?",
        "who opened the workshop in 1998?",
        "does 2.1 or v3.0.4 run?",
        "the bell rang at 10:30: was it late?",
    ],
)
def test_words_acronyms_plain_numbers_and_versions_are_no_identifiers(question):
    assert find_identifiers(question) == ()


@pytest.mark.parametrize(
    ("question", "versions"),
    [
        ("what does version 3 of the policy say?", ("3",)),
        ("does 2.1 or v3.0.4 run?", ("2.1", "3.0.4")),
        ("is release 12 out, or edition 2021?", ("12", "2021")),
        ("can I fire 12 pots for 2.5 hours?", ()),
    ],
)
def test_a_version_has_a_point_or_is_named_one(question, versions):
    assert find_versions(question) == versions


def test_years_are_of_two_centuries():
    assert find_years("holidays in 2027, 1998 and 1650, at 12.2027?") == ("2027", "1998")


@given(st.text(max_size=200))
def test_any_text_has_identifiers_that_it_contains(text):
    for find in (find_identifiers, find_versions, find_years):
        assert all(part in text for part in find(text))


@pytest.mark.parametrize(
    ("text", "identifier", "contained"),
    [
        ("Use -f to fire at once.", "-f", True),
        ("Fire half-full kilns.", "-f", False),
        ("Use --force.", "-f", False),
        ("Set `kiln_max_temp()`.", "KILN_MAX_TEMP", True),
        ("K94 is a crack.", "K9", False),
        ("Two K9s in a row.", "K9", True),
        ("", "K9", False),
    ],
)
def test_an_identifier_is_contained_as_a_whole(text, identifier, contained):
    assert contains_identifier(text, identifier) is contained


@pytest.mark.parametrize("word", ["10k", "100MB", "1y5m", "90min", "2w"])
def test_an_amount_with_its_unit_is_a_quantity(word):
    assert is_quantity(word)


@pytest.mark.parametrize("word", ["10", "k9", "2fa", "4xx", "mp3", "10k-run", "", "3rd", "v2"])
def test_a_number_alone_and_a_code_are_no_quantity(word):
    assert not is_quantity(word)


@pytest.mark.parametrize(
    ("text", "is_there"),
    [
        ("It speaks HTTP/3 too.", True),
        ("It speaks HTTP 3s.", True),
        ("It speaks http3.", True),
        ("It speaks HTTP/2, and Python 3.", False),
        ("It speaks HTTP/31.", False),
    ],
)
def test_a_number_may_stand_apart_from_the_name_of_an_identifier(text, is_there):
    assert contains_identifier(text, "http3") == is_there


def test_an_identifier_that_spelling_took_apart_is_one_still():
    assert find_split_identifiers("does it have http3?", "does it have http 3?") == ("http3",)
    assert find_split_identifiers("does it have http3?", "does it have http3?") == ()


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("KilnError: [Errno 7] EKILNHOT at 10:30", ("EKILNHOT",)),
        ("2026-01-02T10:30:00Z kiln GL-1004 failed, GL-1004", ("GL-1004",)),
        ("E404 in /srv/KILNS/main.py on UTC", ("E404",)),
        ("the PO and the CEO meet on MONDAYS", ("MONDAYS",)),
        ("well-fired kilns-X900 and v2.10", ()),
    ],
)
def test_codes_are_capitals_alone_or_with_a_number(text, codes):
    assert find_codes(text) == codes
