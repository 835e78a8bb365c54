"""Test the blocks of an answer as Markdown: a parser that is not ours reads exactly their text."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from assistant.models.answers import Block, BlockRow, Span
from assistant.render.blocks_markdown import (
    escape_markdown,
    render_block,
    render_blocks,
    strip_markdown,
)
from tests.parsed import Parsed, parse_markdown

BASE = "https://help.example/of-zorbs"


def row(*texts: str, marker: str = "", level: int = 0) -> BlockRow:
    return BlockRow(tuple((Span(text),) for text in texts), marker, level)


def paragraph(*spans: Span) -> Block:
    return Block("paragraph", (1,), (BlockRow((spans,)),))


def items(*rows: BlockRow) -> Block:
    return Block("list", (1,), rows, total=len(rows))


def table(*rows: tuple[str, ...], header: tuple[str, ...] = ()) -> Block:
    cells = tuple((Span(text),) for text in header)
    return Block("table", (1,), tuple(row(*texts) for texts in rows), cells, total=len(rows))


def code(text: str) -> Block:
    return Block("code", (1,), (row(text),))


def parse(block: Block) -> Parsed:
    return parse_markdown(render_block(block, BASE))


# Runs of one mark and lines that begin with one are what an escaper is most likely to miss.
MARKS = st.sampled_from([*"_*[]<>|~#+-1.)(&$\\`!:=^\"'/;", "lt;", "__", "**", "x", "é", "10"])
TEXT = st.lists(st.lists(MARKS, min_size=1, max_size=4).map("".join), min_size=1, max_size=5)
TEXTS = TEXT.map(" ".join)
HARD = [
    "__init__", "_a_ b_c", "\\_", "a_ _b", "1. one", "1) one", "# one", "- one", "+ one", "> one",
    "***", "---", "===", "```", "~~~", "~~a~~", "[a](b)", "[a]: b", "![a](b)", "<b>a</b>", "&lt;",
    "&#60;", "&amp;lt;", "\\&lt;", "a | b", "\\|", "\\\\|", "|---|", "[^1]", "[^1]: a", "`a`",
    "$a$", "https://a.example/?b=1&lt;c", "<https://a.example>", "a\\", ": a",
]  # fmt: skip


def _assert_text(parsed: Parsed, text: str, tags: list[str]) -> None:
    assert parsed.text.split() == text.split()
    assert parsed.tags == tags


@given(TEXTS)
def test_the_text_of_a_paragraph_is_read_as_it_is(text):
    _assert_text(parse(paragraph(Span(text))), text, ["p"])


@given(TEXTS)
def test_the_text_of_a_heading_is_read_as_it_is(text):
    _assert_text(parse(Block("heading", (1,), (row(text),))), text, ["p", "strong"])


@given(TEXTS, TEXTS)
def test_the_text_of_an_item_is_read_as_it_is(first, second):
    parsed = parse(items(row(first, marker="-"), row(second, marker="-")))
    _assert_text(parsed, f"{first} {second}", ["ul", "li", "li"])


@given(TEXTS, TEXTS)
def test_the_text_of_a_cell_is_read_as_it_is(first, second):
    parsed = parse(table((first, "x"), ("x", second), header=(second, first)))
    assert [text.split() for text in parsed.texts("th", "td")] == [
        text.split() for text in (second, first, first, "x", "x", second)
    ]
    assert set(parsed.tags) == set("table thead tbody tr th td".split())


@given(TEXTS)
def test_the_words_of_a_link_are_read_as_they_are(text):
    parsed = parse(paragraph(Span(text, "https://a.example/"), Span(" end")))
    _assert_text(parsed, f"{text} end", ["p", "a"])
    assert parsed.links[0][1] == "https://a.example/"


@given(st.lists(MARKS | st.sampled_from(["\n", "  ", "\n\n", "```", "````"]), min_size=1))
def test_code_is_read_as_it_is(pieces):
    text = f"x{''.join(pieces)}x"
    parsed = parse(code(text))
    assert parsed.texts("code") == [f"{text}\n"]
    assert parsed.tags == ["pre", "code"]
    assert text in render_block(code(text))


@pytest.mark.parametrize("text", HARD)
def test_what_markdown_would_change_is_read_as_it_is(text):
    _assert_text(parse(paragraph(Span(text))), text, ["p"])
    _assert_text(parse(items(row(text, marker="1."))), text, ["ol", "li"])
    assert parse(table((text, "x"), header=("a", "b"))).texts("td") == [text, "x"]


def test_plain_words_stay_as_they_are():
    plain = "A zorb's (red) snake_case is 3.5 glims - or 4; it hums: “yes”! See AT&T, no. 1."
    assert escape_markdown(plain) == plain


def test_an_exclamation_mark_before_a_link_does_not_make_an_image():
    for before in ("Look!", "\\!", "Look!!"):
        parsed = parse(paragraph(Span(before), Span("here", "https://a.example/x.png")))
        _assert_text(parsed, f"{before}here", ["p", "a"])


# -- Kinds ----------------------------------------------------------------------------------


def test_items_keep_their_numbers_and_are_nested_as_they_were():
    block = items(
        row("nine", marker="9."),
        row("ten", marker="10."),
        row("under ten", marker="-", level=1),
        row("deeper", marker="-", level=2),
        row("eleven", marker="11."),
    )
    parsed = parse(block)
    assert [e.text.split() for e in parsed.elements if e.tag == "li"] == [
        ["nine"],
        ["ten", "under", "ten", "deeper"],
        ["under", "ten", "deeper"],
        ["deeper"],
        ["eleven"],
    ]
    (numbered,) = (e for e in parsed.elements if e.tag == "ol")
    assert numbered.attributes == {"start": "9"}


ITEMS = st.tuples(st.sampled_from(["-", "1.", "7.", "10."]), st.integers(0, 4))


@given(st.lists(ITEMS, min_size=1))
@example([("-", 3)])
@example([("-", 0), ("7.", 1)])
@example([("-", 0), ("7.", 0)])
def test_every_item_is_an_item_however_deep_the_quote_begins(drawn):
    block = items(*(row(f"w{n}", marker=m, level=d) for n, (m, d) in enumerate(drawn)))
    parsed = parse(block)
    assert [e.text.split()[0] for e in parsed.elements if e.tag == "li"] == [
        f"w{n}" for n in range(len(drawn))
    ]
    assert set(parsed.tags) <= {"ul", "ol", "li", "p"}


def test_a_further_paragraph_of_an_item_is_in_that_item():
    block = items(
        row("one", marker="9."),
        row("more of one"),
        row("two", marker="-", level=1),
        row("more of two", level=1),
        row("again one"),
        row("three", marker="10."),
    )
    parsed = parse(block)
    assert [e.text.split() for e in parsed.elements if e.tag == "li"] == [
        "one more of one two more of two again one".split(),
        "two more of two".split(),
        ["three"],
    ]
    assert parsed.texts("p") == [
        "one", "more of one", "two", "more of two", "again one", "three",
    ]  # fmt: skip
    assert [e.attributes for e in parsed.elements if e.tag == "ol"] == [{"start": "9"}]


def test_a_paragraph_of_an_item_whose_beginning_is_left_out_is_a_paragraph():
    parsed = parse(items(row("the rest"), row("three", marker="3.")))
    assert parsed.texts("p", "li") == ["the rest", "three"]


def test_two_lists_in_a_row_stay_two_and_the_third_too(corpus_assistant):
    answer = corpus_assistant.ask("how is a PM different from a PO?")
    lists = [items(row("a", marker="7."), row("b", marker="8.")), items(row("c", marker="1."))]
    lists += [
        items(row("d", marker="1.")),
        items(row("e", marker="-")),
        items(row("f", marker="-")),
    ]
    changed = dataclasses.replace(
        answer, citations=answer.citations[:1], blocks=(*lists, paragraph(Span("end")))
    )
    parsed = parse_markdown("\n\n".join(render_blocks(changed, "[{}]")))
    assert [e.text.split() for e in parsed.elements if e.tag in {"ol", "ul"}] == [
        ["a", "b"], ["c"], ["d"], ["e"], ["f"],
    ]  # fmt: skip
    starts = [e.attributes.get("start", "1") for e in parsed.elements if e.tag == "ol"]
    assert starts == ["7", "1", "1"]


def test_numbers_that_are_not_the_next_ones_stay_as_they_are():
    parsed = parse(items(*(row(str(n), marker=f"{n}.") for n in (1, 2, 5, 6, 4, 4))))
    shown = [e for e in parsed.elements if e.tag == "ol"]
    assert [(e.attributes.get("start", "1"), e.text.split()) for e in shown] == [
        ("1", ["1", "2"]), ("5", ["5", "6"]), ("4", ["4"]), ("4", ["4"]),
    ]  # fmt: skip


STEPS = items(
    row("Run:", marker="1."),
    BlockRow(((Span("zorb |\n\n  *glim*\n```"),),), is_code=True),
    row("Wait", marker="2."),
    BlockRow(((Span("hum"),),), "-", 1, is_code=True),
    row("Rest", marker="3."),
)


def test_the_code_of_an_item_is_in_that_item():
    parsed = parse(STEPS)
    assert parsed.texts("code") == ["zorb |\n\n  *glim*\n```\n", "hum\n"]
    assert [e.attributes for e in parsed.elements if e.tag == "ol"] == [{}]
    assert [e.text.split()[0] for e in parsed.elements if e.tag == "li"] == [
        "Run:", "Wait", "hum", "Rest",
    ]  # fmt: skip


def test_the_code_of_an_item_comes_back_with_all_its_lines():
    lines = strip_markdown(render_block(STEPS)).splitlines()
    assert [line for line in lines if line.strip()] == [
        "1. Run:", "zorb |", "  *glim*", "```", "2. Wait", "   -", "hum", "3. Rest",
    ]  # fmt: skip


def test_the_number_of_a_source_follows_its_last_item_or_its_code():
    rows = [
        BlockRow(((Span(text),),), marker, citation=number)
        for text, marker, number in (("a", "1.", 1), ("b", "2.", 1), ("c", "3.", 2))
    ]
    lines = render_block(Block("list", (1, 2), tuple(rows)), "", [1, 2], "[^{}]").splitlines()
    assert lines == ["1. a", "2. b [^1]", "3. c [^2]"]
    code_last = items(row("a", marker="1."), BlockRow(((Span("b"),),), is_code=True))
    assert render_block(code_last, "", [1], "[^{}]").endswith("```\n\n   [^1]")


def test_a_number_that_markdown_does_not_have_is_a_bullet():
    assert parse(items(row("one", marker="-1."), row("two", marker="0."))).texts("li") == [
        "one",
        "two",
    ]


def test_a_table_without_a_header_or_with_short_rows_is_still_a_table():
    assert parse(table(("a", "b"), ("c",))).texts("td") == ["a", "b", "c", ""]
    assert parse(table(("a", "b"))).texts("th") == ["", ""]


def test_a_heading_is_bold():
    assert parse(Block("heading", (1,), (row("Zorbs"),))).texts("strong") == ["Zorbs"]


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("https://a.example/b?c=1&d=2#e", "https://a.example/b?c=1&d=2#e"),
        ("https://a.example/?c=1&lt;d", "https://a.example/?c=1&lt;d"),
        ("https://a.example/b_(c)", "https://a.example/b_%28c%29"),
        ("mailto:zorb@a.example", "mailto:zorb@a.example"),
        ("deep/My zorb.md#at%20noon", f"{BASE}/guide/deep/My%20zorb.md#at%20noon"),
        ("zorb.md", f"{BASE}/guide/zorb.md"),
    ],
)
def test_a_link_keeps_its_target_in_a_paragraph_an_item_and_a_cell(url, target):
    cell = (Span("See "), Span("it", url))
    for kind in ("paragraph", "list", "table"):
        parsed = parse(Block(kind, (1,), (BlockRow((cell,)),), total=1))
        assert parsed.links == [("it", target)]


def test_the_numbers_stand_at_the_end_of_text_and_below_a_table_or_code():
    for block in (paragraph(Span("a")), items(row("a", marker="-"))):
        assert render_block(block, "", [1], "[^{}]").endswith("a [^1]")
    for block in (table(("a", "b")), code("a = 1")):
        text = render_block(block, "", [1], "[^{}]")
        assert text == f"{render_block(block)}\n\n[^1]"


# -- Read back ------------------------------------------------------------------------------


@given(TEXTS, st.sampled_from(["paragraph", "heading"]))
@example("[a](b)", "paragraph")
@example("\\[a](b)", "paragraph")
@example("&amp;lt; &lt;", "paragraph")
def test_the_text_of_a_paragraph_comes_back(text, kind):
    assert strip_markdown(render_block(Block(kind, (1,), (row(text),)))) == text


@given(TEXTS, TEXTS, TEXTS)
@example("\\", "a", "b")
def test_a_link_comes_back_as_its_words(before, words, after):
    block = paragraph(Span(before), Span(words, "https://a.example/_x_"), Span(after))
    assert strip_markdown(render_block(block)) == before + words + after


@given(st.lists(TEXTS, min_size=1, max_size=3))
def test_the_items_of_a_list_come_back_with_their_markers(texts):
    rows = [row(text, marker=f"{n}.") for n, text in enumerate(texts, 1)]
    assert strip_markdown(render_block(items(*rows))).splitlines() == [
        f"{n}. {text}" for n, text in enumerate(texts, 1)
    ]


@given(st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=3), st.booleans())
def test_the_rows_of_a_table_come_back_between_borders(rows, has_header):
    block = table(*rows, header=("A", "B") if has_header else ())
    expected = [("A", "B"), *rows] if has_header else rows
    assert strip_markdown(render_block(block)).splitlines() == [
        f"| {a} | {b} |" for a, b in expected
    ]


@given(st.lists(MARKS | st.sampled_from(["\n", "\n\n", "\n```\n", "\n**a**\n", "\\*", "&amp;lt;"])))
@example(["\n| --- | --- |\n", "[a](b)", "\n```python\n", "\\n"])
def test_code_comes_back_with_all_its_lines(pieces):
    text = f"x{''.join(pieces)}x"
    assert strip_markdown(render_block(code(text))) == text


# -- Styles ---------------------------------------------------------------------------------


TAGS = {"strong": "strong", "emphasis": "em", "code": "code"}


def styled(text: str, *styles: str, url: str = "") -> Span:
    return Span(text, url, styles=styles)


@pytest.mark.parametrize("style", TAGS)
@pytest.mark.parametrize("kind", ["paragraph", "list", "table"])
def test_words_with_a_style_are_read_with_it_in_every_kind_of_block(kind, style):
    cell = (Span("Run "), styled("zorb now", style), Span(" or nap."))
    block = Block(kind, (1,), (BlockRow((cell,), "-" if kind == "list" else ""),), total=1)
    parsed = parse(block)
    assert parsed.texts(TAGS[style]) == ["zorb now"]
    assert "Run zorb now or nap." in parsed.text


def test_styles_are_nested_and_so_are_they_in_a_link():
    parsed = parse(
        paragraph(
            styled("a ", "strong"),
            styled("b", "strong", "emphasis"),
            Span(" "),
            styled("c ", "strong", url="https://a.example/"),
            styled("d", "strong", "code", url="https://a.example/"),
        )
    )
    assert parsed.text.strip() == "a b c d"
    assert parsed.links == [("c d", "https://a.example/")]
    assert (parsed.texts("em"), parsed.texts("code")) == (["b"], ["d"])
    assert parsed.texts("strong") == ["a b", "c d"]


@pytest.mark.parametrize("text", ["`", "``", "a`b", "`a`", "a``b`", "a\\", "[a](b)", "&lt;", "**"])
def test_code_is_read_as_it_is_with_backticks_and_other_marks_in_it(text):
    for block in (paragraph(styled(text, "code")), table((text, "x"), header=("a", "b"))):
        styles = BlockRow(tuple((styled(s.text, "code"),) for c in block.rows[0].cells for s in c))
        parsed = parse(Block(block.kind, (1,), (styles,), block.header, total=1))
        assert parsed.texts("code")[0] == text


def test_a_bar_in_the_code_of_a_cell_is_no_border():
    row_ = BlockRow(((styled("a | b", "code"),), (styled("c\\|d", "code"),)))
    parsed = parse(Block("table", (1,), (row_,), total=1))
    assert parsed.texts("td") == ["a | b", "c\\|d"]
    assert parsed.texts("code") == ["a | b"]  # a backslash before a bar cannot be code there


@pytest.mark.parametrize(
    ("before", "text", "after"),
    [("un", "bold", "ly"), ("a", "(b)", "c"), ("x", "“y”", "z"), ("", "a", "b")],
)
def test_a_style_that_markdown_cannot_write_is_left_out_and_the_text_stays(before, text, after):
    for style in TAGS:
        parsed = parse(paragraph(Span(before), styled(text, style), Span(after)))
        assert parsed.text.strip() == f"{before}{text}{after}"


STYLES = st.sets(st.sampled_from([*TAGS])).map(lambda drawn: tuple(s for s in TAGS if s in drawn))
PIECES = TEXTS | MARKS | st.sampled_from([" ", "word", " word", "word ", "lt;"])
URLS = st.sampled_from(["", "", "https://a.example/"])
SPANS = st.lists(st.builds(Span, PIECES, URLS, st.booleans(), STYLES), min_size=1, max_size=6)


@given(SPANS, st.sampled_from(["paragraph", "list", "table", "heading"]))
@example([Span("&"), styled("l", "emphasis"), Span("t;")], "paragraph")
@example([Span("`"), styled("a", "code")], "paragraph")
@example([Span("!"), styled("a", "strong", url="https://a.example/")], "paragraph")
@example([Span("1"), styled(". x", "emphasis")], "paragraph")
def test_text_with_any_styles_and_links_is_read_as_it_is(spans, kind):
    cell = tuple(spans)
    block = Block(kind, (1,), (BlockRow((cell,), "-" if kind == "list" else ""),), total=1)
    parsed = parse(block)
    assert parsed.text.split() == "".join(span.text for span in spans).split()
    allowed = "p a strong em code ul li table thead tbody tr th td".split()
    assert set(parsed.tags) <= set(allowed)


@given(SPANS)
@example([styled("a", "code"), Span("`")])
@example([styled("`", "code"), Span("a")])
@example([styled("a_", "emphasis"), Span(" _b")])
def test_text_with_any_styles_and_links_comes_back(spans):
    text = "".join(span.text for span in spans)
    assert strip_markdown(render_block(paragraph(*spans))) == text


@given(SPANS)
def test_a_cell_with_any_styles_comes_back(spans):
    block = Block("table", (1,), (BlockRow((tuple(spans), (Span("x"),))),), total=1)
    text = "".join(span.text for span in spans)
    assert strip_markdown(render_block(block)).split() == f"| {text} | x |".split()
