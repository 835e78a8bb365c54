"""The pages about the doors keep their word: what they type is typed, and gives what they show."""

from __future__ import annotations

import json
import re
import shutil
import subprocess

import pytest
from test_readme import commands

from tests.conftest import ROOT
from tests.serving import Serving

BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ANYTHING = "…"
SHOWN = [
    pair
    for block in BLOCK.findall((ROOT / "docs" / "rest.md").read_text(encoding="utf-8"))
    for pair in commands(block)
]


def shows(shown: object, found: object) -> bool:
    """Whether what is shown is part of what was found; `…` stands for anything."""
    if isinstance(shown, dict):
        return isinstance(found, dict) and all(
            name in found and shows(value, found[name]) for name, value in shown.items()
        )
    if isinstance(shown, list):
        return (
            isinstance(found, list)
            and len(shown) <= len(found)
            and (bool(shown) or not found)
            and all(map(shows, shown, found))
        )
    return shown in (ANYTHING, found)


@pytest.fixture(scope="module")
def serving(tmp_path_factory, corpus_index):
    folder = tmp_path_factory.mktemp("served")
    shutil.copytree(corpus_index, folder / "index")
    with Serving(folder) as serving:
        yield serving.ready()


@pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")
@pytest.mark.parametrize(("command", "output"), SHOWN, ids=range(len(SHOWN)))
def test_what_is_typed_gives_what_is_shown(serving, command, output):
    typed = command.replace("127.0.0.1:7860", f"127.0.0.1:{serving.port}")
    done = subprocess.run(
        ["bash", "-c", typed], capture_output=True, text=True, check=True, timeout=60
    )
    if output:
        assert shows(json.loads(output), json.loads(done.stdout)), done.stdout
    else:
        assert done.stdout.startswith("event: understood\n")
        assert "\nevent: done\ndata: {" in done.stdout


def test_what_shows_something_else_is_noticed():
    assert shows({"a": [1, "…"]}, {"a": [1, 2, 3], "b": 0})
    for found in ({"a": [2, 2]}, {"a": []}, {"b": [1, 2]}, [1]):
        assert not shows({"a": [1, "…"]}, found)
    assert not shows([], [1])
