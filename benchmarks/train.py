"""Fit the ranking model to evaluation sets and write it with its provenance.

    python benchmarks/train.py --eval FOLDER [--work FOLDER]

FOLDER holds the sets `emanual_tv`, `doc2dial`, `squad2` and `refusal_mix`. The order model is a
listwise softmax over the shortlist (the loss of ListNet, Cao et al. 2007, with gold sections as
the target), the judge a logistic regression on the best hit. Both are fitted on all sets for
shipping, and once with each set left out for the figures that say whether they generalise.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import pickle
import random
import shutil
import subprocess
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.progress import track
from scipy.optimize import minimize
from scipy.stats import rankdata

from assistant import index as indexes
from assistant import ranking
from assistant.encoder import SentenceTransformerEncoder
from assistant.text import normalise, terms

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from assistant.model import Passage

MODEL = Path(__file__).parent.parent / "assistant" / "ranking.json"
PENALTY = 1e-2
CANDIDATES = 100
LOST = 0.05
"""The share of answerable questions that the bar may refuse."""


@dataclass(frozen=True)
class Asked:
    """One question of a set, and which passages answer it."""

    text: str
    answerable: bool
    answers: Callable[[Passage], bool]


@dataclass(frozen=True)
class Set:
    """A set's candidates: features, whether each answers, whose question it is, its section."""

    features: np.ndarray
    answers: np.ndarray
    question: np.ndarray
    section: np.ndarray
    answerable: np.ndarray

    def groups(self) -> Iterable[slice]:
        edges = np.flatnonzero(np.diff(self.question, prepend=-1, append=-2))
        return (slice(a, b) for a, b in zip(edges[:-1], edges[1:], strict=True))


def collect(guide: Path, work: Path, questions: Sequence[Asked], encoder: Any) -> Set:
    """Index a guide and describe the shortlist of every question."""
    indexes.build(guide, work, encoder)
    store = indexes.open(work).store
    vectors = encoder.encode([question.text for question in questions])
    features, answers, owner, sections = [], [], [], []
    named = f"{guide.parent.name}/{guide.name}"
    for number, question in enumerate(track(questions, description=named)):
        vector = vectors[number]
        asked = tuple(dict.fromkeys(terms(normalise(question.text))))
        found = store.candidates(vector, asked, CANDIDATES)
        keys = ranking.fuse(found)[: ranking.SHORTLIST]
        lexical = dict(found.lexical)
        evidence = [
            ranking.Evidence(
                key=key,
                passage=passage,
                cosine=float(cosine),
                sentence_cosines=tuple(store.sentence_cosines(vector, key).tolist()),
                dense_rank=None,
                lexical=lexical.get(key, 0.0),
                lexical_rank=None,
            )
            for key, passage, cosine in zip(
                keys, store.passages(keys), store.cosines(vector, keys), strict=True
            )
        ]
        features.append(ranking.describe(asked, evidence, store.vocabulary))
        answers += [question.answers(item.passage) for item in evidence]
        sections += [f"{item.passage.path}#{item.passage.anchor}" for item in evidence]
        owner += [number] * len(evidence)
    return Set(
        np.vstack(features),
        np.asarray(answers),
        np.asarray(owner),
        np.asarray(sections),
        np.asarray([question.answerable for question in questions]),
    )


def fit_order(sets: Sequence[Set]) -> np.ndarray:
    """Weights that put gold sections first; each set counts the same."""
    features, target, group, weight = [], [], [], []
    count = 0
    for data in sets:
        kept = [rows for rows in data.groups() if data.answers[rows].any()]
        for rows in kept:
            features.append(data.features[rows])
            target.append(data.answers[rows] / data.answers[rows].sum())
            group.append(np.full(rows.stop - rows.start, count))
            weight.append(1.0 / len(kept) / len(sets))
            count += 1
    x, y, g = np.vstack(features), np.concatenate(target), np.concatenate(group)
    spread = x.std(axis=0) + 1e-9
    x, per_row = x / spread, np.asarray(weight)[g]

    def loss(w: np.ndarray) -> tuple[float, np.ndarray]:
        scores = x @ w
        highest = np.full(count, -np.inf)
        np.maximum.at(highest, g, scores)
        exponential = np.exp(scores - highest[g])
        chance = exponential / np.bincount(g, exponential, count)[g]
        value = -(per_row * y * np.log(chance + 1e-12)).sum() + PENALTY * (w @ w)
        return value, x.T @ (per_row * (chance - y)) + 2 * PENALTY * w

    return minimize(loss, np.zeros(x.shape[1]), jac=True, method="L-BFGS-B").x / spread


def best_rows(data: Set, order: np.ndarray) -> np.ndarray:
    """The features of each question's best hit."""
    scores = data.features @ order
    return np.asarray([data.features[rows][np.argmax(scores[rows])] for rows in data.groups()])


