"""Documents of office programs to HTML or Markdown, by markitdown, within limits.

Knows what markitdown leaves undone: it escapes little of what Markdown gives a meaning, and it
reads whatever size it is given. It runs in a process of its own, see `reader_process`: what it
changes in the libraries it uses is theirs there alone.
"""

from __future__ import annotations

import re
import zlib
from io import BytesIO
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from xml.parsers import expat
from zipfile import BadZipFile, ZipFile

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

if TYPE_CHECKING:
    from collections.abc import Sequence

_STYLES = "p[style-name='Title'] => h1:fresh\np[style-name='Subtitle'] => p:fresh"
_BLANK_LINES = re.compile(r"\n{3,}")
_BLOCK_END = re.compile(r"(</(?:h[1-6]|li|p|table|tr)>)")

# What one document may be, by sizes and counts, so that every machine decides alike. A page full
# of text is about 740 elements with 900 attributes, and 28 kB, in Word's own files. An element with
# its attributes costs 80 us and 2.2 kB: a million of both is 600 pages, 40 s and 1.1 GB.
_MOST_XML = 100_000_000  # bytes of all parts that are XML
_MOST_ELEMENTS = 1_000_000  # with their attributes
_DEEPEST_ELEMENT = 150  # the reader fails at some 200; a table in a table in a table is 20
_MOST_FILES = 20_000  # in the archive; most are pictures
# Word's own files pack 10 to 30 times, and what packs above 100 times says next to nothing.
_PACKS_AT_MOST = 100
_MAY_PACK = 1_000_000  # bytes that may pack as well as they like

# A page of print has 3,000 to 10,000 characters, which cost 60 to 90 us each; 5 million are a
# manual of 1,500 pages.
_MOST_PAGES = 5_000
_MOST_MARKS = 5_000_000  # characters, lines and pictures in all
_MOST_MARKS_OF_PAGE = 100_000
_MOST_STREAM = 50_000_000  # bytes of one stream of a PDF, unpacked
_MOST_DRAWING = 60_000_000  # bytes that say what is drawn; a page of print takes 5 to 30 kB
_MOST_TEXT = 20_000_000  # characters that a document may be read to

# What Markdown, or a tool around it, gives a meaning; indented text would be code.
_MARKUP = re.compile(r"[\\`*_\[\]{}<>#~$%:=!?&^]|(?<=\n)[ \t]+|\A[ \t]+")
_FENCED = ("---", "+++")


class TooMuch(ValueError):
    """A document is over one of the limits; says which, and what to do."""

    def __init__(self, what: str) -> None:
        super().__init__(f"it has {what}; split it, or save it as text")


def word(raw: bytes) -> str:
    """A .docx file as HTML. Raises ValueError where it is none, or is over a limit.

    Not as markitdown's Markdown, which loses words such as `[one](two)` or `&lt;`.
    """
    slim = _slim(raw)
    try:
        read = mammoth.convert_to_html(
            pre_process_docx(slim),
            style_map=_STYLES,
            include_embedded_style_map=False,
            convert_image=mammoth.images.img_element(lambda _: {}),
        )
    except MemoryError:
        raise
    except Exception as error:
        raise ValueError("it is damaged") from error
    return _BLOCK_END.sub("\\1\n", _tidied(read.value))


def pdf(raw: bytes) -> str:
    """A .pdf file as Markdown that means nothing but its words.

    Bars and hyphens keep their meaning: tables and lists are written with them. Raises ValueError
    where it is none, or is over a limit.
    """
    # pdfminer unpacks each stream as a whole, in this one line.
    pdftypes.zlib = SimpleNamespace(
        decompress=_unpacked, decompressobj=zlib.decompressobj, error=zlib.error
    )
    try:
        _count(raw)
        read = PdfConverter().convert(BytesIO(raw), StreamInfo(extension=".pdf"))
    except (MemoryError, TooMuch):
        raise
    except Exception as error:
        raise ValueError("it is damaged") from error
    text = _MARKUP.sub(_escaped, _tidied(read.markdown))
    return f"\n{text}" if text.startswith(_FENCED) else text  # it has no front matter


def _tidied(text: str) -> str:
    if len(text) > _MOST_TEXT:
        raise TooMuch(f"more than {_MOST_TEXT:,} characters")
    lines = [line.rstrip() for line in text.replace("\0", "").split("\n")]
    return _BLANK_LINES.sub("\n\n", "\n".join(lines))


# Word.


