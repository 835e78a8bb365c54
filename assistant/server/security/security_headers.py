"""Middleware: the security headers of every response, and an id for every request."""

from __future__ import annotations

import secrets
import uuid
from typing import TYPE_CHECKING

from starlette.datastructures import Headers

from assistant.server.security.policies import API_CONTENT_POLICY, policy_of
from assistant.server.security.problems import PROBLEM_JSON

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.types import ASGIApp, Message, Receive, Scope, Send


class SecurityHeadersMiddleware:
    """Adds the security headers to every response, a refusal too; stands outermost.

    The Content-Security-Policy is that of the route. `frames` are the sites that may show a page
    in a frame. `request.state` gets `request_id`, and `nonce` for the scripts of a page.
    """

    def __init__(self, app: ASGIApp, frames: Sequence[str] = ()) -> None:
        self._app = app
        self._frames = tuple(frames)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and its response back with the headers."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        state = {
            **scope.get("state", {}),
            "request_id": uuid.uuid4().hex[:12],
            "nonce": secrets.token_urlsafe(16),
        }
        scope = {"scheme": "http", **scope, "state": state}

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": self._with_ours(scope, message)}
            await send(message)

        await self._app(scope, receive, send_with_headers)

    def _with_ours(self, scope: Scope, message: Message) -> list[tuple[bytes, bytes]]:
        theirs = [(name.lower(), value) for name, value in message.get("headers", [])]
        kind = Headers(raw=theirs).get("content-type", "")
        ours = self._headers(scope, is_problem=kind == PROBLEM_JSON)
        stored = [(name, value) for name, value in theirs if name.decode("latin-1") not in ours]
        added = [(name.encode(), value.encode("latin-1")) for name, value in ours.items() if value]
        return [*stored, *added]

    def _headers(self, scope: Scope, *, is_problem: bool) -> dict[str, str]:
        """The headers of a response by their names; one without a value is left out."""
        state, policy = scope["state"], policy_of(scope)
        content_policy = API_CONTENT_POLICY if is_problem else policy.content_policy
        frames = " ".join(("'self'", *self._frames))
        is_shared = policy.cross_origin or "allowed_origin" in state
        return {
            "x-request-id": state["request_id"],
            "content-security-policy": content_policy.format(nonce=state["nonce"], frames=frames),
            "x-content-type-options": "nosniff",
            "referrer-policy": "no-referrer",
            "cross-origin-opener-policy": "same-origin",
            "cross-origin-embedder-policy": "",
            "cross-origin-resource-policy": "cross-origin" if is_shared else "same-origin",
            "permissions-policy": "camera=(), microphone=(), geolocation=()",
            "x-frame-options": "" if self._frames else "SAMEORIGIN",
            "strict-transport-security": "max-age=31536000" if scope["scheme"] == "https" else "",
        }
