"""Middleware: limit the rate of failed authentication."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from starlette.datastructures import Headers

from assistant.server.security.authentication import bearer_token
from assistant.server.security.callers import caller_of
from assistant.server.security.rate_limit import too_many_requests

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from assistant.server.security.rate_limit import RateLimit


class FailedAuthenticationMiddleware:
    """Refuses, with 429, API keys from an address that has sent too many wrong ones.

    Each wrong key, which the application answers with 401, takes a token from the bucket of the
    address. Requests without a key are not limited here.
    """

    def __init__(self, app: ASGIApp, limit: RateLimit) -> None:
        self._app = app
        self._limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and count it where its key turns out to be wrong."""
        if scope["type"] != "http" or not bearer_token(Headers(scope=scope)):
            await self._app(scope, receive, send)
            return
        address = caller_of(scope).address
        if wait := self._limit.seconds_to_wait(address, time.monotonic()):
            refusal = too_many_requests("Too many wrong API keys.", wait, "try again")
            await refusal(scope, receive, send)
            return

        async def send_and_count(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] == 401:
                self._limit.take(address, time.monotonic())
            await send(message)

        await self._app(scope, receive, send_and_count)
