"""The pages a browser opens besides the chat: the guide's own, and answers as they were given.

Knows their addresses and what stands at each. Must not know how they look, nor how an answer is
found.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Body, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from assistant.render import catalogue, layout, urls
from assistant.render.guide_page import Quoted, reader
from assistant.render.html import Markup
from assistant.server.routes.schemas import Opinion

if TYPE_CHECKING:
    from assistant.render.catalogue import Messages
    from assistant.render.html import Masthead
    from assistant.server.service import Service
    from assistant.settings import Settings


def router(service: Service, masthead: Masthead, settings: Settings) -> APIRouter:
    """The routes over a guide that is ready."""
    pages = APIRouter(include_in_schema=False)

    def say(request: Request) -> Messages:
        return catalogue.choose(request.headers.get("accept-language", ""), settings.language)

    @pages.get("/guide/{path:path}")
    def page(
        request: Request, path: str, section: str = "", first: str = "", last: str = ""
    ) -> Response:
        spoken = say(request)
        store = service.assistant.index.store
        found = store.page(path)
        if found is None:
            named = service.page_named(path)
            if named:  # linked as it is published, without its suffix, or by its name alone
                return RedirectResponse(urls.page(named, settings.root), 307)
            said = spoken("missing_page"), spoken("missing_page_mend")
            return HTMLResponse(layout.notice(*said, masthead, spoken), 404)
        quoted = Quoted(first, last or first, section) if first else None

        def make() -> bytes:
            sections = store.sections(path)
            return reader(found, sections, masthead, spoken, quoted).encode("utf-8", "replace")

        body = service.body(("page", path, spoken.language, section, first, last), make)
        return body.response(request.headers.get("if-none-match", ""), "text/html; charset=utf-8")

    @pages.get("/a/{name}")
    def answer(request: Request, name: str) -> Response:
        spoken = say(request)
        kept = service.journal.answer(name) if service.journal else None
        if kept is None:
            mend = spoken("missing_answer_mend", days=settings.keep_days)
            notice = layout.notice(spoken("missing_answer"), mend, masthead, spoken)
            return HTMLResponse(notice, 404)
        markup = Markup(service.assistant.index.store, spoken, masthead)
        return HTMLResponse(layout.answer(kept, markup))

    @pages.post("/feedback")
    def rated(opinion: Annotated[Opinion, Body()]) -> Response:
        journal, said = service.journal, (opinion.answer, opinion.helpful, opinion.comment)
        rated = journal and journal.rate(*said, vote=opinion.vote)
        return Response(status_code=204 if rated else 404)

    return pages
