"""Rank candidate passages with the linear model of `ranking.json`."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib.resources import files
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import numpy as np

from assistant.models.answers import Hit, Reason
from assistant.retrieval.features import FEATURES
from assistant.retrieval.question_features import QUESTION_FEATURES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from assistant.models.answers import Candidates
    from assistant.query.query import Query
    from assistant.retrieval.features import Evidence, Features

RERANK_TOP_K = 24
"""How many of the fused candidates the ranker scores.

nDCG@10 on three sets: .834 .753 .925 with 30, .832 .754 .925 with 24, .828 .752 .924 with 12.
"""

CONTEXT_TOP_K = 10
"""How many passages near the conversation the ranker scores in addition."""

CONTEXT_WEIGHT = 0.5
"""The weight of the conversation for a follow-up, where that of the question itself is 1.

nDCG@10 of 483 later turns of conversations about public services is .684 with .3, .707 with .6 and
.714 with .8. Of 537 questions after one about something else, .761, .754 and .739 of the answers
are good.
"""

CONTEXT_WEIGHT_ALONE = 0.35
"""The same for a question that stands alone: enough to choose between pages that answer alike.

nDCG@10 of 199 such turns is .688 with 0, .738 with .2, .773 with .35. Of 398 questions after one
about something else, .759, .759 and .761 of the answers are good; .07, .12 and .16 are others than
without a conversation.
"""

CHANGELOG_PENALTY = 2.5
"""What is subtracted from the score of a change log's passage if the question is not about changes.

It equals about .35 of a sentence's cosine. Such passages contain every word of the guide, in short
sentences, and explain none. No evaluation set has change logs to fit this number to.
"""

_OWN_LANGUAGE_PROBABILITY = 0.3
"""The probability from which a passage in the question's language is preferred to others.

It lost 2.5 % of the questions that a guide answers.
"""

_LANGUAGE_VOTERS = 20  # BM25 candidates that decide the question's language


@dataclass(frozen=True, slots=True)
class RankingModel:
    """Three linear models: one ranks passages, two give the probability of an answer.

    `ranker` and `answerability` are weights of the features of a passage, `question` those of the
    features of a question as a whole. A feature that a model does not use has the weight 0. The
    guide answers a question where the probability by the last model is at least `threshold`.
    """

    ranker: Features
    answerability: Features
    answerability_intercept: float
    question: Features
    question_intercept: float
    threshold: float

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> RankingModel:
        """Read the model from the form of `ranking.json`.

        Raises ValueError for an unknown feature.
        """
        return cls(
            ranker=_weight_vector(data["ranker"], FEATURES),
            answerability=_weight_vector(data["answerability"], FEATURES),
            answerability_intercept=float(data["answerability_intercept"]),
            question=_weight_vector(data["question"], QUESTION_FEATURES),
            question_intercept=float(data["question_intercept"]),
            threshold=float(data["threshold"]),
        )

    def probabilities(self, features: Features) -> Features:
        """Compute the probability that each candidate answers."""
        odds = features @ self.answerability + self.answerability_intercept
        return np.asarray(1.0 / (1.0 + np.exp(-odds)), dtype=np.float64)

    def question_log_odds(self, features: Features) -> float:
        """Compute the log-odds that the guide answers, from the features of a question."""
        return float(features @ self.question) + self.question_intercept


def _weight_vector(weights: Mapping[str, float], names: Sequence[str]) -> Features:
    if not weights.keys() <= set(names):
        raise ValueError("ranking.json was fitted to other features; run: make train")
    return np.array([weights.get(name, 0.0) for name in names], dtype=np.float64)


@lru_cache(maxsize=1)
def load_shipped_model() -> RankingModel:
    """Load the model that is part of the package."""
    text = files("assistant.retrieval").joinpath("ranking.json").read_text(encoding="utf-8")
    return RankingModel.from_dict(json.loads(text))


def score_context(
    keys: Sequence[int],
    cosines: NDArray[np.float32],
    candidates: Candidates,
    total_idf: float,
    model: RankingModel,
) -> Features:
    """Compute what the conversation adds to each candidate's score, with a weight of 1.

    `candidates` were found for the conversation, whose terms have the summed idf `total_idf`.
    """
    weights = dict(zip(FEATURES, model.ranker.tolist(), strict=True))
    lexical = dict(candidates.lexical)
    shares = np.array([lexical.get(key, 0.0) for key in keys]) / (total_idf or 1.0)
    dense = (weights["cosine"] + weights["sentence_cosine"]) * np.asarray(cosines, dtype=np.float64)
    return np.asarray(dense + weights["lexical_share"] * shares, dtype=np.float64)


def reorder_hits(order: Sequence[Hit], hits: Sequence[Hit]) -> tuple[Hit, ...]:
    """Give hits in a new order the ranks and probabilities of the old one, the highest first."""
    return tuple(
        replace(hit, rank=old.rank, probability=old.probability)
        for hit, old in zip(order, hits, strict=True)
    )


def rank_hits(
    query: Query,
    evidence: Evidence,
    features: Features,
    model: RankingModel,
    context_scores: Features | None = None,
) -> list[Hit]:
    """Rank the candidates, best first, each with the probability that it answers.

    The conversation changes the order and raises no probability: whether the guide answers depends
    on the question alone, so a question about something else inherits nothing.

    Equal scores are in document order. Pages in the question's own language come first where they
    answer it. A hit is never more probable than the one above it.
    """
    if not evidence.keys:
        return []
    scores = features @ model.ranker
    if not query.about_changes:
        scores -= CHANGELOG_PENALTY * evidence.matches.positions.changelogs
    probabilities = model.probabilities(features)
    if context_scores is not None:
        # A candidate that moves up is as probable as the one whose rank it takes.
        before = np.argsort(-scores, kind="stable")
        scores = scores + context_scores
        after = np.argsort(-scores, kind="stable")
        probabilities[after] = np.minimum.accumulate(probabilities[before])
    order = np.lexsort((np.array(evidence.keys), -scores)).tolist()
    own = _in_question_language(evidence)
    if any(probabilities[position] >= _OWN_LANGUAGE_PROBABILITY for position in own):
        order.sort(key=lambda position: position not in own)
    capped = accumulate(probabilities[order].tolist(), min)
    cosines = evidence.cosines.tolist()
    matched = evidence.matches.terms_by_passage((*query.terms, *query.expansions))
    return [
        Hit(
            evidence.passages[n],
            evidence.keys[n],
            rank,
            probability,
            Reason(
                evidence.dense_ranks[n],
                cosines[n],
                evidence.lexical_ranks[n],
                evidence.lexical_scores[n],
                matched[n],
            ),
        )
        for rank, (n, probability) in enumerate(zip(order, capped, strict=True), 1)
    ]


def _in_question_language(evidence: Evidence) -> frozenset[int]:
    """Find the candidates in the question's language; none where there is only one language.

    A question shares most of its words, function words above all, with pages in its language. So
    the language with the largest lexical score among the first twenty is the question's.
    """
    languages = [passage.language for passage in evidence.passages]
    if len(set(languages)) < 2:
        return frozenset()
    shares: dict[str, float] = {}
    votes = zip(languages, evidence.lexical_ranks, evidence.lexical_scores, strict=True)
    for language, rank, score in votes:
        if rank is not None and rank <= _LANGUAGE_VOTERS:
            shares[language] = shares.get(language, 0.0) + score
    own = max(sorted(shares), key=shares.__getitem__, default=None)
    return frozenset(n for n, language in enumerate(languages) if language == own)
