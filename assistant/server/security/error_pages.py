"""Middleware: send problem details to people as a page in their language."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.datastructures import Headers

from assistant.http_accept import HTML, JSON, choose_media_type
from assistant.render import catalogue
from assistant.render.error_pages import render_error_page
from assistant.server.security.policies import ERROR_CONTENT_POLICY, policy_of
from assistant.server.security.problems import PROBLEM_JSON

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from assistant.render.html import Branding

_STATIC = Path(__file__).parent.parent / "static"


class ErrorPagesMiddleware:
    """Replaces problem details by a page where a GET request prefers HTML, as a browser's does.

    `branding` returns what all pages share at the moment; `language` is that of all readers, empty
    for each reader's own. Every other client gets the problem details unchanged.
    """

    def __init__(self, app: ASGIApp, branding: Callable[[], Branding], language: str = "") -> None:
        self._app = app
        self._branding, self._language = branding, language

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and its error back as a page."""
        if scope["type"] != "http" or scope["method"] not in {"GET", "HEAD"}:
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        accepted = ", ".join(headers.getlist("accept"))
        if choose_media_type(accepted, (JSON, PROBLEM_JSON, HTML)) != HTML:
            await self._app(scope, receive, send)
            return
        page: bytes | None = None  # what is sent instead of the body

        async def send_page(message: Message) -> None:
            nonlocal page
            if message["type"] == "http.response.start":
                own = Headers(raw=message.get("headers", []))
                if message["status"] >= 400 and own.get("content-type") == PROBLEM_JSON:
                    page = self._render(message["status"], scope, headers)
                    message = {**message, "headers": _page_headers(message, len(page))}
            elif page is not None:
                body = b"" if scope["method"] == "HEAD" else page
                message = {**message, "body": body}
                page = b""  # further parts have no content
            await send(message)

        await self._app(scope, receive, send_page)

    def _render(self, status: int, scope: Scope, headers: Headers) -> bytes:
        state = scope.setdefault("state", {})
        state["policy"] = replace(policy_of(scope), content_policy=ERROR_CONTENT_POLICY)
        messages = catalogue.choose_messages(headers.get("accept-language", ""), self._language)
        style = f'<style nonce="{state.get("nonce", "")}">{_read_styles()}</style>'
        page = render_error_page(
            status,
            self._branding(),
            messages,
            request_id=state.get("request_id", ""),
            style=style,
        )
        return page.encode()


def _page_headers(message: Message, length: int) -> list[tuple[bytes, bytes]]:
    replaced = (b"content-type", b"content-length")
    others = [pair for pair in message.get("headers", []) if pair[0].lower() not in replaced]
    return [
        *others,
        (b"content-type", b"text/html; charset=utf-8"),
        (b"content-length", str(length).encode()),
        (b"vary", b"accept, accept-language"),
    ]


@cache
def _read_styles() -> str:
    names = ("theme.css", "page.css")
    return "".join((_STATIC / name).read_text(encoding="utf-8") for name in names)
