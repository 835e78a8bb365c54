"""From candidates to hits: the mix, the features and the model, each by hand."""

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
from assistant.retrieval import ranker
from assistant.retrieval.ranker import (
    FEATURES,
    Evidence,
    Query,
    RankingModel,
    compute_features,
    fuse,
    rank_hits,
)


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
    """One passage with what was measured of it."""

    key: int
    passage: Passage
    cosine: float
    lexical: float = 0.0
    place: int | None = None


def evidence(*found: Candidate, sought: Query | None = None, near: float | None = None):
    """Candidates together, each sentence .1 less near than its passage unless said otherwise."""
    where = TermPositions.from_passages([each.passage for each in found]).match(
        (sought or SOUGHT).all_terms
    )
    cosines = np.array([each.cosine for each in found], dtype=np.float32)
    counts = [len(each.passage.sentences) for each in found]
    sentences = np.repeat(cosines - np.float32(0.1) if near is None else near, counts)
    return Evidence(
        keys=[each.key for each in found],
        passages=[each.passage for each in found],
        matches=where,
        cosines=cosines,
        sentence_cosines=sentences.astype(np.float32),
        sentence_scores=where.score_sentences(VOCABULARY.idfs((sought or SOUGHT).terms), sentences),
        dense_ranks=[each.key + 1 for each in found],
        lexical_scores=[each.lexical for each in found],
        lexical_ranks=[each.place for each in found],
    )


def candidate(key: int, text: str, *headings: str, cosine: float = 0.5) -> Candidate:
    return Candidate(key, passage(text, *headings), cosine)


VOCABULARY = Vocabulary(10, {"cat": 5, "dog": 2, "pet": 1}, {}, {})
SOUGHT = Query.from_text("cat")


def test_the_mix_spreads_each_arm_over_nought_to_one_and_weighs_them():
    found = Candidates(dense=((0, 0.9), (1, 0.5)), lexical=((1, 8.0), (2, 2.0)))
    # 0: .45·1 = .45; 1: .45·0 + .55·1 = .55; 2: .55·0 = 0
    assert fuse(found) == [1, 0, 2]


def test_equal_mixes_fall_back_on_document_order():
    assert fuse(Candidates(dense=((5, 0.7), (2, 0.7)), lexical=())) == [2, 5]


def test_nothing_found_fuses_to_nothing():
    assert fuse(Candidates((), ())) == []


scores = st.lists(
    st.tuples(st.integers(0, 50), st.floats(-1, 40)), unique_by=lambda pair: pair[0], max_size=20
)


@given(scores, scores, st.floats(0.5, 3), st.floats(-5, 5))
def test_the_mix_does_not_depend_on_an_arm_s_scale(dense, lexical, stretch, shift):
    plain = Candidates(tuple(dense), tuple(lexical))
    moved = Candidates(tuple((k, s * stretch + shift) for k, s in dense), tuple(lexical))
    assert sorted(fuse(plain)) == sorted({key for key, _ in [*dense, *lexical]})
    assert sorted(fuse(moved)) == sorted(fuse(plain))


def described(question: str, *pieces: str, heading: str = "All", **sought) -> dict[str, float]:
    """The features of a passage whose sentences are the pieces, all equally near."""
    text = " ".join(pieces) or heading
    spans, start = [], 0
    for piece in pieces:
        spans.append(Sentence(start, start + len(piece), "prose", (1, 1)))
        start += len(piece) + 1
    found = replace(passage(text, "All", heading), sentences=tuple(spans))
    wanted = Query.from_text(question, **sought)
    item = evidence(Candidate(0, found, 0.5, 2.0), sought=wanted, near=0.4)
    row = compute_features(wanted, item, VOCABULARY)[0]
    return dict(zip(FEATURES, row.tolist(), strict=True))


CAT, DOG, PET = (math.log(1 + 10 / (n + 0.5)) for n in (5, 2, 1))


def test_cosines_are_of_the_best_sentence_and_of_the_whole():
    found = described("cat", "A cat.")
    assert found["sentence_cosine"] == pytest.approx(0.4)
    assert found["cosine"] == 0.5


def test_lexical_share_is_of_the_most_that_could_be_scored():
    assert described("cat dog", "A cat.")["lexical_share"] == pytest.approx(2 / 2.5 / (CAT + DOG))


