"""Documents of office programs to HTML or Markdown, by markitdown.

Knows what markitdown leaves undone: it escapes little of what Markdown gives a meaning. Must not
know pages or blocks.
"""

from __future__ import annotations

import re
from io import BytesIO
from typing import Any, BinaryIO
from zipfile import BadZipFile, ZipFile

import mammoth
from markitdown import (
    DocumentConverter,
    DocumentConverterResult,
    MarkItDown,
    MarkItDownException,
    StreamInfo,
)
from markitdown.converter_utils.docx.pre_process import pre_process_docx
from markitdown.converters import PdfConverter

_STYLES = "p[style-name='Title'] => h1:fresh\np[style-name='Subtitle'] => p:fresh"
_BLOCK_END = re.compile(r"(</(?:h[1-6]|li|p|table|tr)>)")
_LARGEST = 200_000_000

# What Markdown, or a tool around it, gives a meaning; indented text would be code.
_MARKUP = re.compile(r"[\\`*_\[\]{}<>#~$%:=!?&^]|(?<=\n)[ \t]+|\A[ \t]+")
_FENCED = ("---", "+++")


def word(raw: bytes) -> str:
    """A .docx file as HTML. Raises ValueError where it is none.

    Not as markitdown's Markdown, which loses words such as `[one](two)` or `&lt;`.
    """
    try:
        with ZipFile(BytesIO(raw)) as archive:
            size = sum(file.file_size for file in archive.infolist())
    except BadZipFile as error:
        raise ValueError("it is no archive") from error
    if size > _LARGEST:
        raise ValueError("it is too large")
    return _BLOCK_END.sub("\\1\n", _converted(raw, _Word(), ".docx"))


def pdf(raw: bytes) -> str:
    """A .pdf file as Markdown that means nothing but its words. Raises ValueError where it is none.

    Bars and hyphens keep their meaning: tables and lists are written with them.
    """
    text = _MARKUP.sub(_escaped, _converted(raw, PdfConverter(), ".pdf"))
    return f"\n{text}" if text.startswith(_FENCED) else text  # it has no front matter


class _Word(DocumentConverter):  # type: ignore[misc]
    """The first half of markitdown's own converter: formulas as LaTeX, all else as HTML."""

    def accepts(self, *_: Any, **__: Any) -> bool:
        return True

    def convert(
        self, file_stream: BinaryIO, stream_info: StreamInfo, **_: Any
    ) -> DocumentConverterResult:
        del stream_info
        read = mammoth.convert_to_html(
            pre_process_docx(file_stream),
            style_map=_STYLES,
            include_embedded_style_map=False,
            convert_image=mammoth.images.img_element(lambda _: {}),
        )
        return DocumentConverterResult(markdown=read.value)


def _converted(raw: bytes, converter: DocumentConverter, suffix: str) -> str:
    # The suffix and the one converter decide, not a guess from the content.
    reader = MarkItDown(enable_builtins=False, enable_plugins=False)
    reader.register_converter(converter)
    try:
        found = reader.convert_stream(BytesIO(raw), stream_info=StreamInfo(extension=suffix))
    except MarkItDownException as error:
        raise ValueError("it is damaged") from error
    return str(found.markdown).replace("\0", "")


def _escaped(markup: re.Match[str]) -> str:
    return "" if markup[0].isspace() else f"\\{markup[0]}"
