"""Whole pages of ours other than the chat: their frame, and those that say one thing.

Knows HTML documents and what is in their heads. Must not know how a page of the guide is read.
No page runs a script but the one of ours it names, and none asks another host for anything.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from assistant.render import urls
from assistant.render.html import text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from assistant.models.answers import Citation
    from assistant.render.catalogue import Messages
    from assistant.render.html import Markup, Masthead
    from assistant.server.answer_log import Kept


def page(name: str, main: str, masthead: Masthead, messages: Messages, script: str = "") -> str:
    """A document named `name`, under the guide's title; `main` and `script` are markup."""
    named = name if name == masthead.title else f"{name} – {masthead.title}"
    root = masthead.root
    logo = f'<img class="logo" src="{text(masthead.logo)}" alt="">' if masthead.logo else ""
    return (
        f'<!doctype html><html lang="{messages.language}" dir="{messages.direction}" '
        'class="reader"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{text(named)}</title>{styles(root)}{icon(masthead)}{script}</head><body>"
        f'<header><a href="{root}/">{logo}{text(messages("ask_guide"))}</a>'
        f'<span dir="auto">{text(masthead.title)}</span></header><main>{main}</main></body></html>'
    )


def styles(root: str) -> str:
    """The links to our style sheets."""
    return "".join(
        f'<link rel="stylesheet" href="{root}/chat/{name}.css">' for name in ("chat", "brand")
    )


def icon(masthead: Masthead) -> str:
    """The link to a page's icon: the logo, or nothing, which no browser then looks for."""
    return f'<link rel="icon" href="{text(masthead.logo) or "data:,"}">'


def notice(heading: str, mend: str, masthead: Masthead, messages: Messages) -> str:
    """A page that says what is wrong and what mends it."""
    main = f"<article><h1>{text(heading)}</h1><p>{text(mend)}</p></article>"
    return page(heading, main, masthead, messages)


def opening(masthead: Masthead, messages: Messages) -> str:
    """What is shown while the index is built: how far it is, kept up to date by a script."""
    steps = "".join(
        f'<li data-step="{name}"><span>{text(messages(f"step_{name}"))}</span>'
        f'<progress aria-label="{text(messages(f"step_{name}"))}"></progress><output></output></li>'
        for name in ("waiting", "exporting", "reading", "encoding")
    )
    script = (
        f'<script src="{masthead.root}/chat/opening.js" defer></script>'
        '<noscript><meta http-equiv="refresh" content="2"></noscript>'
    )
    main = (
        f'<article class="opening"><h1>{text(messages("indexing"))}</h1>'
        f"<p>{text(messages('indexing_why'))}</p>"
        f'<ul role="status" data-progress="{masthead.root}/progress">{steps}</ul></article>'
    )
    return page(messages("indexing"), main, masthead, messages, script)


def answer(kept: Kept, markup: Markup) -> str:
    """An answer as it was given, and whether what it cites still stands."""
    say, root = markup.messages, markup.masthead.root
    said = say(
        "answered_on", date=kept.at.strftime("%Y-%m-%d"), generation=kept.answer.generation[:12]
    )
    changed = [c for c in kept.answer.citations if not _stands(c, kept, markup)]
    standing = "".join(
        f'<p class="changed"><span class="numbers">[{c.n}]</span> {text(say(_now(c, markup)))}</p>'
        for c in changed
    )
    if kept.answer.citations and not changed:
        standing = f'<p class="same">{text(say("same"))}</p>'
    again = urls.asking(kept.answer.question, root)
    main = (
        f'<article id="talk"><h1 dir="auto">{text(markup.masthead.title)}</h1>'
        f'<p class="given">{text(said)}</p>{standing}'
        + markup.exchange(kept.answer.question, markup.reply(kept.answer, kept.texts, kept.id))
        + f'<p><a class="again" href="{text(again)}">{text(say("ask_again"))}</a></p></article>'
    )
    script = f'{words(say)}<script src="{root}/chat/actions.js" defer></script>'
    return page(kept.answer.question[:80], main, markup.masthead, say, script)


def _stands(citation: Citation, kept: Kept, markup: Markup) -> bool:
    """Whether the passage that was quoted is in the guide as it was."""
    now = markup.store.section_passages(citation.path, citation.anchor)
    return kept.texts.get(citation.passage) in {passage.text for _, passage in now}


def _now(citation: Citation, markup: Markup) -> str:
    there = markup.store.section_passages(citation.path, citation.anchor)
    return "changed" if there else "gone"


def words(messages: Messages) -> str:
    """What our scripts say, as data for them to read."""
    names: Sequence[str] = (
        "queued looking busy busy_mend lost lost_mend comment_label send thanks not_kept copied "
        "not_copied conversation box_label suggestions skip"
    ).split()
    return "".join(f'<meta name="say-{name}" content="{text(messages(name))}">' for name in names)
