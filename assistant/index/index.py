"""The index: a generation opened, with what it was made from.

Knows whether a generation can be asked, and with which model. Must not know how generations are
kept on disk, how they are built, nor what is asked of them.
"""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass
from typing import TYPE_CHECKING

from assistant.errors import IndexDamaged, IndexOutdated, ModelError
from assistant.guide.publishers import Reading
from assistant.index import generations
from assistant.index.store import FaissStore

if TYPE_CHECKING:
    from pathlib import Path

    from assistant.encoders.onnx import Encoder
    from assistant.index.generations import Generation

FORMAT = 8
"""Raised whenever the files of a generation, or what is read into them, change meaning."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a generation was made from, and the digests of its files."""

    format: int
    model: str
    model_name: str
    arithmetic: str
    corpus: str
    reading: Reading
    pages: int
    passages: int
    files: dict[str, str]


@dataclass(frozen=True, slots=True)
class Index:
    """An opened generation: its name, its manifest and its store.

    `warning` is empty, or says which file of the current generation is damaged, so that another
    was opened, and what mends it.
    """

    generation: str
    manifest: Manifest
    store: FaissStore
    warning: str = ""

    @property
    def reading(self) -> Reading:
        """How the guide was read, so that it can be read again the same way."""
        return self.manifest.reading

    def check_model(self, encoder: Encoder) -> None:
        """Raise ModelError unless the encoder is the one the vectors came from."""
        if encoder.identity != self.manifest.model:
            raise ModelError(
                f"The index was built with {self.manifest.model_name}, not with {encoder.name}.",
                f"{generations.REBUILD} with the model you want, "
                "or ask with the one it was built with.",
            )


def open(folder: Path) -> Index:
    """Open the current generation after checking it as `generations.checked`; nothing is written.

    Where it is damaged the one before is opened, and `warning` says so. Raises IndexMissing,
    IndexOutdated, or IndexDamaged where no generation is whole.
    """
    return generations.read(folder, opened)


def opened(found: Generation) -> Index:
    """A generation whose files were checked; `warning` says where it is not the current one."""
    manifest = _manifest(found)
    try:
        store = FaissStore(found.home)
    except (OSError, ValueError, KeyError, RuntimeError, sqlite3.Error) as error:
        what = f"The index in {found.home} cannot be read: {error}"
        raise IndexDamaged(what, generations.REBUILD) from error
    warning = f"{found.damage} Another generation of the index is served. {generations.REBUILD}"
    return Index(found.name, manifest, store, warning if found.damage else "")


def _manifest(found: Generation) -> Manifest:
    data = json.loads(found.manifest)
    if data.get("format") != FORMAT:
        what = f"The index has format {data.get('format')}, not {FORMAT}."
        raise IndexOutdated(what, generations.REBUILD)
    return Manifest(**{**data, "reading": Reading(**data["reading"])})
