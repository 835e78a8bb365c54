"""Render the blocks of an answer as Markdown that every renderer reads as the same text."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal, NamedTuple
from urllib.parse import quote

from assistant.render import urls

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from assistant.models.answers import Block, BlockRow, Cell, Span

# What would begin or end an element inside a line. An underscore between letters is text.
_INLINE_SPECIALS = re.compile(r"([\\`*\[\]<>|~$]|(?<![^\W_])_|_(?![^\W_]))")
_ENTITY = re.compile(r"&(?=#?\w+;)")
# What would begin a heading, a list, a quote, a table or a rule at the start of a line.
_LINE_SPECIALS = re.compile(r"^([ \t]{0,40})(?:([#+=:-])|(\d{1,9})([.)]))", re.M)
_URL_SPECIALS = re.compile(r"[\s()<>\\]")
# What the renderer adds: the rule and an empty header of a table, bold, links and escapes.
_TABLE_RULE = re.compile(r"\|(?:(?: --- \|)+|(?:  \|)+)")
_STRONG_LINE = re.compile(r"\*\*(.*)\*\*")
_INLINE = re.compile(r"\\([!-/:-@\[-`{-~])|\]\([^\s()]{0,4000}\)|[\[\]]|&amp;(?=#?\w{1,40};)")
_FENCE = re.compile(r"(?<!`)`{3,}+")
_ITEM_MARKER = re.compile(r"-|\d{1,9}\.")


def render_block(block: Block, root: str = "") -> str:
    """Render one block; `root` is the address of this server, for links to pages of the guide."""
    match block.kind:
        case "code":
            return _render_code("".join(s.text for r in block.rows for c in r.cells for s in c))
        case "list":
            return _render_items(block.rows, root)
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
    for line, part in _split_code(text):
        if part == "code":
            lines.append(line)
        elif part == "text" and not _TABLE_RULE.fullmatch(line):
            strong = _STRONG_LINE.fullmatch(line)
            lines.append(_strip_inline(strong[1] if strong else line))
    return "\n".join(lines).strip("\n")


def blank_code(text: str) -> str:
    """Return text of the same length with spaces in place of its code."""
    return "\n".join(
        line if part == "text" else " " * len(line) for line, part in _split_code(text)
    )


def _split_code(text: str) -> Iterator[tuple[str, Literal["text", "fence", "code"]]]:
    """Yield each line, and what it is."""
    fence = ""
    for line in text.split("\n"):
        if line == fence if fence else _FENCE.fullmatch(line):
            fence = "" if fence else line
            yield line, "fence"
        else:
            yield line, "code" if fence else "text"


def _strip_inline(text: str) -> str:
    """Take the escapes and the links from a line; a bracket that is no escape is of a link."""
    return _INLINE.sub(lambda match: match[1] or "&" * match[0].startswith("&"), text)


def _escape_line_start(match: re.Match[str]) -> str:
    lead, mark, number, stop = match.groups()
    return f"{lead}\\{mark}" if mark else f"{lead}{number}\\{stop}"


def render_link(words: str, url: str) -> str:
    """Render a link whose words are Markdown."""
    target = _URL_SPECIALS.sub(lambda match: quote(match[0], safe=""), url)
    return f"[{words}]({_ENTITY.sub('&amp;', target)})"


def _render_code(text: str) -> str:
    """Fence code with more backticks than it contains in a row."""
    fence = "`" * max([3, *(len(run) + 1 for run in _FENCE.findall(text))])
    return f"{fence}\n{text}\n{fence}"


def _render_items(rows: Iterable[BlockRow], root: str) -> str:
    """Render items, each indented to the text of the one it is under.

    A row without a marker is a further paragraph of the item above it. A blank line is where the
    next line would otherwise be read as part of the paragraph before it.
    """
    rendered = ""
    above: list[_OpenItem] = []
    before = ""  # the marker of the row before
    for row in rows:
        marker = row.marker if not row.marker or _ITEM_MARKER.fullmatch(row.marker) else "-"
        while above and above[-1].level > row.level:
            above.pop()
        sibling = above.pop() if marker and above and above[-1].level == row.level else None
        indent = above[-1].indent if above else 0
        begins_list = marker in {"-", "1."}
        continues_list = sibling is not None and sibling.is_numbered == (marker != "-")
        if rendered:
            is_tight = before and marker and (begins_list or continues_list)
            rendered += "\n" if is_tight else "\n\n"
        lead = f"{marker} " if marker else ""
        rendered += f"{' ' * indent}{lead}{_render_row(row, root)}"
        if marker:
            above.append(_OpenItem(row.level, indent + len(lead), marker != "-"))
        before = marker
    return rendered


class _OpenItem(NamedTuple):
    """An item that others may be under: its depth, and the column of its text."""

    level: int
    indent: int
    is_numbered: bool


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
    rendered = ""
    for span in spans:
        text = escape_markdown(span.text)
        if span.url:
            # An exclamation mark before a link would make it an image.
            rendered = rendered.removesuffix("!") + "\\!" * rendered.endswith("!")
            text = render_link(text, urls.link_url(span.url, root))
        rendered += text
    return rendered
