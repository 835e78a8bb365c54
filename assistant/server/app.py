"""The server: the guide is made ready, then the chat, the reader and what is kept are served.

Knows addresses, what each of them hands out, and how a server starts and stops. Must not know how
an answer is found or looks. Everything it serves is behind the gate.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import tempfile
import threading
import time
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt, StrictStr, ValidationError
from starlette.staticfiles import StaticFiles

from assistant import __version__, console, files
from assistant.errors import AssistantError, JournalUnwritable, SettingsError
from assistant.http_accept import HTML, JSON, preferred
from assistant.offline import own_temporary_folder
from assistant.render import catalogue, layout, theme
from assistant.render.html import Masthead
from assistant.server.answer_log import Journal
from assistant.server.routes import openai, pages, rest, widget
from assistant.server.security.api_keys import Keys
from assistant.server.security.callers import is_proxy
from assistant.server.security.connections import bounded, raise_file_limit
from assistant.server.security.middleware import Gate
from assistant.server.security.policies import JOINED, LISTENED, ROUTES
from assistant.server.security.request import PROBLEM, problem
from assistant.server.service import Service, form_of, title_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping
    from types import FrameType

    from starlette.routing import BaseRoute
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from assistant.render.catalogue import Messages
    from assistant.server.reload import Live
    from assistant.settings import Settings

    Progress = Callable[[str, int, int], None]
    Prepare = Callable[[Progress], Live]

PATIENCE = 8.0
"""Seconds that questions under way may take once the server is to stop."""

DELIVERY = 1.0
"""Seconds that their answers may then take to be fetched."""

_PICTURES = {
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".webp": "image/webp",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".gif": "image/gif",
    ".ico": "image/x-icon",
}
_STATIC = Path(__file__).parent / "static"


_FORM = "Send it as /openapi.json says."


class Joining(BaseModel):
    """A question on its way into the chat's queue: text and the number of its event."""

    model_config = ConfigDict(extra="forbid", strict=True)

    data: Annotated[list[StrictStr | None], Field(max_length=2)]
    fn_index: StrictInt
    session_hash: Annotated[str, Field(pattern=r"^[a-z0-9]{1,40}$")]
    trigger_id: StrictInt | None = None
    event_data: None = None
    simple_format: StrictBool = False


