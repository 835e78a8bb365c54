"""Read evaluation datasets: folders of questions with known answers.

A folder has `queries.jsonl`, and beside it a guide (`docs/`, `docs.tar.xz` or `corpus.jsonl`), the
gold (`gold_sections.jsonl` or `qrels.tsv`), `answers.jsonl`, and `queries_typo.jsonl`. In other
folders each question names its guide, and whether the guide answers it, or has a stand-alone
rewrite.
"""

from __future__ import annotations

import lzma
import tarfile
import zlib
from collections import defaultdict
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TypeVar

from pydantic import Field, StrictBool

from assistant import files
from assistant.errors import SettingsError
from assistant.evaluation.rows import Row, RowT, read_rows, read_text
from assistant.models.answers import Turn
from assistant.text.normalize import replace_surrogates

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

QUERIES_FILE = "queries.jsonl"

_T = TypeVar("_T")

_MIN_GOLD_COVERAGE = 0.8
"""A gold answer counts where its section contains at least this share of its words."""


@dataclass(frozen=True, slots=True)
class Gold:
    """A section that answers: its page and the end of its heading path; without it, a page."""

    path: str
    headings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Case:
    """One question, the conversation before it, and what is known of its answer.

    `answerable` is None where it is not known; `rewrite` is a person's stand-alone form.
    """

    id: str
    text: str
    history: tuple[Turn, ...] = ()
    gold: tuple[Gold, ...] = ()
    answers: tuple[str, ...] = ()
    answerable: bool | None = None
    rewrite: str = ""


@dataclass(frozen=True, slots=True)
class QuestionSet:
    """Questions to one guide; `misspelt` are some of them again, with a word misspelt.

    `guide` is None for questions that only have rewrites. `by_page` is true if the gold is pages.
    """

    name: str
    guide: Path | None
    questions: tuple[Case, ...]
    misspelt: tuple[Case, ...] = ()
    by_page: bool = False

    def sample(self, limit: int | None) -> QuestionSet:
        """Take at most `limit` questions, spread evenly over the set."""
        if not limit:
            return self
        return replace(
            self, questions=sample(self.questions, limit), misspelt=sample(self.misspelt, limit)
        )


class TurnRow(Row):
    """An earlier turn of a question."""

    role: Literal["user", "agent"]
    text: str


class _QuestionRow(Row):
    """A line of `queries.jsonl`."""

    id: str | int
    text: str
    history: tuple[TurnRow, ...] = ()
    guide: str | None = None
    answerable: StrictBool | None = None
    rewrite: str | None = None
    gold_coverage: float = 1.0


class _SectionRow(Row):
    doc: str
    heading_path: tuple[str, ...]


class _GoldRow(Row):
    """A line of `gold_sections.jsonl`."""

    id: str | int
    gold: tuple[_SectionRow, ...]


class _AnswersRow(Row):
    """A line of `answers.jsonl`."""

    id: str | int
    answers: tuple[str, ...] = ()
    all_answers: tuple[str, ...] = ()
    is_impossible: bool = False


class _PageRow(Row):
    """A line of `corpus.jsonl`: a page of the guide."""

    id: Annotated[str, Field(pattern=r"^[^/\x00]+$")] | int
    title: str
    section: str
    text: str


_EXAMPLES: dict[type[Row], str] = {
    _QuestionRow: '{"id": "1", "text": "…"}',
    _GoldRow: '{"id": "1", "gold": [{"doc": "page.md", "heading_path": ["…"]}]}',
    _AnswersRow: '{"id": "1", "answers": ["…"]}',
    _PageRow: '{"id": "1", "title": "…", "section": "…", "text": "…"}',
}


def read_datasets(folder: Path, work: Path) -> Iterator[QuestionSet]:
    """Read the sets of a folder; unpack or write its guide under `work` where needed.

    Raises SettingsError with the name of a file that is missing, or with the file and the line that
    cannot be read.
    """
    path = folder / QUERIES_FILE
    rows = _read_rows(path, _QuestionRow)
    if not rows:
        raise SettingsError(
            f"{path} has no questions.", f"Write one {_EXAMPLES[_QuestionRow]} a line."
        )
    if rows[0].guide is not None:
        yield from _split_by_guide(folder, rows)
        return
    labels = _Labels.read(folder)
    questions = tuple(labels.make_case(row) for row in rows)
    if rows[0].rewrite is not None:
        yield QuestionSet(folder.name, None, questions)
        return
    misspelt = tuple(
        labels.make_case(row)
        for row in _read_rows(folder / "queries_typo.jsonl", _QuestionRow, required=False)
    )
    yield QuestionSet(folder.name, prepare_guide(folder, work), questions, misspelt, labels.by_page)


def _split_by_guide(folder: Path, rows: list[_QuestionRow]) -> Iterator[QuestionSet]:
    for number, row in enumerate(rows, 1):
        if row.guide is None or row.answerable is None:
            raise SettingsError(
                f"{folder / QUERIES_FILE}: question {number} lacks its guide or answerable.",
                'Write one {"id": "1", "text": "…", "guide": "…", "answerable": true} a line.',
            )
    for guide in dict.fromkeys(str(row.guide) for row in rows):
        questions = tuple(
            Case(str(row.id), row.text, answerable=row.answerable)
            for row in rows
            if row.guide == guide
        )
        yield QuestionSet(f"{folder.name}: {guide}", folder.parent / guide, questions)


