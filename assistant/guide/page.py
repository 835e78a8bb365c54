"""Read one page of a guide: a file to its sections, passages, links and resources."""

from __future__ import annotations

import hashlib
import posixpath
import re
import stat
import unicodedata
from dataclasses import replace
from datetime import UTC, datetime
from html import unescape
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import quote

from assistant.errors import GuideError
from assistant.guide.addresses import build_page_url, choose_permalink
from assistant.guide.chunking import chunk_section
from assistant.guide.front_matter import FrontMatter, parse_front_matter
from assistant.guide.includes import expand_page, mark_part
from assistant.guide.links import is_internal, join_path, split_address
from assistant.guide.publication import DraftError, find_reason_unpublished
from assistant.guide.publishers import INDEX_NAMES
from assistant.guide.resources import extract_resource
from assistant.guide.sections import demote_long_headings, split_sections
from assistant.guide.walk import printable_path
from assistant.models.documents import (
    NO_LINE_MAP,
    Block,
    GuideWarning,
    Page,
    PageLinks,
    ParsedPage,
)
from assistant.readers import is_page, reader_for, strip_suffix
from assistant.readers.html import parse_html_page
from assistant.readers.markdown import POSSIBLE_HEADING_LEVEL, parse_mdx
from assistant.readers.template_tags import replace_tags
from assistant.text.normalize import find_hidden_characters

if TYPE_CHECKING:
    from collections.abc import Sequence

    from assistant.guide.includes import Expansion
    from assistant.guide.labels import Labels
    from assistant.guide.publishers import ReadingOptions
    from assistant.models.documents import LineMap, Passage, Resource, Section
    from assistant.readers.decode import Source

_NAMED_ANCHOR = re.compile(
    r"[<{(](?:(?<=<)[A-Za-z][^<>]*?\s(?:id|name)\s*=\s*[\"']?([\w:.%-]+)"
    r"|(?<=\{)(?=[^{}\n]*+\})(?>[^{}\n]*?#([\w:.-]+))[^{}\n]*\}|(?<=^\()([^()\n]+)\)=[ \t]*$)",
    re.M,
)

_NOTION_ID = re.compile(r"[ -][0-9a-f]{32}\Z")  # that Notion adds to the names of files
_PERMALINKS = ("permalink", "slug", "url")
_CONTENTS_FILE = "SUMMARY.md"  # the menu of mdBook and GitBook
_TEMPLATE_START = "---\n"  # of front matter

_DESCRIPTION = re.compile(
    r"^description[ \t]*[:=].*+(?:\n(?:[ \t]+\S.*|[ \t]*(?=\n[ \t])))*+", re.M
)

# Languages that a folder or a file may be named after. Codes that are English words, or
# abbreviations in a handbook, count only in front matter or with a region.
_LANGUAGES = frozenset(
    "ar bg bn ca cs da de el en es et eu fa fi fr gl he hi hr hu hy ja ka kk ko lt lv ms nb nl nn "
    "pl pt ro ru sk sl sr sv sw ta te th tr uk ur uz vi zh".split()
)
_LANGUAGE_CODE = re.compile(r"^([a-z]{2,3})(?:[-_]([A-Za-z]{2,4}))?$")
_TRANSLATION_FOLDERS = frozenset(
    "i18n l10n locale locales lang langs translations translated".split()
)


def read_page(
    folder: Path,
    path: str,
    *,
    reading_options: ReadingOptions,
    is_part: bool = False,
    labels: Labels | None = None,
) -> ParsedPage:
    """Read one file of the guide, with what it includes; a part of other pages has no text.

    `labels` are those of the guide, read where they are not known.

    Raises GuideError where it cannot be read, and DraftError where it is not published.
    """
    raw = _read_bytes(folder, path)
    reader = reader_for(path)
    expansion = expand_page(folder, path, raw, labels)
    decoded = expansion.text.encode("utf-8", "surrogatepass") if expansion else raw
    source = reader.decode(path, decoded)
    line_map = expansion.lines if expansion else NO_LINE_MAP
    front_matter = FrontMatter(source.text)
    parse = reader.parse
    if reader.is_markdown:
        front_matter = parse_front_matter(source.text)
        parse = parse_mdx if reading_options.publisher == "docusaurus" else parse
    elif parse is parse_html_page and source.text.startswith(_TEMPLATE_START):
        front_matter = parse_front_matter(source.text)
        parse = _parse_template
    _check_published(front_matter, path, reading_options)
    blocks = demote_long_headings(parse(front_matter.text))
    if PurePosixPath(path).name == _CONTENTS_FILE and _lists_links(blocks):
        blocks = []
    title = _choose_title(front_matter, blocks, source, path, expansion.title if expansion else "")
    blocks = (
        [] if is_part else _add_description(blocks, front_matter.get("description"), source.text)
    )
    keys = (*_PERMALINKS, "id") if reading_options.publisher == "docusaurus" else _PERMALINKS
    permalink = front_matter.get(*keys)
    digest = expansion.digest if expansion else hashlib.sha256(raw).hexdigest()
    page = Page(
        path=path,
        title=title,
        url=build_page_url(
            path, reading_options, choose_permalink(front_matter, reading_options.publisher)
        ),
        sha256=mark_part(digest) if is_part else digest,
        text=source.text,
        language=_detect_language(front_matter, source, path),
        line_map=line_map,
    )
    sections, passages, resources = _read_sections(page, blocks, reading_options)
    return ParsedPage(
        page=page,
        links=PageLinks(
            path,
            permalink,
            _collect_anchors(front_matter.text, sections),
            _collect_internal_links(blocks, line_map),
        ),
        sections=tuple(sections),
        passages=tuple(passages),
        resources=tuple(resources),
        warnings=tuple(_collect_warnings(path, source, front_matter, expansion)),
    )


