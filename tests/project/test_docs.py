"""The commands in docs/rest.md give what the page shows, on a server of their own."""

from __future__ import annotations

import json
import shutil
import subprocess

import pytest

from tests.conftest import ROOT
from tests.examples import console_commands
from tests.served import serve_assistant

# Gradio asks pandas for an option that newer pandas announces to drop.
pytestmark = pytest.mark.filterwarnings("ignore:'future.no_silent_downcasting'")

ANYTHING = "…"
SHOWN = console_commands((ROOT / "docs" / "rest.md").read_text(encoding="utf-8"))


def is_part(shown: object, actual: object) -> bool:
    """Whether what a page shows is part of the actual value; `…` stands for anything."""
    if isinstance(shown, dict):
        return isinstance(actual, dict) and all(
            name in actual and is_part(value, actual[name]) for name, value in shown.items()
        )
    if isinstance(shown, list):
        return (
            isinstance(actual, list)
            and len(shown) <= len(actual)
            and (bool(shown) or not actual)
            and all(map(is_part, shown, actual))
        )
    return shown in (ANYTHING, actual)


@pytest.fixture(scope="module")
def serving(tmp_path_factory, corpus_assistant):
    with serve_assistant(corpus_assistant, tmp_path_factory.mktemp("served")) as served:
        yield served


@pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")
@pytest.mark.parametrize(("command", "output"), SHOWN, ids=range(len(SHOWN)))
def test_a_command_of_the_page_gives_what_the_page_shows(serving, command, output):
    typed = command.replace("127.0.0.1:7860", f"127.0.0.1:{serving.port}")
    done = subprocess.run(
        ["bash", "-c", typed], capture_output=True, text=True, check=True, timeout=300
    )
    if output:
        assert is_part(json.loads(output), json.loads(done.stdout)), done.stdout
    else:
        assert done.stdout.startswith("event: understood\n")
        assert "\nevent: done\ndata: {" in done.stdout


def test_a_different_response_is_noticed():
    assert is_part({"a": [1, "…"]}, {"a": [1, 2, 3], "b": 0})
    for actual in ({"a": [2, 2]}, {"a": []}, {"b": [1, 2]}, [1]):
        assert not is_part({"a": [1, "…"]}, actual)
    assert not is_part([], [1])
