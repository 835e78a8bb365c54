"""The best passages by words, whatever is left unread, are those of BM25 written out."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assistant.index import bm25
from assistant.index import forward_index as lexicons
from assistant.index.bm25 import Bm25

# Word n is said by one passage in n: the first are common, the last rare.
WORDS = [f"z{letter}k" for letter in "abcdefghijklmnop"]  # no stem is shorter
PASSAGES = 3000


def texts() -> list[list[str]]:
    chance = np.random.default_rng(0)
    shares = 1 / np.arange(1, len(WORDS) + 1) ** 2
    found = []
    for _ in range(PASSAGES):
        said = chance.random(len(WORDS)) < shares
        often = chance.integers(1, 5, len(WORDS))
        words = [word for word, n, is_said in zip(WORDS, often, said, strict=True) if is_said
                 for _ in range(n)]  # fmt: skip
        found.append(words or ["nothing"])
    return found + found[:500]  # some say the same, and tie


TEXTS = texts()


@pytest.fixture(scope="module")
def words(tmp_path_factory) -> Bm25:
    folder = tmp_path_factory.mktemp("postings")
    postings = lexicons.build_postings(lexicons.index_texts(" ".join(text) for text in TEXTS))
    bm25.write_postings(folder, postings, passages=len(TEXTS))
    return Bm25(folder, list(postings.terms), passages=len(TEXTS))


def written_out(asked: list[str]) -> np.ndarray:
    """Lucene's BM25 (k1 1.5, b .75) of every passage, term by term."""
    mean = sum(map(len, TEXTS)) / len(TEXTS)
    counted = [Counter(text) for text in TEXTS]
    scores = np.zeros(len(TEXTS))
    for term in asked:
        holding = sum(term in text for text in counted)
        idf = math.log(1 + (len(TEXTS) - holding + 0.5) / (holding + 0.5))
        for n, text in enumerate(counted):
            norm = 1.5 * (0.25 + 0.75 * len(TEXTS[n]) / mean)
            scores[n] += idf * text[term] / (text[term] + norm) if text[term] else 0.0
    return scores


@settings(max_examples=30)
@given(st.lists(st.sampled_from(WORDS), min_size=1, max_size=6), st.sampled_from([1, 10, 100]))
def test_the_best_are_those_of_bm25_written_out(words, asked, k):
    scores = written_out(asked)
    found = words.top_k(asked, k)
    assert len(found) == min(k, np.count_nonzero(scores))
    best = np.sort(scores)[::-1][: len(found)]
    np.testing.assert_allclose([score for _, score in found], best, rtol=1e-5)
    np.testing.assert_allclose(scores[[key for key, _ in found]], best, rtol=1e-5)


@given(st.lists(st.sampled_from(WORDS), min_size=1, max_size=8), st.integers(0, 300))
def test_the_few_best_are_those_that_head_the_whole_ranking(words, asked, k):
    whole = words.top_k(asked, len(TEXTS))
    assert whole == sorted(whole, key=lambda pair: (-pair[1], pair[0]))
    assert words.top_k(asked, k) == whole[:k]


@pytest.mark.parametrize("asked", [[], ["zebra"], ["a"], ["~"]])
def test_words_that_no_passage_says_find_nothing(words, asked):
    assert words.top_k(asked, 5) == []
