"""Run a server in a thread of this process: it starts in one second, a process takes six."""

from __future__ import annotations

import asyncio
import contextlib
import threading

import uvicorn

from assistant.server.app import Server
from assistant.server.lifecycle import listen
from tests.serving import PATIENCE


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