def fit_judge(sets: Sequence[Set], order: np.ndarray) -> tuple[np.ndarray, float]:
    """Weights and intercept of the probability that the best hit answers.

    Each set counts the same, and in it the answerable as much as the rest.
    """
    x = np.vstack([best_rows(data, order) for data in sets])
    y = np.concatenate([data.answerable for data in sets]).astype(float)
    weight = np.concatenate(
        [
            np.where(data.answerable, 1 / data.answerable.sum(), 1 / (~data.answerable).sum())
            for data in sets
        ]
    )
    weight /= weight.sum()
    centre, spread = x.mean(axis=0), x.std(axis=0) + 1e-9
    z = (x - centre) / spread

    def loss(w: np.ndarray) -> tuple[float, np.ndarray]:
        chance = 1 / (1 + np.exp(-(z @ w[1:] + w[0])))
        log = y * np.log(chance + 1e-12) + (1 - y) * np.log(1 - chance + 1e-12)
        slope = weight * (chance - y)
        penalty = PENALTY * (w[1:] @ w[1:])
        return penalty - (weight * log).sum(), np.r_[slope.sum(), z.T @ slope + 2 * PENALTY * w[1:]]

    w = minimize(loss, np.zeros(x.shape[1] + 1), jac=True, method="L-BFGS-B").x
    slopes = w[1:] / spread
    return slopes, float(w[0] - centre @ slopes)


def ndcg(data: Set, order: np.ndarray) -> float:
    """nDCG@10 over sections, gold sections outside the shortlist counted as missed."""
    scores, gains = data.features @ order, []
    for rows in data.groups():
        if not data.answerable[data.question[rows.start]]:
            continue
        ranked = np.argsort(-scores[rows], kind="stable") + rows.start
        _, first = np.unique(data.section[ranked], return_index=True)
        relevant = data.answers[ranked[np.sort(first)[:10]]]
        gains.append((relevant / np.log2(np.arange(2, len(relevant) + 2))).sum())
    return float(np.mean(gains))


def auroc(scores: np.ndarray, positive: np.ndarray) -> float:
    """The chance that an answerable question scores above one that is not."""
    ranks, ones = rankdata(scores), positive.sum()
    return float((ranks[positive].sum() - ones * (ones + 1) / 2) / (ones * (~positive).sum()))


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def gold_headings(folder: Path, chosen: Callable[[dict[str, Any]], bool]) -> list[Asked]:
    """Questions whose gold is a heading path in a page."""
    gold = {row["id"]: row["gold"] for row in lines(folder / "gold_sections.jsonl")}

    def answers(wanted: list[dict[str, Any]]) -> Callable[[Passage], bool]:
        paths = {(g["doc"], tuple(h.casefold() for h in g["heading_path"])) for g in wanted}

        def holds(passage: Passage) -> bool:
            own = tuple(heading.casefold() for heading in passage.headings)
            return any(passage.path == doc and own[-len(path) :] == path for doc, path in paths)

        return holds

    rows = filter(chosen, lines(folder / "queries.jsonl"))
    return [Asked(row["text"], True, answers(gold[row["id"]])) for row in rows]


def squad(folder: Path, work: Path) -> tuple[Path, list[Asked]]:
    """squad2 as a guide of one page a paragraph, and its questions."""
    guide = work / "squad2-guide"
    guide.mkdir(parents=True, exist_ok=True)
    for row in lines(folder / "corpus.jsonl"):
        page = f"# {row['title']}\n\n{row['text']}\n"
        (guide / f"{row['id']}.md").write_text(page, encoding="utf-8")
    gold: dict[str, set[str]] = defaultdict(set)
    for line in (folder / "qrels.tsv").read_text(encoding="utf-8").splitlines()[1:]:
        question, paragraph, _ = line.split("\t")
        gold[question].add(f"{paragraph}.md")
    impossible = {row["id"]: row["is_impossible"] for row in lines(folder / "answers.jsonl")}
    return guide, [
        Asked(row["text"], not impossible[row["id"]], lambda p, g=gold[row["id"]]: p.path in g)
        for row in lines(folder / "queries.jsonl")
    ]


def pages(folder: Path, work: Path, encoder: Any) -> Set:
    """Each page of doc2dial as a guide of its own, asked its own questions and its neighbours'.

    This is the hard case of refusal: a small guide, and a question about its very subject that
    it does not answer. A neighbour is another page of the same domain.
    """
    asked: dict[str, list[str]] = defaultdict(list)
    for row in lines(folder / "queries.jsonl"):
        if row["n_history"] == 0:
            asked[row["doc"]].append(row["text"])
    chosen = random.Random(0)
    sets = []
    for page, own in sorted(asked.items()):
        near = [d for d in sorted(asked) if d != page and d.split("/")[0] == page.split("/")[0]]
        other = [chosen.choice(asked[d]) for d in chosen.sample(near, min(len(near), 6))]
        guide = work / "pages" / Path(page).stem
        guide.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(folder / "docs" / page, guide / Path(page).name)
        questions = [Asked(text, True, lambda passage: False) for text in own]
        questions += [Asked(text, False, lambda passage: False) for text in other]
        sets.append(collect(guide, work / "page-indexes" / guide.name, questions, encoder))
    return joined(sets)


