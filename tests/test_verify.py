"""A saved answer is verified: a true one passes, and any change is detected."""

from __future__ import annotations

import copy

import pytest

from assistant.errors import VerifyError
from assistant.models.answers import REFUSAL
from assistant.models.documents import Passage
from assistant.verify import verify_answer

PASSAGE = Passage(
    id="a.md#one/1", path="a.md", headings=("One",), anchor="one", url="a.md#one",
    text="One\n\nThe barn is red.", sentences=(),
)  # fmt: skip
ANSWER = {
    "found": True,
    "text": "The barn is red. [1]",
    "citations": [
        {
            "n": 1,
            "path": "a.md",
            "passage": "a.md#one/1",
            "quote": "The barn is red.",
            "span": [5, 21],
            "sha256": "s",
        }
    ],
}


def read(path: str):
    return "s", [PASSAGE]


def test_an_answer_with_true_quotes_is_verified():
    assert verify_answer(ANSWER, read) == 1
    assert verify_answer({"found": False, "text": REFUSAL, "citations": []}, read) == 0


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("quote", "The barn is blue."),
        ("quote", ""),
        ("span", [4, 20]),
        ("span", [-16, 21]),
        ("sha256", "t"),
        ("passage", "a.md#two/1"),
        ("n", 2),
    ],
)
def test_an_altered_citation_fails(key, value):
    altered = copy.deepcopy(ANSWER)
    altered["citations"][0][key] = value
    with pytest.raises(VerifyError):
        verify_answer(altered, read)


@pytest.mark.parametrize(
    "change", [{"text": "The barn is red. And big. [1]"}, {"found": False}, {"citations": None}]
)
def test_an_answer_with_more_than_its_quotes_fails(change):
    with pytest.raises(VerifyError):
        verify_answer({**ANSWER, **change}, read)
