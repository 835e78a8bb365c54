"""The store: its two arms against plain arithmetic, and everything read back as it was written."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from assistant import guide as guides
from assistant import vocabulary
from assistant.store import HEADING_WEIGHT, FaissStore, lexical_terms, quantise

PAGES = {
    "a.md": "# Pets\n\nA cat chases a bird. A dog sleeps.\n\n## Outside\n\nA tree by the river.\n",
    "b.md": "# Food\n\nBread and milk. Milk is white.\n\n- [A book on bread](https://e.example/b)\n",
    "c.md": "# Roads\n\nThe road to the mountain.\n\n## Houses\n\nA house stands by the road.\n",
}


@pytest.fixture(scope="module")
def guide(tmp_path_factory):
    folder = tmp_path_factory.mktemp("guide")
    for name, text in PAGES.items():
        (folder / name).write_text(text)
    return guides.read(folder)


@pytest.fixture(scope="module")
def vectors(guide, word_encoder):
    return word_encoder.encode([passage.search_text for passage in guide.passages])


@pytest.fixture(scope="module")
def store(guide, vectors, word_encoder, tmp_path_factory):
    folder = tmp_path_factory.mktemp("generation")
    FaissStore.write(
        folder,
        guide,
        vocabulary.mine(guide.passages),
        passages=vectors,
        sentences=word_encoder.encode([t for p in guide.passages for t in p.sentence_texts]),
        resources=word_encoder.encode([resource.title for resource in guide.resources]),
    )
    return FaissStore(folder)


def test_everything_is_read_back_as_it_was_written(store, guide):
    assert store.passages(range(len(guide.passages))) == list(guide.passages)
    assert store.resources == guide.resources
    assert [s for path in store.pages() for s in store.sections(path)] == list(guide.sections)
    assert [store.page(page.path) for page in guide.pages] == list(guide.pages)


def test_a_page_that_is_not_in_the_guide_is_none(store):
    assert store.page("../a.md") is None


def test_passages_come_in_the_order_asked_for(store, guide):
    assert store.passages([3, 0, 2]) == [guide.passages[n] for n in (3, 0, 2)]


@pytest.mark.parametrize("question", ["cat", "milk", "road house", "river tree", "nothing at all"])
def test_the_dense_arm_is_the_dot_product_with_ties_in_document_order(
    store, vectors, word_encoder, question
):
    vector = word_encoder.encode([question])[0]
    cosines = vectors @ vector
    expected = sorted(range(len(vectors)), key=lambda key: (-cosines[key], key))
    found = store.candidates(vector, [], k=len(vectors)).dense
    assert [key for key, _ in found] == expected
    np.testing.assert_allclose([c for _, c in found], cosines[expected], atol=1e-6)
    np.testing.assert_allclose(store.cosines(vector, [2, 0]), cosines[[2, 0]], atol=1e-6)


def bm25(documents: list[list[str]], asked: list[str]) -> list[float]:
    """Lucene's BM25 (k1 1.5, b .75) written out, as an oracle."""
    mean = sum(map(len, documents)) / len(documents)
    scores = []
    for document in documents:
        score = 0.0
        for term in asked:
            holding = sum(term in other for other in documents)
            idf = math.log(1 + (len(documents) - holding + 0.5) / (holding + 0.5))
            often = document.count(term)
            score += idf * often / (often + 1.5 * (0.25 + 0.75 * len(document) / mean))
        scores.append(score)
    return scores


@pytest.mark.parametrize("asked", [["cat"], ["road"], ["milk", "bread"], ["hous", "road", "tree"]])
def test_the_lexical_arm_is_bm25_with_heading_words_weighted_up(store, guide, vectors, asked):
    documents = [lexical_terms(passage) for passage in guide.passages]
    expected = bm25(documents, asked)
    found = dict(store.candidates(vectors[0], asked, k=len(documents)).lexical)
    assert found == pytest.approx({n: s for n, s in enumerate(expected) if s > 0}, rel=1e-4)


def test_a_heading_word_counts_as_often_as_its_weight_says(guide):
    outside = next(passage for passage in guide.passages if passage.heading == "Outside")
    assert lexical_terms(outside).count("outsid") == HEADING_WEIGHT
    assert lexical_terms(outside).count("tree") == 1


def test_words_that_no_passage_has_find_nothing(store, vectors):
    assert store.candidates(vectors[0], ["zebra"], k=5).lexical == ()


def test_a_sentence_s_cosine_is_near_the_exact_one(store, guide, word_encoder):
    vector = word_encoder.encode(["cat and bird"])[0]
    for key, passage in enumerate(guide.passages):
        exact = word_encoder.encode(passage.sentence_texts) @ vector
        np.testing.assert_allclose(store.sentence_cosines(vector, key), exact, atol=0.01)


def test_the_resources_are_scored_in_document_order(store, word_encoder):
    vector = word_encoder.encode(["bread"])[0]
    assert store.resource_cosines(vector).tolist() == pytest.approx([1.0], abs=1e-6)


@given(hnp.arrays(np.float32, (4, 12), elements=st.floats(-1, 1, width=32)))
def test_quantised_rows_keep_their_direction(rows):
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    kept = norms[:, 0] > 1e-3
    unit = rows[kept] / norms[kept]
    small = quantise(unit).astype(np.float32)
    small /= np.linalg.norm(small, axis=1, keepdims=True)
    assert np.all((unit * small).sum(axis=1) > 0.999)
