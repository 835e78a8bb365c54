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

    from assistant.encoders.base import Encoder, Vectors
    from assistant.evaluation.datasets import Case, QuestionSet
    from assistant.index.store import FaissStore
    from assistant.models.answers import Answer
    from assistant.models.documents import Passage

    Progress = Callable[[str, int, int], None]

Arm = Literal["words", "vectors", "hybrid", "+ model", "+ history"]
ARMS: tuple[Arm, ...] = ("words", "vectors", "hybrid", "+ model", "+ history")
"""What orders the passages: one arm alone, both mixed, the model on top, the talk before."""

CANDIDATES_PER_ARM = 100  # candidates an arm is asked for
RANKING_DEPTH = 30  # passages that are looked at for a ranking of sections


@dataclass(frozen=True, slots=True)
class Measure:
    """A figure with the interval it lies in by chance, and from how many questions it is."""

    value: float
    low: float
    high: float
    count: int

    @classmethod
    def from_values(cls, values: Sequence[float]) -> Measure:
        """The mean of a figure a question has."""
        return cls(
            float(np.mean(values)), *evaluation_metrics.bootstrap_interval(values), len(values)
        )


@dataclass(frozen=True, slots=True)
class Record:
    """What came of one question. `ranked` are sections, or pages, best first, by arm."""

    case: Case
    gold: frozenset[str]
    rankings: dict[Arm, tuple[str, ...]]
    answer: Answer
    cites_gold: bool


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a set; `misspelt` are nDCG@10 of a question as it is spelt and misspelt."""

    name: str
    records: tuple[Record, ...] = ()
    misspelt: tuple[tuple[float, float], ...] = ()
    rewritten: tuple[tuple[float, float], ...] = ()

    def subsets(self) -> Iterator[tuple[str, tuple[Record, ...]]]:
        """The whole set, and apart from it the questions that open a talk, if some do not."""
        yield self.name, self.records
        first = tuple(record for record in self.records if not record.case.history)
        if first and len(first) < len(self.records):
            yield f"{self.name}, first turns", first


def evaluate(
    given: QuestionSet, work: Path, encoder: Encoder, *, progress: Progress = lambda *_: None
) -> Outcome:
    """Ask every question of a set, its guide indexed under `work`, and keep what came of it."""
    if given.guide is None:
        return Outcome(given.name, rewritten=tuple(map(_score_rewrite, given.questions)))
    folder = work / given.name.replace("/", "-").replace(": ", "-") / "index"
    builder.build_index(given.guide, folder, encoder, progress=progress)
    bench = _Runner(Assistant(indexes.open_index(folder), encoder), encoder, by_page=given.by_page)
    records = tuple(bench.run(given.questions, given.name, progress))
    spelt = {record.case.id: record for record in records}
    return Outcome(given.name, records, tuple(bench.run_misspelt(given.misspelt, spelt)))


@dataclass(frozen=True)
class _Runner:
    """One guide with its assistant, and how a question's gold is found in it."""

    assistant: Assistant
    encoder: Encoder
    by_page: bool
    _sections: dict[str, list[tuple[str, tuple[str, ...]]]] = field(default_factory=dict)

    @property
    def store(self) -> FaissStore:
        return self.assistant.index.store

    def run(self, asked: Sequence[Case], name: str, progress: Progress) -> Iterator[Record]:
        vectors = self.encoder.encode([text.normalise(one.text) for one in asked])
        for done, (one, vector) in enumerate(zip(asked, vectors, strict=True), 1):
            progress(name, done, len(asked))
            answer = self.assistant.ask(one.text, one.history)
            alone = answer.hits
            if one.history and one.gold:
                alone = self.assistant.search(one.text, RANKING_DEPTH).hits
            ranked: dict[Arm, tuple[str, ...]] = {}
            if one.gold:
                ranked = {
                    **self._rank_by_arm(one, vector),
                    "+ model": self._section_ids(hit.passage for hit in alone),
                    "+ history": self._section_ids(hit.passage for hit in answer.hits),
                }
            gold = self._gold_ids(one)
            cited = {
                citation.path if self.by_page else f"{citation.path}#{citation.anchor}"
                for citation in answer.citations
            }
            yield Record(one, gold, ranked, answer, bool(cited & gold))

    def run_misspelt(
        self, asked: Iterable[Case], spelt: dict[str, Record]
    ) -> Iterator[tuple[float, float]]:
        for one in asked:
            record = spelt.get(one.id)
            if record and record.gold:
                found = self.assistant.search(one.text, RANKING_DEPTH, one.history).hits
                ranked = self._section_ids(hit.passage for hit in found)
                before = evaluation_metrics.ndcg(record.rankings["+ history"], record.gold)
                yield before, evaluation_metrics.ndcg(ranked, record.gold)

    def _rank_by_arm(self, asked: Case, vector: Vectors) -> dict[Arm, tuple[str, ...]]:
        wanted = tuple(dict.fromkeys(text.extract_terms(text.normalise(asked.text))))
        found = self.store.candidates(vector, wanted, CANDIDATES_PER_ARM)
        keys = {
            "words": [key for key, _ in found.lexical],
            "vectors": [key for key, _ in found.dense],
            "hybrid": ranker.fuse(found),
        }
        arms: dict[Arm, tuple[str, ...]] = {}
        for arm in ARMS[:3]:
            arms[arm] = self._section_ids(self.store.passages(keys[arm][:RANKING_DEPTH]))
        return arms

    def _section_ids(self, passages: Iterable[Passage]) -> tuple[str, ...]:
        """Sections, or pages, each where its first passage stands."""
        names = (p.path if self.by_page else f"{p.path}#{p.anchor}" for p in passages)
        return tuple(dict.fromkeys(names))

    def _gold_ids(self, asked: Case) -> frozenset[str]:
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


