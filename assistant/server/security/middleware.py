"""The gate before a web application: what is let through, from whom, how much and how often.

Knows addresses, hosts, paths, origins, keys, and how many questions there is room for. Must not
know what is asked, who answers, or which framework the application is made with.
"""

from __future__ import annotations

import asyncio
import logging
import re
import secrets
import time
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import quote

from starlette.datastructures import Headers

from assistant.errors import ApiKeyError, SettingsError
from assistant.server.security.callers import (
    client_network,
    identify_caller,
    parse_address,
    trusts_loopback,
)
from assistant.server.security.connections import (
    MAX_LOOPBACK_STREAMS,
    MAX_STREAMS,
    Slots,
    StreamSlot,
)
from assistant.server.security.rate_limit import RateLimit
from assistant.server.security.request import GuardedRequest, Policy, Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from starlette.types import ASGIApp, Receive, Scope, Send

    from assistant.server.security.api_keys import ApiKeys
    from assistant.server.security.callers import Caller
    from assistant.settings import Settings

# From this cost on a request takes a place while it is answered. Static files are below it: a slow
# reader of one must not hold up a page.
_RENDERED = 0.1
_PAGES_PER_QUESTION = 4  # times as many pages as questions may wait: each takes less than a quarter

_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_HOST = re.compile(rf"(\[[0-9A-Fa-f:.]+\]|{_LABEL}(?:\.{_LABEL})*\.?)(?::([0-9]{{1,5}}))?")
# What encodes nothing, or what it encodes, however often, could be taken for a part of the path.
_AMBIGUOUS_ESCAPE = re.compile(rb"%(?![0-9a-f]{2})|%(?:25)*(?:2f|5c|00)|%(?:25)+2e", re.I)
_CONTROL_CHARACTERS = re.compile(
    "[\x00-\x1f\x7f\\\\\ufffd]"
)  # U+FFFD stands where the bytes were no UTF-8
_ALLOWED_HEADERS = re.compile(
    rb"host|accept(-encoding|-language)?|content-(type|length)|user-agent|origin|referer|cookie"
    rb"|if-none-match|if-modified-since|range|authorization|cache-control|last-event-id"
    rb"|sec-fetch-.+|access-control-request-.+|mcp-.+"
)
_CONDITIONAL_HEADERS = (b"if-none-match", b"if-modified-since")
_BEARER = re.compile(r"bearer +(\S+) *", re.I)
_PREFLIGHT_HEADERS = {
    "access-control-allow-headers": "Accept, Authorization, Content-Type, Last-Event-ID, "
    "Mcp-Protocol-Version, Mcp-Session-Id"
}
_log = logging.getLogger(__name__)


