"""Open a generation: its manifest, and the store that searches it."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass
from typing import TYPE_CHECKING

from assistant.errors import IndexDamaged, IndexOutdated, ModelError
from assistant.guide.publishers import ReadingOptions
from assistant.index import generations
from assistant.index.arrays import ArraySpec
from assistant.index.store import FaissStore

if TYPE_CHECKING:
    from pathlib import Path

    from assistant.encoders.base import Encoder
    from assistant.index.generations import Generation

INDEX_FORMAT = 19
"""Increased whenever the files of a generation, or the way a guide is read, change."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a generation was built from, its arrays by file name, and the digests of its files.

    `model` is the identity of the encoder, `corpus` a sha256 over the digests of all pages.
    """

    format: int
    model: str
    model_name: str
    encoder_backend: str
    corpus: str
    reading_options: ReadingOptions
    pages: int
    passages: int
    arrays: dict[str, ArraySpec]
    files: dict[str, str]


@dataclass(frozen=True, slots=True)
class Index:
    """An opened generation: its name, its manifest and its store.

    `warning` is empty for the current generation. For another it says which file is damaged, so
    that the current one was not opened, and how to fix it.
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
        """Raise ModelError unless the vectors came from this encoder's model."""
        if encoder.identity != self.manifest.model:
            raise ModelError(
                f"The index was built with {self.manifest.model_name}, not with {encoder.name}.",
                f"{generations.REBUILD_HINT} with the model you want, "
                "or ask with the model it was built with.",
            )


def open_index(folder: Path) -> Index:
    """Open the current generation after checking its files; write nothing.

    Where it is damaged another generation is opened, and `warning` says so. Raises IndexMissing,
    IndexOutdated, or IndexDamaged where every generation is damaged.
    """
    return generations.open_current(folder, open_generation)


def open_generation(generation: Generation) -> Index:
    """Open a generation whose files were checked; `warning` says if it is not the current one."""
    manifest = _parse_manifest(generation)
    try:
        store = FaissStore(generation.folder, manifest.arrays)
    except (OSError, ValueError, KeyError, RuntimeError, sqlite3.Error) as error:
        message = f"The index in {generation.folder} cannot be read: {error}"
        raise IndexDamaged(message, generations.REBUILD_HINT) from error
    warning = ""
    if generation.damage:
        hint = generations.REBUILD_HINT
        warning = f"{generation.damage} Another generation of the index is used instead. {hint}"
    return Index(generation.name, manifest, store, warning)


def _parse_manifest(generation: Generation) -> Manifest:
    data = json.loads(generation.manifest)
    if data.get("format") != INDEX_FORMAT:
        message = f"The index has format {data.get('format')}, not {INDEX_FORMAT}."
        raise IndexOutdated(message, generations.REBUILD_HINT)
    arrays = {
        name: ArraySpec(spec["dtype"], tuple(spec["shape"]))
        for name, spec in data["arrays"].items()
    }
    options = ReadingOptions(**data["reading_options"])
    return Manifest(**{**data, "arrays": arrays, "reading_options": options})
