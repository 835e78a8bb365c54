"""What is read of a guide as rows of SQLite: written page by page, or taken over as they are.

Knows the tables of a generation and how a row is made and read. Must not know vectors, words or
which rows are asked for.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from assistant.index.vocabulary import find_definitions
from assistant.models.documents import (
    GuideWarning,
    PageLinks,
    ParsedPage,
    Passage,
    Resource,
    Section,
    Sentence,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    Row = tuple[Any, ...]
    Places = list[tuple[int, ...]]

# Rows are numbered in document order, and a page's own are one run in every table: it names the
# first of each. So no other table needs an index.
_SCHEMA = """
create table page (
    key integer primary key, path text, title text, url text, sha256 text, language text,
    section integer, passage integer, resource integer, oddity integer, spelling integer,
    links text, text text);
create table section (
    key integer primary key, path text, headings text, anchor text, url text,
    first integer, last integer);
create table passage (
    key integer primary key, id text, path text, headings text, anchor text, url text,
    text text, sentences text, lists_resources integer, language text);
create table resource (
    key integer primary key, title text, url text, kind text, minutes integer,
    path text, headings text, anchor text);
create table oddity (key integer primary key, path text, line integer, what text);
create table spelling (key integer primary key, acronym text, phrase text, times integer);
create table concern (
    key integer primary key, path text, line integer, what text, unread integer);
