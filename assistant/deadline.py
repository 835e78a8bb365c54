"""How long an answer may take, looked at where its steps begin.

Knows a clock. A step that has begun is not cut off: each is short, for a question, its turns and
its readings are bounded.
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
    """Give what is done inside, in this thread, so many seconds; a deadline further out stays."""
    ends = time.monotonic() + seconds
    outer = _deadline.get()
    token = _deadline.set(outer if outer and outer[0] < ends else (ends, seconds))
    try:
        yield
    finally:
        _deadline.reset(token)


@contextmanager
def pause() -> Iterator[None]:
    """Leave what is done inside out of the deadline: a model is loaded once, and takes its time."""
    began = time.monotonic()
    yield
    if deadline := _deadline.get():
        ends, seconds = deadline
        _deadline.set((ends + time.monotonic() - began, seconds))


def check() -> None:
    """Raise AnswerTimeout once the seconds are over; nothing outside `within`."""
    deadline = _deadline.get()
    if deadline and time.monotonic() > deadline[0]:
        raise AnswerTimeout(
            f"The answer was not ready within {deadline[1]:g} seconds.",
            "Ask again in a moment, and ask for one thing at a time.",
        )
