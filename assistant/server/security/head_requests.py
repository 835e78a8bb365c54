"""Middleware: answer a HEAD request as a GET, and send only the head of the response."""

from __future__ import annotations

from typing import TYPE_CHECKING

from assistant.server.security.disconnect import Disconnect

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send


class HeadMiddleware:
    """Hands a HEAD request to the application as a GET and sends only the head of the response.

    The application is then told that the client has left, so that a stream ends.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a HEAD request; pass any other request on unchanged."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return
        disconnect, is_complete = Disconnect(receive), False

        async def send_head(message: Message) -> None:
            nonlocal is_complete
            if is_complete:
                return
            await send(message)
            if message["type"] == "http.response.start":
                is_complete = True
                disconnect.leave()
                await send({"type": "http.response.body", "body": b""})

        try:
            await self._app({**scope, "method": "GET"}, disconnect.receive, send_head)
        finally:
            disconnect.close()
