"""Every kind of file becomes text, whatever wrote it; what cannot is said plainly."""

from __future__ import annotations

import subprocess
import sys
from io import BytesIO
from zipfile import ZipFile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.errors import GuideError
from assistant.readers import decode, markdown
from assistant.readers import html as html_reader


def text(raw: bytes, path: str = "a.md") -> str:
    return decode.read_source(path, raw).text


def oddities(raw: bytes, path: str = "a.md") -> list[tuple[int, str]]:
    return list(decode.read_source(path, raw).warnings)


# Encodings.

PAGE = "# Größe\n\nça va, naïve “quotes”\n\nmore and more English words\n"


@pytest.mark.parametrize(
    "raw",
    [
        PAGE.encode(),
        PAGE.encode("utf-8-sig"),
        PAGE.encode("utf-16"),
        b"\xfe\xff" + PAGE.encode("utf-16-be"),
        PAGE.encode("utf-32"),
        b"\0\0\xfe\xff" + PAGE.encode("utf-32-be"),
        *[PAGE.encode(f"utf-{width}-{end}") for width in (16, 32) for end in ("le", "be")],
        PAGE.replace("\n", "\r\n").encode(),
        PAGE.replace("\n", "\r").encode("utf-16"),
    ],
)
def test_unicode_is_read_however_it_is_written(raw: bytes) -> None:
    assert text(raw) == PAGE
    assert oddities(raw) == []


def test_what_is_no_utf_8_is_read_as_windows_1252_and_reported() -> None:
    raw = "# T\n\nGröße – “ja”\n".encode("cp1252")
    assert text(raw) == "# T\n\nGröße – “ja”\n"
    ((line, what),) = oddities(raw)
    assert line == 3
    assert "Windows-1252" in what


def test_one_odd_byte_spoils_no_other_character() -> None:
    raw = "Größe\n".encode() + b"caf\xe9\n" + "日本語\n".encode()
    assert text(raw) == "Größe\ncafé\n日本語\n"
    assert [line for line, _ in oddities(raw)] == [2]


@given(st.binary().filter(lambda raw: b"\0" not in raw))
def test_bytes_without_a_zero_are_always_text(raw: bytes) -> None:
    text(raw).encode()


@given(st.text(st.characters(codec="latin-1", exclude_categories=["Cc"])))
def test_every_letter_of_latin_1_survives(words: str) -> None:
    # A blank keeps two letters from being the two bytes of one in UTF-8.
    spaced = " ".join(words)
    assert text(spaced.encode("latin-1")) == spaced


def test_a_page_of_the_web_may_declare_its_encoding() -> None:
    raw = '<meta charset="windows-1251"><p>Привет'.encode("windows-1251")
    assert "Привет" in text(raw, "a.html")
    assert oddities(raw, "a.html") == []
    assert "Привет" not in text(raw, "a.md")


@pytest.mark.parametrize("name", ["punycode", "unicode_escape", "rot13", "nothing", "utf-7"])
def test_a_declared_encoding_is_one_of_text(name: str) -> None:
    raw = f"<meta charset={name}><p>caf".encode() + b"\xe9 \\u0041+AEE-"
    assert "café \\u0041+AEE-" in text(raw, "a.html")


@pytest.mark.parametrize("raw", [b"\x89PNG\r\n\0\0\0", b"text with a \0 in it", b"\0" * 9])
def test_what_holds_no_text_is_refused(raw: bytes) -> None:
    with pytest.raises(GuideError, match="not text"):
        decode.read_source("a.md", raw)


@pytest.mark.parametrize("hidden", ["\x08", "\x1b", "\x7f"])
def test_a_control_character_is_reported_by_name_and_line(hidden: str) -> None:
    ((line, what),) = oddities(f"one\ntwo {hidden}\nthree {hidden}\n".encode())
    assert line == 2
    assert f"U+{ord(hidden):04X}" in what


# Kinds.


def test_a_suffix_says_how_a_page_is_read() -> None:
    kinds = {
        path: decode.text_format(path) for path in ("a.MD", "b/c.mdx", "d.htm", "e.rst", "f.Txt")
    }
    assert list(kinds.values()) == ["markdown", "markdown", "html", "html", "text"]
    assert all(decode.read_source(path, b"words\n").format == kind for path, kind in kinds.items())
    assert {".md", ".html", ".rst", ".txt", ".docx", ".pdf"} <= set(decode.SUFFIXES)


def test_a_page_of_html_says_its_title_and_language_and_only_its_content_is_read() -> None:
    source = decode.read_source(
        "a.html",
        b"<html lang=de><title>T</title><nav>no</nav>\n<main><h1>A</h1>\n<p>b</main>",
    )
    assert (source.title, source.language) == ("T", "de")
    found = decode.parse_blocks(source.format, source.text)
    assert [(b.text, b.lines) for b in found] == [("A", (2, 2)), ("b", (3, 3))]


def test_plain_text_means_only_what_it_says() -> None:
    source = decode.read_source("a.txt", b"# no *title* <b>\n- [x](y) \\_ &amp;\n\n\n    {% z %}\n")
    found = decode.parse_blocks(source.format, source.text)
    assert [(b.kind, b.text, b.lines) for b in found] == [
        ("prose", "# no *title* <b> - [x](y) \\_ &amp;", (1, 2)),
        ("prose", "{% z %}", (5, 5)),
    ]


@given(st.text(alphabet="ab*#<>_`\n\t &[\u200b\x0c", max_size=60))
def test_plain_text_loses_no_words(source: str) -> None:
    found = decode.parse_blocks("text", source)
    seen = " ".join(b.text for b in found).split()
    assert seen == source.replace("\u200b", "").split()
    for block in found:
        lines = source.split("\n")[block.lines[0] - 1 : block.lines[1]]
        assert " ".join(lines).replace("\u200b", "").split() == block.text.split()


