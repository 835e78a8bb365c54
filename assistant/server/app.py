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
from assistant.errors import AnswerLogUnwritable, AssistantError, SettingsError
from assistant.http_accept import HTML, JSON, choose_media_type
from assistant.offline import use_private_temp_folder
from assistant.render import catalogue, layout, theme
from assistant.render.html import Branding
from assistant.server.answer_log import AnswerLog
from assistant.server.routes import openai, pages, rest, widget
from assistant.server.security.api_keys import ApiKeys
from assistant.server.security.callers import is_trusted_proxy
from assistant.server.security.connections import limit_connections, raise_file_limit
from assistant.server.security.middleware import SecurityMiddleware
from assistant.server.security.policies import POLICIES, QUEUE_DATA_PATH, QUEUE_JOIN_PATH
from assistant.server.security.request import PROBLEM_JSON, problem_json
from assistant.server.service import Service, feedback_form, guide_title

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping
    from types import FrameType

    from starlette.routing import BaseRoute
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from assistant.render.catalogue import Messages
    from assistant.server.reload import LiveAssistant
    from assistant.settings import Settings

    Progress = Callable[[str, int, int], None]
    Prepare = Callable[[Progress], LiveAssistant]

DRAIN_SECONDS = 8.0
"""Seconds that questions under way may take once the server is to stop."""

DELIVERY_SECONDS = 1.0
"""Seconds that their answers may then take to be fetched."""

_LOGO_MEDIA_TYPES = {
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".webp": "image/webp",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".gif": "image/gif",
    ".ico": "image/x-icon",
}
_STATIC = Path(__file__).parent / "static"


_SEE_OPENAPI = "Send it as /openapi.json says."


