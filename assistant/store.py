"""One generation of an index on disk: passages, vectors and words, written once and then read.

Knows SQLite, FAISS and BM25 and the files they keep. Must not know where vectors come from,
what a question means, or which generation is current.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from assistant.model import Candidates, Guide, Page, Passage, Resource, Section, Sentence
from assistant.text import terms
from assistant.vocabulary import Vocabulary

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    Vectors = NDArray[np.float32]

HEADING_WEIGHT = 3
"""How often a heading's words count for BM25; measured in DECISIONS.md."""

_SCHEMA = """
create table page (
    path text primary key, title text, url text, sha256 text, text text, language text)
    without rowid;
create table section (
    key integer primary key, path text, headings text, anchor text, url text,
    first integer, last integer);
create table passage (
    key integer primary key, id text unique, path text, headings text, anchor text, url text,
    text text, sentences text, lists_resources integer, language text);
create index passage_section on passage (path, anchor);
create index section_path on section (path);
create table resource (
    key integer primary key, title text, url text, kind text, minutes integer,
    path text, headings text, anchor text);
"""


def lexical_terms(passage: Passage) -> list[str]:
    """The terms BM25 sees of a passage: its text once, its headings weighted up."""
    return terms(passage.heading_path) * HEADING_WEIGHT + terms(passage.body)


class FaissStore:
    """An opened generation: exact vector search, BM25, and passages by number; safe to share.

    A passage's number is its place in document order, so that equal scores fall back on it.
    """

    def __init__(self, folder: Path) -> None:
        import bm25s
        import faiss

        self._database = sqlite3.connect(
            f"file:{folder / 'passages.sqlite'}?mode=ro&immutable=1",
            uri=True,
            check_same_thread=False,
        )
        self._lock = threading.Lock()
        self._vectors = faiss.read_index(str(folder / "vectors.faiss"))
        self._sentences: NDArray[np.int8] = np.load(folder / "sentences.npy", mmap_mode="r")
        self._first_sentence: NDArray[np.int64] = np.load(folder / "first_sentence.npy")
        self._resources: Vectors = np.load(folder / "resources.npy")
        self._words = bm25s.BM25.load(folder / "bm25", mmap=True, show_progress=False)
        self.vocabulary = Vocabulary.from_dict(
            json.loads((folder / "vocabulary.json").read_text(encoding="utf-8"))
        )

    @staticmethod
    def write(
        folder: Path,
        guide: Guide,
        vocabulary: Vocabulary,
        *,
        passages: Vectors,
        sentences: Vectors,
        resources: Vectors,
    ) -> None:
        """Write a generation's files into an empty folder; equal input gives equal bytes.

        The vectors are unit rows: one a passage, one a sentence of each passage in order, one a
        resource.
        """
        import bm25s
        import faiss

        _write_database(folder / "passages.sqlite", guide)
        index = faiss.IndexFlatIP(passages.shape[1])
        index.add(np.ascontiguousarray(passages))
        faiss.write_index(index, str(folder / "vectors.faiss"))
        np.save(folder / "sentences.npy", quantise(sentences))
        counts = [len(passage.sentences) for passage in guide.passages]
        np.save(folder / "first_sentence.npy", np.cumsum([0, *counts], dtype=np.int64))
        np.save(folder / "resources.npy", resources)
        documents = [lexical_terms(passage) or [""] for passage in guide.passages]
        ids = {term: n for n, term in enumerate(sorted({t for doc in documents for t in doc}))}
        words = bm25s.BM25(csc_backend="numpy")
        words.index(
            ([[ids[term] for term in document] for document in documents], ids),
            create_empty_token=False,
            show_progress=False,
        )
        words.save(folder / "bm25", show_progress=False)
        (folder / "vocabulary.json").write_text(
            json.dumps(vocabulary.to_dict(), ensure_ascii=False), encoding="utf-8"
        )

    def close(self) -> None:
        """Let go of the database file."""
        self._database.close()

    def candidates(self, vector: Vectors, question_terms: Sequence[str], k: int) -> Candidates:
        """The k best passages of each arm, best first, ties in document order.

        Cosines are in [-1, 1]; lexical scores are BM25 and above 0.
        """
        k = min(k, self._vectors.ntotal)
        cosines, keys = self._vectors.search(vector.reshape(1, -1), k)
        dense = sorted(zip(keys[0].tolist(), cosines[0].tolist(), strict=True), key=_best_first)
        known = [term for term in question_terms if term in self._words.vocab_dict]
        if not known:
            return Candidates(tuple(dense), ())
        scores = self._words.get_scores(known)
        order = np.argsort(-scores, kind="stable")[:k]
        lexical = [(int(key), float(scores[key])) for key in order if scores[key] > 0]
        return Candidates(tuple(dense), tuple(lexical))

    def cosines(self, vector: Vectors, keys: Sequence[int]) -> Vectors:
        """The cosine of a unit vector with each of the passages named."""
        rows = self._vectors.reconstruct_batch(np.asarray(keys, dtype=np.int64))
        return np.asarray(rows @ vector, dtype=np.float32)

    def sentence_cosines(self, vector: Vectors, key: int) -> Vectors:
        """The cosine of a unit vector with each sentence of one passage, in order."""
        start, end = self._first_sentence[key : key + 2]
        rows = self._sentences[start:end].astype(np.float32)
        norms = np.linalg.norm(rows, axis=1)
        return np.asarray(rows @ vector / np.maximum(norms, 1e-9), dtype=np.float32)

    def resource_cosines(self, vector: Vectors) -> Vectors:
        """The cosine of a unit vector with the title of each resource, in document order."""
        return np.asarray(self._resources @ vector, dtype=np.float32)

    def passages(self, keys: Sequence[int]) -> list[Passage]:
        """Passages by number, in the order asked for."""
        found = {
            row[0]: _passage(row)
            for row in self._rows(
                f"select * from passage where key in ({','.join('?' * len(keys))})", *keys
            )
        }
        return [found[key] for key in keys]

    def section_passages(self, path: str, anchor: str) -> list[tuple[int, Passage]]:
        """The passages of one section with their numbers, in order."""
        rows = self._rows(
            "select * from passage where path = ? and anchor = ? order by key", path, anchor
        )
        return [(row[0], _passage(row)) for row in rows]

    def sections(self, path: str) -> list[Section]:
        """The sections of a page, in order."""
        rows = self._rows("select * from section where path = ? order by key", path)
        return [
            Section(path, tuple(json.loads(headings)), anchor, url, (first, last))
            for _, path, headings, anchor, url, first, last in rows
        ]

    @cached_property
    def resources(self) -> tuple[Resource, ...]:
        """Every resource, in document order."""
        rows = self._rows("select * from resource order by key")
        return tuple(
            Resource(title, url, kind, minutes, path, tuple(json.loads(headings)), anchor)
            for _, title, url, kind, minutes, path, headings, anchor in rows
        )

    def page(self, path: str) -> Page | None:
        """One page by its path inside the guide, or None."""
        rows = self._rows("select * from page where path = ?", path)
        return Page(*rows[0]) if rows else None

    def pages(self) -> list[str]:
        """The paths of all pages, sorted."""
        return [row[0] for row in self._rows("select path from page order by path")]

    def _rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        with self._lock:
            return self._database.execute(query, values).fetchall()


