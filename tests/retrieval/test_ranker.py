"""Candidates become hits: fusion, features and the ranking model, each checked by hand."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from importlib.resources import files
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.index.term_matches import TermPositions
from assistant.index.vocabulary import Vocabulary
from assistant.models.answers import Candidates
from assistant.models.documents import Passage, Sentence
from assistant.query.query import Query
from assistant.retrieval.features import FEATURES, Evidence, compute_features
from assistant.retrieval.fusion import fuse
from assistant.retrieval.question_features import QUESTION_FEATURES
from assistant.retrieval.ranker import RankingModel, load_shipped_model, rank_hits


def passage(text: str, *headings: str) -> Passage:
    return Passage(
        id=f"page.md#{headings[-1]}/1",
        path="page.md",
        headings=headings,
        anchor=headings[-1],
        url="page.md",
        text=text,
        sentences=(Sentence(0, len(text), "prose", (1, 1)),),
    )


class Candidate(NamedTuple):
    """One passage with its measurements."""

    key: int
    passage: Passage
    cosine: float
    lexical: float = 0.0
    lexical_rank: int | None = None


def evidence(*candidates: Candidate, query: Query | None = None, near: float | None = None):
    """The evidence of candidates, each sentence .1 less near than its passage by default."""
    query = query or CAT_QUERY
    matches = TermPositions.from_passages([each.passage for each in candidates]).match(
        query.all_terms
    )
    cosines = np.array([each.cosine for each in candidates], dtype=np.float32)
    counts = [len(each.passage.sentences) for each in candidates]
    sentences = np.repeat(cosines - np.float32(0.1) if near is None else near, counts)
    return Evidence(
        keys=[each.key for each in candidates],
        passages=[each.passage for each in candidates],
        matches=matches,
        cosines=cosines,
        sentence_cosines=sentences.astype(np.float32),
        sentence_scores=matches.score_sentences(VOCABULARY.idfs(query.terms), sentences),
        dense_ranks=[each.key + 1 for each in candidates],
        lexical_scores=[each.lexical for each in candidates],
        lexical_ranks=[each.lexical_rank for each in candidates],
    )


def candidate(key: int, text: str, *headings: str, cosine: float = 0.5) -> Candidate:
    return Candidate(key, passage(text, *headings), cosine)


VOCABULARY = Vocabulary(10, {"cat": 5, "dog": 2, "pet": 1}, {}, {})
CAT_QUERY = Query.from_text("cat")


def test_fusion_scales_each_arm_to_0_1_and_weighs_them():
    candidates = Candidates(dense=((0, 0.9), (1, 0.5)), lexical=((1, 8.0), (2, 2.0)))
    # 0: .45·1 = .45; 1: .45·0 + .55·1 = .55; 2: .55·0 = 0
    assert fuse(candidates) == [1, 0, 2]


def test_equal_scores_fuse_in_document_order():
    assert fuse(Candidates(dense=((5, 0.7), (2, 0.7)), lexical=())) == [2, 5]


def test_no_candidates_fuse_to_nothing():
    assert fuse(Candidates((), ())) == []


scores = st.lists(
    st.tuples(st.integers(0, 50), st.floats(-1, 40)), unique_by=lambda pair: pair[0], max_size=20
)


@given(scores, scores, st.floats(0.5, 3), st.floats(-5, 5))
def test_fusion_does_not_depend_on_the_scale_of_an_arm(dense, lexical, stretch, shift):
    plain = Candidates(tuple(dense), tuple(lexical))
    moved = Candidates(tuple((k, s * stretch + shift) for k, s in dense), tuple(lexical))
    assert sorted(fuse(plain)) == sorted({key for key, _ in [*dense, *lexical]})
    assert sorted(fuse(moved)) == sorted(fuse(plain))


def features_of(
    question: str, *sentences: str, heading: str = "All", kind: str = "prose", **query
) -> dict[str, float]:
    """The features of a passage with these sentences, all equally near and of one kind."""
    text = " ".join(sentences) or heading
    spans, start = [], 0
    for sentence in sentences:
        spans.append(Sentence(start, start + len(sentence), kind, (1, 1)))
        start += len(sentence) + 1
    own = replace(passage(text, "All", heading), sentences=tuple(spans))
    parsed = Query.from_text(question, **query)
    item = evidence(Candidate(0, own, 0.5, 2.0), query=parsed, near=0.4)
    row = compute_features(parsed, item, VOCABULARY)[0]
    return dict(zip(FEATURES, row.tolist(), strict=True))


CAT, DOG, PET = (math.log(1 + 10 / (n + 0.5)) for n in (5, 2, 1))


def test_cosines_are_of_the_best_sentence_and_of_the_whole():
    features = features_of("cat", "A cat.")
    assert features["sentence_cosine"] == pytest.approx(0.4)
    assert features["cosine"] == 0.5


def test_code_is_no_best_sentence():
    features = features_of("cat dog", "cat --dog", kind="code")
    assert features["sentence_cosine"] == features["cosine"] == 0.5
    assert features["window"] == 0.0
    assert features["missing_terms"] == 0.0, "its words count where the whole passage does"


def test_lexical_share_is_of_the_summed_idf_of_the_terms():
    assert features_of("cat dog", "A cat.")["lexical_share"] == pytest.approx(2 / (CAT + DOG))


def test_the_window_is_the_best_sentence_with_its_neighbours_and_the_heading():
    far = ["A pet.", "It sleeps.", "It eats.", "The cat and the dog play."]
    assert features_of("cat pet dog", *far)["window"] == pytest.approx(
        (CAT + DOG) / (CAT + DOG + PET)
    )
    assert features_of("cat pet dog", *far[1:], heading="A pet")["window"] == pytest.approx(1)


def test_a_heading_without_text_has_an_empty_window():
    assert features_of("pet", heading="Pet")["window"] == 0.0
    assert features_of("pet", "Nice.", heading="Pet")["window"] == 1.0


def test_bigrams_stand_side_by_side_or_a_word_apart_in_one_sentence():
    assert features_of("cat food", "Good cat food.")["bigrams"] == 1.0
    assert features_of("cat food", "Cat dry food.")["bigrams"] == 1.0
    assert features_of("cat food", "Food of a cat.")["bigrams"] == 0.0
    assert features_of("cat food", "A cat.", "Food.")["bigrams"] == 0.0
    assert features_of("cat food shop", "Good cat food.")["bigrams"] == 0.5
    assert features_of("cat food", "Yes.", heading="Cat food")["bigrams"] == 1.0


def test_a_question_of_one_term_has_no_bigrams():
    assert features_of("cat", "A cat.")["bigrams"] == features_of("cat", "A dog.")["bigrams"] == 0.5


def test_missing_terms_are_weighed_by_the_idf_of_the_rarest():
    assert features_of("cat dog", "A cat and a dog.")["missing_terms"] == 0.0
    assert features_of("cat dog", "A dog.")["missing_terms"] == pytest.approx(CAT / DOG)
    assert features_of("cat dog", "A cat.")["missing_terms"] == 1.0


def test_without_the_focus_a_passage_is_penalised_by_what_its_window_lacks():
    share = CAT / (CAT + PET)
    assert features_of("which pet cat", "A cat.", focus="pet")["focus_missing"] == pytest.approx(
        1 - share
    )
    assert features_of("which pet cat", "A pet.", focus="pet")["focus_missing"] == 0.0
    assert features_of("why a cat", "A dog.")["focus_missing"] == 0.0


def test_match_is_the_better_of_cosine_and_window():
    assert features_of("cat", "A dog.")["match"] == pytest.approx(0.4)
    assert features_of("cat", "A cat.")["match"] == 1.0


@pytest.mark.parametrize(
    ("answer_type", "contains", "lacks"),
    [
        ("date", "It came in May.", "It came early."),
        ("date", "Since 1999 it sleeps.", "It has 12 lives."),
        ("number", "It has nine lives.", "It has lives."),
        ("name", "It is kept by Smith.", "It is kept by people."),
        ("name", "It is kept by Smith.", "It is kept by the Cat."),
    ],
)
def test_a_window_has_the_answer_type_or_not(answer_type, contains, lacks):
    assert features_of("a cat", contains, answer_type=answer_type)["answer_type"] == 1.0
    assert features_of("a cat", lacks, answer_type=answer_type)["answer_type"] == 0.0
    assert features_of("a cat", lacks)["answer_type"] == 1.0


def test_a_question_without_terms_has_finite_features():
    empty = Query(())
    item = evidence(candidate(0, "The cat sleeps.", "Guide", "Pets"), query=empty)
    rows = compute_features(empty, item, VOCABULARY)
    assert np.isfinite(rows).all()


def test_no_candidates_have_no_features_and_no_hits():
    assert compute_features(CAT_QUERY, evidence(), VOCABULARY).shape == (0, len(FEATURES))
    assert (
        rank_hits(
            CAT_QUERY, evidence(), compute_features(CAT_QUERY, evidence(), VOCABULARY), by_cosine()
        )
        == []
    )


def by_cosine() -> RankingModel:
    """A model that uses the cosine alone; .6 is answered with a probability of .73, .4 of .27."""
    weights = np.zeros(len(FEATURES))
    weights[FEATURES.index("cosine")] = 1.0
    return RankingModel(
        ranker=weights,
        answerability=weights * 10,
        answerability_intercept=-5.0,
        question=np.zeros(len(QUESTION_FEATURES)),
        question_intercept=0.0,
        threshold=0.5,
    )


def test_hits_are_ranked_by_the_model_with_ties_in_document_order():
    item = evidence(
        candidate(7, "A cat.", "G", "A", cosine=0.4),
        candidate(3, "A cat.", "G", "B", cosine=0.6),
        candidate(1, "A cat.", "G", "C", cosine=0.4),
    )
    features = compute_features(CAT_QUERY, item, VOCABULARY)
    hits = rank_hits(CAT_QUERY, item, features, by_cosine())
    assert [hit.key for hit in hits] == [3, 1, 7]
    assert [hit.rank for hit in hits] == [1, 2, 3]
    assert hits[0].probability == pytest.approx(1 / (1 + math.exp(-1)))
    assert hits[0].why.matched == ("cat",)


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=20))
def test_probabilities_fall_with_the_rank(cosines):
    item = evidence(*(candidate(n, "A cat.", "G", "A", cosine=c) for n, c in enumerate(cosines)))
    features = compute_features(CAT_QUERY, item, VOCABULARY)
    hits = rank_hits(CAT_QUERY, item, features, by_cosine())
    probabilities = [hit.probability for hit in hits]
    assert probabilities == sorted(probabilities, reverse=True)
    assert all(0 <= probability <= 1 for probability in probabilities)


def test_a_model_fitted_to_other_features_is_refused():
    data = json.loads(files("assistant.retrieval").joinpath("ranking.json").read_text())
    with pytest.raises(ValueError, match="make train"):
        RankingModel.from_dict({**data, "ranker": {**data["ranker"], "colour": 1.0}})


def test_the_shipped_model_states_where_its_weights_come_from():
    data = json.loads(files("assistant.retrieval").joinpath("ranking.json").read_text())
    assert {*data["ranker"], *data["answerability"]} == set(FEATURES)  # all are used
    assert data["question"].keys() == set(QUESTION_FEATURES)
    assert data["provenance"]["script"] == "benchmarks/train.py"
    assert {"emanual_tv", "doc2dial", "squad2"} <= data["provenance"]["held out"][
        "first_passage"
    ].keys()
    assert 0 < load_shipped_model().threshold < 1


@pytest.mark.parametrize("heading", ["Release notes", "Changelog", "1.2.3", "v0.12", "Version 2.0"])
def test_a_change_log_ranks_lower_unless_the_question_is_about_changes(heading):
    item = evidence(
        candidate(0, "A cat.", heading, "Added", cosine=0.6),
        candidate(1, "A cat.", "Pets", "Cats", cosine=0.5),
    )

    def best(**changes):
        query = Query.from_text("cat", **changes)
        features = compute_features(query, item, VOCABULARY)
        return rank_hits(query, item, features, by_cosine())[0].key

    assert best() == 1
    assert best(about_changes=True) == 0


@pytest.mark.parametrize(
    "heading", ["1.5 kg", "2.4 GHz bands", "1. First steps", "Released prisoners"]
)
def test_a_heading_with_a_number_is_not_a_change_log(heading):
    assert not TermPositions.from_passages([passage("A cat.", heading, "Cats")]).changelogs.any()


def in_language(key: int, language: str, *, cosine: float, lexical: float, rank: int):
    own = replace(passage("cat", "Pets"), language=language)
    return Candidate(key, own, cosine, lexical, rank)


def ranked_by_cosine(*candidates: Candidate) -> list[int]:
    """The keys as ranked by a model that uses the cosine alone."""
    item = evidence(*candidates)
    features = compute_features(CAT_QUERY, item, VOCABULARY)
    return [hit.key for hit in rank_hits(CAT_QUERY, item, features, by_cosine())]


def test_pages_in_the_language_of_the_question_come_first_where_they_answer():
    likely = in_language(0, "de", cosine=0.6, lexical=9.0, rank=1)
    unlikely = in_language(0, "de", cosine=0.4, lexical=9.0, rank=1)
    english = in_language(1, "en", cosine=0.9, lexical=2.0, rank=2)
    other = in_language(2, "de", cosine=0.2, lexical=1.0, rank=3)
    # German has the largest lexical score, so the question is German.
    assert ranked_by_cosine(likely, english, other) == [0, 2, 1]
    assert ranked_by_cosine(unlikely, english, other) == [1, 0, 2]


def test_a_guide_in_one_language_is_ranked_by_score_alone():
    candidates = [
        in_language(0, "de", cosine=0.6, lexical=9.0, rank=1),
        in_language(1, "de", cosine=0.9, lexical=2.0, rank=2),
    ]
    assert ranked_by_cosine(*candidates) == [1, 0]