class QueueJoin(BaseModel):
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
        self._guide_app: ASGIApp | None = None
        self._decorate_page: Callable[[str, Messages, Branding, str], str] = lambda page, *_: page
        self._waiting: Callable[[], int] = lambda: 0
        self._has_running: Callable[[], bool] = lambda: False
        self._has_undelivered: Callable[[], bool] = lambda: False
        self._is_listened: Callable[[str], bool] = lambda _: False
        self._events: Mapping[int, int] = {}
        self._stack = AsyncExitStack()
        self._masthead = Branding(
            settings.title,
            settings.root,
            f"{settings.root}/chat/logo" if settings.logo else "",
            settings.feedback_url,
        )
        routes = [
            replace(row, validate_body=self._validate_join) if row.path == QUEUE_JOIN_PATH else row
            for row in POLICIES
        ]
        keys = ApiKeys(settings.keys_file)
        self.app = SecurityMiddleware(
            self._base_app(), routes, settings, keys=keys, waiting=self.queue_length
        )

    def queue_length(self) -> int:
        """How many questions wait for their turn."""
        return self._waiting()

    # -- getting ready --------------------------------------------------------------------------

    async def open(self, live: LiveAssistant) -> None:
        """Serve the chat, and all else, over a guide that is ready."""
        settings = self._settings
        journal = await asyncio.to_thread(_open_answer_log, settings, live)
        service = Service(live, journal, settings.title or guide_title(live))
        examples = await asyncio.to_thread(service.examples)
        web, mcp = await asyncio.to_thread(_import_chat_and_mcp)
        feedback = settings.feedback_url or feedback_form(live)
        masthead = replace(self._masthead, title=service.title, feedback_url=feedback)
        chat = web.Chat(service, masthead, settings.language)
        app, blocks = web.create_app(chat, examples)
        await self._stack.enter_async_context(app.router.lifespan_context(app))
        self._waiting = partial(web.count_waiting, blocks)
        self._has_running = partial(web.is_busy, blocks)
        self._has_undelivered = partial(web.has_undelivered, blocks)
        self._is_listened = partial(web.has_messages, blocks)
        self._events = web.event_inputs(blocks)
        self._decorate_page = web.customise_page
        self._masthead, self._chat = masthead, app
        self._guide_app, self.service = (
            self._build_guide_app(service, masthead, mcp.create_route(service)),
            service,
        )

    @asynccontextmanager
    async def _lifespan(self, _: FastAPI) -> AsyncIterator[None]:
        async with self._stack:
            task = self._prepare and asyncio.create_task(self._prepare_guide(self._prepare))
            yield
            if task:
                task.cancel()
            if self.service and self.service.answer_log:
                self.service.answer_log.close()

    async def _prepare_guide(self, prepare: Prepare) -> None:
        def told(step: str, done: int, total: int) -> None:
            if not self._steps:  # it takes a while, and can be watched
                self._announce()
            self._steps[step] = done, total

        try:
            await self.open(await _run_in_thread(partial(prepare, told)))
            if not self._steps:
                self._announce()
        except Exception as error:  # noqa: BLE001 - it is raised where the server was started
            self.failure = error
            self._stop()

    # -- stopping -------------------------------------------------------------------------------

    async def shut_down(self) -> None:
        """Answer what was accepted, take nothing new, and let open tabs go."""
        self.app.drain()
        await _wait_until(
            lambda: not (self._has_running() or self.app.questions_in_flight), DRAIN_SECONDS
        )
        await _wait_until(lambda: not self._has_undelivered(), DELIVERY_SECONDS)
        self.app.end_streams()

    # -- what is served -------------------------------------------------------------------------

    def _base_app(self) -> FastAPI:
        app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, lifespan=self._lifespan)
        app.get("/healthz")(self._healthz)
        app.get("/readyz")(self._readyz)
        app.get("/progress")(self._progress)
        app.get("/chat/brand.css")(self._brand_css)
        app.get("/chat/logo")(self._logo)
        app.include_router(widget.create_script_router(self._settings))
        app.mount("/chat", StaticFiles(directory=_STATIC))
        app.mount("/", self._serve_guide_or_progress)
        return app

    def _build_guide_app(self, service: Service, masthead: Branding, agents: BaseRoute) -> FastAPI:
        """What is served over a guide that is ready."""
        app = FastAPI(
            title=service.title,
            version=__version__,
            description="Ask a guide; get the right passage back, quoted, with its section.",
            docs_url=None,
            redoc_url=None,
        )
        app.exception_handler(RequestValidationError)(_validation_problem)
        app.exception_handler(AssistantError)(_error_problem)
        app.include_router(pages.create_router(service, masthead, self._settings))
        app.include_router(rest.create_router(service, self.queue_length))
        app.include_router(openai.create_router(service, self._settings))
        app.include_router(widget.create_router(service, masthead, self._settings))
        app.router.routes.append(agents)
        app.mount("/", self._serve_chat)
        return app

    def _messages(self, request: Request) -> Messages:
        accepted = request.headers.get("accept-language", "")
        return catalogue.choose_messages(accepted, self._settings.language)

    def _validate_join(self, body: bytes) -> str:
        """What is wrong with a body that joins the queue, or nothing."""
        try:
            sent = QueueJoin.model_validate_json(body)
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
        if live.stale_reason:
            details["trouble"] = live.stale_reason
        if live.limitations:
            details["limits"] = list(live.limitations)
        return {"status": "stale" if live.stale_reason else "ok", **details}

    async def _readyz(self) -> Response:
        """Whether questions are answered."""
        if self._guide_app is None:
            return JSONResponse({"status": "not ready"}, 503, headers={"Retry-After": "2"})
        return JSONResponse({"status": "ok"})

    async def _progress(self) -> dict[str, Any]:
        return {"ready": self._guide_app is not None, "steps": self._steps}

    def _brand_css(self) -> Response:
        return Response(theme.accent_css(self._settings.accent), media_type="text/css")

    def _logo(self) -> Response:
        if self._settings.logo is None:
            return Response(status_code=404)
        kind = _LOGO_MEDIA_TYPES[self._settings.logo.suffix.lower()]
        return Response(files.read_bytes(self._settings.logo), media_type=kind)

    async def _serve_guide_or_progress(self, scope: Scope, receive: Receive, send: Send) -> None:
        """What there is over a guide that is ready; until then, how far it is."""
        if self._guide_app is not None:
            await self._guide_app(scope, receive, send)
            return
        request, later = Request(scope), {"Retry-After": "2", "Cache-Control": "no-store"}
        accepted = ", ".join(request.headers.getlist("accept"))
        if choose_media_type(accepted, (JSON, HTML)) == HTML:
            page = layout.render_progress_page(self._masthead, self._messages(request))
            await HTMLResponse(page, 503, headers=later)(scope, receive, send)
        else:
            await Response(status_code=503, headers=later)(scope, receive, send)

    async def _serve_chat(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The chat and what it needs."""
        request = Request(scope, receive)
        path = request.url.path.removeprefix(self._settings.root)
        if path == QUEUE_DATA_PATH and not self._is_listened(
            request.query_params.get("session_hash", "")
        ):
            await Response(status_code=404)(scope, receive, send)  # Gradio breaks off instead
        elif path not in {"", "/"}:
            await self._chat(scope, receive, send)
        else:
            page = await _read_page(self._chat, scope, receive)
            page = self._decorate_page(
                page, self._messages(request), self._masthead, scope["state"]["nonce"]
            )
            await HTMLResponse(page, headers={"Cache-Control": "no-cache"})(scope, receive, send)


def _validation_problem(request: Request, error: Exception) -> Response:
    """What is wrong with a request, and where; never what was sent, which may be no text."""
    wrong = error.errors()[0] if isinstance(error, RequestValidationError) else {}
    place = ".".join(str(part) for part in wrong.get("loc", ())[1:])
    what = f"{wrong.get('msg', 'It could not be read')}: {place!a}." if place else ""
    return _problem_response(
        request, 422, what or "The request is not in the form expected.", _SEE_OPENAPI
    )


def _error_problem(request: Request, error: Exception) -> Response:
    if not isinstance(error, AssistantError):
        raise error
    return _problem_response(request, error.status, error.message, error.hint)


def _problem_response(request: Request, status: int, what: str, mend: str) -> Response:
    body = problem_json(
        status, what, mend, request.state.request_id, openai_error=request.state.nested
    )
    return Response(body, status, media_type=PROBLEM_JSON, headers={"Cache-Control": "no-store"})


async def _wait_until(done: Callable[[], bool], patience: float) -> None:
    """Wait until something is done, but not for ever; `patience` is in seconds."""
    ends = time.monotonic() + patience
    while not done() and time.monotonic() < ends:
        await asyncio.sleep(0.02)


async def _run_in_thread(work: Callable[[], LiveAssistant]) -> LiveAssistant:
    """Do long work in a thread of its own, which does not hold up a server that is to stop."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[LiveAssistant] = loop.create_future()

    def tell(result: LiveAssistant | None, error: Exception | None) -> None:
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


async def _read_page(app: ASGIApp, scope: Scope, receive: Receive) -> str:
    """The text of the page an application answers with, not compressed."""
    said = bytearray()

    async def keep(message: Message) -> None:
        said.extend(message.get("body", b""))

    headers = [(name, value) for name, value in scope["headers"] if name != b"accept-encoding"]
    await app({**scope, "method": "GET", "headers": headers}, receive, keep)
    return said.decode()


def _import_chat_and_mcp() -> tuple[Any, Any]:
    """The chat's module with all of Gradio, and the agents', when there is a guide to ask.

    Raises SettingsError where no folder for temporary files can be written to.
    """
    use_private_temp_folder()
    from assistant.server.routes import chat as chat_module
    from assistant.server.routes import mcp

    return chat_module, mcp


def _open_answer_log(settings: Settings, live: LiveAssistant) -> AnswerLog | None:
    """The journal; none where it is off, or its file cannot be written, which `live` then says."""
    url = settings.answer_log_url
    if not url:
        return None
    try:
        return AnswerLog.open(url, days=settings.keep_days, megabytes=settings.journal_megabytes)
    except AnswerLogUnwritable as error:
        console.echo(f"Answers are not kept. {error.message} {error.hint}", err=True)
        live.add_limitation("Answers are not kept: the journal cannot be written.")
        return None


def serve(prepare: Prepare, settings: Settings) -> None:
    """Serve until it is stopped; `prepare` makes the guide ready while its progress is shown.

    Raises SettingsError where it cannot listen, KeysUnusable, and what `prepare` raises.
    """
    import uvicorn
    from uvicorn.protocols.http.h11_impl import H11Protocol

    if settings.logo and settings.logo.suffix.lower() not in _LOGO_MEDIA_TYPES:
        raise SettingsError(
            f"The logo {settings.logo} is no picture a browser shows.",
            f"Name one of these kinds: {', '.join(_LOGO_MEDIA_TYPES)}.",
        )
    try:
        tempfile.gettempdir()
    except OSError as error:  # Gradio asks for one when it is imported
        raise SettingsError(
            "There is no folder for temporary files, which the chat needs.",
            "Name one that may be written to: TMPDIR=FOLDER",
        ) from error
    catalogue.choose_messages(
        "", settings.language
    )  # an unknown language is said before anything is done

    class Uvicorn(uvicorn.Server):  # type: ignore[misc]
        """A server that answers what it has accepted before it stops."""

        def handle_exit(self, number: int, frame: FrameType | None) -> None:
            served.app.drain()  # from this moment on, not from when it is next looked
            super().handle_exit(number, frame)

        async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
            await served.shut_down()
            await super().shutdown(sockets)

    def announce() -> None:
        host, port = listener.getsockname()[:2]
        place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        url = f"http://{place}{settings.root}/"
        for line in (f"The chat is at {url} (Ctrl-C stops it).", *notices):
            console.echo(line, err=True)

    def stop() -> None:
        server.should_exit = True

    with listen(settings.host, settings.port) as listener:
        served = Server(settings, prepare, announce=announce, stop=stop)
        notices = served.app.startup_notices()
        files = raise_file_limit()
        config = uvicorn.Config(
            served.app,
            backlog=min(files // 16, 2048),
            log_config=None,  # its lines go where the package's own do
            log_level="warning",
            http=limit_connections(H11Protocol, partial(is_trusted_proxy, settings), files // 2),
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


def listen(host: str, port: int) -> socket.socket:
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
