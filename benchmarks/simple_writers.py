"""Simple writers of answers, to compare ours with: they copy words from the first passages.

They never refuse, and have at most 100 words.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from assistant.text.tokenize import extract_terms

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from assistant.encoders.base import Vectors
    from assistant.index.store import FaissStore
    from assistant.models.answers import Hit

    Writer = Callable[[Sequence["Ranked"]], str]

LIMIT = 100
FIRST_SHARE, SECOND_SHARE = 60, 40
"""The words of an answer; and those of its halves where two passages are equally likely."""

MAX_GAP = 1.0
"""Passages are equally likely if their log-odds differ by no more."""

TERM_WEIGHT = 0.5
_LEAST = 1e-5  # a probability of 0 or 1 has no log-odds


@dataclass(frozen=True, slots=True)
class Ranked:
    """A passage of the search: its text, its sentences, their scores, and its probability."""

    text: str
    sentences: tuple[str, ...]
    scores: tuple[float, ...]
    probability: float

    @property
    def log_odds(self) -> float:
        """The log-odds that the passage answers."""
        probability = min(max(self.probability, _LEAST), 1 - _LEAST)
        return math.log(probability / (1 - probability))


def rank_sentences(store: FaissStore, vector: Vectors, query: str, hit: Hit) -> Ranked:
    """Score the sentences of a passage: the cosine, and half their share of the query's idf."""
    passage = hit.passage
    sentences = tuple(" ".join(passage.slice(sentence).split()) for sentence in passage.sentences)
    cosines = store.sentence_cosines(vector, [hit.key])
    terms = sorted(set(extract_terms(query)))
    idfs = store.vocabulary.idfs(terms)
    shares = [
        float(idfs[np.isin(terms, extract_terms(text))].sum() / max(idfs.sum(), 1e-9))
        for text in sentences
    ]
    scores = tuple(
        float(cosine) + TERM_WEIGHT * share for cosine, share in zip(cosines, shares, strict=True)
    )
    return Ranked(passage.text, sentences, scores, hit.probability)


def copy_first_words(passages: Sequence[Ranked]) -> str:
    """Copy the first 100 words of the first passage."""
    return _cut(passages[0].text, LIMIT)


def copy_window(passages: Sequence[Ranked]) -> str:
    """Copy a window of 100 words around the best sentence of the first passage."""
    return open_window(passages[0], LIMIT)


def copy_two_windows(passages: Sequence[Ranked]) -> str:
    """Copy windows of 60 and 40 words of the first two passages where they are equally likely."""
    if len(passages) < 2 or passages[0].log_odds - passages[1].log_odds > MAX_GAP:
        return copy_window(passages)
    return f"{open_window(passages[0], FIRST_SHARE)} {open_window(passages[1], SECOND_SHARE)}"


def open_window(passage: Ranked, limit: int) -> str:
    """Copy whole sentences around the best one: two after it, then one before, while they fit."""
    if not passage.sentences:
        return _cut(passage.text, limit)
    lengths = [len(sentence.split()) for sentence in passage.sentences]
    start = end = max(range(len(lengths)), key=passage.scores.__getitem__)
    size, growing = lengths[start], True
    while growing:
        growing = False
        for step in (1, 1, -1):
            place = end + 1 if step > 0 else start - 1
            if 0 <= place < len(lengths) and size + lengths[place] <= limit:
                start, end = min(start, place), max(end, place)
                size += lengths[place]
                growing = True
    return _cut(" ".join(passage.sentences[start : end + 1]), limit)


def _cut(text: str, limit: int) -> str:
    return " ".join(text.split()[:limit])


WRITERS: dict[str, Writer] = {
    "the first 100 words of the first passage": copy_first_words,
    "100 words around the best sentence of the first passage": copy_window,
    "the same; of two passages that are equally likely, 60 and 40": copy_two_windows,
}
