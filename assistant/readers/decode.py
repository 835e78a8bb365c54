"""Decode the bytes of a file to text, whatever its encoding, or convert it in the sandbox."""

from __future__ import annotations

import re
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE, BOM_UTF32_BE, BOM_UTF32_LE
from dataclasses import dataclass
from html import escape
from pathlib import PurePosixPath

from assistant.errors import GuideError
from assistant.readers.asciidoc import convert_asciidoc
from assistant.readers.confluence import STORAGE_SIGNS, convert_page
from assistant.readers.html import extract_language, extract_title
from assistant.readers.jupyter import convert_notebook
from assistant.readers.org import convert_org
from assistant.readers.sandbox import read_in_sandbox
from assistant.readers.wiki_exports import WIKI_NAMES, detect_export
from assistant.readers.wikitext import convert_wikitext

# A byte order mark names the encoding. That of UTF-32 begins like UTF-16's.
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
# The encodings that web pages declare. Python has other codecs, which do not encode text.
_LEGACY_ENCODINGS = re.compile(
    r"windows-\d{3,4}|iso-8859-\d+|koi8-[ru]|(?:x-)?shift[-_]jis|euc-(?:jp|kr)|gbk|gb2312|gb18030"
    r"|big5(?:-hkscs)?",
    re.I,
)
_UNDECODED_BYTES = re.compile("[\udc80-\udcff]+")
_ASCII_CONTROLS = bytes([*range(0x09), *range(0x0E, 0x1C), 0x7F])
_CONTROL_CHARACTERS = re.compile("[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f]")


@dataclass(frozen=True, slots=True)
class Source:
    """A file as text, with warnings (line, message), and the title and language it declares."""

    text: str
    warnings: tuple[tuple[int, str], ...] = ()
    title: str = ""
    language: str = ""


def decode_text(path: str, raw: bytes) -> Source:
    """Decode a text file, line for line. Raises GuideError where it is not text."""
    text, warnings = _decode(path, raw, may_declare_encoding=False)
    return Source(text, tuple(warnings))


def decode_erb(path: str, raw: bytes) -> Source:
    """Decode a template with Ruby inside, line for line; the Ruby is left out.

    Raises GuideError where it is not text.
    """
    text, warnings = _decode(path, raw, may_declare_encoding=False)
    first, *others = text.split("<%")
    shown = [first]
    for piece in others:
        ruby, _, after = piece.partition("%>")
        shown += ["\n" * ruby.count("\n"), after.lstrip(" ")]
    return Source("".join(shown), tuple(warnings))


def decode_html(path: str, raw: bytes) -> Source:
    """Decode a page of HTML, or in Confluence's storage format, by the encoding it declares.

    Its lines stay. Raises GuideError where it is not text.
    """
    text, warnings = _decode(path, raw, may_declare_encoding=True)
    if any(sign in text for sign in STORAGE_SIGNS):
        try:
            text = convert_page(text)
        except ValueError as error:
            message = f"{path} cannot be read as a page of Confluence: {error}."
            raise GuideError(message, "Export it again.") from error
    return Source(text, tuple(warnings), extract_title(text), extract_language(text))


def decode_asciidoc(path: str, raw: bytes) -> Source:
    """Decode AsciiDoc to HTML with the same lines. Raises GuideError where it is not text."""
    text, warnings = _decode(path, raw, may_declare_encoding=False)
    converted, more = convert_asciidoc(text, path)
    return Source(converted, (*warnings, *more))


def decode_org(path: str, raw: bytes) -> Source:
    """Decode Org to HTML with the same lines. Raises GuideError where it is not text."""
    text, warnings = _decode(path, raw, may_declare_encoding=False)
    converted, language, more = convert_org(text)
    return Source(converted, (*warnings, *more), language=language)


def decode_wikitext(path: str, raw: bytes) -> Source:
    """Decode a page of MediaWiki to HTML with the same lines.

    Raises GuideError where it is not text.
    """
    text, warnings = _decode(path, raw, may_declare_encoding=False)
    name = PurePosixPath(path).stem.replace("_", " ")
    converted, title = convert_wikitext(text, title=name)
    return Source(converted, tuple(warnings), title)


def decode_notebook(path: str, raw: bytes) -> Source:
    """Decode a Jupyter notebook to Markdown. Raises GuideError where it is none."""
    text, warnings = _decode(path, raw, may_declare_encoding=False)
    try:
        converted, title = convert_notebook(text)
    except ValueError as error:
        message = f"{path} cannot be read as a notebook: {error}."
        raise GuideError(message, "Save it again in Jupyter, or as text.") from error
    return Source(converted, tuple((1, message) for _, message in warnings), title)


def decode_rst(path: str, raw: bytes) -> Source:
    """Decode reStructuredText to HTML with the same lines, or to paragraphs where docutils fails.

    Raises GuideError where it is not text.
    """
    text, warnings = _decode(path, raw, may_declare_encoding=False)
    try:
        converted, more = read_in_sandbox("rst", ".rst", text.encode("utf-8", "surrogatepass"))
    except ValueError as error:
        lines = text.replace("\0", "").split("\n")
        paragraphs = "\n".join(escape(line) if line.strip() else "<p>" for line in lines)
        converted = f"<main><p>{paragraphs}"
        more = [(1, f"The page was read as plain text: {error}.")]
    return Source(converted, (*warnings, *more))


