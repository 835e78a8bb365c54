"""Make Word documents and PDFs from their parts."""

from __future__ import annotations

import zlib
from io import BytesIO
from zipfile import ZIP_DEFLATED, ZipFile

W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
WORDS = "the pump in the north hall is started by hand when the pressure in the line falls".split()


def docx(body: str, doctype: str = "", *, files: dict[str, bytes] | None = None) -> bytes:
    parts = {
        "[Content_Types].xml": f"""<Types xmlns="{PACKAGE}/content-types">
            <Default Extension="xml" ContentType="application/xml"/>
            <Default Extension="rels"
              ContentType="application/vnd.openxmlformats-package.relationships+xml"/></Types>""",
        "_rels/.rels": f"""<Relationships xmlns="{PACKAGE}/relationships"><Relationship Id="r"
            Type="{OFFICE}/officeDocument" Target="word/document.xml"/></Relationships>""",
        "word/_rels/document.xml.rels": f"""<Relationships xmlns="{PACKAGE}/relationships">
            <Relationship Id="s" Type="{OFFICE}/styles" Target="styles.xml"/></Relationships>""",
        "word/styles.xml": f"""<w:styles xmlns:w="{W}"><w:style w:type="paragraph"
            w:styleId="H"><w:name w:val="heading 1"/></w:style></w:styles>""",
        "word/document.xml": f"""{doctype}<w:document xmlns:w="{W}"><w:body>{body}</w:body>
            </w:document>""",
    }
    packed = BytesIO()
    with ZipFile(packed, "w", ZIP_DEFLATED) as archive:
        for name, part in parts.items():
            archive.writestr(name, f'<?xml version="1.0" encoding="UTF-8"?>{part}')
        for name, content in (files or {}).items():
            archive.writestr(name, content)
    return packed.getvalue()


def paragraph(words: str, style: str = "") -> str:
    styled = f'<w:pPr><w:pStyle w:val="{style}"/></w:pPr>' if style else ""
    return f"<w:p>{styled}<w:r><w:t>{words}</w:t></w:r></w:p>"


def printed(pages: int) -> str:
    """Return the body of a Word document: per page headings, tables, and 84 runs of words."""
    fonts = '<w:rPr><w:rFonts w:ascii="Calibri" w:hAnsi="Calibri"/><w:lang w:val="en-US"/></w:rPr>'
    cell = f"<w:tc>{paragraph('a cell')}</w:tc>"
    written = []
    for page in range(pages):
        written.append(paragraph(f"Chapter {page}", "H"))
        for part in range(6):
            runs = (
                f'<w:r w:rsidR="00AB12CD">{fonts}<w:t xml:space="preserve">{word} {page}.{part} '
                '</w:t></w:r><w:proofErr w:type="spellStart"/>'
                for word in WORDS
            )
            written.append(f'<w:p w:rsidR="00AB12CD">{"".join(runs)}</w:p>')
        written.append(f"<w:tbl>{f'<w:tr>{cell * 4}</w:tr>' * 6}</w:tbl>")
    return "".join(written)


def stream(content: bytes, entries: str = "", *, packed: int = 1) -> bytes:
    """Return a stream of a PDF, compressed so many times."""
    for _ in range(packed):
        content = zlib.compress(content, 9)
    filters = "/FlateDecode " * packed
    head = f"<< /Length {len(content)} /Filter [{filters}] {entries} >>\nstream\n"
    return head.encode() + content + b"\nendstream"


def objects(*contents: str | bytes) -> bytes:
    """Return a PDF of these objects, the first its root."""
    written, places = b"%PDF-1.4\n", []
    for number, content in enumerate(contents, 1):
        places.append(len(written))
        raw = content if isinstance(content, bytes) else content.encode()
        written += f"{number} 0 obj\n".encode() + raw + b"\nendobj\n"
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    return (
        written
        + (
            f"xref\n0 {len(contents) + 1}\n0000000000 65535 f \n{table}"
            f"trailer << /Size {len(contents) + 1} /Root 1 0 R >>\nstartxref\n"
            f"{len(written)}\n%%EOF\n"
        ).encode()
    )


def pdf(*pages: bytes, packed: int = 1, resources: str = "", more: tuple[bytes, ...] = ()) -> bytes:
    """Return a PDF with these streams as its pages; `more` are objects numbered from 4 on."""
    first = 4 + len(more)
    kids = " ".join(f"{first + 2 * n} 0 R" for n in range(len(pages)))
    made: list[str | bytes] = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        *more,
    ]
    for number, content in enumerate(pages):
        made += [
            f"""<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792]
            /Contents {first + 2 * number + 1} 0 R
            /Resources << /Font << /F1 3 0 R >> {resources} >> >>""",
            stream(content, packed=packed),
        ]
    return objects(*made)


def drawn(*lines: str) -> bytes:
    """Return the stream of a page that shows these lines."""
    shown = "".join(f"({line}) Tj T*\n" for line in lines)
    return f"BT /F1 10 Tf 72 740 Td 12 TL\n{shown}ET".encode()


