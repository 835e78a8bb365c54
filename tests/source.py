"""The source of the package: every module is parsed once, whatever many tests read of it."""

from __future__ import annotations

import ast
from pathlib import Path

import assistant

PACKAGE = Path(assistant.__file__).parent
PATHS = {
    ".".join(path.relative_to(PACKAGE).with_suffix("").parts): path
    for path in sorted(PACKAGE.rglob("*.py"))
}
"""Each module's file by its name below the package; that of a package ends in `__init__`."""

_trees: dict[str, ast.Module] = {}


def tree(name: str) -> ast.Module:
    """Parse a module; nobody may change what comes back."""
    if name not in _trees:
        _trees[name] = ast.parse(PATHS[name].read_bytes())
    return _trees[name]
