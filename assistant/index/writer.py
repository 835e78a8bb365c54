"""Write the files of one generation: from pages that were read, and from reused pages."""

from __future__ import annotations

import itertools
import json
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from assistant.index import database
from assistant.index.acronyms import acronyms_unchanged, collect_acronyms
from assistant.index.arrays import ArrayWriter
from assistant.index.database import ReusedPages
from assistant.index.forward_index import index_passages
from assistant.index.passage_words import split_passage
from assistant.index.statistics import count_terms
from assistant.index.store import (
    DATABASE_FILE,
    PASSAGE_VECTORS_FILE,
    RESOURCE_VECTORS_FILE,
    VOCABULARY_FILE,
)
from assistant.index.term_matches import term_row
from assistant.index.vectors import FLAT_UP_TO, write_vectors
from assistant.index.vocabulary import count_vocabulary
from assistant.models.documents import ParsedPage

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from assistant.index.acronyms import Expansion
    from assistant.index.arrays import ArraySpec
    from assistant.index.database import GuidePart
    from assistant.index.embed import Embeddings
    from assistant.index.forward_index import ForwardIndex
    from assistant.index.store import FaissStore, Int8Vectors, Vectors
    from assistant.models.documents import GuideWarning, Passage

# The columns of a page's row offsets for its passages and its resources.
_COLUMNS = [1 + database.PAGE_TABLES.index(name) for name in ("passage", "resource")]

# How many pages' vectors are in memory at a time.
_PAGES_PER_PART = 64


def write_generation(
    folder: Path,
    parts: Sequence[GuidePart],
    embeddings: Embeddings,
    *,
    guide_warnings: Iterable[GuideWarning] = (),
    previous: FaissStore | None = None,
    flat_up_to: int = FLAT_UP_TO,
) -> dict[str, ArraySpec]:
    """Write a generation's files into an empty folder; return the types and shapes of its arrays.

    `parts` are the guide in order, `previous` the generation that reused pages come from. The
    bytes depend on the guide and its vectors alone, not on what was reused. More vectors than
    `flat_up_to` are put into lists.
    """
    old_database = previous.folder / DATABASE_FILE if previous else None
    database.write_database(
        folder / DATABASE_FILE, parts, guide_warnings=guide_warnings, previous=old_database
    )
    sources = list(_group_pages(parts, embeddings, previous))
    arrays = ArrayWriter(folder)
    _write_vectors(folder, arrays, sources, flat_up_to=flat_up_to)
    _write_term_rows(arrays, sources)
    statistics = count_terms(
        [source.forward_index for source in sources], previous.statistics if previous else None
    )
    statistics.write(folder, arrays)
    acronyms = _collect_acronyms(folder, parts, statistics.forward_index, previous)
    vocabulary = count_vocabulary(statistics.forward_index, statistics.postings, acronyms)
    text = json.dumps(vocabulary.to_dict(), ensure_ascii=False)
    (folder / VOCABULARY_FILE).write_text(text, encoding="utf-8")
    return arrays.specs


@dataclass(frozen=True, slots=True)
class _NewPages:
    """Pages that were read: their data is computed from their texts."""

    passages: tuple[Passage, ...]
    titles: tuple[str, ...]
    embeddings: Embeddings
    forward_index: ForwardIndex
    term_rows: tuple[NDArray[np.int32], NDArray[np.int64]]

    @classmethod
    def of(cls, pages: Sequence[ParsedPage], embeddings: Embeddings) -> Self:
        passages = tuple(passage for page in pages for passage in page.passages)
        titles = tuple(resource.title for page in pages for resource in page.resources)
        words = list(map(split_passage, passages))
        rows = list(map(term_row, passages, words))
        codes = np.array([*itertools.chain(*rows)], dtype=np.int32).reshape(-1, 1)
        lengths = np.array([*map(len, rows)], dtype=np.int64)
        return cls(passages, titles, embeddings, index_passages(words), (codes, lengths))

    def passage_vectors(self) -> Vectors:
        return self.embeddings.float32([passage.search_text for passage in self.passages])

    def resource_vectors(self) -> Vectors:
        return self.embeddings.float32(self.titles)

    def sentence_vectors(self) -> Int8Vectors:
        texts = [text for passage in self.passages for text in passage.sentence_texts]
        return self.embeddings.int8(texts)

    def sentence_counts(self) -> NDArray[np.int64]:
        return np.array([len(passage.sentences) for passage in self.passages], dtype=np.int64)


