"""Candidates to hits: which passage answers best, and whether any does; pure.

Knows the features that tell a good passage from a bad one and the linear model over them, whose
coefficients lie in `ranking.json` with their provenance. Must not know where candidates come
from or how an answer is written.
"""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING

import numpy as np

from assistant.model import Hit, Reason
from assistant.text import terms

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from assistant.model import Candidates, Passage
    from assistant.vocabulary import Vocabulary

    Features = NDArray[np.float64]

DENSE_SHARE = 0.45
"""How much the vectors weigh in the first mix; .4 to .5 was best on every set measured."""

SHORTLIST = 30
"""How many candidates of the first mix the model looks at."""

FEATURES = (
    "cosine",
    "sentence_cosine",
    "lexical_share",
    "coverage",
    "coverage_lead",
    "sentence_coverage",
    "sentence_match",
    "heading_coverage",
    "heading_asked",
    "path_coverage",
    "unknown",
    "focus",
    "brevity",
)
"""The features in the order of a row; what each is stands in `describe`."""

TALK = 0.6
"""How much the talk before a question weighs beside the question itself.

On one half of a set of talks it raised nDCG@10 from .50 to .70, on the other from .54 to .70, and
first questions put after a talk about another page kept theirs (.733, .730); .8 gave .72 and .713.
"""

# How slowly a rank's worth falls where the lists of a question's parts are merged. Over 29 such
# questions nDCG@10 was .791 with 10, .790 with 3, .769 with 1, and .788 for the question unparted;
# the parts without the whole gave .786, the best of each in turn .696.
_PART_RANK = 10

FROM_THE_TALK = 10
"""How many passages near the talk join the shortlist."""

# BM25 with k1 = 1.5 gives a term at most this many times its inverse document frequency.
_BM25_MOST = 2.5


@dataclass(frozen=True, slots=True)
class Evidence:
    """One candidate with all that was measured of it."""

    key: int
    passage: Passage
    cosine: float
    sentence_cosines: tuple[float, ...]
    dense_rank: int | None
    lexical: float
    lexical_rank: int | None


@dataclass(frozen=True, slots=True)
class Model:
    """Two linear models over the same features: one orders, one gives the probability.

    `bar` is the probability under which the guide is held not to answer.
    """

    order: Features
    judge: Features
    judge_intercept: float
    bar: float

    @classmethod
    def from_dict(cls, data: Mapping[str, object]) -> Model:
        """The model as `ranking.json` holds it. Raises ValueError for other features."""
        if tuple(data["features"]) != FEATURES:  # type: ignore[arg-type]
            raise ValueError("ranking.json was fitted to other features; run: make train")
        return cls(
            order=np.asarray(data["order"], dtype=np.float64),
            judge=np.asarray(data["judge"], dtype=np.float64),
            judge_intercept=float(data["judge_intercept"]),  # type: ignore[arg-type]
            bar=float(data["bar"]),  # type: ignore[arg-type]
        )


@lru_cache(maxsize=1)
def shipped() -> Model:
    """The model that comes with the package."""
    text = files("assistant").joinpath("ranking.json").read_text(encoding="utf-8")
    return Model.from_dict(json.loads(text))


def fuse(candidates: Candidates) -> list[int]:
    """Passage numbers by a convex mix of min-max scores, best first, ties in document order.

    Each arm's scores are spread over [0, 1]; what an arm did not find counts 0 there.
    """
    mixed: dict[int, float] = {}
    for found, share in ((candidates.dense, DENSE_SHARE), (candidates.lexical, 1 - DENSE_SHARE)):
        if not found:
            continue
        scores = [score for _, score in found]
        lowest, spread = min(scores), max(scores) - min(scores)
        for key, score in found:
            scaled = (score - lowest) / spread if spread > 0 else 1.0
            mixed[key] = mixed.get(key, 0.0) + share * scaled
    return sorted(mixed, key=lambda key: (-mixed[key], key))


_VOTERS = 20  # candidates of BM25 that settle which language is asked in


def describe(
    asked: Sequence[str], evidence: Sequence[Evidence], vocabulary: Vocabulary, *, focus: str = ""
) -> Features:
    """The features of each candidate: float64, shape (candidates, len(FEATURES)).

    `asked` are the question's terms. Cosines are of the whole passage and of its best sentence.
    `lexical_share` is BM25 as a share of the most the question's terms could score. Coverages
    are shares of the question's rarity (summed inverse document frequency) held by the passage
    with its headings, its best sentence, its own heading, and its heading path; the lead is how
    far the first stands above the mean of the shortlist. `sentence_match` is the better of a
    sentence's two ways to answer, by meaning or by words. `heading_asked` is the share of its own
    heading's rarity that the question holds, `unknown` the share of the question's rarity in
    words the guide never says. `focus` is 0 where the stem of what the question wants named is
    not in the passage, else 1. `brevity` falls from 1 for an empty text to ½ at 20 terms.
    """
    rarity = {term: vocabulary.rarity(term) for term in asked}
    total = sum(rarity.values()) or 1.0

    def covered(found: set[str]) -> float:
        return sum(value for term, value in rarity.items() if term in found) / total

    unknown = 1.0 - covered({term for term in rarity if term in vocabulary.frequency})
    rows = []
    for item in evidence:
        passage = item.passage
        heading = set(terms(passage.heading))
        path = set(terms(passage.heading_path))
        sentences = [set(terms(passage.slice(s))) for s in passage.sentences if s.kind != "heading"]
        body = set[str]().union(*sentences)
        heading_rarity = {term: vocabulary.rarity(term) for term in heading}
        known = sum(value for term, value in heading_rarity.items() if term in rarity)
        sentence_cosine = max(item.sentence_cosines, default=item.cosine)
        sentence_coverage = max(map(covered, sentences), default=0.0)
        rows.append(
            (
                item.cosine,
                sentence_cosine,
                item.lexical / (_BM25_MOST * total),
                covered(body | path),
                0.0,
                sentence_coverage,
                max(sentence_cosine, sentence_coverage),
                covered(heading),
                known / (sum(heading_rarity.values()) or 1.0),
                covered(path),
                unknown,
                float(not focus or focus in body or focus in path),
                1.0 / (1.0 + len(body) / 20.0),
            )
        )
    features = np.asarray(rows, dtype=np.float64).reshape(-1, len(FEATURES))
    if rows:
        coverage = features[:, FEATURES.index("coverage")]
        features[:, FEATURES.index("coverage_lead")] = coverage - coverage.mean()
    return features


