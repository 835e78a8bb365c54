"""Read one generation of an index: search its passages and look up its rows."""

from __future__ import annotations

import json
import sqlite3
import sys
import threading
from copy import copy
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from cachetools import LRUCache

from assistant.guide.front_matter import read_synonyms
from assistant.index import database
from assistant.index.arrays import ArrayReader
from assistant.index.bm25 import Bm25
from assistant.index.statistics import TermStatistics
from assistant.index.term_matches import TermPositions
from assistant.index.vectors import VectorIndex, dot_products
from assistant.index.vocabulary import Vocabulary
from assistant.models.answers import Candidates
from assistant.models.documents import (
    GuideWarning,
    Page,
    PageLinks,
    Passage,
    Resource,
    Section,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from assistant.index.arrays import ArraySpec, MappedMatrix
    from assistant.index.database import ReusedPages
    from assistant.models.documents import LineMap

    Vectors = NDArray[np.float32]
    Int8Vectors = NDArray[np.int8]

DATABASE_FILE = "passages.sqlite"
VOCABULARY_FILE = "vocabulary.json"
PASSAGE_VECTORS_FILE = "vectors.faiss"
RESOURCE_VECTORS_FILE = "resources.faiss"

_ROWS_PER_QUERY = 500

_MAX_CACHED_PAGES = 96
"""How many pages' rows of one table stay in memory: an answer reads those of its pages again."""

_MAX_SYNONYM_CHARS = 4000
"""How far into a page its front matter may begin to declare synonyms."""


class FaissStore:
    """An opened generation: vector search, BM25, and passages by number; thread-safe.

    A passage's number is its place in document order, which decides between equal scores.
    `arrays` are the types and shapes that the manifest gives.
    """

    def __init__(self, folder: Path, arrays: Mapping[str, ArraySpec]) -> None:
        self.folder = folder
        self.arrays = arrays
        self.excluded: frozenset[int] = frozenset()
        self._database = sqlite3.connect(
            f"{(folder / DATABASE_FILE).absolute().as_uri()}?mode=ro&immutable=1",
            uri=True,
            check_same_thread=False,
        )
        self._lock = threading.Lock()
        self._page_cache: LRUCache[tuple[str, str], list[Any]] = LRUCache(_MAX_CACHED_PAGES)
        self._cache_lock = threading.Lock()
        reader = ArrayReader(folder, arrays)
        self._passages = VectorIndex(folder / PASSAGE_VECTORS_FILE)
        self._resources = VectorIndex(folder / RESOURCE_VECTORS_FILE)
        self._sentences = reader.open_matrix("sentence_vectors.bin")
        self._sentence_offsets: NDArray[np.int64] = reader.map("sentence_offsets.bin")
        self._term_rows = reader.open_matrix("term_rows.bin")
        self._term_row_offsets: NDArray[np.int64] = reader.map("term_row_offsets.bin")
        vocabulary = json.loads((folder / VOCABULARY_FILE).read_text(encoding="utf-8"))
        self.vocabulary = Vocabulary.from_dict(vocabulary)
        terms = list(self.vocabulary.document_frequency)
        self._bm25 = Bm25(reader, terms, passages=self.size)

    def close(self) -> None:
        """Close the database file."""
        self._database.close()

    # -- search -------------------------------------------------------------------------------

    def candidates(self, vector: Vectors, query_terms: Sequence[str], k: int) -> Candidates:
        """Find the k best passages of each retriever, best first, ties in document order.

        Cosines are in [-1, 1]; lexical scores are BM25 and above 0.
        """
        fetched = k + len(self.excluded)
        dense = self._passages.search(vector, fetched)
        lexical = self._bm25.top_k(query_terms, fetched)
        if self.excluded:
            dense = [pair for pair in dense if pair[0] not in self.excluded][:k]
            lexical = [pair for pair in lexical if pair[0] not in self.excluded][:k]
        return Candidates(tuple(dense), tuple(lexical))

    def excluding(self, keys: Iterable[int]) -> FaissStore:
        """Return the same generation without some passages: neither returned nor counted."""
        store = copy(self)
        store.excluded = frozenset(keys)
        store.vocabulary = self.vocabulary.excluding(self.passages(sorted(store.excluded)))
        return store

    def cosines(self, vector: Vectors, keys: Sequence[int]) -> Vectors:
        """Compute the cosine of a unit vector with each of some passages."""
        return self._passages.cosines(vector, keys)

    def sentence_cosines(self, vector: Vectors, keys: Sequence[int]) -> Vectors:
        """Compute the cosine of a unit vector with each sentence of the passages, in order."""
        int8_rows = self._read_rows(self._sentences, self._sentence_offsets, keys)
        rows = int8_rows.astype(np.float32)
        norms = np.maximum(np.sqrt(dot_products(rows, rows)), 1e-9)
        return (dot_products(rows, vector) / norms).astype(np.float32, copy=False)

    def term_positions(self, keys: Sequence[int]) -> TermPositions:
        """Read the term positions of passages, in the order of the keys."""
        numbers = np.asarray(keys, dtype=np.int64)
        sentences = self._sentence_offsets[numbers + 1] - self._sentence_offsets[numbers]
        codes = self._read_rows(self._term_rows, self._term_row_offsets, keys)[:, 0]
        return TermPositions.from_rows(codes, sentences)

    def _read_rows(
        self, matrix: MappedMatrix, offsets: NDArray[np.int64], keys: Sequence[int]
    ) -> NDArray[Any]:
        numbers = np.asarray(keys, dtype=np.int64)
        return matrix.read_runs(offsets[numbers], offsets[numbers + 1])

    def resources_near(self, vector: Vectors, k: int) -> list[tuple[int, float]]:
        """Find the k resources whose titles are nearest to a unit vector, as (number, cosine)."""
        return self._resources.search(vector, k)

    def resource_cosines(self, vector: Vectors, keys: Sequence[int]) -> Vectors:
        """Compute the cosine of a unit vector with the title of each of some resources."""
        return self._resources.cosines(vector, keys)

    # -- pages, sections, passages and resources --------------------------------------------------

    @property
    def size(self) -> int:
        """The number of passages."""
        return len(self._passages)

    def passages(self, keys: Sequence[int]) -> list[Passage]:
        """Read passages by number, in the order of the keys."""
        marks = ",".join("?" * len(keys))
        rows = self._select(f"select * from passage where key in ({marks})", *keys)
        by_key = dict(zip((row[0] for row in rows), database.parse_passages(rows), strict=True))
        return [by_key[key] for key in keys]

    def resources(self, keys: Sequence[int]) -> list[Resource]:
        """Read resources by number, in the order of the keys."""
        marks = ",".join("?" * len(keys))
        rows = self._select(f"select * from resource where key in ({marks})", *keys)
        by_key = {row[0]: database.parse_resource(row) for row in rows}
        return [by_key[key] for key in keys]

    def section_passages(self, path: str, anchor: str) -> list[tuple[int, Passage]]:
        """Read the passages of one section with their numbers, in order."""
        rows = [row for row in self._page_rows("passage", path) if row[4] == anchor]
        return list(zip((row[0] for row in rows), database.parse_passages(rows), strict=True))

    def find_passage(self, path: str, passage_id: str) -> Passage | None:
        """Read a passage by its page and its id; None where there is none."""
        rows = [row for row in self._page_rows("passage", path) if row[1] == passage_id]
        return next(iter(database.parse_passages(rows)), None)

    def sections(self, path: str) -> list[Section]:
        """Read the sections of a page, in order."""
        return [database.parse_section(row) for row in self._page_rows("section", path)]

    def page_resources(self, path: str) -> list[tuple[int, Resource]]:
        """Read the resources of a page with their numbers, in order."""
        return [(row[0], database.parse_resource(row)) for row in self._page_rows("resource", path)]

    def page_passages(self, path: str) -> list[Passage]:
        """Read the passages of a page, in order."""
        return database.parse_passages(self._page_rows("passage", path))

    def page(self, path: str) -> Page | None:
        """Read one page by its path inside the guide; None if there is none."""
        rows = self._select(
            "select path, title, url, sha256, text, language, line_map from page where path = ?",
            path,
        )
        if not rows:
            return None
        path, title, url, sha256, text, language, line_map = rows[0]
        runs = database.parse_line_map(line_map)
        return Page(path, title, url, sha256, text, language, runs)

    def declared_synonyms(self) -> dict[str, tuple[str, ...]]:
        """Read the synonyms and aliases of pages in their front matter, in the order of pages."""
        rows = self._select(
            "select title, text from page where substr(text, 1, ?) like '%synonyms%'"
            " or substr(text, 1, ?) like '%alias%' order by key",
            _MAX_SYNONYM_CHARS,
            _MAX_SYNONYM_CHARS,
        )
        synonyms: dict[str, tuple[str, ...]] = {}
        for title, text in rows:
            for own, words in read_synonyms(text, title).items():
                synonyms[own] = (*synonyms.get(own, ()), *words)
        return synonyms

    def page_digest(self, path: str) -> str:
        """Read the sha256 of one page."""
        return str(self._select("select sha256 from page where path = ?", path)[0][0])

    def line_map(self, path: str) -> LineMap:
        """Read what leads from the lines of a page's text to those of its file."""
        rows = self._select("select line_map from page where path = ?", path)
        return database.parse_line_map(rows[0][0])

    def page_paths(self) -> list[str]:
        """List the paths of all pages, sorted."""
        return [row[0] for row in self._select("select path from page order by path")]

    def page_titles(self) -> list[tuple[str, str]]:
        """List the path and the title of every page, in order."""
        return [
            (row[0], row[1]) for row in self._select("select path, title from page order by key")
        ]

    def languages(self) -> list[str]:
        """List the languages that pages declare, sorted."""
        rows = self._select("select distinct language from page where language > '' order by 1")
        return [row[0] for row in rows]

    # -- what a build needs from the previous generation ------------------------------------------

    @cached_property
    def row_offsets(self) -> NDArray[np.int64]:
        """The first row of each page in every table, and the end of the last page's."""
        with self._lock:
            return np.array(database.read_row_offsets(self._database), dtype=np.int64)

    @cached_property
    def statistics(self) -> TermStatistics:
        """The term statistics of the guide."""
        return TermStatistics.read(self.folder, ArrayReader(self.folder, self.arrays))

    def page_digests(self) -> dict[str, str]:
        """Read the sha256 of every page by path, in order."""
        return dict(self._select("select path, sha256 from page order by key"))

    def page_links(self, path: str) -> PageLinks:
        """Read the links of one page."""
        rows = self._select("select path, links from page where path = ?", path)
        return database.parse_links(*rows[0])

    def all_page_links(self) -> dict[str, PageLinks]:
        """Read the links of every page by path, in order."""
        rows = self._select("select path, links from page order by key")
        return {path: database.parse_links(path, text) for path, text in rows}

    def guide_warnings(self) -> tuple[GuideWarning, ...]:
        """Read the warnings that belong to no single page: unreadable files, and broken links."""
        rows = self._select(
            "select path, line, message, unreadable from guide_warning order by key"
        )
        return tuple(
            GuideWarning(path, line, message, unreadable > 0, unreadable > 1)
            for path, line, message, unreadable in rows
        )

    def warnings(self) -> tuple[GuideWarning, ...]:
        """Read all warnings: unreadable files, then those of pages, then broken links."""
        of_pages = self._select("select path, line, message from warning order by key")
        of_guide = self.guide_warnings()
        return (
            *(warning for warning in of_guide if warning.unreadable),
            *(GuideWarning(*row) for row in of_pages),
            *(warning for warning in of_guide if not warning.unreadable),
        )

    def count_passages(self, pages: ReusedPages) -> int:
        """Count the passages of some pages."""
        passage = 1 + database.PAGE_TABLES.index("passage")
        return int(self.row_offsets[pages.end, passage] - self.row_offsets[pages.start, passage])

    @property
    def vector_bytes(self) -> int:
        """The size of all vectors in bytes."""
        return self._passages.nbytes + self._sentences.array.nbytes + self._resources.nbytes

    def all_passages(self) -> Iterator[Passage]:
        """Read every passage, in order, a few in memory at a time."""
        for start in range(0, self.size, _ROWS_PER_QUERY):
            yield from self.passages(range(start, min(start + _ROWS_PER_QUERY, self.size)))

    def all_resources(self) -> Iterator[Resource]:
        """Read every resource, in order, a few in memory at a time."""
        size = len(self._resources)
        for start in range(0, size, _ROWS_PER_QUERY):
            yield from self.resources(range(start, min(start + _ROWS_PER_QUERY, size)))

    def passage_vectors(self, passages: slice) -> Vectors:
        """Read the vectors of some passages, in order: float32, shape (passages, width)."""
        return self._passages.slice(passages.start, passages.stop)

    def resource_vectors(self, resources: slice) -> Vectors:
        """Read the vectors of some resources' titles, in order: float32, as for passages."""
        return self._resources.slice(resources.start, resources.stop)

    def sentence_vectors(self, passages: slice) -> Int8Vectors:
        """Read the vectors of the sentences of some passages, in order: int8."""
        start, end = self._sentence_offsets[[passages.start, passages.stop]]
        return self._sentences.array[start:end]

    def sentence_counts(self, passages: slice) -> NDArray[np.int64]:
        """Count the sentences of each of some passages."""
        return np.diff(self._sentence_offsets[passages.start : passages.stop + 1])

    def term_rows(self, passages: slice) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """Read the term rows of some passages, one after another, and the length of each."""
        offsets = self._term_row_offsets[passages.start : passages.stop + 1]
        return self._term_rows.array[offsets[0] : offsets[-1]], np.diff(offsets)

    # -- rows -------------------------------------------------------------------------------------

    def _page_rows(self, table: str, path: str) -> list[tuple[Any, ...]]:
        """Read the rows of one page in one table, in order; recently read ones stay in memory."""
        with self._cache_lock:
            cached = self._page_cache.get((table, path))
        if cached is None:
            cached = self._read_page_rows(table, path)
            with self._cache_lock:
                self._page_cache[table, path] = cached
        return cached

    def _read_page_rows(self, table: str, path: str) -> list[tuple[Any, ...]]:
        rows = self._select(
            f"select {table}, (select {table} from page as later where later.key = page.key + 1) "
            "from page where path = ?",
            path,
        )
        if not rows:
            return []
        start, end = rows[0]
        end = sys.maxsize if end is None else end  # the rows of the last page end the table
        return self._select(f"select * from {table} where key >= ? and key < ?", start, end)

    def _select(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        with self._lock:
            return self._database.execute(query, values).fetchall()
