"""Markdown text to blocks a reader would see, and to safe HTML; pure.

Knows CommonMark (through markdown-it-py), tables, and the marks that publishing tools leave
in a page. Neutralises those marks line for line, so that every block keeps its place in the
file. Must not know folders, front matter, sections or passages.
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from functools import lru_cache
from html.parser import HTMLParser
from typing import TYPE_CHECKING

from markdown_it import MarkdownIt
from mdit_py_plugins.deflist import deflist_plugin
from mdit_py_plugins.footnote import footnote_plugin

from assistant.model import Block, BlockKind, Link
from assistant.text import visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from markdown_it.renderer import RendererHTML
    from markdown_it.token import Token
    from markdown_it.utils import EnvType, OptionsDict

# A fence may open inside a list item or a quotation; it closes no deeper than it opened.
_OPENING = re.compile(r"^((?:[ \t>]|[-*+][ \t]|\d{1,9}[.)][ \t])*)(`{3,}(?=[^`]*$)|~{3,})")
_CLOSING = re.compile(r"^([ \t>]*)(`{3,}|~{3,})[ \t]*$")
_ATTRIBUTE_LINE = re.compile(r"^[ \t>]*\{:[^{}]*\}\s*$")
_CONTENTS = re.compile(r"^[ \t]*\{: ?toc\b")
_ITEM = re.compile(r"^[ \t]*(?:[-*+]|\d{1,9}[.)])[ \t].*$")
_KRAMDOWN = re.compile(r"\{::/?[^{}]*+\}|\{:/[a-z]*\}")
_SPAN_ATTRIBUTES = re.compile(r"^\{ ?[:.#][^{}]*\}")
_HEADING_ATTRIBUTES = re.compile(r"\{(?=[:.# ])[^{}]*\}\s*\Z")
_ATX = re.compile(r"^ {0,3}#{1,6}\s")
_ID = re.compile(r"#([^\s{}]+)")
_LIQUID = re.compile(r"^\s*\{%.*%\}\s*$")
_WRAPPER = re.compile(r"^\s*</?(?:div|section|article|aside|main|center|details)\b[^>]*>\s*$", re.I)
_RULE = re.compile(r"[-:=+| ]*")
_SLUG_DROP = re.compile(r"[^\w\- ]", re.UNICODE)


def slug(heading: str) -> str:
    """The anchor GitHub and Jekyll give a heading: lower case, punctuation gone, blanks hyphens."""
    return _SLUG_DROP.sub("", heading.strip().lower()).replace(" ", "-")


def neutralise(source: str) -> str:
    """Blank the lines that publishing tools act on and readers never see; none is added or removed.

    Lines of nothing but kramdown options or attributes, Liquid tags on lines of their own, and
    HTML wrappers around Markdown go; fenced code stays untouched.
    """
    lines = source.split("\n")
    fence: tuple[str, int] | None = None
    for number, line in enumerate(lines):
        if fence:
            closing = _CLOSING.match(line)
            if closing and closing[2].startswith(fence[0]) and _width(closing[1]) <= fence[1] + 3:
                fence = None
        elif opening := _OPENING.match(line):
            fence = opening[2], _width(opening[1])
        elif _LIQUID.match(line) or (_WRAPPER.match(line) and _wraps_markdown(lines, number)):
            lines[number] = ""
        elif "{:" in line:
            _neutralise_kramdown(lines, number)
    return "\n".join(lines)


def _neutralise_kramdown(lines: list[str], number: int) -> None:
    """Blank a line of attributes, with the item it makes a table of contents of.

    An id that it gives to the heading above is moved up to it.
    """
    line = lines[number]
    if not _KRAMDOWN.sub("", line).strip():
        lines[number] = ""
    elif _ATTRIBUTE_LINE.match(line):
        lines[number] = ""
        if _CONTENTS.match(line) and number:
            lines[number - 1] = _ITEM.sub("", lines[number - 1])
        named = _ID.search(line)
        if named and number and _ATX.match(lines[number - 1]):
            lines[number - 1] = f"{lines[number - 1].rstrip()} {{#{named[1]}}}"


def _width(prefix: str) -> int:
    return len(prefix.expandtabs(4))


def _wraps_markdown(lines: Sequence[str], number: int) -> bool:
    """Whether a wrapper's neighbour is Markdown rather than more HTML or an indented line."""
    inside = number - 1 if lines[number].lstrip().startswith("</") else number + 1
    neighbour = lines[inside] if 0 <= inside < len(lines) else ""
    return not neighbour.startswith(("    ", "\t")) and not neighbour.lstrip().startswith("<")


def blocks(source: str) -> list[Block]:
    """Every block of a page in order, headings included, markup removed."""
    # A footnote is parsed last but stands where it is written.
    return sorted(_Walk().over(_parsed(source)), key=lambda block: block.lines[0])


