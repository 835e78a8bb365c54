"""The bytes of a file to its text and, where that is no Markdown, to its blocks; pure.

Knows encodings and which library reads which kind of file. Must not know folders, front matter,
sections or passages.
"""

from __future__ import annotations

import re
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE, BOM_UTF32_BE, BOM_UTF32_LE
from dataclasses import dataclass
from html import escape
from itertools import groupby
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Literal

from assistant.errors import GuideError
from assistant.models.documents import Block
from assistant.readers import html as html_reader
from assistant.text.text import strip_invisible

if TYPE_CHECKING:
    from collections.abc import Iterator

TextFormat = Literal["markdown", "html", "text"]

_FORMATS: dict[str, TextFormat] = {
    ".md": "markdown",
    ".markdown": "markdown",
    ".mdown": "markdown",
    ".mdx": "markdown",
    ".mkd": "markdown",
    ".html": "html",
    ".htm": "html",
    ".xhtml": "html",
    ".rst": "html",
    ".txt": "text",
    ".docx": "html",
    ".pdf": "markdown",
}
SUFFIXES = tuple(_FORMATS)
_PACKED_SUFFIXES = frozenset({".docx", ".pdf"})
# In MB. A page of text costs up to 2.5 s and 80 MB of memory for each of its own, as rows and cells
# of HTML; the largest manuals on one page of HTML have 15. Pictures make packed files large.
_MAX_MEGABYTES, _MAX_MEGABYTES_PACKED = 20, 200

# A mark at the start of a file says how the rest is written; that of UTF-32 begins like UTF-16's.
_BYTE_ORDER_MARKS = (
    (BOM_UTF8, "utf-8"),
    (BOM_UTF32_LE, "utf-32-le"),
    (BOM_UTF32_BE, "utf-32-be"),
    (BOM_UTF16_LE, "utf-16-le"),
    (BOM_UTF16_BE, "utf-16-be"),
)
_ENCODING_DECLARATION = re.compile(
    rb"<(?:meta|\?xml)[^<>]{0,200}?(?:charset|encoding)\s*=\s*[\"']?([\w-]{1,20})", re.I
)
# The encodings that pages of the web declare; others of Python's are no encodings of text.
_LEGACY_ENCODINGS = re.compile(
    r"windows-\d{3,4}|iso-8859-\d+|koi8-[ru]|(?:x-)?shift[-_]jis|euc-(?:jp|kr)|gbk|gb2312|gb18030"
    r"|big5(?:-hkscs)?",
    re.I,
)
_UNDECODED_BYTES = re.compile("[\udc80-\udcff]+")
_CONTROL_CHARACTERS = re.compile("[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f]")


@dataclass(frozen=True, slots=True)
class Source:
    """A file as text of one kind, what was odd in it by line, and what it says of itself."""

    text: str
    format: TextFormat = "markdown"
    warnings: tuple[tuple[int, str], ...] = ()
    title: str = ""
    language: str = ""


def text_format(path: str) -> TextFormat:
    """What the text of a page at this path is, once it was read."""
    return _FORMATS.get(PurePosixPath(path).suffix.lower(), "markdown")


def max_megabytes(path: str) -> int:
    """How many MB a file of this suffix may have."""
    packed = PurePosixPath(path).suffix.lower() in _PACKED_SUFFIXES
    return _MAX_MEGABYTES_PACKED if packed else _MAX_MEGABYTES


def read_source(path: str, raw: bytes) -> Source:
    """A file's text, by its suffix.

    The text of Markdown, HTML and plain text is the file's own, line for line; so are the lines
    of HTML that reStructuredText becomes. Raises GuideError where it holds no text, and where
    what reads it is not installed.
    """
    suffix = PurePosixPath(path).suffix.lower()
    if suffix in _PACKED_SUFFIXES:
        return Source(_convert_packed(path, raw, suffix), text_format(path))
    text, oddities = _decode(path, raw, may_declare_encoding=suffix in {".html", ".htm", ".xhtml"})
    if suffix == ".rst":
        text, found = _convert_rst(text)
        oddities += found
    whole = suffix != ".rst" and text_format(path) == "html"
    return Source(
        text=text,
        format=text_format(path),
        warnings=tuple(oddities),
        title=html_reader.extract_title(text) if whole else "",
        language=html_reader.extract_language(text) if whole else "",
    )


def parse_blocks(kind: TextFormat, text: str) -> list[Block]:
    """The blocks of a page that is no Markdown."""
    return html_reader.parse_html_page(text) if kind == "html" else list(_parse_plain_text(text))


