"""An assistant measured on questions whose answers are known.

Knows the arms of the search and which measure each question allows. Must not know how a report
looks. Every figure comes with its 95 % bootstrap interval.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np

from assistant.assistant import Assistant
from assistant.evaluation import metrics as evaluation_metrics
from assistant.index import builder
from assistant.index import index as indexes
from assistant.query import follow_ups as talks
from assistant.retrieval import ranker
from assistant.text import text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from assistant.encoders.onnx import Encoder, Vectors
    from assistant.evaluation.datasets import Asked, QuestionSet
    from assistant.index.store import FaissStore
    from assistant.models.answers import Answer
    from assistant.models.documents import Passage

    Progress = Callable[[str, int, int], None]

Arm = Literal["words", "vectors", "hybrid", "+ model", "+ history"]
ARMS: tuple[Arm, ...] = ("words", "vectors", "hybrid", "+ model", "+ history")
"""What orders the passages: one arm alone, both mixed, the model on top, the talk before."""

DEPTH = 100  # candidates an arm is asked for
RANKED = 30  # passages that are looked at for a ranking of sections


@dataclass(frozen=True, slots=True)
class Measure:
    """A figure with the interval it lies in by chance, and from how many questions it is."""

    value: float
    low: float
    high: float
    count: int

    @classmethod
    def of(cls, values: Sequence[float]) -> Measure:
        """The mean of a figure a question has."""
        return cls(float(np.mean(values)), *evaluation_metrics.interval(values), len(values))


@dataclass(frozen=True, slots=True)
class Record:
    """What came of one question. `ranked` are sections, or pages, best first, by arm."""

    asked: Asked
    gold: frozenset[str]
    ranked: dict[Arm, tuple[str, ...]]
    answer: Answer
    right_section: bool


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a set; `misspelt` are nDCG@10 of a question as it is spelt and misspelt."""

    name: str
    records: tuple[Record, ...] = ()
    misspelt: tuple[tuple[float, float], ...] = ()
    rewritten: tuple[tuple[float, float], ...] = ()

    def parts(self) -> Iterator[tuple[str, tuple[Record, ...]]]:
        """The whole set, and apart from it the questions that open a talk, if some do not."""
        yield self.name, self.records
        first = tuple(record for record in self.records if not record.asked.history)
        if first and len(first) < len(self.records):
            yield f"{self.name}, first turns", first


def evaluate(
    given: QuestionSet, work: Path, encoder: Encoder, *, progress: Progress = lambda *_: None
) -> Outcome:
    """Ask every question of a set, its guide indexed under `work`, and keep what came of it."""
    if given.guide is None:
        return Outcome(given.name, rewritten=tuple(map(_rewritten, given.questions)))
    folder = work / given.name.replace("/", "-").replace(": ", "-") / "index"
    builder.build(given.guide, folder, encoder, progress=progress)
    bench = _Bench(Assistant(indexes.open(folder), encoder), encoder, by_page=given.by_page)
    records = tuple(bench.records(given.questions, given.name, progress))
    spelt = {record.asked.id: record for record in records}
    return Outcome(given.name, records, tuple(bench.misspelt(given.misspelt, spelt)))


