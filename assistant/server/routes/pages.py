"""The pages a browser opens besides the chat: the guide's own, and answers as they were given.

Knows their addresses and what stands at each. Must not know how they look, nor how an answer is
found.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Body, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from assistant.http_accept import JSON
from assistant.render import catalogue, layout, urls
from assistant.render.guide_page import Highlight, render_guide_page
from assistant.render.html import HtmlRenderer
from assistant.server.routes.schemas import FeedbackRequest
from assistant.server.security.policies import (
    PAGE_CONTENT_POLICY,
    PAGE_COST,
    Policy,
    with_policy,
)

if TYPE_CHECKING:
    from assistant.render.catalogue import Messages
    from assistant.render.html import Branding
    from assistant.server.service import Service
    from assistant.settings import Settings

_PAGE = Policy(scope="read", cost=PAGE_COST, content_policy=PAGE_CONTENT_POLICY)


def create_router(service: Service, masthead: Branding, settings: Settings) -> APIRouter:
    """The routes over a guide that is ready."""
    pages = APIRouter(include_in_schema=False)

    def say(request: Request) -> Messages:
        return catalogue.choose_messages(
            request.headers.get("accept-language", ""), settings.language
        )

    @pages.get("/guide/{path:path}")
    @with_policy(_PAGE)
    def page(
        request: Request, path: str, section: str = "", first: str = "", last: str = ""
    ) -> Response:
        spoken = say(request)
        store = service.assistant.index.store
        found = store.page(path)
        if found is None:
            named = service.resolve_page_name(path)
            if named:  # linked as it is published, without its suffix, or by its name alone
                return RedirectResponse(urls.page_url(named, settings.root), 307)
            said = spoken("missing_page"), spoken("missing_page_mend")
            return HTMLResponse(layout.render_notice(*said, masthead, spoken), 404)
        quoted = Highlight(first, last or first, section) if first else None

        def make() -> bytes:
            sections = store.sections(path)
            return render_guide_page(found, sections, masthead, spoken, quoted).encode(
                "utf-8", "replace"
            )

        body = service.cached_response(("page", path, spoken.language, section, first, last), make)
        return body.to_response(
            request.headers.get("if-none-match", ""), "text/html; charset=utf-8"
        )

    @pages.get("/a/{name}")
    @with_policy(replace(_PAGE, pattern="/a/[a-z2-7]{16}"))
    def answer(request: Request, name: str) -> Response:
        spoken = say(request)
        kept = service.answer_log.get(name) if service.answer_log else None
        if kept is None:
            mend = spoken("missing_answer_mend", days=settings.keep_days)
            notice = layout.render_notice(spoken("missing_answer"), mend, masthead, spoken)
            return HTMLResponse(notice, 404)
        markup = HtmlRenderer(service.assistant.index.store, spoken, masthead)
        return HTMLResponse(layout.render_answer_page(kept, markup))

    @pages.post("/feedback")
    @with_policy(Policy(scope="feedback", cost=PAGE_COST, body_media_type=JSON))
    def rated(opinion: Annotated[FeedbackRequest, Body()]) -> Response:
        journal, said = service.answer_log, (opinion.answer, opinion.helpful, opinion.comment)
        rated = journal and journal.rate(*said, vote=opinion.vote)
        return Response(status_code=204 if rated else 404)

    return pages
