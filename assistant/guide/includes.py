"""Put what a page includes into its text, before it is read.

A page's text with what it includes is a function of the bytes of these files alone. Only files
inside the guide are read; how deep and how much is limited. `Expansion.digest` covers every file
that was read or looked for, so that a page is read again when one of them changes, comes or goes.
A page that it only links to counts with its title.
"""

from __future__ import annotations

import hashlib
import json
import posixpath
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from assistant import files
from assistant.errors import GuideError
from assistant.guide.antora import find_description, read_attributes
from assistant.guide.front_matter import blank_front_matter
from assistant.guide.include_marks import (
    Names,
    drop_asciidoc_tags,
    find_antora_page,
    find_antora_path,
    find_family,
    find_marks,
    is_address,
    may_have_marks,
    shift_asciidoc_headings,
)
from assistant.guide.labels import Labels
from assistant.guide.links import join_path
from assistant.guide.publishers import INDEX_NAMES
from assistant.guide.references import (
    find_heading,
    find_labels,
    find_listed_title,
    may_have_references,
    name_references,
    normalize_label,
)
from assistant.guide.substitutions import list_configurations, read_substitutions, substitute
from assistant.guide.walk import is_ignored
from assistant.models.documents import LineMap
from assistant.readers import strip_suffix
from assistant.readers.decode import decode_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from assistant.guide.include_marks import Family, Mark

    Line = tuple[str, int]  # with its line in the page's own file, from 0

_MAX_DEPTH = 10  # as mdBook
_MAX_FILES = 1_000  # that one page includes, each as often as it does
_MAX_CHARS = 2_000_000  # that one page includes: ten times the longest page of 20 real guides
_MAX_FILE_BYTES = 2_000_000
_MAX_BYTES = 50_000_000  # of all files that are read for one page
_MAX_DROPPED_FOLDERS = 2  # of a path from the root of a site of which the guide is a part

_PART_FOLDERS = frozenset(
    "includes _includes partials _partials snippets _snippets fragments _fragments".split()
)
_BACKTICKS = re.compile("`{3,}")
_MARKER = re.compile(r"(?:[ \t>]|[-*+][ \t]|\d{1,9}[.)][ \t])*")  # of an item or a quotation
_NO_FILE = "", None
_MENU = "SUMMARY.md"  # of mdBook and GitBook
_HEADING_SIGNS = re.compile(rb"(?m)^ {0,3}#{1,6}[ \t]|^title[ \t]*[:=]|^[=-]+[ \t]*\r?$|<[hH]1|\0")
_PAGE_ENDINGS = (
    ".md",
    ".rst",
    ".mdx",
    ".adoc",
    "/index.md",
    "/index.rst",
)  # that a link leaves out
_MAX_WARNINGS = 50  # of one page, that are listed one by one
_MAX_TITLES = 1_000  # of other pages that one page names


ALL_LABELS = "?"
"""Stands, in what a page includes, for the labels of all pages: it refers to one of another."""


@dataclass(frozen=True, slots=True)
class Include:
    """A file of the guide that a page includes or looked for; `is_whole`, it shows all of it."""

    path: str
    is_whole: bool = False


@dataclass(frozen=True, slots=True)
class Expansion:
    """A page's text with what it includes.

    `lines` leads from its lines to those of the page's own file. `digest` is that of the page;
    `includes` are all files that it covers besides the page's own. Warnings are (line, message).
    `title` is that of a page without one, from the menu of its book.
    """

    text: str
    lines: LineMap
    digest: str
    includes: tuple[Include, ...]
    warnings: tuple[tuple[int, str], ...]
    title: str = ""


