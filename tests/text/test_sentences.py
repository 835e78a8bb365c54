"""Splitting text into sentences."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from assistant.text.normalize import normalise
from assistant.text.sentences import split_sentences
from assistant.text.tokenize import tokenize
from tests.sizes import size
from tests.texts import TEXTS

SIZE = size(200_000, 1_000_000)


def split(text: str) -> list[str]:
    return [text[start:end] for start, end in split_sentences(text)]


@pytest.mark.parametrize(
    "parts",
    [
        ["One thing.", "Another thing."],
        ["Really?", "Yes!", "Good."],
        ["He said “Stop.”", "Then he left."],
        ['She asked "why?" and left.', "He stayed."],
        ["Zorb! hums at noon.", "Is it? then ask.", "Do it!", "3 glims are enough."],
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
    assert split(" ".join(parts)) == parts


def test_chinese_and_japanese_stops_need_no_space_after_them() -> None:
    assert split("これは本です。あれも本です。「はい。」") == [
        "これは本です。",
        "あれも本です。",
        "「はい。」",
    ]


def test_a_danda_ends_a_hindi_sentence() -> None:
    assert split("यह है। वह है।") == ["यह है।", "वह है।"]


@pytest.mark.parametrize("text", ["", " ", "\n\t"])
def test_white_space_is_no_sentence(text: str) -> None:
    assert split_sentences(text) == []


@settings(deadline=None)
@given(TEXTS)
def test_sentences_are_in_order_trimmed_and_cover_all_but_white_space(text: str) -> None:
    end = 0
    for start, stop in split_sentences(text):
        assert end <= start < stop <= len(text)
        assert not text[end:start].strip()
        assert text[start:stop] == text[start:stop].strip()
        end = stop
    assert not text[end:].strip()


@pytest.mark.timeout(60)  # quadratic time would take minutes
@pytest.mark.parametrize(
    "unit", ["a.", "(", " ", ".", "a. ", "1. ", '."', "A. ", ".)", "。", "+", "a-", "…"]
)
def test_a_long_text_of_bad_input_takes_linear_time(unit: str) -> None:
    text = (unit * SIZE)[:SIZE]
    split_sentences(text)
    normalise(text)
    sum(1 for _ in tokenize(text))
