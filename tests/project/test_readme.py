"""The commands in README and docs/command-line.md print what the documents show."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import CORPUS, ROOT
from tests.examples import blocks, console_commands

README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = (ROOT / "docs" / "command-line.md").read_text(encoding="utf-8")
SHOWN = dict(console_commands(README))
RUN = {
    command: output
    for command, output in (SHOWN | dict(console_commands(COMMANDS))).items()
    if command.startswith("assistant ")
}


@pytest.fixture(scope="module")
def clone(tmp_path_factory, corpus_index) -> Path:
    """A folder as a reader has it after `make run`: the guide, its index, and another guide."""
    folder = tmp_path_factory.mktemp("clone")
    shutil.copytree(CORPUS, folder / "corpus")
    shutil.copytree(corpus_index, folder / "index")
    (folder / "docs").mkdir()
    (folder / "docs" / "tea.md").write_text("# Tea\n\nGreen tea is brewed at 80 °C.\n")
    return folder


def run_typed(command: str, folder: Path) -> str:
    """What a command prints, both streams, in a terminal 100 columns wide."""
    arguments = [sys.executable, "-m", "assistant", *shlex.split(command, comments=True)[1:]]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "100"}
    done = subprocess.run(
        arguments, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    return done.stdout.strip("\n") or done.stderr.strip("\n").splitlines()[-1]


@pytest.mark.parametrize(("command", "output"), RUN.items(), ids=RUN)
def test_a_command_prints_what_the_document_shows(clone, command, output):
    redirected = re.fullmatch(r"(.*) > (\S+)", command)
    if redirected:
        (clone / redirected[2]).write_text(run_typed(redirected[1], clone))
    else:
        assert run_typed(command, clone) == output


def test_the_python_lines_run_as_they_stand(clone):
    (lines,) = blocks(README, "python")
    done = subprocess.run(
        [sys.executable, "-c", lines],
        cwd=clone,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Product Owner" in done.stdout


def test_the_two_commands_are_targets_of_the_makefile():
    makefile = (ROOT / "Makefile").read_text()
    for command in SHOWN:
        if command.startswith("make "):
            assert re.search(rf"^{command.split()[1]}:", makefile, re.MULTILINE)


def test_the_readme_shows_the_commands_it_promises():
    assert sum(command in SHOWN for command in RUN) >= 4
    assert len(RUN) >= 6
    assert {"make run", "make test"} <= SHOWN.keys()


def test_both_documents_show_the_same_output_for_the_same_command():
    other = dict(console_commands(COMMANDS))
    assert {command: other[command] for command in SHOWN if command in other} == {
        command: output for command, output in SHOWN.items() if command in other
    }
