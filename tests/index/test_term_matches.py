"""Term positions and matches, against the same computed word by word."""

from __future__ import annotations

from itertools import chain

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.index.passage_words import split_passage
from assistant.index.term_matches import HEADING_SCORE, TermPositions, term_row
from assistant.models.documents import Passage, Sentence
from assistant.text.tokenize import extract_terms, stem_words

WORDS = ["cat", "dog", "pet", "food", "shop", "the", "sleeps"]


def passage(*pieces: str, headings: tuple[str, ...] = ("Pets",), titled: bool = False) -> Passage:
    """A passage of sentences, the first of which is its heading if it is titled."""
    texts = [headings[-1], *pieces] if titled else list(pieces)
    spans, start = [], 0
    for n, piece in enumerate(texts):
        kind = "heading" if titled and not n else "prose"
        spans.append(Sentence(start, start + len(piece), kind, (1, 1)))
        start += len(piece) + 1
    return Passage("p.md#p/1", "p.md", headings, "p", "p.md", " ".join(texts), tuple(spans))


sentences = st.lists(st.sampled_from(WORDS), min_size=1, max_size=6).map(" ".join)
passages = st.builds(
    lambda pieces, headings, titled: passage(*pieces, headings=tuple(headings), titled=titled),
    st.lists(sentences, max_size=5),
    st.lists(sentences, min_size=1, max_size=3),
    st.booleans(),
)
some = st.lists(passages, min_size=1, max_size=5)
query_terms = st.lists(st.sampled_from(["cat", "dog", "pet", "food", "owl"]), unique=True)


def list_terms(batch: Passage) -> list[list[str]]:
    """The terms of each sentence, none for a heading."""
    return [
        [] if sentence.kind == "heading" else extract_terms(batch.slice(sentence))
        for sentence in batch.sentences
    ]


def list_address(each: Passage) -> list[str]:
    """The terms of the headings; the test's file has no other."""
    return stem_words(split_passage(each).address)


@given(some, query_terms)
def test_a_line_and_a_passage_hold_the_terms_that_are_among_its_words(batch, terms):
    matches = TermPositions.from_passages(batch).match(terms)
    lines = [
        line
        for each in batch
        for line in [
            *list_terms(each),
            extract_terms(each.heading),
            list_address(each),
        ]
    ]
    assert matches.lines.tolist() == [[term in line for term in terms] for line in lines]
    everything = [{*list_address(each), *chain.from_iterable(list_terms(each))} for each in batch]
    assert matches.passages.tolist() == [[t in held for t in terms] for held in everything]
    assert matches.terms_by_passage(terms) == [
        tuple(t for t in terms if t in h) for h in everything
    ]


@given(some, query_terms)
def test_a_sentence_s_score_is_half_its_cosine_and_half_its_share_of_the_weight(batch, terms):
    weights = np.arange(1.0, len(terms) + 1)
    count = sum(len(each.sentences) for each in batch)
    cosines = np.linspace(-1, 1, count, dtype=np.float32)
    scores = TermPositions.from_passages(batch).match(terms).score_sentences(weights, cosines)
    kinds = [sentence.kind for each in batch for sentence in each.sentences]
    held = [
        sum(weights[n] for n, t in enumerate(terms) if t in line)
        for line in (line for each in batch for line in list_terms(each))
    ]
    for value, cosine, weight, kind in zip(scores, cosines, held, kinds, strict=True):
        share = weight / weights.sum() if terms else 0.0
        wanted = HEADING_SCORE if kind == "heading" else (cosine + share) / 2
        assert value == pytest.approx(wanted)


@given(
    some,
    st.lists(
        st.tuples(st.sampled_from(WORDS[:5]), st.sampled_from(WORDS[:5])), min_size=1, max_size=4
    ),
)
def test_a_pair_is_adjacent_side_by_side_or_one_apart(batch, pairs):
    def together(line: list[str], pair: tuple[str, str]) -> bool:
        return any(line[n] == pair[0] and pair[1] in line[n + 1 : n + 3] for n in range(len(line)))

    matches = TermPositions.from_passages(batch).match(WORDS[:5])
    assert matches.count_adjacent_pairs(pairs).tolist() == [
        sum(
            any(together(line, pair) for line in [*list_terms(each), list_address(each)])
            for pair in pairs
        )
        for each in batch
    ]


@given(some)
def test_distinct_terms_are_counted_once(batch):
    assert TermPositions.from_passages(batch).distinct_terms.tolist() == [
        len({*chain.from_iterable(list_terms(each))}) for each in batch
    ]


@given(some)
def test_values_are_padded_by_passage(batch):
    positions = TermPositions.from_passages(batch)
    values = np.arange(positions.sentence_passages.size, dtype=np.float64)
    grid = positions.pad_by_passage(values, -1.0)
    assert [value for line in grid.tolist() for value in line if value >= 0] == values.tolist()
    assert [sum(value >= 0 for value in line) for line in grid.tolist()] == [
        len(each.sentences) for each in batch
    ]


def test_a_row_does_not_depend_on_the_passages_beside_it():
    one, other = passage("A cat."), passage("A dog.", "Food.", titled=True)
    rows = [term_row(each, split_passage(each)) for each in (one, other)]
    assert TermPositions.from_passages([one, other]).codes.tolist() == rows[0] + rows[1]
