"""Imports go down only, a file stays short, and a heavy package lives in one module."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "assistant"

# A module may import those of the lines above its own, never its neighbours.
LAYERS = [
    "fields notebook bundled files steady",
    "model errors text settings timing palette options body_cache accept",
    "offline",
    "journal_store",
    "messages journal keys metrics conversation deadline console",
    "exchange remote callers",
    "streams rate_limit routes",
    "gate",
    "tags table fences lexicon matrix cache measures questionset weights batch",
    "mdx phrases bm25 neighbours",
    "dialect site hypertext",
    "markdown links rst office",
    "reader_process",
    "vocabulary spelling question courtesy resources sections formats render quotes proof told",
    "rows counts talk encoder walk",
    "guide reference store ranking writer offers generations",
    "changes vectors further understanding export",
    "retrieval encoders addresses",
    "index markup footnotes",
    "building verify document freshness",
    "calibration",
    "ask reader",
    "live terminal evaluate doctor bodies",
    "report service excerpts jsonrpc",
    "upkeep web pages rest completions mcp widget",
    "server",
    "cli",
]
# The ground floor may use words, and errors: neither knows anything else.
GROUND = {("settings", "errors")}
# The command line starts the server, which serves the chat and all else.
DOORS = {
    "cli": {"mcp", "server", "upkeep"},
    "upkeep": set(),
    "server": {"completions", "mcp", "pages", "rest", "web", "widget"},
    "pages": set(),
    "rest": set(),
    "completions": set(),
    "mcp": set(),
    "web": set(),
    "widget": set(),
}
OUTSIDE = {"__init__", "__main__"}

HEAVY = set(
    """
    torch sentence_transformers transformers faiss gradio fastapi uvicorn lxml docutils
    markitdown onnx onnxruntime tokenizers sqlalchemy
    prometheus_client mcp openai
    """.split()
)
# What makes a graph has tools of the package that runs it.
SHARED = {"onnxruntime": {"encoder", "export"}, "torch": {"export", "reference"}}
SHARED["sqlalchemy"] = {"journal", "journal_store"}
# Gradio is mounted on an application, which the server then serves.
SHARED["fastapi"] = {"completions", "pages", "rest", "server", "web", "widget"}
# What comes before the agents' server in its SDK's streams is made of the SDK's messages.
SHARED["mcp"] = {"jsonrpc", "mcp"}
# These need their package to define a class, and are themselves imported where they are needed.
WHOLE = set(
    "completions journal journal_store jsonrpc mcp pages rest server web widget rst office".split()
)

LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names.split()}
MODULES = sorted(path.stem for path in PACKAGE.glob("*.py"))
CODE = sorted(
    path
    for folder in ("assistant", "tests", "benchmarks")
    for path in (ROOT / folder).rglob("*")
    if path.suffix in {".py", ".js", ".css", ".html"} and "__pycache__" not in path.parts
)


def tree(module: str) -> ast.Module:
    return ast.parse((PACKAGE / f"{module}.py").read_text(encoding="utf-8"))


def imported(node: ast.AST) -> set[str]:
    """The full names a piece of code imports, wherever the import stands."""
    found: set[str] = set()
    for inner in ast.walk(node):
        if isinstance(inner, ast.Import):
            found |= {alias.name for alias in inner.names}
        elif isinstance(inner, ast.ImportFrom):
            assert inner.level == 0, "imports are absolute"
            found |= {f"{inner.module}.{alias.name}" for alias in inner.names}
    return found


def own(node: ast.AST) -> set[str]:
    """The modules of the package that a piece of code imports, under TYPE_CHECKING too."""
    parts = [name.split(".") for name in imported(node)]
    return {part[1] for part in parts if part[0] == "assistant" and len(part) > 1} & set(MODULES)


def heavy(node: ast.AST) -> set[str]:
    return {name.split(".")[0] for name in imported(node)} & HEAVY


def at_import(module: ast.Module) -> ast.Module:
    """What runs when a module is imported: no function bodies, nothing for the type checker."""

    class Runs(ast.NodeTransformer):
        def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
            return ast.Pass()

        def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
            return ast.Pass()

        def visit_If(self, node: ast.If) -> ast.AST:
            typing = isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
            return ast.Pass() if typing else self.generic_visit(node)

    return Runs().visit(module)


def test_every_module_has_its_layer() -> None:
    assert set(MODULES) - OUTSIDE == set(LEVEL)


@pytest.mark.parametrize("module", [name for name in MODULES if name not in OUTSIDE])
def test_imports_go_down_only(module: str) -> None:
    for other in own(tree(module)):
        allowed = LEVEL[other] < LEVEL[module] or (module, other) in GROUND
        assert allowed, f"{module} may not import {other}"


def test_a_door_imports_no_other_door_but_the_one_it_opens() -> None:
    for door, opened in DOORS.items():
        assert own(tree(door)) & set(DOORS) <= opened


@pytest.mark.parametrize("module", [name for name in MODULES if name not in WHOLE])
def test_a_module_that_needs_a_heavy_package_is_imported_when_asked(module: str) -> None:
    assert not own(at_import(tree(module))) & WHOLE


def test_a_heavy_package_is_imported_by_one_module() -> None:
    for package in HEAVY:
        users = [module for module in MODULES if package in heavy(tree(module))]
        assert len(users) <= 1 or set(users) == SHARED.get(package), f"{package}: {users}"


@pytest.mark.parametrize("module", [name for name in MODULES if name not in WHOLE])
def test_a_heavy_package_is_imported_where_it_is_needed(module: str) -> None:
    assert heavy(at_import(tree(module))) == set()


@pytest.mark.parametrize("path", CODE, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_file_is_longer_than_500_lines(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").split("\n")) <= 501
