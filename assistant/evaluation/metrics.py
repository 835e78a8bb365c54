"""Metrics of rankings, answers and refusals, each from its published definition.

The tests compare them with ir-measures, scikit-learn's definitions and values worked out by hand.
"""

from __future__ import annotations

import re
import string
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Flags = NDArray[np.bool_]

_RESAMPLES = 1000
_PAIRED_RESAMPLES = 200  # each of them sorts all scores
_BINS = 10
_SHARED_RUN = 5  # how many words in a row two texts do not share by chance
_ARTICLES = re.compile(r"\b(?:a|an|the)\b")
_TOKEN = re.compile(r"[\w$£€%@#.+-]+")
_NO_PUNCTUATION = str.maketrans("", "", string.punctuation + "“”‘’–—…•")

# Articles, prepositions, pronouns and auxiliaries. The stopwords of the index are three times as
# many, and among them are words that decide an answer: only, before, every, never.
_FUNCTION_WORDS = frozenset(
    """
    a an the as at by for from in of on to with and if or are be can do does has have is not will
    i it its our that their they this we you your
    """.split()
)
MIN_GOLD_SHARE = 0.7
"""A complete answer has at least this share of the gold sentence's content words."""


def ndcg(ranked: Sequence[str], gold: Collection[str], k: int = 10) -> float:
    """Compute the normalised discounted cumulative gain of the first k, each gold id worth 1.

    Järvelin and Kekäläinen 2002, with the discount 1 / log2(rank + 1).
    """
    gain = sum(1 / np.log2(rank + 1) for rank, name in enumerate(ranked[:k], 1) if name in gold)
    ideal = sum(1 / np.log2(rank + 1) for rank in range(1, min(len(gold), k) + 1))
    return float(gain / ideal) if gold else 0.0


def recall(ranked: Sequence[str], gold: Collection[str], k: int) -> float:
    """Compute the share of the gold ids among the first k."""
    return len(set(ranked[:k]) & set(gold)) / len(gold) if gold else 0.0


def reciprocal_rank(ranked: Sequence[str], gold: Collection[str]) -> float:
    """Compute one over the rank of the first gold id; 0 where there is none."""
    return next((1 / rank for rank, name in enumerate(ranked, 1) if name in gold), 0.0)


def token_f1(answer: str, gold: Sequence[str]) -> float:
    """Compute SQuAD's token F1 of an answer against the nearest gold answer.

    Lower-case, without punctuation and articles. An empty answer has 0.
    """
    words = _normalise_answer(answer)
    return max((_token_f1(words, _normalise_answer(text)) for text in gold), default=0.0)


def _token_f1(answer: list[str], gold: list[str]) -> float:
    shared = (Counter(answer) & Counter(gold)).total()
    return 2 * shared / (len(answer) + len(gold)) if shared else 0.0


def overlaps_gold(sentences: Sequence[str], gold: Sequence[str]) -> bool:
    """Whether a quoted sentence overlaps a gold span.

    They overlap where they share five words in a row, or all words of the shorter one.
    """
    return any(
        _share_run(_normalise_answer(sentence), _normalise_answer(text))
        for sentence in sentences
        for text in gold
    )


def _share_run(words: list[str], other: list[str]) -> bool:
    run = min(_SHARED_RUN, len(words), len(other))
    if not run:
        return False
    runs = {tuple(words[start : start + run]) for start in range(len(words) - run + 1)}
    return any(tuple(other[start : start + run]) in runs for start in range(len(other) - run + 1))


def _normalise_answer(text: str) -> list[str]:
    return _ARTICLES.sub(" ", text.lower().translate(_NO_PUNCTUATION)).split()


def content_words(text: str) -> list[str]:
    """List the words of a text in lower case, without function words, repeats included.

    A word may hold the signs of amounts, codes and addresses: `$40`, `v1.2`, `ex-112`, `@here`.
    """
    tokens = (token.strip(".-") for token in _TOKEN.findall(text.lower()))
    return [word for word in tokens if word and word not in _FUNCTION_WORDS]


def gold_share(answer: str, gold: str) -> float:
    """Compute the share of a gold text's content words that an answer has; 1 where it has none."""
    words, answer_words = content_words(gold), set(content_words(answer))
    return sum(word in answer_words for word in words) / len(words) if words else 1.0


