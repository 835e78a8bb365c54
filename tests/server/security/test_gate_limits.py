"""How long a request may be, how often and how many may ask, and how the gate is closed."""

from __future__ import annotations

import asyncio
import time
from ipaddress import ip_address

import pytest
from tests.test_gate import (
    READER,
    ROUTES,
    Application,
    asked,
    exchanged,
    gate,
    question,
)

from assistant.server.security.middleware import SecurityMiddleware
from assistant.server.security.rate_limit import RateLimit
from assistant.server.security.request import MAX_BODY
from assistant.settings import Settings

# The body


@pytest.mark.parametrize("whole", [True, False])
def test_a_body_may_be_just_so_long(whole):
    for over in (0, 1):
        application = Application()
        text = b"question" + b"x" * (MAX_BODY - 8 + over)
        pieces = text if whole else [text[at : at + 999] for at in range(0, len(text), 999)]
        headers = [] if whole else [("Transfer-Encoding", "chunked")]
        reply = question(gate(application), headers=headers, body=pieces)
        assert reply.status == (413 if over else 200)
        assert application.bodies == ([] if over else [text])
        assert reply.all("connection") == (["close"] if over and whole else [])


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_request_to_read_may_not_bring_a_long_body_either(method):
    assert asked(gate(), method, body=b"x" * (MAX_BODY + 1)).status == 413
    assert asked(gate(), method, body=b"x").status == 200


@pytest.mark.parametrize("coding", ["gzip", "br", "deflate", "identity, gzip", "GZIP", "x"])
def test_a_compressed_body_is_refused(coding):
    assert question(gate(), headers=[("Content-Encoding", coding)]).status == 422
    assert question(gate(), headers=[("Content-Encoding", "Identity")]).status == 200


@pytest.mark.parametrize(
    "headers",
    [
        [("Content-Length", "8"), ("Content-Length", "9")],
        [("Content-Length", "8"), ("Transfer-Encoding", "chunked")],
        *([("Content-Length", length)] for length in ("", "-1", "+8", "8.0", "0x8", "8, 8", "²")),
    ],
)
def test_a_body_whose_length_is_not_clear_is_refused(headers):
    application = Application()
    assert question(gate(application), headers=headers, body=[b"question"]).status == 400
    assert application.scopes == []


def test_a_length_beyond_all_numbers_is_too_long():
    headers = [("Content-Length", "9" * 5000)]
    assert question(gate(), headers=headers, body=[b"question"]).status == 413


def test_what_is_wrong_with_a_body_is_said():
    application = Application()
    reply = question(gate(application), body=b"nothing")
    assert reply.status == 422
    assert reply.problem["detail"] == "There is no question in it."
    assert application.scopes == []


def test_a_client_that_leaves_before_its_body_is_whole_asks_nothing():
    application = Application()
    guarded = gate(application)

    async def left():
        scope = {"type": "http", "method": "POST", "path": "/ask", "client": READER}
        scope["headers"] = [(b"host", b"localhost"), (b"content-length", b"80")]
        messages = [{"type": "http.request", "body": b"question, to begin", "more_body": True}]

        async def receive():
            return messages.pop() if messages else {"type": "http.disconnect"}

        async def send(message):
            pass

        await guarded(scope, receive, send)

    asyncio.run(left())
    assert application.scopes == []
    assert guarded.asking == 0


# How often