def test_restructured_text_keeps_its_lines() -> None:
    source = decode.read_source("a.rst", b"T\n=\n\nwords :odd:`here`\n\n.. nobodys::\n\n   in it\n")
    found = decode.parse_blocks(source.format, source.text)
    assert [(b.kind, b.text, b.lines) for b in found] == [
        ("heading", "T", (1, 1)),
        ("prose", "words here", (4, 4)),
        ("prose", "in it", (8, 8)),
    ]
    assert [line for line, _ in source.warnings] == [4, 6]


def test_restructured_text_docutils_cannot_read_is_read_as_plain() -> None:
    source = decode.read_source("a.rst", b"one <b>\n\n" + b"two " * 4000)
    found = decode.parse_blocks(source.format, source.text)
    assert [b.lines for b in found] == [(1, 1), (3, 3)]
    assert found[0].text == "one <b>"
    assert found[1].text.split() == ["two"] * 4000
    assert "plain text" in source.warnings[0][1]


# Documents of other programs.

W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"


def docx(body: str, doctype: str = "") -> bytes:
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
    with ZipFile(packed, "w") as archive:
        for name, part in parts.items():
            archive.writestr(name, f'<?xml version="1.0" encoding="UTF-8"?>{part}')
    return packed.getvalue()


def paragraph(words: str, style: str = "") -> str:
    styled = f'<w:pPr><w:pStyle w:val="{style}"/></w:pPr>' if style else ""
    return f"<w:p>{styled}<w:r><w:t>{words}</w:t></w:r></w:p>"


def pdf(*lines: str) -> bytes:
    shown = "".join(f"({line}) Tj T*\n" for line in lines)
    drawn = f"BT /F1 12 Tf 72 720 Td 14 TL\n{shown}ET"
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        """<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R
        /Resources << /Font << /F1 5 0 R >> >> >>""",
        f"<< /Length {len(drawn)} >>\nstream\n{drawn}\nendstream",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    written, places = "%PDF-1.4\n", []
    for number, content in enumerate(objects, 1):
        places.append(len(written))
        written += f"{number} 0 obj\n{content}\nendobj\n"
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    return (
        f"{written}xref\n0 6\n0000000000 65535 f \n{table}"
        f"trailer << /Size 6 /Root 1 0 R >>\nstartxref\n{len(written)}\n%%EOF\n"
    ).encode()


MARKUP = "{% a %} <b> *c* _d_ # [e](f) `g` ~~h~~ &lt; !!! [[i]] %%j%%"


def seen(path: str, raw: bytes) -> list[tuple[str, str]]:
    source = decode.read_source(path, raw)
    assert source == decode.read_source(path, raw)
    if source.format == "markdown":
        found = markdown.parse_markdown(source.text)
    else:
        found = decode.parse_blocks(source.format, source.text)
    return [(block.kind, block.text) for block in found if block.text]


def test_a_word_document_is_read_with_its_headings_and_tables() -> None:
    pytest.importorskip("markitdown")
    cells = "".join(f"<w:tc>{paragraph(words)}</w:tc>" for words in ("one", "two"))
    body = f"{paragraph('Title', 'H')}{paragraph('Words.')}<w:tbl><w:tr>{cells}</w:tr></w:tbl>"
    assert seen("a.docx", docx(body)) == [
        ("heading", "Title"),
        ("prose", "Words."),
        ("row", "one | two"),
    ]


def test_marks_in_a_word_document_are_its_words() -> None:
    pytest.importorskip("markitdown")
    escaped = MARKUP.replace("&", "&amp;").replace("<", "&lt;")
    ((_, words),) = seen("a.docx", docx(paragraph(escaped)))
    assert words == MARKUP


def test_a_pdf_is_read_and_marks_in_it_are_its_words() -> None:
    pytest.importorskip("markitdown")
    marked = MARKUP.replace("`", "")  # the font draws it as a quotation mark
    lines = ["---", "Some words", f"a {marked}".replace("(", r"\(").replace(")", r"\)"), "- item"]
    found = " ".join(words for _, words in seen("a.pdf", pdf(*lines)))
    assert found == f"Some words a {marked} item"


@pytest.mark.parametrize(
    ("path", "raw"),
    [
        ("a.docx", b"not a document"),
        ("a.pdf", b"not a document"),
        ("a.docx", b""),
        ("a.pdf", b""),
        ("a.pdf", pdf("words")[:200]),
        ("a.docx", docx(paragraph("words"))[:-30]),
        (
            "a.docx",
            docx(paragraph("&b;"), '<!DOCTYPE x [<!ENTITY b SYSTEM "file:///etc/passwd">]>'),
        ),
    ],
)
def test_a_broken_document_is_refused(path: str, raw: bytes) -> None:
    pytest.importorskip("markitdown")
    with pytest.raises(GuideError, match=r"cannot be read"):
        decode.read_source(path, raw)


def test_without_its_package_a_document_says_what_to_install() -> None:
    code = """
import sys
sys.modules["markitdown"] = None
from assistant import errors
from assistant.readers import decode as formats
for path in ("a.docx", "b.pdf"):
    try:
        formats.read(path, b"")
    except errors.GuideError as error:
        print(error.what)
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    needs = "needs: pip install 'guide-assistant[files]'"
    assert ran.stdout.splitlines() == [f"a.docx {needs}", f"b.pdf {needs}"]


def test_a_page_of_entities_in_entities_stays_small() -> None:
    lines = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 30))
    raw = f'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a0 "ha">{lines}]><p>&a29;</p>'.encode()
    source = decode.read_source("a.xhtml", raw)
    assert len(html_reader.extract_text(source.text)) < 2 * len(raw)
