"""Render the blocks of an answer as plain text for a terminal: lists, aligned tables, links."""

from __future__ import annotations

from typing import TYPE_CHECKING

from assistant.models.spans import group_links

if TYPE_CHECKING:
    from collections.abc import Sequence

    from assistant.models.answers import Answer, Block, BlockRow, Cell, Span

MAX_TABLE_WIDTH = 100
"""Columns of the widest table that is aligned; a wider one has its cells in lines."""

_GAP = "  "


def render_blocks(answer: Answer) -> list[str]:
    """Return the blocks in order, each source's number after the last block it is the source of.

    An answer that was stored without blocks gives its quotes.
    """
    if not answer.blocks:
        return [f"{citation.quote} [{citation.n}]" for citation in answer.citations]
    return [render_block(block, ended) for block, ended in answer.numbered_blocks]


def render_block(block: Block, ended: Sequence[int] = ()) -> str:
    """Render one block with the numbers of the sources that end with it."""
    numbers = "".join(f" [{n}]" for n in ended)
    below = [numbers.strip()] if numbers else []
    match block.kind:
        case "list":
            lines = [
                _render_item(row) + "".join(f" [{n}]" for n in own)
                for row, own in block.numbered_rows(ended)
            ]
            return "\n".join([*lines, *_describe_shown(block, "items")])
        case "table":
            return "\n".join([*_render_table(block), *_describe_shown(block, "rows"), *below])
        case "code":
            return "\n".join([*(row.text for row in block.rows), *below])
        case _:
            return "\n".join(_render_cells(row.cells) for row in block.rows) + numbers


def _render_item(row: BlockRow) -> str:
    """Render an item at its depth; one without a marker goes on with the item before it."""
    marker = f"{row.marker} " if row.marker else _GAP
    indent = _GAP * row.level
    if row.is_code:
        lines = [f"{indent}{_GAP}{line}".rstrip() for line in row.text.split("\n")]
        return "\n".join([f"{indent}{marker}".rstrip(), *lines] if row.marker else lines)
    return f"{indent}{marker}{_render_cells(row.cells)}"


def _render_cells(cells: Sequence[Cell]) -> str:
    return " | ".join(map(_render_cell, cells))


def _render_cell(cell: Cell) -> str:
    """Render text, with the address after each link to another site, and code in backticks."""
    rendered = ""
    for url, spans in group_links(cell):
        text = "".join(map(_render_span, spans))
        is_site = "://" in url and url != "".join(span.text for span in spans)
        rendered += f"{text} ({url})" if is_site else text
    return rendered


def _render_span(span: Span) -> str:
    return f"`{span.text}`" if "code" in span.styles and "`" not in span.text else span.text


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