def joined(sets: Sequence[Set]) -> Set:
    """Several sets as one."""
    offsets = np.cumsum([0, *(len(data.answerable) for data in sets)])
    return Set(
        np.vstack([data.features for data in sets]),
        np.concatenate([data.answers for data in sets]),
        np.concatenate([d.question + o for d, o in zip(sets, offsets[:-1], strict=True)]),
        np.concatenate([data.section for data in sets]),
        np.concatenate([data.answerable for data in sets]),
    )


def gather(evaluation: Path, work: Path) -> tuple[dict[str, Set], dict[str, Set]]:
    """The sets to order by, and the sets to judge by."""
    encoder = SentenceTransformerEncoder()
    tv, dialogue = evaluation / "emanual_tv", evaluation / "doc2dial"
    squad_guide, squad_questions = squad(evaluation / "squad2", work)
    squad_set = collect(squad_guide, work / "squad2", squad_questions, encoder)
    first = gold_headings(dialogue, lambda row: row["n_history"] == 0)
    order = {
        "emanual_tv": collect(
            tv / "docs", work / "tv", gold_headings(tv, lambda row: True), encoder
        ),
        "doc2dial": collect(dialogue / "docs", work / "doc2dial", first, encoder),
        "squad2": squad_set,
    }
    mixed = lines(evaluation / "refusal_mix" / "queries.jsonl")
    judge = {"doc2dial pages": pages(dialogue, work, encoder)}
    for guide in sorted({row["guide"] for row in mixed}):
        questions = [
            Asked(row["text"], row["answerable"], lambda passage: False)
            for row in mixed
            if row["guide"] == guide
        ]
        name = guide.replace("/", "-")
        judge[guide] = collect(evaluation / guide, work / name, questions, encoder)
    return order, {**judge, "squad2": squad_set}


def main() -> None:
    """Fit, print the held-out figures, write the model."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--eval", type=Path, required=True)
    arguments.add_argument("--work", type=Path, default=Path("/tmp/assistant-train"))
    given = arguments.parse_args()
    order_sets, judge_sets = gather(given.eval, given.work)
    pickle.dump((order_sets, judge_sets), open("/tmp/sets.pkl", "wb"))
    order = fit_order(list(order_sets.values()))
    judge, intercept = fit_judge(list(judge_sets.values()), order)
    held_out: dict[str, dict[str, float]] = {"ndcg@10": {}, "refusal_auroc": {}}
    fitted: dict[str, dict[str, float]] = {"ndcg@10": {}, "refusal_auroc": {}}
    bars = []
    for name, data in order_sets.items():
        others = fit_order([d for n, d in order_sets.items() if n != name])
        held_out["ndcg@10"][name] = round(ndcg(data, others), 4)
        fitted["ndcg@10"][name] = round(ndcg(data, order), 4)
    for name, data in judge_sets.items():
        rest = [d for n, d in judge_sets.items() if n != name]
        slopes, start = fit_judge(rest, order)
        scores = best_rows(data, order) @ slopes + start
        held_out["refusal_auroc"][name] = round(auroc(scores, data.answerable), 4)
        chances = 1 / (1 + np.exp(-(best_rows(data, order) @ judge + intercept)))
        fitted["refusal_auroc"][name] = round(auroc(chances, data.answerable), 4)
        if name != "squad2":  # its questions were written to be missed; no guide's readers do that
            bars.append(float(np.quantile(chances[data.answerable], LOST)))
    commit = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True).stdout
    model = {
        "features": list(ranking.FEATURES),
        "order": [round(value, 6) for value in order.tolist()],
        "judge": [round(value, 6) for value in judge.tolist()],
        "judge_intercept": round(intercept, 6),
        "bar": round(min(bars), 4),
        "provenance": {
            "script": "benchmarks/train.py",
            "commit": commit.strip(),
            "penalty": PENALTY,
            "sha256": {
                str(path.relative_to(given.eval)): hashlib.sha256(path.read_bytes()).hexdigest()
                for name in ("emanual_tv", "doc2dial", "squad2", "refusal_mix")
                for path in sorted((given.eval / name).glob("*.jsonl"))
            },
            "bar": f"the lowest over guides that loses {LOST:.0%} of the answerable questions",
            "fitted": fitted,
            "held_out": held_out,
        },
    }
    MODEL.write_text(json.dumps(model, indent=2) + "\n", encoding="utf-8")
    print(json.dumps({"fitted": fitted, "held_out": held_out, "bars": bars}, indent=2))


if __name__ == "__main__":
    main()
