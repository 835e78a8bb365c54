"""The rate limit by cost."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from assistant.server.security.policies import Policy
from assistant.server.security.rate_limit import RateLimit, RateLimitMiddleware
from tests.server.security.asgi_requests import Application, ask, request

READER = ip_address("203.0.113.9")
FILE = Policy(cost=0.5)


def test_a_caller_may_ask_again_after_the_wait_and_not_a_second_earlier():
    for rate in (1, 7, 60, 100, 1000):
        limit, now = RateLimit(rate), 0.0
        for _ in range(max(10, rate // 2)):
            assert limit.take(READER, now) == 0
        for _ in range(5):
            while not (wait := limit.take(READER, now)):
                pass
            assert wait in {max(1, 60 // rate), -(-60 // rate)}
            assert wait == 1 or limit.take(READER, now + wait - 1) == 1
            now += wait
            assert limit.take(READER, now) == 0


def test_over_a_long_time_an_address_has_its_rate_and_no_more():
    limit = RateLimit(30)
    granted = sum(limit.take(READER, second / 10) == 0 for second in range(36_000))  # an hour
    assert 30 * 60 <= granted <= 30 * 60 + 15


def test_reading_the_wait_costs_nothing():
    limit = RateLimit(1)
    assert [limit.seconds_to_wait(READER, 0.0) for _ in range(30)] == [0] * 30
    assert [limit.take(READER, 0.0) == 0 for _ in range(11)] == [True] * 10 + [False]
    assert limit.seconds_to_wait(READER, 0.0) == limit.take(READER, 0.0) == 60


def test_one_address_does_not_use_up_another_s_share():
    limit = RateLimit(1)
    for last in range(200):
        address = ip_address(f"203.0.113.{last}")
        assert [limit.take(address, 0.0) == 0 for _ in range(11)] == [True] * 10 + [False]


def test_an_ipv6_network_is_one_caller():
    limit = RateLimit(1)
    inside = [ip_address(f"2001:db8:0:1::{host:x}") for host in range(11)]
    assert [limit.take(address, 0.0) == 0 for address in inside] == [True] * 10 + [False]
    assert limit.take(ip_address("2001:db8:0:2::1"), 0.0) == 0


def test_the_longest_idle_bucket_is_forgotten_first():
    limit, first = RateLimit(1), ip_address("198.51.100.1")
    while limit.take(first, 0.0) == 0:
        pass
    for number in range(9_999):
        limit.take(ip_address(number + 2**31), 1.0)
    assert limit.take(first, 1.0) > 0
    for number in range(9_999):
        limit.take(ip_address(number + 2**29), 1.0)
    assert limit.take(first, 1.0) > 0  # it asked in between, the others did not
    for number in range(10_000):
        limit.take(ip_address(number + 2**30), 2.0)
    assert limit.take(first, 2.0) == 0


def test_all_costs_are_taken_from_one_bucket():
    limit = RateLimit(20)
    assert [limit.take(READER, 0.0, cost=0.5) for _ in range(20)] == [0] * 20  # ten questions
    assert limit.take(READER, 0.0, cost=1.0) == 3
    assert limit.take(READER, 0.0, cost=0.5) == 2
    assert limit.take(READER, 1.5, cost=0.5) == 0
    assert limit.take(READER, 1.5, cost=0.0) == 0


def test_a_cost_above_the_burst_is_granted_to_a_full_bucket():
    limit = RateLimit(1)
    assert limit.take(READER, 0.0, cost=50.0) == 0
    assert limit.take(READER, 0.0, cost=0.1) > 0


@pytest.mark.parametrize(
    ("rate", "peer", "burst"),
    [
        (None, "203.0.113.9", 60),
        (None, "127.0.0.1", None),
        (None, "::1", None),
        (0, "203.0.113.9", None),
        (4, "127.0.0.1", 10),
        (4, "203.0.113.9", 10),
        (40, "203.0.113.9", 20),
    ],
)
def test_the_rate_holds_for_all_if_it_is_set_and_not_for_this_machine_if_not(rate, peer, burst):
    limit, address = RateLimit(rate), ip_address(peer)
    granted = sum(limit.take(address, 0.0) == 0 for _ in range(70))
    assert granted == (burst or 70)


# The middleware


def test_a_question_too_many_is_refused_with_the_seconds_to_wait():
    app = RateLimitMiddleware(Application(), RateLimit(1))
    assert [ask(app).status for _ in range(11)] == [200] * 10 + [429]
    refused = ask(app)
    assert refused.problem["detail"] == "Too many questions at once."
    wait = int(refused["retry-after"])
    assert 1 <= wait <= 60
    assert refused.problem["hint"].startswith(f"Wait {wait} second")


def test_reading_and_asking_share_one_bucket():
    app = RateLimitMiddleware(Application(), RateLimit(1))  # a burst of ten
    assert [request(app, policy=FILE).status for _ in range(18)] == [200] * 18
    assert ask(app).status == 200
    refused = request(app, policy=FILE)
    assert (refused.status, refused.problem["detail"]) == (429, "Too many requests at once.")
    assert ask(app).status == 429
    assert request(app).status == 200  # it costs nothing
