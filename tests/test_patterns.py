"""Every pattern of the package takes a time in proportion to the text it is given."""

from __future__ import annotations

import ast
import importlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import assistant
from tests.repeats import risks

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGE = Path(assistant.__file__).parent
MODULES = sorted(path.stem for path in PACKAGE.glob("*.py") if path.stem != "__main__")
CALLS = {"compile", "search", "match", "fullmatch", "split", "findall", "finditer", "sub", "subn"}
AT_ONE_PLACE = {"match", "fullmatch"}


@dataclass(frozen=True)
class Use:
    """A pattern, where it stands, and the ways it is looked for."""

    place: str
    pattern: str | bytes
    flags: int
    ways: frozenset[str]

    @property
    def risks(self) -> list[str]:
        anywhere = not self.ways <= AT_ONE_PLACE
        return risks(self.pattern, self.flags, anywhere=anywhere, whole="fullmatch" in self.ways)


def trees() -> dict[str, ast.Module]:
    return {
        name: ast.parse((PACKAGE / f"{name}.py").read_text(encoding="utf-8")) for name in MODULES
    }


TREES = trees()


def compiled(value: Any, name: str) -> Iterator[tuple[str, re.Pattern[Any]]]:
    """The patterns that a value is or holds."""
    match value:
        case re.Pattern():
            yield name, value
        case dict():
            for key, held in value.items():
                yield from compiled(held, f"{name}[{key!r}]")
        case tuple() | list() | set() | frozenset():
            for number, held in enumerate(value):
                yield from compiled(held, f"{name}[{number}]")
        case type() if value.__module__.startswith("assistant"):
            for key, held in vars(value).items():
                if not key.startswith("__"):
                    yield from compiled(held, f"{name}.{key}")


def ways(module: str, name: str) -> frozenset[str]:
    """How a pattern of this name is looked for; "any" where its name stands for more than that."""
    found: set[str] = set()
    for tree in [TREES[module]] if name.startswith("_") else TREES.values():
        called = {
            id(node.value): node.attr
            for node in ast.walk(tree)
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name | ast.Attribute)
        }
        for node in ast.walk(tree):
            named = (
                isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Load)
            )
            if named or (isinstance(node, ast.Attribute) and node.attr == name):
                way = called.get(id(node), "any")
                found.add(way if way in CALLS else "any")
    return frozenset(found) - {"pattern"} or frozenset({"any"})


def module_patterns() -> list[Use]:
    """The patterns that modules hold."""
    found: dict[int, Use] = {}
    for module in MODULES:
        held = vars(importlib.import_module(f"assistant.{module}"))
        for name, value in held.items():
            for place, pattern in compiled(value, name):
                how = ways(module, name) if place == name else frozenset({"any"})
                use = Use(f"{module}.{place}", pattern.pattern, pattern.flags, how)
                found.setdefault(id(pattern), use)
    return list(found.values())


def written_patterns() -> Iterator[Use]:
    """The patterns written where they are used, in functions; "x" where a value is put in."""
    for module, tree in TREES.items():
        inside = [n for f in ast.walk(tree) if isinstance(f, ast.FunctionDef) for n in ast.walk(f)]
        for node in {id(n): n for n in inside}.values():
            match node:
                case ast.Call(func=ast.Attribute(ast.Name("re"), way), args=[first, *_]) if (
                    way in CALLS
                ):
                    text = literal(first)
                    how = frozenset({"any" if way == "compile" else way})
                    place = f"{module}:{node.lineno}"
                    if text is None:
                        yield Use(place, "", 0, frozenset({"unknown"}))
                    else:
                        yield Use(place, text, 0, how)


def literal(node: ast.expr) -> str | bytes | None:
    match node:
        case ast.Constant(str() | bytes() as text):
            return text
        case ast.JoinedStr(values):
            parts = [part.value if isinstance(part, ast.Constant) else "x" for part in values]
            return "".join(map(str, parts))
        case _:
            return None


USES = [*module_patterns(), *written_patterns()]


@pytest.mark.parametrize("use", USES, ids=lambda use: use.place)
def test_no_two_repeats_of_a_pattern_share_the_text(use):
    assert use.risks == []
