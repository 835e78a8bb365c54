"""Test what no browser would send: malformed messages and paths that leave the served folders.

All of it goes over a socket to a running server, byte for byte as written here.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import socket
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

import pytest
import uvicorn

from assistant.assistant import Assistant
from assistant.index import builder
from assistant.index import index as indexes
from assistant.server.app import Server
from assistant.server.lifecycle import listen
from assistant.server.reload import LiveAssistant
from assistant.settings import Settings
from tests.conftest import SHARED

# Gradio asks pandas for an option that newer pandas announces to drop.
pytestmark = pytest.mark.filterwarnings("ignore:'future.no_silent_downcasting'")

TRAVERSAL = SHARED / "security" / "traversal.txt"
SECRET = "nobody may read this line"
JOIN = {"data": ["what is a cat?"], "session_hash": "abc", "trigger_id": 1}
FILE = {"path": "/etc/passwd", "orig_name": "a.png", "meta": {"_type": "gradio.FileData"}}
PART = {"component": "image", "value": FILE, "constructor_args": {}, "props": {}}
MESSAGE = {"role": "user", "content": [{"type": "component", **PART}]}


@dataclass(frozen=True, slots=True)
class Running:
    """A server at a port, and the folder that holds all its files."""

    port: int
    folder: Path

    def send(self, request: bytes) -> bytes:
        """Send bytes and return the whole response."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=20) as connection:
            connection.sendall(request)
            return b"".join(iter(lambda: connection.recv(65536), b""))

    def ask(self, method: str, target: bytes, body: bytes = b"") -> tuple[int, str, bytes]:
        """Send a request and return the status, the Location header and the complete body."""
        head = f"Host: 127.0.0.1:{self.port}\r\nConnection: close\r\n"
        if body:
            head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        response = self.send(
            method.encode() + b" " + target + b" HTTP/1.1\r\n" + head.encode() + b"\r\n" + body
        )
        start, _, rest = response.partition(b"\r\n\r\n")
        if b"chunked" in start.lower():
            assert rest.endswith(b"0\r\n\r\n"), rest[-200:]
        location = re.search(rb"(?im)^location: *(.*?)\r?$", start)
        return int(start.split()[1]), location[1].decode() if location else "", rest

    def join(self, **changes) -> int:
        """Send a message to the chat's queue and return the status."""
        return self.ask(
            "POST", b"/gradio_api/queue/join", json.dumps({**JOIN, **changes}).encode()
        )[0]

    def receive_all(self, session: str) -> bytes:
        """Return the events of a session."""
        path = f"/gradio_api/queue/data?session_hash={session}"
        return self.ask("GET", path.encode())[2]

    def list_files(self) -> set[str]:
        """List every file outside the index."""
        paths = {path.relative_to(self.folder).as_posix() for path in self.folder.rglob("*")}
        return {path for path in paths if not path.startswith("index/")}


@contextlib.contextmanager
def run_server(folder: Path, encoder):
    """Serve a small guide from a folder that holds everything the server could write to."""
    guide, index = folder / "guide", folder / "index"
    guide.mkdir()
    (guide / "cats.md").write_text("# Cats\n\n## What is a cat?\n\nA cat climbs a tree.\n")
    (folder / "secret.txt").write_text(SECRET)
    builder.build_index(guide, index, encoder)
    live = LiveAssistant(Assistant(indexes.open_index(index), encoder))
    with listen("127.0.0.1", 0) as listener:
        servers: list[uvicorn.Server] = []

        async def run():
            served = Server(Settings(index=index))
            config = uvicorn.Config(
                served.app, log_level="critical", http="h11", ws="none", timeout_graceful_shutdown=1
            )
            await served.open(live)
            servers.append(uvicorn.Server(config))
            await servers[0].serve(sockets=[listener])

        thread = threading.Thread(target=asyncio.run, args=(run(),))
        thread.start()
        try:
            yield Running(listener.getsockname()[1], folder)
        finally:
            servers[0].should_exit = True
            thread.join(timeout=20)


