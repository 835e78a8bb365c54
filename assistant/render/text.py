"""Render the blocks of an answer as plain text for a terminal: lists, aligned tables, links."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from assistant.models.answers import Answer, Block, BlockRow, Cell

MAX_TABLE_WIDTH = 100
"""Columns of the widest table that is aligned; a wider one has its cells in lines."""

_GAP = "  "


def render_blocks(answer: Answer) -> list[str]:
    """Return the blocks in order, each source's number after the last block it is the source of.

    An answer that was stored without blocks gives its quotes.
    """
    if not answer.blocks:
        return [f"{citation.quote} [{citation.n}]" for citation in answer.citations]
    texts = []
    for block, ended in answer.numbered_blocks:
        numbers = " ".join(f"[{n}]" for n in ended)
        separator = "\n" if block.kind in {"table", "code"} else " "
        text = render_block(block)
        texts.append(f"{text}{separator}{numbers}" if numbers else text)
    return texts


def render_block(block: Block) -> str:
    """Render one block."""
    match block.kind:
        case "list":
            lines = map(_render_item, block.rows)
            return "\n".join([*lines, *_describe_shown(block, "items")])
        case "table":
            return "\n".join([*_render_table(block), *_describe_shown(block, "rows")])
        case _:
            return "\n".join(_render_cells(row.cells) for row in block.rows)


def _render_item(row: BlockRow) -> str:
    """Render an item at its depth; one without a marker goes on with the item before it."""
    marker = f"{row.marker} " if row.marker else _GAP
    return f"{_GAP * row.level}{marker}{_render_cells(row.cells)}"


def _render_cells(cells: Sequence[Cell]) -> str:
    return " | ".join(map(_render_cell, cells))


def _render_cell(cell: Cell) -> str:
    """Render text, with the address after each link to another site."""
    return "".join(
        f"{span.text} ({span.url})" if "://" in span.url and span.url != span.text else span.text
        for span in cell
    )


def _render_table(block: Block) -> list[str]:
    table = [[_render_cell(cell) for cell in row.cells] for row in block.rows]
    if block.header:
        table.insert(0, [_render_cell(cell) for cell in block.header])
    columns = max(map(len, table))
    filled = [[*row, *[""] * (columns - len(row))] for row in table]
    widths = [max(len(row[n]) for row in filled) for n in range(columns)]
    if sum(widths) + len(_GAP) * (columns - 1) > MAX_TABLE_WIDTH:
        return [" | ".join(row) for row in table]
    lines = [
        _GAP.join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()
        for row in filled
    ]
    if block.header:
        lines.insert(1, _GAP.join("-" * width for width in widths))
    return lines


def _describe_shown(block: Block, noun: str) -> list[str]:
    """Say how many entries are shown, where some are left out."""
    shown = block.shown
    return [f"({shown:,} of {block.total:,} {noun})"] if shown < block.total else []
