"""Middleware: decide which pages of other sites may send requests and read responses (CORS)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.datastructures import Headers

from assistant.server.security.allowed_paths import is_preflight
from assistant.server.security.problems import Refusal
from assistant.server.security.trusted_hosts import parse_host

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

_ALLOWED_HEADERS = (
    "Accept, Authorization, Content-Type, Last-Event-ID, Mcp-Protocol-Version, Mcp-Session-Id"
)
_EXPOSED_HEADERS = "ETag, Mcp-Session-Id, Retry-After, X-Request-Id"
_DEFAULT_METHODS = ("GET", "HEAD", "POST")


class CORSMiddleware:
    """Lets pages of the listed `origins` send requests and read the responses.

    A page of any other site may only send GET and HEAD requests, and the browser hides their
    responses from it; any other request is refused, so that the page cannot act in a reader's name.
    Starlette's CORSMiddleware lets such a request reach the application.
    """

    def __init__(self, app: ASGIApp, origins: Iterable[str] = ()) -> None:
        self._app = app
        self._origins = frozenset(origin.lower() for origin in origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a preflight request, refuse what other sites may not send, pass on the rest."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        origins = headers.getlist("origin")
        origin = origins[0] if len(origins) == 1 and origins[0] in self._origins else ""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                others = [
                    pair
                    for pair in message.get("headers", [])
                    if not pair[0].lower().startswith(b"access-control-")
                ]
                message = {**message, "headers": [*others, *self._headers(origin, preflight)]}
            await send(message)

        preflight = ""
        if origin:
            scope.setdefault("state", {})["allowed_origin"] = origin
        elif self._is_forbidden(scope, headers):
            hint = "List that site in origins, or your proxy in trusted_proxies."
            refusal = Refusal(403, "Pages of that site may not send this.", hint)
            await refusal(scope, receive, send_with_headers)
            return
        if is_preflight(scope):
            methods = scope.get("state", {}).get("allowed_methods", _DEFAULT_METHODS)
            preflight = ", ".join(methods)
            await Refusal(204)(scope, receive, send_with_headers)
            return
        await self._app(scope, receive, send_with_headers)

    def _is_forbidden(self, scope: Scope, headers: Headers) -> bool:
        """Whether a page of a site that is not listed sends more than a request to read."""
        origins = headers.getlist("origin")
        is_foreign = bool(origins) and origins != [_own_origin(scope, headers)]
        is_cross_site = "cross-site" in headers.getlist("sec-fetch-site")
        return (is_foreign or is_cross_site) and scope["method"] not in {"GET", "HEAD"}

    def _headers(self, origin: str, preflight: str) -> list[tuple[bytes, bytes]]:
        """Return the headers of CORS; one with an empty value is left out."""
        headers = {
            "vary": "Origin" if self._origins else "",
            "access-control-allow-origin": origin,
            "access-control-expose-headers": origin and _EXPOSED_HEADERS,
            "access-control-allow-methods": preflight,
            "access-control-allow-headers": preflight and _ALLOWED_HEADERS,
        }
        return [(name.encode(), value.encode()) for name, value in headers.items() if value]


def _own_origin(scope: Scope, headers: Headers) -> str:
    """Return the origin of this server's own pages, as a browser writes it."""
    host = parse_host(headers.get("host", ""))
    if host is None:
        return ""
    scheme = scope.get("scheme", "http")
    default_port = "443" if scheme == "https" else "80"
    name, port = host
    return f"{scheme}://{name}" + (f":{port}" if port not in {"", default_port} else "")
