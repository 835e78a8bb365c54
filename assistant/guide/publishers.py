"""Publishers: the anchors and URLs that a publishing tool gives headings and pages.

The rules for anchors are those of GitHub, which most tools share, of Python-Markdown in MkDocs, and
of VitePress. Configuration files show to which folder a site generator writes.
"""

from __future__ import annotations

import posixpath
import re
import unicodedata
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal
from urllib.parse import quote, urlsplit

from assistant.readers import strip_suffix

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

Publisher = Literal[
    "github", "jekyll", "mkdocs", "docusaurus", "sphinx", "mdbook", "vitepress", "hugo", "starlight"
]
Slugs = Literal["", "unicode", "pymdownx", "pymdownx-lower"]
"""The function that MkDocs makes anchors with, where a setting names another than its own."""


@dataclass(frozen=True, slots=True)
class ReadingOptions:
    """How to read a guide: where it is published, by which publisher, and how long a passage is.

    `publisher` decides the anchors of headings and the URLs of pages; `max_tokens` limits passages;
    with `drafts`, pages that are not published are read too. `title` is the site's. `page_ending`
    is what follows a page's path in its URL, where a setting decides it, and `slugs` how anchors
    are made; `routes` are the paths at which folders are published.
    """

    base_url: str = ""
    max_tokens: int = 256
    publisher: Publisher = "github"
    drafts: bool = False
    title: str = ""
    page_ending: str | None = None
    slugs: Slugs = ""
    routes: dict[str, str] = field(default_factory=dict)


