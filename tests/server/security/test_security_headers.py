"""The security headers of every response, and the id of every request."""

from __future__ import annotations

import asyncio
import re

import pytest

from assistant.server.security.policies import API_CONTENT_POLICY, Policy
from assistant.server.security.problems import Refusal
from assistant.server.security.security_headers import SecurityHeadersMiddleware
from tests.server.security.asgi_requests import Application, make_scope, request, send_scope

PAGE = Policy(
    content_policy="default-src 'self'; script-src 'nonce-{nonce}'; frame-ancestors {frames}"
)
FRAME = "https://wiki.example.org"
EVERYWHERE = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
    "x-frame-options": "SAMEORIGIN",
}


def test_every_response_has_an_id_of_the_server_s_own():
    application = Application()
    app = SecurityHeadersMiddleware(application)
    ids = []
    for _ in range(2):
        reply = request(app, headers=[("X-Request-Id", "mine")])
        assert re.fullmatch("[0-9a-f]{12}", reply["x-request-id"])
        assert application.state["request_id"] == reply["x-request-id"]
        ids.append(reply["x-request-id"])
    assert ids[0] != ids[1]


def test_a_refusal_has_the_headers_and_the_id_too():
    reply = request(SecurityHeadersMiddleware(Refusal(404)))
    assert {name: reply[name] for name in EVERYWHERE} == EVERYWHERE
    assert reply.problem["id"] == reply["x-request-id"]


def test_what_else_is_in_the_state_of_a_request_stays_and_nothing_is_added_outside():
    application = Application()
    scope = {**make_scope(), "state": {"own": 1}}
    asyncio.run(send_scope(SecurityHeadersMiddleware(application), scope, [b""]))
    assert application.state["own"] == 1
    assert set(scope["state"]) == {"own"}


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_browser_is_kept_safe_and_to_tls_where_there_is_some(scheme):
    reply = request(SecurityHeadersMiddleware(Application()), scheme=scheme)
    assert {name: reply[name] for name in EVERYWHERE} == EVERYWHERE
    assert bool(reply.all("strict-transport-security")) == (scheme == "https")
    assert reply["content-security-policy"] == API_CONTENT_POLICY


def test_a_page_has_a_nonce_of_its_own_that_the_application_knows():
    application = Application()
    app, nonces = SecurityHeadersMiddleware(application), []
    for _ in range(3):
        reply = request(app, policy=PAGE)
        nonces.append(application.state["nonce"])
        assert f"script-src 'nonce-{nonces[-1]}';" in reply["content-security-policy"]
    assert len(set(nonces)) == 3
    assert all(len(nonce) >= 22 for nonce in nonces)


def test_only_the_listed_sites_may_show_a_page_in_a_frame():
    app = SecurityHeadersMiddleware(Application(), (FRAME, "https://b.example"))
    reply = request(app, policy=PAGE)
    assert f"frame-ancestors 'self' {FRAME} https://b.example" in reply["content-security-policy"]
    assert reply.all("x-frame-options") == []
    assert "frame-ancestors 'none'" in request(app)["content-security-policy"]
    own = request(SecurityHeadersMiddleware(Application()), policy=PAGE)
    assert own["content-security-policy"].endswith("frame-ancestors 'self'")


def test_a_shared_script_may_be_loaded_by_other_sites_pages():
    reply = request(SecurityHeadersMiddleware(Application()), policy=Policy(cross_origin=True))
    assert reply["cross-origin-resource-policy"] == "cross-origin"


def test_the_application_cannot_set_a_security_header():
    headers = (
        ("Content-Security-Policy", "default-src *"),
        ("X-Frame-Options", "ALLOWALL"),
        ("X-Request-Id", "theirs"),
        ("Strict-Transport-Security", "max-age=0"),
        ("Cross-Origin-Embedder-Policy", "require-corp"),
        ("Cache-Control", "max-age=60"),
    )
    reply = request(SecurityHeadersMiddleware(Application(headers=headers)))
    assert reply["x-frame-options"] == "SAMEORIGIN"
    assert "*" not in reply["content-security-policy"]
    assert reply["x-request-id"] != "theirs"
    assert not {"strict-transport-security", "cross-origin-embedder-policy"} & {*dict(reply.pairs)}
    assert reply["cache-control"] == "max-age=60"
