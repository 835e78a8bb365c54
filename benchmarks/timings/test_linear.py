"""Twice the page takes about twice the time, whatever the page is made of."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from assistant.guide.page import read_page
from assistant.guide.publishers import ReadingOptions
from assistant.readers import html as html_reader
from assistant.readers.dialects import convert_to_commonmark
from tests.readers.oracle.shapes import HTML_SHAPES, SHAPES, html_page, repeated

if TYPE_CHECKING:
    from collections.abc import Callable

GROWTH = 2.6
SECONDS_PER_MB = 5  # where the yardstick below takes its usual time
YARDSTICK = 0.0085
# A page grows until reading it takes this many seconds, or there is this much of it.
ENOUGH, LARGEST = 0.1, 5_000_000


# At their full size, whatever the machine makes of it.
HUGE = {
    "10,000 headings": repeated("# h{n}\n\ntext\n\n")(10_000 * 10),
    "10,000 headings of the same name": "# h\n\ntext\n\n" * 10_000,
    "10,000 reference definitions": "".join(f"[r{n}]: http://x/{n}\n" for n in range(10_000)),
    "10,000 footnotes": "".join(f"a[^{n}]\n\n[^{n}]: text\n\n" for n in range(10_000)),
    "20,000 links": "[a](b) " * 20_000,
    "a table of 10,000 rows": "|a|b|\n|-|-|\n" + "|c|d|\n" * 10_000,
    "a line of 5 MB": "word " * 1_000_000,
    "a sentence of 5 MB": "Word" + " word" * 1_000_000 + ".",
    "a paragraph of 5 MB": ("word " * 12 + "\n") * 82_000,
    "blanks of 5 MB": "a" + " " * 5_000_000 + "b\n",
    "a code block of 5 MB": "```\n" + "code = 1\n" * 550_000,
    "a list of 5 MB": "- An item of a list.\n" * 240_000,
    "an element of 5 MB": "<p>" + "word " * 1_000_000 + "</p>\n",
}


def seconds(act: Callable[[], object]) -> float:
    """The processor time of one call."""
    started = time.process_time()
    act()
    return time.process_time() - started


def yardstick() -> None:
    """Work of the reader's kind, strings and small objects, that takes `YARDSTICK` seconds."""
    made = [(f"a{n}".strip(), {"n": n}, n % 7) for n in range(20_000)]
    " ".join(sorted(name for name, _, _ in made))


def allowed(megabytes: float) -> float:
    """The seconds that so much text may take on the machine as it is at this moment."""
    slowness = max(1.0, min(seconds(yardstick) for _ in range(3)) / YARDSTICK)
    return SECONDS_PER_MB * megabytes * slowness


def grown(shape: Callable[[int], str], read: Callable[[str], Callable[[], object]]) -> int:
    """How long a page must be for reading it to take long enough to be measured."""
    size = 2_000
    while size < LARGEST and seconds(read(shape(size))) < ENOUGH:
        size *= 2
    return size


def excess(shape: Callable[[int], str], read: Callable[[str], Callable[[], object]]) -> str:
    """What is wrong with the time a shape takes; nothing, it is hoped.

    A step, where a page outgrows a cache, is over at twice the size; what grows faster goes on.
    """
    size = grown(shape, read)
    return doubled(shape, read, size) and doubled(shape, read, 2 * size)


def doubled(
    shape: Callable[[int], str], read: Callable[[str], Callable[[], object]], size: int
) -> str:
    """What is wrong with the time that twice so much takes."""
    once, twice = read(shape(size)), read(shape(2 * size))
    # A busy machine only ever adds: the least of a few is the nearest to the truth.
    half = min(seconds(once) for _ in range(3))
    whole, megabytes = float("inf"), len(shape(2 * size)) / 1e6
    for _ in range(15):
        whole = min(whole, seconds(twice))
        # What takes less than can be measured grows with the caches it falls out of.
        if whole <= max(GROWTH * half, ENOUGH) and whole <= allowed(megabytes):
            return ""
        half = min(half, seconds(once))
    return f"of {size}: {whole / half:.2f} times as long, {whole / megabytes:.1f} s per MB"


@pytest.fixture(scope="module")
def file(tmp_path_factory) -> Callable[[str], Callable[[str], Callable[[], object]]]:
    """By a file's name: a way to have a text read from that file."""
    folder = tmp_path_factory.mktemp("shapes")
    read_page(
        folder,
        written(folder, "a.mdx", ":smile: <a> {b}"),
        reading_options=ReadingOptions(),
    )

    def named(name: str) -> Callable[[str], Callable[[], object]]:
        def read(source: str) -> Callable[[], object]:
            path = written(folder, f"{len(source)}-{name}", source)
            return lambda: read_page(folder, path, reading_options=ReadingOptions())

        return read

    return named


def written(folder: Path, name: str, source: str) -> str:
    (folder / name).write_text(source, encoding="utf-8", newline="")
    return name


@pytest.mark.parametrize("shape", SHAPES)
def test_reading_a_page_takes_time_in_proportion(shape, file):
    assert not excess(SHAPES[shape], file("page.md"))


@pytest.mark.parametrize("shape", SHAPES)
def test_reading_a_page_with_components_takes_time_in_proportion(shape, file):
    assert not excess(SHAPES[shape], file("page.mdx"))


@pytest.mark.parametrize("shape", SHAPES)
def test_bringing_a_page_to_markdown_takes_time_in_proportion(shape):
    def read(source: str) -> Callable[[], object]:
        return lambda: convert_to_commonmark(source)

    assert not excess(SHAPES[shape], read)


@pytest.mark.parametrize("shape", SHAPES)
def test_reading_html_takes_time_in_proportion(shape):
    def read(source: str) -> Callable[[], object]:
        return lambda: html_reader.parse_html(source)

    assert not excess(SHAPES[shape], read)


@pytest.mark.parametrize("shape", HTML_SHAPES)
def test_reading_html_of_its_own_shapes_takes_time_in_proportion(shape):
    def read(source: str) -> Callable[[], object]:
        return lambda: html_reader.parse_html(source)

    assert not excess(lambda size: html_page(shape, size // len(HTML_SHAPES[shape])), read)


@pytest.mark.parametrize("name", HUGE)
def test_a_large_page_is_read_at_the_usual_speed(name, file):
    source = HUGE[name]
    read = file("page.md")(source)
    taken = float("inf")
    for _ in range(6):
        taken = min(taken, seconds(read))
        if taken <= allowed(len(source) / 1e6):
            return
    pytest.fail(f"{taken / len(source) * 1e6:.1f} s per MB")
