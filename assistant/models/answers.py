"""The types of questions, search results and answers: frozen, slotted and checked on creation.

Each is also its own JSON schema: pydantic reads and writes the wire format from these fields.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import (
    Field,
    PlainSerializer,
    PlainValidator,
    Strict,
    StrictBool,
    StrictInt,
    ValidationError,
    computed_field,
)

from assistant.models import wire
from assistant.models.documents import Passage, Resource

Role = Literal["user", "agent"]

MARKER = re.compile(r"\[(\d+)\]")
"""A citation marker, as it stands in an answer's text."""

REFUSAL = "The guide does not answer this."
OTHER_LANGUAGE = (
    "The question seems to be in another language than the guide: ask it in the guide's language."
)
OVERVIEW = "Ask a question about the guide."
"""The text for a reader who has asked none."""

Rounded = Annotated[
    float, Strict(), PlainSerializer(lambda number: round(number, 6), return_type=float)
]
"""A number that is sent with six decimals."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn of a conversation; `sources` are the passage ids the agent quoted, if known."""

    role: Role
    text: str
    sources: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Candidates:
    """Results of the dense and the lexical retriever: (passage number, score), best first."""

    dense: tuple[tuple[int, float], ...]
    lexical: tuple[tuple[int, float], ...]


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a passage ranks where it does; a rank is None where that retriever did not return it."""

    dense_rank: StrictInt | None
    dense: Rounded
    lexical_rank: StrictInt | None
    lexical: Rounded
    matched: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class HitRecord:
    """A hit as JSON has it: the passage's fields beside the hit's own."""

    rank: StrictInt
    passage: str
    path: str
    headings: tuple[str, ...]
    anchor: str
    url: str
    probability: Rounded
    text: str
    why: Reason


@dataclass(frozen=True, slots=True)
class Hit:
    """A retrieved passage: its rank from 1 and the probability that it answers.

    `key` is the passage's number in the index, or -1 for a hit that a server sent.
    """

    passage: Passage
    key: int
    rank: int
    probability: float
    why: Reason

    def to_record(self) -> HitRecord:
        """Return the hit as JSON has it."""
        passage = self.passage
        return HitRecord(
            self.rank,
            passage.id,
            passage.path,
            passage.headings,
            passage.anchor,
            passage.url,
            self.probability,
            passage.text,
            self.why,
        )


def _parse_hit(value: object) -> Hit:
    """Read a hit as JSON has it: without the passage's sentences and its number in an index."""
    if isinstance(value, Hit):
        return value
    record = wire.from_dict(HitRecord, value)
    passage = Passage(
        record.passage,
        record.path,
        record.headings,
        record.anchor,
        record.url,
        record.text,
        sentences=(),
    )
    return Hit(passage, -1, record.rank, record.probability, record.why)


WireHit = Annotated[
    Hit,
    PlainValidator(_parse_hit, json_schema_input_type=HitRecord),
    PlainSerializer(Hit.to_record, return_type=HitRecord),
]


@dataclass(frozen=True, slots=True)
class Citation:
    """A literal quote and its source; `span` is in the passage, `lines` are of the file."""

    n: StrictInt
    passage: str
    path: str
    headings: tuple[str, ...]
    anchor: str
    url: str
    quote: str
    span: tuple[StrictInt, StrictInt]
    lines: tuple[StrictInt, StrictInt]
    sha256: str

    def __post_init__(self) -> None:
        if not self.quote or self.span[1] - self.span[0] != len(self.quote):
            raise ValueError(f"citation {self.n} does not fill its span")


BlockKind = Literal["heading", "paragraph", "list", "table", "code"]


SAFE_URL = re.compile(r"(?:https?://|mailto:)[^\x00-\x20\x7f]+", re.I)
"""The addresses outside the guide that a link may have: others may run a script."""


