"""Render a page of the guide as an HTML document, with its contents and a highlighted quote."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from assistant.render import layout, urls
from assistant.render.escape import escape
from assistant.render.page_html import render_page_source

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from assistant.models.documents import Page, Section
    from assistant.render.catalogue import Messages
    from assistant.render.html import Branding

MAX_HIGHLIGHT_CHARS = 20_000
"""The most characters of a highlight; ends that are further apart are not of one quote."""

RTL_LANGUAGES = frozenset("ar arc ckb dv fa he ps sd ug ur yi".split())

_TOKEN = re.compile(r"<[^<>]*>|&[^;&\s]+;|\s+|[^<&\s]+")
_HEADING = re.compile(r'<(h[1-6]|p)(?=[\s>])(?>[^<>]*? id="([^"<>]*)")[^<>]*>')


@dataclass(frozen=True, slots=True)
class Highlight:
    """A quote to highlight: its first and its last words, and the anchor of its section."""

    first: str
    last: str
    anchor: str = ""


def render_guide_page(
    page: Page,
    sections: Sequence[Section],
    branding: Branding,
    messages: Messages,
    highlight: Highlight | None = None,
    *,
    find_picture: Callable[[str], str] | None = None,
) -> str:
    """Render a page with links to its sections, and with a quote highlighted.

    `find_picture` turns an address on the page into the path of a picture of the guide.
    """
    linked = [section for section in sections if section.anchor]
    anchors = [(section.lines[0], section.anchor) for section in linked]
    root = branding.root

    def picture_url(address: str) -> str:
        path = find_picture(address) if find_picture else ""
        return urls.picture_url(path, root) if path else ""

    body = render_page_source(
        page, anchors, resolve=lambda to: urls.resolve_link(to, root), picture_url=picture_url
    )
    body = mark_quote(body, highlight) if highlight else body
    body = _add_ask_links(body, {s.anchor for s in linked}, page, root, messages)
    heading = "" if "<h1" in body else f"<h1>{escape(page.title)}</h1>"
    language = page.language
    side = "rtl" if language.split("-")[0] in RTL_LANGUAGES else "auto"
    spoken = f' lang="{escape(language)}"' if language else ""
    article = f'<article{spoken} dir="{side}">{heading}{body}</article>'
    contents = _render_contents(linked, messages) if len(linked) > 1 else ""
    script = f'<script src="{root}/chat/reader.js" defer></script>' if highlight else ""
    return layout.render_page(page.title, contents + article, branding, messages, script)


def _render_contents(sections: Sequence[Section], messages: Messages) -> str:
    top = min(len(section.headings) for section in sections)
    items = "".join(
        f'<li class="item-{min(3, len(section.headings) - top)}" dir="auto">'
        f'<a href="#{quote(section.anchor)}">{escape(section.headings[-1])}</a></li>'
        for section in sections
    )
    label = escape(messages("contents"))
    return f'<nav aria-label="{label}"><p>{label}</p><ul>{items}</ul></nav>'


def _add_ask_links(body: str, anchors: set[str], page: Page, root: str, messages: Messages) -> str:
    """Add a link to ask about each section, below its heading."""
    label = escape(messages("ask_about"))
    pieces: list[str] = []
    end = 0
    for match in _HEADING.finditer(body):
        anchor = html.unescape(match[2])
        closes = f"</{match[1]}>"
        stop = body.find(closes, match.end()) if anchor in anchors else -1
        if stop >= 0:
            url = escape(urls.ask_about_url(page.path, anchor, root))
            about = f'<p class="about"><a href="{url}">{label}</a></p>'
            pieces += [body[end : stop + len(closes)], about]
            end = stop + len(closes)
    return "".join([*pieces, body[end:]])


def mark_quote(body: str, highlight: Highlight) -> str:
    """Put a quote of the body in `<mark>`, with the anchor that links to it name.

    Where the quote is missing, the anchor is before its section. The search starts at the quote's
    section and ignores white space, in which rendered HTML and passages differ.
    """
    heading_start = body.find(f'id="{html.escape(highlight.anchor)}"') if highlight.anchor else 0
    begin = body.rfind("<", 0, heading_start + 1) if heading_start > 0 else 0
    tokens = _TOKEN.findall(body, begin)
    texts = [html.unescape(token) if token[0] != "<" else "" for token in tokens]
    texts = ["" if token.isspace() else token for token in texts]
    whole = "".join(texts)
    first, last = ("".join(end.split()) for end in (highlight.first, highlight.last))
    start = whole.find(first) if first and last else -1
    after = start + (len(first) if highlight.first != highlight.last else 0)
    stop = whole.find(last, after) if start >= 0 else -1
    if stop < 0 or stop - start > MAX_HIGHLIGHT_CHARS:
        return f'{body[:begin]}<span id="{urls.QUOTE_ANCHOR}"></span>{body[begin:]}'
    marked = "".join(_wrap_span(tokens, texts, start, stop + len(last)))
    return body[:begin] + marked.replace("<mark>", f'<mark id="{urls.QUOTE_ANCHOR}">', 1)


def _wrap_span(tokens: Sequence[str], texts: Sequence[str], start: int, stop: int) -> Iterator[str]:
    """Yield the tokens, with a mark around each run of text between two characters."""
    at, opened = 0, False
    for token, letters in zip(tokens, texts, strict=True):
        before, at = at, at + len(letters)
        inside = bool(letters) and before < stop and at > start
        if opened and (token[0] == "<" or (letters and not inside)):
            yield "</mark>"
            opened = False
        if not inside:
            yield token
            continue
        if token[0] == "&":  # an entity is one character
            head, middle, tail = "", token, ""
        else:
            cut = max(0, start - before), min(len(token), stop - before)
            head, middle, tail = token[: cut[0]], token[cut[0] : cut[1]], token[cut[1] :]
        yield head if opened else f"{head}<mark>"
        yield middle
        opened = not tail
        yield tail and f"</mark>{tail}"
    if opened:
        yield "</mark>"
