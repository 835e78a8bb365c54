"""A clock for expiry dates that a wrong setting of the system's clock does not carry away.

A clock that jumps ahead, and is set right again, must not make records too old meanwhile: what
was deleted does not come back.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

SMALL_STEP = 86_400.0
"""Seconds of a step that is believed at once: of summer time, of a night asleep, of a restart."""

SETTLE_SECONDS = 3_600.0
"""Seconds that the system's clock has to run evenly until a larger step is believed."""

_DRIFT_TOLERANCE = 300.0  # seconds by which a clock that runs evenly may be off


class SteadyClock:
    """The system's clock, except for a large step, which is believed once it has lasted an hour.

    `clock` returns seconds since 1970 and may be set; `monotonic` returns seconds and never is.
    Safe to share between threads.
    """

    def __init__(self, clock: Callable[[], float], monotonic: Callable[[], float]) -> None:
        self._clock = clock
        self._monotonic = monotonic
        self._offset = clock() - monotonic()
        self._pending_step: tuple[float, float] | None = None  # its offset, and since when
        self._lock = threading.Lock()

    def resume(self, last_time: float, pending_step: tuple[float, float] | None) -> None:
        """Continue from a time at which the clock was right, before this process began.

        `pending_step` is what the property was then. It continues where the system's clock has
        run evenly since: not after another step, nor after the machine was started anew, which
        both begin the hour again.
        """
        with self._lock:
            passed = self._monotonic()
            self._offset = last_time - passed
            if (
                pending_step
                and pending_step[1] <= passed
                and abs(self._clock() - passed - pending_step[0]) <= _DRIFT_TOLERANCE
            ):
                self._pending_step = pending_step
        self.now()

    @property
    def pending_step(self) -> tuple[float, float] | None:
        """A step that is not yet believed: the offset it leads to, and since when.

        Both are in seconds: from the monotonic clock to the system's, and by the former.
        """
        with self._lock:
            return self._pending_step

    def now(self) -> float:
        """Return the seconds since 1970 by the steady clock."""
        with self._lock:
            passed = self._monotonic()
            offset = self._clock() - passed
            if abs(offset - self._offset) <= SMALL_STEP:
                self._offset, self._pending_step = offset, None
            elif (
                self._pending_step is None or abs(offset - self._pending_step[0]) > _DRIFT_TOLERANCE
            ):
                self._pending_step = offset, passed
            elif passed - self._pending_step[1] >= SETTLE_SECONDS:
                self._offset, self._pending_step = offset, None
            return passed + self._offset

    def latest(self) -> float:
        """Return the later of the steady clock and the system's, which dates a new record."""
        return max(self.now(), self._clock())

    def earliest(self) -> float:
        """Return the earlier of the two: what is too old by this one is too old by both."""
        return min(self.now(), self._clock())
