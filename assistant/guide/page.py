"""A folder of pages to sections, passages and resources; pure but for reading files.

Knows which files are pages, what a page says of itself (front matter, title, language), and how
the pages of a guide link to each other. Must not know encoders, indexes or questions: how long a
passage may be is handed in.
"""

from __future__ import annotations

import gc
import hashlib
import multiprocessing
import os
import posixpath
import re
import stat
import sys
import threading
import tomllib
import unicodedata
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import yaml

from assistant.errors import GuideError
from assistant.guide import links, publishers, resources, sections
from assistant.guide import walk as walks
from assistant.guide.publishers import ReadingOptions
from assistant.guide.walk import printable_path
from assistant.models.documents import Guide, GuideWarning, Page, PageLinks, ParsedPage
from assistant.readers import decode, markdown
from assistant.render import page_html
from assistant.text.text import find_hidden_characters, normalise

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from assistant.models.documents import Block, Passage, Resource, Section
    from assistant.readers.decode import Source

    Resolve = Callable[[str], str]
    Progress = Callable[[int, int], None]

_FRONT_MATTER = re.compile(
    r"\A(?:---[ \t]*\n(?P<yaml>.*?\n)?(?:---|\.\.\.)"
    r"|\+\+\+[ \t]*\n(?P<toml>.*?\n)??\+\+\+)[ \t]*(?:\n|\Z)",
    re.DOTALL,
)
# As plain text: a title of `2024` or `No` is what it says, and no tag builds anything.
_LOADER = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
_MAX_BRACKETS = 1000  # inside each other they take a time that grows with their square
# Hand-written front matter is a page long and four deep. A key of n parts costs the square of n,
# and the reader of YAML calls itself until the process dies, at some 20,000 deep.
_MAX_FRONT_MATTER_CHARS = 200_000
_MAX_FRONT_MATTER_DEPTH = 100
_SHALLOW_CHARS = 2_000  # characters, which cannot nest more than half as deep
_DEEP_TOML_KEY = (
    re.compile(  # a key of TOML with more parts; prose has more than a word between its stops
        rf"(?<![\w\"'-])[\w\"'-]++(?:[ \t]*+\.[ \t]*+[\w\"'-]++){{{_MAX_FRONT_MATTER_DEPTH}}}"
    )
)

_PLAIN_LINE = re.compile(r"^(\w+)[ \t]*[:=][ \t]+[\"']?([^\s\"'\[\]{}|>&*!#][^\n]*)$", re.M)
_NAMED_ANCHOR = re.compile(
    r"[<{(](?:(?<=<)[A-Za-z][^<>]*?\s(?:id|name)\s*=\s*[\"']?([\w:.%-]+)"
    r"|(?<=\{)(?=[^{}\n]*+\})(?>[^{}\n]*?#([\w:.-]+))[^{}\n]*\}|(?<=^\()([^()\s]+)\)=[ \t]*$)",
    re.M,
)

# Languages a folder or a file may be named after; those that are words of English, or short for
# something else in a handbook, only say so in the front matter or with a region.
_LANGUAGES = frozenset(
    "ar bg bn ca cs da de el en es et eu fa fi fr gl he hi hr hu hy ja ka kk ko lt lv ms nb nl nn "
    "pl pt ro ru sk sl sr sv sw ta te th tr uk ur uz vi zh".split()
)
_LANGUAGE_CODE = re.compile(r"^([a-z]{2,3})(?:[-_]([A-Za-z]{2,4}))?$")
_TRANSLATION_FOLDERS = frozenset(
    "i18n l10n locale locales lang langs translations translated".split()
)

# Below this much text, starting other processes costs more than it saves.
_MIN_PARALLEL_BYTES = 4_000_000
_PAGES_PER_TASK = 32


def read_guide(
    folder: Path, *, reading_options: ReadingOptions | None = None, progress: Progress | None = None
) -> Guide:
    """Read every page under a folder, in path order.

    A file that cannot be read becomes an oddity and the rest goes on. `progress` is told
    (files read, files in all). Raises GuideError where there is no folder, or no page in it.
    """
    listed = walks.list_files(folder)
    paths = listed.paths
    found = read_pages(
        folder,
        paths,
        reading_options=reading_options or ReadingOptions(publisher=detect_publisher(folder)),
        progress=progress,
    )
    pages = [page for page in found if isinstance(page, ParsedPage)]
    unread = [*listed.unreadable, *(oddity for oddity in found if isinstance(oddity, GuideWarning))]
    if not any(page.passages for page in pages):
        raise empty_guide_error(folder, paths, unread)
    return Guide(
        pages=tuple(page.page for page in pages),
        sections=tuple(section for page in pages for section in page.sections),
        passages=tuple(passage for page in pages for passage in page.passages),
        resources=tuple(resource for page in pages for resource in page.resources),
        warnings=(
            *unread,
            *(oddity for oddity in listed.warnings if not oddity.unreadable),
            *(oddity for page in pages for oddity in page.warnings),
            *links.check_links([page.links for page in pages]),
        ),
    )


