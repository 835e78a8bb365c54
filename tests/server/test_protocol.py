"""What HTTP promises, at every interface of a server: headers, methods, bodies and errors."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import re
import shutil
import socket
import time

import httpx2
import pytest

from assistant.server.security.connections import MAX_LOOPBACK_CONNECTIONS, MAX_STREAMS
from tests.serving import PATIENCE, Connection, Readers, Response, Serving
from tests.speaking import Hostile

JSON = {"content-type": "application/json"}
QUESTION = {"question": "What is a product owner?"}
CONVERSATION = {"messages": [{"role": "user", "content": QUESTION["question"]}]}
CALL = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "tools/call",
    "params": {"name": "ask", "arguments": QUESTION},
}
POSTS = {
    "/api/ask": QUESTION,
    "/api/search": QUESTION,
    "/api/feedback": {"answer": "a" * 16, "helpful": True},
    "/feedback": {"answer": "a" * 16, "helpful": True},
    "/v1/chat/completions": CONVERSATION,
    "/mcp": CALL,
    "/gradio_api/queue/join": {"data": ["?", None], "fn_index": 0, "session_hash": "a"},
}
PROXY = {"trusted_proxies": "127.0.0.2", "anonymous": "true"}


@pytest.fixture(scope="module")
def serving(tmp_path_factory, corpus_index):
    folder = tmp_path_factory.mktemp("protocol")
    shutil.copytree(corpus_index, folder / "index")
    with Serving(folder, **PROXY) as started:
        yield started.ready()


def raw(method: str, path: str, headers: dict[str, str], body: bytes = b"") -> bytes:
    length = {"content-length": str(len(body))} if body else {}
    named = {"host": "localhost", "connection": "close", **length, **headers}
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {named[name]}" for name in named)]
    return "\r\n".join([*lines, "", ""]).encode() + body


def sent(serving, method: str, path: str, headers: dict[str, str], body: object = b"") -> Response:
    """What comes back for a request with the headers that are given and no others."""
    written = body if isinstance(body, bytes) else json.dumps(body).encode()
    with socket.create_connection(("127.0.0.1", serving.port), timeout=PATIENCE) as client:
        client.sendall(raw(method, path, headers, written))
        text = b""
        while piece := client.recv(65536):
            text += piece
    head, _, body = text.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    pairs = (line.split(": ", 1) for line in lines)
    return Response(int(first.split()[1]), {name.lower(): value for name, value in pairs}, body)


# -- what is accepted -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("application/json, text/event-stream;q=0.5", "application/json"),
        ("text/event-stream;q=0, */*", "application/json"),
        ("image/png", "application/json"),
        ("*/*", "application/json"),
        ("TEXT/EVENT-STREAM", "text/event-stream"),
        ("application/json;q=0.1, text/event-stream;q=0.2", "text/event-stream"),
    ],
)
def test_a_question_is_answered_in_the_form_that_is_accepted_best(serving, accept, kind):
    reply = sent(serving, "POST", "/api/ask", {**JSON, "accept": accept}, QUESTION)
    assert (reply.status, reply.headers["content-type"].partition(";")[0]) == (200, kind)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"accept": "*/*"}, 200),
        ({"accept": "Application/JSON"}, 200),
        ({"accept": "application/*;q=0.1"}, 200),
        ({"accept": "text/event-stream"}, 406),
        ({"accept": "application/json;q=0, text/event-stream"}, 406),
    ],
)
@pytest.mark.parametrize("version", ["2025-03-26", "2025-11-25", "2026-07-28"])
def test_an_agent_need_not_say_what_it_accepts(serving, headers, status, version):
    named = {"mcp-protocol-version": version, "mcp-method": "tools/call", "mcp-name": "ask"}
    call = json.loads(json.dumps(CALL))
    call["params"]["_meta"] = {
        "io.modelcontextprotocol/protocolVersion": version,
        "io.modelcontextprotocol/clientCapabilities": {},
    }
    reply = sent(serving, "POST", "/mcp", {**JSON, **named, **headers}, call)
    assert reply.status == status
    if status == 200:
        assert reply.json()["result"]["structuredContent"]["found"]
    else:
        assert reply.json()["error"]["data"]["mend"].endswith("or none.")


# -- what is sent ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "kind", [None, "application/x-www-form-urlencoded", "text/plain", "multipart/form-data", "json"]
)
@pytest.mark.parametrize("path", POSTS)
def test_a_body_that_is_not_said_to_be_json_is_told_which_header_to_send(serving, path, kind):
    headers = {"content-type": kind} if kind else {}
    reply = sent(serving, "POST", path, headers, POSTS[path])
    assert reply.status == 415
    assert reply.headers["content-type"] == "application/problem+json"
    assert reply.json()["hint"] == "Send the header Content-Type: application/json."
    spelt = {"content-type": "Application/JSON ; charset=UTF-8"}
    assert sent(serving, "POST", path, spelt, POSTS[path]).status in {200, 404, 422}


def called(arguments: dict, tool: str = "search") -> dict:
    return {**CALL, "params": {"name": tool, "arguments": arguments}}


@pytest.mark.parametrize(
    ("path", "nothing", "more"),
    [
        ("/api/ask", {}, {"context": None, "history": None}),
        ("/api/search", {}, {"context": None, "history": None, "k": None}),
        ("/api/search", {"k": 3}, {"k": 3.0}),
        (
            "/api/ask",
            {"history": [{"role": "user", "text": "a cat"}]},
            {"history": [{"role": "user", "text": "a cat", "sources": None}]},
        ),
        ("/v1/chat/completions", {}, {"model": None, "stream": None, "stream_options": None}),
        ("/v1/chat/completions", {}, {"stream_options": {"include_usage": None}}),
    ],
)
def test_null_means_what_leaving_out_means_and_a_whole_number_is_one(serving, path, nothing, more):
    reply = [sent(serving, "POST", path, JSON, {**POSTS[path], **add}) for add in (nothing, more)]
    assert [one.status for one in reply] == [200, 200], reply[1].body
    left, right = (one.json() for one in reply)
    changing = {"seconds", "id", "created"}
    assert {k: left[k] for k in left if k not in changing} == {
        k: right[k] for k in right if k not in changing
    }


@pytest.mark.parametrize(
    ("tool", "nothing", "more"),
    [
        ("search", {**QUESTION, "k": 3}, {**QUESTION, "k": 3.0, "context": None}),
        ("search", QUESTION, {**QUESTION, "k": None}),
        ("read_section", {"path": "introduction.md"}, {"path": "introduction.md", "offset": 0.0}),
        ("read_section", {"path": "introduction.md"}, {"path": "introduction.md", "anchor": None}),
    ],
)
def test_so_it_is_for_an_agent_s_arguments(serving, tool, nothing, more):
    reply = [sent(serving, "POST", "/mcp", JSON, called(one, tool)) for one in (nothing, more)]
    results = [one.json()["result"] for one in reply]
    assert not results[1].get("isError"), results[1]
    assert results[0] == results[1]


def test_a_number_written_as_text_and_a_null_that_is_needed_stay_one_clear_error(serving):
    for wrong, named in ({"k": "3"}, "'k'"), ({"question": None}, "'question'"), ({"k": 3.5}, "k"):
        problem = sent(serving, "POST", "/api/search", JSON, {**QUESTION, **wrong})
        assert (problem.status, named in problem.json()["detail"]) == (422, True)
        result = sent(serving, "POST", "/mcp", JSON, called({**QUESTION, **wrong})).json()["result"]
        assert result["isError"]
        assert result["content"][0]["text"].split("\n")[0] == problem.json()["detail"]
    opinion = {"answer": "a" * 16, "helpful": True, "comment": None}
    assert sent(serving, "POST", "/api/feedback", JSON, opinion).status == 404  # no such answer


@pytest.mark.parametrize(
    ("body", "code", "what"),
    [
        ([CALL], -32600, "Send one message at a time."),
        ([], -32600, "Send one message at a time."),
        ({"id": 1}, -32600, "no message of JSON-RPC 2.0"),
        ("ping", -32600, "no message of JSON-RPC 2.0"),
        (b'{"jsonrpc": "2.0", ', -32700, "not JSON"),
        (b'"\\ud800"', -32700, "not JSON"),
        (b"", -32700, "not JSON"),
    ],
)
def test_what_is_no_message_is_answered_in_our_words(serving, body, code, what):
    for version in ({}, {"mcp-protocol-version": "2025-03-26"}):
        reply = sent(serving, "POST", "/mcp", {**JSON, **version}, body)
        assert (reply.status, reply.headers["content-type"]) == (400, "application/json")
        text = reply.json()
        assert (text["jsonrpc"], text["id"], text["error"]["code"]) == ("2.0", None, code)
        assert what in text["error"]["message"]


def test_no_response_tells_of_the_libraries_it_was_made_with(serving):
    hostile, chance = Hostile(seed=5), random.Random(5)
    notice = re.compile(rb"pydantic|Traceback|validation error|input_value|\.py\b", re.I)

    async def run():
        counted = set()
        async with Readers(serving.port) as readers:
            connection = readers.connection()
            for number in range(400):
                path = [*POSTS][number % len(POSTS)]
                body = hostile.message()
                if chance.random() < 0.6:
                    whole = {**POSTS[path], chance.choice([*POSTS[path]]): hostile._value()}
                    body = json.dumps(whole).encode()
                reply = await connection.request("POST", path, body, JSON)
                assert reply.status < 500, (path, body)
                shown = re.sub(rb'"(question|text|quote|content|model)": "[^"]*"', b"", reply.body)
                assert not notice.search(shown), (path, body, reply.body)
                counted.add(reply.status)
        return counted

    assert {200, 400, 422} <= asyncio.run(run())
    assert "Traceback" not in serving.log


# -- what is not there ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("POST", "/v1/embeddings", JSON, 404),
        ("POST", "/v1/responses", JSON, 404),
        ("POST", "/v1/completions", JSON, 404),
        ("GET", "/v1", {}, 404),
        ("GET", "/v1/", {}, 404),
        ("GET", "/v1/models/unknown", {}, 404),
        ("GET", "/v1/models/a/b", {}, 404),
        ("GET", "/v1/%2e%2e/healthz", {}, 404),
        ("GET", "/v1/chat/completions", {}, 405),
        ("DELETE", "/v1/models/guide", {}, 405),
        ("POST", "/v1/chat/completions", {}, 415),
        ("POST", "/v1/chat/completions", {**JSON, "content-length": "9999999"}, 413),
        ("POST", "/v1/chat/completions", {**JSON, "origin": "https://evil.example"}, 403),
        ("POST", "/v1/chat/completions", JSON, 422),
        ("GET", "/v1/models", {"host": "??"}, 400),
        ("GET", "/v1/models", {"host": "evil.example"}, 421),
        ("GET", "/v1/models", {"authorization": "Bearer wrong"}, 200),
    ],
)
def test_every_error_below_v1_has_the_message_that_its_clients_look_for(
    serving, method, path, headers, status
):
    reply = sent(serving, method, path, headers)
    assert reply.status == status
    if status >= 400:
        text = reply.json()
        assert text["error"]["message"] == f"{text['detail']} {text['mend']}"
        assert text["error"]["type"] == "invalid_request_error"
    assert "error" not in sent(serving, method, "/v2/models", headers).json()


# -- the head alone -------------------------------------------------------------------------------

READ = """
/ /guide/introduction.md /guide/none.md /healthz /readyz /progress /chat/chat.css /chat/brand.css
/chat/none.css /widget.js /embed /theme.css /static/none.js /gradio_api/startup-events /api/guide
/api/sections/introduction.md /api/answers/aaaaaaaaaaaaaaaa /a/aaaaaaaaaaaaaaaa /v1/models
/v1/models/guide /openapi.json /metrics /nothing/there
""".split()


@pytest.mark.parametrize("path", READ)
def test_a_head_is_what_the_whole_response_has_for_one_and_nothing_more(serving, path):
    *_, whole, head = (sent(serving, method, path, {}) for method in ("GET", "GET", "HEAD"))
    assert (head.status, head.body) == (whole.status, b"")
    changing = {"date", "x-request-id"}
    policy = re.compile("nonce-[^']+")
    for one in (whole, head):
        one.headers["content-security-policy"] = policy.sub(
            "", one.headers["content-security-policy"]
        )
    if path == "/metrics":  # counts what was asked meanwhile
        changing.add("content-length")
    assert {k: v for k, v in head.headers.items() if k not in changing} == {
        k: v for k, v in whole.headers.items() if k not in changing
    }
    assert whole.body


def test_a_head_that_was_not_changed_says_so(serving):
    tag = sent(serving, "HEAD", "/api/guide", {}).headers["etag"]
    reply = sent(serving, "HEAD", "/api/guide", {"if-none-match": tag})
    assert (reply.status, reply.headers["etag"]) == (304, tag)


def test_a_head_of_what_never_ends_is_refused_at_once(serving):
    for path in ("/gradio_api/heartbeat/abc", "/gradio_api/queue/data?session_hash=a"):
        reply = sent(serving, "HEAD", path, {})
        assert (reply.status, reply.headers["allow"], reply.body) == (405, "GET", b"")


def test_no_description_lists_a_head(serving):
    described = sent(serving, "GET", "/openapi.json", {}).json()
    assert all("head" not in methods for methods in described["paths"].values())
    for path in ("/api/ask", "/v1/chat/completions"):
        assert "415" in described["paths"][path]["post"]["responses"]


# -- how much one caller may hold open ------------------------------------------------------------


def test_a_caller_holds_so_many_streams_and_another_one_is_not_in_their_way(serving):
    async def run():
        async with Readers(serving.port) as readers:

            async def listen(caller: str) -> tuple[Connection, Response]:
                connection = readers.connection(source="127.0.0.2")
                headers = {"x-forwarded-for": caller}
                path = "/gradio_api/heartbeat/abc"
                return connection, await connection.begin("GET", path, headers=headers)

            held = [await listen("203.0.113.9") for _ in range(MAX_STREAMS)]
            assert {head.status for _, head in held} == {200}
            connection, refused = await listen("203.0.113.9")
            assert refused.status == 429
            assert refused.headers["retry-after"] == "5"
            body = b"".join([chunk async for chunk in connection.chunks(refused)])
            assert json.loads(body)["mend"].startswith("Close some")
            assert (await listen("203.0.113.10"))[1].status == 200
            await held[0][0].close()
            ends = time.monotonic() + PATIENCE
            while (await listen("203.0.113.9"))[1].status != 200:
                assert time.monotonic() < ends
                await asyncio.sleep(0.2)

    asyncio.run(run())


def closed(client: socket.socket) -> bytes:
    """What still comes over a connection until the server closes it."""
    text = b""
    try:
        while piece := client.recv(65536):
            text += piece
    except ConnectionResetError:
        pass
    return text


def test_an_address_holds_so_many_connections_and_no_more(serving):
    place = ("127.0.0.1", serving.port)
    held = [
        socket.create_connection(place, timeout=PATIENCE) for _ in range(MAX_LOOPBACK_CONNECTIONS)
    ]
    try:
        with socket.create_connection(place, timeout=PATIENCE) as one_more:
            assert b" 429 " in closed(one_more).partition(b"\r\n")[0]
        held.pop().close()
        ends = time.monotonic() + PATIENCE
        while True:
            with socket.create_connection(place, timeout=PATIENCE) as again:
                again.sendall(raw("GET", "/healthz", {}))
                if b" 200 " in closed(again).partition(b"\r\n")[0]:
                    break
            assert time.monotonic() < ends
            time.sleep(0.1)
    finally:
        for one in held:
            one.close()


def test_all_addresses_together_hold_fewer_connections_than_there_are_files(tmp_path, corpus_index):
    """Else the system refuses the next one, and the server tries again without end."""
    shutil.copytree(corpus_index, tmp_path / "index")
    with Serving(tmp_path, under=["prlimit", "--nofile=256:256"]) as serving:
        serving.ready()
        with contextlib.ExitStack() as stack:
            clients = []
            for number in range(200):
                source = (f"127.0.1.{number % 5}", 0)  # below the limit of each address
                place = ("127.0.0.1", serving.port)
                client = socket.create_connection(place, PATIENCE, source_address=source)
                clients.append(stack.enter_context(client))
                client.setblocking(False)
            refused = 0
            ends = time.monotonic() + PATIENCE
            while not refused:
                assert time.monotonic() < ends
                for client in clients:
                    with contextlib.suppress(OSError):  # nothing yet, or closed by now
                        refused += b" 429 " in client.recv(200)
        ends = time.monotonic() + PATIENCE
        while httpx2.get(f"{serving.origin}/healthz").status_code != 200:
            assert time.monotonic() < ends
            time.sleep(0.1)
        assert "system resource" not in serving.text
        assert "Traceback" not in serving.text


@pytest.mark.parametrize("name", [None, 1.5, True, {}, []])
def test_an_agent_s_request_whose_id_is_none_is_told_so(serving, name):
    sent = {"jsonrpc": "2.0", "id": name, "method": "ping"}
    reply = httpx2.post(f"{serving.origin}/mcp", json=sent)
    assert reply.status_code == 400
    assert reply.json()["id"] is None
    assert reply.json()["error"]["code"] == -32600
    assert "id" in reply.json()["error"]["message"]


def test_a_connection_that_says_nothing_or_never_ends_its_head_is_closed(serving):
    place = ("127.0.0.1", serving.port)
    begun = [b"", b"GET /healthz HTTP/1.1\r\nhost: ", raw("GET", "/healthz", {"connection": ""})]
    clients = [socket.create_connection(place, timeout=PATIENCE) for _ in begun]
    for client, piece in zip(clients, begun, strict=True):
        client.sendall(piece)
    clients[1].settimeout(0.5)
    ends = time.monotonic() + PATIENCE
    over = False
    while not over:  # one byte after another, each in time
        assert time.monotonic() < ends
        try:
            clients[1].sendall(b"a")
            over = not clients[1].recv(1)
        except TimeoutError:
            continue
        except OSError:
            over = True
    for client in (clients[0], clients[2]):
        closed(client)
    for client in clients:
        client.close()
