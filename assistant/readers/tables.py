"""Split a sheet of rows into tables and headers, and read CSV."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from assistant.models.documents import Block
from assistant.readers.inline import collapse_whitespace, join_cells

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from assistant.models.documents import BlockKind

# An amount, a percentage, a date or a time: such a cell is no name of a column.
_VALUE = re.compile(r"[-+(]?[^\w\s]?\s?\d[\d.,:/\s'-]*(?:%|\)|\s?[^\w\s])?")
_DELIMITERS = ";\t|,"  # the first where two are as likely: a comma may be that of a decimal
_SAMPLE_LINES = 20


@dataclass(frozen=True, slots=True)
class Table:
    """Neighbouring rows of a sheet, by their numbers: titles above the table, and its rows.

    A title is one cell. The first row may be the header.
    """

    titles: tuple[int, ...]
    rows: tuple[int, ...]
    has_header: bool


def split_tables(rows: Sequence[Sequence[str]]) -> Iterator[Table]:
    """Yield the tables of a sheet, which empty rows part."""
    start = 0
    for number in range(len(rows) + 1):
        if number < len(rows) and any(cell.strip() for cell in rows[number]):
            continue
        if start < number:
            yield _make_table(rows, start, number)
        start = number + 1


def _make_table(rows: Sequence[Sequence[str]], start: int, end: int) -> Table:
    counts = [sum(bool(cell.strip()) for cell in rows[number]) for number in range(start, end)]
    first = next((n for n, count in enumerate(counts, start) if count > 1), end)
    names = [cell.strip() for cell in rows[first] if cell.strip()] if first < end else []
    has_header = end - first > 1 and not any(_VALUE.fullmatch(name) for name in names)
    return Table(tuple(range(start, first)), tuple(range(first, end)), has_header)


def parse_delimited(text: str) -> list[Block]:
    """Return the blocks of a file of comma-separated values, or with another delimiter."""
    lines, rows = _read_rows(text)
    blocks: list[Block] = []
    for group, table in enumerate(split_tables(rows), 1):
        for number in table.titles:
            words = " ".join(cell for cell in rows[number] if cell)
            blocks.append(Block("prose", words, lines[number]))
        for number in table.rows:
            kind: BlockKind = "header" if table.has_header and number == table.rows[0] else "row"
            words, markup = join_cells((cell, ()) for cell in rows[number])
            blocks.append(Block(kind, words, lines[number], group=group, markup=markup))
    return blocks


def _read_rows(text: str) -> tuple[list[tuple[int, int]], list[list[str]]]:
    """Return the first and last line of each row, and its cells."""
    sample = text.split("\n", _SAMPLE_LINES)[:_SAMPLE_LINES]
    delimiter = _guess_delimiter(sample)
    source = text.split("\n")
    reader = csv.reader((f"{line}\n" for line in source), delimiter=delimiter)
    lines: list[tuple[int, int]] = []
    rows: list[list[str]] = []
    before = 0
    try:
        for row in reader:
            lines.append((before + 1, reader.line_num))
            rows.append([collapse_whitespace(cell) for cell in row])
            before = reader.line_num
    except csv.Error:  # a field without end, such as after a quotation mark that is none
        for number, line in enumerate(source[before:], before + 1):
            lines.append((number, number))
            rows.append([collapse_whitespace(cell) for cell in line.split(delimiter)])
    return lines, rows


def _guess_delimiter(sample: Sequence[str]) -> str:
    """Return the delimiter that most lines have equally often, a comma where none is."""
    best, most = ",", 0.0
    for delimiter in _DELIMITERS:
        counts = [row.count(delimiter) for row in sample if row.strip()]
        common = max(set(counts), key=counts.count, default=0)
        score = counts.count(common) * min(common, 10) if common else 0
        if score > most:
            best, most = delimiter, score
    return best
