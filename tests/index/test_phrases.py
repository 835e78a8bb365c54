"""Phrases of a guide, and the sample of a large one, which no order of edits changes."""

from __future__ import annotations

import pytest

from assistant.index.forward_index import index_texts
from assistant.index.phrases import count_halvings, count_phrases, is_sampled

PATHS = [f"pages/{n}.md" for n in range(4000)]


def establish(*, weight: int) -> dict[str, int]:
    """Return the established phrases of a guide with one heading, each with its count."""
    headings = ["The snow family device jobs"]
    texts = ["Snow family device jobs. A snow family. A road sign. A road sign. A road sign."]
    phrases = count_phrases(headings, index_texts(texts), weight=weight)
    return {phrase.spelling: phrase.count for phrase in phrases if phrase.is_established}


@pytest.mark.parametrize(
    ("words", "halvings"), [(0, 0), (2_000_000, 0), (2_000_001, 1), (4_000_000, 1), (4_000_001, 2)]
)
def test_a_guide_is_halved_until_two_million_words_are_left(words, halvings):
    assert count_halvings(words) == halvings


def test_every_page_is_in_the_sample_of_a_guide_that_is_not_halved():
    assert all(is_sampled(path, 0) for path in PATHS)


def test_a_sample_of_a_quarter_lies_in_that_of_a_half():
    half = {path for path in PATHS if is_sampled(path, 1)}
    quarter = {path for path in PATHS if is_sampled(path, 2)}
    assert quarter < half
    assert len(half) / len(PATHS) == pytest.approx(1 / 2, abs=0.05)
    assert len(quarter) / len(PATHS) == pytest.approx(1 / 4, abs=0.05)


def test_a_heading_establishes_what_it_begins_or_ends_with_if_the_text_repeats_it():
    phrases = establish(weight=1)
    assert phrases["snow family"] == 3
    assert {"device jobs", "snow family device jobs"} <= set(phrases)
    assert "family device" not in phrases
    assert "road sign" not in phrases


def test_a_large_guide_s_heading_establishes_only_itself_and_a_body_counts_for_many():
    assert establish(weight=4) == {"snow family device jobs": 5}
