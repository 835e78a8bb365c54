"""Identify callers: their address, whether they are local, and what a trusted proxy says."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.datastructures import Headers
    from starlette.types import Scope

    from assistant.server.security.api_keys import ApiKey, KeyScope

    Address = IPv4Address | IPv6Address
    Network = IPv4Network | IPv6Network

_WITH_PORT = re.compile(r"\[([^\]]+)\](?::[0-9]+)?|([0-9.]+):[0-9]+")

# Headers that proxies, load balancers, tunnels, single sign-on and content delivery networks add
# on a request's way. One of them is enough: no program on this machine has a reason to send any.
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
    """Who sends a request: the address, the signed-in user and the API key.

    `is_local`: the request comes from this machine, and shows no sign of a proxy. A proxy on this
    machine that adds no header looks like a local caller.
    """

    address: Address | None
    is_local: bool = False
    user: str = ""
    key: ApiKey | None = None

    @property
    def name(self) -> str:
        """The key or user that tells this caller from others at the address; empty without one."""
        return f"key {self.key.name}" if self.key else self.user and f"user {self.user}"

    def may_without_key(self, scope: KeyScope, *, anonymous: bool) -> bool:
        """Whether the caller may use a scope without a key; admin always needs a key."""
        return scope != "admin" and (self.is_local or bool(self.user) or anonymous)


@dataclass(frozen=True, slots=True)
class Forwarded:
    """What a trusted proxy says of a request: its scheme and host; empty where it says nothing."""

    scheme: str = ""
    host: str = ""


def identify_caller(
    scope: Scope,
    headers: Headers,
    proxies: Sequence[Network],
    user_header: str = "",
    *,
    trust_loopback: bool = True,
) -> tuple[Caller, Forwarded]:
    """Identify the caller of a request, and the scheme and host that a trusted proxy names.

    A caller on the loopback is local unless the request has a header that a proxy adds, or comes
    from a trusted proxy, or the loopback is not trusted.
    """
    client = _client_address(scope)
    if not is_trusted_proxy(client, proxies):
        is_loopback = client is None or client.is_loopback
        is_forwarded = user_header.lower() in headers or any(
            name.endswith(_FORWARDING_ENDS) or any(p.fullmatch(name) for p in _FORWARDING)
            for name in headers
        )
        return Caller(client, is_loopback and not is_forwarded and trust_loopback), Forwarded()
    # The nearest proxy adds its value at the end, after whatever others wrote.
    chain, schemes, hosts = (
        ",".join(headers.getlist(f"x-forwarded-{name}")).split(",")
        for name in ("for", "proto", "host")
    )
    for address in map(parse_address, reversed(chain)):
        if not is_trusted_proxy(client, proxies) or address is None:
            break
        client = address
    users = headers.getlist(user_header or "-")
    scheme = schemes[-1].strip().lower()
    return (
        Caller(client, user=users[-1].strip() if users else ""),
        Forwarded(scheme if scheme in {"http", "https"} else "", hosts[-1].strip()),
    )


def caller_of(scope: Scope) -> Caller:
    """Return the caller of a request; before it is identified, only its address is known."""
    caller: Caller | None = scope.get("state", {}).get("caller")
    return caller or Caller(_client_address(scope))


def is_trusted_proxy(address: Address | None, proxies: Sequence[Network]) -> bool:
    """Whether an address belongs to a trusted proxy."""
    return address is not None and any(address in network for network in proxies)


def client_network(address: Address | None) -> str:
    """Name the holder of an address: a household has 2**64 addresses of IPv6."""
    return f"{int(address) >> 64:x}" if isinstance(address, IPv6Address) else str(address)


def parse_address(text: str) -> Address | None:
    """Parse an address of a socket or header, with or without port; IPv4 within IPv6 is IPv4."""
    match = _WITH_PORT.fullmatch(text.strip())
    try:
        address = ip_address((match[1] or match[2]) if match else text.strip())
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _client_address(scope: Scope) -> Address | None:
    return parse_address(scope["client"][0]) if scope.get("client") else None
