"""The gate before a web application: what is let through, from whom, how much and how often.

Knows HTTP: addresses, hosts, paths, origins, bodies, rates, headers, and what errors look like.
Must not know what is asked, who answers, or which framework the application is made with.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import math
import re
import secrets
import time
import uuid
from dataclasses import dataclass, field
from http import HTTPStatus
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TYPE_CHECKING
from urllib.parse import quote

from starlette.datastructures import Headers

from assistant.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from assistant.settings import Settings

    Address = IPv4Address | IPv6Address

BODY = 64 * 1024  # bytes a request's body may have
API = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
PROBLEM = "application/problem+json"  # RFC 9457

# A client still sending would see nothing but a broken connection if that were closed at once, so
# what it sends is read and dropped for as many seconds.
_LINGER = 5.0
_ADDRESSES = 10_000  # whose rate is remembered

_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_HOST = re.compile(rf"(\[[0-9A-Fa-f:.]+\]|{_LABEL}(?:\.{_LABEL})*\.?)(?::([0-9]{{1,5}}))?")
_WITH_PORT = re.compile(r"\[([^\]]+)\](?::[0-9]+)?|([0-9.]+):[0-9]+")
# What encodes nothing, or what it encodes, however often, could be taken for a part of the path.
_STRAY = re.compile(rb"%(?![0-9a-f]{2})|%(?:25)*(?:2f|5c|00)|%(?:25)+2e", re.I)
_UNSEEN = re.compile("[\x00-\x1f\x7f\\\\\ufffd]")  # U+FFFD stands where the bytes were no UTF-8
_LET_IN = re.compile(
    rb"host|accept(-encoding|-language)?|content-(type|length)|user-agent|origin|referer|cookie"
    rb"|if-none-match|if-modified-since|range|authorization|cache-control|last-event-id"
    rb"|sec-fetch-.+|access-control-request-.+"
)
_CONDITIONS = (b"if-none-match", b"if-modified-since")
_KEPT_BACK = re.compile(  # the gate says these, or nobody
    rb"access-control-|content-security-|cross-origin-|permissions-|referrer-|strict-transport-"
    rb"|x-content-type-|x-frame-|x-request-id|set-cookie|server|connection"
)
_PREFLIGHT = {"access-control-allow-headers": "Authorization, Content-Type, Last-Event-ID"}
_SAID = {
    400: ("The request could not be understood.", "Check its address, headers and body."),
    403: ("Not allowed from that page.", "List its site in origins, a proxy in trusted_proxies."),
    404: ("There is nothing at this address.", "Check the address, or begin at the first page."),
    405: ("This address does not take such a request.", "Use one of the methods in Allow."),
    408: ("The request took too long to arrive.", "Send it again, all at once."),
    413: ("The request is too long.", f"Send at most {BODY // 1024} kB."),
    421: ("This host name is not served here.", "Use another, or add it to the setting hosts."),
    422: ("The request is not in the form expected.", "Check its fields and send it again."),
    429: ("Too many questions at once.", "Wait a moment and ask again."),
    500: ("Something went wrong here.", "Try again; the log says more under this id."),
    503: ("The assistant is not ready.", "Try again in a moment."),
}
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Route:
    """A row of the table of what is let through.

    `path` is a regular expression for the whole path below the root. `policy` is the
    Content-Security-Policy, in which {nonce} and {frames} are filled in. A row that `asks` counts
    against the rate and the queue. What is `shared` may be loaded by other sites' pages, as a
    widget's script is. `check` says what is wrong with a body, or nothing.
    """

    methods: tuple[str, ...]
    path: str
    policy: str = API
    asks: bool = False
    shared: bool = False
    check: Callable[[bytes], str] | None = None


def problem(status: int, what: str, mend: str, id: str) -> bytes:  # noqa: A002 - its name in JSON
    """An error as every one is sent: JSON after RFC 9457, with its mend and the request's id."""
    title = HTTPStatus(status).phrase if status in HTTPStatus.__members__.values() else "Error"
    said = {"type": "about:blank", "title": title, "status": status, "detail": what}
    return json.dumps({**said, "mend": mend, "id": id}).encode()


