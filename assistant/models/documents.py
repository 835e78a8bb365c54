"""The types that a guide is read into: blocks, pages, sections, passages, links, resources.

A reader turns a file into a `Block` for each heading, paragraph, item, row and code block. The
guide turns blocks into a `Page` with its `Section`s, and each section into one or more `Passage`s,
which are searched and quoted. All `lines` are 1-based and inclusive, in the page's text.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from pydantic import StrictInt

if TYPE_CHECKING:
    from collections.abc import Sequence

SentenceKind = Literal["heading", "prose", "item", "header", "row", "code", "quote"]

BlockKind = Literal[
    "heading", "description", "prose", "item", "header", "row", "code", "quote", "break"
]

MarkupKind = Literal["link", "strong", "emphasis", "code", "cell"]

GroupKind = Literal["list", "table"]

ResourceKind = Literal["article", "book", "video", "form", "page"]


@dataclass(frozen=True, slots=True)
class Link:
    """A link inside a block: its text and its address."""

    title: str
    url: str


class Markup(NamedTuple):
    """Inline markup: its start and end in a text, its kind, and the address of a link as written.

    Each cell of a row is marked as well; one that is empty has its place alone.
    """

    start: int
    end: int
    kind: MarkupKind
    url: str = ""


@dataclass(frozen=True, slots=True)
class Block:
    """One piece of a page, such as a paragraph: its kind, plain text and lines.

    `level` is 1 to 6 for a heading, and the depth of an item in its list. `marker` is the bullet or
    number of an item. `group` is the same for all items of a list, and for all rows of a table.
    `anchor` is an explicit heading id. `links` include those without words, such as videos; the
    places of the others are in `markup`. `icons` are the sources of images in the block.
    """

    kind: BlockKind
    text: str
    lines: tuple[int, int]
    level: int = 0
    marker: str = ""
    group: int = 0
    anchor: str = ""
    links: tuple[Link, ...] = ()
    icons: tuple[str, ...] = ()
    markup: tuple[Markup, ...] = ()


class LineMap(NamedTuple):
    """Leads from the lines of a page's text, with what it includes, to those of its file.

    Each run is the first of some lines in the text, the line of the first in the file, and whether
    each line has one of its own there. Without runs both are the same.
    """

    runs: tuple[tuple[int, int, bool], ...] = ()

    @classmethod
    def make(cls, origins: Sequence[int]) -> LineMap:
        """Make the map of a text whose lines are, in order, from these lines of the file."""
        runs: list[tuple[int, int, bool]] = []
        for number, origin in enumerate(origins, 1):
            before = origins[number - 2] if number > 1 else 0
            counts = origin == before + 1
            if not runs or origin not in {before, before + 1} or counts != runs[-1][2]:
                runs.append((number, origin, counts))
        return cls() if runs == [(1, 1, True)] else cls(tuple(runs))

    def find(self, line: int) -> int:
        """Return the line of the file that a line of the text is from."""
        at = bisect_right(self.runs, line, key=lambda run: run[0])
        if at == 0:
            return line
        first, origin, counts = self.runs[at - 1]
        return origin + (line - first if counts else 0)

    def find_range(self, lines: tuple[int, int]) -> tuple[int, int]:
        """Return the first and the last line of the file that lines of the text are from."""
        return self.find(lines[0]), self.find(lines[1])


NO_LINE_MAP = LineMap()
"""The map of a text that is its file's, line for line."""


@dataclass(frozen=True, slots=True)
class Page:
    """One file of the guide, by its path in the folder.

    `url` is where the page is published, else its path; `sha256` the digest of the file and of what
    it includes; `text` the decoded text with what it includes, which all `lines` count. `language`
    is a lower-case code like `de` or `pt-br`, or empty. `line_map` leads to the lines of the file.
    """

    path: str
    title: str
    url: str
    sha256: str
    text: str
    language: str = ""
    line_map: LineMap = NO_LINE_MAP


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and what is under it; `headings` is the path of headings from the page's title."""

    path: str
    headings: tuple[str, ...]
    anchor: str
    url: str
    lines: tuple[int, int]


class Sentence(NamedTuple):
    """A quotable piece of a passage: its start and end in the text, its kind and its lines.

    It is a tuple because a question creates 150, and a dataclass takes three times as long to
    create.
    """

    start: int
    end: int
    kind: SentenceKind
    lines: tuple[int, int]


class Group(NamedTuple):
    """A list or a table that a passage has, or has a part of.

    `first` and `last` are its sentences here. `number` is its number in the section, and `total`
    how many items or rows it has in all passages. `header` is where its header is: the number of
    the passage in the section, and of the sentence there. `header_text` is the header of a table
    that goes on from another passage: it is searched here too.
    """

    first: int
    last: int
    kind: GroupKind
    number: int
    total: int
    header: tuple[int, int] | None = None
    header_text: str = ""


class Structure(NamedTuple):
    """The inline markup of a passage in order, of which one may contain others, and its groups."""

    markup: tuple[Markup, ...] = ()
    groups: tuple[Group, ...] = ()

    def pack(self) -> str:
        """Write it as a passage has it; empty where there is nothing."""
        if not self.markup and not self.groups:
            return ""
        return json.dumps(self, ensure_ascii=False, separators=(",", ":"))

    @classmethod
    @lru_cache(maxsize=64)
    def unpack(cls, text: str) -> Structure:
        """Read what `pack` wrote; a few are stored, because each line of a quote needs it."""
        markup, groups = json.loads(text) if text else ((), ())
        return cls(
            tuple(Markup(*item) for item in markup),
            tuple(
                Group(first, last, kind, number, total, (at[0], at[1]) if at else None, header_text)
                for first, last, kind, number, total, at, header_text in groups
            ),
        )


