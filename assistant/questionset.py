"""Questions with known answers, as a folder holds them: what an assistant is measured on.

A folder has `queries.jsonl`, and beside it a guide (`docs/`, `docs.tar.xz` or `corpus.jsonl`), the
gold (`gold_sections.jsonl` or `qrels.tsv`), `answers.jsonl`, and `queries_typo.jsonl`. Or each
question names its guide and whether that answers it; or comes with its stand-alone rewrite. Must
not know how a question is answered or measured.
"""

from __future__ import annotations

import json
import tarfile
from collections import defaultdict
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assistant.errors import SettingsError
from assistant.model import Turn

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    Row = Mapping[str, Any]

_COVERED = 0.8
"""A gold answer is compared with where this share of its words stands in its section."""


@dataclass(frozen=True, slots=True)
class Gold:
    """A section that answers, by its page and the end of its heading path; no path: the page."""

    path: str
    headings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Asked:
    """One question, the talk before it, and what is known of its answer.

    `answerable` is None where nobody has said; `rewrite` is its stand-alone form by a person.
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

    `guide` is None for questions that only have rewrites. `by_page`: the gold is pages.
    """

    name: str
    guide: Path | None
    questions: tuple[Asked, ...]
    misspelt: tuple[Asked, ...] = ()
    by_page: bool = False

    def cut(self, limit: int | None) -> QuestionSet:
        """At most so many questions, spread evenly over the set."""
        if not limit:
            return self
        return replace(
            self, questions=_spread(self.questions, limit), misspelt=_spread(self.misspelt, limit)
        )


def read(folder: Path, work: Path) -> Iterator[QuestionSet]:
    """The sets of a folder; a guide that has to be unpacked or written goes under `work`.

    Raises SettingsError naming the file that is missing or cannot be read.
    """
    rows = _lines(folder / "queries.jsonl")
    if not rows:
        raise SettingsError(f"{folder} has no questions.", "Name a folder with queries.jsonl.")
    if "guide" in rows[0]:
        yield from _by_guide(folder, rows)
        return
    known = _Known.of(folder)
    questions = tuple(known.asked(row) for row in rows)
    if "rewrite" in rows[0]:
        yield QuestionSet(folder.name, None, questions)
        return
    misspelt = tuple(
        known.asked(row) for row in _lines(folder / "queries_typo.jsonl", needed=False)
    )
    yield QuestionSet(folder.name, _guide(folder, work), questions, misspelt, known.by_page)


def _by_guide(folder: Path, rows: list[Row]) -> Iterator[QuestionSet]:
    for guide in dict.fromkeys(row["guide"] for row in rows):
        questions = tuple(
            Asked(str(row["id"]), row["text"], answerable=row["answerable"])
            for row in rows
            if row["guide"] == guide
        )
        yield QuestionSet(f"{folder.name}: {guide}", folder.parent / guide, questions)


@dataclass(frozen=True, slots=True)
class _Known:
    """What a folder knows of its questions' answers, by id."""

    gold: Mapping[str, tuple[Gold, ...]]
    answers: Mapping[str, tuple[str, ...]]
    impossible: Mapping[str, bool]
    by_page: bool

    @classmethod
    def of(cls, folder: Path) -> _Known:
        sections = _lines(folder / "gold_sections.jsonl", needed=False)
        answers = _lines(folder / "answers.jsonl", needed=False)
        return cls(
            {row["id"]: _sections(row) for row in sections} if sections else _pages(folder),
            {row["id"]: tuple(row.get("all_answers") or row["answers"]) for row in answers},
            {row["id"]: bool(row.get("is_impossible")) for row in answers},
            by_page=not sections,
        )

    def asked(self, row: Row) -> Asked:
        name = str(row["id"])
        history = tuple(Turn(turn["role"], turn["text"]) for turn in row.get("history", ()))
        impossible = self.impossible.get(name)
        covered = row.get("gold_coverage", 1.0) >= _COVERED
        return Asked(
            name,
            row["text"],
            history,
            self.gold.get(name, ()),
            self.answers.get(name, ()) if covered else (),
            None if impossible is None else not impossible,
            row.get("rewrite", ""),
        )


def _sections(row: Row) -> tuple[Gold, ...]:
    return tuple(Gold(gold["doc"], tuple(gold["heading_path"])) for gold in row["gold"])


def _pages(folder: Path) -> dict[str, tuple[Gold, ...]]:
    """Gold pages from qrels: `question, tab, page, tab, relevance` under a header."""
    path = folder / "qrels.tsv"
    if not path.is_file():
        return {}
    found: dict[str, list[Gold]] = defaultdict(list)
    for line in path.read_text(encoding="utf-8").splitlines()[1:]:
        question, page, relevance = line.split("\t")
        if int(relevance) > 0:
            found[question].append(Gold(page if page.endswith(".md") else f"{page}.md"))
    return {question: tuple(gold) for question, gold in found.items()}


def _guide(folder: Path, work: Path) -> Path:
    """The guide's folder: as it stands, unpacked, or one page written for each row of a corpus."""
    if (folder / "docs").is_dir():
        return folder / "docs"
    guide = work / folder.name / "guide"
    archive = next(iter(sorted(folder.glob("docs.tar*"))), None)
    if guide.is_dir():
        return guide
    draft = guide.with_name("draft")
    draft.mkdir(parents=True, exist_ok=True)
    if archive:
        _unpack(archive, draft, _chosen(folder / "gold_guides.txt"))
    else:
        for row in _lines(folder / "corpus.jsonl"):
            headings = [row["title"], *(part for part in row["section"].split(" > ") if part)]
            lines = [f"{'#' * min(n, 6)} {text}" for n, text in enumerate(headings, 1)]
            page = "\n\n".join([*lines, row["text"]])
            (draft / f"{row['id']}.md").write_text(f"{page}\n", encoding="utf-8")
    draft.rename(guide)
    return guide


def _chosen(path: Path) -> frozenset[str]:
    """The folders of an archive that its questions are about; empty for all of them."""
    return frozenset(path.read_text(encoding="utf-8").split()) if path.is_file() else frozenset()


def _unpack(archive: Path, folder: Path, chosen: frozenset[str]) -> None:
    with tarfile.open(archive) as packed:
        for member in packed:
            parts = Path(member.name).parts
            inside = parts[1:] if parts[0] == "docs" else parts
            if member.isfile() and (not chosen or (inside and inside[0] in chosen)):
                packed.extract(member.replace(name=str(Path(*inside))), folder, filter="data")


def _spread(questions: tuple[Asked, ...], limit: int) -> tuple[Asked, ...]:
    step = len(questions) / limit
    if step <= 1:
        return questions
    return tuple(questions[int(number * step)] for number in range(limit))


def _lines(path: Path, *, needed: bool = True) -> list[Row]:
    if not needed and not path.exists():
        return []
    try:
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line]
    except OSError as error:
        raise SettingsError(
            f"{path} cannot be read: {error.strerror or error}", "Name a folder of questions."
        ) from error
    except ValueError as error:
        raise SettingsError(f"{path} is not JSON lines: {error}", "Mend the file.") from error
