"""Who is let through the gate: by whose word, under which host, from which site's page."""

from __future__ import annotations

import re
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.test_gate import (
    LISTED,
    PROXIES,
    Application,
    asked,
    gate,
    question,
)

from assistant.errors import SettingsError

# Who asks


@pytest.mark.parametrize(
    ("peer", "said", "client"),
    [
        ("203.0.113.9", ["198.51.100.1"], "203.0.113.9"),  # no proxy of ours
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["1.1.1.1, 198.51.100.1"], "198.51.100.1"),  # the reader made the first up
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
def test_only_a_trusted_proxy_is_believed_who_asks(peer, said, client):
    application = Application()
    headers = [("X-Forwarded-For", value) for value in said]
    assert asked(gate(application, **PROXIES), headers=headers, client=(peer, 1)).status == 200
    assert application.scopes[0]["client"][0] == client


@pytest.mark.parametrize(
    ("peer", "scheme", "host"),
    [("10.0.0.1", "https", "help.example.org"), ("203.0.113.9", "http", "127.0.0.1")],
)
def test_only_a_trusted_proxy_is_believed_how_the_site_is_called(peer, scheme, host):
    application = Application()
    headers = [("X-Forwarded-Proto", "https"), ("X-Forwarded-Host", "help.example.org")]
    reply = asked(gate(application, **PROXIES), headers=headers, client=(peer, 1))
    assert application.scopes[0]["scheme"] == scheme
    assert application.header("host") == [host]
    assert bool(reply.all("strict-transport-security")) == (scheme == "https")


@pytest.mark.parametrize("said", ["ftp", "javascript", "https, ftp", ""])
def test_a_scheme_that_is_not_of_the_web_is_not_believed(said):
    application = Application()
    headers = [("X-Forwarded-Proto", said)]
    asked(gate(application, **PROXIES), headers=headers, client=("10.0.0.1", 1))
    assert application.scopes[0]["scheme"] == "http"


def test_headers_that_are_not_let_in_do_not_reach_the_application():
    kept = {
        "accept": "text/html",
        "cookie": "a=b",
        "authorization": "Bearer x",
        "last-event-id": "7",
        "sec-fetch-site": "same-origin",
        "host": "127.0.0.1",
    }
    dropped = [
        *("X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Prefix"),
        *("Forwarded", "X-Real-IP", "X-Original-URL", "X-Rewrite-URL", "X-HTTP-Method-Override"),
        *("X-Gradio-Server", "X-Gradio-User", "Connection", "Upgrade", "Proxy", "Host-Override"),
    ]
    application = Application()
    sent = [*kept.items(), *((name, "evil.example") for name in dropped)]
    for peer in ("203.0.113.9", "10.0.0.1"):
        proxies = {**PROXIES, "hosts": ("127.0.0.1", "evil.example")}
        assert asked(gate(application, **proxies), headers=sent, client=(peer, 1)).status == 200
        names = {name.decode() for name, _ in application.scopes[-1]["headers"]}
        assert names == set(kept)


# The host


@pytest.mark.parametrize(
    ("host", "status"),
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
def test_on_loopback_no_name_but_this_machines_own_is_answered(host, status):
    for own in ("127.0.0.1", "::1", "localhost"):
        assert asked(gate(host=own), headers=[("Host", host)]).status == status


@pytest.mark.parametrize(
    ("host", "status"),
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
def test_only_the_hosts_that_are_listed_are_answered(host, status):
    hosts = ("Help.Example.org", "wiki.example.org:8443", "old.example.org:80", "[2001:db8::1]")
    reply = asked(gate(hosts=hosts), headers=[("Host", host)])
    assert reply.status == status
    if status == 421:
        assert host not in str(reply)


@pytest.mark.parametrize("host", ["help.example.org", "203.0.113.1", "[2001:db8::1]:80", "a_b:1"])
def test_a_server_open_to_all_answers_to_any_name_unless_some_are_listed(host):
    assert asked(gate(host="0.0.0.0"), headers=[("Host", host)]).status == 200


MALFORMED = [
    *("", " ", "a b", "a/b", "a@b", "localhost@evil.example", "http://localhost", "localhost:"),
    *("localhost:x", "localhost:99999", "localhost:80:80", "[::1", "::1", "[::1]x", "[1.2.3.4.5]"),
    *("[::g]", "localhost, evil.example", "-", "a..b", ".a", "a?b", "a#b", "a\\b", "ä", "a%2fb"),
    *("[fe80::1%eth0]", "<script>", "a" * 64),
]


@pytest.mark.parametrize("host", MALFORMED)
def test_a_host_that_can_be_none_is_refused(host):
    for settings in ({}, {"host": "0.0.0.0"}, {"hosts": ("localhost",)}):
        assert asked(gate(**settings), headers=[("Host", host)]).status == 400
    told = [("X-Forwarded-Host", host)]
    reply = asked(gate(**PROXIES), headers=told, client=("10.0.0.1", 1))
    listed = host.rpartition(",")[2].strip()  # the proxy's own word stands last
    assert reply.status == (200 if listed in {"", "evil.example"} else 400)


def test_no_host_and_two_hosts_are_refused():
    assert asked(gate(), hostless=True).status == 400
    assert asked(gate(), headers=[("Host", "localhost"), ("Host", "localhost")]).status == 400


def test_a_setting_that_can_be_no_host_is_an_error():
    with pytest.raises(SettingsError, match="hosts"):
        gate(hosts=("https://help.example.org",))


def test_a_reader_after_a_forger_sees_nothing_of_the_forged_host():
    class Mirror(Application):
        async def __call__(self, scope, receive, send):
            self.body = str(sorted(scope["headers"])).encode() + scope["scheme"].encode()
            await super().__call__(scope, receive, send)

    guarded = gate(Mirror(), hosts=("help.example.org",), trusted_proxies=("10.0.0.0/8",))
    own = ("Host", "help.example.org")
    for name in ("X-Forwarded-Host", "X-Host", "Forwarded", "X-Forwarded-Server", "Host"):
        for value in ("evil.example", "host=evil.example", "help.example.org@evil.example"):
            for peer in ("203.0.113.9", "10.0.0.1"):
                forged = asked(guarded, headers=[own, (name, value)], client=(peer, 1))
                assert "evil.example" not in str(forged)
                clean = asked(guarded, headers=[own])
                assert clean.status == 200
                assert "evil" not in str(clean)


# Other sites' pages

ORIGINS = [
    (LISTED, True),
    ("https://good.example:8443", True),
    ("https://bad.example", False),
    ("null", False),
    ("https://good.example.evil.com", False),
    ("http://good.example", False),
    ("https://good.example:443", False),
    ("HTTPS://GOOD.EXAMPLE", False),
    ("https://good.example.", False),
    ("https://good.example/", False),
    ("https://evilgood.example", False),
    ("https://good.example, https://bad.example", False),
    ("*", False),
    ("", False),
]
CROSS = {"origins": (LISTED, "https://good.example:8443"), "host": "0.0.0.0"}


@pytest.mark.parametrize(("origin", "listed"), ORIGINS)
def test_a_listed_site_alone_is_told_that_it_may_read(origin, listed):
    for path in ("/", "/talk", "/files/a", "/nowhere"):
        reply = asked(gate(**CROSS), path=path, headers=[("Origin", origin)])
        known = listed and path != "/nowhere"
        assert reply.all("access-control-allow-origin") == ([origin] if known else [])
        assert reply.status == (404 if path == "/nowhere" else 200)
        assert "Origin" in reply.all("vary")
        assert reply.all("access-control-allow-credentials") == []
        resource = "cross-origin" if known else "same-origin"
        assert reply["cross-origin-resource-policy"] == resource


@pytest.mark.parametrize(("origin", "listed"), ORIGINS)
def test_a_listed_site_alone_may_ask(origin, listed):
    for method, path in (("POST", "/ask"), ("DELETE", "/talk")):
        application = Application()
        headers = [("Origin", origin), ("Sec-Fetch-Site", "cross-site")]
        reply = asked(gate(application, **CROSS), method, path, headers=headers, body=b"question")
        assert reply.status == (200 if listed else 403)
        assert len(application.scopes) == listed
        assert reply.all("access-control-allow-origin") == ([origin] if listed else [])


@pytest.mark.parametrize(("origin", "listed"), ORIGINS)
def test_a_browser_that_asks_beforehand_is_answered_by_the_gate(origin, listed):
    application = Application()
    headers = [("Origin", origin), ("Access-Control-Request-Method", "POST")]
    reply = asked(gate(application, **CROSS), "OPTIONS", "/ask", headers=headers)
    assert application.scopes == []
    assert reply["vary"] == "Origin"
    if listed:
        assert (reply.status, reply.body) == (204, b"")
        assert reply["access-control-allow-origin"] == origin
        assert reply["access-control-allow-methods"] == "POST"
        assert "Content-Type" in reply["access-control-allow-headers"]
        assert reply.all("content-length") == []
    else:
        assert reply.status == 403
        assert not any(name.startswith("access-control-") for name, _ in reply.pairs)


@pytest.mark.parametrize(
    ("scheme", "host", "origin"),
    [
        ("http", "localhost:7860", "http://localhost:7860"),
        ("http", "LocalHost:7860", "http://localhost:7860"),
        ("https", "help.example.org", "https://help.example.org"),
        ("https", "help.example.org:443", "https://help.example.org"),
        ("http", "[::1]:7860", "http://[::1]:7860"),
    ],
)
def test_the_sites_own_pages_may_ask(scheme, host, origin):
    headers = [("Host", host), ("Origin", origin), ("Sec-Fetch-Site", "same-origin")]
    reply = question(gate(host="0.0.0.0"), headers=headers, scheme=scheme)
    assert reply.status == 200
    assert reply.all("access-control-allow-origin") == []


@pytest.mark.parametrize(
    "headers",
    [
        [("Origin", "https://localhost")],
        [("Origin", "http://localhost:7860")],
        [("Origin", "http://localhost"), ("Origin", "http://localhost")],
        [("Sec-Fetch-Site", "cross-site")],
        [("Origin", "http://localhost"), ("Sec-Fetch-Site", "cross-site")],
    ],
)
def test_a_page_that_is_nearly_the_sites_own_may_not_ask(headers):
    assert question(gate(), headers=[("Host", "localhost"), *headers]).status == 403


def test_a_listed_site_beside_another_may_not_ask():
    headers = [("Origin", LISTED), ("Origin", "https://bad.example")]
    reply = question(gate(**CROSS), headers=headers)
    assert reply.status == 403
    assert reply.all("access-control-allow-origin") == []


def test_a_program_that_is_no_browser_may_ask():
    assert question(gate()).status == 200


def test_the_proxys_word_makes_the_sites_own_origin():
    told = [("X-Forwarded-Proto", "https"), ("X-Forwarded-Host", "help.example.org")]
    headers = [*told, ("Origin", "https://help.example.org")]
    assert question(gate(**PROXIES), headers=headers, client=("10.0.0.1", 1)).status == 200
    assert question(gate(**PROXIES), headers=headers, client=("203.0.113.9", 1)).status == 403


def test_what_the_application_says_of_origins_is_not_passed_on():
    theirs = (
        ("Access-Control-Allow-Origin", "*"),
        ("access-control-allow-credentials", "true"),
        ("vary", "Accept-Encoding"),
    )
    for origin in (LISTED, "https://bad.example"):
        reply = asked(gate(Application(headers=theirs), **CROSS), headers=[("Origin", origin)])
        assert "*" not in reply.all("access-control-allow-origin")
        assert reply.all("access-control-allow-credentials") == []
        assert reply.all("vary") == ["Accept-Encoding", "Origin"]


WORD = st.text(st.characters(max_codepoint=255, exclude_characters="\r\n\0"), max_size=30)


@given(host=st.text("abz019.-_:[]/@%\\ ", max_size=12) | WORD)
def test_whatever_is_said_to_be_the_host_none_but_this_machine_is_reached_on_loopback(host):
    application = Application()
    reply = asked(gate(application), headers=[("host", host)])
    assert reply.status in {200, 400, 421}
    if application.scopes:
        name = re.sub(r":\d+$", "", host).strip("[]").rstrip(".").lower()
        assert name == "localhost" or ip_address(name).is_loopback