@pytest.fixture(scope="module")
def server(tmp_path_factory, word_encoder):
    folder = tmp_path_factory.mktemp("messages")
    for name in ("tmp", "gradio", "work"):
        (folder / name).mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(folder / "gradio"))
        patch.setattr(tempfile, "tempdir", str(folder / "tmp"))
        patch.chdir(folder / "work")
        with run_server(folder, word_encoder) as started:
            assert started.ask("GET", b"/readyz")[0] == 200
            yield started


@pytest.fixture(scope="module")
def events(server) -> dict[int, set[str]]:
    """Return the triggers of each event of the chat, from its page."""
    page = server.ask("GET", b"/")[2].decode()
    match = re.search(r"window\.gradio_config = (\{.*?\});</script>", page, re.DOTALL)
    config = json.loads(match[1])
    return {event["id"]: {how for _, how in event["targets"]} for event in config["dependencies"]}


# -- messages -------------------------------------------------------------------------------------

NESTED: object = "text"
for _ in range(200):
    NESTED = [NESTED]

SHAPES = [
    *([MESSAGE], [[MESSAGE]], [PART], [FILE], [[FILE]]),
    *(["text", FILE], ["text", MESSAGE], ["text", "text"], [["text"]], [1]),
    *([1.5], [True], [False], [{}], [[]], [NESTED]),
    *(["text", {"turns": [], "shown": [FILE]}], {"0": "text"}, "text", 1, True, None),
    *([{"__type__": "update", "value": FILE}], [None] * 1000, ["\ud800"]),
    ["text", 0],
]


@pytest.mark.parametrize("data", SHAPES, ids=lambda data: json.dumps(data)[:40])
def test_a_message_that_is_not_text_is_refused_at_every_event(server, events, data):
    for number in events:
        assert server.join(fn_index=number, data=data) == 422


@pytest.mark.parametrize(
    "changes",
    [
        *({"session_hash": "../../etc"}, {"session_hash": None}, {"session_hash": FILE}),
        *({"trigger_id": "1"}, {"trigger_id": FILE}, {"event_data": FILE}, {"event_data": []}),
        *({"fn_index": "0"}, {"fn_index": None}, {"fn_index": 0.0}, {"fn_index": [0]}),
        *({"fn_index": True}, {"batched": True}, {"request": {}}, {"api_name": "/ask"}),
    ],
    ids=str,
)
def test_a_message_with_a_wrong_field_is_refused(server, changes):
    assert server.join(**{"fn_index": 0, **changes}) == 422


def test_a_message_for_an_unknown_event_is_refused(server, events):
    for number in (-1, len(events), 10**6, 10**30):
        assert server.join(fn_index=number) == 422


@pytest.mark.parametrize(
    ("body", "status"),
    [
        *((b"null", 422), (b"[]", 422), (b"text", 422), (b"\xff\xfe", 422), (b"NaN", 422)),
        *((b"[" * 30_000, 422), (b'{"data":' * 7_000, 422), (b"1" * 30_000, 422)),
        *((b'{"data": ["' + b"x" * 70_000 + b'"]}', 413), (b"\x00" * 100, 422)),
        (b'{"data":["a"],"data":[{}],"fn_index":0,"session_hash":"abc"}', 422),
        (b'{"data":["\\ud800"],"fn_index":0,"session_hash":"abc"}', 422),
    ],
    ids=lambda written: str(written)[:30],
)
def test_a_malformed_body_is_refused(server, body, status):
    assert server.ask("POST", b"/gradio_api/queue/join", body)[0] == status


def test_text_breaks_no_event_and_nothing_is_printed(server, events, capfd):
    for number in events:
        for data in ([], ["text"], [None], ["\0\u202e"]):
            status = server.join(fn_index=number, data=data, session_hash=f"s{number}")
            assert status in {200, 422}
            if status == 200:
                assert b'"success":true' in server.receive_all(f"s{number}")
    assert "Traceback" not in capfd.readouterr().err


