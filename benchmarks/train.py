"""Fit the ranking model to evaluation sets and write it with its provenance.

    python benchmarks/train.py --eval FOLDER [--work FOLDER]

FOLDER holds the sets `emanual_tv`, `doc2dial`, `squad2` and `refusal_mix`. The ranker is a
listwise softmax over the first candidates (the loss of ListNet, Cao et al. 2007, with gold sections
as the target), answerability a logistic regression on the best hit. Both are fitted on all sets for
shipping, and once with each set left out for the figures that show how well they generalise.

Answerability learns the hard refusals from questions made unanswerable: the gold section removed
from the guide, or the question's rarest word replaced by one that the guide never uses.
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
from assistant.evaluation import metrics
from assistant.index.builder import build_index
from assistant.index.index import open_index
from assistant.query.politeness import strip_politeness
from assistant.query.query import Query
from assistant.query.question_type import detect_answer_type, extract_focus
from assistant.retrieval.features import FEATURES, Evidence, compute_features
from assistant.retrieval.fusion import fuse
from assistant.retrieval.ranker import RERANK_TOP_K
from assistant.text.normalize import normalise
from assistant.text.tokenize import STOPWORDS, split_words, stem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from assistant.index.store import FaissStore
    from assistant.index.vocabulary import Vocabulary
    from assistant.models.documents import Passage

MODEL = Path(__file__).parent.parent / "assistant" / "retrieval" / "ranking.json"
RANKER = ("sentence_cosine", "lexical_share", "bigrams", "window", "brevity")
ANSWERABILITY = (
    "sentence_cosine", "cosine", "match", "bigrams", "missing_terms", "focus_missing",
    "answer_type",
)  # fmt: skip
"""The features of each model; more features were better on the fitted sets and worse on others."""

PENALTY = 1e-2
REAL_WEIGHT = 3.0
"""How much more a set of real questions weighs than questions made unanswerable."""

CANDIDATES = 100
MAX_LOST = 0.025
"""The share of answerable questions that the threshold may refuse; it is larger on other guides."""


@dataclass(frozen=True)
class Case:
    """One question of a set, and which passages answer it."""

    text: str
    answerable: bool
    answers: Callable[[Passage], bool]


@dataclass(frozen=True)
class Set:
    """A set's candidates: features, whether each answers, the number of its question, its section.

    `answerable` has one value per question.
    """

    features: np.ndarray
    answers: np.ndarray
    question: np.ndarray
    section: np.ndarray
    answerable: np.ndarray

    def groups(self) -> Iterable[slice]:
        """Return the rows of each question."""
        edges = np.flatnonzero(np.diff(self.question, prepend=-1, append=-2))
        return (slice(a, b) for a, b in pairwise(edges))


def collect(
    guide: Path, work: Path, questions: Sequence[Case], encoder: Any, *, others: Sequence[str] = ()
) -> Set:
    """Index a guide and compute the features of every question's candidates.

    With words of `others` to swap in, each answerable question is also made unanswerable in two
    ways.
    """
    build_index(guide, work, encoder)
    store = open_index(work).store
    chooser = random.Random(0)
    swaps = [swap_word(q, store.vocabulary, others, chooser) for q in questions if q.answerable]
    cases = [*questions, *(question for question in swaps if question)]
    vectors = encoder.encode([strip_politeness(normalise(question.text)) for question in cases])
    shortlists, answerable = [], []
    description = f"{guide.parent.name}/{guide.name}"
    for question, vector in track(zip(cases, vectors, strict=True), description, len(cases)):
        shortlists.append(describe(store, question, vector, left_out=False))
        answerable.append(question.answerable)
        if others and question.answerable:
            shortlists.append(describe(store, question, vector, left_out=True))
            answerable.append(False)
    return Set(
        np.vstack([features for features, _, _ in shortlists]),
        np.concatenate([answers for _, answers, _ in shortlists]),
        np.repeat(np.arange(len(shortlists)), [len(rows) for rows, _, _ in shortlists]),
        np.concatenate([sections for _, _, sections in shortlists]),
        np.asarray(answerable),
    )


def describe(
    store: FaissStore, question: Case, vector: np.ndarray, *, left_out: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Compute features, answers and sections of a question's candidates, with or without gold."""
    text = strip_politeness(normalise(question.text))
    query = Query.from_text(
        text, focus=stem(extract_focus(text)), answer_type=detect_answer_type(text)
    )
    candidates = store.candidates(vector, query.terms, CANDIDATES)
    passages = dict(zip(keys := fuse(candidates), store.passages(keys), strict=True))
    vocabulary = store.vocabulary
    if left_out:
        excluded = [key for key in keys if question.answers(passages[key])]
        keys = [key for key in keys if key not in excluded] or keys[-1:]
        vocabulary = vocabulary.excluding([passages[key] for key in excluded])
    keys = keys[:RERANK_TOP_K]
    lexical = dict(candidates.lexical)
    matches = store.term_positions(keys).match(query.all_terms)
    sentence_cosines = store.sentence_cosines(vector, keys)
    evidence = Evidence(
        keys=keys,
        passages=[passages[key] for key in keys],
        matches=matches,
        cosines=store.cosines(vector, keys),
        sentence_cosines=sentence_cosines,
        sentence_scores=matches.score_sentences(vocabulary.idfs(query.terms), sentence_cosines),
        dense_ranks=[None] * len(keys),
        lexical_scores=[lexical.get(key, 0.0) for key in keys],
        lexical_ranks=[None] * len(keys),
    )
    return (
        compute_features(query, evidence, vocabulary),
        np.asarray([not left_out and question.answers(p) for p in evidence.passages]),
        np.asarray([f"{p.path}#{p.anchor}" for p in evidence.passages]),
    )