class SecurityMiddleware:
    """Stands before an application and lets through what the table and the settings allow.

    `waiting` says how many questions wait whose own request is answered already; those whose
    request is open are counted here. A body has `patience` seconds to arrive in.
    """

    def __init__(
        self,
        app: ASGIApp,
        routes: Sequence[Policy],
        settings: Settings,
        *,
        keys: ApiKeys | None = None,
        waiting: Callable[[], int] = lambda: 0,
        patience: float = 10.0,
    ) -> None:
        self.questions_in_flight = 0  # questions whose request is open
        self._pages_in_flight = 0  # and other requests that cost something
        self._app, self._settings = app, settings
        self._table = [(re.compile(row.path), row) for row in routes]
        self._waiting, self._patience = waiting, patience
        self._hosts = {parse_host(host) for host in settings.hosts}
        if None in self._hosts:
            what = f"The setting hosts cannot be {', '.join(settings.hosts)}."
            raise SettingsError(what, "Give names, help.example.org for one.")
        if settings.user_header and not settings.trusted_proxies:
            what = "The setting user_header lets anyone sign in as anybody: no proxy is trusted."
            raise SettingsError(what, "List the proxy that says who asks in trusted_proxies.")
        self._own_only = is_loopback_host(settings.host)
        self._keys = keys
        self._origins = {origin.lower() for origin in settings.origins}
        self._rate = RateLimit(settings.rate)
        self._open: set[GuardedRequest] = set()
        self._places = Slots()
        self._closing = self._ended = False

    def drain(self) -> None:
        """Refuse questions from now on; those let in are finished."""
        self._closing = True

    def startup_notices(self) -> tuple[str, ...]:
        """What to say at the start of who may read; nothing where the settings are plain on it.

        Raises KeysUnusable.
        """
        made = self._keys and self._keys.list_keys()
        settings, lines = self._settings, []
        if settings.anonymous:
            return ()
        if not trusts_loopback(settings):
            why = "hosts is set" if settings.hosts else "trust_loopback is off"
            lines.append(f"Readers on this machine need a key too, since {why}.")
        reached = not self._own_only or not trusts_loopback(settings)
        if reached and not made and not settings.user_header:
            who = "on other machines " if trusts_loopback(settings) else ""
            lines.append(f"Readers {who}need a key: assistant keys add NAME, or turn on anonymous.")
        return tuple(lines)

    def end_streams(self) -> None:
        """End the event streams still open, on their loop's own thread, and refuse all else."""
        self._ended = True
        for exchange in self._open:
            exchange.end()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through or say why not; a websocket is refused."""
        if scope["type"] == "websocket":
            return await send({"type": "websocket.close", "code": 1008})
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        exchange = GuardedRequest(scope, receive, send, self._settings)
        exchange.policy = self._nearest(scope["path"])
        self._open.add(exchange)
        try:
            await self._let_through(exchange)
        except Refusal as stop:
            await exchange.refuse(stop)
        except asyncio.CancelledError:  # the server ends, and has waited as long as it may
            if exchange.begun:
                raise
            await exchange.refuse(_stopping_refusal())
        except Exception:  # noqa: BLE001 - the outermost line: whatever broke, in the one shape
            _log.exception("Request %s failed", exchange.id)
            if not exchange.begun:  # else it stays unfinished, and the server closes the connection
                await exchange.refuse(Refusal(500))
        finally:
            self._open.discard(exchange)
            await exchange.finish()

    async def _let_through(self, exchange: GuardedRequest) -> None:
        """Every check in its order, then the application."""
        caller = self._host(exchange, self._who(exchange))
        below = self._path(exchange)
        row = self._row(exchange, below)
        caller = self._may(exchange, row, caller)
        self._announced(exchange)
        await exchange.read(self._patience)
        if row.validate_body and (wrong := row.validate_body(exchange.body)):
            raise Refusal(422, wrong)
        self._room(row, caller)
        reads = not row.is_question and row.cost >= _RENDERED
        stream = self._stream(row, caller)
        if row.streams and (full := stream.acquire()):
            raise full
        exchange.acquire_stream = stream.acquire
        self.questions_in_flight += row.is_question
        self._pages_in_flight += reads
        try:
            await self._app(exchange.scope, exchange.receive, exchange.send)
        finally:
            self.questions_in_flight -= row.is_question
            self._pages_in_flight -= reads
            stream.release()

    def _stream(self, row: Policy, caller: Caller) -> StreamSlot:
        """The place of a request's stream among those of its caller at the same address of ours."""
        own = caller.address is None or caller.address.is_loopback
        name = f"{caller.name or client_network(caller.address)} {row.path}"
        return StreamSlot(
            self._places, name, MAX_LOOPBACK_STREAMS if own and not caller.name else MAX_STREAMS
        )

    def _who(self, exchange: GuardedRequest) -> Caller:
        """Who sends the request; a trusted proxy is believed on that, and on host and scheme."""
        scope, headers = exchange.scope, exchange.headers
        caller, forwarded = identify_caller(scope, headers, self._settings)
        kept = [pair for pair in headers.raw if _ALLOWED_HEADERS.fullmatch(pair[0])]
        if forwarded.host:
            kept = [pair for pair in kept if pair[0] != b"host"]
            kept.append((b"host", forwarded.host.encode("latin-1")))
        scope["headers"] = kept
        scope["scheme"] = forwarded.scheme or scope["scheme"]
        if caller.address is not None:
            scope["client"] = (str(caller.address), 0)
        return caller

    def _may(self, exchange: GuardedRequest, row: Policy, caller: Caller) -> Caller:
        """The caller with its API key, if it may use what the row is for."""
        if row.scope is None and not row.is_health_check:
            return caller
        given = _BEARER.fullmatch(exchange.headers.get("authorization", ""))
        keys = self._keys
        try:
            key = keys.find(given[1]) if keys and given else None
            if row.scope is None:  # a probe is answered whoever asks, and says more to an admin
                exchange.state["admin"] = key is not None and key.allows("admin")
                return caller
            # Where no key was ever made there is none to be wrong; some clients must send one.
            free = caller.may_without_key(row.scope, anonymous=self._settings.anonymous)
            if given and not key and not (free and not (keys and keys.list_keys())):
                raise _unauthorized("This key is not known here, or was revoked.")
        except ApiKeyError as error:
            _log.error("Request %s: %s", exchange.id, error)
            if row.scope is None:
                return caller
            raise Refusal(503, "The keys cannot be read.", "The log says why.") from error
        if key:
            if not key.allows(row.scope):
                raise Refusal(
                    403, "This key does not allow that.", f"Use one of scope {row.scope}."
                )
        elif not free:
            if caller.user:
                raise Refusal(403, "Readers may not see that.", f"Use a key of scope {row.scope}.")
            raise _unauthorized("A key is needed here.", row.scope)
        return replace(caller, key=key)

    def _host(self, exchange: GuardedRequest, caller: Caller) -> Caller:
        """The caller, if the host is served: this machine's own only by a name that is its own."""
        hosts = Headers(scope=exchange.scope).getlist("host")
        found = parse_host(hosts[0]) if len(hosts) == 1 else None
        if self._is_probe(exchange.scope["path"]):  # by an address, a pod's name, or none
            return replace(caller, is_local=False)
        if found is None:
            raise Refusal(400, "The request names no host, or none that can be.")
        name, port = found
        scheme = exchange.scope["scheme"]
        usual = "443" if scheme == "https" else "80"
        exchange.own_origin = f"{scheme}://{name}" + (f":{port}" if port not in {"", usual} else "")
        # A name that a foreign site points at this machine must not reach what is local, nor may
        # its pages do, in a browser here, what is left to this machine's own.
        known = is_loopback_host(name)
        if self._hosts:
            known = (name, "") in self._hosts or (name, port or usual) in self._hosts
        if not known and (self._hosts or self._own_only):
            raise Refusal(421)
        return replace(caller, is_local=caller.is_local and known)

    def _is_probe(self, path: str) -> bool:
        below = path.removeprefix(self._settings.root)
        return any(row.is_health_check and pattern.fullmatch(below) for pattern, row in self._table)

    def _path(self, exchange: GuardedRequest) -> str:
        """The path below the root, whether or not a proxy has taken the root off."""
        scope, root = exchange.scope, self._settings.root
        below: str = scope["path"]
        if root and below == root:
            query = scope.get("query_string", b"").decode("latin-1")
            raise Refusal(307, headers={"location": quote(root) + "/" + (query and f"?{query}")})
        if root and below.startswith(root + "/"):
            below = below.removeprefix(root)
        # No name that is served begins with a dot, be it `..` or a hidden file's.
        raw = scope.get("raw_path") or quote(below).encode()
        if "/." in below or _CONTROL_CHARACTERS.search(below) or _AMBIGUOUS_ESCAPE.search(raw):
            raise Refusal(404)
        scope["path"] = root + below  # routing takes the root off where the path begins with it
        scope["raw_path"] = quote(root + below, safe="/!$&'()*+,;=:@~").encode()
        scope["root_path"] = root
        return below

    def _nearest(self, path: str) -> Policy:
        """How errors look at a path, before its row is known."""
        below = path.removeprefix(self._settings.root)
        found = (row for pattern, row in self._table if pattern.fullmatch(below))
        return next((row for row in found if not row.methods), Policy((), ""))

    def _row(self, exchange: GuardedRequest, below: str) -> Policy:
        """The table's row for a path and a method, asked for by a page that may."""
        rows = [row for pattern, row in self._table if row.methods and pattern.fullmatch(below)]
        if not rows:
            raise Refusal(404)
        scope = exchange.scope
        methods = ", ".join(dict.fromkeys(method for row in rows for method in row.allowed_methods))
        row = next((row for row in rows if scope["method"] in row.allowed_methods), None)
        asked = {"origin", "access-control-request-method"} <= {*exchange.headers}
        if row is None and not (asked and scope["method"] == "OPTIONS"):
            raise Refusal(405, headers={"allow": methods})
        self._from_where(exchange)
        if row is None:
            raise Refusal(
                204, headers={"access-control-allow-methods": methods, **_PREFLIGHT_HEADERS}
            )
        exchange.policy, exchange.state["nested"] = row, row.openai_errors
        if exchange.is_head:
            scope["method"] = "GET"  # for the application, whose head goes back alone
        if (
            "{nonce}" in row.content_policy
        ):  # "not modified" would pair an old page with a new nonce
            scope["headers"] = [
                pair for pair in scope["headers"] if pair[0] not in _CONDITIONAL_HEADERS
            ]
        return row

    def _from_where(self, exchange: GuardedRequest) -> None:
        """Whether the page that asks is this site's or a listed one's; any other may only read."""
        origins = exchange.headers.getlist("origin")
        if len(origins) == 1 and origins[0] in self._origins:
            exchange.listed_origin = origins[0]
            return
        foreign = bool(origins) and origins != [exchange.own_origin]
        crossed = "cross-site" in exchange.headers.getlist("sec-fetch-site")
        if (foreign or crossed) and exchange.scope["method"] not in {"GET", "HEAD"}:
            mend = "List its site in origins, a proxy in trusted_proxies."
            raise Refusal(403, "Not allowed from that page.", mend)

    def _announced(self, exchange: GuardedRequest) -> None:
        """What the headers say of the body, before any of it is read."""
        headers, longest = exchange.headers, exchange.policy.max_body
        lengths = headers.getlist("content-length")
        twice = len(lengths) > 1 or (lengths and "transfer-encoding" in headers)
        if twice or not all(length.isdecimal() for length in lengths):
            raise Refusal(400, "The request does not say clearly how long it is.")
        if any(len(length) > 9 or int(length) > longest for length in lengths):
            raise exchange.too_long()
        codings = ",".join(headers.getlist("content-encoding")).lower().split(",")
        if {coding.strip() for coding in codings} - {"", "identity"}:
            raise Refusal(422, "The request is compressed.", "Send it as it is.")
        # A page of another site can send a form, or text, without asking beforehand; JSON it can't.
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        if exchange.policy.body_media_type and kind != exchange.policy.body_media_type:
            raise Refusal(415)

    def _room(self, row: Policy, caller: Caller) -> None:
        """Whether there is room for a request, and this caller has tokens left for its cost."""
        if self._ended or (self._closing and row.is_question):
            raise _stopping_refusal()
        if not row.cost:
            return
        wait = self._rate.take(caller.address, time.monotonic(), name=caller.name, cost=row.cost)
        if wait:
            what = "" if row.is_question else "Too many requests at once."
            again = "ask again" if row.is_question else "send it again"
            mend = f"Wait {wait} second{'s' * (wait > 1)} and {again}."
            raise Refusal(429, what, mend, headers={"retry-after": str(wait)})
        waiting = (
            self._waiting() + self.questions_in_flight
            if row.is_question
            else self._pages_in_flight / _PAGES_PER_QUESTION
        )
        if row.cost >= _RENDERED and waiting >= self._settings.waiting:
            what = f"Too many {'questions' if row.is_question else 'requests'} are waiting."
            later = str(1 + secrets.randbelow(5))  # those refused together return one by one
            raise Refusal(429, what, headers={"retry-after": later})


def _stopping_refusal() -> Refusal:
    return Refusal(503, "The assistant is stopping.", headers={"retry-after": "10"})


def _unauthorized(what: str, scope: str = "") -> Refusal:
    mend = "Send Authorization: Bearer KEY, one that `assistant keys add` made; or, for anyone to "
    mend += "read, turn on the setting anonymous."
    if scope == "admin":
        mend = "Send Authorization: Bearer KEY, made with: assistant keys add NAME --scope admin"
    return Refusal(401, what, mend, {"www-authenticate": "Bearer"})


def parse_host(text: str) -> tuple[str, str] | None:
    """The name, in small letters, and the port, or none, of a Host header; None if malformed."""
    found = _HOST.fullmatch(text)
    if not found or int(found[2] or 0) > 65535 or (text[0] == "[" and not parse_address(found[1])):
        return None
    return found[1].lower().removesuffix("."), found[2] or ""


def is_loopback_host(host: str) -> bool:
    """Whether a host is this machine, by the name every machine has for itself or by an address."""
    address = parse_address(host)
    return host == "localhost" or (address is not None and address.is_loopback)