# What follows the path of a page in its address, and folders that the address leaves out.
_PAGE_ENDINGS: dict[Publisher, str] = {
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
_LOWER_CASE_PATHS = frozenset({"hugo", "starlight"})


@dataclass(frozen=True, slots=True)
class _SiteGenerator:
    """A tool that writes pages beside those it reads.

    `config_files` are paths from its own folder. It writes to `output_folder` unless one of these
    files names another under `output_key`. `sign` is text that the configuration file must contain,
    for a file name that other tools use too.
    """

    name: str
    config_files: tuple[str, ...]
    output_folder: str
    output_key: str = ""
    sign: str = ""


_HUGO = ("toml", "yaml", "yml", "json")
_SCRIPTS = ("js", "ts", "mjs", "mts", "cjs")
_SITE_GENERATORS = (
    _SiteGenerator("MkDocs", ("mkdocs.yml", "mkdocs.yaml"), "site", "site_dir"),
    _SiteGenerator("Zensical", ("zensical.toml",), "site", "site_dir"),
    _SiteGenerator(
        "Jekyll", ("_config.yml", "_config.yaml", "_config.toml"), "_site", "destination"
    ),
    _SiteGenerator("Hexo", ("_config.yml",), "public", "public_dir", sign="public_dir"),
    _SiteGenerator("Hugo", tuple(f"hugo.{end}" for end in _HUGO), "public", "publishdir"),
    _SiteGenerator(
        "Hugo", tuple(f"config/_default/hugo.{end}" for end in _HUGO), "public", "publishdir"
    ),
    _SiteGenerator(
        "Hugo", tuple(f"config.{end}" for end in _HUGO), "public", "publishdir", sign="baseurl"
    ),
    _SiteGenerator("Zola", ("config.toml",), "public", "output_dir", sign="base_url"),
    _SiteGenerator("Docusaurus", tuple(f"docusaurus.config.{end}" for end in _SCRIPTS), "build"),
    _SiteGenerator(
        "VitePress",
        tuple(f".vitepress/config.{end}" for end in _SCRIPTS),
        ".vitepress/dist",
        "outdir",
    ),
    _SiteGenerator("Sphinx", ("conf.py",), "_build"),
    _SiteGenerator("Sphinx", ("Makefile", "make.bat"), "_build", "builddir", sign="sphinx"),
    _SiteGenerator("Jupyter Book", ("_toc.yml", "myst.yml"), "_build"),
    _SiteGenerator("mdBook", ("book.toml",), "book", "build-dir"),
    _SiteGenerator("HonKit", ("book.json",), "_book"),
    _SiteGenerator("Quarto", ("_quarto.yml",), "_site", "output-dir"),
    _SiteGenerator("Quarto", ("_quarto.yml",), "_book", "output-dir"),
    _SiteGenerator("bookdown", ("_bookdown.yml",), "_book", "output_dir"),
    _SiteGenerator(
        "Eleventy",
        (".eleventy.js", *(f"eleventy.config.{end}" for end in _SCRIPTS)),
        "_site",
        "output",
    ),
    _SiteGenerator("Astro", tuple(f"astro.config.{end}" for end in _SCRIPTS), "dist", "outdir"),
    _SiteGenerator("Gatsby", tuple(f"gatsby-config.{end}" for end in _SCRIPTS), "public"),
    _SiteGenerator("Next.js", tuple(f"next.config.{end}" for end in _SCRIPTS), "out"),
    _SiteGenerator("Pelican", ("pelicanconf.py",), "output", "output_path"),
    _SiteGenerator("Antora", ("antora-playbook.yml",), "build/site"),
)
_CONFIG_FILES = frozenset(name for generator in _SITE_GENERATORS for name in generator.config_files)
_CONFIG_FIRST_PARTS = frozenset(name.partition("/")[0] for name in _CONFIG_FILES)
_DEFAULT_ANCHOR = "section"  # for a heading without letters, as in kramdown
INDEX_NAMES = frozenset({"index", "readme", "_index"})
_SLUG_DROPPED = re.compile(r"[^\w\- ]")
_ACCENTS = re.compile("[\u0300-\u036f]")
_VITEPRESS_MARKS = re.compile(r"[\s~`!@#$%^&*()\-_+=\[\]{}|\\;:\"'“”‘’<>,.?/]+")
_NUMBERED_ANCHOR = re.compile(r"^(.*)_([0-9]+)$")
_ORDER_PREFIX = re.compile(r"^\d+\s*[-_.]+\s*(?=[^\d\s-])")  # 01-intro.md is published as intro


def is_generator_file(name: str) -> bool:
    """Check whether a file of this name configures a site generator."""
    return name in _CONFIG_FILES


def find_outputs(
    names: Iterable[str], read_file: Callable[[str], str | None]
) -> list[tuple[str, str]]:
    """Return the output folders of the site generators configured in a folder, and their names.

    `names` are the folder's files and folders; `read_file` returns a file's text, None where there
    is no such file. Output folders are paths from that folder: they may lead out of it, and need
    not exist.
    """
    outputs: list[tuple[str, str]] = []
    if _CONFIG_FIRST_PARTS.isdisjoint(names):
        return outputs
    for generator in _SITE_GENERATORS:
        for file in generator.config_files:
            text = read_file(file) if file.partition("/")[0] in names else None
            if text is not None and generator.sign in text.lower():
                output = read_setting(text, generator.output_key) or generator.output_folder
                outputs.append((posixpath.normpath(output), generator.name))
                break
    return outputs


def read_setting(text: str, key: str) -> str:
    """Return the path that a configuration file of any syntax sets under a key.

    Empty where it sets none, or one that has to be computed.
    """
    for line in text.splitlines() if key else ():
        end = min((line.find(sign) for sign in ":=" if sign in line), default=-1)
        name, value = line[: max(end, 0)], line[end + 1 :].lstrip("= \t")
        words = name.strip(" \t\"'?:").split()
        if words and words[-1].lower() == key:
            value = value.partition(" #")[0].strip(" \t\"',;")
            return "" if any(sign in value for sign in "!$`([{") else value
    return ""


def slugify(heading: str, publisher: Publisher = "github", slugs: Slugs = "") -> str:
    """Return the anchor that a publisher makes of a heading; empty where no character is left."""
    if slugs == "unicode" or (publisher == "mkdocs" and not slugs):
        plain = unicodedata.normalize("NFKC" if slugs else "NFKD", heading)
        plain = plain if slugs else plain.encode("ascii", "ignore").decode()
        words = re.sub(r"[^\w\s-]", "", plain).strip().lower()
        return re.sub(r"[-\s]+", "-", words)
    if slugs:
        plain = heading.strip() if slugs == "pymdownx" else heading.strip().lower()
        return _SLUG_DROPPED.sub("", plain).replace(" ", "-")
    if publisher == "vitepress":
        plain = _ACCENTS.sub("", unicodedata.normalize("NFKD", heading))
        words = _VITEPRESS_MARKS.sub("-", plain).strip("-").lower()
        return f"_{words}" if words[:1].isdigit() else words
    return _SLUG_DROPPED.sub(_keep_combining, heading.strip().lower()).replace(" ", "-")


def _keep_combining(character: re.Match[str]) -> str:
    """Keep the marks that belong to the letter before them, as most scripts need."""
    return character[0] if unicodedata.category(character[0]).startswith("M") else ""


def assign_anchors(
    headings: Iterable[tuple[str, str]], publisher: Publisher = "github", slugs: Slugs = ""
) -> list[str]:
    """Return the anchor of each heading of a page, given its text and its explicit id, or "".

    An explicit id wins. A repeated anchor is numbered as by the publisher: `a-1`, in MkDocs `a_1`.
    """
    if publisher == "mkdocs":
        return _assign_mkdocs_anchors(headings, slugs)
    last_numbers: dict[str, int] = {}
    anchors: list[str] = []
    for text, explicit in headings:
        base = explicit or slugify(text, publisher) or _DEFAULT_ANCHOR
        anchor = base
        while anchor in last_numbers:
            last_numbers[base] += 1
            anchor = f"{base}-{last_numbers[base]}"
        last_numbers[anchor] = 0
        anchors.append(anchor)
    return anchors


def _assign_mkdocs_anchors(headings: Iterable[tuple[str, str]], slugs: Slugs) -> list[str]:
    headings = list(headings)
    used = {explicit for _, explicit in headings if explicit}
    last_numbers: dict[tuple[str, int], int] = {}  # makes many equal headings take linear time
    anchors: dict[str, None] = {}
    for text, explicit in headings:
        anchor = explicit or slugify(text, "mkdocs", slugs)
        if explicit in anchors or (not explicit and (not anchor or anchor in used)):
            numbered = _NUMBERED_ANCHOR.match(anchor)
            stem, number = (numbered[1], int(numbered[2])) if numbered else (anchor, 0)
            first = stem, number
            number = last_numbers.get(first, number) + 1
            while f"{stem}_{number}" in used:
                number += 1
            last_numbers[first] = number
            anchor = f"{stem}_{number}"
        used.add(anchor)
        anchors[anchor] = None
    return list(anchors)


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
    *folders, name = inside.split("/")
    if publisher == "docusaurus":
        folders = [_ORDER_PREFIX.sub("", folder) for folder in folders]
        name = _ORDER_PREFIX.sub("", name)
    if permalink:
        if publisher == "hugo" and "/" not in permalink:  # a slug in place of the file's name
            permalink += "/"
        rooted = permalink if permalink.startswith("/") else f"/{'/'.join([*folders, permalink])}"
        return f"{base}/{quote(prefix)}".rstrip("/") + quote(rooted.replace("/./", "/"), safe="/:")
    ending = _PAGE_ENDINGS.get(publisher, "")
    if options.page_ending is not None:
        ending = options.page_ending
    if name.lower() in INDEX_NAMES:
        name = ending = ""
    published = prefix + "/".join([*folders, name])
    if publisher in _LOWER_CASE_PATHS:
        published = published.lower().replace(" ", "-")
    return f"{base}/{quote(published)}{ending}"


def _find_route(path: str, options: ReadingOptions) -> tuple[str, str]:
    """Return the path at which the folder of a page is published, and the page's path in it."""
    routes = {**_ROUTES.get(options.publisher, {}), **options.routes}
    folder = max((name for name in routes if path.startswith(name)), key=len, default="")
    return routes.get(folder, ""), path.removeprefix(folder)
