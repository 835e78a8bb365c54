"""Serve the list of all pages, the search in them, and the completion of typed questions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response

from assistant.errors import AssistantError
from assistant.render import browse
from assistant.render.page_list import render_pages
from assistant.server.routes.requests import choose_messages
from assistant.server.security.policies import (
    FILE_COST,
    PAGE_CONTENT_POLICY,
    PAGE_COST,
    QUESTION_COST,
    Policy,
    with_policy,
)

if TYPE_CHECKING:
    from assistant.render.html import Branding
    from assistant.server.service import Service
    from assistant.settings import Settings

_LIST = Policy(scope="read", cost=PAGE_COST, content_policy=PAGE_CONTENT_POLICY)
_COMPLETION = Policy(scope="read", cost=FILE_COST, content_policy=PAGE_CONTENT_POLICY)
# It may be a search.
_SEARCH = Policy(
    scope="read", cost=QUESTION_COST, is_question=True, content_policy=PAGE_CONTENT_POLICY
)


def create_router(service: Service, branding: Branding, settings: Settings) -> APIRouter:
    """Create the routes over a guide that is ready."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/pages")
    @with_policy(_SEARCH)
    def pages(
        request: Request,
        q: str = "",
        folder: Annotated[str, Query(max_length=1000)] = "",
        start: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
    ) -> Response:
        messages, listed = choose_messages(request, settings.language), service.list_pages()
        headers = {"Cache-Control": "no-store"}
        if not q.strip():
            page = browse.render_browse_page(listed, branding, messages, folder=folder, start=start)
            return HTMLResponse(page, headers=headers)
        try:
            result = service.search(q, browse.MAX_HITS, interface="pages")
        except AssistantError as error:
            page = browse.render_failed_search(q, error.message, error.hint, branding, messages)
            return HTMLResponse(page, error.status, headers=headers)
        page = browse.render_search_page(result, listed, branding, messages)
        return HTMLResponse(page, headers=headers)

    @routes.get("/suggest")
    @with_policy(_COMPLETION)
    def suggest(q: Annotated[str, Query(max_length=200)]) -> JSONResponse:
        """Return questions that complete what a reader types."""
        return JSONResponse(service.complete_question(q))

    @routes.get("/pages/find")
    @with_policy(_LIST)
    def find(q: Annotated[str, Query(max_length=200)]) -> Response:
        """Return links to the pages whose name has these words, for the script of the list."""
        return HTMLResponse(render_pages(service.list_pages().find_names(q), settings.root))

    return routes