def quantise(vectors: Vectors) -> NDArray[np.int8]:
    """Unit rows to int8, each scaled to a largest part of 127; a cosine moves by about .002."""
    largest = np.maximum(np.abs(vectors).max(axis=1, keepdims=True), 1e-9)
    return np.asarray(np.rint(vectors / largest * 127), dtype=np.int8)


def _best_first(found: tuple[int, float]) -> tuple[float, int]:
    return -found[1], found[0]


def _passage(row: tuple[Any, ...]) -> Passage:
    _, name, path, headings, anchor, url, text, sentences, lists_resources, language = row
    return Passage(
        id=name,
        path=path,
        headings=tuple(json.loads(headings)),
        anchor=anchor,
        url=url,
        text=text,
        sentences=tuple(
            Sentence(start, end, kind, (first, last))
            for start, end, kind, first, last in json.loads(sentences)
        ),
        lists_resources=bool(lists_resources),
        language=language,
    )


def _write_database(path: Path, guide: Guide) -> None:
    database = sqlite3.connect(path, isolation_level=None)
    try:
        database.executescript(
            "pragma journal_mode = off; pragma synchronous = off; begin;" + _SCHEMA
        )
        database.executemany(
            "insert into page values (?, ?, ?, ?, ?, ?)",
            ((p.path, p.title, p.url, p.sha256, p.text, p.language) for p in guide.pages),
        )
        database.executemany(
            "insert into section values (?, ?, ?, ?, ?, ?, ?)",
            (
                (key, s.path, _json(s.headings), s.anchor, s.url, *s.lines)
                for key, s in enumerate(guide.sections)
            ),
        )
        database.executemany(
            "insert into passage values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (_passage_row(key, passage) for key, passage in enumerate(guide.passages)),
        )
        database.executemany(
            "insert into resource values (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                (key, r.title, r.url, r.kind, r.minutes, r.path, _json(r.headings), r.anchor)
                for key, r in enumerate(guide.resources)
            ),
        )
        database.execute("commit")
    finally:
        database.close()


def _passage_row(key: int, passage: Passage) -> tuple[object, ...]:
    sentences = [[s.start, s.end, s.kind, *s.lines] for s in passage.sentences]
    return (
        key,
        passage.id,
        passage.path,
        _json(passage.headings),
        passage.anchor,
        passage.url,
        passage.text,
        _json(sentences),
        int(passage.lists_resources),
        passage.language,
    )


def _json(value: Iterable[object]) -> str:
    return json.dumps(list(value), ensure_ascii=False, separators=(",", ":"))
