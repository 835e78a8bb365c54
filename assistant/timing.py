"""Measure the seconds of each step of a question, where a caller records them."""

from __future__ import annotations

import time
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(slots=True)
class _Stopwatch:
    """The seconds of the steps so far, and of the steps inside the current one."""

    seconds: dict[str, float] = field(default_factory=dict)
    nested: float = 0.0


_stopwatch: ContextVar[_Stopwatch | None] = ContextVar("stopwatch", default=None)


@contextmanager
def record_steps() -> Iterator[dict[str, float]]:
    """Record the seconds of every step in this thread, by name."""
    watch = _Stopwatch()
    before = _stopwatch.set(watch)
    try:
        yield watch.seconds
    finally:
        _stopwatch.reset(before)


@contextmanager
def time_step(name: str) -> Iterator[None]:
    """Time a step; add up steps of one name, and do not count a step inside another twice."""
    watch = _stopwatch.get()
    if watch is None:
        yield
        return
    started, nested_before, watch.nested = time.perf_counter(), watch.nested, 0.0
    try:
        yield
    finally:
        taken = time.perf_counter() - started
        watch.seconds[name] = watch.seconds.get(name, 0.0) + taken - watch.nested
        watch.nested = nested_before + taken
