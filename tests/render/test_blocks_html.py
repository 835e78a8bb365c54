"""Test the blocks of an answer as HTML: a parser that is not ours reads exactly their text."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.models.answers import Answer, Block, BlockRow, Citation, Span
from assistant.render import catalogue
from assistant.render.blocks_html import BlockRenderer
from tests.parsed import Parsed

if TYPE_CHECKING:
    from collections.abc import Sequence

SOURCES = {1: "/guide/zorbs.md#one", 2: '/guide/"glims".md?a=1&b=2#two', 3: "https://zorb.example"}
HOSTILE = '<img src=x onerror="alert(1)">\'</td></table></blockquote><script>x</script>&lt;&amp;'
ALLOWED = set("blockquote p a mark span pre code table thead tbody tr th td strong em div".split())


def row(*texts: str, marker: str = "", level: int = 0) -> BlockRow:
    return BlockRow(tuple((Span(text),) for text in texts), marker, level)


def make_answer(citations: int, blocks: Sequence[Block]) -> Answer:
    cited = tuple(
        Citation(n, "z.md#/1", "z.md", ("Z",), "", "z.md", "Z", (0, 1), (1, 1), "s")
        for n in range(1, citations + 1)
    )
    return Answer(
        "z?", "z?", bool(cited), cited, 0.5, (), (), (), (), (), "extractive", (), "g", 0.1,
        blocks=tuple(blocks),
    )  # fmt: skip


def paragraph(*spans: Span, number: int = 1) -> Block:
    return Block("paragraph", (number,), (BlockRow((spans,)),))


def code(text: str) -> Block:
    return Block("code", (1,), (row(text),))


def render(*blocks: Block, root: str = "", language: str = "en") -> str:
    messages = catalogue.choose_messages("", language)
    answer = make_answer(max([0, *(n for block in blocks for n in block.citations)]), blocks)
    return BlockRenderer(messages, SOURCES, root).render(answer.grouped_blocks if blocks else ())


def parse(*blocks: Block, root: str = "") -> Parsed:
    source = render(*blocks, root=root)
    assert "\n" not in source
    return Parsed(source)


def test_blocks_that_share_sources_are_one_quote_and_a_number_follows_its_last_block():
    parsed = parse(
        Block("heading", (1,), (row("Zorbs"),)),
        paragraph(Span("A zorb glims.")),
        paragraph(Span("It hums."), number=2),
        Block("table", (2, 3), (row("a", "b"),), total=1),
        code("hum"),
    )
    assert parsed.texts("blockquote") == ["ZorbsA zorb glims.", "It hums.ab[2] [3]", "hum[1]"]
    numbers = [e for e in parsed.elements if e.attributes.get("class") == "number"]
    assert [e.attributes["href"] for e in numbers] == [SOURCES[n] for n in (2, 3, 1)]
    assert [e.attributes["title"] for e in numbers] == [f"Source {n}" for n in (2, 3, 1)]


def test_no_blocks_are_no_quote():
    assert render() == ""


def test_a_heading_and_a_paragraph_are_paragraphs():
    parsed = parse(Block("heading", (1,), (row("Zorbs"),)), paragraph(Span("It hums.")))
    assert [e.attributes for e in parsed.elements if e.tag == "p"] == [
        {"class": "quoted-heading"},
        {},
    ]


def test_a_table_has_its_header_its_rows_and_how_many_there_are():
    header = ((Span("Zorb"),), (Span("Weight"),))
    block = Block("table", (1,), (row("red", "1 glim"), row("blue", "2 glims")), header, total=12)
    parsed = parse(block)
    assert parsed.texts("th") == ["Zorb", "Weight"]
    assert parsed.texts("td") == ["red", "1 glim", "blue", "2 glims"]
    assert parsed.texts("thead") == ["ZorbWeight"]
    assert parsed.texts("tr") == ["ZorbWeight", "red1 glim", "blue2 glims"]
    (note,) = (e.text for e in parsed.elements if e.attributes.get("class") == "shown")
    assert note == "2 of 12 rows [1]"


def test_a_table_without_a_header_and_one_without_rows_have_no_empty_part():
    assert "thead" not in parse(Block("table", (1,), (row("a", "b"),), total=1)).tags
    assert "tbody" not in parse(Block("table", (1,), (), ((Span("a"),),))).tags


@pytest.mark.parametrize("kind", ["table", "list"])
def test_a_table_or_list_that_is_shown_whole_says_no_number(kind):
    parsed = parse(Block(kind, (1,), (row("a", marker="-"), row("b", marker="-")), total=2))
    assert "shown" not in [e.attributes.get("class") for e in parsed.elements]


@pytest.mark.parametrize("language", catalogue.languages())
def test_how_much_is_shown_is_said_in_the_language_of_the_reader(language):
    say = catalogue.choose_messages("", language)
    for kind, key in (("table", "rows_shown"), ("list", "items_shown")):
        source = render(Block(kind, (1,), (row("a"),), total=7), language=language)
        assert say(key, shown=1, total=7) in Parsed(source).text


def test_an_item_has_its_marker_and_its_depth():
    rows = (
        row("one", marker="9."),
        row("two", marker="-", level=1),
        row("three", marker="*", level=2),
        row("four", marker="a)", level=3),
        row("five", level=9),
        row("more", level=0),
    )
    parsed = parse(Block("list", (1,), rows, total=4))
    items = [e for e in parsed.elements if e.tag == "p"]
    assert [e.attributes["class"] for e in items] == [f"item item-{n}" for n in (0, 1, 2, 3, 3, 0)]
    assert [e.text for e in items] == [
        "9. one",
        "• two",
        "* three",
        "a) four",
        "five",
        "more [1]",
    ]


def test_the_number_of_items_does_not_count_their_further_paragraphs():
    rows = row("one", marker="-"), row("more"), row("two", marker="-")
    assert "2 of 7 items" in parse(Block("list", (1,), rows, total=7)).text
    assert "items" not in parse(Block("list", (1,), rows, total=2)).text


def test_code_keeps_its_lines_and_its_characters():
    text = "if a < b && c:\n\n    print('*hum*')\t# <b>\n\\end"
    parsed = parse(code(text))
    assert parsed.texts("pre") == parsed.texts("code") == [text]
    assert parsed.tags == ["blockquote", "pre", "code", "p", "a", "span", "span"]


def test_words_that_decide_are_marked_also_inside_a_link():
    link = Span("noon", "https://zorb.example/noon", highlight=True)
    parsed = parse(paragraph(Span("It naps. "), Span("It hums at ", highlight=True), link))
    assert parsed.texts("mark") == ["It hums at noon"]
    assert parsed.links[0] == ("noon", "https://zorb.example/noon")


def test_a_link_leads_to_the_web_or_to_a_page_of_this_server():
    spans = [
        Span("a", "https://zorb.example/?a=1&copy=2"),
        Span("b", "HTTP://zorb.example/"),
        Span("c", "mailto:zorb@zorb.example"),
        Span("d", "deep/My zorb.md#at%20noon"),
        Span("e", "deep/zorb.md"),
    ]
    parsed = parse(paragraph(*spans), root="/help")
    assert parsed.links[:-1] == [
        ("a", "https://zorb.example/?a=1&copy=2"),
        ("b", "HTTP://zorb.example/"),
        ("c", "mailto:zorb@zorb.example"),
        ("d", "/help/guide/deep/My%20zorb.md#at%20noon"),
        ("e", "/help/guide/deep/zorb.md"),
    ]
    anchors = [e.attributes for e in parsed.elements if e.tag == "a"]
    assert all(a["target"] == "_blank" and a["rel"] == "noopener noreferrer" for a in anchors)


def test_the_code_of_an_item_is_below_it_and_each_number_is_at_its_last_row():
    rows = (
        BlockRow(((Span("Run:"),),), "1.", citation=1),
        BlockRow(((Span("zorb <a>"),),), is_code=True, citation=1),
        BlockRow(((Span("Wait"),),), "2.", citation=2),
    )
    parsed = parse(Block("list", (1, 2), rows, total=2))
    assert parsed.texts("pre") == ["zorb <a>"]
    assert parsed.text == "1. Run:zorb <a>[1]2. Wait [2]"


def test_styles_are_elements_inside_one_link():
    parsed = parse(
        paragraph(
            Span("Do ", styles=("strong",)),
            Span("not", styles=("strong", "emphasis"), highlight=True),
            Span(" run ", "https://zorb.example/"),
            Span("<zorb>", "https://zorb.example/", styles=("code",)),
        )
    )
    assert parsed.texts("strong") == ["Do ", "not"]
    assert parsed.texts("em") == parsed.texts("mark") == ["not"]
    assert parsed.texts("code") == ["<zorb>"]
    assert parsed.links[0] == (" run <zorb>", "https://zorb.example/")


HOSTILE_BLOCKS = [
    Block("heading", (1,), (row(HOSTILE),)),
    paragraph(Span(HOSTILE, 'https://a.example/"><img src=x>', highlight=True)),
    Block("list", (2,), (row(HOSTILE, marker="<b>"),), total=3),
    Block("table", (2,), (row(HOSTILE, HOSTILE),), ((Span(HOSTILE),), (Span(HOSTILE),)), total=9),
    code(HOSTILE),
]


@pytest.mark.parametrize("block", HOSTILE_BLOCKS, ids=lambda block: block.kind)
def test_hostile_text_is_read_as_text_alone(block):
    parsed = parse(block)
    assert set(parsed.tags) <= ALLOWED
    names = {name for element in parsed.elements for name in element.attributes}
    assert names <= {"class", "dir", "href", "title", "target", "rel"}
    cells = len(block.header) + sum(len(row.cells) for row in block.rows)
    assert parsed.text.count(HOSTILE) == cells


TEXT = st.text(st.sampled_from("<>&\"'/=`#;ampltx \u00e9\u2028"), min_size=1, max_size=20)


@given(
    TEXT,
    st.sampled_from(["heading", "paragraph", "list", "table", "code"]),
    st.lists(st.sampled_from(["strong", "emphasis", "code"]), unique=True).map(tuple),
)
def test_any_text_is_read_as_it_is(text, kind, styles):
    parsed = parse(Block(kind, (1,), (BlockRow(((Span(text, styles=styles),),)),), total=1))
    shown = parsed.text.removesuffix("[1]")
    assert shown.removeprefix("• ").split() == text.split()
    assert set(parsed.tags) <= ALLOWED
