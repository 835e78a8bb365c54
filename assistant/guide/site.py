"""Read how a guide is published from the configuration of its publishing tool.

A tool is known by a file in the guide's folder, beside it, or in a folder that tools use. Its
settings are read line by line, in YAML, TOML, JavaScript or Python alike, and nothing is run.
"""

from __future__ import annotations

import json
import os
import re
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from assistant.guide.publishers import ReadingOptions, read_setting
from assistant.models.documents import GuideWarning

if TYPE_CHECKING:
    from assistant.guide.publishers import Publisher, Slugs

_QUOTED = re.compile(r"(?<!\w)(\w+)[\"']?[ \t]*+[:=][ \t]*+(?:\"([^\"\n]*)\"|'([^'\n]*)')")
_CLEAN_URLS = re.compile(r"\bcleanUrls[\"']?\s*:\s*true\b")
_SITE_PERMALINK = re.compile(r"^permalink:[ \t]*[\"']?([^\s\"'#]+)", re.M)
_READ_THE_DOCS = (".readthedocs.yaml", ".readthedocs.yml")
_MAX_CONFIGURATION_BYTES = 100_000


@dataclass(frozen=True, slots=True)
class _Tool:
    """A publishing tool, by a file that configures it.

    `sign` is text that the file must contain, for a name that other tools use too. `title_key` is
    the setting with the name of the site.
    """

    publisher: Publisher
    file: str
    title_key: str = ""
    sign: str = ""


_SCRIPTS = ("js", "ts", "mjs", "mts", "cjs")
_TOOLS = (
    _Tool("mkdocs", "mkdocs.yml", "site_name"),
    _Tool("mkdocs", "mkdocs.yaml", "site_name"),
    _Tool("mkdocs", "zensical.toml", "site_name"),
    *(_Tool("docusaurus", f"docusaurus.config.{end}", "title") for end in _SCRIPTS),
    _Tool("docusaurus", "sidebars.js"),
    _Tool("docusaurus", "sidebars.ts"),
    *(_Tool("vitepress", f".vitepress/config.{end}", "title") for end in _SCRIPTS),
    _Tool("vitepress", ".vitepress"),
    *(_Tool("starlight", f"astro.config.{end}", "title", "starlight") for end in _SCRIPTS),
    _Tool("mdbook", "book.toml", "title"),
    _Tool("sphinx", "conf.py", "project", "project"),
    *(_Tool("hugo", f"hugo.{end}", "title") for end in ("toml", "yaml", "yml", "json")),
    *(_Tool("hugo", f"config.{end}", "title", "baseurl") for end in ("toml", "yaml", "yml")),
    _Tool("jekyll", "_config.yml", "title"),
    _Tool("jekyll", "_config.toml", "title"),
)
# Folders in a guide's folder, and around it, that may have the configuration.
_PLACES = ("", "docs/", "doc/", "website/", "source/", "docs/source/", "../", "../website/")


def detect_site(folder: Path) -> ReadingOptions:
    """Return how to read a guide by the configuration of its publishing tool, if it has any."""
    return _detect(folder)[0]


def check_settings(folder: Path) -> tuple[GuideWarning, ...]:
    """Return a warning if the configuration of the publishing tool cannot be read."""
    return _detect(folder)[1]


def _detect(folder: Path) -> tuple[ReadingOptions, tuple[GuideWarning, ...]]:
    root = folder.resolve()
    for place in _PLACES:
        try:
            names = {entry.name for entry in os.scandir(root / place)}
        except OSError:
            continue
        for tool in _TOOLS:
            if tool.file.partition("/")[0] not in names:
                continue
            text, problem = _read(root / place / tool.file)
            if problem and not tool.sign:
                message = (
                    f"{place}{tool.file} cannot be read: {problem}. The defaults of "
                    f"{tool.publisher} are assumed."
                )
                options = _move_routes(ReadingOptions(publisher=tool.publisher), place)
                return options, (GuideWarning(f"{place}{tool.file}", 1, message),)
            if text is not None and tool.sign in text.lower():
                title = _read_string(text, tool.title_key)
                options = ReadingOptions(publisher=tool.publisher, title=title)
                return _move_routes(_read_settings(options, text, root / place), place), ()
    return ReadingOptions(), ()


def _read(file: Path) -> tuple[str | None, str]:
    """Return the start of a file, empty for a folder, and why it cannot be read.

    The text is None where it cannot be read, and where there is neither.
    """
    try:
        if file.is_dir():
            return ("" if file.name.startswith(".") else None), ""
        if not file.is_file():
            return None, ""
        with file.open("rb") as opened:
            raw = opened.read(_MAX_CONFIGURATION_BYTES)
    except OSError as error:
        return None, error.strerror or str(error)
    except ValueError:
        return None, ""
    if b"\0" in raw:
        return None, "it is not UTF-8 text"
    return raw.decode("utf-8", "replace"), ""


