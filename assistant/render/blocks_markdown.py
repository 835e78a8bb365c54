"""Render the blocks of an answer as Markdown that every renderer reads as the same text."""

from __future__ import annotations

import re
from bisect import bisect_left
from dataclasses import replace
from itertools import groupby
from typing import TYPE_CHECKING, Literal, NamedTuple
from urllib.parse import quote

from assistant.models.spans import group_links
from assistant.render import urls

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from assistant.models.answers import Answer, Block, BlockRow, Cell, Span, SpanStyle

# What would begin or end an element inside a line. An underscore between letters is text.
_INLINE_SPECIALS = re.compile(r"([\\`*\[\]<>|~$]|(?<![^\W_])_|_(?![^\W_]))")
_ENTITY = re.compile(r"&(?=#?\w+;)")
# What would begin a heading, a list, a quote, a table or a rule at the start of a line.
_LINE_SPECIALS = re.compile(r"^([ \t]{0,40})(?:([#+=:-])|(\d{1,9})([.)]))", re.M)
_URL_SPECIALS = re.compile(r"[\s()<>\\]")
# What the renderer adds: the rule and an empty header of a table, emphasis, links, escapes, code.
_TABLE_RULE = re.compile(r"\|(?:(?: --- \|)+|(?:  \|)+)")
_INLINE = re.compile(
    r"\\([!-/:-@\[-`{-~])|\]\([^\s()]{0,4000}\)|[\[\]]|&amp;(?=#?\w{1,40};)|`++|\*\*"
    r"|(?<![^\W_])_|_(?![^\W_])"
)
_BACKTICKS = re.compile(r"`+")
_FENCE = re.compile(r"(?<!`)`{3,}+")
_INDENTED_FENCE = re.compile(r"( *)`{3,}+")
_ITEM_MARKER = re.compile(r"-|\d{1,9}\.")

# The marks of a style; `_` is used because `***` could be read in two ways.
_MARKS: dict[SpanStyle, str] = {"strong": "**", "emphasis": "_"}
_PUNCTUATION = frozenset("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")


def render_blocks(answer: Answer, number_format: str, root: str = "") -> Iterator[str]:
    """Yield the blocks of an answer, each source's number after the last block it is the source of.

    `number_format` is that of a number, such as `[^{}]`; `root` is the address of this server, for
    links to pages of the guide.
    """
    alternates = False  # whether the list before is written with the other marks
    before = ""
    for block, ended in answer.numbered_blocks:
        # Of two lists in a row the second needs other marks, or it would go on with the first.
        alternates = block.kind == before == "list" and not alternates
        numbers = tuple(ended)
        yield render_block(block, root, numbers, number_format, alternates=alternates)
        before = block.kind


def render_block(
    block: Block,
    root: str = "",
    ended: Sequence[int] = (),
    number_format: str = "[{}]",
    *,
    alternates: bool = False,
) -> str:
    """Render one block with the numbers of the sources that end with it.

    They are on its last line, or on that of their last item, or below a table or code. With
    `alternates`, a list has `*` and `1)` in place of `-` and `1.`.
    """
    numbers = " ".join(map(number_format.format, ended))
    match block.kind:
        case "code":
            text = "\n\n".join(_render_code(row.text) for row in block.rows)
        case "table":
            text = _render_table(block, root)
        case "list":
            renderer = _ListRenderer(root, number_format, alternates=alternates)
            return renderer.render(block.numbered_rows(ended))
        case "heading":
            words = _render_row(_without_strong(block.rows[0]), root).strip()
            text = f"**{words}**" if words else ""
        case _:
            text = "\n\n".join(_render_row(row, root) for row in block.rows)
    if not numbers:
        return text
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
            lines.append(_strip_inline(line))
    return "\n".join(lines).strip("\n")


def blank_code(text: str) -> str:
    """Return text of the same length with spaces in place of its code."""
    return "\n".join(
        _blank_code_spans(line) if part == "text" else " " * len(line)
        for line, part in _split_code(text, dedent=False)
    )


def _split_code(
    text: str, *, dedent: bool = True
) -> Iterator[tuple[str, Literal["text", "fence", "code"]]]:
    """Yield each line, and what it is; code in a list without its indentation."""
    fence, indent = "", 0
    for line in text.split("\n"):
        opening = None if fence else _INDENTED_FENCE.fullmatch(line)
        if opening or (fence and line == fence):
            fence, indent = ("", 0) if fence else (line, len(opening[1]) if opening else 0)
            yield line, "fence"
        elif fence:
            is_indented = dedent and not line[:indent].strip()
            yield line[indent:] if is_indented else line, "code"
        else:
            yield line, "text"


def _strip_inline(line: str) -> str:
    """Take what the renderer adds from a line; a bracket that is no escape is of a link."""
    is_row = line.startswith("|")
    pieces: list[str] = []
    end = 0
    for start, stop, content in _find_inline(line):
        is_code_in_row = is_row and line[start] == "`"
        pieces += line[end:start], content.replace("\\|", "|") if is_code_in_row else content
        end = stop
    return "".join([*pieces, line[end:]])


