"""Word documents and PDFs are converted within limits, and their marks are words."""

from __future__ import annotations

import subprocess
import sys
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import pytest

from assistant.errors import GuideError
from assistant.guide.folder import read_guide
from assistant.index import builder
from assistant.index import index as indexes
from assistant.readers import reader_for
from tests.documents import docx, drawn, forms, paragraph, pdf, printed

pytest.importorskip("markitdown")

pytestmark = pytest.mark.slow


MARKUP = "{% a %} <b> *c* _d_ # [e](f) `g` ~~h~~ &lt; !!! [[i]] %%j%%"


def parts(path: str, raw: bytes) -> list[tuple[str, str]]:
    reader = reader_for(path)
    source = reader.decode(path, raw)
    assert source == reader.decode(path, raw)
    return [(block.kind, block.text) for block in reader.parse(source.text) if block.text]


def test_a_word_document_is_read_with_its_headings_and_tables() -> None:
    cells = "".join(f"<w:tc>{paragraph(words)}</w:tc>" for words in ("one", "two"))
    body = f"{paragraph('Title', 'H')}{paragraph('Words.')}<w:tbl><w:tr>{cells}</w:tr></w:tbl>"
    assert parts("a.docx", docx(body)) == [
        ("heading", "Title"),
        ("prose", "Words."),
        ("row", "one | two"),
    ]


def test_marks_in_a_word_document_are_its_words() -> None:
    escaped = MARKUP.replace("&", "&amp;").replace("<", "&lt;")
    ((_, words),) = parts("a.docx", docx(paragraph(escaped)))
    assert words == MARKUP


def test_a_pdf_is_read_and_marks_in_it_are_its_words() -> None:
    marked = MARKUP.replace("`", "")  # the font draws it as a quotation mark
    lines = ["---", "Some words", f"a {marked}".replace("(", r"\(").replace(")", r"\)"), "- item"]
    words = " ".join(text for _, text in parts("a.pdf", pdf(drawn(*lines))))
    assert words == f"Some words a {marked} item"


@pytest.mark.parametrize(
    ("path", "raw"),
    [
        ("a.docx", b"not a document"),
        ("a.pdf", b"not a document"),
        ("a.docx", b""),
        ("a.pdf", b""),
        ("a.pdf", pdf(drawn("words"))[:200]),
        ("a.docx", docx(paragraph("words"))[:-30]),
        (
            "a.docx",
            docx(paragraph("&b;"), '<!DOCTYPE x [<!ENTITY b SYSTEM "file:///etc/passwd">]>'),
        ),
    ],
)
def test_a_broken_document_is_an_error(path: str, raw: bytes) -> None:
    with pytest.raises(GuideError, match=r"cannot be read"):
        reader_for(path).decode(path, raw)


