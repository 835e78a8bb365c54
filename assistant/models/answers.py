"""The types of a question and its answer: turns, hits, citations and the answer itself."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from assistant.models import fields, notebook
from assistant.models.documents import (
    Passage,
    Resource,
)

Role = Literal["user", "agent"]

MARKER = re.compile(r"\[(\d+)\]")
"""A citation marker, as it stands in an answer's text."""

REFUSAL = "The guide does not answer this."


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
    def missing_note(self) -> str:
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
        return "\n\n".join(filter(None, [self.text, self.missing_note, "\n".join(notes)]))

    def _repr_html_(self) -> str:
        """The answer as a notebook shows it: nothing in it runs, or is fetched."""
        read = "" if self.understood_as == self.question else f"Understood as: {self.understood_as}"
        quotes = [notebook.render_quote(c.quote, c.n) for c in self.citations]
        sources = [notebook.render_link(c.url, " > ".join(c.headings)) for c in self.citations]
        nearest = () if self.found else self.related
        return notebook.render_frame(
            notebook.render_paragraph(notebook.escape(read)),
            *(quotes or [notebook.render_paragraph(notebook.escape(REFUSAL))]),
            notebook.render_paragraph(notebook.escape(self.missing_note)),
            notebook.render_list("", sources, numbered=True),
            notebook.render_list(
                "The guide recommends:", (r.notebook_html for r in self.resources)
            ),
            notebook.render_list("Did you mean:", map(notebook.escape, self.other_readings)),
            notebook.render_list(
                "The nearest sections:",
                (
                    notebook.render_link(section.url, " > ".join(section.headings))
                    for section in nearest
                ),
            ),
            notebook.render_list("You can also ask:", map(notebook.escape, self.next_questions)),
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

    def __getitem__(self, index: int) -> Hit:
        return self.hits[index]

    def _repr_html_(self) -> str:
        """The passages as a notebook shows them: nothing in it runs, or is fetched."""
        items = (
            f"{notebook.render_link(hit.passage.url, hit.passage.heading_path)} ({hit.probability:.0%})"
            f"<br>{notebook.escape(hit.passage.excerpt)}"
            for hit in self.hits
        )
        return notebook.render_frame(notebook.render_list(self.understood_as, items, numbered=True))

    def to_dict(self) -> dict[str, Any]:
        """The search as JSON types."""
        return {
            "question": self.question,
            "understood_as": self.understood_as,
            "hits": [hit.to_dict() for hit in self.hits],
        }
