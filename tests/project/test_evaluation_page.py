"""The example in docs/evaluation.md is measured, reaches its goals, and can tune the threshold."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import CORPUS, ROOT

PAGE = (ROOT / "docs" / "evaluation.md").read_text(encoding="utf-8")
FILES = re.findall(r"^`mine/([\w.]+)`[^`]*.*?```json\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


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
    return folder


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
    measures = re.findall(r"^\| (`.*?) \| \w", PAGE.split("## What is measured")[1], re.MULTILINE)
    for measure in re.findall(r"`(.*?)`", " ".join(measures)):
        assert measure in done.stdout, measure


def test_questions_of_readers_can_tune_the_threshold(folder):
    done = run(folder, "calibrate", "--questions", "readers.jsonl")
    assert done.returncode == 0, done.stderr
    assert "AUROC" in done.stdout