def swap_word(
    question: Case, vocabulary: Vocabulary, others: Sequence[str], chosen: random.Random
) -> Case | None:
    """Ask about something the guide never mentions, or return None where that cannot be made."""
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
    return None if text == question.text else Case(text, False, lambda _: False)


def feature_columns(names: Sequence[str]) -> list[int]:
    """Return the columns of features in a row."""
    return [FEATURES.index(name) for name in names]


def fit_ranker(sets: Sequence[Set]) -> np.ndarray:
    """Fit weights that rank gold sections first; each set counts the same."""
    features, target, group, weight = [], [], [], []
    count = 0
    for data in sets:
        groups = [rows for rows in data.groups() if data.answers[rows].any()]
        for rows in groups:
            features.append(data.features[rows][:, feature_columns(RANKER)])
            target.append(data.answers[rows] / data.answers[rows].sum())
            group.append(np.full(rows.stop - rows.start, count))
            weight.append(1.0 / len(groups) / len(sets))
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

    weights = minimize(loss, np.zeros(x.shape[1]), jac=True, method="L-BFGS-B").x / spread
    return expand_weights(RANKER, weights)


def expand_weights(names: Sequence[str], weights: np.ndarray) -> np.ndarray:
    """Expand the weights of some features to all of them."""
    every = np.zeros(len(FEATURES))
    every[feature_columns(names)] = weights
    return every


def best_rows(data: Set, ranker: np.ndarray) -> np.ndarray:
    """Return the features of each question's best hit."""
    scores = data.features @ ranker
    return np.asarray([data.features[rows][np.argmax(scores[rows])] for rows in data.groups()])


def fit_answerability(sets: dict[str, Set], ranker: np.ndarray) -> tuple[np.ndarray, float]:
    """Fit weights and intercept of the probability that the best hit answers.

    In a set the answerable questions together weigh as much as the others. The direction of the
    weights is fitted to all sets, their scale (Platt 1999) to the sets of real questions alone.
    """
    best = {
        name: best_rows(data, ranker)[:, feature_columns(ANSWERABILITY)]
        for name, data in sets.items()
    }
    slopes, _ = logistic(best, sets)
    real = {name: best[name] @ slopes[:, None] for name in sets if name.startswith("refusal_mix")}
    ((scale,), shift) = logistic(real, sets)
    return expand_weights(ANSWERABILITY, slopes * scale), float(shift)


