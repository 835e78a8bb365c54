"""Find the identifiers, versions and years in a question: an answer has them letter by letter."""

from __future__ import annotations

import re

_CANDIDATE = re.compile(r"`[^`]{1,80}`|(?<![\w-])-{0,2}\w[\w.-]*")
_OPTION = re.compile(r"-{1,2}[a-z]")
_SNAKE_CASE = re.compile(r"[^\W_]_\w")
_CAMEL_CASE = re.compile(r"[a-z]+[A-Z]")
_CODE = re.compile(r"[A-Z]{1,6}-?\d")
_VERSION = re.compile(r"v?\d+(?:\.\d+)+$")
_YEAR = re.compile(r"\b(?:19|20)\d\d\b")
_NAMED_VERSION = re.compile(r"\b(?:version|release|edition|v) ?(\d{1,4})\b", re.I)


def find_identifiers(text: str) -> tuple[str, ...]:
    """List the options, code names, error codes and version numbers of a text, in lower case.

    These are text in backticks, `--flag`, `snake_case`, `camelCase`, `E404`, `AB-12`, `2.1`.
    """
    identifiers: dict[str, None] = {}
    for match in _CANDIDATE.finditer(text):
        word = match.group().rstrip(".-")
        if word.startswith("`"):
            identifiers[word.strip("`").lower()] = None
        elif (
            _OPTION.match(word)
            or _SNAKE_CASE.search(word)
            or _CAMEL_CASE.match(word)
            or _CODE.match(word)
            or _VERSION.match(word)
        ):
            identifiers[word.lower()] = None
    return tuple(identifiers)


def find_versions(text: str) -> tuple[str, ...]:
    """List the years and version numbers of a text."""
    return tuple(dict.fromkeys([*_YEAR.findall(text), *_NAMED_VERSION.findall(text)]))
