"""Fit the ranking model to evaluation sets and write it with its provenance.

    python benchmarks/train.py --eval FOLDER [--work FOLDER]

FOLDER holds the sets `emanual_tv`, `doc2dial`, `squad2` and `refusal_mix`. The order model is a
listwise softmax over the shortlist (the loss of ListNet, Cao et al. 2007, with gold sections as
the target), the judge a logistic regression on the best hit. Both are fitted on all sets for
shipping, and once with each set left out for the figures that say whether they generalise.

The judge learns the hard no from questions made unanswerable: the gold section taken out of the
guide, or the question's rarest word swapped for one that the guide never says.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import re
import shutil
import subprocess
from collections import defaultdict
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.progress import track
from scipy.optimize import minimize

from assistant.encoders import select as encoder_selection
from assistant.evaluation import metrics as evaluation_metrics
from assistant.index import builder
from assistant.index import index as indexes
from assistant.query.politeness import strip_politeness
from assistant.query.question_type import detect_answer_type, extract_focus
from assistant.retrieval import ranker
from assistant.text.text import STOPWORDS, normalise, split_words, stem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from assistant.index.store import FaissStore
    from assistant.index.vocabulary import Vocabulary
    from assistant.models.documents import Passage

MODEL = Path(__file__).parent.parent / "assistant" / "retrieval" / "ranking.json"
ORDER = ("sentence_cosine", "lexical_share", "pairs", "window", "brevity")
JUDGE = ("sentence_cosine", "cosine", "match", "pairs", "missing", "astray", "kind")
"""What each model looks at: more of it was better on the sets fitted to and worse on others."""

PENALTY = 1e-2
REAL = 3.0
"""How much more a set of real questions weighs in the judge than questions made unanswerable."""

CANDIDATES = 100
LOST = 0.025
"""The share of answerable questions that the bar refuses; on a guide not fitted to it is more."""


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
        """The rows of each question."""
        edges = np.flatnonzero(np.diff(self.question, prepend=-1, append=-2))
        return (slice(a, b) for a, b in pairwise(edges))


def collect(
    guide: Path, work: Path, questions: Sequence[Asked], encoder: Any, *, others: Sequence[str] = ()
) -> Set:
    """Index a guide and describe the shortlist of every question.

    With words of `others` to swap in, each answerable question is also made unanswerable, twice.
    """
    builder.build_index(guide, work, encoder)
    store = indexes.open_index(work).store
    chosen = random.Random(0)
    swaps = [swapped(q, store.vocabulary, others, chosen) for q in questions if q.answerable]
    asked = [*questions, *(question for question in swaps if question)]
    vectors = encoder.encode([strip_politeness(normalise(question.text)) for question in asked])
    shortlists, answerable = [], []
    named = f"{guide.parent.name}/{guide.name}"
    for question, vector in track(zip(asked, vectors, strict=True), named, len(asked)):
        shortlists.append(describe(store, question, vector, left_out=False))
        answerable.append(question.answerable)
        if others and question.answerable:
            shortlists.append(describe(store, question, vector, left_out=True))
            answerable.append(False)
    return Set(
        np.vstack([features for features, _, _ in shortlists]),
        np.concatenate([answers for _, answers, _ in shortlists]),
        np.repeat(np.arange(len(shortlists)), [len(found) for found, _, _ in shortlists]),
        np.concatenate([sections for _, _, sections in shortlists]),
        np.asarray(answerable),
    )


def describe(
    store: FaissStore, question: Asked, vector: np.ndarray, *, left_out: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Features, answers and sections of a question's shortlist, its gold in it or left out."""
    text = strip_politeness(normalise(question.text))
    sought = ranker.Query.from_text(
        text, focus=stem(extract_focus(text)), answer_type=detect_answer_type(text)
    )
    found = store.candidates(vector, sought.terms, CANDIDATES)
    passages = dict(zip(keys := ranker.fuse(found), store.passages(keys), strict=True))
    vocabulary = store.vocabulary
    if left_out:
        gone = [key for key in keys if question.answers(passages[key])]
        keys = [key for key in keys if key not in gone] or keys[-1:]
        vocabulary = vocabulary.excluding([passages[key] for key in gone])
    keys = keys[: ranker.RERANK_TOP_K]
    lexical = dict(found.lexical)
    where = store.term_positions(keys).match(sought.all_terms)
    sentence_cosines = store.sentence_cosines(vector, keys)
    evidence = ranker.Evidence(
        keys=keys,
        passages=[passages[key] for key in keys],
        matches=where,
        cosines=store.cosines(vector, keys),
        sentence_cosines=sentence_cosines,
        sentence_scores=where.score_sentences(vocabulary.idfs(sought.terms), sentence_cosines),
        dense_ranks=[None] * len(keys),
        lexical_scores=[lexical.get(key, 0.0) for key in keys],
        lexical_ranks=[None] * len(keys),
    )
    return (
        ranker.compute_features(sought, evidence, vocabulary),
        np.asarray([not left_out and question.answers(p) for p in evidence.passages]),
        np.asarray([f"{p.path}#{p.anchor}" for p in evidence.passages]),
    )


