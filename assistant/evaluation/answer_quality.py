"""Measure whole answers: complete, short, from the right page, and refused where they should be.

An answer is complete if it has most of the gold sentence's content words and every number and code
of it; concise, if it has at most 100 words; good, if it is both.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from assistant.evaluation import metrics
from assistant.evaluation.evaluate import Measure, build_assistant

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from assistant.assistant import Assistant
    from assistant.encoders.base import Encoder
    from assistant.evaluation.answer_sets import AnswerQuestion, AnswerSet
    from assistant.models.answers import Answer

    Progress = Callable[[str, int, int], None]

MAX_WORDS = 100
"""The most words of a concise answer."""

SEARCH_DEPTH = 20
"""How many passages are searched for the gold words."""

MIN_QUESTIONS = 30
"""Fewer questions of a kind than these are for reading: an interval of them is .36 wide."""

ALL_SETS = "all answer sets"
"""The name of all questions together, where there are several sets."""


@dataclass(frozen=True, slots=True)
class AnswerRecord:
    """The outcome of one question to the guide of a set.

    `text` is what is compared with the gold: the quotes without their markers, or empty for a
    refusal. `gold_rank` is the rank of the first passage that has the gold words, None where none
    of the first 20 has them or the question has no gold.
    """

    guide: str
    question: AnswerQuestion
    answer: Answer
    text: str
    gold_rank: int | None

    @classmethod
    def from_answer(cls, guide: str, question: AnswerQuestion, answer: Answer) -> AnswerRecord:
        """Compare an answer with the gold of its question."""
        text = "\n\n".join(citation.quote for citation in answer.citations)
        rank = find_gold([hit.passage.text for hit in answer.hits], question.gold)
        return cls(guide, question, answer, text, rank)

    @property
    def is_answered(self) -> bool:
        """Whether the question was answered, not refused."""
        return bool(self.text)

    @property
    def gold_share(self) -> float:
        """The share of the gold words that the answer has; 0 for a refusal."""
        return metrics.gold_share(self.text, self.question.gold) if self.is_answered else 0.0

    @property
    def complete(self) -> bool:
        """Whether the answer has the gold words."""
        return self.is_answered and metrics.contains_gold(self.text, self.question.gold)

    @property
    def words(self) -> int:
        """The length of the answer."""
        return count_words(self.text)

    @property
    def concise(self) -> bool:
        """Whether there is an answer, and it is short."""
        return self.is_answered and self.words <= MAX_WORDS

    @property
    def good(self) -> bool:
        """Whether the answer is complete and concise."""
        return self.complete and self.concise

    @property
    def cites_gold(self) -> bool:
        """Whether the answer cites a page that answers."""
        return any(citation.path in self.question.pages for citation in self.answer.citations)

    @property
    def fault(self) -> str:
        """What is wrong with the answer, in a word or three; empty where nothing is."""
        if not self.question.answerable:
            return "answered" if self.is_answered else ""
        if self.good:
            return ""
        if not self.is_answered:
            return "refused"
        if self.complete:
            return f"{self.words} words"
        return "incomplete" if self.cites_gold else "another page"


@dataclass(frozen=True, slots=True)
class AnswerOutcome:
    """The outcome of an answer set."""

    name: str
    records: tuple[AnswerRecord, ...]


def evaluate_answers(
    answer_set: AnswerSet, work: Path, encoder: Encoder, *, progress: Progress = lambda *_: None
) -> AnswerOutcome:
    """Index the guide of a set under `work`, ask every question, and record the outcome."""
    name = answer_set.name
    assistant = build_assistant(answer_set.guide, name, work, encoder, progress=progress)
    return AnswerOutcome(name, tuple(ask_questions(assistant, answer_set, progress=progress)))


def ask_questions(
    assistant: Assistant, answer_set: AnswerSet, *, progress: Progress = lambda *_: None
) -> Iterator[AnswerRecord]:
    """Ask the questions of a set one after another."""
    for done, question in enumerate(answer_set.questions, 1):
        progress(answer_set.name, done, len(answer_set.questions))
        answer = assistant.ask(question.text, question.history)
        yield AnswerRecord.from_answer(answer_set.name, question, answer)


def find_gold(passages: Sequence[str], gold: str) -> int | None:
    """Return the rank, from 1, of the first of 20 passages that has the gold words."""
    ranks = enumerate(passages[:SEARCH_DEPTH], 1)
    return next((n for n, text in ranks if gold and metrics.contains_gold(text, gold)), None)


def count_words(text: str) -> int:
    """Count the words of an answer; the bars between the cells of a table are none."""
    return sum(word != "|" for word in text.split())


# -- figures --------------------------------------------------------------------------------------


def subsets(
    outcomes: Sequence[AnswerOutcome],
) -> Iterator[tuple[str, tuple[AnswerRecord, ...]]]:
    """Yield all questions together where there are several sets, then each set."""
    if len(outcomes) > 1:
        yield ALL_SETS, collect_records(outcomes)
    for outcome in outcomes:
        yield outcome.name, outcome.records


def collect_records(outcomes: Sequence[AnswerOutcome]) -> tuple[AnswerRecord, ...]:
    """Collect the records of all sets."""
    return tuple(record for outcome in outcomes for record in outcome.records)


def measure_answer_quality(records: Sequence[AnswerRecord]) -> dict[str, Measure]:
    """Measure the answers to answerable questions, the refusals, and where the gold words stand.

    Without answerable, or without unanswerable, questions the figures of both kinds are left out.
    """
    answerable = [record for record in records if record.question.answerable]
    others = [record for record in records if not record.question.answerable]
    answered = [record for record in records if record.is_answered]
    measures: dict[str, Measure] = {}
    if answerable:
        measures |= {
            "good": _share([record.good for record in answerable]),
            "complete": _share([record.complete for record in answerable]),
            "concise": _share([record.concise for record in answerable]),
            "right page": _share([record.cites_gold for record in answerable]),
            "refused wrongly": _share([not record.is_answered for record in answerable]),
        }
    if others:
        measures["unanswerable refused"] = _share([not record.is_answered for record in others])
    if answered:
        measures["median words"] = Measure.from_counts([record.words for record in answered])
    if answerable and others:
        measures["near AUROC"] = Measure.from_scores(
            metrics.auroc,
            np.asarray([record.answer.confidence for record in records], dtype=np.float64),
            np.asarray([record.question.answerable for record in records], dtype=np.bool_),
        )
    if answerable:
        ranks = [record.gold_rank or SEARCH_DEPTH + 1 for record in answerable]
        measures |= {
            f"gold in first {k}": _share([rank <= k for rank in ranks])
            for k in (1, 3, SEARCH_DEPTH)
        }
    first = [record.good for record in answerable if record.gold_rank == 1]
    if first:
        measures["good where gold is first"] = _share(first)
    return measures


def _share(flags: Sequence[bool]) -> Measure:
    return Measure.from_values([float(flag) for flag in flags])


def collect_answer_measures(outcomes: Sequence[AnswerOutcome]) -> dict[str, dict[str, Measure]]:
    """Collect the measures of all sets together, of each set, and how many of a kind are good."""
    measures = {name: measure_answer_quality(records) for name, records in subsets(outcomes)}
    kinds = measure_kinds(collect_records(outcomes))
    names = name_kinds(outcomes)
    return measures | {
        name: {"good": good} for name, good in zip(names, kinds.values(), strict=True)
    }


def name_kinds(outcomes: Sequence[AnswerOutcome]) -> list[str]:
    """Name the kinds of questions after all sets, in the order of `measure_kinds`."""
    name = next((name for name, _ in subsets(outcomes)), "")
    return [f"{name}, {kind}" for kind in measure_kinds(collect_records(outcomes))]


def measure_kinds(records: Sequence[AnswerRecord]) -> dict[str, Measure]:
    """Measure the share of good answers of each kind of answerable question, largest kind first."""
    kinds: dict[str, list[bool]] = {}
    for record in records:
        if record.question.answerable:
            kinds.setdefault(record.question.kind, []).append(record.good)
    by_size = sorted(kinds.items(), key=lambda item: (-len(item[1]), item[0]))
    return {kind: _share(good) for kind, good in by_size}


def find_misses(records: Sequence[AnswerRecord], limit: int) -> list[AnswerRecord]:
    """List the worst misses of both kinds, at most `limit` of each.

    First the answerable questions without a good answer, those with the fewest gold words and then
    the most confident first; then the unanswerable ones that were answered, most confident first.
    """
    misses = [record for record in records if record.fault]
    poor = [record for record in misses if record.question.answerable]
    wrong = [record for record in misses if not record.question.answerable]
    poor.sort(key=lambda record: (record.gold_share, -record.answer.confidence))
    wrong.sort(key=lambda record: -record.answer.confidence)
    return poor[:limit] + wrong[:limit]
