"""What no browser would send: messages of another shape, and paths that lead elsewhere.

All of it goes over a socket to a server that runs, byte for byte as it is written here.
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
JOIN = {"data": ["what is a cat?", None], "session_hash": "abc", "trigger_id": 1}
FILE = {"path": "/etc/passwd", "orig_name": "a.png", "meta": {"_type": "gradio.FileData"}}
PART = {"component": "image", "value": FILE, "constructor_args": {}, "props": {}}
MESSAGE = {"role": "user", "content": [{"type": "component", **PART}]}


@dataclass(frozen=True, slots=True)
class Running:
    """A server that answers at a port, and the folder that everything of it is in."""

    port: int
    folder: Path

    def written(self, request: bytes) -> bytes:
        """All that is answered to some bytes."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=20) as connection:
            connection.sendall(request)
            return b"".join(iter(lambda: connection.recv(65536), b""))

    def ask(self, method: str, target: bytes, body: bytes = b"") -> tuple[int, str, bytes]:
        """The status of an answer, where it leads to, and its body; it is whole."""
        head = f"Host: 127.0.0.1:{self.port}\r\nConnection: close\r\n"
        if body:
            head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        written = self.written(
            method.encode() + b" " + target + b" HTTP/1.1\r\n" + head.encode() + b"\r\n" + body
        )
        start, _, rest = written.partition(b"\r\n\r\n")
        if b"chunked" in start.lower():
            assert rest.endswith(b"0\r\n\r\n"), rest[-200:]
        leads = re.search(rb"(?im)^location: *(.*?)\r?$", start)
        return int(start.split()[1]), leads[1].decode() if leads else "", rest

    def join(self, **changes) -> int:
        """The status of a message for the chat's queue."""
        return self.ask(
            "POST", b"/gradio_api/queue/join", json.dumps({**JOIN, **changes}).encode()
        )[0]

    def receive_all(self, session: str) -> bytes:
        """What a session is told of its message."""
        path = f"/gradio_api/queue/data?session_hash={session}"
        return self.ask("GET", path.encode())[2]

    def files(self) -> set[str]:
        """Every file there is but the index's own."""
        reply = {path.relative_to(self.folder).as_posix() for path in self.folder.rglob("*")}
        return {path for path in reply if not path.startswith("index/")}


@contextlib.contextmanager
def running(folder: Path, encoder):
    """Serve a small guide from a folder in which all is that a server could write to."""
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
        with running(folder, word_encoder) as reply:
            assert reply.ask("GET", b"/readyz")[0] == 200
            yield reply


@pytest.fixture(scope="module")
def events(server) -> dict[int, set[str]]:
    """What sets off each event of the chat, as its page says it."""
    page = server.ask("GET", b"/")[2].decode()
    written = re.search(r"window\.gradio_config = (\{.*?\});</script>", page, re.DOTALL)
    config = json.loads(written[1])
    return {event["id"]: {how for _, how in event["targets"]} for event in config["dependencies"]}


# -- messages -------------------------------------------------------------------------------------

NESTED: object = "text"
for _ in range(200):
    NESTED = [NESTED]

