"""Test how quotes become blocks: paragraphs, lists, tables and code, with their links."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from assistant.answering.blocks import build_blocks
from assistant.answering.quotes import Quote, add_headers
from assistant.assistant import Assistant
from assistant.guide.folder import read_guide
from assistant.guide.links import LinkResolver
from assistant.guide.publishers import ReadingOptions
from assistant.index import builder
from assistant.index import index as indexes
from assistant.models.answers import Span
from assistant.models.documents import PageLinks
from assistant.text.tokenize import extract_terms

if TYPE_CHECKING:
    from pathlib import Path

    from assistant.models.answers import Block, Cell
    from assistant.models.documents import Guide

SITE = "https://zorb.example/docs"

TABLE = """# Zorbs

| Zorb | Weight | Colour |
|---|---|---|
""" + "\n".join(f"| zorb {n} | {n} glims | blorange {n} |" for n in range(1, 13))


class Book:
    """A guide of one or more pages, and the blocks of quotes from it."""

    def __init__(self, folder: Path, pages: dict[str, str], options: ReadingOptions) -> None:
        for path, text in pages.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text, encoding="utf-8")
        self.guide: Guide = read_guide(folder, reading_options=options)
        self.urls = {page.path: page.url for page in self.guide.pages}
        self.names = LinkResolver(PageLinks(path, "", (), ()) for path in self.urls)

    def quote(self, first: str, last: str = "", *, marked: tuple[str, ...] = ()) -> Quote:
        """Quote from the sentence that begins with `first` to the one that begins with `last`."""
        for passage in self.guide.passages:
            texts = [passage.slice(sentence) for sentence in passage.sentences]
            starts = [n for n, text in enumerate(texts) if text.startswith(first)]
            if starts:
                end = next(n for n, text in enumerate(texts) if text.startswith(last or first))
                wanted = tuple(n for n, text in enumerate(texts) if text.startswith(marked or "\0"))
                return Quote(passage, starts[0], end, wanted)
        raise LookupError(first)

    def resolve(self, origin: str, address: str) -> str | None:
        path = self.names.resolve(origin, address)
        return self.urls[path] if path else None

    def blocks(self, *quotes: Quote, question: str = "") -> list[Block]:
        return build_blocks(quotes, extract_terms(question), self.resolve)


@pytest.fixture
def book(tmp_path):
    def write(text: str = "", *, name: str = "zorbs.md", base_url: str = "", tokens: int = 256,
              **pages: str) -> Book:  # fmt: skip
        files = {name: text} | {f"{stem}.md": source for stem, source in pages.items()}
        return Book(tmp_path, files, ReadingOptions(base_url=base_url, max_tokens=tokens))

    return write


def text_of(cell: Cell) -> str:
    return "".join(span.text for span in cell)


def table_of(block: Block) -> list[list[str]]:
    return [list(map(text_of, row.cells)) for row in block.rows]


def cells_of(block: Block) -> list[Cell]:
    return [*block.header, *(cell for row in block.rows for cell in row.cells)]


def links_of(blocks: list[Block]) -> list[tuple[str, str]]:
    spans = [span for block in blocks for cell in cells_of(block) for span in cell]
    return [(span.text, span.url) for span in spans if span.url]


def marked_in(block: Block) -> list[str]:
    return [s.text for row in block.rows for cell in row.cells for s in cell if s.highlight]


# -- Kinds ----------------------------------------------------------------------------------


def test_each_paragraph_is_a_block_with_the_number_of_its_quote(book) -> None:
    made = book("# Zorbs\n\nA zorb glims. It hums.\n\nIt is blorange.\n\nIt naps.")
    blocks = made.blocks(made.quote("A zorb", "It is"), made.quote("It naps"))
    assert [(b.kind, b.citations, table_of(b)) for b in blocks] == [
        ("paragraph", (1,), [["A zorb glims. It hums."]]),
        ("paragraph", (1,), [["It is blorange."]]),
        ("paragraph", (2,), [["It naps."]]),
    ]
    assert {block.total for block in blocks} == {0}


def test_a_heading_that_is_quoted_is_a_block_of_its_own(book) -> None:
    made = book("# Zorbs\n\nA zorb glims.")
    heading, paragraph = made.blocks(made.quote("Zorbs", "A zorb"))
    assert (heading.kind, table_of(heading)) == ("heading", [["Zorbs"]])
    assert (paragraph.kind, table_of(paragraph)) == ("paragraph", [["A zorb glims."]])


def test_code_keeps_its_lines_and_every_character(book) -> None:
    code = "if zorb < 3 && glim:\n\n    print('*hum* | [x](y)')  # <b>\n\\end"
    made = book(f"# Zorbs\n\nRun this:\n\n```python\n{code}\n```\n\nThen wait.")
    blocks = made.blocks(made.quote("Run this", "Then wait"))
    assert [block.kind for block in blocks] == ["paragraph", "code", "paragraph"]
    assert table_of(blocks[1]) == [[code]]


def test_a_list_has_its_markers_and_its_depth(book) -> None:
    made = book(
        "# Zorbs\n\nFirst this:\n\n9. Wake the zorb. Be kind.\n10. Feed it\n"
        "    - glims\n    - humbles\n      - ripe ones\n11. Sleep\n"
    )
    lead, items = made.blocks(made.quote("First this", "Sleep"))
    assert (lead.kind, items.kind) == ("paragraph", "list")
    assert [(row.marker, row.level, text_of(row.cells[0])) for row in items.rows] == [
        ("9.", 0, "Wake the zorb. Be kind."),
        ("10.", 0, "Feed it"),
        ("-", 1, "glims"),
        ("-", 1, "humbles"),
        ("-", 2, "ripe ones"),
        ("11.", 0, "Sleep"),
    ]
    assert items.total == 6


def test_a_list_that_is_quoted_in_part_knows_how_many_items_it_has(book) -> None:
    made = book("# Zorbs\n\n- one glim\n- two glims\n- three glims. And a hum.\n- four glims")
    (block,) = made.blocks(made.quote("two glims", "three glims"))
    assert (len(block.rows), block.total) == (2, 4)


def test_an_item_without_its_first_sentence_has_no_marker(book) -> None:
    made = book("# Zorbs\n\n- A glim. A hum.\n- A nap.")
    (block,) = made.blocks(made.quote("A hum", "A nap"))
    assert (block.shown, block.total) == (2, 2)
    assert [(row.marker, text_of(row.cells[0])) for row in block.rows] == [
        ("", "A hum."),
        ("-", "A nap."),
    ]


def test_a_further_paragraph_of_an_item_is_a_row_without_a_marker(book) -> None:
    made = book("# Zorbs\n\n1. one\n\n   more\n\n   - two\n\n     even more\n\n2. three")
    (block,) = made.blocks(made.quote("one", "three"))
    assert [(row.marker, row.level, text_of(row.cells[0])) for row in block.rows] == [
        ("1.", 0, "one"),
        ("", 0, "more"),
        ("-", 1, "two"),
        ("", 1, "even more"),
        ("2.", 0, "three"),
    ]
    assert (block.shown, block.total) == (3, 3)


def test_items_and_paragraphs_on_one_line_of_html_stay_apart(book) -> None:
    made = book(
        "<h1>Zorbs</h1><p>A glim.</p><p>A hum.</p><ul><li>one</li><li>two</li></ul>",
        name="zorbs.html",
    )
    blocks = made.blocks(made.quote("A glim", "two"))
    assert [(b.kind, table_of(b), b.total) for b in blocks] == [
        ("paragraph", [["A glim."]], 0),
        ("paragraph", [["A hum."]], 0),
        ("list", [["one"], ["two"]], 2),
    ]


def test_two_lists_in_a_row_stay_two_lists_each_with_its_length(book) -> None:
    made = book("# Zorbs\n\n1. one\n2. two\n\n<!-- -->\n\n1. three\n")
    blocks = made.blocks(made.quote("one", "three"))
    assert [([row.marker for row in b.rows], b.total) for b in blocks] == [
        (["1.", "2."], 2),
        (["1."], 1),
    ]


def test_the_code_of_a_step_is_in_its_list(book) -> None:
    made = book("# Zorbs\n\n1. Run:\n\n   ```\n   zorb |\n     glim\n   ```\n\n2. Wait")
    (block,) = made.blocks(made.quote("Run", "Wait"))
    assert [(row.marker, row.is_code, text_of(row.cells[0])) for row in block.rows] == [
        ("1.", False, "Run:"),
        ("", True, "zorb |\n  glim"),
        ("2.", False, "Wait"),
    ]
    assert (block.kind, block.shown, block.total) == ("list", 2, 2)


LONG_LIST = "# Zorbs\n\n" + "".join(f"{n}. zorb number {n} glims all day\n" for n in range(1, 31))


def test_a_list_over_two_passages_is_one_list_where_nothing_is_left_out(book) -> None:
    made = book(LONG_LIST, tokens=64)
    first, second = made.guide.passages[:2]
    end, start = len(first.sentences) - 1, len(second.sentences) - 1
    (block,) = made.blocks(Quote(first, end - 1, end), Quote(second, 0, 1))
    numbers = [int(row.marker[:-1]) for row in block.rows]
    assert numbers == list(range(numbers[0], numbers[0] + 4))
    assert [row.citation for row in block.rows] == [1, 1, 2, 2]
    assert (block.citations, block.shown, block.total) == ((1, 2), 4, 30)
    apart = made.blocks(Quote(first, end - 1, end - 1), Quote(second, 0, 0))
    assert [(b.citations, b.total) for b in apart] == [((1,), 30), ((2,), 30)]
    assert len(made.blocks(Quote(first, end, end), Quote(second, start, start))) == 2


def test_the_lists_of_two_quotes_are_two_lists(book) -> None:
    made = book("# Zorbs\n\n- one glim\n- two glims\n- three glims")
    blocks = made.blocks(made.quote("one glim"), made.quote("three glims"))
    assert [(b.citations, table_of(b)) for b in blocks] == [
        ((1,), [["one glim"]]),
        ((2,), [["three glims"]]),
    ]


# -- Tables ---------------------------------------------------------------------------------


def test_a_table_has_its_header_and_only_the_quoted_rows(book) -> None:
    made = book(TABLE)
    (block,) = made.blocks(made.quote("Zorb | Weight", "zorb 2 |"))
    assert list(map(text_of, block.header)) == ["Zorb", "Weight", "Colour"]
    assert table_of(block) == [
        ["zorb 1", "1 glims", "blorange 1"],
        ["zorb 2", "2 glims", "blorange 2"],
    ]
    assert block.total == 12


def test_the_rows_of_two_quotes_of_one_table_are_one_table(book) -> None:
    made = book(TABLE)
    (block,) = made.blocks(made.quote("Zorb | Weight", "zorb 1 |"), made.quote("zorb 9 |"))
    assert [row[0] for row in table_of(block)] == ["zorb 1", "zorb 9"]
    assert (block.citations, block.total) == ((1, 2), 12)


def test_a_table_in_two_passages_is_one_table_of_which_all_rows_count(book) -> None:
    made = book(TABLE, tokens=64)
    first, last = made.quote("Zorb | Weight", "zorb 1 |"), made.quote("zorb 12 |")
    assert first.passage is not last.passage
    (block,) = made.blocks(first, last)
    assert [row[0] for row in table_of(block)] == ["zorb 1", "zorb 12"]
    assert [row.citation for row in block.rows] == [1, 2]
    assert block.total == 12


def test_a_row_of_a_later_passage_is_quoted_with_the_header_from_where_it_stands(book) -> None:
    made = book(TABLE, tokens=64)
    by_id = {passage.id: passage for passage in made.guide.passages}
    row = made.quote("zorb 12 |")
    quotes = add_headers([row], lambda _, passage_id: by_id[passage_id])
    assert [quote.text for quote in quotes] == [
        "Zorb | Weight | Colour",
        "zorb 12 | 12 glims | blorange 12",
    ]
    (block,) = made.blocks(*quotes, question="which colour?")
    assert list(map(text_of, block.header)) == ["Zorb", "Weight", "Colour"]
    assert (block.citations, block.total) == ((1, 2), 12)
    assert marked_in(block) == ["blorange 12"]


def test_a_header_that_is_quoted_or_in_the_passage_of_the_row_is_not_added(book) -> None:
    made = book(TABLE, tokens=64)
    quotes = [made.quote("Zorb | Weight"), made.quote("zorb 1 |"), made.quote("zorb 12 |")]
    assert add_headers(quotes, lambda *_: None) == quotes
    assert add_headers(quotes[1:2], lambda *_: None) == quotes[1:2]
    lists = book("# Zorbs\n\nA glim.\n\n- one\n- two")
    assert add_headers([lists.quote("A glim", "two")], lambda *_: None)


def test_empty_cells_keep_their_columns(book) -> None:
    made = book("# Zorbs\n\n| A | B | C |\n|---|---|---|\n| | x | |\n| y | | z |\n")
    (block,) = made.blocks(made.quote("A | B", "y |"))
    assert table_of(block) == [["", "x", ""], ["y", "", "z"]]


@pytest.mark.parametrize("rows", ["| [a](b) | c |\n", "| [a](b) | c |\n| d | e |\n"])
def test_rows_without_a_header_are_a_table_though_it_is_one_row(book, rows) -> None:
    made = book(f"# Zorbs\n\n{rows}")
    (passage,) = made.guide.passages
    (block,) = made.blocks(Quote(passage, 1, 1))
    assert (block.kind, block.header, table_of(block)) == ("table", (), [["a", "c"]])
    assert block.total == rows.count("\n")


def test_a_column_of_nothing_is_left_out_where_no_header_names_it(book) -> None:
    made = book("# Zorbs\n\n| | [a](b) | c |\n| | d | |\n")
    (passage,) = made.guide.passages
    (block,) = made.blocks(Quote(passage, 1, 2))
    assert table_of(block) == [["a", "c"], ["d", ""]]


def test_two_tables_in_a_row_stay_two_tables(book) -> None:
    second = "\n\n| Glim | Price |\n|---|---|\n| humble | 3 |\n"
    made = book(TABLE + second)
    (passage,) = made.guide.passages
    quotes = made.quote("Zorb | Weight", "zorb 1 |"), made.quote("humble |")
    assert [q.passage for q in quotes] == [passage, passage]
    assert [table_of(b) for b in made.blocks(*quotes)] == [
        [["zorb 1", "1 glims", "blorange 1"]],
        [["humble", "3"]],
    ]


def test_text_between_two_quotes_of_tables_keeps_them_apart(book) -> None:
    table = "| A | B |\n|---|---|\n"
    made = book(f"# Zorbs\n\n{table}| one | 1 |\n\nGlims.\n\n{table}| two | 2 |")
    (passage,) = made.guide.passages
    kinds = [sentence.kind for sentence in passage.sentences]
    second = Quote(passage, len(kinds) - 2, len(kinds) - 1)
    blocks = made.blocks(made.quote("A | B", "one |"), second)
    assert [(b.citations, table_of(b)) for b in blocks] == [
        ((1,), [["one", "1"]]),
        ((2,), [["two", "2"]]),
    ]


def test_the_cell_below_the_header_that_the_question_names_is_highlighted(book) -> None:
    made = book(TABLE)
    quote = made.quote("Zorb | Weight", "zorb 2 |")
    (block,) = made.blocks(quote, question="which colour is it?")
    assert marked_in(block) == ["blorange 1", "blorange 2"]


def test_only_the_rows_that_decide_have_highlighted_cells(book) -> None:
    made = book(TABLE)
    quote = made.quote("Zorb | Weight", "zorb 2 |", marked=("zorb 2",))
    (block,) = made.blocks(quote, question="what weight is it?")
    assert marked_in(block) == ["2 glims"]


@pytest.mark.parametrize("question", ["how heavy is it?", "zorb weight and colour"])
def test_a_row_that_decides_is_highlighted_whole_where_no_header_is_chosen(book, question) -> None:
    made = book(TABLE)
    quote = made.quote("Zorb | Weight", "zorb 2 |", marked=("zorb 2",))
    (block,) = made.blocks(quote, question=question)
    assert marked_in(block) == ["zorb 2", "2 glims", "blorange 2"]


# -- Highlights -----------------------------------------------------------------------------


def test_the_sentence_that_decides_is_highlighted_in_its_paragraph(book) -> None:
    made = book("# Zorbs\n\nA zorb naps. It glims at [noon](noon.md). It hums.", noon="# Noon")
    (block,) = made.blocks(made.quote("A zorb", "It hums", marked=("It glims",)))
    assert block.rows[0].cells == (
        (
            Span("A zorb naps. "),
            Span("It glims at ", highlight=True),
            Span("noon", "noon.md", highlight=True),
            Span(".", highlight=True),
            Span(" It hums."),
        ),
    )


def test_nothing_is_highlighted_where_all_sentences_count_the_same(book) -> None:
    made = book("# Zorbs\n\nA zorb naps. It hums.")
    (block,) = made.blocks(made.quote("A zorb", "It hums"))
    assert marked_in(block) == []


# -- Links ----------------------------------------------------------------------------------


def test_a_link_in_a_paragraph_an_item_and_a_cell_keeps_its_words_and_target(book) -> None:
    made = book(
        f"# Zorbs\n\nSee [the first]({SITE}/1?a=1&b=2#c).\n\n- Or [the second]({SITE}/2)\n\n"
        f"| [A]({SITE}/3) | B |\n|---|---|\n| glim | [the fourth](mailto:zorb@zorb.example) now |\n"
    )
    blocks = made.blocks(made.quote("See", "glim"))
    assert [block.kind for block in blocks] == ["paragraph", "list", "table"]
    assert links_of(blocks) == [
        ("the first", f"{SITE}/1?a=1&b=2#c"),
        ("the second", f"{SITE}/2"),
        ("A", f"{SITE}/3"),
        ("the fourth", "mailto:zorb@zorb.example"),
    ]
    assert table_of(blocks[2]) == [["glim", "the fourth now"]]


@pytest.mark.parametrize(
    ("link", "target"),
    [
        ("[noon](noon.md)", "noon.md"),
        ("[noon](./noon.md#at-night)", "noon.md#at-night"),
        ("[noon](noon#at%20night)", "noon.md#at%20night"),
        ("[noon](noon)", "noon.md"),
        ("[noon](/noon/)", "noon.md"),
        ("[noon](noon.html)", "noon.md"),
        ("[[noon]]", "noon.md"),
        ("[[Noon|noon]]", "noon.md"),
        ("[[noon#At Night!|noon]]", "noon.md#at-night"),
        ("[noon](#zorbs)", "zorbs.md#zorbs"),
        ("[noon](HTTPS://zorb.example/A)", "HTTPS://zorb.example/A"),
    ],
)
def test_a_link_leads_to_the_page_of_the_guide_that_it_means(book, link, target) -> None:
    made = book(f"# Zorbs\n\nIt glims at {link} daily.", noon="# Noon\n\n## At Night!\n\nIt naps.")
    assert links_of(made.blocks(made.quote("It glims"))) == [("noon", target)]


def test_a_link_leads_to_where_a_page_is_published(book) -> None:
    made = book("# Zorbs\n\nIt glims at [noon](noon.md#dark).", base_url=SITE, noon="# Noon\n\nX.")
    (published,) = (page.url for page in made.guide.pages if page.path == "noon.md")
    assert published.startswith(SITE)
    assert links_of(made.blocks(made.quote("It glims"))) == [("noon", f"{published}#dark")]


@pytest.mark.parametrize(
    "address",
    [
        "javascript:alert(1)",
        "JavaScript:alert(1)",
        "data:text/html,x",
        "file:///etc/passwd",
        "vbscript:x",
        "ftp://zorb.example/x",
        "//zorb.example/x",
        "missing.md",
        "../../etc/passwd",
        "picture.png",
    ],
)
def test_a_link_that_leads_nowhere_safe_is_plain_text(book, address) -> None:
    made = book(f"# Zorbs\n\nIt glims at [noon]({address}) daily.")
    blocks = made.blocks(made.quote("It glims"))
    assert links_of(blocks) == []
    assert table_of(blocks[0]) == [["It glims at noon daily."]]


def test_a_link_across_the_end_of_a_quote_is_plain_text(book) -> None:
    made = book(f"# Zorbs\n\nIt [glims. And it hums]({SITE}).")
    (block,) = made.blocks(made.quote("It glims"))
    assert (links_of([block]), table_of(block)) == ([], [["It glims."]])


@pytest.mark.parametrize("base_url", ["", SITE])
def test_the_links_of_an_answer_lead_to_the_pages_of_its_guide(tmp_path, word_encoder, base_url):
    corpus, index = tmp_path / "guide", tmp_path / "index"
    (corpus / "deep").mkdir(parents=True)
    (corpus / "cat.md").write_text(
        "# Cats\n\nA cat is an animal that climbs [a tree](deep/tree#oak) at [noon](gone.md).\n"
    )
    (corpus / "deep" / "tree.md").write_text("# Trees\n\n## Oak\n\nA tree has a flower.\n")
    options = ReadingOptions(base_url=base_url)
    builder.build_index(corpus, index, word_encoder, reading_options=options)
    assistant = Assistant(indexes.open_index(index), word_encoder)
    published = assistant.index.store.page("deep/tree.md").url
    assert published.startswith(base_url or "deep/tree.md")
    answer = assistant.ask("what is a cat?")
    assert links_of(list(answer.blocks)) == [("a tree", f"{published}#oak")]


def test_a_link_stands_at_its_own_words_though_they_stand_before_it_too(book) -> None:
    made = book("# Zorbs\n\nThe noon. See [noon](noon.md) at noon.", noon="# Noon")
    (block,) = made.blocks(made.quote("The noon", "See noon"))
    assert block.rows[0].cells == (
        (Span("The noon. See "), Span("noon", "noon.md"), Span(" at noon.")),
    )


# -- Styles ---------------------------------------------------------------------------------


def test_bold_emphasised_and_code_words_keep_their_styles_also_inside_a_link(book) -> None:
    made = book(
        f"# Zorbs\n\nDo **not _ever_** run `zorb --glim` or [the `hum`]({SITE}).\n\n"
        "- **Noon**: `nap`\n\n| A | B |\n|---|---|\n| `x` | _y_ z |\n"
    )
    paragraph, items, table = made.blocks(made.quote("Do not", "x |"))
    assert paragraph.rows[0].cells == (
        (
            Span("Do "),
            Span("not ", styles=("strong",)),
            Span("ever", styles=("strong", "emphasis")),
            Span(" run "),
            Span("zorb --glim", styles=("code",)),
            Span(" or "),
            Span("the ", SITE),
            Span("hum", SITE, styles=("code",)),
            Span("."),
        ),
    )
    assert items.rows[0].cells[0][0] == Span("Noon", styles=("strong",))
    assert items.rows[0].cells[0][-1] == Span("nap", styles=("code",))
    assert table.rows[0].cells == (
        (Span("x", styles=("code",)),),
        (Span("y", styles=("emphasis",)), Span(" z")),
    )


def test_bold_that_goes_on_past_the_end_of_a_quote_is_bold_in_it(book) -> None:
    made = book("# Zorbs\n\nIt **glims. And it** hums.")
    (block,) = made.blocks(made.quote("It glims"))
    assert block.rows[0].cells == ((Span("It "), Span("glims.", styles=("strong",))),)


def test_a_quoted_heading_is_not_bold_twice_and_code_has_no_styles(book) -> None:
    made = book("# **Zorb** `x`\n\nRun:\n\n```\n**a** `b`\n```\n")
    heading, _, code = made.blocks(made.quote("Zorb x", "**a**"))
    assert heading.rows[0].cells == ((Span("Zorb "), Span("x", styles=("code",))),)
    assert code.rows[0].cells == ((Span("**a** `b`"),),)


def test_a_highlight_keeps_the_styles_below_it(book) -> None:
    made = book("# Zorbs\n\nIt **naps. It glims** daily.")
    (block,) = made.blocks(made.quote("It naps", "It glims", marked=("It glims",)))
    assert [span.styles for span in block.rows[0].cells[0] if span.highlight] == [("strong",), ()]


# -- Whole answers --------------------------------------------------------------------------


def test_no_quotes_make_no_blocks(book) -> None:
    assert book("# Zorbs\n\nA zorb.").blocks() == []


def test_the_blocks_of_a_quote_have_all_of_its_words_in_order(book) -> None:
    made = book(
        "# Zorbs\n\nA zorb *glims* at [noon](x). It hums.\n\n1. one\n   - two\n\n```\na  b\n```\n\n"
        "| A | B |\n|---|---|\n| c | `d` |\n\n> A quote of it.\n"
    )
    quote = made.quote("Zorbs", "A quote")
    texts: list[str] = []
    for block in made.blocks(quote):
        texts += map(text_of, block.header)
        for row in block.rows:
            texts += [row.marker, *map(text_of, row.cells)]
    assert " ".join(texts).split() == quote.text.replace(" | ", " ").split()
