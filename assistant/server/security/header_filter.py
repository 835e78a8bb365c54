"""Middleware: filter the request headers for the application, and its response headers."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from assistant.server.security.policies import policy_of

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

_REQUEST_HEADERS = re.compile(
    rb"host|accept(-encoding|-language)?|content-(type|length)|user-agent|origin|referer|cookie"
    rb"|if-none-match|if-modified-since|range|authorization|cache-control|last-event-id"
    rb"|sec-fetch-.+|access-control-request-.+|mcp-.+|x-conversation"
)
_CONDITIONAL_HEADERS = (b"if-none-match", b"if-modified-since")
# Headers that only the middlewares may set, or that are never sent.
_RESPONSE_HEADERS = re.compile(
    rb"access-control-|content-security-|cross-origin-|permissions-|referrer-|strict-transport-"
    rb"|x-content-type-|x-frame-|x-request-id|set-cookie|server|connection"
)


class HeaderFilterMiddleware:
    """Passes on only the request headers that are known here, and drops some response headers.

    No other header of a proxy or a client reaches the application. The application's cookies and
    the name of its software are not sent.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and its response back, without the dropped headers."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        dropped: tuple[bytes, ...] = ()
        if "{nonce}" in policy_of(scope).content_policy:
            dropped = _CONDITIONAL_HEADERS  # 304 would pair an old page with a new nonce
        scope["headers"] = [
            pair
            for pair in scope["headers"]
            if _REQUEST_HEADERS.fullmatch(pair[0]) and pair[0] not in dropped
        ]

        async def send_filtered(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = [
                    pair
                    for pair in message.get("headers", [])
                    if not _RESPONSE_HEADERS.match(pair[0].lower())
                ]
                message = {**message, "headers": headers}
            await send(message)

        await self._app(scope, receive, send_filtered)
