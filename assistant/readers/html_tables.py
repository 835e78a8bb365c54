"""The rows of an HTML table to blocks; pure.

Knows when a table holds data and when it only lays a page out. Must not know how either is
written.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from assistant.models.documents import Block

if TYPE_CHECKING:
    from collections.abc import Iterator

    from assistant.models.documents import BlockKind


@dataclass(slots=True)
class TableBuilder:
    """A table while it is read: its rows' cells, and whether each row is of headers."""

    group: int
    depth: int
    is_layout: bool = False
    in_head: bool = False
    rows: list[tuple[list[list[Block]], bool]] = field(default_factory=list)
    cells: list[list[Block]] = field(default_factory=list)
    header_cells: int = 0

    def close_row(self) -> None:
        """Keep the row that is being read, if there is one."""
        if self.cells:
            self.rows.append((self.cells, self.in_head or self.header_cells == len(self.cells)))
        self.cells, self.header_cells = [], 0

    def build_blocks(self) -> Iterator[Block]:
        """A block for each row; of a table that only lays a page out, the blocks in it."""
        laid_out = self.is_layout or [len(cells) for cells, _ in self.rows] == [1]
        for cells, header in self.rows:
            if laid_out or any(_needs_own_block(block) for cell in cells for block in cell):
                yield from (block for cell in cells for block in cell)
            elif row := self._make_row(cells, "header" if header else "row"):
                yield row

    def _make_row(self, cells: list[list[Block]], kind: BlockKind) -> Block | None:
        inside = [block for cell in cells for block in cell]
        words = [" ".join(block.text for block in cell if block.text) for cell in cells]
        if not any(words):
            return None
        return Block(
            kind=kind,
            text=" | ".join(filter(None, words)),
            lines=(inside[0].lines[0], max(block.lines[1] for block in inside)),
            group=self.group,
            links=tuple(link for block in inside for link in block.links),
            icons=tuple(icon for block in inside for icon in block.icons),
        )


def _needs_own_block(block: Block) -> bool:
    """Whether a block would lose its meaning between the bars of a row."""
    return block.kind in {"heading", "header", "row"} or (
        block.kind == "code" and "\n" in block.text
    )
