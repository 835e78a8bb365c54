"""Serve the HTML pages beside the chat: pages of the guide, and stored answers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Body, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from assistant.guide.pictures import MEDIA_TYPES, find_picture, read_picture, read_size
from assistant.render import layout, urls
from assistant.render.escape import escape
from assistant.render.guide_page import Highlight, render_guide_page
from assistant.render.html import HtmlRenderer
from assistant.render.page_list import render_pages
from assistant.server.routes.requests import choose_messages
from assistant.server.routes.schemas import FeedbackRequest
from assistant.server.security.policies import (
    FEEDBACK_POLICY,
    FILE_COST,
    PAGE_CONTENT_POLICY,
    PAGE_COST,
    PICTURE_CONTENT_POLICY,
    Policy,
    with_policy,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from assistant.render.catalogue import Messages
    from assistant.render.html import Branding
    from assistant.render.page_list import PageEntry
    from assistant.server.service import Service
    from assistant.settings import Settings

_PAGE = Policy(scope="read", cost=PAGE_COST, content_policy=PAGE_CONTENT_POLICY)
_PICTURE = Policy(scope="read", cost=FILE_COST, content_policy=PICTURE_CONTENT_POLICY)


def create_router(service: Service, branding: Branding, settings: Settings) -> APIRouter:
    """Create the routes over a guide that is ready."""
    pages = APIRouter(include_in_schema=False)

    @pages.get("/guide/{path:path}")
    @with_policy(_PAGE)
    def page(
        request: Request, path: str, section: str = "", first: str = "", last: str = ""
    ) -> Response:
        messages = choose_messages(request, settings.language)
        store = service.assistant.index.store
        content = store.page(path)
        if content is None:
            target = service.resolve_page_name(path)
            if target:  # the link has the published form, without suffix, or the name alone
                return RedirectResponse(urls.page_url(target, settings.root), 307)
            near = service.list_pages().find_similar(path)
            return HTMLResponse(_render_missing_page(near, branding, messages), 404)
        highlight = Highlight(first, last or first, section) if first else None

        def find_sized_picture(address: str) -> tuple[str, tuple[int, int] | None]:
            name = find_picture(settings.corpus, path, address)
            return name, read_size(settings.corpus, name) if name else None

        def build() -> bytes:
            sections = store.sections(path)
            html = render_guide_page(
                content,
                sections,
                branding,
                messages,
                highlight,
                find_picture=find_sized_picture,
                pages=service.list_pages(),
            )
            return html.encode("utf-8", "replace")

        key = ("page", path, messages.language, section, first, last)
        body = service.cached_response(key, build)
        return body.to_response(
            request.headers.get("if-none-match", ""), "text/html; charset=utf-8"
        )

    @pages.get("/picture/{path:path}")
    @with_policy(_PICTURE)
    def picture(path: str) -> Response:
        data = read_picture(settings.corpus, path)
        if data is None:
            return Response(status_code=404)
        media_type = MEDIA_TYPES[PurePosixPath(path).suffix.lower()]
        return Response(data, media_type=media_type, headers={"cache-control": "max-age=300"})

    @pages.get("/a/{name}")
    @with_policy(replace(_PAGE, pattern="/a/[a-z2-7]{16}"))
    def answer(request: Request, name: str) -> Response:
        messages = choose_messages(request, settings.language)
        stored = service.answer_log.get(name) if service.answer_log else None
        if stored is None:
            hint = messages("missing_answer_hint", days=settings.keep_days)
            notice = layout.render_notice(messages("missing_answer"), hint, branding, messages)
            return HTMLResponse(notice, 404)
        page = layout.render_answer_page(
            stored.answer,
            stored.texts,
            HtmlRenderer(service.assistant.index.store, messages, branding),
            answer_id=stored.id,
            day=stored.at.date(),
            outdated=service.outdated_citations(stored),
        )
        return HTMLResponse(page)

    @pages.post("/feedback")
    @with_policy(FEEDBACK_POLICY)
    def feedback(vote: Annotated[FeedbackRequest, Body()]) -> Response:
        log = service.answer_log
        stored = log and log.rate(vote.answer, vote.helpful, vote.comment, vote=vote.vote)
        return Response(status_code=204 if stored else 404)

    return pages


def _render_missing_page(near: Sequence[PageEntry], branding: Branding, messages: Messages) -> str:
    """Render that there is no such page, with those whose names resemble it."""
    heading = f'<h2 class="label">{escape(messages("near_pages"))}</h2>'
    more = f"<nav>{heading}{render_pages(near, branding.root)}</nav>" if near else ""
    return layout.render_notice(
        messages("missing_page"), messages("missing_page_hint"), branding, messages, more=more
    )
