"""Counting at the size of 29,000 pages: a sample that no order of edits changes, counts kept."""

from __future__ import annotations

import numpy as np
import pytest

from assistant.index import forward_index as lexicons
from assistant.index import phrases, statistics, vocabulary
from assistant.index.forward_index import ForwardIndex
from assistant.index.statistics import TermStatistics
from assistant.models.documents import Passage, Sentence

PATHS = [f"pages/{n}.md" for n in range(4000)]


def passage(text: str, *, headings: tuple[str, ...] = ("Guide",), path: str = "p.md") -> Passage:
    sentences = (Sentence(0, len(text), "prose", (1, 1)),)
    return Passage(f"{path}#/1", path, headings, "", path, text, sentences)


def large(words: int) -> ForwardIndex:
    """A guide of so many words in clauses, all the same one."""
    one = lexicons.index_texts(["cat"])
    tokens = np.repeat(one.tokens, words)
    return ForwardIndex(one.words, tokens, np.array([0, words]))


def known(*, worth: int) -> dict[str, int]:
    """The phrases known of one heading and of text that says a phrase thrice, and another twice."""
    headings = ["Snow family device jobs"]
    bodies = ["A road sign. A road sign. A road sign.", "A milk cart. A milk cart."]
    found = phrases.count_phrases(headings, lexicons.index_texts(bodies), weight=worth)
    return {phrase.spelling: phrase.count for phrase in found if phrase.is_established}


@pytest.mark.parametrize(
    ("size", "halved"), [(0, 0), (2_000_000, 0), (2_000_001, 1), (4_000_000, 1), (4_000_001, 2)]
)
def test_a_guide_is_halved_until_two_million_words_are_left(size, halved):
    assert phrases.count_halvings(size) == halved


def test_every_page_is_in_the_sample_of_a_guide_that_is_not_halved():
    assert all(phrases.is_sampled(path, 0) for path in PATHS)


def test_a_sample_of_a_quarter_lies_in_that_of_a_half():
    half = {path for path in PATHS if phrases.is_sampled(path, 1)}
    quarter = {path for path in PATHS if phrases.is_sampled(path, 2)}
    assert quarter < half
    assert len(half) / len(PATHS) == pytest.approx(1 / 2, abs=0.05)
    assert len(quarter) / len(PATHS) == pytest.approx(1 / 4, abs=0.05)


def test_in_a_small_guide_what_a_heading_begins_or_ends_with_is_known():
    found = known(worth=1)
    assert found["road sign"] == 3
    assert "milk cart" not in found
    assert {"snow family", "device jobs", "snow family device jobs"} <= set(found)
    assert "family device" not in found


def test_in_a_large_guide_only_whole_headings_are_and_a_body_stands_for_many():
    found = known(worth=4)
    assert found == {"road sign": 12, "snow family device jobs": 1}


def test_counts_are_read_as_they_were_written(tmp_path):
    lexicon = lexicons.index_passages([passage("A cat. A bird."), passage("A dog.")])
    written = TermStatistics(lexicon, lexicons.build_postings(lexicon))
    written.write(tmp_path)
    read = TermStatistics.read(tmp_path)
    assert read.forward_index.words == written.forward_index.words
    assert read.postings.terms == written.postings.terms
    for name in ("tokens", "first"):
        one, other = getattr(read.forward_index, name), getattr(written.forward_index, name)
        assert one.dtype == other.dtype
        assert one.tolist() == other.tolist()


SAMPLED = next(path for path in PATHS if phrases.is_sampled(path, 1))
LEFT_OUT = next(path for path in PATHS if not phrases.is_sampled(path, 1))


@pytest.mark.parametrize(
    ("path", "after", "keep"),
    [
        (LEFT_OUT, passage("A dog."), True),
        (SAMPLED, passage("A dog."), False),
        (LEFT_OUT, passage("A dog.", headings=("Guide", "Dogs")), False),
        (LEFT_OUT, passage("A Dog Guide (DG)."), False),
    ],
)
def test_acronyms_are_kept_where_an_edit_cannot_change_them(path, after, keep):
    guide = large(3_000_000)
    assert (
        statistics.acronyms_unchanged(guide, guide, {path: ([passage("A cat.")], [after])}) is keep
    )


def test_acronyms_are_looked_for_again_in_a_small_guide_and_where_the_sample_changes():
    edit = {LEFT_OUT: ([passage("A cat.")], [passage("A dog.")])}
    assert not statistics.acronyms_unchanged(large(1000), large(1000), edit)
    assert not statistics.acronyms_unchanged(large(3_000_000), large(5_000_000), edit)


def test_acronyms_of_a_large_guide_come_from_its_sample():
    said = ["Road sign. Road sign. Road sign.", "Milk cart. Milk cart. Milk cart."]
    found = vocabulary.collect_acronyms(
        lexicons.concatenate([large(2_000_001), lexicons.index_texts(said)]),
        headings=[],
        pages=[(LEFT_OUT, 1), (SAMPLED, 1), (LEFT_OUT, 1)],
        definitions={},
    )
    assert [reading.weight for reading in found["RS"]] == [6]
    assert "MC" not in found
