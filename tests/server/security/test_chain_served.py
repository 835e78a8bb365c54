"""Test all middlewares over sockets, with a server and an application behind them."""

from __future__ import annotations

import asyncio
import gc
import http.client
import json
import shutil
import socket
import subprocess
import threading
import time
from contextlib import ExitStack, asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, StreamingResponse
from starlette.routing import Mount
from starlette.routing import Route as Endpoint

from assistant.server.app import protect
from assistant.server.security.body_limit import BodyLimitMiddleware
from assistant.server.security.concurrency import ConcurrencyLimit
from assistant.server.security.policies import MAX_BODY, AllowedRoute, Policy
from assistant.server.security.problems import PROBLEM_JSON
from assistant.server.security.streams import MAX_STREAMS, StreamLimit
from assistant.settings import Settings

PATIENCE = 120.0  # seconds a busy machine may take
POST = b"POST /ask HTTP/1.1\r\nHost: localhost\r\n"

ROUTES = (
    AllowedRoute.from_pattern(("GET", "POST"), "/(mirror|inner/mirror)", Policy()),
    AllowedRoute.from_pattern(("POST",), "/ask", Policy(is_question=True)),
    AllowedRoute.from_pattern(("GET",), "/(stream|broken|cookies|away|download)", Policy()),
)


class Behind:
    """An application with many kinds of response that records the end of its streams."""

    def __init__(self) -> None:
        self.loop: asyncio.AbstractEventLoop | None = None
        self.ended = threading.Event()
        self.requests = 0
        inner = Endpoint("/mirror", mirror, name="mirrored")
        self.app = Starlette(
            routes=[
                Endpoint("/mirror", mirror, methods=["GET", "POST"]),
                Endpoint("/ask", self._ask, methods=["POST"]),
                Endpoint("/stream", self._stream),
                Endpoint("/broken", broken),
                Endpoint("/cookies", cookies),
                Endpoint("/away", lambda _: RedirectResponse("/mirror")),
                Endpoint("/download", self._download),
                Mount("/inner", routes=[inner], name="inner"),
            ],
            lifespan=self._lifespan,
        )

    @asynccontextmanager
    async def _lifespan(self, _):
        self.loop = asyncio.get_running_loop()
        yield

    async def _ask(self, request):
        self.requests += 1
        return JSONResponse({"bytes": len(await request.body())})

    async def _stream(self, _):
        async def events():
            try:
                while True:
                    yield "data: still here\n\n"
                    await asyncio.sleep(0.02)
            finally:
                self.ended.set()

        return StreamingResponse(events(), media_type="text/event-stream")

    async def _download(self, _):
        async def pieces():
            for _ in range(20):
                yield b"x" * 1000
                await asyncio.sleep(0.02)

        return StreamingResponse(pieces(), media_type="application/octet-stream")


async def mirror(request):
    scope = request.scope
    return JSONResponse(
        {
            "path": scope["path"],
            "root": scope["root_path"],
            "url": str(request.url),
            "inner": str(request.url_for("inner:mirrored")),
            "client": scope["client"][0],
            "headers": dict(request.headers),
            "id": request.state.request_id,
            "body": (await request.body()).decode(),
        }
    )


async def broken(_):
    def pieces():
        yield b"begun"
        raise ValueError("inside")

    return StreamingResponse(pieces())


async def cookies(_):
    reply = PlainTextResponse("taken", headers={"Server": "software/1.0"})
    reply.set_cookie("a", "b")
    return reply


