"""Spreadsheets, slides, books and OpenDocument texts lose no word, and broken ones say why."""

from __future__ import annotations

import re

import pytest

from assistant.errors import GuideError
from assistant.guide.page import read_page
from assistant.guide.publishers import ReadingOptions
from assistant.readers import reader_for
from tests.documents import epub, ods, ods_row, odt, package, pptx, row, shape, xlsx

pytestmark = pytest.mark.slow  # a process of its own reads them


def parts(path: str, raw: bytes) -> list[tuple[str, str]]:
    reader = reader_for(path)
    return [(block.kind, block.text) for block in reader.parse(reader.decode(path, raw).text)]


def links(path: str, raw: bytes) -> list[tuple[str, str]]:
    reader = reader_for(path)
    blocks = reader.parse(reader.decode(path, raw).text)
    return [(link.title, link.url) for block in blocks for link in block.links]


# -- spreadsheets ---------------------------------------------------------------------------------


def test_each_sheet_is_a_section_and_each_row_stands_under_its_header() -> None:
    ropes = row(1, "Rope", "Length") + row(2, "thin", "9 m") + row(3, "", "12 m")
    raw = xlsx({"Ropes": ropes, "Sails": row(1, "White", "Red") + row(2, "one", "two")})
    assert parts("a.xlsx", raw) == [
        ("heading", "Ropes"),
        ("header", "Rope | Length"),
        ("row", "thin | 9 m"),
        ("row", "12 m"),
        ("heading", "Sails"),
        ("header", "White | Red"),
        ("row", "one | two"),
    ]


def test_empty_rows_part_tables_and_a_single_cell_above_one_is_its_title() -> None:
    rows = row(1, "Price list") + row(2, "Rope", "Price") + row(3, "thin", "4")
    rows += row(7, "", "Made by hand") + row(9, "4", "5") + row(10, "6", "7")
    assert parts("a.xlsx", xlsx({"Sheet1": rows})) == [
        ("prose", "Price list"),
        ("header", "Rope | Price"),
        ("row", "thin | 4"),
        ("prose", "Made by hand"),
        ("row", "4 | 5"),
        ("row", "6 | 7"),
    ]


@pytest.mark.parametrize(
    ("code", "number", "shown"),
    [
        ("General", "0.30000000000000004", "0.3"),
        ("General", "1234567", "1234567"),
        ("0", "7.9999999", "8"),
        ("#,##0.00", "1234.5", "1,234.50"),
        ("0.0%", "0.125", "12.5%"),
        ("#,##0.00 [$€-407]", "9.5", "9.50 €"),
        ("&quot;$&quot;#,##0;-&quot;$&quot;#,##0", "99", "$99"),
        ("0 &quot;days&quot;", "3", "3 days"),
        ("dd/mm/yyyy", "46356", "2026-11-30"),
        ("yyyy-mm-dd hh:mm", "46356.75", "2026-11-30 18:00"),
        ("hh:mm", "0.5", "12:00"),
        ("[h]:mm", "1.25", "30:00"),
        ("d mmm", "1e300", "1e+300"),
        ("0.00", "no number", "no number"),
    ],
)
def test_a_number_is_written_as_its_cell_shows_it(code: str, number: str, shown: str) -> None:
    cell = f'<row r="1"><c r="A1" s="1"><v>{number}</v></c></row>'
    assert parts("a.xlsx", xlsx({"Sheet1": cell}, formats=(code,))) == [("prose", shown)]


def test_shared_texts_truths_results_and_links_are_read() -> None:
    cells = '<c r="A1" t="s"><v>1</v></c><c r="B1" t="b"><v>1</v></c><c r="C1" t="str"><f>1</f>'
    rows = f'<row r="1">{cells}<v>sum</v></c><c t="e"><v>#N/A</v></c><c t="s"><v>9</v></c></row>'
    raw = xlsx({"Sheet1": rows}, strings=("x", "A &lt; B"), links={"A1": "https://example.com/"})
    assert parts("a.xlsx", raw) == [("row", "A < B | TRUE | sum | #N/A")]
    assert links("a.xlsx", raw) == [("A < B", "https://example.com/")]


def test_a_hidden_sheet_is_not_read() -> None:
    raw = xlsx({"Open": row(1, "shown"), "Secret": row(1, "not")}, hidden=("Secret",))
    assert parts("a.xlsx", raw) == [("heading", "Open"), ("prose", "shown")]


