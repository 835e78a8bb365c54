"""Markdown is parsed to the blocks that a reader of the published page sees."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assistant.readers.dialects import convert_to_commonmark
from assistant.readers.markdown import parse_markdown

if TYPE_CHECKING:
    from assistant.models.documents import Block

PIECES = (
    "# |## |a|b c|\n|\n\n|- |1. |> |```|~~~|    |\t|`x`|*|**|[a](#b)|[a](http://b.c)|<div>|</div>|"
    "<!-- c -->|<b>|{: .x}|{#y}|{::options /}|---|===|{% if x %}|: |[^1]|[^1]: |\\|\u2028"
)
MARKUP = st.lists(
    st.sampled_from([*PIECES.split("|"), "|", "|--|--|\n"]),
    max_size=25,
).map("".join)


def kinds(source: str) -> list[str]:
    return [block.kind for block in parse_markdown(source)]


def texts(source: str, kind: str = "") -> list[str]:
    return [
        block.text for block in parse_markdown(source) if block.text and kind in {"", block.kind}
    ]


def headings(source: str) -> list[str]:
    return texts(source, "heading")


def only(source: str) -> Block:
    (block,) = parse_markdown(source)
    return block


# -- headings -------------------------------------------------------------------------------


@pytest.mark.parametrize("level", range(1, 7))
def test_atx_headings_have_six_levels(level: int) -> None:
    block = only("#" * level + " Title")
    assert (block.kind, block.text, block.level) == ("heading", "Title", level)


def test_setext_headings_span_their_underline() -> None:
    first, second = parse_markdown("One\n===\n\nTwo\n---")
    assert (first.text, first.level, first.lines) == ("One", 1, (1, 2))
    assert (second.text, second.level, second.lines) == ("Two", 2, (4, 5))


@pytest.mark.parametrize(
    "source",
    [
        "```\n# no\n```",
        "~~~\n# no\n~~~",
        "````\n```\n# no\n```\n````",
        "```\n~~~\n# no\n```",
        "```\n# no",
        "- item\n\n  ```\n  # no\n  ```",
        "1. ```\n   # no\n   ```",
        "> ```\n> # no\n> ```",
        "    # no",
        "<!--\n# no\n-->",
        "<pre>\n# no\n</pre>",
        "#no",
        "\\# no",
    ],
)
def test_a_heading_inside_code_or_a_comment_is_not_a_heading(source: str) -> None:
    assert headings(source + "\n") == []


def test_a_heading_after_a_closed_fence_is_a_heading() -> None:
    assert headings("```\n# no\n```\n# yes") == ["yes"]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("# The *big* **one**", "The big one"),
        ("# Using `pip`", "Using pip"),
        ("# See [the docs](x.md)", "See the docs"),
        ("# Q&amp;A", "Q&A"),
        ("# Ship it \U0001f680", "Ship it \U0001f680"),
        ("# Closed #", "Closed"),
        ("# Old <small>new</small>", "Old new"),
        ("# GET /users/{id}", "GET /users/{id}"),
    ],
)
def test_a_heading_has_no_markup(source: str, expected: str) -> None:
    assert headings(source) == [expected]


@pytest.mark.parametrize(
    "source",
    [
        "## Title {#own}",
        "## Title {: #own}",
        "## Title { #own }",
        '## Title { #own .cls data-toc-label="T" }',
        "## Title\n{: #own}",
        "## Title\n{: .cls #own}",
        "Title {#own}\n---",
    ],
)
def test_a_heading_may_have_an_explicit_anchor(source: str) -> None:
    block = parse_markdown(source)[0]
    assert (block.text, block.anchor) == ("Title", "own")


def test_an_anchor_shown_as_code_is_text() -> None:
    block = only("## Writing `{#own}`")
    assert (block.text, block.anchor) == ("Writing {#own}", "")


# -- lists, tables, quotations --------------------------------------------------------------


def test_nested_lists_keep_their_depth_marker_and_group() -> None:
    blocks = parse_markdown("- a\n  - b\n- c\n\ntext\n\n3. d\n4. e")
    assert [(b.text, b.marker, b.level) for b in blocks] == [
        ("a", "- ", 0),
        ("b", "- ", 1),
        ("c", "- ", 0),
        ("text", "", 0),
        ("d", "3. ", 0),
        ("e", "4. ", 0),
    ]
    assert blocks[0].group == blocks[1].group == blocks[2].group
    assert blocks[4].group == blocks[5].group != blocks[0].group


def test_a_second_paragraph_of_an_item_has_no_marker() -> None:
    first, second = parse_markdown("- a\n\n  b")
    assert (first.marker, second.marker, second.kind) == ("- ", "", "item")


def test_a_table_is_a_header_and_rows_on_their_own_lines() -> None:
    blocks = parse_markdown("| a | b |\n|---|---|\n| 1 | `x|y` |\n| 3 | |")
    assert blocks[0].kind == "header"
    assert blocks[0].text == "a | b"
    assert [(b.kind, b.lines) for b in blocks[1:]] == [("row", (3, 3)), ("row", (4, 4))]
    assert blocks[2].text == "3"


@pytest.mark.parametrize("end", ["", "  "])
def test_kramdown_rows_without_a_header_are_rows(end: str) -> None:
    blocks = parse_markdown(f"|a|[b](http://c.d)|{end}\n|e|f|{end}")
    assert [(b.kind, b.text, b.lines) for b in blocks] == [
        ("row", "a | b", (1, 1)),
        ("row", "e | f", (2, 2)),
    ]
    assert blocks[0].links[0].url == "http://c.d"


def test_a_rule_between_kramdown_rows_is_no_row() -> None:
    assert texts("|a|b|\n|===|===|\n|c|d|") == ["a | b", "c | d"]


def test_a_quotation_is_not_prose() -> None:
    assert kinds("> said\n\nwritten") == ["quote", "prose"]


def test_code_is_verbatim_in_markdown() -> None:
    code = "a  b\n\n  {: .x}\n<!-- c -->\n{% if %}\n<div>\n\n# d"
    assert only(f"```html\n{code}\n```").text == code


def test_code_in_a_list_is_verbatim() -> None:
    source = "1. a\n\n   ```html\n   <!-- c -->\n   {: .x}\n   {% if %}\n   <div>\n   ```\n2. b"
    assert texts(source, "code") == ["<!-- c -->\n{: .x}\n{% if %}\n<div>"]


def test_a_code_span_keeps_what_looks_like_an_attribute() -> None:
    assert texts("Pass `{:a => 1}` or `{::b}` on.") == ["Pass {:a => 1} or {::b} on."]


def test_a_definition_list_has_its_lines() -> None:
    assert [(b.text, b.lines) for b in parse_markdown("Term\n: What it means")] == [
        ("Term", (1, 1)),
        ("What it means", (2, 2)),
    ]


def test_a_footnote_stays_where_it_is() -> None:
    assert texts("Text[^1].\n\n[^1]: The note.\n\n# Next\n\nMore.") == [
        "Text.",
        "The note.",
        "Next",
        "More.",
    ]


# -- what publishing tools leave ------------------------------------------------------------


@pytest.mark.parametrize(
    "noise",
    [
        '{::options parse_block_html="true" /}',
        "{: .no_toc }",
        "{:toc}",
        "{% include nav.html %}",
        '<div class="wide">',
        "<details open>",
        "<!-- a comment -->",
        "<!--\nover\nlines\n-->",
    ],
)
def test_marks_of_publishing_tools_are_not_text_and_move_no_line(noise: str) -> None:
    blocks = [b for b in parse_markdown(f"before\n\n{noise}\n\n## After") if b.text]
    assert [b.text for b in blocks] == ["before", "After"]
    assert blocks[1].lines[0] == 5 + noise.count("\n")


def test_markdown_inside_an_html_wrapper_is_markdown() -> None:
    assert headings("<div>\n## In\n\ntext\n</div>\n\n## Out") == ["In", "Out"]


def test_a_comment_in_code_hides_nothing() -> None:
    assert texts("Open one with `<!--` first.\n\n## Next") == ["Open one with <!-- first.", "Next"]


def test_span_attributes_are_not_text() -> None:
    assert texts("*a*{: .x} and [b](c.md){ .button }") == ["a and b"]


def test_html_is_its_text_without_scripts() -> None:
    source = "<p>Shown <b>bold</b></p>\n<script>hidden()</script></script><style>p{}</style>"
    assert texts(source) == ["Shown bold"]


@settings(deadline=None)
@given(MARKUP)
def test_converting_to_commonmark_adds_and_removes_no_line(source: str) -> None:
    assert convert_to_commonmark(source).count("\n") == source.count("\n")


@settings(deadline=None)
@given(MARKUP)
def test_blocks_are_in_order_within_the_file(source: str) -> None:
    last = source.count("\n") + 1
    before = 1
    for block in parse_markdown(source):
        assert before <= block.lines[0] <= block.lines[1] <= last
        before = block.lines[0]
        assert block.kind == "code" or block.text == " ".join(block.text.split())


def test_unicode_line_separators_end_no_line() -> None:
    blocks = parse_markdown("a\u2028b\x0cc\x85d\n\n# e")
    assert [(b.text, b.lines) for b in blocks] == [("a b c d", (1, 1)), ("e", (3, 3))]


@pytest.mark.parametrize(
    "unit",
    [
        *["{:", "{::", "{#a", "```\n", "- ```\n", "<div>\n", "{% ", "| a ", "<!--", "<!-- a -->"],
        *["[a", "[a]\n", "[a] [b.", "[`", "<table>\n\n", "<script ", '{{ "{{" ', "(a b"],
        *["{{< highlight a >}}\n", ":   <!-- a b -->\n", "{{</*"],
    ],
)
@pytest.mark.timeout(60)  # where time grew with the square, hours
def test_bad_input_is_converted_in_linear_time(unit: str) -> None:
    convert_to_commonmark((unit * 300_000)[:300_000])
