"""Send a request to an ASGI application, and an application that records what it receives."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from urllib.parse import unquote

from assistant.server.security.policies import Policy
from assistant.server.security.problems import PROBLEM_JSON

READER = ("203.0.113.9", 4711)
ENDLESS = "text/event-stream; charset=utf-8"


@dataclass
class Application:
    """An application that records the requests that reach it and answers as it is told."""

    status: int = 200
    headers: tuple[tuple[str, str], ...] = (("content-type", "text/plain"),)
    body: bytes = b"well"
    error: Exception | None = None
    scopes: list[dict] = field(default_factory=list)
    received: list[bytes] = field(default_factory=list)

    async def __call__(self, scope, receive, send):
        self.scopes.append(scope)
        self.received.append((await receive())["body"])
        if self.error:
            raise self.error
        headers = [(name.encode(), value.encode()) for name, value in self.headers]
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": self.body})

    @property
    def state(self) -> dict:
        """The state of the last request."""
        return self.scopes[-1]["state"]

    def header(self, name: str) -> list[str]:
        """The values of a header of the last request."""
        return [v.decode() for n, v in self.scopes[-1]["headers"] if n == name.encode()]


@dataclass
class Reply:
    """A response, its headers as they were sent."""

    status: int
    pairs: list[tuple[str, str]]
    body: bytes

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.pairs if key == name]

    def __getitem__(self, name: str) -> str:
        (value,) = self.all(name)
        return value

    @property
    def problem(self) -> dict:
        assert self["content-type"] == PROBLEM_JSON
        return json.loads(self.body)


async def send_scope(app, scope: dict, body: list[bytes]) -> Reply:
    """Send a request by its scope, its body in pieces, and collect the response."""
    pieces, messages = list(body), []

    async def receive():
        if not pieces:
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": pieces.pop(0), "more_body": bool(pieces)}

    async def send(message):
        messages.append(message)

    await app(scope, receive, send)
    start, *rest = messages
    assert [message.get("more_body", False) for message in rest][-1] is False
    pairs = [(name.decode(), value.decode("latin-1")) for name, value in start["headers"]]
    return Reply(start["status"], pairs, b"".join(message.get("body", b"") for message in rest))


def make_scope(method: str = "GET", path: str = "/", **how) -> dict:
    """The scope of a request. The path is as it is sent; Host is named unless it is given.

    `policy` and `caller` stand for what an outer middleware found out.
    """
    headers = [(name.lower(), value) for name, value in how.get("headers", ())]
    if "host" not in dict(headers) and not how.get("hostless"):
        headers.append(("host", "127.0.0.1"))
    body = how.get("body", b"")
    if isinstance(body, bytes) and body:
        headers.append(("content-length", str(len(body))))
    raw, _, query = path.partition("?")
    scope = {
        "type": "http",
        "method": method,
        "scheme": how.get("scheme", "http"),
        "path": unquote(raw),
        "raw_path": raw.encode(),
        "root_path": "",
        "query_string": query.encode(),
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in headers],
        "client": how.get("client", READER),
    }
    state = {name: how[name] for name in ("policy", "caller") if name in how}
    return {**scope, "state": state} if state else scope


def request(app, method: str = "GET", path: str = "/", **how) -> Reply:
    """Send one request and return its response; see `make_scope`."""
    body = how.get("body", b"")
    pieces = body if isinstance(body, list) else [body]
    return asyncio.run(send_scope(app, make_scope(method, path, **how), pieces))


QUESTION = Policy(is_question=True, cost=1.0)


def ask(app, **how) -> Reply:
    """Send a question."""
    return request(app, "POST", "/ask", **{"body": b"question", "policy": QUESTION, **how})