def _blank_code_spans(line: str) -> str:
    blanked, end = "", 0
    for start, stop, _ in _find_inline(line):
        if line[start] == "`":
            blanked += line[end:start] + " " * (stop - start)
            end = stop
    return blanked + line[end:]


def _find_inline(line: str) -> Iterator[tuple[int, int, str]]:
    """Yield the start and end of each mark and code span, and the text that it stands for."""
    closing: dict[int, list[int]] = {}  # by length: where each run of backticks begins
    for run in _BACKTICKS.finditer(line) if "`" in line else ():
        closing.setdefault(len(run[0]), []).append(run.start())
    at = 0
    while match := _INLINE.search(line, at):
        at = match.end()
        if match[0][0] != "`":
            yield match.start(), at, match[1] or "&" * match[0].startswith("&")
            continue
        runs = closing.get(len(match[0]), [])
        n = bisect_left(runs, at)
        if n == len(runs):
            continue
        content = line[at : runs[n]]
        if content[:1] == content[-1:] == " " and content.strip():
            content = content[1:-1]
        at = runs[n] + len(match[0])
        yield match.start(), at, content


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


class _OpenItem(NamedTuple):
    """An item that others may be under: its depth, the column of its text, its number and mark."""

    level: int
    indent: int
    number: int | None
    alternates: bool


class _ListRenderer:
    """Renders items, each indented to the text of the one it is under.

    A row without a marker is a further paragraph of the item above it, or its code. A blank line is
    where the next line would otherwise be read as part of the paragraph before it.
    """

    def __init__(self, root: str, number_format: str, *, alternates: bool) -> None:
        self._root = root
        self._number_format = number_format
        self._alternates = alternates
        self._above: list[_OpenItem] = []

    def render(self, rows: Iterable[tuple[BlockRow, Sequence[int]]]) -> str:
        rendered = ""
        is_line = False  # whether the row before is an item of one line
        for row, ended in rows:
            marker, is_next = self._open_item(row)
            if rendered:
                interrupts = marker in {"-", "*", "1.", "1)"}
                is_tight = is_line and marker and (interrupts or is_next) and not row.is_code
                rendered += "\n" if is_tight else "\n\n"
            indent = self._above[-1].indent if self._above else 0
            margin = " " * indent
            lead = " " * (indent - len(marker) - 1) + marker if marker else ""
            numbers = " ".join(map(self._number_format.format, ended))
            if row.is_code:
                lines = _render_code(row.text).split("\n")
                rendered += f"{lead}\n" if marker else ""
                rendered += "\n".join(f"{margin}{line}".rstrip() for line in lines)
                rendered += f"\n\n{margin}{numbers}" if numbers else ""
            else:
                rendered += f"{lead} " if marker else margin
                rendered += _render_row(row, self._root) + (f" {numbers}" if numbers else "")
            is_line = bool(marker) and not row.is_code
        return rendered

    def _open_item(self, row: BlockRow) -> tuple[str, bool]:
        """Open the item of a row; return its marker, and whether it is next in a list."""
        above = self._above
        while above and above[-1].level > row.level:
            above.pop()
        if not row.marker:
            return "", False
        number = None
        if _ITEM_MARKER.fullmatch(row.marker) and row.marker != "-":
            number = int(row.marker[:-1])
        sibling = above.pop() if above and above[-1].level == row.level else None
        is_next = sibling is not None and (
            sibling.number is None if number is None else sibling.number == number - 1
        )
        alternates = sibling.alternates if sibling else self._alternates
        if sibling and not is_next and (sibling.number is None) == (number is None):
            alternates = not alternates  # another list, or another number than the next
        marker = ("*" if alternates else "-") if number is None else f"{number}{'.)'[alternates]}"
        indent = (above[-1].indent if above else 0) + len(marker) + 1
        above.append(_OpenItem(row.level, indent, number, alternates))
        return marker, is_next


def _render_table(block: Block, root: str) -> str:
    width = max(len(cells) for cells in (block.header, *(row.cells for row in block.rows)))
    lines = [_render_cells(block.header, width, root), f"|{' --- |' * width}"]
    lines += [_render_cells(row.cells, width, root) for row in block.rows]
    return "\n".join(lines)


def _render_cells(cells: Sequence[Cell], width: int, root: str) -> str:
    texts = [" ".join(_render_spans(cell, root, in_table=True).split()) for cell in cells]
    return "".join(f"| {text} " for text in [*texts, *[""] * (width - len(texts))]) + "|"


def _without_strong(row: BlockRow) -> BlockRow:
    """Return a row whose words are not bold, because all of it is."""
    cells = tuple(
        tuple(replace(s, styles=tuple(one for one in s.styles if one != "strong")) for s in cell)
        for cell in row.cells
    )
    return replace(row, cells=cells)


def _render_row(row: BlockRow, root: str) -> str:
    return " ".join(_render_spans(cell, root) for cell in row.cells)


