"""Put in what MyST's pages write in double braces, as the configuration of Sphinx has it.

Only words are put in that stand in the configuration as they are: it is not run.
"""

from __future__ import annotations

import ast
import posixpath
import re
from typing import TYPE_CHECKING

from assistant.readers.code_fences import FENCE_OPENING, Fence, find_code_spans
from assistant.readers.directives import CODE_DIRECTIVES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

CONFIGURATION = "conf.py"

_SETTING = "myst_substitutions"
_NAME = re.compile(r"\{\{[ \t]*([A-Za-z_]\w*)[ \t]*\}\}")
_DIRECTIVE = re.compile(r"[ \t]*\{([\w-]+)\}")
_MAX_CONFIGURATION_CHARS = 100_000


def list_configurations(path: str) -> Iterator[str]:
    """Yield the paths at which the configuration of a page may be, the nearest first."""
    folder = posixpath.dirname(path)
    while True:
        yield posixpath.join(folder, CONFIGURATION)
        if not folder:
            return
        folder = posixpath.dirname(folder)


def read_substitutions(configuration: str) -> dict[str, str]:
    """Return the words of each name that a configuration gives as a string of one line."""
    if _SETTING not in configuration or len(configuration) > _MAX_CONFIGURATION_CHARS:
        return {}
    try:
        statements = ast.parse(configuration).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return {}
    values: dict[str, str] = {}
    for statement in statements:
        if not isinstance(statement, ast.Assign) or not isinstance(statement.value, ast.Dict):
            continue
        if not any(isinstance(t, ast.Name) and t.id == _SETTING for t in statement.targets):
            continue
        for key, value in zip(statement.value.keys, statement.value.values, strict=True):
            name, words = _read_string(key), _read_string(value)
            if name and words and "\n" not in words:
                values[name] = words
    return values


def _read_string(node: ast.expr | None) -> str:
    """Return a string of the configuration; empty for anything else."""
    is_string = isinstance(node, ast.Constant) and isinstance(node.value, str)
    return str(node.value).strip() if is_string else ""  # type: ignore[union-attr]


def substitute(lines: Iterable[str], values: Mapping[str, str]) -> Iterator[str]:
    """Yield the lines of a page with the words of the names in them, but in code."""
    fence = Fence()
    directives: list[str] = []  # the fences of open directives with text inside
    for line in lines:
        shown = line
        opening = FENCE_OPENING.match(line) if "`" in line or "~" in line else None
        if fence:
            fence.feed(line)
        elif opening and directives and opening[2] == directives[-1] and not opening[3].strip():
            directives.pop()
        elif opening and (name := _DIRECTIVE.match(opening[3])) and name[1] not in CODE_DIRECTIVES:
            directives.append(opening[2])
        elif opening:
            fence.open(opening[2], opening[1])
        elif "{{" in line:
            shown = _substitute_line(line, values)
        yield shown


def _substitute_line(line: str, values: Mapping[str, str]) -> str:
    code = find_code_spans(line) if "`" in line else []

    def show(name: re.Match[str]) -> str:
        is_code = any(start <= name.start() < end for start, end in code)
        return name[0] if is_code else values.get(name[1], name[0])

    return _NAME.sub(show, line)
