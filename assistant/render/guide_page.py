"""Render a page of the guide as an HTML document: its contents, all pages, a highlighted quote."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from assistant.render import layout, urls
from assistant.render.escape import escape
from assistant.render.icons import render_icon
from assistant.render.page_html import Picture, render_page_source
from assistant.render.page_list import render_navigation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from assistant.models.documents import Page, Section
    from assistant.render.catalogue import Messages
    from assistant.render.html import Branding
    from assistant.render.page_list import PageList

MAX_HIGHLIGHT_CHARS = 20_000
"""The most characters of a highlight; ends that are further apart are not of one quote."""

MAX_HEAD_CHARS = 2000
"""Where the first heading of a page ends at the latest; a later one is no title."""

WORDS_A_MINUTE = 200

RTL_LANGUAGES = frozenset("ar arc ckb dv fa he ps sd ug ur yi".split())

_TOKEN = re.compile(r"<[^<>]*>|&[^;&\s]+;|\s+|[^<&\s]+")
_TAG = re.compile(r"<[^<>]*>")
_BLOCK = re.compile(r"<(?:h[2-6]|p|ul|ol|div|pre|blockquote|dl)[ >]")
_VOID_TAGS = ("<br", "<hr", "<img")
_HEADING = re.compile(r'<(h[1-6]|p)(?=[\s>])(?>[^<>]*? id="([^"<>]*)")[^<>]*>')


@dataclass(frozen=True, slots=True)
class Highlight:
    """A quote to highlight: its first and its last words, and the anchor of its section."""

    first: str
    last: str
    anchor: str = ""


def render_guide_page(  # noqa: PLR0913 - a page is the sum of its parts
    page: Page,
    sections: Sequence[Section],
    branding: Branding,
    messages: Messages,
    highlight: Highlight | None = None,
    *,
    find_picture: Callable[[str], tuple[str, tuple[int, int] | None]] | None = None,
    pages: PageList | None = None,
) -> str:
    """Render a page with links to its sections and to other pages, and with a quote highlighted.

    `find_picture` turns an address on the page into the path of a picture of the guide and its size
    where it is known. `pages` are those to list beside it.
    """
    linked = [section for section in sections if section.anchor]
    anchors = [(section.lines[0], section.anchor) for section in linked]
    root = branding.root

    def picture(address: str) -> Picture | None:
        path, size = find_picture(address) if find_picture else ("", None)
        return Picture(urls.picture_url(path, root), *(size or ())) if path else None

    body = render_page_source(
        page, anchors, resolve=lambda to: urls.resolve_link(to, root), picture=picture
    )
    body = mark_quote(body, highlight) if highlight else body
    body = _label_quote(body, messages) if highlight else body
    head, rest = _split_head(body)
    named = {section.anchor for section in linked}
    head = head or f"<h1>{escape(page.title)}</h1>"
    head, rest = (_add_ask_links(part, named, page, root, messages) for part in (head, rest))
    contents = _render_contents(linked, messages)
    article = (
        f'<article{_language_attributes(page)}><div class="head">{head}'
        f"{_render_facts(page, pages, messages)}</div>{contents}"
        f'<div class="text">{rest}</div></article>'
    )
    listed = render_navigation(pages, page.path, root, messages) if pages else ""
    label = escape(messages("all_pages"))
    target = f"#{urls.QUOTE_ANCHOR}" if highlight else "#text"
    around = (
        f'<div class="frame"><nav id="pages" aria-label="{label}">{listed}</nav>'
        f'<main id="text" tabindex="-1">{article}</main></div>{_render_drawer(branding, messages)}'
    )
    table = f'<meta name="say-table" content="{escape(messages("table"))}">'
    script = f'{table}<script src="{root}/chat/reader.js" defer></script>'
    tools = layout.render_tool("#contents", "list", messages("contents"), "narrow")
    skip = f'<a class="skip" href="{target}">{escape(messages("skip_to_page"))}</a>'
    top = skip + _render_top(page, branding, messages, tools if contents else "", highlight)
    return layout.render_page(
        page.title, around, branding, messages, top=top, head=layout.render_head(branding, script)
    )


def _language_attributes(page: Page) -> str:
    side = "rtl" if page.language.split("-")[0] in RTL_LANGUAGES else "auto"
    spoken = f' lang="{escape(page.language)}"' if page.language else ""
    return f'{spoken} dir="{side}"'


def _render_top(
    page: Page, branding: Branding, messages: Messages, tools: str, highlight: Highlight | None
) -> str:
    """Render the bar: back to the answer, the page's title, `tools`, all pages, and a box."""
    root, is_quoted = branding.root, highlight is not None
    back = layout.render_tool(f"{root}/", "back", messages("back_to_answer"), "back")
    guide = f'<a href="{root}/">{escape(branding.title)}</a><span> · </span>' if is_quoted else ""
    return (
        f"{back if is_quoted else layout.render_brand(branding)}"
        f'<p class="top-title" dir="auto">{guide}<b dir="auto">{escape(page.title)}</b></p>'
        f"{tools}{layout.render_tool(f'{root}/pages', 'book', messages('all_pages'), 'narrow')}"
        f"{layout.render_tool(f'{root}/', 'ask', messages('ask_guide'), 'narrow')}"
        f"{layout.render_question_box(branding, messages, 'ask-box')}"
    )


