"""reStructuredText keeps its words and lines, with the roles and directives of every tool."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.readers import html as html_reader
from assistant.readers import rst


def parts(source: str) -> list[tuple[str, str]]:
    return [(b.kind, b.text) for b in html_reader.parse_html_page(rst.convert_rst(source)[0])]


def prose(source: str) -> str:
    return " ".join(text for _, text in parts(source))


def warnings(source: str) -> list[tuple[int, str]]:
    return rst.convert_rst(source)[1]


def test_the_parts_of_a_page_become_blocks() -> None:
    source = """\
=====
Title
=====

A *word* and ``code`` and `a link <http://a.b/c>`_.

Part
----

- one
- two

  still two

::

    if a:
        b

+---+---+
| a | b |
+===+===+
| 1 | 2 |
+---+---+
"""
    assert parts(source) == [
        ("heading", "Title"),
        ("prose", "A word and code and a link."),
        ("heading", "Part"),
        ("item", "one"),
        ("item", "two"),
        ("item", "still two"),
        ("code", "if a:\n    b"),
        ("header", "a | b"),
        ("row", "1 | 2"),
    ]
    assert warnings(source) == []
    levels = [
        b.level
        for b in html_reader.parse_html_page(rst.convert_rst(source)[0])
        if b.kind == "heading"
    ]
    assert levels == [1, 2]


def test_the_anchor_of_a_heading_is_its_label_or_its_words() -> None:
    source = ".. _My Label:\n\nFirst part\n==========\n\ntext\n\nSecond part\n===========\n\ntext\n"
    headings = [
        b for b in html_reader.parse_html_page(rst.convert_rst(source)[0]) if b.kind == "heading"
    ]
    assert [b.anchor for b in headings] == ["my-label", "second-part"]


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (":doc:`Install it <install>`", "Install it"),
        (":ref:`elsewhere`", "elsewhere"),
        (":ref:`Words <elsewhere>`", "Words"),
        (":py:func:`~pkg.mod.call`", "call()"),
        (":py:class:`pkg.Thing`", "pkg.Thing"),
        (":class:`!Thing`", "Thing"),
        (":kbd:`Ctrl+C`", "Ctrl+C"),
        (":menuselection:`File --> Open`", "File \u2023 Open"),
        (":abbr:`LIFO (last in, first out)`", "LIFO (last in, first out)"),
        (":pep:`8`", "PEP 8"),
        (":sup:`2`", "2"),
        ("`text`:strong:", "text"),
        ("|undefined|", "|undefined|"),
        (":nobodys:`words`", "words"),
    ],
)
def test_a_role_becomes_its_text(written: str, read: str) -> None:
    assert prose(f"Before {written} after.\n") == f"Before {read} after."


def test_an_unknown_role_is_a_warning_unless_the_page_defines_it() -> None:
    assert [line for line, _ in warnings("x\n\n:nobodys:`words`\n")] == [3]
    assert warnings(".. role:: mine\n\n:mine:`words`\n") == []


def test_a_reference_to_a_label_of_the_page_leads_to_its_heading() -> None:
    source = "See :ref:`there`.\n\n.. _there:\n\nThe place\n=========\n\ntext\n"
    (block, *_) = html_reader.parse_html_page(rst.convert_rst(source)[0])
    assert block.text == "See The place."
    assert [link.url for link in block.links] == ["#there"]


@pytest.mark.parametrize(
    ("source", "read"),
    [
        (".. note:: Mind this.\n", "Note Mind this."),
        (".. seealso::\n\n   That.\n", "That."),
        (".. versionadded:: 3.2\n   Words.\n", "Added in version 3.2 Words."),
        (".. deprecated:: 1.0\n\n   Words.\n", "Deprecated since version 1.0 Words."),
        (".. py:function:: f(*a, **b)\n             g(c)\n\n   Does *it*.\n",
         "f(*a, **b) g(c) Does it."),
        (".. automodule:: pkg.mod\n   :members:\n\n   More.\n", "pkg.mod More."),
        (".. code-block:: sh\n   :caption: Try\n   :linenos:\n\n   ls *\n", "Try ls *"),
        (".. tabs::\n\n   .. tab:: Linux\n\n      Use it.\n", "Linux Use it."),
        (".. only:: html\n\n   Words.\n", "Words."),
        (".. only:: html\n\n   Inner\n   =====\n\n   Words.\n", "Inner Words."),
        (".. nobodys:: Its *argument*\n   :an: option\n\n   Its content.\n",
         "Its argument Its content."),
        (".. toctree::\n   :caption: Menu\n\n   a\n   b\n", ""),
        (".. raw:: html\n\n   <b>Bold</b><script>no</script>\n", "Bold"),
        (".. raw:: latex\n\n   no\n", ""),
        (".. a comment\n", ""),
        (".. |x| replace:: words\n\n|x|\n", "words"),
    ],
)  # fmt: skip
def test_a_directive_becomes_its_text(source: str, read: str) -> None:
    assert prose(f"{source}\nEnd.\n") == f"{read} End.".strip()


def test_an_unknown_directive_is_a_warning() -> None:
    assert [line for line, _ in warnings("x\n\n.. nobodys:: y\n")] == [3]


def test_a_directive_that_fails_keeps_its_source() -> None:
    source = "x\n\n.. figure:: a.png\n   :nobodys: option\n\n   The caption.\n"
    assert "The caption." in prose(source)
    assert [line for line, _ in warnings(source)] == [3]


@pytest.mark.parametrize(
    "source",
    [
        ".. include:: /etc/passwd\n",
        ".. literalinclude:: /etc/passwd\n",
        ".. raw:: html\n   :file: /etc/passwd\n",
        ".. csv-table::\n   :file: /etc/passwd\n",
        ".. raw:: html\n   :url: file:///etc/passwd\n",
    ],
)
def test_no_other_file_is_read(source: str) -> None:
    assert prose(source) == ""
    assert len(warnings(source)) == 1


def test_no_html_of_the_author_passes_through() -> None:
    source = ".. role:: html(raw)\n   :format: html\n\n:html:`<b onclick=x>words</b>` <i>\n"
    written, _ = rst.convert_rst(source)
    assert "<b" not in written
    assert "<i>" not in written
    assert "words" in prose(source)


def test_a_role_that_one_page_defines_is_unknown_on_the_next() -> None:
    uses = ":mine:`words`\n"
    before = rst.convert_rst(uses)
    rst.convert_rst(f".. role:: mine(code)\n\n{uses}")
    assert rst.convert_rst(uses) == before


@pytest.mark.parametrize(
    "source",
    [
        "x" * 10_001,
        "word\n\n" * 90_000,
        "".join(f".. _a{n}:\n" for n in range(1_002)),
        "".join(f"{' ' * n}a\n\n" for n in range(900)),
    ],
    ids=["a long line", "a long page", "many targets", "deep"],
)
def test_a_page_that_docutils_cannot_read_is_an_error(source: str) -> None:
    with pytest.raises(ValueError, match=r"docutils"):
        rst.convert_rst(source)


def test_a_paragraph_too_long_for_inline_markup_keeps_its_words() -> None:
    source = "*word\n" * 2000
    assert prose(source).split() == ["*word"] * 2000
    assert len(warnings(source)) == 1


@st.composite
def pages(draw: st.DrawFn) -> tuple[str, dict[str, int]]:
    """Draw a page, with the line of each visible word, by construction."""
    lines: list[str] = []
    visible: dict[str, int] = {}

    def word(shape: str = "{}") -> str:
        name = f"w{len(visible)}"
        visible[name] = len(lines) + 1
        return shape.format(name)

    def paragraph(indent: str) -> None:
        shapes = ["{}", "*{}*", "``{}``", ":term:`{}`", "`{} <u>`__", ":odd:`{}`", "{}."]
        for _ in range(draw(st.integers(1, 2))):
            lines.append(indent + word(draw(st.sampled_from(shapes))) + " " + word())
        lines.append("")

    def block(indent: str, depth: int) -> None:
        match draw(st.sampled_from(["text", "text", "items", "directive", "code", "hidden"])):
            case "items" if depth < 3:
                for _ in range(draw(st.integers(1, 2))):
                    lines.append(f"{indent}- {word()}")
                    lines.append("")
                    block(indent + "  ", depth + 1)
            case "directive" if depth < 3:
                name = draw(st.sampled_from(["note", "seealso", "odd", "tab-item", "container"]))
                lines.extend([f"{indent}.. {name}::", ""])
                block(indent + "   ", depth + 1)
            case "code":
                lines.extend([f"{indent}.. code-block:: sh", ""])
                lines.append(f"{indent}   " + word("  *{}"))
                lines.append("")
            case "hidden":
                lines.extend([f"{indent}.. secret", f"{indent}   secret", ""])
            case _:
                paragraph(indent)

    for _ in range(draw(st.integers(1, 4))):
        if draw(st.booleans()):
            lines.extend([word(), "=" * 9, ""])
        block("", 0)
        paragraph("")
    return "\n".join(lines), visible


@given(pages())
def test_every_visible_word_is_in_one_block_in_order_on_its_line(
    page: tuple[str, dict[str, int]],
) -> None:
    source, visible = page
    blocks = html_reader.parse_html_page(rst.convert_rst(source)[0])
    words = [word.strip("*.") for block in blocks for word in block.text.split()]
    assert [word for word in words if word in visible or word == "secret"] == list(visible)
    for block in blocks:
        assert 1 <= block.lines[0] <= block.lines[1] <= source.count("\n") + 1
        for word in block.text.split():
            if word.strip("*.") in visible:
                line = visible[word.strip("*.")]
                assert block.lines[0] - 1 <= line <= block.lines[1] + 1


@given(st.text(alphabet="ab *`_|:.=-\n<>[]#\\\t", max_size=80))
def test_any_input_is_converted_or_an_error(source: str) -> None:
    try:
        rst.convert_rst(source)
    except ValueError as error:
        assert "docutils" in str(error)  # noqa: PT017


@pytest.mark.parametrize(
    ("role", "shown"),
    [
        (":class:`~boats.red.Hull`", "Hull"),
        (":obj:`~boats.row`", "row"),
        (":exc:`~boats.Wet`", "Wet"),
        (":mod:`.oars`", "oars"),
        (":meth:`.Hull.row`", "Hull.row()"),
        (":py:attr:`!Hull.size`", "Hull.size"),
        (":any:`~boats.Hull.size`", "size"),
        (":file:`.boatrc`", ".boatrc"),
        (":file:`~/boats`", "~/boats"),
    ],
)
def test_a_role_shows_the_part_of_a_name_that_is_meant(role: str, shown: str) -> None:
    assert prose(f"See {role}.\n") == f"See {shown}."


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (".. jupyter-execute::\n\n   row()\n", [("code", "row()")]),
        (".. jupyter-execute::\n   :hide-code:\n\n   row()\n", []),
        (".. ipython:: python\n   :suppress:\n\n   row()\n", []),
        (".. ipython:: python\n\n   @savefig boat.png\n   row()\n", [("code", "row()")]),
        (".. plot::\n\n   row()\n", [("code", "row()")]),
        (".. autofunction:: row\n\n.. autoclass:: Hull\n   :members:\n", []),
        (".. autosummary::\n   :toctree: made\n\n   boats.row\n", []),
    ],
)
def test_code_that_runs_is_code_and_what_is_made_of_modules_is_not_text(
    source: str, expected: list[tuple[str, str]]
) -> None:
    assert parts(f"{source}\nEnd.\n") == [*expected, ("prose", "End.")]


def test_a_file_that_is_included_is_reported() -> None:
    assert parts(".. include:: oars.md\n   :parser: myst\n\nEnd.\n") == [("prose", "End.")]
    assert warnings("End.\n\n.. include:: oars.rst\n") == [
        (3, "The file oars.rst that is included here was not read.")
    ]


def test_the_name_of_an_object_is_an_anchor() -> None:
    source = ".. py:data:: MAX_CREW\n\n   How many row.\n\n.. confval:: boat.size\n"
    html = rst.convert_rst(source)[0]
    assert 'id="MAX_CREW"' in html
    assert 'id="boat.size"' in html


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (":orphan:", ""),
        (":orphan:\n:tocdepth: 2", ""),
        (":Author: Ann", "Author: Ann "),
    ],
)
def test_settings_of_sphinx_at_the_start_of_a_page_are_not_text(fields: str, expected: str) -> None:
    assert prose(f"{fields}\n\nBoats\n=====\n\nThey float.") == f"{expected}Boats They float."


def test_the_name_that_a_directive_of_the_site_is_about_is_not_text() -> None:
    assert prose("Sail.\n\n.. boat-list:: kestrel\n\nRow.") == "Sail. Row."
    assert prose('Sail.\n\n.. boat-list:: kestrel "at sea"\n\nRow.') == "Sail. Row."
    assert prose(".. boat-box:: The kestrel\n\n   It floats.") == "The kestrel It floats."


def test_a_name_before_its_own_heading_is_only_a_target() -> None:
    source = """\
Kilns
=====

Hot.

.. setting:: KILN_HEAT

.. setting:: kiln_heat

``kiln_heat``
-------------

In degrees.

.. setting:: kiln_door

   Open or shut.

Doors
-----
"""
    assert prose(source) == "Kilns Hot. kiln_heat In degrees. kiln_door Open or shut. Doors"
    assert 'id="KILN_HEAT"' in rst.convert_rst(source)[0]
