"""Answer a sub-query by its question type: choose the sources and the quotes from them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from assistant import deadline
from assistant.answering import related, selection
from assistant.models.answers import Citation
from assistant.query.query import Query
from assistant.query.question_type import KIND_STEMS, asks_for_amount
from assistant.text.tokenize import extract_terms, split_words

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from assistant.answering.quotes import Quote
    from assistant.answering.selection import Source, TermWeights
    from assistant.encoders.base import Vectors
    from assistant.index.store import FaissStore
    from assistant.models.answers import Hit
    from assistant.models.documents import Passage, Resource, Section
    from assistant.query.query import Question, TextVectors
    from assistant.retrieval.retriever import RetrievalResult, Retriever

TOP_K = 5
MAX_SIDE_WORDS = 5
"""The most words in a side of a comparison that is reported as missing; a longer one is no name."""

NEIGHBOUR_PASSAGES = 8
"""How many passages before and after a passage are searched for the rest of its list."""

_REFUSAL_CONFIDENCE = 0.99
"""The highest confidence of a refusal, as a share of the threshold."""


@dataclass(frozen=True, slots=True)
class SubAnswer:
    """The answer to one sub-query; no quotes for a refusal.

    `missing` are the sides of a comparison that the guide does not mention.
    """

    quotes: list[Quote]
    resources: list[Resource]
    confidence: float
    missing: tuple[str, ...] = ()


class Answerer:
    """Answers sub-queries from one guide.

    It answers where the probability is at least `threshold`, or where the guide defines the subject
    explicitly.
    """

    def __init__(self, store: FaissStore, retriever: Retriever, threshold: float) -> None:
        self._store = store
        self._retriever = retriever
        self._threshold = threshold

    def answer(self, result: RetrievalResult, vectors: TextVectors) -> SubAnswer:
        """Answer a sub-query with quotes and resources, or refuse it.

        The probability is compared with the threshold here. `vectors` holds the vector of each text
        of the interpretation.
        """
        deadline.check()
        question = result.interpretation.question
        missing_sides = self._missing_sides(question)
        missing = tuple(side for side in missing_sides if len(side.split()) <= MAX_SIDE_WORDS)
        vector = vectors[question.topic] if question.topic else result.vector
        resources = related.find_resources(question, vector, self._store)
        if question.type == "resources" and (
            quotes := related.quote_resources(resources, self._store)
        ):
            return SubAnswer(quotes, resources, result.probability, missing)
        is_answered = result.probability >= self._threshold or self._has_definition(result)
        quotes = self._quote_by_type(result, vectors, missing_sides) if is_answered else []
        if quotes:
            confidence = max(result.probability, self._threshold)
            return SubAnswer(quotes, resources, confidence, missing)
        # A question for which nothing can be quoted is refused, whatever its probability.
        confidence = min(result.probability, _REFUSAL_CONFIDENCE * self._threshold)
        return SubAnswer([], [], confidence, missing)

    def cite(self, quotes: Sequence[Quote]) -> list[Citation]:
        """Number the quotes and cite the pages they are from."""
        paths = {quote.passage.path for quote in quotes}
        sha256 = {path: self._store.page_digest(path) for path in paths}
        return [
            Citation(
                n=number,
                passage=quote.passage.id,
                path=quote.passage.path,
                headings=quote.passage.headings,
                anchor=quote.passage.anchor,
                url=quote.passage.url,
                quote=quote.text,
                span=quote.span,
                lines=quote.lines,
                sha256=sha256[quote.passage.path],
            )
            for number, quote in enumerate(quotes, 1)
        ]

    def _has_definition(self, result: RetrievalResult) -> bool:
        """Whether the guide defines the subject explicitly, however little it writes about it."""
        passages = (hit.passage for hit in result.hits[:TOP_K])
        return selection.has_definition(result.interpretation.question, passages)

    def _quote_by_type(
        self, result: RetrievalResult, vectors: TextVectors, missing_sides: Sequence[str]
    ) -> list[Quote]:
        question = result.interpretation.question
        hits = [hit for hit in result.hits if not hit.passage.lists_resources] or list(result.hits)
        weights = selection.TermWeights.from_text(
            result.interpretation.search_text, self._store.vocabulary.idf
        )
        if question.type == "comparison":
            sources = self._comparison_sources(result, hits, weights, vectors)
            quotes = selection.quote_comparison(question, sources, missing_sides)
            if quotes or missing_sides:
                return quotes
        if question.type in {"list", "choice"}:
            kinds = self._kind_sections(question, hits)
            if kinds and question.type == "list":
                return selection.quote_section_openings([passage for _, passage in kinds])
            if kinds:
                shared_terms = [*extract_terms(question.subjects[0]), *KIND_STEMS]
                distinct = weights.without(shared_terms)
                equal = dict.fromkeys((key for key, _ in kinds), 1.0)
                sources = self._score_sources(distinct, result.vector, equal)
                return selection.select_quotes(question, sources)
        sources = _make_sources(result, hits)
        best = sources[0].passage
        is_list = question.type == "list" and _mentions(best, question.subjects[0])
        if asks_for_amount(question.text) and not is_list:
            return selection.quote_amount(sources)
        return selection.select_quotes(question, sources, lambda: self._neighbour_passages(hits[0]))

    def _neighbour_passages(self, hit: Hit) -> list[Passage]:
        """Load the passages near a hit on its page, in order."""
        first = max(0, hit.key - NEIGHBOUR_PASSAGES)
        end = min(self._store.size, hit.key + NEIGHBOUR_PASSAGES + 1)
        passages = self._store.passages(range(first, end))
        return [passage for passage in passages if passage.path == hit.passage.path]

    def _score_sources(
        self, weights: TermWeights, vector: Vectors, probabilities: Mapping[int, float]
    ) -> list[Source]:
        """Make sources of passages by number, with the probability that each answers."""
        scored = self._retriever.score_sentences(weights.idf, vector, list(probabilities))
        return [
            selection.Source(passage, scores, probability)
            for (passage, scores), probability in zip(scored, probabilities.values(), strict=True)
        ]

    def _missing_sides(self, question: Question) -> list[str]:
        """List the sides of a comparison with a word that the guide never uses."""
        known = self._store.vocabulary.document_frequency.keys()
        sides = question.subjects if question.type == "comparison" else ()
        return [side for side in sides if not known >= set(extract_terms(side))]

    def _comparison_sources(
        self,
        result: RetrievalResult,
        hits: Sequence[Hit],
        weights: TermWeights,
        vectors: TextVectors,
    ) -> list[Source]:
        """Make the sources of the whole question, then those of each side alone."""
        sources = _make_sources(result, hits)
        for side in result.interpretation.question.subjects:
            vector = vectors[side]
            side_hits = self._retriever.search(Query.from_text(side), vector)
            probabilities = {hit.key: hit.probability for hit in side_hits[:TOP_K]}
            sources += self._score_sources(weights, vector, probabilities)
        return sources

    def _kind_sections(self, question: Question, hits: Sequence[Hit]) -> list[tuple[int, Passage]]:
        """Find the section on the kinds of a thing; return its sub-sections' first passages.

        Looks among the best hits and the sections above them. The heading of that section contains
        a word for kinds ("types of …"). Or it names the thing in the same words as the question,
        and the question asks for nothing else about the thing.
        """
        store = self._store
        subject = question.subjects[0]
        subject_terms, subject_words = set(extract_terms(subject)), set(split_words(subject))
        if not subject_terms:  # "what kinds of things are there?"
            return []
        is_plain = set(extract_terms(question.text)) <= subject_terms | KIND_STEMS
        matches: list[tuple[bool, list[Section]]] = []
        for hit in hits[:TOP_K]:
            for headings in (hit.passage.headings, hit.passage.headings[:-1]):
                heading = " ".join(headings[-1:])
                terms = set(extract_terms(heading))
                names_kinds = bool(terms & KIND_STEMS)
                is_same = is_plain and subject_words <= set(split_words(heading))
                if not subject_terms <= terms or not (names_kinds or is_same):
                    continue
                sections = store.sections(hit.passage.path)
                below = [section for section in sections if section.headings[:-1] == headings]
                if len(below) > 1:
                    matches.append((names_kinds, below))
        if not matches:
            return []
        _, below = max(matches, key=lambda match: match[0])
        return [store.section_passages(section.path, section.anchor)[0] for section in below]


def _make_sources(result: RetrievalResult, hits: Sequence[Hit]) -> list[Source]:
    """Make sources of the best hits, with the scores of their sentences."""
    return [
        selection.Source(hit.passage, result.evidence.sentence_scores_of(hit.key), hit.probability)
        for hit in hits[:TOP_K]
    ]


def _mentions(passage: Passage, subject: str) -> bool:
    return set(extract_terms(subject)) <= set(extract_terms(passage.search_text))
