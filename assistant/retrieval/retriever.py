"""From a question and its talk to the passages that answer it, best first.

Knows the order of the steps: part, stand alone, read, look, rank, doubt. Must not know how an
answer is written from what is found.
"""

from __future__ import annotations

import itertools
import threading
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from assistant import deadline
from assistant.conversation import MAX_TURNS
from assistant.models.answers import Candidates, Turn
from assistant.query import follow_ups as talks
from assistant.query.analyzer import Analyzer
from assistant.retrieval import ranker
from assistant.text.text import extract_terms
from assistant.timing import time_step

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from assistant.encoders.base import Encoder, Vectors
    from assistant.index.store import FaissStore
    from assistant.models.answers import Hit
    from assistant.models.documents import Passage
    from assistant.query.analyzer import Interpretation
    from assistant.retrieval.ranker import Evidence, Query, RankingModel

MAX_CANDIDATES = 100
TOP_K = 5
COMPUTE_LOCK = threading.Lock()
"""Held for what is computed in Python: only one thread can at a time, and those that wait for the
interpreter instead take it from each other dozens of times an answer. With eight threads on two
cores 198 answers come a second, without 159."""

MAX_CACHED_PASSAGES = 4096
"""How many passages are kept in memory, about 4 KB each; then it begins anew."""

# A follow-up is refused when most of what it says itself is foreign to the guide: what it takes
# from the talk is no evidence that the guide answers it. A word in so many passages is no
# stranger, even where the hits do without it.
_COMMON_FREQUENCY = 3
# The share of its own words that a hit has to say. Of 250 follow-ups that a guide answers .8 % are
# refused for it, of 300 put to the same talks from other talks 3 % (.18 to .15 answered).
_MIN_HIT_COVERAGE = 0.3


@dataclass(frozen=True, slots=True)
class RetrievalResult:
    """What was found for the best reading of a question, and other readings that answer."""

    interpretation: Interpretation
    vector: Vectors
    hits: tuple[Hit, ...]
    evidence: Evidence
    other_readings: tuple[str, ...] = ()

    @property
    def likelihood(self) -> float:
        """How likely this reading is the one meant, and answered."""
        return self.interpretation.prior * self.probability

    @property
    def probability(self) -> float:
        """How likely the guide answers: that of the best hit."""
        return self.hits[0].probability if self.hits else 0.0


@dataclass(frozen=True, slots=True)
class SubQuery:
    """A part of a question: its text, whether it leans on the talk, and how it can be read."""

    text: str
    is_follow_up: bool
    interpretations: tuple[Interpretation, ...]


@dataclass(frozen=True, slots=True)
class ConversationContext:
    """What was talked about before a question: its vector, what it finds, its terms' rarity."""

    vector: Vectors
    candidates: Candidates
    total_idf: float


