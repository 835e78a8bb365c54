"""HTML to the blocks a reader of the rendered page would see; pure.

Knows what headings, lists, tables, code, links and landmarks are in HTML. Must not know
Markdown, folders, sections or passages.
"""

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
from assistant.text.text import strip_invisible

if TYPE_CHECKING:
    from collections.abc import Mapping

    from assistant.models.documents import BlockKind

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
"""Elements and roles, and what each is a part of the page as."""

# An id on one of these, with no word between, is where a link to the next heading leads.
_ANCHOR_TAGS = frozenset({"a", "article", "div", "main", "p", "section", "span"})
_TRANSPARENT_TAGS = INLINE_TAGS | {"br", "p"}

_NUMBER = re.compile(r"\s*(-?\d{1,9})")


def parse_html(source: str, *, first_line: int = 1) -> list[Block]:
    """Every block of a piece of HTML in order, headings included, white space folded.

    Unclosed and unopened tags lose no words. An image's alternative text is in `icons`; a frame
    or a video with no words beside it is a block of no text with a link. `first_line` is the line
    of the file that the source begins on.
    """
    return [block for block, _ in _parse_with_regions(source, first_line)]


def parse_html_page(source: str) -> list[Block]:
    """The blocks of a whole page without what stands around its content.

    The content is what lies in `<main>` or `role="main"`; where there is none, in the page's one
    `<article>`; where there is none or more than one, in the body. Navigation is left out, and
    of the body its own header, footer and asides too, but a header that holds the only main
    heading stays. A page that would have no words left keeps them all.
    """
    walked = _parse_with_regions(source, 1)
    articles = {region.article for _, region in walked if region.article}
    if any(region.main for _, region in walked):
        kept = [block for block, region in walked if region.main and region.landmark != "nav"]
    elif len(articles) == 1:
        kept = [block for block, region in walked if region.article and region.landmark != "nav"]
    else:
        tops = {
            region.landmark
            for block, region in walked
            if block.kind == "heading" and block.level == 1
        }
        left_out = {"nav", "aside", "footer"} if tops == {"header"} else set(_REGIONS.values())
        kept = [block for block, region in walked if region.landmark not in left_out]
    if not any(block.text for block in kept):
        return [block for block, _ in walked]
    return kept


def extract_text(source: str) -> str:
    """The words a browser would show of a piece of HTML, white space folded."""
    if "<" not in source:
        return _collapse_whitespace(unescape(source))
    words = _TextCollector()
    parse_tags(words, source)
    return _collapse_whitespace("".join(words.pieces))


def extract_title(source: str) -> str:
    """What the page's `<title>` says; empty where it has none."""
    return _collapse_whitespace("".join(_parse_head(source).title))


def extract_language(source: str) -> str:
    """The language the page's first tag names, in lower case; empty where it names none."""
    return _parse_head(source).language


def _parse_with_regions(source: str, first_line: int) -> list[tuple[Block, _Region]]:
    last = source.count("\n") + (not source.endswith("\n"))
    walk = _BlockCollector(first_line, max(1, last))
    parse_tags(walk, source)
    walk.flush()
    return walk.regional_blocks


def _collapse_whitespace(words: str) -> str:
    folded = " ".join(words.split())
    if folded.isascii() and folded.isprintable():  # nothing invisible in it
        return folded
    return " ".join(strip_invisible(words).split())


class _TextCollector(ParserTarget):
    """Collects the words that are shown."""

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
    """Collects a page's title and language, and is done where its body begins."""

    def __init__(self) -> None:
        super().__init__()
        self.title: list[str] = []
        self.language = ""
        self._in_title = False

    def handle_start(self, tag: str, attributes: Mapping[str, str]) -> None:
        if tag == "html" and not self.language:
            named = attributes.get("lang") or attributes.get("xml:lang") or ""
            self.language = named.strip().lower().replace("_", "-")
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
    """Where in a page something stands: in its main part, in which article, in what around it."""

    main: bool = False
    article: int = 0
    section: bool = False
    landmark: str = ""


@dataclass(slots=True)
class _Flow:
    """What a run of blocks is in; each cell of a table begins one of its own."""

    depth: int = 0
    blocks: list[Block] = field(default_factory=list)
    lists: list[tuple[int | None, int]] = field(default_factory=list)  # next number, group
    tables: list[TableBuilder] = field(default_factory=list)
    loose_item_depth: int = 0  # the depth of an item that stands in no list
    marker: str = ""
    quote_depth: int = 0


