"""Tell the time for expiry dates, without trusting a sudden change of the system's clock.

If the system's clock jumps ahead and is set right again later, no record may expire meanwhile: a
deleted record does not come back.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

SMALL_STEP = 86_400.0
"""The largest step, in seconds, that is trusted at once: summer time, a night asleep, a restart."""

SETTLE_SECONDS = 3_600.0
"""Seconds that the system's clock has to run evenly before a larger step is trusted."""

_DRIFT_TOLERANCE = 300.0  # seconds by which a clock that runs evenly may be off


class SteadyClock:
    """Follows the system's clock, but trusts a large step only once it has lasted an hour.

    `clock` returns seconds since 1970 and may be set; `monotonic` returns seconds and never is.
    Safe to share between threads.
    """

    def __init__(self, clock: Callable[[], float], monotonic: Callable[[], float]) -> None:
        self._clock = clock
        self._monotonic = monotonic
        self._offset = clock() - monotonic()
        self._pending_step: tuple[float, float] | None = None  # its offset, and when it was noticed
        self._lock = threading.Lock()

    def resume(self, last_time: float, pending_step: tuple[float, float] | None) -> None:
        """Continue from a time at which the clock was right, before this process began.

        `pending_step` is the value of the property at that time. Its hour continues where the
        system's clock has run evenly since. Another step or a restart of the machine begins the
        hour again.
        """
        with self._lock:
            elapsed = self._monotonic()
            self._offset = last_time - elapsed
            if (
                pending_step
                and pending_step[1] <= elapsed
                and abs(self._clock() - elapsed - pending_step[0]) <= _DRIFT_TOLERANCE
            ):
                self._pending_step = pending_step
        self.now()

    @property
    def pending_step(self) -> tuple[float, float] | None:
        """A step that is not yet trusted: the offset it leads to, and when it was noticed.

        The offset is the system's clock minus the monotonic clock, in seconds. The time is that of
        the monotonic clock.
        """
        with self._lock:
            return self._pending_step

    def now(self) -> float:
        """Return the seconds since 1970 by the steady clock."""
        with self._lock:
            elapsed = self._monotonic()
            offset = self._clock() - elapsed
            if abs(offset - self._offset) <= SMALL_STEP:
                self._offset, self._pending_step = offset, None
            elif (
                self._pending_step is None or abs(offset - self._pending_step[0]) > _DRIFT_TOLERANCE
            ):
                self._pending_step = offset, elapsed
            elif elapsed - self._pending_step[1] >= SETTLE_SECONDS:
                self._offset, self._pending_step = offset, None
            return elapsed + self._offset

    def latest(self) -> float:
        """Return the later of the steady clock and the system's clock: the date of a new record."""
        return max(self.now(), self._clock())

    def earliest(self) -> float:
        """Return the earlier of the two clocks: a record too old by this is too old by both."""
        return min(self.now(), self._clock())
