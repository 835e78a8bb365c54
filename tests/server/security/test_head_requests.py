"""HEAD requests: the head of what GET would answer."""

from __future__ import annotations

import asyncio

import pytest

from assistant.server.security.head_requests import HeadMiddleware
from tests.server.security.asgi_requests import (
    ENDLESS,
    Application,
    make_scope,
    request,
    send_scope,
)


def test_a_head_request_is_a_get_for_the_application_whose_head_is_sent():
    application = Application(headers=(("content-length", "4"), ("etag", '"1"')))
    reply = request(HeadMiddleware(application), "HEAD")
    assert (reply.status, reply["content-length"], reply["etag"]) == (200, "4", '"1"')
    assert reply.body == b""
    assert application.scopes[0]["method"] == "GET"


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_any_other_request_is_passed_on_as_it_is(method):
    application = Application()
    assert request(HeadMiddleware(application), method).body == b"well"
    assert application.scopes[0]["method"] == method


def test_a_stream_that_is_asked_for_by_its_head_ends():
    async def application(scope, receive, send):
        headers = [(b"content-type", ENDLESS.encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await receive()
        while (await receive())["type"] != "http.disconnect":
            await send({"type": "http.response.body", "body": b"data: 1\n\n", "more_body": True})

    async def run():
        app = HeadMiddleware(application)
        async with asyncio.timeout(5):
            return await send_scope(app, make_scope("HEAD"), [b""])

    assert asyncio.run(run()).body == b""
