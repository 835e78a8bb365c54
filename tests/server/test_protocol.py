"""Test HTTP at every interface of a server: headers, methods, bodies and errors."""

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

from assistant.server.security.connections import MAX_LOOPBACK_CONNECTIONS
from assistant.server.security.streams import MAX_STREAMS
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
    "/gradio_api/queue/join": {"data": ["?"], "fn_index": 0, "session_hash": "a"},
}
PROXY = {"trusted_proxies": "127.0.0.2", "anonymous": "true"}


@pytest.fixture(scope="module")
def serving(tmp_path_factory, corpus_index):
    folder = tmp_path_factory.mktemp("protocol")
    shutil.copytree(corpus_index, folder / "index")
    with Serving(folder, **PROXY) as started:
        yield started.ready()


def format_request(method: str, path: str, headers: dict[str, str], body: bytes = b"") -> bytes:
    length = {"content-length": str(len(body))} if body else {}
    named = {"host": "localhost", "connection": "close", **length, **headers}
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {named[name]}" for name in named)]
    return "\r\n".join([*lines, "", ""]).encode() + body


def send(serving, method: str, path: str, headers: dict[str, str], body: object = b"") -> Response:
    """Send a request with the given headers and no others, and return the response."""
    written = body if isinstance(body, bytes) else json.dumps(body).encode()
    with socket.create_connection(("127.0.0.1", serving.port), timeout=PATIENCE) as client:
        client.sendall(format_request(method, path, headers, written))
        response = b""
        while piece := client.recv(65536):
            response += piece
    head, _, body = response.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    pairs = (line.split(": ", 1) for line in lines)
    return Response(int(first.split()[1]), {name.lower(): value for name, value in pairs}, body)


# -- Accept ---------------------------------------------------------------------------------------


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
def test_a_question_is_answered_in_the_preferred_media_type(serving, accept, kind):
    reply = send(serving, "POST", "/api/ask", {**JSON, "accept": accept}, QUESTION)
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
def test_an_agent_may_leave_out_the_accept_header(serving, headers, status, version):
    named = {"mcp-protocol-version": version, "mcp-method": "tools/call", "mcp-name": "ask"}
    call = json.loads(json.dumps(CALL))
    call["params"]["_meta"] = {
        "io.modelcontextprotocol/protocolVersion": version,
        "io.modelcontextprotocol/clientCapabilities": {},
    }
    reply = send(serving, "POST", "/mcp", {**JSON, **named, **headers}, call)
    assert reply.status == status
    if status == 200:
        assert reply.json()["result"]["structuredContent"]["found"]
    else:
        assert reply.json()["error"]["data"]["hint"].endswith("or none.")


# -- bodies ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "kind", [None, "application/x-www-form-urlencoded", "text/plain", "multipart/form-data", "json"]
)
@pytest.mark.parametrize("path", POSTS)
def test_a_body_without_the_json_media_type_is_refused_with_the_header_to_send(serving, path, kind):
    headers = {"content-type": kind} if kind else {}
    reply = send(serving, "POST", path, headers, POSTS[path])
    assert reply.status == 415
    assert reply.headers["content-type"] == "application/problem+json"
    assert reply.json()["hint"] == "Send the header Content-Type: application/json."
    other_spelling = {"content-type": "Application/JSON ; charset=UTF-8"}
    assert send(serving, "POST", path, other_spelling, POSTS[path]).status in {200, 404, 422}


def make_call(arguments: dict, tool: str = "search") -> dict:
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
def test_null_means_the_same_as_a_missing_field_and_3_0_the_same_as_3(serving, path, nothing, more):
    replies = [send(serving, "POST", path, JSON, {**POSTS[path], **add}) for add in (nothing, more)]
    assert [reply.status for reply in replies] == [200, 200], replies[1].body
    left, right = (reply.json() for reply in replies)
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
def test_null_and_whole_numbers_in_an_agent_s_arguments_mean_the_same(serving, tool, nothing, more):
    responses = [
        send(serving, "POST", "/mcp", JSON, make_call(arguments, tool))
        for arguments in (nothing, more)
    ]
    results = [response.json()["result"] for response in responses]
    assert not results[1].get("isError"), results[1]
    assert results[0] == results[1]


