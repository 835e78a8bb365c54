"""Middleware: answer health checks first, under any host name and for any caller."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from starlette.datastructures import Headers

from assistant.http_accept import JSON
from assistant.server.security.problems import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from starlette.types import ASGIApp, Receive, Scope, Send

    HealthCheck = Callable[[Headers], tuple[int, dict[str, Any]]]


class HealthMiddleware:
    """Answers health checks itself, before anything else in the request is checked.

    A check takes the request's headers and returns a status and its JSON. A probe may use an
    address, a pod's name or no host name at all, so the host is not checked. A check runs on the
    event loop, so that it never waits for the threads that answer questions.
    """

    def __init__(self, app: ASGIApp, checks: Mapping[str, HealthCheck], root: str = "") -> None:
        self._app = app
        self._checks = {
            f"{before}{path}": check for path, check in checks.items() for before in (root, "")
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a health check, or pass the request on."""
        check = self._checks.get(scope["path"]) if scope["type"] == "http" else None
        if check is None:
            await self._app(scope, receive, send)
            return
        if scope["method"] not in {"GET", "HEAD"}:
            await Refusal(405, headers={"allow": "GET, HEAD"})(scope, receive, send)
            return
        status, content = check(Headers(scope=scope))
        body = json.dumps(content).encode()
        headers = {"content-type": JSON, "content-length": str(len(body))}
        if status == 503:
            headers["retry-after"] = "2"
        pairs = [(name.encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": status, "headers": pairs})
        sent = b"" if scope["method"] == "HEAD" else body
        await send({"type": "http.response.body", "body": sent})
