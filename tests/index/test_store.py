"""Test the store: its two retrievers against plain arithmetic, and that it reads what it wrote."""

from __future__ import annotations

import itertools
import math

import faiss
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from assistant.guide.folder import read_pages
from assistant.guide.publishers import ReadingOptions
from assistant.index.build_cache import BuildCache
from assistant.index.database import ReusedPages
from assistant.index.embed import embed_pages, quantize
from assistant.index.passage_words import split_passage
from assistant.index.postings import HEADING_WEIGHT
from assistant.index.store import FaissStore
from assistant.index.term_matches import TermPositions
from assistant.index.writer import write_generation
from assistant.models.documents import GuideWarning, ParsedPage, Passage
from assistant.text.tokenize import stem_words

GUIDE_WARNINGS = (
    GuideWarning("a.md", 3, "The link to d.md leads to no page."),
    GuideWarning("z.md", 1, "z.md is not text.", unreadable=True),
)
PAGES = {
    "a.md": "---\n: [\n---\n# Pets\n\nA cat chases a bird. A dog sleeps.\n\n## Outside\n\n"
    "A tree by the river.\n",
    "b.md": "# Food\n\nBread and milk. Milk is white.\n\n- [A book on bread](https://e.example/b)\n",
    "c.md": "# Roads\n\nThe road to the mountain.\n\n## Houses\n\nA house stands by the road.\n",
}


def write_and_open(folder, parts, encoder, **options) -> FaissStore:
    """Write a generation of these parts into a new folder, and open it."""
    folder.mkdir()
    pages = [part for part in parts if isinstance(part, ParsedPage)]
    with BuildCache(folder.parent, encoder.identity) as cache:
        embeddings = embed_pages(pages, encoder, cache, lambda _done, _total: None)
        arrays = write_generation(folder, parts, embeddings, **options)
    return FaissStore(folder, arrays)


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    folder = tmp_path_factory.mktemp("guide")
    for name, text in PAGES.items():
        (folder / name).write_text(text)
    return read_pages(folder, list(PAGES), reading_options=ReadingOptions())


@pytest.fixture(scope="module")
def passages(pages):
    return [passage for page in pages for passage in page.passages]


@pytest.fixture(scope="module")
def vectors(passages, word_encoder):
    return word_encoder.encode([passage.search_text for passage in passages])


@pytest.fixture(scope="module")
def store(pages, word_encoder, tmp_path_factory):
    folder = tmp_path_factory.mktemp("index") / "generation"
    return write_and_open(folder, pages, word_encoder, guide_warnings=GUIDE_WARNINGS)


def test_everything_is_read_as_it_was_written(store, pages, passages):
    assert store.passages(range(len(passages))) == passages
    assert list(store.all_passages()) == passages
    assert list(store.all_resources()) == [r for page in pages for r in page.resources]
    assert [page for path in store.page_paths() for page in store.page_passages(path)] == passages
    for page in pages:
        assert store.page(page.page.path) == page.page
        assert store.sections(page.page.path) == list(page.sections)
        assert store.all_page_links()[page.page.path] == page.links
        assert store.page_digests()[page.page.path] == page.page.sha256


def test_warnings_come_files_first_then_pages_then_links(store, pages):
    of_pages = [one for page in pages for one in page.warnings]
    assert of_pages
    assert list(store.warnings()) == [GUIDE_WARNINGS[1], *of_pages, GUIDE_WARNINGS[0]]


def test_the_passages_of_a_section_come_with_their_numbers(store, passages):
    expected = [(n, p) for n, p in enumerate(passages) if (p.path, p.anchor) == ("c.md", "houses")]
    assert store.section_passages("c.md", "houses") == expected
    assert store.section_passages("nowhere.md", "houses") == []


def test_a_page_that_is_not_in_the_guide_is_none(store):
    assert store.page("../a.md") is None


def test_passages_come_in_the_order_asked_for(store, passages):
    assert store.passages([3, 0, 2]) == [passages[n] for n in (3, 0, 2)]


@pytest.mark.parametrize("question", ["cat", "milk", "road house", "river tree", "nothing at all"])
def test_the_dense_retriever_is_the_dot_product_with_ties_in_document_order(
    store, vectors, word_encoder, question
):
    vector = word_encoder.encode([question])[0]
    cosines = vectors @ vector
    expected = sorted(range(len(vectors)), key=lambda key: (-cosines[key], key))
    pairs = store.candidates(vector, [], k=len(vectors)).dense
    assert [key for key, _ in pairs] == expected
    np.testing.assert_allclose([c for _, c in pairs], cosines[expected], atol=1e-6)
    np.testing.assert_allclose(store.cosines(vector, [2, 0]), cosines[[2, 0]], atol=1e-6)