def _read_sections(
    page: Page, blocks: list[Block], reading_options: ReadingOptions
) -> tuple[list[Section], list[Passage], list[Resource]]:
    """Split a page's blocks into sections, and each section into passages and resources."""
    sections: list[Section] = []
    passages: list[Passage] = []
    resources: list[Resource] = []
    for part in split_sections(
        blocks,
        page.title,
        publisher=reading_options.publisher,
        slugs=reading_options.slugs,
        source=page.text,
    ):
        section = part.to_section(page)
        sections.append(section)
        listed = [
            resource for block in part.blocks if (resource := extract_resource(block, section))
        ]
        resources += [_resolve_resource_url(resource, reading_options) for resource in listed]
        block_count = sum(block.kind != "break" for block in part.blocks)
        passages += chunk_section(
            part,
            section,
            max_tokens=reading_options.max_tokens,
            language=page.language,
            lists_resources=2 * len(listed) > block_count,
        )
    return sections, passages, resources


def _read_bytes(folder: Path, path: str) -> bytes:
    hint = "Save it as text the builder may read."
    if path != printable_path(path):
        raise GuideError(f"{printable_path(path)} has a name that is not UTF-8.", hint)
    if "\0" in path or path.startswith("/") or ".." in path.split("/"):
        raise GuideError(f"{path!r} is no path inside the guide.", "Name a page of the guide.")
    try:
        file = folder / path
        status = file.stat()
        if not stat.S_ISREG(status.st_mode):
            raise GuideError(f"{path} is not a file.", hint)
        if status.st_size > 1_000_000 * (limit := reader_for(path).max_megabytes):
            raise GuideError(f"{path} has more than {limit} MB; split it.", hint)
        return file.read_bytes()
    except OSError as error:
        raise GuideError(f"{path} cannot be read: {error.strerror or error}.", hint) from error


def _parse_template(text: str) -> list[Block]:
    """Parse a page of HTML that a site generator fills in: it has front matter and tags."""
    return parse_html_page("\n".join(map(replace_tags, text.split("\n"))))


def _check_published(front_matter: FrontMatter, path: str, reading_options: ReadingOptions) -> None:
    today = datetime.now(UTC).date()
    if reading_options.drafts or not (reason := find_reason_unpublished(front_matter, path, today)):
        return
    raise DraftError(
        f"{path} is not read, because it is not published: {reason}.",
        "Set `drafts` to read such pages.",
    )


def _lists_links(blocks: Sequence[Block]) -> bool:
    """Check whether a page is a table of contents: headings and links alone."""
    return all(block.kind in {"heading", "break"} or block.links for block in blocks)


def _choose_title(
    front_matter: FrontMatter, blocks: list[Block], source: Source, path: str, listed: str
) -> str:
    """Return the declared title, else that of the page's heading, or in the menu of its book.

    Without these it is made of the name of its file.
    """
    declared = front_matter.get("title") or source.title
    if declared:
        return unescape(declared)
    first = next((n for n, block in enumerate(blocks) if block.text), None)
    headings = [block for block in blocks if block.kind == "heading" and block.text]
    if headings and (headings[0].level == 1 or _leads(headings, blocks[first or 0])):
        return headings[0].text
    return listed or _make_title(path, blocks)


