"""Middleware: limit requests by their cost, with one token bucket per caller for all routes."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

from cachetools import LRUCache

from assistant.server.security.callers import caller_of, client_network
from assistant.server.security.policies import policy_of
from assistant.server.security.problems import Refusal

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from assistant.server.security.callers import Address

_DEFAULT_RATE = 120  # questions a minute
_MAX_CALLERS = 10_000  # whose buckets are stored


class RateLimit:
    """Holds one token bucket per caller; time fills it, and a request takes its cost from it.

    A token is the cost of a question; policies.py has the costs of other requests. `rate` is in
    tokens a minute, 0 for no limit. None means 120, and no limit for loopback addresses: behind a
    proxy that is not listed as trusted, every reader has a loopback address. The server has two of
    these: one for failed authentication, one for the cost of requests. The status 429 also comes
    from concurrency.py, streams.py and connections.py, which limit what is open at once.
    """

    def __init__(self, rate: int | None) -> None:
        self._limits_loopback = rate is not None
        self._rate = _DEFAULT_RATE if rate is None else rate
        self._burst = max(10, self._rate // 2)
        # The time at which each bucket is full again; the least recently used is dropped first.
        self._full_at: LRUCache[str, float] = LRUCache(_MAX_CALLERS)

    def take(
        self, address: Address | None, now: float, *, name: str = "", cost: float = 1.0
    ) -> int:
        """Take `cost` tokens and return 0, or return the whole seconds to wait for them.

        A caller with a `name` has one bucket, whatever addresses it asks from. `now` is in
        seconds. A cost above the burst counts as the burst, or it could never be paid.
        """
        bucket = self._bucket(address, name)
        if not bucket:
            return 0
        wait = self._seconds_until(bucket, now, cost)
        full_at = max(self._full_at.get(bucket, now), now)
        self._full_at[bucket] = full_at if wait else full_at + self._seconds_of(cost)
        return wait

    def seconds_to_wait(
        self, address: Address | None, now: float, *, name: str = "", cost: float = 1.0
    ) -> int:
        """Return the whole seconds until `cost` tokens could be taken, and take none."""
        bucket = self._bucket(address, name)
        return self._seconds_until(bucket, now, cost) if bucket else 0

    def _bucket(self, address: Address | None, name: str) -> str:
        """Return the name of the caller's bucket; empty where the caller is not limited."""
        is_loopback = address is None or address.is_loopback  # None: a socket of this machine
        if not self._rate or (is_loopback and not name and not self._limits_loopback):
            return ""
        return name or client_network(address)

    def _seconds_of(self, cost: float) -> float:
        return min(cost, self._burst) * 60 / self._rate

    def _seconds_until(self, bucket: str, now: float, cost: float) -> int:
        missing = max(self._full_at.get(bucket, now), now) - now + self._seconds_of(cost)
        return max(0, math.ceil(round(missing - self._seconds_of(self._burst), 3)))


class RateLimitMiddleware:
    """Takes a request's cost from its caller's bucket; refuses it with 429 if that is empty."""

    def __init__(self, app: ASGIApp, limit: RateLimit) -> None:
        self._app = app
        self._limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on if its caller has enough tokens for it; refuse any other."""
        policy = policy_of(scope)
        if scope["type"] == "http" and policy.cost:
            caller = caller_of(scope)
            wait = self._limit.take(
                caller.address, time.monotonic(), name=caller.name, cost=policy.cost
            )
            if wait:
                message = "" if policy.is_question else "Too many requests at once."
                again = "ask again" if policy.is_question else "send it again"
                refusal = too_many_requests(message, wait, again)
                await refusal(scope, receive, send)
                return
        await self._app(scope, receive, send)


def too_many_requests(message: str, wait: int, again: str) -> Refusal:
    """Return a refusal with 429 for a caller who may come back in `wait` seconds."""
    hint = f"Wait {wait} second{'s' * (wait > 1)} and {again}."
    return Refusal(429, message, hint, headers={"retry-after": str(wait)})
