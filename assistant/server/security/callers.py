"""Who sends a request: its address, whether it is local, and what a trusted proxy says of it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.datastructures import Headers
    from starlette.types import Scope

    from assistant.server.security.api_keys import ApiKey, KeyScope
    from assistant.settings import Settings

    Address = IPv4Address | IPv6Address

_WITH_PORT = re.compile(r"\[([^\]]+)\](?::[0-9]+)?|([0-9.]+):[0-9]+")

# What proxies, load balancers, tunnels, sign-ins and content networks add to a request on its way.
# One of them is enough: no program on this machine has a reason to send any.
_FORWARDING = tuple(
    re.compile(pattern)
    for pattern in (
        r"(x[-_])?forward(ed)?([-_].+)?",
        r"via|cdn-loop|x-varnish|x-proxied-by|front-end-https",
        r"x-(remote|client)-(addr|host|port|proto)",
        r"(x-)?remote-(user|name|email|groups?)|x-(request|queue)-start",
        r"x-ssl-.+|ssl-client-.+|x-client-cert.*",
        r"x-(original|rewrite|auth-request|authentik|goog|pomerium|webauth|token-subject)[-_].+",
        r"(cf|fly|ngrok|tailscale|fastly|akamai|cloudfront|proxy)-.+",
        r"x-(cf|fly|ngrok|fastly|akamai|azure|amzn|amz-cf|appengine|cloud-trace|envoy|vercel)-.+",
        r"x-(nf|arr|sucuri|varnish|proxy|tunnel|ms|localtunnel|bluecoat|traefik|haproxy|nginx|cluster)-.+",
    )
)
_FORWARDING_ENDS = ("-ip", "_ip", "-scheme", "-visitor", "-via")


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sends a request: from which address, signed in as whom, with which API key.

    `local` is a program or reader on this machine that no proxy brought, as far as that can be
    told: a proxy on this machine that adds no header cannot.
    """

    address: Address | None
    is_local: bool = False
    user: str = ""
    key: ApiKey | None = None

    @property
    def name(self) -> str:
        """What tells this caller from others at the same address; empty where nothing does."""
        return f"key {self.key.name}" if self.key else self.user and f"user {self.user}"

    def may_without_key(self, scope: KeyScope, *, anonymous: bool) -> bool:
        """Whether the caller may use a scope without a key; for admin nobody may."""
        return scope != "admin" and (self.is_local or bool(self.user) or anonymous)


@dataclass(frozen=True, slots=True)
class Forwarded:
    """What a trusted proxy says of a request: its scheme and host; empty where it says nothing."""

    scheme: str = ""
    host: str = ""


def identify_caller(scope: Scope, headers: Headers, settings: Settings) -> tuple[Caller, Forwarded]:
    """Tell who sends a request, and how a trusted proxy says it was addressed.

    A caller on the loopback is local unless the request carries a header that a proxy adds, or
    comes from a listed proxy, or the settings say that the loopback is not to be trusted.
    """
    client = parse_address(scope["client"][0]) if scope.get("client") else None
    if not is_trusted_proxy(settings, client):
        loopback = client is None or client.is_loopback
        brought = settings.user_header.lower() in headers or any(
            name.endswith(_FORWARDING_ENDS) or any(p.fullmatch(name) for p in _FORWARDING)
            for name in headers
        )
        local = loopback and not brought and trusts_loopback(settings)
        return Caller(client, is_local=local), Forwarded()
    # What the proxy next to us adds stands last, whatever others wrote before it.
    chain, schemes, hosts = (
        ",".join(headers.getlist(f"x-forwarded-{name}")).split(",")
        for name in ("for", "proto", "host")
    )
    for named in reversed(chain):
        if not is_trusted_proxy(settings, client) or parse_address(named) is None:
            break
        client = parse_address(named)
    users = headers.getlist(settings.user_header or "-")
    scheme = schemes[-1].strip().lower()
    return (
        Caller(client, user=users[-1].strip() if users else ""),
        Forwarded(scheme if scheme in {"http", "https"} else "", hosts[-1].strip()),
    )


def trusts_loopback(settings: Settings) -> bool:
    """Whether the settings let readers on this machine read without a key.

    Where `hosts` is set a proxy publishes the server, and one that adds no header looks like a
    program on this machine.
    """
    return settings.trust_loopback and not settings.hosts


def is_trusted_proxy(settings: Settings, address: Address | None) -> bool:
    """Whether an address is that of a listed proxy."""
    listed = settings.trusted_proxies
    return address is not None and any(address in network for network in listed)


def client_network(address: Address | None) -> str:
    """Name the holder of an address: one household has 2**64 addresses of IPv6."""
    return f"{int(address) >> 64:x}" if isinstance(address, IPv6Address) else str(address)


def parse_address(text: str) -> Address | None:
    """An address as a socket or a header has it, with a port or none; IPv4 within IPv6 is IPv4."""
    match = _WITH_PORT.fullmatch(text.strip())
    try:
        address = ip_address((match[1] or match[2]) if match else text.strip())
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
