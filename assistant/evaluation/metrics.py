"""How good a ranking, an answer, or a refusal was: the field's measures, each from its definition.

Knows ids, texts and numbers. Must not know what a guide, an index or an assistant is. Checked in
the tests against ir-measures, scikit-learn's definitions and values worked out by hand.
"""

from __future__ import annotations

import re
import string
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Flags = NDArray[np.bool_]

_RESAMPLES = 1000
_BINS = 10
_SHARED_RUN = 5  # words in a row that two texts share by more than chance
_ARTICLES = re.compile(r"\b(?:a|an|the)\b")
_NO_PUNCTUATION = str.maketrans("", "", string.punctuation + "“”‘’–—…•")


def ndcg(ranked: Sequence[str], gold: Collection[str], k: int = 10) -> float:
    """Normalised discounted cumulative gain of the first k, each gold id worth 1.

    Järvelin and Kekäläinen 2002, with the discount 1 / log2(rank + 1).
    """
    gain = sum(1 / np.log2(rank + 1) for rank, name in enumerate(ranked[:k], 1) if name in gold)
    ideal = sum(1 / np.log2(rank + 1) for rank in range(1, min(len(gold), k) + 1))
    return float(gain / ideal) if gold else 0.0


def recall(ranked: Sequence[str], gold: Collection[str], k: int) -> float:
    """The share of the gold ids among the first k."""
    return len(set(ranked[:k]) & set(gold)) / len(gold) if gold else 0.0


def reciprocal_rank(ranked: Sequence[str], gold: Collection[str]) -> float:
    """One over the rank of the first gold id; 0 where there is none."""
    return next((1 / rank for rank, name in enumerate(ranked, 1) if name in gold), 0.0)


def token_f1(answer: str, gold: Sequence[str]) -> float:
    """The F1 of the words of an answer against the gold answer it is nearest to (SQuAD's).

    Lower-case, without punctuation and articles. An empty answer has 0.
    """
    return max(
        (_token_f1(_normalise_answer(answer), _normalise_answer(text)) for text in gold),
        default=0.0,
    )


def _token_f1(said: list[str], gold: list[str]) -> float:
    shared = (Counter(said) & Counter(gold)).total()
    return 2 * shared / (len(said) + len(gold)) if shared else 0.0


def overlaps_gold(sentences: Sequence[str], gold: Sequence[str]) -> bool:
    """Whether a quoted sentence overlaps a gold span.

    They overlap where they share five words in a row, or all the words of the shorter.
    """
    return any(
        _share_run(_normalise_answer(one), _normalise_answer(text))
        for one in sentences
        for text in gold
    )


def _share_run(one: list[str], other: list[str]) -> bool:
    run = min(_SHARED_RUN, len(one), len(other))
    if not run:
        return False
    runs = {tuple(one[start : start + run]) for start in range(len(one) - run + 1)}
    return any(tuple(other[start : start + run]) in runs for start in range(len(other) - run + 1))


def _normalise_answer(text: str) -> list[str]:
    return _ARTICLES.sub(" ", text.lower().translate(_NO_PUNCTUATION)).split()


def auroc(scores: Floats, positive: Flags) -> float:
    """The chance that a positive scores above a negative, ties counting half.

    The Mann-Whitney U statistic; not a number where one of the two is missing.
    """
    ones, noughts = int(positive.sum()), int((~positive).sum())
    if not ones or not noughts:
        return float("nan")
    values, place, count = np.unique(scores, return_inverse=True, return_counts=True)
    del values
    mean_rank = np.cumsum(count) - (count - 1) / 2
    total = mean_rank[place][positive].sum()
    return float((total - ones * (ones + 1) / 2) / (ones * noughts))


def specificity_at_recall(scores: Floats, positive: Flags, max_lost: float = 0.05) -> float:
    """The share of negatives under the score that loses at most so many of the positives."""
    bar = np.quantile(scores[positive], max_lost, method="lower")
    return float((scores[~positive] < bar).mean())


def expected_calibration_error(chances: Floats, positive: Flags) -> float:
    """Expected calibration error over ten equal bins, positives and negatives weighing the same.

    Naeini et al. 2015. The weights make the figure independent of how many of each were asked.
    """
    found = reliability_bins(chances, positive)
    return sum(held * abs(said - true) for said, true, held in found) / sum(h for *_, h in found)


def reliability_bins(chances: Floats, positive: Flags) -> list[tuple[float, float, float]]:
    """For each of ten equal bins that holds anything: mean chance, true share, weight."""
    weight = np.where(positive, 0.5 / max(positive.sum(), 1), 0.5 / max((~positive).sum(), 1))
    bins = np.minimum((chances * _BINS).astype(int), _BINS - 1)
    found = []
    for number in range(_BINS):
        inside = bins == number
        held = float(weight[inside].sum())
        if held:
            said = float((weight * chances)[inside].sum() / held)
            found.append((said, float((weight * positive)[inside].sum() / held), held))
    return found


def risk_coverage(scores: Floats, right: Flags) -> list[tuple[float, float]]:
    """For each bar: the share of questions answered and how many of those are answered wrongly.

    El-Yaniv and Wiener 2010. `right` is whether an answer, if given, would be right.
    """
    order = np.argsort(-scores, kind="stable")
    wrong = np.cumsum(~right[order])
    answered = np.arange(1, len(scores) + 1)
    return list(zip((answered / len(scores)).tolist(), (wrong / answered).tolist(), strict=True))


def bootstrap_interval(values: Sequence[float]) -> tuple[float, float]:
    """The 95 % bootstrap interval of a mean: percentiles over 1,000 resamples, always the same."""
    sample = np.asarray(values, dtype=np.float64)
    if not len(sample):
        return float("nan"), float("nan")
    chosen = np.random.default_rng(0).integers(0, len(sample), (_RESAMPLES, len(sample)))
    low, high = np.quantile(sample[chosen].mean(axis=1), [0.025, 0.975])
    return float(low), float(high)
