"""How many event streams a caller may hold open, and how they end."""

from __future__ import annotations

import asyncio

import pytest

from assistant.server.security.policies import Policy
from assistant.server.security.streams import (
    MAX_LOOPBACK_STREAMS,
    MAX_STREAMS,
    StreamLimit,
    StreamLimitMiddleware,
)
from tests.server.security.asgi_requests import ENDLESS, READER, make_scope


class Streaming:
    """An application whose response goes on until its client has left."""

    def __init__(self, kind: str = ENDLESS) -> None:
        self.kind = kind
        self.begin = asyncio.Event()

    async def __call__(self, scope, receive, send):
        await receive()
        await self.begin.wait()
        headers = [(b"content-type", self.kind.encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"data: 1\n\n", "more_body": True})
        while (await receive())["type"] != "http.disconnect":
            pass


async def open_stream(app, client=READER, policy=None) -> tuple[asyncio.Task, list[dict]]:
    """Begin a request that stays open: its task, and the messages sent so far."""
    messages, chunks = [], [b""]

    async def receive():
        if chunks:
            return {"type": "http.request", "body": chunks.pop(), "more_body": False}
        return await asyncio.Event().wait()

    async def send(message):
        messages.append(message)

    scope = make_scope(client=client, policy=policy or Policy())
    task = asyncio.create_task(app(scope, receive, send))
    await asyncio.sleep(0.001)
    return task, messages


async def cancel(tasks) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


@pytest.mark.parametrize("late", [False, True])
def test_an_open_event_stream_is_ended_and_its_client_sees_it_whole(late):
    async def run():
        limit, application = StreamLimit(), Streaming()
        task, messages = await open_stream(StreamLimitMiddleware(application, limit))
        steps = (limit.end, application.begin.set) if late else (application.begin.set, limit.end)
        for step in steps:
            step()
            await asyncio.sleep(0.01)
        await asyncio.wait_for(task, 5)
        await asyncio.sleep(0)
        assert len(asyncio.all_tasks()) == 1  # nothing of it goes on
        return messages

    messages = asyncio.run(run())
    assert [message.get("body") for message in messages[1:]] == [b"data: 1\n\n", b""]
    assert not messages[-1].get("more_body", False)


def test_a_response_that_is_no_event_stream_is_not_ended():
    async def run():
        limit, application = StreamLimit(), Streaming("application/octet-stream")
        task, messages = await open_stream(StreamLimitMiddleware(application, limit))
        application.begin.set()
        limit.end()
        done, _ = await asyncio.wait([task], timeout=0.1)
        await cancel([task])
        return done, messages

    done, messages = asyncio.run(run())
    assert not done
    assert messages[-1]["more_body"]


@pytest.mark.parametrize(
    ("client", "most"), [(READER, MAX_STREAMS), (("127.0.0.1", 1), MAX_LOOPBACK_STREAMS)]
)
@pytest.mark.parametrize("policy", [Policy(), Policy(streams=True)])
def test_a_caller_holds_at_most_its_limit_and_gets_the_place_of_one_that_ended(
    client, most, policy
):
    async def run():
        application = Streaming()
        application.begin.set()
        app = StreamLimitMiddleware(application, StreamLimit())
        held = [await open_stream(app, client, policy) for _ in range(most)]
        _, refused = await open_stream(app, client, policy)
        other, other_messages = await open_stream(app, ("203.0.113.10", 1), policy)
        await cancel([held.pop()[0]])
        again, again_messages = await open_stream(app, client, policy)
        statuses = [messages[0]["status"] for _, messages in held]
        await cancel([*(task for task, _ in held), other, again])
        return statuses, [m[0]["status"] for m in (refused, other_messages, again_messages)]

    held, others = asyncio.run(run())
    assert set(held) == {200}
    assert others == [429, 200, 200]