def swapped(
    question: Asked, vocabulary: Vocabulary, others: Sequence[str], chosen: random.Random
) -> Asked | None:
    """The question about something its guide never speaks of, or None where that cannot be made."""
    own = [w for w in split_words(question.text) if w not in STOPWORDS and vocabulary.contains(w)]
    foreign = [
        word
        for word in chosen.sample(others, min(50, len(others)))
        if not vocabulary.contains(word)
    ]
    if len(own) < 2 or not foreign:
        return None
    rarest = max(own, key=lambda word: (vocabulary.idf(stem(word)), word))
    text = re.sub(rf"\b{re.escape(rarest)}\b", foreign[0], question.text, count=1, flags=re.I)
    return None if text == question.text else Asked(text, False, lambda _: False)


def columns(names: Sequence[str]) -> list[int]:
    """Where features stand in a row."""
    return [ranker.FEATURES.index(name) for name in names]


def fit_order(sets: Sequence[Set]) -> np.ndarray:
    """Weights over the features that put gold sections first; each set counts the same."""
    features, target, group, weight = [], [], [], []
    count = 0
    for data in sets:
        kept = [rows for rows in data.groups() if data.answers[rows].any()]
        for rows in kept:
            features.append(data.features[rows][:, columns(ORDER)])
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

    found = minimize(loss, np.zeros(x.shape[1]), jac=True, method="L-BFGS-B").x / spread
    return over_all(ORDER, found)


def over_all(names: Sequence[str], weights: np.ndarray) -> np.ndarray:
    """Weights of some features as weights of all of them."""
    every = np.zeros(len(ranker.FEATURES))
    every[columns(names)] = weights
    return every


def best_rows(data: Set, order: np.ndarray) -> np.ndarray:
    """The features of each question's best hit."""
    scores = data.features @ order
    return np.asarray([data.features[rows][np.argmax(scores[rows])] for rows in data.groups()])


def fit_judge(sets: dict[str, Set], order: np.ndarray) -> tuple[np.ndarray, float]:
    """Weights and intercept of the probability that the best hit answers.

    In a set the answerable weigh as much as the rest. Which way the weights point is learnt from
    all sets, how sure they make (Platt 1999) from those of real questions alone.
    """
    best = {name: best_rows(data, order)[:, columns(JUDGE)] for name, data in sets.items()}
    slopes, _ = logistic(best, sets)
    real = {name: best[name] @ slopes[:, None] for name in sets if name.startswith("refusal_mix")}
    ((scale,), shift) = logistic(real, sets)
    return over_all(JUDGE, slopes * scale), float(shift)


