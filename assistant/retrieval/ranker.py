"""Candidates to hits: which passage answers best, and whether any does; pure.

Knows the features that tell a good passage from a bad one and the linear model over them, whose
coefficients lie in `ranking.json` with their provenance. Must not know where candidates come
from or how an answer is written.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib.resources import files
from itertools import accumulate, chain, pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from assistant.index.term_matches import HEADING_SCORE, sum_weights
from assistant.models.answers import Hit, Reason
from assistant.text.text import extract_terms

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from assistant.index.term_matches import TermMatches
    from assistant.index.vocabulary import Vocabulary
    from assistant.models.answers import Candidates
    from assistant.models.documents import Passage

    Features = NDArray[np.float64]

DENSE_WEIGHT = 0.45
"""How much the vectors weigh in the first mix; .4 to .5 was best on every set measured."""

RERANK_TOP_K = 24
"""How many candidates of the first mix the model looks at.

nDCG@10 on three sets: .834 .753 .925 with 30, .832 .754 .925 with 24, .828 .752 .924 with 12.
"""

FEATURES = (
    "sentence_cosine",
    "cosine",
    "match",
    "lexical_share",
    "pairs",
    "window",
    "missing",
    "astray",
    "kind",
    "brevity",
)
"""The features in the order of a row; what each is stands in `describe`."""

CONTEXT_WEIGHT = 0.6
"""How much the talk before a question weighs beside the question itself.

On one half of a set of talks it raised nDCG@10 from .50 to .70, on the other from .54 to .70, and
first questions put after a talk about another page kept theirs (.733, .730); .8 gave .72 and .713.
"""

# How slowly a rank's worth falls where the lists of a question's parts are merged. Over 29 such
# questions nDCG@10 was .791 with 10, .790 with 3, .769 with 1, and .788 for the question unparted;
# the parts without the whole gave .786, the best of each in turn .696.
_RRF_K = 10

CONTEXT_TOP_K = 10
"""How many passages near the talk join the shortlist."""

CHANGELOG_PENALTY = 2.5
"""How far a passage of a change log stands back where nothing new is asked for.

About what .35 of a sentence's cosine gives. Such passages hold every word of the guide, in short
sentences, and explain none. No set has change logs to fit this to.
"""

# BM25 with k1 = 1.5 gives a term at most this many times its inverse document frequency.
_MAX_BM25_PER_IDF = 2.5


@dataclass(frozen=True, slots=True)
class Query:
    """What a question looks for: its terms, those side by side, and what it wants named.

    `also` are terms it means without saying them, looked for and never missed. `focus` is the
    stem of the thing it wants named, empty for none. `kind` is what the answer has to hold: a
    date, a number, a name, or empty for anything. `news` is whether it asks what changed.
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
        """What a question's text looks for."""
        found = extract_terms(text)
        said = tuple(dict.fromkeys(found))
        unsaid = tuple(term for term in dict.fromkeys(expansions) if term not in said)
        return cls(said, unsaid, tuple(pairwise(found)), focus, answer_type, about_changes)

    @property
    def all_terms(self) -> tuple[str, ...]:
        """Every term there is to look out for, once."""
        return tuple(dict.fromkeys((*self.terms, *self.expansions, *filter(None, (self.focus,)))))


@dataclass(frozen=True, slots=True)
class Evidence:
    """The candidates, by number, with all that was measured of them.

    `where` says where the terms of the question stand in them. `sentence_cosines`, and what they
    `said` to the question, are of all their sentences, one candidate's after another's. A rank is
    None where that arm did not find one.
    """

    keys: Sequence[int]
    passages: Sequence[Passage]
    matches: TermMatches
    cosines: NDArray[np.float32]
    sentence_cosines: NDArray[np.float32]
    sentence_scores: Features
    dense_ranks: Sequence[int | None]
    lexical_scores: Sequence[float]
    lexical_ranks: Sequence[int | None]

    def sentence_scores_of(self, key: int) -> tuple[float, ...]:
        """What each sentence of a candidate said to the question."""
        place, counts = self.keys.index(key), self.matches.positions.sentences.tolist()
        start = sum(counts[:place])
        return tuple(self.sentence_scores[start : start + counts[place]].tolist())


@dataclass(frozen=True, slots=True)
class RankingModel:
    """Two linear models over the features: one orders, one gives the probability.

    A feature that one of them does not use weighs 0 in it. `bar` is the probability under which
    the guide is held not to answer.
    """

    ranker: Features
    answerability: Features
    answerability_intercept: float
    threshold: float

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> RankingModel:
        """The model as `ranking.json` holds it. Raises ValueError for a feature nobody knows."""
        return cls(
            ranker=_weight_vector(data["order"]),
            answerability=_weight_vector(data["judge"]),
            answerability_intercept=float(data["judge_intercept"]),
            threshold=float(data["bar"]),
        )


