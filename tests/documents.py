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
