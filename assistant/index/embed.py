"""Embed the texts of a guide: vectors come from the build cache, else from the encoder."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from assistant.encoders.base import Encoder
    from assistant.index.build_cache import BuildCache
    from assistant.index.store import FaissStore
    from assistant.models.documents import ParsedPage, Passage

    Vectors = NDArray[np.float32]
    Int8Vectors = NDArray[np.int8]

# The two kinds of vectors. The names are parts of a cache's keys: with others, existing caches
# would be of no use.
FLOAT32 = "exact"
INT8 = "rough"

# How many texts are encoded before their vectors are saved: an interrupted build loses no more.
_TEXTS_PER_WRITE = 512
# How many pages' texts are looked up in the cache at a time.
_PAGES_PER_LOOKUP = 64


@dataclass(frozen=True, slots=True)
class Embeddings:
    """The vectors of the texts of some pages; they are in the build cache, not in memory.

    `passages` are the cache digests of the pages' passages, `encoded` those of all texts that had
    to be encoded.
    """

    passages: tuple[bytes, ...]
    encoded: frozenset[bytes]
    encoder: Encoder
    cache: BuildCache

    def float32(self, texts: Sequence[str]) -> Vectors:
        """Return one unit vector per text: float32, shape (texts, width)."""
        vectors = np.frombuffer(self._read(texts, FLOAT32), dtype=np.float32)
        return vectors.reshape(len(texts), -1) if texts else np.zeros((0, 0), dtype=np.float32)

    def int8(self, texts: Sequence[str]) -> Int8Vectors:
        """Return one vector per text, as `quantize` makes it: int8, shape (texts, width)."""
        vectors = np.frombuffer(self._read(texts, INT8), dtype=np.int8)
        return vectors.reshape(len(texts), -1) if texts else np.zeros((0, 0), dtype=np.int8)

    def digest(self, passage: Passage) -> bytes:
        """Return the cache digest of a passage's vector."""
        return self.cache.digest(passage.search_text, kind=FLOAT32)

    def _read(self, texts: Sequence[str], kind: str) -> bytes:
        digests = [self.cache.digest(text, kind=kind) for text in texts]
        by_digest = dict(zip(digests, texts, strict=True))
        vectors = self.cache.vectors(list(by_digest))
        damaged = {d: (text, kind) for d, text in by_digest.items() if d not in vectors}
        if damaged:
            vectors |= _encode(damaged, self.encoder, self.cache, None)
        return b"".join(vectors[digest] for digest in digests)


def embed_pages(
    pages: Sequence[ParsedPage],
    encoder: Encoder,
    cache: BuildCache,
    progress: Callable[[int, int], None],
) -> Embeddings:
    """Embed the texts of pages, each distinct text once: only those not in the cache are encoded.

    `progress` receives (texts encoded, texts to encode). Vectors are saved every 512 texts, so
    that an interrupted build continues where it stopped.
    """
    passages: list[bytes] = []
    missing: dict[bytes, tuple[str, str]] = {}
    for start in range(0, len(pages), _PAGES_PER_LOOKUP):
        batch = pages[start : start + _PAGES_PER_LOOKUP]
        texts = {
            cache.digest(text, kind=kind): (text, kind)
            for page in batch
            for text, kind in _page_texts(page)
        }
        known = cache.contains(list(texts))
        missing |= {digest: text for digest, text in texts.items() if digest not in known}
        passages += [
            cache.digest(passage.search_text, kind=FLOAT32)
            for page in batch
            for passage in page.passages
        ]
    # Texts of similar length share batches, so that little time is spent on padding.
    ordered = sorted(missing.items(), key=lambda item: len(item[1][0]))
    for start in range(0, len(ordered), _TEXTS_PER_WRITE):
        report = partial(_report_progress, progress, start, len(ordered))
        _encode(dict(ordered[start : start + _TEXTS_PER_WRITE]), encoder, cache, report)
    return Embeddings(tuple(passages), frozenset(missing), encoder, cache)


def list_digests(store: FaissStore, cache: BuildCache) -> Iterator[bytes]:
    """List the cache digests of all vectors of a generation."""
    for passage in store.all_passages():
        yield from (cache.digest(text, kind=kind) for text, kind in _passage_texts(passage))
    for resource in store.all_resources():
        yield cache.digest(resource.title, kind=FLOAT32)


def quantize(vectors: Vectors) -> Int8Vectors:
    """Scale unit vectors to int8, the largest value of each to ±127.

    A cosine changes by about .002.
    """
    largest = np.maximum(np.abs(vectors).max(axis=1, keepdims=True), 1e-9)
    return np.asarray(np.rint(vectors / largest * 127), dtype=np.int8)


def _encode(
    texts: Mapping[bytes, tuple[str, str]],
    encoder: Encoder,
    cache: BuildCache,
    progress: Callable[[int, int], None] | None,
) -> dict[bytes, bytes]:
    """Encode texts, save their vectors in the cache, and return the vectors by digest."""
    float32 = encoder.encode([text for text, _ in texts.values()], progress)
    int8 = quantize(float32)
    vectors = {
        digest: (float32 if kind == FLOAT32 else int8)[n].tobytes()
        for n, (digest, (_, kind)) in enumerate(texts.items())
    }
    cache.put(vectors)
    return vectors


def _report_progress(
    progress: Callable[[int, int], None], before: int, total: int, done: int, _: int
) -> None:
    """Report the progress of one batch as part of the progress of all texts."""
    progress(before + done, total)


def _page_texts(page: ParsedPage) -> Iterator[tuple[str, str]]:
    """Yield the texts of a page to encode, with the kind of their vectors."""
    for passage in page.passages:
        yield from _passage_texts(passage)
    for resource in page.resources:
        yield resource.title, FLOAT32


def _passage_texts(passage: Passage) -> Iterator[tuple[str, str]]:
    yield passage.search_text, FLOAT32
    for text in passage.sentence_texts:
        yield text, INT8
