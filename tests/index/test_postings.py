"""Postings count the terms of passages, their headings weighted up."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from assistant.index.forward_index import ForwardIndex, index_passages
from assistant.index.passage_words import split_passage
from assistant.index.postings import HEADING_WEIGHT, build_postings, merge_postings
from assistant.models.documents import Passage, Sentence
from assistant.text.tokenize import STOPWORDS, split_words, stem

words = st.sampled_from("cat cats dog the U.S. e.g. node.js vs. sleeping sleeps".split())


def passage(body: str) -> Passage:
    sentences = (Sentence(0, len(body), "prose", (1, 1)),)
    return Passage("p.md#/1", "p.md", ("Cat guide",), "", "p.md", body, sentences)


def index_all(each: list[Passage]) -> ForwardIndex:
    return index_passages(map(split_passage, each))


passages = st.lists(st.lists(words, min_size=1).map(" ".join).map(passage), max_size=6)


@given(passages)
def test_postings_count_terms_in_passages_with_headings_weighted_up(given_passages):
    postings = build_postings(index_all(given_passages))
    expected: dict[str, dict[int, int]] = {}
    for number, one in enumerate(given_passages):
        for text, weight in ((f"{one.heading_path} p", HEADING_WEIGHT), (one.body, 1)):
            for word in split_words(text):
                counts = expected.setdefault(stem(word), {})
                counts[number] = counts.get(number, 0) + (word not in STOPWORDS) * weight
    assert list(postings.terms) == sorted(expected)
    for n, term in enumerate(postings.terms):
        start, end = postings.offsets[n : n + 2]
        keys, counts = postings.passages[start:end], postings.frequencies[start:end]
        assert dict(zip(keys.tolist(), counts.tolist(), strict=True)) == expected[term]
        assert sorted(keys.tolist()) == keys.tolist()


@given(passages, passages, passages)
def test_merged_postings_are_those_built_at_once(stay, go, new):
    """The kept passages come first, then the new ones; the others are removed."""
    moved = np.array([*range(len(stay)), *[-1] * len(go)], dtype=np.int64)
    places = np.arange(len(stay), len(stay) + len(new))
    old = build_postings(index_all([*stay, *go]))
    merged = merge_postings(old, moved, build_postings(index_all(new)), places)
    expected = build_postings(index_all([*stay, *new]))
    assert merged.terms == expected.terms
    assert merged.offsets.tolist() == expected.offsets.tolist()
    assert merged.passages.tolist() == expected.passages.tolist()
    assert merged.frequencies.tolist() == expected.frequencies.tolist()