def _add_description(blocks: list[Block], description: str, source: str) -> list[Block]:
    """Put a page's description below its title, to be searched but not quoted.

    Sites show it in search results. Quoted ("Learn how to use icons"), it took the first place from
    passages that answer: 2 of 44 on one guide.
    """
    is_empty = not any(map(str.isalpha, description)) or description == "null"
    entry = _DESCRIPTION.search(source)
    if is_empty or not entry or any(description in block.text for block in blocks):
        return blocks
    first_line = source.count("\n", 0, entry.start()) + 1
    lines = (first_line, first_line + entry[0].count("\n"))
    after = int(bool(blocks) and blocks[0].kind == "heading")
    return [*blocks[:after], Block("description", description, lines), *blocks[after:]]


def _leads(headings: Sequence[Block], first: Block) -> bool:
    """Check whether a page begins with a heading that is above all others of the page."""
    levels = [heading.level for heading in headings]
    return (
        first is headings[0]
        and levels[0] < POSSIBLE_HEADING_LEVEL
        and levels[0] < min(levels[1:], default=POSSIBLE_HEADING_LEVEL)
    )


def _make_title(path: str, blocks: Sequence[Block]) -> str:
    """Make a title of a file name, with the capitals and hyphens that its author means.

    A name in small letters has hyphens for spaces, unless the page writes the same word so.
    """
    *folders, stem = strip_suffix(path).split("/")
    name = folders[-1] if folders and stem.lower() in INDEX_NAMES else stem
    name = _NOTION_ID.sub("", name)
    if " " in name or not name.islower():
        return name if " " in name else name.replace("_", " ").strip() or path
    if "-" in name and not any(name in block.text.lower() for block in blocks):
        name = name.replace("-", " ")
    name = name.replace("_", " ").strip()
    return name[:1].upper() + name[1:] or path


def _detect_language(front_matter: FrontMatter, source: Source, path: str) -> str:
    """Return the language that a page declares, or that its folder or file is named after."""
    declared = front_matter.get("lang", "language", "locale") or source.language
    if _LANGUAGE_CODE.match(declared):
        return declared.replace("_", "-").lower()
    parts = PurePosixPath(path).parts
    stem = strip_suffix(parts[-1])
    names = [stem.rpartition(".")[2]] if "." in stem else []
    above = next((n for n, part in enumerate(parts[:-1]) if part in _TRANSLATION_FOLDERS), None)
    names += [parts[above + 1]] if above is not None and above + 2 < len(parts) else []
    names += [part for part in parts[:-1][:2] if not part.startswith("_")]
    for name in names:
        match = _LANGUAGE_CODE.match(name)
        if match and match[1] in _LANGUAGES:
            return name.replace("_", "-").lower()
    return ""


def _collect_anchors(body: str, sections: Sequence[Section]) -> tuple[str, ...]:
    """Return what a link to the page may name: its sections' anchors, and ids in its text."""
    explicit = ("".join(groups) for groups in _NAMED_ANCHOR.findall(body))
    joined = ("-".join(anchor.split()) for anchor in explicit)
    return tuple(dict.fromkeys([*(s.anchor for s in sections if s.anchor), *joined]))


def _collect_internal_links(
    blocks: Sequence[Block], line_map: LineMap
) -> tuple[tuple[int, str], ...]:
    return tuple(
        (line_map.find(block.lines[0]), link.url)
        for block in blocks
        for link in block.links
        if is_internal(link.url)
    )


def _resolve_resource_url(resource: Resource, reading_options: ReadingOptions) -> Resource:
    """Make the URL of a resource that is a page of the guide relative to the guide's root."""
    if not is_internal(resource.url):
        return resource
    path, anchor = split_address(resource.url)
    joined = join_path(posixpath.dirname(resource.path), path)
    if joined is None:
        return resource
    url = build_page_url(joined, reading_options) if is_page(joined) else quote(joined)
    return replace(resource, url=f"{url}#{quote(anchor)}" if anchor else url)


def _collect_warnings(
    path: str, source: Source, front_matter: FrontMatter, expansion: Expansion | None
) -> list[GuideWarning]:
    warnings = [GuideWarning(path, 1, front_matter.warning)] if front_matter.warning else []
    line_map = expansion.lines if expansion else NO_LINE_MAP
    own = expansion.warnings if expansion else ()
    mapped = [(line_map.find(line), message) for line, message in source.warnings]
    # A warning about the file's bytes comes again from its text with what it includes.
    warnings += [GuideWarning(path, line, text) for line, text in dict.fromkeys((*own, *mapped))]
    hidden = find_hidden_characters(source.text)
    if hidden:
        first = source.text[hidden[0]]
        name = unicodedata.name(first, "no name")
        count = (
            "1 invisible character" if len(hidden) == 1 else f"{len(hidden):,} invisible characters"
        )
        message = f"{count} left out, the first U+{ord(first):04X} ({name})."
        line = line_map.find(source.text.count("\n", 0, hidden[0]) + 1)
        warnings.append(GuideWarning(path, line, message))
    return warnings
