"""HTML for the output of a notebook's cell: nothing in it runs, or is fetched.

Knows how words are escaped, which addresses may be links, and the few elements that are drawn.
Must not know what an answer is. There is no colour in it but a grey line: it is read in whatever
colours the notebook has, light or dark.
"""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

# An address that begins with its host leads out of the notebook; one that does not would lead to a
# file beside it, which is not the page that is meant.
_SAFE_URL = re.compile(r"(?:https?://|mailto:)[^\x00-\x20\x7f]+", re.I)
_LINK_STYLE = "color: inherit; text-decoration: underline"
_QUOTE_STYLE = "margin: .5em 0; padding: 0 0 0 .8em; border: 0; border-left: .2em solid #8888"
_LIST_STYLE = "margin: 0 0 .5em; padding-left: 2em"


def escape(words: str) -> str:
    """Words as markup, with their line ends."""
    return "<br>".join(html.escape(line) for line in words.splitlines())


def render_link(url: str, words: str) -> str:
    """Words as a link, where its address is one of the web or of mail; else the words alone."""
    if not _SAFE_URL.fullmatch(url):
        return escape(words)
    return (
        f'<a href="{html.escape(url)}" style="{_LINK_STYLE}" target="_blank" '
        f'rel="noopener noreferrer">{escape(words)}</a>'
    )


def render_paragraph(markup: str) -> str:
    """A paragraph of markup."""
    return f'<p dir="auto">{markup}</p>' if markup else ""


def render_quote(words: str, number: int) -> str:
    """What is quoted, with its number."""
    return f'<blockquote dir="auto" style="{_QUOTE_STYLE}">{escape(words)} [{number}]</blockquote>'


def render_list(heading: str, items: Iterable[str], *, numbered: bool = False) -> str:
    """Items, markup each, under a heading or none; nothing where there are no items."""
    kind = "ol" if numbered else "ul"
    lines = "".join(f'<li dir="auto">{item}</li>' for item in items)
    above = render_paragraph(f"<b>{escape(heading)}</b>") if heading else ""
    return f'{above}<{kind} style="{_LIST_STYLE}">{lines}</{kind}>' if lines else ""


def render_frame(*parts: str) -> str:
    """The parts of one output, no wider than is good to read."""
    return f'<div style="max-width: 48em; overflow-wrap: anywhere">{"".join(parts)}</div>'
