"""A heavy package is imported by one module, inside the function that needs it.

That imports go down only is the contract of `lint-imports`, in pyproject.toml.
"""

from __future__ import annotations

import ast

import pytest

from tests.source import PATHS, tree

HEAVY = set(
    """
    torch sentence_transformers transformers faiss gradio fastapi uvicorn lxml docutils
    markitdown onnx onnxruntime tokenizers sqlalchemy
    prometheus_client mcp openai
    """.split()
)
SHARED = {
    # What makes a graph needs tools of the package that runs it.
    "onnxruntime": {"encoders.onnx", "encoders.export"},
    "torch": {"encoders.export", "encoders.sentence_transformer"},
    "sqlalchemy": {"server.answer_log", "server.answer_log_store"},
    # Gradio is mounted on an application, which the server then serves.
    "fastapi": {
        "server.app",
        *(
            f"server.routes.{name}"
            for name in "browse chat docs openai pages rest widget".split()
        ),
    },
    # The checks in front of the agents' server are made of the SDK's messages.
    "mcp": {"server.routes.jsonrpc", "server.routes.mcp"},
}  # fmt: skip
# These need their package to define a class, and are themselves imported where they are needed.
WHOLE = set(
    """
    readers.office readers.rst server.answer_log server.answer_log_store server.app
    server.routes.browse server.routes.chat server.routes.docs server.routes.jsonrpc
    server.routes.mcp server.routes.openai server.routes.pages
    server.routes.rest server.routes.widget
    """.split()
)


def imported(node: ast.AST) -> set[str]:
    """List the full names that a piece of code imports, wherever the import stands."""
    names: set[str] = set()
    for inner in ast.walk(node):
        if isinstance(inner, ast.Import):
            names |= {alias.name for alias in inner.names}
        elif isinstance(inner, ast.ImportFrom):
            assert inner.level == 0, "imports are absolute"
            names |= {f"{inner.module}.{alias.name}" for alias in inner.names}
    return names


def own(node: ast.AST) -> set[str]:
    """List the modules of the package that a piece of code imports."""
    names = {name.removeprefix("assistant.") for name in imported(node)}
    return {name for name in names | {n.rpartition(".")[0] for n in names} if name in PATHS}


def heavy(node: ast.AST) -> set[str]:
    return {name.split(".")[0] for name in imported(node)} & HEAVY


def at_import(module: ast.Module) -> list[ast.stmt]:
    """List the statements that run at import: no function bodies, nothing for the type checker."""
    running: list[ast.stmt] = []
    waiting: list[ast.stmt] = list(module.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        if isinstance(node, ast.Import | ast.ImportFrom):
            running.append(node)
        for inner in ast.iter_child_nodes(node):
            if isinstance(inner, ast.stmt):
                waiting.append(inner)
    return running


@pytest.fixture(scope="module")
def starting() -> dict[str, ast.Module]:
    """What runs of each module when it is imported."""
    return {name: ast.Module(at_import(tree(name)), []) for name in PATHS}


def test_a_heavy_package_is_imported_by_one_module() -> None:
    uses = {name: heavy(tree(name)) for name in PATHS}
    for package in HEAVY:
        users = {name for name, used in uses.items() if package in used}
        assert len(users) <= 1 or users == SHARED.get(package), f"{package}: {sorted(users)}"


def test_a_heavy_package_is_imported_where_it_is_needed(starting) -> None:
    eager = {name for name, module in starting.items() if heavy(module)}
    assert eager == WHOLE


def test_a_module_that_needs_a_heavy_package_is_imported_when_it_is_needed(starting) -> None:
    for name, module in starting.items():
        if name not in WHOLE:
            assert not own(module) & WHOLE, name
