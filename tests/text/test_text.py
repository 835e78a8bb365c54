"""Words and sentences: where they are, and that finding them never takes long."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assistant.text.text import (
    extract_terms,
    normalise,
    split_sentences,
    split_words,
    stem,
    strip_invisible,
    tokenize,
)
from tests.sizes import size

# Text that is rich in what the module has to decide about.
TEXTS = st.text(
    st.one_of(
        st.sampled_from(list(" \n.!?…。()[]\"'”’1Aai-+#&/\u200b\u00adé産ह\u094d")),
        st.characters(exclude_categories=["Cs"]),
    ),
    max_size=80,
)


def said(text: str) -> list[str]:
    return [text[start:end] for start, end in split_sentences(text)]


# -- normalise ------------------------------------------------------------------------------


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
def test_normalising_twice_changes_nothing_more(text: str) -> None:
    once = normalise(text)
    assert normalise(once) == once
    assert unicodedata.is_normalized("NFKC", once)
    assert once == " ".join(once.split())


def test_visible_keeps_every_character_a_reader_sees() -> None:
    assert strip_invisible("a\u200bb ﬁ\u202e c\x07") == "ab ﬁ c"


# -- words ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "token", ["B2B", "don't", "don’t", "P.M", "C++", "C#", "go-to-market", "R&D", "TCP/IP", "3.5"]
)
def test_a_compound_is_one_token(token: str) -> None:
    assert [found for found, _, _ in tokenize(f"the {token} here")] == ["the", token, "here"]


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
def test_words_are_lower_case_and_compounds_are_taken_apart(text: str, expected: list[str]) -> None:
    assert split_words(text) == expected


def test_an_ending_does_not_keep_two_words_apart() -> None:
    assert stem("owners") == stem("owner")


def test_terms_leave_out_what_carries_no_topic_and_keep_repeats() -> None:
    assert extract_terms("What is the owner of the owners?") == [stem("owner"), stem("owner")]


@settings(deadline=None)
@given(TEXTS)
def test_tokens_slice_out_of_the_text_in_order(text: str) -> None:
    end = 0
    for token, start, stop in tokenize(text):
        assert end <= start < stop
        assert text[start:stop] == token
        end = stop


# -- sentences ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "parts",
    [
        ["One thing.", "Another thing."],
        ["Really?", "Yes!", "Good."],
        ["He said “Stop.”", "Then he left."],
        ['She asked "why?" and left.', "He stayed."],
        ["It costs 3.5 dollars.", "That is cheap."],
        ["Use a tool, e.g. Jira or Trello.", "Then go."],
        ["A manager vs. Owner debate.", "It goes on."],
        ["Ask Dr. Smith and Mr. Jones.", "They know."],
        ["J. R. R. Tolkien wrote it.", "He did."],
        ["It began in 2010.", "It ended."],
        ["See no. 5 and fig. 3 of it.", "Then read on."],
        ["The answer is no.", "Ask again."],
        ["It took five min.", "Then it was over."],
        ["1. First comes this.", "Then that."],
        ["All done.", "2. Next comes this."],
        ["So did I.", "They did too."],
        ["Wait… and see.", "Now go."],
        ["(This is aside.)", "This is not."],
    ],
)
def test_a_sentence_ends_where_a_reader_would_end_it(parts: list[str]) -> None:
    assert said(" ".join(parts)) == parts


def test_chinese_and_japanese_stops_need_no_space_after_them() -> None:
    assert said("これは本です。あれも本です。「はい。」") == [
        "これは本です。",
        "あれも本です。",
        "「はい。」",
    ]


def test_a_danda_ends_a_hindi_sentence() -> None:
    assert said("यह है। वह है।") == ["यह है।", "वह है।"]


@pytest.mark.parametrize("text", ["", " ", "\n\t"])
def test_nothing_but_space_is_no_sentence(text: str) -> None:
    assert split_sentences(text) == []


@settings(deadline=None)
@given(TEXTS)
def test_sentences_are_ordered_trimmed_and_cover_whatever_is_not_space(text: str) -> None:
    end = 0
    for start, stop in split_sentences(text):
        assert end <= start < stop <= len(text)
        assert not text[end:start].strip()
        assert text[start:stop] == text[start:stop].strip()
        end = stop
    assert not text[end:].strip()


# -- bad input ------------------------------------------------------------------------------


SIZE = size(200_000, 1_000_000)


@pytest.mark.timeout(60)  # where time grew with the square, minutes
@pytest.mark.parametrize(
    "unit", ["a.", "(", " ", ".", "a. ", "1. ", '."', "A. ", ".)", "。", "+", "a-", "…"]
)
def test_bad_input_of_any_length_takes_seconds_not_hours(unit: str) -> None:
    text = (unit * SIZE)[:SIZE]
    split_sentences(text)
    normalise(text)
    sum(1 for _ in tokenize(text))