def _read_string(text: str, key: str) -> str:
    """Return the first string that a configuration sets under a key, in quotes or in a line."""
    for match in _QUOTED.finditer(text):
        if match[1] == key:
            return match[2] or match[3] or ""
    return read_setting(text, key.lower())


def _read_settings(options: ReadingOptions, text: str, folder: Path) -> ReadingOptions:
    """Add the settings of a tool that decide the addresses of pages and headings."""
    if options.publisher == "mkdocs":
        is_file = read_setting(text, "use_directory_urls").lower() == "false"
        return replace(options, page_ending=".html" if is_file else None, slugs=_detect_slugs(text))
    if options.publisher == "vitepress":
        return replace(options, page_ending="" if _CLEAN_URLS.search(text) else None)
    if options.publisher == "jekyll":
        return _read_permalinks(options, text)
    if options.publisher == "sphinx":
        return replace(options, page_ending="/" if _builds_folders(folder) else None)
    if options.publisher == "docusaurus":
        return replace(options, routes=_read_routes(text, folder))
    return options


def _move_routes(options: ReadingOptions, place: str) -> ReadingOptions:
    """Publish the folder of the configuration, which is in the guide, as the site's root."""
    if not place or place.startswith(".."):
        return options
    moved = {f"{place}{folder}": route for folder, route in options.routes.items()}
    return replace(options, routes={place: "", **options.routes, **moved})


def _read_permalinks(options: ReadingOptions, text: str) -> ReadingOptions:
    """Read how Jekyll names its pages, and by which patterns the pages of its collections."""
    site = match[1] if (match := _SITE_PERMALINK.search(text)) else ""
    ending = "/" if site == "pretty" or site.endswith("/") else None
    posts = {"pretty": "/:categories/:year/:month/:day/:title/", "none": "/:categories/:title.html"}
    routes = {"_posts/": posts.get(site, site)} if site in posts or ":" in site else {}
    parents: list[tuple[int, str]] = []  # the keys that a line is under, with their indentation
    for line in text.splitlines():
        key, _, value = line.strip().partition(":")
        indentation = len(line) - len(line.lstrip())
        while key and parents and parents[-1][0] >= indentation:
            parents.pop()
        if key == "permalink" and len(parents) == 2 and parents[0][1] == "collections":
            routes[f"_{parents[1][1]}/"] = value.strip(" \t\"'")
        elif key and not value.strip():
            parents.append((indentation, key))
    return replace(options, page_ending=ending, routes=routes)


def _builds_folders(folder: Path) -> bool:
    """Check whether Read the Docs lets Sphinx write a folder for each page."""
    files = [place / name for place in (folder, *folder.parents[:2]) for name in _READ_THE_DOCS]
    return any("builder: dirhtml" in (_read(file)[0] or "") for file in files)


def _detect_slugs(text: str) -> Slugs:
    """Return the function that a configuration of MkDocs names for the anchors of headings."""
    if "slugify_unicode" in text:
        return "unicode"
    if "pymdownx.slugs." not in text:
        return ""
    return "pymdownx-lower" if "case: lower" in text or "slugs.uslugify" in text else "pymdownx"


def _read_routes(text: str, folder: Path) -> dict[str, str]:
    """Return where Docusaurus publishes its folders: the versions and the locales of its pages.

    The newest version is published without its number, and the pages in work as `next`.
    """
    route = _read_string(text, "routeBasePath").strip("/") if "routeBasePath" in text else "docs"
    base = f"{route}/" if route else ""
    versions: list[str] = []
    with suppress(ValueError):
        listed = json.loads(_read(folder / "versions.json")[0] or "[]")
        versions = [name for name in listed if isinstance(name, str)]
    current = f"{base}next/" if versions else base
    routes = {"docs/": current}
    paths = {"current": current}
    for number, name in enumerate(versions):
        paths[f"version-{name}"] = base if number == 0 else f"{base}{name}/"
        routes[f"versioned_docs/version-{name}/"] = paths[f"version-{name}"]
    for locale in sorted(path.name for path in folder.glob("i18n/*") if path.is_dir()):
        for name, path in paths.items():
            pages = f"i18n/{locale}/docusaurus-plugin-content-docs/{name}/"
            routes[pages] = f"{locale}/{path}"
    return routes