def _weight_vector(named: Mapping[str, float]) -> Features:
    if not named.keys() <= set(FEATURES):
        raise ValueError("ranking.json was fitted to other features; run: make train")
    return np.array([named.get(name, 0.0) for name in FEATURES], dtype=np.float64)


@lru_cache(maxsize=1)
def load_shipped_model() -> RankingModel:
    """The model that comes with the package."""
    text = files("assistant.retrieval").joinpath("ranking.json").read_text(encoding="utf-8")
    return RankingModel.from_dict(json.loads(text))


def fuse(candidates: Candidates) -> list[int]:
    """Passage numbers by a convex mix of min-max scores, best first, ties in document order.

    Each arm's scores are spread over [0, 1]; what an arm did not find counts 0 there.
    """
    mixed: dict[int, float] = {}
    for found, share in ((candidates.dense, DENSE_WEIGHT), (candidates.lexical, 1 - DENSE_WEIGHT)):
        if not found:
            continue
        scores = [score for _, score in found]
        lowest, spread = min(scores), max(scores) - min(scores)
        for key, score in found:
            scaled = (score - lowest) / spread if spread > 0 else 1.0
            mixed[key] = mixed.get(key, 0.0) + share * scaled
    return sorted(sorted(mixed), key=mixed.__getitem__, reverse=True)


def compute_features(query: Query, evidence: Evidence, vocabulary: Vocabulary) -> Features:
    """The features of each candidate: float64, shape (candidates, len(FEATURES)).

    Cosines are of the best sentence and of the whole passage. `lexical_share` is BM25 as a share
    of the most the question's terms could score. `pairs` is the share of the question's
    neighbouring terms that stand side by side in a sentence or heading, or one word apart; ½ where
    it has none. `window` is the share of the question's rarity (summed inverse document frequency)
    in the best sentence, the ones beside it and the heading, 0 where nothing stands under the
    heading. `match` is the better of the two ways to answer, by meaning or by words. `missing` is
    the rarity of the rarest term the passage lacks, over that of the rarest asked. `astray` is
    what the window lacks where the passage has no word for what the question wants named, else 0.
    `kind` is 0 where the window holds no date, number or name though one is asked for, else 1.
    `brevity` falls from 1 for an empty text to ½ at 20 terms.
    """
    where, told = evidence.matches, evidence.matches.positions
    count = len(evidence.keys)
    features = np.empty((count, len(FEATURES)))
    if not count:
        return features
    rarity = vocabulary.idfs(query.terms)
    total, rarest = sum(rarity.tolist()) or 1.0, max(rarity.tolist(), default=1.0)
    # The best sentence says most by meaning and by words; an answer may stand beside it.
    said = told.pad_by_passage(evidence.sentence_scores, HEADING_SCORE)
    best = said.argmax(axis=1)
    answers = said.max(axis=1) > HEADING_SCORE
    covered = sum_weights(where.terms_near(best), rarity) / total * answers
    cosines = evidence.cosines.astype(np.float64)
    sentence_cosines = told.pad_by_passage(evidence.sentence_cosines, -np.inf).max(axis=1)
    sentence_cosines = np.where(told.sentences > 0, sentence_cosines, cosines)
    lacking = rarity * ~where.passages[:, : rarity.size]
    features[:, 0] = sentence_cosines
    features[:, 1] = cosines
    features[:, 2] = np.maximum(sentence_cosines, covered)
    features[:, 3] = np.array(evidence.lexical_scores) / (_MAX_BM25_PER_IDF * total)
    features[:, 4] = (
        where.count_adjacent_pairs(query.bigrams) / len(query.bigrams) if query.bigrams else 0.5
    )
    features[:, 5] = covered
    features[:, 6] = lacking.max(axis=1, initial=0.0) / rarest
    features[:, 7] = (1.0 - covered) * ~where.passages_with(query.focus) if query.focus else 0.0
    features[:, 8] = 1.0
    if query.answer_type:
        for n in np.flatnonzero(answers).tolist():
            features[n, 8] = _has_answer_type(
                query, _window_text(evidence.passages[n], int(best[n]))
            )
    features[:, 9] = 1.0 / (1.0 + told.distinct_terms / 20.0)
    return features


def _window_text(passage: Passage, best: int) -> str:
    """The text of a sentence and those beside it, the heading left out."""
    near = passage.sentences[max(0, best - 1) : best + 2]
    return " ".join(passage.slice(sentence) for sentence in near if sentence.kind != "heading")


_DATE = re.compile(
    r"\b(?:1\d{3}|20\d{2})\b|\b(?:january|february|march|april|may|june|july|august|september|"
    r"october|november|december|monday|tuesday|wednesday|thursday|friday|saturday|sunday|"
    r"century|centuries)\b",
    re.I,
)
_NUMBER = re.compile(
    r"\d|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|dozen|hundred|"
    r"thousand|million|billion|half|twice)\b",
    re.I,
)
_NAME = re.compile(r"(?<![.!?] )(?<!^)\b[A-Z][\w’'-]+")


