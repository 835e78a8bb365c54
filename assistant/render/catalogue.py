"""The words of the chat's own interface, in the languages there is a catalogue for.

Knows the catalogues, and which of them a reader's browser asks for. Must not know where a message
stands, nor HTML: what is filled in comes out as it went in, to be escaped where it is shown.
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

_DEFAULT_LANGUAGE = "en"


@dataclass(frozen=True, slots=True)
class Messages:
    """The messages of one language; `direction` is how it is written, "ltr" or "rtl"."""

    language: str
    direction: str
    _messages: Mapping[str, str | Mapping[str, str]] = field(repr=False, compare=False)

    def __call__(self, key: str, /, **named: str | int) -> str:
        """The message of a key, with what is named filled in.

        A message may have two forms, for one thing and for others: a number in it decides. Raises
        KeyError for a key there is no message for, and for a name the message needs.
        """
        said = self._messages[key]
        if not isinstance(said, str):
            said = said["one" if 1 in named.values() else "other"]
        return said.format(**named)


def choose_messages(accept_language: str, language: str = "") -> Messages:
    """The messages for a reader, by what an Accept-Language header holds; English otherwise.

    A language is known by its first part: `pt-BR` is answered in `pt`. `fixed`, a setting, wins
    over the header; raises SettingsError where there is no catalogue for it.
    """
    known = _load_catalogues()
    if language:
        if _base_language(language) not in known:
            raise SettingsError(
                f"The chat does not speak the language {language!r}.",
                f"The languages are: {', '.join(known)}; none for each reader's own.",
            )
        return known[_base_language(language)]
    wanted = [
        (quality, name)
        for quality, name in _parse_accept_language(accept_language)
        if name in known
    ]
    best = max(
        wanted, key=lambda asked: asked[0], default=(1.0, _DEFAULT_LANGUAGE)
    )  # the first of equals
    return known[best[1]]


def languages() -> tuple[str, ...]:
    """The languages there is a catalogue for, as codes, in alphabetical order."""
    return tuple(_load_catalogues())


def _parse_accept_language(accept_language: str) -> list[tuple[float, str]]:
    """The languages of a header with their qualities, in its order; rubbish is passed over.

    Any language, `*`, is the one that stands in for all (RFC 9110, 12.5.4).
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
    found = {}
    for file in files("assistant.render").joinpath("catalogues").iterdir():
        language, _, kind = file.name.partition(".")
        if kind == "toml":
            read = tomllib.loads(file.read_text(encoding="utf-8"))
            found[language] = Messages(language, read["direction"], read["messages"])
    return dict(sorted(found.items()))