def logistic(rows: dict[str, np.ndarray], sets: dict[str, Set]) -> tuple[np.ndarray, float]:
    """Fit a logistic regression to each set's rows, answerable or not."""
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
    """Weigh a set: half of the weight for the answerable questions."""
    share = REAL_WEIGHT if name.startswith("refusal_mix") else 1.0
    return share * np.where(answerable, 1 / answerable.sum(), 1 / (~answerable).sum())


def ndcg(data: Set, ranker: np.ndarray) -> float:
    """Compute nDCG@10 over sections; gold sections outside the candidates count as missed."""
    scores, gains = data.features @ ranker, []
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


def gold_headings(folder: Path, chosen: Callable[[dict[str, Any]], bool]) -> list[Case]:
    """Read questions whose gold is a heading path in a page."""
    gold = {row["id"]: row["gold"] for row in lines(folder / "gold_sections.jsonl")}

    def answers(rows: list[dict[str, Any]]) -> Callable[[Passage], bool]:
        paths = {(g["doc"], tuple(h.casefold() for h in g["heading_path"])) for g in rows}

        def has_gold_path(passage: Passage) -> bool:
            own = tuple(heading.casefold() for heading in passage.headings)
            return any(passage.path == doc and own[-len(path) :] == path for doc, path in paths)

        return has_gold_path

    rows = filter(chosen, lines(folder / "queries.jsonl"))
    return [Case(row["text"], True, answers(gold[row["id"]])) for row in rows]


def squad(folder: Path, work: Path) -> tuple[Path, list[Case]]:
    """Write squad2 as a guide with one page per paragraph, and read its questions."""
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
        Case(row["text"], not impossible[row["id"]], lambda p, g=gold[row["id"]]: p.path in g)
        for row in lines(folder / "queries.jsonl")
    ]


def pages(folder: Path, work: Path, encoder: Any, others: Sequence[str]) -> Set:
    """Make each page of doc2dial a guide, with its own questions and those of its neighbours.

    This is the hard case of refusal: a small guide, and a question about its subject that it does
    not answer. A neighbour is another page of the same domain.
    """
    by_page: dict[str, list[Case]] = defaultdict(list)
    first = [row for row in lines(folder / "queries.jsonl") if row["n_history"] == 0]
    questions = gold_headings(folder, lambda row: row["n_history"] == 0)
    for row, question in zip(first, questions, strict=True):
        by_page[row["doc"]].append(question)
    chooser = random.Random(0)
    sets = []
    for page, own in sorted(by_page.items()):
        near = [d for d in sorted(by_page) if d != page and d.split("/")[0] == page.split("/")[0]]
        others_of = [chooser.choice(by_page[d]) for d in chooser.sample(near, min(len(near), 6))]
        guide = work / "pages" / Path(page).stem
        (guide / page).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(folder / "docs" / page, guide / page)
        mixed = [*own, *(replace(question, answerable=False) for question in others_of)]
        sets.append(collect(guide, work / "indexes" / guide.name, mixed, encoder, others=others))
    return join(sets)


def join(sets: Sequence[Set]) -> Set:
    """Join several sets."""
    offsets = np.cumsum([0, *(len(data.answerable) for data in sets)])
    return Set(
        np.vstack([data.features for data in sets]),
        np.concatenate([data.answers for data in sets]),
        np.concatenate([d.question + o for d, o in zip(sets, offsets[:-1], strict=True)]),
        np.concatenate([data.section for data in sets]),
        np.concatenate([data.answerable for data in sets]),
    )


def gather(evaluation: Path, work: Path) -> tuple[dict[str, Set], dict[str, Set], Set]:
    """Collect the sets to fit the ranker to, those to fit answerability to, and one to test."""
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
    ranker_sets = {
        "emanual_tv": of_tv,
        "doc2dial": collect(dialogue / "docs", work / "doc2dial", first, encoder),
        "squad2": adversarial,
    }
    answerability_sets = {
        "emanual_tv hard": of_tv,
        "squad2 hard": of_squad,
        "doc2dial pages hard": pages(dialogue, work, encoder, others),
    }
    mixed = lines(evaluation / "refusal_mix" / "queries.jsonl")
    for guide in sorted({row["guide"] for row in mixed}):
        questions = [
            Case(row["text"], row["answerable"], lambda _: False)
            for row in mixed
            if row["guide"] == guide
        ]
        name = guide.replace("/", "-")
        data = collect(evaluation / guide, work / name, questions, encoder)
        answerability_sets[f"refusal_mix {guide}"] = data
    return ranker_sets, answerability_sets, adversarial