def test_an_open_spreadsheet_is_read_as_it_is_shown() -> None:
    value = '<table:table-cell office:value-type="{}" office:{}="{}"><text:p>{}</text:p>'
    value += "</table:table-cell>"
    rows = ods_row("Ropes of 2026") + ods_row("Rope", "Bought", "Price", "Maker")
    rows += "<table:table-row>" + ods_row("thin")[17:-18]
    rows += value.format("date", "date-value", "2026-11-30T00:00:00", "30/11/26")
    rows += value.format("currency", "value", "4.5", "4.50 €")
    rows += (
        "<table:table-cell><office:annotation><text:p>no</text:p></office:annotation><text:p>"
        '<text:a xlink:href="https://example.com/">Bo <text:span>&amp;</text:span><text:s/>Co'
        "</text:a>"
        '</text:p></table:table-cell><table:table-cell table:number-columns-repeated="16000"/>'
        '</table:table-row><table:table-row table:number-rows-repeated="1000000">'
        '<table:table-cell table:number-columns-repeated="16000"/></table:table-row>'
        '<table:table-row table:number-rows-repeated="2"><table:covered-table-cell/>'
        '<table:table-cell table:number-columns-repeated="2"><text:p>7</text:p></table:table-cell>'
        '<table:table-cell office:value-type="date" office:date-value="2026-11-30T09:30:00"/>'
        "</table:table-row>"
    )
    raw = ods(
        {"Stock": rows, "Secret": ods_row("no"), "Last": ods_row("a", "b")}, hidden=("Secret",)
    )
    assert parts("a.ods", raw) == [
        ("heading", "Stock"),
        ("prose", "Ropes of 2026"),
        ("header", "Rope | Bought | Price | Maker"),
        ("row", "thin | 2026-11-30 | 4.50 € | Bo & Co"),
        ("row", "7 | 7 | 2026-11-30 09:30"),
        ("row", "7 | 7 | 2026-11-30 09:30"),
        ("heading", "Last"),
        ("row", "a | b"),
    ]
    assert links("a.ods", raw) == [("Bo & Co", "https://example.com/")]


def test_an_open_spreadsheet_of_one_sheet_has_the_title_of_the_document() -> None:
    raw = ods({"Sheet1": ods_row("a", "b")}, title="All ropes")
    assert parts("a.ods", raw) == [("row", "a | b")]
    assert reader_for("a.ods").decode("a.ods", raw).title == "All ropes"


def test_repeats_of_an_open_spreadsheet_are_limited() -> None:
    cell = '<table:table-cell table:number-columns-repeated="{}"><text:p>x</text:p>'
    row_of = (
        '<table:table-row table:number-rows-repeated="{}">{}</table:table-cell></table:table-row>'
    )
    for rows, columns in ((999_999, 999), (1, 99_999_999)):
        raw = ods({"A": row_of.format(rows, cell.format(columns))})
        with pytest.raises(GuideError, match="a sheet of more than 2,000,000 cells"):
            reader_for("a.ods").decode("a.ods", raw)


# -- slides ---------------------------------------------------------------------------------------

CELL = "<a:tc><a:p><a:r><a:t>{}</a:t></a:r></a:p></a:tc>"
TABLE = (
    '<p:graphicFrame><a:tbl><a:tblPr firstRow="1"/>'
    f"<a:tr>{CELL.format('Sail')}{CELL.format('Area')}</a:tr>"
    f"<a:tr>{CELL.format('white')}{CELL.format('9 m²')}</a:tr></a:tbl></p:graphicFrame>"
)


def test_a_slide_is_a_section_with_its_lists_tables_boxes_and_notes() -> None:
    first = shape("Boats &amp; ropes", kind="title") + shape("one", "\tdeep", "two", kind="body")
    grouped = f"<p:grpSp>{shape('In a box.')}</p:grpSp>{shape('3', kind='sldNum')}{TABLE}"
    raw = pptx(first + grouped, shape("Sails", kind="ctrTitle"), notes={2: "Speak slowly."})
    assert parts("a.pptx", raw) == [
        ("heading", "Boats & ropes"),
        ("item", "one"),
        ("item", "deep"),
        ("item", "two"),
        ("prose", "In a box."),
        ("header", "Sail | Area"),
        ("row", "white | 9 m²"),
        ("heading", "Sails"),
        ("prose", "Speak slowly."),
    ]