class Served:
    """A server with the middlewares before an application, or with one of them."""

    def __init__(self, settings: Settings, middleware=None) -> None:
        self.behind = Behind()
        self.concurrency, self.streams = ConcurrencyLimit(settings.waiting), StreamLimit()
        app = protect(
            self.behind.app,
            lambda: ROUTES,
            settings,
            concurrency=self.concurrency,
            streams=self.streams,
        )
        if middleware:
            app = middleware(self.behind.app)
        listener = socket.create_server(("127.0.0.1", 0))
        self.port = listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        config = uvicorn.Config(
            app,
            http="h11",
            ws="none",
            log_config=None,
            proxy_headers=False,
            server_header=False,
            timeout_graceful_shutdown=5,
        )
        self.server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self.server.run, kwargs={"sockets": [listener]})

    def __enter__(self):
        self._thread.start()
        wait_until(lambda: self.server.started)
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        self.server.should_exit = True
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive()

    def call_soon(self, function) -> None:
        """Run a function on the server's event loop."""
        self.behind.loop.call_soon_threadsafe(function)

    def get(self, path: str, **headers: str) -> httpx.Response:
        return httpx.get(self.url + path, headers=headers, timeout=PATIENCE)

    @contextmanager
    def connection(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        yield connection
        connection.close()

    def raw(self, *sent: bytes, pause: float = 0.0) -> bytes:
        """Everything that comes back until the server closes the connection."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE) as client:
            for piece in sent:
                client.sendall(piece)
                time.sleep(pause)
            output = b""
            while piece := client.recv(65536):
                output += piece
        return output


def wait_until(condition) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert condition()


@pytest.fixture(scope="module")
def served():
    with Served(Settings()) as server:
        yield server


def status(output: bytes) -> int:
    return int(output.split(b" ", 2)[1])


# Requests and responses


def test_a_request_goes_through_and_comes_back_under_its_id(served):
    reply = served.get("/mirror?q=1", **{"X-Forwarded-For": "1.1.1.1", "X-Gradio-Server": "evil"})
    output = reply.json()
    assert reply.status_code == 200
    assert output["id"] == reply.headers["x-request-id"]
    assert output["client"] == "127.0.0.1"
    assert not {"x-forwarded-for", "x-gradio-server", "connection"} & {*output["headers"]}
    assert "server" not in reply.headers


def test_cookies_and_software_names_of_the_application_are_removed(served):
    reply = served.get("/cookies")
    assert reply.text == "taken"
    assert not {"set-cookie", "server"} & {*reply.headers}


def test_a_refusal_leaves_the_connection_open(served):
    with served.connection() as client:
        for path, expected in (("/nowhere", 404), ("/ask", 405), ("/mirror", 200)) * 2:
            client.request("GET", path)
            reply = client.getresponse()
            assert reply.status == expected
            reply.read()
            assert client.sock is not None


@pytest.mark.parametrize("stripped", [False, True])
def test_an_application_and_what_is_mounted_in_it_work_under_a_root(stripped):
    settings = Settings(root="/help", hosts=("help.example.org",), trusted_proxies=("127.0.0.1",))
    notice = {"X-Forwarded-Host": "help.example.org", "X-Forwarded-Proto": "https"}
    before = "" if stripped else "/help"
    with Served(settings) as server:
        for path in ("/mirror", "/inner/mirror"):
            output = server.get(before + path, **notice).json()
            assert output["path"] == "/help" + path
            assert output["url"] == "https://help.example.org/help" + path
            assert output["inner"] == "https://help.example.org/help/inner/mirror"
        reply = server.get("/help", **notice)
        assert (reply.status_code, reply.headers["location"]) == (307, "/help/")
        assert server.get("/mirror").status_code == 421


def test_an_upgrade_to_a_websocket_is_not_made(served):
    output = served.raw(
        b"GET /mirror HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade, close\r\n"
        b"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    assert status(output) == 200
    assert b"upgrade" not in output.lower()


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b"GET /mirror HTTP/1.0\r\n", 400),
        (b"GET /mirror HTTP/1.0\r\nHost: localhost\r\n", 200),
        (b"GET /mirror HTTP/1.1\r\n", 400),
        (b"GET /mirror HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n", 400),
        (b"GET /mirror HTTP/1.1\r\nHost: evil.example\r\n", 421),
        (b"GET http://evil.example/mirror HTTP/1.1\r\nHost: localhost\r\n", 404),
        (b"GET /inner/../mirror HTTP/1.1\r\nHost: localhost\r\n", 404),
        (b"GET /inner%2fmirror HTTP/1.1\r\nHost: localhost\r\n", 404),
        (b"OPTIONS * HTTP/1.1\r\nHost: localhost\r\n", 404),
        (POST + b"Content-Length: x\r\n", 400),
        (POST + b"Content-Length: -1\r\n", 400),
        (POST + b"Content-Length: 0\r\nTransfer-Encoding: chunked\r\n", 400),
        (POST + b"Content-Length: 0\r\nContent-Length: 1\r\n", 400),
        (POST + b"Transfer-Encoding: gzip, chunked\r\n", 400),
    ],
)
def test_a_malformed_request_is_refused(served, head, expected):
    requests = served.behind.requests
    assert status(served.raw(head + b"Connection: close\r\n\r\n0\r\n\r\n")) == expected
    assert served.behind.requests == requests


# Bodies


def by_http_client(url: str, pieces: list[bytes], *, chunked: bool) -> int:
    client = http.client.HTTPConnection(url.removeprefix("http://"), timeout=PATIENCE)
    if chunked:
        head = {"Transfer-Encoding": "chunked"}
        client.request("POST", "/ask", iter(pieces), head, encode_chunked=True)
    else:
        client.request("POST", "/ask", b"".join(pieces))
    output = client.getresponse()
    assert output.getheader("Content-Type") == PROBLEM_JSON
    assert json.loads(output.read())["status"] == output.status
    client.close()
    return output.status


def by_httpx(url: str, pieces: list[bytes], *, chunked: bool) -> int:
    content = iter(pieces) if chunked else b"".join(pieces)
    return httpx.post(f"{url}/ask", content=content, timeout=PATIENCE).status_code


def by_curl(url: str, pieces: list[bytes], *, chunked: bool) -> int:
    curl = shutil.which("curl")
    if not curl:
        pytest.skip("curl is absent")
    command = [
        curl,
        "-s",
        "-o",
        "-",
        "-w",
        "\n%{http_code}",
        "-H",
        "Expect:",
        "--data-binary",
        "@-",
    ]
    if chunked:
        command += ["-H", "Transfer-Encoding: chunked"]
    body, command = b"".join(pieces), [*command, f"{url}/ask"]
    done = subprocess.run(command, input=body, capture_output=True, check=True)
    return int(done.stdout.split(b"\n")[-1])


def read_memory() -> int:
    """Return the resident memory of this process and its server in bytes."""
    page_count = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
    return int(page_count) * 4096


@pytest.mark.parametrize("send", [by_http_client, by_httpx, by_curl])
@pytest.mark.parametrize("chunked", [False, True])
def test_any_client_gets_413_for_a_body_that_is_too_long(served, send, chunked):
    requests = served.behind.requests
    assert send(served.url, [b"x" * 65536] * 160, chunked=chunked) == 413
    assert served.behind.requests == requests
    assert httpx.post(served.url + "/ask", content=b"question").json() == {"bytes": 8}


@pytest.mark.parametrize("chunked", [False, True])
def test_a_long_body_is_refused_while_it_is_sent_and_uses_no_memory(served, chunked):
    size, piece = 100_000_000, b"x" * 65536
    head = b"Transfer-Encoding: chunked" if chunked else f"Content-Length: {size}".encode()
    sent = b"10000\r\n" + piece + b"\r\n" if chunked else piece
    gc.collect()
    before = read_memory()
    with socket.create_connection(("127.0.0.1", served.port), timeout=PATIENCE) as client:
        client.sendall(POST + head + b"\r\n\r\n" + sent)
        client.sendall(sent)  # 128 kB of it
        assert status(client.recv(65536)) == 413
        for _ in range(500):
            client.sendall(sent)  # the rest is read and dropped
    assert read_memory() - before < 20_000_000


def test_a_long_body_with_expect_continue_is_refused_before_it_is_sent(served):
    output = served.raw(
        f"POST /ask HTTP/1.1\r\nHost: localhost\r\nContent-Length: {MAX_BODY + 1}\r\n"
        "Connection: close\r\nExpect: 100-continue\r\n\r\n".encode(),
        b"x" * (MAX_BODY + 1),
    )
    assert status(output) == 413


def test_an_allowed_body_with_expect_continue_gets_100(served):
    with socket.create_connection(("127.0.0.1", served.port), timeout=PATIENCE) as client:
        client.sendall(POST + b"Content-Length: 8\r\n")
        client.sendall(b"Expect: 100-continue\r\n\r\n")
        assert status(client.recv(65536)) == 100
        client.sendall(b"question")
        assert status(client.recv(65536)) == 200


def test_a_body_that_takes_too_long_gets_408():
    slow = partial(BodyLimitMiddleware, timeout=0.4)
    with Served(Settings(), slow) as served:
        with socket.create_connection(("127.0.0.1", served.port), timeout=PATIENCE) as client:
            client.sendall(POST + b"Content-Length: 8\r\n\r\n")
            for letter in b"ques":
                client.sendall(bytes([letter]))
                time.sleep(0.1)
            reply = client.recv(65536)
            assert status(reply) == 408
            assert b"connection: close" in reply.lower()
        assert served.behind.requests == 0


def test_the_body_of_a_refused_request_is_read_to_its_end(served):
    with served.connection() as client:
        client.request("POST", "/nowhere", b"x" * 5_000_000)
        reply = client.getresponse()
        assert (reply.status, reply.getheader("Connection")) == (404, "close")
        assert json.loads(reply.read())["status"] == 404


# Streams


def test_a_stream_ends_in_the_application_when_its_reader_leaves():
    with Served(Settings()) as server:
        with httpx.stream("GET", server.url + "/stream") as reply:
            events = reply.iter_text()
            assert next(events).startswith("data:")
            assert not server.behind.ended.is_set()
        wait_until(server.behind.ended.is_set)


def test_a_caller_holds_at_most_max_streams_and_gets_the_place_of_one_that_ended():
    """The route's policy does not declare a stream; its response does."""
    with Served(Settings(trusted_proxies=("127.0.0.0/8",))) as served, ExitStack() as others:

        def listen(caller: str, held: ExitStack) -> int:
            headers = {"X-Forwarded-For": caller}
            stream = httpx.stream("GET", f"{served.url}/stream", headers=headers, timeout=PATIENCE)
            return held.enter_context(stream).status_code

        with ExitStack() as one:
            assert listen("203.0.113.9", one) == 200
            assert {listen("203.0.113.9", others) for _ in range(MAX_STREAMS - 1)} == {200}
            assert listen("203.0.113.9", others) == 429
            assert listen("203.0.113.10", others) == 200
        result: list[int] = []
        wait_until(lambda: 200 in result or result.append(listen("203.0.113.9", others)))


def test_open_streams_do_not_delay_the_stop_and_end_cleanly():
    with Served(Settings()) as server, server.connection() as client:
        client.request("GET", "/stream")
        reply = client.getresponse()
        assert reply.read(4) == b"data"
        server.call_soon(server.concurrency.drain)
        assert server.get("/mirror").status_code == 200
        refused = httpx.post(server.url + "/ask", content=b"question")
        assert refused.status_code == 503
        assert int(refused.headers["retry-after"]) > 0
        assert not server.behind.ended.is_set()
        server.call_soon(server.streams.end)
        reply.read()  # raises IncompleteRead where a response is cut off
        assert server.behind.ended.is_set()
        server.stop()


def test_a_download_finishes_after_streams_are_ended():
    with Served(Settings()) as server, server.connection() as client:
        client.request("GET", "/download")
        reply = client.getresponse()
        assert reply.read(1) == b"x"
        server.call_soon(server.streams.end)
        assert len(reply.read()) == 19_999


def test_a_response_that_is_cut_off_does_not_look_complete(served, caplog):
    with served.connection() as client:
        client.request("GET", "/broken")
        reply = client.getresponse()
        with pytest.raises(http.client.IncompleteRead):
            reply.read()
    assert reply.getheader("X-Request-Id") in caplog.text
