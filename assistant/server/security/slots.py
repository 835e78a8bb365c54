"""Count what callers hold for a while, such as connections, up to a limit each."""

from __future__ import annotations

from collections import Counter


class Slots:
    """Counts the slots that each caller holds."""

    def __init__(self) -> None:
        self._held: Counter[str] = Counter()

    def acquire(self, caller: str, limit: int) -> bool:
        """Take a slot for a caller who may hold `limit` of them; return whether one was free."""
        if self._held[caller] >= limit:
            return False
        self._held[caller] += 1
        return True

    def release(self, caller: str) -> None:
        """Give a slot back."""
        self._held[caller] -= 1
        if not self._held[caller]:
            del self._held[caller]