class Rate:
    """So many questions a minute from one address: a bucket each, which fills as time goes by.

    None is 120 a minute, but no limit for this machine's own addresses: behind a proxy that is not
    listed as trusted, every reader has one of those.
    """

    def __init__(self, rate: int | None) -> None:
        self._own_too = rate is not None
        self._rate = 120 if rate is None else rate
        self._burst = max(10, self._rate // 2)
        self._full: dict[str, float] = {}  # when a bucket is full again, the longest idle first

    def wait(self, address: Address | None, now: float) -> int:
        """Take one question; or say how many whole seconds to wait for it. `now` is in seconds."""
        own = address is None or address.is_loopback  # no address: a socket of this machine
        if not self._rate or (own and not self._own_too):
            return 0
        # One household has 2**64 addresses of IPv6.
        key = f"{int(address) >> 64:x}" if isinstance(address, IPv6Address) else str(address)
        full, each = max(self._full.pop(key, now), now), 60 / self._rate
        wait = round(full - now - (self._burst - 1) * each, 3)
        self._full[key] = full if wait > 0 else full + each
        if len(self._full) > _ADDRESSES:
            del self._full[next(iter(self._full))]
        return max(0, math.ceil(wait))


@dataclass(eq=False)
class _Stop(Exception):
    """A request that goes no further, and what is answered; an error has words by its status."""

    status: int
    what: str = ""
    mend: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.status >= 400:
            alike = _SAID.get(self.status // 100 * 100, _SAID[500])
            what, mend = _SAID.get(self.status, alike)
            self.what, self.mend = self.what or what, self.mend or mend


class Gate:
    """Stands before an application and lets through what the table and the settings allow.

    `waiting` says how many questions wait whose own request is answered already; those whose
    request is open are counted here. A body has `patience` seconds to arrive in.
    """

    def __init__(
        self,
        app: ASGIApp,
        routes: Sequence[Route],
        settings: Settings,
        *,
        waiting: Callable[[], int] = lambda: 0,
        patience: float = 10.0,
    ) -> None:
        self.asking = 0  # questions whose request is open
        self._app, self._settings = app, settings
        self._table = [(re.compile(row.path), row) for row in routes]
        self._waiting, self._patience = waiting, patience
        self._hosts = {_host_and_port(host) for host in settings.hosts}
        if None in self._hosts:
            what = f"The setting hosts cannot be {', '.join(settings.hosts)}."
            raise SettingsError(what, "Give names, help.example.org for one.")
        self._own_only = _is_own(settings.host)
        self._origins = {origin.lower() for origin in settings.origins}
        self._rate = Rate(settings.rate)
        self._open: set[_Exchange] = set()
        self._closing = self._ended = False

    def close(self) -> None:
        """Refuse questions from now on; those let in are finished."""
        self._closing = True

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
        exchange = _Exchange(scope, receive, send, self._settings)
        self._open.add(exchange)
        try:
            await self._let_through(exchange)
        except _Stop as stop:
            await exchange.stop(stop)
        except Exception:  # noqa: BLE001 - the outermost line: whatever broke, in the one shape
            _log.exception("Request %s failed", exchange.id)
            if not exchange.begun:  # else it stays unfinished, and the server closes the connection
                await exchange.stop(_Stop(500))
        finally:
            self._open.discard(exchange)
            await exchange.finish()

    async def _let_through(self, exchange: _Exchange) -> None:
        """Every check in its order, then the application."""
        address = self._who(exchange)
        self._host(exchange)
        below = self._path(exchange)
        row = self._row(exchange, below)
        self._announced(exchange.headers)
        await exchange.read(self._patience)
        if row.check and (wrong := row.check(exchange.body)):
            raise _Stop(422, wrong)
        self._room(row, address)
        self.asking += row.asks
        try:
            await self._app(exchange.scope, exchange.receive, exchange.send)
        finally:
            self.asking -= row.asks

    def _who(self, exchange: _Exchange) -> Address | None:
        """The address that asks; a trusted proxy's word for it, and for the host, is taken."""
        scope, headers = exchange.scope, exchange.headers
        kept = [pair for pair in headers.raw if _LET_IN.fullmatch(pair[0])]
        client = _address(scope["client"][0]) if scope.get("client") else None
        if self._trusts(client):
            # What the proxy next to us says stands last, whatever others said before it.
            chain, schemes, hosts = (
                ",".join(headers.getlist(f"x-forwarded-{name}")).split(",")
                for name in ("for", "proto", "host")
            )
            for named in reversed(chain):
                if not self._trusts(client) or _address(named) is None:
                    break
                client = _address(named)
            scope["client"] = (str(client), 0)
            scheme, host = schemes[-1].strip().lower(), hosts[-1].strip()
            if scheme in {"http", "https"}:
                scope["scheme"] = scheme
            if host:
                kept = [pair for pair in kept if pair[0] != b"host"]
                kept.append((b"host", host.encode("latin-1")))
        scope["headers"] = kept
        return client

    def _trusts(self, address: Address | None) -> bool:
        listed = self._settings.trusted_proxies
        return address is not None and any(address in network for network in listed)

    def _host(self, exchange: _Exchange) -> None:
        hosts = Headers(scope=exchange.scope).getlist("host")
        found = _host_and_port(hosts[0]) if len(hosts) == 1 else None
        if found is None:
            raise _Stop(400, "The request names no host, or none that can be.")
        name, port = found
        scheme = exchange.scope["scheme"]
        usual = "443" if scheme == "https" else "80"
        exchange.own_origin = f"{scheme}://{name}" + (f":{port}" if port not in {"", usual} else "")
        if self._hosts:
            served = (name, "") in self._hosts or (name, port or usual) in self._hosts
        else:  # a name that a foreign site points at this machine must not reach what is local
            served = _is_own(name) or not self._own_only
        if not served:
            raise _Stop(421)

    def _path(self, exchange: _Exchange) -> str:
        """The path below the root, whether or not a proxy has taken the root off."""
        scope, root = exchange.scope, self._settings.root
        below: str = scope["path"]
        if root and below == root:
            query = scope.get("query_string", b"").decode("latin-1")
            raise _Stop(307, headers={"location": quote(root) + "/" + (query and f"?{query}")})
        if root and below.startswith(root + "/"):
            below = below.removeprefix(root)
        # No name that is served begins with a dot, be it `..` or a hidden file's.
        raw = scope.get("raw_path") or quote(below).encode()
        if "/." in below or _UNSEEN.search(below) or _STRAY.search(raw):
            raise _Stop(404)
        scope["path"] = root + below  # routing takes the root off where the path begins with it
        scope["raw_path"] = quote(root + below, safe="/!$&'()*+,;=:@~").encode()
        scope["root_path"] = root
        return below

    def _row(self, exchange: _Exchange, below: str) -> Route:
        """The table's row for a path and a method, asked for by a page that may."""
        rows = [row for pattern, row in self._table if pattern.fullmatch(below)]
        if not rows:
            raise _Stop(404)
        scope = exchange.scope
        methods = ", ".join(dict.fromkeys(method for row in rows for method in row.methods))
        row = next((row for row in rows if scope["method"] in row.methods), None)
        asked = {"origin", "access-control-request-method"} <= {*exchange.headers}
        if row is None and not (asked and scope["method"] == "OPTIONS"):
            raise _Stop(405, headers={"allow": methods})
        self._from_where(exchange)
        if row is None:
            raise _Stop(204, headers={"access-control-allow-methods": methods, **_PREFLIGHT})
        exchange.row = row
        if "{nonce}" in row.policy:  # "not modified" would pair an old page with a new nonce
            scope["headers"] = [pair for pair in scope["headers"] if pair[0] not in _CONDITIONS]
        return row

    def _from_where(self, exchange: _Exchange) -> None:
        """Whether the page that asks is this site's or a listed one's; any other may only read."""
        origins = exchange.headers.getlist("origin")
        if len(origins) == 1 and origins[0] in self._origins:
            exchange.listed_origin = origins[0]
            return
        foreign = bool(origins) and origins != [exchange.own_origin]
        crossed = "cross-site" in exchange.headers.getlist("sec-fetch-site")
        if (foreign or crossed) and exchange.scope["method"] not in {"GET", "HEAD"}:
            raise _Stop(403)

    def _announced(self, headers: Headers) -> None:
        """What the headers say of the body, before any of it is read."""
        lengths = headers.getlist("content-length")
        twice = len(lengths) > 1 or (lengths and "transfer-encoding" in headers)
        if twice or not all(length.isdecimal() for length in lengths):
            raise _Stop(400, "The request does not say clearly how long it is.")
        if any(len(length) > 9 or int(length) > BODY for length in lengths):
            raise _Stop(413)
        codings = ",".join(headers.getlist("content-encoding")).lower().split(",")
        if {coding.strip() for coding in codings} - {"", "identity"}:
            raise _Stop(422, "The request is compressed.", "Send it as it is.")

    def _room(self, row: Route, address: Address | None) -> None:
        """Whether there is room for a question, and this address has had no more than its share."""
        if self._ended or (self._closing and row.asks):
            raise _Stop(503, "The assistant is stopping.", headers={"retry-after": "10"})
        if not row.asks:
            return
        wait = self._rate.wait(address, time.monotonic())
        if wait:
            mend = f"Wait {wait} second{'s' * (wait > 1)} and ask again."
            raise _Stop(429, mend=mend, headers={"retry-after": str(wait)})
        if self._waiting() + self.asking >= self._settings.waiting:
            later = str(1 + secrets.randbelow(5))  # those refused together return one by one
            raise _Stop(429, "Too many questions are waiting.", headers={"retry-after": later})


class _Exchange:
    """One request as the application is to see it, and its response as the client is to."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, settings: Settings) -> None:
        self.id = uuid.uuid4().hex[:12]
        self.headers = Headers(raw=[(name.lower(), value) for name, value in scope["headers"]])
        self.own_origin = self.listed_origin = ""
        self.row = Route((), "")  # until it is known
        self.body = b""
        self.begun = False
        self._nonce = secrets.token_urlsafe(16)
        state = {**scope.get("state", {}), "request_id": self.id, "nonce": self._nonce}
        self.scope: Scope = {"scheme": "http", **scope, "state": state}
        self._receive, self._send, self._settings = receive, send, settings
        chunked = "transfer-encoding" in self.headers
        self._unread = chunked or self.headers.get("content-length", "0") != "0"
        self._handed = self._streams = self._ended = self._complete = False
        self._left = asyncio.Event()
        self._watcher: asyncio.Task[None] | None = None

    async def read(self, patience: float) -> None:
        """Read the body whole; it may be too long, or take more than so many seconds."""
        body, more = bytearray(), True
        try:
            async with asyncio.timeout(patience):
                while more:
                    message = await self._receive()
                    if message["type"] == "http.disconnect":
                        raise _Stop(400)  # which nobody hears
                    body += message.get("body", b"")
                    more = self._unread = message.get("more_body", False)
                    if len(body) > BODY:
                        raise _Stop(413)
        except TimeoutError:
            raise _Stop(408) from None
        self.body = bytes(body)

    async def receive(self) -> Message:
        """The body, then that the client has left or that its stream is to end."""
        if not self._handed:
            self._handed = True
            return {"type": "http.request", "body": self.body, "more_body": False}
        if self._watcher is None:
            self._watcher = asyncio.create_task(self._watch())
        await self._left.wait()
        return {"type": "http.disconnect"}

    async def _watch(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._left.set()

    def end(self) -> None:
        """Tell an event stream, begun or about to, that its client has left."""
        self._ended = True
        if self._streams:
            self._left.set()

    async def send(self, message: Message) -> None:
        """The application's response under the gate's headers, or a problem for its error."""
        if self._complete:
            return  # an error that a problem was sent for
        if message["type"] == "http.response.start":
            status, pairs = message["status"], message.get("headers", [])
            said = Headers(raw=[(name.lower(), value) for name, value in pairs])
            kind = said.get("content-type", "").partition(";")[0].strip().lower()
            foreign = kind != PROBLEM and (kind != "text/html" or status == 500)
            if status >= 400 and foreign:
                kept = {name: said[name] for name in ("allow", "retry-after") if name in said}
                await self.stop(_Stop(status, headers=kept))
                return
            self.begun, self._streams = True, kind == "text/event-stream"
            if self._ended:
                self.end()
            theirs = [pair for pair in said.raw if not _KEPT_BACK.match(pair[0])]
            message = {**message, "headers": [*theirs, *self._ours(self.row.policy)]}
        elif message["type"] == "http.response.body":
            self._complete = not message.get("more_body", False)
        await self._send(message)

    async def finish(self) -> None:
        """Watch no more; a stream told to end is closed, so that its client sees it whole."""
        if self._watcher is not None:
            self._watcher.cancel()
        if self._ended and self._streams and not self._complete:
            await self._send({"type": "http.response.body", "body": b""})

    async def stop(self, stop: _Stop) -> None:
        """Answer in the application's place; a client still sending is heard out for a while."""
        self.begun = self._complete = True
        status, said = stop.status, {**stop.headers, "cache-control": "no-store"}
        body = problem(status, stop.what, stop.mend, self.id) if stop.what else b""
        if body:
            said["content-type"] = PROBLEM
        if status != HTTPStatus.NO_CONTENT:
            said["content-length"] = str(len(body))
        if self._unread:
            said["connection"] = "close"
        headers = [(name.encode(), value.encode("latin-1")) for name, value in said.items()]
        headers += self._ours(API)
        await self._send({"type": "http.response.start", "status": status, "headers": headers})
        await self._send({"type": "http.response.body", "body": body, "more_body": self._unread})
        if self._unread:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LINGER):
                    while (await self._receive()).get("more_body", False):
                        pass
            await self._send({"type": "http.response.body", "body": b""})

    def _ours(self, policy: str) -> list[tuple[bytes, bytes]]:
        """What every response says, or nothing where that is empty."""
        settings, origin = self._settings, self.listed_origin
        frames = " ".join(("'self'", *settings.frames))
        abroad, secure = origin or self.row.shared, self.scope["scheme"] == "https"
        said = {
            "x-request-id": self.id,
            "content-security-policy": policy.format(nonce=self._nonce, frames=frames),
            "x-content-type-options": "nosniff",
            "referrer-policy": "no-referrer",
            "cross-origin-opener-policy": "same-origin",
            "cross-origin-resource-policy": "cross-origin" if abroad else "same-origin",
            "permissions-policy": "camera=(), microphone=(), geolocation=()",
            "x-frame-options": "" if settings.frames else "SAMEORIGIN",
            "strict-transport-security": "max-age=31536000" if secure else "",
            "vary": "Origin" if settings.origins else "",
            "access-control-allow-origin": origin,
            "access-control-expose-headers": origin and "Retry-After, X-Request-Id",
        }
        return [(name.encode(), value.encode("latin-1")) for name, value in said.items() if value]


def _address(text: str) -> Address | None:
    """An address as a socket or a header has it, with a port or none; IPv4 within IPv6 is IPv4."""
    found = _WITH_PORT.fullmatch(text.strip())
    try:
        address = ip_address((found[1] or found[2]) if found else text.strip())
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _host_and_port(text: str) -> tuple[str, str] | None:
    """The name, in small letters, and the port, or none, of a Host header; None if malformed."""
    found = _HOST.fullmatch(text)
    if not found or int(found[2] or 0) > 65535 or (text[0] == "[" and not _address(found[1])):
        return None
    return found[1].lower().removesuffix("."), found[2] or ""


def _is_own(host: str) -> bool:
    """Whether a host is this machine, by the name every machine has for itself or by an address."""
    address = _address(host)
    return host == "localhost" or (address is not None and address.is_loopback)