@dataclass(frozen=True, slots=True)
class _OldPages:
    """Neighbouring pages of the previous generation: their data is copied."""

    store: FaissStore
    passages: slice
    resources: slice

    @classmethod
    def of(cls, pages: ReusedPages, store: FaissStore) -> Self:
        passages, resources = (
            slice(*store.row_offsets[[pages.start, pages.end], column].tolist())
            for column in _COLUMNS
        )
        return cls(store, passages, resources)

    def passage_vectors(self) -> Vectors:
        return self.store.passage_vectors(self.passages)

    def resource_vectors(self) -> Vectors:
        return self.store.resource_vectors(self.resources)

    def sentence_vectors(self) -> Int8Vectors:
        return self.store.sentence_vectors(self.passages)

    def sentence_counts(self) -> NDArray[np.int64]:
        return self.store.sentence_counts(self.passages)

    @property
    def forward_index(self) -> slice:
        return self.passages

    @property
    def term_rows(self) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        return self.store.term_rows(self.passages)


def _group_pages(
    parts: Iterable[GuidePart], embeddings: Embeddings, previous: FaissStore | None
) -> Iterator[_NewPages | _OldPages]:
    """Group the parts of a guide: neighbouring new pages together, _PAGES_PER_PART at a time."""
    pages: list[ParsedPage] = []
    for part in parts:
        if isinstance(part, ParsedPage):
            pages.append(part)
        if pages and (len(pages) == _PAGES_PER_PART or isinstance(part, ReusedPages)):
            yield _NewPages.of(pages, embeddings)
            pages = []
        if isinstance(part, ReusedPages) and previous:
            yield _OldPages.of(part, previous)
    if pages:
        yield _NewPages.of(pages, embeddings)


def _write_vectors(
    folder: Path, arrays: ArrayWriter, sources: Sequence[_NewPages | _OldPages], *, flat_up_to: int
) -> None:
    passages = (source.passage_vectors() for source in sources)
    width = write_vectors(folder / PASSAGE_VECTORS_FILE, passages, flat_up_to=flat_up_to)
    resources = (source.resource_vectors() for source in sources)
    path = folder / RESOURCE_VECTORS_FILE
    write_vectors(path, resources, width=width, flat_up_to=flat_up_to)
    sentences = (source.sentence_vectors() for source in sources)
    arrays.write_rows("sentence_vectors.bin", sentences, np.int8, width)
    counts = [np.zeros(1, dtype=np.int64), *(source.sentence_counts() for source in sources)]
    arrays.write("sentence_offsets.bin", np.cumsum(np.concatenate(counts)))


def _write_term_rows(arrays: ArrayWriter, sources: Sequence[_NewPages | _OldPages]) -> None:
    lengths: list[NDArray[np.int64]] = [np.zeros(1, dtype=np.int64)]

    def codes() -> Iterator[NDArray[np.int32]]:
        for rows, row_lengths in (source.term_rows for source in sources):
            lengths.append(row_lengths)
            yield rows

    arrays.write_rows("term_rows.bin", codes(), np.int32, 1)
    arrays.write("term_row_offsets.bin", np.cumsum(np.concatenate(lengths)))


def _collect_acronyms(
    folder: Path, parts: Sequence[GuidePart], index: ForwardIndex, previous: FaissStore | None
) -> dict[str, tuple[Expansion, ...]]:
    """Collect the acronyms of a guide; take the previous ones where they are the same."""
    if previous and database.has_same_paths(parts, list(previous.page_digests())):
        pages = [part for part in parts if isinstance(part, ParsedPage)]
        edits = {
            page.page.path: (previous.page_passages(page.page.path), page.passages)
            for page in pages
        }
        if acronyms_unchanged(previous.statistics.forward_index, index, edits):
            return previous.vocabulary.acronyms
    uri = (folder / DATABASE_FILE).absolute().as_uri()
    with closing(sqlite3.connect(uri, uri=True)) as rows:
        return collect_acronyms(
            index,
            headings=database.read_headings(rows),
            pages=database.read_passage_counts(rows),
            definitions=database.read_acronym_definitions(rows),
        )
