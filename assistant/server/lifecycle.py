"""Start and stop the server: open its socket, make the guide ready, stop without losing answers."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import tempfile
import threading
import time
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from assistant import console
from assistant.errors import SettingsError
from assistant.render import catalogue
from assistant.server.security.connections import limit_connections, raise_file_limit
from assistant.server.security.trusted_hosts import is_loopback_host

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from assistant.server.app import Server
    from assistant.server.reload import LiveAssistant
    from assistant.server.security.api_keys import ApiKeys
    from assistant.settings import Settings

    Progress = Callable[[str, int, int], None]
    Prepare = Callable[[Progress], LiveAssistant]

DRAIN_SECONDS = 8.0
"""Seconds that pending questions may still take once the server has to stop."""

DELIVERY_SECONDS = 1.0
"""Seconds that clients may then take to fetch the answers."""


def serve(prepare: Prepare, settings: Settings) -> None:
    """Serve until a signal stops it; `prepare` makes the guide ready while its progress is shown.

    Raises SettingsError where the server cannot listen, ApiKeysUnusable, and what `prepare` raises.
    """
    import uvicorn
    from uvicorn.protocols.http.h11_impl import H11Protocol

    from assistant.server.app import Server

    _check_settings(settings)

    class UvicornServer(uvicorn.Server):  # type: ignore[misc]
        """A server that answers all accepted questions before it stops."""

        def handle_exit(self, number: int, frame: FrameType | None) -> None:
            server.concurrency.drain()  # at once: uvicorn reacts only at its next check
            super().handle_exit(number, frame)

        async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
            await shut_down(server)
            await super().shutdown(sockets)

    def announce() -> None:
        host, port = listener.getsockname()[:2]
        address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        url = f"http://{address}{settings.root}/"
        for line in (f"The chat is at {url} (Ctrl-C stops it).", *notices):
            console.echo(line, err=True)

    failures: list[Exception] = []

    async def start() -> None:
        try:
            await prepare_guide(server, prepare, announce)
        except Exception as error:  # noqa: BLE001 - raised again below, where the server was started
            failures.append(error)
            uvicorn_server.should_exit = True

    with listen(settings.host, settings.port) as listener:
        server = Server(settings, start)
        notices = startup_notices(settings, server.keys)
        max_files = raise_file_limit()
        config = uvicorn.Config(
            server.app,
            backlog=min(max_files // 16, 2048),
            log_config=None,  # its log goes where the package's own log goes
            log_level="warning",
            http=limit_connections(H11Protocol, settings.trusted_proxies, max_files // 2),
            ws="none",
            timeout_graceful_shutdown=1,
            proxy_headers=False,
            server_header=False,
        )
        uvicorn_server = UvicornServer(config)
        # While it stops, uvicorn logs every tab that is still open as an error; it is none.
        logging.getLogger("uvicorn.error").addFilter(lambda _: not uvicorn_server.should_exit)
        # At its end uvicorn raises the signal that stopped it again; this handler ignores it.
        with suppress(ValueError):  # only the main thread may set a handler
            signal.signal(signal.SIGTERM, lambda *_: None)
        uvicorn_server.run(sockets=[listener])
        if failures:
            raise failures[0]


def _check_settings(settings: Settings) -> None:
    """Raise SettingsError for settings that cannot work, before anything heavy is loaded."""
    from assistant.server.app import LOGO_MEDIA_TYPES

    if settings.logo and settings.logo.suffix.lower() not in LOGO_MEDIA_TYPES:
        raise SettingsError(
            f"The logo {settings.logo} is no picture that a browser shows.",
            f"Name one of these kinds: {', '.join(LOGO_MEDIA_TYPES)}.",
        )
    try:
        tempfile.gettempdir()
    except OSError as error:  # Gradio needs one when it is imported
        raise SettingsError(
            "There is no folder for temporary files, which the chat needs.",
            "Name one that may be written to: TMPDIR=FOLDER",
        ) from error
    catalogue.choose_messages("", settings.language)  # raises for an unknown language


def listen(host: str, port: int) -> socket.socket:
    """Open a socket that listens, so that a busy port is known before anything heavy is loaded."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        listener = socket.create_server((host, port), family=family)
    except OSError as error:
        reason = str(error.strerror or error).partition(" (while")[0]  # the message names it
        raise SettingsError(
            f"The chat cannot listen on {host}, port {port}: {reason}.",
            "Stop what listens there, or choose another: --port, --host.",
        ) from error
    # Without this option the second of two pieces waits 40 ms, until the first is acknowledged.
    # asyncio sets it on its own sockets, but not on one that it is given.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def startup_notices(settings: Settings, keys: ApiKeys) -> tuple[str, ...]:
    """Describe who may read, where the settings do not make it clear. Raises ApiKeysUnusable."""
    has_keys = bool(keys.list_keys())
    trusts_loopback = settings.trusts_loopback
    lines = []
    if settings.anonymous:
        return ()
    if not trusts_loopback:
        reason = "hosts is set" if settings.hosts else "trust_loopback is off"
        lines.append(f"Readers on this machine need an API key too, since {reason}.")
    needs_key = not is_loopback_host(settings.host) or not trusts_loopback
    if needs_key and not has_keys and not settings.user_header:
        who = "on other machines " if trusts_loopback else ""
        lines.append(
            f"Readers {who}need an API key: assistant keys add NAME, or turn on anonymous."
        )
    return tuple(lines)


async def prepare_guide(server: Server, prepare: Prepare, announce: Callable[[], None]) -> None:
    """Make the guide ready in a thread and open the server over it; raise what `prepare` raises.

    `announce` is called once the page shows progress or the chat.
    """

    def report(step: str, done: int, total: int) -> None:
        if not server.steps:  # the first step: from here on the page shows progress
            announce()
        server.steps[step] = done, total

    await server.open(await _run_in_thread(partial(prepare, report)))
    if not server.steps:
        announce()


async def shut_down(server: Server) -> None:
    """Answer accepted questions, accept no new ones, and end the streams of open tabs."""
    server.concurrency.drain()
    chat = server.chat
    await _wait_until(
        lambda: not (server.concurrency.questions or (chat and chat.is_busy())), DRAIN_SECONDS
    )
    await _wait_until(lambda: not (chat and chat.has_undelivered()), DELIVERY_SECONDS)
    server.concurrency.close()
    server.streams.end()


async def _wait_until(is_done: Callable[[], bool], timeout: float) -> None:
    """Wait until something is done, at most `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while not is_done() and time.monotonic() < deadline:
        await asyncio.sleep(0.02)


async def _run_in_thread(work: Callable[[], LiveAssistant]) -> LiveAssistant:
    """Run long work in a thread of its own, which does not delay a stop of the server."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[LiveAssistant] = loop.create_future()

    def resolve(result: LiveAssistant | None, error: Exception | None) -> None:
        if future.cancelled():
            return
        if error:
            future.set_exception(error)
        elif result:
            future.set_result(result)

    def run() -> None:
        result, failure = None, None
        try:
            result = work()
        except Exception as error:  # noqa: BLE001 - raised where the future is awaited
            failure = error
        with suppress(RuntimeError):  # the server has stopped meanwhile
            loop.call_soon_threadsafe(resolve, result, failure)

    threading.Thread(target=run, name="prepare", daemon=True).start()
    return await future
