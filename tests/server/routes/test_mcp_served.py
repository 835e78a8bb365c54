"""Test MCP over the standard streams of a process and over HTTP."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest
from mcp import Client, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError

from assistant.server.security.api_keys import KEY_PREFIX
from tests.conftest import ROOT
from tests.served import serve_assistant
from tests.serving import PATIENCE, Readers
from tests.speaking import GREETING, Speaking

# Gradio asks pandas for an option that newer pandas announces to drop.
pytestmark = pytest.mark.filterwarnings("ignore:'future.no_silent_downcasting'")

MODES = ["auto", "legacy"]
PM_OR_PO = "How is a PM different from a PO?"
BREAD = "Can I bake bread here?"
DOCS = (ROOT / "docs" / "mcp.md").read_text(encoding="utf-8")
SNIPPETS = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", DOCS, re.DOTALL)]
READ = {"accept": "application/json, text/event-stream"}


def drop_times(answer: dict) -> dict:
    return {**answer, "seconds": 0, "id": ""}


def run_client(target, work, mode="auto"):
    async def run():
        async with Client(target, mode=mode) as client:
            return await work(client)

    return asyncio.run(run())


async def ask_both(client):
    """Ask a question that the guide answers, and one that it does not."""
    answered = await client.call_tool("ask", {"question": PM_OR_PO})
    return answered, await client.call_tool("ask", {"question": BREAD})


# -- over standard input and output ---------------------------------------------------------------


@pytest.fixture
def speaking(corpus_index, tmp_path):
    with Speaking(corpus_index, tmp_path) as started:
        yield started


@pytest.mark.parametrize("mode", MODES)
def test_the_protocol_s_client_is_answered_over_the_standard_streams(
    corpus_index, corpus_assistant, mode
):
    command = [sys.executable, "-m", "assistant", "mcp", "--index", str(corpus_index)]
    target = StdioServerParameters(command=command[0], args=command[1:], cwd=ROOT)
    answered, refused = run_client(target, ask_both, mode)
    for result, question in [(answered, PM_OR_PO), (refused, BREAD)]:
        assert not result.is_error
        expected = corpus_assistant.ask(question).to_dict()
        assert drop_times(result.structured_content) == drop_times({"id": "", **expected})


def test_only_messages_are_written_and_the_process_ends_with_its_input(speaking):
    greeting = speaking.greet()["result"]
    assert greeting["serverInfo"]["name"] == "guide-assistant"
    assert speaking.ask(PM_OR_PO)["found"]
    speaking.send(b"this is no message")
    assert not speaking.ask(BREAD)["found"]
    assert speaking.end() == 0
    assert len(speaking.received) == 4
    assert all(json.loads(line)["jsonrpc"] == "2.0" for line in speaking.received)
    assert "Traceback" not in speaking.log


def test_all_messages_before_the_end_of_the_input_are_answered(
    speaking,
):
    """Everything is written at once, as a shell's pipe does."""
    ask = {"name": "ask", "arguments": {"question": PM_OR_PO}}
    speaking.send(format_message("initialize", 1, GREETING))
    speaking.send(format_message("notifications/initialized"))
    speaking.send(b"")
    speaking.send(b'{"jsonrpc": "2.0", "id"')
    speaking.send(b"[" + format_message("ping", 2) + b"]")
    speaking.send(b'{"id": 3}')
    for number in range(4, 20):
        speaking.send(format_message("tools/call", number, ask))
    speaking.send(format_message("notifications/cancelled", params={"requestId": 19}))
    assert speaking.end() == 0
    messages = [json.loads(line) for line in speaking.received]
    results = {reply["id"]: reply for reply in messages if "result" in reply}
    assert {*range(4, 19)} <= results.keys()  # a cancelled request needs no reply
    assert results[18]["result"]["structuredContent"]["found"]
    wrong = [reply["error"]["code"] for reply in messages if reply["id"] is None]
    assert wrong == [-32700, -32600, -32600]
    assert speaking.log == ""


def format_message(method: str, name: int | None = None, params: dict | None = None) -> bytes:
    """Return a request, or a notification without a name."""
    named = {} if name is None else {"id": name}
    whole = {"jsonrpc": "2.0", **named, "method": method, "params": params or {}}
    return json.dumps(whole).encode()


