"""Addresses: the URL that a publishing tool gives a page of a guide."""

from __future__ import annotations

import posixpath
import re
import unicodedata
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from assistant.guide.publishers import INDEX_NAMES, slugify
from assistant.readers import strip_suffix

if TYPE_CHECKING:
    from assistant.guide.front_matter import FrontMatter
    from assistant.guide.publishers import Publisher, ReadingOptions

# What follows the path of a page in its address, and folders that the address leaves out.
_PAGE_ENDINGS: dict[Publisher, str] = {
    "jekyll": ".html",
    "mkdocs": "/",
    "sphinx": ".html",
    "mdbook": ".html",
    "vitepress": ".html",
    "hugo": "/",
    "starlight": "/",
}
_ROUTES: dict[Publisher, dict[str, str]] = {
    "mkdocs": {"docs/": ""},
    "mdbook": {"src/": ""},
    "hugo": {"content/": "", "content/en/": ""},
    "starlight": {"src/content/docs/": ""},
}
# Names of pages that are published as their folder. The others publish README as `/readme`; with
# Jekyll, GitHub Pages makes it the page of its folder.
_INDEX_NAMES: dict[Publisher, frozenset[str]] = {
    "sphinx": frozenset({"index"}),
    "vitepress": frozenset({"index"}),
    "starlight": frozenset({"index"}),
    "hugo": frozenset({"index", "_index"}),
}
# Keys of front matter that change the address of a page; all of them where the tool is not known.
_PERMALINKS = ("permalink", "slug", "url")
_PERMALINK_KEYS: dict[Publisher, tuple[str, ...]] = {
    "jekyll": ("permalink",),
    "docusaurus": ("slug", "id"),
    "hugo": ("url", "slug"),
    "starlight": ("slug",),
    "mkdocs": (),
    "sphinx": (),
    "mdbook": (),
    "vitepress": (),
}
_ROOTED_KEYS: dict[Publisher, str] = {"jekyll": "permalink", "hugo": "url", "starlight": "slug"}
_NUMBER_PREFIX = re.compile(r"^\d+\s*[-_.]+\s*(?=[^\d\s-])")  # 01-intro.md is published as intro
_POST = re.compile(r"(\d{4})-(\d\d?)-(\d\d?)-(.*)")
_POST_PATTERN = "/:categories/:year/:month/:day/:title:output_ext"
_COLLECTION_PATTERN = "/:collection/:path:output_ext"
_PATTERN_KEY = re.compile(r":([a-z_]+)")
_HUGO_MARKS = frozenset("./_#+~-@")


def choose_permalink(front_matter: FrontMatter, publisher: Publisher) -> str:
    """Return the address that a page declares for itself, or a part of it; empty without one.

    It is relative to the site's root where it begins with a slash, and to the page's folder else.
    """
    permalink = front_matter.get(*_PERMALINK_KEYS.get(publisher, _PERMALINKS))
    if permalink and permalink == front_matter.get(_ROOTED_KEYS.get(publisher, "")):
        return f"/{permalink.lstrip('/')}"
    return permalink


def build_page_url(path: str, options: ReadingOptions, permalink: str = "") -> str:
    """Return the URL of a page on the published site; without a base URL, its path.

    `permalink` is that of the page, relative to the site's root or to the page's folder.
    """
    if not options.base_url:
        return quote(path)
    base, publisher = options.base_url.rstrip("/"), options.publisher
    if not permalink and ("/blob/" in urlsplit(base).path or "/tree/" in urlsplit(base).path):
        return f"{base}/{quote(path)}"
    prefix, inside = _find_route(strip_suffix(path), options)
    if publisher == "jekyll" and not permalink:
        permalink = _fill_pattern(inside, options)
    *folders, name = inside.split("/")
    if publisher == "docusaurus":
        folders = [_NUMBER_PREFIX.sub("", folder) for folder in folders]
        name = _NUMBER_PREFIX.sub("", name)
    if permalink:
        if publisher in {"hugo", "starlight"}:
            permalink = _complete(permalink, publisher)
            folders = folders[:-1] if name == "_index" else folders
        rooted = permalink if permalink.startswith("/") else f"/{'/'.join([*folders, permalink])}"
        return f"{base}/{quote(prefix)}".rstrip("/") + quote(_normalise(rooted), safe="/:")
    ending = _PAGE_ENDINGS.get(publisher, "")
    if options.page_ending is not None:
        ending = options.page_ending
    is_named_after_folder = (
        publisher == "docusaurus" and name.lower() == "".join(folders[-1:]).lower()
    )
    if name.lower() in _INDEX_NAMES.get(publisher, INDEX_NAMES) or is_named_after_folder:
        name = ending = ""
    if publisher == "hugo":
        name = name.removesuffix(".en")  # Hugo's own default language
    published = prefix + "/".join([*folders, name])
    return f"{base}/{quote(_spell(published, publisher))}{ending}"


def _normalise(address: str) -> str:
    """Return an address without the parts `.` and `..`."""
    return posixpath.normpath(address) + "/" * (address.endswith("/") and address != "/")


def _spell(path: str, publisher: Publisher) -> str:
    """Return the path of a page as its publisher spells it."""
    if publisher == "starlight":
        return "/".join(slugify(part) for part in path.split("/"))
    if publisher == "hugo":
        return "".join(
            "-" if character.isspace() else character
            for character in path.lower()
            if character.isspace()
            or character in _HUGO_MARKS
            or unicodedata.category(character)[0] in "LMN"
        )
    return path


def _complete(permalink: str, publisher: Publisher) -> str:
    """Return the permalink of a tool that publishes pages as folders."""
    if not permalink.startswith("/"):  # a slug of Hugo in place of the file's name
        permalink = _spell(permalink, publisher)
    is_file = publisher == "hugo" and "." in posixpath.basename(permalink)
    return permalink if is_file or permalink.endswith("/") else f"{permalink}/"


def _fill_pattern(path: str, options: ReadingOptions) -> str:
    """Return the address of a post or a page of a collection of Jekyll; empty for another page."""
    *folders, stem = path.split("/")
    if "_posts" in folders and (post := _POST.match(stem)):
        year, month, day, title = post.groups()
        values = {
            "categories": "/".join(folders[: folders.index("_posts")]),
            "collection": "posts",
            "year": year,
            "month": month.zfill(2),
            "day": day.zfill(2),
            "title": title.replace(" ", "-"),
        }
        pattern = options.routes.get("_posts/", _POST_PATTERN)
    elif folders and folders[0].startswith("_"):
        inside = [*folders[1:], stem]
        values = {"collection": folders[0][1:], "title": stem.replace(" ", "-")}
        pattern = options.routes.get(f"{folders[0]}/", _COLLECTION_PATTERN)
        if stem == "index" and pattern == _COLLECTION_PATTERN:
            inside, pattern = inside[:-1], "/:collection/:path/"
        values["path"] = "/".join(inside)
    else:
        return ""
    values |= {"name": values["title"].lower(), "slug": values["title"].lower()}
    values["output_ext"] = ".html"
    filled = _PATTERN_KEY.sub(lambda key: values.get(key[1], key[0]), pattern)
    return re.sub("/{2,}", "/", filled)


def _find_route(path: str, options: ReadingOptions) -> tuple[str, str]:
    """Return the path at which the folder of a page is published, and the page's path in it."""
    routes = {**_ROUTES.get(options.publisher, {}), **options.routes}
    folders = (name for name, route in routes.items() if path.startswith(name) and ":" not in route)
    folder = max(folders, key=len, default="")
    return routes.get(folder, ""), path.removeprefix(folder)
