"""Splitting text into words and stems."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from assistant.text.tokenize import (
    extract_terms,
    split_clauses,
    split_words,
    stem,
    tokenize,
)
from tests.texts import TEXTS


@pytest.mark.parametrize(
    "token", ["B2B", "don't", "don’t", "P.M", "C++", "C#", "go-to-market", "R&D", "TCP/IP", "3.5"]
)
def test_a_compound_is_one_token(token: str) -> None:
    assert [word for word, _, _ in tokenize(f"the {token} here")] == ["the", token, "here"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("B2B Products", ["b2b", "products"]),
        ("a P.M. decides", ["a", "pm", "decides"]),
        ("is it a P.M?", ["is", "it", "a", "pm"]),
        ("the U.S.A. market", ["the", "usa", "market"]),
        ("C++ is not C# or C", ["c++", "is", "not", "c#", "or", "c"]),
        ("go-to-market", ["go", "to", "market"]),
        ("产品经理", ["产", "品", "经", "理"]),
        ("PM产品", ["pm", "产", "品"]),
        ("हिन्दी", ["हिन्दी"]),
        ("snake_case", ["snake", "case"]),
        ("", []),
        ("?!…", []),
    ],
)
def test_words_are_lower_case_and_compounds_are_split(text: str, expected: list[str]) -> None:
    assert split_words(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Oil the chain, then ride. Rest!", ["oil the chain", "then ride", "rest"]),
        ("oak vs birch", ["oak", "vs", "birch"]),
        ("Oak Versus Birch", ["oak", "versus", "birch"]),
        ("the U.S. market: bikes", ["the us", "market", "bikes"]),
        ("a node.js (or C++) build", ["a node js", "or c++", "build"]),
        ("one\ntwo—three", ["one", "two", "three"]),
        ("...", []),
    ],
)
def test_a_clause_ends_at_punctuation_and_around_versus(text: str, expected: list[str]) -> None:
    assert split_clauses(text) == [clause.split() for clause in expected]


@settings(deadline=None)
@given(TEXTS)
def test_the_words_of_all_clauses_are_those_of_the_text(text: str) -> None:
    assert [word for clause in split_clauses(text) for word in clause] == split_words(text)


def test_a_plural_has_the_stem_of_its_singular() -> None:
    assert stem("owners") == stem("owner")


def test_terms_are_stems_without_stopwords_with_repeats() -> None:
    assert extract_terms("What is the owner of the owners?") == [stem("owner"), stem("owner")]


@settings(deadline=None)
@given(TEXTS)
def test_tokens_are_slices_of_the_text_in_order(text: str) -> None:
    end = 0
    for token, start, stop in tokenize(text):
        assert end <= start < stop
        assert text[start:stop] == token
        end = stop
