"""The guide for agents as they meet it: a process over its standard streams, a server over HTTP."""

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

from assistant.server.security.api_keys import KEY_PREFIX, ApiKeys
from tests.conftest import ROOT
from tests.serving import PATIENCE, Readers, Serving
from tests.speaking import GREETING, Speaking

MODES = ["auto", "legacy"]
PM_OR_PO = "How is a PM different from a PO?"
BREAD = "Can I bake bread here?"
DOCS = (ROOT / "docs" / "mcp.md").read_text(encoding="utf-8")
SNIPPETS = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", DOCS, re.DOTALL)]
READ = {"accept": "application/json, text/event-stream"}


def timeless(answer: dict) -> dict:
    return {**answer, "seconds": 0, "id": ""}


def conversation(target, work, mode="auto"):
    async def run():
        async with Client(target, mode=mode) as client:
            return await work(client)

    return asyncio.run(run())


async def both(client):
    """A question the guide answers, and one that it does not."""
    results = await client.call_tool("ask", {"question": PM_OR_PO})
    return results, await client.call_tool("ask", {"question": BREAD})


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
    results, refused = conversation(target, both, mode)
    for result, question in [(results, PM_OR_PO), (refused, BREAD)]:
        assert not result.is_error
        question_asked = corpus_assistant.ask(question).to_dict()
        assert timeless(result.structured_content) == timeless({"id": "", **question_asked})


def test_nothing_but_messages_is_written_and_it_ends_when_its_agent_leaves(speaking):
    greeting = speaking.greet()["result"]
    assert greeting["serverInfo"]["name"] == "guide-assistant"
    assert speaking.ask(PM_OR_PO)["found"]
    speaking.send(b"this is no message")
    assert not speaking.ask(BREAD)["found"]
    assert speaking.end() == 0
    assert len(speaking.received) == 4
    assert all(json.loads(line)["jsonrpc"] == "2.0" for line in speaking.received)
    assert "Traceback" not in speaking.log


def test_what_was_asked_before_the_input_closed_is_answered_and_so_is_what_is_no_message(
    speaking,
):
    """All of it is written at once, and nothing after it, as a shell's pipe does."""
    ask = {"name": "ask", "arguments": {"question": PM_OR_PO}}
    speaking.send(message("initialize", 1, GREETING))
    speaking.send(message("notifications/initialized"))
    speaking.send(b"")
    speaking.send(b'{"jsonrpc": "2.0", "id"')
    speaking.send(b"[" + message("ping", 2) + b"]")
    speaking.send(b'{"id": 3}')
    for number in range(4, 20):
        speaking.send(message("tools/call", number, ask))
    speaking.send(message("notifications/cancelled", params={"requestId": 19}))
    assert speaking.end() == 0
    reply = [json.loads(line) for line in speaking.received]
    results = {one["id"]: one for one in reply if "result" in one}
    assert {*range(4, 19)} <= results.keys()  # of what was called off none is owed
    assert results[18]["result"]["structuredContent"]["found"]
    wrong = [one["error"]["code"] for one in reply if one["id"] is None]
    assert wrong == [-32700, -32600, -32600]
    assert speaking.log == ""


def message(method: str, name: int | None = None, params: dict | None = None) -> bytes:
    """A request, or without a name a notification."""
    named = {} if name is None else {"id": name}
    whole = {"jsonrpc": "2.0", **named, "method": method, "params": params or {}}
    return json.dumps(whole).encode()


def test_an_index_that_is_missing_is_said_before_any_message(tmp_path):
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


def test_ctrl_c_ends_it_without_a_traceback(speaking):
    speaking.greet()
    speaking.process.send_signal(signal.SIGINT)
    assert speaking.process.wait(PATIENCE) == -signal.SIGINT
    assert "Traceback" not in speaking.log


def test_an_agent_that_hears_no_more_ends_it_without_a_traceback(corpus_index):
    hears, received = os.pipe()
    os.close(hears)
    own = subprocess.run(
        [sys.executable, "-m", "assistant", "mcp", "--index", str(corpus_index)],
        input=b'{"jsonrpc": "2.0", "id": 1, "method": "ping"}\n',
        stdout=received,
        stderr=subprocess.PIPE,
        cwd=ROOT,
        timeout=PATIENCE,
        check=False,
    )
    os.close(received)
    assert own.returncode == 0
    assert b"Traceback" not in own.stderr


# -- as the docs say ------------------------------------------------------------------------------


def servers(snippet: dict) -> dict:
    """What a configuration names, whatever its agent calls them."""
    (named,) = (
        snippet[one] for one in ("mcpServers", "servers", "context_servers") if one in snippet
    )
    return named["guide"]


@pytest.mark.parametrize("snippet", [one for one in SNIPPETS if "command" in servers(one)])
def test_a_command_of_the_docs_is_started_and_answers(snippet, corpus_index):
    guide = servers(snippet)
    assert "/path/to/index" in guide["args"]
    target = StdioServerParameters(
        command=str(Path(sys.executable).parent / guide["command"]),
        args=[str(corpus_index) if one == "/path/to/index" else one for one in guide["args"]],
        env=guide.get("env"),
    )
    results, refused = conversation(target, both)
    assert results.structured_content["found"]
    assert not refused.structured_content["found"]