SHAPES = [
    *([MESSAGE, None], [[MESSAGE], None], [PART, None], [FILE, None], [[FILE], None]),
    *(["text", FILE], ["text", MESSAGE], ["text", "text", None], [["text"], None], [1, None]),
    *([1.5, None], [True, None], [False, None], [{}, None], [[], None], [NESTED, None]),
    *(["text", {"turns": [], "shown": [FILE]}], {"0": "text"}, "text", 1, True, None),
    *([{"__type__": "update", "value": FILE}, None], [None] * 1000, ["\ud800", None]),
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
def test_a_message_with_something_else_in_it_is_refused(server, changes):
    assert server.join(**{"fn_index": 0, **changes}) == 422


def test_a_message_for_no_event_is_refused(server, events):
    for number in (-1, len(events), 10**6, 10**30):
        assert server.join(fn_index=number) == 422


@pytest.mark.parametrize(
    ("body", "status"),
    [
        *((b"null", 422), (b"[]", 422), (b"text", 422), (b"\xff\xfe", 422), (b"NaN", 422)),
        *((b"[" * 30_000, 422), (b'{"data":' * 7_000, 422), (b"1" * 30_000, 422)),
        *((b'{"data": ["' + b"x" * 70_000 + b'", null]}', 413), (b"\x00" * 100, 422)),
        (b'{"data":["a",null],"data":[{},null],"fn_index":0,"session_hash":"abc"}', 422),
        (b'{"data":["\\ud800",null],"fn_index":0,"session_hash":"abc"}', 422),
    ],
    ids=lambda written: str(written)[:30],
)
def test_a_body_of_another_kind_is_refused(server, body, status):
    assert server.ask("POST", b"/gradio_api/queue/join", body)[0] == status


def test_no_event_breaks_at_text_and_nothing_is_printed(server, events, capfd):
    for number in events:
        for data in ([], ["text"], ["text", None], [None, None], ["\0\u202e", None]):
            status = server.join(fn_index=number, data=data, session_hash=f"s{number}")
            assert status in {200, 422}
            if status == 200:
                assert b'"success":true' in server.receive_all(f"s{number}")
    assert "Traceback" not in capfd.readouterr().err


def test_who_listens_for_nothing_is_told_so_and_no_error_is_logged(server, caplog):
    status, _, written = server.ask("GET", b"/gradio_api/queue/data?session_hash=nobody")
    assert status in {200, 404}
    assert status == 404 or b"session_not_found" in written
    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == []


def eventually_rests() -> bool:
    """Whether this process comes to a second in which it does next to nothing."""
    for _ in range(60):
        used = time.process_time()
        time.sleep(1)
        if time.process_time() - used < 0.1:
            return True
    return False


def test_after_all_that_no_file_is_new_nothing_goes_on_and_a_question_is_answered(server, events):
    before = server.files()
    for data in SHAPES:
        for number in [*events, -1, 99]:
            server.join(fn_index=number, data=data)
    assert server.files() == before
    assert eventually_rests()
    (asking,) = (number for number, how in events.items() if "submit" in how)
    assert server.join(fn_index=asking, session_hash="real") == 200
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


def forms() -> list[str]:
    """Every form of a path that leads elsewhere."""
    return [form for form in TRAVERSAL.read_text(encoding="utf-8").split("\n") if form]


def leads_out(form: str) -> bool:
    """Whether a server that decodes a form without care reads a file beside its folders."""
    wanted = [f"/r{'/f' * depth}/secret.txt" for depth in range(9)]
    for _ in range(4):
        for path in (form, form.replace("\\", "/")):
            reply = os.path.normpath("/r" + "/f" * 8 + "/" + path.lstrip("/"))
            if reply in wanted:
                return True
        form = unquote(form)
    return False


def aimed(form: str, folder: Path) -> list[bytes]:
    """A form as it is, aimed at a secret near by, and at it from the root of all."""
    named = (form, TARGET.sub("secret.txt", form), TARGET.sub(f"{folder}/secret.txt"[1:], form))
    return [one.replace("{FILE}", "secret.txt").encode() for one in dict.fromkeys(named)]


def assert_nothing_leaks(server: Running, form: str) -> int:
    """Nothing but a refusal comes of a form of a path, wherever it is sent; how often it was."""
    targets = aimed(form, server.folder)
    for target in targets:
        for prefix in PREFIXES:
            status, leads, body = server.ask("GET", prefix + target)
            shown = (prefix + target, status, body[:200])
            assert status in {400, 403, 404, 405} or leads == "/guide/cats.md", shown
            assert SECRET.encode() not in body, shown
            assert b"root:" not in body, shown
            assert b"__future__" not in body, shown
    return len(targets) * len(PREFIXES)


@pytest.mark.skipif(not TRAVERSAL.is_file(), reason=f"there is no {TRAVERSAL}")
def test_no_path_leads_out_of_what_is_served(server):
    known = forms()
    assert sum(map(leads_out, (TARGET.sub("secret.txt", form) for form in known))) > 100
    for form in known[::20]:
        assert_nothing_leaks(server, form)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "A B"])
def test_a_path_that_leads_elsewhere_is_refused_by_every_method(server, method):
    for target in (
        b"/guide/../secret.txt",
        b"/static/..%2f..%2fsecret.txt",
        b"/chat/%2e%2e/web.py",
    ):
        assert server.ask(method, target)[0] in {400, 404, 405}
