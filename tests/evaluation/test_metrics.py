"""Metrics agree with ir-measures, scikit-learn, and values worked out by hand."""

from __future__ import annotations

import math

import ir_measures
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.evaluation import metrics

NAMES = [f"d{number}" for number in range(15)]
rankings = st.permutations(NAMES).map(lambda names: names[:12])
golds = st.sets(st.sampled_from(NAMES), min_size=1)
chances = st.lists(st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.55, 0.9, 1.0]), min_size=4, max_size=30)


def theirs(measure, ranked, gold) -> float:
    """The values of ir-measures for one ranking."""
    run = [ir_measures.ScoredDoc("q", name, -float(rank)) for rank, name in enumerate(ranked)]
    qrels = [ir_measures.Qrel("q", name, 1) for name in gold]
    return ir_measures.calc_aggregate([measure], qrels, run)[measure]


@given(rankings, golds)
def test_rankings_are_measured_as_ir_measures_does(ranked, gold):
    assert metrics.ndcg(ranked, gold) == pytest.approx(theirs(ir_measures.nDCG @ 10, ranked, gold))
    for k in (1, 5, 10):
        expected = theirs(ir_measures.R @ k, ranked, gold)
        assert metrics.recall(ranked, gold, k) == pytest.approx(expected)
    assert metrics.reciprocal_rank(ranked, gold) == pytest.approx(
        theirs(ir_measures.RR, ranked, gold)
    )


@given(chances, st.randoms(use_true_random=False))
def test_auroc_is_scikit_learns(scores, chooser):
    positive = np.array([True, False] + [chooser.random() < 0.5 for _ in scores[2:]])
    auroc = metrics.auroc(np.array(scores), positive)
    from sklearn.metrics import roc_auc_score  # seconds, which every process would take

    assert auroc == pytest.approx(roc_auc_score(positive, scores))


def test_auroc_of_one_kind_alone_is_nan():
    assert math.isnan(metrics.auroc(np.array([0.5, 0.6]), np.array([True, True])))


def test_specificity_is_taken_at_95_percent_recall():
    answerable = np.linspace(0.405, 0.995, 60)
    strange = np.array([0.1, 0.2, 0.41, 0.45, 0.46, 0.9])
    scores = np.concatenate([answerable, strange])
    positive = np.arange(len(scores)) < len(answerable)
    # At most three of sixty may be lost, so the threshold is at most .435: three of six are below.
    assert metrics.specificity_at_recall(scores, positive) == pytest.approx(3 / 6)


@given(chances, st.randoms(use_true_random=False))
def test_a_probability_equal_to_the_share_has_no_calibration_error(scores, chooser):
    positive = np.array([True, False] + [chooser.random() < 0.5 for _ in scores[2:]])
    weight = np.where(positive, 0.5 / positive.sum(), 0.5 / (~positive).sum())
    share = float((weight * positive).sum())
    assert metrics.expected_calibration_error(
        np.full(len(positive), share), positive
    ) == pytest.approx(0)


def test_calibration_error_is_the_distance_of_predicted_and_true_share():
    predicted = np.array([0.9, 0.9, 0.9, 0.9])
    positive = np.array([True, True, False, False])
    assert metrics.expected_calibration_error(predicted, positive) == pytest.approx(0.4)
    assert metrics.reliability_bins(predicted, positive) == [pytest.approx((0.9, 0.5, 1.0))]


def test_risk_counts_wrong_answers():
    scores, right = np.array([0.9, 0.8, 0.7]), np.array([True, False, True])
    assert metrics.risk_coverage(scores, right) == [
        (pytest.approx(1 / 3), 0.0),
        (pytest.approx(2 / 3), 0.5),
        (1.0, pytest.approx(1 / 3)),
    ]


@pytest.mark.parametrize(
    ("answer", "gold", "f1"),
    [
        ("The cat sat.", ["a cat sat"], 1.0),
        ("cat", ["the dog"], 0.0),
        ("one two three four", ["two three"], 2 * 2 / (4 + 2)),
        ("red red", ["red"], 2 * 1 / 3),
        ("cat", ["dog", "cat"], 1.0),
        ("", ["cat"], 0.0),
    ],
)
def test_token_f1_is_that_of_squad(answer, gold, f1):
    assert metrics.token_f1(answer, gold) == pytest.approx(f1)


def test_overlap_is_five_words_or_all_of_the_shorter():
    gold = ["Press the home button on the remote control and wait."]
    assert metrics.overlaps_gold(["First press home button on remote, twice."], gold)
    assert metrics.overlaps_gold(["and wait"], gold)
    assert not metrics.overlaps_gold(["Press the power button."], gold)
    assert not metrics.overlaps_gold([], gold)
    assert not metrics.overlaps_gold(["…"], gold)


def test_an_interval_is_near_the_normal_one_and_reproducible():
    values = [0.0] * 60 + [1.0] * 40
    low, high = metrics.bootstrap_interval(values)
    error = math.sqrt(0.4 * 0.6 / len(values))
    assert low == pytest.approx(0.4 - 1.96 * error, abs=0.02)
    assert high == pytest.approx(0.4 + 1.96 * error, abs=0.02)
    assert (low, high) == metrics.bootstrap_interval(values)
