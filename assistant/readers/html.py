"""Parse HTML to the blocks of the rendered page."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from html import unescape
from typing import TYPE_CHECKING

from assistant.models.documents import Block, Link
from assistant.readers.html_parser import (
    BLOCK_TAGS,
    HIDDEN_TAGS,
    INLINE_TAGS,
    ParserTarget,
    parse_tags,
)
from assistant.readers.html_tables import TableBuilder
from assistant.readers.inline import (
    MARKUP_TAGS,
    PieceMarkup,
    collapse_pieces,
    collapse_whitespace,
)
from assistant.readers.wiki_exports import detect_tool, unwrap_address
from assistant.text.normalize import strip_invisible

if TYPE_CHECKING:
    from collections.abc import Mapping

    from assistant.models.documents import BlockKind, Markup
    from assistant.readers.wiki_exports import WikiTool

_VERBATIM_TAGS = frozenset({"listing", "plaintext", "pre", "xmp"})
_LIST_TAGS = frozenset({"dir", "menu", "ol", "ul"})
_HEADING_LEVELS = {f"h{level}": level for level in range(1, 7)}
_REGIONS = {
    "article": "article",
    "aside": "aside",
    "banner": "header",
    "complementary": "aside",
    "contentinfo": "footer",
    "footer": "footer",
    "header": "header",
    "main": "main",
    "nav": "nav",
    "navigation": "nav",
    "search": "nav",
    "section": "section",
}
"""The region of a page that an element or a role begins."""

# The id of one of these is an anchor of the next heading, if no word is between them.
_ANCHOR_TAGS = frozenset({"a", "article", "div", "main", "p", "section", "span"})
# Classes of an element that shows an example: a heading in it is none of the page.
_DEMO_CLASSES = frozenset({"demo", "example", "playground", "preview"})
_TRANSPARENT_TAGS = INLINE_TAGS | {"br", "p"}

_NUMBER = re.compile(r"\s*(-?\d{1,9})")


def parse_html(source: str, *, first_line: int = 1) -> list[Block]:
    """Return every block of a piece of HTML in order, with headings, white space collapsed.

    Unbalanced tags lose no words. An image's alternative text is in `icons`. A frame or video with
    no words beside it is a block that has a link and no text. `first_line` is the line of the file
    on which the source begins.
    """
    return [block for block, _ in _parse_with_regions(source, first_line)]


def parse_html_page(source: str) -> list[Block]:
    """Return the blocks of a page's content, without what surrounds it.

    The content is in `<main>` or `role="main"`; without one, in the page's only `<article>`;
    otherwise in the body. Navigation is left out, and from a body also its header, footer and
    asides, except a header that contains the only main heading. If no words would be left, all
    blocks are returned.
    """
    tool = detect_tool(source)
    regional = _parse_with_regions(source, 1, tool)
    articles = {region.article for _, region in regional if region.article}
    if any(region.main for _, region in regional):
        content = [block for block, region in regional if region.main and region.landmark != "nav"]
    elif len(articles) == 1:
        content = [
            block for block, region in regional if region.article and region.landmark != "nav"
        ]
    else:
        tops = {
            region.landmark
            for block, region in regional
            if block.kind == "heading" and block.level == 1
        }
        left_out = {"nav", "aside", "footer"} if tops == {"header"} else set(_REGIONS.values())
        content = [block for block, region in regional if region.landmark not in left_out]
    if not any(block.text for block in content):
        return [block for block, _ in regional]
    return content


def extract_text(source: str) -> str:
    """Return the words that a browser shows of a piece of HTML, white space collapsed."""
    if "<" not in source:
        return collapse_whitespace(unescape(source))
    words = _TextCollector()
    parse_tags(words, source)
    return collapse_whitespace("".join(words.pieces))


def extract_title(source: str) -> str:
    """Return the page's `<title>`; empty where it has none."""
    title = collapse_whitespace("".join(_parse_head(source).title))
    return detect_tool(source).page_title(title)


