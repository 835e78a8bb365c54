"""A link without words has the title of the page, or of the section, that it leads to."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from assistant.guide.page import read_page
from assistant.guide.publishers import ReadingOptions

if TYPE_CHECKING:
    from collections.abc import Callable

    from assistant.models.documents import ParsedPage

OARS = "# The *long* oars\n\n## Care {#keep}\n\n## In use\n"

FILES = {
    "oars.md": f"---\nicon: oar\n---\n\nText.\n\n{OARS}",
    "declared.md": "---\ntitle: A mast\n---\n\n# Another\n",
    "sea/tides.rst": "=====\nTides\n=====\n\nThey turn.\n",
    "sea/winds.adoc": "= Winds\n\n[[calm]]\n== No wind\n\n== Strong winds\n",
    "modules/port/pages/pier.adoc": "= The pier\n",
    "plain.md": "No heading.\n",
}


@pytest.fixture
def read(tmp_path: Path) -> Callable[[str, str], ParsedPage]:
    """Read a page of a guide that has FILES."""
    for path, text in FILES.items():
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")

    def read_text(path: str, text: str) -> ParsedPage:
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")
        return read_page(tmp_path, path, reading_options=ReadingOptions())

    return read_text


CARD = '{% content-ref url="oars.md" %}\n[oars.md](oars.md)\n{% endcontent-ref %}'


@pytest.mark.parametrize(
    ("path", "link", "words", "address"),
    [
        ("row.md", "See [](oars.md).", "See The long oars.", "oars.md"),
        ("row.md", "See [](oars.md#keep).", "See Care.", "oars.md#keep"),
        ("row.md", "See [](oars.md#in-use).", "See In use.", "oars.md#in-use"),
        ("row.md", "See [](declared.md).", "See A mast.", "declared.md"),
        ("sea/row.md", "See [](/oars.md).", "See The long oars.", "/oars.md"),
        ("row.md", "See {doc}`oars`.", "See The long oars.", "oars"),
        ("row.md", "See {doc}`sea/tides`.", "See Tides.", "sea/tides"),
        ("row.md", CARD, "The long oars", "oars.md"),
        ("row.rst", "See :doc:`sea/tides`.", "See Tides.", "sea/tides"),
        ("sea/row.rst", "See :doc:`/sea/tides`.", "See Tides.", "/sea/tides"),
        ("row.adoc", "See xref:sea/winds.adoc[].", "See Winds.", "sea/winds.adoc"),
        ("row.adoc", "See <<sea/winds.adoc#calm>>.", "See No wind.", "sea/winds.adoc#calm"),
        (
            "row.adoc",
            "See xref:sea/winds.adoc#_strong_winds[].",
            "See Strong winds.",
            "sea/winds.adoc#_strong_winds",
        ),
        ("modules/port/pages/a.adoc", "See xref:pier.adoc[].", "See The pier.", "pier.adoc"),
    ],
)
def test_a_link_without_words_has_those_of_its_target(read, path, link, words, address):
    (passage,) = read(path, f"{link}\n").passages
    (sentence,) = [passage.slice(s) for s in passage.sentences]
    assert sentence == words
    assert [item.url for item in passage.links] == [address]


@pytest.mark.parametrize(
    ("path", "text", "shown"),
    [
        ("row.md", "Write `[](oars.md)` here.", "Write [](oars.md) here."),
        ("row.md", "```\n[](oars.md)\n```", "[](oars.md)"),
        ("row.md", "See [it](oars.md).", "See it."),
        ("row.rst", "See :doc:`it <sea/tides>`.", "See it."),
        ("row.rst", "See :doc:`gone`.", "See gone."),
        ("row.adoc", "See xref:sea/winds.adoc[it].", "See it."),
    ],
)
def test_other_links_stay_as_they_are(read, path, text, shown):
    (passage,) = read(path, f"{text}\n").passages
    assert passage.text == shown


def test_a_page_changes_with_the_titles_that_it_shows_alone(read, tmp_path):
    text = "See [](oars.md).\n"
    first = read("row.md", text).page.sha256
    oars = tmp_path / "oars.md"
    oars.write_text(FILES["oars.md"].replace("Text.", "Other text."), "utf-8")
    assert read("row.md", text).page.sha256 == first
    oars.write_text(FILES["oars.md"].replace("long", "short"), "utf-8")
    page = read("row.md", text)
    assert page.page.sha256 != first
    assert page.passages[0].text == "See The short oars."


def test_a_page_without_a_title_has_that_of_its_books_menu(read, tmp_path):
    menu = tmp_path / "book" / "SUMMARY.md"
    menu.parent.mkdir()
    menu.write_text("# Summary\n\n- [The *last* boat](sea/boat%20one.md)\n", "utf-8")
    assert read("book/sea/boat one.md", "It sails.\n").page.title == "The last boat"
    assert read("book/sea/other.md", "It sails.\n").page.title == "Other"
    assert read("book/sea/boat one.md", "# A boat\n\nIt sails.\n").page.title == "A boat"
    untitled = read("book/sea/boat one.md", "It sails.\n").page.sha256
    menu.unlink()
    assert read("book/sea/boat one.md", "It sails.\n").page.sha256 != untitled
