"""Errors of the application in one form, and what it raises."""

from __future__ import annotations

import asyncio

import pytest

from assistant.server.security.error_responses import ErrorResponsesMiddleware
from assistant.server.security.policies import Policy
from assistant.server.security.problems import PROBLEM_JSON
from tests.server.security.asgi_requests import Application, make_scope, request


def handle(application, path: str = "/", root: str = "", **how):
    return request(ErrorResponsesMiddleware(application, root=root), path=path, **how)


@pytest.mark.parametrize(
    "status", [400, 401, 403, 404, 405, 409, 418, 422, 429, 499, 500, 503, 599]
)
@pytest.mark.parametrize("kind", ["application/json", "text/plain; charset=utf-8", ""])
def test_an_error_is_replaced_and_nothing_of_what_is_inside_gets_out(status, kind):
    inside = b'{"detail": "/srv/secret.py, line 7"}'
    headers = (("content-type", kind), ("content-length", str(len(inside))), ("allow", "GET"))
    reply = handle(Application(status, headers, inside))
    problem = reply.problem
    assert (reply.status, problem["status"], reply["allow"]) == (status, status, "GET")
    assert b"secret" not in reply.body
    assert set(problem) == {"type", "title", "status", "detail", "hint", "mend", "id"}
    assert all(value for name, value in problem.items() if name != "id")
    assert int(reply["content-length"]) == len(reply.body)
    assert reply["cache-control"] == "no-store"


def test_an_error_page_for_readers_and_a_problem_pass_as_they_are():
    page = Application(404, (("content-type", "text/html; charset=utf-8"),), b"<p>Not there")
    assert handle(page).body == b"<p>Not there"
    problem = Application(409, (("content-type", PROBLEM_JSON),), b"{}")
    assert handle(problem).body == b"{}"


def test_a_route_may_describe_a_bad_request_in_its_own_way_but_no_failure():
    headers, policy = (
        (("content-type", "application/json"),),
        Policy(error_media_type="application/json"),
    )
    assert handle(Application(400, headers, b"{}"), policy=policy).body == b"{}"
    assert handle(Application(500, headers, b"{}"), policy=policy).problem["status"] == 500


def test_a_page_of_a_broken_application_does_not_pass():
    page = Application(500, (("content-type", "text/html"),), b"<pre>Traceback")
    assert handle(page).problem["status"] == 500


def test_an_error_sent_in_pieces_is_replaced_once():
    async def application(scope, receive, send):
        await send({"type": "http.response.start", "status": 502, "headers": []})
        for _ in range(3):
            await send({"type": "http.response.body", "body": b"piece", "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    assert handle(application).problem["status"] == 502


def test_an_exception_is_logged_under_the_request_s_id(caplog):
    scope = {**make_scope(), "state": {"request_id": "0123456789ab"}}
    messages = []

    async def send(message):
        messages.append(message)

    async def receive():
        return {"type": "http.request", "body": b""}

    app = ErrorResponsesMiddleware(Application(error=ValueError("inside")))
    asyncio.run(app(scope, receive, send))
    assert messages[0]["status"] == 500
    assert b"inside" not in messages[1]["body"]
    (record,) = caplog.records
    assert record.levelname == "ERROR"
    assert record.getMessage() == "Request 0123456789ab failed"
    assert "ValueError: inside" in caplog.text


def test_an_exception_after_the_application_s_own_error_is_answered_once(caplog):
    class Broken(Application):
        async def __call__(self, scope, receive, send):
            await super().__call__(scope, receive, send)
            raise ValueError

    assert handle(Broken(status=500)).problem["status"] == 500
    assert len(caplog.records) == 1


def test_a_request_that_is_cancelled_before_its_response_is_told_that_the_server_stops():
    reply = handle(Application(error=asyncio.CancelledError()))
    assert (reply.status, reply["retry-after"]) == (503, "10")


@pytest.mark.parametrize(
    ("path", "is_openai"),
    [
        ("/v1", True),
        ("/v1/", True),
        ("/v1/embeddings", True),
        ("/help/v1/models", True),
        ("/v10", False),
        ("/x/v1", False),
        ("/", False),
    ],
)
def test_below_v1_errors_are_rendered_for_openai_s_clients_too(path, is_openai):
    reply = handle(Application(404), path, root="/help")
    assert ("error" in reply.problem) == is_openai
