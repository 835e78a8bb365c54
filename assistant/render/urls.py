"""Where what an answer names is read: on the published site, or in our own reader.

Knows the addresses of pages, sections, quotes and resources under one root. Must not know how
any of them is shown.
"""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote, urlsplit

from assistant.guide import links, publishers
from assistant.models.documents import PageLinks
from assistant.readers.dialects import WIKI

if TYPE_CHECKING:
    from assistant.index.store import FaissStore
    from assistant.models.answers import Citation
    from assistant.models.documents import Resource

WEB = ("http://", "https://")
FRAGMENT_WORDS = 8  # at each end of a quote, named in a link for the browser to find and show it

ITEM = re.compile(r"^( *)(?:- |(\d+\. ))")
"""What stands before an item of a list in a quote, and nowhere in its page's text."""


def page(path: str, root: str = "") -> str:
    """Where a page is read in our reader."""
    return f"{root}/guide/{quote(path)}"


def section(path: str, anchor: str, url: str, root: str = "") -> str:
    """Where a section is read: on the published site where there is one, else in our reader."""
    return url if url.startswith(WEB) else f"{page(path, root)}#{quote(anchor)}"


def cited(citation: Citation, root: str = "") -> str:
    """Where a quote is read: its section, and in it the quoted words themselves.

    The text fragment (https://wicg.github.io/scroll-to-text-fragment/) names its first and last
    words, less what is not in the page's own text: list markers and cell borders. Our reader is
    told them as well, and marks them where the browser does not.
    """
    url = section(citation.path, citation.anchor, citation.url, root)
    ends = _ends(citation)
    if not ends:
        return url
    named = ",".join(quote(end, safe="").replace("-", "%2D") for end in ends)
    place, _, anchor = url.partition("#")
    if not url.startswith(WEB):
        place += f"?section={anchor}&first={quote(ends[0])}&last={quote(ends[-1])}"
    return f"{place}#{anchor}:~:text={named}"


def _ends(citation: Citation) -> list[str]:
    """The first words of a quote, and its last where it is long."""
    lines = [line for line in citation.quote.splitlines() if line != citation.headings[-1]]
    cells = [cell.split() for line in lines for cell in ITEM.sub("", line).split(" | ")]
    worded = [words for words in cells if words]
    if not worded:
        return []
    if len(worded) == 1 and len(worded[0]) <= 2 * FRAGMENT_WORDS:
        return [" ".join(worded[0])]
    return [" ".join(worded[0][:FRAGMENT_WORDS]), " ".join(worded[-1][-FRAGMENT_WORDS:])]


def asking(question: str, root: str = "") -> str:
    """Where a question is asked in the chat."""
    return f"{root}/?q={quote(question, safe='')}"


def asking_about(path: str, anchor: str, root: str = "") -> str:
    """Where the chat is asked about a section."""
    return f"{root}/?about={quote(f'{path}#{anchor}', safe='')}"


def resource(found: Resource, store: FaissStore, root: str = "") -> str:
    """Where a resource is read; one that is no web link is a page of the guide."""
    if found.url.startswith(WEB):
        return found.url
    link = urlsplit(found.url)
    path = posixpath.join(posixpath.dirname(found.path), unquote(link.path))
    there = store.page(posixpath.normpath(path))
    if there is None:
        return section(found.path, found.anchor, "", root)
    return section(there.path, unquote(link.fragment), there.url, root)


def linked(address: str, root: str = "") -> str:
    """Where a link of a page leads in our reader: a wiki link to the page of that name."""
    if not address.startswith(WIKI):
        return address
    path, heading = links.split(address)
    anchor = f"#{quote(publishers.slug(heading.rpartition('#')[2]))}" if heading else ""
    return (page(path, root) if path else "") + anchor


def places(store: FaissStore) -> links.Places:
    """The pages of a guide by every name they go by; made from all of them, so kept."""
    return links.Places(PageLinks(path, "", (), ()) for path in store.pages())


def meant(path: str, named: links.Places) -> str | None:
    """The page that an address without a suffix means, or a name, or None."""
    if {".", ".."} & set(path.split("/")):
        return None
    return named.page("", f"/{path}") or named.page("", f"{WIKI}{path}")
