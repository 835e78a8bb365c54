"""Who sends a request, and what a trusted proxy says of it."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from assistant.errors import SettingsError
from assistant.server.security.proxy_headers import ProxyHeadersMiddleware
from tests.server.security.asgi_requests import Application, request

PROXIES = (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))


def middleware(application, **how) -> ProxyHeadersMiddleware:
    return ProxyHeadersMiddleware(application, PROXIES, **how)


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("203.0.113.9", ["198.51.100.1"], "203.0.113.9"),  # no proxy of ours
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["1.1.1.1, 198.51.100.1"], "198.51.100.1"),  # the reader forged the first
        ("10.0.0.1", ["1.1.1.1", "198.51.100.1, 10.2.2.2"], "198.51.100.1"),
        ("10.0.0.1", ["10.3.3.3, 10.2.2.2"], "10.3.3.3"),
        ("10.0.0.1", ["198.51.100.1, unknown"], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.1, unknown, 10.2.2.2"], "10.2.2.2"),
        ("10.0.0.1", ["198.51.100.1:5678"], "198.51.100.1"),
        ("10.0.0.1", ["[2001:db8::7]:5678"], "2001:db8::7"),
        ("fd00::1", ["2001:db8::7"], "2001:db8::7"),
        ("::ffff:10.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["<script>"], "10.0.0.1"),
        ("10.0.0.1", [""], "10.0.0.1"),
    ],
)
def test_only_a_trusted_proxy_names_the_client(peer, forwarded, client):
    application = Application()
    headers = [("X-Forwarded-For", value) for value in forwarded]
    request(middleware(application), headers=headers, client=(peer, 1))
    assert application.scopes[0]["client"][0] == client
    assert str(application.state["caller"].address) == client


@pytest.mark.parametrize(
    ("peer", "scheme", "host"),
    [("10.0.0.1", "https", "help.example.org"), ("203.0.113.9", "http", "127.0.0.1")],
)
def test_only_a_trusted_proxy_names_the_scheme_and_the_host(peer, scheme, host):
    application = Application()
    headers = [("X-Forwarded-Proto", "https"), ("X-Forwarded-Host", "help.example.org")]
    request(middleware(application), headers=headers, client=(peer, 1))
    assert application.scopes[0]["scheme"] == scheme
    assert application.header("host") == [host]


@pytest.mark.parametrize("scheme", ["ftp", "javascript", "https, ftp", ""])
def test_a_scheme_other_than_http_and_https_is_ignored(scheme):
    application = Application()
    request(
        middleware(application), headers=[("X-Forwarded-Proto", scheme)], client=("10.0.0.1", 1)
    )
    assert application.scopes[0]["scheme"] == "http"


@pytest.mark.parametrize(
    ("peer", "headers", "is_local"),
    [
        ("127.0.0.1", [], True),
        ("::1", [], True),
        ("::ffff:127.0.0.1", [], True),
        ("127.0.0.1", [("Via", "1.1 proxy")], False),
        ("203.0.113.9", [], False),
        ("10.0.0.1", [("X-Forwarded-For", "127.0.0.1")], False),
    ],
)
def test_a_caller_is_local_only_without_a_proxy(peer, headers, is_local):
    application = Application()
    request(middleware(application), headers=headers, client=(peer, 1))
    assert application.state["caller"].is_local == is_local
    request(middleware(application, trust_loopback=False), headers=headers, client=(peer, 1))
    assert not application.state["caller"].is_local


def test_only_a_trusted_proxy_names_the_signed_in_user():
    application = Application()
    app = middleware(application, user_header="Remote-User")
    for peer, user in (("10.0.0.1", "ann"), ("203.0.113.9", "")):
        request(app, headers=[("Remote-User", "ann")], client=(peer, 1))
        assert application.state["caller"].user == user


def test_a_user_header_without_a_trusted_proxy_is_an_error():
    with pytest.raises(SettingsError, match="user_header"):
        ProxyHeadersMiddleware(Application(), (), "Remote-User")
