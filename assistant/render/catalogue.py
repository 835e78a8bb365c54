"""Load the messages of the chat in every language, and choose a reader's language.

Values that are filled into a message are not escaped.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING

from assistant.errors import SettingsError
from assistant.http_accept import parse_accept

if TYPE_CHECKING:
    from collections.abc import Mapping

    from assistant.models.answers import Answer

_DEFAULT_LANGUAGE = "en"


@dataclass(frozen=True, slots=True)
class Messages:
    """The messages of one language; `direction` is its writing direction, "ltr" or "rtl"."""

    language: str
    direction: str
    _messages: Mapping[str, str | Mapping[str, str]] = field(repr=False, compare=False)

    def __call__(self, key: str, /, **values: str | int) -> str:
        """Return the message of a key, with values filled in by name.

        A message may have a singular and a plural form; the number among the values decides. Raises
        KeyError for an unknown key, and for a value that is missing.
        """
        text = self._messages[key]
        if not isinstance(text, str):
            text = text["one" if 1 in values.values() else "other"]
        return text.format(**values)


def describe_missing(answer: Answer, messages: Messages) -> str:
    """Say what the guide does not mention, or that the question is in another language."""
    if answer.is_other_language:
        return messages("other_language")
    names = [messages("quoted", words=name) for name in answer.missing]
    return messages("not_mentioned", side=f" {messages('or')} ".join(names)) if names else ""


def choose_messages(accept_language: str, language: str = "") -> Messages:
    """Return the messages for a reader by the Accept-Language header, or else in English.

    Only the first part of a language counts: `pt-BR` gets `pt`. `language`, a setting, wins over
    the header; raises SettingsError where it has no catalogue.
    """
    known = _load_catalogues()
    if language:
        if _base_language(language) not in known:
            raise SettingsError(
                f"There is no catalogue for the language {language!r}.",
                f"Use one of {', '.join(known)}, or leave it empty for each reader's own.",
            )
        return known[_base_language(language)]
    accepted = [
        (quality, name)
        for quality, name in _parse_accept_language(accept_language)
        if name in known
    ]
    best = max(
        accepted, key=lambda pair: pair[0], default=(1.0, _DEFAULT_LANGUAGE)
    )  # the first of equals
    return known[best[1]]


def languages() -> tuple[str, ...]:
    """Return the codes of the languages that have a catalogue, in alphabetical order."""
    return tuple(_load_catalogues())


def _parse_accept_language(accept_language: str) -> list[tuple[float, str]]:
    """Return the languages of a header with their qualities, in its order; ignore malformed ones.

    The wildcard `*` is the default language (RFC 9110, 12.5.4).
    """
    return [
        (quality, _DEFAULT_LANGUAGE if name == "*" else _base_language(name))
        for name, quality in parse_accept(accept_language)
        if quality
    ]


def _base_language(name: str) -> str:
    return name.strip().lower().replace("_", "-").partition("-")[0]


@lru_cache(maxsize=1)
def _load_catalogues() -> dict[str, Messages]:
    catalogues = {}
    for file in files("assistant.render").joinpath("catalogues").iterdir():
        language, _, kind = file.name.partition(".")
        if kind == "toml":
            read = tomllib.loads(file.read_text(encoding="utf-8"))
            catalogues[language] = Messages(language, read["direction"], read["messages"])
    return dict(sorted(catalogues.items()))
