"""Readers: one module per file format, from bytes to text to blocks.

To add a format, for example Textile, write three things: a module `readers/textile.py` with a
function from a page's text to its blocks, a line in `READERS`, and a test in `tests/readers/`.
The list of a guide's files and the check of its links use `SUFFIXES`. A format that a library
reads is read in a process of its own, with limits: see `decode_rst` and `sandbox.py`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from assistant.readers.decode import (
    decode_asciidoc,
    decode_erb,
    decode_export,
    decode_html,
    decode_notebook,
    decode_office,
    decode_org,
    decode_package,
    decode_rst,
    decode_text,
    decode_wikitext,
)
from assistant.readers.html import parse_html_page
from assistant.readers.markdown import parse_markdown, parse_mdx
from assistant.readers.plain_text import parse_plain_text
from assistant.readers.tables import parse_delimited

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from assistant.models.documents import Block
    from assistant.readers.decode import Source


@dataclass(frozen=True, slots=True)
class Reader:
    """The functions that read files of one suffix.

    `decode` turns a file's path and bytes into text; it raises GuideError where it cannot.
    `parse` turns that text into blocks whose lines are those of the text.
    `is_markdown`: pages may begin with front matter, and are MDX on a Docusaurus site.
    """

    decode: Callable[[str, bytes], Source]
    parse: Callable[[str], list[Block]]
    is_markdown: bool = False
    # A page takes up to 2.5 s and 80 MB of memory per MB, if it is one HTML table. The largest
    # manuals that are one page of HTML have 15 MB.
    max_megabytes: int = 20


_MARKDOWN = Reader(decode_text, parse_markdown, is_markdown=True)
_HTML = Reader(decode_html, parse_html_page)
_MAX_NOTEBOOK_MEGABYTES = 50  # mostly pictures, which are not decoded
_MAX_OFFICE_MEGABYTES = 200  # mostly pictures
_MAX_EXPORT_MEGABYTES = 100  # the limit on XML
_ASCIIDOC = Reader(decode_asciidoc, parse_html_page)
_WIKITEXT = Reader(decode_wikitext, parse_html_page)
_DELIMITED = Reader(decode_text, parse_delimited)
_PACKAGE = Reader(decode_package, parse_html_page, max_megabytes=_MAX_OFFICE_MEGABYTES)

_EXPORT = Reader(decode_export, parse_html_page, max_megabytes=_MAX_EXPORT_MEGABYTES)

READERS: Mapping[str, Reader] = {
    ".md": _MARKDOWN,
    ".markdown": _MARKDOWN,
    ".mdown": _MARKDOWN,
    ".mdx": Reader(decode_text, parse_mdx, is_markdown=True),
    ".mkd": _MARKDOWN,
    ".md.erb": Reader(decode_erb, parse_markdown, is_markdown=True),
    ".html": _HTML,
    ".htm": _HTML,
    ".xhtml": _HTML,
    ".ipynb": Reader(
        decode_notebook, parse_markdown, is_markdown=True, max_megabytes=_MAX_NOTEBOOK_MEGABYTES
    ),
    ".rst": Reader(decode_rst, parse_html_page),
    ".adoc": _ASCIIDOC,
    ".asciidoc": _ASCIIDOC,
    ".asc": _ASCIIDOC,
    ".org": Reader(decode_org, parse_html_page),
    ".wiki": _WIKITEXT,
    ".mediawiki": _WIKITEXT,
    ".wikitext": _WIKITEXT,
    ".txt": Reader(decode_text, parse_plain_text),
    ".csv": _DELIMITED,
    ".tsv": _DELIMITED,
    ".xlsx": _PACKAGE,
    ".pptx": _PACKAGE,
    ".epub": _PACKAGE,
    ".ods": _PACKAGE,
    ".odt": _PACKAGE,
    ".docx": Reader(decode_office, parse_html_page, max_megabytes=_MAX_OFFICE_MEGABYTES),
    ".pdf": Reader(
        decode_office, parse_markdown, is_markdown=True, max_megabytes=_MAX_OFFICE_MEGABYTES
    ),
}
"""The reader of each file suffix, in lower case."""

SUFFIXES = tuple(READERS)


EXPORT_SUFFIX = ".xml"
"""The suffix of exports of wikis. Most other files with it are no pages: see `is_export`."""

_DOUBLE_SUFFIXES = tuple(suffix for suffix in SUFFIXES if suffix.count(".") > 1)
_FILLED_IN = re.compile(r"(?:\.html)?\.(?:md|markdown)(?:\.erb)?\Z|\.[^./]+\Z", re.I)


# Files that projects write for their readers, without a suffix and in capitals. A licence is none:
# its long sentences would answer many questions, and wrongly.
_PLAIN_NAMES = frozenset(
    """
    CHANGELOG CHANGES CONTRIBUTING FAQ HACKING HISTORY INSTALL NEWS SECURITY SUPPORT UPGRADING
    """.split()
)


def is_page(path: str) -> bool:
    """Check whether a file is a page by its suffix; a README without one is a page too.

    So are files that stand beside it, such as CHANGELOG. They are read as Markdown.
    """
    name = path.rpartition("/")[2]
    is_plain = name in _PLAIN_NAMES or name.lower() == "readme"
    return is_plain or path.lower().endswith(SUFFIXES)


def reader_for(path: str) -> Reader:
    """Return the reader of a file by its suffix; that of Markdown where the suffix is unknown."""
    name = path.lower()
    if name.endswith(EXPORT_SUFFIX):
        return _EXPORT
    double = next((suffix for suffix in _DOUBLE_SUFFIXES if name.endswith(suffix)), "")
    return READERS.get(double or PurePosixPath(name).suffix, _MARKDOWN)


def strip_suffix(path: str) -> str:
    """Return a path without its suffix, also one of several parts like `.html.md.erb`."""
    return _FILLED_IN.sub("", path, count=1)
