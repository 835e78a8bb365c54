"""The tags and text of an HTML page as lxml reports them, and what of it is shown; pure.

Knows which elements stand in a line, which apart, and which are never seen. No tree is built,
so nothing is lost below a depth limit. Must not know what a block is.
"""

from __future__ import annotations

import re
from io import StringIO
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# What the browser shows in the line it stands in; any other element stands apart from its
# neighbours, and a word never runs on from one into the next.
INLINE_TAGS = frozenset(
    """
    a abbr acronym b bdi bdo big cite code data del dfn em font i img ins kbd label mark nobr q rb
    rt rtc ruby s samp small span strike strong sub sup time tt u var wbr
    """.split()
)
BLOCK_TAGS = frozenset(
    """
    address article aside blockquote body caption center dd details dialog dir div dl dt fieldset
    figcaption figure footer form frameset h1 h2 h3 h4 h5 h6 header hgroup hr html legend li listing
    main menu nav ol p plaintext pre search section summary table tbody td tfoot th thead tr ul xmp
    """.split()
)
# Never shown, or shown only where something else is not supported.
HIDDEN_TAGS = frozenset(
    """
    annotation annotation-xml audio canvas datalist desc iframe metadata noembed noframes noscript
    rp script style template title video
    """.split()
)
_DISPLAY_NONE = re.compile(r"display\s*:\s*none", re.I)

# An end tag without its start looks through all open elements. Browsers stop nesting at 512;
# here a page nested deeper than any written by hand is closed and read on.
_MAX_DEPTH = 400
_MAX_CHUNK_CHARS = 1024


def parse_tags(target: ParserTarget, source: str, *, in_body: bool = True) -> None:
    """Report a source's tags and text to a target, line by line so that it knows where it is.

    `in_body` reads a page's head as a part of its body: what is in it is not shown there either.
    """
    from lxml.etree import HTMLParser

    def begun() -> Any:
        parser = HTMLParser(target=target, huge_tree=True, no_network=True)
        # A body that is open has no implied beginning, which would be reported lines late.
        parser.feed("<body>" if in_body else "")
        return parser

    parser = begun()
    for line in StringIO(source, newline="\n"):
        for piece in (line,) if len(line) <= _MAX_CHUNK_CHARS else _split_long_line(line):
            before = target.tag_count
            parser.feed(piece)
            # Not within a comment or a script: there no tag is reported.
            if target.depth > _MAX_DEPTH and target.tag_count > before:
                parser.close()
                parser = begun()
            if target.done:
                return
        target.fed_lines += line.endswith("\n")
    parser.close()


def _split_long_line(line: str) -> Iterator[str]:
    """A long line in pieces that end with a tag where there is one."""
    start = 0
    while start < len(line):
        end = line.rfind(">", start, start + _MAX_CHUNK_CHARS) + 1 or start + _MAX_CHUNK_CHARS
        yield line[start:end]
        start = end


class ParserTarget:
    """What the parser reports to; keeps how deep and in which line it is, and what is hidden."""

    def __init__(self) -> None:
        self.fed_lines = 1  # the line that was given to the parser
        self.line = 1  # the line it has come to
        self.depth = 0
        self.tag_count = 0
        self.done = False
        self._hidden_depth = 0  # the depth of the outermost element that is not shown

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        """The parser met a tag that opens an element."""
        self.line = self.fed_lines
        self.depth += 1
        self.tag_count += 1
        if self._hidden_depth:
            if tag == "source":
                self.handle_hidden(tag, attributes)
        elif tag in HIDDEN_TAGS or (attributes and _is_hidden(attributes)):
            self._hidden_depth = self.depth
            self.handle_hidden(tag, attributes)
        else:
            self.handle_start(tag, attributes)

    def end(self, tag: str) -> None:
        """The parser met the end of an element, written or implied."""
        self.line = self.fed_lines
        self.tag_count += 1
        if not self._hidden_depth:
            self.handle_end(tag)
        elif self._hidden_depth == self.depth:
            self._hidden_depth = 0
        self.depth -= 1

    def data(self, data: str) -> None:
        """The parser met text."""
        # Text is reported when what follows it is known, which may be lines later.
        breaks = data.count("\n")
        if breaks:
            self.line = min(self.line + breaks, self.fed_lines)
        if not self._hidden_depth:
            self.handle_text(data, self.line - breaks)

    def comment(self, _: str) -> None:
        """The parser met a comment."""
        self.line = self.fed_lines

    def close(self) -> None:
        """Nothing is left to do at the end of the input."""

    def handle_start(self, tag: str, attributes: Mapping[str, str]) -> None:
        """An element begins that is shown."""

    def handle_end(self, tag: str) -> None:
        """An element ends that is shown."""

    def handle_hidden(self, tag: str, attributes: Mapping[str, str]) -> None:
        """An element begins whose text is not shown."""

    def handle_text(self, data: str, line: int) -> None:
        """Text stands here, its first character in this line."""


def _is_hidden(attributes: Mapping[str, str]) -> bool:
    return (
        "hidden" in attributes
        or attributes.get("aria-hidden", "").strip().lower() == "true"
        or ("style" in attributes and bool(_DISPLAY_NONE.search(attributes["style"])))
    )
