"""Build small guides from texts, and ask them."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from assistant.assistant import Assistant
from assistant.index import builder
from assistant.index import index as indexes
from tests.conftest import CORPUS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from assistant.encoders.base import Encoder


def copy_introduction(folder: Path) -> Path:
    """Copy the first page of the repository's guide into a new folder.

    To index one page takes 1 s of processor time, to index all of them 8.
    """
    folder.mkdir(parents=True)
    shutil.copy(CORPUS / "introduction.md", folder)
    return folder


def build_assistant(folder: Path, pages: Mapping[str, str], encoder: Encoder) -> Assistant:
    """Write pages, given by their paths, index them, and return an assistant that answers."""
    for name, text in pages.items():
        path = folder / "docs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    builder.build_index(folder / "docs", folder / "index", encoder)
    return Assistant(indexes.open_index(folder / "index"), encoder)
