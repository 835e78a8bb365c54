"""Test the blocks of an answer in a notebook: a parser that is not ours reads their text."""

from __future__ import annotations

import dataclasses

import pytest

from assistant.models.answers import Block, BlockRow, Span
from tests.parsed import Parsed

HOSTILE = '<img src=x onerror="alert(1)">\'</td></table></blockquote><script>x</script>&lt;'


def row(text: str, url: str = "", marker: str = "", level: int = 0) -> BlockRow:
    return BlockRow(((Span(text, url),),), marker, level)


@pytest.fixture
def show(corpus_assistant):
    """Shows blocks in place of those of an answer, as HTML."""
    answer = corpus_assistant.ask("how is a PM different from a PO?")

    def show(*blocks: Block) -> str:
        changed = dataclasses.replace(answer, citations=answer.citations[:1], blocks=blocks)
        return changed._repr_html_()

    return show


@pytest.mark.parametrize("kind", ["heading", "paragraph", "list", "table", "code"])
@pytest.mark.parametrize("url", ["", 'https://zorb.example/"><script>x</script>'])
def test_hostile_text_in_every_kind_of_block_is_text(show, kind, url):
    header = ((Span(HOSTILE),),) if kind == "table" else ()
    source = show(Block(kind, (1,), (row(HOSTILE, url),), header))
    parsed = Parsed(source)
    assert HOSTILE in parsed.text
    assert not {"script", "img"} & set(parsed.tags)


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "data:text/html,x", "zorbs.md", "//a.example"]
)
def test_a_link_that_may_not_be_followed_in_a_notebook_is_text(show, url):
    assert url not in show(Block("paragraph", (1,), (row("a glim", url),)))


def test_an_item_stands_at_its_depth_and_one_that_goes_on_has_no_marker(show):
    source = show(
        Block(
            "list",
            (1,),
            (row("Zorb.", marker="3."), row("Softly.", marker="-", level=1), row("Rest.")),
        )
    )
    assert "3. Zorb." in source
    assert source.index("margin-left: 1.5em") < source.index("- Softly.")
    assert ">Rest." in source


def test_bold_emphasised_and_code_words_are_elements(show):
    spans = tuple(Span(f"<{s}>", styles=(s,)) for s in ("strong", "emphasis", "code"))
    parsed = Parsed(show(Block("paragraph", (1,), (BlockRow((spans,)),))))
    assert (parsed.texts("strong"), parsed.texts("em")) == (["<strong>"], ["<emphasis>"])
    assert parsed.texts("code") == ["<code>"]


def test_a_table_says_how_many_rows_are_left_out(show):
    assert "(1 of 9 rows)" in show(Block("table", (1,), (row("a"),), total=9))
