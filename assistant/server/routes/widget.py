"""Serve the widget for other sites: the script they load, and the page it shows in a frame."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Body, Header, Query, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response

from assistant.assistant import MAX_QUESTION_LENGTH
from assistant.conversation import MAX_CONVERSATION_BYTES, MAX_TURNS
from assistant.models import wire
from assistant.render import catalogue, layout, theme
from assistant.render.escape import escape
from assistant.render.html import HtmlRenderer
from assistant.server.routes.rest import build_history
from assistant.server.routes.schemas import AskRequest
from assistant.server.security.policies import (
    ASSET_CONTENT_POLICY,
    EMBED_CONTENT_POLICY,
    FILE_COST,
    PAGE_COST,
    QUESTION_POLICY,
    Policy,
    with_policy,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from assistant.render.catalogue import Messages
    from assistant.render.html import Branding
    from assistant.server.service import Service
    from assistant.settings import Settings

SCRIPT_MAX_AGE = 3600
"""Seconds for which a browser caches the script."""

PLACEHOLDER = '"FILLED"'
"""The text in the script that is replaced by the server's messages and colours."""

_STATIC = Path(__file__).parent.parent / "static"
_COMMENT_LINE = re.compile(r"^ *//.*\n", re.M)  # left out of what browsers load

_SCRIPT_KEYS = "ask_guide close unreachable open_tab needs_web".split()
"""Keys of the messages of the script itself, which it shows before the page in the frame loads."""

_PAGE_KEYS = (
    *layout.ANSWER_KEYS,
    *"search_placeholder searching queued internal_error internal_error_hint".split(),
    *"too_long too_long_hint busy busy_hint connection_lost ask_again no_hits".split(),
)
"""Keys of the messages that the scripts of the page in the frame need."""


def create_script_router(settings: Settings) -> APIRouter:
    """Create the route of the script, which needs no guide."""
    routes = APIRouter(include_in_schema=False)
    script = _build_script(settings)
    tag = f'"{hashlib.blake2b(script, digest_size=12).hexdigest()}"'
    headers = {"ETag": tag, "Cache-Control": f"public, max-age={SCRIPT_MAX_AGE}"}

    @routes.get("/widget.js")
    @with_policy(Policy(cost=FILE_COST, content_policy=ASSET_CONTENT_POLICY, cross_origin=True))
    def script_file(if_none_match: Annotated[str, Header()] = "") -> Response:
        if tag in if_none_match:
            return Response(status_code=304, headers=headers)
        return Response(script, media_type="text/javascript", headers=headers)

    return routes


def create_router(service: Service, branding: Branding, settings: Settings) -> APIRouter:
    """Create the routes of the page in the frame, over a guide that is ready."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/embed")
    @with_policy(Policy(scope="read", cost=PAGE_COST, content_policy=EMBED_CONTENT_POLICY))
    def embed(
        request: Request, language: Annotated[str, Query(max_length=100)] = ""
    ) -> HTMLResponse:
        page = _render_page(branding, choose_messages(request, language), service.examples())
        return HTMLResponse(page, headers={"Cache-Control": "no-cache"})

    @routes.post("/embed/ask")
    @with_policy(QUESTION_POLICY)
    def ask(
        request: Request,
        body: Annotated[AskRequest, Body()],
        language: Annotated[str, Query(max_length=100)] = "",
    ) -> JSONResponse:
        """Answer a question as HTML, with the turns to send with the next question."""
        messages = choose_messages(request, language)
        renderer = HtmlRenderer(service.assistant.index.store, messages, branding)
        history = build_history(service, body)
        served = service.ask(body.question, history, interface="widget", language=messages.language)
        answer = renderer.render_answer(served.answer, served.texts, served.id)
        data = {
            "html": renderer.render_turn(body.question, answer),
            "text": served.answer.text if served.answer.found else messages("no_answer"),
            "turns": [wire.to_dict(turn) for turn in served.turns],
        }
        return JSONResponse(data, headers={"Cache-Control": "no-store"})

    def choose_messages(request: Request, language: str) -> Messages:
        """Choose the language of the page around the frame, else the setting's or the browser's."""
        fallback = settings.language or request.headers.get("accept-language", "")
        return catalogue.choose_messages(f"{language},{fallback}")

    return routes


def _build_script(settings: Settings) -> bytes:
    """Return the script with its messages in every language, the setting's language and colour."""
    texts = {}
    for language in catalogue.languages():
        messages = catalogue.choose_messages("", language)
        words = {name: messages(name) for name in _SCRIPT_KEYS}
        texts[language] = {"direction": messages.direction, **words}
    values = {
        "fixed": catalogue.choose_messages("", settings.language).language
        if settings.language
        else "",
        # In another site's page they colour only the widget's own element.
        "colours": theme.accent_css(settings.accent).replace(":root", ".guide", 1),
        "messages": texts,
    }
    script = _COMMENT_LINE.sub("", (_STATIC / "widget.js").read_text(encoding="utf-8"))
    return script.replace(PLACEHOLDER, json.dumps(values, ensure_ascii=False), 1).encode()


def _render_page(branding: Branding, messages: Messages, examples: Sequence[str]) -> str:
    root = branding.root
    chips = "".join(
        f'<button type="button" class="chip asks" dir="auto" value="{escape(question)}">'
        f"{escape(question)}</button> "
        for question in examples
    )
    offer = f'<p class="offer">{escape(messages("examples"))}</p><p class="chips">{chips}</p>'
    plural = {"hits-one": messages("hits", n=1), "hits-other": messages("hits", n="{n}")}
    hits = "".join(
        f'<meta name="say-{key}" content="{escape(text)}">' for key, text in plural.items()
    )
    return (
        f'<!doctype html><html lang="{messages.language}" dir="{messages.direction}" '
        f'class="reader scripted embed" data-max-question="{MAX_QUESTION_LENGTH}" '
        f'data-max-turns="{MAX_TURNS}" data-max-bytes="{MAX_CONVERSATION_BYTES}">'
        '<head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(branding.title)}</title>"
        f"{layout.icon_link(branding)}{layout.stylesheet_links(root, 'answer', 'page', 'embed')}"
        f"{layout.message_tags(messages, _PAGE_KEYS)}{hits}"
        f'<script src="{root}/chat/answer.js" defer></script>'
        f'<script src="{root}/chat/embed.js" defer></script></head><body>'
        f'<main id="view"><h1 class="unseen">{escape(branding.title)}</h1>'
        f'<div id="start"><p>{escape(messages("subtitle"))}</p>{offer if chips else ""}</div>'
        '<div id="talk"></div><div id="hits"></div>'
        f'<button id="restart" type="button" hidden>{escape(messages("new_conversation"))}</button>'
        '</main><p id="status" class="unseen" role="status"></p>'
        f'<form id="form" role="search"><textarea id="box" rows="1" dir="auto" maxlength="4000" '
        f'autocomplete="off" enterkeyhint="send" placeholder="{escape(messages("placeholder"))}" '
        f'aria-label="{escape(messages("box_label"))}"></textarea>'
        f'<button id="send" disabled>{escape(messages("ask"))}</button></form>'
        "</body></html>"
    )
