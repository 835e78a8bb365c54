"""The bar of one guide: from which probability on it is held to answer, fitted to questions.

Knows how questions are asked with and without what answers them, how sure a bar fitted to them
is, and the file that keeps it beside the generations. Must not know how an answer is written.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from assistant import files
from assistant.errors import GuideError, IndexDamaged, QuestionError
from assistant.evaluation import metrics as evaluation_metrics
from assistant.index import generations
from assistant.retrieval import ranker
from assistant.retrieval.retriever import Retriever
from assistant.text.text import extract_terms, normalise, split_words

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from assistant.encoders.base import Encoder
    from assistant.evaluation.metrics import Flags, Floats
    from assistant.index.store import FaissStore
    from assistant.models.documents import Passage

    Progress = Callable[[str, int, int], None]

CALIBRATION_FILE = "calibration.json"

MAX_LOST = 0.05
"""The share of the questions a guide answers that its bar may refuse."""

MAX_SECTIONS = 300
"""How many sections at most questions are made of."""

MIN_BELOW_THRESHOLD = 2
"""How many of the answerable have to lie under the bar.

Bars fitted to 40 real questions (two under the bar) lost .045, .043 and .043 of three guides'
others, those fitted to 20 lost .067, .055 and .047.
"""

MIN_AUROC = 0.7
"""The AUROC under which the two kinds can hardly be told apart."""

SYNTHETIC_NOTE = (
    "These questions were made up in the guide's own words, and half of them have their section\n"
    "left out: they show how far apart the two kinds lie, and move no bar. To fit it, give\n"
    "questions of readers: assistant calibrate --questions FILE"
)
"""Why questions made of a guide move no bar.

What they asked for went along with what readers' questions asked for on three guides (the lower
quartile of whole sentences, r = 1.0) and against it on a fourth (r = -.56): of five ways to make
them and six figures of their scores none held on all.
"""

_RESAMPLES = 1000
_MIN_SENTENCE_TERMS = 5  # terms in a sentence that a question is made of
_MIN_QUESTION_WORDS = 4  # words in half of it, at least
_THRESHOLD_STEPS = 10_000  # a bar is kept to four decimals
_HINT_RERUN = "Run: assistant calibrate, or assistant calibrate --reset"
_HINT_FORMAT = (
    'Write one {"text": …, "answerable": true} a line, with both true and false among them.'
)


@dataclass(frozen=True, slots=True)
class LabelledQuestion:
    """A question, whether the guide answers it, and which passages are left out when it is put."""

    text: str
    answerable: bool
    hidden: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Calibration:
    """What questions say of a guide's bar.

    `bar` is to be used; it loses the share `lost` of the answerable and has `caught` of the
    unanswerable under it. `low` and `high` are the 95 % bootstrap interval of the bar that these
    questions ask for. `kept` is empty, or says why the shipped bar stays.
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
        counted = f"{self.answerable:,} questions the guide answers and {self.unanswerable:,} it"
        return "\n".join(
            (
                f"The bar is {self.threshold:.4f}. From {counted} does not:",
                f"it refuses {self.refused_answerable:.1%} of the first and {self.refused_unanswerable:.1%} of the others.",
                f"The bar they ask for lies between {self.low:.4f} and {self.high:.4f} (95 %).",
                f"AUROC {self.auroc:.3f}.",
                self.kept_reason
                or "The shipped bar lies outside the interval, so the guide has one of its own.",
            )
        )


def read_questions(path: Path) -> list[LabelledQuestion]:
    """A reader's own questions, from JSON lines. Raises QuestionError where they are none."""
    try:
        lines = files.read_text(path).split("\n")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror or error if isinstance(error, OSError) else error.reason
        raise QuestionError(
            f"{path} cannot be read: {why}.", "Name a file of JSON lines in UTF-8."
        ) from error
    found = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            text, answerable = normalise(row["text"]), row["answerable"]
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            text, answerable = "", None
        if not split_words(text) or not isinstance(answerable, bool):
            raise QuestionError(f"{path} line {number} is not a question.", _HINT_FORMAT)
        found.append(LabelledQuestion(text, answerable))
    if len({asked.answerable for asked in found}) < 2:
        raise QuestionError(f"{path} needs questions of both kinds.", _HINT_FORMAT)
    return found