def logistic(rows: dict[str, np.ndarray], sets: dict[str, Set]) -> tuple[np.ndarray, float]:
    """A logistic regression over each set's rows, answerable or not."""
    x = np.vstack(list(rows.values()))
    y = np.concatenate([sets[name].answerable for name in rows]).astype(float)
    weight = np.concatenate([balanced(name, sets[name].answerable) for name in rows])
    weight /= weight.sum()
    centre, spread = x.mean(axis=0), x.std(axis=0) + 1e-9
    z = (x - centre) / spread

    def loss(w: np.ndarray) -> tuple[float, np.ndarray]:
        chance = 1 / (1 + np.exp(-(z @ w[1:] + w[0])))
        log = y * np.log(chance + 1e-12) + (1 - y) * np.log(1 - chance + 1e-12)
        slope = weight * (chance - y)
        penalty = PENALTY * (w[1:] @ w[1:]) if x.shape[1] > 1 else 0.0
        shrink = 2 * PENALTY * w[1:] if x.shape[1] > 1 else 0.0
        return penalty - (weight * log).sum(), np.r_[slope.sum(), z.T @ slope + shrink]

    w = minimize(loss, np.zeros(x.shape[1] + 1), jac=True, method="L-BFGS-B").x
    slopes = w[1:] / spread
    return slopes, float(w[0] - centre @ slopes)


def balanced(name: str, answerable: np.ndarray) -> np.ndarray:
    """A set's weights: half of them for what can be answered."""
    share = REAL if name.startswith("refusal_mix") else 1.0
    return share * np.where(answerable, 1 / answerable.sum(), 1 / (~answerable).sum())


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


def pages(folder: Path, work: Path, encoder: Any, others: Sequence[str]) -> Set:
    """Each page of doc2dial as a guide of its own, asked its own questions and its neighbours'.

    This is the hard case of refusal: a small guide, and a question about its very subject that
    it does not answer. A neighbour is another page of the same domain.
    """
    asked: dict[str, list[Asked]] = defaultdict(list)
    first = [row for row in lines(folder / "queries.jsonl") if row["n_history"] == 0]
    questions = gold_headings(folder, lambda row: row["n_history"] == 0)
    for row, question in zip(first, questions, strict=True):
        asked[row["doc"]].append(question)
    chosen = random.Random(0)
    sets = []
    for page, own in sorted(asked.items()):
        near = [d for d in sorted(asked) if d != page and d.split("/")[0] == page.split("/")[0]]
        strange = [chosen.choice(asked[d]) for d in chosen.sample(near, min(len(near), 6))]
        guide = work / "pages" / Path(page).stem
        (guide / page).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(folder / "docs" / page, guide / page)
        mixed = [*own, *(replace(question, answerable=False) for question in strange)]
        sets.append(collect(guide, work / "indexes" / guide.name, mixed, encoder, others=others))
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


def gather(evaluation: Path, work: Path) -> tuple[dict[str, Set], dict[str, Set], Set]:
    """The sets to order by, the sets to judge by, and one to judge that nothing is fitted to."""
    encoder = encoder_selection.select_build_encoder()[0]
    tv, dialogue = evaluation / "emanual_tv", evaluation / "doc2dial"
    squad_guide, squad_questions = squad(evaluation / "squad2", work)
    others = sorted(
        {
            word
            for name in ("emanual_tv", "doc2dial", "squad2")
            for row in lines(evaluation / name / "queries.jsonl")
            for word in split_words(row["text"])
            if word.isalpha() and len(word) > 3 and word not in STOPWORDS
        }
    )
    answerable = [question for question in squad_questions if question.answerable][::2]
    of_squad = collect(squad_guide, work / "squad2", answerable, encoder, others=others)
    adversarial = collect(squad_guide, work / "squad2", squad_questions, encoder)
    of_tv = collect(
        tv / "docs", work / "tv", gold_headings(tv, lambda _: True), encoder, others=others
    )
    first = gold_headings(dialogue, lambda row: row["n_history"] == 0)
    order = {
        "emanual_tv": of_tv,
        "doc2dial": collect(dialogue / "docs", work / "doc2dial", first, encoder),
        "squad2": adversarial,
    }
    judge = {
        "emanual_tv hard": of_tv,
        "squad2 hard": of_squad,
        "doc2dial pages hard": pages(dialogue, work, encoder, others),
    }
    mixed = lines(evaluation / "refusal_mix" / "queries.jsonl")
    for guide in sorted({row["guide"] for row in mixed}):
        questions = [
            Asked(row["text"], row["answerable"], lambda _: False)
            for row in mixed
            if row["guide"] == guide
        ]
        name = guide.replace("/", "-")
        judge[f"refusal_mix {guide}"] = collect(evaluation / guide, work / name, questions, encoder)
    return order, judge, adversarial


