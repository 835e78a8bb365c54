"""Run the MCP server in its own process, and generate invalid messages for it.

Messages are bytes, so they may be no JSON, no text, or JSON that no library would write.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import random
import secrets
import subprocess
import sys
import threading
from pathlib import Path
from typing import Self

from tests.conftest import ROOT
from tests.serving import PATIENCE

GREETING = {
    "protocolVersion": "2025-11-25",
    "capabilities": {},
    "clientInfo": {"name": "tests", "version": "1"},
}
ENVELOPE = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
}
METHODS = """
initialize ping server/discover tools/list tools/call resources/list resources/templates/list
resources/read resources/subscribe prompts/list prompts/get completion/complete logging/setLevel
subscriptions/listen notifications/initialized notifications/cancelled notifications/progress
notifications/roots/list_changed tasks/list tasks/get sampling/createMessage roots/list
elicitation/create nothing/such __init__ rpc.discover
""".split()
TOOLS = "ask search read_section write __class__".split()


class Speaking:
    """`assistant mcp` over an index, its standard streams as pipes; standard error is a file."""

    def __init__(self, index: Path, folder: Path) -> None:
        own = {name: value for name, value in os.environ.items() if "ASSISTANT_" not in name}
        self.stderr = folder / f"stderr-{secrets.token_hex(4)}"
        with self.stderr.open("wb") as stderr:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "assistant", "mcp", "--index", str(index)],
                cwd=folder,
                env={**own, "PYTHONPATH": str(ROOT)},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
            )
        self.received: list[bytes] = []
        self._lines: queue.Queue[bytes] = queue.Queue()
        self._last = 0
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        for line in self.process.stdout:
            self.received.append(line)
            self._lines.put(line)

    def send(self, line: bytes) -> None:
        """Send a line as it is."""
        self.process.stdin.write(line + b"\n")
        self.process.stdin.flush()

    def request(self, method: str, params: dict | None = None) -> dict:
        """Send a request and wait for its response; other responses are skipped."""
        self._last += 1
        name = f"asked {self._last}"
        message = {"jsonrpc": "2.0", "id": name, "method": method, "params": params or {}}
        self.send(json.dumps(message).encode())
        while True:
            reply = json.loads(self._lines.get(timeout=PATIENCE))
            if reply.get("id") == name:
                return reply

    def greet(self) -> dict:
        """Initialize the connection as an agent does."""
        reply = self.request("initialize", GREETING)
        self.send(b'{"jsonrpc": "2.0", "method": "notifications/initialized"}')
        return reply

    def ask(self, question: str) -> dict:
        """Ask and return the answer with its seconds set to 0."""
        params = {"name": "ask", "arguments": {"question": question}}
        return {**self.request("tools/call", params)["result"]["structuredContent"], "seconds": 0}

    @property
    def log(self) -> str:
        """The standard error written until now."""
        return self.stderr.read_text(encoding="utf-8")

    @property
    def memory(self) -> int:
        """The resident memory in bytes."""
        pages = Path(f"/proc/{self.process.pid}/statm").read_text(encoding="ascii").split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")

    def end(self) -> int:
        """Close its standard input, as an agent does at its end, and return the exit code."""
        self.process.stdin.close()
        code = self.process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        return code

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        self.process.stdout.close()
        if not self.process.stdin.closed:
            with contextlib.suppress(BrokenPipeError):
                self.process.stdin.close()


class Hostile:
    """A generator of messages, one per line; the same seed gives the same messages."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def message(self) -> bytes:
        """Return the next message."""
        kind = self._random.choice(
            (self._garbage, self._cut, self._nested, self._batch, self._response, self._twice)
            + (self._odd,) * 4
            + (self._called,) * 4
            + (self._notice,) * 2
        )
        line: bytes = kind()
        return line.replace(b"\n", b" ").replace(b"\r", b" ")

    def _garbage(self) -> bytes:
        made = self._random.randbytes(self._random.randrange(200))
        return self._random.choice(
            (made, b"", b"\x00" * 50, b"[", b"nul", b'"\\ud800"', b"1" * 5000)
        )

    def _cut(self) -> bytes:
        whole = self._called()
        return whole[: self._random.randrange(len(whole))]

    def _nested(self) -> bytes:
        deep = self._random.choice((10, 200, 1_000, 12_000))
        left, right = self._random.choice(((b"[", b"]"), (b'{"a":', b"}")))
        inner = left * deep + b"1" + right * deep
        before = b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":'
        return self._random.choice(
            (
                inner,
                before + inner + b"}",
                before + b'{"name":"ask","arguments":{"question":' + inner + b"}}}",
                before + b'{"name":"ask","_meta":' + inner + b"}}",
            )
        )

    def _batch(self) -> bytes:
        return b"[" + b",".join(self._called() for _ in range(self._random.randrange(5))) + b"]"

    def _response(self) -> bytes:
        part = self._random.choice(("result", "error"))
        return self._written({"jsonrpc": "2.0", "id": self._value(), part: self._value()})

    def _twice(self) -> bytes:
        return self._called()[:-1] + b',"method":"tools/list","id":{},"params":[]}'

    def _odd(self) -> bytes:
        """Return an envelope whose parts may be missing or of any type."""
        whole = {"jsonrpc": "2.0", "id": 1, "method": self._random.choice(METHODS), "params": {}}
        for name in self._random.sample(list(whole), self._random.randrange(1, 4)):
            if self._random.random() < 0.4:
                del whole[name]
            else:
                whole[name] = self._value()
        if self._random.random() < 0.2:
            whole[self._text()] = self._value()
        return self._written(whole)

    def _called(self) -> bytes:
        """Return a well-formed request for something that may not exist."""
        method = self._random.choice(METHODS + ["tools/call"] * 12 + ["resources/read"] * 4)
        params = {self._text(): self._value() for _ in range(self._random.randrange(3))}
        if method == "tools/call":
            arguments = {
                self._random.choice(("question", "k", "context", "path", "anchor", "offset")): (
                    self._value()
                )
                for _ in range(self._random.randrange(4))
            }
            params |= {
                "name": self._random.choice((*TOOLS, self._value())),
                "arguments": self._random.choice((arguments, arguments, arguments, self._value())),
            }
        if method == "resources/read":
            params["uri"] = self._random.choice(("guide://page/", "")) + self._text()
        if self._random.random() < 0.3:
            params["_meta"] = self._random.choice((ENVELOPE, {**ENVELOPE, "progressToken": 1}, [1]))
        name = self._random.choice((self._random.randrange(10**6), self._text(), 10**40, -1, ""))
        return self._written({"jsonrpc": "2.0", "id": name, "method": method, "params": params})

    def _notice(self) -> bytes:
        method = self._random.choice(METHODS)
        params = {"requestId": self._random.randrange(10**6), self._text(): self._value()}
        return self._written({"jsonrpc": "2.0", "method": method, "params": params})

    def _text(self) -> str:
        return self._random.choice(
            (
                "",
                "a",
                "cats.md",
                "What is a product manager?",
                "\ud800",
                "\udc00\ud800 half",
                "\x00\x1b[2J\u2028",
                "\u202e\U000e0041",
                "../../etc/passwd",
                "x" * self._random.choice((10, 3_000, 15_000)),
                "w " * self._random.randrange(1, 200),
                chr(self._random.randrange(0x110000)),
            )
        )

    def _value(self) -> object:
        return self._random.choice(
            (
                None,
                True,
                0,
                -1,
                3,
                10**30,
                1e308,
                float("nan"),
                float("inf"),
                0.5,
                [],
                {},
                [[1, {}]],
                {"a": None},
                self._text(),
                self._text(),
                [self._text()],
                {self._text(): self._text()},
            )
        )

    def _written(self, message: object) -> bytes:
        """Write JSON, half of the time without escapes; surrogates stay bytes."""
        plain = self._random.random() < 0.5
        return json.dumps(message, ensure_ascii=plain).encode("utf-8", "surrogatepass")
