"""Estimate how likely each candidate sentence belongs to the answer.

A linear model over SENTENCE_FEATURES, followed by a softmax over all candidate sentences of a
question. `benchmarks/train_sentences.py` fits its weights and writes `sentence_model.json`.
"""

from __future__ import annotations

import itertools
import json
import math
import re
from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING

import numpy as np

from assistant.answering.definitions import defines
from assistant.answering.expected import find_expected, has_expected
from assistant.answering.ranges import find_numbers, has_range_with

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from assistant.answering.sections import CandidateSection, SentencePosition
    from assistant.query.query import Interpretation

    Features = NDArray[np.float64]

SENTENCE_FEATURES = (
    "log_odds",
    "coverage",
    "in_passage",
    "cosine",
    "section_gap",
    "pair_share",
    "next_score",
    "distance",
    "length",
    "answer_type",
    "defines",
    "yes_no_best",
    "yes_no_rule",
    "sibling_gap",
    "is_header",
    "is_item",
    "is_row",
    "ends_with_colon",
    "heading_share",
    "opening_share",
)
"""The features in the order of a row; `compute_sentence_features` describes each."""

_MAX_DISTANCE = 10
_MIN_PROBABILITY = 1e-5
_RANGE_BONUS = 4.0  # for the row "5 to 9" where 6 is what is asked about; with 3 too little
_RULE = re.compile(
    r"\b(?:not|no|never|only|must|may|cannot|can['’]t|don['’]t|unless|except)\b", re.I
)


def compute_sentence_features(
    interpretation: Interpretation, idfs: Features, sections: Sequence[CandidateSection]
) -> Features:
    """Compute a row of SENTENCE_FEATURES for each sentence, section after section; float64.

    `idfs` are those of the query's terms. The score of a sentence is half its cosine with the
    query, and half its share of the summed idf.

    - `log_odds`: of the section's best passage, that it answers.
    - `coverage`: the share of the summed idf in the section and its headings.
    - `in_passage`: 1 in the passage that was retrieved, 0 in its neighbours.
    - `cosine`: of the sentence.
    - `section_gap`: how far its score is below the best of its section.
    - `pair_share`: the share of the summed idf in it and the sentence before.
    - `next_score`: the score of the next sentence; 0 for the last.
    - `distance`: how many sentences it is from the best of its section; at most 10.
    - `length`: the logarithm of 1 + its words.
    - `answer_type`: 1 where it has the time, amount or name that is asked for.
    - `defines`: 1 where it defines the subject of a definition question.
    - `yes_no_best`, `yes_no_rule`: for a yes/no question, 1 for the best sentence of a section, and
      for one that allows, forbids or makes an exception.
    - `sibling_gap`: how far the score of an item or row is below the best of its list or table.
    - `is_header`, `is_item`, `is_row`, `ends_with_colon`: 1 where it is one, or does.
    - `heading_share`: the share of the summed idf in the headings of the section.
    - `opening_share`: the same for the first sentence of a section, 0 for the others.
    """
    rows = [_section_features(interpretation, idfs, section) for section in sections]
    return np.vstack(rows) if rows else np.zeros((0, len(SENTENCE_FEATURES)))


def _section_features(
    interpretation: Interpretation, idfs: Features, section: CandidateSection
) -> Features:
    question, query = interpretation.question, interpretation.query
    sentences = section.sentences
    total = float(idfs.sum()) or 1.0
    shares = section.matches[:, : idfs.size] @ idfs / total
    cosines = section.cosines.astype(np.float64)
    scores = 0.5 * cosines + 0.5 * shares
    best = int(scores.argmax())
    pairs = section.matches.copy()
    pairs[1:] |= section.matches[:-1]
    in_section = section.matches.any(axis=0) | section.heading_matches
    probability = min(max(section.probability, _MIN_PROBABILITY), 1 - _MIN_PROBABILITY)
    texts = [sentence.text for sentence in sentences]
    kinds = np.array([sentence.kind for sentence in sentences])
    subject = question.subjects[0] if question.type == "definition" else ""
    expected = find_expected(question.text)
    is_yes_no = question.type == "yesno"
    distance = np.abs(np.arange(len(sentences)) - best)
    features = np.zeros((len(sentences), len(SENTENCE_FEATURES)))
    features[:, 0] = math.log(probability / (1 - probability))
    features[:, 1] = in_section[: idfs.size] @ idfs / total
    features[:, 2] = section.in_passage
    features[:, 3] = cosines
    features[:, 4] = scores[best] - scores
    features[:, 5] = pairs[:, : idfs.size] @ idfs / total
    features[:-1, 6] = scores[1:]
    features[:, 7] = np.minimum(distance, _MAX_DISTANCE)
    features[:, 8] = [math.log1p(len(text.split())) for text in texts]
    features[:, 9] = [has_expected(expected, query, text) for text in texts]
    features[:, 10] = [subject != "" and defines(subject, text) for text in texts]
    features[:, 11] = is_yes_no & (distance == 0)
    features[:, 12] = [is_yes_no and bool(_RULE.search(text)) for text in texts]
    features[:, 13] = _sibling_gaps(sentences, scores)
    features[:, 14] = kinds == "header"
    features[:, 15] = kinds == "item"
    features[:, 16] = kinds == "row"
    features[:, 17] = [text.rstrip().endswith(":") for text in texts]
    features[:, 18] = section.heading_matches[: idfs.size] @ idfs / total
    features[0, 19] = features[0, 18]
    return features


def _sibling_gaps(sentences: Sequence[SentencePosition], scores: Features) -> Features:
    gaps = np.zeros(len(sentences))
    start = 0
    for kind, group in itertools.groupby(sentences, key=lambda sentence: sentence.kind):
        end = start + len(list(group))
        if kind in {"item", "row"} and end - start > 1:
            gaps[start:end] = scores[start:end].max() - scores[start:end]
        start = end
    return gaps


def estimate_probabilities(
    interpretation: Interpretation, idfs: Features, sections: Sequence[CandidateSection]
) -> list[Features]:
    """Estimate for each sentence of each section how likely it belongs to the answer.

    The probabilities of all sentences add up to 1.
    """
    features = compute_sentence_features(interpretation, idfs, sections)
    if not len(features):
        return []
    amounts = find_numbers(interpretation.question.text)
    in_range = [
        sentence.kind == "row" and has_range_with(sentence.text, amounts)
        for section in sections
        for sentence in section.sentences
    ]
    scores = features @ _load_weights() + _RANGE_BONUS * np.array(in_range)
    exponentials = np.exp(scores - scores.max())
    probabilities = exponentials / exponentials.sum()
    ends = np.cumsum([len(section.sentences) for section in sections])[:-1]
    return np.split(probabilities, ends)


@lru_cache(maxsize=1)
def _load_weights() -> Features:
    """Load the weights of the model that is part of the package."""
    text = files("assistant.answering").joinpath("sentence_model.json").read_text(encoding="utf-8")
    weights: Mapping[str, float] = json.loads(text)["weights"]
    if weights.keys() != set(SENTENCE_FEATURES):
        raise ValueError("sentence_model.json was fitted to other features; run: make train")
    return np.array([weights[name] for name in SENTENCE_FEATURES], dtype=np.float64)
