"""Fit the model that says which sentences belong to an answer, and write it with its provenance.

    python benchmarks/train_sentences.py --answers FOLDER [--work FOLDER]

FOLDER holds one folder per guide, with `docs/` and `questions.jsonl` (see docs/evaluation.md). The
model is a softmax over the candidate sentences of a question, with its gold sentences as the target
(the loss of ListNet, Cao et al. 2007). Each guide is left out once for the held-out loss.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.progress import track
from scipy.optimize import minimize

from assistant.answering.sections import choose_targets, load_sections
from assistant.answering.sentence_model import SENTENCE_FEATURES, compute_sentence_features
from assistant.encoders import select as encoder_selection
from assistant.evaluation.metrics import content_words
from assistant.index.builder import build_index
from assistant.index.index import open_index
from assistant.models.answers import Turn
from assistant.query.analyzer import Analyzer
from assistant.retrieval.ranker import load_shipped_model
from assistant.retrieval.retriever import Retriever
from assistant.text.normalize import normalise

if TYPE_CHECKING:
    from collections.abc import Sequence

MODEL = Path(__file__).parent.parent / "assistant" / "answering" / "sentence_model.json"
NOT_LICENSED = ("basecamp-handbook", "mattermost-handbook")
"""Guides whose licence does not allow a coefficient to be made from them; they are only tested."""

PENALTY = 0.01


@dataclass(frozen=True, slots=True)
class Group:
    """The candidate sentences of one question: features, and the target distribution."""

    features: np.ndarray
    target: np.ndarray


def is_gold(text: str, parts: Sequence[set[str]]) -> bool:
    """Whether a sentence has half of the words of a part of the gold text, or mostly such words."""
    words = set(content_words(text))
    return any(
        len(words & part) >= 0.5 * len(part)
        or (len(words & part) >= 2 and len(words & part) >= 0.75 * len(words))
        for part in parts
    )


def collect(folder: Path, work: Path) -> list[Group]:
    """Compute the features of the candidate sentences of a guide's answerable questions."""
    encoder = encoder_selection.select_build_encoder()[0]
    build_index(folder / "docs", work / folder.name, encoder)
    store = open_index(work / folder.name).store
    analyzer = Analyzer(store.vocabulary, encoder.token_rank)
    retriever = Retriever(store, load_shipped_model())
    rows = (folder / "questions.jsonl").read_text(encoding="utf-8").splitlines()
    groups = []
    for row in track(list(map(json.loads, rows)), folder.name):
        if not row["answerable"]:
            continue
        history = [Turn(turn["role"], turn["text"]) for turn in row["history"] or ()]
        analysis = analyzer.analyze(normalise(row["text"]), history)
        vectors = dict(zip(analysis.texts, encoder.encode(analysis.texts), strict=True))
        parts = [set(content_words(part)) for part in row["gold_sentence"].split(" ... ")]
        paths = {row["gold_path"], *(row.get("also") or ())}
        for result in retriever.retrieve(analysis, vectors)[0]:
            interpretation = result.interpretation
            idfs = store.vocabulary.idfs(interpretation.query.terms)
            targets = choose_targets(result.hits)
            query = interpretation.query
            sections = load_sections(query, result.vector, targets, store, retriever)
            gold = [
                section.key[0] in paths and is_gold(sentence.text, [p for p in parts if p])
                for section in sections
                for sentence in section.sentences
            ]
            if any(gold):
                features = compute_sentence_features(interpretation, idfs, sections)
                groups.append(Group(features, np.array(gold) / sum(gold)))
    return groups


def fit(groups: Sequence[Group]) -> np.ndarray:
    """Fit the weights: shape (len(SENTENCE_FEATURES),), float64."""
    x = np.vstack([group.features for group in groups])
    target = np.concatenate([group.target for group in groups])
    lengths = [len(group.target) for group in groups]
    starts = np.cumsum([0, *lengths[:-1]])
    owner = np.repeat(np.arange(len(groups)), lengths)
    spread = x.std(axis=0) + 1e-9
    z = (x - x.mean(axis=0)) / spread

    def loss(w: np.ndarray) -> tuple[float, np.ndarray]:
        scores = z @ w
        scores -= np.maximum.reduceat(scores, starts)[owner]
        exponentials = np.exp(scores)
        chances = exponentials / np.add.reduceat(exponentials, starts)[owner]
        value = -(target * np.log(chances + 1e-12)).sum() / len(groups) + PENALTY * (w @ w)
        return value, z.T @ (chances - target) / len(groups) + 2 * PENALTY * w

    return minimize(loss, np.zeros(x.shape[1]), jac=True, method="L-BFGS-B").x / spread


def mean_loss(groups: Sequence[Group], weights: np.ndarray) -> float:
    """Compute the mean cross entropy of the target distributions."""
    losses = []
    for group in groups:
        scores = group.features @ weights
        scores -= scores.max()
        losses.append(-(group.target * (scores - math.log(np.exp(scores).sum()))).sum())
    return float(np.mean(losses))


def main() -> None:
    """Fit the model, print the held-out loss of each guide, and write the model."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--answers", type=Path, required=True)
    parser.add_argument("--work", type=Path, default=Path("/tmp/assistant-train-sentences"))
    arguments = parser.parse_args()
    folders = sorted(path.parent for path in arguments.answers.glob("*/questions.jsonl"))
    groups = {folder.name: collect(folder, arguments.work) for folder in folders}
    shipped = {name: own for name, own in groups.items() if name not in NOT_LICENSED}
    held_out = {}
    for name, own in groups.items():
        others = [group for other, rows in shipped.items() if other != name for group in rows]
        held_out[name] = round(mean_loss(own, fit(others)), 4)
    weights = fit([group for rows in shipped.values() for group in rows])
    commit = subprocess.run(
        ["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=True
    ).stdout
    model: dict[str, Any] = {
        "weights": dict(zip(SENTENCE_FEATURES, weights.round(6).tolist(), strict=True)),
        "provenance": {
            "script": "benchmarks/train_sentences.py",
            "commit": commit.strip(),
            "penalty": PENALTY,
            "questions": {name: len(rows) for name, rows in shipped.items()},
            "sha256": {
                f"{name}/questions.jsonl": hashlib.sha256(
                    (arguments.answers / name / "questions.jsonl").read_bytes()
                ).hexdigest()
                for name in shipped
            },
            "held_out_loss": held_out,
            "loss_of_equal_chances": {
                name: round(float(np.mean([math.log(len(g.target)) for g in rows])), 4)
                for name, rows in groups.items()
            },
        },
    }
    MODEL.write_text(json.dumps(model, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(model, indent=2))


if __name__ == "__main__":
    main()
