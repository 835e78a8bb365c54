"""What passages tell, against the same said of their words one by one."""

from __future__ import annotations

from itertools import chain

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.index.term_matches import HEADING_SCORE, TermPositions, term_row
from assistant.models.documents import Passage, Sentence
from assistant.text.tokenize import extract_terms

WORDS = ["cat", "dog", "pet", "food", "shop", "the", "sleeps"]


def passage(*pieces: str, headings: tuple[str, ...] = ("Pets",), titled: bool = False) -> Passage:
    """A passage of sentences, the first of which is its heading where it is titled."""
    said = [headings[-1], *pieces] if titled else list(pieces)
    spans, start = [], 0
    for n, piece in enumerate(said):
        kind = "heading" if titled and not n else "prose"
        spans.append(Sentence(start, start + len(piece), kind, (1, 1)))
        start += len(piece) + 1
    return Passage("p.md#p/1", "p.md", headings, "p", "p.md", " ".join(said), tuple(spans))


sentences = st.lists(st.sampled_from(WORDS), min_size=1, max_size=6).map(" ".join)
passages = st.builds(
    lambda pieces, headings, titled: passage(*pieces, headings=tuple(headings), titled=titled),
    st.lists(sentences, max_size=5),
    st.lists(sentences, min_size=1, max_size=3),
    st.booleans(),
)
some = st.lists(passages, min_size=1, max_size=5)
asked = st.lists(st.sampled_from(["cat", "dog", "pet", "food", "owl"]), unique=True)


def body(found: Passage) -> list[list[str]]:
    """The terms of each sentence, none for a heading."""
    return [
        [] if sentence.kind == "heading" else extract_terms(found.slice(sentence))
        for sentence in found.sentences
    ]


@given(some, asked)
def test_a_line_and_a_passage_hold_the_terms_that_are_among_its_words(found, sought):
    where = TermPositions.from_passages(found).match(sought)
    lines = [
        line
        for each in found
        for line in [*body(each), extract_terms(each.heading), extract_terms(each.heading_path)]
    ]
    assert where.lines.tolist() == [[term in line for term in sought] for line in lines]
    everything = [
        {*extract_terms(each.heading_path), *chain.from_iterable(body(each))} for each in found
    ]
    assert where.passages.tolist() == [[t in held for t in sought] for held in everything]
    assert where.terms_by_passage(sought) == [
        tuple(t for t in sought if t in h) for h in everything
    ]


@given(some, asked)
def test_a_sentence_says_half_its_cosine_and_half_its_share_of_the_weight(found, sought):
    weights = np.arange(1.0, len(sought) + 1)
    count = sum(len(each.sentences) for each in found)
    cosines = np.linspace(-1, 1, count, dtype=np.float32)
    said = TermPositions.from_passages(found).match(sought).score_sentences(weights, cosines)
    kinds = [sentence.kind for each in found for sentence in each.sentences]
    held = [
        sum(weights[n] for n, t in enumerate(sought) if t in line)
        for line in (line for each in found for line in body(each))
    ]
    for value, cosine, weight, kind in zip(said, cosines, held, kinds, strict=True):
        share = weight / weights.sum() if sought else 0.0
        wanted = HEADING_SCORE if kind == "heading" else (cosine + share) / 2
        assert value == pytest.approx(wanted)


@given(
    some,
    st.lists(
        st.tuples(st.sampled_from(WORDS[:5]), st.sampled_from(WORDS[:5])), min_size=1, max_size=4
    ),
)
def test_a_pair_stands_together_side_by_side_or_one_apart(found, pairs):
    def together(line: list[str], pair: tuple[str, str]) -> bool:
        return any(line[n] == pair[0] and pair[1] in line[n + 1 : n + 3] for n in range(len(line)))

    where = TermPositions.from_passages(found).match(WORDS[:5])
    assert where.count_adjacent_pairs(pairs).tolist() == [
        sum(
            any(together(line, pair) for line in [*body(each), extract_terms(each.heading_path)])
            for pair in pairs
        )
        for each in found
    ]


@given(some)
def test_the_sentences_terms_are_counted_each_once(found):
    assert TermPositions.from_passages(found).distinct_terms.tolist() == [
        len({*chain.from_iterable(body(each))}) for each in found
    ]


@given(some)
def test_values_spread_over_the_rows_of_their_passages(found):
    told = TermPositions.from_passages(found)
    values = np.arange(told.sentence_passages.size, dtype=np.float64)
    grid = told.pad_by_passage(values, -1.0)
    assert [value for line in grid.tolist() for value in line if value >= 0] == values.tolist()
    assert [sum(value >= 0 for value in line) for line in grid.tolist()] == [
        len(each.sentences) for each in found
    ]


def test_rows_stand_one_after_another_whatever_passages_they_are_read_with():
    one, other = passage("A cat."), passage("A dog.", "Food.", titled=True)
    assert TermPositions.from_passages([one, other]).codes.tolist() == term_row(one) + term_row(
        other
    )
