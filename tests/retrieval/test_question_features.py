"""The features of a question say how much of it the guide supports; each is worked out by hand."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import pytest

from assistant.index.term_matches import TermPositions
from assistant.index.vocabulary import Vocabulary
from assistant.models.answers import Hit, Reason
from assistant.models.documents import Passage, Sentence
from assistant.query.analyzer import Analyzer
from assistant.retrieval.answerability import shift_probabilities
from assistant.retrieval.features import Evidence, compute_features
from assistant.retrieval.question_features import QUESTION_FEATURES, compute_question_features

GUIDE = Vocabulary(8, {"kiln": 4, "glaze": 2, "fire": 1, "900": 1}, {}, {})
RANKS = {"kiln": 2000, "glaze": 4000, "tokyo": 8000}
KILN, GLAZE = (math.log(1 + 8 / (n + 0.5)) for n in (4, 2))
NEVER = math.log(1 + 8 / 0.5)


class Candidate(NamedTuple):
    """A passage with its cosine; its only sentence is as near."""

    text: str
    cosine: float = 0.5
    heading: str = "Studio"


def features_of(question: str, *passages: Candidate, follow_up: bool = False) -> dict[str, float]:
    """The features of a question for passages in the order of their rank."""
    (interpretation,) = Analyzer(GUIDE, RANKS.get).interpret(question)
    own = [
        Passage(
            id=f"page.md#{n}",
            path="page.md",
            headings=(each.heading,),
            anchor=str(n),
            url="page.md",
            text=each.text,
            sentences=(Sentence(0, len(each.text), "prose", (1, 1)),),
        )
        for n, each in enumerate(passages)
    ]
    query = interpretation.query
    matches = TermPositions.from_passages(own).match(query.all_terms)
    cosines = np.array([each.cosine for each in passages], dtype=np.float32)
    evidence = Evidence(
        keys=range(len(own)),
        passages=own,
        matches=matches,
        cosines=cosines,
        sentence_cosines=cosines,
        sentence_scores=matches.score_sentences(GUIDE.idfs(query.terms), cosines),
        dense_ranks=[None] * len(own),
        lexical_scores=[1.0] * len(own),
        lexical_ranks=[None] * len(own),
    )
    row = compute_question_features(
        interpretation,
        evidence,
        compute_features(query, evidence, GUIDE),
        range(len(own)),
        GUIDE,
        is_follow_up=follow_up,
    )
    return dict(zip(QUESTION_FEATURES, row.tolist(), strict=True))


def test_the_best_passage_and_the_best_sentence_of_all_may_differ():
    features = features_of("the kiln", Candidate("A kiln.", 0.4), Candidate("A pot.", 0.7))
    assert features["sentence_cosine"] == pytest.approx(0.4)
    assert features["best_sentence_cosine"] == pytest.approx(0.7)


def test_cosines_are_compared_with_those_of_the_others():
    others = [
        Candidate("A pot.", cosine) for cosine in (0.5, 0.4, 0.4, 0.4, 0.1, 0.1, 0.1, 0.1, 0.0)
    ]
    features = features_of(
        "the kiln", Candidate("A kiln.", 0.6), *others, Candidate("A pot.", -0.2)
    )
    # The five highest are .6, .5, .4, .4 and .4; the tenth is .0.
    assert features["cosine_lead"] == pytest.approx(0.6 - 0.46)
    assert features["cosine_spread"] == pytest.approx(0.6)


def test_terms_that_the_guide_never_uses_are_counted_and_weighed():
    features = features_of("does the kiln ship to tokyo", Candidate("A kiln."))
    assert features["content_terms"] == 3
    assert features["unknown_terms"] == 2
    assert features["unknown_share"] == pytest.approx(2 * NEVER / (2 * NEVER + KILN))


def test_a_missing_word_weighs_by_how_rare_it_is_in_general():
    nothing_missing = features_of("the kiln", Candidate("A kiln."))
    assert nothing_missing["missing_log_rank"] == nothing_missing["missing_weight"] == 0
    glaze = features_of("glaze in the kiln", Candidate("A kiln."))
    assert glaze["missing_log_rank"] == pytest.approx(1 + math.log(2))
    assert glaze["missing_weight"] == pytest.approx((1 + math.log(2)) * GLAZE)
    unheard = features_of("zzyzx in the kiln", Candidate("A kiln."))
    assert unheard["missing_log_rank"] == pytest.approx(1 + math.log(20))


def test_words_that_fit_any_question_are_no_content():
    assert features_of("how does the kiln work", Candidate("A pot."))["content_terms"] == 1


def test_a_number_may_be_in_the_first_three_passages():
    no, yes = Candidate("A kiln."), Candidate("Fire at 900 degrees.")
    assert features_of("kiln at 900", no, no, yes)["missing_number"] == 0
    assert features_of("kiln at 900", no, no, no, yes)["missing_number"] == 1
    assert features_of("the kiln", no)["missing_number"] == 0


def test_a_year_or_version_is_in_the_best_passage_or_its_headings():
    assert features_of("glaze of 2024", Candidate("Glaze in 2024."))["missing_version"] == 0
    assert features_of("glaze of 2024", Candidate("Glaze.", heading="2024"))["missing_version"] == 0
    late = features_of("glaze of 2024", Candidate("Glaze."), Candidate("In 2024."))
    assert late["missing_version"] == 1


def test_an_identifier_may_be_in_any_passage_letter_by_letter():
    option = Candidate("Pass `--Cool-Down` to the kiln.")
    assert features_of("what does --cool-down do", Candidate("A pot."), option)[
        "missing_identifier"
    ] == 0  # fmt: skip
    assert features_of("what does --cool-off do", option)["missing_identifier"] == 1


def test_a_follow_up_is_marked():
    assert features_of("the kiln", Candidate("A kiln."))["follow_up"] == 0
    assert features_of("the kiln", Candidate("A kiln."), follow_up=True)["follow_up"] == 1


def test_the_odds_of_all_hits_are_multiplied_by_one_factor():
    passage = Passage("a", "a.md", ("A",), "a", "a.md", "A.", (Sentence(0, 2, "prose", (1, 1)),))
    why = Reason(None, 0.5, None, 0.0, ())
    hits = [Hit(passage, n, n + 1, p, why) for n, p in enumerate((0.8, 0.5, 0.2))]
    # The odds are 4, 1 and ¼; as the first become 1, the others become ¼ and 1/16.
    shifted = shift_probabilities(hits, 0.0)
    assert [hit.probability for hit in shifted] == pytest.approx([1 / 2, 1 / 5, 1 / 17])


@pytest.mark.parametrize(
    ("question", "missing"),
    [
        ("what is a kiln glaze?", 0.0),
        ("what is a kiln tokyo?", 1.0),
        ("what is a kiln glaze in tokyo?", 0.0),
        ("what is a kiln?", 0.0),
        ("how do I fire a kiln tokyo?", 0.0),
    ],
)
def test_the_subject_of_a_definition_has_to_stand_somewhere_as_a_whole(question, missing):
    passages = (Candidate("A kiln is hot."), Candidate("The glaze of a kiln is thin."))
    assert features_of(question, *passages)["missing_subject"] == missing


@pytest.mark.parametrize(
    ("question", "passages", "weight"),
    [
        ("the kiln glaze", ["A kiln burns cheap red glaze.", "A pot."], KILN),
        ("the kiln glaze", ["A kiln.", "Any kiln glaze shines."], 0.0),
        ("the kiln of glaze", ["A kiln.", "A glaze."], 0.0),  # no neighbours in the question
        ("the tokyo glaze", ["A glaze.", "A pot."], 0.0),  # the guide does not use one of them
    ],
)
def test_neighbours_that_no_passage_has_together_weigh_as_the_commoner_of_them(
    question, passages, weight
):
    features = features_of(question, *map(Candidate, passages))
    assert features["unseen_pair"] == pytest.approx(weight)
    assert features["pair"] == (" of " not in question)


@pytest.mark.parametrize(("cosine", "shortfall"), [(0.2, 0.25), (0.45, 0.0), (0.9, 0.0)])
def test_a_best_sentence_that_is_hardly_near_falls_short(cosine, shortfall):
    features = features_of("the kiln", Candidate("A kiln.", cosine))
    assert features["cosine_shortfall"] == pytest.approx(shortfall, abs=1e-6)
