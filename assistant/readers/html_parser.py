"""Parse HTML to events, by lxml, and skip hidden elements.

No tree is built, so nothing is lost below a depth limit.
"""

from __future__ import annotations

import re
from io import StringIO
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# Elements that a browser shows within a line. Any other element separates the words before, inside
# and after it.
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
# Elements that are never shown, or only where something else is not supported.
HIDDEN_TAGS = frozenset(
    """
    annotation annotation-xml audio canvas datalist desc iframe metadata noembed noframes noscript
    rp script style template title video
    """.split()
)
_DISPLAY_NONE = re.compile(r"display\s*:\s*none", re.I)

# For an unmatched end tag the parser searches all open elements. Browsers stop nesting at 512. Here
# all elements are closed on a page that nests deeper than any written by hand, and parsing goes on.
_MAX_DEPTH = 400
_MAX_CHUNK_CHARS = 1024


def parse_tags(target: ParserTarget, source: str, *, in_body: bool = True) -> None:
    """Report a source's tags and text to a target, line by line, so that it knows the line.

    With `in_body`, a page's head is parsed as part of its body, where it is hidden as well.
    """
    from lxml.etree import HTMLParser

    def new_parser() -> Any:
        parser = HTMLParser(target=target, huge_tree=True, no_network=True)
        # Open the body: lxml reports an implied start some lines too late.
        parser.feed("<body>" if in_body else "")
        return parser

    parser = new_parser()
    for line in StringIO(source, newline="\n"):
        for piece in (line,) if len(line) <= _MAX_CHUNK_CHARS else _split_long_line(line):
            before = target.tag_count
            parser.feed(piece)
            # Only after a tag, so that it is not inside a comment or a script.
            if target.depth > _MAX_DEPTH and target.tag_count > before:
                parser.close()
                parser = new_parser()
            if target.done:
                return
        target.fed_line += line.endswith("\n")
    parser.close()


def _split_long_line(line: str) -> Iterator[str]:
    """Split a long line into chunks that end with a tag where there is one."""
    start = 0
    while start < len(line):
        end = line.rfind(">", start, start + _MAX_CHUNK_CHARS) + 1 or start + _MAX_CHUNK_CHARS
        yield line[start:end]
        start = end


class ParserTarget:
    """Receives the parser's events; tracks the line, the depth and hidden elements.

    lxml calls `start`, `end`, `data`, `comment` and `close`. Subclasses override the `handle_`
    methods.
    """

    def __init__(self) -> None:
        self.fed_line = 1  # the line that the parser was fed
        self.line = 1  # the line of the current event
        self.depth = 0
        self.tag_count = 0
        self.done = False
        self.hidden_names: frozenset[str] = frozenset()  # ids and classes of what is not content
        self._hidden_depth = 0  # the depth of the outermost hidden element

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        """Handle the start of an element."""
        self.line = self.fed_line
        self.depth += 1
        self.tag_count += 1
        if self._hidden_depth:
            if tag == "source":
                self.handle_hidden(tag, attributes)
        elif tag in HIDDEN_TAGS or (attributes and self._is_hidden(attributes)):
            self._hidden_depth = self.depth
            self.handle_hidden(tag, attributes)
        else:
            self.handle_start(tag, attributes)

    def _is_hidden(self, attributes: Mapping[str, str]) -> bool:
        if self.hidden_names:
            names = {attributes.get("id", ""), *attributes.get("class", "").split()}
            if not self.hidden_names.isdisjoint(names):
                return True
        return _is_hidden(attributes)

    def end(self, tag: str) -> None:
        """Handle the end of an element, explicit or implied."""
        self.line = self.fed_line
        self.tag_count += 1
        if not self._hidden_depth:
            self.handle_end(tag)
        elif self._hidden_depth == self.depth:
            self._hidden_depth = 0
        self.depth -= 1

    def data(self, data: str) -> None:
        """Handle text."""
        # lxml reports text once it knows what follows, which may be some lines later.
        breaks = data.count("\n")
        if breaks:
            self.line = min(self.line + breaks, self.fed_line)
        if not self._hidden_depth and not self.done:
            self.handle_text(data, self.line - breaks)

    def comment(self, _: str) -> None:
        """Handle a comment."""
        self.line = self.fed_line

    def close(self) -> None:
        """Handle the end of the input."""

    def handle_start(self, tag: str, attributes: Mapping[str, str]) -> None:
        """Handle the start of a visible element."""

    def handle_end(self, tag: str) -> None:
        """Handle the end of a visible element."""

    def handle_hidden(self, tag: str, attributes: Mapping[str, str]) -> None:
        """Handle the start of an element whose text is hidden."""

    def handle_text(self, data: str, line: int) -> None:
        """Handle visible text whose first character is on this line."""


def _is_hidden(attributes: Mapping[str, str]) -> bool:
    return (
        "hidden" in attributes
        or attributes.get("aria-hidden", "").strip().lower() == "true"
        or attributes.get("class", "").strip() == "hidden"
        or ("style" in attributes and bool(_DISPLAY_NONE.search(attributes["style"])))
    )