def _score_rewrite(asked: Case) -> tuple[float, float]:
    """Whether our stand-alone form, and the question as it was asked, hold all it should."""
    wanted = set(text.extract_terms(asked.rewrite))
    ours = talks.rewrite_follow_up(asked.text, talks.normalise_turns(asked.history))
    return (
        float(wanted <= set(text.extract_terms(ours))),
        float(wanted <= set(text.extract_terms(asked.text))),
    )


def measure_ranking(records: Sequence[Record], arm: Arm) -> dict[str, Measure]:
    """How well an arm puts the gold first, over the questions that have some."""
    ranked = [(record.rankings[arm], record.gold) for record in records if record.gold]
    if not ranked:
        return {}
    pages = [
        ([name.partition("#")[0] for name in found], {name.partition("#")[0] for name in gold})
        for found, gold in ranked
    ]
    return {
        "nDCG@10": Measure.from_values(
            [evaluation_metrics.ndcg(found, gold) for found, gold in ranked]
        ),
        **{
            f"R@{k}": Measure.from_values(
                [evaluation_metrics.recall(found, gold, k) for found, gold in ranked]
            )
            for k in (1, 5, 10)
        },
        "MRR": Measure.from_values(
            [evaluation_metrics.reciprocal_rank(found, gold) for found, gold in ranked]
        ),
        "page@5": Measure.from_values(
            [float(not gold.isdisjoint(found[:5])) for found, gold in pages]
        ),
    }


def measure_answers(records: Sequence[Record]) -> dict[str, Measure]:
    """How near answers are to the gold ones, over what can be answered.

    `F1` counts a refusal as 0. `evidence` is over the questions whose right section was cited.
    """
    known = [r for r in records if r.case.answers and r.case.answerable is not False]
    if not known:
        return {}
    cited = [record for record in known if record.cites_gold]
    found = {"F1": Measure.from_values([_answer_f1(record) for record in known])}
    if cited:
        found["evidence"] = Measure.from_values([float(_quotes_gold(record)) for record in cited])
    found["answered"] = Measure.from_values([float(record.answer.found) for record in known])
    return found


def _answer_f1(record: Record) -> float:
    said = " ".join(citation.quote for citation in record.answer.citations)
    return evaluation_metrics.token_f1(said, record.case.answers)


def _quotes_gold(record: Record) -> bool:
    quoted = [
        line[start:end]
        for citation in record.answer.citations
        for line in citation.quote.split("\n")
        for start, end in text.split_sentences(line)
    ]
    return evaluation_metrics.overlaps_gold(quoted, record.case.answers)


def measure_refusals(records: Sequence[Record]) -> dict[str, Measure]:
    """How well confidence tells what the guide answers from what it does not."""
    chances, answerable = collect_confidences(records)
    if not len(chances) or answerable.all() or not answerable.any():
        return {}
    found = np.asarray([r.answer.found for r in records if r.case.answerable is not None])
    chooser = np.random.default_rng(0)
    kinds = [np.flatnonzero(answerable), np.flatnonzero(~answerable)]
    drawn = [np.concatenate([chooser.choice(k, len(k)) for k in kinds]) for _ in range(200)]

    def measure(figure: Callable[..., float]) -> Measure:
        again = [figure(chances[rows], answerable[rows]) for rows in drawn]
        low, high = np.quantile(again, [0.025, 0.975])
        return Measure(figure(chances, answerable), float(low), float(high), len(chances))

    return {
        "AUROC": measure(evaluation_metrics.auroc),
        "caught at 5 % lost": measure(evaluation_metrics.specificity_at_recall),
        "ECE": measure(evaluation_metrics.expected_calibration_error),
        "refused": Measure.from_values((~found[~answerable]).astype(float).tolist()),
        "lost": Measure.from_values((~found[answerable]).astype(float).tolist()),
    }


def collect_confidences(
    records: Sequence[Record],
) -> tuple[evaluation_metrics.Floats, evaluation_metrics.Flags]:
    """The confidence of each answer, and whether the guide answers, where that is known."""
    known = [record for record in records if record.case.answerable is not None]
    return (
        np.asarray([record.answer.confidence for record in known], dtype=np.float64),
        np.asarray([record.case.answerable for record in known], dtype=np.bool_),
    )


def measure_robustness(outcome: Outcome) -> dict[str, Measure]:
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
        found["rewritten"] = Measure.from_values(ours)
        found["copied"] = Measure.from_values(copied)
    return found


def measure_latency(records: Sequence[Record]) -> tuple[float, float]:
    """The median and the 95th percentile of the seconds an answer took."""
    seconds = [record.answer.seconds for record in records]
    return float(np.quantile(seconds, 0.5)), float(np.quantile(seconds, 0.95))
