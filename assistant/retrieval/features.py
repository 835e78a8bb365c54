"""Compute the features of candidate passages for the ranker and for answerability."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from assistant.index.term_matches import HEADING_SCORE, sum_weights
from assistant.text.tokenize import extract_terms

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from assistant.index.term_matches import TermMatches
    from assistant.index.vocabulary import Vocabulary
    from assistant.models.documents import Passage
    from assistant.query.query import Query

    Features = NDArray[np.float64]

FEATURES = (
    "sentence_cosine",
    "cosine",
    "match",
    "lexical_share",
    "bigrams",
    "window",
    "missing_terms",
    "focus_missing",
    "answer_type",
    "brevity",
)
"""The features in the order of a row; `compute_features` describes each."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was measured of the candidates of one query.

    `keys` are their passage numbers, and `matches` says where the query's terms occur in them.
    `sentence_cosines` and `sentence_scores` have one value per sentence, candidate after candidate;
    the other fields have one per candidate. A rank is None where that retriever, dense or lexical,
    did not return the candidate.
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
        """Return the score of each sentence of one candidate."""
        position, counts = self.keys.index(key), self.matches.positions.sentences.tolist()
        start = sum(counts[:position])
        return tuple(self.sentence_scores[start : start + counts[position]].tolist())


def compute_features(query: Query, evidence: Evidence, vocabulary: Vocabulary) -> Features:
    """Compute the features of each candidate: float64, shape (candidates, len(FEATURES)).

    - `sentence_cosine`, `cosine`: of the best sentence that is no code, and of the whole passage.
    - `match`: the larger of `sentence_cosine` and `window`.
    - `lexical_share`: BM25 divided by the summed idf of the query's terms, its upper bound.
    - `bigrams`: the share of the query's bigrams that stand side by side, or one word apart, in a
      sentence or heading; ½ where the query has none.
    - `window`: the share of the query's summed idf in the best sentence that is no code, its
      neighbours and the heading; 0 for a heading without text.
    - `missing_terms`: the idf of the rarest term that the passage lacks, over that of the query's
      rarest term.
    - `focus_missing`: 1 − `window` where the passage lacks the query's focus, else 0.
    - `answer_type`: 0 where the question asks for a date, number or name and the window has none,
      else 1.
    - `brevity`: falls from 1 for an empty text to ½ at 20 terms.
    """
    matches, positions = evidence.matches, evidence.matches.positions
    count = len(evidence.keys)
    features = np.empty((count, len(FEATURES)))
    if not count:
        return features
    idfs = vocabulary.idfs(query.terms)
    total_idf, max_idf = sum(idfs.tolist()) or 1.0, max(idfs.tolist(), default=1.0)
    # The best sentence is the nearest by meaning and by words; the answer may be next to it. Code
    # repeats a question's words and states nothing: without it the first passage is right for .757
    # of 420 questions to a guide left out, with it for .748.
    is_code = _find_code(evidence.passages)
    prose_scores = np.where(is_code, HEADING_SCORE, evidence.sentence_scores)
    scores = positions.pad_by_passage(prose_scores, HEADING_SCORE)
    best = scores.argmax(axis=1)
    has_text = scores.max(axis=1) > HEADING_SCORE
    window = sum_weights(matches.terms_near(best), idfs) / total_idf * has_text
    cosines = evidence.cosines.astype(np.float64)
    prose_cosines = np.where(is_code, -np.inf, evidence.sentence_cosines)
    sentence_cosines = positions.pad_by_passage(prose_cosines, -np.inf).max(axis=1)
    sentence_cosines = np.where(np.isfinite(sentence_cosines), sentence_cosines, cosines)
    missing = idfs * ~matches.passages[:, : idfs.size]
    bigrams = query.bigrams
    features[:, 0] = sentence_cosines
    features[:, 1] = cosines
    features[:, 2] = np.maximum(sentence_cosines, window)
    features[:, 3] = np.array(evidence.lexical_scores) / total_idf
    features[:, 4] = matches.count_adjacent_pairs(bigrams) / len(bigrams) if bigrams else 0.5
    features[:, 5] = window
    features[:, 6] = missing.max(axis=1, initial=0.0) / max_idf
    features[:, 7] = (1.0 - window) * ~matches.passages_with(query.focus) if query.focus else 0.0
    features[:, 8] = 1.0
    if query.answer_type:
        for n in np.flatnonzero(has_text).tolist():
            text = _window_text(evidence.passages[n], int(best[n]))
            features[n, 8] = has_answer_type(query, text)
    features[:, 9] = 1.0 / (1.0 + positions.distinct_terms / 20.0)
    return features


def _find_code(passages: Sequence[Passage]) -> NDArray[np.bool_]:
    """Tell of each sentence, passage after passage, whether it is code."""
    kinds = [sentence.kind == "code" for passage in passages for sentence in passage.sentences]
    return np.array(kinds, dtype=np.bool_)


def _window_text(passage: Passage, best: int) -> str:
    """Join a sentence and its neighbours, without the heading."""
    window = passage.sentences[max(0, best - 1) : best + 2]
    return " ".join(passage.slice(sentence) for sentence in window if sentence.kind != "heading")


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


def has_answer_type(query: Query, text: str) -> bool:
    """Whether a text has a date, a number, or a name that the query does not contain itself."""
    match query.answer_type:
        case "date":
            return bool(_DATE.search(text))
        case "number":
            return bool(_NUMBER.search(text))
        case "name":
            names = _NAME.findall(text)
            return any(set(extract_terms(name)).isdisjoint(query.terms) for name in names)
        case _:
            return True
