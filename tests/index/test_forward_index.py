"""The lexicon: words as numbers, joined from parts as if read at once, and counted."""

from __future__ import annotations

import itertools
from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from assistant.index import forward_index as lexicons
from assistant.models.documents import Passage, Sentence
from assistant.text.text import STOPWORDS, split_words, stem

TEXT = "abVvSs12 .+#&/-'’_,;|(\n–é中"
text = st.text(st.sampled_from(TEXT), max_size=40) | st.lists(
    st.sampled_from(
        ["vs", "versus", "e.g.", "C++", "a.b", "U.S", "node.js", "x_vs_y", " ", ".", "-", "I/O"]
    )
).map("".join)


def passage(body: str, *, headings: tuple[str, ...] = ("Guide",)) -> Passage:
    body = body or "x"
    sentences = (Sentence(0, len(body), "prose", (1, 1)),)
    return Passage("p.md#/1", "p.md", headings, "", "p.md", body, sentences)


passages = st.lists(text.map(passage), max_size=6)


def as_written(lexicon: lexicons.ForwardIndex) -> list[list[tuple[str, int]]]:
    """Every token with its word, passage by passage."""
    tokens = [(lexicon.words[token >> 4], token & 15) for token in lexicon.tokens.tolist()]
    ends = lexicon.offsets.tolist()
    return [tokens[start:end] for start, end in itertools.pairwise(ends)]


def same(one: lexicons.ForwardIndex, other: lexicons.ForwardIndex) -> bool:
    return one.words == other.words and as_written(one) == as_written(other)


@given(passages)
def test_the_words_written_are_those_of_the_text(given_passages):
    found = lexicons.index_passages(given_passages)
    expected = Counter(word for p in given_passages for word in split_words(p.search_text))
    assert lexicons.count_words(found) == {w: n for w, n in expected.items() if w.isalpha()}
    assert list(found.words) == sorted(found.words)


@given(st.lists(text, max_size=4))
def test_runs_end_where_clauses_do(texts):
    numbers, begins = lexicons.list_clause_words(found := lexicons.index_texts(texts))
    runs: list[list[str]] = []
    for number, opens in zip(numbers.tolist(), begins.tolist(), strict=True):
        if opens:
            runs.append([])
        runs[-1].append(found.words[number])
    clauses = [split_words(clause) for text in texts for clause in lexicons._CLAUSE.split(text)]
    assert runs == [clause for clause in clauses if clause]


@given(passages, passages, passages)
def test_parts_joined_are_what_would_be_read_at_once(one, two, three):
    old = lexicons.index_passages([*one, *two])
    parts = [
        old.slice_passages(0, len(one)),
        lexicons.index_passages(three),
        old.slice_passages(len(one), len(one) + len(two)),
    ]
    assert same(lexicons.concatenate(parts), lexicons.index_passages([*one, *three, *two]))


@given(passages)
def test_postings_count_terms_in_passages_with_headings_weighted_up(given_passages):
    found = lexicons.build_postings(lexicons.index_passages(given_passages))
    expected: dict[str, dict[int, int]] = {}
    for number, one in enumerate(given_passages):
        for body, weight in ((one.heading_path, lexicons.HEADING_WEIGHT), (one.body, 1)):
            for word in split_words(body):
                counts = expected.setdefault(stem(word), {})
                counts[number] = counts.get(number, 0) + (word not in STOPWORDS) * weight
    assert list(found.terms) == sorted(expected)
    for place, name in enumerate(found.terms):
        start, end = found.offsets[place : place + 2]
        assert dict(
            zip(
                found.passages[start:end].tolist(),
                found.frequencies[start:end].tolist(),
                strict=True,
            )
        ) == dict(sorted(expected[name].items()))


def test_passages_sampled_are_the_ones_chosen():
    found = lexicons.index_passages(
        [passage("one cat"), passage("two dogs"), passage("three birds")]
    )
    chosen = lexicons.select_passages(found, np.array([True, False, True]))
    assert as_written(chosen) == [as_written(found)[0], as_written(found)[2]]
