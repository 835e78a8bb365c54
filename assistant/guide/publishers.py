"""Publishers: the anchors that a publishing tool gives headings, and where it writes pages.

The rules for anchors are those of GitHub, which most tools share, of Python-Markdown in MkDocs, of
VitePress, mdBook and Hugo, and of docutils in Sphinx. Configuration files show to which folder a
site generator writes.
"""

from __future__ import annotations

import posixpath
import re
import unicodedata
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

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
    are made; `routes` are the paths at which folders are published, in Jekyll also patterns like
    `/:collection/:path/`.
    """

    base_url: str = ""
    max_tokens: int = 256
    publisher: Publisher = "github"
    drafts: bool = False
    title: str = ""
    page_ending: str | None = None
    slugs: Slugs = ""
    routes: dict[str, str] = field(default_factory=dict)


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
_DEFAULT_ANCHOR = "section"  # for a heading without letters, where a publisher gives none
INDEX_NAMES = frozenset({"index", "readme", "_index"})
_NOT_IN_SLUG = re.compile(r"[^\w\- ]")
_NOT_IN_ASCII_SLUG = re.compile(r"[\x00-\x7f](?<![A-Za-z0-9_\- ])")
_NOT_ASCII = re.compile(r"[^\x00-\x7f]")
_DOCUTILS_LETTERS = str.maketrans(
    "øđħıłŧƀƃƈƌƒƙƚƞƥƫƭƴƶǥȥȴȵȶȷȼȿɀɇɉɋɍɏ", "odhiltbbcdfklnpttyzgzlntjcszejqry"
) | {ord("ß"): "sz", ord("æ"): "ae", ord("œ"): "oe", ord("ȸ"): "db", ord("ȹ"): "qp"}
_ACCENTS = re.compile("[\u0300-\u036f]")
_VITEPRESS_MARKS = re.compile(r"[\s~`!@#$%^&*()\-_+=\[\]{}|\\;:\"'“”‘’<>,.?/]+")
_VOWEL_CLASSES = frozenset({0, *range(10, 37), 84, 91, 103, 118})  # combining classes
_NUMBERED_ANCHOR = re.compile(r"^(.*)_([0-9]+)$")


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
        plain = heading if slugs else _to_ascii(heading)
        words = re.sub(r"[^\w\s-]", "", plain).strip().lower()
        return re.sub(r"[-\s]+", "-", words)
    if slugs:
        plain = _drop_tags(unicodedata.normalize("NFC", heading)).strip()
        plain = plain if slugs == "pymdownx" else plain.lower()
        return _NOT_IN_SLUG.sub("", plain).replace(" ", "-")
    if publisher == "vitepress":
        plain = _ACCENTS.sub("", unicodedata.normalize("NFKD", heading))
        words = _VITEPRESS_MARKS.sub("-", plain).strip("-").lower()
        return f"_{words}" if words[:1].isdigit() else words
    if publisher == "sphinx":
        plain = _to_ascii(heading.lower().translate(_DOCUTILS_LETTERS))
        return re.sub(r"[^a-z0-9]+", "-", plain).strip("-").lstrip("-0123456789")
    heading = heading.strip()
    # Go and Ruby take the small letter of each character alone: one sigma, also at a word's end.
    is_alone = publisher in {"hugo", "jekyll"}
    lower = "".join(map(str.lower, heading)) if is_alone else heading.lower()
    is_in_slug = _SLUG_RULES.get(publisher, _is_in_github_slug)
    plain = _NOT_IN_ASCII_SLUG.sub("", lower)
    plain = _NOT_ASCII.sub(lambda match: match[0] if is_in_slug(match[0]) else "", plain)
    return plain.replace(" ", "-")


def _drop_tags(text: str) -> str:
    """Return a text without what is between angle brackets, be it a tag or not."""
    pieces: list[str] = []
    before, bracket, rest = text.partition("<")
    while bracket and ">" in rest:
        pieces.append(before)
        before, bracket, rest = rest.partition(">")[2].partition("<")
    return "".join([*pieces, before, bracket, rest])


def _to_ascii(text: str) -> str:
    return unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()


def _is_in_github_slug(character: str) -> bool:
    """Check whether GitHub keeps a character: letters with their marks, which most scripts need.

    Of the numbers digits and Roman numerals stay, of the symbols letters in circles and squares.
    """
    category = unicodedata.category(character)
    is_letter = category[0] in "LM" or "\u24b6" <= character <= "\u24e9"
    return is_letter or category in {"Nd", "Nl", "Pc"} or "\U0001f130" <= character <= "\U0001f189"


def _is_in_mdbook_slug(character: str) -> bool:
    """Check whether mdBook keeps a character: letters, all numbers, and marks that are vowels.

    Vowels have a class of their own or none; accents and tone marks have one that tells their side.
    """
    category = unicodedata.category(character)
    mark_class = unicodedata.combining(character)
    is_vowel = category[0] == "M" and (mark_class in _VOWEL_CLASSES)
    return category[0] in "LN" or is_vowel or character == "_"


def _is_in_hugo_slug(character: str) -> bool:
    """Check whether Hugo keeps a character: letters and digits without any mark."""
    category = unicodedata.category(character)
    return category[0] == "L" or category == "Nd"


_SLUG_RULES: dict[Publisher, Callable[[str], bool]] = {
    "mdbook": _is_in_mdbook_slug,
    "hugo": _is_in_hugo_slug,
}


def assign_anchors(
    headings: Iterable[tuple[str, str]], publisher: Publisher = "github", slugs: Slugs = ""
) -> list[str]:
    """Return the anchor of each heading of a page, given its text and its explicit id, or "".

    An explicit id wins. A repeated anchor is numbered as by the publisher: `a-1`, in MkDocs `a_1`,
    in Sphinx `id1`. Where a publisher gives none to a heading without letters, it has `section`.
    """
    if publisher == "mkdocs":
        return _assign_mkdocs_anchors(headings, slugs)
    if publisher == "sphinx":
        return _assign_sphinx_anchors(headings)
    last_numbers: dict[str, int] = {}

    def number_anchor(base: str) -> str:
        anchor = base
        while anchor in last_numbers:
            last_numbers[base] += 1
            anchor = f"{base}-{last_numbers[base]}"
        last_numbers[anchor] = 0
        return anchor

    default = "heading" if publisher == "hugo" else ""
    return [
        number_anchor(explicit or slugify(text, publisher) or default)
        or number_anchor(_DEFAULT_ANCHOR)
        for text, explicit in headings
    ]


def _assign_sphinx_anchors(headings: Iterable[tuple[str, str]]) -> list[str]:
    anchors: dict[str, None] = {}
    last_number = 0
    last_numbers: dict[str, int] = {}  # of explicit ids
    for text, explicit in headings:
        anchor = explicit or slugify(text, "sphinx")
        while not anchor or anchor in anchors:
            if explicit:
                last_numbers[explicit] = last_numbers.get(explicit, 0) + 1
                anchor = f"{explicit}-{last_numbers[explicit]}"
            else:
                last_number += 1
                anchor = f"id{last_number}"
        anchors[anchor] = None
    return list(anchors)


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
