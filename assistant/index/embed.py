"""Vectors of texts: from the cache where they are there, else from the encoder and then kept.

Knows which texts of a page are encoded, and how finely. Must not know where vectors are stored
once a generation is written.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from assistant.index.store import quantize

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from assistant.encoders.onnx import Encoder
    from assistant.index.build_cache import BuildCache
    from assistant.index.store import FaissStore, Rough
    from assistant.index.store import Vectors as Exact
    from assistant.models.documents import ParsedPage, Passage

FLOAT32 = "exact"
INT8 = "rough"

# How many texts are encoded before their vectors are put where no interruption takes them away,
# and how many pages' texts are looked up at once.
_TEXTS_PER_WRITE = 512
_PAGES_PER_LOOKUP = 64


class CachedEmbedder:
    """The vectors of a guide's texts, each text encoded once."""

    def __init__(self, encoder: Encoder, cache: BuildCache) -> None:
        self._encoder = encoder
        self._cache = cache

    def digest(self, text: str) -> bytes:
        """What the exact vector of a text is kept under."""
        return self._cache.digest(text, kind=FLOAT32)

    def digests(self, store: FaissStore) -> Iterator[bytes]:
        """What all vectors of a generation are kept under."""
        for passage in store.all_passages():
            yield from (
                self._cache.digest(text, kind=kind) for text, kind in _passage_texts(passage)
            )
        for resource in store.all_resources():
            yield self.digest(resource.title)

    def embed(
        self, pages: Sequence[ParsedPage], progress: Callable[[int, int], None]
    ) -> set[bytes]:
        """Encode the texts of pages that are not in the cache, and say which those were.

        `progress` is told (texts encoded, texts to encode). What is encoded is kept bit by bit,
        so that a build that is interrupted goes on where it was.
        """
        missing: dict[bytes, tuple[str, str]] = {}
        for start in range(0, len(pages), _PAGES_PER_LOOKUP):
            texts = {
                self._cache.digest(text, kind=kind): (text, kind)
                for page in pages[start : start + _PAGES_PER_LOOKUP]
                for text, kind in _page_texts(page)
            }
            known = self._cache.contains(list(texts))
            missing |= {digest: text for digest, text in texts.items() if digest not in known}
        # Texts of like length share batches, so that little is spent on padding.
        ordered = sorted(missing.items(), key=lambda item: len(item[1][0]))
        for start in range(0, len(ordered), _TEXTS_PER_WRITE):
            told = partial(_report_progress, progress, start, len(ordered))
            self._encode_texts(dict(ordered[start : start + _TEXTS_PER_WRITE]), told)
        return set(missing)

    def float32(self, texts: Sequence[str]) -> Exact:
        """One unit vector a text."""
        found = np.frombuffer(self._read_vectors(texts, FLOAT32), dtype=np.float32)
        return found.reshape(len(texts), -1) if texts else np.zeros((0, 0), dtype=np.float32)

    def int8(self, texts: Sequence[str]) -> Rough:
        """One vector a text, as `quantise` makes it."""
        found = np.frombuffer(self._read_vectors(texts, INT8), dtype=np.int8)
        return found.reshape(len(texts), -1) if texts else np.zeros((0, 0), dtype=np.int8)

    def _read_vectors(self, texts: Sequence[str], kind: str) -> bytes:
        digests = [self._cache.digest(text, kind=kind) for text in texts]
        by_digest = dict(zip(digests, texts, strict=True))
        found = self._cache.vectors(list(by_digest))
        missing = {d: (text, kind) for d, text in by_digest.items() if d not in found}
        if missing:  # damaged since it was put there
            found |= self._encode_texts(missing, None)
        return b"".join(found[digest] for digest in digests)

    def _encode_texts(
        self,
        texts: Mapping[bytes, tuple[str, str]],
        progress: Callable[[int, int], None] | None,
    ) -> dict[bytes, bytes]:
        exact = self._encoder.encode([text for text, _ in texts.values()], progress)
        rough = quantize(exact)
        rows = {
            digest: (exact if kind == FLOAT32 else rough)[n].tobytes()
            for n, (digest, (_, kind)) in enumerate(texts.items())
        }
        self._cache.put(rows)
        return rows


def _report_progress(
    progress: Callable[[int, int], None], before: int, total: int, done: int, _: int
) -> None:
    """Tell of one batch as a part of all."""
    progress(before + done, total)


def _page_texts(page: ParsedPage) -> Iterator[tuple[str, str]]:
    """The texts of a page that are encoded, and how finely."""
    for passage in page.passages:
        yield from _passage_texts(passage)
    for resource in page.resources:
        yield resource.title, FLOAT32


def _passage_texts(passage: Passage) -> Iterator[tuple[str, str]]:
    yield passage.search_text, FLOAT32
    for text in passage.sentence_texts:
        yield text, INT8
