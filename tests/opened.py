"""Open a server over a guide that is ready, for tests without a network."""

from __future__ import annotations

import asyncio

from assistant.server.app import Server


def open_server(settings, live) -> Server:
    """Return the server with its chat page made and its queue not started."""

    async def ready() -> Server:
        server = Server(settings)
        await server.open(live)
        await server.lifespan.aclose()
        return server

    # Outside a running loop Gradio opens event loops of its own and closes none of them.
    return asyncio.run(ready())
