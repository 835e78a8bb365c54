"""Middleware: answer only requests for host names that are served."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from starlette.datastructures import Headers

from assistant.errors import SettingsError
from assistant.server.security.callers import caller_of, parse_address
from assistant.server.security.problems import Refusal

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.types import ASGIApp, Receive, Scope, Send

_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_HOST = re.compile(rf"(\[[0-9A-Fa-f:.]+\]|{_LABEL}(?:\.{_LABEL})*\.?)(?::([0-9]{{1,5}}))?")


class TrustedHostMiddleware:
    """Refuses a request whose Host is malformed, or is not one of `hosts`.

    Without `hosts` any name is served; with `loopback_only`, only the names of this machine's
    loopback. A caller counts as local only under one of `hosts`, or without them under a name of
    the loopback: a foreign site can point a name of its own at this machine, and a browser here
    would send it that site's requests. Starlette's TrustedHostMiddleware compares no ports and
    knows no local callers.
    """

    def __init__(
        self, app: ASGIApp, hosts: Iterable[str] = (), *, loopback_only: bool = False
    ) -> None:
        self._app = app
        self._hosts = {parse_host(host) for host in hosts}
        self._loopback_only = loopback_only
        if None in self._hosts:
            raise SettingsError(
                f"The setting hosts cannot be {', '.join(hosts)}.",
                "Give host names, for example help.example.org.",
            )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on a request for a host that is served; refuse any other."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        named = Headers(scope=scope).getlist("host")
        host = parse_host(named[0]) if len(named) == 1 else None
        if host is None:
            refusal = Refusal(400, "The request names no host, or a malformed one.")
            await refusal(scope, receive, send)
            return
        name, port = host
        is_known = is_loopback_host(name)
        if self._hosts:
            default_port = "443" if scope.get("scheme") == "https" else "80"
            is_known = bool({(name, ""), (name, port or default_port)} & self._hosts)
        if not is_known and (self._hosts or self._loopback_only):
            await Refusal(421)(scope, receive, send)
            return
        caller = caller_of(scope)
        is_local = caller.is_local and is_known
        scope.setdefault("state", {})["caller"] = replace(caller, is_local=is_local)
        await self._app(scope, receive, send)


def parse_host(text: str) -> tuple[str, str] | None:
    """Parse a Host header into a name in lower case and a port or ""; None if malformed."""
    match = _HOST.fullmatch(text)
    if not match or int(match[2] or 0) > 65535 or (text[0] == "[" and not parse_address(match[1])):
        return None
    return match[1].lower().removesuffix("."), match[2] or ""


def is_loopback_host(host: str) -> bool:
    """Whether a host is this machine: `localhost`, or an address of the loopback."""
    address = parse_address(host)
    return host == "localhost" or (address is not None and address.is_loopback)
