"""Compute the features of a question as a whole: how much of it the guide supports.

The features of a passage say how well it matches. These say what the guide does not say: which
words, numbers and identifiers of the question are missing, and how much the best passage stands
out.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from assistant.query.identifiers import contains_identifier
from assistant.retrieval.features import FEATURES
from assistant.text.tokenize import extract_terms, split_words, stem

if TYPE_CHECKING:
    from collections.abc import Sequence

    from assistant.index.vocabulary import Vocabulary
    from assistant.models.documents import Passage
    from assistant.query.query import Interpretation, Question
    from assistant.retrieval.features import Evidence, Features

QUESTION_FEATURES = (
    "sentence_cosine",
    "best_sentence_cosine",
    "lexical_share",
    "cosine_lead",
    "cosine_spread",
    "content_terms",
    "unknown_terms",
    "unknown_share",
    "missing_log_rank",
    "missing_weight",
    "missing_number",
    "missing_version",
    "missing_identifier",
    "missing_subject",
    "follow_up",
    "pair",
    "unseen_pair",
    "cosine_shortfall",
)
"""The features in the order of a row; `compute_question_features` describes each."""

_TOP_K = 3
_SUBJECT_TOP_K = 5
_MIN_SUBJECT_TERMS = 2
_CONTEXT = re.compile(r" (?:in|for) ")
_CLOSE_K = 5
_FAR_RANK = 10
_LOW_COSINE = 0.45


def compute_question_features(
    interpretation: Interpretation,
    evidence: Evidence,
    features: Features,
    order: Sequence[int],
    vocabulary: Vocabulary,
    *,
    is_follow_up: bool,
) -> Features:
    """Compute the features of a question: float64, shape (len(QUESTION_FEATURES),).

    `features` are those of the candidates, and `order` their positions, best first; at least one.
    A content term is one that says what the question is about.

    - `sentence_cosine`, `lexical_share`: of the best candidate.
    - `best_sentence_cosine`: the highest `sentence_cosine` of all candidates.
    - `cosine_lead`: the cosine of the best candidate, less the mean of the five highest.
    - `cosine_spread`: the highest cosine, less the tenth.
    - `content_terms`: how many there are.
    - `unknown_terms`, `unknown_share`: how many of them the guide never uses, and their share of
      the summed idf.
    - `missing_log_rank`: the highest `log_rank` of a content term that the best candidate lacks.
    - `missing_weight`: the same for `log_rank` times idf.
    - `missing_number`: 1 where the first three candidates lack a content term with a digit.
    - `missing_version`: 1 where the best candidate, its headings and path lack a year or version.
    - `missing_identifier`: 1 where all candidates and their headings lack an identifier.
    - `missing_subject`: for "what is X?", 1 where no sentence, table or address of the first five
      candidates has all words of X.
    - `follow_up`: 1 for a question that depends on the conversation.
    - `pair`: 1 where two content terms are neighbours in the question.
    - `unseen_pair`: of such terms that the guide uses, but no candidate near each other ("job
      description"), the lower idf of the two; the highest of all pairs.
    - `cosine_shortfall`: how far `sentence_cosine` is below .45; else 0.
    """
    best = order[0]
    row = dict(zip(FEATURES, features[best].tolist(), strict=True))
    cosines = np.sort(evidence.cosines.astype(np.float64))[::-1]
    numbers = {term: n for n, term in enumerate(evidence.matches.terms)}
    content = [term for term in interpretation.content if term.term in numbers]
    columns = [numbers[term.term] for term in content]
    idfs = vocabulary.idfs(term.term for term in content)
    log_ranks = np.array([term.log_rank for term in content], dtype=np.float64)
    is_number = np.array([any(map(str.isdigit, t.term)) for t in content], dtype=np.bool_)
    is_unknown = np.array(
        [t.term not in vocabulary.document_frequency for t in content], dtype=np.bool_
    )
    matches = evidence.matches.passages[:, columns]
    is_missing = ~matches[best]
    in_top = matches[order[:_TOP_K]].any(axis=0)
    best_text = literal_text(evidence.passages[best])
    pairs = _find_pairs(interpretation)
    return np.array(
        [
            row["sentence_cosine"],
            float(features[:, FEATURES.index("sentence_cosine")].max()),
            row["lexical_share"],
            float(evidence.cosines[best]) - float(cosines[:_CLOSE_K].mean()),
            float(cosines[0] - cosines[min(_FAR_RANK, cosines.size) - 1]),
            len(content),
            is_unknown.sum(),
            float(idfs[is_unknown].sum()) / (float(idfs.sum()) or 1.0),
            (log_ranks * is_missing).max(initial=0.0),
            (log_ranks * idfs * is_missing).max(initial=0.0),
            float((is_number & ~in_top).any()),
            float(any(version not in best_text for version in interpretation.versions)),
            float(bool(find_missing_identifiers(interpretation.identifiers, evidence))),
            float(_lacks_subject(interpretation.question, evidence, order)),
            float(is_follow_up),
            float(bool(pairs)),
            _weigh_unseen_pair(pairs, evidence, vocabulary),
            max(0.0, _LOW_COSINE - row["sentence_cosine"]),
        ],
        dtype=np.float64,
    )


def find_missing_identifiers(identifiers: Sequence[str], evidence: Evidence) -> list[str]:
    """List the identifiers that no candidate, its headings or its path contain."""
    text = "\n".join(map(literal_text, evidence.passages)) if identifiers else ""
    return [one for one in identifiers if not contains_identifier(text, one)]


def _find_pairs(interpretation: Interpretation) -> list[tuple[str, str]]:
    """List the neighbouring words of a question that both say what it is about, as terms.

    There are none in other scripts, whose words change with their place.
    """
    if interpretation.ngrams:
        return []
    content = {one.term for one in interpretation.content}
    terms = [stem(word) for word in split_words(interpretation.search_text)]
    return [pair for pair in pairwise(terms) if content.issuperset(pair) and pair[0] != pair[1]]


def _weigh_unseen_pair(
    pairs: Sequence[tuple[str, str]], evidence: Evidence, vocabulary: Vocabulary
) -> float:
    matches = evidence.matches
    known = [
        pair
        for pair in pairs
        if set(pair) <= vocabulary.document_frequency.keys() & set(matches.terms)
    ]
    return max(
        (
            min(map(vocabulary.idf, pair))
            for pair in known
            if not matches.count_adjacent_pairs([pair]).any()
        ),
        default=0.0,
    )


def _lacks_subject(question: Question, evidence: Evidence, order: Sequence[int]) -> bool:
    """Whether the subject of a definition question stands in no line of the best candidates.

    A place or purpose after it ("a tug in a harbor") may be named elsewhere, and so may the parts
    of a cell's name in a table ("the price of a tug").
    """
    if question.type != "definition":
        return False
    matches = evidence.matches
    terms = set(extract_terms(_CONTEXT.split(question.subjects[0])[0]))
    columns = [n for n, term in enumerate(matches.terms) if term in terms]
    if len(columns) < _MIN_SUBJECT_TERMS:
        return False
    whole = np.logical_and.reduce(matches.lines[:, columns], axis=1)
    first, last = matches.positions.first_lines, matches.positions.last_lines
    in_passage = np.logical_and.reduce(matches.passages[:, columns], axis=1)
    return not any(
        whole[first[n] : last[n] + 1].any() or (in_passage[n] and _has_rows(evidence.passages[n]))
        for n in order[:_SUBJECT_TOP_K]
    )


def _has_rows(passage: Passage) -> bool:
    return any(sentence.kind == "row" for sentence in passage.sentences)


def literal_text(passage: Passage) -> str:
    """Join the path, the headings and the text of a passage, in lower case."""
    return "\n".join((passage.path, *passage.headings, passage.text)).lower()
