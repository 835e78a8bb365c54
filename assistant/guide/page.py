"""Read one page of a guide: a file to its sections, passages, links and resources."""

from __future__ import annotations

import hashlib
import posixpath
import re
import stat
import unicodedata
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import quote

from assistant.errors import GuideError
from assistant.guide.chunking import chunk_section
from assistant.guide.front_matter import FrontMatter, parse_front_matter
from assistant.guide.links import is_internal, join_path, split_address
from assistant.guide.publishers import build_page_url
from assistant.guide.resources import extract_resource
from assistant.guide.sections import demote_long_headings, split_sections
from assistant.guide.walk import printable_path
from assistant.models.documents import GuideWarning, Page, PageLinks, ParsedPage
from assistant.readers import is_page, reader_for
from assistant.readers.markdown import parse_mdx
from assistant.text.normalize import find_hidden_characters

if TYPE_CHECKING:
    from collections.abc import Sequence

    from assistant.guide.publishers import ReadingOptions
    from assistant.models.documents import Block, Passage, Resource, Section
    from assistant.readers.decode import Source

_NAMED_ANCHOR = re.compile(
    r"[<{(](?:(?<=<)[A-Za-z][^<>]*?\s(?:id|name)\s*=\s*[\"']?([\w:.%-]+)"
    r"|(?<=\{)(?=[^{}\n]*+\})(?>[^{}\n]*?#([\w:.-]+))[^{}\n]*\}|(?<=^\()([^()\s]+)\)=[ \t]*$)",
    re.M,
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


def read_page(folder: Path, path: str, *, reading_options: ReadingOptions) -> ParsedPage:
    """Read one file of the guide. Raises GuideError where it cannot be read."""
    raw = _read_bytes(folder, path)
    reader = reader_for(path)
    source = reader.decode(path, raw)
    front_matter = FrontMatter(source.text)
    parse = reader.parse
    if reader.is_markdown:
        front_matter = parse_front_matter(source.text)
        parse = parse_mdx if reading_options.publisher == "docusaurus" else parse
    blocks = demote_long_headings(parse(front_matter.text))
    title = _choose_title(front_matter, blocks, source, path)
    permalink = front_matter.get("permalink", "slug", "url")
    page = Page(
        path=path,
        title=title,
        url=build_page_url(path, reading_options.base_url, reading_options.publisher, permalink),
        sha256=hashlib.sha256(raw).hexdigest(),
        text=source.text,
        language=_detect_language(front_matter, source, path),
    )
    sections, passages, resources = _read_sections(page, blocks, reading_options)
    return ParsedPage(
        page=page,
        links=PageLinks(
            path,
            permalink,
            _collect_anchors(front_matter.text, sections),
            _collect_internal_links(blocks),
        ),
        sections=tuple(sections),
        passages=tuple(passages),
        resources=tuple(resources),
        warnings=tuple(_collect_warnings(path, source, front_matter)),
    )


def _read_sections(
    page: Page, blocks: list[Block], reading_options: ReadingOptions
) -> tuple[list[Section], list[Passage], list[Resource]]:
    """Split a page's blocks into sections, and each section into passages and resources."""
    sections: list[Section] = []
    passages: list[Passage] = []
    resources: list[Resource] = []
    last_line = max(1, page.text.count("\n") + (not page.text.endswith("\n")))
    for part in split_sections(
        blocks, page.title, publisher=reading_options.publisher, last_line=last_line
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


def _choose_title(front_matter: FrontMatter, blocks: list[Block], source: Source, path: str) -> str:
    """Return the declared title, else the first heading if it is of level 1, else the file name."""
    declared = front_matter.get("title") or source.title
    if declared:
        return declared
    first = next((block for block in blocks if block.kind == "heading" and block.text), None)
    if first and first.level == 1:
        return first.text
    stem = Path(path).stem if Path(path).stem.lower() not in {"index", "readme"} else ""
    name = stem or Path(path).parent.name or Path(path).stem
    return name.replace("-", " ").replace("_", " ").strip().capitalize() or path


def _detect_language(front_matter: FrontMatter, source: Source, path: str) -> str:
    """Return the language that a page declares, or that its folder or file is named after."""
    declared = front_matter.get("lang", "language", "locale") or source.language
    if _LANGUAGE_CODE.match(declared):
        return declared.replace("_", "-").lower()
    parts = PurePosixPath(path).parts
    stem = PurePosixPath(parts[-1]).stem
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
    return tuple(dict.fromkeys([*(s.anchor for s in sections if s.anchor), *explicit]))


def _collect_internal_links(blocks: Sequence[Block]) -> tuple[tuple[int, str], ...]:
    return tuple(
        (block.lines[0], link.url)
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
    url = (
        build_page_url(joined, reading_options.base_url, reading_options.publisher)
        if is_page(joined)
        else quote(joined)
    )
    return replace(resource, url=f"{url}#{quote(anchor)}" if anchor else url)


def _collect_warnings(path: str, source: Source, front_matter: FrontMatter) -> list[GuideWarning]:
    warnings = [GuideWarning(path, 1, front_matter.warning)] if front_matter.warning else []
    warnings += [GuideWarning(path, line, message) for line, message in source.warnings]
    hidden = find_hidden_characters(source.text)
    if hidden:
        first = source.text[hidden[0]]
        name = unicodedata.name(first, "no name")
        count = (
            "1 invisible character" if len(hidden) == 1 else f"{len(hidden):,} invisible characters"
        )
        message = f"{count} left out, the first U+{ord(first):04X} ({name})."
        warnings.append(GuideWarning(path, source.text.count("\n", 0, hidden[0]) + 1, message))
    return warnings
