"""Middleware: limit the event streams that a caller holds open, and end them at shutdown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.datastructures import Headers

from assistant.http_accept import EVENT_STREAM
from assistant.server.security.callers import caller_of, client_network
from assistant.server.security.disconnect import Disconnect
from assistant.server.security.policies import policy_of
from assistant.server.security.problems import Refusal
from assistant.server.security.slots import Slots

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_STREAMS = 16
"""Event streams that one caller may hold open at once, from one route."""

MAX_LOOPBACK_STREAMS = 256
"""The same for the loopback, where all readers may come through a tunnel or an unlisted proxy."""


class StreamLimit:
    """Holds the event streams that are open, and counts them by caller."""

    def __init__(self) -> None:
        self.slots = Slots()
        self.open: set[_Stream] = set()
        self.has_ended = False

    def end(self) -> None:
        """End the streams that are open, and all that begin later; on the event loop's thread."""
        self.has_ended = True
        for stream in self.open:
            stream.end()


class StreamLimitMiddleware:
    """Refuses event streams above a caller's limit with 429.

    The media type of a response shows that it is a stream. Where the route's policy says it
    already, the request is refused before the application starts.
    """

    def __init__(self, app: ASGIApp, limit: StreamLimit) -> None:
        self._app = app
        self._limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and its response back unless it is a stream above the limit."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        stream = _Stream(self._limit, scope, receive, send)
        self._limit.open.add(stream)
        try:
            if policy_of(scope).streams and not stream.acquire():
                await too_many_streams()(scope, receive, send)
                return
            await self._app(scope, stream.receive, stream.send)
        finally:
            self._limit.open.discard(stream)
            await stream.close()


class _Stream:
    """One request whose response may be an event stream."""

    def __init__(self, limit: StreamLimit, scope: Scope, receive: Receive, send: Send) -> None:
        caller, route = caller_of(scope), scope.get("state", {}).get("route", "")
        self._name = f"{caller.name or client_network(caller.address)} {route}"
        is_loopback = caller.address is None or caller.address.is_loopback
        self._max = MAX_LOOPBACK_STREAMS if is_loopback and not caller.name else MAX_STREAMS
        self._limit, self._scope, self._send = limit, scope, send
        self._receive = receive
        self._disconnect = Disconnect(receive)
        self.receive = self._disconnect.receive
        self._is_held = self._is_stream = self._is_complete = False

    def acquire(self) -> bool:
        """Take a slot for the stream, unless it has one; return whether it has one now."""
        self._is_held = self._is_held or self._limit.slots.acquire(self._name, self._max)
        return self._is_held

    async def send(self, message: Message) -> None:
        """Pass the response back; a stream that has no slot is replaced by a refusal."""
        if self._is_complete:
            return
        if message["type"] == "http.response.start":
            raw = [(name.lower(), value) for name, value in message.get("headers", [])]
            kind = Headers(raw=raw).get("content-type", "")
            self._is_stream = kind.partition(";")[0].strip().lower() == EVENT_STREAM
            if self._is_stream and not self.acquire():
                self._is_complete = True
                self._disconnect.leave()
                await too_many_streams()(self._scope, self._receive, self._send)
                return
            if self._limit.has_ended:
                self.end()
        elif message["type"] == "http.response.body":
            self._is_complete = not message.get("more_body", False)
        await self._send(message)

    def end(self) -> None:
        """Tell the application that its client has left, if its response is a stream."""
        if self._is_stream:
            self._disconnect.leave()

    async def close(self) -> None:
        """Give the slot back; complete a stream that was ended, so its client sees no error."""
        self._disconnect.close()
        if self._is_held:
            self._limit.slots.release(self._name)
        if self._is_stream and self._limit.has_ended and not self._is_complete:
            await self._send({"type": "http.response.body", "body": b""})


def too_many_streams() -> Refusal:
    """Return the refusal of a stream above the limit."""
    hint = "Close some of them and try again."
    return Refusal(429, "Too many streams are open.", hint, {"retry-after": "5"})