def main() -> None:
    """Fit, print the held-out figures, write the model."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--eval", type=Path, required=True)
    arguments.add_argument("--work", type=Path, default=Path("/tmp/assistant-train"))
    given = arguments.parse_args()
    order_sets, judge_sets, adversarial = gather(given.eval, given.work)
    order = fit_order(list(order_sets.values()))
    judge, intercept = fit_judge(judge_sets, order)
    fitted: dict[str, dict[str, float]] = defaultdict(dict)
    held_out: dict[str, dict[str, float]] = defaultdict(dict)
    for name, data in order_sets.items():
        others = fit_order([d for n, d in order_sets.items() if n != name])
        fitted["ndcg@10"][name] = round(ndcg(data, order), 4)
        held_out["ndcg@10"][name] = round(ndcg(data, others), 4)
    bars = {}
    for name, data in {**judge_sets, "squad2": adversarial}.items():
        best, answerable = best_rows(data, order), data.answerable
        strangers = {n: d for n, d in judge_sets.items() if family(n) != family(name)}
        chances = probabilities(best, judge, intercept)
        bars[name] = float(np.quantile(chances[answerable], LOST))
        for kept, found in (
            (fitted, chances),
            (held_out, probabilities(best, *fit_judge(strangers, order))),
        ):
            kept["refusal_auroc"][name] = round(evaluation_metrics.auroc(found, answerable), 4)
            error = evaluation_metrics.expected_calibration_error(found, answerable)
            kept["calibration_error"][name] = round(error, 4)
    real = [bar for name, bar in bars.items() if name.startswith("refusal_mix")]
    commit = subprocess.run(
        ["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=True
    ).stdout
    model = {
        "order": dict(zip(ORDER, order[columns(ORDER)].round(6).tolist(), strict=True)),
        "judge": dict(zip(JUDGE, judge[columns(JUDGE)].round(6).tolist(), strict=True)),
        "judge_intercept": round(intercept, 6),
        "bar": round(min(real), 4),
        "provenance": {
            "script": "benchmarks/train.py",
            "commit": commit.strip(),
            "penalty": PENALTY,
            "sha256": {
                str(path.relative_to(given.eval)): hashlib.sha256(path.read_bytes()).hexdigest()
                for name in ("emanual_tv", "doc2dial", "squad2", "refusal_mix")
                for path in sorted((given.eval / name).glob("*.jsonl"))
            },
            "bar": f"the lowest that loses {LOST:.1%} of a refusal_mix guide's answerable ones",
            "held out": "every set of the same guide's family left out of the fit",
            "fitted": fitted,
            "held_out": held_out,
        },
    }
    MODEL.write_text(json.dumps(model, indent=2) + "\n", encoding="utf-8")
    print(json.dumps({"fitted": fitted, "held_out": held_out, "bars": bars}, indent=2))


def probabilities(rows: np.ndarray, slopes: np.ndarray, intercept: float) -> np.ndarray:
    """The probability that each row's question is answered."""
    return 1 / (1 + np.exp(-(rows @ slopes + intercept)))


def family(name: str) -> str:
    """What a set's guide is of a kind with: sets of one family are never told apart."""
    return next(found for found in ("emanual_tv", "doc2dial", "squad2") if found in name)


if __name__ == "__main__":
    main()