def empty_guide_error(
    folder: Path, paths: Sequence[str], unreadable: Sequence[GuideWarning]
) -> GuideError:
    """Why a folder gave no passage at all, as the error to raise."""
    if unreadable:
        return GuideError(unreadable[0].message, "Save it as UTF-8 text the builder may read.")
    if paths:
        return GuideError(
            f"The pages in {folder} are empty.", "Write something under a heading and build again."
        )
    return GuideError(
        f"There is no page in {folder}.",
        f"Put files ending in {', '.join(decode.SUFFIXES)} there.",
    )


def read_pages(
    folder: Path,
    paths: Sequence[str],
    *,
    reading_options: ReadingOptions,
    progress: Progress | None = None,
) -> list[ParsedPage | GuideWarning]:
    """Read the pages named, in the order given, on all cores where there is much to read.

    In place of a page that cannot be read stands the oddity that says so.
    """
    one = partial(_read_page_or_warn, folder, reading_options)
    found: list[ParsedPage | GuideWarning] = []
    with _WorkerPool(folder, paths) as pool:
        pages = pool.map(one, paths, chunksize=_PAGES_PER_TASK) if pool else map(one, paths)
        for page in pages:
            found.append(page)
            if progress:
                progress(len(found), len(paths))
    return found


class _WorkerPool:
    """Processes to share the reading among; none where there is little, or none can be made.

    They are forked, so that a script that builds needs no main guard. A process with threads is
    not forked: a lock one of them holds would stay held in the child for ever.
    """

    def __init__(self, folder: Path, paths: Sequence[str]) -> None:
        self._pool: ProcessPoolExecutor | None = None
        cores = os.cpu_count() or 1
        if cores == 1 or threading.active_count() > 1 or not sys.platform.startswith("linux"):
            return
        if _exceeds_bytes(folder, paths, _MIN_PARALLEL_BYTES):
            context = multiprocessing.get_context("fork")
            self._pool = ProcessPoolExecutor(cores, mp_context=context, initializer=_init_worker)

    def __enter__(self) -> ProcessPoolExecutor | None:
        return self._pool

    def __exit__(self, *_: object) -> None:
        if self._pool:
            self._pool.shutdown(cancel_futures=True)


def _init_worker() -> None:
    """Have this worker end when its parent is killed, be it with kill -9.

    Else it would wait for work for ever, holding what was forked with it: the index's lock.
    """
    # Reading leaves little that goes in circles, and looking for it takes a tenth of the time.
    gc.set_threshold(100_000)

    def wait() -> None:
        parent = multiprocessing.parent_process()
        if parent:
            parent.join()
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def _exceeds_bytes(folder: Path, paths: Sequence[str], size: int) -> bool:
    for path in paths:
        try:
            size -= (folder / path).stat().st_size
        except (OSError, ValueError):
            continue
        if size < 0:
            return True
    return False


def _read_page_or_warn(
    folder: Path, reading_options: ReadingOptions, path: str
) -> ParsedPage | GuideWarning:
    try:
        return read_page(folder, path, reading_options=reading_options)
    except GuideError as error:
        return GuideWarning(printable_path(path), 1, error.message, unreadable=True)


def detect_publisher(folder: Path) -> publishers.Publisher:
    """The publishing tool that the files in a guide's folder, or beside it, speak of."""
    names: set[str] = set()
    for place in (folder, folder.resolve().parent):
        try:
            names.update(entry.name for entry in os.scandir(place))
        except OSError:
            continue
    return publishers.guess_publisher(names)


def list_pages(folder: Path) -> Iterator[str]:
    """The guide's files as paths inside the folder with forward slashes, sorted.

    `walk.files` says which they are. Raises GuideError where there is no folder.
    """
    yield from walks.list_files(folder).paths