def test_who_has_waited_as_long_as_told_may_ask_again_and_not_a_second_earlier():
    for rate in (1, 7, 60, 100, 1000):
        table, reader, now = RateLimit(rate), ip_address("203.0.113.9"), 0.0
        for _ in range(max(10, rate // 2)):
            assert table.take(reader, now) == 0
        for _ in range(5):
            while not (wait := table.take(reader, now)):
                pass
            assert wait in {max(1, 60 // rate), -(-60 // rate)}
            assert wait == 1 or table.take(reader, now + wait - 1) == 1
            now += wait
            assert table.take(reader, now) == 0


def test_over_a_long_time_an_address_has_its_rate_and_no_more():
    table, reader = RateLimit(30), ip_address("203.0.113.9")
    granted = sum(table.take(reader, second / 10) == 0 for second in range(36_000))  # an hour
    assert 30 * 60 <= granted <= 30 * 60 + 15


def test_one_address_does_not_use_up_anothers_share():
    table = RateLimit(1)
    for last in range(200):
        address = ip_address(f"203.0.113.{last}")
        assert [table.take(address, 0.0) == 0 for _ in range(11)] == [True] * 10 + [False]


def test_a_network_of_ipv6_is_one_household():
    table = RateLimit(1)
    inside = [ip_address(f"2001:db8:0:1::{host:x}") for host in range(11)]
    assert [table.take(address, 0.0) == 0 for address in inside] == [True] * 10 + [False]
    assert table.take(ip_address("2001:db8:0:2::1"), 0.0) == 0


def test_the_table_of_addresses_forgets_the_longest_idle():
    table, first = RateLimit(1), ip_address("198.51.100.1")
    while table.take(first, 0.0) == 0:
        pass
    for number in range(9_999):
        table.take(ip_address(number + 2**31), 1.0)
    assert table.take(first, 1.0) > 0
    for number in range(9_999):
        table.take(ip_address(number + 2**29), 1.0)
    assert table.take(first, 1.0) > 0  # it asked in between, the others did not
    for number in range(10_000):
        table.take(ip_address(number + 2**30), 2.0)
    assert table.take(first, 2.0) == 0


@pytest.mark.parametrize(
    ("rate", "peer", "most"),
    [
        (None, "203.0.113.9", 60),
        (None, "127.0.0.1", None),
        (None, "::1", None),
        (None, "::ffff:127.0.0.1", None),
        (0, "203.0.113.9", None),
        (4, "127.0.0.1", 10),
        (4, "203.0.113.9", 10),
        (40, "203.0.113.9", 20),
    ],
)
def test_the_rate_holds_for_all_if_it_is_set_and_not_for_this_machine_if_not(rate, peer, most):
    guarded = gate(rate=rate)
    begun = time.monotonic()
    statuses = [question(guarded, client=(peer, 1)).status for _ in range(70)]
    allowed = statuses.count(200)
    assert statuses.count(429) == 70 - allowed
    if most is None:
        assert allowed == 70
    else:
        meanwhile = (time.monotonic() - begun) * (120 if rate is None else rate) / 60
        assert most <= allowed <= most + meanwhile + 1
        while (reply := question(guarded, client=(peer, 1))).status == 200:
            pass
        assert reply.problem["detail"] == "Too many questions at once."
        assert 1 <= int(reply["retry-after"]) <= 15
        assert asked(guarded, client=(peer, 1)).status == 200  # what asks nothing is not counted


def test_what_costs_less_may_be_had_more_often_and_all_of_it_is_one_bucket():
    table, reader = RateLimit(20), ip_address("203.0.113.9")
    taken = [table.take(reader, 0.0, cost=0.5) for _ in range(20)]  # ten questions' worth
    assert taken == [0] * 20
    assert table.take(reader, 0.0, cost=1.0) == 3
    assert table.take(reader, 0.0, cost=0.5) == 2
    assert table.take(reader, 1.5, cost=0.5) == 0
    assert table.take(reader, 1.5, cost=0.0) == 0


def test_a_cost_above_the_burst_is_granted_to_a_full_bucket():
    table, reader = RateLimit(1), ip_address("203.0.113.9")
    assert table.take(reader, 0.0, cost=50.0) == 0
    assert table.take(reader, 0.0, cost=0.1) > 0


def test_reading_takes_of_the_same_bucket_as_asking():
    guarded = gate(rate=1)  # a burst of ten
    assert [asked(guarded, path="/files/a").status for _ in range(18)] == [200] * 18
    assert question(guarded).status == 200
    refused = asked(guarded, path="/files/a")
    assert (refused.status, refused.problem["detail"]) == (429, "Too many requests at once.")
    assert question(guarded).status == 429
    assert asked(guarded).status == 200  # what costs nothing


def test_a_question_refused_for_its_form_is_not_counted():
    guarded = gate(rate=1)
    for _ in range(20):
        assert question(guarded, body=b"nothing").status == 422
    assert question(guarded).status == 200


# How many


def held(waiting: int, elsewhere: int, count: int):
    """So many questions at once: the gate, how many it counts meanwhile, what each is answered."""
    release = asyncio.Event()

    async def application(scope, receive, send):
        await release.wait()
        await Application()(scope, receive, send)

    async def together():
        headers = [(b"host", b"localhost"), (b"content-length", b"8")]
        scope = {"type": "http", "method": "POST", "path": "/ask", "headers": headers}
        all_asked = [exchanged(guarded, scope, [b"question"]) for _ in range(count)]
        replies = asyncio.gather(*all_asked)
        await asyncio.sleep(0.02)
        asking = guarded.questions_in_flight
        release.set()
        return asking, await replies

    guarded = SecurityMiddleware(
        application, ROUTES, Settings(waiting=waiting), waiting=lambda: elsewhere
    )
    return guarded, *asyncio.run(together())


@pytest.mark.parametrize("elsewhere", [0, 2, 5])
def test_no_more_questions_wait_than_may(elsewhere):
    guarded, asking, replies = held(5, elsewhere, 8)
    assert asking == 5 - elsewhere
    refused = [reply for reply in replies if reply.status == 429]
    assert len(refused) == 8 - asking
    assert all(1 <= int(reply["retry-after"]) <= 5 for reply in refused)
    assert all(reply.problem["detail"] == "Too many questions are waiting." for reply in refused)
    assert guarded.questions_in_flight == 0


def test_pages_wait_for_places_of_their_own_and_leave_those_of_questions():
    async def together():
        release = asyncio.Event()

        async def application(scope, receive, send):
            await release.wait()
            await Application()(scope, receive, send)

        guarded = SecurityMiddleware(application, ROUTES, Settings(waiting=3))
        headers = [(b"host", b"localhost")]
        page = {"type": "http", "method": "GET", "path": "/files/a", "headers": headers}
        sent = [*headers, (b"content-length", b"8")]
        question = {"type": "http", "method": "POST", "path": "/ask", "headers": sent}
        scopes = [page] * 14 + [question] * 3
        bodies = [[b""]] * 14 + [[b"question"]] * 3
        replies = asyncio.gather(*map(exchanged, [guarded] * 17, scopes, bodies))
        await asyncio.sleep(0.02)
        release.set()
        return await replies

    replies = asyncio.run(together())
    assert [reply.status for reply in replies] == [200] * 12 + [429] * 2 + [200] * 3
    assert replies[13].problem["detail"] == "Too many requests are waiting."


def test_a_question_that_broke_no_longer_counts():
    guarded = gate(Application(error=ValueError()), waiting=1)
    assert [question(guarded).status for _ in range(3)] == [500] * 3
    assert guarded.asking == 0


# Stopping


def test_who_closes_refuses_questions_and_nothing_else():
    guarded = gate()
    guarded.close()
    reply = question(guarded)
    assert (reply.status, reply["retry-after"]) == (503, "10")
    assert asked(guarded).status == 200


def streamed(kind: str, *, late: bool = False) -> tuple[bool, list[dict]]:
    """Whether an endless response is over once streams are ended, and what was sent of it.

    It begins before they are ended, or late.
    """

    async def run():
        said, begin, bodies = [], asyncio.Event(), [b""]

        async def application(scope, receive, send):
            await receive()
            await begin.wait()
            headers = [(b"content-type", kind.encode())]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": b"data: 1\n\n", "more_body": True})
            assert (await receive())["type"] == "http.disconnect"

        async def receive():
            if bodies:
                return {"type": "http.request", "body": bodies.pop(), "more_body": False}
            return await asyncio.Event().wait()

        async def send(message):
            said.append(message)

        guarded = SecurityMiddleware(application, ROUTES, Settings())
        scope = {"type": "http", "method": "GET", "path": "/talk"}
        scope["headers"] = [(b"host", b"localhost")]
        running = asyncio.create_task(guarded(scope, receive, send))
        for step in (guarded.end_streams, begin.set) if late else (begin.set, guarded.end_streams):
            await asyncio.sleep(0.02)
            step()
        over, _ = await asyncio.wait([running], timeout=0.5)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await asyncio.sleep(0)
        assert len(asyncio.all_tasks()) == 1  # nothing of it goes on
        return bool(over), said

    return asyncio.run(run())


@pytest.mark.parametrize("late", [False, True])
def test_an_open_event_stream_is_ended_and_its_client_sees_it_whole(late):
    over, said = streamed("text/event-stream; charset=utf-8", late=late)
    assert over
    assert [message.get("body") for message in said[1:]] == [b"data: 1\n\n", b""]
    assert not said[-1].get("more_body", False)


def test_a_response_that_is_no_event_stream_is_not_ended():
    over, said = streamed("application/octet-stream")
    assert not over
    assert said[-1]["more_body"]


def test_nothing_new_begins_once_streams_are_ended():
    guarded = gate()
    guarded.end_streams()
    assert asked(guarded).status == 503
    assert question(guarded).status == 503