def test_the_window_is_the_best_sentence_with_those_beside_it_and_the_heading():
    far = ["A pet.", "It sleeps.", "It eats.", "The cat and the dog play."]
    assert described("cat pet dog", *far)["window"] == pytest.approx(
        (CAT + DOG) / (CAT + DOG + PET)
    )
    assert described("cat pet dog", *far[1:], heading="A pet")["window"] == pytest.approx(1)


def test_a_heading_with_nothing_under_it_answers_nothing():
    assert described("pet", heading="Pet")["window"] == 0.0
    assert described("pet", "Nice.", heading="Pet")["window"] == 1.0


def test_pairs_stand_side_by_side_or_a_word_apart_in_one_sentence():
    assert described("cat food", "Good cat food.")["pairs"] == 1.0
    assert described("cat food", "Cat dry food.")["pairs"] == 1.0
    assert described("cat food", "Food of a cat.")["pairs"] == 0.0
    assert described("cat food", "A cat.", "Food.")["pairs"] == 0.0
    assert described("cat food shop", "Good cat food.")["pairs"] == 0.5
    assert described("cat food", "Yes.", heading="Cat food")["pairs"] == 1.0


def test_a_question_of_one_term_has_no_pairs_to_go_by():
    assert described("cat", "A cat.")["pairs"] == described("cat", "A dog.")["pairs"] == 0.5


def test_what_is_missing_weighs_as_much_as_it_is_rare():
    assert described("cat dog", "A cat and a dog.")["missing"] == 0.0
    assert described("cat dog", "A dog.")["missing"] == pytest.approx(CAT / DOG)
    assert described("cat dog", "A cat.")["missing"] == 1.0


def test_without_the_word_for_what_is_wanted_a_passage_is_astray_by_what_else_it_lacks():
    share = CAT / (CAT + PET)
    assert described("which pet cat", "A cat.", focus="pet")["astray"] == pytest.approx(1 - share)
    assert described("which pet cat", "A pet.", focus="pet")["astray"] == 0.0
    assert described("why a cat", "A dog.")["astray"] == 0.0


def test_a_match_is_by_meaning_or_by_words():
    assert described("cat", "A dog.")["match"] == pytest.approx(0.4)
    assert described("cat", "A cat.")["match"] == 1.0


@pytest.mark.parametrize(
    ("kind", "holds", "lacks"),
    [
        ("date", "It came in May.", "It came early."),
        ("date", "Since 1999 it sleeps.", "It has 12 lives."),
        ("number", "It has nine lives.", "It has lives."),
        ("name", "It is kept by Smith.", "It is kept by people."),
        ("name", "It is kept by Smith.", "It is kept by the Cat."),
    ],
)
def test_an_answer_is_of_the_kind_that_is_wanted(kind, holds, lacks):
    assert described("a cat", holds, answer_type=kind)["kind"] == 1.0
    assert described("a cat", lacks, answer_type=kind)["kind"] == 0.0
    assert described("a cat", lacks)["kind"] == 1.0


def test_a_question_without_terms_describes_without_dividing_by_nought():
    nothing = Query(())
    found = evidence(candidate(0, "The cat sleeps.", "Guide", "Pets"), sought=nothing)
    rows = compute_features(nothing, found, VOCABULARY)
    assert np.isfinite(rows).all()


def test_no_candidates_describe_to_no_rows():
    assert compute_features(SOUGHT, evidence(), VOCABULARY).shape == (0, len(FEATURES))
    assert (
        rank_hits(SOUGHT, evidence(), compute_features(SOUGHT, evidence(), VOCABULARY), by_cosine())
        == []
    )


def by_cosine(bar: float = 0.5) -> RankingModel:
    weights = np.zeros(len(FEATURES))
    weights[FEATURES.index("cosine")] = 1.0
    return RankingModel(
        ranker=weights, answerability=weights * 10, answerability_intercept=-5.0, threshold=bar
    )


