"""How the server starts and stops: its socket, the guide made ready, and a stop without loss."""

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
"""Seconds that the questions under way may take once the server is to stop."""

DELIVERY_SECONDS = 1.0
"""Seconds that their answers may then take to be fetched."""


def serve(prepare: Prepare, settings: Settings) -> None:
    """Serve until it is stopped; `prepare` makes the guide ready while its progress is shown.

    Raises SettingsError where it cannot listen, ApiKeysUnusable, and what `prepare` raises.
    """
    import uvicorn
    from uvicorn.protocols.http.h11_impl import H11Protocol

    from assistant.server.app import Server

    _check_settings(settings)

    class UvicornServer(uvicorn.Server):  # type: ignore[misc]
        """A server that answers what it has accepted before it stops."""

        def handle_exit(self, number: int, frame: FrameType | None) -> None:
            server.concurrency.drain()  # from this moment on, not from when it is next looked
            super().handle_exit(number, frame)

        async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
            await shut_down(server)
            await super().shutdown(sockets)

    def announce() -> None:
        host, port = listener.getsockname()[:2]
        place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        url = f"http://{place}{settings.root}/"
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
            log_config=None,  # its lines go where the package's own do
            log_level="warning",
            http=limit_connections(H11Protocol, settings.trusted_proxies, max_files // 2),
            ws="none",
            timeout_graceful_shutdown=1,
            proxy_headers=False,
            server_header=False,
        )
        uvicorn_server = UvicornServer(config)
        # That stopping cuts off the tabs still open is no error to report.
        logging.getLogger("uvicorn.error").addFilter(lambda _: not uvicorn_server.should_exit)
        # uvicorn raises the signal that stopped it once more at the end, which changes nothing.
        with suppress(ValueError):  # signals reach the main thread alone
            signal.signal(signal.SIGTERM, lambda *_: None)
        uvicorn_server.run(sockets=[listener])
        if failures:
            raise failures[0]


def _check_settings(settings: Settings) -> None:
    """Raise SettingsError for what cannot be served, before anything heavy is loaded."""
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
        reason = str(error.strerror or error).partition(" (while")[0]  # the address is named
        raise SettingsError(
            f"The chat cannot listen on {host}, port {port}: {reason}.",
            "Stop what listens there, or choose another: --port, --host.",
        ) from error
    # Without it what is sent in two pieces waits 40 ms for the first to be acknowledged. asyncio
    # sets it on its own sockets, but not on one that it was handed.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def startup_notices(settings: Settings, keys: ApiKeys) -> tuple[str, ...]:
    """Describe who may read, where the settings do not make that plain. Raises ApiKeysUnusable."""
    any_key = bool(keys.list_keys())
    trusts_loopback = settings.trusts_loopback
    lines = []
    if settings.anonymous:
        return ()
    if not trusts_loopback:
        reason = "hosts is set" if settings.hosts else "trust_loopback is off"
        lines.append(f"Readers on this machine need an API key too, since {reason}.")
    is_reached = not is_loopback_host(settings.host) or not trusts_loopback
    if is_reached and not any_key and not settings.user_header:
        who = "on other machines " if trusts_loopback else ""
        lines.append(
            f"Readers {who}need an API key: assistant keys add NAME, or turn on anonymous."
        )
    return tuple(lines)


async def prepare_guide(server: Server, prepare: Prepare, announce: Callable[[], None]) -> None:
    """Make the guide ready in a thread and open the server over it; raise what `prepare` raises.

    `announce` is called once there is something to look at.
    """

    def report(step: str, done: int, total: int) -> None:
        if not server.steps:  # it takes a while, and can be watched
            announce()
        server.steps[step] = done, total

    await server.open(await _run_in_thread(partial(prepare, report)))
    if not server.steps:
        announce()


async def shut_down(server: Server) -> None:
    """Answer what was accepted, take nothing new, and end the streams of open tabs."""
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
    """Run long work in a thread of its own, which does not hold up a server that is to stop."""
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
