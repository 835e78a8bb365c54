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
from assistant.guide.publishers import ReadingOptions
from assistant.index import generations
from assistant.index.store import FaissStore

if TYPE_CHECKING:
    from pathlib import Path

    from assistant.encoders.onnx import Encoder
    from assistant.index.generations import Generation

INDEX_FORMAT = 9
"""Raised whenever the files of a generation, or what is read into them, change meaning."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a generation was made from, and the digests of its files."""

    format: int
    model: str
    model_name: str
    encoder_backend: str
    corpus: str
    reading_options: ReadingOptions
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
    def reading_options(self) -> ReadingOptions:
        """How the guide was read, so that it can be read again the same way."""
        return self.manifest.reading_options

    def check_model(self, encoder: Encoder) -> None:
        """Raise ModelError unless the encoder is the one the vectors came from."""
        if encoder.identity != self.manifest.model:
            raise ModelError(
                f"The index was built with {self.manifest.model_name}, not with {encoder.name}.",
                f"{generations.REBUILD_HINT} with the model you want, "
                "or ask with the one it was built with.",
            )


def open_index(folder: Path) -> Index:
    """Open the current generation after checking it as `generations.checked`; nothing is written.

    Where it is damaged the one before is opened, and `warning` says so. Raises IndexMissing,
    IndexOutdated, or IndexDamaged where no generation is whole.
    """
    return generations.open_current(folder, open_generation)


def open_generation(found: Generation) -> Index:
    """A generation whose files were checked; `warning` says where it is not the current one."""
    manifest = _parse_manifest(found)
    try:
        store = FaissStore(found.folder)
    except (OSError, ValueError, KeyError, RuntimeError, sqlite3.Error) as error:
        what = f"The index in {found.folder} cannot be read: {error}"
        raise IndexDamaged(what, generations.REBUILD_HINT) from error
    warning = (
        f"{found.damage} Another generation of the index is served. {generations.REBUILD_HINT}"
    )
    return Index(found.name, manifest, store, warning if found.damage else "")


def _parse_manifest(found: Generation) -> Manifest:
    data = json.loads(found.manifest)
    if data.get("format") != INDEX_FORMAT:
        what = f"The index has format {data.get('format')}, not {INDEX_FORMAT}."
        raise IndexOutdated(what, generations.REBUILD_HINT)
    return Manifest(**{**data, "reading_options": ReadingOptions(**data["reading_options"])})
