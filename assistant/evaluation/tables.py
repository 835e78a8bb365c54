"""Tables of figures: printed in a terminal, or rendered as HTML."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from assistant import console

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from assistant.evaluation.evaluate import Measure

    Cell = Measure | str | None


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of cells under one title; None for a figure that could not be measured.

    `head` is the heading of the first column, that of the rows' names.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Cell, ...]], ...]
    head: str = "set"


def tabulate(
    title: str, rows: Iterable[tuple[str, Mapping[str, Measure]]], columns: Sequence[str]
) -> Iterator[Table]:
    """Make a table of the rows that have one of the columns; nothing where none has."""
    filled = tuple(
        (name, tuple(measures.get(column) for column in columns))
        for name, measures in rows
        if any(column in measures for column in columns)
    )
    if filled:
        yield Table(title, tuple(columns), filled)


def print_tables(tables: Iterable[Table]) -> None:
    """Print tables; a figure has half the width of its interval behind it."""
    from rich.table import Table as Printed

    # Output to a file is wide enough for the tables.
    printer = console.rich_console(width=None if sys.stdout.isatty() else 200)
    for table in tables:
        printed = Printed(table.head, title=table.title, title_justify="left")
        for column in table.columns:
            printed.add_column(column, no_wrap=True)
        for name, row in table.rows:
            printed.add_row(console.one_line(name), *map(_format_cell, row))
        printer.print(printed)


def _format_cell(cell: Cell) -> str:
    if cell is None or isinstance(cell, str):
        return cell or ""
    return f"{format_value(cell)} ±{(cell.high - cell.low) / 2:.{cell.decimals}f}"


def format_value(measure: Measure) -> str:
    """Format a figure without its interval."""
    return f"{measure.value:.{measure.decimals}f}"


def render_table(table: Table) -> str:
    """Render a table as HTML, under a heading; a figure has its interval in brackets."""
    head = "".join(f"<th>{escape(name)}</th>" for name in (table.head, *table.columns))
    rows = "".join(
        f"<tr><td>{escape(name)}</td>{''.join(map(_render_cell, row))}</tr>"
        for name, row in table.rows
    )
    return (
        f"<h2>{escape(table.title)}</h2>\n"
        f'<div class="wide"><table><tr>{head}</tr>{rows}</table></div>'
    )


def _render_cell(cell: Cell) -> str:
    if cell is None or isinstance(cell, str):
        return f"<td>{escape(cell or '')}</td>"
    low, high = (f"{end:.{cell.decimals}f}" for end in (cell.low, cell.high))
    return f"<td>{format_value(cell)} <small>({low} to {high})</small></td>"