"""

PAGE_TABLES = ("section", "passage", "resource", "oddity", "spelling")
"""The tables a page has a run of rows in; its row says where each begins."""


@dataclass(frozen=True, slots=True)
class ReusedPages:
    """Neighbouring pages taken over from the generation before, by their numbers there."""

    start: int
    end: int


GuidePart = ReusedPages | ParsedPage
"""A part of a guide: pages taken over, or a page read."""


def has_same_paths(parts: Iterable[GuidePart], paths: Sequence[str]) -> bool:
    """Whether a guide in pieces has the pages there were, by path, edited at most."""
    now = (
        paths[piece.start : piece.end] if isinstance(piece, ReusedPages) else [piece.page.path]
        for piece in parts
    )
    return [path for some in now for path in some] == paths


def write_database(
    path: Path,
    parts: Sequence[GuidePart],
    *,
    guide_warnings: Iterable[GuideWarning],
    previous: Path | None = None,
) -> None:
    """Write the database of a guide that is made of these pieces, in order.

    `old` is the database of the generation before. `concerns` are of no page that was read: files
    unread, and links that lead nowhere. The bytes do not tell what was taken over.
    """
    database = sqlite3.connect(path.absolute().as_uri(), isolation_level=None, uri=True)
    try:
        database.execute("pragma journal_mode = off")
        database.execute("pragma synchronous = off")
        before: Places = []
        if previous is not None:
            database.execute("attach ? as old", (f"{previous.absolute().as_uri()}?immutable=1",))
            before = read_row_offsets(database, "old")
        database.executescript("begin;" + _SCHEMA)
        runs = list(_plan_runs(parts, before))
        for table in ("page", *PAGE_TABLES):
            _fill_table(database, table, runs)
        _insert(
            database,
            "concern",
            (
                (n, o.path, o.line, o.message, int(o.unreadable))
                for n, o in enumerate(guide_warnings)
            ),
        )
        database.execute("create unique index page_path on page (path)")
        database.execute("commit")
    finally:
        database.close()


def read_row_offsets(database: sqlite3.Connection, schema: str = "main") -> Places:
    """Where each page's rows begin: its own number, then the first in each table of its own.

    One more stands behind the last, where the rows of all pages end.
    """
    found = database.execute(
        f"select key, {', '.join(PAGE_TABLES)} from {schema}.page order by key"
    )
    ends = (
        database.execute(f"select coalesce(max(key) + 1, 0) from {schema}.{table}").fetchone()[0]
        for table in ("page", *PAGE_TABLES)
    )
    return [*found.fetchall(), tuple(ends)]


def read_headings(database: sqlite3.Connection) -> list[str]:
    """Every heading of a guide, once."""
    found = database.execute("select distinct headings from passage")
    return list(dict.fromkeys(heading for (path,) in found for heading in json.loads(path)))


def read_passage_counts(database: sqlite3.Connection) -> list[tuple[str, int]]:
    """The path of every page with how many passages it has, in order."""
    found = database.execute("select path, passage from page order by key").fetchall()
    firsts = [first for _, first in found] + [
        read_row_offsets(database)[-1][1 + PAGE_TABLES.index("passage")]
    ]
    return [(path, firsts[n + 1] - first) for n, (path, first) in enumerate(found)]


def read_acronym_definitions(database: sqlite3.Connection) -> dict[tuple[str, str], int]:
    """How often each acronym is written beside each phrase."""
    found = database.execute("select acronym, phrase, sum(times) from spelling group by 1, 2")
    return {(acronym, phrase): times for acronym, phrase, times in found}


@dataclass(frozen=True, slots=True)
class _Run:
    """A piece with where its rows begin in every table, and where they were if it was kept."""

    page: ParsedPage | None
    first_rows: tuple[int, ...]
    previous_start: tuple[int, ...] = ()
    previous_end: tuple[int, ...] = ()
    definitions: tuple[Row, ...] = ()


def _plan_runs(pieces: Iterable[GuidePart], before: Places) -> Iterator[_Run]:
    firsts = (0,) * (1 + len(PAGE_TABLES))
    for piece in pieces:
        if isinstance(piece, ReusedPages):
            start, end = before[piece.start], before[piece.end]
            yield _Run(None, firsts, start, end)
            counts = [b - a for a, b in zip(start, end, strict=True)]
        else:
            spelled = _count_definitions(piece)
            yield _Run(piece, firsts, definitions=spelled)
            of_page = (piece.sections, piece.passages, piece.resources, piece.warnings, spelled)
            counts = [1, *map(len, of_page)]
        firsts = tuple(first + count for first, count in zip(firsts, counts, strict=True))


def _fill_table(database: sqlite3.Connection, table: str, runs: Iterable[_Run]) -> None:
    """Write one table, in order: new rows from what was read, others moved to their new place."""
    shifted = ("key", *PAGE_TABLES) if table == "page" else ("key",)
    which = ("page", *PAGE_TABLES).index(table)
    columns = [name for name, *_ in database.execute(f"select * from {table}").description]
    moved = ", ".join(f"{name} + ?" if name in shifted else name for name in columns)
    copy = (
        f"insert into {table} select {moved} from old.{table} "
        "where key >= ? and key < ? order by key"
    )
    for run in runs:
        first = run.first_rows[which]
        if run.page:
            found = _new_rows(run.page, run, table)
            _insert(database, table, ((first + n, *row) for n, row in enumerate(found)))
            continue
        shift = [new - old for new, old in zip(run.first_rows, run.previous_start, strict=True)]
        by = shift if table == "page" else [shift[which]]
        database.execute(copy, (*by, run.previous_start[which], run.previous_end[which]))


def _insert(database: sqlite3.Connection, table: str, rows: Iterable[Row]) -> None:
    width = len(database.execute(f"select * from {table}").description)
    database.executemany(f"insert into {table} values ({', '.join('?' * width)})", rows)


def _page_row(read: ParsedPage, firsts: tuple[int, ...]) -> Row:
    page, links = read.page, read.links
    linked = _dump_json((links.permalink, links.anchors, links.links))
    said = (page.path, page.title, page.url, page.sha256, page.language)
    return *said, *firsts[1:], linked, page.text


def _new_rows(read: ParsedPage, run: _Run, table: str) -> Iterable[Row]:
    """The rows of one page in one table, without their numbers."""
    match table:
        case "page":
            return [_page_row(read, run.first_rows)]
        case "section":
            return [
                (s.path, _dump_json(s.headings), s.anchor, s.url, *s.lines) for s in read.sections
            ]
        case "passage":
            return [_passage_row(passage) for passage in read.passages]
        case "resource":
            return [
                (r.title, r.url, r.kind, r.minutes, r.path, _dump_json(r.headings), r.anchor)
                for r in read.resources
            ]
        case "oddity":
            return [(o.path, o.line, o.message) for o in read.warnings]
        case _:
            return run.definitions


def _count_definitions(read: ParsedPage) -> tuple[Row, ...]:
    """The acronyms a page writes beside phrases, and how often."""
    found = Counter(pair for passage in read.passages for pair in find_definitions(passage.text))
    return tuple((*pair, times) for pair, times in found.items())


def _passage_row(passage: Passage) -> Row:
    return (
        passage.id,
        passage.path,
        _dump_json(passage.headings),
        passage.anchor,
        passage.url,
        passage.text,
        _dump_json([s.start, s.end, s.kind, *s.lines] for s in passage.sentences),
        int(passage.lists_resources),
        passage.language,
    )


def _dump_json(value: Iterable[object]) -> str:
    return json.dumps(list(value), ensure_ascii=False, separators=(",", ":"))


def parse_links(path: str, text: str) -> PageLinks:
    """How a page is linked, from its path and what was kept of it."""
    permalink, anchors, found = json.loads(text)
    return PageLinks(path, permalink, tuple(anchors), tuple((n, to) for n, to in found))


def parse_section(row: Row) -> Section:
    """A section from its row."""
    _, path, headings, anchor, url, first, last = row
    return Section(path, tuple(json.loads(headings)), anchor, url, (first, last))


def parse_resource(row: Row) -> Resource:
    """A resource from its row."""
    _, title, url, kind, minutes, path, headings, anchor = row
    return Resource(title, url, kind, minutes, path, tuple(json.loads(headings)), anchor)


def parse_passages(found: Sequence[Row]) -> list[Passage]:
    """Passages from their rows; JSON is read in one go, at a third of the time."""
    headings = json.loads(f"[{','.join(row[3] for row in found)}]")
    sentences = json.loads(f"[{','.join(row[7] for row in found)}]")
    return [
        Passage(
            id=row[1],
            path=row[2],
            headings=tuple(path),
            anchor=row[4],
            url=row[5],
            text=row[6],
            sentences=tuple(
                [Sentence(start, end, kind, (one, two)) for start, end, kind, one, two in own]
            ),
            lists_resources=bool(row[8]),
            language=row[9],
        )
        for row, path, own in zip(found, headings, sentences, strict=True)
    ]
