"""A reference to a label has the title of its section, on any page, and leads there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from assistant.guide.folder import read_guide
from assistant.guide.page import read_page
from assistant.guide.publishers import ReadingOptions

if TYPE_CHECKING:
    from pathlib import Path

KILNS = """\
Kilns
=====

.. _heat:
.. _Too Hot:

========
The heat
========

It is :ref:`heat`.

.. _door:

A door.
"""
CLAY = "# Clay\n\n(clay/wet)=\n## Wet {term}`clay`\n\nIt is wet.\n"


@pytest.fixture
def guide(tmp_path: Path) -> Path:
    (tmp_path / "fire").mkdir()
    (tmp_path / "fire" / "kilns.rst").write_text(KILNS, "utf-8")
    (tmp_path / "clay.md").write_text(CLAY, "utf-8")
    return tmp_path


def _read(guide: Path, path: str, text: str) -> tuple[str, set[str]]:
    (guide / path).write_text(text, "utf-8")
    page = read_page(guide, path, reading_options=ReadingOptions(publisher="sphinx"))
    links = {link for _, link in page.links.links}
    return "\n".join(passage.text for passage in page.passages), links


@pytest.mark.parametrize(
    ("path", "written", "shown", "address"),
    [
        ("a.rst", ":ref:`heat`", "The heat", "fire/kilns.rst#heat"),
        ("a.rst", ":ref:`too hot`", "The heat", "fire/kilns.rst#too-hot"),
        ("a.rst", ":ref:`the  words <door>`", "the words", "fire/kilns.rst#door"),
        ("a.rst", ":ref:`clay/wet`", "Wet clay", "clay.md#clay/wet"),
        ("fire/a.rst", ":ref:`clay/wet`", "Wet clay", "../clay.md#clay/wet"),
        ("a.md", "{ref}`heat`", "The heat", "fire/kilns.rst#heat"),
        ("a.md", "{ref}`words <clay/wet>`", "words", "clay.md#clay/wet"),
        ("a.md", "[](clay/wet)", "Wet clay", "clay.md#clay/wet"),
        ("a.md", "[](#clay/wet)", "Wet clay", "clay.md#clay/wet"),
        ("fire/a.md", "{ref}`heat`", "The heat", "kilns.rst#heat"),
    ],
)
def test_a_label_has_the_title_of_its_section(
    guide: Path, path: str, written: str, shown: str, address: str
) -> None:
    text, links = _read(guide, path, f"See {written}.\n")
    assert text == f"See {shown}."
    assert links == {address}


@pytest.mark.parametrize(
    ("path", "written", "shown"),
    [
        ("a.rst", ":ref:`glaze`", "glaze"),
        ("a.rst", ":ref:`door`", "door"),  # no heading is below it
        ("a.rst", "``:ref:`x```", ":ref:`x`"),
        ("a.md", "{ref}`glaze`", "glaze"),
        ("a.md", "`{ref}` roles", "{ref} roles"),
        ("a.md", "{ref}`of <glaze>`", "of"),
    ],
)
def test_a_label_without_a_title_stays(guide: Path, path: str, written: str, shown: str) -> None:
    assert _read(guide, path, f"See {written}.\n")[0] == f"See {shown}."


def test_a_label_that_two_pages_have_is_none(guide: Path) -> None:
    (guide / "other.rst").write_text(".. _heat:\n\nOther\n=====\n\nText.\n", "utf-8")
    assert _read(guide, "a.rst", "See :ref:`heat`.\n")[0] == "See heat."


def test_no_link_to_a_label_is_broken_and_a_published_anchor_is_an_id(guide: Path) -> None:
    (guide / "a.rst").write_text("See :ref:`clay/wet`, :ref:`heat`.\n", "utf-8")
    read = read_guide(guide, reading_options=ReadingOptions(publisher="sphinx"))
    assert read.warnings == ()
    wet = next(section for section in read.sections if section.headings[-1] == "Wet clay")
    assert wet.anchor == "clay/wet"
    assert wet.url.endswith("#clay-wet")
