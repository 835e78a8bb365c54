"""Turn the rows of an HTML table into blocks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from assistant.models.documents import Block
from assistant.readers.inline import join_cells, move_markup

if TYPE_CHECKING:
    from collections.abc import Iterator

    from assistant.models.documents import BlockKind, Markup


@dataclass(slots=True)
class TableBuilder:
    """A table while it is parsed: the cells of its rows, and whether each is a header row."""

    group: int
    depth: int
    is_layout: bool = False
    in_head: bool = False
    rows: list[tuple[list[list[Block]], bool]] = field(default_factory=list)
    cells: list[list[Block]] = field(default_factory=list)
    header_cells: int = 0

    def close_row(self) -> None:
        """Store the current row, if there is one."""
        if self.cells:
            self.rows.append((self.cells, self.in_head or self.header_cells == len(self.cells)))
        self.cells, self.header_cells = [], 0

    def build_blocks(self) -> Iterator[Block]:
        """Yield a block for each row; of a layout table, the blocks in its cells."""
        is_layout = self.is_layout or [len(cells) for cells, _ in self.rows] == [1]
        for cells, is_header in self.rows:
            if is_layout or any(_needs_own_block(block) for cell in cells for block in cell):
                yield from (block for cell in cells for block in cell)
            elif row := self._make_row(cells, "header" if is_header else "row"):
                yield row

    def _make_row(self, cells: list[list[Block]], kind: BlockKind) -> Block | None:
        inside = [block for cell in cells for block in cell]
        text, markup = join_cells(map(_join_blocks, cells))
        if not text:
            return None
        return Block(
            kind=kind,
            text=text,
            lines=(inside[0].lines[0], max(block.lines[1] for block in inside)),
            group=self.group,
            links=tuple(link for block in inside for link in block.links),
            icons=tuple(icon for block in inside for icon in block.icons),
            markup=markup,
        )


def _join_blocks(cell: list[Block]) -> tuple[str, list[Markup]]:
    """Join the blocks of a cell to one text, with their markup."""
    text = ""
    markup: list[Markup] = []
    for block in cell:
        if block.text:
            text += f" {block.text}" if text else block.text
            markup += move_markup(block.markup, len(text) - len(block.text))
    return text, markup


def _needs_own_block(block: Block) -> bool:
    """Check whether a block would lose its meaning as a cell of a row."""
    return block.kind in {"heading", "header", "row"} or (
        block.kind == "code" and "\n" in block.text
    )