def forms(depth: int) -> bytes:
    """Return a PDF whose page draws a form ten times, which draws another ten times, and so on."""
    each = "/Type /XObject /Subtype /Form /BBox [0 0 612 792]"
    made = []
    for number in range(depth):
        last = number == depth - 1
        font = "/Font << /F1 3 0 R >>"
        inner = f"/Resources << {font} /XObject << /X {5 + number} 0 R >> >>"
        made.append(stream(drawn("w") if last else b"/X Do " * 10, f"{each} {inner}"))
    return pdf(b"/X Do", resources="/XObject << /X 4 0 R >>", more=tuple(made))


# -- spreadsheets, slides, books and OpenDocument texts -----------------------------------------

X = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
P = "http://schemas.openxmlformats.org/presentationml/2006/main"
D = "http://schemas.openxmlformats.org/drawingml/2006/main"


def package(parts: dict[str, str | bytes]) -> bytes:
    """Return an archive of these parts."""
    packed = BytesIO()
    with ZipFile(packed, "w", ZIP_DEFLATED) as archive:
        for name, part in parts.items():
            archive.writestr(name, part)
    return packed.getvalue()


def relations(**targets: tuple[str, str]) -> str:
    """Return the relations of a part: their ids, kinds and targets."""
    written = "".join(
        f'<Relationship Id="{key}" Type="{OFFICE}/{kind}" Target="{target}"'
        + (' TargetMode="External"/>' if ":" in target else "/>")
        for key, (kind, target) in targets.items()
    )
    return f'<Relationships xmlns="{PACKAGE}/relationships">{written}</Relationships>'


def xlsx(
    sheets: dict[str, str],
    *,
    strings: tuple[str, ...] = (),
    formats: tuple[str, ...] = (),
    hidden: tuple[str, ...] = (),
    links: dict[str, str] | None = None,
) -> bytes:
    """Return a workbook: the rows of each sheet as XML, shared strings, and formats of cells.

    The cell style n is the n-th format, from 1. `links` are those of the first sheet, by cell.
    """
    numbered = list(enumerate(sheets.items(), 1))
    listed = "".join(
        f'<sheet name="{name}" sheetId="{n}" r:id="s{n}"'
        + (' state="hidden"/>' if name in hidden else "/>")
        for n, (name, _) in numbered
    )
    codes = "".join(
        f'<numFmt numFmtId="{n}" formatCode="{code}"/>' for n, code in enumerate(formats, 200)
    )
    styles = "".join(f'<xf numFmtId="{n}"/>' for n, _ in enumerate(formats, 200))
    shared = "".join(f"<si><t>{words}</t></si>" for words in strings)
    named = {f"l{n}": (cell, url) for n, (cell, url) in enumerate((links or {}).items())}
    marks = "".join(f'<hyperlink ref="{cell}" r:id="{key}"/>' for key, (cell, _) in named.items())
    parts: dict[str, str | bytes] = {
        "xl/workbook.xml": f'<workbook xmlns="{X}" xmlns:r="{OFFICE}"><sheets>{listed}</sheets>'
        "</workbook>",
        "xl/_rels/workbook.xml.rels": relations(
            **{f"s{n}": ("worksheet", f"worksheets/sheet{n}.xml") for n, _ in numbered}
        ),
        "xl/styles.xml": f'<styleSheet xmlns="{X}"><numFmts>{codes}</numFmts>'
        f'<cellXfs><xf numFmtId="0"/>{styles}</cellXfs></styleSheet>',
        "xl/sharedStrings.xml": f'<sst xmlns="{X}">{shared}</sst>',
        "xl/worksheets/_rels/sheet1.xml.rels": relations(
            **{key: ("hyperlink", url) for key, (_, url) in named.items()}
        ),
    }
    for n, (_, rows) in numbered:
        parts[f"xl/worksheets/sheet{n}.xml"] = (
            f'<worksheet xmlns="{X}" xmlns:r="{OFFICE}"><sheetData>{rows}</sheetData>'
            + (f"<hyperlinks>{marks}</hyperlinks>" if n == 1 else "")
            + "</worksheet>"
        )
    return package(parts)


def row(number: int, *cells: str) -> str:
    """Return a row of a sheet with texts from column A on; an empty text is no cell."""
    written = "".join(
        f'<c r="{chr(65 + n)}{number}" t="inlineStr"><is><t>{words}</t></is></c>'
        for n, words in enumerate(cells)
        if words
    )
    return f'<row r="{number}">{written}</row>'