class Retriever:
    """Finds passages of one generation; nothing is changed by looking."""

    def __init__(
        self,
        store: FaissStore,
        encoder: Encoder,
        model: RankingModel,
        analyzer: Analyzer | None = None,
    ) -> None:
        self._store = store
        self._encoder = encoder
        self._model = model
        self._analyzer = analyzer or Analyzer(store.vocabulary, encoder.has_token)
        self._passage_cache: dict[int, Passage] = {}

    def without(self, keys: Collection[int]) -> Retriever:
        """The same where some passages are not in the guide; a question is read as before."""
        if not keys:
            return self
        store = self._store.excluding(keys)
        return Retriever(store, self._encoder, self._model, self._analyzer)

    def retrieve(
        self, text: str, history: Sequence[Turn]
    ) -> tuple[list[RetrievalResult], tuple[Hit, ...]]:
        """Each part of a question with its hits, and the hits of all; a part may lean on another.

        A question in several parts is looked for as a whole too: one section may answer it all.
        """
        context = talks.build_context(history[-MAX_TURNS:])
        turns = talks.normalise_turns(history[-MAX_TURNS:])
        with time_step("understand"), COMPUTE_LOCK:
            deadline.check()
            asked = self._analyze(text, turns)
        texts = [reading.search_text for part in asked for reading in part.interpretations]
        with time_step("encode"):
            vectors = self._encoder.encode([*texts, context] if context else texts)
        with COMPUTE_LOCK:
            deadline.check()
            talk = self._search_context(context, vectors[-1]) if context else None
            rows = iter(vectors)
            found = [self._retrieve_subquery(part, rows, talk) for part in asked]
            parts = found[:-1] if len(found) > 1 else found
            return parts, ranker.merge_hits([each.hits for each in found])

    def _analyze(self, text: str, turns: Sequence[Turn]) -> list[SubQuery]:
        """The parts of a question as they are read, and behind several the whole."""
        parts = talks.split_questions(text)
        before = [
            (part, (*turns, *(Turn("user", other) for other in parts[:n])))
            for n, part in enumerate(parts)
        ]
        before += [(text, tuple(turns))] if len(parts) > 1 else []
        standing = [(part, talk, talks.rewrite_follow_up(part, talk)) for part, talk in before]
        return [
            SubQuery(
                part,
                is_follow_up=alone != part and not talks.is_reply(part, talk),
                interpretations=tuple(self._analyzer.interpret(alone)),
            )
            for part, talk, alone in standing
        ]

    def _retrieve_subquery(
        self, asked: SubQuery, vectors: Iterator[Vectors], talk: ConversationContext | None
    ) -> RetrievalResult:
        """The best reading of a part; no likely one where it leans on a talk it does not suit."""
        readings = [
            self._retrieve_interpretation(reading, next(vectors), talk)
            for reading in asked.interpretations
        ]
        best = self._choose_interpretation(readings)
        if asked.is_follow_up and not self._supports_follow_up(asked.text, best.hits):
            return replace(best, hits=ranker.lower_below_threshold(best.hits, self._model))
        return best

    def _search_context(self, context: str, vector: Vectors) -> ConversationContext:
        said = tuple(dict.fromkeys(extract_terms(context)))
        rarity = sum(map(self._store.vocabulary.idf, said))
        return ConversationContext(
            vector, self._store.candidates(vector, said, MAX_CANDIDATES), rarity
        )

    def _retrieve_interpretation(
        self, reading: Interpretation, vector: Vectors, talk: ConversationContext | None
    ) -> RetrievalResult:
        deadline.check()
        evidence, hits = self._rank_candidates(reading.query, vector, talk)
        if self._focus_not_in_guide(reading):
            hits = ranker.lower_below_threshold(hits, self._model)
        return RetrievalResult(reading, vector, hits, evidence)

    def _focus_not_in_guide(self, reading: Interpretation) -> bool:
        """Whether the guide never says the word for what the question wants named.

        Of 3,275 questions that a guide answers 18 are so, of 3,251 others 101. A list need not
        say what it is a list of.
        """
        sought, said = reading.query, self._store.vocabulary.document_frequency
        listed = reading.question.type in {"list", "choice"}
        return bool(sought.focus) and not (listed or sought.answer_type or sought.focus in said)

    def _choose_interpretation(self, readings: Sequence[RetrievalResult]) -> RetrievalResult:
        """The likeliest reading, with the others that answer too."""
        best, *others = sorted(readings, key=lambda found: -found.likelihood)
        if not others:
            return best
        answered = [found for found in others if found.probability >= self._model.threshold]
        return replace(
            best, other_readings=tuple(found.interpretation.question.text for found in answered)
        )

    def _supports_follow_up(self, text: str, hits: Sequence[Hit]) -> bool:
        """Whether a follow-up's own words are the guide's: common there, or said by the hits.

        Some of them the hits must say: a word that is common elsewhere leads away from the talk.
        """
        vocabulary = self._store.vocabulary
        words = list(self._analyzer.word_terms(text))
        asked = list(dict.fromkeys(term for own, _ in words for term in own))
        held = (
            self._store.term_positions([hit.key for hit in hits])
            .match(asked)
            .terms_by_passage(asked)
        )
        by_best, by_any = (set(itertools.chain(*some)) for some in (held[:TOP_K], held))
        total = known = said = 0.0
        for own, acronym in words:
            for term in (term for term in own if term not in talks.GENERIC_STEMS):
                rarity = vocabulary.idf(term)
                total += rarity
                common = acronym or vocabulary.document_frequency.get(term, 0) >= _COMMON_FREQUENCY
                if common or term in by_best:
                    known += rarity
                if acronym or term in by_any:
                    said += rarity
        return known >= total - known and said >= _MIN_HIT_COVERAGE * total

    def search(self, sought: Query, vector: Vectors) -> tuple[Hit, ...]:
        """The passages for what is sought, best first."""
        return self._rank_candidates(sought, vector, None)[1]

    def _rank_candidates(
        self, sought: Query, vector: Vectors, talk: ConversationContext | None
    ) -> tuple[Evidence, tuple[Hit, ...]]:
        """The candidates for one reading, and as hits, drawn to where the talk before it is."""
        store = self._store
        with time_step("look up"):
            candidates = store.candidates(
                vector, (*sought.terms, *sought.expansions), MAX_CANDIDATES
            )
        keys = ranker.fuse(candidates)[: ranker.RERANK_TOP_K]
        if talk:
            lifted = ranker.fuse(talk.candidates)[: ranker.CONTEXT_TOP_K]
            keys = list(dict.fromkeys([*keys, *lifted]))
        dense = dict(zip(dict(candidates.dense), itertools.count(1), strict=False))
        scores = dict(candidates.lexical)
        lexical = dict(zip(scores, itertools.count(1), strict=False))
        with time_step("compare"):
            where = store.term_positions(keys).match(sought.all_terms)
            sentence_cosines = store.sentence_cosines(vector, keys)
            rarity = store.vocabulary.idfs(sought.terms)
            evidence = ranker.Evidence(
                keys=keys,
                passages=self._load_passages(keys),
                matches=where,
                cosines=store.cosines(vector, keys),
                sentence_cosines=sentence_cosines,
                sentence_scores=where.score_sentences(rarity, sentence_cosines),
                dense_ranks=[*map(dense.get, keys)],
                lexical_scores=[scores.get(key, 0.0) for key in keys],
                lexical_ranks=[*map(lexical.get, keys)],
            )
        with time_step("rank"):
            features = ranker.compute_features(sought, evidence, store.vocabulary)
            leaning = None
            if talk:
                near = store.cosines(talk.vector, keys)
                leaning = ranker.score_context(
                    keys, near, talk.candidates, talk.total_idf, self._model
                )
            hits = ranker.rank_hits(sought, evidence, features, self._model, leaning)
        return evidence, tuple(hits)

    def score_sentences(
        self, weights: Mapping[str, float], vector: Vectors, keys: Sequence[int]
    ) -> list[tuple[Passage, tuple[float, ...]]]:
        """Passages by number with what each sentence says to the terms that are weighed."""
        if not keys:
            return []
        told = self._store.term_positions(keys)
        cosines = self._store.sentence_cosines(vector, keys)
        said = (
            told.match([*weights]).score_sentences(np.array([*weights.values()]), cosines).tolist()
        )
        own = iter(said)
        return [
            (passage, tuple(itertools.islice(own, len(passage.sentences))))
            for passage in self._load_passages(keys)
        ]

    def _load_passages(self, keys: Sequence[int]) -> list[Passage]:
        """Passages by number; those asked for lately are kept."""
        kept = self._passage_cache
        missing = [key for key in keys if key not in kept]
        if missing:
            kept.update(zip(missing, self._store.passages(missing), strict=True))
        found = [kept[key] for key in keys]
        if len(kept) > MAX_CACHED_PASSAGES:
            self._passage_cache = dict(zip(keys, found, strict=True))
        return found