def test_a_number_as_text_and_a_null_in_a_required_field_are_one_clear_error(serving):
    for wrong, named in ({"k": "3"}, "'k'"), ({"question": None}, "'question'"), ({"k": 3.5}, "k"):
        problem = send(serving, "POST", "/api/search", JSON, {**QUESTION, **wrong})
        assert (problem.status, named in problem.json()["detail"]) == (422, True)
        result = send(serving, "POST", "/mcp", JSON, make_call({**QUESTION, **wrong})).json()[
            "result"
        ]
        assert result["isError"]
        assert result["content"][0]["text"].split("\n")[0] == problem.json()["detail"]
    opinion = {"answer": "a" * 16, "helpful": True, "comment": None}
    assert send(serving, "POST", "/api/feedback", JSON, opinion).status == 404  # no such answer


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
def test_a_body_that_is_no_message_is_refused_with_our_own_error(serving, body, code, what):
    for version in ({}, {"mcp-protocol-version": "2025-03-26"}):
        reply = send(serving, "POST", "/mcp", {**JSON, **version}, body)
        assert (reply.status, reply.headers["content-type"]) == (400, "application/json")
        error = reply.json()
        assert (error["jsonrpc"], error["id"], error["error"]["code"]) == ("2.0", None, code)
        assert what in error["error"]["message"]


def test_no_response_names_the_libraries_of_the_server(serving):
    hostile, rng = Hostile(seed=5), random.Random(5)
    library_text = re.compile(rb"pydantic|Traceback|validation error|input_value|\.py\b", re.I)

    async def run():
        statuses = set()
        async with Readers(serving.port) as readers:
            connection = readers.connection()
            for number in range(400):
                path = [*POSTS][number % len(POSTS)]
                body = hostile.message()
                if rng.random() < 0.6:
                    whole = {**POSTS[path], rng.choice([*POSTS[path]]): hostile._value()}
                    body = json.dumps(whole).encode()
                reply = await connection.request("POST", path, body, JSON)
                assert reply.status < 500, (path, body)
                shown = re.sub(rb'"(question|text|quote|content|model)": "[^"]*"', b"", reply.body)
                assert not library_text.search(shown), (path, body, reply.body)
                statuses.add(reply.status)
        return statuses

    assert {200, 400, 422} <= asyncio.run(run())
    assert "Traceback" not in serving.log


# -- errors ---------------------------------------------------------------------------------------


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
def test_every_error_below_v1_has_the_message_field_of_openai(
    serving, method, path, headers, status
):
    reply = send(serving, method, path, headers)
    assert reply.status == status
    if status >= 400:
        problem = reply.json()
        assert problem["error"]["message"] == f"{problem['detail']} {problem['mend']}"
        assert problem["error"]["type"] == "invalid_request_error"
    assert "error" not in send(serving, method, "/v2/models", headers).json()


# -- HEAD -----------------------------------------------------------------------------------------

READ = """
/ /guide/introduction.md /guide/none.md /healthz /readyz /progress /chat/chat.css /chat/brand.css
/chat/none.css /widget.js /embed /theme.css /static/none.js /gradio_api/startup-events /api/guide
/api/sections/introduction.md /api/answers/aaaaaaaaaaaaaaaa /a/aaaaaaaaaaaaaaaa /v1/models
/v1/models/guide /openapi.json /metrics /nothing/there
""".split()


@pytest.mark.parametrize("path", READ)
def test_head_returns_the_headers_of_get_and_no_body(serving, path):
    *_, whole, head = (send(serving, method, path, {}) for method in ("GET", "GET", "HEAD"))
    assert (head.status, head.body) == (whole.status, b"")
    changing = {"date", "x-request-id"}
    policy = re.compile("nonce-[^']+")
    for reply in (whole, head):
        reply.headers["content-security-policy"] = policy.sub(
            "", reply.headers["content-security-policy"]
        )
    if path == "/metrics":  # counts the requests in between
        changing.add("content-length")
    assert {k: v for k, v in head.headers.items() if k not in changing} == {
        k: v for k, v in whole.headers.items() if k not in changing
    }
    assert whole.body


