"""One generation of an index on disk: passages, vectors and words, written once and then read.

Knows which files a generation has, and which rows of them are asked for. Must not know where
vectors come from, what a question means, or which generation is current.
"""

from __future__ import annotations

import itertools
import json
import sqlite3
import sys
import threading
from copy import copy
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from assistant.index import arrays, statistics, term_matches, vocabulary
from assistant.index import database as database_module
from assistant.index import forward_index as lexicons
from assistant.index import vectors as vector_search
from assistant.index.arrays import MappedMatrix
from assistant.index.bm25 import Bm25
from assistant.index.database import ReusedPages
from assistant.index.statistics import TermStatistics
from assistant.index.term_matches import TermPositions
from assistant.index.vectors import VectorIndex
from assistant.index.vocabulary import Vocabulary
from assistant.models.answers import Candidates
from assistant.models.documents import (
    GuideWarning,
    Page,
    PageLinks,
    ParsedPage,
    Passage,
    Resource,
    Section,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from assistant.index.database import GuidePart
    from assistant.index.forward_index import ForwardIndex

    Vectors = NDArray[np.float32]
    Rough = NDArray[np.int8]

_DATABASE_FILE = "passages.sqlite"

# How many pages' vectors are asked for at once when they are written.
_PAGES_PER_PART = 64
_ROWS_PER_QUERY = 500


class VectorSource(Protocol):
    """Where the vectors of texts come from."""

    def float32(self, texts: Sequence[str]) -> Vectors:
        """One unit vector a text."""

    def int8(self, texts: Sequence[str]) -> Rough:
        """One vector a text, as `quantise` makes it."""


class FaissStore:
    """An opened generation: exact vector search, BM25, and passages by number; safe to share.

    A passage's number is its place in document order, so that equal scores fall back on it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.excluded: frozenset[int] = frozenset()
        self._database = sqlite3.connect(
            f"{(folder / _DATABASE_FILE).absolute().as_uri()}?mode=ro&immutable=1",
            uri=True,
            check_same_thread=False,
        )
        self._lock = threading.Lock()
        self._passages = VectorIndex(folder / "vectors.npy")
        self._resources = VectorIndex(folder / "resources.npy")
        self._sentences = MappedMatrix(folder / "sentences.npy")
        self._first_sentence: NDArray[np.int64] = arrays.map_array(folder / "first_sentence.npy")
        self._terms = MappedMatrix(folder / "terms.npy")
        self._first_term: NDArray[np.int64] = arrays.map_array(folder / "first_term.npy")
        self.vocabulary = Vocabulary.from_dict(
            json.loads((folder / "vocabulary.json").read_text(encoding="utf-8"))
        )
        self._words = Bm25(folder, list(self.vocabulary.document_frequency), passages=self.size)

    @staticmethod
    def write(
        folder: Path,
        parts: Sequence[GuidePart],
        vectors: VectorSource,
        *,
        guide_warnings: Iterable[GuideWarning] = (),
        previous: FaissStore | None = None,
        flat_up_to: int = vector_search.FLAT_UP_TO,
    ) -> None:
        """Write a generation's files into an empty folder.

        `pieces` are the guide in order, `old` the generation its kept pages come from. Bytes
        depend on the guide and its vectors alone, not on what was kept. `concerns` are oddities
        of no page that was read. More vectors than `exact_up_to` get lists.
        """
        before = previous.folder / _DATABASE_FILE if previous else None
        database_module.write_database(
            folder / _DATABASE_FILE, parts, guide_warnings=guide_warnings, previous=before
        )
        split = list(_split_parts(parts, vectors, previous))
        _write_vectors(folder, split, exact_up_to=flat_up_to)
        _write_terms(folder, split)
        found = statistics.count_terms(
            [part.words() for part in split], previous.statistics if previous else None
        )
        found.write(folder)
        acronyms = _collect_acronyms(folder, parts, found.forward_index, previous)
        _write_json(
            folder / "vocabulary.json",
            vocabulary.count_vocabulary(found.forward_index, found.postings, acronyms).to_dict(),
        )

    def close(self) -> None:
        """Let go of the database file."""
        self._database.close()

    def candidates(self, vector: Vectors, question_terms: Sequence[str], k: int) -> Candidates:
        """The k best passages of each arm, best first, ties in document order.

        Cosines are in [-1, 1]; lexical scores are BM25 and above 0.
        """
        most = k + len(self.excluded)
        dense = self._passages.search(vector, most)
        lexical = self._words.top_k(question_terms, most)
        if self.excluded:
            dense = [pair for pair in dense if pair[0] not in self.excluded][:k]
            lexical = [pair for pair in lexical if pair[0] not in self.excluded][:k]
        return Candidates(tuple(dense), tuple(lexical))

    def excluding(self, keys: Iterable[int]) -> FaissStore:
        """The same generation, where some passages are neither found nor counted."""
        seen = copy(self)
        seen.excluded = frozenset(keys)
        seen.vocabulary = self.vocabulary.excluding(self.passages(sorted(seen.excluded)))
        return seen

    def cosines(self, vector: Vectors, keys: Sequence[int]) -> Vectors:
        """The cosine of a unit vector with each of the passages named."""
        return self._passages.cosines(vector, keys)

    def sentence_cosines(self, vector: Vectors, keys: Sequence[int]) -> Vectors:
        """The cosine of a unit vector with each sentence of the passages named, in order."""
        rows = self._passage_rows(self._sentences, self._first_sentence, keys).astype(np.float32)
        norms = np.maximum(np.sqrt(vector_search.dot_products(rows, rows)), 1e-9)
        return (vector_search.dot_products(rows, vector) / norms).astype(np.float32, copy=False)

    def term_positions(self, keys: Sequence[int]) -> TermPositions:
        """What the passages named tell, in the order asked for."""
        numbers = np.asarray(keys, dtype=np.int64)
        counts = self._first_sentence[numbers + 1] - self._first_sentence[numbers]
        return TermPositions.from_rows(
            self._passage_rows(self._terms, self._first_term, keys)[:, 0], counts
        )

    def _passage_rows(
        self, rows: MappedMatrix, first: NDArray[np.int64], keys: Sequence[int]
    ) -> NDArray[Any]:
        """The rows of the passages named, where each passage's begin at its `first`."""
        numbers = np.asarray(keys, dtype=np.int64)
        return rows.read_runs(first[numbers], first[numbers + 1])

    def resources_near(self, vector: Vectors, k: int) -> list[tuple[int, float]]:
        """The k resources whose titles are nearest to a unit vector, by number and cosine."""
        return self._resources.search(vector, k)

    def resource_cosines(self, vector: Vectors, keys: Sequence[int]) -> Vectors:
        """The cosine of a unit vector with the titles of the resources named."""
        return self._resources.cosines(vector, keys)

    def resources(self, keys: Sequence[int]) -> list[Resource]:
        """Resources by number, in the order asked for."""
        if not keys:
            return []
        marks = ",".join("?" * len(keys))
        found = self._rows(f"select * from resource where key in ({marks})", *keys)
        by_key = {row[0]: database_module.parse_resource(row) for row in found}
        return [by_key[key] for key in keys]

    def passages(self, keys: Sequence[int]) -> list[Passage]:
        """Passages by number, in the order asked for."""
        found = self._rows(
            f"select * from passage where key in ({','.join('?' * len(keys))})", *keys
        )
        by_key = dict(
            zip((row[0] for row in found), database_module.parse_passages(found), strict=True)
        )
        return [by_key[key] for key in keys]

    def section_passages(self, path: str, anchor: str) -> list[tuple[int, Passage]]:
        """The passages of one section with their numbers, in order."""
        found = [row for row in self._page_rows("passage", path) if row[4] == anchor]
        return list(
            zip((row[0] for row in found), database_module.parse_passages(found), strict=True)
        )

    def sections(self, path: str) -> list[Section]:
        """The sections of a page, in order."""
        return [database_module.parse_section(row) for row in self._page_rows("section", path)]

    def page_resources(self, path: str) -> list[tuple[int, Resource]]:
        """The resources of a page with their numbers, in order."""
        return [
            (row[0], database_module.parse_resource(row))
            for row in self._page_rows("resource", path)
        ]

    def page(self, path: str) -> Page | None:
        """One page by its path inside the guide, or None."""
        found = self._rows(
            "select path, title, url, sha256, text, language from page where path = ?", path
        )
        return Page(*found[0]) if found else None

    def page_digest(self, path: str) -> str:
        """The sha256 of one page by its path inside the guide."""
        return str(self._rows("select sha256 from page where path = ?", path)[0][0])

    def page_paths(self) -> list[str]:
        """The paths of all pages, sorted."""
        return [row[0] for row in self._rows("select path from page order by path")]

    def languages(self) -> list[str]:
        """The languages that pages say they are in, sorted."""
        found = self._rows("select distinct language from page where language > '' order by 1")
        return [row[0] for row in found]

    # -- what a build asks --------------------------------------------------------------------

    @cached_property
    def row_offsets(self) -> NDArray[np.int64]:
        """Where each page's rows begin in every table, with where the last one's end behind."""
        with self._lock:
            return np.array(database_module.read_row_offsets(self._database), dtype=np.int64)

    def page_digests(self) -> dict[str, str]:
        """The sha256 of every page by path, in order."""
        return dict(self._rows("select path, sha256 from page order by key"))

    def all_page_links(self) -> dict[str, PageLinks]:
        """How every page is linked, by path, in order."""
        found = self._rows("select path, links from page order by key")
        return {path: database_module.parse_links(path, text) for path, text in found}

    def page_links(self, path: str) -> PageLinks:
        """How one page is linked."""
        found = self._rows("select path, links from page where path = ?", path)
        return database_module.parse_links(*found[0])

    def guide_warnings(self) -> tuple[GuideWarning, ...]:
        """Files unread, and links that lead nowhere."""
        found = self._rows("select path, line, what, unread from concern order by key")
        return tuple(
            GuideWarning(path, line, what, bool(unread)) for path, line, what, unread in found
        )

    def warnings(self) -> tuple[GuideWarning, ...]:
        """What was odd: files unread, then what was odd in pages, then links that lead nowhere."""
        of_pages = self._rows("select path, line, what from oddity order by key")
        concerns = self.guide_warnings()
        return (
            *(oddity for oddity in concerns if oddity.unreadable),
            *(GuideWarning(*row) for row in of_pages),
            *(oddity for oddity in concerns if not oddity.unreadable),
        )

    def page_passages(self, path: str) -> list[Passage]:
        """The passages of a page, in order."""
        return database_module.parse_passages(self._page_rows("passage", path))

    @property
    def size(self) -> int:
        """How many passages there are."""
        return len(self._passages.vectors)

    def count_passages(self, pages: ReusedPages) -> int:
        """How many passages some pages have."""
        passage = 1 + database_module.PAGE_TABLES.index("passage")
        return int(self.row_offsets[pages.end, passage] - self.row_offsets[pages.start, passage])

    @property
    def vector_bytes(self) -> int:
        """How many bytes the vectors take."""
        kept = (self._passages.vectors, self._sentences, self._resources.vectors)
        return sum(each.array.nbytes for each in kept)

    def all_passages(self) -> Iterator[Passage]:
        """Every passage, in order; few are in memory at a time."""
        for start in range(0, self.size, _ROWS_PER_QUERY):
            yield from self.passages(range(start, min(start + _ROWS_PER_QUERY, self.size)))

    def all_resources(self) -> Iterator[Resource]:
        """Every resource, in document order; few are in memory at a time."""
        size = len(self._resources.vectors)
        for start in range(0, size, _ROWS_PER_QUERY):
            yield from self.resources(range(start, min(start + _ROWS_PER_QUERY, size)))

    def passage_vectors(self) -> Vectors:
        """The vector of every passage, in order."""
        return self._passages.vectors.array

    def sentence_vectors(self, passages: slice) -> Rough:
        """The vectors of the sentences of some passages, in order."""
        start, end = self._first_sentence[[passages.start, passages.stop]]
        return self._sentences.array[start:end]

    def sentence_counts(self, passages: slice) -> NDArray[np.int64]:
        """How many sentences each of some passages has."""
        return np.diff(self._first_sentence[passages.start : passages.stop + 1])

    def term_rows(self, passages: slice) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """The rows of some passages as numbers, in order, and how long each is."""
        first = self._first_term[passages.start : passages.stop + 1]
        return self._terms.array[first[0] : first[-1]], np.diff(first)

    def resource_vectors(self) -> Vectors:
        """The vector of every resource's title, in order."""
        return self._resources.vectors.array

    @cached_property
    def statistics(self) -> TermStatistics:
        """What was counted of its words."""
        return TermStatistics.read(self.folder)

    def _page_rows(self, table: str, path: str) -> list[tuple[Any, ...]]:
        """The rows of one page in one table, in order."""
        found = self._rows(
            f"select {table}, (select {table} from page as later where later.key = page.key + 1) "
            "from page where path = ?",
            path,
        )
        if not found:
            return []
        start, end = found[0]
        end = sys.maxsize if end is None else end  # the last page's go on to the last row
        return self._rows(f"select * from {table} where key >= ? and key < ?", start, end)

    def _rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        with self._lock:
            return self._database.execute(query, values).fetchall()


def quantize(vectors: Vectors) -> NDArray[np.int8]:
    """Unit rows to int8, each scaled to a largest part of 127; a cosine moves by about .002."""
    largest = np.maximum(np.abs(vectors).max(axis=1, keepdims=True), 1e-9)
    return np.asarray(np.rint(vectors / largest * 127), dtype=np.int8)


@dataclass(frozen=True, slots=True)
class _ReadPart:
    """Pages that were read, whose vectors are asked for."""

    pages: tuple[ParsedPage, ...]
    vectors: VectorSource

    def _passages(self) -> list[Passage]:
        return [passage for page in self.pages for passage in page.passages]

    def passages(self) -> Vectors:
        return self.vectors.float32([passage.search_text for passage in self._passages()])

    def sentences(self) -> Rough:
        texts = [text for passage in self._passages() for text in passage.sentence_texts]
        return self.vectors.int8(texts)

    def sentence_counts(self) -> NDArray[np.int64]:
        return np.array([len(passage.sentences) for passage in self._passages()], dtype=np.int64)

    def resources(self) -> Vectors:
        return self.vectors.float32([r.title for page in self.pages for r in page.resources])

    def words(self) -> ForwardIndex:
        return lexicons.index_passages(self._passages())

    def terms(self) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        found = [term_matches.term_row(passage) for passage in self._passages()]
        numbers = np.array([*itertools.chain(*found)], dtype=np.int32).reshape(-1, 1)
        return numbers, np.array([*map(len, found)], dtype=np.int64)


@dataclass(frozen=True, slots=True)
class _ReusedPart:
    """Neighbouring pages of another generation, by the rows they have there."""

    store: FaissStore
    passage: slice
    resource: slice

    def passages(self) -> Vectors:
        return self.store.passage_vectors()[self.passage]

    def sentences(self) -> Rough:
        return self.store.sentence_vectors(self.passage)

    def sentence_counts(self) -> NDArray[np.int64]:
        return self.store.sentence_counts(self.passage)

    def resources(self) -> Vectors:
        return self.store.resource_vectors()[self.resource]

    def words(self) -> slice:
        return self.passage

    def terms(self) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        return self.store.term_rows(self.passage)


def _split_parts(
    pieces: Iterable[GuidePart], vectors: VectorSource, old: FaissStore | None
) -> Iterator[_ReadPart | _ReusedPart]:
    """The pieces, with the pages that stand together taken together."""
    passage, resource = (
        1 + database_module.PAGE_TABLES.index(name) for name in ("passage", "resource")
    )
    pages: list[ParsedPage] = []
    for piece in pieces:
        if isinstance(piece, ParsedPage):
            pages.append(piece)
        if pages and (len(pages) == _PAGES_PER_PART or isinstance(piece, ReusedPages)):
            yield _ReadPart(tuple(pages), vectors)
            pages.clear()
        if isinstance(piece, ReusedPages) and old:
            start, end = old.row_offsets[[piece.start, piece.end]].tolist()
            yield _ReusedPart(
                old, slice(start[passage], end[passage]), slice(start[resource], end[resource])
            )
    if pages:
        yield _ReadPart(tuple(pages), vectors)


def _write_vectors(
    folder: Path, parts: Sequence[_ReadPart | _ReusedPart], *, exact_up_to: int
) -> None:
    """Write the files of vectors part by part, so that few are in memory at a time."""
    texts = (part.passages() for part in parts)
    width = vector_search.write_vectors(folder / "vectors.npy", texts, flat_up_to=exact_up_to)
    titles = (part.resources() for part in parts)
    vector_search.write_vectors(
        folder / "resources.npy", titles, width=width, flat_up_to=exact_up_to
    )
    sentences = (part.sentences() for part in parts)
    arrays.write_rows(folder / "sentences.npy", sentences, np.int8, width=width)
    first = np.cumsum(np.concatenate([[0], *(part.sentence_counts() for part in parts)]))
    np.save(folder / "first_sentence.npy", first.astype(np.int64))


def _write_terms(folder: Path, parts: Sequence[_ReadPart | _ReusedPart]) -> None:
    """Write what passages tell part by part, as vectors are."""
    lengths: list[NDArray[np.int64]] = [np.zeros(1, dtype=np.int64)]

    def numbers() -> Iterator[NDArray[np.int32]]:
        for found, own in (part.terms() for part in parts):
            lengths.append(own)
            yield found

    arrays.write_rows(folder / "terms.npy", numbers(), np.int32, width=1)
    np.save(folder / "first_term.npy", np.cumsum(np.concatenate(lengths)))


def _collect_acronyms(
    folder: Path, pieces: Sequence[GuidePart], lexicon: ForwardIndex, old: FaissStore | None
) -> dict[str, tuple[vocabulary.Expansion, ...]]:
    """The acronyms of a guide, those of the generation before where they are the same."""
    read = {piece.page.path: piece.passages for piece in pieces if isinstance(piece, ParsedPage)}
    if old and database_module.has_same_paths(pieces, list(old.page_digests())):
        edits = {path: (old.page_passages(path), after) for path, after in read.items()}
        if statistics.acronyms_unchanged(old.statistics.forward_index, lexicon, edits):
            return old.vocabulary.acronyms
    database = sqlite3.connect((folder / _DATABASE_FILE).absolute().as_uri(), uri=True)
    try:
        return vocabulary.collect_acronyms(
            lexicon,
            headings=database_module.read_headings(database),
            pages=database_module.read_passage_counts(database),
            definitions=database_module.read_acronym_definitions(database),
        )
    finally:
        database.close()


def _write_json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False), encoding="utf-8")
