"""Find the identifiers, versions and years in a text: an answer has them letter by letter."""

from __future__ import annotations

import re

from assistant.text.normalize import truncate

_TOKEN = re.compile(r"`(?P<quoted>[^`]{1,80})`|(?<![\w-])-{0,2}\w[\w.-]*+(?::[a-z][\w.-]*+)*+")
_CODE_OF_WORDS = re.compile(r"`(?P<code>[^`\s]{1,80}\s[^`]{1,200})`")
_IDENTIFIER = re.compile(
    r"--?[A-Za-z]"  # an option
    r"|(?=[A-Za-z])(?![Vv]\d)[^\d]*\d"  # letters and digits; v2 is a version
    r"|[^_]+_[^_]"  # joined words
    r"|[A-Z]?[a-z]+[A-Z]"
    r"|[A-Za-z]-[A-Za-z]"  # v-bind
    r"|[a-z][\w.-]*:[a-z]"  # build:done
)
_CODE = re.compile(r"(?<![\w./-])[A-Z](?:[A-Z]{4}|[A-Z]{0,5}-?\d{2})[A-Z0-9_]*+(?![\w/-])")
_NUMBERED = re.compile(r"\b(?:code|error|status|alarm|fault|exit) #?(?P<number>\d{1,6})\b", re.I)
_WORD_BREAK = re.compile(r"(?<=[A-Za-z]{2})(?=\d)|(?<=[a-z])(?=[A-Z])|(?<=\w)-(?=\w)")
_QUANTITY_PART = re.compile(r"\d+|[a-z]+")
_UNITS = frozenset(
    "k m bn kb mb gb tb kib mib gib ms s sec min h hr hrs d w mo y yr yrs px cm mm km kg g".split()
)
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

    These are `--flag`, `snake_case`, `camelCase`, `v-bind`, `on:click`, `E404`, `ab-12`, the number
    of "error 404", and any one word in backticks. Several words in backticks are a reader's own
    command or setting: only those of them are listed that would be without backticks.
    """
    start = truncate(text)
    identifiers = []
    for match in _TOKEN.finditer(_CODE_OF_WORDS.sub(r" \g<code> ", start)):
        token = match["quoted"] or match[0].rstrip(".-")
        if match["quoted"] or _IDENTIFIER.match(token):
            identifiers.append(token)
    identifiers += [match["number"] for match in _NUMBERED.finditer(start)]
    return tuple(dict.fromkeys(identifiers))


def find_codes(text: str) -> tuple[str, ...]:
    """List the error codes of a text: `ECONNREFUSED`, `KS-1004`; a time or an address is none."""
    return tuple(dict.fromkeys(match[0] for match in _CODE.finditer(truncate(text))))


def contains_identifier(text: str, identifier: str) -> bool:
    """Whether an identifier stands in a text as a whole, in any case or in the plural.

    `-t` does not stand in "long-term", nor `E404` in "E4041"; `http3` stands in "HTTP/3", and
    `DockerHub` in "Docker Hub".
    """
    parts = map(re.escape, split_identifier(identifier).split(" "))
    whole = rf"(?<![\w-]){'[-/ ]?'.join(parts)}s?(?!\w)"
    return bool(re.search(whole, text, re.I))


def split_identifier(identifier: str) -> str:
    """Put spaces between the words and numbers of a name: `DockerHub` becomes `Docker Hub`."""
    return _WORD_BREAK.sub(" ", identifier)


def find_split_identifiers(text: str, corrected: str) -> tuple[str, ...]:
    """List the identifiers of a text whose parts stand apart where its spelling is corrected."""
    return tuple(
        identifier
        for identifier in find_identifiers(text)
        if identifier not in corrected and split_identifier(identifier).lower() in corrected.lower()
    )


def is_quantity(word: str) -> bool:
    """Whether a word is an amount with its unit, as a reader writes it: 10k, 100mb, 1y5m."""
    parts = _QUANTITY_PART.findall(word.lower())
    is_alternating = len(parts) > 1 and all(part.isdigit() for part in parts[::2])
    return is_alternating and "".join(parts) == word.lower() and _UNITS.issuperset(parts[1::2])


def find_versions(text: str) -> tuple[str, ...]:
    """List the versions of a text, without a "v" or "version" before them: 2.1, or 3."""
    start = truncate(text)
    matches = (match for pattern in _VERSIONS for match in pattern.finditer(start))
    return tuple(dict.fromkeys(match["version"] for match in matches))


def find_years(text: str) -> tuple[str, ...]:
    """List the years of a text."""
    return tuple(dict.fromkeys(_YEAR.findall(truncate(text))))
