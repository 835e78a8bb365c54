"""Test that Bm25 finds the passages of plain BM25, whatever it prunes."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assistant.index.arrays import ArrayReader, ArrayWriter
from assistant.index.bm25 import Bm25, write_postings
from assistant.index.forward_index import index_texts
from assistant.index.postings import build_postings

# Word n stands in one passage in n²: the first are common, the last rare.
WORDS = [f"z{letter}k" for letter in "abcdefghijklmnop"]  # no stem is shorter
PASSAGES = 3000


def texts() -> list[list[str]]:
    random = np.random.default_rng(0)
    shares = 1 / np.arange(1, len(WORDS) + 1) ** 2
    texts = []
    for _ in range(PASSAGES):
        chosen = random.random(len(WORDS)) < shares
        times = random.integers(1, 5, len(WORDS)) * chosen
        texts.append(np.repeat(WORDS, times).tolist() or ["nothing"])
    return texts + texts[:500]  # some are equal, and tie


TEXTS = texts()


@pytest.fixture(scope="module")
def index(tmp_path_factory) -> Bm25:
    folder = tmp_path_factory.mktemp("postings")
    postings = build_postings(index_texts(" ".join(text) for text in TEXTS))
    writer = ArrayWriter(folder)
    write_postings(writer, postings, passages=len(TEXTS))
    reader = ArrayReader(folder, writer.specs)
    return Bm25(reader, list(postings.terms), passages=len(TEXTS))


def score_all(terms: list[str]) -> np.ndarray:
    """Lucene's BM25 (k1 1.5, b .75) of every passage, term by term."""
    mean = sum(map(len, TEXTS)) / len(TEXTS)
    counted = [Counter(text) for text in TEXTS]
    scores = np.zeros(len(TEXTS))
    for term in terms:
        holding = sum(term in text for text in counted)
        idf = math.log(1 + (len(TEXTS) - holding + 0.5) / (holding + 0.5))
        for n, text in enumerate(counted):
            norm = 1.5 * (0.25 + 0.75 * len(TEXTS[n]) / mean)
            scores[n] += idf * text[term] / (text[term] + norm) if text[term] else 0.0
    return scores


@settings(max_examples=30)
@given(st.lists(st.sampled_from(WORDS), min_size=1, max_size=6), st.sampled_from([1, 10, 100]))
def test_the_top_k_are_those_of_plain_bm25(index, terms, k):
    scores = score_all(terms)
    pairs = index.top_k(terms, k)
    assert len(pairs) == min(k, np.count_nonzero(scores))
    best = np.sort(scores)[::-1][: len(pairs)]
    np.testing.assert_allclose([score for _, score in pairs], best, rtol=1e-5)
    np.testing.assert_allclose(scores[[key for key, _ in pairs]], best, rtol=1e-5)


@given(st.lists(st.sampled_from(WORDS), min_size=1, max_size=8), st.integers(0, 300))
def test_the_top_k_are_the_head_of_the_whole_ranking(index, terms, k):
    whole = index.top_k(terms, len(TEXTS))
    assert whole == sorted(whole, key=lambda pair: (-pair[1], pair[0]))
    assert index.top_k(terms, k) == whole[:k]


@pytest.mark.parametrize("terms", [[], ["zebra"], ["a"], ["~"]])
def test_terms_that_no_passage_holds_find_nothing(index, terms):
    assert index.top_k(terms, 5) == []
