"""Test invalid MCP messages over both transports: nothing breaks, and the next is answered.

The long run is `make torture`: 10,000 messages each way.
"""

from __future__ import annotations

import asyncio
import json
import random

import httpx2
import pytest

from tests.durability.scene import figures
from tests.served import serve_assistant
from tests.serving import PATIENCE, Readers, Serving
from tests.sizes import size
from tests.speaking import ENVELOPE, GREETING, Hostile, Speaking

# Gradio asks pandas for an option that newer pandas announces to drop.
pytestmark = pytest.mark.filterwarnings("ignore:'future.no_silent_downcasting'")

MESSAGES = size(400, 10_000)
EVERY = 100  # messages between two valid questions
ROOM = 64 * 2**20  # bytes by which its memory may grow
QUESTION = "How is a PM different from a PO?"
VERSIONS = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28", "1999-01-01", "é"]
KINDS = ["application/json, text/event-stream", "application/json", "*/*", "text/event-stream", "x"]
TOO_LONG = 64 * 1024


def test_over_the_standard_streams_nothing_breaks(corpus_index, tmp_path):
    hostile = Hostile(seed=7)
    with Speaking(corpus_index, tmp_path) as speaking:
        speaking.greet()
        first = speaking.ask(QUESTION)
        assert first["found"]
        for _ in range(EVERY):
            speaking.send(hostile.message())
        assert speaking.ask(QUESTION) == first
        before = speaking.memory
        for number in range(EVERY, MESSAGES):
            speaking.send(hostile.message())
            if number % EVERY == 0:
                assert speaking.ask(QUESTION) == first
        assert speaking.ask(QUESTION) == first
        grown = speaking.memory - before
        assert speaking.end() == 0
        for line in speaking.received:
            text = json.loads(line)
            assert text["jsonrpc"] == "2.0"
            assert "result" in text or {"code", "message"} <= text["error"].keys()
            assert "Traceback" not in line.decode()
        assert len(speaking.received) > MESSAGES / 10
        assert speaking.log == ""
        assert grown < ROOM
    figures.info(
        "%d messages, %d answered, %d MB more", MESSAGES, len(speaking.received), grown >> 20
    )


@pytest.mark.parametrize("seed", range(size(2, 20)))
def test_invalid_first_messages_break_nothing(corpus_index, tmp_path, seed):
    hostile = Hostile(seed)
    with Speaking(corpus_index, tmp_path) as speaking:
        for _ in range(20):
            speaking.send(hostile.message())
        plain = speaking.request("tools/list")
        modern = speaking.request("tools/list", {"_meta": ENVELOPE})
        assert "result" in plain or "result" in modern or "result" in speaking.greet()
        assert speaking.end() == 0
        assert all(json.loads(line)["jsonrpc"] == "2.0" for line in speaking.received)


def test_over_http_nothing_breaks(tmp_path):
    hostile, rng = Hostile(seed=11), random.Random(11)
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call"}
    call["params"] = {"name": "ask", "arguments": {"question": QUESTION}}

    async def run(serving: Serving) -> dict[int, int]:
        status_counts: dict[int, int] = {}
        async with Readers(serving.port) as readers:
            connection = readers.connection()

            async def post(body: bytes, headers: dict[str, str]):
                sent = connection.request("POST", "/mcp", body, headers)
                return await asyncio.wait_for(sent, PATIENCE)

            async def ask() -> dict:
                text = await post(json.dumps(call).encode(), {"accept": KINDS[0]})
                answer = text.json()["result"]["structuredContent"]
                return {**answer, "seconds": 0}

            first, before = await ask(), 0
            assert first["found"]
            for number in range(MESSAGES):
                if number == EVERY:
                    before = serving.memory
                body = hostile.message()
                response = await post(body, odd_headers(rng, body))
                status_counts[response.status] = status_counts.get(response.status, 0) + 1
                assert response.status < 500, body
                if response.body:
                    text = response.json()
                    known = text.get("jsonrpc") == "2.0" or text.get("status") == response.status
                    assert known, body
                assert b"Traceback" not in response.body
                if len(body) > TOO_LONG:
                    assert response.status == 413
                if number % EVERY == 0:
                    assert await ask() == first
            assert await ask() == first
            assert serving.memory - before < ROOM
        return status_counts

    with Serving(tmp_path) as serving:
        status_counts = asyncio.run(run(serving.ready()))
        assert serving.process.poll() is None
        assert "Traceback" not in serving.log
        assert "malformed" not in serving.log
    assert sum(status_counts.values()) == MESSAGES
    assert status_counts[200] > MESSAGES / 10
    assert status_counts[413]
    figures.info("%d messages, by status: %s", MESSAGES, dict(sorted(status_counts.items())))


def odd_headers(rng: random.Random, body: bytes) -> dict[str, str]:
    """Return headers as an agent sends them, some of them wrong or unlike the body."""
    headers = {"accept": rng.choice(KINDS[:1] * 6 + KINDS)}
    if rng.random() < 0.5:
        headers["mcp-protocol-version"] = rng.choice(VERSIONS)
    if rng.random() < 0.1:
        headers["mcp-session-id"] = rng.choice(["", "a" * 500, "%00"])
    try:
        message = json.loads(body)
        method, name = message["method"], message["params"].get("name", "")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return headers
    for header, value in (("mcp-method", method), ("mcp-name", name)):
        plain = isinstance(value, str) and value.isascii() and value.isprintable()
        if rng.random() < 0.8 and plain and value:
            headers[header] = value
    return headers


def expected_version(version: str) -> str:
    """Return the version that the server answers with: the same, or the latest it initializes."""
    return version if version in VERSIONS[:4] else VERSIONS[3]


# Over the streams each takes a process: an old one, and one that there is not.
@pytest.mark.parametrize("version", size(VERSIONS[::5], VERSIONS))
def test_an_initialize_request_of_a_protocol_version_is_answered_over_the_streams(
    tmp_path, corpus_index, version
):
    with Speaking(corpus_index, tmp_path) as speaking:
        greeting = {**GREETING, "protocolVersion": version}
        result = speaking.request("initialize", greeting)["result"]
        assert result["protocolVersion"] == expected_version(version)


def test_an_initialize_request_of_every_protocol_version_is_answered_over_http(
    tmp_path, corpus_assistant
):
    with serve_assistant(corpus_assistant, tmp_path) as served:
        for version in VERSIONS:
            params = {**GREETING, "protocolVersion": version}
            message = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params}
            reply = httpx2.post(f"{served.origin}/mcp", json=message, headers={"accept": KINDS[0]})
            assert reply.json()["result"]["protocolVersion"] == expected_version(version)
