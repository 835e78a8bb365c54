"""Publishers: the anchors and URLs that a publishing tool gives headings and pages.

The rules are those of GitHub (and Jekyll), of Python-Markdown in MkDocs, and of Docusaurus.
Configuration files show which publisher a guide has, and to which folder a site generator writes.
"""

from __future__ import annotations

import posixpath
import re
import unicodedata
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Literal
from urllib.parse import quote, urlsplit

from assistant.readers import strip_suffix

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

Publisher = Literal["github", "jekyll", "mkdocs", "docusaurus"]


@dataclass(frozen=True, slots=True)
class ReadingOptions:
    """How to read a guide: where it is published, by which publisher, and how long a passage is.

    `publisher` decides the anchors of headings and the URLs of pages; `max_tokens` limits passages;
    with `drafts`, pages that are not published are read too.
    """

    base_url: str = ""
    max_tokens: int = 256
    publisher: Publisher = "github"
    drafts: bool = False


# Files in a guide's folder, or beside it, and the publisher each is for; the first present decides.
_PUBLISHER_FILES: tuple[tuple[str, Publisher], ...] = (
    ("mkdocs.yml", "mkdocs"),
    ("mkdocs.yaml", "mkdocs"),
    ("zensical.toml", "mkdocs"),
    ("docusaurus.config.js", "docusaurus"),
    ("docusaurus.config.ts", "docusaurus"),
    ("docusaurus.config.mjs", "docusaurus"),
    ("sidebars.js", "docusaurus"),
    ("sidebars.ts", "docusaurus"),
    ("_config.yml", "jekyll"),
    ("_config.toml", "jekyll"),
)


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
_NUMBERED_ANCHOR = re.compile(r"^(.*)_([0-9]+)$")
_ORDER_PREFIX = re.compile(r"^\d+\s*[-_.]+\s*(?=[^\d\s-])")  # 01-intro.md is published as intro


def guess_publisher(names: Collection[str]) -> Publisher:
    """Return the publisher whose configuration file is among a guide's files; else GitHub."""
    return next((publisher for name, publisher in _PUBLISHER_FILES if name in names), "github")


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
                output = _read_setting(text, generator.output_key) or generator.output_folder
                outputs.append((posixpath.normpath(output), generator.name))
                break
    return outputs


def _read_setting(text: str, key: str) -> str:
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


def slugify(heading: str, publisher: Publisher = "github") -> str:
    """Return the anchor that a publisher makes of a heading; empty where no character is left."""
    if publisher == "mkdocs":
        plain = unicodedata.normalize("NFKD", heading).encode("ascii", "ignore").decode()
        words = re.sub(r"[^\w\s-]", "", plain).strip().lower()
        return re.sub(r"[-\s]+", "-", words)
    return _SLUG_DROPPED.sub("", heading.strip().lower()).replace(" ", "-")


def assign_anchors(
    headings: Iterable[tuple[str, str]], publisher: Publisher = "github"
) -> list[str]:
    """Return the anchor of each heading of a page, given its text and its explicit id, or "".

    An explicit id wins. A repeated anchor is numbered as by the publisher: `a-1`, in MkDocs `a_1`.
    """
    if publisher == "mkdocs":
        return _assign_mkdocs_anchors(headings)
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


def _assign_mkdocs_anchors(headings: Iterable[tuple[str, str]]) -> list[str]:
    headings = list(headings)
    used = {explicit for _, explicit in headings if explicit}
    last_numbers: dict[tuple[str, int], int] = {}  # makes many equal headings take linear time
    anchors: dict[str, None] = {}
    for text, explicit in headings:
        anchor = explicit or slugify(text, "mkdocs")
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


def build_page_url(path: str, base_url: str, publisher: Publisher, permalink: str = "") -> str:
    """Return the URL of a page on the published site; without a `base_url`, its path.

    `permalink` is that of the page, relative to the site's root or to the page's folder.
    """
    if not base_url:
        return quote(path)
    base = base_url.rstrip("/")
    page = PurePosixPath(path)
    if permalink:
        rooted = permalink if permalink.startswith("/") else f"/{page.parent / permalink}"
        return base + quote(rooted.replace("/./", "/"), safe="/:")
    if "/blob/" in urlsplit(base).path or "/tree/" in urlsplit(base).path:
        return f"{base}/{quote(path)}"
    parts = strip_suffix(path).split("/")
    if publisher == "mkdocs" and parts[0] == "docs" and len(parts) > 1:
        parts = parts[1:]  # the guide is the project's folder, and its pages are in `docs`
    if publisher == "docusaurus":
        parts = [_ORDER_PREFIX.sub("", part) for part in parts]
    if parts[-1].lower() in INDEX_NAMES:
        return "/".join([base, *map(quote, parts[:-1])]) + "/"
    return "/".join([base, *map(quote, parts)]) + ("/" if publisher == "mkdocs" else "")
