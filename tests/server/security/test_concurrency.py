"""How many questions and pages may wait at once, and that none begins when the server stops."""

from __future__ import annotations

import asyncio

import pytest

from assistant.server.security.concurrency import ConcurrencyLimit, ConcurrencyLimitMiddleware
from assistant.server.security.policies import Policy
from tests.server.security.asgi_requests import (
    QUESTION,
    Application,
    ask,
    make_scope,
    request,
    send_scope,
)

PAGE = Policy(cost=0.5)


def send_together(limit: ConcurrencyLimit, policies: list[Policy]):
    """Send requests at once: how many questions are counted meanwhile, and the replies."""

    async def run():
        release = asyncio.Event()

        async def application(scope, receive, send):
            await release.wait()
            await Application()(scope, receive, send)

        app = ConcurrencyLimitMiddleware(application, limit)
        scopes = [make_scope(policy=policy) for policy in policies]
        replies = asyncio.gather(*(send_scope(app, scope, [b""]) for scope in scopes))
        await asyncio.sleep(0.02)
        questions = limit.questions
        release.set()
        return questions, await replies

    return asyncio.run(run())


@pytest.mark.parametrize("queued", [0, 2, 5])
def test_no_more_questions_wait_than_may(queued):
    limit = ConcurrencyLimit(5, lambda: queued)
    questions, replies = send_together(limit, [QUESTION] * 8)
    assert questions == 5 - queued
    refused = [reply for reply in replies if reply.status == 429]
    assert len(refused) == 8 - questions
    assert all(1 <= int(reply["retry-after"]) <= 5 for reply in refused)
    assert all(reply.problem["detail"] == "Too many questions are waiting." for reply in refused)
    assert limit.questions == 0


def test_pages_wait_for_places_of_their_own_and_leave_those_of_questions():
    _, replies = send_together(ConcurrencyLimit(3), [PAGE] * 14 + [QUESTION] * 3)
    assert [reply.status for reply in replies] == [200] * 12 + [429] * 2 + [200] * 3
    assert replies[13].problem["detail"] == "Too many requests are waiting."


def test_files_do_not_wait_for_places():
    _, replies = send_together(ConcurrencyLimit(1), [Policy(cost=0.01)] * 30)
    assert {reply.status for reply in replies} == {200}


def test_a_question_that_broke_no_longer_counts():
    limit = ConcurrencyLimit(1)
    app = ConcurrencyLimitMiddleware(Application(error=ValueError("broken")), limit)
    for _ in range(3):
        with pytest.raises(ValueError, match="broken"):
            ask(app)
    assert limit.questions == 0


def test_a_server_that_drains_refuses_questions_and_nothing_else():
    limit = ConcurrencyLimit(5)
    app = ConcurrencyLimitMiddleware(Application(), limit)
    limit.drain()
    reply = ask(app)
    assert (reply.status, reply["retry-after"]) == (503, "10")
    assert request(app).status == 200


def test_nothing_begins_once_the_server_is_closed():
    limit = ConcurrencyLimit(5)
    app = ConcurrencyLimitMiddleware(Application(), limit)
    limit.close()
    assert request(app).status == ask(app).status == 503