def test_head_with_the_current_etag_returns_304(serving):
    tag = send(serving, "HEAD", "/api/guide", {}).headers["etag"]
    reply = send(serving, "HEAD", "/api/guide", {"if-none-match": tag})
    assert (reply.status, reply.headers["etag"]) == (304, tag)


def test_head_of_an_endless_stream_is_refused_at_once(serving):
    for path in ("/gradio_api/heartbeat/abc", "/gradio_api/queue/data?session_hash=a"):
        reply = send(serving, "HEAD", path, {})
        assert (reply.status, reply.headers["allow"], reply.body) == (405, "GET", b"")


def test_openapi_lists_no_head_method(serving):
    described = send(serving, "GET", "/openapi.json", {}).json()
    assert all("head" not in methods for methods in described["paths"].values())
    for path in ("/api/ask", "/v1/chat/completions"):
        assert "415" in described["paths"][path]["post"]["responses"]


# -- limits of one caller -------------------------------------------------------------------------


def test_a_caller_holds_at_most_max_streams_and_does_not_block_another(serving):
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
            assert json.loads(body)["hint"].startswith("Close some")
            assert (await listen("203.0.113.10"))[1].status == 200
            await held[0][0].close()
            ends = time.monotonic() + PATIENCE
            while (await listen("203.0.113.9"))[1].status != 200:
                assert time.monotonic() < ends
                await asyncio.sleep(0.2)

    asyncio.run(run())


def read_to_end(client: socket.socket) -> bytes:
    """Read a connection until the server closes it."""
    received = b""
    try:
        while piece := client.recv(65536):
            received += piece
    except ConnectionResetError:
        pass
    return received


def test_an_address_holds_at_most_max_loopback_connections(serving):
    place = ("127.0.0.1", serving.port)
    held = [
        socket.create_connection(place, timeout=PATIENCE) for _ in range(MAX_LOOPBACK_CONNECTIONS)
    ]
    try:
        with socket.create_connection(place, timeout=PATIENCE) as one_more:
            assert b" 429 " in read_to_end(one_more).partition(b"\r\n")[0]
        held.pop().close()
        ends = time.monotonic() + PATIENCE
        while True:
            with socket.create_connection(place, timeout=PATIENCE) as again:
                again.sendall(format_request("GET", "/healthz", {}))
                if b" 200 " in read_to_end(again).partition(b"\r\n")[0]:
                    break
            assert time.monotonic() < ends
            time.sleep(0.1)
    finally:
        for connection in held:
            connection.close()


def test_all_addresses_together_hold_fewer_connections_than_there_are_files(tmp_path, corpus_index):
    """With more, the system refuses the next one and the server tries again without end."""
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
        assert "system resource" not in serving.log
        assert "Traceback" not in serving.log


@pytest.mark.parametrize("name", [None, 1.5, True, {}, []])
def test_an_agent_s_request_with_an_invalid_id_is_refused(serving, name):
    message = {"jsonrpc": "2.0", "id": name, "method": "ping"}
    reply = httpx2.post(f"{serving.origin}/mcp", json=message)
    assert reply.status_code == 400
    assert reply.json()["id"] is None
    assert reply.json()["error"]["code"] == -32600
    assert "id" in reply.json()["error"]["message"]


def test_a_silent_connection_or_an_endless_head_is_closed(serving):
    place = ("127.0.0.1", serving.port)
    begun = [
        b"",
        b"GET /healthz HTTP/1.1\r\nhost: ",
        format_request("GET", "/healthz", {"connection": ""}),
    ]
    clients = [socket.create_connection(place, timeout=PATIENCE) for _ in begun]
    for client, piece in zip(clients, begun, strict=True):
        client.sendall(piece)
    clients[1].settimeout(0.5)
    ends = time.monotonic() + PATIENCE
    over = False
    while not over:  # one byte after another, each before the timeout
        assert time.monotonic() < ends
        try:
            clients[1].sendall(b"a")
            over = not clients[1].recv(1)
        except TimeoutError:
            continue
        except OSError:
            over = True
    for client in (clients[0], clients[2]):
        read_to_end(client)
    for client in clients:
        client.close()