def expand_page(
    folder: Path, path: str, raw: bytes, labels: Labels | None = None
) -> Expansion | None:
    """Put what a page includes into its text, and the titles of pages that it links to.

    `labels` are those of the guide; they are read where they are not known.

    None where there is nothing of the kind.

    Raises GuideError where the page is not text.
    """
    family = find_family(path)
    is_untitled = family == "markdown" and not _HEADING_SIGNS.search(raw)
    description = find_description(path) if family == "asciidoc" and b"{" in raw else ""
    has_names = family == "markdown" and b"{{" in raw and _may_be_sphinx(folder, path)
    if family is None or not (
        is_untitled
        or description
        or has_names
        or may_have_marks(raw)
        or may_have_references(raw, family)
    ):
        return None
    source = decode_text(path, raw)
    expander = _Expander(folder, path, family, labels or Labels(folder))
    own_lines = source.text.split("\n")
    lines = expander.define_attributes(description, source.text) if description else []
    lines += expander.expand(path, own_lines, (path,), None)
    texts = [text for text, _ in lines]
    expander.texts = texts = expander.substitute(texts) if has_names else texts
    named = list(name_references(texts, family, expander.find_title, expander.find_label))
    title = expander.find_listed_title() if is_untitled else ""
    if not expander.has_marks:
        return None
    return Expansion(
        text="\n".join(named),
        lines=LineMap.make([origin + 1 for _, origin in lines]),
        digest=expander.digest(hashlib.sha256(raw).hexdigest()),
        includes=expander.includes(),
        warnings=(*source.warnings, *expander.warnings()),
        title=title,
    )


def _may_be_sphinx(folder: Path, path: str) -> bool:
    return any((folder / place).is_file() for place in list_configurations(path))


def inspect_page(
    folder: Path, path: str, labels: Labels | None = None
) -> tuple[str, tuple[Include, ...]]:
    """Return the digest of a page and what it includes, without reading it. Raises OSError."""
    if find_family(path) is None:
        with files.open_regular(folder / path) as file:
            return hashlib.file_digest(file, "sha256").hexdigest(), ()
    raw = files.read_bytes(folder / path)
    try:
        expansion = expand_page(folder, path, raw, labels)
    except GuideError:
        expansion = None
    if expansion is None:
        return hashlib.sha256(raw).hexdigest(), ()
    return expansion.digest, expansion.includes


def may_be_part(path: str) -> bool:
    """Check whether publishing tools take a file of this name as a part of pages.

    Its name begins with `_`, as that of no index page, or one of its folders is one of parts.
    """
    *folders, name = path.split("/")
    if not _PART_FOLDERS.isdisjoint(folders):
        return True
    return name.startswith("_") and strip_suffix(name).lower() not in INDEX_NAMES


def find_parts(includes: Mapping[str, Sequence[Include]]) -> frozenset[str]:
    """Return the files that are no pages of their own, given what each page includes.

    They are those that may be parts and that another page, which is none, includes whole.
    """
    return frozenset(
        include.path
        for path, own in includes.items()
        if own and not may_be_part(path)
        for include in own
        if include.is_whole and include.path in includes and may_be_part(include.path)
    )


def list_parts(folder: Path, paths: Iterable[str]) -> frozenset[str]:
    """Return those of the guide's files that are no pages of their own."""
    paths = tuple(paths)
    if not any(map(may_be_part, paths)):
        return frozenset()
    includes: dict[str, tuple[Include, ...]] = {}
    for path in paths:
        try:
            includes[path] = inspect_page(folder, path)[1] if find_family(path) else ()
        except (OSError, ValueError):
            continue
    return find_parts(includes)


def mark_part(digest: str) -> str:
    """Return the digest of a page that is a part of others, so that it changes with its role."""
    return hashlib.sha256(f"{digest} is a part".encode()).hexdigest()