def pptx(*slides: str, notes: dict[int, str] | None = None) -> bytes:
    """Return a presentation: the shapes of each slide, and notes by the slide's number from 1."""
    parts: dict[str, str | bytes] = {
        "ppt/presentation.xml": f'<p:presentation xmlns:p="{P}" xmlns:r="{OFFICE}"><p:sldIdLst>'
        + "".join(f'<p:sldId id="{n}" r:id="s{n}"/>' for n, _ in enumerate(slides, 1))
        + "</p:sldIdLst></p:presentation>",
        "ppt/_rels/presentation.xml.rels": relations(
            **{f"s{n}": ("slide", f"slides/slide{n}.xml") for n, _ in enumerate(slides, 1)}
        ),
    }
    for n, shapes in enumerate(slides, 1):
        show = ' show="0"' if shapes.startswith("hidden") else ""
        parts[f"ppt/slides/slide{n}.xml"] = _slide("sld", shapes.removeprefix("hidden"), show)
        links = {"home": ("hyperlink", "https://example.com/boats")}
        if n in (notes or {}):
            links["notes"] = ("notesSlide", f"../notesSlides/notesSlide{n}.xml")
            body = shape((notes or {})[n], kind="body") + shape("7", kind="sldNum")
            parts[f"ppt/notesSlides/notesSlide{n}.xml"] = _slide("notes", body)
        parts[f"ppt/slides/_rels/slide{n}.xml.rels"] = relations(**links)
    return package(parts)


def _slide(name: str, shapes: str, show: str = "") -> str:
    names = f'xmlns:p="{P}" xmlns:a="{D}" xmlns:r="{OFFICE}"'
    return f"<p:{name} {names}{show}><p:cSld><p:spTree>{shapes}</p:spTree></p:cSld></p:{name}>"


def shape(*lines: str, kind: str = "") -> str:
    """Return a shape with a paragraph for each line; a tab before it makes it deeper in a list."""
    mark = f'<p:nvSpPr><p:nvPr><p:ph type="{kind}"/></p:nvPr></p:nvSpPr>' if kind else ""
    paragraphs = "".join(
        f'<a:p><a:pPr lvl="{len(line) - len(line.lstrip(chr(9)))}"/><a:r><a:t>{line.strip()}</a:t>'
        "</a:r></a:p>"
        for line in lines
    )
    return f"<p:sp>{mark}<p:txBody>{paragraphs}</p:txBody></p:sp>"


def epub(chapters: dict[str, str], *, title: str = "", more: dict[str, str] | None = None) -> bytes:
    """Return a book of chapters, whole pages of XHTML by their names."""
    items = "".join(
        f'<item id="i{n}" href="{name}" media-type="application/xhtml+xml"/>'
        for n, name in enumerate(chapters)
    )
    spine = "".join(f'<itemref idref="i{n}"/>' for n, _ in enumerate(chapters))
    return package(
        {
            "mimetype": "application/epub+zip",
            "META-INF/container.xml": '<container xmlns="urn:c"><rootfiles>'
            '<rootfile full-path="OPS/book.opf"/></rootfiles></container>',
            "OPS/book.opf": '<package xmlns="urn:o" xmlns:dc="urn:d"><metadata>'
            f"<dc:title>{title}</dc:title><dc:language>en</dc:language></metadata>"
            f"<manifest>{items}</manifest><spine>{spine}</spine></package>",
            **{f"OPS/{name}": page for name, page in chapters.items()},
            **(more or {}),
        }
    )


def odt(text: str, *, title: str = "") -> bytes:
    """Return an OpenDocument text with this content."""
    names = " ".join(f'xmlns:{name}="urn:{name}"' for name in "office text table xlink dc".split())
    return package(
        {
            "content.xml": f"<office:document-content {names}><office:body><office:text>{text}"
            "</office:text></office:body></office:document-content>",
            "meta.xml": f"<office:document-meta {names}><dc:title>{title}</dc:title>"
            "</office:document-meta>",
        }
    )


def ods(sheets: dict[str, str], *, title: str = "", hidden: tuple[str, ...] = ()) -> bytes:
    """Return an OpenDocument spreadsheet of sheets by name, each the XML of its rows."""
    names = " ".join(
        f'xmlns:{name}="urn:{name}"' for name in "office text table style xlink dc".split()
    )
    tables = "".join(
        f'<table:table table:name="{name}" table:style-name="{"h" if name in hidden else "v"}">'
        f"{rows}</table:table>"
        for name, rows in sheets.items()
    )
    styles = '<style:style style:name="h"><style:table-properties table:display="false"/>'
    return package(
        {
            "content.xml": f"<office:document-content {names}><office:automatic-styles>{styles}"
            "</style:style></office:automatic-styles><office:body><office:spreadsheet>"
            f"{tables}</office:spreadsheet></office:body></office:document-content>",
            "meta.xml": f"<office:document-meta {names}><dc:title>{title}</dc:title>"
            "</office:document-meta>",
        }
    )


def ods_row(*cells: str) -> str:
    """Return a row of an OpenDocument spreadsheet whose cells are text."""
    written = (f"<table:table-cell><text:p>{cell}</text:p></table:table-cell>" for cell in cells)
    return f"<table:table-row>{''.join(written)}</table:table-row>"
