"""Names are the field's own terms, so that a search for them finds the code."""

from __future__ import annotations

import ast
from pathlib import Path

from tests.conftest import ROOT

FORBIDDEN = {
    # One sense a word: a value is a noun, a function a verb, and neither a bare participle.
    "asked", "asks", "found", "given", "gone", "heard", "kept", "meant", "said", "seen",
    "sought", "told", "understood",
    # Words of our own where the field has one: threshold, idf, hint, politeness, related,
    # suggestions, warnings, conversation, interface, snippet, forward index, schema, request.
    "astray", "bar", "bodies", "concerns", "courtesy", "door", "doors", "exchange", "further",
    "lexicon", "mend", "mended", "oddities", "oddity", "offers", "rarity", "surroundings", "talk",
    "talks",
}  # fmt: skip
PUBLISHED = {"found"}
"""The field of an answer: it may be an attribute and a keyword, and no other name."""


def names(tree: ast.AST, published: bool) -> set[tuple[int, str]]:
    """The lines and names that a module defines or binds."""
    bound: set[tuple[int, str]] = set()
    fields = {
        statement.target
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
        for statement in node.body
        if isinstance(statement, ast.AnnAssign)
    }
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                bound.add((node.lineno, name))
            case ast.ClassDef(name=name):
                bound.add((node.lineno, name))
            case ast.arg(arg=name) | ast.Name(id=name, ctx=ast.Store()):
                if not (published and node in fields and name in PUBLISHED):
                    bound.add((node.lineno, name))
            case ast.Attribute(attr=name, ctx=ast.Store()):
                bound.add((node.lineno, name))
            case ast.alias(asname=str(alias)):
                bound.add((node.lineno, alias))
    return bound


def forbidden(path: Path) -> list[str]:
    tree = ast.parse(path.read_bytes())
    return [
        f"{path.relative_to(ROOT)}:{line}: {name}"
        for line, name in sorted(names(tree, published=True))
        if name.lower().strip("_") in FORBIDDEN
    ]


def test_no_name_is_a_word_of_our_own_where_the_field_has_one():
    paths = [path for folder in ("assistant", "tests") for path in (ROOT / folder).rglob("*.py")]
    assert [line for path in sorted(paths) for line in forbidden(path)] == []


def test_the_test_would_notice():
    tree = ast.parse("found = 1\ndef told(asked, *, bar): said: int = 2; self.kept = 3\n")
    assert {name for _, name in names(tree, published=True)} == set(
        "found told asked bar said kept".split()
    )