def test_hits_are_ordered_by_the_model_with_ties_in_document_order():
    found = evidence(
        candidate(7, "A cat.", "G", "A", cosine=0.4),
        candidate(3, "A cat.", "G", "B", cosine=0.6),
        candidate(1, "A cat.", "G", "C", cosine=0.4),
    )
    hits = rank_hits(SOUGHT, found, compute_features(SOUGHT, found, VOCABULARY), by_cosine())
    assert [hit.key for hit in hits] == [3, 1, 7]
    assert [hit.rank for hit in hits] == [1, 2, 3]
    assert hits[0].probability == pytest.approx(1 / (1 + math.exp(-1)))
    assert hits[0].why.matched == ("cat",)


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=20))
def test_probabilities_fall_with_the_rank_and_stay_probabilities(cosines):
    found = evidence(*(candidate(n, "A cat.", "G", "A", cosine=c) for n, c in enumerate(cosines)))
    hits = rank_hits(SOUGHT, found, compute_features(SOUGHT, found, VOCABULARY), by_cosine())
    chances = [hit.probability for hit in hits]
    assert chances == sorted(chances, reverse=True)
    assert all(0 <= chance <= 1 for chance in chances)


def test_a_model_fitted_to_other_features_is_refused():
    data = json.loads(files("assistant.retrieval").joinpath("ranking.json").read_text())
    with pytest.raises(ValueError, match="make train"):
        RankingModel.from_dict({**data, "judge": {**data["judge"], "colour": 1.0}})


def test_the_shipped_model_says_where_its_figures_come_from():
    data = json.loads(files("assistant.retrieval").joinpath("ranking.json").read_text())
    assert {*data["order"], *data["judge"]} == set(FEATURES)  # none is reckoned for nothing
    assert data["provenance"]["script"] == "benchmarks/train.py"
    assert data["provenance"]["held_out"]["ndcg@10"].keys() == {"emanual_tv", "doc2dial", "squad2"}
    assert 0 < ranker.load_shipped_model().threshold < 1


@pytest.mark.parametrize("heading", ["Release notes", "Changelog", "1.2.3", "v0.12", "Version 2.0"])
def test_a_change_log_stands_back_where_nothing_new_is_asked_for(heading):
    found = evidence(
        candidate(0, "A cat.", heading, "Added", cosine=0.6),
        candidate(1, "A cat.", "Pets", "Cats", cosine=0.5),
    )

    def best(**sought):
        wanted = Query.from_text("cat", **sought)
        return rank_hits(wanted, found, compute_features(wanted, found, VOCABULARY), by_cosine())[
            0
        ].key

    assert best() == 1
    assert best(about_changes=True) == 0


@pytest.mark.parametrize(
    "heading", ["1.5 kg", "2.4 GHz bands", "1. First steps", "Released prisoners"]
)
def test_a_heading_with_a_number_is_no_change_log(heading):
    assert not TermPositions.from_passages([passage("A cat.", heading, "Cats")]).changelogs.any()


def in_language(key: int, language: str, *, cosine: float, lexical: float, place: int):
    written = replace(passage("cat", "Pets"), language=language)
    return Candidate(key, written, cosine, lexical, place)


def ranked_by_cosine(*found: Candidate, bar: float) -> list[int]:
    """Keys as ranked by a model that goes by the cosine alone, and is as sure as it is large."""
    weights = np.zeros(len(FEATURES))
    weights[FEATURES.index("cosine")] = 10.0
    model = RankingModel(weights, weights, -5.0, bar)
    together = evidence(*found)
    features = compute_features(SOUGHT, together, VOCABULARY)
    return [hit.key for hit in rank_hits(SOUGHT, together, features, model)]


def test_pages_in_the_language_of_the_question_come_first_where_they_answer():
    german = in_language(0, "de", cosine=0.6, lexical=9.0, place=1)
    english = in_language(1, "en", cosine=0.9, lexical=2.0, place=2)
    other = in_language(2, "de", cosine=0.2, lexical=1.0, place=3)
    # The most lexical score is German: it is asked in German. 10·.6 - 5 = 1, a chance of .73.
    assert ranked_by_cosine(german, english, other, bar=0.7) == [0, 2, 1]
    assert ranked_by_cosine(german, english, other, bar=0.8) == [1, 0, 2]


def test_a_guide_in_one_language_is_ranked_by_score_alone():
    found = [
        in_language(0, "de", cosine=0.6, lexical=9.0, place=1),
        in_language(1, "de", cosine=0.9, lexical=2.0, place=2),
    ]
    assert ranked_by_cosine(*found, bar=0.1) == [1, 0]
