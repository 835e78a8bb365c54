"""Give quotes their structure: paragraphs, lists, tables and code, with links and highlights."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass, field
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
    from assistant.models.answers import BlockKind, Cell
    from assistant.models.documents import Passage, Sentence

    ResolvePage = Callable[[str, str], str | None]

CELL_BORDER = " | "
"""What is between two cells in the text of a row."""

_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:", re.I)
_KINDS: dict[str, BlockKind] = {
    "heading": "heading",
    "item": "list",
    "header": "table",
    "row": "table",
    "code": "code",
}


@dataclass(slots=True)
class _OpenBlock:
    """A block that more sentences may be added to; `last` is where its last sentence is."""

    kind: BlockKind
    last: tuple[Passage, int]
    citations: list[int]
    rows: list[BlockRow] = field(default_factory=list)
    header: tuple[Cell, ...] = ()
    total: int = 0

    def close(self) -> Block:
        if self.kind == "table" and len(self.rows) == 1 and not _has_header(*self.last):
            # One row of a table without a header is a line, such as a resource with its kind.
            line = BlockRow((_join_cells(self.rows[0].cells),))
            return Block("paragraph", tuple(self.citations), (line,))
        return Block(self.kind, tuple(self.citations), tuple(self.rows), self.header, self.total)


def _has_header(passage: Passage, n: int) -> bool:
    """Whether the table that a sentence is in has a header in its passage."""
    while n and _KINDS.get(passage.sentences[n - 1].kind) == "table":
        n -= 1
    return passage.sentences[n].kind == "header"


def _join_cells(cells: Sequence[Cell]) -> Cell:
    """Join the cells of a row as they are in the text."""
    joined = list(cells[0])
    for cell in cells[1:]:
        joined += [Span(CELL_BORDER), *cell]
    return tuple(joined)


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
    sentences = quote_.passage.sentences
    first = quote_.first
    for n in range(quote_.first, quote_.last + 1):
        following = sentences[n + 1] if n < quote_.last else None
        if following is None or _begins_line(quote_.passage, n + 1):
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
    sentences: tuple[int, int],
    number: int,
    resolve_page: ResolvePage,
) -> None:
    """Append some sentences to the last block, or begin a new one."""
    passage, (first, last) = quote_.passage, sentences
    kind = _KINDS.get(passage.sentences[first].kind, "paragraph")
    if not (blocks and _continues(blocks[-1], passage, first, kind, number)):
        blocks.append(_OpenBlock(kind, (passage, last), []))
    block = blocks[-1]
    if kind in {"list", "table"}:
        is_new_part = not block.citations or block.last[0] is not passage
        block.total += _count_entries(passage, first) if is_new_part else 0
    block.last = (passage, last)
    if number not in block.citations:
        block.citations.append(number)
    start, end = passage.sentences[first].start, passage.sentences[last].end
    marks = [
        (passage.sentences[n].start, passage.sentences[n].end)
        for n in quote_.highlights
        if first <= n <= last
    ]
    resolve = _AddressResolver(passage.path, resolve_page)
    if kind != "table":
        spans = _cut_spans(passage, (start, end), marks, resolve)
        marker, level = _find_marker(passage, first) if kind == "list" else ("", 0)
        block.rows.append(BlockRow((spans,), marker, level))
        return
    cells, at = [], start
    for text in passage.text[start:end].split(CELL_BORDER):
        cells.append(_cut_spans(passage, (at, at + len(text)), marks, resolve))
        at += len(text) + len(CELL_BORDER)
    if passage.sentences[first].kind == "header":
        block.header = tuple(cells)
    else:
        block.rows.append(BlockRow(tuple(cells)))


def _continues(
    block: _OpenBlock, passage: Passage, first: int, kind: BlockKind, number: int
) -> bool:
    """Whether a sentence belongs to the list or the table of a block.

    Rows of several quotes make one table, because they share its header.
    """
    if kind != block.kind or kind not in {"list", "table"}:
        return False
    if kind == "list" and number not in block.citations:
        return False
    if passage.sentences[first].kind == "header" and (block.header or block.rows):
        return False
    before, last = block.last
    if before is passage:
        between: Sequence[Sentence] = passage.sentences[last + 1 : first]
    else:
        if (before.path, before.anchor) != (passage.path, passage.anchor):
            return False
        between = (*before.sentences[last + 1 :], *passage.sentences[:first])
    return all(_KINDS.get(s.kind) == kind and s.kind != "header" for s in between)


def _count_entries(passage: Passage, n: int) -> int:
    """Count the items or rows of the list or table that a sentence is in, in its passage."""
    sentences = passage.sentences
    kind = _KINDS[sentences[n].kind]
    first = last = n
    while first and _KINDS.get(sentences[first - 1].kind) == kind:
        first -= 1
    while last + 1 < len(sentences) and _KINDS.get(sentences[last + 1].kind) == kind:
        last += 1
    entries = [n for n in range(first, last + 1) if sentences[n].kind != "header"]
    if kind == "table":
        return len(entries)
    return sum(n == first or bool(_find_marker(passage, n)[0]) for n in entries)


def _find_marker(passage: Passage, n: int) -> tuple[str, int]:
    """Find the marker of an item that begins with a sentence, and its depth in its list, from 0.

    An item of which the first sentences are left out has no marker.
    """
    start = passage.sentences[n].start
    line = passage.text.rfind("\n", 0, start) + 1
    lead = passage.text[line:start]
    marker = lead.strip() if _begins_line(passage, n) else ""
    return marker, (len(lead) - len(lead.lstrip())) // 2


def _cut_spans(
    passage: Passage,
    place: tuple[int, int],
    marks: Sequence[tuple[int, int]],
    resolve: Callable[[str], str],
) -> Cell:
    """Cut a piece of a passage where a link or a highlight begins or ends."""
    start, end = place
    links = [link for link in passage.links if start <= link.start and link.end <= end]
    edges = {start, end}
    edges.update(edge for link in links for edge in (link.start, link.end))
    edges.update(edge for mark in marks for edge in mark if start < edge < end)
    ordered = sorted(edges)
    spans = []
    for a, b in itertools.pairwise(ordered):
        url = next((link.url for link in links if link.start <= a < link.end), "")
        is_marked = any(first <= a and b <= last for first, last in marks)
        spans.append(Span(passage.text[a:b], resolve(url) if url else "", is_marked))
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
            tuple(Span(span.text, span.url, is_best and n in columns) for span in cell)
            for n, cell in enumerate(row.cells)
        )
        changed.append(BlockRow(cells, row.marker, row.level))
    return changed
