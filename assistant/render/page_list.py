"""Group the pages of a guide by folder, and render lists of them whose size is bounded."""

from __future__ import annotations

import posixpath
import re
from collections import Counter
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

from assistant.guide.publishers import INDEX_NAMES
from assistant.readers import strip_suffix
from assistant.render import urls
from assistant.render.escape import escape

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from assistant.render.catalogue import Messages

MAX_LISTED = 250
"""The most pages that are listed beside a page: 30 kB. Of a larger guide only its own folder is."""

MAX_ON_PAGE = 500
"""The most pages that one page of the list of all pages holds: 60 kB."""

MAX_MATCHES = 50

_MAX_GROUPS = 40  # folders that are shown at once
_MAX_LABEL_CHARS = 40
_ORDER = re.compile(r"^\d{1,4}[-_. ]+(?=\S)")
_SEPARATORS = re.compile(r"[-_]+")


class PageEntry(NamedTuple):
    """A page in a list: its path and its title."""

    path: str
    title: str


@dataclass(frozen=True, slots=True)
class PageGroup:
    """The pages of a folder, and of the folders in it where they have no group of their own."""

    folder: str
    label: str
    pages: tuple[PageEntry, ...]


class PageList:
    """The pages of one version of a guide, in the order in which the guide has them.

    `groups` are by the deepest folders that are few enough to be shown at once, `top_groups` by
    those at the top.
    """

    def __init__(self, pages: Iterable[PageEntry]) -> None:
        self.pages = tuple(pages)
        self.groups = _group_pages(self.pages)
        self.top_groups = _group_pages(self.pages, 1)
        self._group_of = {page.path: group for group in self.groups for page in group.pages}
        self._names = [
            (page, f"{page.title} {_label(strip_suffix(page.path))}".casefold())
            for page in self.pages
        ]

    def __len__(self) -> int:
        return len(self.pages)

    def group_of(self, path: str) -> PageGroup | None:
        """Return the group that a page is in; None for a page that is not in the list."""
        return self._group_of.get(path)

    def find_group(self, folder: str) -> PageGroup | None:
        """Return the group of a folder; None where there is none."""
        return next((group for group in self.groups if group.folder == folder), None)

    def find_names(self, words: str, most: int = MAX_MATCHES) -> list[PageEntry]:
        """List the pages whose title or path contains all words; titles that begin so first."""
        parts = words.casefold().split()[:10]
        matches = [page for page, name in self._names if all(part in name for part in parts)]
        whole = " ".join(parts)
        matches.sort(key=lambda page: not page.title.casefold().startswith(whole))
        return matches[:most] if parts else []

    def find_similar(self, path: str, most: int = 5) -> list[PageEntry]:
        """List the pages whose name resembles that of a path, the most similar first."""
        name = _label(posixpath.basename(strip_suffix(path.rstrip("/")))).casefold()[:100]
        if not name:
            return []
        words = frozenset(name.split())
        matcher = SequenceMatcher(None, b=name, autojunk=False)
        rated = []
        for page in self.pages:
            shared = words & {*page.title.casefold().split(), *_path_words(page.path)}
            score = len(shared) / len(words)
            for other in (page.title, _label(posixpath.basename(strip_suffix(page.path)))):
                matcher.set_seq1(other.casefold()[:100])
                if matcher.real_quick_ratio() > 0.6 and matcher.quick_ratio() > 0.6:
                    score = max(score, matcher.ratio())
            if score >= 0.5:
                rated.append((-score, page))
        return [page for _, page in sorted(rated, key=lambda pair: pair[0])[:most]]


def _path_words(path: str) -> list[str]:
    return _SEPARATORS.sub(" ", strip_suffix(path).replace("/", " ")).casefold().split()


def _label(name: str) -> str:
    """Return the words of a file's or a folder's name, without a number that only orders it."""
    return _SEPARATORS.sub(" ", _ORDER.sub("", name)).strip() or name


def _group_pages(pages: Sequence[PageEntry], most_levels: int = 99) -> tuple[PageGroup, ...]:
    """Group pages by the deepest folders that are few enough, at most some levels down."""
    folders = [posixpath.dirname(page.path) for page in pages]
    common = posixpath.commonpath(folders) if folders else ""
    skipped = len(common.split("/")) if common else 0
    deepest = max((folder.count("/") + 1 for folder in folders if folder), default=0) - skipped
    depth = min(deepest, most_levels)
    while depth > 0 and len({_cut(folder, skipped + depth) for folder in folders}) > _MAX_GROUPS:
        depth -= 1
    by_folder: dict[str, list[PageEntry]] = {}
    for page, folder in zip(pages, folders, strict=True):
        by_folder.setdefault(_cut(folder, skipped + depth), []).append(page)
    groups = [
        PageGroup(folder, _group_label(folder, inside, skipped), tuple(_front_first(inside)))
        for folder, inside in by_folder.items()
    ]
    return tuple(sorted(groups, key=lambda group: group.folder != common))  # the top one first