def test_an_unknown_session_gets_an_error_and_nothing_is_logged(server, caplog):
    status, _, body = server.ask("GET", b"/gradio_api/queue/data?session_hash=nobody")
    assert status in {200, 404}
    assert status == 404 or b"session_not_found" in body
    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == []


def becomes_idle() -> bool:
    """Whether this process has a nearly idle second within a minute."""
    for _ in range(60):
        used = time.process_time()
        time.sleep(1)
        if time.process_time() - used < 0.1:
            return True
    return False


def test_after_all_messages_no_file_is_new_and_a_question_is_answered(server, events):
    before = server.list_files()
    for data in SHAPES:
        for number in [*events, -1, 99]:
            server.join(fn_index=number, data=data)
    assert server.list_files() == before
    assert becomes_idle()
    (submit_event,) = (number for number, how in events.items() if "submit" in how)
    assert server.join(fn_index=submit_event, session_hash="real") == 200
    assert b"A cat climbs a tree." in server.receive_all("real")


# -- paths ----------------------------------------------------------------------------------------

PREFIXES = (
    b"/guide/",
    b"/chat/",
    b"/assets/",
    b"/static/",
    b"/a/",
    b"/gradio_api/",
    b"/gradio_api/file=",
    b"/gradio_api/queue/data/",
    b"",
)
TARGET = re.compile(r"(\{FILE\}|etc.{1,40}(passwd|issue)|boot\.ini|windows.*hosts).*$")


def read_forms() -> list[str]:
    """Read every form of a path that leaves its folder."""
    return [form for form in TRAVERSAL.read_text(encoding="utf-8").split("\n") if form]


def leads_out(form: str) -> bool:
    """Whether a careless server that decodes a form reads a file beside its folders."""
    secrets = [f"/r{'/f' * depth}/secret.txt" for depth in range(9)]
    for _ in range(4):
        for path in (form, form.replace("\\", "/")):
            normalised = os.path.normpath("/r" + "/f" * 8 + "/" + path.lstrip("/"))
            if normalised in secrets:
                return True
        form = unquote(form)
    return False


def aim(form: str, folder: Path) -> list[bytes]:
    """Return a form as it is, aimed at a secret near by, and at the secret from the root."""
    named = (form, TARGET.sub("secret.txt", form), TARGET.sub(f"{folder}/secret.txt"[1:], form))
    return [path.replace("{FILE}", "secret.txt").encode() for path in dict.fromkeys(named)]


def assert_nothing_leaks(server: Running, form: str) -> int:
    """Check that a form of a path is refused under every prefix; return the number of requests."""
    targets = aim(form, server.folder)
    for target in targets:
        for prefix in PREFIXES:
            status, location, body = server.ask("GET", prefix + target)
            shown = (prefix + target, status, body[:200])
            assert status in {400, 403, 404, 405} or location == "/guide/cats.md", shown
            assert SECRET.encode() not in body, shown
            assert b"root:" not in body, shown
            assert b"__future__" not in body, shown
    return len(targets) * len(PREFIXES)


@pytest.mark.skipif(not TRAVERSAL.is_file(), reason=f"there is no {TRAVERSAL}")
def test_no_path_leaves_the_served_folders(server):
    known = read_forms()
    assert sum(map(leads_out, (TARGET.sub("secret.txt", form) for form in known))) > 100
    for form in known[::20]:
        assert_nothing_leaks(server, form)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "A B"])
def test_a_path_that_leaves_its_folder_is_refused_for_every_method(server, method):
    for target in (
        b"/guide/../secret.txt",
        b"/static/..%2f..%2fsecret.txt",
        b"/chat/%2e%2e/web.py",
    ):
        assert server.ask(method, target)[0] in {400, 404, 405}
