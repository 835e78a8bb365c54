"""Find what speaks against an answer, and read the threshold that was calibrated for an index.

The probability is compared with the threshold in `answering/answerer.py`. A question that this
module finds unanswered has its probabilities lowered below the threshold.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

from assistant import files
from assistant.errors import IndexDamaged
from assistant.query.follow_ups import FOLLOW_UP_STEMS, GENERIC_STEMS
from assistant.query.question_type import asks_for_amount, find_named_thing
from assistant.retrieval.features import FEATURES
from assistant.retrieval.question_features import QUESTION_FEATURES
from assistant.retrieval.ranker import load_shipped_model, reorder_hits
from assistant.text.scripts import extract_ngrams
from assistant.text.tokenize import stem

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

    from assistant.index.vocabulary import Vocabulary
    from assistant.models.answers import Hit
    from assistant.query.query import Interpretation, Question, Word
    from assistant.retrieval.features import Evidence
    from assistant.retrieval.ranker import RankingModel

CALIBRATION_FILE = "calibration.json"

# A follow-up is refused when the guide does not use most of its own words: the words that it takes
# from the conversation do not show that the guide answers it. The guide uses a word that is in this
# many passages, even where the hits lack it.
_COMMON_FREQUENCY = 3
# The share, by idf, of a follow-up's own words that the hits have to contain. This refuses .8 % of
# 250 follow-ups that a guide answers. Of 300 follow-ups moved into another conversation, which the
# guide does not answer, it refuses 3 %: the share answered falls from .18 to .15.
_MIN_HIT_COVERAGE = 0.3
_TOP_K = 5

# The least share of a question's character n-grams that one of the hits has to contain. In nine
# languages, 36 questions that a small guide answers have .20 and more, 33 of 36 others have less.
_MIN_SHARED_NGRAMS = 0.2

_NEAR_BEST_RATIO = 0.8  # sentences match best from this share of the highest score
_AMOUNT = re.compile(
    r"\d|\b(?:two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|"
    r"(?:twen|thir|for|fif|six|seven|eigh|nine)ty|"
    r"(?:thir|four|fif|six|seven|eigh|nine)teen(?:th)?|dozens?|hundreds?|thousands?|millions?|"
    r"billions?|half|third|quarter|twice|few|several|none|free|unlimited|percent|seconds?|"
    r"minutes?|hours?|days?|weeks?|months?|years?|decades?|century|centuries)\b",
    re.I,
)

_RERUN_HINT = "Run: assistant calibrate, or assistant calibrate --reset"


def lacks_amount(question: Question, evidence: Evidence, hits: Sequence[Hit]) -> bool:
    """Whether only an amount would answer, and the sentences that match best have none.

    The minutes that a resource takes to read do not count.

    True for none of 447 questions that a guide answers, and for two of 141 others; where "how long"
    counts, for three of the first.
    """
    if not asks_for_amount(question):
        return False
    scored = [
        (score, hit.passage.slice(sentence))
        for hit in [hit for hit in hits if not hit.passage.lists_resources][:_TOP_K]
        for sentence, score in zip(
            hit.passage.sentences, evidence.sentence_scores_of(hit.key), strict=True
        )
    ]
    lowest = _NEAR_BEST_RATIO * max((score for score, _ in scored), default=0.0)
    return not any(score >= lowest and _AMOUNT.search(text) for score, text in scored)


def lacks_named_thing(interpretation: Interpretation, evidence: Evidence) -> bool:
    """Whether a question is about a thing with a name that no candidate has two words of.

    A guide on sprints and on design says nothing of a "design sprint". One pair of neighbours is
    enough, because what follows a name may belong to the verb: "a sprint review online". Numbers,
    and words that fit any thing ("a new alert"), are no part of a name.
    """
    name = map(stem, find_named_thing(interpretation.search_text))
    pairs = [pair for pair in pairwise(name) if all(map(_is_specific, pair))]
    known = [pair for pair in pairs if set(pair) <= set(evidence.matches.terms)]
    has_any = bool(known) and bool(evidence.matches.count_adjacent_pairs(known).any())
    return bool(pairs) and not has_any and not interpretation.ngrams


def _is_specific(term: str) -> bool:
    return term.isalpha() and term not in GENERIC_STEMS


def rank_by_ngrams(
    ngrams: Collection[str], hits: Sequence[Hit], model: RankingModel
) -> tuple[Hit, ...]:
    """Rank the hits by the character n-grams that they share with a question, most first.

    The probabilities are lowered below the threshold where no passage shares enough.
    """
    if not ngrams or not hits:
        return tuple(hits)
    own = frozenset(ngrams)
    shares = [len(own & extract_ngrams(hit.passage.text)) / len(own) for hit in hits]
    order = sorted(range(len(hits)), key=lambda n: -shares[n])
    ranked = reorder_hits([hits[n] for n in order], hits)
    return ranked if max(shares) >= _MIN_SHARED_NGRAMS else lower_below_threshold(ranked, model)


def supports_follow_up(
    words: Sequence[Word], hit_terms: Sequence[Collection[str]], vocabulary: Vocabulary
) -> bool:
    """Whether the guide uses a follow-up's own words: often, or in the passages retrieved for it.

    `hit_terms` are the terms of each hit, best first. The hits have to contain some of the words: a
    word that is common only elsewhere in the guide belongs to another subject.
    """
    in_top, in_any = (set().union(*terms) for terms in (hit_terms[:_TOP_K], hit_terms))
    total = known = covered = 0.0
    for word in words:
        for term in (term for term in word.terms if term not in FOLLOW_UP_STEMS):
            idf = vocabulary.idf(term)
            total += idf
            common = vocabulary.document_frequency.get(term, 0) >= _COMMON_FREQUENCY
            if word.is_acronym or common or term in in_top:
                known += idf
            if word.is_acronym or term in in_any:
                covered += idf
    return known >= total - known and covered >= _MIN_HIT_COVERAGE * total


def shift_probabilities(hits: Sequence[Hit], log_odds: float) -> tuple[Hit, ...]:
    """Shift the log-odds of all hits equally, so that the best hit has the given ones."""
    odds = [math.log(hit.probability) - math.log1p(-hit.probability) for hit in hits]
    shift = log_odds - odds[0]
    return tuple(
        replace(hit, probability=1.0 / (1.0 + math.exp(-(own + shift))))
        for hit, own in zip(hits, odds, strict=True)
    )


def lower_below_threshold(hits: Sequence[Hit], model: RankingModel) -> tuple[Hit, ...]:
    """Lower every probability below the threshold, in the same order."""
    return tuple(replace(hit, probability=hit.probability * model.threshold / 2) for hit in hits)


def read_threshold(folder: Path, model: str) -> tuple[float | None, str]:
    """Read the threshold that was calibrated for an index.

    `model` is the identity of the encoder. Returns None where there is no calibration, or where it
    was made for another encoder or ranking model, with a warning in the second case. Raises
    IndexDamaged for a file that was altered.
    """
    path = folder / CALIBRATION_FILE
    try:
        data = json.loads(files.read_bytes(path))
        digest = data.pop("digest")
        intact = digest == digest_json(data)
        fitted_to = {name: data[name] for name in ("model", "ranking")}
    except FileNotFoundError:
        return None, ""
    except OSError as error:
        message = f"{path} cannot be read: {error.strerror or error}."
        raise IndexDamaged(message, _RERUN_HINT) from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise IndexDamaged(f"{path} is altered.", _RERUN_HINT) from error
    if not intact:
        raise IndexDamaged(f"{path} is altered.", _RERUN_HINT)
    for name, own in (("model", model), ("ranking", digest_ranking_model())):
        if fitted_to[name] != own:
            return None, f"The calibrated threshold is for another {name}: not used. {_RERUN_HINT}"
    return float(data["threshold"]), ""


def digest_ranking_model() -> str:
    """Compute the digest of the shipped weights and of the features they belong to."""
    model = load_shipped_model()
    weights = [
        *model.ranker.tolist(),
        *model.answerability.tolist(),
        model.answerability_intercept,
        *model.question.tolist(),
        model.question_intercept,
    ]
    return digest_json({"features": (*FEATURES, *QUESTION_FEATURES), "weights": weights})


def digest_json(data: object) -> str:
    """Compute the digest of a value of JSON types: 16 hexadecimal digits of a sha256."""
    text = json.dumps(data, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
