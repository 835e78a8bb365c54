"""An update follows what pages include: it has the bytes of a build from nothing."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assistant.index import freshness, index
from tests.index.updates import build, check_updates, generation, write

PAGE = b"# Boats\n\nA cat sees a bird.\n\n{{#include note.inc}}\n\nA dog barks.\n"

NAMES = ("SUMMARY.md", "a.md", "b.md", "_cat.md", "snippets/dog.md", "code.py", "c/d.rst", "e.adoc")
TEXTS = (
    "# Cat\n\nA cat chases a bird.\n",
    "{{#include _cat.md}}\n",
    '# Dog\n\n--8<-- "dog.md"\n\n```python\n{{#include code.py:1:1}}\n```\n',
    "A cat.\n\n{{#include snippets/dog.md}}\n\n{{#include a.md}}\n\n{{#include ../up.md}}\n",
    ".. include:: ../_cat.md\n\n.. literalinclude:: ../code.py\n",
    "= Fish\n\ninclude::_cat.md[]\n\ninclude::b.md[lines=1..3]\n",
    "# See\n\n[](a.md) and [](b.md#dog).\n\n{{#include code.py}}\n",
    "Fish\n====\n\nSee :doc:`/a` and :doc:`/e`.\n",
    "# Summary\n\n- [Bird](a.md)\n- [Tree](b.md)\n",
    "A tree.\n",
    ".. _cat:\n\nCat\n===\n\nA cat.\n",
    "(cat)=\n# Bird\n\nA bird sees {ref}`dog`.\n",
    ".. _dog:\n\nDog\n===\n\nIt chases :ref:`cat`.\n",
    "---\ndraft: true\n---\n\n{{#include _cat.md}}\n",
    "",
)
folder = st.dictionaries(st.sampled_from(NAMES), st.sampled_from(TEXTS), max_size=len(NAMES))


def texts(place: Path) -> str:
    """All that an index can quote."""
    store = index.open_index(place).store
    return "\n".join(p.text for path in store.page_paths() for p in store.page_passages(path))


def age(guide: Path) -> None:
    """Make every file old enough for its times to be believed."""
    an_hour_ago = time.time() - 3_600
    for path in guide.rglob("*"):
        os.utime(path, (an_hour_ago, an_hour_ago))


@pytest.mark.slow
@settings(max_examples=30, deadline=None)
@given(st.lists(folder, min_size=2, max_size=4))
def test_an_update_gives_the_bytes_of_a_build_from_nothing(states):
    check_updates(states)


@pytest.fixture
def guide(tmp_path) -> Path:
    folder = tmp_path / "guide"
    folder.mkdir()
    return folder


@pytest.fixture
def place(tmp_path) -> Path:
    return tmp_path / "index"


CHANGES = {
    "changes": ({"note.inc": "A fish."}, {"note.inc": "A tree."}, "A tree.", "A fish."),
    "appears": ({}, {"note.inc": "A tree."}, "A tree.", "A fish."),
    "vanishes": ({"note.inc": "A fish."}, {}, "A dog barks.", "A fish."),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_page_is_read_again_when_an_included_file(guide, place, tmp_path, change):
    before, after, shown, hidden = CHANGES[change]
    pages = {"boats.md": PAGE, "other.md": b"# Trees\n\nA tree.\n"}
    write(guide, {**pages, **before})
    age(guide)
    build(guide, place)
    write(guide, {**pages, **after})
    result = build(guide, place)
    assert result.pages_read == 1, "the page that includes it, and no other"
    assert shown in texts(place)
    assert hidden not in texts(place)
    build(guide, tmp_path / "fresh")
    assert generation(place) == generation(tmp_path / "fresh")


def test_a_file_that_is_included_through_another_counts_too(guide, place):
    files = {"boats.md": PAGE, "note.inc": "A fish.\n\n{{#include deep.inc}}\n", "deep.inc": "Cat."}
    write(guide, files)
    build(guide, place)
    assert "Cat." in texts(place)
    write(guide, {**files, "deep.inc": "Dog."})
    build(guide, place)
    assert "Dog." in texts(place)
    assert "Cat." not in texts(place)


def test_a_part_becomes_a_page_when_no_page_includes_it_any_more(guide, place):
    files = {"a.md": "# A\n\n{{#include _part.md}}\n", "_part.md": "## Fish\n\nA fish.\n"}
    write(guide, files)
    build(guide, place)
    assert [p.path for p in index.open_index(place).store.page_passages("_part.md")] == []
    write(guide, {**files, "a.md": "# A\n\nA cat.\n"})
    build(guide, place)
    assert "A fish." in texts(place)
    assert index.open_index(place).store.page_passages("_part.md")
    write(guide, files)
    build(guide, place)
    assert not index.open_index(place).store.page_passages("_part.md")
    assert texts(place).count("A fish.") == 1


def test_a_page_is_read_again_when_a_title_changes_that_it_shows(guide, place):
    files = {"a.md": "# Cat\n\nIt sees [](b.md).\n", "b.md": "# Dog\n\nIt barks.\n"}
    write(guide, files)
    build(guide, place)
    assert "It sees Dog." in texts(place)
    write(guide, {**files, "b.md": "# Dog\n\nIt growls.\n"})
    assert build(guide, place).pages_read == 1
    write(guide, {**files, "b.md": "# Fish\n\nIt growls.\n"})
    assert build(guide, place).pages_read == 2
    assert "It sees Fish." in texts(place)


def test_a_page_is_read_again_when_a_label_changes_that_it_refers_to(guide, place, tmp_path):
    files = {"a.rst": "Cat\n===\n\nIt sees :ref:`dog`.\n", "b.rst": "Dog\n===\n\nIt barks.\n"}
    write(guide, files)
    build(guide, place)
    assert "It sees dog." in texts(place)
    labelled = {**files, "c.rst": ".. _dog:\n\nThe dog\n=======\n\nIt growls.\n"}
    write(guide, labelled)
    assert build(guide, place).pages_read == 2
    assert "It sees The dog." in texts(place)
    age(guide)
    assert build(guide, place).pages_read == 0
    write(guide, {**labelled, "b.rst": ".. _dog:\n\nDog\n===\n\nIt barks.\n"})
    assert build(guide, place).pages_read == 2
    assert "It sees dog." in texts(place), "a label of two pages means neither"
    build(guide, tmp_path / "fresh")
    assert generation(place) == generation(tmp_path / "fresh")


def test_an_included_file_that_changed_is_counted_as_an_edited_page(guide, place):
    write(guide, {"boats.md": PAGE, "note.inc": "A fish."})
    build(guide, place)
    opened = index.open_index(place)
    checker = freshness.FreshnessChecker(guide, place)
    assert checker.compare(opened).pages == 0
    write(guide, {"boats.md": PAGE, "note.inc": "A tree."})
    assert checker.compare(opened).edited == 1


def test_a_draft_that_includes_a_part_leaves_the_index_up_to_date(guide, place):
    draft = "---\ndraft: true\n---\n\n{{#include _part.md}}\n"
    write(guide, {"a.md": "# A\n\nA cat.\n", "_part.md": "A fish.\n", "draft.md": draft})
    build(guide, place)
    checker = freshness.FreshnessChecker(guide, place)
    assert checker.compare(index.open_index(place)).pages == 0


def test_without_the_build_cache_an_included_file_is_compared_too(guide, place):
    write(guide, {"boats.md": PAGE, "note.inc": "A fish."})
    build(guide, place)
    for path in place.glob(".vectors.sqlite*"):
        path.unlink()
    assert build(guide, place).pages_read == 0
    for path in place.glob(".vectors.sqlite*"):
        path.unlink()
    write(guide, {"boats.md": PAGE, "note.inc": "A tree."})
    assert build(guide, place).pages_read == 1
