"""Health checks, answered before anything else."""

from __future__ import annotations

import json

import pytest

from assistant.server.security.health import HealthMiddleware
from tests.server.security.asgi_requests import Application, request


def check(headers):
    return 200, {"status": "ok", "agent": headers.get("user-agent", "")}


def middleware(application=None, root: str = "") -> HealthMiddleware:
    checks = {"/healthz": check, "/readyz": lambda _: (503, {"status": "not ready"})}
    return HealthMiddleware(application or Application(), checks, root)


@pytest.mark.parametrize("path", ["/healthz", "/help/healthz"])
def test_a_health_check_is_answered_below_the_root_and_without_it(path):
    reply = request(middleware(root="/help"), path=path, headers=[("User-Agent", "kubelet")])
    assert (reply.status, reply["content-type"]) == (200, "application/json")
    assert json.loads(reply.body) == {"status": "ok", "agent": "kubelet"}


def test_a_health_check_needs_no_host():
    assert request(middleware(), path="/healthz", hostless=True).status == 200


def test_a_server_that_is_not_ready_says_when_to_ask_again():
    reply = request(middleware(), path="/readyz")
    assert (reply.status, reply["retry-after"]) == (503, "2")


def test_a_head_request_gets_the_head():
    reply = request(middleware(), "HEAD", "/healthz")
    assert (reply.status, reply.body) == (200, b"")
    assert int(reply["content-length"]) > 0


@pytest.mark.parametrize("method", ["POST", "DELETE", "OPTIONS"])
def test_a_health_check_takes_no_other_method(method):
    reply = request(middleware(), method, "/healthz")
    assert (reply.status, reply["allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize("path", ["/", "/healthz/", "/healthzz", "/x/healthz"])
def test_any_other_path_is_passed_on(path):
    application = Application()
    assert request(middleware(application, "/help"), path=path).body == b"well"
    assert application.scopes[0]["path"] == path