class Server:
    """What is served over one guide: first how far it is, then the chat over it.

    `app` is the whole of it, behind the gate.
    """

    def __init__(
        self,
        settings: Settings,
        prepare: Prepare | None = None,
        *,
        announce: Callable[[], None] = lambda: None,
        stop: Callable[[], None] = lambda: None,
    ) -> None:
        """`announce` is called once there is something to look at, `stop` if there never is."""
        self.service: Service | None = None
        self.failure: BaseException | None = None
        self._settings = settings
        self._prepare = prepare
        self._announce, self._stop = announce, stop
        self._steps: dict[str, tuple[int, int]] = {}
        self._ready: ASGIApp | None = None
        self._dressed: Callable[[str, Messages, Masthead, str], str] = lambda page, *_: page
        self._waiting: Callable[[], int] = lambda: 0
        self._under_way: Callable[[], bool] = lambda: False
        self._undelivered: Callable[[], bool] = lambda: False
        self._listened: Callable[[str], bool] = lambda _: False
        self._events: Mapping[int, int] = {}
        self._stack = AsyncExitStack()
        self._masthead = Masthead(
            settings.title,
            settings.root,
            f"{settings.root}/chat/logo" if settings.logo else "",
            settings.feedback_url,
        )
        routes = [replace(row, check=self._joined) if row.path == JOINED else row for row in ROUTES]
        keys = Keys(settings.keys_file)
        self.app = Gate(self._routed(), routes, settings, keys=keys, waiting=self.waiting)

    def waiting(self) -> int:
        """How many questions wait for their turn."""
        return self._waiting()

    # -- getting ready --------------------------------------------------------------------------

    async def open(self, live: Live) -> None:
        """Serve the chat, and all else, over a guide that is ready."""
        settings = self._settings
        journal = await asyncio.to_thread(_journal, settings, live)
        service = Service(live, journal, settings.title or title_of(live))
        examples = await asyncio.to_thread(service.examples)
        web, mcp = await asyncio.to_thread(_heavy)
        feedback = settings.feedback_url or form_of(live)
        masthead = replace(self._masthead, title=service.title, feedback_url=feedback)
        chat = web.Chat(service, masthead, settings.language)
        app, blocks = web.application(chat, examples)
        await self._stack.enter_async_context(app.router.lifespan_context(app))
        self._waiting = partial(web.waiting, blocks)
        self._under_way = partial(web.under_way, blocks)
        self._undelivered = partial(web.undelivered, blocks)
        self._listened = partial(web.listened, blocks)
        self._events = web.events(blocks)
        self._dressed = web.dressed
        self._masthead, self._chat = masthead, app
        self._ready, self.service = self._over(service, masthead, mcp.route(service)), service

    @asynccontextmanager
    async def _lifespan(self, _: FastAPI) -> AsyncIterator[None]:
        async with self._stack:
            task = self._prepare and asyncio.create_task(self._get_ready(self._prepare))
            yield
            if task:
                task.cancel()
            if self.service and self.service.journal:
                self.service.journal.close()

    async def _get_ready(self, prepare: Prepare) -> None:
        def told(step: str, done: int, total: int) -> None:
            if not self._steps:  # it takes a while, and can be watched
                self._announce()
            self._steps[step] = done, total

        try:
            await self.open(await _aside(partial(prepare, told)))
            if not self._steps:
                self._announce()
        except Exception as error:  # noqa: BLE001 - it is raised where the server was started
            self.failure = error
            self._stop()

    # -- stopping -------------------------------------------------------------------------------

    async def finish(self) -> None:
        """Answer what was accepted, take nothing new, and let open tabs go."""
        self.app.close()
        await _until(lambda: not (self._under_way() or self.app.asking), PATIENCE)
        await _until(lambda: not self._undelivered(), DELIVERY)
        self.app.end_streams()

    # -- what is served -------------------------------------------------------------------------

    def _routed(self) -> FastAPI:
        app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, lifespan=self._lifespan)
        app.get("/healthz")(self._healthz)
        app.get("/readyz")(self._readyz)
        app.get("/progress")(self._progress)
        app.get("/chat/brand.css")(self._brand)
        app.get("/chat/logo")(self._logo)
        app.include_router(widget.loader(self._settings))
        app.mount("/chat", StaticFiles(directory=_STATIC))
        app.mount("/", self._when_ready)
        return app

    def _over(self, service: Service, masthead: Masthead, agents: BaseRoute) -> FastAPI:
        """What is served over a guide that is ready."""
        app = FastAPI(
            title=service.title,
            version=__version__,
            description="Ask a guide; get the right passage back, quoted, with its section.",
            docs_url=None,
            redoc_url=None,
        )
        app.exception_handler(RequestValidationError)(_unread)
        app.exception_handler(AssistantError)(_failed)
        app.include_router(pages.router(service, masthead, self._settings))
        app.include_router(rest.router(service, self.waiting))
        app.include_router(openai.router(service, self._settings))
        app.include_router(widget.router(service, masthead, self._settings))
        app.router.routes.append(agents)
        app.mount("/", self._front)
        return app

    def _say(self, request: Request) -> Messages:
        accepted = request.headers.get("accept-language", "")
        return catalogue.choose(accepted, self._settings.language)

    def _joined(self, body: bytes) -> str:
        """What is wrong with a body that joins the queue, or nothing."""
        try:
            sent = Joining.model_validate_json(body)
        except ValidationError:
            return "A question is sent as text."
        known = self._events.get(sent.fn_index) == len(sent.data)
        return "" if known else "The chat has no such event."

    # These run on the loop: a probe must not wait in the line of the threads that answer questions.

    async def _healthz(self, request: Request) -> dict[str, Any]:
        """Whether the server lives; to an admin also which generation it serves, and what fails."""
        if not request.state.admin:
            return {"status": "ok"}
        if self.service is None:
            return {"status": "starting"}
        live = self.service.live
        details: dict[str, Any] = {"generation": live.assistant.index.generation}
        if live.trouble:
            details["trouble"] = live.trouble
        if live.limits:
            details["limits"] = list(live.limits)
        return {"status": "stale" if live.trouble else "ok", **details}

    async def _readyz(self) -> Response:
        """Whether questions are answered."""
        if self._ready is None:
            return JSONResponse({"status": "not ready"}, 503, headers={"Retry-After": "2"})
        return JSONResponse({"status": "ok"})

    async def _progress(self) -> dict[str, Any]:
        return {"ready": self._ready is not None, "steps": self._steps}

    def _brand(self) -> Response:
        return Response(theme.style(self._settings.accent), media_type="text/css")

    def _logo(self) -> Response:
        if self._settings.logo is None:
            return Response(status_code=404)
        kind = _PICTURES[self._settings.logo.suffix.lower()]
        return Response(files.read(self._settings.logo), media_type=kind)

    async def _when_ready(self, scope: Scope, receive: Receive, send: Send) -> None:
        """What there is over a guide that is ready; until then, how far it is."""
        if self._ready is not None:
            await self._ready(scope, receive, send)
            return
        request, later = Request(scope), {"Retry-After": "2", "Cache-Control": "no-store"}
        accepted = ", ".join(request.headers.getlist("accept"))
        if preferred(accepted, (JSON, HTML)) == HTML:
            page = layout.opening(self._masthead, self._say(request))
            await HTMLResponse(page, 503, headers=later)(scope, receive, send)
        else:
            await Response(status_code=503, headers=later)(scope, receive, send)

    async def _front(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The chat and what it needs."""
        request = Request(scope, receive)
        path = request.url.path.removeprefix(self._settings.root)
        if path == LISTENED and not self._listened(request.query_params.get("session_hash", "")):
            await Response(status_code=404)(scope, receive, send)  # Gradio breaks off instead
        elif path not in {"", "/"}:
            await self._chat(scope, receive, send)
        else:
            page = await _whole(self._chat, scope, receive)
            page = self._dressed(page, self._say(request), self._masthead, scope["state"]["nonce"])
            await HTMLResponse(page, headers={"Cache-Control": "no-cache"})(scope, receive, send)


def _unread(request: Request, error: Exception) -> Response:
    """What is wrong with a request, and where; never what was sent, which may be no text."""
    wrong = error.errors()[0] if isinstance(error, RequestValidationError) else {}
    place = ".".join(str(part) for part in wrong.get("loc", ())[1:])
    what = f"{wrong.get('msg', 'It could not be read')}: {place!a}." if place else ""
    return _problem(request, 422, what or "The request is not in the form expected.", _FORM)


def _failed(request: Request, error: Exception) -> Response:
    if not isinstance(error, AssistantError):
        raise error
    return _problem(request, error.status, error.what, error.mend)


def _problem(request: Request, status: int, what: str, mend: str) -> Response:
    body = problem(status, what, mend, request.state.request_id, nested=request.state.nested)
    return Response(body, status, media_type=PROBLEM, headers={"Cache-Control": "no-store"})


async def _until(done: Callable[[], bool], patience: float) -> None:
    """Wait until something is done, but not for ever; `patience` is in seconds."""
    ends = time.monotonic() + patience
    while not done() and time.monotonic() < ends:
        await asyncio.sleep(0.02)


async def _aside(work: Callable[[], Live]) -> Live:
    """Do long work in a thread of its own, which does not hold up a server that is to stop."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[Live] = loop.create_future()

    def tell(result: Live | None, error: Exception | None) -> None:
        if done.cancelled():
            return
        if error:
            done.set_exception(error)
        elif result:
            done.set_result(result)

    def run() -> None:
        result, failed = None, None
        try:
            result = work()
        except Exception as error:  # noqa: BLE001 - it is raised where it is waited for
            failed = error
        with suppress(RuntimeError):  # the server has stopped meanwhile
            loop.call_soon_threadsafe(tell, result, failed)

    threading.Thread(target=run, name="prepare", daemon=True).start()
    return await done


async def _whole(app: ASGIApp, scope: Scope, receive: Receive) -> str:
    """The text of the page an application answers with, not compressed."""
    said = bytearray()

    async def keep(message: Message) -> None:
        said.extend(message.get("body", b""))

    headers = [(name, value) for name, value in scope["headers"] if name != b"accept-encoding"]
    await app({**scope, "method": "GET", "headers": headers}, receive, keep)
    return said.decode()


def _heavy() -> tuple[Any, Any]:
    """The chat's module with all of Gradio, and the agents', when there is a guide to ask.

    Raises SettingsError where no folder for temporary files can be written to.
    """
    own_temporary_folder()
    from assistant.server.routes import chat as chat_module
    from assistant.server.routes import mcp

    return chat_module, mcp


def _journal(settings: Settings, live: Live) -> Journal | None:
    """The journal; none where it is off, or its file cannot be written, which `live` then says."""
    url = settings.journal_url
    if not url:
        return None
    try:
        return Journal.open(url, days=settings.keep_days, megabytes=settings.journal_megabytes)
    except JournalUnwritable as error:
        console.say(f"Answers are not kept. {error.what} {error.mend}", err=True)
        live.limit("Answers are not kept: the journal cannot be written.")
        return None


def serve(prepare: Prepare, settings: Settings) -> None:
    """Serve until it is stopped; `prepare` makes the guide ready while its progress is shown.

    Raises SettingsError where it cannot listen, KeysUnusable, and what `prepare` raises.
    """
    import uvicorn
    from uvicorn.protocols.http.h11_impl import H11Protocol

    if settings.logo and settings.logo.suffix.lower() not in _PICTURES:
        raise SettingsError(
            f"The logo {settings.logo} is no picture a browser shows.",
            f"Name one of these kinds: {', '.join(_PICTURES)}.",
        )
    try:
        tempfile.gettempdir()
    except OSError as error:  # Gradio asks for one when it is imported
        raise SettingsError(
            "There is no folder for temporary files, which the chat needs.",
            "Name one that may be written to: TMPDIR=FOLDER",
        ) from error
    catalogue.choose("", settings.language)  # an unknown language is said before anything is done

    class Uvicorn(uvicorn.Server):  # type: ignore[misc]
        """A server that answers what it has accepted before it stops."""

        def handle_exit(self, number: int, frame: FrameType | None) -> None:
            served.app.close()  # from this moment on, not from when it is next looked
            super().handle_exit(number, frame)

        async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
            await served.finish()
            await super().shutdown(sockets)

    def announce() -> None:
        host, port = listener.getsockname()[:2]
        place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        url = f"http://{place}{settings.root}/"
        for line in (f"The chat is at {url} (Ctrl-C stops it).", *notices):
            console.say(line, err=True)

    def stop() -> None:
        server.should_exit = True

    with listening(settings.host, settings.port) as listener:
        served = Server(settings, prepare, announce=announce, stop=stop)
        notices = served.app.notices()
        files = raise_file_limit()
        config = uvicorn.Config(
            served.app,
            backlog=min(files // 16, 2048),
            log_config=None,  # its lines go where the package's own do
            log_level="warning",
            http=bounded(H11Protocol, partial(is_proxy, settings), files // 2),
            ws="none",
            timeout_graceful_shutdown=1,
            proxy_headers=False,
            server_header=False,
        )
        server = Uvicorn(config)
        # That stopping cuts off the tabs still open is no error to be told of.
        logging.getLogger("uvicorn.error").addFilter(lambda _: not server.should_exit)
        # What stops a server is raised again once it has stopped; that is then no news.
        with suppress(ValueError):  # which is only heard of where signals are
            signal.signal(signal.SIGTERM, lambda *_: None)
        server.run(sockets=[listener])
        if served.failure:
            raise served.failure


def listening(host: str, port: int) -> socket.socket:
    """A socket that listens, so that a busy port is known before anything heavy is loaded."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        listener = socket.create_server((host, port), family=family)
    except OSError as error:
        reason = str(error.strerror or error).partition(" (while")[0]  # the address is named
        raise SettingsError(
            f"The chat cannot listen on {host}, port {port}: {reason}.",
            "Stop what listens there, or choose another: --port, --host.",
        ) from error
    # Else what is sent in two pieces waits for the first to be acknowledged, which takes 40 ms.
    # asyncio sees to that by itself, but not for a socket that it was handed.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener
