"""Evaluate an assistant on questions with known answers.

Every figure has its 95 % bootstrap interval.
"""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np

from assistant.assistant import Assistant
from assistant.evaluation import metrics
from assistant.index.builder import build_index
from assistant.index.index import open_index
from assistant.query.follow_ups import normalise_turns, rewrite_follow_up
from assistant.retrieval.fusion import fuse
from assistant.text.normalize import normalise
from assistant.text.sentences import split_sentences
from assistant.text.tokenize import extract_terms

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from assistant.encoders.base import Encoder, Vectors
    from assistant.evaluation.datasets import Case, QuestionSet
    from assistant.index.store import FaissStore
    from assistant.models.answers import Answer
    from assistant.models.documents import Passage

    Progress = Callable[[str, int, int], None]

RetrieverName = Literal["words", "vectors", "hybrid", "+ model", "+ history"]
RETRIEVER_NAMES: tuple[RetrieverName, ...] = ("words", "vectors", "hybrid", "+ model", "+ history")
"""The retrievers that are compared.

These are BM25 alone, the vectors alone, both mixed, then both with the ranking model, and all of it
with the conversation.
"""

CANDIDATES_PER_RETRIEVER = 100
RANKING_DEPTH = 30  # how many passages a ranking of sections is made from


@dataclass(frozen=True, slots=True)
class Measure:
    """A figure with its 95 % interval, and the number of questions it is computed from.

    `decimals` is how many are shown.
    """

    value: float
    low: float
    high: float
    count: int
    decimals: int = 3

    @classmethod
    def from_values(cls, values: Sequence[float]) -> Measure:
        """Average the values of single questions."""
        return cls(float(np.mean(values)), *metrics.bootstrap_interval(values), len(values))

    @classmethod
    def from_counts(cls, counts: Sequence[int]) -> Measure:
        """Take the upper median of the counts of single questions."""
        interval = metrics.median_interval(counts)
        return cls(statistics.median_high(counts), *interval, len(counts), decimals=0)

    @classmethod
    def from_scores(
        cls,
        figure: Callable[[metrics.Floats, metrics.Flags], float],
        scores: metrics.Floats,
        positive: metrics.Flags,
    ) -> Measure:
        """Compute a figure of two kinds of questions, such as AUROC, from their scores."""
        interval = metrics.two_sample_interval(figure, scores, positive)
        return cls(figure(scores, positive), *interval, len(scores))


