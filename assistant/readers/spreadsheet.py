"""Convert a spreadsheet (.xlsx) to HTML: a heading and its tables for each sheet.

Numbers, amounts and dates are written as the sheet shows them. Hidden sheets, formulas, comments,
charts and pictures are left out. Runs in the child process of `sandbox`.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from html import escape
from typing import TYPE_CHECKING

from assistant.readers.packages import (
    LimitExceeded,
    attribute,
    find_all,
    local_name,
    parse_part,
    read_parts,
    read_relations,
)
from assistant.readers.tables import split_tables

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from xml.etree.ElementTree import Element

_RELATION_ID = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_WORKBOOK = "xl/workbook.xml"
_DEFAULT_NAME = re.compile(r"Sheet|[^\W\d]+1")  # Sheet1, Tabelle1: of a workbook with one sheet

# The formats that a file need not define, by their number.
_BUILT_IN_FORMATS: Mapping[int, str] = {
    1: "0", 2: "0.00", 3: "#,##0", 4: "#,##0.00", 9: "0%", 10: "0.00%",
    14: "yyyy-mm-dd", 15: "d-mmm-yy", 16: "d-mmm", 17: "mmm-yy", 18: "h:mm", 19: "h:mm:ss",
    20: "h:mm", 21: "h:mm:ss", 22: "yyyy-mm-dd h:mm", 37: "#,##0", 38: "#,##0", 39: "#,##0.00",
    40: "#,##0.00", 45: "mm:ss", 46: "[h]:mm:ss", 47: "mm:ss",
}  # fmt: skip
_LITERAL = re.compile(r'"([^"]{0,100})"|\\(.)|\[\$([^\[\]]{0,30})\]|[_*].|\[[^\[\]]{0,30}\]')
_TAG = re.compile(r"<[^<>]*>")
_CURRENCIES = "$€£¥₹"
_DECIMALS = re.compile(r"[0#?]\.([0#?]+)")
_CELL = re.compile(r"([A-Z]{1,3})(\d{1,7})\Z")
_DAY_SECONDS = 86_400
MAX_CELLS = 2_000_000  # also the empty ones; a list of 20,000 rows has 400,000


def convert_spreadsheet(raw: bytes) -> str:
    """Convert a workbook to HTML. Raises ValueError, with the reason, where it is none."""
    parts = read_parts(raw, (".xml", ".rels"))
    workbook = parse_part(parts, _WORKBOOK)
    relations = read_relations(parts, _WORKBOOK)
    formats = _CellFormats(parts, workbook)
    strings = _read_shared_strings(parts)
    sheets = [
        (attribute(sheet, "name"), relations.get(sheet.get(_RELATION_ID, ""), ("", ""))[1])
        for sheet in find_all(workbook, "sheet")
        if sheet.get("state", "visible") == "visible"
    ]
    lines = []
    for name, part in sheets:
        if part not in parts:
            continue  # a chart, or a sheet that the file lacks
        rows = _SheetReader(parts, part, strings, formats).read()
        if not (len(sheets) == 1 and is_default_name(name)):
            lines.append(f"<h2>{escape(name)}</h2>")
        lines += write_tables(rows)
    return "\n".join(lines)


def is_default_name(name: str) -> bool:
    """Check whether a program gives this name to the only sheet of a workbook."""
    return bool(_DEFAULT_NAME.fullmatch(name))


def write_tables(rows: list[list[str]]) -> Iterator[str]:
    """Yield the HTML of a sheet's rows, whose cells are HTML."""
    plain = [[_TAG.sub("", cell) for cell in row] for row in rows]
    for table in split_tables(plain):
        for number in table.titles:
            yield f"<p>{' '.join(cell for cell in rows[number] if cell)}</p>"
        columns = sorted(
            {n for number in table.rows for n, cell in enumerate(plain[number]) if cell}
        )
        yield "<table>"
        for number in table.rows:
            cell = "th" if table.has_header and number == table.rows[0] else "td"
            row = rows[number]
            cells = (row[column] if column < len(row) else "" for column in columns)
            yield "<tr>" + "".join(f"<{cell}>{words}</{cell}>" for words in cells) + "</tr>"
        yield "</table>"


def _read_shared_strings(parts: dict[str, bytes]) -> list[str]:
    if "xl/sharedStrings.xml" not in parts:
        return []
    root = parse_part(parts, "xl/sharedStrings.xml")
    return [_join_text(item) for item in root if local_name(item) == "si"]


def _join_text(element: Element) -> str:
    """Return the text of a string's runs, without the readings of East Asian words."""
    if local_name(element) == "t":
        return element.text or ""
    return "".join(_join_text(inner) for inner in element if local_name(inner) != "rPh")


