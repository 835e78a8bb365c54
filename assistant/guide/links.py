"""Links between the pages of a guide: which page and section an address means; pure.

Knows relative addresses, addresses without a suffix, permalinks and wiki links. Must not know how
a page is parsed or where the guide is published.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from assistant.models.documents import GuideWarning
from assistant.readers.dialects import WIKI_SCHEME

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from assistant.models.documents import PageLinks

_INDEX_NAMES = frozenset({"index", "readme", "_index"})
_MAX_ROOT_DEPTH = 2  # a site's own root may lie this deep in the guide: docs/content
_PAGE_SUFFIXES = frozenset({"", ".md", ".mdx", ".markdown", ".html", ".htm", ".rst", ".txt"})

_SIBLING_PAGE = re.compile(r"\w[\w.-]*\Z")


def is_internal(address: str) -> bool:
    """Whether an address stays inside the guide: no scheme but a wiki link's, and no host."""
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
    """The path of an address inside the guide, and its anchor, with `%20` and the like undone."""
    plain = address.removeprefix(WIKI_SCHEME) if address.startswith(WIKI_SCHEME) else address
    path, _, anchor = plain.partition("#")
    return unquote(path.partition("?")[0]), unquote(anchor)


class LinkResolver:
    """The pages of a guide by every address they go by."""

    def __init__(self, pages: Iterable[PageLinks]) -> None:
        self._by_address: dict[str, str] = {}
        self._by_stem: dict[str, str] = {}
        self._by_root_path: dict[str, str] = {}  # as seen from a folder that the site is made of
        for page in sorted(pages, key=lambda page: (page.path.count("/"), page.path)):
            for name in _page_names(page):
                self._by_address.setdefault(name, page.path)
                for inner in _inner_paths(name):
                    self._by_root_path.setdefault(inner, page.path)
            self._by_stem.setdefault(PurePosixPath(page.path).stem.casefold(), page.path)

    def resolve(self, origin: str, address: str) -> str | None:
        """The page that an address on the page `origin` means, or None where there is none."""
        path, _ = split_address(address)
        if not path:
            return origin
        if address.startswith(WIKI_SCHEME):
            return self._find_by_name(path)
        folders = [posixpath.dirname(origin)]
        bare = origin.rpartition(".")[0]
        if posixpath.basename(bare).lower() not in _INDEX_NAMES:
            # Published as folders, pages are linked as seen from a folder of their own name.
            folders.insert(0 if path.endswith("/") else 1, bare)
        for folder in folders:
            wanted = join_path(folder, path)
            found = wanted is not None and self._by_address.get(wanted.casefold())
            if found:
                return found
        return self._by_root_path.get(path.strip("/").casefold()) if path.startswith("/") else None

    def _find_by_name(self, name: str) -> str | None:
        plain = name.strip("/").casefold()
        found = self._by_address.get(plain) or self._by_stem.get(plain.rpartition("/")[2])
        return found or self._by_stem.get(re.sub(r"[\s_]+", "-", plain))


def _page_names(page: PageLinks) -> Iterable[str]:
    """What a page may be called: its path, without its suffix, its folder's, its permalink."""
    path = PurePosixPath(page.path)
    bare = path.with_suffix("").as_posix()
    yield page.path.casefold()
    yield bare.casefold()
    yield f"{bare}.html".casefold()
    if path.stem.lower() in _INDEX_NAMES:
        yield "" if path.parent.as_posix() == "." else path.parent.as_posix().casefold()
    if page.permalink:
        yield page.permalink.strip("/").casefold()


def _inner_paths(name: str) -> Iterable[str]:
    """A page's name as seen from the folders it lies in, the outermost first."""
    parts = name.split("/")
    return ("/".join(parts[n:]) for n in range(1, min(len(parts), _MAX_ROOT_DEPTH + 1)))


def join_path(folder: str, path: str) -> str | None:
    """A path as seen from a folder of the guide; from the root where it begins with a slash.

    None where it leads out of the guide.
    """
    if folder and _SIBLING_PAGE.match(path):  # nearly all of them
        return f"{folder}/{path}"
    whole = posixpath.normpath(posixpath.join("/", folder, path))
    inside = posixpath.normpath(posixpath.join(folder.strip("/") or ".", path.lstrip("/")))
    if not path.startswith("/") and inside.startswith(".."):
        return None
    return whole.strip("/")


def check_links(pages: Sequence[PageLinks]) -> list[GuideWarning]:
    """Every link that leads to no page of the guide, or to no section of its page."""
    places = LinkResolver(pages)
    anchors = {
        page.path: frozenset([*page.anchors, *(name.casefold() for name in page.anchors)])
        for page in pages
    }
    found: list[GuideWarning] = []
    for page in pages:
        for line, address in page.links:
            target, (path, anchor) = places.resolve(page.path, address), split_address(address)
            if target is None:
                if PurePosixPath(path).suffix.lower() in _PAGE_SUFFIXES or address.startswith(
                    WIKI_SCHEME
                ):
                    found.append(
                        GuideWarning(
                            page.path, line, f"The link to {_shorten(path)} leads to no page."
                        )
                    )
            elif anchor and not _has_anchor(
                anchors[target], anchor, is_wiki_link=address.startswith(WIKI_SCHEME)
            ):
                what = (
                    f"The link to {_shorten(f'{path}#{anchor}')} leads to no section of its page."
                )
                found.append(GuideWarning(page.path, line, what))
    return found


def _has_anchor(anchors: frozenset[str], anchor: str, *, is_wiki_link: bool) -> bool:
    if anchor in anchors or anchor.startswith((":~:", "^")) or anchor in {"top", "_top"}:
        return True
    lower = anchor.casefold()
    if is_wiki_link:  # by the heading's words, the last of a path of headings
        lower = re.sub(r"[^\w\- ]", "", lower.rpartition("#")[2].strip()).replace(" ", "-")
    return lower in anchors


def _shorten(address: str) -> str:
    return address if len(address) <= 80 else address[:79] + "…"
