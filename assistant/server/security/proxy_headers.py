"""Middleware: identify the caller of a request, directly or by a trusted proxy's headers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.datastructures import Headers

from assistant.errors import SettingsError
from assistant.server.security.callers import identify_caller

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.types import ASGIApp, Receive, Scope, Send

    from assistant.server.security.callers import Network


class ProxyHeadersMiddleware:
    """Trusts the X-Forwarded-* headers of `trusted` proxies: address, scheme and host.

    In `user_header` a trusted proxy names the signed-in user. Without `trust_loopback` no caller is
    local. uvicorn's ProxyHeadersMiddleware knows no X-Forwarded-Host and no signed-in user, and
    does not distinguish a local caller from one behind an unlisted proxy.
    """

    def __init__(
        self,
        app: ASGIApp,
        trusted: Sequence[Network] = (),
        user_header: str = "",
        *,
        trust_loopback: bool = True,
    ) -> None:
        if user_header and not trusted:
            raise SettingsError(
                "The setting user_header lets anyone sign in as anybody: no proxy is trusted.",
                "List the proxy that names the user in trusted_proxies.",
            )
        self._app = app
        self._trusted, self._user_header = tuple(trusted), user_header
        self._trust_loopback = trust_loopback

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Set the client, the scheme and the host, and `request.state.caller`."""
        if scope["type"] == "http":
            caller, forwarded = identify_caller(
                scope,
                Headers(scope=scope),
                self._trusted,
                self._user_header,
                trust_loopback=self._trust_loopback,
            )
            scope.setdefault("state", {})["caller"] = caller
            scope["scheme"] = forwarded.scheme or scope.get("scheme", "http")
            if caller.address is not None:
                scope["client"] = (str(caller.address), 0)
            if forwarded.host:
                others = [pair for pair in scope["headers"] if pair[0] != b"host"]
                scope["headers"] = [*others, (b"host", forwarded.host.encode("latin-1"))]
        await self._app(scope, receive, send)
