"""Test where inline markup is in the text of a block, in every format that has it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.models.documents import Markup
from assistant.readers.html import parse_html
from assistant.readers.inline import (
    PieceMarkup,
    collapse_pieces,
    collapse_whitespace,
    join_cells,
    slice_markup,
)
from assistant.readers.markdown import parse_markdown
from assistant.readers.rst import convert_rst


def marks_of(blocks) -> list[tuple[str, str, str]]:
    """The kind, the words and the address of each piece of markup, without the cells."""
    return [
        (m.kind, block.text[m.start : m.end], m.url)
        for block in blocks
        for m in block.markup
        if m.kind != "cell"
    ]


def cells_of(blocks) -> list[list[str]]:
    """The cells of each row."""
    return [
        [block.text[m.start : m.end] for m in block.markup if m.kind == "cell"]
        for block in blocks
        if block.kind in {"header", "row"}
    ]


MARKS = [
    ("link", "the pump", "pump.md"),
    ("strong", "never  open".replace("  ", " "), ""),
    ("emphasis", "hot", ""),
    ("code", "valve | 3", ""),
]
SOURCES = {
    "Markdown": "The pump. See [the pump](pump.md), **never\n open** it _hot_: `valve  |  3`.",
    "HTML": (
        "<p>The pump. See <a href=pump.md>the pump</a>, <strong>never\n open</strong> it "
        "<em>hot</em>: <code>valve  |  3</code>."
    ),
    "HTML by look": (
        "<p>The pump. See <a href=pump.md>the pump</a>, <b>never\n open</b> it "
        "<i>hot</i>: <tt>valve  |  3</tt>."
    ),
    "HTML in Markdown": (
        "The pump. See <a href=pump.md>the pump</a>, <b>never\n open</b> it <i>hot</i>: "
        "<kbd>valve | 3</kbd>."
    ),
    "reStructuredText": (
        "The pump. See `the pump <pump.md>`_, **never\nopen** it *hot*: ``valve  |  3``."
    ),
}


@pytest.mark.parametrize("name", SOURCES)
def test_links_and_styles_have_their_place_in_every_format(name) -> None:
    source = SOURCES[name]
    if name == "reStructuredText":
        source = convert_rst(source)[0]
    parse = parse_markdown if "Markdown" in name else parse_html
    (block,) = parse(source)
    assert block.text == "The pump. See the pump, never open it hot: valve | 3."
    assert marks_of([block]) == MARKS
    assert block.markup[0].start == len("The pump. See ")


def test_markup_inside_other_markup_has_its_own_place() -> None:
    for block in (
        *parse_markdown("Do **_not_ [open `it`](a)** now"),
        *parse_html("Do <b><i>not</i> <a href=a>open <code>it</code></a></b> now"),
    ):
        assert marks_of([block]) == [
            ("strong", "not open it", ""),
            ("emphasis", "not", ""),
            ("link", "open it", "a"),
            ("code", "it", ""),
        ]


def test_headings_items_labels_and_cells_have_markup_too() -> None:
    blocks = parse_markdown(
        '# The `zorb`\n\n- a **glim**\n\n!!! note "Be *kind*"\n    Always.\n\n'
        "| A | `B` |\n|---|---|\n| [c](d) | |\n"
    )
    assert marks_of(blocks) == [
        ("code", "zorb", ""),
        ("strong", "glim", ""),
        ("emphasis", "kind", ""),
        ("code", "B", ""),
        ("link", "c", "d"),
    ]


def test_code_blocks_have_no_markup() -> None:
    assert marks_of(parse_markdown("```\n**a** `b` [c](d)\n```")) == []
    assert marks_of(parse_html("<pre><code><b>a</b> <a href=b>c</a></code></pre>")) == []


def test_markup_without_words_is_left_out() -> None:
    assert marks_of(parse_markdown("A [](b) ![c](d) <b></b> [![e](f)](g) end")) == []
    assert marks_of(parse_html("A <b> </b><a href=b><img src=c></a> end")) == []


def test_what_is_open_at_the_end_of_a_block_of_html_goes_on_in_the_next() -> None:
    blocks = parse_html("<div><b>one<div>two <i>three</i></div>four</b> five</div>")
    assert [block.text for block in blocks] == ["one", "two three", "four five"]
    assert marks_of(blocks) == [
        ("strong", "one", ""),
        ("strong", "two three", ""),
        ("emphasis", "three", ""),
        ("strong", "four", ""),
    ]


def test_a_paragraph_that_is_bold_as_a_whole_stays_bold_below_real_headings() -> None:
    (_, possible) = parse_markdown("# Zorbs\n\n**Feed it at noon**")
    assert marks_of([possible]) == [("strong", "Feed it at noon", "")]


@pytest.mark.parametrize(
    ("role", "kind"),
    [("func", "code"), ("file", "code"), ("kbd", "code"), ("term", ""), ("guilabel", "")],
)
def test_a_role_is_code_where_the_published_page_shows_code(role, kind) -> None:
    rst = parse_html(convert_rst(f"Use :{role}:`glim` now.")[0])
    myst = parse_markdown(f"Use {{{role}}}`glim` now.")
    for marks in (marks_of(rst), marks_of(myst)):
        assert [mark[0] for mark in marks] == [kind] * bool(kind)


# -- Cells ----------------------------------------------------------------------------------


TABLES = {
    "Markdown": (
        parse_markdown,
        "| A | B | C |\n|---|---|---|\n| | x | |\n| `a | b` | | d |\n| one |\n".replace(
            "a | b", "a \\| b"
        ),
    ),
    "Markdown without a header": (
        parse_markdown,
        "| A | B | C |\n| | x | |\n| `a | b` | | d |\n| one | | |\n",
    ),
    "HTML": (
        parse_html,
        (
            "<table><tr><th>A<th>B<th>C<tr><td><td>x<td><tr><td><code>a | b</code><td><td>d"
            "<tr><td>one<td><td></table>"
        ),
    ),
}


@pytest.mark.parametrize("name", TABLES)
def test_every_cell_has_its_place_also_where_it_is_empty_or_has_a_bar(name) -> None:
    parse, source = TABLES[name]
    blocks = parse(source)
    assert [block.text for block in blocks] == ["A | B | C", "x", "a | b | d", "one"]
    assert cells_of(blocks) == [
        ["A", "B", "C"],
        ["", "x", ""],
        ["a | b", "", "d"],
        ["one", "", ""],
    ]


def test_the_blocks_in_a_cell_are_one_cell_with_their_markup() -> None:
    (row,) = parse_html("<table><tr><td><p>a <b>b</b></p><p><i>c</i></p><td>d</table>")
    assert cells_of([row]) == [["a b c", "d"]]
    assert marks_of([row]) == [("strong", "b", ""), ("emphasis", "c", "")]


def test_cells_are_joined_with_borders_between_those_that_have_words() -> None:
    text, markup = join_cells([("", ()), ("a", [Markup(0, 1, "code")]), ("", ()), ("b", ())])
    assert text == "a | b"
    assert [(m.kind, m.start, m.end) for m in markup] == [
        ("cell", 0, 0), ("cell", 0, 1), ("code", 0, 1), ("cell", 1, 1), ("cell", 4, 5),
    ]  # fmt: skip


# -- White space ----------------------------------------------------------------------------


PIECES = st.lists(st.text("ab \n\t\u200b\xa0", max_size=4), max_size=8)


@given(st.data())
def test_collapsing_places_the_markup_at_the_words_it_was_around(data) -> None:
    pieces = data.draw(PIECES)
    edge = st.integers(0, len(pieces))
    spans = [
        PieceMarkup(min(a, b), max(a, b), "strong")
        for a, b in data.draw(st.lists(st.tuples(edge, edge), max_size=4))
    ]
    text, markup = collapse_pieces(pieces, spans)
    assert text == collapse_whitespace("".join(pieces))
    words = [collapse_whitespace("".join(pieces[span.first : span.end])) for span in spans]
    assert sorted(text[m.start : m.end] for m in markup) == sorted(filter(None, words))
    before = [collapse_whitespace("".join(pieces[: span.first])) for span in spans]
    for span, words_before, own in zip(spans, before, words, strict=True):
        if own:
            starts = {m.start for m in markup if text[m.start : m.end] == own}
            assert len(words_before) in starts | {start - 1 for start in starts}, span


def test_a_part_of_a_text_keeps_whole_links_and_parts_of_styles() -> None:
    markup = [Markup(0, 4, "link", "a"), Markup(2, 8, "strong"), Markup(6, 9, "link", "b")]
    assert list(slice_markup(markup, 3, 9)) == [Markup(0, 5, "strong"), Markup(3, 6, "link", "b")]
