"""The frozen types that question analysis hands to retrieval and answering."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

from assistant.text.tokenize import extract_terms

if TYPE_CHECKING:
    from assistant.encoders.base import Vectors
    from assistant.models.documents import ResourceKind

QuestionType = Literal[
    "comparison", "choice", "definition", "list", "steps", "resources", "yesno", "other"
]

TextVectors = Mapping[str, "Vectors"]
"""The unit vector of each text of an analysis."""


@dataclass(frozen=True, slots=True)
class Question:
    """A stand-alone question and its type.

    `subjects` are the things it is about, as written: two for a comparison, at most one otherwise.
    A choice asks which kind of its subject something holds for. `resource_kind` and `topic` belong
    to a request for something to read: the kind asked for, None for any, and what it is about.
    """

    text: str
    type: QuestionType
    subjects: tuple[str, ...] = ()
    resource_kind: ResourceKind | None = None
    topic: str = ""


@dataclass(frozen=True, slots=True)
class Query:
    """The search terms of one interpretation, and what its answer has to contain.

    `expansions` are terms that the question implies without writing them: they are searched for,
    and no passage is penalised for lacking them. `bigrams` are its neighbouring terms. `focus` is
    the stem of the thing to be named, empty for none. `answer_type` is what the answer has to
    contain: a date, a number, a name, or empty for anything. `about_changes` says whether the
    question is about what changed, or about a version.
    """

    terms: tuple[str, ...]
    expansions: tuple[str, ...] = ()
    bigrams: tuple[tuple[str, str], ...] = ()
    focus: str = ""
    answer_type: str = ""
    about_changes: bool = False

    @classmethod
    def from_text(
        cls,
        text: str,
        *,
        expansions: Sequence[str] = (),
        focus: str = "",
        answer_type: str = "",
        about_changes: bool = False,
    ) -> Query:
        """Build the query of a text."""
        stems = extract_terms(text)
        terms = tuple(dict.fromkeys(stems))
        implied = tuple(term for term in dict.fromkeys(expansions) if term not in terms)
        return cls(terms, implied, tuple(pairwise(stems)), focus, answer_type, about_changes)

    @property
    def all_terms(self) -> tuple[str, ...]:
        """All terms to match: those written, the expansions and the focus, each once."""
        return tuple(dict.fromkeys((*self.terms, *self.expansions, *filter(None, (self.focus,)))))


Source = Literal["rewrite", "guess", "question", "conversation"]


@dataclass(frozen=True, slots=True)
class ContentTerm:
    """A term that says what a question is about.

    `log_rank` says how rare its word is in general language: 1 for a common word, 4 for one of
    which the encoder knows parts only.
    """

    term: str
    log_rank: float


@dataclass(frozen=True, slots=True)
class Interpretation:
    """One interpretation of a sub-query: its acronyms expanded and its spelling corrected.

    `search_text` is the text without polite phrases, as it is searched for. `prior` is how likely
    this interpretation is compared with the likeliest one of its source, before anything is
    retrieved. The source is the question rewritten to stand alone, or a guess at that, the question
    as it is where the rewritten one differs, or the question after those that it may continue.
    `content` are the terms that say what it is about. `identifiers` and `versions` have to be in
    an answer letter by letter. `ngrams` are the character n-grams of a question in a script that
    the encoder does not know: its cosines say little, so they decide; empty for any other.
    """

    question: Question
    search_text: str
    query: Query
    prior: float
    source: Source = "rewrite"
    content: tuple[ContentTerm, ...] = ()
    identifiers: tuple[str, ...] = ()
    versions: tuple[str, ...] = ()
    ngrams: frozenset[str] = frozenset()

    @property
    def texts(self) -> tuple[str, ...]:
        """The texts to encode: the question, the sides it compares, the topic to read about."""
        question = self.question
        sides = question.subjects if question.type == "comparison" else ()
        return (self.search_text, *sides, *filter(None, (question.topic,)))


@dataclass(frozen=True, slots=True)
class Word:
    """One word of a question: its stems after spelling correction, and whether it is an acronym."""

    terms: tuple[str, ...]
    is_acronym: bool


@dataclass(frozen=True, slots=True)
class SubQuery:
    """One of the questions in a text, with its interpretations, the likeliest first.

    `follow_up_words` are its own words where it may depend on the conversation, else empty;
    `refers_back` is whether it certainly does.
    """

    text: str
    interpretations: tuple[Interpretation, ...]
    follow_up_words: tuple[Word, ...] = ()
    refers_back: bool = False

    @property
    def names_own_subject(self) -> bool:
        """Whether it may be a follow-up and makes sense alone: keywords, or a statement."""
        return bool(self.follow_up_words) and not self.refers_back

    @property
    def was_rewritten(self) -> bool:
        """Whether the first interpretation is not of the question as it is written."""
        return any(one.source == "question" for one in self.interpretations)


@dataclass(frozen=True, slots=True)
class Analysis:
    """A question ready to be encoded and retrieved.

    `subqueries` are its parts in order. After several parts comes the whole question, because one
    section may answer all of it. `context` is the text of the conversation before the question;
    empty without a conversation, or where the question announces a new subject. `stands_alone` is
    whether the question makes sense without it.
    """

    subqueries: tuple[SubQuery, ...]
    context: str = ""
    stands_alone: bool = False

    @property
    def texts(self) -> tuple[str, ...]:
        """All texts to encode, each once."""
        texts = [
            text
            for subquery in self.subqueries
            for interpretation in subquery.interpretations
            for text in interpretation.texts
        ]
        return tuple(dict.fromkeys([*texts, *filter(None, (self.context,))]))
