"""Middleware: limit how many questions and pages wait at once; refuse all at shutdown."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from assistant.server.security.policies import Policy, policy_of
from assistant.server.security.problems import Refusal, stopping

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp, Receive, Scope, Send

# Requests of at least this cost are counted while they are answered. Static files cost less: a slow
# download of one must not delay a page.
_MIN_COUNTED_COST = 0.1
_PAGES_PER_QUESTION = 4  # a page takes less than a quarter of a question's time


class ConcurrencyLimit:
    """Counts the questions and pages that are being answered, and refuses those above the limit.

    The limit is `waiting` questions, and four times as many pages. `queue_length` returns the
    number of questions that wait in a queue after their own request has been answered.
    """

    def __init__(self, waiting: int, queue_length: Callable[[], int] = lambda: 0) -> None:
        self.questions = 0
        self._pages = 0
        self._waiting, self._queue_length = waiting, queue_length
        self._is_draining = self._is_closed = False

    def drain(self) -> None:
        """Refuse questions from now on; those accepted before are answered."""
        self._is_draining = True

    def close(self) -> None:
        """Refuse every request from now on."""
        self._is_closed = True

    def refusal(self, policy: Policy) -> Refusal | None:
        """Return the refusal of one more request; None where there is room for it."""
        if self._is_closed or (self._is_draining and policy.is_question):
            return stopping()
        waiting = self._pages / _PAGES_PER_QUESTION
        if policy.is_question:
            waiting = self._queue_length() + self.questions
        if policy.cost < _MIN_COUNTED_COST or waiting < self._waiting:
            return None
        kind = "questions" if policy.is_question else "requests"
        retry_after = 1 + secrets.randbelow(5)  # so that clients come back at different times
        return Refusal(
            429, f"Too many {kind} are waiting.", headers={"retry-after": str(retry_after)}
        )

    def add(self, policy: Policy, count: int) -> None:
        """Add `count` to the requests being answered: 1 at a request's start, -1 at its end."""
        if policy.is_question:
            self.questions += count
        elif policy.cost >= _MIN_COUNTED_COST:
            self._pages += count


class ConcurrencyLimitMiddleware:
    """Refuses requests above the limit with 429, and requests during shutdown with 503."""

    def __init__(self, app: ASGIApp, limit: ConcurrencyLimit) -> None:
        self._app = app
        self._limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on if there is room for it, and count it while it is answered."""
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
