"""Bringing text to one form, and removing invisible characters."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings

from assistant.text.normalize import normalise, strip_invisible
from tests.texts import TEXTS


@pytest.mark.parametrize(
    ("given_text", "expected"),
    [
        ("  what   is\ta PM? \n", "what is a PM?"),
        ("ｗｈａｔ", "what"),
        ("ﬁrst", "first"),
        ("pro\u200bduct", "product"),
        ("pro\u00adduct", "product"),
        ("\u202eproduct\u202c", "product"),
        ("\ufeffproduct", "product"),
        ("e\u0301", "é"),
        ("e\u200b\u0301", "é"),
        ("a\x00b", "a b"),
        ("one\u2028two\x85three", "one two three"),
        ("\u3164\uffa0", ""),
        ("\u200b \u2060", ""),
    ],
)
def test_normalise_brings_text_to_one_form(given_text: str, expected: str) -> None:
    assert normalise(given_text) == expected


@settings(deadline=None)
@given(TEXTS)
def test_normalising_twice_is_normalising_once(text: str) -> None:
    once = normalise(text)
    assert normalise(once) == once
    assert unicodedata.is_normalized("NFKC", once)
    assert once == " ".join(once.split())


def test_stripping_invisible_characters_keeps_all_visible_ones() -> None:
    assert strip_invisible("a\u200bb ﬁ\u202e c\x07") == "ab ﬁ c"
