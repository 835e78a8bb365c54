"""Middleware: how many questions and pages may wait at once, and none when the server stops."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from assistant.server.security.policies import Policy, policy_of
from assistant.server.security.problems import Refusal, stopping

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp, Receive, Scope, Send

# From this cost on a request counts while it is answered. Static files are below it: a slow
# reader of one must not hold up a page.
_COUNTED_COST = 0.1
_PAGES_PER_QUESTION = 4  # a page takes less than a quarter of a question's time


class ConcurrencyLimit:
    """Counts the questions and pages that are being answered, and says whether one more may be.

    At most `waiting` questions, and four times as many pages. `queue_length` returns how many
    questions wait whose own request is answered already.
    """

    def __init__(self, waiting: int, queue_length: Callable[[], int] = lambda: 0) -> None:
        self.questions = 0
        self._pages = 0
        self._waiting, self._queue_length = waiting, queue_length
        self._is_draining = self._is_closed = False

    def drain(self) -> None:
        """Refuse questions from now on; those that were let in are answered."""
        self._is_draining = True

    def close(self) -> None:
        """Refuse every request from now on."""
        self._is_closed = True

    def refusal(self, policy: Policy) -> Refusal | None:
        """Why one more request cannot be let in; None where it can."""
        if self._is_closed or (self._is_draining and policy.is_question):
            return stopping()
        waiting = self._pages / _PAGES_PER_QUESTION
        if policy.is_question:
            waiting = self._queue_length() + self.questions
        if policy.cost < _COUNTED_COST or waiting < self._waiting:
            return None
        kind = "questions" if policy.is_question else "requests"
        retry_after = 1 + secrets.randbelow(5)  # those refused together come back one by one
        return Refusal(
            429, f"Too many {kind} are waiting.", headers={"retry-after": str(retry_after)}
        )

    def add(self, policy: Policy, count: int) -> None:
        """Count requests that begin (1) or end (-1)."""
        if policy.is_question:
            self.questions += count
        elif policy.cost >= _COUNTED_COST:
            self._pages += count


class ConcurrencyLimitMiddleware:
    """Refuses a request that is one too many at once: 429; or that comes too late: 503."""

    def __init__(self, app: ASGIApp, limit: ConcurrencyLimit) -> None:
        self._app = app
        self._limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on a request that there is room for, counted while it is answered."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        policy = policy_of(scope)
        if refusal := self._limit.refusal(policy):
            await refusal(scope, receive, send)
            return
        self._limit.add(policy, 1)
        try:
            await self._app(scope, receive, send)
        finally:
            self._limit.add(policy, -1)