def make_questions(store: FaissStore) -> list[LabelledQuestion]:
    """Questions made of sections spread over the guide, each put with its section and without.

    A question is half a sentence. On three guides it scored most like the questions of readers:
    headings, whole sentences and the rarest words of a sentence were all much easier or harder.
    Raises GuideError where no section has a sentence.
    """
    count = min(store.size, MAX_SECTIONS)
    seen: set[tuple[str, tuple[str, ...]]] = set()
    found = []
    for passage in store.passages([n * store.size // count for n in range(count)]):
        section, text = (passage.path, passage.headings), _make_question(passage)
        if section in seen or not text:
            continue
        seen.add(section)
        own = store.section_passages(passage.path, passage.anchor)
        hidden = tuple(key for key, other in own if other.headings == passage.headings)
        found += [
            LabelledQuestion(text, answerable=True),
            LabelledQuestion(text, answerable=False, hidden=hidden),
        ]
    if not found:
        raise GuideError(
            "The guide has no sentence to make a question of.",
            "Give questions of your own: assistant calibrate --questions FILE",
        )
    return found


def _make_question(passage: Passage) -> str:
    """What the first half of a sentence in the middle of a passage asks; empty where none can."""
    said = [passage.slice(s) for s in passage.sentences if s.kind in {"prose", "item"}]
    long = [text for text in said if len(extract_terms(text)) >= _MIN_SENTENCE_TERMS]
    if not long:
        return ""
    parts = long[len(long) // 2].split()
    return f"how {' '.join(parts[: max(_MIN_QUESTION_WORDS, len(parts) // 2)])}?"


def score_questions(
    store: FaissStore,
    encoder: Encoder,
    asked: Sequence[LabelledQuestion],
    *,
    progress: Progress = lambda *_: None,
) -> tuple[Floats, Flags]:
    """How likely the guide answers each question, and whether it does.

    0 for what is doubted: no bar lets that through.
    """
    retrieval = Retriever(store, encoder, replace(ranker.load_shipped_model(), threshold=0.0))
    chances = []
    for done, one in enumerate(asked, 1):
        parts, _ = retrieval.without(one.hidden).retrieve(normalise(one.text), ())
        chances.append(max(part.probability for part in parts))
        progress("asking", done, len(asked))
    return np.asarray(chances), np.asarray([one.answerable for one in asked], dtype=np.bool_)


def fit_threshold(
    chances: Floats, answerable: Flags, *, max_lost: float = MAX_LOST, kept_reason: str = ""
) -> Calibration:
    """The highest bar that loses at most so many of the answerable, or the shipped one.

    The shipped bar stays where the questions do not speak against it: where there are too few,
    where the two kinds can hardly be told apart, or where it lies in the interval; and where it
    is `kept` for a reason given. Fitted so to 40, 60 and 80 of a guide's real questions of each
    kind, the bar lost .034 to .045 of the others on three guides and caught .885 to .957, the
    shipped one .006 to .032 and .879 to .954. On a fourth, looked at last, 80 questions brought
    what is lost from .114 to .073.
    """
    ones, shipped = chances[answerable], ranker.load_shipped_model().threshold
    bar = _quantile_threshold(ones, max_lost)
    drawn = np.random.default_rng(0)
    again = [
        _quantile_threshold(drawn.choice(ones, len(ones)), max_lost) for _ in range(_RESAMPLES)
    ]
    low, high = (float(end) for end in np.quantile(again, [0.025, 0.975]))
    auroc = evaluation_metrics.auroc(chances, answerable)
    kept_reason = kept_reason or _reason_to_keep(
        len(ones), bar, (low, high), auroc, max_lost=max_lost
    )
    bar = shipped if kept_reason else bar
    return Calibration(
        threshold=bar,
        low=low,
        high=high,
        answerable=len(ones),
        unanswerable=len(chances) - len(ones),
        refused_answerable=float((ones < bar).mean()),
        refused_unanswerable=float((chances[~answerable] < bar).mean()),
        auroc=auroc,
        kept_reason=kept_reason,
    )


def _quantile_threshold(chances: Floats, max_lost: float) -> float:
    return float(
        np.floor(np.quantile(chances, max_lost, method="lower") * _THRESHOLD_STEPS)
        / _THRESHOLD_STEPS
    )


def _reason_to_keep(
    count: int, threshold: float, interval: tuple[float, float], auroc: float, *, max_lost: float
) -> str:
    """Why the shipped bar stays; empty where it does not."""
    if count * max_lost < MIN_BELOW_THRESHOLD:
        least = int(np.ceil(MIN_BELOW_THRESHOLD / max_lost))
        return f"That is too few to go by: it takes {least:,} that the guide answers."
    if not threshold:
        return "More of the first are doubted, whatever the bar, than it may lose: it stays."
    if auroc < MIN_AUROC:
        return "By their scores the two kinds can hardly be told apart: the shipped bar stays."
    if interval[0] <= ranker.load_shipped_model().threshold <= interval[1]:
        return "The shipped bar lies in the interval: nothing speaks against it, and it stays."
    return ""


def write_calibration(folder: Path, found: Calibration, model: str) -> None:
    """Keep a bar beside the generations, or forget the last one where the shipped bar stays.

    `model` is the identity of the encoder. Raises IndexBusy or IndexUnwritable.
    """
    data = {**asdict(found), "model": model, "ranking": _model_digest()}
    text = json.dumps({**data, "digest": _json_digest(data)}, indent=2) + "\n"
    generations.save_beside(folder, CALIBRATION_FILE, "" if found.kept_reason else text)


def reset_calibration(folder: Path) -> bool:
    """Forget the bar that was kept; whether there was one."""
    there = (folder / CALIBRATION_FILE).exists()
    if there:
        generations.save_beside(folder, CALIBRATION_FILE, "")
    return there


def read_threshold(folder: Path, model: str) -> tuple[float | None, str]:
    """The bar kept for an index, or None; and why one that is there is not used.

    `model` is the identity of the encoder. Raises IndexDamaged for a file that is altered.
    """
    path = folder / CALIBRATION_FILE
    try:
        data = json.loads(files.read_bytes(path))
        digest = data.pop("digest")
        whole = digest == _json_digest(data)
        bar = float(data["bar"])
    except FileNotFoundError:
        return None, ""
    except OSError as error:
        what = f"{path} cannot be read: {error.strerror or error}."
        raise IndexDamaged(what, _HINT_RERUN) from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise IndexDamaged(f"{path} is altered.", _HINT_RERUN) from error
    if not whole:
        raise IndexDamaged(f"{path} is altered.", _HINT_RERUN)
    for part, own in (("model", model), ("ranking", _model_digest())):
        if data[part] != own:
            return (
                None,
                f"The guide's own bar was fitted to another {part}: not used. {_HINT_RERUN}",
            )
    return bar, ""


def _model_digest() -> str:
    """A digest of the shipped coefficients and of what they weigh."""
    model = ranker.load_shipped_model()
    weights = [*model.ranker.tolist(), *model.answerability.tolist(), model.answerability_intercept]
    return _json_digest({"features": ranker.FEATURES, "weights": weights})


def _json_digest(data: object) -> str:
    text = json.dumps(data, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
