"""A page of Antora has the attributes of its component, and only its pages are pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from assistant.guide.antora import read_attributes
from assistant.guide.folder import read_guide
from assistant.guide.walk import list_files

if TYPE_CHECKING:
    from pathlib import Path

DESCRIPTION = """\
name: kilns
title: The Kilns  # as readers know them
version: '3.1'
asciidoc:
  attributes:
    glaze: blue@
    url-clay: "https://example.org/clay"
    heat#: no
nav:
- modules/ROOT/nav.adoc
"""
PAGE = """\
= New in {page-component-version}

The glaze of {page-component-title} is {glaze}, from {url-clay}[clay].

More is {url-unknown}/more[elsewhere^], or \\{glaze}.
"""


@pytest.fixture
def guide(tmp_path: Path) -> Path:
    files = {
        "antora.yml": DESCRIPTION,
        "modules/ROOT/pages/new.adoc": PAGE,
        "modules/ROOT/pages/nav.adoc": "= Finding your way\n\nAsk.\n",
        "modules/ROOT/nav.adoc": "* xref:new.adoc[]\n",
        "modules/ROOT/nav-fire.adoc": "* xref:new.adoc[]\n",
        "modules/fire/examples/sample.adoc": "= A sample\n\nSample.\n",
    }
    for path, text in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text, "utf-8")
    return tmp_path


def test_the_attributes_of_a_component_are_put_in(guide: Path) -> None:
    read = read_guide(guide)
    page = next(page for page in read.pages if page.path.endswith("new.adoc"))
    assert page.title == "New in 3.1"
    text = [p.text for p in read.passages if p.path == page.path]
    assert text == [
        "New in 3.1\n\nThe glaze of The Kilns is blue, from clay.\n\nMore is elsewhere, or {glaze}."
    ]


def test_a_page_changes_with_the_description_of_its_component(guide: Path) -> None:
    before = {page.path: page.sha256 for page in read_guide(guide).pages}
    (guide / "antora.yml").write_text(DESCRIPTION.replace("blue", "red"), "utf-8")
    after = {page.path: page.sha256 for page in read_guide(guide).pages}
    changed = [path for path in before if before[path] != after[path]]
    assert changed == ["modules/ROOT/pages/new.adoc"]


def test_menus_and_examples_of_a_module_are_no_pages(guide: Path) -> None:
    assert list_files(guide).paths == (
        "modules/ROOT/pages/nav.adoc",
        "modules/ROOT/pages/new.adoc",
    )
    (guide / "antora.yml").unlink()
    assert len(list_files(guide).paths) == 5


@pytest.mark.parametrize(
    ("written", "version"),
    [
        ("version: ~\n", None),
        ("version: null\n", None),
        ("name: a\n", None),
        ("version: 2.0\ndisplay_version: Two\n", "2.0"),
    ],
)
def test_a_component_may_have_no_version(written: str, version: str | None) -> None:
    attributes = read_attributes(written)
    assert attributes.get("page-component-version") == version
    if "display" in written:
        assert attributes["page-component-display-version"] == "Two"
