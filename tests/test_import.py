"""Importing the package is light: whatever is heavy waits until it is needed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
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
        timeout=60,
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
    assert loaded("from assistant import Answer, AssistantError, Turn") == []


def test_a_guide_on_a_server_is_asked_without_what_asks_one_here() -> None:
    assert loaded("from assistant.remote import connect\nconnect('http://127.0.0.1')") == []


MODELS_AND_SERVERS = set("torch sentence_transformers transformers faiss gradio fastapi".split())


@pytest.mark.parametrize("module", ["guide", "markdown", "question", "text", "settings"])
def test_a_module_of_the_lower_floors_loads_no_model_and_no_server(module: str) -> None:
    assert (MODELS_AND_SERVERS | {"numpy"}).isdisjoint(loaded(f"import assistant.{module}"))


def test_the_vocabulary_counts_in_arrays_and_loads_no_model_and_no_server() -> None:
    assert MODELS_AND_SERVERS.isdisjoint(loaded("import assistant.vocabulary"))


def test_a_name_that_is_not_public_is_an_attribute_error() -> None:
    code = (
        "import assistant\ntry:\n    assistant.nothing\nexcept AttributeError as e:\n    print(e)"
    )
    assert "nothing" in run(code)


def test_every_public_name_can_be_imported() -> None:
    code = "from assistant import *\nprint(Turn.__name__, Answer.__name__, Conversation.__name__)"
    assert run(code) == "Turn Answer Conversation"
