"""A saved answer is verified: a true one passes, and any change is detected."""

from __future__ import annotations

import copy
import dataclasses
import json

import pytest

from assistant.answering.blocks import build_blocks
from assistant.answering.quotes import Quote
from assistant.assistant import Assistant
from assistant.errors import VerifyError
from assistant.index import builder
from assistant.index import index as indexes
from assistant.models.answers import REFUSAL
from assistant.models.documents import Passage
from assistant.render.urls import page_names
from assistant.verify import verify_answer, verify_saved_answer

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


# -- Blocks ---------------------------------------------------------------------------------

CATS = """# Cats

## What is a cat?

A cat climbs **a tree**, drinks `milk` and sleeps [by day](tree.md#oak). Ask [a fish](https://fish.example).

1. A cat drinks milk.
2. A cat climbs a tree.

| Cat | Milk |
|---|---|
| red | a cup of milk |
| old | no milk |
"""


@pytest.fixture
def saved(tmp_path, word_encoder):
    """An answer with each kind of block, and a function that verifies it."""
    guide, index = tmp_path / "guide", tmp_path / "index"
    guide.mkdir()
    (guide / "cats.md").write_text(CATS)
    (guide / "tree.md").write_text("# Trees\n\n## Oak\n\nAn oak is a tree.\n")
    builder.build_index(guide, index, word_encoder)
    assistant = Assistant(indexes.open_index(index), word_encoder)
    answer = assistant.ask("what is a cat?")
    ((_, passage),) = assistant.index.store.section_passages("cats.md", "what-is-a-cat")
    quote = Quote(passage, 1, len(passage.sentences) - 1)
    names = page_names(assistant.index.store)
    whole = dataclasses.replace(
        answer,
        citations=(
            dataclasses.replace(
                answer.citations[0], quote=quote.text, span=quote.span, lines=quote.lines
            ),
        ),
        blocks=tuple(build_blocks([quote], (), names.resolve)),
    )
    data = json.loads(json.dumps(whole.to_dict()))
    return data, lambda changed: verify_saved_answer(changed, guide, index)


def spans_of(data):
    return [
        span
        for block in data["blocks"]
        for row in block["rows"]
        for cell in row["cells"]
        for span in cell
    ]


def test_an_answer_with_links_styles_lists_and_tables_is_verified(saved):
    data, verify = saved
    assert verify(data) == len(data["citations"])
    spans = spans_of(data)
    assert {span["url"] for span in spans} == {"", "tree.md#oak", "https://fish.example"}
    assert {tuple(span["styles"]) for span in spans} == {(), ("strong",), ("code",)}
    assert [b["kind"] for b in data["blocks"]] == ["paragraph", "list", "table"]


def tampered(change):
    def tamper(data):
        for span in spans_of(data):
            change(span)

    return tamper


def with_text(text, /, **change):
    return tampered(lambda span: span.update(change) if span["text"] == text else None)


def swap_cells(data):
    first, second = data["blocks"][2]["rows"]
    first["cells"][1], second["cells"][1] = second["cells"][1], first["cells"][1]


@pytest.mark.parametrize(
    "tamper",
    [
        with_text("a fish", url="https://evil.example"),
        with_text("by day", url="tree.md"),
        with_text("by day", url="gone.md#oak"),
        with_text("milk", url="https://fish.example"),
        with_text("milk", styles=["strong"]),
        with_text("by day", styles=["code"]),
        with_text("milk", text="wine"),
        lambda data: data["blocks"][1]["rows"][0].update(marker="2."),
        lambda data: data["blocks"][1]["rows"][1].update(level=1),
        lambda data: data["blocks"][1].update(total=9),
        lambda data: data["blocks"][2].update(total=120),
        lambda data: data["blocks"][2]["header"].reverse(),
        lambda data: data["blocks"][2]["rows"][0]["cells"].reverse(),
        lambda data: data["blocks"][2]["rows"][0]["cells"].pop(),
        swap_cells,
        lambda data: data["blocks"][0]["rows"][0].update(citation=99),
    ],
)
def test_a_block_that_is_not_what_the_file_has_fails(saved, tamper):
    data, verify = saved
    before = json.dumps(data)
    tamper(data)
    assert json.dumps(data) != before
    with pytest.raises(VerifyError):
        verify(data)


@pytest.mark.parametrize(
    "change",
    [
        tampered(lambda span: span.update(styles=[])),
        tampered(lambda span: span.update(url="")),
        tampered(lambda span: span.update(highlight=True)),
        tampered(lambda span: span.pop("styles")),
        lambda data: data.pop("blocks"),
    ],
)
def test_what_a_block_leaves_out_is_no_lie(saved, change):
    data, verify = saved
    change(data)
    assert verify(data) == len(data["citations"])


# -- What a page includes -------------------------------------------------------------------


@pytest.fixture
def included(tmp_path, word_encoder):
    """A guide with a page that includes a file, an answer quoted from it, and its verification."""
    guide, index = tmp_path / "guide", tmp_path / "index"
    guide.mkdir()
    (guide / "cats.md").write_text("# Cats\n\nOld cats sleep.\n\n{{#include tree.inc}}\n")
    (guide / "tree.inc").write_text("## What is a tree?\n\nA tree is what a cat climbs.\n")
    builder.build_index(guide, index, word_encoder)
    answer = Assistant(indexes.open_index(index), word_encoder).ask("what is a tree?")
    return guide, answer, lambda: verify_saved_answer(answer.to_dict(), guide, index)


def test_a_quote_of_an_included_file_is_verified_and_stands_on_the_line_that_includes_it(included):
    _, answer, verify = included
    (citation,) = answer.citations
    assert (citation.path, citation.lines) == ("cats.md", (5, 5))
    assert "what a cat climbs" in citation.quote
    assert verify() == 1


def test_a_quote_fails_when_the_included_file_has_changed(included):
    guide, _, verify = included
    (guide / "tree.inc").write_text("## What is a tree?\n\nA tree is what a dog climbs.\n")
    with pytest.raises(VerifyError, match="has changed since the answer"):
        verify()
