"""Make the sections that an answer is selected from, of invented pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from assistant.answering.sections import CandidateSection, SentencePosition
from assistant.answering.selection import make_quotes, score_sections, select_sentences
from assistant.guide.folder import read_guide
from assistant.index.builder import build_index
from assistant.index.index import open_index
from assistant.models.answers import Hit, Reason
from assistant.query.question_type import parse_question

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from assistant.answering.quotes import Quote
    from assistant.answering.selection import ScoredSection
    from assistant.encoders.base import Encoder
    from assistant.index.store import FaissStore
    from assistant.models.documents import Passage


def read_page(folder: Path, text: str) -> tuple[Passage, ...]:
    """Read the passages of a page."""
    (folder / "page.md").write_text(text)
    return read_guide(folder).passages


def build_store(folder: Path, pages: Mapping[str, str], encoder: Encoder) -> FaissStore:
    """Index some pages, and return their store."""
    (folder / "guide").mkdir()
    for name, text in pages.items():
        (folder / "guide" / name).write_text(text)
    build_index(folder / "guide", folder / "index", encoder)
    return open_index(folder / "index").store


def make_candidates(passages: Sequence[Passage]) -> list[CandidateSection]:
    """Make a candidate of each section that has text; nothing in it matches the query."""
    by_section: dict[tuple[str, str], list[SentencePosition]] = {}
    for passage in passages:
        for number, sentence in enumerate(passage.sentences):
            if sentence.kind != "heading":
                key = passage.path, passage.anchor
                by_section.setdefault(key, []).append(SentencePosition.of(passage, number))
    return [
        CandidateSection(
            key=key,
            sentences=tuple(sentences),
            probability=0.5,
            in_passage=np.ones(len(sentences), dtype=np.bool_),
            cosines=np.zeros(len(sentences), dtype=np.float32),
            matches=np.zeros((len(sentences), 1), dtype=np.bool_),
            heading_matches=np.zeros(1, dtype=np.bool_),
        )
        for key, sentences in by_section.items()
    ]


def score(
    passages: Sequence[Passage], likely: Mapping[str, float], question: str = "why is that?"
) -> list[ScoredSection]:
    """Score the sections: a sentence has the probability of the first of the texts in it."""
    candidates = make_candidates(passages)
    probabilities = [
        np.array(
            [
                next((value for text, value in likely.items() if text in sentence.text), 0.0)
                for sentence in section.sentences
            ]
        )
        for section in candidates
    ]
    return score_sections([(candidates, probabilities)], [parse_question(question)])


def select_quotes(
    passages: Sequence[Passage],
    likely: Mapping[str, float],
    question: str = "why is that?",
    **limits: int,
) -> list[Quote]:
    """Quote the sentences that are selected."""
    sections = score(passages, likely, question)
    return make_quotes(sections, select_sentences(sections, **limits))


def find(passage: Passage, text: str) -> int:
    """Find the first sentence of a passage that contains a text."""
    return next(n for n, s in enumerate(passage.sentences) if text in passage.slice(s))


def make_hits(passages: Mapping[int, Passage]) -> list[Hit]:
    """Make hits of passages by number, best first."""
    reason = Reason(None, 0.0, None, 0.0, ())
    return [
        Hit(passage, key, rank, 1 / (1 + rank), reason)
        for rank, (key, passage) in enumerate(passages.items(), 1)
    ]
