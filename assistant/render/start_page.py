"""Render what the chat shows around a conversation: its bar, and the start before a question."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from assistant.render import urls
from assistant.render.escape import escape

if TYPE_CHECKING:
    from collections.abc import Sequence

    from assistant.render.catalogue import Messages
    from assistant.render.html import Branding


@dataclass(frozen=True, slots=True)
class Topic:
    """A part of the guide: a folder with several pages, or one page.

    `path` is that of its first page, and `titles` are those of the first pages in it.
    """

    title: str
    path: str
    pages: int
    titles: tuple[str, ...] = ()


def render_title(branding: Branding) -> str:
    """Render the guide's title with its logo, or with its initial where it has none."""
    letter = next((sign for sign in branding.title if sign.isalnum()), "?").upper()
    mark = (
        f'<img class="logo" src="{escape(branding.logo)}" alt="">'
        if branding.logo
        else f'<span class="initial">{escape(letter)}</span>'
    )
    return f'<h1>{mark}<span dir="auto">{escape(branding.title)}</span></h1>'


def render_tools(branding: Branding, messages: Messages) -> str:
    """Render the link to all pages, and the button that saves the conversation."""
    pages, save = escape(messages("all_pages")), escape(messages("save_conversation"))
    return (
        f'<p><button class="tool save" title="{save}"><span class="label">{save}</span></button>'
        f'<a class="tool pages" href="{branding.root}/pages" title="{pages}">'
        f'<span class="label">{pages}</span></a></p>'
    )


def render_start(
    examples: Sequence[str], topics: Sequence[Topic], branding: Branding, messages: Messages
) -> str:
    """Render questions to begin with, and what the guide covers; empty where there is neither."""
    cards = "".join(
        f'<button class="asks card" dir="auto" value="{text}">{text}</button>'
        for text in map(escape, examples)
    )
    offered = f'<h2>{escape(messages("examples"))}</h2><p class="cards">{cards}</p>'
    rows = "".join(_render_topic(topic, branding, messages) for topic in topics)
    browse = f'<a href="{branding.root}/pages">{escape(messages("all_pages"))}</a>'
    covered = f'<h2>{escape(messages("covers"))} {browse}</h2><ul class="topics">{rows}</ul>'
    return (offered if cards else "") + (covered if rows else "")


def _render_topic(topic: Topic, branding: Branding, messages: Messages) -> str:
    url = escape(urls.page_url(topic.path, branding.root))
    count = f" <span>· {escape(messages('pages', n=topic.pages))}</span>" if topic.pages > 1 else ""
    titles = f'<p dir="auto">{escape(", ".join(topic.titles))}</p>' if topic.titles else ""
    return f'<li><a href="{url}" dir="auto">{escape(topic.title)}</a>{count}{titles}</li>'