def read_page(folder: Path, path: str, *, reading_options: ReadingOptions) -> ParsedPage:
    """Read one file of the guide. Raises GuideError where it cannot be read."""
    raw = _read_bytes(folder, path)
    source = decode.read_source(path, raw)
    metadata, body, oddities = _parse_front_matter(path, source)
    oddities += [GuideWarning(path, line, what) for line, what in source.warnings]
    oddities += _warn_of_hidden_characters(path, source.text)
    found = (
        markdown.parse_markdown(body, mdx=_is_mdx(path, reading_options))
        if source.format == "markdown"
        else decode.parse_blocks(source.format, source.text)
    )
    found = sections.demote_long_headings(found)
    title = _choose_title(metadata, found, source, path)
    permalink = _text_value(metadata, "permalink", "slug", "url")
    language = _detect_language(metadata, source, path)
    page = Page(
        path,
        title,
        publishers.build_page_url(
            path, reading_options.base_url, reading_options.publisher, permalink
        ),
        hashlib.sha256(raw).hexdigest(),
        source.text,
        language,
    )
    last_line = max(1, source.text.count("\n") + (not source.text.endswith("\n")))
    cut = sections.split_sections(
        found, title, publisher=reading_options.publisher, last_line=last_line
    )
    read_sections: list[Section] = []
    recommended: list[Resource] = []
    passages: list[Passage] = []
    for part in cut:
        section = part.to_section(page)
        read_sections.append(section)
        listed = [resources.extract_resource(block, section) for block in part.blocks]
        recommended += [
            _resolve_resource_url(resource, reading_options) for resource in listed if resource
        ]
        shown = [block for block in part.blocks if block.kind != "break"]
        passages += sections.chunk_section(
            part,
            section,
            max_tokens=reading_options.max_tokens,
            language=language,
            lists_resources=2 * sum(map(bool, listed)) > len(shown),
        )
    return ParsedPage(
        page=page,
        links=PageLinks(
            path, permalink, _collect_anchors(body, read_sections), _collect_internal_links(found)
        ),
        sections=tuple(read_sections),
        passages=tuple(passages),
        resources=tuple(recommended),
        warnings=tuple(oddities),
    )


def _warn_of_hidden_characters(path: str, text: str) -> list[GuideWarning]:
    found = find_hidden_characters(text)
    if not found:
        return []
    first = text[found[0]]
    name = unicodedata.name(first, "no name")
    count = "A character" if len(found) == 1 else f"{len(found):,} characters"
    what = f"{count} that no reader can see left out, the first U+{ord(first):04X} ({name})."
    return [GuideWarning(path, text.count("\n", 0, found[0]) + 1, what)]


def _is_mdx(path: str, reading_options: ReadingOptions) -> bool:
    return path.lower().endswith(".mdx") or reading_options.publisher == "docusaurus"


def _collect_anchors(body: str, read_sections: Sequence[Section]) -> tuple[str, ...]:
    """Everything on a page a link may point to: its sections, and what is named in its text."""
    named = ("".join(groups) for groups in _NAMED_ANCHOR.findall(body))
    return tuple(dict.fromkeys([*(s.anchor for s in read_sections if s.anchor), *named]))


def _collect_internal_links(found: Sequence[Block]) -> tuple[tuple[int, str], ...]:
    return tuple(
        (block.lines[0], link.url)
        for block in found
        for link in block.links
        if links.is_internal(link.url)
    )


def _resolve_resource_url(resource: Resource, reading_options: ReadingOptions) -> Resource:
    """A resource with its address from the guide's root, where it is a page of the guide."""
    if not links.is_internal(resource.url):
        return resource
    path, anchor = links.split_address(resource.url)
    joined = links.join_path(posixpath.dirname(resource.path), path)
    if joined is None:
        return resource
    page = posixpath.splitext(joined)[1].lower() in decode.SUFFIXES
    place = (
        publishers.build_page_url(joined, reading_options.base_url, reading_options.publisher)
        if page
        else quote(joined)
    )
    return replace(resource, url=f"{place}#{quote(anchor)}" if anchor else place)


def render_page_source(
    page: Page, anchors: Iterable[tuple[int, str]], *, resolve: Resolve | None = None
) -> str:
    """A page as safe HTML; `anchors` and `resolve` are as for `render.page`."""
    kind = decode.text_format(page.path)
    if kind != "markdown":
        return page_html.render_blocks(decode.parse_blocks(kind, page.text), anchors)
    match = _FRONT_MATTER.match(page.text)
    body = _blank_out(page.text, match) if match else page.text
    mdx = page.path.lower().endswith(".mdx")
    return page_html.render_markdown(body, anchors, resolve=resolve, mdx=mdx)


def _read_bytes(folder: Path, path: str) -> bytes:
    mend = "Save it as text the builder may read."
    if path != printable_path(path):
        raise GuideError(f"{printable_path(path)} has a name that is not UTF-8.", mend)
    if "\0" in path or path.startswith("/") or ".." in path.split("/"):
        raise GuideError(f"{path!r} is no path inside the guide.", "Name a page of the guide.")
    try:
        place = folder / path
        found = place.stat()
        if not stat.S_ISREG(found.st_mode):
            raise GuideError(f"{path} is not a file.", mend)
        if found.st_size > 1_000_000 * (most := decode.max_megabytes(path)):
            raise GuideError(f"{path} has more than {most} MB; split it.", mend)
        return place.read_bytes()
    except OSError as error:
        raise GuideError(f"{path} cannot be read: {error.strerror or error}.", mend) from error