class _BlockCollector(ParserTarget):
    """Collects the blocks, each with the region it stands in."""

    def __init__(self, first_line: int, last_line: int) -> None:
        super().__init__()
        self.regional_blocks: list[tuple[Block, _Region]] = []
        self._line_offset = first_line - 1
        self._last_line = last_line
        self._flows = [_Flow()]
        self._flow = self._flows[0]
        self._regions = [(0, _Region())]  # the depth each begins at
        self._article_count = 0
        self._group_count = 0
        self._loose_group = 0  # the group of items that stand in no list
        self._heading_level = 0
        self._anchor = ""
        self._inherited_anchor = ""
        self._pending_anchor = ""  # an id with no word between it and here
        self._verbatim_depth = 0
        self._pieces: list[str] = []
        self._lines = (0, 0)
        self._link: tuple[str, int] | None = None  # its address, and the piece it begins with
        self._links: list[Link] = []
        self._icons: list[str] = []
        self._has_embed = False

    # What the parser reports.

    def handle_start(self, tag: str, attributes: Mapping[str, str]) -> None:
        if tag in INLINE_TAGS:
            if tag == "a":
                self._close_link()
                if "href" in attributes:
                    self._link = attributes["href"].strip(), len(self._pieces)
            elif tag == "img":
                self._icons.append(f"{attributes.get('src', '')} {attributes.get('alt', '')}")
        elif tag in BLOCK_TAGS:
            self.flush()
            self._open_block(tag, attributes)
        else:
            self._pieces.append("\n" if tag == "br" and self._verbatim_depth else " ")
        region = _REGIONS.get(tag)
        if attributes:
            self._remember_anchor(tag, attributes)
            region = _REGIONS.get(attributes.get("role", ""), region)
        if region:
            self._open_region(region)

    def handle_end(self, tag: str) -> None:
        if tag == "a":
            self._close_link()
        elif tag in BLOCK_TAGS:
            self.flush()
            self._close_block(tag)
        elif tag not in INLINE_TAGS and tag != "br":
            self._pieces.append(" ")
        if tag not in _TRANSPARENT_TAGS:
            self._pending_anchor = ""
        if self._regions[-1][0] == self.depth:
            self.flush()
            self._regions.pop()

    def handle_hidden(self, tag: str, attributes: Mapping[str, str]) -> None:
        if tag in {"iframe", "video", "source"} and attributes.get("src"):
            named = attributes.get("title") or attributes.get("aria-label") or ""
            self._links.append(Link(_collapse_whitespace(named), attributes["src"].strip()))
            self._has_embed = True
        elif attributes and tag not in HIDDEN_TAGS:
            self._remember_anchor(tag, attributes)
            leads_to = attributes.get("href", "")
            if tag == "a" and leads_to.startswith("#"):
                self._set_heading_anchor(leads_to[1:])

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

    # Blocks.

    def _open_block(self, tag: str, attributes: Mapping[str, str]) -> None:
        flow = self._flow
        if tag in _HEADING_LEVELS:
            self._heading_level = _HEADING_LEVELS[tag]
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
        """A part of a table begins; one that stands in no table is a block like any other."""
        tables = self._flow.tables
        if tag == "table" or (tag == "tr" and not tables):
            self._group_count += 1
            laid_out = attributes.get("role") in {"none", "presentation"}
            tables.append(TableBuilder(self._group_count, self.depth, laid_out))
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
        """Make a block of the text so far; what holds no word is none."""
        if not (self._pieces or self._links or self._icons):
            return
        if self._link:
            url, start = self._link
            self._link = url, -1  # it goes on in the next block
            if words := _collapse_whitespace("".join(self._pieces[max(0, start) :])):
                self._links.append(Link(words, url))
        flow, written = self._flow, "".join(self._pieces)
        verbatim = self._verbatim_depth and not self._heading_level
        words = (
            strip_invisible(written).strip("\n").rstrip()
            if verbatim
            else _collapse_whitespace(written)
        )
        in_cell = len(self._flows) > 1 and (self._links or self._icons)
        if words or self._has_embed or in_cell:
            self._append_block(self._make_block(words, "code" if verbatim else self._block_kind()))
        if words:
            self._heading_level = 0
            flow.marker = ""
        self._pieces, self._links, self._icons = [], [], []
        self._lines, self._has_embed = (0, 0), False

    def _block_kind(self) -> BlockKind:
        if self._heading_level:
            return "heading"
        return "item" if self._flow.lists else "quote" if self._flow.quote_depth else "prose"

    def _make_block(self, words: str, kind: BlockKind) -> Block:
        flow, links, icons = self._flow, tuple(self._links), tuple(self._icons)
        lines = self._clamp_lines(*(self._lines if words else (self.line, self.line)))
        if kind == "heading":
            anchor = self._anchor or self._inherited_anchor
            return Block(kind, words, lines, self._heading_level, anchor=anchor, links=links)
        return Block(
            kind=kind,
            text=words,
            lines=lines,
            level=max(0, len(flow.lists) - 1),
            marker=flow.marker if words else "",
            group=flow.lists[-1][1] if flow.lists else 0,
            links=links,
            icons=icons,
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

    # Links, anchors and regions.

    def _close_link(self) -> None:
        if not self._link:
            return
        (url, start), self._link = self._link, None
        words = _collapse_whitespace("".join(self._pieces[max(0, start) :]))
        if url.startswith("#") and words and not any(letter.isalnum() for letter in words):
            # A sign beside a heading that only links to it.
            del self._pieces[max(0, start) :]
            self._set_heading_anchor(url[1:])
        elif words or start >= 0:
            self._links.append(Link(words, url))

    def _remember_anchor(self, tag: str, attributes: Mapping[str, str]) -> None:
        named = attributes.get("id") or (attributes.get("name") if tag == "a" else "")
        if not named or tag in _HEADING_LEVELS:
            return
        if tag in _ANCHOR_TAGS:
            self._pending_anchor = named.strip()
        self._set_heading_anchor(named.strip())

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


def _parse_number(written: str | None, default: int = 1) -> int:
    found = _NUMBER.match(written or "")
    return int(found[1]) if found else default
