"""The gate before a web application: what is let through, from whom, how much and how often.

Knows addresses, hosts, paths, origins, keys, and how many questions there is room for. Must not
know what is asked, who answers, or which framework the application is made with.
"""

from __future__ import annotations

import logging
import math
import re
import secrets
import time
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TYPE_CHECKING
from urllib.parse import quote

from starlette.datastructures import Headers

from assistant.errors import KeysError, SettingsError
from assistant.exchange import Exchange, Route, Stop
from assistant.streams import OWN_STREAMS, STREAMS, Places, Stream, household

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from starlette.types import ASGIApp, Receive, Scope, Send

    from assistant.keys import Key, Keys, KeyScope
    from assistant.settings import Settings

    Address = IPv4Address | IPv6Address

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
    rb"|sec-fetch-.+|access-control-request-.+|mcp-.+"
)
_CONDITIONS = (b"if-none-match", b"if-modified-since")
_FORWARDED = re.compile(r"forwarded|x-forwarded-.+|x-real-ip|via")
_BEARER = re.compile(r"bearer +(\S+) *", re.I)
_PREFLIGHT = {
    "access-control-allow-headers": "Accept, Authorization, Content-Type, Last-Event-ID, "
    "Mcp-Protocol-Version, Mcp-Session-Id"
}
_READER: tuple[KeyScope, ...] = ("read", "feedback")
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: from which address, signed in or by which key.

    `own` is whoever is on this machine, and came here by no way but the loopback.
    """

    address: Address | None
    own: bool = False
    user: str = ""
    key: Key | None = None

    @property
    def name(self) -> str:
        """What sets a caller apart from others of the same address; empty where nothing does."""
        return f"key {self.key.name}" if self.key else self.user and f"user {self.user}"


class Rate:
    """So many questions a minute from one caller: a bucket each, which fills as time goes by.

    None is 120 a minute, but no limit for this machine's own addresses: behind a proxy that is not
    listed as trusted, every reader has one of those.
    """

    def __init__(self, rate: int | None) -> None:
        self._own_too = rate is not None
        self._rate = 120 if rate is None else rate
        self._burst = max(10, self._rate // 2)
        self._full: dict[str, float] = {}  # when a bucket is full again, the longest idle first

    def wait(self, address: Address | None, now: float, name: str = "") -> int:
        """Take one question; or say how many whole seconds to wait for it. `now` is in seconds.

        A caller with a name has a bucket of its own, wherever it asks from.
        """
        own = address is None or address.is_loopback  # no address: a socket of this machine
        if not self._rate or (own and not name and not self._own_too):
            return 0
        # One household has 2**64 addresses of IPv6.
        key = f"{int(address) >> 64:x}" if isinstance(address, IPv6Address) else str(address)
        key = name or key
        full, each = max(self._full.pop(key, now), now), 60 / self._rate
        wait = round(full - now - (self._burst - 1) * each, 3)
        self._full[key] = full if wait > 0 else full + each
        if len(self._full) > _ADDRESSES:
            del self._full[next(iter(self._full))]
        return max(0, math.ceil(wait))


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
        keys: Keys | None = None,
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
        if settings.user_header and not settings.trusted_proxies:
            what = "The setting user_header lets anyone sign in as anybody: no proxy is trusted."
            raise SettingsError(what, "List the proxy that says who asks in trusted_proxies.")
        self._own_only = _is_own(settings.host)
        self._keys = keys
        self._origins = {origin.lower() for origin in settings.origins}
        self._rate = Rate(settings.rate)
        self._open: set[Exchange] = set()
        self._places = Places()
        self._closing = self._ended = False

    def close(self) -> None:
        """Refuse questions from now on; those let in are finished."""
        self._closing = True

    def shut(self) -> str:
        """What to say where a server is reached from other machines, but by nobody who may ask.

        Empty where that is not so. Raises KeysUnusable.
        """
        made = self._keys and self._keys.all()
        settings = self._settings
        if made or self._own_only or settings.anonymous or settings.user_header:
            return ""
        return (
            "Readers on other machines need a key: assistant keys add NAME, or turn on anonymous."
        )

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
        exchange = Exchange(scope, receive, send, self._settings)
        exchange.row = self._nearest(scope["path"])
        self._open.add(exchange)
        try:
            await self._let_through(exchange)
        except Stop as stop:
            await exchange.stop(stop)
        except Exception:  # noqa: BLE001 - the outermost line: whatever broke, in the one shape
            _log.exception("Request %s failed", exchange.id)
            if not exchange.begun:  # else it stays unfinished, and the server closes the connection
                await exchange.stop(Stop(500))
        finally:
            self._open.discard(exchange)
            await exchange.finish()

    async def _let_through(self, exchange: Exchange) -> None:
        """Every check in its order, then the application."""
        caller = self._host(exchange, self._who(exchange))
        below = self._path(exchange)
        row = self._row(exchange, below)
        caller = self._may(exchange, row, caller)
        self._announced(exchange)
        await exchange.read(self._patience)
        if row.check and (wrong := row.check(exchange.body)):
            raise Stop(422, wrong)
        self._room(row, caller)
        stream = self._stream(row, caller)
        if row.streams and (full := stream.take()):
            raise full
        exchange.place = stream.take
        self.asking += row.asks
        try:
            await self._app(exchange.scope, exchange.receive, exchange.send)
        finally:
            self.asking -= row.asks
            stream.give_back()

    def _stream(self, row: Route, caller: Caller) -> Stream:
        """The place of a request's stream among those of its caller at the same address of ours."""
        own = caller.address is None or caller.address.is_loopback
        name = f"{caller.name or household(caller.address)} {row.path}"
        return Stream(self._places, name, OWN_STREAMS if own and not caller.name else STREAMS)

    def _who(self, exchange: Exchange) -> Caller:
        """Who asks; a trusted proxy's word for it, and for the host, is taken."""
        scope, headers = exchange.scope, exchange.headers
        kept = [pair for pair in headers.raw if _LET_IN.fullmatch(pair[0])]
        client = _address(scope["client"][0]) if scope.get("client") else None
        here, user = client is None or client.is_loopback, ""
        # A proxy on this machine that is not listed brings others' requests from the loopback.
        own = here and not any(_FORWARDED.fullmatch(name) for name in headers)
        if self.trusts(client):
            # What the proxy next to us says stands last, whatever others said before it.
            chain, schemes, hosts = (
                ",".join(headers.getlist(f"x-forwarded-{name}")).split(",")
                for name in ("for", "proto", "host")
            )
            for named in reversed(chain):
                if not self.trusts(client) or _address(named) is None:
                    break
                client = _address(named)
                # The loopback that a proxy on another machine speaks of is not this machine's.
                own = here = here and client is not None and client.is_loopback
            scope["client"] = (str(client), 0)
            if named_users := headers.getlist(self._settings.user_header or "-"):
                user = named_users[-1].strip()
                own = own and not user  # whoever signs in is a reader, wherever the proxy stands
            scheme, host = schemes[-1].strip().lower(), hosts[-1].strip()
            if scheme in {"http", "https"}:
                scope["scheme"] = scheme
            if host:
                kept = [pair for pair in kept if pair[0] != b"host"]
                kept.append((b"host", host.encode("latin-1")))
        scope["headers"] = kept
        return Caller(client, own=own, user=user)

    def _may(self, exchange: Exchange, row: Route, caller: Caller) -> Caller:
        """The caller with its key, if it may do what the row is for."""
        if row.scope is None:
            return caller
        given = _BEARER.fullmatch(exchange.headers.get("authorization", ""))
        keys = self._keys
        try:
            key = keys.find(given[1]) if keys and given else None
            # Where no key was ever made there is none to be wrong; some clients must send one.
            free = caller.own or row.scope in self._without_key(caller)
            if given and not key and not (free and not (keys and keys.all())):
                raise _unknown("This key is not known here, or not any more.")
        except KeysError as error:
            _log.error("Request %s: %s", exchange.id, error)
            raise Stop(503, "The keys cannot be read.", "The log says why.") from error
        if key:
            if not key.allows(row.scope):
                raise Stop(403, "This key does not allow that.", f"Use one of scope {row.scope}.")
        elif not free:
            if caller.user:
                raise Stop(403, "Readers may not see that.", f"Use a key of scope {row.scope}.")
            raise _unknown("A key is needed here.")
        return replace(caller, key=key)

    def _without_key(self, caller: Caller) -> tuple[KeyScope, ...]:
        """What a caller from another machine may do without a key."""
        return _READER if caller.user or self._settings.anonymous else ()

    def trusts(self, address: Address | None) -> bool:
        """Whether an address is one of a listed proxy."""
        listed = self._settings.trusted_proxies
        return address is not None and any(address in network for network in listed)

    def _host(self, exchange: Exchange, caller: Caller) -> Caller:
        """The caller, if the host is served: this machine's own only by a name that is its own."""
        hosts = Headers(scope=exchange.scope).getlist("host")
        found = _host_and_port(hosts[0]) if len(hosts) == 1 else None
        if found is None:
            raise Stop(400, "The request names no host, or none that can be.")
        name, port = found
        scheme = exchange.scope["scheme"]
        usual = "443" if scheme == "https" else "80"
        exchange.own_origin = f"{scheme}://{name}" + (f":{port}" if port not in {"", usual} else "")
        # A name that a foreign site points at this machine must not reach what is local, nor may
        # its pages do, in a browser here, what is left to this machine's own.
        known = _is_own(name)
        if self._hosts:
            known = (name, "") in self._hosts or (name, port or usual) in self._hosts
        if not known and (self._hosts or self._own_only):
            raise Stop(421)
        return replace(caller, own=caller.own and known)

    def _path(self, exchange: Exchange) -> str:
        """The path below the root, whether or not a proxy has taken the root off."""
        scope, root = exchange.scope, self._settings.root
        below: str = scope["path"]
        if root and below == root:
            query = scope.get("query_string", b"").decode("latin-1")
            raise Stop(307, headers={"location": quote(root) + "/" + (query and f"?{query}")})
        if root and below.startswith(root + "/"):
            below = below.removeprefix(root)
        # No name that is served begins with a dot, be it `..` or a hidden file's.
        raw = scope.get("raw_path") or quote(below).encode()
        if "/." in below or _UNSEEN.search(below) or _STRAY.search(raw):
            raise Stop(404)
        scope["path"] = root + below  # routing takes the root off where the path begins with it
        scope["raw_path"] = quote(root + below, safe="/!$&'()*+,;=:@~").encode()
        scope["root_path"] = root
        return below

    def _nearest(self, path: str) -> Route:
        """How errors look at a path, before its row is known."""
        below = path.removeprefix(self._settings.root)
        found = (row for pattern, row in self._table if pattern.fullmatch(below))
        return next((row for row in found if not row.methods), Route((), ""))

    def _row(self, exchange: Exchange, below: str) -> Route:
        """The table's row for a path and a method, asked for by a page that may."""
        rows = [row for pattern, row in self._table if row.methods and pattern.fullmatch(below)]
        if not rows:
            raise Stop(404)
        scope = exchange.scope
        methods = ", ".join(dict.fromkeys(method for row in rows for method in row.allowed))
        row = next((row for row in rows if scope["method"] in row.allowed), None)
        asked = {"origin", "access-control-request-method"} <= {*exchange.headers}
        if row is None and not (asked and scope["method"] == "OPTIONS"):
            raise Stop(405, headers={"allow": methods})
        self._from_where(exchange)
        if row is None:
            raise Stop(204, headers={"access-control-allow-methods": methods, **_PREFLIGHT})
        exchange.row, exchange.state["nested"] = row, row.nested
        if exchange.headless:
            scope["method"] = "GET"  # for the application, whose head goes back alone
        if "{nonce}" in row.policy:  # "not modified" would pair an old page with a new nonce
            scope["headers"] = [pair for pair in scope["headers"] if pair[0] not in _CONDITIONS]
        return row

    def _from_where(self, exchange: Exchange) -> None:
        """Whether the page that asks is this site's or a listed one's; any other may only read."""
        origins = exchange.headers.getlist("origin")
        if len(origins) == 1 and origins[0] in self._origins:
            exchange.listed_origin = origins[0]
            return
        foreign = bool(origins) and origins != [exchange.own_origin]
        crossed = "cross-site" in exchange.headers.getlist("sec-fetch-site")
        if (foreign or crossed) and exchange.scope["method"] not in {"GET", "HEAD"}:
            mend = "List its site in origins, a proxy in trusted_proxies."
            raise Stop(403, "Not allowed from that page.", mend)

    def _announced(self, exchange: Exchange) -> None:
        """What the headers say of the body, before any of it is read."""
        headers, longest = exchange.headers, exchange.row.longest
        lengths = headers.getlist("content-length")
        twice = len(lengths) > 1 or (lengths and "transfer-encoding" in headers)
        if twice or not all(length.isdecimal() for length in lengths):
            raise Stop(400, "The request does not say clearly how long it is.")
        if any(len(length) > 9 or int(length) > longest for length in lengths):
            raise exchange.too_long()
        codings = ",".join(headers.getlist("content-encoding")).lower().split(",")
        if {coding.strip() for coding in codings} - {"", "identity"}:
            raise Stop(422, "The request is compressed.", "Send it as it is.")
        # A page of another site can send a form, or text, without asking beforehand; JSON it can't.
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        if exchange.row.sent and kind != exchange.row.sent:
            raise Stop(415)

    def _room(self, row: Route, caller: Caller) -> None:
        """Whether there is room for a question, and this caller has had no more than its share."""
        if self._ended or (self._closing and row.asks):
            raise Stop(503, "The assistant is stopping.", headers={"retry-after": "10"})
        if not row.asks:
            return
        wait = self._rate.wait(caller.address, time.monotonic(), caller.name)
        if wait:
            mend = f"Wait {wait} second{'s' * (wait > 1)} and ask again."
            raise Stop(429, mend=mend, headers={"retry-after": str(wait)})
        if self._waiting() + self.asking >= self._settings.waiting:
            later = str(1 + secrets.randbelow(5))  # those refused together return one by one
            raise Stop(429, "Too many questions are waiting.", headers={"retry-after": later})


def _unknown(what: str) -> Stop:
    mend = "Send Authorization: Bearer KEY, one that `assistant keys add` made; or, for anyone to "
    mend += "read, turn on the setting anonymous."
    return Stop(401, what, mend, {"www-authenticate": "Bearer"})


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