def test_a_missing_index_is_an_error_before_any_message(tmp_path):
    own = subprocess.run(
        [sys.executable, "-m", "assistant", "mcp", "--index", tmp_path / "none"],
        input=json.dumps({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": GREETING}),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert own.returncode == 3
    assert own.stdout == ""
    what, hint = own.stderr.splitlines()[-2:]
    assert "none" in what
    assert "assistant build" in hint


def test_ctrl_c_ends_the_process_without_a_traceback(speaking):
    speaking.greet()
    speaking.process.send_signal(signal.SIGINT)
    assert speaking.process.wait(PATIENCE) == -signal.SIGINT
    assert "Traceback" not in speaking.log


def test_a_closed_output_ends_the_process_without_a_traceback(corpus_index):
    reading_end, writing_end = os.pipe()
    os.close(reading_end)
    own = subprocess.run(
        [sys.executable, "-m", "assistant", "mcp", "--index", str(corpus_index)],
        input=b'{"jsonrpc": "2.0", "id": 1, "method": "ping"}\n',
        stdout=writing_end,
        stderr=subprocess.PIPE,
        cwd=ROOT,
        timeout=PATIENCE,
        check=False,
    )
    os.close(writing_end)
    assert own.returncode == 0
    assert b"Traceback" not in own.stderr


# -- docs/mcp.md ----------------------------------------------------------------------------------


def find_server(snippet: dict) -> dict:
    """Return the server of a configuration, under any agent's key."""
    (named,) = (
        snippet[one] for one in ("mcpServers", "servers", "context_servers") if one in snippet
    )
    return named["guide"]


def test_the_command_of_the_docs_is_started_and_answers(corpus_index):
    # Each agent has its own keys around the same command, which is started once.
    commands = [find_server(one) for one in SNIPPETS if "command" in find_server(one)]
    assert len(commands) == 3
    guide = commands[0]
    for one in commands:
        assert (one["command"], one["args"]) == (guide["command"], guide["args"])
        assert not one.get("env")
    assert "/path/to/index" in guide["args"]
    target = StdioServerParameters(
        command=str(Path(sys.executable).parent / guide["command"]),
        args=[str(corpus_index) if one == "/path/to/index" else one for one in guide["args"]],
    )
    results, refused = run_client(target, ask_both)
    assert results.structured_content["found"]
    assert not refused.structured_content["found"]


def test_every_address_of_the_docs_is_served_and_has_a_key():
    addresses = [find_server(one) for one in SNIPPETS if "url" in find_server(one)]
    assert len(addresses) == 4
    for guide in addresses:
        assert guide["url"] == "https://help.example/mcp"
        assert guide["headers"]["Authorization"].startswith("Bearer ")


# -- over HTTP ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def serving(tmp_path_factory, corpus_assistant):
    with serve_assistant(corpus_assistant, tmp_path_factory.mktemp("serving")) as served:
        yield served


@pytest.fixture(scope="module")
def limited(tmp_path_factory, corpus_assistant):
    """Run a server with keys and a rate limit, and return it with its keys."""
    with serve_assistant(corpus_assistant, tmp_path_factory.mktemp("limited"), rate=6) as served:
        made = {name: served.keys.add(name) for name in ("reader", "other", "revoked")}
        made["rater"] = served.keys.add("rater", ["feedback"])
        served.keys.revoke("revoked")
        yield served, made


def post(serving, message: object, headers: dict | None = None, method: str = "POST"):
    """Send one message over HTTP and return the response."""

    async def send():
        async with Readers(serving.port) as readers:
            body = json.dumps(message).encode() if message is not None else b""
            fields = {**READ, **(headers or {})}
            return await readers.connection().request(method, "/mcp", body, fields)

    return asyncio.run(send())


def make_call(question: str) -> dict:
    params = {"name": "ask", "arguments": {"question": question}}
    return {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}


def count_questions(serving) -> float:
    """Return the number of questions that agents asked."""
    with serving.admin() as headers:
        response = httpx2.get(f"{serving.origin}/metrics", headers=headers)
    counted = re.findall(r'^assistant_questions_total\{door="mcp".*\} (.*)$', response.text, re.M)
    return sum(map(float, counted))


@pytest.mark.parametrize("mode", MODES)
def test_the_protocol_s_client_is_answered_over_http(serving, corpus_assistant, mode):
    async def work(client):
        pages = (await client.list_resources()).resources
        return await ask_both(client), (await client.read_resource(pages[0].uri)).contents[0]

    (answered, refused), page = run_client(f"{serving.origin}/mcp", work, mode)
    for result, question in [(answered, PM_OR_PO), (refused, BREAD)]:
        assert not result.is_error
        answer, own = result.structured_content, corpus_assistant.ask(question).to_dict()
        for part in ("text", "citations", "resources", "found", "related", "next_questions"):
            assert answer[part] == own[part]
        stored = httpx2.get(f"{serving.origin}/api/answers/{answer['id']}")
        assert stored.json()["answer"]["text"] == answer["text"]
    assert page.mime_type == "text/markdown"


@pytest.mark.parametrize("mode", MODES)
def test_a_protocol_error_keeps_its_hint_over_http(serving, mode):
    async def work(client):
        with pytest.raises(MCPError) as caught:
            await client.read_resource("guide://page/none.md")
        return caught.value.error

    error = run_client(f"{serving.origin}/mcp", work, mode)
    assert error.code == -32602
    assert error.data["hint"] == "List the resources for the guide's pages."


def test_the_python_of_the_docs_asks_a_server(serving):
    (code,) = re.findall(r"```python\n(.*?)```", DOCS, re.DOTALL)
    code = code.replace("http://127.0.0.1:7860", serving.origin)
    own = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert own.stdout.startswith("Quoted from the guide"), own.stderr


def test_there_are_no_sessions_and_no_event_stream(serving):
    greeting = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": GREETING}
    begun = post(serving, greeting)
    assert begun.status == 200
    assert begun.headers["content-type"] == "application/json"
    assert "mcp-session-id" not in begun.headers
    for method in ("GET", "DELETE"):
        refused = post(serving, None, method=method)
        assert refused.status == 405
        assert refused.headers["allow"] == "POST"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"host": "evil.example"}, 421),
        ({"host": "127.0.0.1.evil.example"}, 421),
        ({"origin": "https://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://localhost:1"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
    ],
)
def test_a_foreign_host_or_origin_is_refused_and_nothing_is_asked(serving, headers, status):
    before = count_questions(serving)
    refused = post(serving, make_call(PM_OR_PO), headers)
    assert refused.status == status
    assert refused.json()["hint"]
    assert count_questions(serving) == before
    assert post(serving, make_call(PM_OR_PO)).status == 200
    assert count_questions(serving) == before + 1


def test_a_page_of_the_server_s_own_site_may_ask(serving):
    results = post(serving, make_call(PM_OR_PO), {"origin": serving.origin})
    assert results.json()["result"]["structuredContent"]["found"]


def test_only_a_valid_key_of_scope_read_may_ask(limited):
    serving, keys = limited
    for token, status in [
        (KEY_PREFIX + "w" * 43, 401),
        (keys["revoked"], 401),
        (keys["rater"], 403),
        (keys["reader"], 200),
    ]:
        response = post(serving, make_call(PM_OR_PO), {"authorization": f"Bearer {token}"})
        assert response.status == status
        assert status == 200 or response.json()["hint"]


def test_the_protocol_s_client_can_send_a_key(limited):
    serving, keys = limited

    async def run(token):
        headers = {"Authorization": f"Bearer {token}"}
        async with httpx2.AsyncClient(headers=headers) as http:
            transport = streamable_http_client(f"{serving.origin}/mcp", http_client=http)
            async with Client(transport) as client:
                return await client.call_tool("ask", {"question": PM_OR_PO})

    assert asyncio.run(run(keys["other"])).structured_content["found"]


def test_the_rate_limit_of_one_key_does_not_affect_another(limited):
    serving, keys = limited
    own = {"authorization": f"Bearer {keys['reader']}"}
    answers = [post(serving, make_call(PM_OR_PO), own) for _ in range(12)]
    assert {answer.status for answer in answers} == {200, 429}
    assert int(answers[-1].headers["retry-after"]) >= 1
    assert answers[-1].json()["hint"].startswith("Wait ")
    other = {"authorization": f"Bearer {keys['other']}"}
    assert post(serving, make_call(PM_OR_PO), other).status == 200