@dataclass(frozen=True, slots=True)
class Record:
    """The outcome of one question; `rankings` are sections, or pages, best first, by retriever."""

    case: Case
    gold: frozenset[str]
    rankings: dict[RetrieverName, tuple[str, ...]]
    answer: Answer
    cites_gold: bool


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of a set.

    `misspelt` are the nDCG@10 of questions spelt correctly and misspelt. `rewritten` are, for the
    rewrite and for the question itself, 1 if it contains all terms of the gold rewrite, else 0.
    """

    name: str
    records: tuple[Record, ...] = ()
    misspelt: tuple[tuple[float, float], ...] = ()
    rewritten: tuple[tuple[float, float], ...] = ()

    def subsets(self) -> Iterator[tuple[str, tuple[Record, ...]]]:
        """Yield the whole set, and the questions that start a conversation, if some do not."""
        yield self.name, self.records
        first = tuple(record for record in self.records if not record.case.history)
        if first and len(first) < len(self.records):
            yield f"{self.name}, first turns", first


def evaluate(
    dataset: QuestionSet, work: Path, encoder: Encoder, *, progress: Progress = lambda *_: None
) -> Outcome:
    """Index the guide of a set under `work`, ask every question, and record the outcome."""
    if dataset.guide is None:
        return Outcome(dataset.name, rewritten=tuple(map(_score_rewrite, dataset.questions)))
    assistant = build_assistant(dataset.guide, dataset.name, work, encoder, progress=progress)
    runner = _Runner(assistant, encoder, by_page=dataset.by_page)
    records = tuple(runner.run(dataset.questions, dataset.name, progress))
    spelt = {record.case.id: record for record in records}
    return Outcome(dataset.name, records, tuple(runner.run_misspelt(dataset.misspelt, spelt)))


def build_assistant(
    guide: Path, name: str, work: Path, encoder: Encoder, *, progress: Progress
) -> Assistant:
    """Index the guide of a set under `work`, and open it with the default threshold."""
    folder = work / name.replace("/", "-").replace(": ", "-") / "index"
    build_index(guide, folder, encoder, progress=progress)
    return Assistant(open_index(folder), encoder)


@dataclass(frozen=True)
class _Runner:
    """Runs questions against one guide and looks up their gold in it."""

    assistant: Assistant
    encoder: Encoder
    by_page: bool
    _sections: dict[str, list[tuple[str, tuple[str, ...]]]] = field(default_factory=dict)

    @property
    def store(self) -> FaissStore:
        return self.assistant.index.store

    def run(self, cases: Sequence[Case], name: str, progress: Progress) -> Iterator[Record]:
        vectors = self.encoder.encode([normalise(case.text) for case in cases])
        for done, (case, vector) in enumerate(zip(cases, vectors, strict=True), 1):
            progress(name, done, len(cases))
            answer = self.assistant.ask(case.text, case.history)
            hits_without_history = answer.hits
            if case.history and case.gold:
                hits_without_history = self.assistant.search(case.text, RANKING_DEPTH).hits
            rankings: dict[RetrieverName, tuple[str, ...]] = {}
            if case.gold:
                rankings = {
                    **self._rank_by_retriever(case, vector),
                    "+ model": self._section_ids(hit.passage for hit in hits_without_history),
                    "+ history": self._section_ids(hit.passage for hit in answer.hits),
                }
            gold = self._gold_ids(case)
            cited = {
                citation.path if self.by_page else f"{citation.path}#{citation.anchor}"
                for citation in answer.citations
            }
            yield Record(case, gold, rankings, answer, bool(cited & gold))

    def run_misspelt(
        self, cases: Iterable[Case], spelt: dict[str, Record]
    ) -> Iterator[tuple[float, float]]:
        for case in cases:
            record = spelt.get(case.id)
            if record and record.gold:
                hits = self.assistant.search(case.text, RANKING_DEPTH, case.history).hits
                ranked = self._section_ids(hit.passage for hit in hits)
                before = metrics.ndcg(record.rankings["+ history"], record.gold)
                yield before, metrics.ndcg(ranked, record.gold)

    def _rank_by_retriever(
        self, case: Case, vector: Vectors
    ) -> dict[RetrieverName, tuple[str, ...]]:
        terms = tuple(dict.fromkeys(extract_terms(normalise(case.text))))
        candidates = self.store.candidates(vector, terms, CANDIDATES_PER_RETRIEVER)
        keys = {
            "words": [key for key, _ in candidates.lexical],
            "vectors": [key for key, _ in candidates.dense],
            "hybrid": fuse(candidates),
        }
        rankings: dict[RetrieverName, tuple[str, ...]] = {}
        for name in RETRIEVER_NAMES[:3]:
            rankings[name] = self._section_ids(self.store.passages(keys[name][:RANKING_DEPTH]))
        return rankings

    def _section_ids(self, passages: Iterable[Passage]) -> tuple[str, ...]:
        """List the ids of sections, or pages, each at the rank of its first passage."""
        names = (p.path if self.by_page else f"{p.path}#{p.anchor}" for p in passages)
        return tuple(dict.fromkeys(names))

    def _gold_ids(self, case: Case) -> frozenset[str]:
        """Return the ids of the gold; for a section that is missing, an id that nothing has."""
        ids: set[str] = set()
        for gold in case.gold:
            if self.by_page:
                ids.add(gold.path)
                continue
            if gold.path not in self._sections:
                self._sections[gold.path] = [
                    (section.anchor, tuple(heading.casefold() for heading in section.headings))
                    for section in self.store.sections(gold.path)
                ]
            gold_path = tuple(heading.casefold() for heading in gold.headings)
            anchors = [
                anchor
                for anchor, path in self._sections[gold.path]
                if path[len(path) - len(gold_path) :] == gold_path
            ]
            ids |= {f"{gold.path}#{anchor}" for anchor in anchors} or {f"{gold.path}#?"}
        return frozenset(ids)


def _score_rewrite(case: Case) -> tuple[float, float]:
    """Score if the rewrite, and the question itself, contain all terms of the gold rewrite."""
    gold_terms = set(extract_terms(case.rewrite))
    rewritten, _ = rewrite_follow_up(case.text, normalise_turns(case.history))
    return (
        float(gold_terms <= set(extract_terms(rewritten))),
        float(gold_terms <= set(extract_terms(case.text))),
    )


def measure_ranking(records: Sequence[Record], retriever: RetrieverName) -> dict[str, Measure]:
    """Measure how well a retriever ranks the gold, over the questions that have gold."""
    rankings = [(record.rankings[retriever], record.gold) for record in records if record.gold]
    if not rankings:
        return {}
    pages = [
        ([name.partition("#")[0] for name in ranked], {name.partition("#")[0] for name in gold})
        for ranked, gold in rankings
    ]
    return {
        "nDCG@10": Measure.from_values([metrics.ndcg(ranked, gold) for ranked, gold in rankings]),
        **{
            f"R@{k}": Measure.from_values(
                [metrics.recall(ranked, gold, k) for ranked, gold in rankings]
            )
            for k in (1, 5, 10)
        },
        "MRR": Measure.from_values(
            [metrics.reciprocal_rank(ranked, gold) for ranked, gold in rankings]
        ),
        "page@5": Measure.from_values(
            [float(not gold.isdisjoint(ranked[:5])) for ranked, gold in pages]
        ),
    }


def measure_answers(records: Sequence[Record]) -> dict[str, Measure]:
    """Measure how near answers are to the gold ones, over the answerable questions.

    `F1` counts a refusal as 0. `evidence` counts only the questions whose gold section was cited.
    """
    labelled = [r for r in records if r.case.answers and r.case.answerable is not False]
    if not labelled:
        return {}
    citing = [record for record in labelled if record.cites_gold]
    measures = {"F1": Measure.from_values([_answer_f1(record) for record in labelled])}
    if citing:
        evidence = [float(_quotes_gold(record)) for record in citing]
        measures["evidence"] = Measure.from_values(evidence)
    answered = [float(record.answer.found) for record in labelled]
    measures["answered"] = Measure.from_values(answered)
    return measures


def _answer_f1(record: Record) -> float:
    text = " ".join(citation.quote for citation in record.answer.citations)
    return metrics.token_f1(text, record.case.answers)


def _quotes_gold(record: Record) -> bool:
    sentences = [
        line[start:end]
        for citation in record.answer.citations
        for line in citation.quote.split("\n")
        for start, end in split_sentences(line)
    ]
    return metrics.overlaps_gold(sentences, record.case.answers)


def measure_refusals(records: Sequence[Record]) -> dict[str, Measure]:
    """Measure how well confidence separates the questions that the guide answers from others."""
    confidences, answerable = collect_confidences(records)
    if not len(confidences) or answerable.all() or not answerable.any():
        return {}
    labelled = [record for record in records if record.case.answerable is not None]
    refused = np.asarray([not record.answer.found for record in labelled])

    def measure(figure: Callable[[metrics.Floats, metrics.Flags], float]) -> Measure:
        return Measure.from_scores(figure, confidences, answerable)

    return {
        "AUROC": measure(metrics.auroc),
        "caught at 5 % lost": measure(metrics.specificity_at_recall),
        "ECE": measure(metrics.expected_calibration_error),
        "refused": Measure.from_values(refused[~answerable].astype(float).tolist()),
        "lost": Measure.from_values(refused[answerable].astype(float).tolist()),
    }


def collect_confidences(
    records: Sequence[Record],
) -> tuple[metrics.Floats, metrics.Flags]:
    """Collect the confidence of each answer, and whether the guide answers, where known."""
    labelled = [record for record in records if record.case.answerable is not None]
    return (
        np.asarray([record.answer.confidence for record in labelled], dtype=np.float64),
        np.asarray([record.case.answerable for record in labelled], dtype=np.bool_),
    )


def measure_robustness(outcome: Outcome) -> dict[str, Measure]:
    """Measure the share of nDCG@10 that is left with a misspelt word, and the complete rewrites."""
    measures = {}
    if outcome.misspelt:
        clean, misspelt = np.asarray(outcome.misspelt).T
        resamples = np.random.default_rng(0).integers(0, len(clean), (1000, len(clean)))
        shares = misspelt[resamples].sum(axis=1) / clean[resamples].sum(axis=1)
        low, high = np.quantile(shares, [0.025, 0.975])
        share = float(misspelt.sum() / clean.sum())
        measures["misspelt"] = Measure(share, float(low), float(high), len(clean))
    if outcome.rewritten:
        rewritten, copied = zip(*outcome.rewritten, strict=True)
        measures["rewritten"] = Measure.from_values(rewritten)
        measures["copied"] = Measure.from_values(copied)
    return measures


def measure_latency(answers: Sequence[Answer]) -> tuple[float, float]:
    """Measure the median and the 95th percentile of the seconds an answer took."""
    seconds = [answer.seconds for answer in answers]
    return float(np.quantile(seconds, 0.5)), float(np.quantile(seconds, 0.95))
