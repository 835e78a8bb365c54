"""Render the blocks of an answer as HTML: paragraphs, lists, tables and code, with their links.

The output is on one line, so that it can stand in a paragraph of Markdown.
"""

from __future__ import annotations

import html
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from assistant.models.spans import group_links, wrap_styles
from assistant.render import urls
from assistant.render.escape import escape, render_link

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from assistant.models.answers import Block, BlockRow, Cell, Span
    from assistant.render.catalogue import Messages

_BRACKETS = '<span class="unseen">[</span>{}<span class="unseen">]</span>'
"""A number as a chip; the brackets are there for those who copy it or hear it read."""

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

    def render(self, groups: Iterable[Sequence[tuple[Block, Sequence[int]]]]) -> str:
        """Render blocks, each with the numbers of the sources that end with it.

        Each group, of blocks that share sources, is a quote.
        """
        quotes = (
            "".join(part for block, ended in group for part in self._render_block(block, ended))
            for group in groups
        )
        return "".join(f'<blockquote dir="auto">{quote}</blockquote>' for quote in quotes)

    def _render_numbers(self, numbers: Iterable[int]) -> str:
        return "".join(f" {self._render_number(number)}" for number in numbers)

    def _render_number(self, number: int) -> str:
        title = escape(self.messages("source", n=number))
        return (
            f'<a class="number" href="{escape(self.source_urls[number])}" title="{title}" '
            f'target="_blank" rel="noopener noreferrer">{_BRACKETS.format(number)}</a>'
        )

    def _render_block(self, block: Block, ended: Sequence[int]) -> Iterator[str]:
        numbers = self._render_numbers(ended)
        below = f'<p class="numbers">{numbers.strip()}</p>' if numbers else ""
        match block.kind:
            case "heading":
                yield f'<p class="quoted-heading">{self._render_rows(block)}{numbers}</p>'
            case "code":
                yield from (_render_code(row.text) for row in block.rows)
                yield below
            case "list":
                for row, own in block.numbered_rows(ended):
                    yield self._render_item(row, self._render_numbers(own))
                yield from self._render_shown("items_shown", block)
            case "table":
                yield self._render_table(block)
                note = "".join(self._render_shown("rows_shown", block, numbers))
                yield note or below
            case _:
                yield f"<p>{self._render_rows(block)}{numbers}</p>"

    def _render_rows(self, block: Block) -> str:
        return " ".join(self._render_cell(cell) for row in block.rows for cell in row.cells)

    def _render_item(self, row: BlockRow, numbers: str) -> str:
        marker = "•" if row.marker == "-" else escape(row.marker)
        lead = f'<span class="marker">{marker}</span> ' if marker else ""
        name = f"item item-{min(_MAX_LEVEL, row.level)}"
        if row.is_code:
            above = f'<p class="{name}">{lead.strip()}</p>' if marker else ""
            below = f'<p class="numbers">{numbers.strip()}</p>' if numbers else ""
            return f'{above}<div class="{name}">{_render_code(row.text)}</div>{below}'
        content = " ".join(map(self._render_cell, row.cells))
        return f'<p class="{name}">{lead}{content}{numbers}</p>'

    def _render_table(self, block: Block) -> str:
        head = self._render_row("th", block.header) if block.header else ""
        rows = "".join(self._render_row("td", row.cells) for row in block.rows)
        body = f"<tbody>{rows}</tbody>" if rows else ""
        return f"<table>{f'<thead>{head}</thead>' if head else ''}{body}</table>"

    def _render_row(self, tag: str, cells: Iterable[Cell]) -> str:
        content = "".join(f'<{tag} dir="auto">{self._render_cell(cell)}</{tag}>' for cell in cells)
        return f"<tr>{content}</tr>"

    def _render_shown(self, key: str, block: Block, numbers: str = "") -> Iterator[str]:
        """Say how many entries are shown, where some are left out."""
        if block.shown < block.total:
            note = self.messages(key, shown=block.shown, total=block.total)
            yield f'<p class="shown">{escape(note)}{numbers}</p>'

    def _render_cell(self, cell: Cell) -> str:
        return "".join(
            f"<mark>{content}</mark>" if is_highlight else content
            for is_highlight, spans in groupby(cell, key=lambda span: span.highlight)
            for content in [self._render_links(spans)]
        )

    def _render_links(self, spans: Iterable[Span]) -> str:
        return "".join(
            render_link(urls.link_url(url, self.root), content) if url else content
            for url, group in group_links(spans)
            for content in ["".join(wrap_styles(span, escape(span.text)) for span in group)]
        )


def _render_code(text: str) -> str:
    return f"<pre><code>{html.escape(text).replace(chr(10), '&#10;')}</code></pre>"