def _cut(folder: str, depth: int) -> str:
    return "/".join(folder.split("/")[:depth])


def _front_first(pages: Sequence[PageEntry]) -> list[PageEntry]:
    """Put the front page of a folder before the others, as publishing tools do."""
    shallowest = min(page.path.count("/") for page in pages)
    return sorted(
        pages, key=lambda page: not (_is_front(page.path) and page.path.count("/") == shallowest)
    )


def _is_front(path: str) -> bool:
    return strip_suffix(posixpath.basename(path)).lower() in INDEX_NAMES


def _group_label(folder: str, pages: Sequence[PageEntry], skipped: int) -> str:
    """Return the title of a folder's front page where it is short, or else the folder's name."""
    if folder.count("/") + 1 <= skipped or not folder:
        return ""
    front = next(
        (
            page.title
            for page in pages
            if _is_front(page.path) and posixpath.dirname(page.path) == folder
        ),
        "",
    )
    name = " / ".join(_label(part) for part in folder.split("/")[skipped:])
    own = _label(folder.rpartition("/")[2])
    is_name = front.isupper() or front.lower() in INDEX_NAMES
    label = front if front and not is_name and len(front) <= _MAX_LABEL_CHARS else name
    return label if label != own else own[:1].upper() + own[1:]


# -- HTML ------------------------------------------------------------------------------------------


def render_pages(pages: Iterable[PageEntry], root: str, current: str = "") -> str:
    """Render links to pages as a list; the current page is marked."""
    return f"<ul>{''.join(_render_page(page, root, current) for page in pages)}</ul>"


def render_navigation(pages: PageList, current: str, root: str, messages: Messages) -> str:
    """Render the list of pages beside a page, with a box to find one by name.

    Of a guide with more than `MAX_LISTED` pages it holds those near the current page in its folder,
    and a link to each other folder.
    """
    is_complete = len(pages) <= MAX_LISTED
    whole = "".join(_render_groups(pages, current, root, is_complete=is_complete))
    kind = "complete" if is_complete else "partial"
    return (
        f'<div class="page-list" data-list="{kind}">{render_filter(root, messages)}'
        f'<div class="groups">{whole}</div></div>'
    )


def render_filter(root: str, messages: Messages, words: str = "", *, large: bool = False) -> str:
    """Render the box that finds a page by name with a script, and searches the text without."""
    label = messages("search_text") if large else messages("find_page")
    button = f"<button>{escape(messages('search'))}</button>" if large else ""
    value = f' value="{escape(words)}"' if words else ""
    return (
        f'<form class="finder" action="{root}/pages" role="search">'
        f'<input type="search" name="q" maxlength="2000" autocomplete="off" dir="auto"{value} '
        f'placeholder="{escape(label)}" aria-label="{escape(label)}" '
        f'data-none="{escape(messages("no_page_named"))}" '
        f'data-search="{escape(messages("search_text"))}">{button}</form>'
    )


def folder_url(folder: str, root: str, start: int = 0) -> str:
    """Return the address of the list of a folder's pages, from a page on."""
    begin = f"&start={start}" if start else ""
    return f"{root}/pages?folder={quote(folder, safe='')}{begin}"


def _render_groups(pages: PageList, current: str, root: str, *, is_complete: bool) -> Iterator[str]:
    own = pages.group_of(current)
    names = Counter(group.label for group in pages.groups)
    for group in pages.groups:
        label = group.label if names[group.label] == 1 else group.folder
        if is_complete or group is own:
            shown = group.pages if is_complete else _near(group.pages, current)
            yield (
                f"<section>{render_label(label, len(group.pages))}"
                f"{render_pages(shown, root, current)}</section>"
            )
            if len(shown) < len(group.pages):
                yield _render_folder(label or "…", group, root)
        else:
            yield _render_folder(label or "…", group, root)


def render_label(label: str, count: int) -> str:
    """Render the name of a folder with the number of its pages; empty without a name."""
    if not label:
        return ""
    return f'<p class="label"><span dir="auto">{escape(label)}</span> <span>{count}</span></p>'


def _render_folder(label: str, group: PageGroup, root: str) -> str:
    return (
        f'<p class="folder"><a href="{escape(folder_url(group.folder, root))}">'
        f'<span dir="auto">{escape(label)}</span> <span>{len(group.pages):,}</span></a></p>'
    )


def _near(pages: Sequence[PageEntry], current: str) -> Sequence[PageEntry]:
    """Return the pages around the current one."""
    at = next(number for number, page in enumerate(pages) if page.path == current)
    first = max(0, min(at - MAX_MATCHES, len(pages) - 2 * MAX_MATCHES))
    return pages[first : first + 2 * MAX_MATCHES]


def _render_page(page: PageEntry, root: str, current: str) -> str:
    here = ' aria-current="page"' if page.path == current else ""
    url = escape(urls.page_url(page.path, root))
    return f'<li><a href="{url}"{here} dir="auto">{escape(page.title)}</a></li>'
