"""The types that flow between modules: frozen, slotted, and checked when made.

Knows what a page, section, passage, resource, hit, citation and answer are.
Must not know how any of them is read, stored, ranked or shown.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from assistant import fields, notebook

SentenceKind = Literal["heading", "prose", "item", "header", "row", "code", "quote"]
BlockKind = Literal["heading", "prose", "item", "header", "row", "code", "quote", "break"]
ResourceKind = Literal["article", "book", "video", "form", "page"]
Role = Literal["user", "agent"]

MARKER = re.compile(r"\[(\d+)\]")
"""A citation marker, as it stands in an answer's text."""

REFUSAL = "The guide does not answer this."


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
    minutes: int | None
    path: str
    headings: tuple[str, ...]
    anchor: str

    @property
    def markup(self) -> str:
        """The resource as a notebook shows it."""
        minutes = f", {self.minutes} min" if self.minutes else ""
        return f"{notebook.link(self.url, self.title)} ({self.kind}{minutes})"

    def to_dict(self) -> dict[str, Any]:
        """The resource as JSON types."""
        return fields.written(self)


@dataclass(frozen=True, slots=True)
class Oddity:
    """Something in a file that was read around rather than through; `unread`: the whole file."""

    path: str
    line: int
    what: str
    unread: bool = False


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
class PageRead:
    """What one file of the guide reads into."""

    page: Page
    links: PageLinks
    sections: tuple[Section, ...]
    passages: tuple[Passage, ...]
    resources: tuple[Resource, ...]
    oddities: tuple[Oddity, ...]


@dataclass(frozen=True, slots=True)
class Guide:
    """A whole guide as read from its folder, everything in document order."""

    pages: tuple[Page, ...]
    sections: tuple[Section, ...]
    passages: tuple[Passage, ...]
    resources: tuple[Resource, ...]
    oddities: tuple[Oddity, ...]


@dataclass(frozen=True, slots=True)
class Turn:
    """One thing said earlier in the talk; `sources` are passage ids the agent quoted, if known."""

    role: Role
    text: str
    sources: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Candidates:
    """What the two arms of the search found: (passage number, score), best first."""

    dense: tuple[tuple[int, float], ...]
    lexical: tuple[tuple[int, float], ...]


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a passage ranks where it does; a rank is None where that arm did not find it."""

    dense_rank: int | None
    dense: float
    lexical_rank: int | None
    lexical: float
    matched: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """The reason as JSON types."""
        return {
            "dense_rank": self.dense_rank,
            "dense": round(self.dense, 6),
            "lexical_rank": self.lexical_rank,
            "lexical": round(self.lexical, 6),
            "matched": list(self.matched),
        }


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage that was found: its rank from 1 and the probability that it answers."""

    passage: Passage
    key: int
    rank: int
    probability: float
    why: Reason

    def to_dict(self) -> dict[str, Any]:
        """The hit as JSON types."""
        passage = self.passage
        return {
            "rank": self.rank,
            "passage": passage.id,
            "path": passage.path,
            "headings": list(passage.headings),
            "anchor": passage.anchor,
            "url": passage.url,
            "probability": round(self.probability, 6),
            "text": passage.text,
            "why": self.why.to_dict(),
        }


@dataclass(frozen=True, slots=True)
class Citation:
    """A literal quote and where it stands; `span` is in the passage, `lines` in the file."""

    n: int
    passage: str
    path: str
    headings: tuple[str, ...]
    anchor: str
    url: str
    quote: str
    span: tuple[int, int]
    lines: tuple[int, int]
    sha256: str

    def __post_init__(self) -> None:
        if not self.quote or self.span[1] - self.span[0] != len(self.quote):
            raise ValueError(f"citation {self.n} does not fill its span")

    def to_dict(self) -> dict[str, Any]:
        """The citation as JSON types."""
        return fields.written(self)


@dataclass(frozen=True, slots=True)
class Related:
    """A section close to the question, offered but not quoted."""

    path: str
    headings: tuple[str, ...]
    anchor: str
    url: str

    def to_dict(self) -> dict[str, Any]:
        """The section as JSON types."""
        return fields.written(self)