@dataclass(frozen=True)
class _Bench:
    """One guide with its assistant, and how a question's gold is found in it."""

    assistant: Assistant
    encoder: Encoder
    by_page: bool
    _sections: dict[str, list[tuple[str, tuple[str, ...]]]] = field(default_factory=dict)

    @property
    def store(self) -> FaissStore:
        return self.assistant.index.store

    def records(self, asked: Sequence[Asked], name: str, progress: Progress) -> Iterator[Record]:
        vectors = self.encoder.encode([text.normalise(one.text) for one in asked])
        for done, (one, vector) in enumerate(zip(asked, vectors, strict=True), 1):
            progress(name, done, len(asked))
            answer = self.assistant.ask(one.text, one.history)
            alone = answer.hits
            if one.history and one.gold:
                alone = self.assistant.search(one.text, RANKED).hits
            ranked: dict[Arm, tuple[str, ...]] = {}
            if one.gold:
                ranked = {
                    **self._arms(one, vector),
                    "+ model": self._ranked(hit.passage for hit in alone),
                    "+ history": self._ranked(hit.passage for hit in answer.hits),
                }
            gold = self._gold(one)
            cited = {
                citation.path if self.by_page else f"{citation.path}#{citation.anchor}"
                for citation in answer.citations
            }
            yield Record(one, gold, ranked, answer, bool(cited & gold))

    def misspelt(
        self, asked: Iterable[Asked], spelt: dict[str, Record]
    ) -> Iterator[tuple[float, float]]:
        for one in asked:
            record = spelt.get(one.id)
            if record and record.gold:
                found = self.assistant.search(one.text, RANKED, one.history).hits
                ranked = self._ranked(hit.passage for hit in found)
                before = evaluation_metrics.ndcg(record.ranked["+ history"], record.gold)
                yield before, evaluation_metrics.ndcg(ranked, record.gold)

    def _arms(self, asked: Asked, vector: Vectors) -> dict[Arm, tuple[str, ...]]:
        wanted = tuple(dict.fromkeys(text.terms(text.normalise(asked.text))))
        found = self.store.candidates(vector, wanted, DEPTH)
        keys = {
            "words": [key for key, _ in found.lexical],
            "vectors": [key for key, _ in found.dense],
            "hybrid": ranker.fuse(found),
        }
        arms: dict[Arm, tuple[str, ...]] = {}
        for arm in ARMS[:3]:
            arms[arm] = self._ranked(self.store.passages(keys[arm][:RANKED]))
        return arms

    def _ranked(self, passages: Iterable[Passage]) -> tuple[str, ...]:
        """Sections, or pages, each where its first passage stands."""
        names = (p.path if self.by_page else f"{p.path}#{p.anchor}" for p in passages)
        return tuple(dict.fromkeys(names))

    def _gold(self, asked: Asked) -> frozenset[str]:
        """The ids of the gold; of a section that is not there, an id nothing has."""
        found: set[str] = set()
        for gold in asked.gold:
            if self.by_page:
                found.add(gold.path)
                continue
            if gold.path not in self._sections:
                self._sections[gold.path] = [
                    (section.anchor, tuple(heading.casefold() for heading in section.headings))
                    for section in self.store.sections(gold.path)
                ]
            wanted = tuple(heading.casefold() for heading in gold.headings)
            anchors = [
                anchor
                for anchor, own in self._sections[gold.path]
                if own[len(own) - len(wanted) :] == wanted
            ]
            found |= {f"{gold.path}#{anchor}" for anchor in anchors} or {f"{gold.path}#?"}
        return frozenset(found)


def _rewritten(asked: Asked) -> tuple[float, float]:
    """Whether our stand-alone form, and the question as it was asked, hold all it should."""
    wanted = set(text.terms(asked.rewrite))
    ours = talks.stand_alone(asked.text, talks.settled(asked.history))
    return (
        float(wanted <= set(text.terms(ours))),
        float(wanted <= set(text.terms(asked.text))),
    )


def ranking_measures(records: Sequence[Record], arm: Arm) -> dict[str, Measure]:
    """How well an arm puts the gold first, over the questions that have some."""
    ranked = [(record.ranked[arm], record.gold) for record in records if record.gold]
    if not ranked:
        return {}
    pages = [
        ([name.partition("#")[0] for name in found], {name.partition("#")[0] for name in gold})
        for found, gold in ranked
    ]
    return {
        "nDCG@10": Measure.of([evaluation_metrics.ndcg(found, gold) for found, gold in ranked]),
        **{
            f"R@{k}": Measure.of(
                [evaluation_metrics.recall(found, gold, k) for found, gold in ranked]
            )
            for k in (1, 5, 10)
        },
        "MRR": Measure.of(
            [evaluation_metrics.reciprocal_rank(found, gold) for found, gold in ranked]
        ),
        "page@5": Measure.of([float(not gold.isdisjoint(found[:5])) for found, gold in pages]),
    }


