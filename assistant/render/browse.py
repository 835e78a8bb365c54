"""Render the list of all pages, and the passages that a search finds in them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import quote

from assistant.render import layout, urls
from assistant.render.escape import escape
from assistant.render.page_list import (
    MAX_ON_PAGE,
    folder_url,
    render_filter,
    render_label,
    render_pages,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from assistant.models.answers import Hit, Search
    from assistant.render.catalogue import Messages
    from assistant.render.html import Branding
    from assistant.render.page_list import PageGroup, PageList

MAX_HITS = 20
MAX_TITLES = 5
"""How many pages whose title has the words of a search are named above its passages."""

SNIPPET_CHARS = 260

_WORD = re.compile(r"[^\W_]+")


def render_browse_page(
    pages: PageList, branding: Branding, messages: Messages, *, folder: str = "", start: int = 0
) -> str:
    """Render the pages grouped by folder, or those of one folder from a number on.

    A page of the list holds at most `MAX_ON_PAGE`: a folder that does not fit is a link.
    """
    group = pages.find_group(folder) if folder or start else None
    content = (
        _render_one_folder(group, start, branding.root, messages)
        if group
        else "".join(_render_folders(pages, branding.root))
    )
    heading = (group.label or branding.title) if group else messages("all_pages")
    count = len(group.pages) if group else len(pages)
    is_complete = not group and len(pages) <= MAX_ON_PAGE
    above = (
        f'<h1 dir="auto">{escape(heading)}</h1>'
        f'<p class="facts">{escape(messages("pages", n=count))}</p>'
    )
    finder = render_filter(branding.root, messages, large=True)
    listed = (
        f'<div class="page-list" data-list="{"complete" if is_complete else "partial"}">'
        f'{finder}<div class="groups">{content}</div></div>'
    )
    return _render_document(heading, above + listed, branding, messages)


def render_search_page(
    result: Search, pages: PageList, branding: Branding, messages: Messages
) -> str:
    """Render the passages that a search found, each with its heading and a snippet."""
    root, words = branding.root, result.question
    titles = pages.find_names(words, MAX_TITLES)
    named = f'<nav class="titles">{render_pages(titles, root)}</nav>' if titles else ""
    hits = "".join(_render_hit(hit, root) for hit in result.hits)
    count = messages("hits", n=len(result.hits)) if result.hits else messages("no_hits")
    ask = layout.render_text_link(urls.ask_url(words, root), messages("answer_this"))
    body = (
        f"<h1>{escape(messages('search'))}</h1>{render_filter(root, messages, words, large=True)}"
        f'<p class="facts" role="status">{escape(count)} · {ask} · '
        f"{layout.render_text_link(f'{root}/pages', messages('all_pages'))}</p>"
        f'{named}<ol class="hits">{hits}</ol>'
    )
    return _render_document(f"{words[:80]} – {messages('search')}", body, branding, messages)


def render_failed_search(
    words: str, message: str, hint: str, branding: Branding, messages: Messages
) -> str:
    """Render why a search did not work, with its words in the box."""
    body = (
        f"<h1>{escape(messages('search'))}</h1>"
        f"{render_filter(branding.root, messages, words, large=True)}"
        f'<p role="alert">{escape(message)} {escape(hint)}</p>'
    )
    return _render_document(messages("search"), body, branding, messages)


def _render_document(title: str, body: str, branding: Branding, messages: Messages) -> str:
    main = f'<main id="text" class="browse">{body}</main>'
    script = f'<script src="{branding.root}/chat/reader.js" defer></script>'
    head = layout.render_head(branding, script)
    return layout.render_page(title, main, branding, messages, head=head)


def _render_folders(pages: PageList, root: str) -> Iterator[str]:
    """Render all folders; one that does not fit any more is a link to its own list."""
    left = MAX_ON_PAGE
    for group in pages.groups:
        count = len(group.pages)
        if count > left:
            label = escape(group.label or group.folder or "/")
            url = escape(
                folder_url(group.folder, root) if group.folder else f"{root}/pages?start=1"
            )
            yield (
                f'<p class="folder"><a href="{url}"><span dir="auto">{label}</span> '
                f"<span>{count:,}</span></a></p>"
            )
            continue
        left -= count
        label = render_label(group.label, count)
        yield f"<section>{label}{render_pages(group.pages, root)}</section>"


def _render_one_folder(group: PageGroup, start: int, root: str, messages: Messages) -> str:
    first = max(0, start - 1)
    shown = render_pages(group.pages[first : first + MAX_ON_PAGE], root)
    following = first + MAX_ON_PAGE
    if following >= len(group.pages):
        return f"<section>{shown}</section>"
    url = folder_url(group.folder, root, following + 1)
    more = layout.render_text_link(url, messages("more_pages"))
    return f'<section>{shown}</section><p class="more">{more}</p>'


def _render_hit(hit: Hit, root: str) -> str:
    passage = hit.passage
    url = urls.page_url(passage.path, root)
    url += f"#{quote(passage.anchor)}" if passage.anchor else ""
    above = " › ".join(passage.headings[:-1])
    place = f'<p class="place">{escape(above)}</p>' if above else ""
    text = passage.text.removeprefix(passage.headings[-1])
    snippet = render_snippet(
        " · ".join(" ".join(line.split()) for line in text.strip().splitlines() if line.strip()),
        hit.why.matched,
    )
    return (
        f'<li dir="auto">{place}<a href="{escape(url)}">{escape(passage.headings[-1])}</a>'
        f'<p class="snippet">{snippet}</p></li>'
    )


def render_snippet(text: str, terms: Sequence[str]) -> str:
    """Render a part of a text from its first term on, with the terms marked."""
    starts = tuple(term.casefold() for term in terms)
    places = [
        match.span()
        for match in _WORD.finditer(text)
        if starts and match[0].casefold().startswith(starts)
    ]
    first = places[0][0] if places else 0
    begin = 0 if first < SNIPPET_CHARS // 2 else text.rfind(" ", 0, first - SNIPPET_CHARS // 4) + 1
    end = len(text)
    if end - begin > SNIPPET_CHARS:
        end = max(text.rfind(" ", begin, begin + SNIPPET_CHARS), begin + SNIPPET_CHARS // 2)
    pieces, at = ["… " if begin else ""], begin
    for start, stop in places:
        if start >= at and stop <= end:
            pieces += [escape(text[at:start]), f"<mark>{escape(text[start:stop])}</mark>"]
            at = stop
    return "".join([*pieces, escape(text[at:end]), " …" if end < len(text) else ""])