def lexical_terms(passage: Passage) -> list[str]:
    """Return the terms that BM25 counts in a passage: its text once, its headings weighted up."""
    words = split_passage(passage)
    body = itertools.chain.from_iterable(itertools.chain(*words.sentences))
    return stem_words(words.address) * HEADING_WEIGHT + stem_words(body)


def bm25(documents: list[list[str]], terms: list[str]) -> list[float]:
    """Lucene's BM25 (k1 1.5, b .75) written out, as an oracle."""
    mean = sum(map(len, documents)) / len(documents)
    scores = []
    for document in documents:
        score = 0.0
        for term in terms:
            frequency = sum(term in other for other in documents)
            idf = math.log(1 + (len(documents) - frequency + 0.5) / (frequency + 0.5))
            count = document.count(term)
            score += idf * count / (count + 1.5 * (0.25 + 0.75 * len(document) / mean))
        scores.append(score)
    return scores


@pytest.mark.parametrize("terms", [["cat"], ["road"], ["milk", "bread"], ["hous", "road", "tree"]])
def test_the_lexical_retriever_is_bm25_with_heading_words_weighted_up(
    store, passages, vectors, terms
):
    documents = [lexical_terms(passage) for passage in passages]
    expected = bm25(documents, terms)
    scores = dict(store.candidates(vectors[0], terms, k=len(documents)).lexical)
    assert scores == pytest.approx({n: s for n, s in enumerate(expected) if s > 0}, rel=1e-4)


def test_terms_that_no_passage_holds_find_nothing(store, vectors):
    assert store.candidates(vectors[0], ["zebra"], k=5).lexical == ()


def test_a_sentence_s_cosine_is_near_the_exact_one(store, passages, word_encoder):
    vector = word_encoder.encode(["cat and bird"])[0]
    for key, passage in enumerate(passages):
        exact = word_encoder.encode(passage.sentence_texts) @ vector
        np.testing.assert_allclose(store.sentence_cosines(vector, [key]), exact, atol=0.01)


def test_term_positions_are_those_of_the_passages(store, passages):
    keys = [2, 0]
    read = store.term_positions(keys)
    expected = TermPositions.from_passages([passages[key] for key in keys])
    assert read.codes.tolist() == expected.codes.tolist()
    assert read.sentences.tolist() == expected.sentences.tolist()


@pytest.mark.parametrize("flat_up_to", [20, 1000], ids=["in lists", "flat"])
def test_reused_pages_give_the_bytes_of_pages_that_were_read(word_encoder, tmp_path, flat_up_to):
    """The lists are few enough here that the search misses nothing."""
    (tmp_path / "guide").mkdir()
    for name in "abc":
        sections = (f"## {word} {n}\n\nA {word} by the {name}-road.\n" for n in range(2)
                    for word in word_encoder.WORDS)  # fmt: skip
        (tmp_path / "guide" / f"{name}.md").write_text("\n".join(sections))
    paths = ["a.md", "b.md", "c.md"]
    a, b, c = read_pages(tmp_path / "guide", paths, reading_options=ReadingOptions())

    def write(name: str, parts, previous: FaissStore | None = None) -> FaissStore:
        return write_and_open(
            tmp_path / name, parts, word_encoder, previous=previous, flat_up_to=flat_up_to
        )

    fresh = write("fresh", [a, c, b])
    old = write("old", [a, b, c])
    updated = write("updated", [ReusedPages(0, 1), ReusedPages(2, 3), b], old)
    files = [
        {path.name: path.read_bytes() for path in store.folder.iterdir()}
        for store in (fresh, updated)
    ]
    assert files[0] == files[1]
    in_lists = isinstance(faiss.read_index(str(fresh.folder / "vectors.faiss")), faiss.IndexRefine)
    assert in_lists == (flat_up_to == 20)
    vector = word_encoder.encode(["milk milk road"])[0]
    keys = [key for key, _ in updated.candidates(vector, [], 6).dense]
    assert {passage.heading for passage in updated.passages(keys)} == {"milk 0", "milk 1"}


def test_the_resources_nearest_to_a_question_are_found_by_their_titles(store, word_encoder):
    vector = word_encoder.encode(["bread"])[0]
    ((key, cosine),) = store.resources_near(vector, 5)
    assert (key, cosine) == (0, pytest.approx(1.0, abs=1e-6))
    assert store.resource_cosines(vector, [0]).tolist() == pytest.approx([1.0], abs=1e-6)
    assert store.resources([key]) == list(store.all_resources())


@given(hnp.arrays(np.float32, (4, 12), elements=st.floats(-1, 1, width=32)))
def test_quantized_vectors_keep_their_direction(rows):
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    long = norms[:, 0] > 1e-3
    unit = rows[long] / norms[long]
    small = quantize(unit).astype(np.float32)
    small /= np.linalg.norm(small, axis=1, keepdims=True)
    assert np.all((unit * small).sum(axis=1) > 0.999)