class _SheetReader:
    """Reads the rows of one sheet."""

    def __init__(
        self, parts: dict[str, bytes], part: str, strings: list[str], formats: _CellFormats
    ) -> None:
        self._root = parse_part(parts, part)
        self._strings = strings
        self._formats = formats
        relations = read_relations(parts, part)
        self._links = {
            link.get("ref", "").partition(":")[0]: relations[link.get(_RELATION_ID, "")][1]
            for link in find_all(self._root, "hyperlink")
            if link.get(_RELATION_ID, "") in relations
        }

    def read(self) -> list[list[str]]:
        """Return the rows, each as the HTML of its cells; an empty one where rows are left out."""
        rows: list[list[tuple[int, str]]] = []
        last = 0
        for row in find_all(self._root, "row"):
            number = _parse_integer(row.get("r", ""), last + 1)
            if number > last + 1:
                rows.append([])
            last = number
            rows.append(list(self._read_cells(row)))
        # Only the columns that are used: far ones would take room for all before them.
        columns = sorted({column for row in rows for column, _ in row})
        if len(rows) * len(columns) > MAX_CELLS:
            raise LimitExceeded(f"a sheet of more than {MAX_CELLS:,} cells")
        places = {column: place for place, column in enumerate(columns)}
        return [_place_cells(row, places) for row in rows]

    def _read_cells(self, row: Element) -> Iterator[tuple[int, str]]:
        column = -1
        for cell in row:
            if local_name(cell) != "c":
                continue
            name = cell.get("r", "")
            match = _CELL.match(name)
            column = _column_number(match[1]) if match else column + 1
            words = " ".join(self._read_value(cell).split())
            if words:
                html = escape(words)
                if name in self._links:
                    html = f'<a href="{escape(self._links[name])}">{html}</a>'
                yield column, html

    def _read_value(self, cell: Element) -> str:
        kind = cell.get("t", "n")
        if kind == "inlineStr":
            return "".join(_join_text(inner) for inner in cell if local_name(inner) == "is")
        value = next((inner.text or "" for inner in cell if local_name(inner) == "v"), "")
        match kind:
            case "s":
                number = _parse_integer(value, -1)
                return self._strings[number] if 0 <= number < len(self._strings) else ""
            case "b":
                return "TRUE" if value.strip() == "1" else "FALSE"
            case "n":
                return self._formats.write_number(value, _parse_integer(cell.get("s", ""), 0))
            case _:  # the result of a formula, a date, an error
                return value


def _place_cells(cells: list[tuple[int, str]], places: Mapping[int, int]) -> list[str]:
    row = [""] * (max((places[column] for column, _ in cells), default=-1) + 1)
    for column, words in cells:
        row[places[column]] = words
    return row


class _CellFormats:
    """Writes numbers in the format of their cell."""

    def __init__(self, parts: dict[str, bytes], workbook: Element) -> None:
        dates_from_1904 = any(
            attribute(properties, "date1904") in {"1", "true"}
            for properties in find_all(workbook, "workbookPr")
        )
        # Day 60 is 29 February 1900, which there never was: days count from the day before 1900.
        self._first_day = datetime(1904, 1, 1) if dates_from_1904 else datetime(1899, 12, 30)  # noqa: DTZ001
        self._codes: list[str] = []
        if "xl/styles.xml" in parts:
            styles = parse_part(parts, "xl/styles.xml")
            own = {
                _parse_integer(each.get("numFmtId", ""), -1): each.get("formatCode", "")
                for each in find_all(styles, "numFmt")
            }
            known = {**_BUILT_IN_FORMATS, **own}
            self._codes = [
                known.get(_parse_integer(xf.get("numFmtId", ""), 0), "")
                for cells in find_all(styles, "cellXfs")
                for xf in cells
            ]

    def write_number(self, value: str, style: int) -> str:
        """Write a number as its cell shows it; a date as 2026-11-30, a time as 09:30."""
        try:
            number = float(value)
        except ValueError:
            return value
        code = self._codes[style] if 0 <= style < len(self._codes) else ""
        code = code.partition(";")[0]
        letters = _LITERAL.sub("", code).lower()
        if number >= 0 and ("[h" in code.lower() or any(each in letters for each in "ydhs")):
            if "[h" in code.lower():  # a duration
                minutes = round(number * _DAY_SECONDS) // 60
                return f"{minutes // 60}:{minutes % 60:02}"
            return self._write_date(number, letters)
        return _write_amount(number, code, letters)

    def _write_date(self, number: float, letters: str) -> str:
        try:
            moment = self._first_day + timedelta(seconds=round(number * _DAY_SECONDS))
        except OverflowError:
            return f"{number:.15g}"
        date, time = moment.strftime("%Y-%m-%d"), moment.strftime("%H:%M:%S").removesuffix(":00")
        has_date, has_time = "y" in letters or "d" in letters, "h" in letters or "s" in letters
        if has_date and has_time:
            return f"{date} {time}"
        return date if has_date else time


def _write_amount(number: float, code: str, letters: str) -> str:
    """Write a number with the decimals, the percent sign and the words of its format."""
    percent = "%" in letters
    number = 100 * number if percent else number
    decimals = _DECIMALS.search(letters)
    if "0" not in letters:
        written = f"{number:.15g}"
    else:
        comma = "," if "#,#" in letters or "0,0" in letters else ""
        written = f"{number:{comma}.{len(decimals[1]) if decimals else 0}f}"
    before, after = _find_words(code)
    return f"{before}{written}{'%' if percent else ''}{after}"


def _find_words(code: str) -> tuple[str, str]:
    """Return the words and currencies that a format puts before a number, and after it."""
    words = ["", ""]
    place = position = 0
    while position < len(code):
        literal = _LITERAL.match(code, position)
        if literal:
            quoted, escaped, currency = literal.groups("")  # a currency: [$€-407]
            words[place] += quoted + escaped + currency.partition("-")[0]
            position = literal.end()
            continue
        if code[position] in "0#?":
            place = 1
        elif code[position] in _CURRENCIES or (code[position] == " " and (place or words[0])):
            words[place] += code[position]
        position += 1
    return words[0], words[1].rstrip()


def _column_number(letters: str) -> int:
    number = 0
    for letter in letters:
        number = 26 * number + ord(letter) - 64
    return number - 1


def _parse_integer(text: str, default: int) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else default
