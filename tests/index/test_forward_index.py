"""The forward index: words as numbers, concatenated from parts as if indexed at once."""

from __future__ import annotations

import itertools
from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from assistant.index.forward_index import (
    KIND_BITS,
    ForwardIndex,
    concatenate,
    count_words,
    index_passages,
    index_texts,
    list_clause_words,
    select_passages,
)
from assistant.index.passage_words import PassageWords, split_passage
from assistant.models.documents import Passage, Sentence
from assistant.text.tokenize import split_clauses, split_words

TEXT = "abVvSs12 .+#&/-'’_,;|(\n–é中"
text = st.text(st.sampled_from(TEXT), max_size=40) | st.lists(
    st.sampled_from(
        ["vs", "versus", "e.g.", "C++", "a.b", "U.S", "node.js", "x_vs_y", " ", ".", "-", "I/O"]
    )
).map("".join)


def split(body: str, *, headings: tuple[str, ...] = ("Guide",)) -> PassageWords:
    body = body or "x"
    sentences = (Sentence(0, len(body), "prose", (1, 1)),)
    return split_passage(Passage("p.md#/1", "p.md", headings, "", "p.md", body, sentences))


passages = st.lists(text.map(split), max_size=6)


def list_tokens(index: ForwardIndex) -> list[list[tuple[str, int]]]:
    """Every token with its word, passage by passage."""
    tokens = [
        (index.words[token >> KIND_BITS], token % (1 << KIND_BITS))
        for token in index.tokens.tolist()
    ]
    ends = index.offsets.tolist()
    return [tokens[start:end] for start, end in itertools.pairwise(ends)]


def same(one: ForwardIndex, other: ForwardIndex) -> bool:
    return one.words == other.words and list_tokens(one) == list_tokens(other)


@given(st.lists(text, max_size=6))
def test_the_words_counted_are_those_of_the_text(texts):
    index = index_texts(texts)
    expected = Counter(word for text in texts for word in split_words(text))
    assert count_words(index) == {w: n for w, n in expected.items() if w.isalpha()}
    assert list(index.words) == sorted(index.words)


@given(st.lists(text, max_size=4))
def test_words_are_listed_clause_by_clause(texts):
    numbers, begins = list_clause_words(index := index_texts(texts))
    runs: list[list[str]] = []
    for number, opens in zip(numbers.tolist(), begins.tolist(), strict=True):
        if opens:
            runs.append([])
        runs[-1].append(index.words[number])
    assert runs == [clause for text in texts for clause in split_clauses(text)]


@given(passages, passages, passages)
def test_parts_concatenated_are_what_would_be_indexed_at_once(one, two, three):
    old = index_passages([*one, *two])
    parts = [
        old.slice_passages(0, len(one)),
        index_passages(three),
        old.slice_passages(len(one), len(one) + len(two)),
    ]
    assert same(concatenate(parts), index_passages([*one, *three, *two]))


def test_the_passages_selected_are_those_of_the_mask():
    index = index_passages([split("one cat"), split("two dogs"), split("three birds")])
    chosen = select_passages(index, np.array([True, False, True]))
    assert list_tokens(chosen) == [list_tokens(index)[0], list_tokens(index)[2]]
