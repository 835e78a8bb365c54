"""Render the blocks of an answer as HTML: paragraphs, lists, tables and code, with their links.

The output is on one line, so that it can stand in a paragraph of Markdown.
"""

from __future__ import annotations

import html
import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from assistant.render import urls
from assistant.render.escape import escape, render_link

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from assistant.models.answers import Block, BlockRow, Cell, Span
    from assistant.render.catalogue import Messages

_MAX_LEVEL = 3  # of an item; deeper ones are shown at this depth


@dataclass(frozen=True, slots=True)
class BlockRenderer:
    """Renders blocks with links to their sources.

    `source_urls` are the addresses of the citations by number. `root` is the path that this server
    is published under.
    """

    messages: Messages
    source_urls: Mapping[int, str]
    root: str = ""

    def render(self, blocks: Sequence[Block]) -> str:
        """Render blocks as quotes, one for each run of blocks with the same sources."""
        quotes = []
        for numbers, group in itertools.groupby(blocks, key=lambda block: block.citations):
            parts = [part for block in group for part in self._render_block(block)]
            marks = " ".join(map(self._render_number, numbers))
            quotes.append(f'<blockquote dir="auto">{_append_inside(parts, marks)}</blockquote>')
        return "".join(quotes)

    def _render_number(self, number: int) -> str:
        title = escape(self.messages("source", n=number))
        return (
            f'<a class="number" href="{escape(self.source_urls[number])}" title="{title}" '
            f'target="_blank" rel="noopener noreferrer">[{number}]</a>'
        )

    def _render_block(self, block: Block) -> Iterator[str]:
        match block.kind:
            case "heading":
                yield f'<p class="quoted-heading">{self._render_rows(block)}</p>'
            case "code":
                text = "".join(span.text for row in block.rows for c in row.cells for span in c)
                yield f"<pre><code>{html.escape(text).replace(chr(10), '&#10;')}</code></pre>"
            case "list":
                yield from map(self._render_item, block.rows)
                yield from self._render_shown("items_shown", block)
            case "table":
                yield self._render_table(block)
                yield from self._render_shown("rows_shown", block)
            case _:
                yield f"<p>{self._render_rows(block)}</p>"

    def _render_rows(self, block: Block) -> str:
        return " ".join(self._render_cell(cell) for row in block.rows for cell in row.cells)

    def _render_item(self, row: BlockRow) -> str:
        marker = "•" if row.marker == "-" else escape(row.marker)
        lead = f'<span class="marker">{marker}</span> ' if marker else ""
        content = " ".join(map(self._render_cell, row.cells))
        return f'<p class="item item-{min(_MAX_LEVEL, row.level)}">{lead}{content}</p>'

    def _render_table(self, block: Block) -> str:
        head = self._render_row("th", block.header) if block.header else ""
        rows = "".join(self._render_row("td", row.cells) for row in block.rows)
        body = f"<tbody>{rows}</tbody>" if rows else ""
        return f"<table>{f'<thead>{head}</thead>' if head else ''}{body}</table>"

    def _render_row(self, tag: str, cells: Iterable[Cell]) -> str:
        content = "".join(f'<{tag} dir="auto">{self._render_cell(cell)}</{tag}>' for cell in cells)
        return f"<tr>{content}</tr>"

    def _render_shown(self, key: str, block: Block) -> Iterator[str]:
        """Say how many entries are shown, where some are left out."""
        shown = block.shown
        if shown < block.total:
            note = self.messages(key, shown=shown, total=block.total)
            yield f'<p class="shown">{escape(note)}</p>'

    def _render_cell(self, cell: Cell) -> str:
        return "".join(map(self._render_span, cell))

    def _render_span(self, span: Span) -> str:
        text = escape(span.text)
        content = f"<mark>{text}</mark>" if span.highlight else text
        return render_link(urls.link_url(span.url, self.root), content) if span.url else content


def _append_inside(parts: Sequence[str], marks: str) -> str:
    """Join the parts of a quote, with its numbers at the end of the last paragraph."""
    joined = "".join(parts)
    if joined.endswith("</p>"):
        return f"{joined.removesuffix('</p>')} {marks}</p>"
    return f'{joined}<p class="numbers">{marks}</p>'
