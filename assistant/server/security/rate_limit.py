"""A token bucket by cost: how much one caller may ask a minute, over all routes together."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from assistant.server.security.callers import client_network

if TYPE_CHECKING:
    from assistant.server.security.callers import Address

_DEFAULT_RATE = 120  # questions a minute
_MAX_CALLERS = 10_000  # whose buckets are remembered


class RateLimit:
    """One token bucket a caller, filled with time; a request takes what it costs.

    A token is what a question costs. `rate` is in tokens a minute, 0 for no limit. None is 120,
    and no limit for loopback addresses: behind a proxy that is not listed as trusted, every
    reader has one of those.
    """

    def __init__(self, rate: int | None) -> None:
        self._limits_loopback = rate is not None
        self._rate = _DEFAULT_RATE if rate is None else rate
        self._burst = max(10, self._rate // 2)
        self._full_at: dict[str, float] = {}  # when a bucket is full again, the longest idle first

    def take(
        self, address: Address | None, now: float, *, name: str = "", cost: float = 1.0
    ) -> int:
        """Take `cost` tokens and return 0, or return the whole seconds to wait for them.

        A caller with a `name` has one bucket, whatever addresses it asks from. `now` is in
        seconds. A cost above the burst is taken for the burst, or it would never be met.
        """
        loopback = address is None or address.is_loopback  # no address: a socket of this machine
        if not self._rate or (loopback and not name and not self._limits_loopback):
            return 0
        bucket = name or client_network(address)
        each, cost = 60 / self._rate, min(cost, self._burst)
        full_at = max(self._full_at.pop(bucket, now), now)
        wait = round(full_at - now - (self._burst - cost) * each, 3)
        self._full_at[bucket] = full_at if wait > 0 else full_at + cost * each
        if len(self._full_at) > _MAX_CALLERS:
            del self._full_at[next(iter(self._full_at))]
        return max(0, math.ceil(wait))