def _parsed(source: str) -> list[Token]:
    tokens = _parser().parse(neutralise(source))
    for position, token in enumerate(tokens):
        if token.type == "inline" and token.children and "{" in token.content:
            heading = tokens[position - 1] if tokens[position - 1].type == "heading_open" else None
            _drop_attributes(token.children, heading)
    return tokens


def _drop_attributes(children: Sequence[Token], heading: Token | None) -> None:
    """Take kramdown's and attr_list's marks out of the text; a heading keeps the id they give."""
    for before, child in zip((None, *children), children, strict=False):
        if child.type == "text" and "{" in child.content:
            child.content = _KRAMDOWN.sub("", child.content)
            if before is None or before.nesting < 0 or before.type in {"code_inline", "image"}:
                child.content = _SPAN_ATTRIBUTES.sub("", child.content)
    attributes = _HEADING_ATTRIBUTES.search(children[-1].content)
    if heading and attributes and children[-1].type == "text":
        children[-1].content = children[-1].content[: attributes.start()].rstrip()
        named = _ID.search(attributes[0])
        heading.meta["anchor"] = named[1] if named else ""


@lru_cache(maxsize=1)
def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    parser.use(deflist_plugin).use(footnote_plugin)
    parser.add_render_rule("html_block", _html_as_text)
    parser.add_render_rule("html_inline", _html_as_text)
    parser.add_render_rule("image", _image_as_text)
    return parser


class _Walk:
    """One pass over a parser's tokens; keeps which containers are open."""

    def __init__(self) -> None:
        self._lists: list[tuple[int | None, int]] = []  # next number (None: bullets), group
        self._groups = 0
        self._marker = ""
        self._quotes = 0
        self._heading: Token | None = None
        self._row: list[Inline] | None = None
        self._row_lines = (1, 1)
        self._in_head = False

    def over(self, tokens: Iterable[Token]) -> Iterator[Block]:
        for token in tokens:
            if token.type == "inline":
                yield from self._inline(token)
            elif token.type in {"fence", "code_block"}:
                yield self._block("code", Inline(token.content.rstrip("\n")), token)
            elif token.type == "html_block":
                yield self._block("prose", Inline(html_text(token.content)), token)
            elif token.type == "tr_close":
                yield from self._close_row()
            elif token.type == "hr":
                yield self._block("break", Inline(""), token)
            else:
                self._container(token)

    def _container(self, token: Token) -> None:
        match token.type:
            case "heading_open" | "heading_close":
                self._heading = token if token.nesting == 1 else None
            case "blockquote_open" | "blockquote_close":
                self._quotes = max(0, self._quotes + token.nesting)
            case "table_open":
                self._groups += 1
            case "thead_open" | "thead_close":
                self._in_head = token.nesting == 1
            case "tr_open":
                self._row = []
                self._row_lines = (token.map[0] + 1, token.map[1]) if token.map else (1, 1)
            case _:
                self._list(token)

    def _list(self, token: Token) -> None:
        match token.type:
            case "bullet_list_open":
                self._open_list(None)
            case "ordered_list_open":
                self._open_list(int(token.attrs.get("start", 1)))
            # A footnote defined inside itself closes lists it never opened.
            case "bullet_list_close" | "ordered_list_close" if self._lists:
                self._lists.pop()
                self._marker = ""
            case "list_item_open" if self._lists:
                number, group = self._lists[-1]
                self._marker = "- " if number is None else f"{number}. "
                self._lists[-1] = (None if number is None else number + 1, group)
            case _:
                pass

    def _open_list(self, number: int | None) -> None:
        if not self._lists:
            self._groups += 1
        self._lists.append((number, self._groups))

    def _inline(self, token: Token) -> Iterator[Block]:
        children = token.children or []
        if self._row is not None:
            self._row.append(inline(children))
            return
        if self._heading:
            yield self._heading_block(inline(children), self._heading)
            return
        lines = token.content.split("\n")
        if all(line.strip().startswith("|") and line.strip().endswith("|") for line in lines):
            yield from self._headerless_table(children, token)
            return
        content = inline(children)
        if content.text:
            kind: BlockKind = "item" if self._lists else "quote" if self._quotes else "prose"
            yield self._block(kind, content, token)

    def _heading_block(self, content: Inline, opening: Token) -> Block:
        first, last = opening.map or (0, 1)
        return Block(
            kind="heading",
            text=content.text,
            lines=(first + 1, last),
            level=int(opening.tag[1]),
            anchor=opening.meta.get("anchor", ""),
            links=content.links,
        )

    def _block(self, kind: BlockKind, content: Inline, token: Token) -> Block:
        first, last = token.map or (0, 1)
        marker, self._marker = self._marker, ""
        return Block(
            kind=kind,
            text=content.text,
            lines=(first + 1, max(first + 1, last)),  # a definition's term has no length
            level=max(0, len(self._lists) - 1),
            marker=marker,
            group=self._lists[-1][1] if self._lists else 0,
            links=content.links,
            icons=content.icons,
        )

    def _close_row(self) -> Iterator[Block]:
        cells, self._row = self._row or [], None
        yield from self._row_block(cells, "header" if self._in_head else "row", self._row_lines)

    def _headerless_table(self, children: Sequence[Token], token: Token) -> Iterator[Block]:
        """A kramdown table of rows alone, which CommonMark reads as a paragraph of bars."""
        self._groups += 1
        line = (token.map or (0, 1))[0] + 1
        row: list[list[Token]] = [[]]
        for child in children:
            if child.type in {"softbreak", "hardbreak"}:
                yield from self._row_block([inline(cell) for cell in row], "row", (line, line))
                row, line = [[]], line + 1
            elif child.type == "text" and child.level == 0 and "|" in child.content:
                for position, piece in enumerate(child.content.split("|")):
                    if position:
                        row.append([])
                    row[-1].append(child.copy(content=piece))
            else:
                row[-1].append(child)
        yield from self._row_block([inline(cell) for cell in row], "row", (line, line))

    def _row_block(
        self, cells: Sequence[Inline], kind: BlockKind, lines: tuple[int, int]
    ) -> Iterator[Block]:
        text = " | ".join(cell.text for cell in cells if cell.text)
        if not _RULE.fullmatch(text):
            yield Block(
                kind=kind,
                text=text,
                lines=lines,
                group=self._groups,
                links=tuple(link for cell in cells for link in cell.links),
                icons=tuple(icon for cell in cells for icon in cell.icons),
            )