def decode_package(path: str, raw: bytes) -> Source:
    """Decode a spreadsheet, slides, a book or an OpenDocument text to HTML.

    Raises GuideError where that fails.
    """
    suffix = PurePosixPath(path).suffix.lower()
    try:
        text = read_in_sandbox("package", suffix, raw)[0]
    except ValueError as error:
        message = f"{path} cannot be read as {suffix[1:]}: {error}."
        raise GuideError(message, "Save it again, or as text.") from error
    return Source(text, title=extract_title(text), language=extract_language(text))


def decode_export(path: str, raw: bytes) -> Source:
    """Decode what a wiki exports as XML to HTML. Raises GuideError where that fails."""
    export = detect_export(raw)
    if not export:
        return decode_html(path, raw)
    try:
        text = read_in_sandbox("package", export, raw)[0]
    except ValueError as error:
        message = f"{path} cannot be read as an export of {WIKI_NAMES[export]}: {error}."
        raise GuideError(message, "Export it again, or fewer pages at a time.") from error
    return Source(text, title=extract_title(text), language=extract_language(text))


def decode_office(path: str, raw: bytes) -> Source:
    """Decode a .docx file to HTML, or a .pdf file to Markdown.

    Raises GuideError where that fails, and where the package that converts it is not installed.
    """
    suffix = PurePosixPath(path).suffix.lower()
    try:
        return Source(read_in_sandbox("office", suffix, raw)[0])
    except ModuleNotFoundError as error:
        needed = "pip install 'guide-assistant[files]'"
        raise GuideError(f"{path} needs: {needed}", f"Run: {needed}") from error
    except ValueError as error:
        message = f"{path} cannot be read as {suffix[1:]}: {error}."
        raise GuideError(message, "Save it again, or as text.") from error


def _decode(
    path: str, raw: bytes, *, may_declare_encoding: bool
) -> tuple[str, list[tuple[int, str]]]:
    """Return a file's text, its line ends made the same, and warnings as (line, message)."""
    warnings: list[tuple[int, str]] = []
    encoding, bom_length = _detect_encoding(raw, may_declare_encoding=may_declare_encoding)
    content = raw[bom_length:]
    text = content.decode(encoding, "surrogateescape" if encoding == "utf-8" else "replace")
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if "\0" in text:
        raise GuideError(f"{path} is not text.", "Take it out of the guide, or save it as text.")
    if encoding != "utf-8":
        _append_warning(
            warnings, text, re.compile("\ufffd"), f"is not {encoding.upper()} and was left out"
        )
    elif content.isascii() and len(content.translate(None, _ASCII_CONTROLS)) == len(content):
        return text, warnings  # most files: the patterns below take ten times as long
    elif undecoded := _UNDECODED_BYTES.search(text):
        message = "This line is not UTF-8: its invalid bytes were read as Windows-1252."
        warnings.append((_line_number(text, undecoded.start()), message))
        text = _UNDECODED_BYTES.sub(_decode_windows_1252, text)
    _append_warning(warnings, text, _CONTROL_CHARACTERS, "is a control character and was left out")
    return text, warnings


def _detect_encoding(raw: bytes, *, may_declare_encoding: bool) -> tuple[str, int]:
    """Return a file's encoding, and the length of its byte order mark."""
    for mark, encoding in _BYTE_ORDER_MARKS:
        if raw.startswith(mark):
            return encoding, len(mark)
    if wide := _detect_wide_encoding(raw):
        return wide, 0
    declaration = _ENCODING_DECLARATION.search(raw[:2048]) if may_declare_encoding else None
    declared = declaration[1].decode("ascii").lower() if declaration else ""
    if not _LEGACY_ENCODINGS.fullmatch(declared) or _decodes_as(raw, "utf-8"):
        return "utf-8", 0
    # Browsers too read ISO-8859-1 as Windows-1252.
    declared = "windows-1252" if declared == "iso-8859-1" else declared
    return (declared if _decodes_as(raw, declared) else "utf-8"), 0


def _detect_wide_encoding(raw: bytes) -> str:
    """Detect UTF-16 or UTF-32 without a byte order mark; empty where it is neither.

    Each letter has a zero byte, always before or always after the other byte.
    """
    even, odd = raw[::2].count(0), raw[1::2].count(0)
    if 5 * (even + odd) < len(raw) or not raw:
        return ""
    for encoding in ("utf-32-le", "utf-32-be"):
        if _decodes_as(raw, encoding):
            return encoding
    utf_16 = "utf-16-le" if even < odd else "utf-16-be"
    return utf_16 if 9 * min(even, odd) < max(even, odd) and _decodes_as(raw, utf_16) else ""


def _decodes_as(raw: bytes, encoding: str) -> bool:
    try:
        return isinstance(raw.decode(encoding), str)
    except (LookupError, UnicodeError):
        return False


def _decode_windows_1252(undecoded: re.Match[str]) -> str:
    """Decode escaped bytes as Windows-1252, and bytes that it does not have as Latin-1."""
    raw = undecoded[0].encode("ascii", "surrogateescape")
    return "".join(
        bytes([byte]).decode("cp1252" if _decodes_as(bytes([byte]), "cp1252") else "latin-1")
        for byte in raw
    )


def _append_warning(
    warnings: list[tuple[int, str]], text: str, pattern: re.Pattern[str], problem: str
) -> None:
    """Append a warning about the first character that matches a pattern, if there is one."""
    if match := pattern.search(text):
        line = _line_number(text, match.start())
        warnings.append((line, f"U+{ord(match[0]):04X} {problem}."))


def _line_number(text: str, position: int) -> int:
    return text.count("\n", 0, position) + 1
