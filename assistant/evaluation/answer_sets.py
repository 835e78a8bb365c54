"""Read answer sets: a guide in `docs/`, and questions with the words of a perfect answer.

Each line of `questions.jsonl` is a question; see docs/evaluation.md.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

from pydantic import StrictBool, field_validator, model_validator
from pydantic_core import PydanticCustomError

from assistant.assistant import validate_question
from assistant.errors import QuestionError, SettingsError
from assistant.evaluation import datasets, metrics
from assistant.evaluation.rows import Row, line_error, read_rows
from assistant.models.answers import Turn

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from assistant.evaluation.datasets import QuestionSet

QUESTIONS_FILE = "questions.jsonl"
EXAMPLE = '{"text": "…", "answerable": true, "gold_path": "page.md", "gold_sentence": "…"}'

UNLABELLED_KIND = "mixed"
"""The kind of a question that names none."""

SMALL_TALK = "small-talk"
"""The kind of questions that are not about a guide: they are not measured."""

KIND_SPELLINGS = {
    "yesno": "yes/no",
    "yes-no": "yes/no",
    "followup": "follow-up",
    "howto": "how-to",
    "steps": "how-to",
    "paraphrase": "other words",
    "synonym": "other words",
    "nowords": "other words",
    "double": "two in one",
    "multi": "two in one",
    "two-in-one": "two in one",
    "contact": "links and contacts",
    "link": "links and contacts",
    "refer": "links and contacts",
    "where": "links and contacts",
    "pasted-error": "error",
}
"""Kinds that are written in several ways, or too seldom to be counted alone."""

_PAGES_SEPARATOR = " / "


@dataclass(frozen=True, slots=True)
class AnswerQuestion:
    """A question, the conversation before it, and what a perfect answer holds.

    `gold` are the words of the guide that answer, with ` ... ` between parts that stand apart;
    `pages` are the pages that a right answer may cite. Both are empty where the guide does not
    answer.
    """

    id: str
    text: str
    answerable: bool
    kind: str = UNLABELLED_KIND
    history: tuple[Turn, ...] = ()
    gold: str = ""
    pages: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class AnswerSet:
    """Questions to one guide."""

    name: str
    guide: Path
    questions: tuple[AnswerQuestion, ...]

    def sample(self, limit: int | None) -> AnswerSet:
        """Take at most `limit` questions, spread evenly over the set."""
        return replace(self, questions=datasets.sample(self.questions, limit)) if limit else self


class _QuestionRow(Row):
    """A line of `questions.jsonl`."""

    text: str
    answerable: StrictBool
    id: str | int | None = None
    kind: str | None = None
    history: tuple[datasets.TurnRow, ...] | None = None
    gold_path: str | None = None
    gold_sentence: str | None = None
    also: tuple[str, ...] | None = None

    @field_validator("text")
    @classmethod
    def _check_text(cls, text: str) -> str:
        try:
            validate_question(text)
        except QuestionError as error:
            reason = error.message.rstrip(".")
            raise PydanticCustomError("question", "{reason}", {"reason": reason}) from error
        return text

    @model_validator(mode="after")
    def _check_gold(self) -> Self:
        if self.answerable and not self.gold_path:
            raise PydanticCustomError("gold", "a question that is answerable needs its gold_path")
        if self.answerable and not metrics.content_words(self.gold_sentence or ""):
            raise PydanticCustomError(
                "gold", "a question that is answerable needs a gold_sentence with content words"
            )
        return self

    @property
    def pages(self) -> tuple[str, ...]:
        """The pages that answer."""
        return (*(self.gold_path or "").split(_PAGES_SEPARATOR), *(self.also or ()))

    def make_question(self, number: int) -> AnswerQuestion:
        """Make the question of a line; its id is the line number where it has none."""
        kind = (self.kind or "").strip() or UNLABELLED_KIND
        return AnswerQuestion(
            str(number if self.id is None else self.id),
            self.text,
            self.answerable,
            KIND_SPELLINGS.get(kind, kind),
            tuple(Turn(turn.role, turn.text) for turn in self.history or ()),
            (self.gold_sentence or "") if self.answerable else "",
            frozenset(self.pages) if self.answerable else frozenset(),
        )


def read_sets(
    folders: Iterable[Path], work: Path
) -> tuple[tuple[AnswerSet, ...], tuple[QuestionSet, ...]]:
    """Read the answer sets and the other sets of some folders; a folder may hold both.

    Raises SettingsError with the file, and the line, that is missing or cannot be used, and where
    two folders have one name: a report names sets by their folders.
    """
    answer_sets: list[AnswerSet] = []
    others: list[QuestionSet] = []
    for folder in folders:
        is_answer_set = (folder / QUESTIONS_FILE).exists()
        if is_answer_set:
            answer_sets.append(read_answer_set(folder, work))
        if not is_answer_set or (folder / datasets.QUERIES_FILE).exists():
            others += datasets.read_datasets(folder, work)
    names = Counter(one.name for one in answer_sets)
    repeated = next((name for name, count in names.items() if count > 1), "")
    if repeated:
        raise SettingsError(
            f"Two folders of questions are called {repeated}.", "Rename one of them."
        )
    return tuple(answer_sets), tuple(others)


def read_answer_set(folder: Path, work: Path) -> AnswerSet:
    """Read a folder with `docs/` and `questions.jsonl`; what is unpacked goes under `work`.

    Raises SettingsError with the line that cannot be used, also where it names a page that the
    guide does not have.
    """
    path = folder / QUESTIONS_FILE
    rows = read_rows(path, _QuestionRow, EXAMPLE)
    questions = [row.make_question(number) for number, row in rows]
    scored = tuple(question for question in questions if question.kind != SMALL_TALK)
    if not scored:
        raise SettingsError(f"{path} has no questions.", f"Write one {EXAMPLE} a line.")
    guide = datasets.prepare_guide(folder, work)
    for number, row in rows:
        for page in row.pages if row.answerable else ():
            if not (guide / page).is_file():
                reason = f"{guide} has no page {page}"
                raise line_error(path, number, reason, EXAMPLE)
    return AnswerSet(folder.resolve().name, guide, scored)
