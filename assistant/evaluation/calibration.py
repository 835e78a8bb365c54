"""Fit the answer threshold of one guide to labelled questions, and store it beside its index."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from assistant import files
from assistant.errors import GuideError, QuestionError
from assistant.evaluation import metrics
from assistant.index import generations
from assistant.query.analyzer import Analyzer
from assistant.retrieval.answerability import CALIBRATION_FILE, digest_json, digest_ranking_model
from assistant.retrieval.ranker import load_shipped_model
from assistant.retrieval.retriever import Retriever
from assistant.text.normalize import normalise
from assistant.text.tokenize import extract_terms, split_words

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from assistant.encoders.base import Encoder
    from assistant.evaluation.metrics import Flags, Floats
    from assistant.index.store import FaissStore
    from assistant.models.documents import Passage

    Progress = Callable[[str, int, int], None]

MAX_LOST = 0.05
"""The share of answerable questions that a threshold may refuse."""

MAX_SECTIONS = 300
"""The most sections to make questions from."""

MIN_BELOW_THRESHOLD = 2
"""How many answerable questions have to score below the threshold.

Thresholds fitted to 40 real questions (two below) lost .045, .043 and .043 of three guides' other
questions, those fitted to 20 lost .067, .055 and .047.
"""

MIN_AUROC = 0.7
"""Below this AUROC the two kinds of questions can hardly be separated."""

SYNTHETIC_NOTE = (
    "These questions were made from the guide's own words, and half of them had their section\n"
    "left out: they show how well the two kinds separate, and change no threshold. To tune it,\n"
    "give your own questions: assistant calibrate --questions FILE"
)
"""Why questions made from a guide change no threshold.

