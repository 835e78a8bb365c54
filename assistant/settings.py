"""What can be set, and from where: an argument beats the environment beats the file.

Knows the names and limits of all settings. Must not know what is done with them. A name that is
not a setting is an error wherever it stands.
"""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from assistant.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping

FILE = "assistant.toml"
PREFIX = "ASSISTANT_"


class Settings(BaseModel):
    """Every setting with its default; frozen."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    corpus: Path = Field(Path("corpus"), description="The guide: a folder of Markdown.")
    index: Path = Field(Path("index"), description="Where the index is kept.")
    model: str = Field("", description="A sentence-transformers model; empty for the bundled one.")
    device: str = Field("cpu", description="Where the model runs: cpu, cuda, mps.")
    base_url: str = Field(
        "",
        pattern=r"^(https?://.+)?$",
        description="Where the guide is published, https://…, for links to its sections.",
    )
    site: Literal["auto", "github", "jekyll", "mkdocs", "docusaurus"] = Field(
        "auto",
        description="The tool that publishes the guide: auto, github, jekyll, mkdocs, docusaurus.",
    )
    title: str = Field("", description="What the chat calls the guide; empty for its first title.")
    host: str = Field("127.0.0.1", description="The address the chat listens on.")
    port: int = Field(7860, ge=0, le=65535, description="The port the chat listens on.")


def load(**arguments: Any) -> Settings:
    """The settings in force here: `assistant.toml`, then ASSISTANT_* variables, then arguments.

    Arguments that are None are left to the others. Raises SettingsError naming what is wrong.
    """
    given = {name: value for name, value in arguments.items() if value is not None}
    return _valid({**_from_file(Path(FILE)), **_from_environment(os.environ), **given})


def _from_file(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(
            f"{path} cannot be read: {error}", "Mend the file or remove it."
        ) from error


def _from_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    return {
        name.removeprefix(PREFIX).lower(): value
        for name, value in environment.items()
        if name.startswith(PREFIX)
    }


def _valid(data: dict[str, Any]) -> Settings:
    try:
        return Settings.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]) if first["loc"] else "settings"
        if first["type"] == "extra_forbidden":
            known = ", ".join(sorted(Settings.model_fields))
            raise SettingsError(
                f"There is no setting {name}.", f"The settings are: {known}."
            ) from None
        message = first["msg"][0].lower() + first["msg"][1:]
        raise SettingsError(
            f"The setting {name} cannot be {first['input']!r}: {message}.",
            f"{Settings.model_fields[name].description}",
        ) from None
