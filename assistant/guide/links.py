"""Resolve links between the pages of a guide, and check that they lead somewhere.

Addresses may be relative, without a suffix, permalinks or wiki links.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from assistant.guide.publishers import INDEX_NAMES, slugify
from assistant.models.documents import GuideWarning
from assistant.readers import SUFFIXES, strip_suffix
from assistant.readers.dialects import WIKI_SCHEME

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from assistant.models.documents import PageLinks

_MAX_ROOT_DEPTH = 2  # how many folders of the guide a site's root may be below: docs/content

_SIBLING_PAGE = re.compile(r"\w[\w.-]*\Z")


def is_internal(address: str) -> bool:
    """Check whether an address stays inside the guide: no host, and no scheme but a wiki link's."""
    if address.startswith(WIKI_SCHEME):
        return True
    if address.startswith(("https://", "http://")):
        return False
    try:
        parts = urlsplit(address)
    except ValueError:  # an address with a broken bracket
        return False
    return not parts.scheme and not parts.netloc and bool(parts.path or parts.fragment)


def split_address(address: str) -> tuple[str, str]:
    """Split an address inside the guide into its path and its anchor, both unquoted."""
    plain = address.removeprefix(WIKI_SCHEME) if address.startswith(WIKI_SCHEME) else address
    path, _, anchor = plain.partition("#")
    return unquote(path.partition("?")[0]), unquote(anchor)


class LinkResolver:
    """Finds the page of a guide that an address means."""

    def __init__(self, pages: Iterable[PageLinks]) -> None:
        self._by_address: dict[str, str] = {}
        self._by_stem: dict[str, str] = {}
        self._by_root_path: dict[
            str, str
        ] = {}  # by the path from a folder that may be the site's root
        for page in sorted(pages, key=lambda page: (page.path.count("/"), page.path)):
            for name in _page_names(page):
                self._by_address.setdefault(name, page.path)
                for inner in _inner_paths(name):
                    self._by_root_path.setdefault(inner, page.path)
            stem = posixpath.basename(strip_suffix(page.path))
            self._by_stem.setdefault(stem.casefold(), page.path)

    def resolve(self, origin: str, address: str) -> str | None:
        """Return the path of the page that an address on the page `origin` means, or None."""
        path, _ = split_address(address)
        if not path:
            return origin
        if address.startswith(WIKI_SCHEME):
            return self._find_by_name(path)
        folders = [posixpath.dirname(origin)]
        bare = strip_suffix(origin)
        if posixpath.basename(bare).lower() not in INDEX_NAMES:
            # The links of a page that is published as a folder are relative to that folder.
            folders.insert(0 if path.endswith("/") else 1, bare)
        for folder in folders:
            joined = join_path(folder, path)
            page = joined is not None and self._by_address.get(joined.casefold())
            if page:
                return page
        return self._find_from_root(path) if path.startswith("/") else None

    def _find_from_root(self, path: str) -> str | None:
        """Find a page by its path from the root of a site.

        The root may be a folder of the guide, or the guide a folder of the site.
        """
        names = path.strip("/").casefold().split("/")
        if page := self._by_root_path.get("/".join(names)):
            return page
        shorter = ("/".join(names[n:]) for n in range(1, min(len(names), _MAX_ROOT_DEPTH + 1)))
        return next(filter(None, map(self._by_address.get, shorter)), None)

    def _find_by_name(self, name: str) -> str | None:
        plain = name.strip("/").casefold()
        page = self._by_address.get(plain) or self._by_stem.get(plain.rpartition("/")[2])
        spelled = (re.sub(r"[\s_]+", mark, plain) for mark in "-_")  # of files: red-boat, red_boat
        return page or next((path for name in spelled if (path := self._by_stem.get(name))), None)


def _page_names(page: PageLinks) -> Iterable[str]:
    """Yield the names of a page: its path with and without suffix, its folder, its permalink."""
    bare = strip_suffix(page.path)
    yield page.path.casefold()
    yield bare.casefold()
    yield f"{bare}.html".casefold()
    folder, _, stem = bare.rpartition("/")
    if stem.lower() in INDEX_NAMES:
        yield folder.casefold()
    if page.permalink:
        yield page.permalink.strip("/").casefold()


def _inner_paths(name: str) -> Iterable[str]:
    """Return a page's name relative to each folder that it is in, the outermost first."""
    parts = name.split("/")
    return ("/".join(parts[n:]) for n in range(1, min(len(parts), _MAX_ROOT_DEPTH + 1)))


def join_path(folder: str, path: str) -> str | None:
    """Join a path to a folder of the guide; a path that begins with a slash is from the root.

    Returns None where it leads out of the guide.
    """
    if folder and _SIBLING_PAGE.match(path):  # nearly all links
        return f"{folder}/{path}"
    whole = posixpath.normpath(posixpath.join("/", folder, path))
    inside = posixpath.normpath(posixpath.join(folder.strip("/") or ".", path.lstrip("/")))
    if not path.startswith("/") and inside.startswith(".."):
        return None
    return whole.strip("/")


def check_links(pages: Sequence[PageLinks]) -> list[GuideWarning]:
    """Return a warning for each link that leads to no page, or to no section of its page."""
    resolver = LinkResolver(pages)
    anchors = {
        page.path: frozenset([*page.anchors, *(name.casefold() for name in page.anchors)])
        for page in pages
    }
    warnings: list[GuideWarning] = []
    for page in pages:
        for line, address in page.links:
            target, (path, anchor) = resolver.resolve(page.path, address), split_address(address)
            is_wiki_link = address.startswith(WIKI_SCHEME)
            if target is None:
                if is_wiki_link or _may_be_page(path):
                    message = f"The link to {_shorten(path)} leads to no page."
                    warnings.append(GuideWarning(page.path, line, message))
            elif anchor and not _has_anchor(anchors[target], anchor, is_wiki_link=is_wiki_link):
                shown = _shorten(f"{path}#{anchor}")
                message = f"The link to {shown} leads to no section of its page."
                warnings.append(GuideWarning(page.path, line, message))
    return warnings


def _may_be_page(path: str) -> bool:
    """Check whether a link leads to a page: its path has no suffix, or that of a page."""
    return path.lower().endswith(SUFFIXES) or not PurePosixPath(path).suffix


def _has_anchor(anchors: frozenset[str], anchor: str, *, is_wiki_link: bool) -> bool:
    if anchor in anchors or anchor.startswith((":~:", "^")) or anchor in {"top", "_top"}:
        return True
    lower = anchor.casefold()
    if is_wiki_link:  # names a heading by its words, and may name those above it
        lower = slugify(lower.rpartition("#")[2])
    return lower in anchors


def _shorten(address: str) -> str:
    return address if len(address) <= 80 else address[:79] + "…"
