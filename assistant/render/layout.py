"""Render whole HTML documents: their common layout, notices, progress and stored answers.

A page runs only the scripts that it names, and requests nothing from other hosts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from assistant.render import urls
from assistant.render.dates import format_date
from assistant.render.escape import escape
from assistant.render.icons import render_icon

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import date

    from assistant.models.answers import Answer
    from assistant.render.catalogue import Messages
    from assistant.render.html import Branding, HtmlRenderer

ANSWER_KEYS = (
    "copied copy_refused comment_label send thanks feedback_not_saved close source_of open_in_guide"
    " copy_quote"
).split()
"""Keys of the messages that the script of an answer needs."""

PROGRESS_KEYS = "progress seconds_left minutes_left".split()
"""Keys of the messages that the script of the progress needs."""

_BLANKS = {name: f"{{{name}}}" for name in "n id most done total section".split()}


def render_page(
    title: str,
    body: str,
    branding: Branding,
    messages: Messages,
    *,
    top: str = "",
    head: str = "",
) -> str:
    """Render a document with its title and the guide's; `body`, `top` and `head` are HTML.

    `top` is the content of the bar; without it, the bar leads to the start and to all pages.
    `head` are the styles and scripts; without it, the style sheets of all pages.
    """
    full_title = title if title == branding.title else f"{title} – {branding.title}"
    head = (head or render_head(branding)) + icon_link(branding)
    top = top or _render_top(branding, messages)
    return (
        f'<!doctype html><html lang="{messages.language}" dir="{messages.direction}" '
        'class="reader doc"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>{escape(full_title)}</title>{head}</head>"
        f'<body><header class="top">{top}</header>{body}</body></html>'
    )


def render_head(branding: Branding, scripts: str = "") -> str:
    """Render the links to the style sheets of a page, and its scripts."""
    return stylesheet_links(branding.root, "answer", "page") + scripts


def _render_top(branding: Branding, messages: Messages) -> str:
    root = branding.root
    return (
        render_brand(branding)
        + render_tool(f"{root}/pages", "book", messages("all_pages"))
        + render_tool(f"{root}/", "plus", messages("new_question"))
    )


def render_brand(branding: Branding) -> str:
    """Render the guide's logo, or its first letter, and its title, as a link to the start."""
    if not branding.title:  # not known before the guide is read
        return '<span class="brand"></span>'
    return (
        f'<a class="brand" href="{branding.root}/">{render_mark(branding)}'
        f'<span class="brand-name" dir="auto">{escape(branding.title)}</span></a>'
    )


def render_mark(branding: Branding) -> str:
    """Render the guide's logo, or the first letter of its title where it has none."""
    if branding.logo:
        return f'<img class="brand-logo" src="{escape(branding.logo)}" alt="">'
    letter = next((char for char in branding.title if char.isalnum()), "")
    return f'<span class="brand-letter" aria-hidden="true">{escape(letter.upper())}</span>'


def render_tool(url: str, icon: str, label: str, css_class: str = "") -> str:
    """Render a link of the bar; in a narrow window only its icon is shown."""
    return (
        f'<a class="tool {css_class}" href="{escape(url)}" title="{escape(label)}">'
        f"{render_icon(icon)}<span>{escape(label)}</span></a>"
    )


def render_question_box(branding: Branding, messages: Messages, css_class: str) -> str:
    """Render a box whose question the chat answers."""
    label, ask = escape(messages("ask_guide")), escape(messages("ask"))
    return (
        f'<form class="{css_class}" action="{branding.root}/" role="search">'
        f'<input name="q" maxlength="2000" autocomplete="off" dir="auto" '
        f'placeholder="{label}" aria-label="{label}">'
        f'<button title="{ask}" aria-label="{ask}">{render_icon("send")}</button></form>'
    )


def stylesheet_links(root: str, *names: str) -> str:
    """Return the links to style sheets: those of all pages, then the named ones."""
    return "".join(
        f'<link rel="stylesheet" href="{root}/chat/{name}.css">'
        for name in ("theme", *names, "brand")
    )


def icon_link(branding: Branding) -> str:
    """Return the link to the icon: the logo, or an empty one, so that browsers request none."""
    return f'<link rel="icon" href="{escape(branding.logo) or "data:,"}">'