class _Expander:
    """Expands one page; knows what it included, and what is left of the limits."""

    def __init__(self, folder: Path, path: str, family: Family, labels: Labels) -> None:
        self._root = folder.resolve()
        self._labels = labels
        self._own_labels: set[str] | None = None
        self.texts: Sequence[str] = ()  # the lines of the page with what it includes
        self._uses_labels = False
        self._family = family
        self._digests: dict[str, str] = {}  # of each file that was looked for; empty without one
        self._texts: dict[str, list[str]] = {}
        self._whole: set[str] = set()
        self._page = path
        self._titles: dict[tuple[str, str], str | None] = {}  # of pages, by path and anchor
        self._shown: set[tuple[str, str]] = set()  # the titles of other pages in this one
        self._bytes = _MAX_BYTES
        self._chars = _MAX_CHARS
        self._files = _MAX_FILES
        self._names = Names()
        self._warnings: list[tuple[int, str]] = []
        self.has_marks = False

    def digest(self, own: str) -> str:
        """Return the digest of a page, given that of its file."""
        if not self._digests and not self._shown:
            return own
        covered = [own, sorted(self._digests.items()), sorted(self._shown)]
        return hashlib.sha256(json.dumps(covered).encode()).hexdigest()

    def includes(self) -> tuple[Include, ...]:
        """Return every file that was included or looked for."""
        titled = (path for path, _ in self._titles)
        labels = [ALL_LABELS] if self._uses_labels else []
        paths = sorted({*self._digests, *titled, *labels})
        return tuple(Include(path, path in self._whole) for path in paths)

    def warnings(self) -> list[tuple[int, str]]:
        """Return what was not followed, with its line; after some, only how many more."""
        more = self._warnings[_MAX_WARNINGS:]
        if not more:
            return self._warnings
        message = f"{len(more):,} more files are not included from here on."
        return [*self._warnings[:_MAX_WARNINGS], (more[0][0], message)]

    def find_title(self, target: str, anchor: str) -> str:
        """Return the title of a page that the page links to, or of its section; empty without one.

        Only the title counts for the digest: the page is not read again with each other edit.
        """
        self.has_marks = True
        for path in _list_pages(self._page, target):
            title = self._read_title(path, anchor)
            if title is not None:
                if title:
                    self._shown.add((f"{target}#{anchor}", title))
                return title
        return ""

    def define_attributes(self, description: str, text: str) -> list[Line]:
        """Return lines that define those attributes of a component that a page uses."""
        self._digests[description], described = self._read(description)
        attributes = read_attributes(described or "")
        used = {name: value for name, value in attributes.items() if f"{{{name}}}" in text}
        self._names.values.update(used)
        self.has_marks = self.has_marks or bool(used)
        return [(f":{name}: {value}", 0) for name, value in used.items()]

    def substitute(self, texts: list[str]) -> list[str]:
        """Put in the words that the configuration of Sphinx has for names in double braces."""
        for place in list_configurations(self._page):
            self._digests[place], configuration = self._read(place)
            if configuration is not None:
                values = read_substitutions(configuration)
                self.has_marks = self.has_marks or bool(values)
                return list(substitute(texts, values))
        return texts

    def find_label(self, name: str) -> tuple[str, str]:
        """Return the address and the title of a label on another page; empty without one."""
        if self._family == "rst":  # its reader follows those of the page itself
            if self._own_labels is None:
                own = find_labels(self.texts, self._family)
                self._own_labels = {normalize_label(own_name) for own_name, _ in own}
            if normalize_label(name) in self._own_labels:
                return "", ""
        self.has_marks = self._uses_labels = True
        label = self._labels.find(name)
        if label is None:
            return "", ""
        is_own = label.path == self._page
        address = f"#{label.anchor}" if is_own else label.address_from(self._page)
        self._shown.add((f"label {address}", label.title))
        return address, label.title

    def find_listed_title(self) -> str:
        """Return the page's title in the menu of its book; empty without one."""
        self.has_marks = True
        folder = posixpath.dirname(self._page)
        while True:
            title = self._read_title(posixpath.join(folder, _MENU), self._page)
            if title:
                self._shown.add((_MENU, title))
            if title or not folder:
                return title or ""
            folder = posixpath.dirname(folder)

    def _read_title(self, path: str, anchor: str) -> str | None:
        """Return a title that another file has; None where there is no such file."""
        key = path, anchor
        if key not in self._titles:
            if len(self._titles) >= _MAX_TITLES or any(map(is_ignored, path.split("/"))):
                return None
            text = self._read(path)[1]
            if text is None:
                self._titles[key] = None
            elif posixpath.basename(path) == _MENU and anchor == self._page:
                self._titles[key] = find_listed_title(text, path, anchor)
            else:
                self._titles[key] = find_heading(text, path, anchor)
        return self._titles[key]

    def expand(
        self, path: str, lines: Sequence[str], above: tuple[str, ...], origin: int | None
    ) -> Iterator[Line]:
        """Yield the lines of a file with what it includes, each with its line in the page.

        `above` are the files that it is included by, and itself; `origin` is the page's line that
        includes it, None for the page.
        """
        names = self._names if self._family == "asciidoc" else Names()
        position = 0
        for mark in find_marks(lines, self._family, names):
            self.has_marks = True
            for number in range(position, mark.first):
                yield lines[number], number if origin is None else origin
            at = mark.first if origin is None else origin
            included = self._include(path, mark, above, at)
            if included is None:
                included = self._leave_out(mark, [*lines[mark.first : mark.last + 1]])
            yield from ((text, at) for text in included)
            position = mark.last + 1
        for number in range(position, len(lines)):
            yield lines[number], number if origin is None else origin

    def _leave_out(self, mark: Mark, lines: list[str]) -> list[str]:
        """Return what stands for a mark that is not followed.

        The reader of Markdown leaves out a mark of one line, as its place needs.
        """
        is_known = self._family == "markdown" and len(lines) == 1 and not mark.is_bare
        return lines if is_known else [""] * len(lines)

    def _include(self, path: str, mark: Mark, above: tuple[str, ...], at: int) -> list[str] | None:
        """Return the lines that a mark shows; None, with a warning, where it cannot be followed."""
        target, reason = self._find(path, mark)
        if target is not None and not reason:
            reason = self._check(target, mark, above)
        chosen: list[str] | None = None
        if target is not None and not reason:
            lines = self._texts[target]
            chosen = mark.select(list(lines)) if mark.select else list(lines)
            reason = "" if chosen is not None else "it has no such part"
        if target is None or chosen is None:
            if not mark.is_optional:
                self._warn(at, mark, reason)
            return None
        self._files -= 1
        if mark.is_whole:
            self._whole.add(target)
        if mark.is_text and find_family(target) == "markdown":
            chosen = blank_front_matter("\n".join(chosen)).split("\n")
        chosen = _strip_blank_lines(chosen)
        if self._family == "asciidoc":
            chosen = drop_asciidoc_tags(chosen)
        if mark.is_text:
            chosen = [text for text, _ in self.expand(target, chosen, (*above, target), at)]
        if mark.shift:
            chosen = shift_asciidoc_headings(chosen, mark.shift)
        self._chars -= sum(map(len, chosen)) + len(chosen)
        if self._chars < 0:
            self._warn(at, mark, f"the page includes more than {_MAX_CHARS:,} characters")
            return None
        return _place(chosen, mark, self._family)

    def _check(self, target: str, mark: Mark, above: tuple[str, ...]) -> str:
        """Return why a file that exists may not be included here; empty where it may."""
        if target in above:
            return "it includes itself"
        if mark.is_text and find_family(target) not in {None, self._family}:
            return "it is written in another language"
        if len(above) > _MAX_DEPTH:
            return f"files include each other {_MAX_DEPTH} deep"
        if self._files <= 0 or self._chars < 0:
            return "the page includes too much"
        return ""

    def _find(self, path: str, mark: Mark) -> tuple[str | None, str]:
        """Return the file that a mark means, and why it cannot be read."""
        if not mark.path or is_address(mark.path) or "{" in mark.path or "\\" in mark.path:
            return None, "it is no file of the guide"
        is_outside = False
        for candidate in dict.fromkeys(_list_candidates(path, mark)):
            if candidate is None:
                is_outside = True
                continue
            if any(map(is_ignored, candidate.split("/"))):
                continue
            if candidate not in self._digests:
                self._digests[candidate], text = self._read(candidate)
                if text is not None:
                    self._texts[candidate] = text.split("\n")
            if candidate in self._texts:
                return candidate, ""
            if self._digests[candidate]:
                return None, "it is not text"
        return None, "it is outside the guide" if is_outside else "there is no such file"

    def _read(self, path: str) -> tuple[str, str | None]:
        """Return the digest of a file of the guide, empty without one, and its text if it has."""
        try:
            place = (self._root / path).resolve()
            if not place.is_relative_to(self._root):
                return _NO_FILE
            with files.open_regular(place) as file:
                raw = file.read(_MAX_FILE_BYTES + 1)
        except (OSError, RuntimeError, ValueError):
            return _NO_FILE
        self._bytes -= len(raw)
        if len(raw) > _MAX_FILE_BYTES or self._bytes < 0:
            return _NO_FILE
        digest = hashlib.sha256(raw).hexdigest()
        try:
            return digest, decode_text(path, raw).text
        except GuideError:
            return digest, None

    def _warn(self, at: int, mark: Mark, reason: str) -> None:
        shown = mark.path if len(mark.path) <= 80 else f"{mark.path[:79]}…"
        self._warnings.append((at + 1, f"{shown} is not included here: {reason}."))


