"""Convert the export of a MediaWiki (`<mediawiki>`) to HTML: a section for each of its pages.

Discussions, users, templates, files and old versions are left out. Runs in the child process of
`sandbox`.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from assistant.readers.packages import attribute, find_all, local_name, parse_xml
from assistant.readers.wikitext import convert_wikitext, find_redirect
from assistant.readers.wikitext_templates import Wiki, make_anchor

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

# User, file, MediaWiki, template and module. Discussions have odd numbers.
_LEFT_OUT_SPACES = frozenset({2, 6, 8, 10, 828})
_SHOWN_MODELS = frozenset({"", "wikitext"})
_HEADING_SHIFT = 1  # a page's title is a heading of the second level, as its own sections were


@dataclass(frozen=True, slots=True)
class _WikiPage:
    title: str
    space: int
    source: str


def convert_dump(raw: bytes) -> str:
    """Convert an export to HTML. Raises ValueError, with the reason, where it is none."""
    root = parse_xml(raw)
    name = next((each.text or "" for each in find_all(root, "sitename")), "")
    language = attribute(root, "lang")
    spaces = dict(Wiki().namespaces)
    for space in find_all(root, "namespace"):
        number, own = space.get("key", ""), (space.text or "").strip().casefold()
        if own and number.removeprefix("-").isdigit() and len(number) < 6:
            spaces[own] = int(number)
    pages = [page for each in find_all(root, "page") if (page := _read_page(each))]
    shown = {
        page.title.casefold(): page.title
        for page in pages
        if _is_shown(page) and not find_redirect(page.source)
    }
    redirects = {page.title.casefold(): find_redirect(page.source) for page in pages}

    def locate(page: str, section: str) -> str:
        """Return the address of a page of this export; empty for another."""
        key = page.casefold()
        target = shown.get(key) or shown.get(redirects.get(key, "").partition("#")[0].casefold())
        if not target:
            return ""
        anchor = f"{make_anchor(target)}/{make_anchor(section)}" if section else make_anchor(target)
        return f"#{anchor}"

    wiki = Wiki(spaces, locate, is_one_file=True)
    lines = [f'<html lang="{escape(language)}"><title>{escape(name.strip())}</title><main>']
    for page in pages:
        if page.title.casefold() not in shown:
            continue
        anchor = make_anchor(page.title)
        html, title = convert_wikitext(
            page.source, title=page.title, wiki=wiki, anchor=anchor, level=_HEADING_SHIFT
        )
        heading = escape(title or page.title)
        lines.append(f'<h2 id="{escape(anchor)}">{heading}</h2>\n{html}')
    return "\n".join((*lines, "</main></html>"))


def _read_page(element: Element) -> _WikiPage | None:
    """Read the newest version of a page; None where it has no text."""
    values = {local_name(each): (each.text or "").strip() for each in element}
    versions = [each for each in element if local_name(each) == "revision"]
    newest = max(versions, key=lambda each: _read_value(each, "timestamp"), default=None)
    if newest is None or _read_value(newest, "model") not in _SHOWN_MODELS:
        return None
    space = values.get("ns", "0")
    number = int(space) if space.isascii() and space.isdigit() and len(space) < 6 else 0
    return _WikiPage(values.get("title", ""), number, _read_value(newest, "text"))


def _read_value(element: Element, name: str) -> str:
    return next((each.text or "" for each in element if local_name(each) == name), "")


def _is_shown(page: _WikiPage) -> bool:
    is_discussion = page.space % 2 == 1
    is_content = page.space not in _LEFT_OUT_SPACES and not is_discussion
    return is_content and bool(page.title) and bool(page.source.strip())