def _slim(raw: bytes) -> BytesIO:
    """The archive without what is not read of it, such as pictures, and not packed."""
    slim = BytesIO()
    parts = _Parts()
    try:
        with ZipFile(BytesIO(raw)) as archive, ZipFile(slim, "w") as written:
            if len(archive.infolist()) > _MOST_FILES:
                raise TooMuch(f"more than {_MOST_FILES:,} files in it")
            for member in archive.infolist():
                if not member.filename.lower().endswith((".xml", ".rels")):
                    continue
                with archive.open(member) as part:
                    # Read with a limit: what the archive says of a size need not be true.
                    most = max(_MAY_PACK, _PACKS_AT_MOST * member.compress_size)
                    content = part.read(min(most, _MOST_XML - parts.size) + 1)
                parts.add(content, most)
                written.writestr(member.filename, content)
    except (BadZipFile, EOFError, NotImplementedError, RuntimeError, zlib.error) as error:
        raise ValueError("it is no archive") from error
    slim.seek(0)
    return slim


class _Parts:
    """How much XML there is so far in the parts of a document."""

    def __init__(self) -> None:
        self.size = self._elements = self._depth = 0

    def add(self, content: bytes, most: int) -> None:
        if len(content) > most:
            raise TooMuch(f"a part that unpacks to more than {_PACKS_AT_MOST} times its size")
        self.size += len(content)
        if self.size > _MOST_XML:
            raise TooMuch(f"more than {_MOST_XML // 1_000_000:,} MB of XML")
        parser = expat.ParserCreate()
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.StartDoctypeDeclHandler = self._doctype
        try:
            parser.Parse(content, True)  # noqa: FBT003 - it takes no name
        except expat.ExpatError as error:
            raise ValueError("it is damaged") from error
        self._depth = 0

    def _start(self, _: str, attributes: dict[str, str]) -> None:
        self._elements += 1 + len(attributes)
        self._depth += 1
        if self._elements > _MOST_ELEMENTS:
            raise TooMuch(f"more than {_MOST_ELEMENTS:,} elements and attributes of XML")
        if self._depth > _DEEPEST_ELEMENT:
            raise TooMuch(f"elements of XML more than {_DEEPEST_ELEMENT} deep in each other")

    def _end(self, _: str) -> None:
        self._depth -= 1

    def _doctype(self, *_: Any) -> None:
        raise ValueError("it declares entities, which no such document needs")


# PDF.


def _unpacked(packed: bytes) -> bytes:
    stream = zlib.decompressobj()
    unpacked = stream.decompress(packed, _MOST_STREAM)
    if stream.unconsumed_tail:
        raise TooMuch(f"a stream that unpacks to more than {_MOST_STREAM // 1_000_000} MB")
    if not stream.eof:
        raise zlib.error("incomplete")
    return unpacked


def _count(raw: bytes) -> None:
    """Hold a document against the limits, without its layout, which takes the time."""
    marks = _Marks(PDFResourceManager())
    interpreter = _Interpreter(marks.rsrcmgr, marks)
    document = PDFDocument(PDFParser(BytesIO(raw)))
    for number, page in enumerate(PDFPage.create_pages(document), 1):
        if number > _MOST_PAGES:
            raise TooMuch(f"more than {_MOST_PAGES:,} pages")
        marks.of_page = 0
        interpreter.process_page(page)


class _Interpreter(PDFPageInterpreter):  # type: ignore[misc]
    """Counts what it reads; a form that is drawn within a page is one more of its kind."""

    def execute(self, streams: Sequence[object]) -> None:
        for one in streams:
            stream = stream_value(one)
            packed = len(stream.rawdata or b"")
            size = len(stream.get_data())
            if packed and size > max(_MAY_PACK, _PACKS_AT_MOST * packed):
                raise TooMuch(f"a page that unpacks to more than {_PACKS_AT_MOST} times its size")
            self.device.drawing += size
        if self.device.drawing > _MOST_DRAWING:
            raise TooMuch(f"more than {_MOST_DRAWING // 1_000_000} MB that are drawn")
        super().execute(streams)


class _Marks(PDFDevice):  # type: ignore[misc]
    """Counts what is drawn, and draws nothing."""

    def __init__(self, resources: PDFResourceManager) -> None:
        super().__init__(resources)
        self.drawing = 0
        self.of_page = 0
        self._in_all = 0

    def _add(self, count: int) -> None:
        self.of_page += count
        self._in_all += count
        if self.of_page > _MOST_MARKS_OF_PAGE:
            raise TooMuch(f"more than {_MOST_MARKS_OF_PAGE:,} characters and lines on a page")
        if self._in_all > _MOST_MARKS:
            raise TooMuch(f"more than {_MOST_MARKS:,} characters and lines")

    def begin_figure(self, *_: Any) -> None:
        self._add(10)  # what a form costs beside what it draws, in characters

    def paint_path(
        self, _graphics: Any, _stroke: Any, _fill: Any, _evenodd: Any, path: Any
    ) -> None:
        self._add(1 + len(path))

    def render_string(self, _state: Any, pieces: Any, *_: Any) -> None:
        self._add(1 + sum(len(piece) for piece in pieces if isinstance(piece, bytes)))


def _escaped(markup: re.Match[str]) -> str:
    return "" if markup[0].isspace() else f"\\{markup[0]}"
