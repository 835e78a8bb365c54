"""The writers that answers are compared with copy what they are described to copy."""

from __future__ import annotations

import math

import pytest

from benchmarks import simple_writers
from benchmarks.simple_writers import Ranked


def passage(*lengths: int, best: int = 0, probability: float = 0.5) -> Ranked:
    """A passage of sentences of so many words; those of sentence n are `n`."""
    sentences = tuple(" ".join([str(n)] * length) for n, length in enumerate(lengths))
    scores = tuple(float(n == best) for n in range(len(lengths)))
    return Ranked("\n".join(sentences), sentences, scores, probability)


def count(text: str) -> dict[str, int]:
    """How many words each sentence gave."""
    words = text.split()
    return {word: words.count(word) for word in dict.fromkeys(words)}


def test_the_first_words_are_cut_at_a_hundred():
    assert count(simple_writers.copy_first_words([passage(70, 50)])) == {"0": 70, "1": 30}


@pytest.mark.parametrize(
    ("lengths", "best", "copied"),
    [
        # Two sentences after the best one come first, then one before it.
        ((20, 20, 20, 20, 20, 20), 2, {"1": 20, "2": 20, "3": 20, "4": 20, "5": 20}),
        ((30, 30, 30, 30), 3, {"1": 30, "2": 30, "3": 30}),
        ((90, 10, 10), 1, {"1": 10, "2": 10}),
        ((10, 120, 10), 1, {"1": 100}),
        ((5, 5), 0, {"0": 5, "1": 5}),
    ],
    ids=["both sides", "at the end", "what fits", "one long sentence", "all"],
)
def test_a_window_has_whole_sentences_around_the_best(lengths, best, copied):
    text = simple_writers.copy_window([passage(*lengths, best=best)])
    assert count(text) == copied
    assert list(count(text)) == sorted(copied)


def test_a_passage_without_sentences_is_copied_from_its_start():
    assert simple_writers.copy_window([Ranked("bare text", (), (), 0.5)]) == "bare text"


def test_two_passages_share_the_words_where_they_are_equally_likely():
    even = math.e / (1 + math.e)  # log-odds of 1
    first, second = passage(60, 40, probability=even), passage(40, 60, probability=0.51)
    assert count(simple_writers.copy_two_windows([first, second])) == {"0": 100}
    assert simple_writers.copy_two_windows([first, second]).split() == ["0"] * 60 + ["0"] * 40
    apart = passage(40, 60, probability=0.49)
    assert count(simple_writers.copy_two_windows([first, apart])) == {"0": 60, "1": 40}
    assert count(simple_writers.copy_two_windows([first])) == {"0": 60, "1": 40}