class _Piece(NamedTuple):
    """A piece of a line: text that has to be escaped, code, or Markdown."""

    text: str
    kind: Literal["text", "code", "markdown"] = "text"


def _render_spans(spans: Iterable[Span], root: str, *, in_table: bool = False) -> str:
    groups = list(group_links(spans))
    pieces: list[_Piece] = []
    for n, (url, group) in enumerate(groups):
        if not url or not "".join(span.text for span in group).strip():
            after = "[" if n + 1 < len(groups) else ""
            pieces += _render_styles(group, _last_character(pieces), after)
            continue
        words = _join_pieces(_render_styles(group, "[", "]"), in_table=in_table)
        if pieces and pieces[-1].kind == "text" and pieces[-1].text.endswith(("!", "^")):
            # These before a link would make it an image or a footnote.
            last = pieces.pop().text
            pieces += _Piece(last[:-1]), _Piece(f"\\{last[-1]}", "markdown")
        pieces.append(_Piece(render_link(words, urls.link_url(url, root)), "markdown"))
    return _join_pieces(pieces, in_table=in_table)


def _render_styles(spans: Sequence[Span], before: str, after: str) -> list[_Piece]:
    """Render text with its styles; `before` and `after` are the characters beside it.

    Where Markdown would not read the marks of a style, as inside a word, the text is plain.
    """
    return _render_style(("strong", "emphasis"), spans, before, after)


def _render_style(
    styles: Sequence[SpanStyle], spans: Sequence[Span], before: str, after: str
) -> list[_Piece]:
    """Render the first of some styles, and inside it the others, and code."""
    if not styles:
        return [_Piece(span.text, "code" if "code" in span.styles else "text") for span in spans]
    style, *inner = styles
    runs = [(has, list(run)) for has, run in groupby(spans, lambda span: style in span.styles)]
    pieces: list[_Piece] = []
    for n, (has_style, run) in enumerate(runs):
        start = _last_character(pieces) or before
        end = runs[n + 1][1][0].text[:1] if n + 1 < len(runs) else after
        marked = _wrap_in_marks(style, inner, run, start, end) if has_style else None
        pieces += marked or _render_style(inner, run, start, end)
    return pieces


def _wrap_in_marks(
    style: SpanStyle, inner: Sequence[SpanStyle], run: Sequence[Span], before: str, after: str
) -> list[_Piece] | None:
    """Put the marks of a style around spans; None where Markdown would not read them as marks.

    The rules are those of CommonMark for delimiter runs, on the side of caution.
    """
    text = "".join(span.text for span in run)
    if not text or text != text.strip():
        return None
    mark = _MARKS[style]
    pieces = _render_style(inner, run, mark[0], mark[0])
    is_strong = style == "strong"
    opens = _is_border(before) or (is_strong and _first_character(pieces).isalnum())
    closes = _is_border(after) or (is_strong and _last_character(pieces).isalnum())
    if not opens or not closes:
        return None
    return [_Piece(mark, "markdown"), *pieces, _Piece(mark, "markdown")]


def _is_border(character: str) -> bool:
    """Whether a character beside a mark lets it be one: none, white space or punctuation."""
    return not character or character.isspace() or character in _PUNCTUATION


def _first_character(pieces: Sequence[_Piece]) -> str:
    first = next((piece for piece in pieces if piece.text), _Piece(""))
    return "`" if first.kind == "code" else first.text[:1]


def _last_character(pieces: Sequence[_Piece]) -> str:
    last = next((piece for piece in reversed(pieces) if piece.text), _Piece(""))
    return "`" if last.kind == "code" else last.text[-1:]


def _join_pieces(pieces: Iterable[_Piece], *, in_table: bool) -> str:
    """Join pieces to Markdown; code beside code is one piece of code."""
    joined: list[_Piece] = []
    for kind, run in groupby(pieces, lambda piece: piece.kind):
        text = "".join(piece.text for piece in run)
        joined += (
            _make_code_span(text, in_table=in_table) if kind == "code" else [_Piece(text, kind)]
        )
    rendered = ""
    for kind, run in groupby(joined, lambda piece: piece.kind):
        text = "".join(piece.text for piece in run)
        rendered += escape_markdown(text) if kind == "text" else text
    return rendered


def _make_code_span(text: str, *, in_table: bool) -> list[_Piece]:
    """Put code into more backticks than it has in a row, without its outer white space."""
    words = text.strip()
    # A backslash before a bar cannot be written as code in a cell.
    if not words or (in_table and "\\|" in words):
        return [_Piece(text)]
    before, _, after = text.partition(words)
    fence = "`" * (1 + max(map(len, _BACKTICKS.findall(words)), default=0))
    pad = " " if "`" in {words[0], words[-1]} else ""
    content = words.replace("|", "\\|") if in_table else words
    code = _Piece(f"{fence}{pad}{content}{pad}{fence}", "markdown")
    return [_Piece(before), code, _Piece(after)]