@dataclass(frozen=True, slots=True)
class Inline:
    """The plain text of a run of inline markup, and the links and images in it."""

    text: str
    links: tuple[Link, ...] = ()
    icons: tuple[str, ...] = ()


def inline(children: Iterable[Token]) -> Inline:
    """Reduce inline tokens to what a reader reads, white space folded."""
    pieces: list[str] = []
    links: list[Link] = []
    icons: list[str] = []
    opened: list[tuple[str, int]] = []
    for child in children:
        match child.type:
            case "text" | "code_inline":
                pieces.append(child.content)
            case "softbreak" | "hardbreak":
                pieces.append(" ")
            case "link_open":
                opened.append((str(child.attrs.get("href", "")), len(pieces)))
            case "link_close" if opened:
                url, start = opened.pop()
                links.append(Link(_fold("".join(pieces[start:])), url))
            case "image":
                icons.append(str(child.attrs.get("src", "")) + " " + child.content)
            case "html_inline" if child.content.lower().startswith("<br"):
                pieces.append(" ")
            case _:
                pass
    return Inline(_fold("".join(pieces)), tuple(links), tuple(icons))


def _fold(text: str) -> str:
    return " ".join(visible(text).split())


class _Text(HTMLParser):
    """Collects the text of HTML and leaves scripts and styles out."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.pieces: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, _: list[tuple[str, str | None]]) -> None:
        self._hidden += tag in {"script", "style"}
        self.pieces.append(" ")

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= self._hidden > 0 and tag in {"script", "style"}
        self.pieces.append(" ")

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.pieces.append(data)


def html_text(source: str) -> str:
    """The words a browser would show of a piece of HTML."""
    collector = _Text()
    collector.feed(source)
    collector.close()
    return _fold("".join(collector.pieces))


def render(source: str, anchors: Sequence[str]) -> str:
    """A page as HTML with no markup of its author's: raw HTML becomes its text.

    `anchors` are the ids of the headings in order. Links that could run script are left as
    text by the parser; images of other hosts are named, never fetched.
    """
    tokens = _parsed(source)
    waiting = iter(anchors)
    for token in tokens:
        if token.type == "heading_open":
            token.attrSet("id", next(waiting, ""))
    parser = _parser()
    return str(parser.renderer.render(tokens, parser.options, {}))


def _html_as_text(
    _: RendererHTML, tokens: Sequence[Token], position: int, __: OptionsDict, ___: EnvType
) -> str:
    token = tokens[position]
    if token.type == "html_inline":
        return "<br>" if token.content.lower().startswith("<br") else ""
    text = html_text(token.content)
    return f"<p>{html.escape(text)}</p>\n" if text else ""


def _image_as_text(
    _: RendererHTML, tokens: Sequence[Token], position: int, __: OptionsDict, ___: EnvType
) -> str:
    token = tokens[position]
    name = str(token.attrs.get("title", "")) or token.content
    return f'<span class="image">{html.escape(name)}</span>' if name else ""
