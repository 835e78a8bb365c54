"""Fixtures that read one page from its text."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from assistant.guide.folder import read_guide
from assistant.guide.page import read_page
from assistant.guide.publishers import ReadingOptions

if TYPE_CHECKING:
    from assistant.guide.publishers import Publisher
    from assistant.models.documents import Guide, ParsedPage


@pytest.fixture
def page(tmp_path: Path):
    """Read a guide of one page with this text."""

    def read(
        source: str | bytes,
        *,
        name: str = "page.md",
        max_tokens: int = 256,
        publisher: Publisher = "github",
    ) -> Guide:
        raw = source if isinstance(source, bytes) else source.encode()
        (tmp_path / name).write_bytes(raw)
        options = ReadingOptions(max_tokens=max_tokens, publisher=publisher)
        return read_guide(tmp_path, reading_options=options)

    return read


@pytest.fixture
def parse(tmp_path: Path):
    """Read one page of a guide from its path and text."""

    def read(path: str, source: str | bytes) -> ParsedPage:
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(source if isinstance(source, bytes) else source.encode())
        return read_page(tmp_path, path, reading_options=ReadingOptions())

    return read