def _list_candidates(path: str, mark: Mark) -> Iterator[str | None]:
    """Yield the paths that a mark may mean, the likeliest first; None for one outside the guide."""
    folder = posixpath.dirname(path)
    if (antora := find_antora_path(path, mark.path)) is not None:
        yield join_path("", antora)
        return
    if mark.base != "root":
        yield join_path(folder, mark.path.lstrip("/"))
    if mark.base == "file":
        return
    parts = folder.split("/") if folder else []
    roots = ["/".join(parts[:n]) for n in range(len(parts) + 1)]
    names = mark.path.strip("/").split("/")
    for dropped in range(min(len(names) - 1, _MAX_DROPPED_FOLDERS) + 1):
        name = "/".join(names[dropped:])
        for root in roots:
            for inner in ("", *mark.folders):
                yield join_path(posixpath.join(root, inner), name)


def _list_pages(page: str, target: str) -> Iterator[str]:
    """Yield the paths of pages that an address on a page may mean, the likeliest first."""
    folder = posixpath.dirname(page)
    places: list[str | None]
    if (antora := find_antora_page(page, target)) is not None:
        places = [antora]
    elif target.startswith("/"):
        parts = folder.split("/") if folder else []
        roots = ("/".join(parts[:n]) for n in range(len(parts) + 1))
        places = [join_path(root, target.strip("/")) for root in roots]
    else:
        places = [join_path(folder, target) if target else page]
    endings = ("",) if find_family(target or page) else _PAGE_ENDINGS
    yield from (f"{place}{end}" for place in places if place for end in endings)


