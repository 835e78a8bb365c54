"""Define and load all settings: an argument overrides the environment, which overrides the file.

An unknown name is an error in all three.
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
"""The environment variable with a client's API key: a secret of the client, not a setting."""


def _split_list(value: object) -> object:
    """Split a list that the environment holds as one string, at commas and spaces."""
    return value.replace(",", " ").split() if isinstance(value, str) else value


def _split_synonyms(value: object) -> object:
    """Split synonyms that the environment holds as one string: `own=other,other;own=other`."""
    if not isinstance(value, str):
        return value
    entries = (entry.partition("=") for entry in value.split(";") if entry.strip())
    return {own.strip(): [word.strip() for word in rest.split(",")] for own, _, rest in entries}


_SPLIT_LIST = BeforeValidator(_split_list)
_Origin = Annotated[str, StringConstraints(pattern=r"^https?://[^/\s;,'\"*]+$")]
Names = Annotated[tuple[str, ...], _SPLIT_LIST]
Origins = Annotated[tuple[_Origin, ...], _SPLIT_LIST]
Networks = Annotated[tuple[IPv4Network | IPv6Network, ...], _SPLIT_LIST]


class Settings(BaseModel):
    """Every setting with its default; frozen."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    corpus: Path = Field(
        Path("corpus"),
        description="The folder of the guide's pages, an archive of it, or git+https://… .",
    )
    index: Path = Field(Path("index"), description="The folder of the index.")
    model: str = Field("", description="A sentence-transformers model; empty for the bundled one.")
    device: str = Field("cpu", description="Where the model runs: cpu, cuda, mps.")
    base_url: str = Field(
        "",
        pattern=r"^(https?://.+)?$",
        description="The address the guide is published at, https://…, for links to its sections.",
    )
    site: Literal[
        "auto", "github", "jekyll", "mkdocs", "docusaurus", "sphinx", "mdbook", "vitepress", "hugo",
        "starlight",
    ] = Field(
        "auto",
        description="The tool that publishes the guide: auto, github, jekyll, mkdocs, docusaurus, "
        "sphinx, mdbook, vitepress, hugo, starlight.",
    )  # fmt: skip
    drafts: bool = Field(False, description="Read pages that are not published, too: drafts.")  # noqa: FBT003
    synonyms: Annotated[dict[str, tuple[str, ...]], BeforeValidator(_split_synonyms)] = Field(
        {}, description="Readers' words for each of the guide's words, where they differ."
    )
    title: str = Field("", description="The guide's title in the chat; empty for its site's name.")
    host: str = Field("127.0.0.1", description="The address the chat listens on.")
    port: int = Field(7860, ge=0, le=65535, description="The port the chat listens on.")
    root: str = Field(
        "",
        pattern=r"^(/[\w.~-]+)*$",
        description="The path the server is published under by a proxy, for example /help.",
    )
    hosts: Names = Field(
        (),
        description="The host names the server answers to; empty for any, or for this machine's "
        "own where it listens on the loopback only.",
    )
    origins: Origins = Field(
        (),
        description="Sites whose pages may call the server from a browser, https://… each (CORS).",
    )
    frames: Origins = Field(
        (), description="Sites that may show the server's pages in a frame, https://… each."
    )
    trusted_proxies: Networks = Field(
        (), description="Addresses or networks of proxies whose X-Forwarded-* headers are trusted."
    )
    anonymous: bool = Field(
        default=False,
        description="Whether anyone on another machine may read without an API key.",
    )
    trust_loopback: bool = Field(
        default=True,
        description="Whether readers on this machine may read without an API key; never where "
        "hosts is set, because a proxy that adds no header looks like one of them.",
    )
    keys: Path | None = Field(
        None,
        description="The file of the API keys' digests; keys.json in the index folder if not set.",
    )
    user_header: str = Field(
        "",
        pattern=r"^[A-Za-z0-9-]*$",
        description="The header in which a trusted proxy names the signed-in user, "
        "such as Remote-User.",
    )
    rate: int | None = Field(
        None,
        ge=0,
        description="Rate limit: questions a minute from one address or API key, 0 for no limit; a "
        "page counts as a part of one. If not set, 120, and no limit for loopback addresses.",
    )
    waiting: int = Field(
        64, ge=1, description="How many questions may wait at once; more are refused with 429."
    )
    language: str = Field(
        "", description="The language of the interface: de, en…; empty for each reader's own."
    )
    logo: Path | None = Field(None, description="A logo before the title: svg, png, webp.")
    accent: str = Field(
        "#0b5c6b",
        pattern=r"^#[0-9a-fA-F]{6}$",
        description="The colour of links and buttons, #rrggbb.",
    )
    feedback_url: str = Field(
        "",
        pattern=r"^((https?://|mailto:).+)?$",
        description="Where readers write to the guide's authors: https://… or mailto:…",
    )
    contact: str = Field(
        "",
        max_length=200,
        description="Whom readers ask what the guide does not answer: a person, a team, a place.",
    )
    journal: str = Field(
        "",
        description="The answer log, with readers' ratings: a database URL; empty for "
        "journal.sqlite in the index folder, off for none.",
    )
    keep_days: int = Field(
        90, ge=1, description="Days after which answers and ratings leave the answer log."
    )
    journal_megabytes: int = Field(
        500, ge=1, description="Megabytes of the answer log; the oldest answers leave first."
    )

    @property
    def uses_bundled_guide(self) -> bool:
        """Whether the guide is the one that comes with the package, indexed in the user's cache."""
        return self.index.parent == bundled.indexes_folder()

    @property
    def keys_file(self) -> Path:
        """The file of the API keys' digests."""
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
        """The database URL of the answer log; empty where it is off."""
        if self.journal == "off":
            return ""
        return self.journal or f"sqlite:///{(self.index / 'journal.sqlite').resolve()}"


