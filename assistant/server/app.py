"""Build the server's application: the middlewares in their order, and the routes behind them."""

from __future__ import annotations

import asyncio
import logging
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, Response
from starlette.middleware import Middleware
from starlette.staticfiles import StaticFiles

from assistant import __version__, console, files
from assistant.errors import AnswerLogUnwritable, ApiKeyError, AssistantError
from assistant.http_accept import HTML, JSON, choose_media_type
from assistant.offline import use_private_temp_folder
from assistant.render import catalogue, layout, theme
from assistant.render.html import Branding
from assistant.server.answer_log import AnswerLog
from assistant.server.routes import browse, docs, openai, pages, rest, widget
from assistant.server.security.allowed_paths import AllowedPathsMiddleware
from assistant.server.security.api_keys import ApiKeys
from assistant.server.security.authentication import AuthenticationMiddleware, bearer_token
from assistant.server.security.body_limit import BodyLimitMiddleware
from assistant.server.security.concurrency import ConcurrencyLimit, ConcurrencyLimitMiddleware
from assistant.server.security.cors import CORSMiddleware
from assistant.server.security.error_pages import ErrorPagesMiddleware
from assistant.server.security.error_responses import ErrorResponsesMiddleware
from assistant.server.security.failed_authentication import FailedAuthenticationMiddleware
from assistant.server.security.head_requests import HeadMiddleware
from assistant.server.security.header_filter import HeaderFilterMiddleware
from assistant.server.security.health import HealthMiddleware
from assistant.server.security.policies import (
    ASSET_CONTENT_POLICY,
    FILE_COST,
    PAGE_CONTENT_POLICY,
    PAGE_COST,
    AllowedRoute,
    Policy,
    collect_routes,
    with_policy,
)
from assistant.server.security.problems import PROBLEM_JSON, problem_json
from assistant.server.security.proxy_headers import ProxyHeadersMiddleware
from assistant.server.security.rate_limit import RateLimit, RateLimitMiddleware
from assistant.server.security.security_headers import SecurityHeadersMiddleware
from assistant.server.security.streams import StreamLimit, StreamLimitMiddleware
from assistant.server.security.trusted_hosts import TrustedHostMiddleware, is_loopback_host
from assistant.server.service import Service, feedback_form, guide_title

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence

    from starlette.datastructures import Headers
    from starlette.routing import BaseRoute
    from starlette.types import ASGIApp, Receive, Scope, Send

    from assistant.server.reload import LiveAssistant
    from assistant.server.routes.chat import ChatPage
    from assistant.server.security.health import HealthCheck
    from assistant.settings import Settings

