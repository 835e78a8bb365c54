"""README keeps its word: its commands are run, and print what it says they print."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from assistant import settings
from tests.conftest import CORPUS, ROOT

README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
CONSOLE = [block for language, block in BLOCKS if language == "console"]
PYTHON = [block for language, block in BLOCKS if language == "python"]


def commands(block: str) -> list[tuple[str, str]]:
    """Each `$ command` of a block with the output printed under it."""
    parts = re.split(r"^\$ (.*)$", block, flags=re.MULTILINE)[1:]
    return [
        (command, output.strip("\n"))
        for command, output in zip(parts[::2], parts[1::2], strict=True)
    ]


SHOWN = [pair for block in CONSOLE for pair in commands(block)]
RUN = [(command, output) for command, output in SHOWN if command.startswith("assistant ")]


@pytest.fixture(scope="module")
def clone(tmp_path_factory, corpus_index) -> Path:
    """A folder as a reader has it after `make run`: the guide, its index, and another guide."""
    folder = tmp_path_factory.mktemp("clone")
    shutil.copytree(CORPUS, folder / "corpus")
    shutil.copytree(corpus_index, folder / "index")
    (folder / "docs").mkdir()
    (folder / "docs" / "tea.md").write_text("# Tea\n\nGreen tea is brewed at 80 °C.\n")
    return folder


def typed(command: str, folder: Path) -> str:
    """What a command prints, both streams, in a terminal 100 columns wide."""
    arguments = [sys.executable, "-m", "assistant", *shlex.split(command, comments=True)[1:]]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "100"}
    done = subprocess.run(
        arguments, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    return done.stdout.strip("\n") or done.stderr.strip("\n").splitlines()[-1]


@pytest.mark.parametrize(("command", "output"), RUN, ids=[command for command, _ in RUN])
def test_a_command_prints_what_the_readme_says(clone, command, output):
    redirected = re.fullmatch(r"(.*) > (\S+)", command)
    if redirected:
        (clone / redirected[2]).write_text(typed(redirected[1], clone))
    else:
        assert typed(command, clone) == output


def test_the_python_lines_run_as_they_stand(clone):
    (lines,) = PYTHON
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
    for command, _ in SHOWN:
        if command.startswith("make "):
            assert re.search(rf"^{command.split()[1]}:", makefile, re.MULTILINE)


def test_every_picture_and_file_the_readme_points_to_is_there():
    for target in re.findall(r"\]\(([^)#]+)", README):
        if not target.startswith("http"):
            assert (ROOT / target).exists(), target


def test_the_readme_shows_the_commands_it_promises():
    assert len(RUN) >= 4
    assert {"make run", "make test"} <= {command for command, _ in SHOWN}


def test_every_setting_of_the_readme_is_one():
    (block,) = re.findall(r"```toml\n(.*?)```", README, re.S)
    given = tomllib.loads(block)
    assert len(given) > 8
    assert set(settings._validate(given).model_dump()) >= set(given)