SpanStyle = Literal["strong", "emphasis", "code"]


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of a block's text: with `url` a link, with `highlight` the words that decide.

    `url` is a web or mail address, or the path of a page of the guide and its anchor. `styles` are
    what the guide makes of the words: bold, emphasised or code.
    """

    text: str
    url: str = ""
    highlight: StrictBool = False
    styles: tuple[SpanStyle, ...] = ()


Cell = tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class BlockRow:
    """A row of a table, an item of a list with its marker and depth, or the text of a block.

    A further paragraph of an item has no marker, nor has code in an item: `is_code`. `level` is 0
    for an item that is under no other. `citation` is the number of its quote.
    """

    cells: tuple[Cell, ...]
    marker: str = ""
    level: StrictInt = 0
    is_code: StrictBool = False
    citation: StrictInt = 0

    @property
    def text(self) -> str:
        """The text of its cells."""
        return " ".join("".join(span.text for span in cell) for cell in self.cells)


@dataclass(frozen=True, slots=True)
class Block:
    """A verbatim unit of the guide in an answer, with the numbers of its citations.

    A list and a table have a row for each item or row that is shown, of `total` in the guide; the
    other kinds have one row with one cell. `header` is the header of a table; empty without one.
    """

    kind: BlockKind
    citations: tuple[StrictInt, ...]
    rows: tuple[BlockRow, ...]
    header: tuple[Cell, ...] = ()
    total: StrictInt = 0

    def numbered_rows(self, ended: Sequence[int]) -> list[tuple[BlockRow, tuple[int, ...]]]:
        """Each row, with the numbers among `ended` of which it is the last row.

        A number without a row of its own is at the last one.
        """
        last = {row.citation: n for n, row in enumerate(self.rows)}
        places = [last.get(number, len(self.rows) - 1) for number in ended]
        return [
            (row, tuple(number for number, at in zip(ended, places, strict=True) if at == n))
            for n, row in enumerate(self.rows)
        ]

    @property
    def shown(self) -> int:
        """The number of rows, or of items: the first may lack its marker where it is cut."""
        if self.kind != "list":
            return len(self.rows)
        return sum(not n or bool(row.marker) for n, row in enumerate(self.rows))


@dataclass(frozen=True, slots=True)
class Related:
    """A section close to the question, offered but not quoted."""

    path: str
    headings: tuple[str, ...]
    anchor: str
    url: str


@dataclass(frozen=True, slots=True)
class Answer:
    """The guide's answer to a question: quotes with their sources, or an honest no.

    `found` is true exactly when there is a citation. The text consists of the quotes and their
    markers and nothing else, so it cannot claim what no source says. `missing` are the sides of a
    comparison, or the words of a question without an answer, that the guide does not mention;
    `next_questions` are others that it answers.
    `other_readings` are the question with its acronyms read in other ways that the guide answers,
    likeliest first; it is empty where one reading is left. `blocks` are the quotes with their
    structure; an answer that an earlier version stored has none. `is_overview` is true where the
    text asked nothing: `related` are then the guide's top sections. `is_other_language` is true
    where there is no answer and the question is in another language than the guide.
    `writer` is how the text is made: "extractive", by quoting. `degraded` are the warnings that
    hold for the answer: an index that is out of date or damaged, or a slow encoder.
    """

    question: str
    understood_as: str
    found: StrictBool
    citations: tuple[Citation, ...]
    confidence: Annotated[Rounded, Field(ge=0, le=1)]
    resources: tuple[Resource, ...]
    related: tuple[Related, ...]
    hits: Annotated[tuple[WireHit, ...], Field(exclude=True)]
    missing: Annotated[
        tuple[str, ...],
        Field(description="Sides of a comparison, or words, that the guide does not mention."),
    ]
    next_questions: tuple[str, ...]
    writer: str
    degraded: tuple[str, ...]
    generation: Annotated[str, Field(description="The version of the index that answered.")]
    seconds: Rounded
    other_readings: tuple[str, ...] = ()
    blocks: Annotated[
        tuple[Block, ...],
        Field(description="The quotes as paragraphs, lists, tables and code, with their links."),
    ] = ()
    is_overview: Annotated[
        StrictBool,
        Field(description="Whether nothing was asked: related are then the guide's top sections."),
    ] = False
    is_other_language: Annotated[
        StrictBool,
        Field(description="Whether an unanswered question is in another language than the guide."),
    ] = False

    def __post_init__(self) -> None:
        if self.found != bool(self.citations):
            raise ValueError("an answer is found exactly when it cites something")
        if [citation.n for citation in self.citations] != list(range(1, len(self.citations) + 1)):
            raise ValueError("citations are not numbered from 1")
        if not 0.0 <= self.confidence <= 1.0:
            raise ValueError(f"confidence {self.confidence} is not a probability")

    @computed_field(description="The quotes, each with its marker [n].")  # type: ignore[prop-decorator]
    @property
    def text(self) -> str:
        """The answer to read: each quote with its marker, or the refusal."""
        if not self.found:
            return OVERVIEW if self.is_overview else REFUSAL
        return "\n\n".join(f"{citation.quote} [{citation.n}]" for citation in self.citations)

    @property
    def quoted_blocks(self) -> tuple[Block, ...]:
        """The blocks; for an answer that was stored without them, a paragraph for each line."""
        return self.blocks or tuple(
            Block("paragraph", (citation.n,), (BlockRow(((Span(line),),)),))
            for citation in self.citations
            for line in citation.quote.splitlines()
            if line.strip()
        )

    @property
    def numbered_blocks(self) -> list[tuple[Block, tuple[int, ...]]]:
        """Each block, with the numbers of the citations of which it is the last block."""
        blocks = self.quoted_blocks
        last = {number: block for block in blocks for number in block.citations}
        return [(block, tuple(n for n in block.citations if last[n] is block)) for block in blocks]

    @property
    def grouped_blocks(self) -> list[list[tuple[Block, tuple[int, ...]]]]:
        """The numbered blocks, those together that share sources with the one before."""
        groups: list[list[tuple[Block, tuple[int, ...]]]] = []
        before: set[int] = set()
        for block, ended in self.numbered_blocks:
            if not before & set(block.citations):
                groups.append([])
            groups[-1].append((block, ended))
            before = set(block.citations)
        return groups

    @property
    def note(self) -> str:
        """A sentence on what the guide does not mention, or on the question's language."""
        if self.is_other_language:
            return OTHER_LANGUAGE
        names = [f"“{name}”" for name in self.missing]
        return f"The guide does not mention {' or '.join(names)}." if names else ""

    @property
    def turns(self) -> tuple[Turn, Turn]:
        """The two turns that this answer adds to a conversation."""
        sources = tuple(citation.passage for citation in self.citations)
        return Turn("user", self.question), Turn("agent", self.text, sources)

    def __str__(self) -> str:
        notes = [f"[{c.n}] {' > '.join(c.headings)} ({c.url})" for c in self.citations]
        return "\n\n".join(filter(None, [self.text, self.note, "\n".join(notes)]))

    def _repr_html_(self) -> str:
        """Return the answer for a notebook: nothing in it runs or is fetched."""
        from assistant.models import notebook

        return notebook.render_answer(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Answer:
        """Read an answer that `to_dict` wrote, without its hits.

        Its text is rebuilt from its quotes; fields that an answer does not have are ignored. Raises
        ValueError where a field is missing or of another type.
        """
        try:
            return wire.from_dict(Answer, {**data, "hits": ()})
        except (TypeError, ValidationError) as error:
            raise ValueError(f"this is not an answer: {error}") from error

    def to_dict(self) -> dict[str, Any]:
        """Return the answer as JSON types, without its hits: the form of every interface."""
        return wire.to_dict(self)


@dataclass(frozen=True, slots=True)
class Search:
    """The passages retrieved for a question, best first."""

    question: str
    understood_as: str
    hits: tuple[WireHit, ...]

    def __iter__(self) -> Iterator[Hit]:
        return iter(self.hits)

    def __len__(self) -> int:
        return len(self.hits)

    def __getitem__(self, index: int) -> Hit:
        return self.hits[index]

    def _repr_html_(self) -> str:
        """Return the passages for a notebook: nothing in it runs or is fetched."""
        from assistant.models import notebook

        return notebook.render_search(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Search:
        """Read a search that `to_dict` wrote: its passages have no sentences.

        Raises ValueError where a field is missing or of another type.
        """
        try:
            return wire.from_dict(Search, data)
        except ValidationError as error:
            raise ValueError(f"this is not a search: {error}") from error

    def to_dict(self) -> dict[str, Any]:
        """Return the search as JSON types."""
        return wire.to_dict(self)