@dataclass(frozen=True, slots=True)
class _Labels:
    """What a folder says about the answers of its questions, by id."""

    gold: Mapping[str, tuple[Gold, ...]]
    answers: Mapping[str, tuple[str, ...]]
    impossible: Mapping[str, bool]
    by_page: bool

    @classmethod
    def read(cls, folder: Path) -> _Labels:
        sections = _read_rows(folder / "gold_sections.jsonl", _GoldRow, required=False)
        answers = _read_rows(folder / "answers.jsonl", _AnswersRow, required=False)
        gold = {str(row.id): _gold_sections(row) for row in sections}
        return cls(
            gold or _read_gold_pages(folder),
            {str(row.id): row.all_answers or row.answers for row in answers},
            {str(row.id): row.is_impossible for row in answers},
            by_page=not sections,
        )

    def make_case(self, row: _QuestionRow) -> Case:
        name = str(row.id)
        history = tuple(Turn(turn.role, turn.text) for turn in row.history)
        impossible = self.impossible.get(name)
        return Case(
            name,
            row.text,
            history,
            self.gold.get(name, ()),
            self.answers.get(name, ()) if row.gold_coverage >= _MIN_GOLD_COVERAGE else (),
            None if impossible is None else not impossible,
            row.rewrite or "",
        )


def _gold_sections(row: _GoldRow) -> tuple[Gold, ...]:
    return tuple(Gold(gold.doc, gold.heading_path) for gold in row.gold)


def _read_gold_pages(folder: Path) -> dict[str, tuple[Gold, ...]]:
    """Read gold pages from qrels: `question, tab, page, tab, relevance` under a header."""
    path = folder / "qrels.tsv"
    if not path.exists():
        return {}
    pages: dict[str, list[Gold]] = defaultdict(list)
    for number, line in enumerate(read_text(path).splitlines()[1:], 2):
        try:
            question, page, relevance = line.split("\t")
            relevant = int(relevance) > 0
        except ValueError as error:
            raise SettingsError(
                f"{path} line {number} is not a question and its page.",
                "Write the question's id, the page and 1 or 0, with tabs between them.",
            ) from error
        if relevant:
            pages[question].append(Gold(page if page.endswith(".md") else f"{page}.md"))
    return {question: tuple(gold) for question, gold in pages.items()}


def prepare_guide(folder: Path, work: Path) -> Path:
    """Return the guide's folder: as it is, unpacked, or written with a page for each corpus row.

    What is unpacked or written is under `work`. Raises SettingsError where there is no guide.
    """
    if (folder / "docs").is_dir():
        return folder / "docs"
    guide = work / folder.name / "guide"
    archive = next(iter(sorted(folder.glob("docs.tar*"))), None)
    if guide.is_dir():
        return guide
    rows = [] if archive else _read_rows(folder / "corpus.jsonl", _PageRow)
    draft = guide.with_name("draft")
    try:
        draft.mkdir(parents=True, exist_ok=True)
        if archive:
            _unpack(archive, draft, _read_chosen_guides(folder / "gold_guides.txt"))
        for row in rows:
            headings = [row.title, *(name for name in row.section.split(" > ") if name)]
            lines = [f"{'#' * min(n, 6)} {text}" for n, text in enumerate(headings, 1)]
            page = "\n\n".join([*lines, row.text])
            (draft / f"{row.id}.md").write_text(f"{replace_surrogates(page)}\n", encoding="utf-8")
        draft.rename(guide)
    except (tarfile.TarError, lzma.LZMAError, EOFError, zlib.error) as error:
        reason = str(error).partition("\n")[0].rstrip(".:")
        raise SettingsError(
            f"{archive} cannot be unpacked: {reason}.", "Pack the guide again, as docs.tar.xz."
        ) from error
    except OSError as error:
        raise SettingsError(
            f"The guide cannot be written to {guide}: {error.strerror or error}.",
            "Name another folder with --work.",
        ) from error
    return guide


def _read_chosen_guides(path: Path) -> frozenset[str]:
    """Read which folders of an archive the questions are about; empty for all."""
    return frozenset(read_text(path).split()) if path.exists() else frozenset()


def _unpack(archive: Path, folder: Path, chosen: frozenset[str]) -> None:
    with files.open_regular(archive) as packed_file, tarfile.open(fileobj=packed_file) as packed:
        for member in packed:
            parts = Path(member.name).parts
            inside = parts[1:] if parts[:1] == ("docs",) else parts
            if member.isfile() and (not chosen or (inside and inside[0] in chosen)):
                packed.extract(member.replace(name=str(Path(*inside))), folder, filter="data")


def sample(questions: tuple[_T, ...], limit: int) -> tuple[_T, ...]:
    """Take at most `limit` questions, spread evenly over them all."""
    step = len(questions) / limit
    if step <= 1:
        return questions
    return tuple(questions[int(number * step)] for number in range(limit))


def _read_rows(path: Path, row_type: type[RowT], *, required: bool = True) -> list[RowT]:
    """Read JSON lines. Raises SettingsError with the first line that has not this type."""
    if not required and not path.exists():
        return []
    return [row for _, row in read_rows(path, row_type, _EXAMPLES[row_type])]