@dataclass(frozen=True, slots=True)
class Answer:
    """What the guide says to a question: quotes with their sources, or an honest no.

    Found means at least one citation; not found means none. The text is made of the quotes
    and their markers and nothing else, so it cannot claim what no source says. `missing` are the
    sides of a comparison that the guide does not speak of, `next_questions` what it also answers.
    `other_readings` is the question as it would be understood were its acronyms others of the
    guide's, likeliest first: only what the guide answers, and nothing where one reading is left.
    """

    question: str
    understood_as: str
    found: bool
    citations: tuple[Citation, ...]
    confidence: float
    resources: tuple[Resource, ...]
    related: tuple[Related, ...]
    hits: tuple[Hit, ...]
    missing: tuple[str, ...]
    next_questions: tuple[str, ...]
    writer: str
    degraded: tuple[str, ...]
    generation: str
    seconds: float
    other_readings: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.found != bool(self.citations):
            raise ValueError("an answer is found exactly when it cites something")
        if [citation.n for citation in self.citations] != list(range(1, len(self.citations) + 1)):
            raise ValueError("citations are not numbered from 1")
        if not 0.0 <= self.confidence <= 1.0:
            raise ValueError(f"confidence {self.confidence} is not a probability")

    @property
    def text(self) -> str:
        """The answer to read: each quote with its marker, or the refusal."""
        if not self.found:
            return REFUSAL
        return "\n\n".join(f"{citation.quote} [{citation.n}]" for citation in self.citations)

    @property
    def gap(self) -> str:
        """What is to be said of the missing sides; empty where none is missing."""
        named = " or ".join(f"“{side}”" for side in self.missing)
        return f"The guide does not speak of {named}." if named else ""

    @property
    def turns(self) -> tuple[Turn, Turn]:
        """The exchange as the talk goes on from it."""
        sources = tuple(citation.passage for citation in self.citations)
        return Turn("user", self.question), Turn("agent", self.text, sources)

    def __str__(self) -> str:
        notes = [f"[{c.n}] {' > '.join(c.headings)} ({c.url})" for c in self.citations]
        return "\n\n".join(filter(None, [self.text, self.gap, "\n".join(notes)]))

    def _repr_html_(self) -> str:
        """The answer as a notebook shows it: nothing in it runs, or is fetched."""
        read = "" if self.understood_as == self.question else f"Understood as: {self.understood_as}"
        quotes = [notebook.quotation(c.quote, c.n) for c in self.citations]
        sources = [notebook.link(c.url, " > ".join(c.headings)) for c in self.citations]
        nearest = () if self.found else self.related
        return notebook.framed(
            notebook.paragraph(notebook.text(read)),
            *(quotes or [notebook.paragraph(notebook.text(REFUSAL))]),
            notebook.paragraph(notebook.text(self.gap)),
            notebook.listed("", sources, numbered=True),
            notebook.listed("The guide recommends:", (r.markup for r in self.resources)),
            notebook.listed("Did you mean:", map(notebook.text, self.other_readings)),
            notebook.listed(
                "The nearest sections:",
                (notebook.link(section.url, " > ".join(section.headings)) for section in nearest),
            ),
            notebook.listed("You can also ask:", map(notebook.text, self.next_questions)),
        )

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Answer:
        """The answer that `to_dict` wrote, but for its hits.

        Its text is made anew of its quotes. Raises ValueError where it was not written so.
        """
        try:
            own = {name: value for name, value in data.items() if name != "text"}
            answer: Answer = fields.read(cls, {**own, "hits": []})
        except (AttributeError, KeyError, TypeError) as error:
            raise ValueError(f"this is no answer: {error!r}") from error
        return answer

    def to_dict(self) -> dict[str, Any]:
        """The answer as JSON types: the one form every door hands out."""
        return {
            "question": self.question,
            "understood_as": self.understood_as,
            "other_readings": list(self.other_readings),
            "found": self.found,
            "text": self.text,
            "confidence": round(self.confidence, 6),
            "citations": [citation.to_dict() for citation in self.citations],
            "resources": [resource.to_dict() for resource in self.resources],
            "related": [section.to_dict() for section in self.related],
            "missing": list(self.missing),
            "next_questions": list(self.next_questions),
            "writer": self.writer,
            "degraded": list(self.degraded),
            "generation": self.generation,
            "seconds": round(self.seconds, 6),
        }


@dataclass(frozen=True, slots=True)
class Search:
    """The passages found for a question, best first, and how the question was understood."""

    question: str
    understood_as: str
    hits: tuple[Hit, ...]

    def __iter__(self) -> Iterator[Hit]:
        return iter(self.hits)

    def __len__(self) -> int:
        return len(self.hits)

    def __getitem__(self, place: int) -> Hit:
        return self.hits[place]

    def _repr_html_(self) -> str:
        """The passages as a notebook shows them: nothing in it runs, or is fetched."""
        items = (
            f"{notebook.link(hit.passage.url, hit.passage.heading_path)} ({hit.probability:.0%})"
            f"<br>{notebook.text(hit.passage.excerpt)}"
            for hit in self.hits
        )
        return notebook.framed(notebook.listed(self.understood_as, items, numbered=True))

    def to_dict(self) -> dict[str, Any]:
        """The search as JSON types."""
        return {
            "question": self.question,
            "understood_as": self.understood_as,
            "hits": [hit.to_dict() for hit in self.hits],
        }
