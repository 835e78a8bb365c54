"""Render what the chat shows around a conversation: its bar, and the start before a question."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from assistant.render import layout, urls
from assistant.render.escape import escape

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from assistant.render.catalogue import Messages
    from assistant.render.html import Branding
    from assistant.render.page_list import PageList

MAX_TOPICS, MAX_TITLES = 12, 3
MIN_FOLDERS = 3
"""The fewest folders that say what a guide covers; of a flatter guide its pages do."""


def render_title(branding: Branding) -> str:
    """Render the guide's title with its logo, or with its initial where it has none."""
    mark = layout.render_mark(branding)
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
    examples: Sequence[str], pages: PageList, branding: Branding, messages: Messages
) -> str:
    """Render questions to begin with, and what the guide covers; empty where there is neither."""
    cards = "".join(
        f'<button class="asks card" dir="auto" value="{text}">{text}</button>'
        for text in map(escape, examples)
    )
    offered = f'<h2>{escape(messages("examples"))}</h2><p class="cards">{cards}</p>'
    rows = "".join(islice(_render_topics(pages, branding, messages), MAX_TOPICS))
    browse = f'<a href="{branding.root}/pages">{escape(messages("all_pages"))}</a>'
    covered = f'<h2>{escape(messages("covers"))} {browse}</h2><ul class="topics">{rows}</ul>'
    return (offered if cards else "") + (covered if rows else "")


def _render_topics(pages: PageList, branding: Branding, messages: Messages) -> Iterator[str]:
    """Render the folders of the guide, or the pages of one with hardly any.

    A page with the title of the whole guide says nothing about what it covers.
    """
    root = branding.root
    folders = [group for group in pages.top_groups if group.label]
    if len(folders) < MIN_FOLDERS:
        for page in (page for page in pages.pages if page.title != branding.title):
            url = escape(urls.page_url(page.path, root))
            yield f'<li><a href="{url}" dir="auto">{escape(page.title)}</a></li>'
        return
    for group in folders:
        url = escape(urls.page_url(group.pages[0].path, root))
        count = escape(messages("pages", n=len(group.pages)))
        others = [page.title for page in group.pages if page.title != group.label][:MAX_TITLES]
        titles = f'<span class="titles" dir="auto">{escape(", ".join(others))}</span>'
        yield (
            f'<li><a href="{url}" dir="auto">{escape(group.label)}</a> <span>· {count}</span>'
            f"{titles if others else ''}</li>"
        )
