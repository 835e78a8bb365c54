"""A cache of response bodies that are expensive to build, up to a size in bytes."""

from __future__ import annotations

import hashlib
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cachetools import LRUCache
from starlette.responses import Response

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

MAX_BYTES = 32_000_000
"""Bytes that the cache holds: 400 pages of 80 kB, or several thousand of the usual size."""


@dataclass(frozen=True, slots=True)
class CachedBody:
    """The bytes of a response and their entity tag (RFC 9110), a digest of them."""

    content: bytes
    etag: str

    @classmethod
    def from_content(cls, content: bytes) -> CachedBody:
        """Make a body with its entity tag."""
        return cls(content, f'"{hashlib.blake2b(content, digest_size=12).hexdigest()}"')

    def to_response(self, if_none_match: str, media_type: str) -> Response:
        """Make a response of the body, or 304 where If-None-Match says that the client has it."""
        headers = {"ETag": self.etag, "Cache-Control": "no-cache"}
        tags = {tag.strip().removeprefix("W/") for tag in if_none_match.split(",")}
        if tags & {self.etag, "*"}:
            return Response(status_code=304, headers=headers)
        return Response(self.content, media_type=media_type, headers=headers)


class ResponseCache:
    """Caches response bodies by keys that name everything they are built from.

    Drops the least recently used first. Safe to share between threads. One thread at a time builds
    what is missing, so that many requests for the same body cost as much as one.
    """

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self._responses: LRUCache[Hashable, CachedBody] = LRUCache(
            max_bytes, getsizeof=lambda body: len(body.content)
        )
        self._cache_lock, self._build_lock = threading.Lock(), threading.Lock()

    def get(self, key: Hashable, build: Callable[[], bytes]) -> CachedBody:
        """Return the body of a key, built where it is missing. Raises what `build` raises."""
        if body := self._lookup(key):
            return body
        with self._build_lock:
            if body := self._lookup(key):  # built while this thread waited
                return body
            body = CachedBody.from_content(build())
            if len(body.content) <= self._responses.maxsize:
                with self._cache_lock:
                    self._responses[key] = body
            return body

    def _lookup(self, key: Hashable) -> CachedBody | None:
        with self._cache_lock:  # a lookup changes the cache: it marks the body as used
            return self._responses.get(key)
