"""Following edits: an update gives the bytes of a build from nothing, for the work of the edit."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assistant.errors import GuideError
from assistant.guide.publishers import ReadingOptions
from assistant.index import build_cache, builder, index
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
    name = index.open_index(place).generation
    files = {path.relative_to(place / name): path for path in (place / name).rglob("*")}
    return {name: b"", **{str(k): p.read_bytes() for k, p in files.items() if p.is_file()}}


@pytest.mark.slow
@settings(max_examples=25)
@given(st.lists(folder, min_size=2, max_size=4))
def test_an_update_gives_the_bytes_of_a_build_from_nothing(states):
    with tempfile.TemporaryDirectory() as work:
        guide, updated = Path(work, "guide"), Path(work, "updated")
        guide.mkdir()
        for number, files in enumerate(states):
            write(guide, files)
            fresh = Path(work, f"fresh-{number}")
            expected, found = built(guide, fresh), built(guide, updated)
            if isinstance(expected, str) or isinstance(found, str):
                assert found == expected
                continue
            assert generation(updated) == generation(fresh)
            assert found.warnings == expected.warnings
            assert (found.pages, found.passages) == (expected.pages, expected.passages)
            assert found.passages_reused + found.passages_embedded == found.passages


def built(guide: Path, place: Path) -> builder.BuildResult | str:
    """What came of a build, or why there was nothing to build."""
    try:
        return builder.build_index(guide, place, WordEncoder())
    except GuideError as error:
        return str(error)


# -- the work of an edit -------------------------------------------------------------------


PAGES = {
    f"page-{n}.md": f"# Page {n}\n\nA cat sees bird {n}.\n\n## More\n\nDog {n} barks.\n".encode()
    for n in range(12)
}


@pytest.fixture
def guide(tmp_path) -> Path:
    folder = tmp_path / "guide"
    folder.mkdir()
    write(folder, PAGES)
    return folder


@pytest.fixture
def place(tmp_path, guide) -> Path:
    builder.build_index(guide, tmp_path / "index", WordEncoder())
    return tmp_path / "index"


def test_one_edited_passage_is_read_with_its_page_and_encoded_alone(guide, place):
    write(guide, {**PAGES, "page-5.md": PAGES["page-5.md"].replace(b"barks", b"growls")})
    encoder, told = CountingEncoder(), []
    done = builder.build_index(guide, place, encoder, progress=lambda *step: told.append(step))
    assert encoder.given == ["More: Dog 5 growls.", "Page 5 > More\nDog 5 growls."]
    assert told == [("reading", 1, 1), ("encoding", 2, 2)]
    assert (
        done.pages_read,
        done.passages_reused,
        done.passages_embedded,
        done.passages_removed,
    ) == (1, 23, 1, 1)


def test_a_page_that_is_moved_encodes_nothing(guide, place):
    files = {**PAGES, "deeper/page-5.md": PAGES["page-5.md"]}
    del files["page-5.md"]
    write(guide, files)
    encoder = CountingEncoder()
    done = builder.build_index(guide, place, encoder)
    assert encoder.given == []
    assert (
        done.pages_read,
        done.passages_reused,
        done.passages_embedded,
        done.passages_removed,
    ) == (1, 24, 0, 0)
    assert index.open_index(place).store.page("page-5.md") is None


def test_a_page_that_is_gone_is_removed_and_nothing_read(guide, place):
    write(guide, {name: text for name, text in PAGES.items() if name != "page-5.md"})
    done = builder.build_index(guide, place, CountingEncoder())
    assert (
        done.pages_read,
        done.passages_reused,
        done.passages_embedded,
        done.passages_removed,
    ) == (0, 22, 0, 2)


def test_a_page_that_is_new_encodes_what_no_page_says(guide, place):
    write(guide, {**PAGES, "copy.md": PAGES["page-1.md"], "new.md": b"# New\n\nMilk.\n"})
    encoder = CountingEncoder()
    done = builder.build_index(guide, place, encoder)
    assert sorted(encoder.given) == ["New", "New\nMilk.", "New: Milk."]
    assert (
        done.pages_read,
        done.passages_reused,
        done.passages_embedded,
        done.passages_removed,
    ) == (2, 26, 1, 0)


def test_what_is_edited_back_is_not_encoded_again(guide, place):
    write(guide, {**PAGES, "page-5.md": b"# Page 5\n\nNothing.\n"})
    builder.build_index(guide, place, WordEncoder())
    write(guide, PAGES)
    encoder = CountingEncoder()
    assert builder.build_index(guide, place, encoder).passages_embedded == 0
    assert encoder.given == []


def test_a_file_that_was_only_touched_is_not_read(guide, place):
    for path in guide.iterdir():
        os.utime(path, ns=(1, 1))
    done = builder.build_index(guide, place, CountingEncoder())
    assert (done.reasons, done.pages_read, done.passages_reused) == ((), 0, 24)


def test_an_edit_that_leaves_size_and_time_as_they_were_is_seen(guide, place):
    path = guide / "page-5.md"
    before = path.stat()
    path.write_bytes(PAGES["page-5.md"].replace(b"Dog", b"Cat"))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert builder.build_index(guide, place, CountingEncoder()).pages_read == 1


def test_another_way_of_reading_reads_every_page_and_encodes_nothing(guide, place):
    encoder = CountingEncoder()
    done = builder.build_index(
        guide, place, encoder, reading_options=ReadingOptions(base_url="https://guide.example")
    )
    assert (done.pages_read, done.passages_embedded, encoder.given) == (12, 0, [])


def test_what_is_odd_is_told_again_of_pages_that_are_not_read_again(guide, place):
    odd = {"bad.md": b"---\n: [\n---\n# Bad\n\n[Gone](gone.md)\n", "worse.md": b"\xff\xfe\x00"}
    write(guide, {**PAGES, **odd})
    told = builder.build_index(guide, place, WordEncoder()).warnings
    assert {oddity.path for oddity in told} == {"bad.md", "worse.md"}
    assert builder.build_index(guide, place, WordEncoder()).warnings == told
    write(guide, {**PAGES, **odd, "page-5.md": b"# Page 5\n\nNothing.\n"})
    assert builder.build_index(guide, place, WordEncoder()).warnings == told


@pytest.mark.parametrize(
    ("edited", "broken"),
    [
        (b"# One\n\n[Two](two.md#end)\n\n[Gone](gone.md)\n", {"one.md"}),
        (b"# One\n\nText.\n\n[Two](two.md#end)\n", set()),
    ],
)
def test_links_are_followed_anew_where_an_edit_may_break_them(tmp_path, edited, broken):
    guide, place = tmp_path / "guide", tmp_path / "index"
    guide.mkdir()
    two = b"# Two\n\n## End\n\n[One](one.md)\n"
    write(guide, {"one.md": b"# One\n\n[Two](two.md#end)\n", "two.md": two})
    assert builder.build_index(guide, place, WordEncoder()).warnings == ()
    write(guide, {"one.md": edited, "two.md": two})
    assert {o.path for o in builder.build_index(guide, place, WordEncoder()).warnings} == broken
    write(guide, {"one.md": edited, "two.md": two.replace(b"End", b"Elsewhere")})
    found = builder.build_index(guide, place, WordEncoder()).warnings
    assert {oddity.path for oddity in found} == {"one.md"}


# -- the cache -----------------------------------------------------------------------------


class InterruptedEncoder(CountingEncoder):
    """An encoder whose process is interrupted in its second batch."""

    def encode(self, texts, progress=None):
        if self.given:
            raise KeyboardInterrupt
        return super().encode(texts, progress)


def test_an_interrupted_build_goes_on_where_it_was(tmp_path):
    guide, place = tmp_path / "guide", tmp_path / "index"
    guide.mkdir()
    text = "".join(f"## Part {n}\n\nDog {n} barks at cat {n}.\n\n" for n in range(400))
    write(guide, {"long.md": text.encode()})
    first, second, whole = InterruptedEncoder(), CountingEncoder(), CountingEncoder()
    with pytest.raises(KeyboardInterrupt):
        builder.build_index(guide, place, first)
    builder.build_index(guide, place, second)
    builder.build_index(guide, tmp_path / "fresh", whole)
    assert first.given
    assert sorted(first.given + second.given) == sorted(whole.given)
    assert generation(place) == generation(tmp_path / "fresh")


@pytest.mark.parametrize("harm", [lambda path: path.unlink(), lambda path: path.write_bytes(b"?")])
def test_without_its_cache_an_index_is_updated_all_the_same(tmp_path, guide, place, harm):
    harm(place / build_cache.CACHE_FILE)
    write(guide, {**PAGES, "page-5.md": PAGES["page-5.md"].replace(b"barks", b"growls")})
    encoder = CountingEncoder()
    builder.build_index(guide, place, encoder)
    assert all("5" in text or text == "More" for text in encoder.given)
    builder.build_index(guide, tmp_path / "fresh", WordEncoder())
    assert generation(place) == generation(tmp_path / "fresh")


def test_a_vector_damaged_in_the_cache_is_encoded_again(tmp_path, guide, place):
    path = place / build_cache.CACHE_FILE
    data = path.read_bytes()
    vector = WordEncoder().encode(["A dog."])[0].tobytes()
    assert vector in data
    path.write_bytes(data.replace(vector, vector[:-1] + bytes([vector[-1] ^ 1])))
    reading = ReadingOptions(base_url="https://guide.example")
    builder.build_index(guide, place, WordEncoder(), reading_options=reading)
    builder.build_index(guide, tmp_path / "fresh", WordEncoder(), reading_options=reading)
    assert generation(place) == generation(tmp_path / "fresh")