LOGO_MEDIA_TYPES = {
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
_ASSET_POLICY = Policy(cost=FILE_COST, content_policy=ASSET_CONTENT_POLICY)
_STATIC_POLICY = replace(_ASSET_POLICY, pattern=r"/chat/[a-z]+\.(css|js)")
_PROGRESS_ROUTE = AllowedRoute.from_pattern(
    ("GET", "POST"), "/.*", Policy(scope="read", content_policy=PAGE_CONTENT_POLICY)
)
_log = logging.getLogger(__name__)


def protect(  # noqa: PLR0913 - what the middlewares need of the server
    app: ASGIApp,
    routes: Callable[[], Sequence[AllowedRoute]],
    settings: Settings,
    *,
    keys: ApiKeys | None = None,
    checks: Mapping[str, HealthCheck] | None = None,
    concurrency: ConcurrencyLimit | None = None,
    streams: StreamLimit | None = None,
    branding: Callable[[], Branding] | None = None,
) -> ASGIApp:
    """Put the middlewares around an application; a request passes them from top to bottom.

    There are two sets of token buckets: one for failed authentication, one for the cost of
    requests. `branding` returns what the pages of errors share with all others.
    """
    shared = Branding(settings.title, settings.root)
    chain = (
        Middleware(SecurityHeadersMiddleware, settings.frames),
        Middleware(ErrorPagesMiddleware, branding or (lambda: shared), settings.language),
        Middleware(HealthMiddleware, checks or {}, settings.root),
        Middleware(ErrorResponsesMiddleware, root=settings.root),
        Middleware(
            ProxyHeadersMiddleware,
            settings.trusted_proxies,
            settings.user_header,
            trust_loopback=settings.trusts_loopback,
        ),
        Middleware(
            TrustedHostMiddleware, settings.hosts, loopback_only=is_loopback_host(settings.host)
        ),
        Middleware(AllowedPathsMiddleware, routes, settings.root),
        Middleware(CORSMiddleware, settings.origins),
        Middleware(FailedAuthenticationMiddleware, RateLimit(settings.rate)),
        Middleware(AuthenticationMiddleware, keys, anonymous=settings.anonymous),
        Middleware(BodyLimitMiddleware),
        Middleware(RateLimitMiddleware, RateLimit(settings.rate)),
        Middleware(ConcurrencyLimitMiddleware, concurrency or ConcurrencyLimit(settings.waiting)),
        Middleware(StreamLimitMiddleware, streams or StreamLimit()),
        Middleware(HeaderFilterMiddleware),
        Middleware(HeadMiddleware),
    )
    for middleware, arguments, options in reversed(chain):
        app = middleware(app, *arguments, **options)
    return app


class Server:
    """The server of one guide: it shows progress first, then serves the chat and everything else.

    `app` is all of it behind the middlewares. `start` runs as a task while `app` runs.
    """

    def __init__(
        self, settings: Settings, start: Callable[[], Coroutine[Any, Any, None]] | None = None
    ) -> None:
        self.settings = settings
        self.service: Service | None = None
        self.chat: ChatPage | None = None
        self.guide_app: FastAPI | None = None
        self.steps: dict[str, tuple[int, int]] = {}
        self.keys = ApiKeys(settings.keys_file)
        self.concurrency = ConcurrencyLimit(settings.waiting, self.queue_length)
        self.streams = StreamLimit()
        self.branding = Branding(
            settings.title,
            settings.root,
            f"{settings.root}/chat/logo" if settings.logo else "",
            settings.feedback_url,
            settings.contact,
        )
        self.lifespan = AsyncExitStack()
        self._start = start
        self.routes: tuple[AllowedRoute, ...] = ()
        self.base_app = self._build_base_app()
        self.app = protect(
            self.base_app,
            lambda: self.routes,
            settings,
            keys=self.keys,
            checks={"/healthz": self._check_health, "/readyz": self._check_ready},
            concurrency=self.concurrency,
            streams=self.streams,
            branding=lambda: self.branding,
        )

    def queue_length(self) -> int:
        """Return the number of questions in the chat's queue."""
        return self.chat.count_waiting() if self.chat else 0

    async def open(self, live: LiveAssistant) -> None:
        """Serve the chat, and everything else, over a guide that is ready."""
        settings = self.settings
        answer_log = await asyncio.to_thread(_open_answer_log, settings, live)
        service = Service(live, answer_log, settings.title or guide_title(live, settings.corpus))
        await asyncio.to_thread(service.examples)
        await asyncio.to_thread(service.complete_question, "")
        await asyncio.to_thread(_import_chat_and_mcp)
        from assistant.server.routes import chat, mcp

        form = settings.feedback_url or feedback_form(live)
        self.branding = replace(self.branding, title=service.title, feedback_url=form)
        page = chat.ChatPage(chat.Chat(service, self.branding, settings.language))
        await self.lifespan.enter_async_context(page.lifespan())
        self.guide_app, routes = self._build_guide_app(service, page, mcp.create_route(service))
        self.routes = (*self._base_routes, *routes, *chat.GRADIO_ROUTES)
        self.chat, self.service = page, service

    @asynccontextmanager
    async def _run(self, _: FastAPI) -> AsyncIterator[None]:
        async with self.lifespan:
            task = asyncio.create_task(self._start()) if self._start else None
            yield
            if task:
                task.cancel()
            if self.service and self.service.answer_log:
                self.service.answer_log.close()

    # -- routes ---------------------------------------------------------------------------------

    def _build_base_app(self) -> FastAPI:
        """Build what is served before the guide is ready, too."""
        app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, lifespan=self._run)
        app.get("/progress")(self._progress)
        app.get("/chat/brand.css")(self._brand_css)
        app.get("/chat/logo")(self._logo)
        app.mount("/chat", with_policy(_STATIC_POLICY)(StaticFiles(directory=_STATIC)))
        script = widget.create_script_router(self.settings)
        self._base_routes = collect_routes([*app.routes, *script.routes])
        self.routes = (*self._base_routes, _PROGRESS_ROUTE)
        app.include_router(script)
        app.mount("/", self._serve_guide_or_progress)
        return app

    def _build_guide_app(
        self, service: Service, chat: ASGIApp, mcp_route: BaseRoute
    ) -> tuple[FastAPI, tuple[AllowedRoute, ...]]:
        """Build what is served over a guide that is ready, with its allow-list."""
        settings = self.settings
        app = FastAPI(
            title=service.title,
            version=__version__,
            description="Ask a guide; get the right passage back, quoted, with its section.",
            docs_url=None,
            redoc_url=None,
            openapi_url=None,
            servers=[{"url": settings.root}] if settings.root else None,
        )

        @app.get("/openapi.json", include_in_schema=False)
        @with_policy(Policy(scope="read", cost=PAGE_COST))
        def describe_api() -> JSONResponse:
            return JSONResponse(app.openapi())

        app.exception_handler(RequestValidationError)(_validation_problem)
        app.exception_handler(AssistantError)(_error_problem)
        app.router.routes.append(mcp_route)
        routers = (
            pages.create_router(service, self.branding, settings),
            browse.create_router(service, self.branding, settings),
            docs.create_router(self.branding, settings),
            rest.create_router(service, self.queue_length),
            openai.create_router(service, settings),
            widget.create_router(service, self.branding, settings),
        )
        routes = [*app.routes, *(route for router in routers for route in router.routes)]
        for router in routers:
            app.include_router(router)
        app.mount("/", chat)
        return app, collect_routes(routes)

    # -- health checks --------------------------------------------------------------------------

    def _check_health(self, headers: Headers) -> tuple[int, dict[str, Any]]:
        """Return that the server runs; for an admin, also its generation and what fails."""
        if not self._is_admin(headers):
            return 200, {"status": "ok"}
        if self.service is None:
            return 200, {"status": "starting"}
        live = self.service.live
        details: dict[str, Any] = {"generation": live.assistant.index.generation}
        if live.stale_reason:
            details["trouble"] = live.stale_reason
        if live.limitations:
            details["limits"] = list(live.limitations)
        return 200, {"status": "stale" if live.stale_reason else "ok", **details}

    def _is_admin(self, headers: Headers) -> bool:
        try:
            key = self.keys.find(bearer_token(headers))
        except ApiKeyError as error:
            _log.error("A health check: %s", error)
            return False
        return key is not None and key.allows("admin")

    def _check_ready(self, _: Headers) -> tuple[int, dict[str, Any]]:
        """Return whether questions can be answered."""
        is_ready = self.guide_app is not None
        return (200, {"status": "ok"}) if is_ready else (503, {"status": "not ready"})

    # -- progress and branding ------------------------------------------------------------------

    @with_policy(Policy(content_policy=ASSET_CONTENT_POLICY))
    async def _progress(self) -> dict[str, Any]:  # on the event loop, so that it never waits
        return {"ready": self.guide_app is not None, "steps": self.steps}

    @with_policy(_ASSET_POLICY)
    def _brand_css(self) -> Response:
        return Response(theme.accent_css(self.settings.accent), media_type="text/css")

    @with_policy(_ASSET_POLICY)
    def _logo(self) -> Response:
        logo = self.settings.logo
        if logo is None:
            return Response(status_code=404)
        media_type = LOGO_MEDIA_TYPES[logo.suffix.lower()]
        return Response(files.read_bytes(logo), media_type=media_type)

    async def _serve_guide_or_progress(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the guide once it is ready; until then, the progress of preparing it."""
        if self.guide_app is not None:
            await self.guide_app(scope, receive, send)
            return
        request = Request(scope)
        headers = {"Retry-After": "2", "Cache-Control": "no-store"}
        accepted = ", ".join(request.headers.getlist("accept"))
        response = Response(status_code=503, headers=headers)
        if choose_media_type(accepted, (JSON, HTML)) == HTML:
            language = request.headers.get("accept-language", "")
            messages = catalogue.choose_messages(language, self.settings.language)
            page = layout.render_progress_page(self.branding, messages)
            response = HTMLResponse(page, 503, headers=headers)
        await response(scope, receive, send)


def _validation_problem(request: Request, error: Exception) -> Response:
    """Say what is wrong with a request and where, without its content, which may not be text."""
    first = error.errors()[0] if isinstance(error, RequestValidationError) else {}
    place = ".".join(str(part) for part in first.get("loc", ())[1:])
    message = f"{first.get('msg', 'It could not be read')}: {place!a}." if place else ""
    return _problem_response(
        request, 422, message or "The request does not have the expected form.", _SEE_OPENAPI
    )


def _error_problem(request: Request, error: Exception) -> Response:
    if not isinstance(error, AssistantError):
        raise error
    return _problem_response(request, error.status, error.message, error.hint)


def _problem_response(request: Request, status: int, message: str, hint: str) -> Response:
    state = request.state
    body = problem_json(status, message, hint, state.request_id, openai_error=state.openai_errors)
    return Response(body, status, media_type=PROBLEM_JSON, headers={"Cache-Control": "no-store"})


def _import_chat_and_mcp() -> None:
    """Import the chat with all of Gradio, and MCP, once there is a guide to ask.

    Raises SettingsError where no folder for temporary files can be written to.
    """
    use_private_temp_folder()
    from assistant.server.routes import chat, mcp  # noqa: F401 - seconds, off the event loop


def _open_answer_log(settings: Settings, live: LiveAssistant) -> AnswerLog | None:
    """Open the answer log; None where it is off, or where it cannot be written.

    The latter becomes a limitation of `live`.
    """
    url = settings.answer_log_url
    if not url:
        return None
    try:
        return AnswerLog.open(url, days=settings.keep_days, megabytes=settings.journal_megabytes)
    except AnswerLogUnwritable as error:
        console.echo(f"Answers are not kept. {error.message} {error.hint}", err=True)
        live.add_limitation("Answers are not kept: the answer log cannot be written.")
        return None
