"""How publishing tools name what they publish: a heading's anchor, a page's address; pure.

Knows the rules of GitHub (which Jekyll shares), Python-Markdown under MkDocs, and Docusaurus, and
which files give each of them away. Must not know what a page says.
"""

from __future__ import annotations

import posixpath
import re
import unicodedata
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Literal
from urllib.parse import quote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

Publisher = Literal["github", "jekyll", "mkdocs", "docusaurus"]


@dataclass(frozen=True, slots=True)
class ReadingOptions:
    """How a guide is read: where and by what tool it is published, how long passages may be.

    `window` is in tokens. `tool` decides the anchors of headings and the addresses of pages.
    """

    base_url: str = ""
    max_tokens: int = 256
    publisher: Publisher = "github"


# What lies in the folder of a guide, or beside it, and the tool it is for; the first that is there.
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
    """A tool that writes pages of its own beside those it reads.

    `files` are its configuration, from the folder it stands in; `output` is where it writes
    unless the configuration says otherwise under `key`. `sign` stands in a configuration whose
    name is not the tool's alone.
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
_CONFIG_FILES = frozenset(name for tool in _SITE_GENERATORS for name in tool.config_files)
_CONFIG_FIRST_PARTS = frozenset(name.partition("/")[0] for name in _CONFIG_FILES)
_DEFAULT_ANCHOR = "section"  # the anchor of a heading with no letter in it, as kramdown gives it
_INDEX_NAMES = frozenset({"index", "readme", "_index"})
_SLUG_DROPPED = re.compile(r"[^\w\- ]")
_NUMBERED_ANCHOR = re.compile(r"^(.*)_([0-9]+)$")
_ORDER_PREFIX = re.compile(r"^\d+\s*[-_.]+\s*(?=[^\d\s-])")  # 01-intro.md is published as intro


def guess_publisher(names: Collection[str]) -> Publisher:
    """The tool that a guide's own files speak of; GitHub's rules where none does."""
    return next((tool for name, tool in _PUBLISHER_FILES if name in names), "github")


def is_generator_file(name: str) -> bool:
    """Whether a file of this name configures a publishing tool."""
    return name in _CONFIG_FILES


def find_outputs(
    names: Iterable[str], read_file: Callable[[str], str | None]
) -> list[tuple[str, str]]:
    """Where the tools configured in a folder write their pages, and the name of each tool.

    `names` are the folder's files and folders, `read` gives a file's text, None where there is
    none. What is returned are paths from that folder; they may lead out of it, and to nothing.
    """
    found: list[tuple[str, str]] = []
    if _CONFIG_FIRST_PARTS.isdisjoint(names):
        return found
    for tool in _SITE_GENERATORS:
        for file in tool.config_files:
            text = read_file(file) if file.partition("/")[0] in names else None
            if text is not None and tool.sign in text.lower():
                output = _read_setting(text, tool.output_key) or tool.output_folder
                found.append((posixpath.normpath(output), tool.name))
                break
    return found


def _read_setting(text: str, key: str) -> str:
    """The path that a configuration gives under a key, in whichever language it is written.

    Empty where it gives none, or one that has to be computed.
    """
    for line in text.splitlines() if key else ():
        mark = min((line.find(sign) for sign in ":=" if sign in line), default=-1)
        name, value = line[: max(mark, 0)], line[mark + 1 :].lstrip("= \t")
        words = name.strip(" \t\"'?:").split()
        if words and words[-1].lower() == key:
            value = value.partition(" #")[0].strip(" \t\"',;")
            return "" if any(sign in value for sign in "!$`([{") else value
    return ""


def slugify(heading: str, publisher: Publisher = "github") -> str:
    """The anchor a tool makes of a heading's text; empty where nothing of it is left."""
    if publisher == "mkdocs":
        plain = unicodedata.normalize("NFKD", heading).encode("ascii", "ignore").decode()
        kept = re.sub(r"[^\w\s-]", "", plain).strip().lower()
        return re.sub(r"[-\s]+", "-", kept)
    return _SLUG_DROPPED.sub("", heading.strip().lower()).replace(" ", "-")


def assign_anchors(
    headings: Iterable[tuple[str, str]], publisher: Publisher = "github"
) -> list[str]:
    """The anchor of each heading of a page in order, given its text and the id it names itself.

    Explicit ids win. A repeated one is numbered as the tool does: `a-1`, or `a_1` by MkDocs.
    """
    listed = list(headings)
    if publisher == "mkdocs":
        return _assign_mkdocs_anchors(listed)
    seen: dict[str, int] = {}
    found: list[str] = []
    for text, explicit in listed:
        wanted = explicit or slugify(text, publisher) or _DEFAULT_ANCHOR
        anchor = wanted
        while anchor in seen:
            seen[wanted] += 1
            anchor = f"{wanted}-{seen[wanted]}"
        seen[anchor] = 0
        found.append(anchor)
    return found


def _assign_mkdocs_anchors(listed: Iterable[tuple[str, str]]) -> list[str]:
    listed = list(listed)
    used = {explicit for _, explicit in listed if explicit}
    last: dict[tuple[str, int], int] = {}  # the number last given: many alike take linear time
    given: set[str] = set()
    found: list[str] = []
    for text, explicit in listed:
        anchor = explicit or slugify(text, "mkdocs")
        if explicit in given or (not explicit and (not anchor or anchor in used)):
            numbered = _NUMBERED_ANCHOR.match(anchor)
            stem, number = (numbered[1], int(numbered[2])) if numbered else (anchor, 0)
            begun = stem, number
            number = last.get(begun, number) + 1
            while f"{stem}_{number}" in used:
                number += 1
            last[begun] = number
            anchor = f"{stem}_{number}"
        used.add(anchor)
        given.add(anchor)
        found.append(anchor)
    return found


def build_page_url(path: str, base_url: str, publisher: Publisher, permalink: str = "") -> str:
    """Where a page is read: under the published site where there is one, else its path.

    `permalink` is what the page itself says, from the site's root or from its own folder.
    """
    if not base_url:
        return quote(path)
    base = base_url.rstrip("/")
    place = PurePosixPath(path)
    if permalink:
        given = permalink if permalink.startswith("/") else f"/{place.parent / permalink}"
        return base + quote(given.replace("/./", "/"), safe="/:")
    if "/blob/" in urlsplit(base).path or "/tree/" in urlsplit(base).path:
        return f"{base}/{quote(path)}"
    parts = list(place.with_suffix("").parts)
    if publisher == "mkdocs" and parts[0] == "docs" and len(parts) > 1:
        parts = parts[1:]  # read from the project's folder, where the pages lie one deeper
    if publisher == "docusaurus":
        parts = [_ORDER_PREFIX.sub("", part) for part in parts]
    if parts[-1].lower() in _INDEX_NAMES:
        return "/".join([base, *map(quote, parts[:-1])]) + "/"
    return "/".join([base, *map(quote, parts)]) + ("/" if publisher == "mkdocs" else "")
