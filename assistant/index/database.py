"""The SQLite database of a generation: the tables, and how a row is made and parsed."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from assistant.index.acronyms import find_definitions
from assistant.models.documents import (
    GuideWarning,
    LineMap,
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
    RowOffsets = list[tuple[int, ...]]

# Rows are numbered in document order, and those of a page are one run in every table. The row of a
# page has the number of its first row in each table, so that no other table needs an index.
_SCHEMA = """
create table page (
    key integer primary key, path text, title text, url text, sha256 text, language text,
    section integer, passage integer, resource integer, warning integer,
    acronym_definition integer, links text, text text, line_map text);
create table section (
    key integer primary key, path text, headings text, anchor text, url text,
    first_line integer, last_line integer);
create table passage (
    key integer primary key, id text, path text, headings text, anchor text, url text,
    text text, sentences text, lists_resources integer, language text, structure text);
create table resource (
    key integer primary key, title text, url text, kind text, minutes integer,
    path text, headings text, anchor text);
create table warning (key integer primary key, path text, line integer, message text);
create table acronym_definition (
    key integer primary key, acronym text, phrase text, times integer);
create table guide_warning (
    key integer primary key, path text, line integer, message text, unreadable integer);
"""

PAGE_TABLES = ("section", "passage", "resource", "warning", "acronym_definition")
"""The tables in which a page has a run of rows; the row of the page says where each run begins."""


@dataclass(frozen=True, slots=True)
class ReusedPages:
    """Neighbouring pages reused from the previous generation, by their numbers there."""

    start: int
    end: int


GuidePart = ReusedPages | ParsedPage
"""A part of a guide: reused pages, or a page that was read."""


def has_same_paths(parts: Iterable[GuidePart], paths: Sequence[str]) -> bool:
    """Whether a guide has the pages `paths`, which may be edited, and no others."""
    new = (
        paths[part.start : part.end] if isinstance(part, ReusedPages) else [part.page.path]
        for part in parts
    )
    return [path for part_paths in new for path in part_paths] == paths


def write_database(
    path: Path,
    parts: Sequence[GuidePart],
    *,
    guide_warnings: Iterable[GuideWarning],
    previous: Path | None = None,
) -> None:
    """Write the database of a guide that consists of these parts, in order.

    `previous` is the database that reused pages come from. `guide_warnings` belong to no single
    page: unreadable files, and broken links. The bytes do not depend on what was reused.
    """
    database = sqlite3.connect(path.absolute().as_uri(), isolation_level=None, uri=True)
    try:
        database.execute("pragma journal_mode = off")
        database.execute("pragma synchronous = off")
        old_offsets: RowOffsets = []
        if previous is not None:
            database.execute("attach ? as old", (f"{previous.absolute().as_uri()}?immutable=1",))
            old_offsets = read_row_offsets(database, "old")
        database.executescript("begin;" + _SCHEMA)
        runs = list(_plan_runs(parts, old_offsets))
        for table in ("page", *PAGE_TABLES):
            _fill_table(database, table, runs)
        warnings = (
            (n, warning.path, warning.line, warning.message, warning.unreadable + warning.is_draft)
            for n, warning in enumerate(guide_warnings)
        )
        _insert(database, "guide_warning", warnings)
        database.execute("create unique index page_path on page (path)")
        database.execute("commit")
    finally:
        database.close()


def read_row_offsets(database: sqlite3.Connection, schema: str = "main") -> RowOffsets:
    """Read where each page's rows begin: its number, then its first row in each of PAGE_TABLES.

    After the last page comes the end of every table.
    """
    rows = database.execute(f"select key, {', '.join(PAGE_TABLES)} from {schema}.page order by key")
    ends = (
        database.execute(f"select coalesce(max(key) + 1, 0) from {schema}.{table}").fetchone()[0]
        for table in ("page", *PAGE_TABLES)
    )
    return [*rows.fetchall(), tuple(ends)]


def read_headings(database: sqlite3.Connection) -> list[str]:
    """Read the distinct headings of a guide."""
    rows = database.execute("select distinct headings from passage")
    return list(dict.fromkeys(heading for (path,) in rows for heading in json.loads(path)))


def read_passage_counts(database: sqlite3.Connection) -> list[tuple[str, int]]:
    """Read (path, number of passages) of every page, in order."""
    rows = database.execute("select path, passage from page order by key").fetchall()
    end = read_row_offsets(database)[-1][1 + PAGE_TABLES.index("passage")]
    offsets = [*(first for _, first in rows), end]
    return [(path, offsets[n + 1] - first) for n, (path, first) in enumerate(rows)]


def read_acronym_definitions(database: sqlite3.Connection) -> dict[tuple[str, str], int]:
    """Read how often each acronym is beside each phrase, by (acronym, phrase)."""
    rows = database.execute(
        "select acronym, phrase, sum(times) from acronym_definition group by 1, 2"
    )
    return {(acronym, phrase): times for acronym, phrase, times in rows}


@dataclass(frozen=True, slots=True)
class _Run:
    """A part of a guide and its first row in every table; for reused pages also their old rows."""

    page: ParsedPage | None
    first_rows: tuple[int, ...]
    previous_start: tuple[int, ...] = ()
    previous_end: tuple[int, ...] = ()
    definitions: tuple[Row, ...] = ()


def _plan_runs(parts: Iterable[GuidePart], old_offsets: RowOffsets) -> Iterator[_Run]:
    first_rows = (0,) * (1 + len(PAGE_TABLES))
    for part in parts:
        if isinstance(part, ReusedPages):
            start, end = old_offsets[part.start], old_offsets[part.end]
            yield _Run(None, first_rows, start, end)
            counts = [b - a for a, b in zip(start, end, strict=True)]
        else:
            definitions = _count_definitions(part)
            yield _Run(part, first_rows, definitions=definitions)
            rows = (part.sections, part.passages, part.resources, part.warnings, definitions)
            counts = [1, *map(len, rows)]
        first_rows = tuple(first + count for first, count in zip(first_rows, counts, strict=True))


def _fill_table(database: sqlite3.Connection, table: str, runs: Iterable[_Run]) -> None:
    """Write one table, in order: the rows of new pages, and old rows with their new numbers."""
    shifted = ("key", *PAGE_TABLES) if table == "page" else ("key",)
    number = ("page", *PAGE_TABLES).index(table)
    columns = [name for name, *_ in database.execute(f"select * from {table}").description]
    moved = ", ".join(f"{name} + ?" if name in shifted else name for name in columns)
    copy = (
        f"insert into {table} select {moved} from old.{table} "
        "where key >= ? and key < ? order by key"
    )
    for run in runs:
        first = run.first_rows[number]
        if run.page:
            rows = enumerate(_new_rows(run.page, run, table), first)
            _insert(database, table, ((key, *row) for key, row in rows))
            continue
        shift = [new - old for new, old in zip(run.first_rows, run.previous_start, strict=True)]
        by = shift if table == "page" else [shift[number]]
        database.execute(copy, (*by, run.previous_start[number], run.previous_end[number]))


def _insert(database: sqlite3.Connection, table: str, rows: Iterable[Row]) -> None:
    width = len(database.execute(f"select * from {table}").description)
    database.executemany(f"insert into {table} values ({', '.join('?' * width)})", rows)


def _new_rows(parsed: ParsedPage, run: _Run, table: str) -> Iterable[Row]:
    """Make the rows of one page in one table, without their numbers."""
    match table:
        case "page":
            return [_page_row(parsed, run.first_rows)]
        case "section":
            return [
                (s.path, _dump_json(s.headings), s.anchor, s.url, *s.lines) for s in parsed.sections
            ]
        case "passage":
            return [_passage_row(passage) for passage in parsed.passages]
        case "resource":
            return [
                (r.title, r.url, r.kind, r.minutes, r.path, _dump_json(r.headings), r.anchor)
                for r in parsed.resources
            ]
        case "warning":
            return [(w.path, w.line, w.message) for w in parsed.warnings]
        case _:
            return run.definitions


def _page_row(parsed: ParsedPage, first_rows: tuple[int, ...]) -> Row:
    page, links = parsed.page, parsed.links
    own = (page.path, page.title, page.url, page.sha256, page.language)
    links_json = _dump_json((links.permalink, links.anchors, links.links))
    return *own, *first_rows[1:], links_json, page.text, _dump_json(page.line_map.runs)


def _count_definitions(parsed: ParsedPage) -> tuple[Row, ...]:
    """Count how often a page writes each acronym beside each phrase."""
    counts = Counter(pair for passage in parsed.passages for pair in find_definitions(passage.text))
    return tuple((*pair, times) for pair, times in counts.items())


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
        passage.structure,
    )


def _dump_json(value: Iterable[object]) -> str:
    return json.dumps(list(value), ensure_ascii=False, separators=(",", ":"))


def parse_links(path: str, text: str) -> PageLinks:
    """Parse the links of a page, from its path and its column `links`."""
    permalink, anchors, links = json.loads(text)
    return PageLinks(path, permalink, tuple(anchors), tuple((line, to) for line, to in links))


def parse_line_map(text: str) -> LineMap:
    """Parse the column `line_map` of a page."""
    return LineMap(tuple((first, origin, counts) for first, origin, counts in json.loads(text)))


def parse_section(row: Row) -> Section:
    """Parse a row of `section`."""
    _, path, headings, anchor, url, first, last = row
    return Section(path, tuple(json.loads(headings)), anchor, url, (first, last))


def parse_resource(row: Row) -> Resource:
    """Parse a row of `resource`."""
    _, title, url, kind, minutes, path, headings, anchor = row
    return Resource(title, url, kind, minutes, path, tuple(json.loads(headings)), anchor)


def parse_passages(rows: Sequence[Row]) -> list[Passage]:
    """Parse rows of `passage`, all their JSON at once, which takes a third of the time."""
    headings = json.loads(f"[{','.join(row[3] for row in rows)}]")
    sentences = json.loads(f"[{','.join(row[7] for row in rows)}]")
    return [
        Passage(
            id=row[1],
            path=row[2],
            headings=tuple(path),
            anchor=row[4],
            url=row[5],
            text=row[6],
            sentences=tuple(
                [Sentence(start, end, kind, (a, b)) for start, end, kind, a, b in own_sentences]
            ),
            lists_resources=bool(row[8]),
            language=row[9],
            structure=row[10],
        )
        for row, path, own_sentences in zip(rows, headings, sentences, strict=True)
    ]
