"""Split the tables of AsciiDoc into cells, and put the cells into rows."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Line = tuple[int, str]
    WriteCell = Callable[[Sequence[Line], str], None]

MAX_COLUMNS = 1_000

_CELL = re.compile(r"(?:(\d{1,3})?(?:\.(\d{1,3}))?([+*]))?(?:[<^>]?(?:\.[<^>])?)([adehlmsv])?")
_COLUMN = re.compile(r"(\d{1,3})\*")
_COLUMN_STYLES = frozenset("adehlmsv")


@dataclass
class Cell:
    """A cell of a table: where it begins, its lines, and how many places it takes."""

    position: int
    style: str
    span: int
    rows: int
    copies: int
    lines: list[tuple[int, str]]


class TableWriter:
    """Puts cells into rows."""

    def __init__(
        self,
        write: Callable[[str, int], None],
        write_cell: WriteCell,
        columns: list[str],
        *,
        has_header: bool,
    ) -> None:
        """`write` writes HTML at the end of a line, `write_cell` lines in a cell's style."""
        self._write = write
        self._write_cell = write_cell
        self._styles = columns
        self._columns = len(columns)
        self._has_header = has_header

    def write(self, cells: Sequence[Cell], first: int, last: int) -> None:
        """Write a table of cells between its first and its last line."""
        write = self._write
        write("<table>", first)
        taken: dict[int, int] = {}  # by row: the places that cells of rows above take
        row = used = 0
        is_open = False
        for cell in cells:
            for copy in range(cell.copies):
                if is_open and used + taken.get(row, 0) >= self._columns:
                    write("</tr>", cell.position)
                    is_open, used, row = False, 0, row + 1
                while taken.get(row, 0) >= self._columns:
                    row += 1
                if not is_open:
                    write("<tr>", cell.position)
                    is_open = True
                place = min(used + taken.get(row, 0), self._columns - 1)
                style = cell.style or self._styles[place]
                is_header = (self._has_header and row == 0) or style == "h"
                tag = "th" if is_header else "td"
                write(f"<{tag}>", cell.position)
                if copy == 0 or cell.position == cell.lines[-1][0]:
                    self._write_cell(cell.lines, "" if is_header else style)
                end = cell.lines[-1][0] if cell.lines else cell.position
                write(f"</{tag}>", end)
                used += cell.span
                for below in range(row + 1, row + cell.rows):
                    taken[below] = taken.get(below, 0) + cell.span
        write("</tr></table>" if is_open else "</table>", last)


def split_cells(lines: Sequence[tuple[int, str]], separator: str) -> list[Cell]:
    """Split the lines of a table at its separators, before which a cell's format may stand."""
    mark = re.escape(separator or "|")
    pattern = re.compile(rf"(?<!\\){mark}")
    cells: list[Cell] = []
    for position, line in lines:
        pieces = pattern.split(line)
        for number, piece in enumerate(pieces):
            text, form = piece, ""
            if number < len(pieces) - 1:  # its last word may be the format of the next cell
                head, space, word = piece.rpartition(" ")
                if word and _CELL.fullmatch(word) and (space or not number):
                    text, form = head, word
            if number:
                cells[-1].lines.append(
                    (position, text.strip().replace(f"\\{separator}", separator))
                )
            elif text and not cells:  # the first separator is left out
                cells.append(_make_cell(position, ""))
                cells[-1].lines.append((position, text.strip()))
            elif cells and (text or not pieces[1:]):
                cells[-1].lines.append(
                    (position, text.rstrip().replace(f"\\{separator}", separator))
                )
            if number < len(pieces) - 1:
                cells.append(_make_cell(position, form))
    for cell in cells:
        while len(cell.lines) > 1 and not cell.lines[-1][1]:
            cell.lines.pop()
    return cells


def _make_cell(position: int, form: str) -> Cell:
    match = _CELL.fullmatch(form)
    span = rows = copies = 1
    style = ""
    if match:
        style = match[4] or ""
        count = max(1, min(100, int(match[1] or 1)))
        if match[3] == "*":
            copies = count
        elif match[3] == "+":
            span, rows = count, max(1, min(1000, int(match[2] or 1)))
    return Cell(position, style, span, rows, copies, [])


def read_columns(specification: str) -> list[str]:
    """Return the style of each column that `cols` gives; none where it gives nothing."""
    if not specification.strip():
        return []
    if specification.strip().isdigit():
        return [""] * min(MAX_COLUMNS, int(specification.strip()[:6]))
    columns: list[str] = []
    for part in re.split(r"[,;]", specification):
        match = _COLUMN.match(part.strip())
        style = part.strip()[-1:]
        copies = int(match[1]) if match else 1
        columns += [style if style in _COLUMN_STYLES else ""] * copies
        if len(columns) > MAX_COLUMNS:
            break
    return columns[:MAX_COLUMNS]