def load_settings(**arguments: Any) -> Settings:
    """Load the settings: `assistant.toml`, then ASSISTANT_* variables, then arguments.

    An argument that is None does not count. Where no guide and no index is named, and this folder
    has neither, the guide is the one that comes with the package. Raises SettingsError; where
    `model` is among the arguments, also for a model folder that only the file names.
    """
    overrides = {name: value for name, value in arguments.items() if value is not None}
    from_file = _read_file(Path(SETTINGS_FILE))
    given_by_user = {**_read_environment(os.environ), **overrides}
    values = {**from_file, **given_by_user}
    settings = _validate(values)
    if "model" in arguments and "model" not in given_by_user:
        _reject_model_folder(settings.model)
    if values.keys() & {"corpus", "index"}:
        return settings
    if settings.corpus.exists() or settings.index.exists():
        return settings
    guide = bundled.corpus_folder()
    if guide is None:
        return settings
    index = bundled.index_folder(guide, settings.model)
    if index is None:
        raise SettingsError(
            "There is no home folder for the index of the bundled guide.",
            "Name a guide and an index, or a folder that may be written to: XDG_CACHE_HOME=FOLDER",
        )
    return settings.model_copy(update={"corpus": guide, "index": index})


def _reject_model_folder(model: str) -> None:
    """Refuse a model folder that only a project's own file names: anybody may have written it."""
    if model and Path(os.path.expanduser(model)).exists():  # noqa: PTH111 - Path's own may raise
        raise SettingsError(
            f"{SETTINGS_FILE} names the model folder {model}: "
            "a project's own file may not choose one.",
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
            "Fix the file or remove it.",
        ) from error


def _read_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    return {
        name.removeprefix(ENV_PREFIX).lower(): value
        for name, value in environment.items()
        if name.startswith(ENV_PREFIX) and name != KEY_VARIABLE
    }


def _validate(data: dict[str, Any]) -> Settings:
    for name, value in data.items():
        if "\0" in str(value):  # no file, host or address has one
            raise SettingsError(
                f"The setting {name} contains a null character.", "Remove it, or set it again."
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
