"""How many event streams and connections one caller may hold open at once."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from assistant.server.security.callers import client_network, parse_address
from assistant.server.security.request import PROBLEM_JSON, Refusal, problem_json

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from assistant.server.security.callers import Address

MAX_STREAMS = 16
"""Event streams of one address of ours that a caller holds at once."""

MAX_LOOPBACK_STREAMS = 256
"""The same for callers on the loopback: a tunnel or an unlisted proxy brings all readers there."""

MAX_CONNECTIONS = 128
"""Connections from one address; a browser opens six, and an office may share its address."""

MAX_LOOPBACK_CONNECTIONS = 512
"""The same for the loopback: half of the 1,024 files that a process may usually have open."""

MAX_OPEN_FILES = 8_192
"""Open files that a server asks the system for, where it may have more than that."""

HEAD_TIMEOUT = 10.0
"""Seconds that the head of a request may take, from the opening of its connection on."""

_RETRY_AFTER = {"retry-after": "5"}


class Slots:
    """Places that callers hold for a while, so many each."""

    def __init__(self) -> None:
        self._held: Counter[str] = Counter()

    def acquire(self, caller: str, limit: int) -> bool:
        """Take a place for a caller, who may hold so many; whether there was one."""
        if self._held[caller] >= limit:
            return False
        self._held[caller] += 1
        return True

    def release(self, caller: str) -> None:
        """Give back a place that was taken."""
        self._held[caller] -= 1
        if not self._held[caller]:
            del self._held[caller]


class StreamSlot:
    """The place of one request in case its response is a stream: taken once, and given back."""

    def __init__(self, places: Slots, caller: str, most: int) -> None:
        self._places, self._caller, self._most = places, caller, most
        self._taken = False

    def acquire(self) -> Refusal | None:
        """Take the place, or say what the request is refused with."""
        self._taken = self._taken or self._places.acquire(self._caller, self._most)
        if self._taken:
            return None
        what = "Too many streams are open."
        return Refusal(429, what, "Close some of them and try again.", _RETRY_AFTER)

    def release(self) -> None:
        """Give the place back, if it was taken."""
        if self._taken:
            self._places.release(self._caller)


def raise_file_limit() -> int:
    """Ask for as many open files as a busy server needs; return how many there may be.

    A server without a file left to accept a connection with would try again without end, so half
    of them are for connections, and a sixteenth for those that are accepted at once.
    """
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < MAX_OPEN_FILES:
        most = MAX_OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, MAX_OPEN_FILES)
        with suppress(OSError, ValueError):  # the system allows less than it says
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MAX_OPEN_FILES if soft == resource.RLIM_INFINITY else soft


def limit_connections(protocol: Any, listed: Callable[[Address], bool], most: int) -> Any:
    """Extend uvicorn's protocol for HTTP: few connections an address, and none that says nothing.

    `most` is how many there may be from all addresses together. `listed` says which addresses are
    proxies, whose connections are those of all their readers.
    A connection is closed whose next request has no complete head in time; uvicorn itself waits
    for ever for a first request, and for one that has begun.
    """
    import h11

    held = Slots()

    class Bounded(protocol):  # type: ignore[misc]
        """A connection that is counted, and closed where the head of a request is late."""

        holder, counted = "", False
        deadline: asyncio.TimerHandle | None = None

        def connection_made(self, transport: asyncio.Transport) -> None:
            super().connection_made(transport)
            address = parse_address(self.client[0]) if self.client else None
            own = address is None or address.is_loopback
            self.counted = held.acquire("", most)
            if self.counted and (address is None or not listed(address)):
                holder = client_network(address)
                if held.acquire(holder, MAX_LOOPBACK_CONNECTIONS if own else MAX_CONNECTIONS):
                    self.holder = holder
                else:
                    held.release("")
                    self.counted = False
            if not self.counted:
                transport.write(_TOO_MANY_CONNECTIONS)
                transport.close()
                return
            self.wait()

        def connection_lost(self, exc: Exception | None) -> None:
            super().connection_lost(exc)
            self.stop_waiting()
            for name in [""] * self.counted + [self.holder] * bool(self.holder):
                held.release(name)

        def handle_events(self) -> None:
            super().handle_events()
            if self.conn.their_state is h11.IDLE:
                self.wait()
            else:
                self.stop_waiting()

        def wait(self) -> None:
            if self.deadline is None and not self.transport.is_closing():
                self.deadline = self.loop.call_later(HEAD_TIMEOUT, self.timeout_keep_alive_handler)

        def stop_waiting(self) -> None:
            if self.deadline is not None:
                self.deadline.cancel()
                self.deadline = None

    return Bounded


def _too_many_connections() -> bytes:
    """The whole response to a connection that is one too many."""
    body = problem_json(429, "Too many connections are open.", "Close some and try again.", "")
    head = {
        **_RETRY_AFTER,
        "content-type": PROBLEM_JSON,
        "content-length": len(body),
        "connection": "close",
    }
    lines = ["HTTP/1.1 429 Too Many Requests", *(f"{name}: {head[name]}" for name in head)]
    return "\r\n".join([*lines, "", ""]).encode() + body


_TOO_MANY_CONNECTIONS = _too_many_connections()
