"""Parse the front matter of a Markdown page: YAML or TOML between fences at its top."""

from __future__ import annotations

import re
import tomllib
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import yaml

from assistant.text.normalize import normalise

_FRONT_MATTER = re.compile(
    r"\A(?:---[ \t]*\n(?P<yaml>.*?\n)?(?:---|\.\.\.)"
    r"|\+\+\+[ \t]*\n(?P<toml>.*?\n)??\+\+\+)[ \t]*(?:\n|\Z)",
    re.DOTALL,
)
# Every value is read as text: a title `2024` or `No` stays as it is, and no tag builds an object.
_LOADER = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
_MAX_BRACKETS = 1000  # nested brackets take quadratic time
# Front matter that people write is at most a page long and nests four deep. A key of n parts takes
# quadratic time, and the YAML parser recurses until the process dies, at about 20,000 deep.
# `/old/page`, `old-page` or `page.html`; a name has words, or a capital.
_MAY_BE_ADDRESS = re.compile(r"[/#]|\.\w{2,5}$|^[a-z0-9]*[-_][a-z0-9_-]*$")
_MAX_FRONT_MATTER_CHARS = 200_000
_MAX_FRONT_MATTER_DEPTH = 100
_SHALLOW_CHARS = 2_000  # up to this length a text is not parsed to find its depth
# A TOML key of many parts. Prose does not match: between full stops it has more than one word.
_DEEP_TOML_KEY = re.compile(
    rf"(?<![\w\"'-])[\w\"'-]++(?:[ \t]*+\.[ \t]*+[\w\"'-]++){{{_MAX_FRONT_MATTER_DEPTH}}}"
)
_PLAIN_LINE = re.compile(r"^(\w+)[ \t]*[:=][ \t]+[\"']?([^\s\"'\[\]{}|>&*!#][^\n]*)$", re.M)


@dataclass(frozen=True, slots=True)
class FrontMatter:
    """The metadata of a page, its text with the front matter blanked, and a warning or empty."""

    text: str
    metadata: dict[str, Any] = field(default_factory=dict)
    warning: str = ""

    def get_list(self, name: str) -> tuple[str, ...]:
        """Return the normalised texts of a list, or of the one text that stands for it."""
        words = map(normalise, _read_words(self.metadata.get(name)))
        return tuple(filter(None, words))

    def get(self, *names: str) -> str:
        """Return the normalised value of the first name that has text; empty without one."""
        for name in names:
            value = self.metadata.get(name)
            if isinstance(value, str) and normalise(value):
                return normalise(value)
        return ""


def parse_front_matter(text: str) -> FrontMatter:
    """Parse the front matter of a page of Markdown.

    Text between two thematic breaks is not front matter, and is kept. Where the YAML or TOML is
    invalid, only its plain `name: value` lines are read, and `warning` says so.
    """
    match = _FRONT_MATTER.match(text)
    if not match:
        return FrontMatter(text)
    is_toml = match.group().startswith("+")
    inside = (match["toml"] if is_toml else match["yaml"]) or ""
    if len(inside) > _MAX_FRONT_MATTER_CHARS:
        problem = f"is longer than {_MAX_FRONT_MATTER_CHARS:,} characters: it was read as text"
        return FrontMatter(text, warning=f"The front matter {problem}.")
    problem = _find_deep_nesting(inside, is_toml=is_toml)
    if not problem:
        try:
            metadata = tomllib.loads(inside) if is_toml else _load_yaml(inside)
        except (yaml.YAMLError, ValueError, RecursionError):
            problem = f"is not {'TOML' if is_toml else 'YAML'}"
    body = _blank_out(text, match)
    if problem:
        plain = {name: _unquote(value) for name, value in _PLAIN_LINE.findall(match.group())}
        return FrontMatter(
            body, plain, f"The front matter {problem}: only its plain lines were read."
        )
    if metadata and not isinstance(metadata, dict):
        return FrontMatter(text)
    return FrontMatter(body, metadata or {})


def read_synonyms(text: str, title: str) -> dict[str, tuple[str, ...]]:
    """Read the synonyms that a page declares: readers' words for each of the guide's words.

    Its aliases, as Obsidian has them, are other names of its title. An alias that may be an
    address, to which other tools redirect, is none.
    """
    metadata = parse_front_matter(text).metadata
    declared = metadata.get("synonyms")
    lists = dict(declared) if isinstance(declared, dict) else {}
    synonyms = {str(own): _read_words(words) for own, words in lists.items()}
    names = _read_words(metadata.get("aliases") or metadata.get("alias"))
    if aliases := tuple(name for name in names if not _MAY_BE_ADDRESS.search(name)):
        synonyms[title] = (*synonyms.get(title, ()), *aliases)
    return {own: words for own, words in synonyms.items() if words}


def _read_words(value: object) -> tuple[str, ...]:
    words = [value] if isinstance(value, str) else value
    return tuple(w for w in words if isinstance(w, str)) if isinstance(words, list) else ()


def blank_front_matter(text: str) -> str:
    """Replace the front matter by the same number of empty lines."""
    match = _FRONT_MATTER.match(text)
    return _blank_out(text, match) if match else text


def _blank_out(text: str, front_matter: re.Match[str]) -> str:
    return "\n" * front_matter.group().count("\n") + text[front_matter.end() :]


def _unquote(value: str) -> str:
    """Remove the white space and the quotation mark at the end of a value."""
    plain = value.rstrip(" \t")
    return plain[:-1] if len(plain) > 1 and plain[-1] in "\"'" else plain


def _find_deep_nesting(text: str, *, is_toml: bool) -> str:
    """Return the problem with front matter that nests too deep; empty where it does not."""
    problem = f"nests more than {_MAX_FRONT_MATTER_DEPTH} deep"
    if is_toml:
        return problem if _DEEP_TOML_KEY.search(text) else ""
    depth = 0
    with suppress(yaml.YAMLError):  # reported when the text is loaded
        for event in yaml.parse(text, Loader=_LOADER) if len(text) > _SHALLOW_CHARS else ():
            depth += isinstance(event, yaml.CollectionStartEvent)
            depth -= isinstance(event, yaml.CollectionEndEvent)
            if depth > _MAX_FRONT_MATTER_DEPTH:
                return problem
    return ""


def _load_yaml(text: str) -> Any:
    if text.count("[") + text.count("{") > _MAX_BRACKETS:
        raise ValueError("brackets")
    return yaml.load(text, Loader=_LOADER)  # noqa: S506 - plain text alone
