"""Identifiers, versions and years are read from a question letter by letter."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.query.identifiers import find_identifiers, find_versions


@pytest.mark.parametrize(
    ("question", "identifiers"),
    [
        ("what does --glaze-depth do?", ("--glaze-depth",)),
        ("is -f the same as --force?", ("-f", "--force")),
        ("where do I set KILN_MAX_TEMP?", ("kiln_max_temp",)),
        ("default of coolDownMs", ("cooldownms",)),
        ("what is error K9 or K-104?", ("k9", "k-104")),
        ("how do I get `red clay`?", ("red clay",)),
        ("does 2.1 or v3.0.4 run?", ("2.1", "v3.0.4")),
        ("set KILN_MAX_TEMP, then KILN_MAX_TEMP.", ("kiln_max_temp",)),
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
    ],
)
def test_words_acronyms_and_plain_numbers_are_no_identifiers(question):
    assert find_identifiers(question) == ()


@pytest.mark.parametrize(
    ("question", "versions"),
    [
        ("holidays in 2027?", ("2027",)),
        ("what does version 3 of the policy say?", ("3",)),
        ("is release 12 out, or edition 2021?", ("2021", "12")),
        ("can I fire 12 pots?", ()),
    ],
)
def test_years_and_named_versions_are_versions(question, versions):
    assert find_versions(question) == versions


@given(st.text(max_size=200))
def test_any_text_has_identifiers_that_it_contains(text):
    assert all(identifier in text.lower() for identifier in find_identifiers(text))