def render_notice(  # noqa: PLR0913 - the bar and the styles are those of any page
    heading: str,
    hint: str,
    branding: Branding,
    messages: Messages,
    *,
    more: str = "",
    head: str = "",
    top: str = "",
) -> str:
    """Render a page with an error, its hint and a link to the start; `more` is HTML below them."""
    start = f'<a class="button" href="{branding.root}/">{escape(messages("to_start"))}</a>'
    body = (
        f'<main class="notice-page"><h1>{escape(heading)}</h1><p class="lead">{escape(hint)}</p>'
        f"{more}<p>{start}</p></main>"
    )
    return render_page(heading, body, branding, messages, top=top, head=head)


def render_progress_page(branding: Branding, messages: Messages) -> str:
    """Render the progress of building the index, which a script updates."""
    steps = "".join(
        f'<li data-step="{name}" hidden><span class="step">{label}</span><output></output>'
        f'<progress aria-label="{label}"></progress></li>'
        for name in ("waiting", "exporting", "reading", "encoding", "opening")
        for label in [escape(messages(f"step_{name}"))]
    )
    script = (
        f"{message_tags(messages, PROGRESS_KEYS)}"
        f'<script src="{branding.root}/chat/progress.js" defer></script>'
        '<noscript><meta http-equiv="refresh" content="2"></noscript>'
    )
    body = (
        f'<main class="notice-page"><h1>{escape(messages("preparing"))}</h1>'
        f'<p class="lead">{escape(messages("preparing_note"))}</p>'
        f'<ol class="steps" data-progress="{branding.root}/progress">{steps}</ol>'
        '<p class="left" role="status"></p></main>'
    )
    top = render_brand(branding)
    return render_page(
        messages("preparing"), body, branding, messages, top=top, head=render_head(branding, script)
    )


def render_answer_page(
    answer: Answer,
    texts: Mapping[str, str],
    renderer: HtmlRenderer,
    *,
    answer_id: str,
    day: date,
    outdated: Collection[int],
) -> str:
    """Render a stored answer with its date, and whether the guide still says it.

    `texts` are the quoted passages by their ids, and `outdated` the numbers of the citations whose
    section has changed since.
    """
    messages, branding = renderer.messages, renderer.branding
    stamp = _render_stamp(answer, renderer, day, outdated)
    body = renderer.render_answer(answer, texts, answer_id, stamp=stamp)
    turn = renderer.render_turn(answer.question, body)
    main = (
        f'<main id="text" class="answer-page"><h1 class="unseen">{escape(branding.title)}</h1>'
        f'<article id="talk">{turn}</article>'
        f"{render_question_box(branding, messages, 'dock')}</main>"
    )
    script = (
        f"{message_tags(messages, ANSWER_KEYS)}"
        f'<script src="{branding.root}/chat/answer.js" defer></script>'
    )
    title = answer.question[:80] or branding.title
    return render_page(title, main, branding, messages, head=render_head(branding, script))


def _render_stamp(
    answer: Answer, renderer: HtmlRenderer, day: date, outdated: Collection[int]
) -> str:
    """Say when an answer was given, and whether the guide still says the same."""
    messages, root = renderer.messages, renderer.branding.root
    answered_on = escape(messages("answered_on", date=format_date(day, messages)))
    again = render_text_link(urls.ask_url(answer.question, root), messages("ask_again"))
    if not answer.citations:
        return f'<p class="stamp">{render_icon("alert")}<span>{answered_on} {again}</span></p>'
    if not outdated:
        verdict = f"<b>{escape(messages('unchanged'))}</b>"
        return (
            f'<p class="stamp same">{render_icon("check")}'
            f"<span>{answered_on} {verdict} {again}</span></p>"
        )
    changed = [citation for citation in answer.citations if citation.n in outdated]
    exists = [c for c in changed if renderer.store.section_passages(c.path, c.anchor)]
    verdict = f"<b>{escape(messages('changed' if exists else 'removed'))}</b>"
    now = ""
    if exists:
        first = exists[0]
        url = f"{urls.page_url(first.path, root)}#{quote(first.anchor)}"
        now = f" · {render_text_link(url, messages('see_now'))}"
    return (
        f'<p class="stamp changed">{render_icon("alert")}'
        f"<span>{answered_on} {verdict} {again}{now}</span></p>"
    )


def render_text_link(url: str, text: str) -> str:
    """Render a link in a sentence; it opens in the same tab."""
    return f'<a href="{escape(url)}">{escape(text)}</a>'


def message_tags(messages: Messages, keys: Sequence[str]) -> str:
    """Return messages as data for scripts, which fill in the values in braces."""
    tags = ((key, messages(key, **_BLANKS)) for key in keys)
    return "".join(f'<meta name="say-{key}" content="{escape(text)}">' for key, text in tags)