def _render_drawer(branding: Branding, messages: Messages) -> str:
    """Render the dialog that a script moves the list of pages into, in a narrow window."""
    close = escape(messages("close"))
    return (
        f'<dialog id="drawer" aria-label="{escape(messages("all_pages"))}"><p class="drawer-top">'
        f'<b dir="auto">{escape(branding.title)}</b><button type="button" class="tool" '
        f'title="{close}" aria-label="{close}">{render_icon("close")}</button></p></dialog>'
    )


def _render_facts(page: Page, pages: PageList | None, messages: Messages) -> str:
    """Say where a page is in the guide, and how long reading it takes."""
    group = pages.group_of(page.path) if pages else None
    minutes = round(len(page.text.split()) / WORDS_A_MINUTE)
    facts = [
        f'<span dir="auto">{escape(group.label)}</span>'
        if group and group.label not in {"", page.title}
        else "",
        escape(messages("minutes", n=minutes)) if minutes > 1 else "",
    ]
    shown = " · ".join(filter(None, facts))
    return f'<p class="facts" lang="{messages.language}">{shown}</p>' if shown else ""


def _render_contents(sections: Sequence[Section], messages: Messages) -> str:
    """Render links to the sections, folded; a script unfolds them beside the page."""
    listed = sections if len(sections) > 1 else ()
    if len(listed) > 1 and len(listed[0].headings) == 1:
        listed = listed[1:]  # the page's own title
    if not listed:
        return ""
    top = min(len(section.headings) for section in listed)
    items = "".join(
        f'<li class="depth-{min(2, len(section.headings) - top)}" dir="auto">'
        f'<a href="#{quote(section.anchor)}">{escape(section.headings[-1])}</a></li>'
        for section in listed
    )
    label = escape(messages("contents"))
    return (
        f'<nav class="contents" aria-label="{label}" lang="{messages.language}" '
        f'dir="{messages.direction}"><details id="contents"><summary>{label}</summary>'
        f"<ul>{items}</ul></details></nav>"
    )


def _split_head(body: str) -> tuple[str, str]:
    """Split a page after its first heading, where that is near its beginning."""
    end = body.find("</h1>", 0, MAX_HEAD_CHARS)
    opened = body.find("<h1", 0, MAX_HEAD_CHARS)
    if end < 0 or _BLOCK.search(body, 0, opened):
        return "", body
    return body[: end + 5], body[end + 5 :]


def _add_ask_links(body: str, anchors: set[str], page: Page, root: str, messages: Messages) -> str:
    """Add a link to ask about each section beside its heading."""
    label, title = escape(messages("ask")), escape(messages("ask_about"))
    pieces: list[str] = []
    end = 0
    for match in _HEADING.finditer(body):
        anchor = html.unescape(match[2])
        closes = f"</{match[1]}>"
        stop = body.find(closes, match.end()) if anchor in anchors else -1
        if stop >= 0:
            url = escape(urls.ask_about_url(page.path, anchor, root))
            name = " ".join(_TAG.sub("", body[match.end() : stop]).split())
            heading = body[match.start() : stop + len(closes)]
            pieces += [
                body[end : match.start()],
                f'<div class="heading">{heading}',
                f'<a class="ask-about" href="{url}" title="{title}">{label}',
                f'<span class="unseen"> {name}</span></a></div>',
            ]
            end = stop + len(closes)
    return "".join([*pieces, body[end:]])


def _label_quote(body: str, messages: Messages) -> str:
    """Put a label before the block that has the quote."""
    mark = body.find(f'<mark id="{urls.QUOTE_ANCHOR}"')
    depth, start = 0, -1
    for match in _TAG.finditer(body, 0, max(mark, 0)):
        tag = match[0]
        if tag.startswith(_VOID_TAGS):
            continue
        if depth == 0 and tag[1] != "/":
            start = match.start()
        depth += -1 if tag[1] == "/" else 1
    if mark < 0 or start < 0 or depth <= 0:
        return body
    label = (
        f'<p class="quote-label" lang="{messages.language}" dir="{messages.direction}">'
        f"{escape(messages('quoted_in_answer'))}</p>"
    )
    return f"{body[:start]}{label}{body[start:]}"


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
    first_mark = f'<mark id="{urls.QUOTE_ANCHOR}" tabindex="-1">'
    return body[:begin] + marked.replace("<mark>", first_mark, 1)


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
