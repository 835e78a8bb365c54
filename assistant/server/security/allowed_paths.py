"""Middleware: let through only the paths and methods of the allow-list."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import quote

from starlette.datastructures import Headers

from assistant.server.security.problems import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from starlette.types import ASGIApp, Receive, Scope, Send

    from assistant.server.security.policies import AllowedRoute

# A malformed escape; a slash, backslash or null character escaped once or more often; a dot escaped
# at least twice.
_AMBIGUOUS_ESCAPE = re.compile(rb"%(?![0-9a-f]{2})|%(?:25)*(?:2f|5c|00)|%(?:25)+2e", re.I)
# U+FFFD replaces bytes that were not UTF-8.
_CONTROL_CHARACTERS = re.compile("[\x00-\x1f\x7f\\\\\ufffd]")


class AllowedPathsMiddleware:
    """Lets through the paths and methods of the allow-list; refuses others with 404 and 405.

    `routes` returns the current allow-list. The route's policy becomes `request.state.policy`.
    `root` is the path that the server is published under; a proxy may have stripped it or not.
    An ambiguous path is refused with 404.
    """

    def __init__(
        self, app: ASGIApp, routes: Callable[[], Sequence[AllowedRoute]], root: str = ""
    ) -> None:
        self._app = app
        self._routes, self._root = routes, root

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on an allowed request; refuse any other, and every websocket."""
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            self._allow(scope, self._path_below_root(scope))
        except Refusal as refusal:
            await refusal(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _path_below_root(self, scope: Scope) -> str:
        """Return the path below the root and write it, normalized, to the scope."""
        root, below = self._root, str(scope["path"])
        if root and below == root:
            query = scope.get("query_string", b"").decode("latin-1")
            raise Refusal(307, headers={"location": quote(root) + "/" + (query and f"?{query}")})
        if root and below.startswith(root + "/"):
            below = below.removeprefix(root)
        # No served name begins with a dot: neither `..` nor the name of a hidden file.
        raw = scope.get("raw_path") or quote(below).encode()
        if "/." in below or _CONTROL_CHARACTERS.search(below) or _AMBIGUOUS_ESCAPE.search(raw):
            raise Refusal(404)
        scope["path"] = root + below  # routing strips the root where the path begins with it
        scope["raw_path"] = quote(root + below, safe="/!$&'()*+,;=:@~").encode()
        scope["root_path"] = root
        return below

    def _allow(self, scope: Scope, path: str) -> None:
        """Find the route of a request, and give the request that route's policy."""
        matching = [route for route in self._routes() if route.pattern.fullmatch(path)]
        if not matching:
            raise Refusal(404)
        state = scope.setdefault("state", {})
        methods = tuple(dict.fromkeys(method for route in matching for method in route.methods))
        state["allowed_methods"] = methods
        route = next((route for route in matching if scope["method"] in route.methods), None)
        if route:
            state["policy"], state["route"] = route.policy, route.pattern.pattern
        elif not is_preflight(scope):
            raise Refusal(405, headers={"allow": ", ".join(methods)})


def is_preflight(scope: Scope) -> bool:
    """Whether a browser asks beforehand what a page of another site may send (CORS)."""
    names = {"origin", "access-control-request-method"}
    return scope["method"] == "OPTIONS" and names <= {*Headers(scope=scope)}
