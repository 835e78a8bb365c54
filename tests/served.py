"""Run a server in a thread of this process: it takes half a second, a process six."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import uvicorn

from assistant.server.app import Server
from assistant.server.lifecycle import listen
from assistant.server.reload import LiveAssistant
from assistant.server.security.api_keys import ApiKeys
from assistant.settings import Settings
from tests.serving import PATIENCE

if TYPE_CHECKING:
    from pathlib import Path

    from assistant.assistant import Assistant


@contextlib.contextmanager
def serving(live, settings):
    """Serve a guide from a thread and yield its address."""
    with listen("127.0.0.1", 0) as listener:
        servers: list[uvicorn.Server] = []
        ready = threading.Event()

        async def run():
            served = Server(settings)
            config = uvicorn.Config(
                served.app, log_level="critical", timeout_graceful_shutdown=1, proxy_headers=False
            )
            servers.append(uvicorn.Server(config))
            await served.open(live)
            ready.set()
            await servers[0].serve(sockets=[listener])

        thread = threading.Thread(target=asyncio.run, args=(run(),))
        thread.start()
        assert ready.wait(PATIENCE)
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            servers[0].should_exit = True
            thread.join(timeout=PATIENCE)
        assert not thread.is_alive()


@dataclass(frozen=True)
class Served:
    """A server in a thread: its address, and its API keys."""

    origin: str
    keys: ApiKeys

    @property
    def port(self) -> int:
        return urlsplit(self.origin).port

    @contextlib.contextmanager
    def admin(self):
        """Yield the header of an admin, whose API key exists within this context."""
        yield {"authorization": f"Bearer {self.keys.add('monitor', ['admin'])}"}
        self.keys.revoke("monitor")


@contextlib.contextmanager
def serve_assistant(assistant: Assistant, folder: Path, **settings: object):
    """Serve a guide from a thread; its answers and API keys are stored in a folder."""
    place = {"journal": f"sqlite:///{folder / 'journal.sqlite'}", "keys": folder / "keys.json"}
    chosen = Settings(**{**place, **settings})
    with serving(LiveAssistant(assistant), chosen) as origin:
        yield Served(origin, ApiKeys(chosen.keys))
