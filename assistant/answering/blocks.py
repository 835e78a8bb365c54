"""Give quotes their structure: paragraphs, lists, tables and code, with inline markup.

A list or table is one block as far as it is quoted in one piece; the rows of a table are one block
wherever they are quoted from, because they share its header.
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING
from urllib.parse import quote

from assistant.guide.links import split_address
from assistant.guide.publishers import slugify
from assistant.models.answers import SAFE_URL, Block, BlockRow, Span
from assistant.readers.dialects import WIKI_SCHEME
from assistant.text.tokenize import extract_terms

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from assistant.answering.quotes import Quote
    from assistant.models.answers import BlockKind, Cell, SpanStyle
    from assistant.models.documents import Group, Passage, Sentence

    ResolvePage = Callable[[str, str], str | None]

_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:", re.I)
_KINDS: dict[str, BlockKind] = {
    "heading": "heading",
    "item": "list",
    "header": "table",
    "row": "table",
    "code": "code",
}

_STYLES: tuple[SpanStyle, ...] = ("strong", "emphasis", "code")
_STYLES_OF_KIND: dict[BlockKind, tuple[SpanStyle, ...]] = {
    "heading": ("emphasis", "code"),  # it is bold as a whole
    "code": (),
}


@dataclass(slots=True)
class _OpenBlock:
    """A block that more sentences may be added to; `last` is where its last sentence is."""

    kind: BlockKind
    group: Group | None
    last: tuple[Passage, int]
    citations: list[int]
    rows: list[BlockRow] = field(default_factory=list)
    header: tuple[Cell, ...] = ()

    def close(self) -> Block:
        total = self.group.total if self.group else 0
        rows = self.rows
        if self.kind == "table" and not self.header:
            rows = _drop_empty_columns(rows)
        return Block(self.kind, tuple(self.citations), tuple(rows), self.header, total)


def _drop_empty_columns(rows: Sequence[BlockRow]) -> list[BlockRow]:
    """Leave out the columns of a table without header in which nothing is shown.

    Such tables are used for layout: an empty cell before a link makes room for a picture.
    """
    filled = {n for row in rows for n, cell in enumerate(row.cells) if any(s.text for s in cell)}
    return [
        replace(row, cells=tuple(cell for n, cell in enumerate(row.cells) if n in filled))
        for row in rows
    ]


def build_blocks(
    quotes: Sequence[Quote], terms: Collection[str], resolve_page: ResolvePage
) -> list[Block]:
    """Build the blocks of some quotes, which are numbered from 1.

    `terms` are those of the question: in a table they choose the cells to highlight.
    `resolve_page` returns the path, or the published address, of the page that an address on a page
    means; None where there is none.
    """
    blocks: list[_OpenBlock] = []
    for number, quote_ in enumerate(quotes, 1):
        for first, last in _group_sentences(quote_):
            _append(blocks, quote_, (first, last), number, resolve_page)
    for block in blocks:
        if block.kind == "table":
            block.rows = _highlight_cells(block.header, block.rows, frozenset(terms))
    return [block.close() for block in blocks if block.rows or block.header]


def _group_sentences(quote_: Quote) -> Iterator[tuple[int, int]]:
    """Yield the first and the last sentence of each paragraph, item, row, heading and code."""
    first = quote_.first
    for n in range(quote_.first, quote_.last + 1):
        if n == quote_.last or _begins_line(quote_.passage, n + 1):
            yield first, n
            first = n + 1


def _begins_line(passage: Passage, n: int) -> bool:
    """Whether a sentence is the first of its paragraph, item, row, heading or code."""
    if not n:
        return True
    return "\n" in passage.text[passage.sentences[n - 1].end : passage.sentences[n].start]


def _append(
    blocks: list[_OpenBlock],
    quote_: Quote,
    place: tuple[int, int],
    number: int,
    resolve_page: ResolvePage,
) -> None:
    """Append some sentences, all of one line, to the last block or as a new one."""
    passage, (first, last) = quote_.passage, place
    sentence = passage.sentences[first]
    kind = _KINDS.get(sentence.kind, "paragraph")
    group = _find_group(passage, first, kind)
    is_code = kind == "code"
    if group and is_code:
        kind = "list"
    if not blocks or not _continues(blocks[-1], (passage, first), kind, group, number):
        blocks.append(_OpenBlock(kind, group, (passage, last), [number]))
    block = blocks[-1]
    block.last = passage, last
    if number not in block.citations:
        block.citations.append(number)
    start, end = sentence.start, passage.sentences[last].end
    marks = [
        (passage.sentences[n].start, passage.sentences[n].end)
        for n in quote_.highlights
        if first <= n <= last
    ]
    cutter = SpanCutter(passage, resolve_page, marks)
    if kind == "table":
        cells = cutter.cut_row(sentence)
        if sentence.kind == "header" and not block.header and not block.rows:
            block.header = cells
        else:
            block.rows.append(BlockRow(cells, citation=number))
        return
    spans = cutter.cut(start, end, _STYLES_OF_KIND.get("code" if is_code else kind, _STYLES))
    marker, level = find_marker(passage, first) if kind == "list" else ("", 0)
    in_list = is_code and kind == "list"
    block.rows.append(BlockRow((spans,), marker, level, in_list, number))


def _find_group(passage: Passage, n: int, kind: BlockKind) -> Group | None:
    """Find the list or the table that a sentence is in; code may be in a list."""
    wanted = "list" if kind == "code" else kind
    return next(
        (g for g in passage.groups if g.kind == wanted and g.first <= n <= g.last),
        None,
    )


def _continues(
    block: _OpenBlock,
    place: tuple[Passage, int],
    kind: BlockKind,
    group: Group | None,
    number: int,
) -> bool:
    """Whether a sentence belongs to the list or the table of a block."""
    passage, first = place
    before, last = block.last
    if kind != block.kind or kind not in {"list", "table"} or not group or not block.group:
        return False
    section = before.path, before.anchor, block.group.number
    if section != (passage.path, passage.anchor, group.number):
        return False
    if kind == "table" or number in block.citations:
        return True
    # The list goes on in the next passage, and nothing of it is left out between the quotes.
    return (
        before is not passage
        and (last, first) == (block.group.last, group.first)
        and _passage_number(passage) == _passage_number(before) + 1
    )


def _passage_number(passage: Passage) -> int:
    return int(passage.id.rpartition("/")[2])


def find_marker(passage: Passage, n: int) -> tuple[str, int]:
    """Find the marker of an item that begins with a sentence, and its depth in its list, from 0.

    An item of which the first sentences are left out has no marker.
    """
    start = passage.sentences[n].start
    line = passage.text.rfind("\n", 0, start) + 1
    lead = passage.text[line:start]
    marker = lead.strip() if _begins_line(passage, n) else ""
    return marker, (len(lead) - len(lead.lstrip())) // 2


class SpanCutter:
    """Cuts pieces of a passage where inline markup or a highlight begins or ends.

    `marks` are the highlights: the start and end of each in the passage's text.
    """

    def __init__(
        self,
        passage: Passage,
        resolve_page: ResolvePage,
        marks: Sequence[tuple[int, int]] = (),
    ) -> None:
        self._passage = passage
        self._resolve = _AddressResolver(passage.path, resolve_page)
        self._marks = marks

    def cut_row(self, row: Sentence) -> tuple[Cell, ...]:
        """Cut a row into its cells, also those that are empty."""
        cells = self._passage.cells(row) or (row,)
        return tuple(self.cut(cell.start, cell.end) for cell in cells)

    def cut(self, start: int, end: int, allowed: Sequence[SpanStyle] = _STYLES) -> Cell:
        """Cut a piece into spans; a link that is not all in it is plain text."""
        markup = [
            item
            for item in self._passage.markup
            if item.kind != "cell" and item.start < end and start < item.end
        ]
        edges = {start, end}
        edges.update(edge for item in markup for edge in (item.start, item.end))
        edges.update(edge for mark in self._marks for edge in mark)
        spans: list[Span] = []
        open_until: dict[str, int] = {}  # by kind of markup
        url, waiting = "", markup[::-1]
        for a, b in itertools.pairwise(sorted(edge for edge in edges if start <= edge <= end)):
            while waiting and waiting[-1].start <= a:
                item = waiting.pop()
                if item.kind != "link":
                    open_until[item.kind] = max(item.end, open_until.get(item.kind, 0))
                elif start <= item.start and item.end <= end and open_until.get("link", 0) <= a:
                    open_until["link"], url = item.end, self._resolve(item.url)
            styles = tuple(style for style in allowed if open_until.get(style, 0) >= b)
            is_marked = any(first <= a and b <= last for first, last in self._marks)
            own_url = url if open_until.get("link", 0) >= b else ""
            text = self._passage.text[a:b]
            if spans and replace(spans[-1], text="") == Span("", own_url, is_marked, styles):
                spans[-1] = replace(spans[-1], text=spans[-1].text + text)
            else:
                spans.append(Span(text, own_url, is_marked, styles))
        return tuple(spans)


@dataclass(frozen=True, slots=True)
class _AddressResolver:
    """Resolves the addresses on one page."""

    path: str
    resolve_page: ResolvePage

    def __call__(self, address: str) -> str:
        """Return a safe address for a link; empty where it leads nowhere."""
        if _SCHEME.match(address) or address.startswith("//"):
            if SAFE_URL.fullmatch(address):
                return address
            if not address.startswith(WIKI_SCHEME):
                return ""
        page = self.resolve_page(self.path, address)
        _, anchor = split_address(address)
        if address.startswith(WIKI_SCHEME):  # names a heading by its words
            anchor = slugify(anchor.rpartition("#")[2])
        return f"{page}#{quote(anchor)}" if page and anchor else page or ""


def _highlight_cells(
    header: Sequence[Cell], rows: Sequence[BlockRow], terms: Collection[str]
) -> list[BlockRow]:
    """Highlight in the best rows the cells below a header that the question names.

    Where the question names no header, the best rows are highlighted as they are.
    """
    columns = {
        n
        for n, cell in enumerate(header)
        if set(extract_terms("".join(span.text for span in cell))) & set(terms)
    }
    if not columns or len(columns) == len(header):
        return list(rows)
    has_best = any(span.highlight for row in rows for cell in row.cells for span in cell)
    changed = []
    for row in rows:
        is_best = not has_best or any(span.highlight for cell in row.cells for span in cell)
        cells = tuple(
            tuple(replace(span, highlight=is_best and n in columns) for span in cell)
            for n, cell in enumerate(row.cells)
        )
        changed.append(replace(row, cells=cells))
    return changed
