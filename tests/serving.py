"""Run a server in its own process, and light readers of its chat.

A reader speaks HTTP over one persistent connection, as a browser does, and only as much of it as
the chat needs: the load generator must not use much processor time itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import html
import itertools
import json
import os
import re
import secrets
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Self

from assistant.server.security.api_keys import ApiKeys
from tests.conftest import CORPUS, ROOT
from tests.small_guides import copy_introduction

if TYPE_CHECKING:
    from collections.abc import Sequence

PATIENCE = 300.0
"""Seconds after which a server or an answer counts as hung."""

REUSABLE = 2.0
"""Seconds for which an idle connection is used again; the server closes it after five."""

FIRST_LINE = re.compile(r"The chat is at http://127\.0\.0\.1:(\d+)(\S*)/ \(Ctrl-C stops it\)\.\n")
QUESTIONS = re.compile(r'<h2 class="asked" dir="auto">(.*?)</h2>')


class Serving:
    """`python -m assistant serve` on a free port of this machine; its standard error is a file."""

    def __init__(
        self,
        folder: Path,
        corpus: Path | None = None,
        *,
        under: Sequence[str] = (),
        flags: Sequence[str] = (),
        **settings: object,
    ) -> None:
        """Start the server; `folder` holds its index, `settings` go into the environment.

        Without `corpus` the guide is the repository's where an index is there, else its first page,
        copied into `folder`.
        `under` is a command that starts it, for example as another user.
        """
        own = {name: value for name, value in os.environ.items() if "ASSISTANT_" not in name}
        page = folder / "introduction"
        if corpus is None and not page.exists() and not (folder / "index").exists():
            copy_introduction(page)
        corpus = corpus or (page if page.exists() else CORPUS)
        chosen = {"corpus": corpus, "index": folder / "index", "port": 0, **settings}
        own |= {f"ASSISTANT_{name.upper()}": str(value) for name, value in chosen.items()}
        self.keys = ApiKeys(Path(str(chosen.get("keys", folder / "index" / "keys.json"))))
        self.stderr = folder / f"stderr-{secrets.token_hex(4)}"
        with self.stderr.open("wb") as stderr:
            self.process = subprocess.Popen(
                [*under, sys.executable, "-m", "assistant", "serve", *flags],
                cwd=folder,
                env={**own, "PYTHONPATH": str(ROOT), "COLUMNS": "100"},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=stderr,
            )

    @property
    def log(self) -> str:
        """The standard error written until now."""
        return self.stderr.read_text(encoding="utf-8")

    @property
    def port(self) -> int:
        """The port from the log; waits until it is there."""
        ends = time.monotonic() + PATIENCE
        while not (result := FIRST_LINE.search(self.log)):
            assert self.process.poll() is None, self.log
            assert time.monotonic() < ends, self.log
            time.sleep(0.02)
        return int(result[1])

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @contextlib.contextmanager
    def admin(self):
        """Yield the header of an admin, whose API key exists within this context."""
        yield {"authorization": f"Bearer {self.keys.add('monitor', ['admin'])}"}
        self.keys.revoke("monitor")

    @property
    def memory(self) -> int:
        """The resident memory in bytes."""
        pages = Path(f"/proc/{self.process.pid}/statm").read_text(encoding="ascii").split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")

    @property
    def seconds(self) -> float:
        """The processor time used, in seconds."""
        stat = Path(f"/proc/{self.process.pid}/stat").read_text(encoding="ascii")
        user, system = stat.rpartition(")")[2].split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")

    def ready(self) -> Serving:
        """Wait until the server is ready."""
        ends = time.monotonic() + PATIENCE
        while asyncio.run(fetch(self.port, "/readyz")).status != 200:
            assert time.monotonic() < ends, self.log
            time.sleep(0.05)
        return self

    def stop(self, number: int = signal.SIGTERM) -> float:
        """Send a signal and return the seconds until the process ends."""
        began = time.monotonic()
        self.process.send_signal(number)
        return self.ended(began)

    def ended(self, began: float) -> float:
        """Wait for the end of the process and return the seconds since `began`."""
        self.process.communicate(timeout=PATIENCE)
        return time.monotonic() - began

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate(timeout=PATIENCE)


@dataclass(frozen=True, slots=True)
class Response:
    """A response; the names of headers are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes = b""

    def json(self):
        return json.loads(self.body)