def _parse_front_matter(
    path: str, source: Source
) -> tuple[dict[str, Any], str, list[GuideWarning]]:
    """Metadata, the text with the front matter's lines left blank, and what was wrong with it."""
    match = _FRONT_MATTER.match(source.text) if source.format == "markdown" else None
    if not match:
        return {}, source.text, []
    blank = _blank_out(source.text, match)
    toml = match.group().startswith("+")
    language = "TOML" if toml else "YAML"
    inside = (match["toml"] if toml else match["yaml"]) or ""
    if len(inside) > _MAX_FRONT_MATTER_CHARS:  # or text between two thematic breaks
        what = f"is longer than {_MAX_FRONT_MATTER_CHARS:,} characters: it was read as text"
        return {}, source.text, [GuideWarning(path, 1, f"The front matter {what}.")]
    why = _find_deep_nesting(inside, is_toml=toml)
    if not why:
        try:
            metadata = tomllib.loads(inside) if toml else _load_yaml(inside)
        except (yaml.YAMLError, ValueError, RecursionError):
            why = f"is not {language}"
    if why:
        odd = GuideWarning(path, 1, f"The front matter {why}: only its plain lines were read.")
        found = _PLAIN_LINE.findall(match.group())
        return {name: _unquote(value) for name, value in found}, blank, [odd]
    if metadata and not isinstance(metadata, dict):
        return {}, source.text, []  # text between two thematic breaks
    return metadata or {}, blank, []


def _unquote(value: str) -> str:
    """A value without the white space and the quotation mark behind it."""
    plain = value.rstrip(" \t")
    return plain[:-1] if len(plain) > 1 and plain[-1] in "\"'" else plain


def _find_deep_nesting(text: str, *, is_toml: bool) -> str:
    """What to say of front matter that nests too deep; empty where it does not."""
    deep = f"nests more than {_MAX_FRONT_MATTER_DEPTH} deep"
    if is_toml:
        return deep if _DEEP_TOML_KEY.search(text) else ""
    depth = 0
    with suppress(yaml.YAMLError):  # said when it is read
        for event in yaml.parse(text, Loader=_LOADER) if len(text) > _SHALLOW_CHARS else ():
            depth += isinstance(event, yaml.CollectionStartEvent)
            depth -= isinstance(event, yaml.CollectionEndEvent)
            if depth > _MAX_FRONT_MATTER_DEPTH:
                return deep
    return ""


def _load_yaml(text: str) -> Any:
    if text.count("[") + text.count("{") > _MAX_BRACKETS:
        raise ValueError("brackets")
    return yaml.load(text, Loader=_LOADER)  # noqa: S506 - plain text alone


def _blank_out(text: str, front_matter: re.Match[str]) -> str:
    return "\n" * front_matter.group().count("\n") + text[front_matter.end() :]


def _text_value(metadata: dict[str, Any], *names: str) -> str:
    """What the front matter says under the first of the names that it says as text."""
    for name in names:
        value = metadata.get(name)
        if isinstance(value, str) and normalise(value):
            return normalise(value)
    return ""


def _choose_title(metadata: dict[str, Any], found: list[Block], source: Source, path: str) -> str:
    named = _text_value(metadata, "title") or source.title
    if named:
        return named
    first = next((block for block in found if block.kind == "heading" and block.text), None)
    if first and first.level == 1:
        return first.text
    stem = Path(path).stem if Path(path).stem.lower() not in {"index", "readme"} else ""
    name = stem or Path(path).parent.name or Path(path).stem
    return name.replace("-", " ").replace("_", " ").strip().capitalize() or path


def _detect_language(metadata: dict[str, Any], source: Source, path: str) -> str:
    """The language a page says it is in, or its folder or file is named after."""
    said = _text_value(metadata, "lang", "language", "locale") or source.language
    match = _LANGUAGE_CODE.match(said)
    if match:
        return said.replace("_", "-").lower()
    parts = PurePosixPath(path).parts
    stem = PurePosixPath(parts[-1]).stem
    marked = [stem.rpartition(".")[2]] if "." in stem else []
    kept = next((n for n, part in enumerate(parts[:-1]) if part in _TRANSLATION_FOLDERS), None)
    marked += [parts[kept + 1]] if kept is not None and kept + 2 < len(parts) else []
    marked += [part for part in parts[:-1][:2] if not part.startswith("_")]
    for name in marked:
        match = _LANGUAGE_CODE.match(name)
        if match and (match[1] in _LANGUAGES):
            return name.replace("_", "-").lower()
    return ""
