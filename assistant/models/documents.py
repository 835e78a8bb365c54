"""The types of a guide that was read: pages, sections, passages, links and resources."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from pydantic import StrictInt

SentenceKind = Literal["heading", "prose", "item", "header", "row", "code", "quote"]

BlockKind = Literal["heading", "prose", "item", "header", "row", "code", "quote", "break"]

ResourceKind = Literal["article", "book", "video", "form", "page"]


@dataclass(frozen=True, slots=True)
class Link:
    """A link inside a block: the words it is on and where it goes."""

    title: str
    url: str


@dataclass(frozen=True, slots=True)
class Block:
    """A piece of a page a reader sees as one: its plain text, kind and 1-based lines.

    `level` is a heading's 1 to 6, or how deep a list item lies. `marker` is what stands before
    an item. `icons` are the sources of the images in it; `anchor` an explicit heading id.
    `group` is equal for the items of one list, or the rows of one table.
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


@dataclass(frozen=True, slots=True)
class Page:
    """One file of the guide: its path in the folder, title, link, digest, text and language.

    `language` is a lower-case code like `de` or `pt-br`; empty where the page does not say.
    """

    path: str
    title: str
    url: str
    sha256: str
    text: str
    language: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and what stands under it; `lines` are 1-based and inclusive."""

    path: str
    headings: tuple[str, ...]
    anchor: str
    url: str
    lines: tuple[int, int]


class Sentence(NamedTuple):
    """A quotable piece of a passage: its characters, what it is, and its lines in the file.

    A tuple, which is made in a third of a dataclass's time: a question makes 150 of them.
    """

    start: int
    end: int
    kind: SentenceKind
    lines: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Passage:
    """What is searched and quoted: plain text of one section, or of a part of it.

    `id` is `path#anchor/n`, counting from 1 inside the section. The first passage of a section
    opens with its heading. `sentences` are in order and do not overlap; each slices out of `text`.
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

    def __post_init__(self) -> None:
        end = 0
        for sentence in self.sentences:
            if not end <= sentence.start < sentence.end <= len(self.text):
                raise ValueError(f"sentence {sentence} does not slice passage {self.id}")
            end = sentence.end

    def __reduce__(self) -> tuple[type[Passage], tuple[Any, ...]]:
        return Passage, (
            self.id, self.path, self.headings, self.anchor, self.url, self.text, self.sentences,
            self.lists_resources, self.language,
        )  # fmt: skip

    @property
    def heading(self) -> str:
        """The passage's own heading, without the ones above it."""
        return self.headings[-1]

    @property
    def search_text(self) -> str:
        """Heading path and text: the only words either arm of the search sees."""
        return f"{self.heading_path}\n{self.body}"

    @property
    def excerpt(self) -> str:
        """How the text begins, on one line."""
        return " ".join(self.body.split())[:200]

    @property
    def heading_path(self) -> str:
        """The headings from the page's title down, as one line."""
        return " > ".join(self.headings)

    @property
    def body(self) -> str:
        """The text without the heading it may open with."""
        opens_with_heading = bool(self.sentences) and self.sentences[0].kind == "heading"
        return self.text[self.sentences[0].end :].lstrip() if opens_with_heading else self.text

    @property
    def sentence_texts(self) -> list[str]:
        """What is encoded of each sentence: its heading before it, since few stand alone."""
        return [
            self.slice(sentence)
            if sentence.kind == "heading"
            else f"{self.heading}: {self.slice(sentence)}"
            for sentence in self.sentences
        ]

    def slice(self, sentence: Sentence) -> str:
        """The sentence's own characters."""
        return self.text[sentence.start : sentence.end]


@dataclass(frozen=True, slots=True)
class Resource:
    """Something the guide recommends: a link with a title, and the section that lists it."""

    title: str
    url: str
    kind: ResourceKind
    minutes: StrictInt | None
    path: str
    headings: tuple[str, ...]
    anchor: str


@dataclass(frozen=True, slots=True)
class GuideWarning:
    """Something in a file that was read around rather than through; `unread`: the whole file."""

    path: str
    line: int
    message: str
    unreadable: bool = False


@dataclass(frozen=True, slots=True)
class PageLinks:
    """How a page is linked and linked to: its own address, its anchors, its links by line.

    `permalink` is the address the page gives itself, if any. `links` are those that stay inside
    the guide, as written.
    """

    path: str
    permalink: str
    anchors: tuple[str, ...]
    links: tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True)
class ParsedPage:
    """What one file of the guide reads into."""

    page: Page
    links: PageLinks
    sections: tuple[Section, ...]
    passages: tuple[Passage, ...]
    resources: tuple[Resource, ...]
    warnings: tuple[GuideWarning, ...]


@dataclass(frozen=True, slots=True)
class Guide:
    """A whole guide as read from its folder, everything in document order."""

    pages: tuple[Page, ...]
    sections: tuple[Section, ...]
    passages: tuple[Passage, ...]
    resources: tuple[Resource, ...]
    warnings: tuple[GuideWarning, ...]
