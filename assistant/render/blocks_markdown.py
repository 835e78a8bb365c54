"""Render the blocks of an answer as Markdown that every renderer reads as the same text."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import quote

from assistant.render import urls

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from assistant.models.answers import Block, BlockRow, Cell, Span

# What would begin or end an element inside a line. An underscore between letters is text.
_INLINE_SPECIALS = re.compile(r"([\\`*\[\]<>|~$]|(?<!\w)_|_(?!\w))")
_ENTITY = re.compile(r"&(?=#?\w+;)")
# What would begin a heading, a list, a quote, a table or a rule at the start of a line.
_LINE_SPECIALS = re.compile(r"^([ \t]{0,40})(?:([#+=:-])|(\d{1,9})([.)]))", re.M)
_URL_SPECIALS = re.compile(r"[\s()<>\\]")
_TABLE_RULE = re.compile(r"\|(?: --- \|)+")
_LINK_TARGET = re.compile(r"(?<!\\)\]\([^\s()]{0,4000}\)")
_LINK_BRACKET = re.compile(r"(?<!\\)[\[\]]")
_ESCAPED = re.compile(r"\\([!-/:-@\[-`{-~])")
_FENCE = re.compile(r"(?<!`)`{3,}+")


def render_block(block: Block, root: str = "") -> str:
    """Render one block; `root` is the address of this server, for links to pages of the guide."""
    match block.kind:
        case "code":
            return _render_code("".join(s.text for r in block.rows for c in r.cells for s in c))
        case "list":
            return "\n".join(_render_item(row, root) for row in block.rows)
        case "table":
            return _render_table(block, root)
        case "heading":
            return f"**{_render_row(block.rows[0], root)}**"
        case _:
            return "\n\n".join(_render_row(row, root) for row in block.rows)


def append_numbers(text: str, block: Block, numbers: str) -> str:
    """Append the numbers of a block's sources: on its last line, or below a table or code."""
    return f"{text}\n\n{numbers}" if block.kind in {"table", "code"} else f"{text} {numbers}"


def escape_markdown(text: str) -> str:
    """Escape text so that Markdown shows it as it is."""
    escaped = _ENTITY.sub("&amp;", _INLINE_SPECIALS.sub(r"\\\1", text))
    return _LINE_SPECIALS.sub(_escape_line_start, escaped)


def strip_markdown(text: str) -> str:
    """Return the text of blocks that were rendered: the quotes, without what Markdown adds.

    It is for an answer that comes back as an earlier turn; markers of items and borders of cells
    stay.
    """
    lines: list[str] = []
    fence = ""
    for line in text.split("\n"):
        if _FENCE.fullmatch(line) and (not fence or line == fence):
            fence = "" if fence else line
        elif fence:
            lines.append(line)
        elif not _TABLE_RULE.fullmatch(line):
            lines.append(_strip_line(line))
    return "\n".join(lines).strip("\n")


def _strip_line(line: str) -> str:
    """Take the links, the emphasis of a heading and the backslashes from a line."""
    if line.startswith("**") and line.endswith("**") and len(line) > len("****"):
        line = line[2:-2]
    words = _LINK_BRACKET.sub("", _LINK_TARGET.sub("]", line))
    return _ESCAPED.sub(r"\1", words)


def _escape_line_start(match: re.Match[str]) -> str:
    lead, mark, number, stop = match.groups()
    return f"{lead}\\{mark}" if mark else f"{lead}{number}\\{stop}"


def render_link(words: str, url: str) -> str:
    """Render a link whose words are Markdown."""
    return f"[{words}]({_URL_SPECIALS.sub(lambda match: quote(match[0], safe=''), url)})"


def _render_code(text: str) -> str:
    """Fence code with more backticks than it contains in a row."""
    fence = "`" * max([3, *(len(run) + 1 for run in _FENCE.findall(text))])
    return f"{fence}\n{text}\n{fence}"


def _render_item(row: BlockRow, root: str) -> str:
    marker = row.marker or "-"
    text = _render_row(row, root).replace("\n", " ")
    return f"{'   ' * max(0, row.level - 1)}{marker} {text}"


def _render_table(block: Block, root: str) -> str:
    width = max(len(cells) for cells in (block.header, *(row.cells for row in block.rows)))
    lines = [_render_cells(block.header, width, root), f"|{' --- |' * width}"]
    lines += [_render_cells(row.cells, width, root) for row in block.rows]
    return "\n".join(lines)


def _render_cells(cells: Sequence[Cell], width: int, root: str) -> str:
    texts = [" ".join(_render_spans(cell, root).split()) for cell in cells]
    return "".join(f"| {text} " for text in [*texts, *[""] * (width - len(texts))]) + "|"


def _render_row(row: BlockRow, root: str) -> str:
    return " ".join(_render_spans(cell, root) for cell in row.cells)


def _render_spans(spans: Iterable[Span], root: str) -> str:
    return "".join(
        render_link(escape_markdown(span.text), urls.link_url(span.url, root))
        if span.url
        else escape_markdown(span.text)
        for span in spans
    )
