"""The features of each sentence are as described, on a page small enough to compute by hand."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import assistant.answering
from assistant.answering.sentence_model import (
    SENTENCE_FEATURES,
    compute_sentence_features,
    estimate_probabilities,
)
from assistant.query.query import Interpretation, Query
from assistant.query.question_type import detect_answer_type, parse_question
from tests.answering.candidates import make_candidates, read_page

PAGE = """# Dogs and cats

A cat is a hunter. It eats fish. Only these must never be eaten:

- cold fish
- bread

## Birds

A bird sings.

| bird | food |
| --- | --- |
| owl | mice |
| crow | bread |
"""
TERMS = ("cat", "fish", "dog", "mink")
IDFS = np.array([3.0, 1.0, 4.0, 2.0])


def interpret(text: str) -> Interpretation:
    query = Query.from_text(text, answer_type=detect_answer_type(text))
    return Interpretation(parse_question(text), text, query, 1.0)


@pytest.fixture(scope="module")
def sections(tmp_path_factory):
    """The section on cats, as four terms match it, and the section on birds, as none does."""
    cats, birds = make_candidates(read_page(tmp_path_factory.mktemp("page"), PAGE))
    matches = np.zeros((5, 4), dtype=np.bool_)
    matches[0, 0] = matches[1, 1] = matches[3, 1] = True
    cats = replace(
        cats,
        probability=0.8,
        in_passage=np.array([True, True, True, False, False]),
        cosines=np.array([0.6, 0.2, 0.1, 0.4, 0.0], dtype=np.float32),
        matches=matches,
        heading_matches=np.array([True, False, True, False]),
    )
    none = {"matches": np.zeros((4, 4), dtype=np.bool_), "heading_matches": np.zeros(4, np.bool_)}
    birds = replace(
        birds, cosines=np.array([0.1, 0.0, 0.3, 0.2], dtype=np.float32), probability=1.0, **none
    )
    return [cats, birds]


def column(name, sections, question="why does it?"):
    rows = compute_sentence_features(interpret(question), IDFS, sections)
    return rows[:, SENTENCE_FEATURES.index(name)].tolist()


# The idfs add up to 10. The scores of the sentences on cats are 0.6/2 + 3/10/2 = 0.45,
# 0.2/2 + 1/10/2 = 0.15, 0.05, 0.4/2 + 1/10/2 = 0.25 and 0; those on birds are half their cosines.
CERTAIN = math.log((1 - 1e-5) / 1e-5)
EXPECTED = {
    "log_odds": [math.log(4)] * 5 + [CERTAIN] * 4,
    "coverage": [0.8] * 5 + [0] * 4,
    "in_passage": [1, 1, 1, 0, 0] + [1] * 4,
    "cosine": [0.6, 0.2, 0.1, 0.4, 0, 0.1, 0, 0.3, 0.2],
    "section_gap": [0, 0.3, 0.4, 0.2, 0.45, 0.1, 0.15, 0, 0.05],
    "pair_share": [0.3, 0.4, 0.1, 0.1, 0.1] + [0] * 4,
    "next_score": [0.15, 0.05, 0.25, 0, 0, 0, 0.15, 0.1, 0],
    "distance": [0, 1, 2, 3, 4, 2, 1, 0, 1],
    "length": [math.log(1 + words) for words in (5, 3, 6, 2, 1, 3, 3, 3, 3)],
    "answer_type": [0] * 9,
    "defines": [0] * 9,
    "yes_no_best": [0] * 9,
    "yes_no_rule": [0] * 9,
    "sibling_gap": [0, 0, 0, 0, 0.25, 0, 0, 0, 0.05],
    "is_header": [0] * 5 + [0, 1, 0, 0],
    "is_item": [0, 0, 0, 1, 1] + [0] * 4,
    "is_row": [0] * 5 + [0, 0, 1, 1],
    "ends_with_colon": [0, 0, 1, 0, 0] + [0] * 4,
    "heading_share": [0.7] * 5 + [0] * 4,
    "opening_share": [0.7, 0, 0, 0, 0] + [0] * 4,
}


@pytest.mark.parametrize("name", SENTENCE_FEATURES)
def test_a_feature_has_the_value_computed_by_hand(sections, name):
    assert column(name, sections) == pytest.approx(EXPECTED[name], abs=1e-6)


def test_a_sentence_with_the_number_asked_for_has_the_answer_type(tmp_path):
    page = "# Cats\n\nA cat eats fish. It has nine lives. There are 4 paws.\n"
    sections = make_candidates(read_page(tmp_path, page))
    values = compute_sentence_features(interpret("how many lives?"), np.array([1.0]), sections)
    assert values[:, SENTENCE_FEATURES.index("answer_type")].tolist() == [0, 1, 1]


def test_a_sentence_defines_the_subject_of_a_definition_alone(sections):
    assert column("defines", sections, "what is a cat?") == [1] + [0] * 8
    assert column("defines", sections, "cat or bird?") == [0] * 9


def test_yes_or_no_favours_the_best_sentence_of_each_section_and_its_rules(sections):
    assert column("yes_no_best", sections, "may a cat eat?") == [1, 0, 0, 0, 0, 0, 0, 1, 0]
    assert column("yes_no_rule", sections, "may a cat eat?") == [0, 0, 1, 0, 0, 0, 0, 0, 0]


def test_no_distance_is_over_ten(tmp_path):
    page = "# Cats\n\n" + " ".join(f"Cat number {n} sleeps." for n in range(14))
    sections = make_candidates(read_page(tmp_path, page))
    values = compute_sentence_features(interpret("why?"), np.array([1.0]), sections)
    distances = [*range(11), 10, 10, 10]
    assert values[:, SENTENCE_FEATURES.index("distance")].tolist() == distances


def test_no_sections_have_no_features_and_no_probabilities():
    assert compute_sentence_features(interpret("why?"), IDFS, []).shape == (
        0,
        len(SENTENCE_FEATURES),
    )
    assert estimate_probabilities(interpret("why?"), IDFS, []) == []


def test_the_model_is_a_softmax_of_the_weighted_features(sections):
    question = interpret("may a cat eat?")
    path = Path(assistant.answering.__file__).with_name("sentence_model.json")
    weights = json.loads(path.read_text())["weights"]
    rows = compute_sentence_features(question, IDFS, sections).tolist()
    named = [dict(zip(SENTENCE_FEATURES, row, strict=True)) for row in rows]
    sums = [sum(weights[name] * row[name] for name in weights) for row in named]
    assert weights.keys() == named[0].keys()
    expected = [math.exp(one) / sum(map(math.exp, sums)) for one in sums]
    cats, birds = estimate_probabilities(question, IDFS, sections)
    assert [len(cats), len(birds)] == [5, 4]
    assert [*cats, *birds] == pytest.approx(expected)


@given(hnp.arrays(np.float32, 9, elements=st.floats(-1, 1, width=32)), st.floats(0, 1))
def test_the_probabilities_of_all_sentences_add_up_to_one(sections, cosines, probability):
    cats, birds = sections
    changed = [
        replace(cats, cosines=cosines[:5], probability=probability),
        replace(birds, cosines=cosines[5:]),
    ]
    parts = estimate_probabilities(interpret("what is a cat?"), IDFS, changed)
    assert sum(part.sum() for part in parts) == pytest.approx(1)
    assert all((part > 0).all() for part in parts)
