"""Load the sections that an answer may quote, and measure each of their sentences."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from assistant.answering.furniture import find_furniture
from assistant.answering.quotes import body_positions
from assistant.retrieval.passage_versions import is_of_other_version

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from assistant.encoders.base import Vectors
    from assistant.index.store import FaissStore
    from assistant.models.answers import Hit
    from assistant.models.documents import Passage
    from assistant.query.query import Query
    from assistant.retrieval.retriever import Retriever

MAX_SECTIONS = 5
NEIGHBOUR_PASSAGES = 3
"""How many passages of a section are read before and after the one that was retrieved."""

MAX_SUBSECTIONS = 3
"""How many sub-sections are read for a heading without text of its own.

In 295 public-service questions there were 17 such headings; for 16 of them the answer was in one of
the next three sections.
"""

_PASSAGES_BELOW = 8  # how many passages after such a heading are searched for its sub-sections


class SentencePosition(NamedTuple):
    """A sentence: its passage and its number there, its text, and the kind and lines of its block.

    A tuple, because a question reads the texts of a hundred of them several times.
    """

    passage: Passage
    number: int
    text: str
    kind: str
    lines: tuple[int, int]

    @classmethod
    def of(cls, passage: Passage, number: int) -> SentencePosition:
        """Return a sentence of a passage."""
        sentence = passage.sentences[number]
        return cls(passage, number, passage.slice(sentence), sentence.kind, sentence.lines)


@dataclass(frozen=True, slots=True)
class CandidateSection:
    """The sentences of one section in order, without headings, and how well they match a query.

    `key` is the section's path and anchor. `probability` is that of its best passage, and
    `in_passage` says which sentences are in that passage. `cosines` compare each sentence with the
    query. `matches` has a row per sentence and a column per term of the query. `heading_matches`
    has the terms of the heading path.
    """

    key: tuple[str, str]
    sentences: tuple[SentencePosition, ...]
    probability: float
    in_passage: NDArray[np.bool_]
    cosines: NDArray[np.float32]
    matches: NDArray[np.bool_]
    heading_matches: NDArray[np.bool_]


class Target(NamedTuple):
    """The best passage of a section, its number, and the probability that it answers."""

    key: int
    passage: Passage
    probability: float


def choose_hits(hits: Sequence[Hit]) -> list[Hit]:
    """Leave out the passages that only list resources, where there are others."""
    return [hit for hit in hits if not hit.passage.lists_resources] or list(hits)


def choose_targets(hits: Sequence[Hit], versions: Sequence[str] = ()) -> list[Target]:
    """Choose the best passage of each of the best sections, best first.

    Sections of other versions than a question names are left out, where there are any others.
    """
    hits = [hit for hit in hits if not is_of_other_version(hit.passage, versions)] or hits
    best: dict[tuple[str, str], Hit] = {}
    for hit in choose_hits(hits):
        best.setdefault((hit.passage.path, hit.passage.anchor), hit)
    chosen = list(best.values())[:MAX_SECTIONS]
    return [Target(hit.key, hit.passage, hit.probability) for hit in chosen]


def load_sections(
    query: Query,
    vector: Vectors,
    targets: Sequence[Target],
    store: FaissStore,
    retriever: Retriever,
    *,
    with_frame: bool = False,
) -> list[CandidateSection]:
    """Load the sections of some passages, each with the passages near it, and measure them.

    `with_frame` is whether bylines, menus and the like may be quoted too.
    """
    loaded: list[dict[int, Passage]] = []
    for target in targets:
        # The sub-sections of a heading without text may be targets themselves.
        known = {number for passages in loaded for number in passages}
        passages = _load_passages(target, store.size, retriever)
        loaded.append({n: passage for n, passage in passages.items() if n not in known})
    targets = [target for target, passages in zip(targets, loaded, strict=True) if passages]
    loaded = [passages for passages in loaded if passages]
    numbers = list(itertools.chain.from_iterable(loaded))
    if not numbers:
        return []
    positions = store.term_positions(numbers)
    matches = positions.match(query.terms)
    sentences = matches.lines[positions.sentence_lines]
    headings = matches.lines[positions.last_lines]
    cosines = store.sentence_cosines(vector, numbers)
    sections, first_passage, first_sentence = [], 0, 0
    for target, passages in zip(targets, loaded, strict=True):
        places = [
            (number, SentencePosition.of(passage, n))
            for number, passage in passages.items()
            for n in range(len(passage.sentences))
        ]
        frame = {
            (number, n)
            for number, passage in ({} if with_frame else passages).items()
            for n in find_furniture(passage)
        }
        is_body = np.array(
            [place.kind != "heading" and (n, place.number) not in frame for n, place in places],
            dtype=np.bool_,
        )
        if not is_body.any():  # the heading is all there is to quote
            is_body[:] = [place.kind == "heading" for _, place in places]
        rows = slice(first_sentence, first_sentence + len(places))
        first_sentence = rows.stop
        sections.append(
            CandidateSection(
                key=(target.passage.path, target.passage.anchor),
                sentences=tuple(itertools.compress((p for _, p in places), is_body.tolist())),
                probability=target.probability,
                in_passage=np.array([number == target.key for number, _ in places])[is_body],
                cosines=cosines[rows][is_body],
                matches=sentences[rows][is_body],
                heading_matches=headings[first_passage],
            )
        )
        first_passage += len(passages)
    return [section for section in sections if section.sentences]


def _load_passages(target: Target, size: int, retriever: Retriever) -> dict[int, Passage]:
    """Load the passages of a section by number.

    Where the section is a heading without text, loads those of its sub-sections.
    """
    first = max(0, target.key - NEIGHBOUR_PASSAGES)
    last = min(size, target.key + NEIGHBOUR_PASSAGES + 1)
    near = retriever.load_passages(range(first, last))
    section = {
        number: passage
        for number, passage in near.items()
        if (passage.path, passage.anchor) == (target.passage.path, target.passage.anchor)
    }
    if any(body_positions(passage) for passage in section.values()):
        return section
    return _load_subsections(target, size, retriever) or section


def _load_subsections(target: Target, size: int, retriever: Retriever) -> dict[int, Passage]:
    above = target.passage.headings
    numbers = range(target.key + 1, min(size, target.key + 1 + _PASSAGES_BELOW))
    below: dict[int, Passage] = {}
    anchors: dict[str, None] = {}
    for number, passage in retriever.load_passages(numbers).items():
        anchors[passage.anchor] = None
        is_below = passage.path == target.passage.path and passage.headings[: len(above)] == above
        if not is_below or len(anchors) > MAX_SUBSECTIONS:
            break
        below[number] = passage
    return below
