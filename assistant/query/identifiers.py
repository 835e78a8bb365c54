"""Find the identifiers, versions and years in a text: an answer has them letter by letter."""

from __future__ import annotations

import re

from assistant.text.normalize import truncate

_TOKEN = re.compile(r"`(?P<quoted>[^`]{1,80})`|(?<![\w-])-{0,2}\w[\w.-]*")
_IDENTIFIER = re.compile(
    r"--?[A-Za-z]"  # an option
    r"|(?=[A-Za-z])(?![Vv]\d)[^\d]*\d"  # letters and digits; v2 is a version
    r"|[^_]+_[^_]"  # joined words
    r"|[a-z]+[A-Z]"
)
_NUMBERED = re.compile(r"\b(?:code|error|status|alarm|fault|exit) #?(?P<number>\d{1,6})\b", re.I)
_YEAR = re.compile(r"\b(?:19|20)\d\d\b")
_VERSIONS = (
    re.compile(
        r"(?<![\w.])v?(?P<version>\d{1,4}(?:\.\d{1,4}){1,3})(?![\w.]?\w)"
        r"(?! ?(?:%|percent|hours?|days?|weeks?|months?|years?))",
        re.I,
    ),
    re.compile(r"\b(?:versions?|releases?|editions?|v) ?(?P<version>\d{1,4})(?![\w.]?\w)", re.I),
)


def find_identifiers(text: str) -> tuple[str, ...]:
    """List the options, names in code and error codes of a text, as written, each once.

    These are `--flag`, `snake_case`, `camelCase`, `E404`, `ab-12`, the number of "error 404", and
    any text in backticks.
    """
    start = truncate(text)
    identifiers = []
    for match in _TOKEN.finditer(start):
        token = match["quoted"] or match[0].rstrip(".-")
        if match["quoted"] or _IDENTIFIER.match(token):
            identifiers.append(token)
    identifiers += [match["number"] for match in _NUMBERED.finditer(start)]
    return tuple(dict.fromkeys(identifiers))


def find_versions(text: str) -> tuple[str, ...]:
    """List the versions of a text, without a "v" or "version" before them: 2.1, or 3."""
    start = truncate(text)
    matches = (match for pattern in _VERSIONS for match in pattern.finditer(start))
    return tuple(dict.fromkeys(match["version"] for match in matches))


def find_years(text: str) -> tuple[str, ...]:
    """List the years of a text."""
    return tuple(dict.fromkeys(_YEAR.findall(truncate(text))))