def test_a_hidden_slide_is_not_read_and_a_link_of_another_is() -> None:
    linked = '<p:sp><p:txBody><a:p><a:r><a:rPr><a:hlinkClick r:id="home"/></a:rPr>'
    linked += "<a:t>all boats</a:t></a:r></a:p></p:txBody></p:sp>"
    raw = pptx(f"hidden{shape('no')}", linked)
    assert parts("a.pptx", raw) == [("prose", "all boats")]
    assert links("a.pptx", raw) == [("all boats", "https://example.com/boats")]


# -- books ----------------------------------------------------------------------------------------

CHAPTER = """<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.1//EN" "http://www.w3.org/TR/xhtml11/DTD/xhtml11.dtd">
<html xmlns="http://www.w3.org/1999/xhtml"><head><title/><script src="x.js"/></head>
<body><a id="top"/><h1>Knots</h1><p>A knot&nbsp;holds. <a href="two.xhtml#b">More</a></p>
<aside>A note.</aside></body></html>"""


def test_chapters_are_read_in_their_order_with_notes_and_links_inside_the_book() -> None:
    second = '<html><body><h1 id="b">Bends</h1><p>Two ropes <i>join</i>.</p></body></html>'
    raw = epub({"one.xhtml": CHAPTER, "two.xhtml": second})
    assert parts("a.epub", raw) == [
        ("heading", "Knots"),
        ("prose", "A knot holds. More"),
        ("prose", "A note."),
        ("heading", "Bends"),
        ("prose", "Two ropes join."),
    ]
    assert links("a.epub", raw) == [("More", "#b")]


def test_a_book_has_its_own_title_and_language() -> None:
    source = reader_for("a.epub").decode("a.epub", epub({"a.xhtml": CHAPTER}, title="All knots"))
    assert (source.title, source.language) == ("All knots", "en")


def test_a_chapter_that_is_no_xml_is_read_as_html() -> None:
    raw = epub({"a.xhtml": "<html><body><p>One<p>Two &bogus; <b>three</body></html>"})
    assert parts("a.epub", raw) == [("prose", "One"), ("prose", "Two &bogus; three")]


def test_a_protected_book_is_an_error() -> None:
    method = "http://www.w3.org/2001/04/xmlenc#aes128-cbc"
    mark = f'<encryption><EncryptionMethod Algorithm="{method}"/></encryption>'
    raw = epub({"a.xhtml": CHAPTER}, more={"META-INF/encryption.xml": mark})
    with pytest.raises(GuideError, match="protected against copying"):
        reader_for("a.epub").decode("a.epub", raw)


# -- OpenDocument ---------------------------------------------------------------------------------


def test_an_open_document_is_read_with_lists_tables_links_and_footnotes() -> None:
    text = (
        '<text:h text:outline-level="1">Oars</text:h>'
        "<text:p>An<text:s/>oar<text:note><text:note-citation>1</text:note-citation>"
        "<text:note-body><text:p>Of ash.</text:p></text:note-body></text:note> is long.</text:p>"
        "<text:list><text:list-item><text:p>left</text:p><text:list><text:list-item>"
        "<text:p>inner</text:p></text:list-item></text:list></text:list-item></text:list>"
        "<table:table><table:table-header-rows><table:table-row><table:table-cell><text:p>Wood"
        "</text:p></table:table-cell><table:table-cell><text:p>Use</text:p></table:table-cell>"
        "</table:table-row></table:table-header-rows><table:table-row><table:table-cell>"
        "<text:p>ash</text:p></table:table-cell><table:table-cell><text:p>oars</text:p>"
        '</table:table-cell><table:table-cell table:number-columns-repeated="1000"/>'
        "</table:table-row></table:table><text:tracked-changes><text:p>deleted</text:p>"
        '</text:tracked-changes><text:p><text:a xlink:href="https://example.com/">Oars</text:a>'
        "</text:p>"
    )
    assert parts("a.odt", odt(text)) == [
        ("heading", "Oars"),
        ("prose", "An oar is long."),
        ("prose", "Of ash."),
        ("item", "left"),
        ("item", "inner"),
        ("header", "Wood | Use"),
        ("row", "ash | oars"),
        ("prose", "Oars"),
    ]
    assert links("a.odt", odt(text)) == [("Oars", "https://example.com/")]
    assert reader_for("a.odt").decode("a.odt", odt(text, title="Of oars")).title == "Of oars"


# -- all of them ----------------------------------------------------------------------------------

