"""How long a body may be, what kind it is, and how long it may take."""

from __future__ import annotations

import asyncio

import pytest

from assistant.http_accept import JSON
from assistant.server.security.body_limit import BodyLimitMiddleware
from assistant.server.security.policies import MAX_BODY, Policy
from tests.server.security.asgi_requests import Application, ask, make_scope, request


def test_the_application_gets_the_body_and_its_answer_goes_back():
    application = Application(headers=(("content-type", "text/plain"), ("etag", '"1"')))
    reply = ask(BodyLimitMiddleware(application), body=[b"ques", b"tion"])
    assert (reply.status, reply.body, reply["etag"]) == (200, b"well", '"1"')
    assert application.received == [b"question"]


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("max_body", [MAX_BODY, 4 * MAX_BODY])
def test_a_body_may_be_as_long_as_its_route_s_policy_says(whole, max_body):
    for over in (0, 1):
        application = Application()
        text = b"x" * (max_body + over)
        pieces = text if whole else [text[at : at + 999] for at in range(0, len(text), 999)]
        headers = [] if whole else [("Transfer-Encoding", "chunked")]
        app, policy = BodyLimitMiddleware(application), Policy(max_body=max_body)
        reply = ask(app, headers=headers, body=pieces, policy=policy)
        assert reply.status == (413 if over else 200)
        assert application.received == ([] if over else [text])
        assert reply.all("connection") == (["close"] if over and whole else [])


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_request_to_read_may_not_bring_a_long_body_either(method):
    app = BodyLimitMiddleware(Application())
    assert request(app, method, body=b"x" * (MAX_BODY + 1)).status == 413
    assert request(app, method, body=b"x").status == 200


@pytest.mark.parametrize("coding", ["gzip", "br", "deflate", "identity, gzip", "GZIP", "x"])
def test_a_compressed_body_is_refused(coding):
    app = BodyLimitMiddleware(Application())
    assert ask(app, headers=[("Content-Encoding", coding)]).status == 422
    assert ask(app, headers=[("Content-Encoding", "Identity")]).status == 200


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
    app = BodyLimitMiddleware(application)
    assert ask(app, headers=headers, body=[b"question"]).status == 400
    assert application.scopes == []


def test_a_length_beyond_all_numbers_is_too_long():
    headers = [("Content-Length", "9" * 5000)]
    app = BodyLimitMiddleware(Application())
    assert ask(app, headers=headers, body=[b"question"]).status == 413


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("application/json", 200),
        ("Application/JSON; charset=utf-8", 200),
        ("text/plain", 415),
        ("application/x-www-form-urlencoded", 415),
        ("", 415),
    ],
)
def test_a_body_must_have_the_media_type_that_its_route_takes(kind, status):
    app, policy = BodyLimitMiddleware(Application()), Policy(body_media_type=JSON)
    assert ask(app, headers=[("Content-Type", kind)], policy=policy).status == status


def test_a_body_that_takes_too_long_is_given_up():
    async def run():
        messages = []

        async def receive():
            return await asyncio.Event().wait()

        async def send(message):
            messages.append(message)

        scope = make_scope("POST", headers=[("Content-Length", "8")])
        running = BodyLimitMiddleware(Application(), timeout=0.01)(scope, receive, send)
        task = asyncio.create_task(running)
        while not messages:
            await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return messages[0]["status"]

    assert asyncio.run(run()) == 408


def test_a_client_that_leaves_before_its_body_is_whole_asks_nothing():
    application = Application()

    async def run():
        pieces = [{"type": "http.request", "body": b"question, to begin", "more_body": True}]

        async def receive():
            return pieces.pop() if pieces else {"type": "http.disconnect"}

        async def send(message):
            pass

        scope = make_scope("POST", "/ask", headers=[("Content-Length", "80")])
        await BodyLimitMiddleware(application)(scope, receive, send)

    asyncio.run(run())
    assert application.scopes == []
