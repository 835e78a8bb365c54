"""The rate limit on failed authentication."""

from __future__ import annotations

from assistant.server.security.failed_authentication import FailedAuthenticationMiddleware
from assistant.server.security.rate_limit import RateLimit
from tests.server.security.asgi_requests import Application, request

KEY = [("Authorization", "Bearer guide_x")]
REFUSED, LET_IN = Application(401), Application()


def test_an_address_that_sends_wrong_keys_has_to_wait():
    app = FailedAuthenticationMiddleware(REFUSED, RateLimit(1))  # a burst of ten
    assert [request(app, headers=KEY).status for _ in range(11)] == [401] * 10 + [429]
    reply = request(app, headers=KEY)
    assert reply.problem["detail"] == "Too many wrong API keys."
    assert 1 <= int(reply["retry-after"]) <= 60


def test_another_address_is_not_concerned():
    app = FailedAuthenticationMiddleware(REFUSED, RateLimit(1))
    for _ in range(11):
        request(app, headers=KEY)
    assert request(app, headers=KEY, client=("203.0.113.10", 1)).status == 401


def test_right_keys_and_requests_without_a_key_are_not_counted():
    limit = RateLimit(1)
    for application, headers in ((LET_IN, KEY), (REFUSED, [])):
        app = FailedAuthenticationMiddleware(application, limit)
        assert {request(app, headers=headers).status for _ in range(30)} == {application.status}


def test_who_sends_no_key_may_go_on():
    limit = RateLimit(1)
    wrong = FailedAuthenticationMiddleware(REFUSED, limit)
    for _ in range(11):
        request(wrong, headers=KEY)
    assert request(FailedAuthenticationMiddleware(LET_IN, limit)).status == 200


def test_the_loopback_is_not_limited_unless_the_rate_is_set():
    app = FailedAuthenticationMiddleware(REFUSED, RateLimit(None))
    result = {request(app, headers=KEY, client=("127.0.0.1", 1)).status for _ in range(200)}
    assert result == {401}