def extract_language(source: str) -> str:
    """Return the language of the page's `<html>` tag, in lower case; empty where it has none."""
    return _parse_head(source).language


def _parse_with_regions(
    source: str, first_line: int, tool: WikiTool | None = None
) -> list[tuple[Block, _Region]]:
    """Return the blocks of a source, each with the region it is in."""
    last = source.count("\n") + (not source.endswith("\n"))
    collector = _BlockCollector(first_line, max(1, last), tool or detect_tool(""))
    parse_tags(collector, source)
    collector.flush()
    return collector.regional_blocks


class _TextCollector(ParserTarget):
    """Collects visible words."""

    def __init__(self) -> None:
        super().__init__()
        self.pieces: list[str] = []

    def handle_start(self, tag: str, _: Mapping[str, str]) -> None:
        if tag not in INLINE_TAGS:
            self.pieces.append(" ")

    def handle_end(self, tag: str) -> None:
        if tag not in INLINE_TAGS:
            self.pieces.append(" ")

    def handle_text(self, data: str, _: int) -> None:
        self.pieces.append(data)


class _HeadCollector(ParserTarget):
    """Collects a page's title and language; stops where its body begins."""

    def __init__(self) -> None:
        super().__init__()
        self.title: list[str] = []
        self.language = ""
        self._in_title = False

    def handle_start(self, tag: str, attributes: Mapping[str, str]) -> None:
        if tag == "html" and not self.language:
            declared = attributes.get("lang") or attributes.get("xml:lang") or ""
            self.language = declared.strip().lower().replace("_", "-")
        self.done = self.done or tag == "body"

    def handle_hidden(self, tag: str, _: Mapping[str, str]) -> None:
        self._in_title = tag == "title" and not self.title and not self.done

    def data(self, data: str) -> None:
        if self._in_title:
            self.title.append(data)

    def end(self, tag: str) -> None:
        super().end(tag)
        self._in_title = False


def _parse_head(source: str) -> _HeadCollector:
    head = _HeadCollector()
    parse_tags(head, source, in_body=False)
    return head


@dataclass(frozen=True, slots=True)
class _Region:
    """The part of a page that a block is in: main or not, its article, and its landmark."""

    main: bool = False
    article: int = 0
    section: bool = False
    landmark: str = ""


@dataclass(slots=True)
class _Flow:
    """The containers open around a run of blocks; each table cell begins a flow of its own."""

    depth: int = 0
    blocks: list[Block] = field(default_factory=list)
    lists: list[tuple[int | None, int]] = field(default_factory=list)  # next number, group
    tables: list[TableBuilder] = field(default_factory=list)
    loose_item_depth: int = 0  # the depth of an item outside any list
    marker: str = ""
    quote_depth: int = 0


