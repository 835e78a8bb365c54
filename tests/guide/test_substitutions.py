"""Names in double braces have the words that the configuration of Sphinx gives them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from assistant.guide.page import read_page
from assistant.guide.publishers import ReadingOptions
from assistant.guide.substitutions import read_substitutions

if TYPE_CHECKING:
    from pathlib import Path

CONFIGURATION = """\
project = "Kilns"
myst_substitutions = {
    "kiln": "the [kiln](kiln.md)",
    "heat": 900,
    "long": "one\\ntwo",
    "made": project.upper(),
}
"""


def read(folder: Path, text: str) -> str:
    (folder / "deep").mkdir(exist_ok=True)
    (folder / "deep" / "a.md").write_text(text, "utf-8")
    page = read_page(folder, "deep/a.md", reading_options=ReadingOptions(publisher="sphinx"))
    return "\n".join(passage.text for passage in page.passages)


def test_a_name_has_its_words_but_in_code(tmp_path: Path) -> None:
    (tmp_path / "conf.py").write_text(CONFIGURATION, "utf-8")
    text = "Open {{ kiln }} or {{kiln}}.\n\n`{{ kiln }}`\n\n```\n{{ kiln }}\n```\n"
    assert read(tmp_path, text) == "Open the kiln or the kiln.\n\n{{ kiln }}\n\n{{ kiln }}"


def test_a_directive_of_text_is_text_and_what_follows_it_too(tmp_path: Path) -> None:
    (tmp_path / "conf.py").write_text(CONFIGURATION, "utf-8")
    text = "```{note}\n{{ kiln }}\n```\n\n```{code-block} text\n{{ kiln }}\n```\n\n{{ kiln }}\n"
    assert read(tmp_path, text) == "the kiln\n\n{{ kiln }}\n\nthe kiln"


def test_a_page_changes_with_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "conf.py").write_text(CONFIGURATION, "utf-8")
    assert "the kiln" in read(tmp_path, "Open {{ kiln }}.\n")
    (tmp_path / "conf.py").write_text(CONFIGURATION.replace("the [kiln]", "a [kiln]"), "utf-8")
    assert "a kiln" in read(tmp_path, "Open {{ kiln }}.\n")


@pytest.mark.parametrize(
    "text", ["", "myst_substitutions = f()", "myst_substitutions = {", "x = 1"]
)
def test_what_is_no_table_of_words_gives_none(text: str) -> None:
    assert read_substitutions(text) == {}


def test_only_words_of_one_line_are_put_in() -> None:
    assert read_substitutions(CONFIGURATION) == {"kiln": "the [kiln](kiln.md)"}