def _strip_blank_lines(lines: Sequence[str]) -> list[str]:
    """Return lines without the blank ones around them."""
    shown = [number for number, line in enumerate(lines) if line.strip()]
    return list(lines[shown[0] : shown[-1] + 1]) if shown else []


def _place(chosen: Sequence[str], mark: Mark, family: Family) -> list[str]:
    """Return the lines as the page shows them: as code, under their marker, between two texts."""
    lines = list(chosen)
    if mark.code is not None and family == "rst":
        caption = [f"   :caption: {mark.caption}"] if mark.caption else []
        code = [f"   {line}" if line.strip() else "" for line in lines]
        lines = [f".. code-block:: {mark.code}", *caption, "", *code, ""]
    elif mark.code is not None:
        longest = max((len(run) for line in lines for run in _BACKTICKS.findall(line)), default=2)
        fence = "`" * (longest + 1)
        lines = [f"{fence}{mark.code}{mark.caption}", *lines, fence]
    if mark.is_spaced:
        lines = ["", *lines, ""]
    following = re.sub(r"[^>\s]", " ", mark.before) if _MARKER.fullmatch(mark.before) else ""
    prefixes = [mark.before, *[following] * len(lines)]
    placed = [f"{prefix}{line}" for prefix, line in zip(prefixes, lines or [""], strict=False)]
    placed[-1] += mark.after
    return [line.rstrip() for line in placed]
