"""Render the blocks of a page in any format except Markdown as harmless HTML, with their markup."""

from __future__ import annotations

import html
import re
from itertools import groupby, pairwise
from typing import TYPE_CHECKING

from assistant.readers.inline import CELL_BORDER
from assistant.text.normalize import strip_invisible

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from assistant.models.documents import Block, Markup

_TAGS = {"strong": "strong", "emphasis": "em", "code": "code"}
_SAFE_SCHEMES = frozenset({"http", "https", "mailto", "tel"})
_SCHEME = re.compile(r"([^/?#:]*):")
_INVISIBLE = re.compile(r"[\x00-\x20\x7f-\x9f\u200b-\u200f\u2028-\u202e\ufeff]")
_NUMBER = re.compile(r"\d{1,9}")


class HeadingIds:
    """The ids of headings by their lines; several headings may share a line of HTML."""

    def __init__(self, anchors: Iterable[tuple[int, str]]) -> None:
        self._waiting: dict[int, list[str]] = {}
        for line, anchor in anchors:
            self._waiting.setdefault(line, []).append(anchor)

    def take(self, line: int) -> str:
        """Return the next id of a line; empty where there is none."""
        waiting = self._waiting.get(line)
        return waiting.pop(0) if waiting else ""


def render_blocks(
    blocks: Iterable[Block],
    anchors: Iterable[tuple[int, str]],
    resolve: Callable[[str], str] | None = None,
) -> str:
    """Render blocks as HTML; the other arguments are those of `render_markdown`."""
    writer = _BlockWriter(anchors, resolve or (lambda address: address))
    for block in blocks:
        writer.add(block)
    return writer.finish()


def id_attribute(anchor: str) -> str:
    """Return the attribute of an id; empty without one."""
    return f' id="{html.escape(anchor)}"' if anchor else ""


def is_safe_link(address: str) -> bool:
    """Whether a link cannot run a script: it has no scheme, or one of a few."""
    plain = _INVISIBLE.sub("", address)  # browsers ignore these characters, too
    scheme = _SCHEME.match(plain)
    return not scheme or scheme[1].lower() in _SAFE_SCHEMES


class _BlockWriter:
    """Writes blocks one after the other; tracks the lists and the table that are open."""

    def __init__(self, anchors: Iterable[tuple[int, str]], resolve: Callable[[str], str]) -> None:
        self._ids = HeadingIds(anchors)
        self._resolve = resolve
        self._out: list[str] = []
        self._lists: list[tuple[int, str]] = []  # the level and the tag of each open list
        self._list_group = 0
        self._table = 0  # the group of the open table; 0 for none
        self._in_head = False

    def add(self, block: Block) -> None:
        """Write a block."""
        if block.kind == "item":
            self._close_table()
            self._add_item(block)
            return
        self._close_lists(-1)
        if block.kind in {"row", "header"}:
            self._add_row(block)
            return
        self._close_table()
        self._out.append(self._render_block(block))

    def finish(self) -> str:
        """Close what is open and return the HTML."""
        self._close_lists(-1)
        self._close_table()
        return "".join(self._out)

    def _render_block(self, block: Block) -> str:
        text = self._render_inline(block)
        match block.kind:
            case "heading" if block.level <= 6:
                named = id_attribute(self._ids.take(block.lines[0]))
                return f"<h{block.level}{named}>{text}</h{block.level}>\n"
            case "heading":
                return f"<p{id_attribute(self._ids.take(block.lines[0]))}>{text}</p>\n"
            case "code":
                return f"<pre><code>{html.escape(block.text)}</code></pre>\n"
            case "quote":
                return f"<blockquote><p>{text}</p></blockquote>\n"
            case "break":
                return "<hr>\n"
            case _:
                return f"<p>{text}</p>\n" if text else ""

    # -- lists ------------------------------------------------------------------------------------

    def _add_item(self, block: Block) -> None:
        text = self._render_inline(block)
        self._close_lists(block.level if block.group == self._list_group else -1)
        self._list_group = block.group
        is_open = bool(self._lists) and self._lists[-1][0] == block.level
        if is_open and not block.marker:  # one more paragraph of the item above
            self._out.append(f"<p>{text}</p>")
            return
        if is_open:
            self._out.append("</li>\n<li>")
        else:
            number = _NUMBER.match(block.marker)
            start = f' start="{int(number[0])}"' if number and int(number[0]) != 1 else ""
            tag = "ol" if number else "ul"
            self._lists.append((block.level, tag))
            self._out.append(f"<{tag}{start}>\n<li>")
        self._out.append(text)

    def _close_lists(self, level: int) -> None:
        """Close the lists that are deeper than a level."""
        while self._lists and self._lists[-1][0] > level:
            self._out.append(f"</li>\n</{self._lists.pop()[1]}>\n")

    # -- tables -----------------------------------------------------------------------------------

    def _add_row(self, block: Block) -> None:
        if not self._table or self._table != block.group + 1:
            self._close_table()
            self._table = block.group + 1
            self._out.append('<div class="scroll"><table>\n')
        is_head = block.kind == "header"
        if is_head != self._in_head:
            self._out.append("<thead>" if is_head else "</thead>\n")
            self._in_head = is_head
        tag = "th" if is_head else "td"
        cells = "".join(f"<{tag}>{cell}</{tag}>" for cell in self._render_cells(block))
        self._out.append(f"<tr>{cells}</tr>\n")

    def _close_table(self) -> None:
        if self._table:
            self._out.append(f"{'</thead>' if self._in_head else ''}</table></div>\n")
            self._table, self._in_head = 0, False

    def _render_cells(self, block: Block) -> Iterator[str]:
        places = [(mark.start, mark.end) for mark in block.markup if mark.kind == "cell"]
        if places:
            yield from (self._render_inline(block, start, end) for start, end in places)
        else:
            yield from map(html.escape, block.text.split(CELL_BORDER))

    # -- inline -----------------------------------------------------------------------------------

    def _render_inline(self, block: Block, start: int = 0, end: int | None = None) -> str:
        """Render a part of a block's text with its links and styles."""
        end = len(block.text) if end is None else end
        inside = [
            mark
            for mark in block.markup
            if mark.kind != "cell" and mark.start < end and mark.end > start
        ]
        if not inside:
            return html.escape(strip_invisible(block.text[start:end]))
        edges = {start, end, *(edge for mark in inside for edge in (mark.start, mark.end))}
        cuts = sorted(edge for edge in edges if start <= edge <= end)
        pieces = [
            (_link_of(around, self._resolve), _style(block.text[first:last], around))
            for first, last in pairwise(cuts)
            for around in [[mark for mark in inside if mark.start <= first and mark.end >= last]]
        ]
        return "".join(
            f'<a href="{html.escape(url)}">{content}</a>' if url else content
            for url, group in groupby(pieces, key=lambda piece: piece[0])
            for content in ["".join(text for _, text in group)]
        )


def _link_of(marks: Sequence[Markup], resolve: Callable[[str], str]) -> str:
    """Return the target of the innermost link around a text; empty without a harmless one."""
    addresses = [mark.url for mark in marks if mark.kind == "link"]
    target = resolve(addresses[-1]) if addresses else ""
    return target if target and is_safe_link(target) else ""


def _style(text: str, marks: Iterable[Markup]) -> str:
    kinds = {mark.kind for mark in marks}
    content = html.escape(strip_invisible(text))
    for kind in ("code", "emphasis", "strong"):
        if kind in kinds:
            content = f"<{_TAGS[kind]}>{content}</{_TAGS[kind]}>"
    return content
