"""Every pattern of the package takes a time in proportion to the text it is given.

Each is found: those that modules hold, by importing them, and those written where they are used, in
the source. Its parse tree is read for repeats that share the text (`tests/repeats.py`).
"""

from __future__ import annotations

import ast
import importlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import assistant
from assistant.answering import answerer
from assistant.server import app as server_app
from tests.repeats import risks

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGE = Path(assistant.__file__).parent
MODULES = sorted(path.stem for path in PACKAGE.glob("*.py") if path.stem != "__main__")
TREES = {name: ast.parse((PACKAGE / f"{name}.py").read_text(encoding="utf-8")) for name in MODULES}
CALLS = {"compile", "search", "match", "fullmatch", "split", "findall", "finditer", "sub", "subn"}
AT_ONE_PLACE = {"match", "fullmatch"}

# Put together while running, from what is no pattern; a test of its own reads what comes of each.
MADE_WHILE_RUNNING = {"gate.__init__", "writer._name"}


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
    return frozenset(found) or frozenset({"any"})


def held_patterns() -> list[Use]:
    """The patterns that modules hold."""
    found: dict[int, Use] = {}
    for module in MODULES:
        for name, value in vars(importlib.import_module(f"assistant.{module}")).items():
            for place, pattern in compiled(value, name):
                how = ways(module, name) if place == name else frozenset({"any"})
                use = Use(f"{module}.{place}", pattern.pattern, pattern.flags, how)
                found.setdefault(id(pattern), use)
    return list(found.values())


def written_patterns() -> list[Use]:
    """The patterns written in functions, "x" in place of a value; None of one made otherwise."""
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    found: dict[int, Use] = {}
    for module, tree in TREES.items():
        for function in ast.walk(tree):
            if not isinstance(function, functions):
                continue
            for node in ast.walk(function):
                match node:
                    case ast.Call(func=ast.Attribute(ast.Name("re"), way), args=[first, *_]):
                        if way in CALLS:
                            how = frozenset({"any" if way == "compile" else way})
                            place = f"{module}.{function.name}"
                            found[id(node)] = Use(place, literal(first), 0, how)
    return list(found.values())


def literal(node: ast.expr) -> str | bytes | None:
    match node:
        case ast.Constant(str() | bytes() as text):
            return text
        case ast.JoinedStr(values):
            parts = [part.value if isinstance(part, ast.Constant) else "x" for part in values]
            return "".join(map(str, parts))
        case _:
            return None


HELD, WRITTEN = held_patterns(), written_patterns()
USES = [*HELD, *(use for use in WRITTEN if use.pattern is not None)]


@pytest.mark.parametrize("use", USES, ids=lambda use: use.place)
def test_no_two_repeats_of_a_pattern_share_the_text(use):
    assert use.risks == []


def test_patterns_are_found_wherever_they_are_held():
    held, written = ({use.place.partition("[")[0] for use in uses} for uses in (HELD, WRITTEN))
    assert {
        "courtesy._LEADS", "dialect._HIDDEN", "question._COMPARISONS", "question._KINDS_WANTED",
        "talk._SPLIT", "text._WORD",
    } <= held  # fmt: skip
    assert {"dialect._open_fence", "site.slug", "mdx._is_code", "writer.is_named_in"} <= written
    assert len(HELD) > 200


def test_what_is_made_while_running_is_known():
    assert {use.place for use in WRITTEN if use.pattern is None} == MADE_WHILE_RUNNING


@pytest.mark.parametrize("subject", ["a - - - - b", "policies", "a b's  c", "PM / PO"])
def test_the_pattern_of_a_name_is_in_proportion(subject):
    assert risks(answerer._subject_pattern(subject).pattern, re.I) == []


@pytest.mark.parametrize("path", sorted({row.path for row in server_app.POLICIES}))
def test_the_pattern_of_a_route_is_in_proportion(path):
    assert risks(path, anywhere=False, whole=True) == []


# -- the check itself ------------------------------------------------------------------------------

SLOW = [
    r"(?:how|what)\s+.+\s+and\s+.+\s+differ",
    r"how (.+?) and (.+?) differ",
    r"^.*a.*b",
    r"^(a+)+$",
    r"^(?:\w+\s?)*$",
    r"^(?:a|a)*$",
    r"^(?:a|ab|b)*$",
    r"^(?:(?:a|a bit|bit) )*x",
    r"^(?:(?:a|a bit|bit) ){1,30}x",
    r"^(?:a?)*b",
    r"^(?:a{1,3})*b",
    r"^(?:.*,){2}x",
    r"^x\s+\s+y",
    r"^a*a*+b",
    r"^(?:,\s*)*\s*x",
    r"^(?=\s*\s*x)y",
    r"^(?:[^)]*\)|x+)*z",
    r"^a(?:\[.*\])?(?:\{.*\})?$",
    r"\s+$",
    r".*foo",
    r"\w+@",
    r"\{/\*(?:[^*]|\*(?!/))*+\*/\}",
    r"(?<!x)\s+$",
    r"^\s*\n\s*x",
    rb"^[ \t]*\s*x",
]
QUICK = [
    r"^(.+?) and (.+)",
    r"^(?>.*?how )(?>(.+?) and )(.+?) differ",
    r"^(?:(?:and|but|so)\b[ ,]*){1,8}",
    r"(?<!\s)\s+$",
    r"\b\w+\s",
    r'"[^"]*"',
    r"^a*+a*b",
    r"^[^=]*=[^=]*=x",
    r"^(?:\s+\w+)*$",
    r"^(?:a|b)*$",
    r"^(?:(?:in|into) )*$",
    r"[a-z]+",
    r"\d{1,9}\.\d{1,9}x",
    r"^.*x",
    rb"^\s*=[ \t]*x",
]


@pytest.mark.parametrize("pattern", SLOW)
def test_a_pattern_that_is_slow_on_some_text_is_found(pattern):
    assert risks(pattern)


@pytest.mark.parametrize("pattern", QUICK)
def test_a_pattern_that_is_quick_on_any_text_is_let_be(pattern):
    assert risks(pattern) == []


def test_what_is_looked_for_at_one_place_needs_no_start_of_its_own():
    assert risks(r"\s+x")
    assert not risks(r"\s+x", anywhere=False)
    assert risks(r"(.+?)-(.+)", anywhere=False, whole=True)
