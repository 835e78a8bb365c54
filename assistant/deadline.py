"""Limit how long an answer may take; each step checks the limit when it starts.

A step that has started is not interrupted. Each is short, because a question, its history and its
interpretations are bounded.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

from assistant.errors import AnswerTimeout

if TYPE_CHECKING:
    from collections.abc import Iterator

_deadline: ContextVar[tuple[float, float] | None] = ContextVar("deadline", default=None)


@contextmanager
def limit(seconds: float) -> Iterator[None]:
    """Limit a block in this thread to a number of seconds; an earlier outer deadline stays."""
    ends_at = time.monotonic() + seconds
    outer = _deadline.get()
    token = _deadline.set(outer if outer and outer[0] < ends_at else (ends_at, seconds))
    try:
        yield
    finally:
        _deadline.reset(token)


@contextmanager
def pause() -> Iterator[None]:
    """Do not count a block towards the deadline: loading a model happens once and takes time."""
    began = time.monotonic()
    yield
    if deadline := _deadline.get():
        ends_at, seconds = deadline
        _deadline.set((ends_at + time.monotonic() - began, seconds))


def check() -> None:
    """Raise AnswerTimeout once the time is over; do nothing outside `limit`."""
    deadline = _deadline.get()
    if deadline and time.monotonic() > deadline[0]:
        raise AnswerTimeout(
            f"The answer was not ready within {deadline[1]:g} seconds.",
            "Ask again in a moment, and ask for one thing at a time.",
        )
