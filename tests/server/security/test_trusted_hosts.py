"""Which host names are answered."""

from __future__ import annotations

import re
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.errors import SettingsError
from assistant.server.security.callers import Caller
from assistant.server.security.trusted_hosts import TrustedHostMiddleware
from tests.server.security.asgi_requests import Application, request


def status(host: str, hosts=(), *, loopback_only: bool = False) -> int:
    app = TrustedHostMiddleware(Application(), hosts, loopback_only=loopback_only)
    return request(app, headers=[("Host", host)]).status


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("localhost", 200),
        ("LOCALHOST:7860", 200),
        ("127.0.0.1:7860", 200),
        ("127.8.9.10", 200),
        ("[::1]", 200),
        ("[::1]:7860", 200),
        ("evil.example", 421),
        ("localhost.evil.example", 421),
        ("127.0.0.1.evil.example", 421),
        ("192.0.2.1", 421),
        ("0.0.0.0", 421),
        ("[2001:db8::1]", 421),
    ],
)
def test_on_the_loopback_only_this_machine_s_own_names_are_answered(host, expected):
    assert status(host, loopback_only=True) == expected


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("help.example.org", 200),
        ("HELP.example.org", 200),
        ("help.example.org.", 200),
        ("help.example.org:9999", 200),
        ("wiki.example.org:8443", 200),
        ("wiki.example.org:8444", 421),
        ("wiki.example.org", 421),
        ("old.example.org", 200),  # port 80 goes without saying
        ("old.example.org:80", 200),
        ("[2001:db8::1]:7860", 200),
        ("example.org", 421),
        ("127.0.0.1", 421),
        ("help.example.org.evil.example", 421),
    ],
)
def test_only_the_listed_hosts_are_answered(host, expected):
    hosts = ("Help.Example.org", "wiki.example.org:8443", "old.example.org:80", "[2001:db8::1]")
    app = TrustedHostMiddleware(Application(), hosts)
    reply = request(app, headers=[("Host", host)])
    assert reply.status == expected
    if expected == 421:
        assert host not in str(reply)


@pytest.mark.parametrize("host", ["help.example.org", "203.0.113.1", "[2001:db8::1]:80", "a_b:1"])
def test_any_name_is_answered_unless_some_are_listed(host):
    assert status(host) == 200


MALFORMED = [
    *("", " ", "a b", "a/b", "a@b", "localhost@evil.example", "http://localhost", "localhost:"),
    *("localhost:x", "localhost:99999", "localhost:80:80", "[::1", "::1", "[::1]x", "[1.2.3.4.5]"),
    *("[::g]", "localhost, evil.example", "-", "a..b", ".a", "a?b", "a#b", "a\\b", "ä", "a%2fb"),
    *("[fe80::1%eth0]", "<script>", "a" * 64),
]


@pytest.mark.parametrize("host", MALFORMED)
def test_a_malformed_host_is_refused(host):
    assert status(host) == status(host, loopback_only=True) == status(host, ("localhost",)) == 400


def test_no_host_and_two_hosts_are_refused():
    app = TrustedHostMiddleware(Application())
    assert request(app, hostless=True).status == 400
    assert request(app, headers=[("Host", "localhost"), ("Host", "localhost")]).status == 400


def test_a_setting_that_is_no_host_is_an_error():
    with pytest.raises(SettingsError, match="hosts"):
        TrustedHostMiddleware(Application(), ("https://help.example.org",))


@pytest.mark.parametrize(("host", "is_local"), [("localhost", True), ("evil.example", False)])
def test_a_caller_is_local_only_under_a_name_that_is_this_machine_s_own(host, is_local):
    """A page of a foreign site, whose name leads here, could ask for what is local."""
    application = Application()
    app = TrustedHostMiddleware(application)
    caller = Caller(ip_address("127.0.0.1"), is_local=True)
    assert request(app, headers=[("Host", host)], caller=caller).status == 200
    assert application.state["caller"].is_local == is_local


WORD = st.text(st.characters(max_codepoint=255, exclude_characters="\r\n\0"), max_size=30)


@given(host=st.text("abz019.-_:[]/@%\\ ", max_size=12) | WORD)
def test_whatever_the_host_is_only_this_machine_is_reached_on_the_loopback(host):
    application = Application()
    app = TrustedHostMiddleware(application, loopback_only=True)
    assert request(app, headers=[("host", host)]).status in {200, 400, 421}
    if application.scopes:
        name = re.sub(r":\d+$", "", host).strip("[]").rstrip(".").lower()
        assert name == "localhost" or ip_address(name).is_loopback