def test_every_address_of_the_docs_is_the_one_that_is_served_with_a_key_in_its_place():
    addresses = [servers(one) for one in SNIPPETS if "url" in servers(one)]
    assert len(addresses) == 4
    for guide in addresses:
        assert guide["url"] == "https://help.example/mcp"
        assert guide["headers"]["Authorization"].startswith("Bearer ")


# -- over HTTP ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def serving(tmp_path_factory):
    with Serving(tmp_path_factory.mktemp("serving")) as started:
        yield started.ready()


@pytest.fixture(scope="module")
def limited(tmp_path_factory):
    """A server with keys and a rate; from whom there is a key, and the folder the keys are in."""
    folder = tmp_path_factory.mktemp("limited")
    keys = ApiKeys(folder / "keys.json")
    made = {name: keys.add(name) for name in ("reader", "other", "revoked")}
    made["rater"] = keys.add("rater", ["feedback"])
    keys.revoke("revoked")
    with Serving(folder, keys=folder / "keys.json", rate=6) as started:
        yield started.ready(), made


def post(serving, message: object, headers: dict | None = None, method: str = "POST"):
    """What is answered to one message."""

    async def send():
        async with Readers(serving.port) as readers:
            body = json.dumps(message).encode() if message is not None else b""
            reply = {**READ, **(headers or {})}
            return await readers.connection().request(method, "/mcp", body, reply)

    return asyncio.run(send())


def asking(question: str) -> dict:
    params = {"name": "ask", "arguments": {"question": question}}
    return {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}


def question_asked(serving) -> float:
    """How many questions came to the server from agents."""
    with serving.admin() as headers:
        response = httpx2.get(f"{serving.origin}/metrics", headers=headers)
    counted = re.findall(r'^assistant_questions_total\{interface="mcp".*\} (.*)$', response.text, re.M)
    return sum(map(float, counted))


@pytest.mark.parametrize("mode", MODES)
def test_the_protocol_s_client_is_answered_over_http(serving, corpus_assistant, mode):
    async def work(client):
        pages = (await client.list_resources()).resources
        return await both(client), (await client.read_resource(pages[0].uri)).contents[0]

    (results, refused), page = conversation(f"{serving.origin}/mcp", work, mode)
    for result, question in [(results, PM_OR_PO), (refused, BREAD)]:
        assert not result.is_error
        answer, own = result.structured_content, corpus_assistant.ask(question).to_dict()
        for part in ("text", "citations", "resources", "found", "related", "next_questions"):
            assert answer[part] == own[part]
        stored = httpx2.get(f"{serving.origin}/api/answers/{answer['id']}")
        assert stored.json()["answer"]["text"] == answer["text"]
    assert page.mime_type == "text/markdown"


@pytest.mark.parametrize("mode", MODES)
def test_an_error_of_the_protocol_keeps_its_mend_over_http(serving, mode):
    async def work(client):
        with pytest.raises(MCPError) as caught:
            await client.read_resource("guide://page/none.md")
        return caught.value.error

    error = conversation(f"{serving.origin}/mcp", work, mode)
    assert error.code == -32602
    assert error.data["hint"] == "List the resources for the guide's pages."


def test_the_python_of_the_docs_asks_a_server(serving):
    (code,) = re.findall(r"```python\n(.*?)```", DOCS, re.DOTALL)
    code = code.replace("http://127.0.0.1:7860", serving.origin)
    own = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert own.stdout.startswith("Quoted from the guide"), own.stderr


def test_no_session_is_begun_and_there_is_nothing_to_listen_to(serving):
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
    before = question_asked(serving)
    refused = post(serving, asking(PM_OR_PO), headers)
    assert refused.status == status
    assert refused.json()["hint"]
    assert question_asked(serving) == before
    assert post(serving, asking(PM_OR_PO)).status == 200
    assert question_asked(serving) == before + 1


def test_a_page_of_the_server_s_own_site_may_ask(serving):
    results = post(serving, asking(PM_OR_PO), {"origin": serving.origin})
    assert results.json()["result"]["structuredContent"]["found"]


def test_a_key_lets_in_what_it_allows_and_no_other_does(limited):
    serving, keys = limited
    for token, status in [
        (KEY_PREFIX + "w" * 43, 401),
        (keys["revoked"], 401),
        (keys["rater"], 403),
        (keys["reader"], 200),
    ]:
        response = post(serving, asking(PM_OR_PO), {"authorization": f"Bearer {token}"})
        assert response.status == status
        assert status == 200 or response.json()["hint"]


def test_the_protocol_s_client_brings_its_key(limited):
    serving, keys = limited

    async def run(token):
        headers = {"Authorization": f"Bearer {token}"}
        async with httpx2.AsyncClient(headers=headers) as http:
            transport = streamable_http_client(f"{serving.origin}/mcp", http_client=http)
            async with Client(transport) as client:
                return await client.call_tool("ask", {"question": PM_OR_PO})

    assert asyncio.run(run(keys["other"])).structured_content["found"]


def test_more_than_its_share_is_refused_to_one_key_and_to_no_other(limited):
    serving, keys = limited
    own = {"authorization": f"Bearer {keys['reader']}"}
    answers = [post(serving, asking(PM_OR_PO), own) for _ in range(12)]
    assert {answer.status for answer in answers} == {200, 429}
    assert int(answers[-1].headers["retry-after"]) >= 1
    assert answers[-1].json()["hint"].startswith("Wait ")
    other = {"authorization": f"Bearer {keys['other']}"}
    assert post(serving, asking(PM_OR_PO), other).status == 200
