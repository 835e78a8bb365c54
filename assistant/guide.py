"""A folder of Markdown to pages, sections, passages and resources; pure.

Knows what a section and a passage are and how a page says what it recommends. Must not know
encoders, indexes or questions: how long a passage may be is handed in.
"""

from __future__ import annotations

import hashlib
import math
import os
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from frontmatter.default_handlers import YAMLHandler
from yaml import BaseLoader, YAMLError

from assistant import markdown
from assistant.errors import GuideError
from assistant.model import Guide, Oddity, Page, PageRead, Passage, Resource, Section, Sentence
from assistant.text import normalise, sentences

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from assistant.model import Block, ResourceKind

SUFFIXES = (".md", ".markdown", ".mdx")

_FRONT_MATTER = re.compile(r"\A---[ \t]*\n(.*?\n)?(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL)
_MINUTES = re.compile(r"\b(\d{1,3})[\s-]*min(?:ute)?s?\b(?:[\s-]*read)?", re.I)
_VIDEO_HOSTS = re.compile(r"(?:^|\.)(?:youtube\.com|youtu\.be|vimeo\.com|ted\.com|loom\.com)/")
_BOOK_HOSTS = re.compile(
    r"^(?:(?:www|smile)\.)?amazon\.|(?:^|\.)(?:goodreads\.com|oreilly\.com|bookshop\.org)/"
    r"|^books\.google\."
)
_FORM_HOSTS = re.compile(
    r"(?:^|\.)(?:forms\.gle|docs\.google\.com/forms|typeform\.com|forms\.office\.com)/"
)
_BOOK = re.compile(r"(?<![a-z])books?(?!mark)")

_PIECE = re.compile(r"(?P<latin>[A-Za-z]+)|(?P<hangul>[\uac00-\ud7af])|[0-9]+|[^\s]")

# The anchor of a heading with no letter in it, as kramdown gives it; the text above has none.
_NAMELESS = "section"

# Beside its link, a line that recommends something holds at most an author or a short note.
_WORDS_BESIDE_A_LINK = 8


@dataclass(frozen=True, slots=True)
class Reading:
    """How a guide is read: where it is published, and how many tokens a passage may hold."""

    base_url: str = ""
    window: int = 256


def read(
    folder: Path,
    *,
    reading: Reading | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Guide:
    """Read every Markdown file under a folder, in path order.

    A file that cannot be read becomes an oddity and the rest goes on. `progress` is told
    (files read, files in all). Raises GuideError where there is no folder, or no page in it.
    """
    if not folder.is_dir():
        raise GuideError(f"There is no guide at {folder}.", "Name a folder with --corpus.")
    paths = list(walk(folder))
    pages: list[PageRead] = []
    oddities: list[Oddity] = []
    for done, path in enumerate(paths, 1):
        try:
            pages.append(read_page(folder, path, reading=reading or Reading()))
        except GuideError as error:
            oddities.append(Oddity(_printable(path), 1, error.what, unread=True))
        if progress:
            progress(done, len(paths))
    if not any(page.passages for page in pages):
        raise _no_page(folder, paths, oddities)
    return Guide(
        pages=tuple(page.page for page in pages),
        sections=tuple(section for page in pages for section in page.sections),
        passages=tuple(passage for page in pages for passage in page.passages),
        resources=tuple(resource for page in pages for resource in page.resources),
        oddities=(*oddities, *(oddity for page in pages for oddity in page.oddities)),
    )


def _no_page(folder: Path, paths: list[str], oddities: list[Oddity]) -> GuideError:
    if oddities:
        return GuideError(oddities[0].what, "Save it as UTF-8 text the builder may read.")
    if paths:
        return GuideError(
            f"The pages in {folder} are empty.", "Write something under a heading and build again."
        )
    return GuideError(
        f"There is no Markdown in {folder}.", f"Put files ending in {', '.join(SUFFIXES)} there."
    )


def walk(folder: Path) -> Iterator[str]:
    """The guide's files as paths inside the folder with forward slashes, sorted.

    Hidden files and folders are skipped, and whatever a symbolic link leads out of the folder.
    """
    root = folder.resolve()
    found: list[str] = []
    for parent, folders, files in os.walk(root):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in files:
            path = Path(parent, name)
            if name.startswith(".") or path.suffix.lower() not in SUFFIXES:
                continue
            if _stays_inside(path, root):
                found.append(path.relative_to(root).as_posix())
    yield from sorted(found)


def _stays_inside(path: Path, root: Path) -> bool:
    try:
        return path.resolve().is_relative_to(root)
    except (OSError, RuntimeError):  # a link that leads back to itself
        return False


def read_page(folder: Path, path: str, *, reading: Reading) -> PageRead:
    """Read one file of the guide. Raises GuideError where it cannot be read as text."""
    raw, source = _source(folder, path)
    metadata, body, oddities = _front_matter(path, source)
    found = markdown.blocks(body)
    title = _title(metadata, found, path)
    page = Page(path, title, _url(path, reading.base_url), hashlib.sha256(raw).hexdigest(), source)
    sections: list[Section] = []
    passages: list[Passage] = []
    resources: list[Resource] = []
    for part in _parts(found, title, last_line=_line_count(source)):
        section = part.section(page)
        sections.append(section)
        listed = [_resource(block, section) for block in part.blocks]
        resources.extend(resource for resource in listed if resource)
        shown = [block for block in part.blocks if block.kind != "break"]
        lists_resources = 2 * sum(map(bool, listed)) > len(shown)
        passages.extend(_passages(part, section, reading.window, lists_resources=lists_resources))
    return PageRead(page, tuple(sections), tuple(passages), tuple(resources), tuple(oddities))


def _line_count(source: str) -> int:
    return max(1, source.count("\n") + (not source.endswith("\n")))


def anchors(page: Page) -> list[str]:
    """The anchor of every heading of a page, in order, as its sections carry them."""
    _, body, _ = _front_matter(page.path, page.text)
    return [anchor for block, anchor in _anchored(markdown.blocks(body)) if block.kind == "heading"]


def body(page: Page) -> str:
    """A page's Markdown without its front matter, line numbers kept."""
    return _front_matter(page.path, page.text)[1]


def _printable(path: str) -> str:
    """A file's name with the bytes that are no text written out."""
    return path.encode("utf-8", "backslashreplace").decode("utf-8")


def _source(folder: Path, path: str) -> tuple[bytes, str]:
    mend = "Save it as UTF-8 text the builder may read."
    if path != _printable(path):
        raise GuideError(f"{_printable(path)} has a name that is not UTF-8.", mend)
    try:
        if (folder / path).exists() and not (folder / path).is_file():
            raise GuideError(f"{path} is not a file.", mend)
        raw = (folder / path).read_bytes()
    except OSError as error:
        raise GuideError(f"{path} cannot be read: {error.strerror or error}.", mend) from error
    encoding = "utf-16" if raw[:2] in {b"\xff\xfe", b"\xfe\xff"} else "utf-8-sig"
    try:
        text = raw.decode(encoding)
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise GuideError(f"{path} is not UTF-8 text (line {line}).", mend) from error
    if "\x00" in text:
        raise GuideError(f"{path} is not text.", mend)
    return raw, text.replace("\r\n", "\n").replace("\r", "\n")


def _front_matter(path: str, source: str) -> tuple[dict[str, Any], str, list[Oddity]]:
    """Metadata, the text with the front matter's lines left blank, and what was wrong with it."""
    match = _FRONT_MATTER.match(source)
    if not match:
        return {}, source, []
    blank = "\n" * match.group().count("\n") + source[match.end() :]
    try:
        # As plain text: a title of `2024` or `No` is what it says, and no tag builds anything.
        metadata = YAMLHandler().load(match[1] or "", Loader=BaseLoader)
    except (YAMLError, ValueError, RecursionError):
        return {}, blank, [Oddity(path, 1, "The front matter is not YAML and was left out.")]
    if metadata and not isinstance(metadata, dict):
        return {}, source, []  # text between two thematic breaks
    return metadata or {}, blank, []


def _title(metadata: dict[str, Any], found: list[Block], path: str) -> str:
    title = metadata.get("title")
    named = normalise(title) if isinstance(title, str) else ""
    if named:
        return named
    first = next((block for block in found if block.kind == "heading" and block.text), None)
    if first and first.level == 1:
        return first.text
    stem = Path(path).stem if Path(path).stem.lower() not in {"index", "readme"} else ""
    name = stem or Path(path).parent.name or Path(path).stem
    return name.replace("-", " ").replace("_", " ").strip().capitalize() or path


def _url(path: str, base_url: str) -> str:
    """Where a page is read: under the published site when there is one, else its path."""
    if not base_url:
        return quote(path)
    return base_url.rstrip("/") + "/" + quote(str(Path(path).with_suffix("").as_posix()))


@dataclass(frozen=True, slots=True)
class _Part:
    """A heading and the blocks under it, before they become a section and passages."""

    headings: tuple[str, ...]
    anchor: str
    heading: Block | None
    blocks: tuple[Block, ...]
    lines: tuple[int, int]

    def section(self, page: Page) -> Section:
        link = f"{page.url}#{quote(self.anchor)}" if self.anchor else page.url
        return Section(page.path, self.headings, self.anchor, link, self.lines)


def _anchored(found: Iterable[Block]) -> Iterator[tuple[Block, str]]:
    """Each block with its anchor: explicit ids win, a repeated slug is numbered from 1."""
    seen: dict[str, int] = {}
    for block in found:
        if block.kind != "heading":
            yield block, ""
            continue
        wanted = block.anchor or markdown.slug(block.text) or _NAMELESS
        anchor = wanted
        while anchor in seen:
            seen[wanted] += 1
            anchor = f"{wanted}-{seen[wanted]}"
        seen[anchor] = 0
        yield block, anchor


def _parts(found: list[Block], title: str, *, last_line: int) -> Iterator[_Part]:
    """Cut a page's blocks at its headings; a table of contents and its heading are left out."""
    path: list[tuple[int, str]] = []
    part = _Part((title,), "", None, (), (1, last_line))
    held: list[Block] = []
    for block, anchor in _anchored(found):
        if block.kind != "heading" or not block.text:
            if block.text or block.kind == "break":
                held.append(block)
            continue
        yield from _closed(part, held, block.lines[0] - 1)
        path = [step for step in path if step[0] < block.level]
        path.append((block.level, block.text))
        names = [name for _, name in path]
        same = names[0].casefold() == title.casefold()
        headings = tuple(names) if same else (title, *names)
        part = _Part(headings, anchor, block, (), (block.lines[0], last_line))
        held = []
    yield from _closed(part, held, last_line)


def _closed(part: _Part, held: list[Block], last_line: int) -> Iterator[_Part]:
    kept = tuple(_without_contents(held))
    if all(block.kind == "break" for block in kept):
        if len(kept) < len(held) or not part.heading:
            return
        kept = ()
    yield replace(part, blocks=kept, lines=(part.lines[0], max(part.lines[0], last_line)))


def _without_contents(held: list[Block]) -> Iterator[Block]:
    """Drop lists made of nothing but links into the page itself."""
    in_page: dict[int, bool] = {}
    for block in held:
        if block.kind == "item":
            links = [link.url for link in block.links]
            only = bool(links) and block.links[0].title == block.text and links[0].startswith("#")
            in_page[block.group] = in_page.get(block.group, True) and only
    for block in held:
        if block.kind != "item" or not in_page[block.group]:
            yield block


def _resource(block: Block, section: Section) -> Resource | None:
    """What a row or item recommends, where it is one link with a title and little beside it."""
    links = [link for link in block.links if link.title and not link.url.startswith("#")]
    if block.kind not in {"row", "item", "prose"} or len(links) != 1:
        return None
    link = links[0]
    if not _leads_somewhere(link.url):
        return None
    beside = block.text.replace(link.title, "", 1)
    minutes = _MINUTES.search(beside)
    beside = _MINUTES.sub("", beside).strip(" |-–—:·•*()[].,")
    by = re.match(r"by\b", beside)
    beside_words = len(beside.split())
    # In running text a link among words is a reference; in a row the words are other cells.
    most = {"row": _WORDS_BESIDE_A_LINK, "item": len(link.title.split())}.get(block.kind, 0)
    if beside_words > (_WORDS_BESIDE_A_LINK if by else most):
        return None
    title = f"{link.title} {beside}" if by else link.title
    return Resource(
        title=title,
        url=link.url,
        kind=_resource_kind(link.url, block.icons, section.headings),
        minutes=int(minutes[1]) if minutes else None,
        path=section.path,
        headings=section.headings,
        anchor=section.anchor,
    )


def _leads_somewhere(url: str) -> bool:
    """Whether a link goes to a page: of the web, or of the guide."""
    try:
        scheme = urlsplit(url).scheme
    except ValueError:  # an address with a broken bracket
        return False
    return bool(url) and scheme in {"", "http", "https"}


def _resource_kind(url: str, icons: tuple[str, ...], headings: tuple[str, ...]) -> ResourceKind:
    shown = " ".join(icons).lower()
    under = headings[-1].lower().split()
    address = urlsplit(url)
    if not address.netloc:
        return "page"
    place = f"{address.hostname or ''}{address.path.lower()}/"
    if _BOOK.search(shown) or _BOOK_HOSTS.search(place) or "books" in under:
        return "book"
    if "video" in shown or _VIDEO_HOSTS.search(place) or "videos" in under:
        return "video"
    if _FORM_HOSTS.search(place):
        return "form"
    return "article"


def _passages(
    part: _Part, section: Section, window: int, *, lists_resources: bool
) -> Iterator[Passage]:
    """Pack a section's blocks into passages that fit the window, the heading in the first."""
    # Two for the special tokens; the heading path is encoded with every passage.
    room = max(window // 3, window - 2 - tokens_of(" > ".join(section.headings)))
    text, pieces = "", list[Sentence]()
    number, used = 1, 0

    def passage() -> Passage:
        name = f"{section.path}#{section.anchor}/{number}"
        return Passage(
            id=name,
            path=section.path,
            headings=section.headings,
            anchor=section.anchor,
            url=section.url,
            text=text,
            sentences=tuple(pieces),
            lists_resources=lists_resources,
        )

    previous = part.heading
    if part.heading:
        text = part.heading.text
        pieces.append(Sentence(0, len(text), "heading", part.heading.lines))
    for block in part.blocks:
        if block.kind == "break":
            used = room  # a thematic break is the author's own cut
            continue
        for piece in _fitting(block, room):
            size = tokens_of(piece.text)
            if used and used + size > room and _has_body(pieces):
                yield passage()
                text, pieces, used, previous = "", [], 0, None
                number += 1
            text, pieces = _joined(text, pieces, piece, previous)
            used += size
            previous = piece
    yield passage()


def _has_body(pieces: list[Sentence]) -> bool:
    return any(piece.kind != "heading" for piece in pieces)


def _joined(
    text: str, pieces: list[Sentence], block: Block, previous: Block | None
) -> tuple[str, list[Sentence]]:
    """The passage with one more block: items and rows on lines of their own, the rest apart."""
    if text:
        together = previous is not None and block.group and block.group == previous.group
        text += "\n" if together else "\n\n"
    text += "  " * block.level + block.marker
    start = len(text)
    text += block.text
    kind = "prose" if block.kind in {"heading", "break"} else block.kind
    whole = kind in {"code", "row", "header"}
    spans = [(0, len(block.text))] if whole else sentences(block.text)
    made = [Sentence(start + a, start + b, kind, block.lines) for a, b in spans]  # type: ignore[arg-type]
    return text, [*pieces, *made]


def _fitting(block: Block, room: int) -> Iterator[Block]:
    """A block that fits, or its sentences in runs that do; code and rows are never cut."""
    if block.kind in {"code", "row", "header"} or tokens_of(block.text) <= room:
        yield block
        return
    start, marker = 0, block.marker
    end = 0
    for span_start, span_end in sentences(block.text):
        if start < end and tokens_of(block.text[start:span_end]) > room:
            yield replace(block, text=block.text[start:end], marker=marker)
            start, marker = span_start, ""
        end = span_end
    yield replace(block, text=block.text[start:end], marker=marker)


def tokens_of(text: str) -> int:
    """About how many word pieces an English encoder makes of a text, rather more than fewer.

    A plain Latin word counts one piece and one more for every five letters beyond the third; a
    number or a mark one; of other scripts every character one, a Hangul syllable two and a half.
    Measured against the default tokenizer: half of English passages within 8 %, 1 in 1,000 over.
    """
    pieces = 0.0
    for match in _PIECE.finditer(text):
        latin, hangul = match.group("latin"), match.group("hangul")
        pieces += 1 + max(0, len(latin) - 3) // 5 if latin else 2.5 if hangul else 1
    return math.ceil(pieces)
