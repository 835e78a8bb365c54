"""Which headers reach the application, and which of its own come back."""

from __future__ import annotations

from assistant.server.security.header_filter import HeaderFilterMiddleware
from assistant.server.security.policies import CHAT_CONTENT_POLICY, Policy
from tests.server.security.asgi_requests import Application, request

PASSED = {
    "accept": "text/html",
    "cookie": "a=b",
    "authorization": "Bearer x",
    "last-event-id": "7",
    "sec-fetch-site": "same-origin",
    "host": "127.0.0.1",
}
DROPPED = [
    *("X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Prefix"),
    *("Forwarded", "X-Real-IP", "X-Original-URL", "X-Rewrite-URL", "X-HTTP-Method-Override"),
    *("X-Gradio-Server", "X-Gradio-User", "Connection", "Upgrade", "Proxy", "Host-Override"),
]


def test_only_known_request_headers_reach_the_application():
    application = Application()
    headers = [*PASSED.items(), *((name, "evil.example") for name in DROPPED)]
    request(HeaderFilterMiddleware(application), headers=headers)
    assert {name.decode() for name, _ in application.scopes[0]["headers"]} == set(PASSED)


def test_cookies_and_the_name_of_the_software_do_not_get_out():
    headers = (
        ("Set-Cookie", "a=b"),
        ("Server", "software/1.0"),
        ("Connection", "close"),
        ("Access-Control-Allow-Origin", "*"),
        ("Cache-Control", "max-age=60"),
    )
    reply = request(HeaderFilterMiddleware(Application(headers=headers)))
    assert reply.pairs == [("Cache-Control", "max-age=60")]


def test_a_page_with_a_nonce_is_never_answered_as_unchanged():
    application = Application()
    headers = [("If-None-Match", '"1"'), ("If-Modified-Since", "Sat, 01 Jan 2000 00:00:00 GMT")]
    page = Policy(content_policy=CHAT_CONTENT_POLICY)
    request(HeaderFilterMiddleware(application), headers=headers, policy=page)
    assert application.header("if-none-match") == application.header("if-modified-since") == []
    request(HeaderFilterMiddleware(application), headers=headers)
    assert application.header("if-none-match") == ['"1"']
