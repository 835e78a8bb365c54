"""Serve the description of the API as a page to try it on, drawn by Swagger UI.

Its script and styles come from the package fastapi-swagger, which is not imported.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, HTMLResponse, Response

from assistant.render import layout
from assistant.render.escape import escape
from assistant.server.routes.requests import choose_messages
from assistant.server.security.policies import (
    ASSET_CONTENT_POLICY,
    FILE_COST,
    PAGE_CONTENT_POLICY,
    PAGE_COST,
    Policy,
    with_policy,
)

if TYPE_CHECKING:
    from assistant.render.html import Branding
    from assistant.settings import Settings

_PACKAGE = "fastapi_swagger"
_FILES = {"swagger-ui.css": "text/css", "swagger-ui-bundle.js": "text/javascript"}


def create_router(branding: Branding, settings: Settings) -> APIRouter:
    """Create the routes of the page and of its script and styles."""
    routes = APIRouter(include_in_schema=False)
    folder = _find_assets()

    @routes.get("/docs")
    @with_policy(Policy(scope="read", cost=PAGE_COST, content_policy=PAGE_CONTENT_POLICY))
    def page(request: Request) -> HTMLResponse:
        messages = choose_messages(request, settings.language)
        root = branding.root
        head = (
            f'<link rel="stylesheet" href="{root}/docs/swagger-ui.css">'
            f"{layout.stylesheet_links(root, 'page')}"
            f'<script src="{root}/docs/swagger-ui-bundle.js" defer></script>'
            f'<script src="{root}/chat/docs.js" defer></script>'
        )
        body = (
            f'<main id="text"><h1 class="unseen">REST API – {escape(branding.title)}</h1>'
            f'<div id="api" data-description="{root}/openapi.json"></div></main>'
        )
        shown = layout.render_page("REST API", body, branding, messages, head=head)
        return HTMLResponse(shown)

    @routes.get("/docs/{name}")
    @with_policy(
        Policy(
            cost=FILE_COST,
            content_policy=ASSET_CONTENT_POLICY,
            pattern=r"/docs/swagger-ui(\.css|-bundle\.js)",
        )
    )
    def asset(name: str) -> Response:
        headers = {"Cache-Control": "max-age=3600"}
        return FileResponse(folder / name, media_type=_FILES[name], headers=headers)

    return routes


def _find_assets() -> Path:
    """Return the folder of Swagger UI's files."""
    spec = find_spec(_PACKAGE)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(_PACKAGE)
    return Path(spec.origin).parent / "resources"
