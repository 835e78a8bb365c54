"""Test that packed pages stay within the limits, and that long ordinary documents are read."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.documents import WORDS, docx, drawn, forms, paragraph, pdf, printed, stream
from tests.durability import scene
from tests.sizes import LONG

if TYPE_CHECKING:
    from collections.abc import Callable

pytest.importorskip("markitdown")
pytestmark = pytest.mark.skipif(not LONG, reason="its short size is tests/readers/test_office.py")

MEMORY = 2_000  # MB: the limit of 1,500, and the process itself
DEADLINE = 1_200  # seconds on a machine that does other things too

OPEN, CLOSED = "<w:tbl><w:tr><w:tc>", "</w:tc></w:tr></w:tbl>"
LINES = [" ".join(reversed(WORDS)) + f" {row}" for row in range(50)]
BOXES = "1 0 0 1 {} {} Tm (w) Tj "

SHAPES: dict[str, Callable[[], tuple[str, bytes]]] = {
    **{
        f"{copies:,} paragraphs": lambda n=copies: ("a.docx", docx(paragraph("x") * n))
        for copies in (1_000, 30_000, 1_000_000)
    },
    **{
        f"{copies:,} paragraphs, each another": lambda n=copies: (
            "a.docx",
            docx("".join(paragraph(f"x{number * number}") for number in range(n))),
        )
        for copies in (1_000, 30_000, 200_000)
    },
    **{
        f"tables {n} deep": lambda n=n: ("a.docx", docx(OPEN * n + CLOSED * n))
        for n in (40, 300, 30_000)
    },
    **{
        f"{size} MB of one word": lambda s=size: ("a.docx", docx(paragraph("x" * s * 1_000_000)))
        for size in (1, 99, 600)
    },
    **{
        f"{size} MB of spaces": lambda s=size: ("a.pdf", pdf(b" " * s * 1_000_000, packed=2))
        for size in (1, 49, 600)
    },
    **{f"forms {n} deep": lambda n=n: ("a.pdf", forms(n)) for n in (2, 4, 40)},
    **{f"{n:,} empty pages": lambda n=n: ("a.pdf", pdf(*[b""] * n)) for n in (100, 4_000, 40_000)},
    **{
        f"{n:,} boxes": lambda n=n: (
            "a.pdf",
            pdf(
                b"BT /F1 2 Tf "
                + "".join(BOXES.format(20 * (k % 300), 15 * (k // 300)) for k in range(n)).encode()
                + b"ET"
            ),
        )
        for n in (1_000, 40_000)
    },
    "a font that is a bomb": lambda: (
        "a.pdf",
        pdf(
            drawn("words"),
            resources="/Font << /F1 4 0 R >>",
            more=(
                b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /ToUnicode 5 0 R >>",
                stream(b"<00> <01> " * 40_000_000, packed=2),
            ),
        ),
    ),
    "csv of many columns": lambda: (
        "a.rst",
        (".. csv-table::\n\n" + "   a\n" * 40_000 + "   " + "," * 9_000).encode(),
    ),
    **{
        f"marks in lines: {mark}": lambda m=mark: (
            "a.rst",
            ((f"{m}a " * 1_000 + "\n\n") * 120).encode(),
        )
        for mark in "*`|"
    },
    "messages": lambda: ("a.rst", b".. image::\n\n" * 35_000),
}
WRITTEN: dict[str, Callable[[], tuple[str, bytes]]] = {
    "a Word document of 200 pages": lambda: ("a.docx", docx(printed(200))),
    "a Word document of 500 pages": lambda: ("a.docx", docx(printed(500))),
    "a PDF of 300 pages": lambda: ("a.pdf", pdf(*[drawn(*LINES)] * 300)),
}

SCRIPT = """
import json, resource, sys
from pathlib import Path
from assistant.guide.folder import read_guide
from assistant.readers.sandbox import close_sandboxes
guide = read_guide(Path(sys.argv[1]))
close_sandboxes()
unit = 1 if sys.platform == "darwin" else 1024
peaks = [resource.getrusage(who).ru_maxrss * unit // 1_000_000
         for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
pages = [page.path for page in guide.pages]
errors = [warning.message for warning in guide.warnings if warning.unreadable]
print(json.dumps([pages, errors, *peaks]))
"""


def read(tmp_path, name: str, raw: bytes) -> tuple[list[str], list[str], int]:
    (tmp_path / name).write_bytes(raw)
    (tmp_path / "beside.md").write_text("# Beside\n\nThis page is read.\n")
    ran = subprocess.run(
        ["/bin/sh", "-c", '"$0" -c "$1" "$2"', sys.executable, SCRIPT, str(tmp_path)],
        capture_output=True, text=True, check=True, timeout=DEADLINE,
    )  # fmt: skip
    pages, unread, parent, child = json.loads(ran.stdout)
    scene.figures.info("%d and %d MB, %s", parent, child, unread or "read")
    assert parent < 500
    return pages, unread, child


@pytest.mark.parametrize("shape", SHAPES)
def test_whatever_a_page_unpacks_to_it_is_read_or_reported_within_the_limits(tmp_path, shape):
    pages, unread, child = read(tmp_path, *SHAPES[shape]())
    assert "beside.md" in pages
    assert len(pages) + len(unread) == 2
    assert child < MEMORY


@pytest.mark.parametrize("written", WRITTEN)
def test_long_ordinary_documents_are_read(tmp_path, written):
    pages, unread, child = read(tmp_path, *WRITTEN[written]())
    assert (len(pages), unread) == (2, [])
    assert child < MEMORY