def _has_answer_type(sought: Query, text: str) -> bool:
    """Whether a text holds a date, a number, or a name the question does not hold itself."""
    match sought.answer_type:
        case "date":
            return bool(_DATE.search(text))
        case "number":
            return bool(_NUMBER.search(text))
        case "name":
            return any(
                set(extract_terms(name)).isdisjoint(sought.terms) for name in _NAME.findall(text)
            )
        case _:
            return True


_LANGUAGE_VOTERS = 20  # candidates of BM25 that settle which language is asked in


def score_context(
    keys: Sequence[int],
    cosines: NDArray[np.float32],
    candidates: Candidates,
    total: float,
    model: RankingModel,
) -> Features:
    """What the talk adds to each candidate's score, in the measure the question itself is given.

    `candidates` were found for the talk, whose terms have the summed rarity `total`.
    """
    weigh = dict(zip(FEATURES, model.ranker.tolist(), strict=True))
    lexical = dict(candidates.lexical)
    shares = np.array([lexical.get(key, 0.0) for key in keys]) / (
        _MAX_BM25_PER_IDF * (total or 1.0)
    )
    near = (weigh["cosine"] + weigh["sentence_cosine"]) * np.asarray(cosines, dtype=np.float64)
    return np.asarray(CONTEXT_WEIGHT * (near + weigh["lexical_share"] * shares), dtype=np.float64)


def rank_hits(
    query: Query,
    evidence: Evidence,
    features: Features,
    model: RankingModel,
    context_scores: Features | None = None,
) -> list[Hit]:
    """Candidates as hits, best first, each with the probability that it answers.

    What the talk adds orders them and makes none likelier: whether the guide answers is judged on
    the question, so that a question about something else inherits nothing.

    Equal scores fall back on document order. Pages in the question's own language come first,
    where they answer it. A hit is never more probable than the one above it.
    """
    if not evidence.keys:
        return []
    scores = features @ model.ranker
    if not query.about_changes:
        scores -= CHANGELOG_PENALTY * evidence.matches.positions.changelogs
    chances = 1.0 / (
        1.0 + np.exp(-(features @ model.answerability + model.answerability_intercept))
    )
    if context_scores is not None:
        # What the talk lifts is as probable as what it takes the place of.
        before = np.argsort(-scores, kind="stable")
        scores = scores + context_scores
        chances[np.argsort(-scores, kind="stable")] = np.minimum.accumulate(chances[before])
    order = np.lexsort((np.array(evidence.keys), -scores)).tolist()
    own = _in_question_language(evidence)
    if any(chances[position] >= model.threshold for position in own):
        order.sort(key=lambda position: position not in own)
    lowest = accumulate(chances[order].tolist(), min)
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
        for rank, (n, probability) in enumerate(zip(order, lowest, strict=True), 1)
    ]


def lower_below_threshold(hits: Sequence[Hit], model: RankingModel) -> tuple[Hit, ...]:
    """The hits in their order, none likely enough to answer."""
    return tuple(replace(hit, probability=hit.probability * model.threshold / 2) for hit in hits)


def merge_hits(lists: Sequence[Sequence[Hit]]) -> tuple[Hit, ...]:
    """The hits of the parts of a question as one list, by the sum of their reciprocal ranks.

    A hit is as probable as in the list that thinks best of it, and never more than one above it.
    """
    if len(lists) == 1:
        return tuple(lists[0])
    shares: dict[int, float] = {}
    best: dict[int, Hit] = {}
    for hit in chain.from_iterable(lists):
        shares[hit.key] = shares.get(hit.key, 0.0) + 1.0 / (_RRF_K + hit.rank)
        if hit.key not in best or best[hit.key].probability < hit.probability:
            best[hit.key] = hit
    order = sorted(best, key=lambda key: (-shares[key], key))
    lowest = accumulate((best[key].probability for key in order), min)
    return tuple(
        replace(best[key], rank=rank, probability=probability)
        for rank, (key, probability) in enumerate(zip(order, lowest, strict=True), 1)
    )


def _in_question_language(evidence: Evidence) -> frozenset[int]:
    """Which candidates are in the language of the question; none where there is but one.

    A question shares most of its words, the small ones above all, with pages of its language: the
    language whose pages hold most of the lexical score among the best twenty is taken to be it.
    """
    languages = [passage.language for passage in evidence.passages]
    if len(set(languages)) < 2:
        return frozenset()
    shares: dict[str, float] = {}
    found = zip(languages, evidence.lexical_ranks, evidence.lexical_scores, strict=True)
    for language, rank, score in found:
        if rank is not None and rank <= _LANGUAGE_VOTERS:
            shares[language] = shares.get(language, 0.0) + score
    asked = max(sorted(shares), key=shares.__getitem__, default=None)
    return frozenset(n for n, language in enumerate(languages) if language == asked)
