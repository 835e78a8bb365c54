"""Importing the package is light: heavy packages load when they are needed."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from assistant import offline

ROOT = Path(__file__).parent.parent.parent
HEAVY = (
    "torch sentence_transformers transformers faiss gradio fastapi pydantic numpy "
    "markdown_it yaml rapidfuzz Stemmer typer uvicorn"
)


def run(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def loaded(statement: str) -> list[str]:
    code = f"{statement}\nimport sys\nprint(*[n for n in {HEAVY.split()!r} if n in sys.modules])"
    return run(code).split()


def test_importing_the_package_loads_nothing_heavy() -> None:
    assert loaded("import assistant") == []


def test_an_answer_can_be_named_without_loading_a_model() -> None:
    assert loaded("from assistant import Answer, AssistantError, Turn") == ["pydantic"]


def test_the_client_loads_nothing_that_a_local_guide_needs() -> None:
    assert loaded("from assistant.client import connect\nconnect('http://127.0.0.1')") == [
        "pydantic"
    ]


MODELS_AND_SERVERS = set("torch sentence_transformers transformers faiss gradio fastapi".split())


@pytest.mark.parametrize(
    "module", ["guide.page", "readers.markdown", "query.question_type", "text.tokenize", "settings"]
)
def test_a_module_of_a_lower_layer_loads_no_model_and_no_server(module: str) -> None:
    assert (MODELS_AND_SERVERS | {"numpy"}).isdisjoint(loaded(f"import assistant.{module}"))


def test_the_vocabulary_counts_in_arrays_and_loads_no_model_and_no_server() -> None:
    assert MODELS_AND_SERVERS.isdisjoint(loaded("import assistant.index.vocabulary"))


def test_a_name_that_is_not_public_is_an_attribute_error() -> None:
    code = (
        "import assistant\ntry:\n    assistant.nothing\nexcept AttributeError as e:\n    print(e)"
    )
    assert "nothing" in run(code)


def test_every_public_name_can_be_imported() -> None:
    code = "from assistant import *\nprint(Turn.__name__, Answer.__name__, Conversation.__name__)"
    assert run(code) == "Turn Answer Conversation"


def switches(environment: dict[str, str], statement: str = "import assistant") -> dict[str, str]:
    """The environment of packages that are imported after the statement."""
    code = f"{statement}\nimport json, os\nprint(json.dumps(dict(os.environ)))"
    own = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**own, **environment},
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    "statement",
    ["import assistant", "from assistant import Assistant", "import assistant.encoders.export"],
)
def test_every_package_is_set_offline_whatever_is_imported_first(statement):
    variables = switches({}, statement)
    assert {**variables, **offline.FORCED_VARIABLES, **offline.DEFAULT_VARIABLES} == variables


def test_the_environment_cannot_switch_usage_data_on():
    against = dict.fromkeys(offline.FORCED_VARIABLES, "0") | {"GRADIO_ANALYTICS_ENABLED": "True"}
    variables = switches(against)
    assert {**variables, **offline.FORCED_VARIABLES} == variables


def test_a_variable_that_a_user_set_is_left_unchanged():
    wanted = dict.fromkeys(offline.DEFAULT_VARIABLES, "1000")
    variables = switches(wanted)
    assert {**variables, **wanted} == variables


def test_no_other_module_changes_the_environment():
    changes = re.compile(r"os\.environ\[.*\] =|os\.environ\.(setdefault|update|pop)|os\.putenv")
    changing = [
        path.name
        for path in (ROOT / "assistant").rglob("*.py")
        if changes.search(path.read_text(encoding="utf-8"))
    ]
    assert changing == ["offline.py"]
