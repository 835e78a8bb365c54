"""Make addresses of pages, sections, quotes and resources, on the published site or this server.

`root` is the path that this server is published under.
"""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote, urlsplit

from assistant.guide import links, publishers
from assistant.models.documents import PageLinks
from assistant.readers.dialects import WIKI_SCHEME

if TYPE_CHECKING:
    from assistant.index.store import FaissStore
    from assistant.models.answers import Citation
    from assistant.models.documents import Resource

WEB_SCHEMES = ("http://", "https://")
QUOTE_ANCHOR = "quoted.words"
"""The anchor of a quote on a page of this server; a heading has none with a full stop."""

FRAGMENT_WORDS = 8  # words at each end of a quote in its link, which the browser highlights

LIST_MARKER = re.compile(r"^( *)(?:- |(\d+\. ))")
"""The marker before a list item in a quote; the text of its page does not have it."""


def page_url(path: str, root: str = "") -> str:
    """Return the address of a page on this server."""
    return f"{root}/guide/{quote(path)}"


def picture_url(path: str, root: str = "") -> str:
    """Return the address of a picture of the guide on this server."""
    return f"{root}/picture/{quote(path)}"


def section_url(path: str, anchor: str, url: str, root: str = "") -> str:
    """Return the address of a section: on the published site, or else on this server."""
    return url if url.startswith(WEB_SCHEMES) else f"{page_url(path, root)}#{quote(anchor)}"


def citation_url(citation: Citation, root: str = "") -> str:
    """Return the address of a quote: its section, and in it the quoted words.

    The text fragment (https://wicg.github.io/scroll-to-text-fragment/) names its first and last
    words, without list markers and cell borders, which the page's text does not have. Pages on this
    server also get them as parameters, and mark the quote and give it an anchor, because not every
    browser knows text fragments.
    """
    url = section_url(citation.path, citation.anchor, citation.url, root)
    ends = _quote_ends(citation)
    if not ends:
        return url
    named = ",".join(quote(end, safe="").replace("-", "%2D") for end in ends)
    place, _, anchor = url.partition("#")
    if not citation.url.startswith(WEB_SCHEMES):  # not published: the page is on this server
        place += f"?section={anchor}&first={quote(ends[0])}&last={quote(ends[-1])}"
        anchor = QUOTE_ANCHOR
    return f"{place}#{anchor}:~:text={named}"


def _quote_ends(citation: Citation) -> list[str]:
    """Return the first words of a quote, and its last where it is long."""
    lines = [line for line in citation.quote.splitlines() if line != citation.headings[-1]]
    cells = [cell.split() for line in lines for cell in LIST_MARKER.sub("", line).split(" | ")]
    filled = [words for words in cells if words]
    if not filled:
        return []
    if len(filled) == 1 and len(filled[0]) <= 2 * FRAGMENT_WORDS:
        return [" ".join(filled[0])]
    return [" ".join(filled[0][:FRAGMENT_WORDS]), " ".join(filled[-1][-FRAGMENT_WORDS:])]


def ask_url(question: str, root: str = "") -> str:
    """Return the address of the chat that asks a question."""
    return f"{root}/?q={quote(question, safe='')}"


def ask_about_url(path: str, anchor: str, root: str = "") -> str:
    """Return the address of the chat that starts at a section."""
    return f"{root}/?about={quote(f'{path}#{anchor}', safe='')}"


def resource_url(item: Resource, store: FaissStore, root: str = "") -> str:
    """Return the address of a resource; one that is not a web link is a page of the guide."""
    if item.url.startswith(WEB_SCHEMES):
        return item.url
    link = urlsplit(item.url)
    path = posixpath.join(posixpath.dirname(item.path), unquote(link.path))
    there = store.page(posixpath.normpath(path))
    if there is None:
        return section_url(item.path, item.anchor, "", root)
    return section_url(there.path, unquote(link.fragment), there.url, root)


def link_url(url: str, root: str = "") -> str:
    """Return the address of a link in a block: a page of the guide is on this server."""
    if url.lower().startswith((*WEB_SCHEMES, "mailto:")):
        return url
    path, _, anchor = url.partition("#")
    return page_url(path, root) + (f"#{anchor}" if anchor else "")


def resolve_link(address: str, root: str = "") -> str:
    """Return the target of a link on a page: a wiki link leads to the page of that name."""
    if not address.startswith(WIKI_SCHEME):
        return address
    path, heading = links.split_address(address)
    anchor = f"#{quote(publishers.slugify(heading.rpartition('#')[2]))}" if heading else ""
    return (page_url(path, root) if path else "") + anchor


def page_names(store: FaissStore) -> links.LinkResolver:
    """Return the pages of a guide by every name; this reads all of them, so store the result."""
    return links.LinkResolver(PageLinks(path, "", (), ()) for path in store.page_paths())


def find_page(path: str, names: links.LinkResolver) -> str | None:
    """Return the path of the page that an address without a suffix or a name refers to, or None."""
    if {".", ".."} & set(path.split("/")):
        return None
    return names.resolve("", f"/{path}") or names.resolve("", f"{WIKI_SCHEME}{path}")