def test_the_error_for_a_missing_package_says_what_to_install() -> None:
    code = """
import sys
sys.modules["markitdown"] = None
from assistant.errors import GuideError
from assistant.readers import reader_for
for path in ("a.docx", "b.pdf"):
    try:
        reader_for(path).decode(path, b"")
    except GuideError as error:
        print(error.message)
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    needs = "needs: pip install 'guide-assistant[files]'"
    assert ran.stdout.splitlines() == [f"a.docx {needs}", f"b.pdf {needs}"]


ENTITIES = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10))
NESTED = "<w:tbl><w:tr><w:tc>"
NESTED_END = "</w:tc></w:tr></w:tbl>"


# A file's name, a function that makes its bytes, and part of the warning.
OVER = {
    "paragraphs packed 400 times": (
        "a.docx",
        lambda: docx(paragraph("x") * 80_000),
        "100 times its size",
    ),
    "rows packed 300 times": ("a.docx", lambda: docx("<w:tc/>" * 500_000), "100 times its size"),
    "one word of 30 MB": (
        "a.docx",
        lambda: docx(paragraph("x" * 30_000_000)),
        "100 times its size",
    ),
    "tables in each other": (
        "a.docx",
        lambda: docx(NESTED * 60 + NESTED_END * 60),
        "more than 150 deep",
    ),
    "more elements than any book": (
        "a.docx",
        lambda: docx("".join(f'<w:p w:a="{n * n}"/>' for n in range(520_000))),
        "more than 1,000,000 elements",
    ),
    "entities in entities": (
        "a.docx",
        lambda: docx(paragraph("&a9;"), f'<!DOCTYPE x [<!ENTITY a0 "ha">{ENTITIES}]>'),
        "declares entities",
    ),
    "files without end": (
        "a.docx",
        lambda: docx("<w:p/>", files={f"word/media/{n}.png": b"" for n in range(20_001)}),
        "more than 20,000 files",
    ),
    "a stream packed twice": ("a.pdf", lambda: pdf(b" " * 60_000_000, packed=2), "more than 50 MB"),
    "a page packed 1,000 times": ("a.pdf", lambda: pdf(b"q Q " * 500_000), "100 times its size"),
    "more words than fit on a page": (
        "a.pdf",
        lambda: pdf(drawn(*["words " * 15] * 1_200)),
        "more than 100,000 characters",
    ),
    "forms in forms": ("a.pdf", lambda: forms(12), "more than 100,000 characters and lines"),
    "pages without end": ("a.pdf", lambda: pdf(*[b""] * 5_001), "more than 5,000 pages"),
}


def read_warnings(folder: Path, *named: tuple[str, bytes]) -> dict[str, str]:
    """Return the warning of each unreadable page; the pages beside them must be read."""
    for name, raw in named:
        (folder / name).write_bytes(raw)
    (folder / "beside.md").write_text("# Beside\n\nThis page is read.\n")
    (folder / "letter.docx").write_bytes(docx(paragraph("And this letter.")))
    guide = read_guide(folder)
    texts = [passage.text for passage in guide.passages]
    assert "Beside\n\nThis page is read." in texts
    assert "And this letter." in texts
    return {warning.path: warning.message for warning in guide.warnings if warning.unreadable}


@pytest.mark.parametrize("shape", OVER)
def test_a_document_over_a_limit_is_reported_and_the_rest_is_read(tmp_path, shape: str) -> None:
    name, make, limit = OVER[shape]
    warnings = read_warnings(tmp_path, (name, make()))
    assert list(warnings) == [name]
    assert limit in warnings[name]


@pytest.mark.parametrize("shape", ["paragraphs packed 400 times", "a stream packed twice"])
def test_the_warning_names_the_page_and_what_to_do(tmp_path, shape: str) -> None:
    name, make, _ = OVER[shape]
    message = read_warnings(tmp_path, (name, make()))[name]
    assert message.startswith(f"{name} cannot be read as")
    assert "split it, or save it as text" in message


def test_an_index_is_built_from_the_pages_within_the_limits(tmp_path, word_encoder) -> None:
    corpus = tmp_path / "guide"
    corpus.mkdir()
    for number, (name, make, _) in enumerate(list(OVER.values())[:2]):
        (corpus / f"{number}-{name}").write_bytes(make())
    (corpus / "cats.md").write_text("# Cats\n\nA cat drinks milk.\n")
    built = builder.build_index(corpus, tmp_path / "index", word_encoder)
    assert [warning.unreadable for warning in built.warnings] == [True, True]
    assert indexes.open_index(tmp_path / "index").store.size == 1


def test_no_document_over_a_limit_takes_much_memory(tmp_path) -> None:
    for number, (name, make, _) in enumerate(OVER.values()):
        (tmp_path / f"{number}-{name}").write_bytes(make())
    (tmp_path / "beside.md").write_text("# Beside\n\nThis page is read.\n")
    script = f"""
import resource
from pathlib import Path
from assistant.guide.folder import read_guide
from assistant.readers.sandbox import close_sandboxes
guide = read_guide(Path({str(tmp_path)!r}))
close_sandboxes()
unit = 1 if __import__("sys").platform == "darwin" else 1024
peaks = [resource.getrusage(who).ru_maxrss * unit // 1_000_000
         for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
print(len([warning for warning in guide.warnings if warning.unreadable]), *peaks)
"""
    # Through a shell: the peak of a process that starts another counts for that one.
    ran = subprocess.run(
        ["/bin/sh", "-c", '"$0" -c "$1"', sys.executable, script],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    unreadable, parent, child = map(int, ran.stdout.split())
    assert unreadable == len(OVER)
    assert child < 400
    assert parent < 200


def test_a_document_with_large_pictures_is_read_without_them(tmp_path) -> None:
    pictures = {"word/media/a.png": b"\0" * 120_000_000}
    assert read_warnings(tmp_path, ("a.docx", docx(paragraph("Words."), files=pictures))) == {}


def test_a_wrong_size_in_an_archive_does_not_pass_the_limit(tmp_path) -> None:
    honest = docx(paragraph("x" * 3_000_000))
    size = ZipFile(BytesIO(honest)).getinfo("word/document.xml").file_size
    lying = honest.replace(size.to_bytes(4, "little"), (500).to_bytes(4, "little"))
    assert lying != honest
    assert list(read_warnings(tmp_path, ("a.docx", lying))) == ["a.docx"]


def test_a_long_document_is_read(tmp_path) -> None:
    assert read_warnings(tmp_path, ("a.docx", docx(printed(40))), ("b.pdf", manual(8))) == {}


def manual(pages: int) -> bytes:
    line = " ".join(reversed("it is stopped again when the operator of the plant says so".split()))
    return pdf(
        *(drawn(f"Chapter {n}", *[f"{line} {n}.{row}" for row in range(50)]) for n in range(pages))
    )


def test_a_line_of_hyphens_makes_no_heading_of_a_pdf() -> None:
    read = parts("a.pdf", pdf(drawn("row fast", "----", "and sing")))
    assert [kind for kind, _ in read if kind == "heading"] == []
    assert " ".join(words for _, words in read) == "row fast and sing"


def test_the_table_of_contents_of_a_pdf_is_no_text() -> None:
    lines = ["1. Boats ........... 4", "Sails . . . . . . . xii", "Boats float ... at 4"]
    assert " ".join(words for _, words in parts("a.pdf", pdf(drawn(*lines)))) == (
        "Boats float ... at 4"
    )
