"""The examples in docs/evaluation.md are measured, and one of them can tune the threshold."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from assistant.evaluation.answer_sets import _QuestionRow
from tests.conftest import CORPUS, ROOT

PAGE = (ROOT / "docs" / "evaluation.md").read_text(encoding="utf-8")
FILES = re.findall(r"^`mine/([\w.]+)`[^`]*.*?```json\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
HOSTEL = re.findall(
    r"^`hostel/([\w/.]+)`[^\n]*\n\n```\w+\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL
)
ANSWER_SETS, _, OTHER_SETS = PAGE.partition("## Questions with gold sections")


@pytest.fixture(scope="module")
def folder(tmp_path_factory, corpus_index) -> Path:
    """A folder with the example of the page, the guide that it is for, and its index."""
    folder = tmp_path_factory.mktemp("evaluation")
    shutil.copytree(corpus_index, folder / "index")
    shutil.copytree(CORPUS, folder / "mine" / "docs")
    for name, text in FILES:
        (folder / "mine" / name).write_text(text, encoding="utf-8")
    (goals,) = re.findall(r"^```toml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    (folder / "goals.toml").write_text(goals, encoding="utf-8")
    readers = re.findall(r"^```json\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)[-1]
    (folder / "readers.jsonl").write_text(readers, encoding="utf-8")
    for name, text in HOSTEL:
        path = folder / "hostel" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def documented_measures(text: str) -> list[str]:
    """The measures that the tables of a part of the page explain."""
    cells = re.findall(r"^\| (`.*?) \| \w", text, re.MULTILINE)
    return re.findall(r"`(.*?)`", " ".join(cells))


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if "ASSISTANT_" not in key}
    return subprocess.run(
        [sys.executable, "-m", "assistant", *arguments],
        cwd=folder,
        env={**environment, "PYTHONPATH": str(ROOT), "COLUMNS": "160"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_example_names_four_files():
    assert [name for name, _ in FILES] == [
        "queries.jsonl",
        "gold_sections.jsonl",
        "answers.jsonl",
        "queries_typo.jsonl",
    ]


def test_the_example_reaches_its_goals_and_has_every_documented_measure(folder):
    done = run(folder, "eval", "mine", "--goals", "goals.toml", "--html", "mine.html")
    assert done.returncode == 0, done.stderr
    assert (folder / "mine.html").stat().st_size > 0
    for measure in documented_measures(OTHER_SETS.split("## What is measured")[1]):
        assert measure in done.stdout, measure


def test_the_answer_set_is_measured_as_documented(folder):
    (command,) = re.findall(r"^assistant (eval hostel.*)$", ANSWER_SETS, re.MULTILINE)
    done = run(folder, *command.split())
    assert done.returncode == 0, done.stderr
    rows = re.findall(r"^│ (.*?) +│ +([\d.]+) ", done.stdout, re.MULTILINE)
    figures = {name: float(value) for name, value in rows}
    measures = documented_measures(ANSWER_SETS.split("The figures, each")[1])
    assert len(measures) == 12
    assert set(measures) <= figures.keys()
    assert figures["complete"] == figures["gold in first 3"] == figures["right page"] == 1.0


def test_the_fields_of_the_answer_set_are_those_that_are_read(folder):
    fields = documented_measures(ANSWER_SETS.split("| field |")[1].split("The figures, each")[0])
    rows = (folder / "hostel" / "questions.jsonl").read_text(encoding="utf-8").splitlines()
    written = {name for row in rows for name in json.loads(row)}
    assert written <= set(fields)
    assert set(_QuestionRow.model_fields) == set(fields) - {"gold_heading"}


def test_questions_of_readers_can_tune_the_threshold(folder):
    done = run(folder, "calibrate", "--questions", "readers.jsonl")
    assert done.returncode == 0, done.stderr
    assert "AUROC" in done.stdout
