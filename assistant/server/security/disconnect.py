"""Tell an application that its client has left, even if it has not."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from starlette.types import Message, Receive


class Disconnect:
    """Wraps the `receive` of a request, which also ends when `leave` is called."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._left = asyncio.Event()
        self._pending: asyncio.Future[Message] | None = None

    def leave(self) -> None:
        """Let the application receive `http.disconnect`, now and from now on."""
        self._left.set()

    def close(self) -> None:
        """Stop waiting for the client."""
        if self._pending is not None:
            self._pending.cancel()

    async def receive(self) -> Message:
        """Receive the next message, or that the client has left."""
        if self._pending is None:
            self._pending = asyncio.ensure_future(self._receive())
        left = asyncio.ensure_future(self._left.wait())
        waiting: set[asyncio.Future[Any]] = {self._pending, left}
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            left.cancel()
        if self._left.is_set():
            return {"type": "http.disconnect"}
        message, self._pending = self._pending.result(), None
        return message
