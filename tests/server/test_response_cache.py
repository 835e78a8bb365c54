"""Test the response cache: each body is made once, the size is bounded, tags tell bodies apart."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from assistant.server.response_cache import CachedBody, ResponseCache


def test_a_body_is_made_once_and_then_kept():
    made = []

    def make() -> bytes:
        made.append(1)
        return b"text"

    cache = ResponseCache()
    assert [cache.get("key", make).content for _ in range(3)] == [b"text"] * 3
    assert len(made) == 1


def test_threads_that_need_the_same_body_wait_for_one_that_makes_it():
    made, begin = [], threading.Barrier(8)

    def make() -> bytes:
        made.append(1)
        return b"x" * 100_000

    def ask(_: int) -> CachedBody:
        begin.wait()
        return cache.get("key", make)

    cache = ResponseCache()
    with ThreadPoolExecutor(8) as pool:
        responses = list(pool.map(ask, range(8)))
    assert len(made) == 1
    assert len({body.etag for body in responses}) == 1


def test_the_least_recently_used_body_is_removed_first():
    cache, made = ResponseCache(1000), []

    def get(key: str) -> None:
        cache.get(key, lambda: (made.append(key), b"x" * 400)[1])

    for key in ("one", "two", "one", "three"):  # `two` has been unused longest
        get(key)
    made.clear()
    get("one")
    get("three")
    assert made == []
    get("two")
    assert made == ["two"]


def test_a_body_larger_than_the_cache_is_returned_and_not_kept():
    cache = ResponseCache(10)
    assert [len(cache.get("key", lambda: b"x" * 11).content) for _ in range(2)] == [11, 11]


def test_a_failure_is_raised_and_not_kept():
    cache = ResponseCache()

    def fail() -> bytes:
        raise LookupError

    for _ in range(2):
        with pytest.raises(LookupError):
            cache.get("key", fail)
    assert cache.get("key", lambda: b"").content == b""


@pytest.mark.parametrize(
    ("known", "status"),
    [
        ("", 200),
        ('"other"', 200),
        ("{tag}", 304),
        ("W/{tag}", 304),
        ('"a", {tag}', 304),
        ("*", 304),
    ],
)
def test_a_client_that_has_the_body_gets_304(known, status):
    body = CachedBody.from_content(b"text")
    response = body.to_response(known.format(tag=body.etag), "text/plain")
    assert response.status_code == status
    assert response.headers["etag"] == body.etag
    assert response.body == (b"" if status == 304 else b"text")