def answer_measures(records: Sequence[Record]) -> dict[str, Measure]:
    """How near answers are to the gold ones, over what can be answered.

    `F1` counts a refusal as 0. `evidence` is over the questions whose right section was cited.
    """
    known = [r for r in records if r.asked.answers and r.asked.answerable is not False]
    if not known:
        return {}
    cited = [record for record in known if record.right_section]
    found = {"F1": Measure.of([_f1(record) for record in known])}
    if cited:
        found["evidence"] = Measure.of([float(_evident(record)) for record in cited])
    found["answered"] = Measure.of([float(record.answer.found) for record in known])
    return found


def _f1(record: Record) -> float:
    said = " ".join(citation.quote for citation in record.answer.citations)
    return evaluation_metrics.token_f1(said, record.asked.answers)


def _evident(record: Record) -> bool:
    quoted = [
        line[start:end]
        for citation in record.answer.citations
        for line in citation.quote.split("\n")
        for start, end in text.sentences(line)
    ]
    return evaluation_metrics.evidence(quoted, record.asked.answers)


def refusal_measures(records: Sequence[Record]) -> dict[str, Measure]:
    """How well confidence tells what the guide answers from what it does not."""
    chances, answerable = judged(records)
    if not len(chances) or answerable.all() or not answerable.any():
        return {}
    found = np.asarray([r.answer.found for r in records if r.asked.answerable is not None])
    chooser = np.random.default_rng(0)
    kinds = [np.flatnonzero(answerable), np.flatnonzero(~answerable)]
    drawn = [np.concatenate([chooser.choice(k, len(k)) for k in kinds]) for _ in range(200)]

    def measure(figure: Callable[..., float]) -> Measure:
        again = [figure(chances[rows], answerable[rows]) for rows in drawn]
        low, high = np.quantile(again, [0.025, 0.975])
        return Measure(figure(chances, answerable), float(low), float(high), len(chances))

    return {
        "AUROC": measure(evaluation_metrics.auroc),
        "caught at 5 % lost": measure(evaluation_metrics.caught),
        "ECE": measure(evaluation_metrics.calibration_error),
        "refused": Measure.of((~found[~answerable]).astype(float).tolist()),
        "lost": Measure.of((~found[answerable]).astype(float).tolist()),
    }


def judged(records: Sequence[Record]) -> tuple[evaluation_metrics.Floats, evaluation_metrics.Flags]:
    """The confidence of each answer, and whether the guide answers, where that is known."""
    known = [record for record in records if record.asked.answerable is not None]
    return (
        np.asarray([record.answer.confidence for record in known], dtype=np.float64),
        np.asarray([record.asked.answerable for record in known], dtype=np.bool_),
    )


def talk_measures(outcome: Outcome) -> dict[str, Measure]:
    """What is left of nDCG@10 when a word is misspelt; how often a rewrite says all it should."""
    found = {}
    if outcome.misspelt:
        clean, misspelt = np.asarray(outcome.misspelt).T
        drawn = np.random.default_rng(0).integers(0, len(clean), (1000, len(clean)))
        shares = misspelt[drawn].sum(axis=1) / clean[drawn].sum(axis=1)
        low, high = np.quantile(shares, [0.025, 0.975])
        share = float(misspelt.sum() / clean.sum())
        found["misspelt"] = Measure(share, float(low), float(high), len(clean))
    if outcome.rewritten:
        ours, copied = zip(*outcome.rewritten, strict=True)
        found["rewritten"] = Measure.of(ours)
        found["copied"] = Measure.of(copied)
    return found


def latency(records: Sequence[Record]) -> tuple[float, float]:
    """The median and the 95th percentile of the seconds an answer took."""
    seconds = [record.answer.seconds for record in records]
    return float(np.quantile(seconds, 0.5)), float(np.quantile(seconds, 0.95))
