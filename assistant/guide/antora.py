"""Read what Antora's description of a component says about its pages."""

from __future__ import annotations

import posixpath
import re

DESCRIPTION = "antora.yml"
"""The file that describes a component, beside its folder of modules."""

_ENTRY = re.compile(r"( *+)([\w-]+):(?:[ \t](.*))?\Z")
_COMMENT = re.compile(r"(?:^|[ \t])#.*")
_MAX_ATTRIBUTES = 1_000


def find_description(path: str) -> str:
    """Return the path of the description of a page's component; empty for a page of other tools."""
    parts = path.split("/")
    if "modules" not in parts[:-2]:
        return ""
    return posixpath.join(*parts[: parts.index("modules")], DESCRIPTION)


def read_attributes(description: str) -> dict[str, str]:
    """Return the attributes that every page of a component has, with their values.

    They are those that Antora sets, and those under `asciidoc: attributes:`.
    """
    top: dict[str, str] = {}
    own: dict[str, str] = {}
    path: list[tuple[int, str]] = []  # the keys above a line, with their indentation
    for line in description.split("\n"):
        entry = _ENTRY.match(line if "#" not in line else _cut_comment(line))
        if entry is None or len(own) >= _MAX_ATTRIBUTES:
            continue
        width = len(entry[1])
        while path and path[-1][0] >= width:
            path.pop()
        names = [name for _, name in path]
        value = _unquote(entry[3] or "")
        if not names:
            top.setdefault(entry[2], value)
        elif names == ["asciidoc", "attributes"]:
            own.setdefault(entry[2].lower(), value)
        path.append((width, entry[2]))
    version = "" if top.get("version") in {None, "~", "null", "true"} else top["version"]
    shown = top.get("display_version") or version
    component = {
        "page-component-name": top.get("name", ""),
        "page-component-title": top.get("title") or top.get("name", ""),
        "page-component-version": version,
        "page-component-display-version": shown,
        "page-version": version,
        "page-display-version": shown,
    }
    return {name: value for name, value in {**component, **own}.items() if value}


def _cut_comment(line: str) -> str:
    return line if "'" in line or '"' in line else _COMMENT.sub("", line)


def _unquote(value: str) -> str:
    """Return the value of a line of YAML; an `@` at its end only says that a page may change it."""
    plain = value.strip()
    if len(plain) > 1 and plain[0] == plain[-1] and plain[0] in "'\"":
        plain = plain[1:-1]
    return plain.removesuffix("@")