def contains_gold(answer: str, gold: str) -> bool:
    """Whether an answer has most of a gold text's content words, and all with a digit in them.

    A wrong number or code makes an answer wrong, however many other words it shares.
    """
    codes = {word for word in content_words(gold) if any(map(str.isdigit, word))}
    return gold_share(answer, gold) >= MIN_GOLD_SHARE and codes <= set(content_words(answer))


def auroc(scores: Floats, positive: Flags) -> float:
    """Compute the probability that a positive scores above a negative, ties counting half.

    The Mann-Whitney U statistic; NaN where there are no positives or no negatives.
    """
    positives, negatives = int(positive.sum()), int((~positive).sum())
    if not positives or not negatives:
        return float("nan")
    _, inverse, count = np.unique(scores, return_inverse=True, return_counts=True)
    mean_rank = np.cumsum(count) - (count - 1) / 2
    total = mean_rank[inverse][positive].sum()
    return float((total - positives * (positives + 1) / 2) / (positives * negatives))


def specificity_at_recall(scores: Floats, positive: Flags, max_lost: float = 0.05) -> float:
    """Compute the share of negatives under the threshold that loses `max_lost` of the positives."""
    threshold = np.quantile(scores[positive], max_lost, method="lower")
    return float((scores[~positive] < threshold).mean())


def expected_calibration_error(probabilities: Floats, positive: Flags) -> float:
    """Compute the expected calibration error over ten equal bins.

    Naeini et al. 2015. All positives together weigh as much as all negatives, so that the figure
    does not depend on the number of each.
    """
    bins = reliability_bins(probabilities, positive)
    total = sum(weight for *_, weight in bins)
    return sum(weight * abs(mean - share) for mean, share, weight in bins) / total


def reliability_bins(probabilities: Floats, positive: Flags) -> list[tuple[float, float, float]]:
    """List mean probability, share of positives and weight of each bin that is not empty."""
    weight = np.where(positive, 0.5 / max(positive.sum(), 1), 0.5 / max((~positive).sum(), 1))
    numbers = np.minimum((probabilities * _BINS).astype(int), _BINS - 1)
    bins = []
    for number in range(_BINS):
        inside = numbers == number
        total = float(weight[inside].sum())
        if total:
            mean = float((weight * probabilities)[inside].sum() / total)
            bins.append((mean, float((weight * positive)[inside].sum() / total), total))
    return bins


def risk_coverage(scores: Floats, right: Flags) -> list[tuple[float, float]]:
    """List, for each threshold, the share of questions answered and the share of wrong answers.

    El-Yaniv and Wiener 2010. `right` is whether the answer to a question, if given, is right.
    """
    order = np.argsort(-scores, kind="stable")
    wrong = np.cumsum(~right[order])
    answered = np.arange(1, len(scores) + 1)
    return list(zip((answered / len(scores)).tolist(), (wrong / answered).tolist(), strict=True))


def bootstrap_interval(values: Sequence[float]) -> tuple[float, float]:
    """Compute the 95 % bootstrap interval of a mean: percentiles over 1,000 seeded resamples."""
    sample = np.asarray(values, dtype=np.float64)
    if not len(sample):
        return float("nan"), float("nan")
    chosen = np.random.default_rng(0).integers(0, len(sample), (_RESAMPLES, len(sample)))
    low, high = np.quantile(sample[chosen].mean(axis=1), [0.025, 0.975])
    return float(low), float(high)


def median_interval(values: Sequence[float]) -> tuple[float, float]:
    """Compute the 95 % bootstrap interval of the upper median, as `bootstrap_interval` does."""
    sample = np.asarray(values, dtype=np.float64)
    chosen = np.random.default_rng(0).integers(0, len(sample), (_RESAMPLES, len(sample)))
    medians = np.quantile(sample[chosen], 0.5, axis=1, method="higher")
    low, high = np.quantile(medians, [0.025, 0.975])
    return float(low), float(high)


def two_sample_interval(
    figure: Callable[[Floats, Flags], float], scores: Floats, positive: Flags
) -> tuple[float, float]:
    """Compute the 95 % bootstrap interval of a figure of two kinds, each resampled by itself."""
    random = np.random.default_rng(0)
    kinds = [np.flatnonzero(positive), np.flatnonzero(~positive)]
    resamples = [
        np.concatenate([random.choice(kind, len(kind)) for kind in kinds])
        for _ in range(_PAIRED_RESAMPLES)
    ]
    values = [figure(scores[rows], positive[rows]) for rows in resamples]
    low, high = np.quantile(values, [0.025, 0.975])
    return float(low), float(high)
