"""Middleware: add security headers to every response, and an id to every request."""

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
    """Adds the security headers to every response, also a refusal: the outermost middleware.

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
                message = {**message, "headers": self._merged_headers(scope, message)}
            await send(message)

        await self._app(scope, receive, send_with_headers)

    def _merged_headers(self, scope: Scope, message: Message) -> list[tuple[bytes, bytes]]:
        """Return the headers of a response with the security headers in place of its own."""
        own = [(name.lower(), value) for name, value in message.get("headers", [])]
        media_type = Headers(raw=own).get("content-type", "")
        security = self._security_headers(scope, is_problem=media_type == PROBLEM_JSON)
        others = [(name, value) for name, value in own if name.decode("latin-1") not in security]
        added = [
            (name.encode(), value.encode("latin-1")) for name, value in security.items() if value
        ]
        return [*others, *added]

    def _security_headers(self, scope: Scope, *, is_problem: bool) -> dict[str, str]:
        """Return the security headers by their names; one with an empty value is not sent."""
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
