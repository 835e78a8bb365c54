"""Test the blocks of an answer as plain text for a terminal."""

from __future__ import annotations

import dataclasses

import pytest

from assistant.models.answers import Block, BlockRow, Span
from assistant.render.text import MAX_TABLE_WIDTH, render_block, render_blocks


def row(*texts: str, marker: str = "", level: int = 0) -> BlockRow:
    return BlockRow(tuple((Span(text),) for text in texts), marker, level)


def test_items_have_their_marker_and_stand_below_the_one_they_are_in():
    block = Block(
        "list",
        (1,),
        (row("Zorb it.", marker="3."), row("Softly.", marker="-", level=1), row("Then rest.")),
        total=2,
    )
    assert render_block(block).splitlines() == ["3. Zorb it.", "  - Softly.", "  Then rest."]


def test_the_columns_of_a_table_are_aligned_and_the_rows_that_are_left_out_are_counted():
    block = Block(
        "table", (1,), (row("a zorb", "3"),), ((Span("Thing"),), (Span("Weight"),)), total=12
    )
    lines = render_block(block).splitlines()
    assert lines == ["Thing   Weight", "------  ------", "a zorb  3", "(1 of 12 rows)"]


@pytest.mark.parametrize("width", [MAX_TABLE_WIDTH, MAX_TABLE_WIDTH + 1])
def test_a_table_that_is_too_wide_has_its_cells_in_lines(width):
    block = Block("table", (1,), (row("z" * (width - 3), "3"),))
    border = "  " if width == MAX_TABLE_WIDTH else " | "
    assert render_block(block) == f"{'z' * (width - 3)}{border}3"


def test_a_link_to_another_site_has_its_address_and_one_to_a_page_has_none():
    spans = (
        Span("a glim", "https://glim.example"),
        Span(", "),
        Span("a page", "zorbs.md#one"),
        Span(", "),
        Span("https://zorb.example", "https://zorb.example"),
    )
    block = Block("paragraph", (1,), (BlockRow((spans,)),))
    assert render_block(block) == "a glim (https://glim.example), a page, https://zorb.example"


def test_the_number_of_a_source_follows_its_last_block(corpus_assistant):
    answer = corpus_assistant.ask("how is a PM different from a PO?")
    (first, second) = (Block("paragraph", (1,), (row(text),)) for text in ("One.", "Two."))
    changed = dataclasses.replace(answer, citations=answer.citations[:1], blocks=(first, second))
    assert render_blocks(changed) == ["One.", "Two. [1]"]


def test_an_answer_that_was_stored_without_blocks_gives_its_quotes(corpus_assistant):
    answer = corpus_assistant.ask("how is a PM different from a PO?")
    quotes = [f"{citation.quote} [{citation.n}]" for citation in answer.citations]
    assert render_blocks(dataclasses.replace(answer, blocks=())) == quotes


def test_code_stands_in_backticks_and_a_link_that_has_code_has_its_address_once():
    spans = (
        Span("Run "),
        Span("zorb", styles=("code",)),
        Span(" as "),
        Span("the ", "https://glim.example"),
        Span("hum", "https://glim.example", styles=("code",)),
    )
    block = Block("paragraph", (1,), (BlockRow((spans,)),))
    assert render_block(block) == "Run `zorb` as the `hum` (https://glim.example)"


def test_the_code_of_an_item_stands_below_it_and_each_number_at_its_last_row():
    rows = (
        BlockRow(((Span("Run:"),),), "1.", citation=1),
        BlockRow(((Span("zorb |\n\n  glim"),),), is_code=True, citation=1),
        BlockRow(((Span("Wait"),),), "2.", citation=2),
    )
    assert render_block(Block("list", (1, 2), rows, total=5), [1, 2]).splitlines() == [
        "1. Run:", "  zorb |", "", "    glim [1]", "2. Wait [2]", "(2 of 5 items)",
    ]  # fmt: skip
