"""Retrieve the passages that answer an analysed question, best first."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from cachetools import LRUCache

from assistant import deadline
from assistant.query.follow_ups import FOLLOW_UP_STEMS
from assistant.query.identifiers import contains_identifier, split_identifier
from assistant.retrieval import answerability, features, ranker
from assistant.retrieval.fusion import fuse, merge_hits
from assistant.retrieval.passage_versions import rank_by_version
from assistant.retrieval.question_features import (
    QUESTION_FEATURES,
    compute_question_features,
    find_missing_identifiers,
    literal_text,
)
from assistant.text.tokenize import extract_terms
from assistant.timing import time_step

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from assistant.encoders.base import Vectors
    from assistant.index.store import FaissStore
    from assistant.models.answers import Candidates, Hit
    from assistant.models.documents import Passage
    from assistant.query.query import (
        Analysis,
        Interpretation,
        Query,
        Source,
        SubQuery,
        TextVectors,
    )
    from assistant.retrieval.features import Evidence, Features
    from assistant.retrieval.ranker import RankingModel

MAX_CANDIDATES = 100
# How much better, in log-odds, one source must answer than another. Of 42 follow-ups the right
# passage is first for .79 where the best is chosen so; with the rewritten question alone for .74,
# with the question as it is for .55, with it after the others for .71. What was rewritten with
# certainty is what a person would have asked.
_SOURCE_COST: dict[Source, float] = {
    "rewrite": -3.0,
    "guess": -0.5,
    "question": 0.0,
    "conversation": 0.0,
}
_REWRITTEN = frozenset(("rewrite", "guess"))
_MIN_PROBABILITY = 1e-9

# A question after those that it may continue matches what they match. So its own words have to be
# in the first hits: 28 of 33 true follow-ups have this share of them there, by idf, and 11 of 118
# that were moved from other conversations.
_MIN_OWN_COVERAGE = 0.4
_OWN_TOP_K = 3

MAX_CACHED_PASSAGES = 4096
"""How many passages stay in memory, about 4 KB each."""


# "What is X?" is refused where no line has all words of X: of 34 such questions of 940, 28 have no
# answer in their guide, and four others are refused anyway.
_MISSING_SUBJECT = QUESTION_FEATURES.index("missing_subject")
_CONTENT_TERMS = QUESTION_FEATURES.index("content_terms")
_UNKNOWN_SHARE = QUESTION_FEATURES.index("unknown_share")
# Where the guide uses so few of a question's words, none of the answerable questions of all sets is
# above the threshold. In another language than English an unanswerable one may be, by its length.
_MIN_CONTENT_TERMS = 3
_MAX_UNKNOWN_SHARE = 0.8
_SURE = 0.4
# What a question counts or names, as in "how many lodgers", is a word that the guide never uses:
# below _SURE for none of 447 questions that twelve guides answer, and for one of 141 others. A
# thing of several words that stand nowhere together: below .8 for none, and for one; of the 120
# questions to the bundled guide for five, none with an answer. Above, trailing verbs are taken for
# a part of the name.
_SURE_OF_NAME = 0.8

_UNANSWERED = 0.3
"""What is added to every probability before interpretations are compared.

A question may be meant in a way that the guide does not answer: between .11 and .27 the likelier
meaning decides.
"""


@dataclass(frozen=True, slots=True)
class RetrievalResult:
    """The hits of a sub-query's best interpretation, and other interpretations with an answer.

    `other_readings` are the texts of these others.
    """

    interpretation: Interpretation
    vector: Vectors
    hits: tuple[Hit, ...]
    other_readings: tuple[str, ...] = ()

    @property
    def probability(self) -> float:
        """The probability that the guide answers: that of the best hit."""
        return self.hits[0].probability if self.hits else 0.0

    @property
    def likelihood(self) -> float:
        """How likely this interpretation is the one intended: more so if the guide answers it."""
        return self.interpretation.prior * (self.probability + _UNANSWERED)

    @property
    def evidence_for_source(self) -> float:
        """The log-odds that the guide answers, less the cost of the interpretation's source."""
        probability = min(max(self.probability, _MIN_PROBABILITY), 1.0 - _MIN_PROBABILITY)
        odds = math.log(probability / (1.0 - probability))
        return odds - _SOURCE_COST[self.interpretation.source]


@dataclass(frozen=True, slots=True)
class ConversationContext:
    """The conversation before a question: its vector, its candidates, its terms' summed idf.

    `weight` is that of the conversation, where that of the question itself is 1.
    """

    vector: Vectors
    candidates: Candidates
    total_idf: float
    weight: float


