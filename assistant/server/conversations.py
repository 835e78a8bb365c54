"""Hold the readers' conversations in memory, each by the id that its browser tab keeps."""

from __future__ import annotations

import re
import threading
import time
from typing import TYPE_CHECKING, Generic, TypeVar

from cachetools import TTLCache

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_CONVERSATIONS = 1000  # each takes 50 kB or more
MAX_SESSIONS = 10 * MAX_CONVERSATIONS  # whose tab is remembered: a client may never end its own
CONVERSATION_TTL = 12 * 3600  # seconds after its last question until a conversation is dropped
RELOAD_SECONDS = 60
"""How long a conversation outlives its tab: a tab that is loaded again closes first."""

_ID = re.compile(r"[A-Za-z0-9-]{16,64}")

State = TypeVar("State")


class Conversations(Generic[State]):
    """The conversations of all tabs; safe to share between threads.

    A tab has an id of its own, and each time it is loaded a new session. `clock` returns seconds.
    """

    def __init__(self, empty: State, clock: Callable[[], float] = time.monotonic) -> None:
        self._empty = empty
        self._clock = clock
        self._states: TTLCache[str, State] = TTLCache(MAX_CONVERSATIONS, CONVERSATION_TTL, clock)
        self._tabs: TTLCache[str, str] = TTLCache(MAX_SESSIONS, CONVERSATION_TTL, clock)
        self._closed: dict[str, float] = {}  # when the last session of a tab ended
        self._lock = threading.Lock()

    def open(self, session: str, tab: str) -> State:
        """Return the conversation of a tab, which is loaded as a new session."""
        with self._lock:
            key = _choose_key(session, tab)
            self._tabs[session] = key
            self._closed.pop(key, None)
            return self._states.get(key, self._empty)

    def get(self, session: str, tab: str) -> State:
        """Return the conversation of a tab; an empty one where there is none."""
        with self._lock:
            return self._states.get(_choose_key(session, tab), self._empty)

    def put(self, session: str, tab: str, state: State) -> None:
        """Store the conversation of a tab."""
        with self._lock:
            self._states[_choose_key(session, tab)] = state

    def close(self, session: str) -> None:
        """Note that a session has ended: its tab was closed, or is being loaded again."""
        with self._lock:
            key = self._tabs.pop(session, "")
            if key and key not in self._tabs.values():
                self._closed[key] = self._clock()

    def drop_closed(self) -> None:
        """Drop the conversations whose tab was closed a while ago, and those out of time."""
        with self._lock:
            self._states.expire()
            ended = self._clock() - RELOAD_SECONDS
            for key in [key for key, closed in self._closed.items() if closed <= ended]:
                del self._closed[key]
                self._states.pop(key, None)

    def __len__(self) -> int:
        """Return the number of conversations that are held."""
        with self._lock:
            return len(self._states)


def _choose_key(session: str, tab: str) -> str:
    """Return the id that a conversation is held by: the tab's, or the session's without one."""
    return tab if _ID.fullmatch(tab) else session
