"""Middleware: turn every error of the application into problem details (RFC 9457)."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from starlette.datastructures import Headers

from assistant.server.security.policies import policy_of
from assistant.server.security.problems import PROBLEM_JSON, Refusal, stopping

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

_log = logging.getLogger(__name__)


class ErrorResponsesMiddleware:
    """Replaces the application's error responses and exceptions by problem details.

    The details of an exception stay in the log, under the request's id. Problem details, pages for
    readers and the media type that a route's policy names pass unchanged. Below the path
    `openai_prefix` errors are also rendered for OpenAI's clients. Starlette's ServerErrorMiddleware
    answers in plain text, and ignores responses that are errors already.
    """

    def __init__(self, app: ASGIApp, openai_prefix: str = "/v1", root: str = "") -> None:
        self._app = app
        self._openai_paths = tuple(
            f"{before}{openai_prefix}" for before in dict.fromkeys((root, ""))
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; answer any exception, unless a response has begun."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        state = scope.setdefault("state", {})
        state["openai_errors"] = f"{scope['path']}/".startswith(
            tuple(f"{path}/" for path in self._openai_paths)
        )
        response = _Response(scope, receive, send)
        try:
            await self._app(scope, receive, response.send)
        except asyncio.CancelledError:  # the server stops and waits no longer
            if response.has_begun:
                raise
            await stopping()(scope, receive, send)
        except Exception:  # noqa: BLE001 - every exception gets a response
            _log.exception("Request %s failed", state.get("request_id", ""))
            if not response.has_begun:  # else it stays unfinished, and the connection is closed
                await Refusal(500)(scope, receive, send)


class _Response:
    """The response to one request, replaced where it is an error."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.has_begun = False
        self._is_replaced = False
        self._scope, self._receive, self._send = scope, receive, send

    async def send(self, message: Message) -> None:
        if self._is_replaced:
            return
        if message["type"] == "http.response.start":
            self.has_begun = True
            headers = Headers(
                raw=[(name.lower(), value) for name, value in message.get("headers", [])]
            )
            if self._is_foreign(message["status"], headers):
                self._is_replaced = True
                names = ("allow", "retry-after")
                stored = {name: headers[name] for name in names if name in headers}
                refusal = Refusal(message["status"], headers=stored)
                await refusal(self._scope, self._receive, self._send)
                return
        await self._send(message)

    def _is_foreign(self, status: int, headers: Headers) -> bool:
        """Whether a response is an error in the application's own form."""
        if status < 400:
            return False
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind == PROBLEM_JSON or (
            kind == policy_of(self._scope).error_media_type and status < 500
        ):
            return False
        return kind != "text/html" or status == 500