class _BlockCollector(ParserTarget):
    """Collects the blocks, each with the region it is in."""

    def __init__(self, first_line: int, last_line: int, tool: WikiTool) -> None:
        super().__init__()
        self._tool = tool
        self.hidden_names = tool.hidden
        self.regional_blocks: list[tuple[Block, _Region]] = []
        self._line_offset = first_line - 1
        self._last_line = last_line
        self._flows = [_Flow()]
        self._flow = self._flows[0]
        self._regions = [(0, _Region())]  # the depth each begins at
        self._article_count = 0
        self._group_count = 0
        self._loose_group = 0  # the group of items outside any list
        self._demo_depth = 0
        self._heading_level = 0
        self._anchor = ""
        self._inherited_anchor = ""
        self._pending_anchor = ""  # an id with no word between it and here
        self._verbatim_depth = 0
        self._pieces: list[str] = []
        self._lines = (0, 0)
        self._link: tuple[str, int] | None = None  # its address, and the number of its first piece
        self._links: list[Link] = []
        self._open_markup: list[tuple[str, int]] = []  # its tag, and the number of its first piece
        self._markup: list[PieceMarkup] = []
        self._icons: list[str] = []
        self._has_embed = False

    # -- parser events --------------------------------------------------------------------------

    def handle_start(self, tag: str, attributes: Mapping[str, str]) -> None:
        if tag in INLINE_TAGS:
            if tag == "a":
                self._close_link()
                if "href" in attributes:
                    self._link = unwrap_address(attributes["href"].strip()), len(self._pieces)
            elif tag in MARKUP_TAGS:
                self._open_markup.append((tag, len(self._pieces)))
            elif tag == "img":
                self._icons.append(f"{attributes.get('src', '')} {attributes.get('alt', '')}")
        elif tag in BLOCK_TAGS:
            self.flush()
            self._open_block(tag, attributes)
            if self._tool.headings:
                self._open_styled_heading(attributes)
        else:
            self._pieces.append("\n" if tag == "br" and self._verbatim_depth else " ")
        region = _REGIONS.get(tag)
        if attributes:
            if "class" in attributes and not self._demo_depth:
                is_demo = not _DEMO_CLASSES.isdisjoint(attributes["class"].split())
                self._demo_depth = self.depth * is_demo
            self._remember_anchor(tag, attributes)
            region = _REGIONS.get(attributes.get("role", ""), region)
        if region:
            self._open_region(region)

    def handle_end(self, tag: str) -> None:
        if tag == "a":
            self._close_link()
        elif tag in MARKUP_TAGS:
            self._close_markup(tag)
        elif tag in BLOCK_TAGS:
            self.flush()
            self._close_block(tag)
        elif tag not in INLINE_TAGS and tag != "br":
            self._pieces.append(" ")
        if tag not in _TRANSPARENT_TAGS:
            self._pending_anchor = ""
        if self._demo_depth == self.depth:
            self.flush()
            self._demo_depth = 0
        if self._regions[-1][0] == self.depth:
            self.flush()
            self._regions.pop()

    def handle_hidden(self, tag: str, attributes: Mapping[str, str]) -> None:
        if tag in {"iframe", "video", "source"} and attributes.get("src"):
            title = attributes.get("title") or attributes.get("aria-label") or ""
            self._links.append(Link(collapse_whitespace(title), attributes["src"].strip()))
            self._has_embed = True
        elif attributes and tag not in HIDDEN_TAGS:
            self._remember_anchor(tag, attributes)
            address = attributes.get("href", "")
            if tag == "a" and address.startswith("#"):
                self._set_heading_anchor(address[1:])

    def handle_text(self, data: str, line: int) -> None:
        if data.isspace():
            if self._pieces:
                self._pieces.append(data if self._verbatim_depth else " ")
            return
        last = line
        if "\n" in data:
            line += data.count("\n", 0, len(data) - len(data.lstrip()))
            last += data.rstrip().count("\n")
        self._lines = self._lines[0] or line, last
        self._pieces.append(data)
        self._pending_anchor = ""

    # -- blocks ---------------------------------------------------------------------------------

    def _open_block(self, tag: str, attributes: Mapping[str, str]) -> None:
        flow = self._flow
        if tag in _HEADING_LEVELS:
            self._heading_level = 0 if self._demo_depth else _HEADING_LEVELS[tag]
            self._anchor = attributes.get("id", "").strip() if attributes else ""
            self._inherited_anchor = self._pending_anchor
        elif tag in _LIST_TAGS:
            self._open_list(_parse_number(attributes.get("start")) if tag == "ol" else None)
        elif tag == "li":
            self._open_item(attributes)
        elif tag in _VERBATIM_TAGS:
            self._verbatim_depth += 1
        elif tag == "blockquote":
            flow.quote_depth += 1
        elif tag == "hr":
            self._append_block(Block("break", "", self._clamp_lines(self.line, self.line)))
        else:
            self._open_table_part(tag, attributes)

    def _open_styled_heading(self, attributes: Mapping[str, str]) -> None:
        """Open a heading that is one by its class alone."""
        for name in attributes.get("class", "").split():
            self._heading_level = self._tool.headings.get(name, self._heading_level)

    def _close_block(self, tag: str) -> None:
        flow = self._flow
        if tag in _HEADING_LEVELS:
            self._heading_level = 0
        elif tag in _LIST_TAGS:
            if flow.lists:
                flow.lists.pop()
            flow.marker = ""
        elif tag == "li":
            flow.marker = ""
            if flow.loose_item_depth == self.depth:
                flow.loose_item_depth = 0
                flow.lists.clear()
        elif tag in _VERBATIM_TAGS:
            self._verbatim_depth -= 1
        elif tag == "blockquote":
            flow.quote_depth -= 1
        else:
            self._close_table_part(tag)

    def _open_list(self, number: int | None) -> None:
        lists = self._flow.lists
        if not lists:
            self._group_count += 1
        lists.append((number, lists[-1][1] if lists else self._group_count))

    def _open_item(self, attributes: Mapping[str, str]) -> None:
        flow = self._flow
        if not flow.lists:
            if not self._loose_group:
                self._group_count += 1
                self._loose_group = self._group_count
            flow.loose_item_depth = self.depth
            flow.lists.append((None, self._loose_group))
        number, group = flow.lists[-1]
        if number is not None:
            number = _parse_number(attributes.get("value"), number)
            flow.lists[-1] = number + 1, group
        flow.marker = "- " if number is None else f"{number}. "

    def _open_table_part(self, tag: str, attributes: Mapping[str, str]) -> None:
        """Open a part of a table; outside a table its tag begins an ordinary block."""
        tables = self._flow.tables
        if tag == "table" or (tag == "tr" and not tables):
            self._group_count += 1
            is_layout = attributes.get("role") in {"none", "presentation"}
            tables.append(TableBuilder(self._group_count, self.depth, is_layout))
        if not tables:
            return
        if tag == "thead":
            tables[-1].in_head = True
        elif tag == "tr":
            tables[-1].close_row()
        elif tag in {"td", "th"}:
            tables[-1].header_cells += tag == "th"
            self._flow = _Flow(self.depth)
            self._flows.append(self._flow)

    def _close_table_part(self, tag: str) -> None:
        if tag in {"td", "th"}:
            if self._flow.depth == self.depth:
                cell = self._flows.pop().blocks
                self._flow = self._flows[-1]
                self._flow.tables[-1].cells.append(cell)
            return
        tables = self._flow.tables
        if not tables or tag not in {"table", "thead", "tbody", "tfoot", "tr"}:
            return
        tables[-1].close_row()
        if tag == "thead":
            tables[-1].in_head = False
        if tables[-1].depth == self.depth:
            for block in tables.pop().build_blocks():
                self._append_block(block)

    def flush(self) -> None:
        """Append the text so far as a block, unless it has no word."""
        if not (self._pieces or self._links or self._icons):
            return
        if self._link:
            url, start = self._link
            self._link = url, -1  # the link goes on in the next block
            if words := collapse_whitespace("".join(self._pieces[max(0, start) :])):
                self._links.append(Link(words, url))
                self._markup.append(PieceMarkup(max(0, start), len(self._pieces), "link", url))
        first_pieces = {MARKUP_TAGS[tag]: first for tag, first in reversed(self._open_markup)}
        for kind, first in first_pieces.items():
            self._markup.append(PieceMarkup(first, len(self._pieces), kind))
        self._open_markup = [(tag, 0) for tag, _ in self._open_markup]  # goes on in the next block
        flow = self._flow
        verbatim = self._verbatim_depth and not self._heading_level
        markup: tuple[Markup, ...] = ()
        if verbatim:
            words = strip_invisible("".join(self._pieces)).strip("\n").rstrip()
        else:
            words, markup = collapse_pieces(self._pieces, self._markup)
        in_cell = len(self._flows) > 1 and (self._links or self._icons)
        if words or self._has_embed or in_cell:
            block_kind: BlockKind = "code" if verbatim else self._block_kind()
            self._append_block(self._make_block(words, block_kind, markup))
        if words:
            self._heading_level = 0
            flow.marker = ""
        self._pieces, self._links, self._icons, self._markup = [], [], [], []
        self._lines, self._has_embed = (0, 0), False

    def _block_kind(self) -> BlockKind:
        if self._heading_level:
            return "heading"
        return "item" if self._flow.lists else "quote" if self._flow.quote_depth else "prose"

    def _make_block(self, words: str, kind: BlockKind, markup: tuple[Markup, ...]) -> Block:
        if kind == "heading" and self._heading_level == 1 and not markup:
            words = self._tool.page_title(words)
        flow, links, icons = self._flow, tuple(self._links), tuple(self._icons)
        lines = self._clamp_lines(*(self._lines if words else (self.line, self.line)))
        if kind == "heading":
            anchor = self._anchor or self._inherited_anchor
            return Block(
                kind,
                words,
                lines,
                self._heading_level,
                anchor=anchor,
                links=links,
                markup=markup,
            )
        return Block(
            kind=kind,
            text=words,
            lines=lines,
            level=max(0, len(flow.lists) - 1),
            marker=flow.marker if words else "",
            group=flow.lists[-1][1] if flow.lists else 0,
            links=links,
            icons=icons,
            markup=markup,
        )

    def _clamp_lines(self, first: int, last: int) -> tuple[int, int]:
        first = min(first, self._last_line)
        return first + self._line_offset, max(first, min(last, self._last_line)) + self._line_offset

    def _append_block(self, block: Block) -> None:
        if block.kind != "item":
            self._loose_group = 0
        if len(self._flows) > 1:
            self._flow.blocks.append(block)
        else:
            self.regional_blocks.append((block, self._regions[-1][1]))

    # -- links, anchors and regions -------------------------------------------------------------

    def _close_link(self) -> None:
        if not self._link:
            return
        (url, start), self._link = self._link, None
        words = collapse_whitespace("".join(self._pieces[max(0, start) :]))
        if url.startswith("#cmnt"):  # the mark of a comment beside the text
            del self._pieces[max(0, start) :]
        elif url.startswith("#") and words and not any(letter.isalnum() for letter in words):
            # A mark beside a heading that only links to it.
            del self._pieces[max(0, start) :]
            self._set_heading_anchor(url[1:])
        elif words or start >= 0:
            self._links.append(Link(words, url))
            self._markup.append(PieceMarkup(max(0, start), len(self._pieces), "link", url))

    def _close_markup(self, tag: str) -> None:
        for n in range(len(self._open_markup) - 1, -1, -1):
            if self._open_markup[n][0] == tag:
                _, first = self._open_markup.pop(n)
                self._markup.append(PieceMarkup(first, len(self._pieces), MARKUP_TAGS[tag]))
                return

    def _remember_anchor(self, tag: str, attributes: Mapping[str, str]) -> None:
        anchor = attributes.get("id") or (attributes.get("name") if tag == "a" else "")
        if anchor and anchor.startswith("cmnt") and anchor[4:].isdigit():
            self.done = True  # the comments on a document follow it
        if not anchor or tag in _HEADING_LEVELS:
            return
        if tag in _ANCHOR_TAGS:
            self._pending_anchor = anchor.strip()
        self._set_heading_anchor(anchor.strip())

    def _set_heading_anchor(self, anchor: str) -> None:
        if self._heading_level:
            self._anchor = self._anchor or anchor

    def _open_region(self, kind: str) -> None:
        self.flush()
        here = self._regions[-1][1]
        if kind == "main":
            here = replace(here, main=True)
        elif kind == "article":
            self._article_count += not here.article
            here = replace(here, article=here.article or self._article_count, section=True)
        elif kind == "section":
            here = replace(here, section=True)
        elif kind == "nav":
            here = replace(here, landmark="nav")
        elif not (here.main or here.section or here.landmark):
            here = replace(here, landmark=kind)
        self._regions.append((self.depth, here))


def _parse_number(text: str | None, default: int = 1) -> int:
    match = _NUMBER.match(text or "")
    return int(match[1]) if match else default
