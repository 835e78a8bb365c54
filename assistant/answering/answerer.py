"""Answer the questions of a text: decide which of them the guide answers, and quote its answer."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from assistant import deadline
from assistant.answering import (
    blocks,
    comparison,
    kinds,
    pointers,
    resources,
    selection,
    sentence_model,
)
from assistant.answering.definitions import defines
from assistant.answering.furniture import asks_for_byline
from assistant.answering.quotes import add_headers, body_positions, count_words, join_quotes
from assistant.answering.sections import Target, choose_targets, load_sections
from assistant.answering.structure import TOP_K, find_structured_answer
from assistant.answering.titles import is_title_of
from assistant.models.answers import Citation
from assistant.query.query import Query
from assistant.render import urls
from assistant.text.tokenize import extract_terms, tokenize

if TYPE_CHECKING:
    from collections.abc import Sequence

    from assistant.answering.comparison import Side
    from assistant.answering.quotes import Quote
    from assistant.answering.sections import CandidateSection
    from assistant.answering.selection import Probabilities, ScoredSection
    from assistant.guide.links import LinkResolver
    from assistant.index.store import FaissStore
    from assistant.models.answers import Block, Hit
    from assistant.models.documents import Resource
    from assistant.query.query import TextVectors
    from assistant.retrieval.retriever import RetrievalResult, Retriever

_REFUSAL_CONFIDENCE = 0.99
"""The highest confidence of a refusal, as a share of the threshold."""

# The default encoder knows little of other languages. Of twenty questions in German, French and
# Spanish to an English guide, the right answers have .48 and more, the wrong ones .29 and less.
_OTHER_LANGUAGE_THRESHOLD = 0.4

MAX_UNMENTIONED = 3


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether the guide answers one sub-query, and what is known of its answer.

    `quotes` are those of a list that the guide makes itself, of resources or of kinds; empty where
    sentences have to be selected. `missing` are the sides of a comparison, or the words of a
    question without an answer, that the guide does not mention.
    """

    result: RetrievalResult
    is_answered: bool
    confidence: float
    resources: list[Resource]
    quotes: list[Quote]
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

    def decide(
        self, result: RetrievalResult, vectors: TextVectors, *, is_other_language: bool = False
    ) -> Decision:
        """Decide whether the guide answers a sub-query.

        The probability is compared with the threshold here; for a question in another language than
        the guide with a higher one. `vectors` holds the vector of each text of the interpretation.
        """
        deadline.check()
        question = result.interpretation.question
        vector = vectors[question.topic] if question.topic else result.vector
        lowest = _OTHER_LANGUAGE_THRESHOLD if is_other_language else 0.0
        is_likely = result.probability >= max(self._threshold, lowest)
        structured = find_structured_answer(result, vector, self._store, is_likely=is_likely)
        quotes = structured.quotes
        is_answered = is_likely or structured.is_certain or self._has_definition(result)
        is_answered = is_answered and not structured.is_refused
        # A question for which nothing can be quoted is refused, whatever its probability.
        is_answered = is_answered and any(hit.passage.sentences for hit in result.hits[:TOP_K])
        if is_answered:
            confidence = max(result.probability, self._threshold)
        else:
            confidence = min(result.probability, _REFUSAL_CONFIDENCE * self._threshold)
        missing = tuple(
            side
            for side in self._missing_sides(result)
            if len(side.split()) <= comparison.MAX_SIDE_WORDS
        )
        if not is_answered:
            missing = missing or self._find_unmentioned(result)
        requested = structured.resources if is_answered else []
        return Decision(result, is_answered, confidence, requested, quotes, missing)

    def quote(self, decisions: Sequence[Decision], vectors: TextVectors) -> list[Quote]:
        """Quote the answers to the sub-queries that the guide answers, in their order.

        All answers together have at most `selection.MAX_WORDS` words, apart from what is quoted
        whole: the list of resources, or of kinds.
        """
        answered = [decision for decision in decisions if decision.is_answered]
        results = [decision.result for decision in answered if not decision.quotes]
        # Sentences may answer several questions, so those of all are selected together.
        others = [result for result in results if not _is_comparison(result)]
        shares = len(results) - len(others) + bool(others)
        max_words = selection.MAX_WORDS // max(1, shares)
        quotes: list[Quote] = []
        for decision in answered:
            if decision.quotes:
                quotes += decision.quotes
            elif _is_comparison(decision.result):
                quotes += self._quote_comparison(decision.result, vectors, max_words)
            elif decision.result is others[0]:
                max_runs = selection.MAX_RUNS + len(others) - 1
                quotes += _select(self._score_sections(others), max_words, max_runs)
        return add_headers(join_quotes(quotes), self._store.find_passage)

    def recommend(self, decisions: Sequence[Decision], quotes: Sequence[Quote]) -> list[Resource]:
        """Find what the guide recommends: what was asked for, and what belongs to the quotes."""
        recommended = [resource for decision in decisions for resource in decision.resources]
        if not recommended and quotes:
            for result in (decision.result for decision in decisions):
                question = result.interpretation.question
                recommended += resources.recommend(question, result.vector, quotes, self._store)
            recommended = recommended[: resources.MAX_RESOURCES]
        return list(dict.fromkeys(recommended))

    def cite(self, quotes: Sequence[Quote]) -> list[Citation]:
        """Number the quotes and cite the pages they are from."""
        paths = {quote.passage.path for quote in quotes}
        sha256 = {path: self._store.page_digest(path) for path in paths}
        line_maps = {path: self._store.line_map(path) for path in paths}
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
                lines=line_maps[quote.passage.path].find_range(quote.lines),
                sha256=sha256[quote.passage.path],
            )
            for number, quote in enumerate(quotes, 1)
        ]

    def build_blocks(
        self, quotes: Sequence[Quote], decisions: Sequence[Decision]
    ) -> tuple[Block, ...]:
        """Give the quotes their structure, with the links of their pages."""
        terms = [t for one in decisions for t in one.result.interpretation.query.terms]
        return tuple(blocks.build_blocks(quotes, terms, self._resolve_page))

    def _resolve_page(self, origin: str, address: str) -> str | None:
        """Find the page that an address means: where it is published, or its path."""
        path = self._page_resolver.resolve(origin, address)
        page = self._store.page(path) if path else None
        return page.url if page else None

    @cached_property
    def _page_resolver(self) -> LinkResolver:
        """The pages by every name; made for the first answer with a link to a page."""
        return urls.page_names(self._store)

    def _has_definition(self, result: RetrievalResult) -> bool:
        """Whether the guide defines the subject explicitly, however little it writes about it."""
        question = result.interpretation.question
        if question.type != "definition":
            return False
        return any(
            defines(question.subjects[0], hit.passage.slice(hit.passage.sentences[n]))
            for hit in result.hits[:TOP_K]
            for n in body_positions(hit.passage)
            if hit.passage.sentences[n].kind in {"prose", "item", "quote"}
        )

    def _score_sections(self, results: Sequence[RetrievalResult]) -> list[ScoredSection]:
        """Load the sections that may answer, and estimate which of their sentences do."""
        scored = [self._measure(result, self._choose_targets(result)) for result in results]
        questions = [result.interpretation.question for result in results]
        return selection.score_sections(scored, questions)

    def _choose_targets(self, result: RetrievalResult) -> list[Target]:
        """Choose the sections that may answer: the best ones, or the kinds to choose from.

        A section whose title is the question answers it alone. What a section only points to is
        read in its place.
        """
        question = result.interpretation.question
        if question.type == "choice":
            sections = kinds.find_kind_sections(question, result.hits[:TOP_K], self._store)
            if sections:
                return [Target(key, passage, result.probability) for key, passage in sections]
        targets = choose_targets(result.hits, result.interpretation.versions)
        titled = [target for target in targets if is_title_of(target.passage.heading, question)]
        return pointers.follow_pointers(
            titled[:1] or targets,
            result.interpretation.query.terms,
            result.vector,
            self._store,
            self._page_resolver.resolve,
        )

    def _measure(
        self, result: RetrievalResult, targets: Sequence[Target]
    ) -> tuple[list[CandidateSection], list[Probabilities]]:
        interpretation = result.interpretation
        query, store = interpretation.query, self._store
        with_frame = asks_for_byline(interpretation.question.text)
        sections = load_sections(
            query, result.vector, targets, store, self._retriever, with_frame=with_frame
        )
        idfs = store.vocabulary.idfs(query.terms)
        return sections, sentence_model.estimate_probabilities(interpretation, idfs, sections)

    def _find_unmentioned(self, result: RetrievalResult) -> tuple[str, ...]:
        """List the identifiers and words of a question that the guide does not mention.

        They are at most three: identifiers, then the words that are rarest in general language.
        """
        interpretation = result.interpretation
        known = self._store.vocabulary.document_frequency
        names = [
            name
            for name in interpretation.identifiers
            if self._retriever.is_unmentioned(name, result.vector)
        ]
        unused = {one.term: one.log_rank for one in interpretation.content if one.term not in known}
        words = [
            (max(unused[term] for term in terms), token)
            for token, _, _ in tokenize(interpretation.search_text)
            if (terms := unused.keys() & extract_terms(token))
        ]
        names += [token for _, token in sorted(words, key=lambda word: -word[0])]
        return tuple({name.lower(): name for name in names}.values())[:MAX_UNMENTIONED]

    def _missing_sides(self, result: RetrievalResult) -> list[str]:
        question = result.interpretation.question
        subjects = question.subjects if question.type == "comparison" else ()
        known_terms = self._store.vocabulary.document_frequency
        return comparison.find_missing_sides(subjects, known_terms)

    def _quote_comparison(
        self, result: RetrievalResult, vectors: TextVectors, max_words: int
    ) -> list[Quote]:
        """Quote a section on both sides, else a section on each, else what answers best.

        Where the guide does not mention one side, quotes what the other is.
        """
        question = result.interpretation.question
        missing, sides = self._missing_sides(result), comparison.make_sides(question.subjects)
        if missing:
            present = [side for side in sides if side.subject not in missing]
            return [
                quote
                for side in present
                for quote in comparison.quote_definition(
                    side, [hit.passage for hit in self._search_side(side, vectors)]
                )
            ]
        passages = [hit.passage for hit in result.hits[:TOP_K]]
        if entries := comparison.quote_compared_entries(passages, sides, self._store):
            quotes = [*comparison.quote_contrast(passages, sides), *entries]
            return quotes if count_words(quotes) <= max_words else entries
        sections = self._score_sections([result])
        if shared := comparison.find_shared_sections(sections, sides):
            return _select(shared, max_words)
        by_side = comparison.group_by_side(sections, sides)
        for n, own in enumerate(by_side):
            if not own:
                targets = choose_targets(self._search_side(sides[n], vectors))
                scored = selection.score_sections([self._measure(result, targets)], [question])
                by_side[n] = comparison.group_by_side(scored, sides)[n]
        if all(by_side):
            share = max_words // len(sides)
            return [quote for own in by_side for quote in _select(own[:1], share, max_runs=1)]
        return _select(sections, max_words)

    def _search_side(self, side: Side, vectors: TextVectors) -> tuple[Hit, ...]:
        query = Query.from_text(side.subject)
        return self._retriever.search(query, vectors[side.subject])[:TOP_K]


def _is_comparison(result: RetrievalResult) -> bool:
    return result.interpretation.question.type == "comparison"


def _select(
    sections: Sequence[ScoredSection], max_words: int, max_runs: int = selection.MAX_RUNS
) -> list[Quote]:
    chosen = selection.select_sentences(sections, max_words=max_words, max_runs=max_runs)
    return selection.make_quotes(sections, chosen)
