"""Marks of what wikis and office tools export: HTML, and what surrounds its content, and XML."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

WIKI_NAMES = {"confluence": "a space of Confluence", "mediawiki": "a MediaWiki"}
"""The wikis that export all pages in one file of XML."""

EXPORT_START_BYTES = 20_000
"""So many bytes show whether a file of XML is an export."""

_EXPORT_ROOT = re.compile(rb"<(mediawiki|hibernate-generic)\b")
_STORAGE_ELEMENT = re.compile(rb"<(?:ac|ri):[a-z]")

_REDIRECT = "https://www.google.com/url?"


@dataclass(frozen=True, slots=True)
class WikiTool:
    """A tool that exports pages, known by a `sign` in each of them.

    `hidden` are ids and classes of what is not content. `headings` are the levels of the classes
    that headings have. `site_first` is text between the names of site and page in a title, and
    `site_last` text between the names of page and site.
    """

    sign: str
    hidden: frozenset[str] = frozenset()
    headings: Mapping[str, int] = field(default_factory=dict)
    site_first: str = ""
    site_last: str = ""

    def page_title(self, title: str) -> str:
        """Return a title without the name of the site."""
        if self.site_first and self.site_first in title:
            return title.partition(self.site_first)[2]
        if self.site_last and self.site_last in title:
            return title.rpartition(self.site_last)[0]
        return title


_TOOLS = (
    WikiTool(  # Confluence
        'id="title-heading"',
        frozenset("breadcrumb-section breadcrumbs page-metadata pageSection".split()),
        site_first=" : ",
    ),
    WikiTool(  # MediaWiki
        'id="mw-content-text"',
        frozenset(
            "catlinks contentSub jump-to-nav mw-editsection mw-head mw-indicators mw-jump-link "
            "mw-navigation mw-panel navbox noprint printfooter siteSub toc".split()
        ),
        site_last=" - ",
    ),
    WikiTool("doc-content", headings={"title": 1}),  # Google Docs
)
_NO_TOOL = WikiTool("")


def detect_export(raw: bytes) -> str:
    """Return which wiki exported a file of XML, a key of `WIKI_NAMES`; empty for another file."""
    root = _EXPORT_ROOT.search(raw[:EXPORT_START_BYTES].replace(b"\0", b""))
    if not root:
        return ""
    return "mediawiki" if root[1] == b"mediawiki" else "confluence"


def is_export(start: bytes) -> bool:
    """Check by its first bytes whether a file of XML is a wiki's: an export, or a page of one."""
    return bool(detect_export(start) or _STORAGE_ELEMENT.search(start))


def detect_tool(source: str) -> WikiTool:
    """Return the tool that exported a page; one without marks where it is not known."""
    return next((tool for tool in _TOOLS if tool.sign in source), _NO_TOOL)


def unwrap_address(address: str) -> str:
    """Return the address that a link of Google Docs redirects to; any other as it is."""
    if not address.startswith(_REDIRECT):
        return address
    targets = parse_qs(urlsplit(address).query).get("q")
    return targets[0] if targets else address
