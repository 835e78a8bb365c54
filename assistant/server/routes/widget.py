"""The guide in other sites' pages: the script they load, and the page it shows in a frame.

Knows what both are made of, and in which words. Must not know how an answer is found, nor what
the page then does with one: that is its own script's.
"""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import HTMLResponse, Response

from assistant.assistant import MAX_QUESTION_LENGTH
from assistant.conversation import MAX_TURNS
from assistant.render import catalogue, layout, theme
from assistant.render.html import escape
from assistant.server.security.policies import (
    ASSET_CONTENT_POLICY,
    EMBED_CONTENT_POLICY,
    FILE_COST,
    PAGE_COST,
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
"""Seconds a browser uses the script for before it asks whether there is a newer one."""

PLACEHOLDER = '"FILLED"'
"""What stands in the script where the server's words and colours go."""

_STATIC = Path(__file__).parent.parent / "static"
_COMMENT_LINE = re.compile(r"^ *//.*\n", re.M)  # readers of a wiki need none

# What the script itself says, before our page is there to say anything.
_LOADER_MESSAGES = "ask_guide close away open_tab needs_web".split()

_PAGE_MESSAGES = (
    "ask answer_this placeholder search_placeholder looking queued understood meant sources source "
    "recommended as_listed related next article book video form page minutes refused looked_for "
    "nearest rephrase tell gap quoted or helpful yes no comment_label send thanks not_kept link "
    "failed failed_mend too_long too_long_mend busy busy_mend lost ask_again no_hits"
).split()


def create_script_router(settings: Settings) -> APIRouter:
    """The route of the script, which needs no guide."""
    routes = APIRouter(include_in_schema=False)
    script = _build_script(settings)
    tag = f'"{hashlib.blake2b(script, digest_size=12).hexdigest()}"'
    headers = {"ETag": tag, "Cache-Control": f"public, max-age={SCRIPT_MAX_AGE}"}

    @routes.get("/widget.js")
    @with_policy(Policy(cost=FILE_COST, content_policy=ASSET_CONTENT_POLICY, cross_origin=True))
    def found(if_none_match: Annotated[str, Header()] = "") -> Response:
        if tag in if_none_match:
            return Response(status_code=304, headers=headers)
        return Response(script, media_type="text/javascript", headers=headers)

    return routes


def create_router(service: Service, masthead: Branding, settings: Settings) -> APIRouter:
    """The route of the page in the frame, over a guide that is ready."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/embed")
    @with_policy(Policy(scope="read", cost=PAGE_COST, content_policy=EMBED_CONTENT_POLICY))
    def embed(
        request: Request, language: Annotated[str, Query(max_length=100)] = ""
    ) -> HTMLResponse:
        # The page around it knows its readers better than a setting for all of them does; what
        # it names comes first, and where there is no catalogue for it, what else is wanted.
        accepted = request.headers.get("accept-language", "")
        say = catalogue.choose_messages(f"{language},{settings.language or accepted}")
        page = _render_page(masthead, say, service.examples())
        return HTMLResponse(page, headers={"Cache-Control": "no-cache"})

    return routes


def _build_script(settings: Settings) -> bytes:
    """The script with its words in every language, the language that is set, and the colour."""
    said = {}
    for language in catalogue.languages():
        say = catalogue.choose_messages("", language)
        words = {name: say(name) for name in _LOADER_MESSAGES}
        said[language] = {"direction": say.direction, **words}
    filled = {
        "fixed": catalogue.choose_messages("", settings.language).language
        if settings.language
        else "",
        # In a page of somebody else's it colours one element of ours, not all there is.
        "colours": theme.accent_css(settings.accent).replace(":root", ".guide", 1),
        "said": said,
    }
    script = _COMMENT_LINE.sub("", (_STATIC / "widget.js").read_text(encoding="utf-8"))
    return script.replace(PLACEHOLDER, json.dumps(filled, ensure_ascii=False), 1).encode()


def _render_page(masthead: Branding, say: Messages, examples: Sequence[str]) -> str:
    root = masthead.root
    chips = "".join(
        f'<button type="button" class="chip asks" dir="auto" value="{escape(one)}">'
        f"{escape(one)}</button> "
        for one in examples
    )
    offered = f'<p class="offer">{escape(say("examples"))}</p><p class="chips">{chips}</p>'
    return (
        f'<!doctype html><html lang="{say.language}" dir="{say.direction}" '
        f'class="reader scripted embed" data-root="{root}/" data-most="{MAX_QUESTION_LENGTH}" '
        f'data-turns="{MAX_TURNS}" data-form="{escape(masthead.feedback_url)}">'
        '<head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(masthead.title)}</title>{layout.icon_link(masthead)}{layout.stylesheet_links(root)}"
        f'<link rel="stylesheet" href="{root}/chat/embed.css">{_message_tags(say)}'
        f'<link rel="modulepreload" href="{root}/chat/reply.js">'
        f'<script type="module" src="{root}/chat/embed.js"></script></head><body>'
        f'<main id="view"><h1 class="unseen">{escape(masthead.title)}</h1>'
        f'<div id="begin"><p>{escape(say("subtitle"))}</p>{offered if chips else ""}</div>'
        '<div id="talk"></div><div id="hits"></div>'
        f'<button id="anew" type="button" hidden>{escape(say("new"))}</button></main>'
        '<p id="said" class="unseen" role="status"></p>'
        f'<form id="asker" role="search"><textarea id="box" rows="1" dir="auto" maxlength="4000" '
        f'autocomplete="off" enterkeyhint="send" placeholder="{escape(say("placeholder"))}" '
        f'aria-label="{escape(say("box_label"))}"></textarea>'
        f'<button id="send">{escape(say("ask"))}</button></form>'
        "</body></html>"
    )


def _message_tags(say: Messages) -> str:
    """What the page's script says, as data for it to read; a name in braces is filled in there."""
    blanks = {name: f"{{{name}}}" for name in ("n", "id", "most", "question", "side", "words")}
    said = {name: say(name, **blanks) for name in _PAGE_MESSAGES}
    said |= {"hits-one": say("hits", n=1), "hits-other": say("hits", **blanks)}
    return "".join(f'<meta name="say-{name}" content="{escape(it)}">' for name, it in said.items())
