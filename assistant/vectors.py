"""Vectors of texts: from the cache where they are there, else from the encoder and then kept.

Knows which texts of a page are encoded, and how finely. Must not know where vectors are stored
once a generation is written.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from assistant.store import quantise

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from assistant.cache import Cache
    from assistant.encoder import Encoder, Part
    from assistant.model import PageRead, Passage
    from assistant.store import FaissStore, Rough
    from assistant.store import Vectors as Exact

EXACT = "exact"
ROUGH = "rough"

# How many texts are encoded before their vectors are put where no interruption takes them away,
# and how many pages' texts are looked up at once.
_AT_A_TIME = 256
_PAGES_AT_A_TIME = 64


@dataclass(frozen=True, slots=True)
class _Text:
    """A text to be encoded, and the sentences in it whose vectors are wanted too."""

    text: str
    parts: tuple[Part, ...] = ()

    @classmethod
    def of(cls, passage: Passage) -> _Text:
        return cls(passage.search_text, tuple(passage.parts))


class CachedVectors:
    """The vectors of a guide's passages, sentences and titles, each encoded once."""

    def __init__(self, encoder: Encoder, cache: Cache) -> None:
        self._encoder = encoder
        self._cache = cache

    def digest(self, text: str) -> bytes:
        """What the exact vector of a text is kept under."""
        return self._cache.digest(text, kind=EXACT)

    def digests(self, store: FaissStore) -> Iterator[bytes]:
        """What all vectors of a generation are kept under."""
        for passage in store.all_passages():
            yield from self._digests(_Text.of(passage))
        for resource in store.all_resources():
            yield self.digest(resource.title)

    def encode(self, pages: Sequence[PageRead], progress: Callable[[int, int], None]) -> set[bytes]:
        """Encode the texts of pages that are not in the cache, and say which those were.

        `progress` is told (texts encoded, texts to encode). What is encoded is kept bit by bit,
        so that a build that is interrupted goes on where it was.
        """
        missing: dict[_Text, list[bytes]] = {}
        for start in range(0, len(pages), _PAGES_AT_A_TIME):
            some = pages[start : start + _PAGES_AT_A_TIME]
            texts = {text: self._digests(text) for page in some for text in _texts(page)}
            known = self._cache.has([digest for own in texts.values() for digest in own])
            missing |= {text: own for text, own in texts.items() if not known.issuperset(own)}
        # Texts of like length share batches, so that little is spent on padding.
        ordered = sorted(missing, key=lambda text: len(text.text))
        for start in range(0, len(ordered), _AT_A_TIME):
            batch = ordered[start : start + _AT_A_TIME]
            self._encoded(batch, partial(_told, progress, start, len(batch), len(ordered)))
        return {digest for own in missing.values() for digest in own}

    def exact(self, texts: Sequence[str]) -> Exact:
        """One unit vector a text."""
        found = np.frombuffer(self._found([_Text(text) for text in texts], EXACT), dtype=np.float32)
        return found.reshape(len(texts), -1) if texts else np.zeros((0, 0), dtype=np.float32)

    def rough(self, passages: Sequence[Passage]) -> Rough:
        """One vector a sentence of the passages, in order, as `quantise` makes it."""
        found = np.frombuffer(self._found([_Text.of(p) for p in passages], ROUGH), dtype=np.int8)
        sentences = sum(len(passage.sentences) for passage in passages)
        return found.reshape(sentences, -1) if sentences else np.zeros((0, 0), dtype=np.int8)

    def _digests(self, text: _Text) -> list[bytes]:
        """What a text's vector is kept under, and the vectors of its parts if it has any."""
        kept = [self.digest(text.text)]
        return [*kept, self._digest_of_parts(text)] if text.parts else kept

    def _digest_of_parts(self, text: _Text) -> bytes:
        return self._cache.digest(f"{text.parts}{text.text}", kind=ROUGH)

    def _found(self, texts: Sequence[_Text], kind: str) -> bytes:
        asked = [text for text in texts if kind == EXACT or text.parts]
        digest = self._digest_of_parts if kind == ROUGH else lambda text: self.digest(text.text)
        by_digest = {digest(text): text for text in asked}
        found = self._cache.vectors(list(by_digest))
        missing = [text for key, text in by_digest.items() if key not in found]
        if missing:  # damaged since it was put there
            found |= self._encoded(missing, None)
        return b"".join(found[digest(text)] for text in asked)

    def _encoded(
        self, texts: Sequence[_Text], progress: Callable[[int, int], None] | None
    ) -> dict[bytes, bytes]:
        whole, parts = self._encoder.encode_parts(
            [text.text for text in texts], [text.parts for text in texts], progress
        )
        rows = {}
        for text, vector, own in zip(texts, whole, parts, strict=True):
            rows[self.digest(text.text)] = vector.tobytes()
            if text.parts:
                rows[self._digest_of_parts(text)] = quantise(own).tobytes()
        self._cache.put(rows)
        return rows


def _told(
    progress: Callable[[int, int], None], before: int, size: int, total: int, done: int, of: int
) -> None:
    """Tell of one batch as a part of all; an encoder may count a text's parts apart."""
    progress(before + size * done // of, total)


def _texts(page: PageRead) -> Iterator[_Text]:
    """What is encoded of a page."""
    yield from map(_Text.of, page.passages)
    yield from (_Text(resource.title) for resource in page.resources)
