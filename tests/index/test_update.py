"""An update gives the bytes of a build from nothing, with no more work than the edit needs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assistant.guide.publishers import ReadingOptions
from assistant.index import build_cache, builder, index
from tests.conftest import WordEncoder
from tests.index.updates import check_updates, generation, write

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
    """The encoder of twelve words; it records the texts it encodes."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def encode(self, texts, progress=None):
        self.texts += texts
        return super().encode(texts, progress)


@pytest.mark.slow
@settings(max_examples=25)
@given(st.lists(folder, min_size=2, max_size=4))
def test_an_update_gives_the_bytes_of_a_build_from_nothing(states):
    check_updates(states)


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


def test_an_edited_passage_is_read_with_its_page_and_encoded_alone(guide, place):
    write(guide, {**PAGES, "page-5.md": PAGES["page-5.md"].replace(b"barks", b"growls")})
    encoder, steps = CountingEncoder(), []
    result = builder.build_index(guide, place, encoder, progress=lambda *step: steps.append(step))
    assert encoder.texts == ["More: Dog 5 growls.", "Page 5 > More\nDog 5 growls."]
    assert steps == [("reading", 1, 1), ("encoding", 2, 2)]
    assert (
        result.pages_read,
        result.passages_reused,
        result.passages_embedded,
        result.passages_removed,
    ) == (1, 23, 1, 1)


def test_a_moved_page_encodes_nothing(guide, place):
    files = {**PAGES, "deeper/page-5.md": PAGES["page-5.md"]}
    del files["page-5.md"]
    write(guide, files)
    encoder = CountingEncoder()
    result = builder.build_index(guide, place, encoder)
    assert encoder.texts == []
    assert (
        result.pages_read,
        result.passages_reused,
        result.passages_embedded,
        result.passages_removed,
    ) == (1, 24, 0, 0)
    assert index.open_index(place).store.page("page-5.md") is None


def test_a_deleted_page_is_removed_and_nothing_is_read(guide, place):
    write(guide, {name: text for name, text in PAGES.items() if name != "page-5.md"})
    result = builder.build_index(guide, place, CountingEncoder())
    assert (
        result.pages_read,
        result.passages_reused,
        result.passages_embedded,
        result.passages_removed,
    ) == (0, 22, 0, 2)


def test_a_new_page_encodes_only_texts_of_no_other_page(guide, place):
    write(guide, {**PAGES, "copy.md": PAGES["page-1.md"], "new.md": b"# New\n\nMilk.\n"})
    encoder = CountingEncoder()
    result = builder.build_index(guide, place, encoder)
    assert sorted(encoder.texts) == ["New", "New\nMilk.", "New: Milk."]
    assert (
        result.pages_read,
        result.passages_reused,
        result.passages_embedded,
        result.passages_removed,
    ) == (2, 26, 1, 0)


def test_an_edit_undone_encodes_nothing(guide, place):
    write(guide, {**PAGES, "page-5.md": b"# Page 5\n\nNothing.\n"})
    builder.build_index(guide, place, WordEncoder())
    write(guide, PAGES)
    encoder = CountingEncoder()
    assert builder.build_index(guide, place, encoder).passages_embedded == 0
    assert encoder.texts == []


def test_a_file_whose_times_alone_changed_is_not_read(guide, place):
    for path in guide.iterdir():
        os.utime(path, ns=(1, 1))
    result = builder.build_index(guide, place, CountingEncoder())
    assert (result.reasons, result.pages_read, result.passages_reused) == ((), 0, 24)


def test_an_edit_that_keeps_size_and_time_is_detected(guide, place):
    path = guide / "page-5.md"
    before = path.stat()
    path.write_bytes(PAGES["page-5.md"].replace(b"Dog", b"Cat"))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert builder.build_index(guide, place, CountingEncoder()).pages_read == 1


def test_other_reading_options_read_every_page_and_encode_nothing(guide, place):
    encoder = CountingEncoder()
    result = builder.build_index(
        guide, place, encoder, reading_options=ReadingOptions(base_url="https://guide.example")
    )
    assert (result.pages_read, result.passages_embedded, encoder.texts) == (12, 0, [])


def test_warnings_are_given_again_for_pages_that_are_not_read_again(guide, place):
    odd = {"bad.md": b"---\n: [\n---\n# Bad\n\n[Gone](gone.md)\n", "worse.md": b"\xff\xfe\x00"}
    write(guide, {**PAGES, **odd})
    warnings = builder.build_index(guide, place, WordEncoder()).warnings
    assert {warning.path for warning in warnings} == {"bad.md", "worse.md"}
    assert builder.build_index(guide, place, WordEncoder()).warnings == warnings
    write(guide, {**PAGES, **odd, "page-5.md": b"# Page 5\n\nNothing.\n"})
    assert builder.build_index(guide, place, WordEncoder()).warnings == warnings


@pytest.mark.parametrize(
    ("edited", "broken"),
    [
        (b"# One\n\n[Two](two.md#end)\n\n[Gone](gone.md)\n", {"one.md"}),
        (b"# One\n\nText.\n\n[Two](two.md#end)\n", set()),
    ],
)
def test_links_are_checked_again_where_an_edit_may_break_them(tmp_path, edited, broken):
    guide, place = tmp_path / "guide", tmp_path / "index"
    guide.mkdir()
    two = b"# Two\n\n## End\n\n[One](one.md)\n"
    write(guide, {"one.md": b"# One\n\n[Two](two.md#end)\n", "two.md": two})
    assert builder.build_index(guide, place, WordEncoder()).warnings == ()
    write(guide, {"one.md": edited, "two.md": two})
    assert {one.path for one in builder.build_index(guide, place, WordEncoder()).warnings} == broken
    write(guide, {"one.md": edited, "two.md": two.replace(b"End", b"Elsewhere")})
    warnings = builder.build_index(guide, place, WordEncoder()).warnings
    assert {warning.path for warning in warnings} == {"one.md"}


# -- the cache -----------------------------------------------------------------------------


class InterruptedEncoder(CountingEncoder):
    """An encoder whose process is interrupted in its second batch."""

    def encode(self, texts, progress=None):
        if self.texts:
            raise KeyboardInterrupt
        return super().encode(texts, progress)


def test_an_interrupted_build_continues_where_it_stopped(tmp_path):
    guide, place = tmp_path / "guide", tmp_path / "index"
    guide.mkdir()
    text = "".join(f"## Part {n}\n\nDog {n} barks at cat {n}.\n\n" for n in range(400))
    write(guide, {"long.md": text.encode()})
    first, second, whole = InterruptedEncoder(), CountingEncoder(), CountingEncoder()
    with pytest.raises(KeyboardInterrupt):
        builder.build_index(guide, place, first)
    builder.build_index(guide, place, second)
    builder.build_index(guide, tmp_path / "fresh", whole)
    assert first.texts
    assert sorted(first.texts + second.texts) == sorted(whole.texts)
    assert generation(place) == generation(tmp_path / "fresh")


@pytest.mark.parametrize("harm", [lambda path: path.unlink(), lambda path: path.write_bytes(b"?")])
def test_an_index_is_updated_without_its_cache(tmp_path, guide, place, harm):
    harm(place / build_cache.CACHE_FILE)
    write(guide, {**PAGES, "page-5.md": PAGES["page-5.md"].replace(b"barks", b"growls")})
    encoder = CountingEncoder()
    builder.build_index(guide, place, encoder)
    assert all("5" in text or text == "More" for text in encoder.texts)
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
