"""Files of comma-separated values become tables, whatever their delimiter."""

from __future__ import annotations

import re

import pytest

from assistant.guide.page import read_page
from assistant.guide.publishers import ReadingOptions
from assistant.readers import reader_for
from assistant.readers.tables import parse_delimited


def parts(text: str) -> list[tuple[str, str, tuple[int, int]]]:
    return [(block.kind, block.text, block.lines) for block in parse_delimited(text)]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_rows_stand_under_their_header_on_their_lines(delimiter: str) -> None:
    text = "Knot,Use\nbowline,a loop\nreef,a sail\n".replace(",", delimiter)
    assert parts(text) == [
        ("header", "Knot | Use", (1, 1)),
        ("row", "bowline | a loop", (2, 2)),
        ("row", "reef | a sail", (3, 3)),
    ]


def test_a_cell_in_quotes_may_have_delimiters_and_lines() -> None:
    assert parts('Name;Price;Note\n"a;b";1,50;"two\nlines"\nc;2,00;""\n') == [
        ("header", "Name | Price | Note", (1, 1)),
        ("row", "a;b | 1,50 | two lines", (2, 3)),
        ("row", "c | 2,00", (4, 4)),
    ]


def test_titles_stand_above_a_table_and_values_are_no_header() -> None:
    assert parts("Prices of rope\nthin,4.50\nthick,9.00\n\nMade here\n") == [
        ("prose", "Prices of rope", (1, 1)),
        ("row", "thin | 4.50", (2, 2)),
        ("row", "thick | 9.00", (3, 3)),
        ("prose", "Made here", (5, 5)),
    ]


@pytest.mark.parametrize("text", ["", "\n\n", ",,,\n,,\n"])
def test_a_file_without_words_has_no_blocks(text: str) -> None:
    assert parts(text) == []


def test_a_quotation_mark_without_end_loses_no_word() -> None:
    text = 'a,b\n"c,d\n' + "x,y\n" * 60_000
    words = re.findall(r"\w", " ".join(words for _, words, _ in parts(text)))
    assert words == ["a", "b", "c", "d", *["x", "y"] * 60_000]


def test_every_word_of_a_long_file_is_in_a_passage_once_and_in_order(tmp_path) -> None:
    words = [f"word{number}" for number in range(5_000)]
    rows = (",".join(words[n : n + 5]) for n in range(0, len(words), 5))
    (tmp_path / "a.csv").write_text("\n".join(rows))
    page = read_page(tmp_path, "a.csv", reading_options=ReadingOptions())
    assert re.findall(r"word\d+", " ".join(p.text for p in page.passages)) == words
    groups = [group for passage in page.passages for group in passage.groups]
    assert {(group.kind, group.total, group.header) for group in groups} == {("table", 999, (1, 0))}


def test_any_encoding_is_read() -> None:
    reader = reader_for("a.csv")
    source = reader.decode("a.csv", "Größe;Maß\nklein;4\n".encode("cp1252"))
    assert [block.text for block in reader.parse(source.text)] == ["Größe | Maß", "klein | 4"]
