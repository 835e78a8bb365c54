"""Find the lists and tables of a section, and quote some of their items or rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from assistant.answering.quotes import Quote
from assistant.readers.inline import CELL_BORDER

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from assistant.models.documents import Passage

Place = tuple["Passage", int]
"""A sentence: its passage, and its number there."""


@dataclass(frozen=True, slots=True)
class Entry:
    """An item of a list or a row of a table: its sentences in one passage, and its cells.

    An item has one cell.
    """

    passage: Passage
    first: int
    last: int
    cells: tuple[str, ...]

    @property
    def text(self) -> str:
        """The text of all cells."""
        return CELL_BORDER.join(self.cells)


@dataclass(frozen=True, slots=True)
class EntryGroup:
    """A list or a table; `header` are the cells of a table's header, and `lead` is where it stands.

    For a list, `lead` is the sentence that introduces it, and `header` is its text.
    """

    entries: tuple[Entry, ...]
    header: tuple[str, ...] = ()
    lead: Place | None = None
    is_table: bool = False


def find_groups(passages: Iterable[Passage]) -> list[EntryGroup]:
    """Find the lists and tables in the passages of a section; each may go on in the next one."""
    groups: list[EntryGroup] = []
    entries: list[Entry] = []
    lead: Place | None = None
    kind = ""

    def close() -> None:
        if entries:
            groups.append(_make_group(tuple(entries), lead, is_table=kind == "row"))
            entries.clear()

    for passage, first, last in _find_lines(passages):
        own = passage.sentences[first].kind
        if own in {"item", "row"}:
            if own != kind:
                close()
                lead = lead if not kind else None
            kind = own
            text = passage.text[passage.sentences[first].start : passage.sentences[last].end]
            cells = _split_cells(passage, first) if own == "row" else (text,)
            entries.append(Entry(passage, first, last, cells))
            continue
        close()
        kind, lead = "", (passage, last)
    close()
    return groups


def _find_lines(passages: Iterable[Passage]) -> Iterator[tuple[Passage, int, int]]:
    """Yield the first and last sentence of each block: those on the same lines of the file."""
    for passage in passages:
        sentences = passage.sentences
        first = 0
        for n, sentence in enumerate(sentences):
            following = sentences[n + 1] if n + 1 < len(sentences) else None
            if following and (following.kind, following.lines) == (sentence.kind, sentence.lines):
                continue
            yield passage, first, n
            first = n + 1


def _split_cells(passage: Passage, n: int) -> tuple[str, ...]:
    """Split a row into the texts of its cells, also the empty ones."""
    cells = passage.cells(passage.sentences[n])
    return tuple(passage.text[cell.start : cell.end] for cell in cells)


def _make_group(entries: tuple[Entry, ...], lead: Place | None, *, is_table: bool) -> EntryGroup:
    if lead is None:
        return EntryGroup(entries, is_table=is_table)
    passage, n = lead
    sentence = passage.sentences[n]
    text = passage.slice(sentence)
    if is_table and sentence.kind == "header":
        return EntryGroup(entries, _split_cells(passage, n), lead, is_table)
    if not is_table and sentence.kind == "prose" and text.rstrip().endswith(":"):
        return EntryGroup(entries, (text,), lead)
    return EntryGroup(entries, is_table=is_table)


def quote_entries(group: EntryGroup, entries: Sequence[Entry]) -> list[Quote]:
    """Quote some entries of a group, in their order, after the header of a table."""
    quotes: list[Quote] = []
    if group.lead and group.is_table:
        passage, n = group.lead
        quotes.append(Quote(passage, n, n))
    for entry in entries:
        quote = Quote(entry.passage, entry.first, entry.last)
        before = quotes[-1] if quotes else None
        if before and before.passage is quote.passage and before.last + 1 == quote.first:
            quotes[-1] = Quote(quote.passage, before.first, quote.last)
        else:
            quotes.append(quote)
    return quotes