def main() -> None:
    """Fit the models, print the held-out figures, and write the models."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--eval", type=Path, required=True)
    parser.add_argument("--work", type=Path, default=Path("/tmp/assistant-train"))
    arguments = parser.parse_args()
    ranker_sets, answerability_sets, adversarial = gather(arguments.eval, arguments.work)
    ranker = fit_ranker(list(ranker_sets.values()))
    slopes, intercept = fit_answerability(answerability_sets, ranker)
    fitted: dict[str, dict[str, float]] = defaultdict(dict)
    held_out: dict[str, dict[str, float]] = defaultdict(dict)
    for name, data in ranker_sets.items():
        others = fit_ranker([d for n, d in ranker_sets.items() if n != name])
        fitted["ndcg@10"][name] = round(ndcg(data, ranker), 4)
        held_out["ndcg@10"][name] = round(ndcg(data, others), 4)
    thresholds = {}
    for name, data in {**answerability_sets, "squad2": adversarial}.items():
        best, answerable = best_rows(data, ranker), data.answerable
        strangers = {n: d for n, d in answerability_sets.items() if family(n) != family(name)}
        chances = probabilities(best, slopes, intercept)
        thresholds[name] = float(np.quantile(chances[answerable], MAX_LOST))
        for figures, scores in (
            (fitted, chances),
            (held_out, probabilities(best, *fit_answerability(strangers, ranker))),
        ):
            figures["refusal_auroc"][name] = round(metrics.auroc(scores, answerable), 4)
            error = metrics.expected_calibration_error(scores, answerable)
            figures["calibration_error"][name] = round(error, 4)
    real = [value for name, value in thresholds.items() if name.startswith("refusal_mix")]
    commit = subprocess.run(
        ["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=True
    ).stdout
    model = {
        "ranker": named_weights(RANKER, ranker),
        "answerability": named_weights(ANSWERABILITY, slopes),
        "answerability_intercept": round(intercept, 6),
        "threshold": round(min(real), 4),
        "provenance": {
            "script": "benchmarks/train.py",
            "commit": commit.strip(),
            "penalty": PENALTY,
            "sha256": {
                str(path.relative_to(arguments.eval)): hashlib.sha256(path.read_bytes()).hexdigest()
                for name in ("emanual_tv", "doc2dial", "squad2", "refusal_mix")
                for path in sorted((arguments.eval / name).glob("*.jsonl"))
            },
            "threshold": (
                f"the lowest that loses {MAX_LOST:.1%} of a refusal_mix guide's answerable"
            ),
            "held out": "every set of the same guide's family left out of the fit",
            "fitted": fitted,
            "held_out": held_out,
        },
    }
    MODEL.write_text(json.dumps(model, indent=2) + "\n", encoding="utf-8")
    print(json.dumps({"fitted": fitted, "held_out": held_out, "thresholds": thresholds}, indent=2))


def named_weights(names: Sequence[str], weights: np.ndarray) -> dict[str, float]:
    """Name the weights of some features."""
    return dict(zip(names, weights[feature_columns(names)].round(6).tolist(), strict=True))


def probabilities(rows: np.ndarray, slopes: np.ndarray, intercept: float) -> np.ndarray:
    """Compute the probability that each row's question is answered."""
    return 1 / (1 + np.exp(-(rows @ slopes + intercept)))


def family(name: str) -> str:
    """Name the family of a set's guide: the sets of one are left out together."""
    return next(part for part in ("emanual_tv", "doc2dial", "squad2") if part in name)


if __name__ == "__main__":
    main()
