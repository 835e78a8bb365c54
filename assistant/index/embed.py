"""Vectors of texts: from the cache where they are there, else from the encoder and then kept.

Knows which texts of a page are encoded, and how finely. Must not know where vectors are stored
once a generation is written.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from assistant.index.store import quantise

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from assistant.encoders.onnx import Encoder
    from assistant.index.build_cache import Cache
    from assistant.index.store import FaissStore, Rough
    from assistant.index.store import Vectors as Exact
    from assistant.models.documents import PageRead, Passage

EXACT = "exact"
ROUGH = "rough"

# How many texts are encoded before their vectors are put where no interruption takes them away,
# and how many pages' texts are looked up at once.
_AT_A_TIME = 512
_PAGES_AT_A_TIME = 64


class CachedVectors:
    """The vectors of a guide's texts, each text encoded once."""

    def __init__(self, encoder: Encoder, cache: Cache) -> None:
        self._encoder = encoder
        self._cache = cache

    def digest(self, text: str) -> bytes:
        """What the exact vector of a text is kept under."""
        return self._cache.digest(text, kind=EXACT)

    def digests(self, store: FaissStore) -> Iterator[bytes]:
        """What all vectors of a generation are kept under."""
        for passage in store.all_passages():
            yield from (self._cache.digest(text, kind=kind) for text, kind in _of_passage(passage))
        for resource in store.all_resources():
            yield self.digest(resource.title)

    def encode(self, pages: Sequence[PageRead], progress: Callable[[int, int], None]) -> set[bytes]:
        """Encode the texts of pages that are not in the cache, and say which those were.

        `progress` is told (texts encoded, texts to encode). What is encoded is kept bit by bit,
        so that a build that is interrupted goes on where it was.
        """
        missing: dict[bytes, tuple[str, str]] = {}
        for start in range(0, len(pages), _PAGES_AT_A_TIME):
            texts = {
                self._cache.digest(text, kind=kind): (text, kind)
                for page in pages[start : start + _PAGES_AT_A_TIME]
                for text, kind in _texts(page)
            }
            known = self._cache.has(list(texts))
            missing |= {digest: text for digest, text in texts.items() if digest not in known}
        # Texts of like length share batches, so that little is spent on padding.
        ordered = sorted(missing.items(), key=lambda item: len(item[1][0]))
        for start in range(0, len(ordered), _AT_A_TIME):
            told = partial(_told, progress, start, len(ordered))
            self._encoded(dict(ordered[start : start + _AT_A_TIME]), told)
        return set(missing)

    def exact(self, texts: Sequence[str]) -> Exact:
        """One unit vector a text."""
        found = np.frombuffer(self._found(texts, EXACT), dtype=np.float32)
        return found.reshape(len(texts), -1) if texts else np.zeros((0, 0), dtype=np.float32)

    def rough(self, texts: Sequence[str]) -> Rough:
        """One vector a text, as `quantise` makes it."""
        found = np.frombuffer(self._found(texts, ROUGH), dtype=np.int8)
        return found.reshape(len(texts), -1) if texts else np.zeros((0, 0), dtype=np.int8)

    def _found(self, texts: Sequence[str], kind: str) -> bytes:
        digests = [self._cache.digest(text, kind=kind) for text in texts]
        by_digest = dict(zip(digests, texts, strict=True))
        found = self._cache.vectors(list(by_digest))
        missing = {d: (text, kind) for d, text in by_digest.items() if d not in found}
        if missing:  # damaged since it was put there
            found |= self._encoded(missing, None)
        return b"".join(found[digest] for digest in digests)

    def _encoded(
        self,
        texts: Mapping[bytes, tuple[str, str]],
        progress: Callable[[int, int], None] | None,
    ) -> dict[bytes, bytes]:
        exact = self._encoder.encode([text for text, _ in texts.values()], progress)
        rough = quantise(exact)
        rows = {
            digest: (exact if kind == EXACT else rough)[n].tobytes()
            for n, (digest, (_, kind)) in enumerate(texts.items())
        }
        self._cache.put(rows)
        return rows


def _told(progress: Callable[[int, int], None], before: int, total: int, done: int, _: int) -> None:
    """Tell of one batch as a part of all."""
    progress(before + done, total)


def _texts(page: PageRead) -> Iterator[tuple[str, str]]:
    """The texts of a page that are encoded, and how finely."""
    for passage in page.passages:
        yield from _of_passage(passage)
    for resource in page.resources:
        yield resource.title, EXACT


def _of_passage(passage: Passage) -> Iterator[tuple[str, str]]:
    yield passage.search_text, EXACT
    for text in passage.sentence_texts:
        yield text, ROUGH