Of five ways to make questions and six statistics of their scores, none worked on all guides. The
best, the lower quartile of the scores of whole sentences, agreed with the threshold of real
questions on three guides (r = 1.0) and disagreed on a fourth (r = -.56).
"""

_RESAMPLES = 1000
_MIN_SENTENCE_TERMS = 5  # in a sentence that a question is made from
_MIN_QUESTION_WORDS = 4  # taken from that sentence
_THRESHOLD_STEPS = 10_000  # a threshold has four decimals
_FORMAT_HINT = 'Write one {"text": …, "answerable": true} a line, with both true and false.'


@dataclass(frozen=True, slots=True)
class LabelledQuestion:
    """A question, whether the guide answers it, and the passages to leave out for it."""

    text: str
    answerable: bool
    hidden: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Calibration:
    """The threshold to use, and what it does to the questions it was fitted to.

    `refused_answerable` is the share of the answerable questions below it, `refused_unanswerable`
    that of the others. `low` and `high` are the 95 % bootstrap interval of the threshold that the
    questions lead to. `kept_reason` says why the default threshold is kept; empty where it is not.
    """

    threshold: float
    low: float
    high: float
    answerable: int
    unanswerable: int
    refused_answerable: float
    refused_unanswerable: float
    auroc: float
    kept_reason: str = ""

    def __str__(self) -> str:
        refused = f"{self.refused_answerable:.1%} of {self.answerable:,} answerable questions"
        others = f"{self.refused_unanswerable:.1%} of {self.unanswerable:,} others"
        reason = "The default threshold is outside this interval, so the guide gets its own."
        return "\n".join(
            (
                f"The threshold is {self.threshold:.4f}. It refuses",
                f"{refused} and {others}.",
                f"The questions lead to one between {self.low:.4f} and {self.high:.4f} (95 %).",
                f"AUROC {self.auroc:.3f}.",
                self.kept_reason or reason,
            )
        )


def read_questions(path: Path) -> list[LabelledQuestion]:
    """Read labelled questions from JSON lines. Raises QuestionError for any other file."""
    try:
        lines = files.read_text(path).split("\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror or error if isinstance(error, OSError) else error.reason
        raise QuestionError(
            f"{path} cannot be read: {reason}.", "Name a file of JSON lines in UTF-8."
        ) from error
    questions = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            text, answerable = normalise(row["text"]), row["answerable"]
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            text, answerable = "", None
        if not split_words(text) or not isinstance(answerable, bool):
            raise QuestionError(f"{path} line {number} is not a question.", _FORMAT_HINT)
        questions.append(LabelledQuestion(text, answerable))
    if len({question.answerable for question in questions}) < 2:
        raise QuestionError(f"{path} needs questions of both kinds.", _FORMAT_HINT)
    return questions


def make_questions(store: FaissStore) -> list[LabelledQuestion]:
    """Make questions from sections spread over the guide, each with its section and without.

    A question is half a sentence. On three guides the scores of these were the closest to those of
    real questions: headings, whole sentences and the rarest words of a sentence were all much
    easier or harder. Raises GuideError where no section has a sentence.
    """
    count = min(store.size, MAX_SECTIONS)
    sections: set[tuple[str, tuple[str, ...]]] = set()
    questions = []
    for passage in store.passages([n * store.size // count for n in range(count)]):
        section, text = (passage.path, passage.headings), _make_question(passage)
        if section in sections or not text:
            continue
        sections.add(section)
        in_section = store.section_passages(passage.path, passage.anchor)
        hidden = tuple(key for key, other in in_section if other.headings == passage.headings)
        questions += [
            LabelledQuestion(text, answerable=True),
            LabelledQuestion(text, answerable=False, hidden=hidden),
        ]
    if not questions:
        raise GuideError(
            "The guide has no sentence to make a question from.",
            "Give your own questions: assistant calibrate --questions FILE",
        )
    return questions


def _make_question(passage: Passage) -> str:
    """Make a question of the first half of a sentence in the middle of a passage; or empty."""
    sentences = [passage.slice(s) for s in passage.sentences if s.kind in {"prose", "item"}]
    long = [text for text in sentences if len(extract_terms(text)) >= _MIN_SENTENCE_TERMS]
    if not long:
        return ""
    words = long[len(long) // 2].split()
    return f"how {' '.join(words[: max(_MIN_QUESTION_WORDS, len(words) // 2)])}?"


def score_questions(
    store: FaissStore,
    encoder: Encoder,
    questions: Sequence[LabelledQuestion],
    *,
    progress: Progress = lambda *_: None,
) -> tuple[Floats, Flags]:
    """Compute the probability that the guide answers each question, and whether it does.

    The probability is 0 for a question that is refused at every threshold.
    """
    analyzer = Analyzer(store.vocabulary, encoder.token_rank)
    retriever = Retriever(store, replace(load_shipped_model(), threshold=0.0))
    probabilities = []
    for done, question in enumerate(questions, 1):
        analysis = analyzer.analyze(normalise(question.text), ())
        vectors = dict(zip(analysis.texts, encoder.encode(analysis.texts), strict=True))
        results, _ = retriever.excluding(question.hidden).retrieve(analysis, vectors)
        probabilities.append(max(result.probability for result in results))
        progress("asking", done, len(questions))
    labels = np.asarray([question.answerable for question in questions], dtype=np.bool_)
    return np.asarray(probabilities), labels


def fit_threshold(
    probabilities: Floats, answerable: Flags, *, max_lost: float = MAX_LOST, kept_reason: str = ""
) -> Calibration:
    """Fit the highest threshold that refuses at most `max_lost` of the answerable questions.

    The default threshold is kept where there are too few questions, where the scores hardly
    separate the two kinds, where it is inside the interval, or for a given `kept_reason`.

    Measured with thresholds fitted to 40, 60 and 80 real questions of each kind: on three guides
    they refused .034 to .045 of the guide's other answerable questions and .885 to .957 of the
    unanswerable ones; the default threshold refused .006 to .032 and .879 to .954. On a fourth
    guide 80 questions lowered the share of answerable questions refused from .114 to .073.
    """
    positives, default = probabilities[answerable], load_shipped_model().threshold
    threshold = _quantile_threshold(positives, max_lost)
    random = np.random.default_rng(0)
    resampled = [
        _quantile_threshold(random.choice(positives, len(positives)), max_lost)
        for _ in range(_RESAMPLES)
    ]
    low, high = (float(end) for end in np.quantile(resampled, [0.025, 0.975]))
    auroc = metrics.auroc(probabilities, answerable)
    kept_reason = kept_reason or _reason_to_keep(
        len(positives), threshold, (low, high), auroc, max_lost=max_lost
    )
    threshold = default if kept_reason else threshold
    return Calibration(
        threshold=threshold,
        low=low,
        high=high,
        answerable=len(positives),
        unanswerable=len(probabilities) - len(positives),
        refused_answerable=float((positives < threshold).mean()),
        refused_unanswerable=float((probabilities[~answerable] < threshold).mean()),
        auroc=auroc,
        kept_reason=kept_reason,
    )


def _quantile_threshold(probabilities: Floats, max_lost: float) -> float:
    quantile = np.quantile(probabilities, max_lost, method="lower")
    return float(np.floor(quantile * _THRESHOLD_STEPS) / _THRESHOLD_STEPS)


def _reason_to_keep(
    count: int, threshold: float, interval: tuple[float, float], auroc: float, *, max_lost: float
) -> str:
    """Return why the default threshold is kept; empty where it is not."""
    if count * max_lost < MIN_BELOW_THRESHOLD:
        least = int(np.ceil(MIN_BELOW_THRESHOLD / max_lost))
        return f"Too few questions: it takes {least:,} that the guide answers."
    if not threshold:
        return "No threshold refuses so few of the answerable questions: the default one is kept."
    if auroc < MIN_AUROC:
        return "The scores hardly separate the two kinds: the default threshold is kept."
    if interval[0] <= load_shipped_model().threshold <= interval[1]:
        return "The default threshold is inside this interval: it is kept."
    return ""


def write_calibration(folder: Path, calibration: Calibration, model: str) -> None:
    """Store a threshold beside the generations; remove it if the default threshold is kept.

    `model` is the identity of the encoder. Raises IndexBusy or IndexNotWritable.
    """
    data = {**asdict(calibration), "model": model, "ranking": digest_ranking_model()}
    text = json.dumps({**data, "digest": digest_json(data)}, indent=2) + "\n"
    generations.save_beside(folder, CALIBRATION_FILE, "" if calibration.kept_reason else text)


def reset_calibration(folder: Path) -> bool:
    """Remove the stored threshold; return whether there was one."""
    exists = (folder / CALIBRATION_FILE).exists()
    if exists:
        generations.save_beside(folder, CALIBRATION_FILE, "")
    return exists