@dataclass(frozen=True, slots=True)
class Passage:
    """The unit of search: the plain text of a section, or of a part of it.

    `id` is `path#anchor/n`, with n from 1 within the section. The first passage of a section opens
    with its heading. `sentences` are in order, do not overlap, and are slices of `text`.
    `lists_resources` is true where most of the section's blocks are resources. `structure` is a
    packed `Structure`: a question loads fifty passages, and needs that of the quoted ones.
    """

    id: str
    path: str
    headings: tuple[str, ...]
    anchor: str
    url: str
    text: str
    sentences: tuple[Sentence, ...]
    lists_resources: bool = False
    language: str = ""
    structure: str = ""

    def __post_init__(self) -> None:
        end = 0
        for sentence in self.sentences:
            if not end <= sentence.start < sentence.end <= len(self.text):
                raise ValueError(f"sentence {sentence} does not slice passage {self.id}")
            end = sentence.end

    def __reduce__(self) -> tuple[type[Passage], tuple[Any, ...]]:
        return Passage, (
            self.id, self.path, self.headings, self.anchor, self.url, self.text, self.sentences,
            self.lists_resources, self.language, self.structure,
        )  # fmt: skip

    @property
    def markup(self) -> tuple[Markup, ...]:
        """Its links, bold and emphasised words, inline code, and the cells of its rows."""
        return Structure.unpack(self.structure).markup

    @property
    def links(self) -> tuple[Markup, ...]:
        """Its links."""
        return tuple(item for item in self.markup if item.kind == "link")

    def cells(self, row: Sentence) -> tuple[Markup, ...]:
        """Return the cells of a row, also the empty ones; none for any other sentence."""
        start, end = row.start, row.end
        return tuple(
            item
            for item in self.markup
            if item.kind == "cell" and start <= item.start and item.end <= end
        )

    @property
    def groups(self) -> tuple[Group, ...]:
        """Its lists and tables."""
        return Structure.unpack(self.structure).groups

    @property
    def heading(self) -> str:
        """The passage's own heading, without the ones above it."""
        return self.headings[-1]

    @property
    def search_text(self) -> str:
        """The heading path and the text: what is encoded, and indexed with its path's words.

        The header of a table that goes on from another passage stands before its rows.
        """
        return "\n".join((self.heading_path, *self.continued_headers, self.body))

    @property
    def continued_headers(self) -> tuple[str, ...]:
        """The headers of the tables that go on from another passage."""
        return tuple(group.header_text for group in self.groups if group.header_text)

    @property
    def excerpt(self) -> str:
        """The start of the text, on one line."""
        return " ".join(self.body.split())[:200]

    @property
    def heading_path(self) -> str:
        """The headings from the page's title down, as one line."""
        return " > ".join(self.headings)

    @property
    def body(self) -> str:
        """The text without its heading."""
        opens_with_heading = bool(self.sentences) and self.sentences[0].kind == "heading"
        return self.text[self.sentences[0].end :].lstrip() if opens_with_heading else self.text

    @property
    def sentence_texts(self) -> list[str]:
        """The texts to encode for each sentence: the heading first, since few make sense alone."""
        return [
            self.slice(sentence)
            if sentence.kind == "heading"
            else f"{self.heading}: {self.slice(sentence)}"
            for sentence in self.sentences
        ]

    def slice(self, sentence: Sentence) -> str:
        """Return the text of a sentence."""
        return self.text[sentence.start : sentence.end]


@dataclass(frozen=True, slots=True)
class Resource:
    """A recommendation of the guide: a link with a title, and the section that lists it."""

    title: str
    url: str
    kind: ResourceKind
    minutes: StrictInt | None
    path: str
    headings: tuple[str, ...]
    anchor: str


@dataclass(frozen=True, slots=True)
class GuideWarning:
    """A problem in a file, at a line; with `unreadable`, the whole file was skipped.

    With `is_draft` it was skipped because its author does not publish it.
    """

    path: str
    line: int
    message: str
    unreadable: bool = False
    is_draft: bool = False


@dataclass(frozen=True, slots=True)
class PageLinks:
    """What link checks need of a page: its permalink, its anchors, and its internal links.

    `permalink` is declared by the page, or empty. `links` are (line, address as written).
    """

    path: str
    permalink: str
    anchors: tuple[str, ...]
    links: tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True)
class ParsedPage:
    """Everything that one file of the guide is read into."""

    page: Page
    links: PageLinks
    sections: tuple[Section, ...]
    passages: tuple[Passage, ...]
    resources: tuple[Resource, ...]
    warnings: tuple[GuideWarning, ...]


@dataclass(frozen=True, slots=True)
class Guide:
    """A whole guide, everything in document order."""

    pages: tuple[Page, ...]
    sections: tuple[Section, ...]
    passages: tuple[Passage, ...]
    resources: tuple[Resource, ...]
    warnings: tuple[GuideWarning, ...]