def _select_in_context(
    best: RetrievalResult, results: Sequence[RetrievalResult]
) -> RetrievalResult:
    """Select sentences for the question with its conversation, where it was found without.

    The hits stay those of the question as it is.
    """
    if best.interpretation.source != "question":
        return best
    joined = [one for one in results if one.interpretation.source == "conversation"]
    if not joined or joined[0].probability <= 0.0:
        return best
    return replace(best, interpretation=joined[0].interpretation, vector=joined[0].vector)


class Retriever:
    """Retrieves passages of one generation, for one thread at a time."""

    def __init__(self, store: FaissStore, model: RankingModel) -> None:
        self._store = store
        self._model = model
        self._passage_cache: LRUCache[int, Passage] = LRUCache(MAX_CACHED_PASSAGES)

    def excluding(self, keys: Collection[int]) -> Retriever:
        """Return a retriever for the guide without some passages."""
        return Retriever(self._store.excluding(keys), self._model) if keys else self

    def retrieve(
        self, analysis: Analysis, vectors: TextVectors
    ) -> tuple[list[RetrievalResult], tuple[Hit, ...]]:
        """Retrieve each sub-query, and merge the hits of all.

        Where a question has several parts, the last sub-query is the whole question: its hits are
        merged with those of the parts, and it gets no result of its own.
        """
        deadline.check()
        context = None
        if analysis.context:
            weight = ranker.CONTEXT_WEIGHT_ALONE if analysis.stands_alone else ranker.CONTEXT_WEIGHT
            context = self._search_context(analysis.context, vectors[analysis.context], weight)
        results = [
            self._retrieve_subquery(subquery, vectors, context) for subquery in analysis.subqueries
        ]
        hits = merge_hits([result.hits for result in results])
        return results[:-1] if len(results) > 1 else results, hits

    def search(self, query: Query, vector: Vectors) -> tuple[Hit, ...]:
        """Rank the passages for one query, whatever the conversation."""
        return self._rank_candidates(query, vector, None)[2]

    def is_unmentioned(self, identifier: str, vector: Vectors) -> bool:
        """Whether the guide certainly mentions an identifier nowhere.

        It does not where it lacks one of its terms, or where none of the passages with the rarest
        of them has the identifier. False where there are too many of these to read.
        """
        frequencies = self._store.vocabulary.document_frequency
        terms = extract_terms(identifier)
        if any(term not in frequencies for term in terms):  # the guide may write HTTP/3 for http3
            terms = extract_terms(split_identifier(identifier))
        terms = sorted(terms, key=lambda term: frequencies.get(term, 0))
        count = frequencies.get(terms[0], 0) if terms else MAX_CANDIDATES
        if not count:
            return True
        if count >= MAX_CANDIDATES:
            return False
        keys = [key for key, _ in self._store.candidates(vector, terms[:1], count).lexical]
        texts = map(literal_text, self.load_passages(keys).values())
        return not any(contains_identifier(text, identifier) for text in texts)

    def _search_context(self, context: str, vector: Vectors, weight: float) -> ConversationContext:
        terms = tuple(dict.fromkeys(extract_terms(context)))
        total_idf = sum(map(self._store.vocabulary.idf, terms))
        candidates = self._store.candidates(vector, terms, MAX_CANDIDATES)
        return ConversationContext(vector, candidates, total_idf, weight)

    def _retrieve_subquery(
        self, subquery: SubQuery, vectors: TextVectors, context: ConversationContext | None
    ) -> RetrievalResult:
        """Retrieve every interpretation and choose the best.

        Lowers its hits below the threshold for a follow-up whose own words the guide does not
        support.
        """
        results = [
            self._retrieve_interpretation(
                interpretation,
                vectors[interpretation.search_text],
                context,
                is_follow_up=subquery.was_rewritten and interpretation.source in _REWRITTEN,
            )
            for interpretation in subquery.interpretations
        ]
        supported = [result for result in results if self._supports(subquery, result)]
        if any(self._is_answered_in_own_words(subquery, result) for result in supported):
            supported = [
                result
                for result in supported
                if result.interpretation.source != "guess"
                or self._cover_own_words(subquery, result.hits[:1]) >= _MIN_OWN_COVERAGE
            ]
        if supported:
            best = self._choose_interpretation(supported)
            return best if subquery.names_own_subject else _select_in_context(best, supported)
        own = [one for one in results if one.interpretation.source != "conversation"]
        best = self._choose_interpretation(own)
        return replace(best, hits=answerability.lower_below_threshold(best.hits, self._model))

    def _retrieve_interpretation(
        self,
        interpretation: Interpretation,
        vector: Vectors,
        context: ConversationContext | None,
        *,
        is_follow_up: bool,
    ) -> RetrievalResult:
        deadline.check()
        evidence, rows, hits = self._rank_candidates(interpretation.query, vector, context)
        hits = rank_by_version(hits, interpretation.versions)
        if hits:
            positions = {key: position for position, key in enumerate(evidence.keys)}
            row = compute_question_features(
                interpretation,
                evidence,
                rows,
                [positions[hit.key] for hit in hits],
                self._store.vocabulary,
                is_follow_up=is_follow_up,
            )
            hits = answerability.shift_probabilities(hits, self._model.question_log_odds(row))
            hits = answerability.rank_by_ngrams(interpretation.ngrams, hits, self._model)
            question = interpretation.question
            is_undefined = not is_follow_up and bool(row[_MISSING_SUBJECT])
            is_unknown = self._names_only_unknown(interpretation, evidence, vector)
            is_unknown |= hits[0].probability < _SURE and _is_mostly_unknown(interpretation, row)
            is_unknown |= hits[0].probability < _SURE and self._lacks_focus(interpretation)
            if hits[0].probability < _SURE_OF_NAME and not is_follow_up:
                is_unknown |= answerability.lacks_named_thing(interpretation, evidence)
            if is_undefined or is_unknown or answerability.lacks_amount(question, evidence, hits):
                hits = answerability.lower_below_threshold(hits, self._model)
        return RetrievalResult(interpretation, vector, hits)

    def _names_only_unknown(
        self, interpretation: Interpretation, evidence: Evidence, vector: Vectors
    ) -> bool:
        """Whether a question has identifiers, and the guide has none of them.

        True for 1 of 40 answerable questions with identifiers, and for 29 of 31 others. Of a
        comparison with something unknown, the other side is quoted.
        """
        identifiers = interpretation.identifiers
        if not identifiers or interpretation.question.type == "comparison":
            return False
        missing = find_missing_identifiers(identifiers, evidence)
        return len(missing) == len(identifiers) and all(
            self.is_unmentioned(one, vector) for one in missing
        )

    def _lacks_focus(self, interpretation: Interpretation) -> bool:
        """Whether the guide never uses the word for what a question counts or asks the name of."""
        focus = interpretation.query.focus
        is_content = any(one.term == focus for one in interpretation.content)
        return is_content and focus not in self._store.vocabulary.document_frequency

    def _choose_interpretation(self, results: Sequence[RetrievalResult]) -> RetrievalResult:
        """Choose the likeliest interpretation, and list the others that the guide answers too.

        Those of one source are compared by their likelihood. The best of each source are compared
        by their log-odds, less what the source costs.
        """
        by_source: dict[Source, list[RetrievalResult]] = {}
        for result in sorted(results, key=lambda result: -result.likelihood):
            by_source.setdefault(result.interpretation.source, []).append(result)
        best, *others = max(by_source.values(), key=lambda group: group[0].evidence_for_source)
        if not others:
            return best
        answered = [other for other in others if other.probability >= self._model.threshold]
        texts = tuple(other.interpretation.question.text for other in answered)
        return replace(best, other_readings=texts)

    def _is_answered_in_own_words(self, subquery: SubQuery, result: RetrievalResult) -> bool:
        """Whether a follow-up as it is written has an answer with its own words.

        Then a guess that replaces them by those of the last question is wrong: "what about lunch?".
        """
        is_answered = result.probability >= self._model.threshold
        if result.interpretation.source != "question" or not is_answered:
            return False
        return self._cover_own_words(subquery, result.hits[:1]) >= _MIN_OWN_COVERAGE

    def _supports(self, subquery: SubQuery, result: RetrievalResult) -> bool:
        """Whether the guide, or the hits, use the own words of a follow-up."""
        words, hits = subquery.follow_up_words, result.hits
        is_question = result.interpretation.source == "question"
        if not words or (is_question and subquery.names_own_subject):
            return True
        is_joined = result.interpretation.source == "conversation"
        if is_joined and self._cover_own_words(subquery, hits[:_OWN_TOP_K]) < _MIN_OWN_COVERAGE:
            return False
        terms = list(dict.fromkeys(term for word in words for term in word.terms))
        positions = self._store.term_positions([hit.key for hit in hits])
        hit_terms = positions.match(terms).terms_by_passage(terms)
        return answerability.supports_follow_up(words, hit_terms, self._store.vocabulary)

    def _cover_own_words(self, subquery: SubQuery, hits: Sequence[Hit]) -> float:
        """Compute the share, by idf, of a follow-up's own words that the hits contain.

        It is 1 for a follow-up that only points back: "and how often?".
        """
        words = subquery.follow_up_words
        terms = [term for word in words for term in word.terms if term not in FOLLOW_UP_STEMS]
        idfs = self._store.vocabulary.idfs(terms)
        if not terms:
            return 1.0
        positions = self._store.term_positions([hit.key for hit in hits])
        matched = set().union(*positions.match(terms).terms_by_passage(terms))
        covered = [idf for term, idf in zip(terms, idfs.tolist(), strict=True) if term in matched]
        return float(sum(covered) / sum(idfs.tolist()))

    def _rank_candidates(
        self, query: Query, vector: Vectors, context: ConversationContext | None
    ) -> tuple[Evidence, Features, tuple[Hit, ...]]:
        """Search for one query, and rank the candidates."""
        evidence = self.measure(query, vector, context)
        with time_step("rank"):
            rows = features.compute_features(query, evidence, self._store.vocabulary)
            context_scores = None
            if context:
                context_scores = context.weight * ranker.score_context(
                    evidence.keys,
                    self._store.cosines(context.vector, evidence.keys),
                    context.candidates,
                    context.total_idf,
                    self._model,
                )
            hits = ranker.rank_hits(query, evidence, rows, self._model, context_scores)
        return evidence, rows, tuple(hits)

    def measure(
        self, query: Query, vector: Vectors, context: ConversationContext | None = None
    ) -> Evidence:
        """Search with both retrievers for one query, and measure the candidates.

        The candidates of the conversation are measured with them.
        """
        with time_step("look up"):
            terms = (*query.terms, *query.expansions)
            candidates = self._store.candidates(vector, terms, MAX_CANDIDATES)
        keys = fuse(candidates)[: ranker.RERANK_TOP_K]
        if context:
            near = fuse(context.candidates)[: ranker.CONTEXT_TOP_K]
            keys = list(dict.fromkeys([*keys, *near]))
        with time_step("compare"):
            return self._collect_evidence(query, vector, candidates, keys)

    def _collect_evidence(
        self, query: Query, vector: Vectors, candidates: Candidates, keys: Sequence[int]
    ) -> Evidence:
        store = self._store
        dense_ranks = {key: rank for rank, (key, _) in enumerate(candidates.dense, 1)}
        lexical_ranks = {key: rank for rank, (key, _) in enumerate(candidates.lexical, 1)}
        lexical_scores = dict(candidates.lexical)
        matches = store.term_positions(keys).match(query.all_terms)
        sentence_cosines = store.sentence_cosines(vector, keys)
        idfs = store.vocabulary.idfs(query.terms)
        return features.Evidence(
            keys=keys,
            passages=list(self.load_passages(keys).values()),
            matches=matches,
            cosines=store.cosines(vector, keys),
            sentence_cosines=sentence_cosines,
            sentence_scores=matches.score_sentences(idfs, sentence_cosines),
            dense_ranks=[*map(dense_ranks.get, keys)],
            lexical_scores=[lexical_scores.get(key, 0.0) for key in keys],
            lexical_ranks=[*map(lexical_ranks.get, keys)],
        )

    def load_passages(self, keys: Sequence[int]) -> dict[int, Passage]:
        """Load passages by number, in the order given; recently used ones stay in memory."""
        cache = self._passage_cache
        passages = {key: cache[key] for key in keys if key in cache}
        missing = [key for key in keys if key not in passages]
        if missing:
            loaded = dict(zip(missing, self._store.passages(missing), strict=True))
            cache.update(loaded)
            passages |= loaded
        return {key: passages[key] for key in keys}


def _is_mostly_unknown(interpretation: Interpretation, row: Features) -> bool:
    """Whether the guide hardly uses any word of a question; not for n-grams or comparisons."""
    if interpretation.ngrams or interpretation.question.type == "comparison":
        return False
    return bool(
        row[_CONTENT_TERMS] >= _MIN_CONTENT_TERMS and row[_UNKNOWN_SHARE] >= _MAX_UNKNOWN_SHARE
    )
