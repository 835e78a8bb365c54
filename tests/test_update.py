"""Following edits: an update gives the bytes of a build from nothing, for the work of the edit."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assistant import index
from assistant.errors import GuideError
from tests.conftest import WordEncoder

PARAGRAPHS = (
    "A cat chases a bird.",
    "The Fish River House (FRH) stands by the river.",
    "A dog barks at the U.S. flag. A cat vs. a dog.",
    "| animal | sound |\n| --- | --- |\n| dog | bark |\n| cat | mew |",
    "- [A book of fish](https://books.example/fish)\n- [See the trees](b.md#trees)",
    "See [the road](c.md) and [nothing](gone.md).",
    "川に魚がいる。犬もいる。",
    "",
)
TITLES = ("", "# Animals\n\n", "# Fish River House\n\n## Trees\n\n")
NAMES = ("a.md", "b.md", "c/d.md", "e.md", "f.md")

page = st.builds(
    lambda title, parts: (title + "\n\n".join(parts) + "\n").encode(),
    st.sampled_from(TITLES),
    st.lists(st.sampled_from(PARAGRAPHS), max_size=4),
) | st.just(b"\xff\xfe\x00")
folder = st.dictionaries(st.sampled_from(NAMES), page, max_size=len(NAMES))


class CountingEncoder(WordEncoder):
    """The encoder of twelve words, which remembers what it was given."""

    def __init__(self) -> None:
        self.given: list[str] = []

    def encode(self, texts, progress=None):
        self.given += texts
        return super().encode(texts, progress)


def write(guide: Path, files: dict[str, bytes]) -> None:
    """Make a folder hold these files and no others."""
    for path in [path for path in guide.rglob("*") if path.is_file()]:
        if path.relative_to(guide).as_posix() not in files:
            path.unlink()
    for name, data in files.items():
        path = guide / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.is_file() or path.read_bytes() != data:
            path.write_bytes(data)


def generation(place: Path) -> dict[str, bytes]:
    """The name of the current generation, and its files."""
    name = index.open(place).generation
    files = {path.relative_to(place / name): path for path in (place / name).rglob("*")}
    return {name: b"", **{str(k): p.read_bytes() for k, p in files.items() if p.is_file()}}


@settings(max_examples=60)
@given(st.lists(folder, min_size=2, max_size=5))
def test_an_update_gives_the_bytes_of_a_build_from_nothing(states):
    with tempfile.TemporaryDirectory() as work:
        guide, updated = Path(work, "guide"), Path(work, "updated")
        guide.mkdir()
        for number, files in enumerate(states):
            write(guide, files)
            fresh = Path(work, f"fresh-{number}")
            try:
                expected = index.build(guide, fresh, WordEncoder())
            except GuideError as error:
                with pytest.raises(GuideError) as raised:
                    index.build(guide, updated, WordEncoder())
                assert str(raised.value) == str(error)
                continue
            found = index.build(guide, updated, WordEncoder())
            assert generation(updated) == generation(fresh)
            assert found.oddities == expected.oddities
            assert (found.pages, found.passages) == (expected.pages, expected.passages)
