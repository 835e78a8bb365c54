"""Which pages of other sites may send requests and read responses (CORS)."""

from __future__ import annotations

import pytest

from assistant.server.security.cors import CORSMiddleware
from tests.server.security.asgi_requests import Application, ask, request

LISTED = "https://good.example"
LIST = (LISTED, "https://good.example:8443")
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


@pytest.mark.parametrize(("origin", "listed"), ORIGINS)
def test_only_a_listed_site_is_told_that_it_may_read(origin, listed):
    reply = request(CORSMiddleware(Application(), LIST), headers=[("Origin", origin)])
    assert reply.status == 200
    assert reply.all("access-control-allow-origin") == ([origin] if listed else [])
    assert bool(reply.all("access-control-expose-headers")) == listed
    assert reply["vary"] == "Origin"
    assert reply.all("access-control-allow-credentials") == []


@pytest.mark.parametrize(("origin", "listed"), ORIGINS)
@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_only_a_listed_site_may_ask(origin, listed, method):
    application = Application()
    headers = [("Origin", origin), ("Sec-Fetch-Site", "cross-site")]
    reply = request(CORSMiddleware(application, LIST), method, headers=headers, body=b"question")
    assert reply.status == (200 if listed else 403)
    assert len(application.scopes) == listed
    assert reply.all("access-control-allow-origin") == ([origin] if listed else [])


@pytest.mark.parametrize(("origin", "listed"), ORIGINS)
def test_a_preflight_request_is_answered_here(origin, listed):
    application = Application()
    headers = [("Origin", origin), ("Access-Control-Request-Method", "POST")]
    reply = request(CORSMiddleware(application, LIST), "OPTIONS", headers=headers)
    assert application.scopes == []
    assert reply["vary"] == "Origin"
    if listed:
        assert (reply.status, reply.body) == (204, b"")
        assert reply["access-control-allow-origin"] == origin
        assert reply["access-control-allow-methods"] == "GET, HEAD, POST"
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
def test_the_server_s_own_pages_may_ask(scheme, host, origin):
    headers = [("Host", host), ("Origin", origin), ("Sec-Fetch-Site", "same-origin")]
    reply = ask(CORSMiddleware(Application()), headers=headers, scheme=scheme)
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
def test_a_page_that_is_nearly_the_server_s_own_may_not_ask(headers):
    app = CORSMiddleware(Application())
    assert ask(app, headers=[("Host", "localhost"), *headers]).status == 403


def test_a_listed_site_beside_another_may_not_ask():
    headers = [("Origin", LISTED), ("Origin", "https://bad.example")]
    reply = ask(CORSMiddleware(Application(), LIST), headers=headers)
    assert reply.status == 403
    assert reply.all("access-control-allow-origin") == []


def test_a_program_that_is_no_browser_may_ask():
    assert ask(CORSMiddleware(Application(), LIST)).status == 200


def test_what_the_application_says_of_origins_is_not_passed_on():
    headers = (
        ("Access-Control-Allow-Origin", "*"),
        ("access-control-allow-credentials", "true"),
        ("vary", "Accept-Encoding"),
    )
    app = CORSMiddleware(Application(headers=headers), LIST)
    for origin in (LISTED, "https://bad.example"):
        reply = request(app, headers=[("Origin", origin)])
        assert "*" not in reply.all("access-control-allow-origin")
        assert reply.all("access-control-allow-credentials") == []
        assert reply.all("vary") == ["Accept-Encoding", "Origin"]