WORDS = [f"word{number}" for number in range(3_000)]
LINES = [" ".join(WORDS[n : n + 10]) for n in range(0, len(WORDS), 10)]
LONG = {
    "a.xlsx": xlsx({"Words": "".join(row(n, *line.split()) for n, line in enumerate(LINES, 1))}),
    "a.pptx": pptx(*(shape(*LINES[n : n + 10], kind="body") for n in range(0, len(LINES), 10))),
    "a.epub": epub(
        {f"{n}.xhtml": f"<html><body><p>{line}</p></body></html>" for n, line in enumerate(LINES)}
    ),
    "a.odt": odt("".join(f"<text:p>{line}</text:p>" for line in LINES)),
    "a.ods": ods({"Words": "".join(ods_row(*line.split()) for line in LINES)}),
}


@pytest.mark.parametrize("path", LONG)
def test_every_word_of_a_long_document_is_in_a_passage_once_and_in_order(tmp_path, path) -> None:
    (tmp_path / path).write_bytes(LONG[path])
    page = read_page(tmp_path, path, reading_options=ReadingOptions())
    assert len(page.passages) > 10
    assert re.findall(r"word\d+", " ".join(p.text for p in page.passages)) == WORDS


DEEP = "<x>" * 400 + "</x>" * 400
ENTITIES = '<!DOCTYPE x [<!ENTITY a "haha">]><x>&a;</x>'
MAIN = {
    ".xlsx": "xl/workbook.xml",
    ".pptx": "ppt/presentation.xml",
    ".epub": "META-INF/container.xml",
    ".odt": "content.xml",
    ".ods": "content.xml",
}


@pytest.mark.parametrize("suffix", MAIN)
@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda _: b"", "it is no archive"),
        (lambda _: b"PK\x03\x04 no archive", "it is no archive"),
        (lambda suffix: LONG[f"a{suffix}"][:-40], "it is no archive"),
        (lambda _: package({"readme.txt": "words"}), "is missing"),
        (lambda suffix: package({MAIN[suffix]: "<broken"}), "it is damaged"),
        (lambda suffix: package({MAIN[suffix]: "<no:prefix/>"}), "it is damaged"),
        (lambda suffix: package({MAIN[suffix]: DEEP}), "more than 150 deep"),
        (lambda suffix: package({MAIN[suffix]: ENTITIES}), "declares entities"),
        (lambda suffix: package({MAIN[suffix]: b" " * 3_000_000}), "100 times its size"),
        (
            lambda suffix: package({MAIN[suffix]: "<x/>", **{f"{n}": b"" for n in range(20_001)}}),
            "more than 20,000 files",
        ),
    ],
    ids="empty garbage cut another broken prefix deep entities bomb files".split(),
)
def test_a_broken_or_hostile_file_is_an_error_that_says_why(suffix, make, reason) -> None:
    with pytest.raises(GuideError, match=reason) as raised:
        reader_for(f"a{suffix}").decode(f"a{suffix}", make(suffix))
    assert raised.value.message.startswith(f"a{suffix} cannot be read as {suffix[1:]}: ")


@pytest.mark.parametrize("path", LONG)
def test_a_flipped_byte_is_an_error_or_read_and_never_ends_the_process(path) -> None:
    raw, messages = LONG[path], []
    for place in range(30, len(raw), len(raw) // 150):
        flipped = raw[:place] + bytes([raw[place] ^ 0xFF]) + raw[place + 1 :]
        try:
            reader_for(path).decode(path, flipped)
        except GuideError as error:
            messages.append(error.message)
    assert messages
    assert not any("the process" in message for message in messages)


def test_a_sheet_of_far_cells_takes_no_room_and_too_many_are_an_error() -> None:
    far = '<row r="1"><c r="A1" t="str"><v>a</v></c><c r="XFD1" t="str"><v>b</v></c></row>'
    assert parts("a.xlsx", xlsx({"Sheet1": far})) == [("row", "a | b")]
    wide = "".join(f'<c r="{a}{b}1"><v>1</v></c>' for a in "ABCDEFGHIJ" for b in "ABCDEFGHIJKLMNO")
    tall = "".join(f'<row r="{n}"><c r="A{n}"><v>{n * n}</v></c></row>' for n in range(2, 14_000))
    with pytest.raises(GuideError, match="a sheet of more than 2,000,000 cells"):
        reader_for("a.xlsx").decode("a.xlsx", xlsx({"Sheet1": f'<row r="1">{wide}</row>{tall}'}))
