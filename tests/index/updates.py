"""Write guides and build their indexes: an update has the bytes of a build from nothing."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from assistant.errors import GuideError
from assistant.index import builder, index
from tests.conftest import WordEncoder

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def write(guide: Path, files: Mapping[str, str | bytes]) -> None:
    """Make a folder hold these files and no others."""
    for path in [path for path in guide.rglob("*") if path.is_file()]:
        if path.relative_to(guide).as_posix() not in files:
            path.unlink()
    for name, text in files.items():
        data = text if isinstance(text, bytes) else text.encode()
        path = guide / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.is_file() or path.read_bytes() != data:
            path.write_bytes(data)


def build(guide: Path, place: Path) -> builder.BuildResult | str:
    """Build an index; return the result, or the error if there was nothing to build."""
    try:
        return builder.build_index(guide, place, WordEncoder())
    except GuideError as error:
        return str(error)


def generation(place: Path) -> dict[str, bytes]:
    """Return the name of the current generation, and its files."""
    name = index.open_index(place).generation
    files = {path.relative_to(place / name): path for path in (place / name).rglob("*")}
    return {name: b"", **{str(k): p.read_bytes() for k, p in files.items() if p.is_file()}}


def check_updates(states: Sequence[Mapping[str, str | bytes]]) -> None:
    """Check that an index that follows a guide through its states has the bytes of a new one."""
    with tempfile.TemporaryDirectory() as work:
        guide, updated = Path(work, "guide"), Path(work, "updated")
        guide.mkdir()
        for number, files in enumerate(states):
            write(guide, files)
            fresh = Path(work, f"fresh-{number}")
            expected, result = build(guide, fresh), build(guide, updated)
            if isinstance(expected, str) or isinstance(result, str):
                assert result == expected
                continue
            assert generation(updated) == generation(fresh)
            assert result.warnings == expected.warnings
            assert (result.pages, result.passages) == (expected.pages, expected.passages)
            assert result.passages_reused + result.passages_embedded == result.passages
            again = build(guide, updated)
            assert not again.reasons, "an update of an unchanged guide does nothing"