class Connection:
    """One connection to a server, kept between requests and reopened when it is stale.

    `root` is the prefix of every path, `source` the local address.
    """

    def __init__(self, port: int, root: str = "", source: str = "127.0.0.1") -> None:
        self._port, self._root, self._source = port, root, source
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._used = 0.0

    async def begin(self, method: str, path: str, body: bytes = b"", headers=None) -> Response:
        """Send a request and read the head of the response; header names are in lower case."""
        stale = time.monotonic() - self._used > REUSABLE
        if self._writer is None or stale or self._reader.at_eof() or self._writer.is_closing():
            await self.close()
            self._reader, self._writer = await asyncio.open_connection(
                "127.0.0.1", self._port, local_addr=(self._source, 0)
            )
        fields = {"host": f"127.0.0.1:{self._port}", **(headers or {})}
        if body:
            fields |= {"content-type": "application/json", "content-length": str(len(body))}
        lines = [f"{method} {self._root}{path} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in fields.items()]
        self._writer.write("\r\n".join([*lines, "", ""]).encode() + body)
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        received = dict(line.split(": ", 1) for line in head[1:] if line)
        return Response(int(head[0].split()[1]), {k.lower(): v for k, v in received.items()})

    async def chunks(self, response: Response):
        """Yield the body of a response as it arrives."""
        if "content-length" in response.headers:
            yield await self._reader.readexactly(int(response.headers["content-length"]))
        while response.headers.get("transfer-encoding") == "chunked":
            size = int(await self._reader.readuntil(b"\r\n"), 16)
            chunk = await self._reader.readexactly(size + 2)
            if not size:
                break
            yield chunk[:-2]
        self._used = time.monotonic()
        if response.headers.get("connection") == "close":
            await self.close()

    async def request(self, method: str, path: str, body: bytes = b"", headers=None) -> Response:
        """Send a request and read all of the response."""
        head = await self.begin(method, path, body, headers)
        whole = b"".join([chunk async for chunk in self.chunks(head)])
        return Response(head.status, head.headers, whole)

    async def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
            with contextlib.suppress(OSError):
                await self._writer.wait_closed()
            self._reader = self._writer = None


async def fetch(port: int, path: str, root: str = "") -> Response:
    """Fetch an address over a new connection, with the headers of a browser."""
    headers = {"accept": "text/html,*/*"}
    async with Readers(port, root) as readers:
        response = readers.connection().request("GET", path, headers=headers)
        return await asyncio.wait_for(response, PATIENCE)


@dataclass(frozen=True, slots=True)
class Event:
    """The event of a question in the chat's box: its number and its trigger."""

    number: int
    trigger: int

    @classmethod
    def of(cls, page: str) -> Event:
        """Read the event from the chat's page."""
        match = re.search(r"window\.gradio_config = (\{.*?\});</script>", page, re.DOTALL)
        config = json.loads(match[1])
        names = {part["id"]: part["props"].get("elem_id") for part in config["components"]}
        (result,) = (
            event
            for event in config["dependencies"]
            if [names[part] for part in event["inputs"]] == ["question"]
        )
        return cls(result["id"], result["targets"][0][0])


@dataclass(slots=True)
class Reader:
    """A reader of the chat with one tab, one connection and a list of the questions asked."""

    connection: Connection
    event: Event
    questions: list[str] = field(default_factory=list)
    name: str = field(default_factory=lambda: secrets.token_hex(6))

    def anew(self) -> Reader:
        """Return another reader with the same connection."""
        return Reader(self.connection, self.event)

    async def join(self, question: str, headers=None) -> Response:
        """Put a question into the queue and return the response."""
        body = {
            "data": [question],
            "fn_index": self.event.number,
            "session_hash": self.name,
            "trigger_id": self.event.trigger,
            "event_data": None,
        }
        sent = json.dumps(body).encode()
        joined = await self.connection.request("POST", "/gradio_api/queue/join", sent, headers)
        if joined.status == 200:
            self.questions.append(question)
        return joined

    async def conversation(self, *, failures: bool = False) -> str:
        """Wait for the last answer and return the whole conversation as HTML.

        A failed question is an error, unless `failures` is true.
        """
        path = f"/gradio_api/queue/data?session_hash={self.name}"
        stream = await self.connection.request("GET", path)
        assert stream.status == 200, stream
        events = [json.loads(line[6:]) for line in stream.body.split(b"\n\n") if line]
        assert events[-1]["msg"] == "close_stream", events
        (done,) = (message for message in events if message["msg"] == "process_completed")
        assert done["success"], done
        conversation = done["output"]["data"][1]
        assert failures or 'class="notice failure"' not in conversation, conversation
        return conversation

    async def received(self) -> list[str]:
        """Wait for the answer and return the questions shown in the conversation, oldest first."""
        return [
            html.unescape(question) for question in QUESTIONS.findall(await self.conversation())
        ]

    async def ask(self, question: str) -> list[str] | Response:
        """Ask and return the questions shown in the conversation, or the refusal."""
        joined = await self.join(question)
        return joined if joined.status != 200 else await self.received()


class Readers:
    """The readers of one server; at the end all their connections are closed."""

    def __init__(self, port: int, root: str = "") -> None:
        self.port, self._root = port, root
        self._connections: list[Connection] = []
        self._event: Event | None = None

    def connection(self, source: str = "127.0.0.1") -> Connection:
        self._connections.append(Connection(self.port, self._root, source))
        return self._connections[-1]

    async def reader(self, source: str = "127.0.0.1") -> Reader:
        if self._event is None:
            page = await fetch(self.port, "/", self._root)
            self._event = Event.of(page.body.decode())
        return Reader(self.connection(source), self._event)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.gather(*(connection.close() for connection in self._connections))


def questions():
    """Yield questions to the repository's own guide, each different."""
    all_questions = (
        "What is a product manager? What is a product owner? How is a PM different from a PO? "
    )
    all_questions += "Which types of product managers are there? What do product managers do? "
    all_questions += (
        "How do I become a product manager? What should I read first? Can I bake bread here?"
    )
    for number in itertools.count(1):
        for question in re.findall(r"[^?]+\?", all_questions):
            yield f"{question.strip()} ({number})"
