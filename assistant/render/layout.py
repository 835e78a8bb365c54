"""Whole pages of ours other than the chat: their frame, and those that say one thing.

Knows HTML documents and what is in their heads. Must not know how a page of the guide is read.
No page runs a script but the one of ours it names, and none asks another host for anything.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from assistant.render import urls
from assistant.render.html import escape

if TYPE_CHECKING:
    from collections.abc import Sequence

    from assistant.models.answers import Citation
    from assistant.render.catalogue import Messages
    from assistant.render.html import Branding, HtmlRenderer
    from assistant.server.answer_log import LoggedAnswer


def render_page(
    title: str, main: str, branding: Branding, messages: Messages, script: str = ""
) -> str:
    """A document named `name`, under the guide's title; `main` and `script` are markup."""
    named = title if title == branding.title else f"{title} – {branding.title}"
    root = branding.root
    logo = f'<img class="logo" src="{escape(branding.logo)}" alt="">' if branding.logo else ""
    return (
        f'<!doctype html><html lang="{messages.language}" dir="{messages.direction}" '
        'class="reader"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(named)}</title>{stylesheet_links(root)}{icon_link(branding)}{script}</head><body>"
        f'<header><a href="{root}/">{logo}{escape(messages("ask_guide"))}</a>'
        f'<span dir="auto">{escape(branding.title)}</span></header><main>{main}</main></body></html>'
    )


def stylesheet_links(root: str) -> str:
    """The links to our style sheets."""
    return "".join(
        f'<link rel="stylesheet" href="{root}/chat/{name}.css">' for name in ("chat", "brand")
    )


def icon_link(branding: Branding) -> str:
    """The link to a page's icon: the logo, or nothing, which no browser then looks for."""
    return f'<link rel="icon" href="{escape(branding.logo) or "data:,"}">'


def render_notice(heading: str, hint: str, branding: Branding, messages: Messages) -> str:
    """A page that says what is wrong and what mends it."""
    main = f"<article><h1>{escape(heading)}</h1><p>{escape(hint)}</p></article>"
    return render_page(heading, main, branding, messages)


def render_progress_page(branding: Branding, messages: Messages) -> str:
    """What is shown while the index is built: how far it is, kept up to date by a script."""
    steps = "".join(
        f'<li data-step="{name}"><span>{escape(messages(f"step_{name}"))}</span>'
        f'<progress aria-label="{escape(messages(f"step_{name}"))}"></progress><output></output></li>'
        for name in ("waiting", "exporting", "reading", "encoding")
    )
    script = (
        f'<script src="{branding.root}/chat/opening.js" defer></script>'
        '<noscript><meta http-equiv="refresh" content="2"></noscript>'
    )
    main = (
        f'<article class="opening"><h1>{escape(messages("indexing"))}</h1>'
        f"<p>{escape(messages('indexing_why'))}</p>"
        f'<ul role="status" data-progress="{branding.root}/progress">{steps}</ul></article>'
    )
    return render_page(messages("indexing"), main, branding, messages, script)


def render_answer_page(stored: LoggedAnswer, renderer: HtmlRenderer) -> str:
    """An answer as it was given, and whether what it cites still stands."""
    say, root = renderer.messages, renderer.branding.root
    said = say(
        "answered_on", date=stored.at.strftime("%Y-%m-%d"), generation=stored.answer.generation[:12]
    )
    changed = [c for c in stored.answer.citations if not _is_unchanged(c, stored, renderer)]
    standing = "".join(
        f'<p class="changed"><span class="numbers">[{c.n}]</span> {escape(say(_change_message(c, renderer)))}</p>'
        for c in changed
    )
    if stored.answer.citations and not changed:
        standing = f'<p class="same">{escape(say("same"))}</p>'
    again = urls.ask_url(stored.answer.question, root)
    main = (
        f'<article id="talk"><h1 dir="auto">{escape(renderer.branding.title)}</h1>'
        f'<p class="given">{escape(said)}</p>{standing}'
        + renderer.render_turn(
            stored.answer.question, renderer.render_answer(stored.answer, stored.texts, stored.id)
        )
        + f'<p><a class="again" href="{escape(again)}">{escape(say("ask_again"))}</a></p></article>'
    )
    script = f'{message_tags(say)}<script src="{root}/chat/actions.js" defer></script>'
    return render_page(stored.answer.question[:80], main, renderer.branding, say, script)


def _is_unchanged(citation: Citation, stored: LoggedAnswer, renderer: HtmlRenderer) -> bool:
    """Whether the passage that was quoted is in the guide as it was."""
    now = renderer.store.section_passages(citation.path, citation.anchor)
    return stored.texts.get(citation.passage) in {passage.text for _, passage in now}


def _change_message(citation: Citation, renderer: HtmlRenderer) -> str:
    there = renderer.store.section_passages(citation.path, citation.anchor)
    return "changed" if there else "gone"


def message_tags(messages: Messages) -> str:
    """What our scripts say, as data for them to read."""
    names: Sequence[str] = (
        "queued looking busy busy_mend lost lost_mend comment_label send thanks not_kept copied "
        "not_copied conversation box_label suggestions skip"
    ).split()
    return "".join(f'<meta name="say-{name}" content="{escape(messages(name))}">' for name in names)
