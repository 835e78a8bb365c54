"""What can be set, and from where: an argument beats the environment beats the file.

Knows the names and limits of all settings. Must not know what is done with them. A name that is
not a setting is an error wherever it stands.
"""

from __future__ import annotations

import os
import tomllib
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
)

from assistant import bundled, files
from assistant.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping

SETTINGS_FILE = "assistant.toml"
ENV_PREFIX = "ASSISTANT_"
KEY_VARIABLE = "ASSISTANT_KEY"
"""Where a client finds its key to a server: a secret of whoever asks, and no setting."""


def _split_list(value: object) -> object:
    """A list, also where it is one string of the environment: parts between commas."""
    return value.replace(",", " ").split() if isinstance(value, str) else value


_SPLIT_LIST = BeforeValidator(_split_list)
_Origin = Annotated[str, StringConstraints(pattern=r"^https?://[^/\s;,'\"*]+$")]
Names = Annotated[tuple[str, ...], _SPLIT_LIST]
Origins = Annotated[tuple[_Origin, ...], _SPLIT_LIST]
Networks = Annotated[tuple[IPv4Network | IPv6Network, ...], _SPLIT_LIST]


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
    root: str = Field(
        "",
        pattern=r"^(/[\w.~-]+)*$",
        description="The path the chat is published under, behind a proxy: /help, for one.",
    )
    hosts: Names = Field(
        (),
        description="The host names it answers to; empty for any, or for this machine's own "
        "where it listens on loopback alone.",
    )
    origins: Origins = Field(
        (), description="Sites whose pages may call it from a browser, https://… each."
    )
    frames: Origins = Field((), description="Sites that may show it in a frame, https://… each.")
    trusted_proxies: Networks = Field(
        (), description="Addresses or networks whose X-Forwarded-* headers are believed."
    )
    anonymous: bool = Field(
        default=False,
        description="Whether whoever asks from another machine may read without a key.",
    )
    trust_loopback: bool = Field(
        default=True,
        description="Whether readers on this machine may read without a key; never where hosts is "
        "set, because a proxy that adds no header looks like one of them.",
    )
    keys: Path | None = Field(
        None, description="The file of the keys' digests; keys.json beside the index if not set."
    )
    user_header: str = Field(
        "",
        pattern=r"^[A-Za-z0-9-]*$",
        description="The header in which a trusted proxy names who is signed in: Remote-User.",
    )
    rate: int | None = Field(
        None,
        ge=0,
        description="Questions a minute from one address or key, 0 for no limit; reading a page "
        "counts as a part of one. Where it is not set, 120, and no limit for loopback addresses.",
    )
    waiting: int = Field(64, ge=1, description="How many questions may wait at once.")
    language: str = Field(
        "", description="The language of the chat's own words: de, en…; empty for each reader's."
    )
    logo: Path | None = Field(None, description="A picture before the title: svg, png, webp.")
    accent: str = Field(
        "#0b5c6b",
        pattern=r"^#[0-9a-fA-F]{6}$",
        description="The colour of links and buttons, #rrggbb.",
    )
    feedback_url: str = Field(
        "",
        pattern=r"^((https?://|mailto:).+)?$",
        description="Where readers tell the guide's authors what is missing: https://… or mailto:…",
    )
    journal: str = Field(
        "",
        description="Where answers and what readers think of them are kept: a database's URL; "
        "empty for journal.sqlite beside the index, off for nowhere.",
    )
    keep_days: int = Field(
        90, ge=1, description="How many days answers and what was said of them are kept."
    )

    journal_megabytes: int = Field(
        500, ge=1, description="How many megabytes are kept of answers; the oldest leave first."
    )

    @property
    def uses_bundled_guide(self) -> bool:
        """Whether it is the guide that comes with the package, in the user's own cache."""
        return self.index.parent == bundled.indexes_folder()

    @property
    def keys_file(self) -> Path:
        """The file of the keys' digests."""
        return self.keys or self.index / "keys.json"

    @property
    def trusts_loopback(self) -> bool:
        """Whether readers on this machine may read without a key.

        Where `hosts` is set a proxy publishes the server, and one that adds no header looks like
        a program on this machine.
        """
        return self.trust_loopback and not self.hosts

    @property
    def answer_log_url(self) -> str:
        """The database of the journal; empty where nothing is to be kept."""
        if self.journal == "off":
            return ""
        return self.journal or f"sqlite:///{(self.index / 'journal.sqlite').resolve()}"


def load_settings(**arguments: Any) -> Settings:
    """The settings in force here: `assistant.toml`, then ASSISTANT_* variables, then arguments.

    Arguments that are None are left to the others. Where none of them names a guide or an index,
    and neither lies in this folder, it is the guide that comes with the package. Raises
    SettingsError naming what is wrong; where `model` is among the arguments, also for a model
    folder that the file alone names.
    """
    given = {name: value for name, value in arguments.items() if value is not None}
    theirs, own = _read_file(Path(SETTINGS_FILE)), {**_read_environment(os.environ), **given}
    said = {**theirs, **own}
    chosen = _validate(said)
    if "model" in arguments and "model" not in own:
        _reject_model_folder(chosen.model)
    if said.keys() & {"corpus", "index"} or chosen.corpus.exists() or chosen.index.exists():
        return chosen
    guide = bundled.corpus_folder()
    if guide is None:
        return chosen
    index = bundled.index_folder(guide, chosen.model)
    if index is None:
        raise SettingsError(
            "No home folder is known, where the index of the guide that comes with it would be.",
            "Name a guide and an index, or a folder that may be written to: XDG_CACHE_HOME=FOLDER",
        )
    return chosen.model_copy(update={"corpus": guide, "index": index})


def _reject_model_folder(model: str) -> None:
    """Refuse a model folder that only a project's own file names, which may be anybody's."""
    if model and Path(os.path.expanduser(model)).exists():  # noqa: PTH111 - Path's own may raise
        raise SettingsError(
            f"{SETTINGS_FILE} names the model folder {model}: a project's own file may not choose one.",
            f"If you trust it, name it yourself: --model {model}, or {ENV_PREFIX}MODEL={model}",
        )


def _read_file(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(files.read_text(path))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise SettingsError(
            f"{path} cannot be read: {(isinstance(error, OSError) and error.strerror) or error}.",
            "Mend the file or remove it.",
        ) from error


def _read_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    return {
        name.removeprefix(ENV_PREFIX).lower(): value
        for name, value in environment.items()
        if name.startswith(ENV_PREFIX) and name != KEY_VARIABLE
    }


def _validate(data: dict[str, Any]) -> Settings:
    for name, value in data.items():
        if "\0" in str(value):  # no file, host or address holds one
            raise SettingsError(
                f"The setting {name} holds a character of code 0.", "Take it out, or set it anew."
            )
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