def _parse_plain_text(text: str) -> Iterator[Block]:
    """Plain text, cut where a line is blank; no character in it has a meaning of its own."""
    lines = enumerate(text.split("\n"), 1)
    for blank, group in groupby(lines, lambda line: not line[1].strip()):
        if blank:
            continue
        held = list(group)
        words = " ".join(strip_invisible(" ".join(line for _, line in held)).split())
        if words:
            yield Block("prose", words, (held[0][0], held[-1][0]))


# Encodings.


def _decode(
    path: str, raw: bytes, *, may_declare_encoding: bool
) -> tuple[str, list[tuple[int, str]]]:
    """A file's text, its line ends made one, and what was odd in how it is written."""
    oddities: list[tuple[int, str]] = []
    encoding, skipped = _detect_encoding(raw, may_declare_encoding=may_declare_encoding)
    text = raw[skipped:].decode(encoding, "surrogateescape" if encoding == "utf-8" else "replace")
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if "\0" in text:
        raise GuideError(f"{path} is not text.", "Take it out of the guide, or save it as text.")
    if encoding != "utf-8":
        _append_warning(
            oddities, text, re.compile("\ufffd"), f"is not {encoding.upper()} and was left out"
        )
    elif bad := _UNDECODED_BYTES.search(text):
        what = "This line is not UTF-8: its odd bytes were read as Windows-1252."
        oddities.append((_line_number(text, bad.start()), what))
        text = _UNDECODED_BYTES.sub(_decode_windows_1252, text)
    _append_warning(oddities, text, _CONTROL_CHARACTERS, "is a control character and was left out")
    return text, oddities


def _detect_encoding(raw: bytes, *, may_declare_encoding: bool) -> tuple[str, int]:
    """How a file is written, and how many bytes at its start only say so."""
    for mark, encoding in _BYTE_ORDER_MARKS:
        if raw.startswith(mark):
            return encoding, len(mark)
    if wide := _detect_wide_encoding(raw):
        return wide, 0
    named = _ENCODING_DECLARATION.search(raw[:2048]) if may_declare_encoding else None
    declared = named[1].decode("ascii").lower() if named else ""
    if not _LEGACY_ENCODINGS.fullmatch(declared) or _decodes_as(raw, "utf-8"):
        return "utf-8", 0
    # Browsers, too, read the one as the other.
    declared = "windows-1252" if declared == "iso-8859-1" else declared
    return (declared if _decodes_as(raw, declared) else "utf-8"), 0


def _detect_wide_encoding(raw: bytes) -> str:
    """UTF-16 or UTF-32 that no mark announces: a zero byte in each letter, always on one side."""
    even, odd = raw[::2].count(0), raw[1::2].count(0)
    if 5 * (even + odd) < len(raw) or not raw:
        return ""
    for encoding in ("utf-32-le", "utf-32-be"):
        if _decodes_as(raw, encoding):
            return encoding
    side = "utf-16-le" if even < odd else "utf-16-be"
    return side if 9 * min(even, odd) < max(even, odd) and _decodes_as(raw, side) else ""


def _decodes_as(raw: bytes, encoding: str) -> bool:
    try:
        return isinstance(raw.decode(encoding), str)
    except (LookupError, UnicodeError):
        return False


def _decode_windows_1252(undecoded: re.Match[str]) -> str:
    odd = undecoded[0].encode("ascii", "surrogateescape")
    return "".join(
        bytes([byte]).decode("cp1252" if _decodes_as(bytes([byte]), "cp1252") else "latin-1")
        for byte in odd
    )


def _append_warning(
    oddities: list[tuple[int, str]], text: str, what: re.Pattern[str], which: str
) -> None:
    if found := what.search(text):
        oddities.append((_line_number(text, found.start()), f"U+{ord(found[0]):04X} {which}."))


def _line_number(text: str, position: int) -> int:
    return text.count("\n", 0, position) + 1


# Other formats.


def _convert_rst(text: str) -> tuple[str, list[tuple[int, str]]]:
    from assistant.readers import sandbox

    try:
        return sandbox.read_in_sandbox("rst", ".rst", text.encode("utf-8", "surrogatepass"))
    except ValueError as error:
        paragraphs = text.replace("\0", "").split("\n")
        shown = "\n".join(escape(line) if line.strip() else "<p>" for line in paragraphs)
        return f"<main><p>{shown}", [(1, f"The page was read as plain text: {error}.")]


def _convert_packed(path: str, raw: bytes, suffix: str) -> str:
    from assistant.readers import sandbox

    try:
        return sandbox.read_in_sandbox("office", suffix, raw)[0]
    except ModuleNotFoundError as error:
        needed = "pip install 'guide-assistant[files]'"
        raise GuideError(f"{path} needs: {needed}", f"Run: {needed}") from error
    except ValueError as error:
        what = f"{path} cannot be read as {suffix[1:]}: {error}."
        raise GuideError(what, "Save it again, or as text.") from error
