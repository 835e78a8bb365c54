"""reStructuredText inside a page of Markdown is read as its site shows it."""

from __future__ import annotations

import pytest

from assistant.readers.embedded_rst import convert_embedded_rst
from assistant.readers.markdown import parse_markdown


def _read(*lines: str) -> list[tuple[str, str]]:
    blocks = parse_markdown("\n".join(["```{eval-rst}", *lines, "```", "", "After."]))
    assert blocks[-1].text == "After."
    assert blocks[-1].lines == (len(lines) + 4, len(lines) + 4)
    return [(block.kind, block.text) for block in blocks[:-1]]


def test_a_setting_shows_nothing() -> None:
    assert _read(".. currentmodule:: kiln") == []
    assert _read(".. autofunction:: fire", "   :members:") == []
    assert _read(".. toctree::", "   :hidden:", "", "   glazes") == []


def test_the_content_of_an_unknown_directive_is_code() -> None:
    lines = [".. kiln:example::", "    @glaze", "    def fire(): ...", "", ".. kiln:run::", ""]
    assert _read(*lines, "    fire()") == [
        ("code", "@glaze\ndef fire(): ..."),
        ("code", "fire()"),
    ]


def test_code_has_no_options() -> None:
    assert _read(".. code-block:: python", "   :linenos:", "", "   fire(900)") == [
        ("code", "fire(900)")
    ]


def test_an_admonition_and_a_version_are_text() -> None:
    assert _read(".. note:: Let it cool.", "   Then open it.") == [
        ("prose", "Let it cool. Then open it.")
    ]
    assert _read(".. versionadded:: 2.1", "", "   With :func:`fire`.") == [
        ("prose", "Added in version 2.1"),
        ("prose", "With fire()."),
    ]


def test_a_tab_shows_its_title_and_its_content() -> None:
    lines = [".. tabs::", "", "   .. group-tab:: Gas", "", "      .. code-block:: text", ""]
    assert _read(*lines, "         fire") == [("prose", "Gas"), ("code", "fire")]


def test_a_link_and_a_role_are_read_in_the_text() -> None:
    text = "See `the kiln <https://example.org/kiln>`_ and :class:`~kiln.Glaze`."
    assert _read(text) == [("prose", "See the kiln and Glaze.")]


def test_a_comment_and_a_target_are_not_shown() -> None:
    assert _read(".. a comment", "   of two lines", "", ".. _kilns:", "", "Kilns") == [
        ("prose", "Kilns")
    ]


@pytest.mark.parametrize("depth", [1, 200])
def test_every_line_has_one_line(depth: int) -> None:
    lines = [f"{'  ' * n}.. note::" for n in range(depth)]
    assert len(convert_embedded_rst([*lines, ""])) == depth + 1


def test_options_of_a_directive_are_not_shown() -> None:
    text = "```{math}\n:label: heat\n\nq = m c\n```\n\n```{contents}\n---\ndepth: 1\n---\n```\n"
    assert [block.text for block in parse_markdown(text)] == ["q = m c"]
    text = "```{code-cell}\n---\ntags: [x]\n---\nfire()\n```\n"
    assert [block.text for block in parse_markdown(text)] == ["fire()"]


def test_a_role_of_myst_shows_the_name_that_is_meant() -> None:
    text = "{meth}`~kiln.Kiln.fire`, {py:attr}`!Kiln.heat` and {class}`.Glaze`"
    assert parse_markdown(text)[0].text == "fire(), Kiln.heat and Glaze"


def test_lines_of_a_comment_are_not_shown() -> None:
    text = "One.\n\n% ## Two\n% three\n\nOf ten\n% four are left.\n\n%five\n"
    assert [block.text for block in parse_markdown(text)] == [
        "One.",
        "Of ten % four are left.",
        "%five",
    ]


def test_attributes_of_a_block_and_of_a_span_are_not_shown() -> None:
    text = '{attribution="Ann, a potter"}\n> Clay is [not patient]{.wide}.\n\n`[a]{.b}` [c]{#d}\n'
    assert [block.text for block in parse_markdown(text)] == [
        "Clay is not patient.",
        "[a]{.b} c",
    ]