def lean(
    keys: Sequence[int],
    cosines: NDArray[np.float32],
    candidates: Candidates,
    total: float,
    model: Model,
) -> Features:
    """What the talk adds to each candidate's score, in the measure the question itself is given.

    `candidates` were found for the talk, whose terms have the summed rarity `total`.
    """
    weigh = dict(zip(FEATURES, model.order.tolist(), strict=True))
    lexical = dict(candidates.lexical)
    shares = np.array([lexical.get(key, 0.0) for key in keys]) / (_BM25_MOST * (total or 1.0))
    near = (weigh["cosine"] + weigh["sentence_cosine"]) * np.asarray(cosines, dtype=np.float64)
    return np.asarray(TALK * (near + weigh["lexical_share"] * shares), dtype=np.float64)


def rank(
    evidence: Sequence[Evidence],
    features: Features,
    asked: Sequence[str],
    model: Model,
    talk: Features | None = None,
) -> list[Hit]:
    """Candidates as hits, best first, each with the probability that it answers.

    What the talk adds orders them and makes none likelier: whether the guide answers is judged on
    the question, so that a question about something else inherits nothing.

    Equal scores fall back on document order. Pages in the question's own language come first,
    where they answer it. A hit is never more probable than the one above it.
    """
    scores = features @ model.order
    chances = 1.0 / (1.0 + np.exp(-(features @ model.judge + model.judge_intercept)))
    if talk is not None:
        # What the talk lifts is as probable as what it takes the place of.
        before = np.argsort(-scores, kind="stable")
        scores = scores + talk
        chances[np.argsort(-scores, kind="stable")] = np.minimum.accumulate(chances[before])
    order = sorted(range(len(evidence)), key=lambda i: (-scores[i], evidence[i].key))
    own = _in_the_language_asked(evidence)
    if any(chances[position] >= model.bar for position in own):
        order.sort(key=lambda position: position not in own)
    hits: list[Hit] = []
    for place, position in enumerate(order, 1):
        item = evidence[position]
        words = set(terms(item.passage.search_text))
        chance = float(chances[position])
        hits.append(
            Hit(
                passage=item.passage,
                key=item.key,
                rank=place,
                probability=min(chance, hits[-1].probability) if hits else chance,
                why=Reason(
                    dense_rank=item.dense_rank,
                    dense=item.cosine,
                    lexical_rank=item.lexical_rank,
                    lexical=item.lexical,
                    matched=tuple(dict.fromkeys(term for term in asked if term in words)),
                ),
            )
        )
    return hits


def doubted(hits: Sequence[Hit], model: Model) -> tuple[Hit, ...]:
    """The hits in their order, none likely enough to answer."""
    return tuple(replace(hit, probability=hit.probability * model.bar / 2) for hit in hits)


def merged(lists: Sequence[Sequence[Hit]]) -> tuple[Hit, ...]:
    """The hits of the parts of a question as one list, by the sum of their reciprocal ranks.

    A hit is as probable as in the list that thinks best of it, and never more than one above it.
    """
    if len(lists) == 1:
        return tuple(lists[0])
    shares: dict[int, float] = {}
    best: dict[int, Hit] = {}
    for hit in itertools.chain.from_iterable(lists):
        shares[hit.key] = shares.get(hit.key, 0.0) + 1.0 / (_PART_RANK + hit.rank)
        if hit.key not in best or best[hit.key].probability < hit.probability:
            best[hit.key] = hit
    order = sorted(best, key=lambda key: (-shares[key], key))
    lowest = itertools.accumulate((best[key].probability for key in order), min)
    return tuple(
        replace(best[key], rank=rank, probability=probability)
        for rank, (key, probability) in enumerate(zip(order, lowest, strict=True), 1)
    )


def _in_the_language_asked(evidence: Sequence[Evidence]) -> frozenset[int]:
    """Which candidates are in the language of the question; none where there is but one.

    A question shares most of its words, the small ones above all, with pages of its language: the
    language whose pages hold most of the lexical score among the best twenty is taken to be it.
    """
    shares: dict[str, float] = {}
    for item in evidence:
        if item.lexical_rank is not None and item.lexical_rank <= _VOTERS:
            language = item.passage.language
            shares[language] = shares.get(language, 0.0) + item.lexical
    if len({item.passage.language for item in evidence}) < 2 or not shares:
        return frozenset()
    asked = max(sorted(shares), key=lambda language: shares[language])
    return frozenset(n for n, item in enumerate(evidence) if item.passage.language == asked)
