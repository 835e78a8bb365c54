"""Render answers and passages for a notebook: nothing in the HTML runs or is fetched.

Its only colour is a grey line, so that it fits a light and a dark notebook.
"""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

from assistant.models.answers import SAFE_URL
from assistant.models.spans import group_links, wrap_styles

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from assistant.models.answers import Answer, Block, BlockRow, Cell, Citation, Related, Search
    from assistant.models.documents import Resource

_LINK_STYLE = "color: inherit; text-decoration: underline"
_QUOTE_STYLE = "margin: .5em 0; padding: 0 0 0 .8em; border: 0; border-left: .2em solid #8888"
_LIST_STYLE = "margin: 0 0 .5em; padding-left: 2em"


def render_answer(answer: Answer) -> str:
    """Render an answer with its sources, resources and suggestions."""
    interpretation = (
        "" if answer.understood_as == answer.question else f"Understood as: {answer.understood_as}"
    )
    quotes = _render_quotes(answer.grouped_blocks)
    nearest = () if answer.found else answer.related
    label = "The guide covers:" if answer.is_overview else "The nearest sections:"
    return _render_frame(
        _render_paragraph(_escape(interpretation)),
        *(quotes or [_render_paragraph(_escape(answer.text))]),
        _render_paragraph(_escape(answer.note)),
        _render_list("", map(_render_source, answer.citations), numbered=True),
        _render_list("The guide recommends:", map(_render_resource, answer.resources)),
        _render_list("Did you mean:", map(_escape, answer.other_readings)),
        _render_list(label, map(_render_source, nearest)),
        _render_list("You can also ask:", map(_escape, answer.next_questions)),
    )


def render_search(search: Search) -> str:
    """Render passages, best first, each with its probability and how it begins."""
    items = (
        f"{_render_link(hit.passage.url, hit.passage.heading_path)} ({hit.probability:.0%})"
        f"<br>{_escape(hit.passage.excerpt)}"
        for hit in search.hits
    )
    return _render_frame(_render_list(search.understood_as, items, numbered=True))


def _render_source(source: Citation | Related) -> str:
    return _render_link(source.url, " > ".join(source.headings))


def _render_resource(resource: Resource) -> str:
    minutes = f", {resource.minutes} min" if resource.minutes else ""
    return f"{_render_link(resource.url, resource.title)} ({resource.kind}{minutes})"


def _escape(words: str) -> str:
    """Escape text as HTML, with its line ends."""
    return "<br>".join(html.escape(line) for line in words.splitlines())


def _render_link(url: str, words: str) -> str:
    """Render a link to a web or mail address; the text alone for any other address."""
    return _wrap_link(url, _escape(words))


def _wrap_link(url: str, content: str) -> str:
    """Put HTML into a link to a web or mail address, and leave it as it is for any other address.

    A relative one would lead to a file beside the notebook, which is not the guide's page.
    """
    if not SAFE_URL.fullmatch(url):
        return content
    return (
        f'<a href="{html.escape(url)}" style="{_LINK_STYLE}" target="_blank" '
        f'rel="noopener noreferrer">{content}</a>'
    )


def _render_paragraph(markup: str) -> str:
    """Render a paragraph of HTML; empty where there is none."""
    return f'<p dir="auto">{markup}</p>' if markup else ""


def _render_quotes(groups: Iterable[Iterable[tuple[Block, Sequence[int]]]]) -> list[str]:
    """Render groups of blocks as quotes with their numbers."""
    quotes = ("".join(_render_block(block, ended) for block, ended in group) for group in groups)
    return [
        f'<blockquote dir="auto" style="{_QUOTE_STYLE}">{quote}</blockquote>' for quote in quotes
    ]


def _render_block(block: Block, ended: Sequence[int]) -> str:
    numbers = _render_numbers(ended)
    match block.kind:
        case "code":
            return "".join(map(_render_code, block.rows)) + numbers
        case "table":
            rows = [_render_row("td", row.cells) for row in block.rows]
            head = [_render_row("th", block.header)] if block.header else []
            return f"<table>{''.join([*head, *rows])}</table>{_describe_shown(block)}{numbers}"
        case "list":
            items = (
                _render_item(row, _render_numbers(own)) for row, own in block.numbered_rows(ended)
            )
            return "".join([*items, _describe_shown(block)])
        case "heading":
            return f"<div><b>{_render_cells(block.rows[0].cells)}</b>{numbers}</div>"
        case _:
            rows = [_render_cells(row.cells) for row in block.rows]
            return "".join(f"<div>{row}{numbers}</div>" for row in rows)


def _render_numbers(numbers: Iterable[int]) -> str:
    return "".join(f" [{number}]" for number in numbers)


def _describe_shown(block: Block) -> str:
    """Say how many rows or items are shown, where some are left out."""
    noun = "items" if block.kind == "list" else "rows"
    note = f"({block.shown:,} of {block.total:,} {noun})"
    return f"<div>{note}</div>" if block.shown < block.total else ""


def _render_item(row: BlockRow, numbers: str) -> str:
    """Render an item at its depth; one without a marker goes on with the item before it."""
    marker = f"{html.escape(row.marker)} " if row.marker else ""
    content = _render_code(row) if row.is_code else _render_cells(row.cells)
    style = f"margin-left: {1.5 * row.level}em"
    return f'<div style="{style}">{marker}{content}{numbers}</div>'


def _render_code(row: BlockRow) -> str:
    return f"<pre>{html.escape(row.text)}</pre>"


def _render_row(tag: str, cells: Iterable[Cell]) -> str:
    content = "".join(f"<{tag}>{_render_spans(cell)}</{tag}>" for cell in cells)
    return f"<tr>{content}</tr>"


def _render_cells(cells: Iterable[Cell]) -> str:
    return " ".join(map(_render_spans, cells))


def _render_spans(cell: Cell) -> str:
    return "".join(
        _wrap_link(url, "".join(wrap_styles(span, _escape(span.text)) for span in spans))
        for url, spans in group_links(cell)
    )


def _render_list(heading: str, items: Iterable[str], *, numbered: bool = False) -> str:
    """Render items of HTML under a heading; empty where there are no items."""
    kind = "ol" if numbered else "ul"
    lines = "".join(f'<li dir="auto">{item}</li>' for item in items)
    above = _render_paragraph(f"<b>{_escape(heading)}</b>") if heading else ""
    return f'{above}<{kind} style="{_LIST_STYLE}">{lines}</{kind}>' if lines else ""


def _render_frame(*parts: str) -> str:
    """Join the parts of one output, no wider than is comfortable to read."""
    return f'<div style="max-width: 48em; overflow-wrap: anywhere">{"".join(parts)}</div>'
