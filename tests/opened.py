"""A server over a guide that is ready, for tests that ask it without a network."""

from __future__ import annotations

import asyncio

from assistant.server.app import Server


def opened(settings, live) -> Server:
    """The server, its chat drawn but its queue not begun."""

    async def ready() -> Server:
        server = Server(settings)
        await server.open(live)
        await server.lifespan.aclose()
        return server

    # Outside a running loop Gradio opens event loops of its own and closes none of them.
    return asyncio.run(ready())
