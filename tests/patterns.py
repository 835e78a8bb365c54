"""The patterns of the package: those that modules hold, and those written where they are used."""

from __future__ import annotations

import ast
import functools
import importlib
import re
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.repeats import risks
from tests.source import PATHS, tree

if TYPE_CHECKING:
    from collections.abc import Iterator

CALLS = {"compile", "search", "match", "fullmatch", "split", "findall", "finditer", "sub", "subn"}
AT_ONE_PLACE = {"match", "fullmatch"}
ANY = frozenset({"any"})


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


@functools.cache
def ways_by_name() -> dict[str, dict[str, set[str]]]:
    """In each module, by each name that is read there, the ways its value is looked for."""
    return {name: _ways(tree(name)) for name in PATHS}


def _ways(module: ast.Module) -> dict[str, set[str]]:
    called = {
        id(node.value): node.attr
        for node in ast.walk(module)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name | ast.Attribute)
    }
    names: dict[str, set[str]] = {}
    for node in ast.walk(module):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            name = node.id
        elif isinstance(node, ast.Attribute):
            name = node.attr
        else:
            continue
        way = called.get(id(node), "any")
        names.setdefault(name, set()).add(way if way in CALLS else "any")
    return names


def ways(module: str, name: str) -> frozenset[str]:
    """How a pattern of this name is looked for; "any" where its name stands for more than that."""
    places = [module] if name.startswith("_") else list(PATHS)
    return frozenset().union(*(ways_by_name()[place].get(name, ()) for place in places)) or ANY


@functools.cache
def held_patterns() -> list[Use]:
    """The patterns that modules hold."""
    uses: dict[int, Use] = {}
    for module in PATHS:
        if module == "__main__":
            continue
        with warnings.catch_warnings(action="ignore", category=DeprecationWarning):  # an old name
            loaded = importlib.import_module(f"assistant.{module}".removesuffix(".__init__"))
        for name, value in vars(loaded).items():
            for place, pattern in compiled(value, name):
                how = ways(module, name) if place == name else ANY
                use = Use(f"{module}.{place}", pattern.pattern, pattern.flags, how)
                uses.setdefault(id(pattern), use)
    return list(uses.values())


@functools.cache
def written_patterns() -> list[Use]:
    """The patterns written in functions, "x" in place of a value; None of one made otherwise."""
    uses: dict[int, Use] = {}
    for module in PATHS:
        for function in ast.walk(tree(module)):
            if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            for node in ast.walk(function):
                match node:
                    case ast.Call(func=ast.Attribute(ast.Name("re"), way), args=[first, *_]):
                        if way in CALLS:
                            how = ANY if way == "compile" else frozenset({way})
                            place = f"{module}.{function.name}"
                            uses[id(node)] = Use(place, literal(first), 0, how)
    return list(uses.values())


def literal(node: ast.expr) -> str | bytes | None:
    match node:
        case ast.Constant(str() | bytes() as text):
            return text
        case ast.JoinedStr(values):
            parts = [part.value if isinstance(part, ast.Constant) else "x" for part in values]
            return "".join(map(str, parts))
        case _:
            return None
