"""Convert office documents to HTML or Markdown, by markitdown, within limits.

markitdown escapes few marks of Markdown, and reads documents of any size; both are handled here.
This module runs only in the child process of `sandbox`, where it may patch the libraries it uses.
"""

from __future__ import annotations

import re
import zlib
from io import BytesIO
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from zipfile import ZipFile

import mammoth
from markitdown import StreamInfo
from markitdown.converter_utils.docx.pre_process import pre_process_docx
from markitdown.converters import PdfConverter
from pdfminer import pdftypes
from pdfminer.pdfdevice import PDFDevice
from pdfminer.pdfdocument import PDFDocument
from pdfminer.pdfinterp import PDFPageInterpreter, PDFResourceManager
from pdfminer.pdfpage import PDFPage
from pdfminer.pdfparser import PDFParser
from pdfminer.pdftypes import stream_value

from assistant.readers.packages import (
    MAX_COMPRESSION_RATIO,
    UNCHECKED_BYTES,
    LimitExceeded,
    damage_error,
    read_parts,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

_STYLE_MAP = "p[style-name='Title'] => h1:fresh\np[style-name='Subtitle'] => p:fresh"
_BLANK_LINES = re.compile(r"\n{3,}")
_BLOCK_END = re.compile(r"(</(?:h[1-6]|li|p|table|tr)>)")

# A printed page has 3,000 to 10,000 characters, which cost 60 to 90 us each; 5 million are a manual
# of 1,500 pages.
_MAX_PAGES = 5_000
_MAX_MARKS = 5_000_000  # characters, lines and pictures in all
_MAX_PAGE_MARKS = 100_000
_MAX_STREAM_BYTES = 50_000_000  # of one stream of a PDF, decompressed
_MAX_DRAWING_BYTES = 60_000_000  # of drawing instructions; a printed page takes 5 to 30 kB
_MAX_TEXT_CHARS = 20_000_000  # of the converted text

# Characters that are markup in Markdown or one of its dialects; indented text would be code.
_MARKUP = re.compile(r"[\\`*_\[\]{}<>#~$%:=!?&^]|(?<=\n)[ \t]+|\A[ \t]+")
_FRONT_MATTER_FENCES = ("---", "+++")
# A line of hyphens would make the lines above it a heading.
_RULE_LINE = re.compile(r"^-{2,}$", re.M)
_MIN_LEADERS = 5  # dots that lead to the page of an entry of a table of contents


def convert_docx(raw: bytes) -> str:
    """Convert a .docx file to HTML. Raises ValueError for another file, or over a limit.

    markitdown's Markdown is not used: it loses words such as `[one](two)` or `&lt;`.
    """
    archive = _extract_xml(raw)
    try:
        result = mammoth.convert_to_html(
            pre_process_docx(archive),
            style_map=_STYLE_MAP,
            include_embedded_style_map=False,
            convert_image=mammoth.images.img_element(lambda _: {}),
        )
    except MemoryError:
        raise
    except Exception as error:
        raise damage_error(error) from error
    return _BLOCK_END.sub("\\1\n", _tidy(result.value))


def convert_pdf(raw: bytes) -> str:
    """Convert a .pdf file to Markdown whose other markup is escaped.

    Bars and hyphens stay markup: tables and lists are written with them. Raises ValueError where it
    is no PDF, or exceeds a limit.
    """
    # pdfminer decompresses each stream as a whole, by this module.
    pdftypes.zlib = SimpleNamespace(
        decompress=_decompress, decompressobj=zlib.decompressobj, error=zlib.error
    )
    try:
        _check_pdf_size(raw)
        result = PdfConverter().convert(BytesIO(raw), StreamInfo(extension=".pdf"))
    except (MemoryError, LimitExceeded):
        raise
    except Exception as error:
        raise ValueError("it is damaged") from error
    lines = _tidy(result.markdown).split("\n")
    text = "\n".join(line for line in lines if not _is_contents_entry(line))
    text = _RULE_LINE.sub("", _MARKUP.sub(_escape, text))
    return f"\n{text}" if text.startswith(_FRONT_MATTER_FENCES) else text  # not front matter


def _is_contents_entry(line: str) -> bool:
    """Check whether a line is a title, dots, and the number of a page, which say nothing alone."""
    before = line.rstrip("0123456789ivxlc")
    dots = before[len(before.rstrip(". ")) :].count(".")
    return before != line and dots >= _MIN_LEADERS


def _tidy(text: str) -> str:
    if len(text) > _MAX_TEXT_CHARS:
        raise LimitExceeded(f"more than {_MAX_TEXT_CHARS:,} characters")
    lines = [line.rstrip() for line in text.replace("\0", "").split("\n")]
    return _BLANK_LINES.sub("\n\n", "\n".join(lines))


# -- Word ------------------------------------------------------------------------------------


def _extract_xml(raw: bytes) -> BytesIO:
    """Return the archive with its XML parts alone, not compressed."""
    extracted = BytesIO()
    with ZipFile(extracted, "w") as output:
        for name, content in read_parts(raw, (".xml", ".rels")).items():
            output.writestr(name, content)
    extracted.seek(0)
    return extracted


# -- PDF -------------------------------------------------------------------------------------


def _decompress(compressed: bytes) -> bytes:
    stream = zlib.decompressobj()
    content = stream.decompress(compressed, _MAX_STREAM_BYTES)
    if stream.unconsumed_tail:
        raise LimitExceeded(
            f"a stream that unpacks to more than {_MAX_STREAM_BYTES // 1_000_000} MB"
        )
    if not stream.eof:
        raise zlib.error("incomplete")
    return content


def _check_pdf_size(raw: bytes) -> None:
    """Check a document against the limits, without its layout, which takes most of the time."""
    device = _CountingDevice(PDFResourceManager())
    interpreter = _CountingInterpreter(device.rsrcmgr, device)
    document = PDFDocument(PDFParser(BytesIO(raw)))
    for number, page in enumerate(PDFPage.create_pages(document), 1):
        if number > _MAX_PAGES:
            raise LimitExceeded(f"more than {_MAX_PAGES:,} pages")
        device.page_marks = 0
        interpreter.process_page(page)


class _CountingInterpreter(PDFPageInterpreter):  # type: ignore[misc]
    """Counts the bytes of drawing instructions; pdfminer makes another for each form in a page."""

    def execute(self, streams: Sequence[object]) -> None:
        for reference in streams:
            stream = stream_value(reference)
            compressed = len(stream.rawdata or b"")
            size = len(stream.get_data())
            if compressed and size > max(UNCHECKED_BYTES, MAX_COMPRESSION_RATIO * compressed):
                raise LimitExceeded(
                    f"a page that unpacks to more than {MAX_COMPRESSION_RATIO} times its size"
                )
            self.device.drawing_bytes += size
        if self.device.drawing_bytes > _MAX_DRAWING_BYTES:
            raise LimitExceeded(f"more than {_MAX_DRAWING_BYTES // 1_000_000} MB that are drawn")
        super().execute(streams)


class _CountingDevice(PDFDevice):  # type: ignore[misc]
    """Counts characters and lines, and draws nothing."""

    def __init__(self, resources: PDFResourceManager) -> None:
        super().__init__(resources)
        self.drawing_bytes = 0
        self.page_marks = 0
        self._total_marks = 0

    def _count(self, count: int) -> None:
        self.page_marks += count
        self._total_marks += count
        if self.page_marks > _MAX_PAGE_MARKS:
            raise LimitExceeded(f"more than {_MAX_PAGE_MARKS:,} characters and lines on a page")
        if self._total_marks > _MAX_MARKS:
            raise LimitExceeded(f"more than {_MAX_MARKS:,} characters and lines")

    def begin_figure(self, *_: Any) -> None:
        self._count(10)  # the cost of a form itself, in characters

    def paint_path(
        self, _graphics: Any, _stroke: Any, _fill: Any, _evenodd: Any, path: Any
    ) -> None:
        self._count(1 + len(path))

    def render_string(self, _state: Any, pieces: Any, *_: Any) -> None:
        self._count(1 + sum(len(piece) for piece in pieces if isinstance(piece, bytes)))


def _escape(markup: re.Match[str]) -> str:
    return "" if markup[0].isspace() else f"\\{markup[0]}"
