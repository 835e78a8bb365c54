"""Convert an OpenDocument spreadsheet (.ods) to HTML: a heading and its tables for each sheet.

Cells are written as the sheet shows them, dates as 2026-11-30. Hidden sheets, comments, charts and
pictures are left out. Runs in the child process of `sandbox`.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from assistant.readers.packages import (
    LimitExceeded,
    attribute,
    find_all,
    local_name,
    parse_part,
    read_parts,
)
from assistant.readers.spreadsheet import MAX_CELLS, is_default_name, write_tables

if TYPE_CHECKING:
    from collections.abc import Iterator
    from xml.etree.ElementTree import Element

_HIDDEN = frozenset({"annotation", "annotation-end", "frame", "shapes", "forms"})
_CELLS = frozenset({"covered-table-cell", "table-cell"})


def convert_ods(raw: bytes) -> str:
    """Convert a spreadsheet to HTML. Raises ValueError, with the reason, where it is none."""
    parts = read_parts(raw, ("content.xml", "meta.xml"))
    content = parse_part(parts, "content.xml")
    hidden = {
        attribute(style, "name")
        for style in find_all(content, "style")
        for properties in find_all(style, "table-properties")
        if attribute(properties, "display") == "false"
    }
    sheets = [
        sheet
        for book in find_all(content, "spreadsheet")
        for sheet in book
        if local_name(sheet) == "table" and attribute(sheet, "style-name") not in hidden
    ]
    titles = find_all(parse_part(parts, "meta.xml"), "title") if "meta.xml" in parts else ()
    title = next((" ".join((each.text or "").split()) for each in titles), "")
    lines = [f"<title>{escape(title)}</title>"]
    for sheet in sheets:
        name = attribute(sheet, "name")
        if not (len(sheets) == 1 and is_default_name(name)):
            lines.append(f"<h2>{escape(name)}</h2>")
        lines += write_tables(_read_rows(sheet))
    return "\n".join(lines)


def _read_rows(sheet: Element) -> list[list[str]]:
    """Return the rows, each as the HTML of its cells; one empty row for all between two others."""
    rows: list[list[str]] = []
    room = MAX_CELLS
    for row in find_all(sheet, "table-row"):
        cells = list(_read_cells(row, room))
        while cells and not cells[-1]:
            cells.pop()
        if not cells:
            if rows and rows[-1]:
                rows.append([])
            continue
        count = _read_count(row, "number-rows-repeated")
        room -= count * len(cells)
        if room < 0:
            raise LimitExceeded(f"a sheet of more than {MAX_CELLS:,} cells")
        rows += [cells] * count
    return rows


def _read_cells(row: Element, room: int) -> Iterator[str]:
    empty = 0
    for cell in row:
        if local_name(cell) not in _CELLS:
            continue
        count = _read_count(cell, "number-columns-repeated")
        words = _read_cell(cell) if local_name(cell) == "table-cell" else ""
        if not words:
            empty += count  # up to the last column of a sheet, where nothing follows
            continue
        room -= empty + count
        if room < 0:
            raise LimitExceeded(f"a sheet of more than {MAX_CELLS:,} cells")
        yield from [""] * empty
        yield from [words] * count
        empty = 0


def _read_cell(cell: Element) -> str:
    if attribute(cell, "value-type") == "date":
        date, _, time = attribute(cell, "date-value").partition("T")
        time = time.partition(".")[0].removesuffix(":00")
        if date:
            return escape(date if time in {"", "00:00"} else f"{date} {time}")
    pieces: list[str] = []
    for inner in cell:
        _write_text(inner, pieces)
        pieces.append(" ")
    return " ".join("".join(pieces).split())


def _write_text(element: Element, pieces: list[str]) -> None:
    """Append an element's text as HTML, without the text after it."""
    name = local_name(element)
    if name in _HIDDEN:
        return
    if name in {"s", "tab", "line-break"}:
        pieces.append(" ")
    if name == "a":
        pieces.append(f'<a href="{escape(attribute(element, "href"))}">')
    pieces.append(escape(element.text or "", quote=False))
    for inner in element:
        _write_text(inner, pieces)
        pieces.append(escape(inner.tail or "", quote=False))
    if name == "a":
        pieces.append("</a>")


def _read_count(element: Element, name: str) -> int:
    count = attribute(element, name)
    return max(1, int(count)) if count.isascii() and count.isdigit() and len(count) < 10 else 1
