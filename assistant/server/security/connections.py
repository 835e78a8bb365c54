"""Limit the connections that one caller holds open, and the time for the head of a request."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from assistant.server.security.callers import client_network, is_trusted_proxy, parse_address
from assistant.server.security.problems import PROBLEM_JSON, problem_json
from assistant.server.security.slots import Slots

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Sequence

    from assistant.server.security.callers import Network

MAX_CONNECTIONS = 128
"""Connections from one address; a browser opens six, and an office may share its address."""

MAX_LOOPBACK_CONNECTIONS = 512
"""The same for the loopback: half of the 1,024 files that a process may usually have open."""

MAX_OPEN_FILES = 8_192
"""Open files that a server asks the system for, where it may have more than that."""

HEAD_TIMEOUT = 10.0
"""Seconds that the head of a request may take, from the opening of its connection on."""


def raise_file_limit() -> int:
    """Ask the system for as many open files as a busy server needs; return how many it gives.

    A server that has no file left for a new connection would retry without end. So half of the
    files are for connections, and a sixteenth for connections that are accepted at once.
    """
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < MAX_OPEN_FILES:
        limit = MAX_OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, MAX_OPEN_FILES)
        with suppress(OSError, ValueError):  # the system allows less than it says
            resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MAX_OPEN_FILES if soft == resource.RLIM_INFINITY else soft


def limit_connections(protocol: Any, proxies: Sequence[Network], limit: int) -> Any:
    """Extend uvicorn's HTTP protocol: limit connections per address, and close silent ones.

    `limit` is the most connections from all addresses together. A connection from one of `proxies`
    counts for no address, because it carries the requests of many readers. A connection is closed
    if the head of its next request is not complete in time; uvicorn itself waits without end for a
    first request, and for one that has begun.
    """
    import h11

    slots = Slots()

    class LimitedProtocol(protocol):  # type: ignore[misc]
        """A connection that is counted, and closed if the head of a request is late."""

        holder, is_counted = "", False
        deadline: asyncio.TimerHandle | None = None

        def connection_made(self, transport: asyncio.Transport) -> None:
            super().connection_made(transport)
            address = parse_address(self.client[0]) if self.client else None
            is_loopback = address is None or address.is_loopback
            self.is_counted = slots.acquire("", limit)
            if self.is_counted and not is_trusted_proxy(address, proxies):
                holder = client_network(address)
                own_limit = MAX_LOOPBACK_CONNECTIONS if is_loopback else MAX_CONNECTIONS
                if slots.acquire(holder, own_limit):
                    self.holder = holder
                else:
                    slots.release("")
                    self.is_counted = False
            if not self.is_counted:
                transport.write(_TOO_MANY_CONNECTIONS)
                transport.close()
                return
            self.start_deadline()

        def connection_lost(self, exc: Exception | None) -> None:
            super().connection_lost(exc)
            self.cancel_deadline()
            for name in [""] * self.is_counted + [self.holder] * bool(self.holder):
                slots.release(name)

        def handle_events(self) -> None:
            super().handle_events()
            if self.conn.their_state is h11.IDLE:
                self.start_deadline()
            else:
                self.cancel_deadline()

        def start_deadline(self) -> None:
            if self.deadline is None and not self.transport.is_closing():
                self.deadline = self.loop.call_later(HEAD_TIMEOUT, self.timeout_keep_alive_handler)

        def cancel_deadline(self) -> None:
            if self.deadline is not None:
                self.deadline.cancel()
                self.deadline = None

    return LimitedProtocol


def _too_many_connections() -> bytes:
    """The whole response to a connection that is one too many."""
    message, hint = "Too many connections are open.", "Close some and try again."
    body = problem_json(429, message, hint, "")
    headers = {
        "retry-after": "5",
        "content-type": PROBLEM_JSON,
        "content-length": len(body),
        "connection": "close",
    }
    lines = ["HTTP/1.1 429 Too Many Requests", *(f"{name}: {headers[name]}" for name in headers)]
    return "\r\n".join([*lines, "", ""]).encode() + body


_TOO_MANY_CONNECTIONS = _too_many_connections()
