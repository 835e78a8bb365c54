"""Render whole HTML documents: their common layout, notices, progress and stored answers.

A page runs only the scripts that it names, and requests nothing from other hosts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from assistant.render import urls
from assistant.render.escape import escape

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from assistant.models.answers import Answer, Citation
    from assistant.render.catalogue import Messages
    from assistant.render.html import Branding, HtmlRenderer

ANSWER_KEYS = (
    "copied copy_refused comment_label send thanks feedback_not_saved close source_of open_in_guide"
    " copy_quote"
).split()
"""Keys of the messages that the script of an answer needs."""

_BLANKS = {name: f"{{{name}}}" for name in ("n", "id", "most", "total", "section")}


def render_page(
    title: str, main: str, branding: Branding, messages: Messages, script: str = ""
) -> str:
    """Render a document with its title and the guide's; `main` and `script` are HTML."""
    full_title = title if title == branding.title else f"{title} – {branding.title}"
    root = branding.root
    logo = f'<img class="logo" src="{escape(branding.logo)}" alt="">' if branding.logo else ""
    return (
        f'<!doctype html><html lang="{messages.language}" dir="{messages.direction}" '
        'class="reader"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(full_title)}</title>{stylesheet_links(root, 'answer', 'page')}"
        f"{icon_link(branding)}{script}</head><body>"
        f'<header><a href="{root}/">{logo}{escape(messages("ask_guide"))}</a>'
        f'<span dir="auto">{escape(branding.title)}</span></header>'
        f"<main>{main}</main></body></html>"
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


def render_notice(heading: str, hint: str, branding: Branding, messages: Messages) -> str:
    """Render a page with an error and its hint."""
    main = f"<article><h1>{escape(heading)}</h1><p>{escape(hint)}</p></article>"
    return render_page(heading, main, branding, messages)


def render_progress_page(branding: Branding, messages: Messages) -> str:
    """Render the progress of building the index, which a script updates."""
    steps = "".join(
        f'<li data-step="{name}"><span>{escape(messages(f"step_{name}"))}</span>'
        f'<progress aria-label="{escape(messages(f"step_{name}"))}"></progress>'
        "<output></output></li>"
        for name in ("waiting", "exporting", "reading", "encoding")
    )
    script = (
        f'<script src="{branding.root}/chat/progress.js" defer></script>'
        '<noscript><meta http-equiv="refresh" content="2"></noscript>'
    )
    main = (
        f'<article class="opening"><h1>{escape(messages("preparing"))}</h1>'
        f"<p>{escape(messages('preparing_note'))}</p>"
        f'<ul role="status" data-progress="{branding.root}/progress">{steps}</ul></article>'
    )
    return render_page(messages("preparing"), main, branding, messages, script)


def render_answer_page(
    answer: Answer,
    texts: Mapping[str, str],
    renderer: HtmlRenderer,
    *,
    answer_id: str,
    date: str,
    outdated: Collection[int],
) -> str:
    """Render a stored answer, and which of its citations are out of date.

    `texts` are the quoted passages by their ids, and `outdated` the numbers of the citations whose
    section has changed since.
    """
    messages, root = renderer.messages, renderer.branding.root
    answered_on = messages("answered_on", date=date, generation=answer.generation[:12])
    status = "".join(
        f'<p class="changed"><span class="numbers">[{citation.n}]</span> '
        f"{escape(messages(_change_message(citation, renderer)))}</p>"
        for citation in answer.citations
        if citation.n in outdated
    )
    if answer.citations and not outdated:
        status = f'<p class="same">{escape(messages("unchanged"))}</p>'
    again = urls.ask_url(answer.question, root)
    body = renderer.render_answer(answer, texts, answer_id)
    main = (
        f'<article id="talk"><h1 dir="auto">{escape(renderer.branding.title)}</h1>'
        f'<p class="given">{escape(answered_on)}</p>{status}'
        f"{renderer.render_turn(answer.question, body)}"
        f'<p><a class="again" href="{escape(again)}">{escape(messages("ask_again"))}</a></p>'
        "</article>"
    )
    script = (
        f'{message_tags(messages, ANSWER_KEYS)}<script src="{root}/chat/answer.js" defer></script>'
    )
    return render_page(answer.question[:80], main, renderer.branding, messages, script)


def _change_message(citation: Citation, renderer: HtmlRenderer) -> str:
    exists = renderer.store.section_passages(citation.path, citation.anchor)
    return "changed" if exists else "removed"


def message_tags(messages: Messages, keys: Sequence[str]) -> str:
    """Return messages as data for scripts, which fill in the values in braces."""
    tags = ((key, messages(key, **_BLANKS)) for key in keys)
    return "".join(f'<meta name="say-{key}" content="{escape(text)}">' for key, text in tags)
