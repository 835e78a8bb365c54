"""HTML is parsed to the blocks that a reader sees, even where tags are unbalanced."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.models.documents import Link
from assistant.readers import html as html_reader
from tests.readers.oracle.shapes import HTML_SHAPES, html_page

INLINE = "a b code em i kbd mark q s small span strong sub sup u var".split()
BLOCK = (
    "address article aside blockquote center div dl dd dt fieldset figure p section ul ol".split()
)
CELLS = "table thead tbody tr td th caption".split()
HIDDEN = [
    "<!-- {} -->",
    "<script>{}</script>",
    "<style>{}</style>",
    "<template><p>{}</p></template>",
    "<noscript>{}</noscript>",
    "<p hidden>{}</p>",
    '<span aria-hidden="true"><b>{}</b></span>',
    '<div style="color: red; display: none">{}</div>',
    "<video src=v.mp4>{}</video>",
    "<iframe>{}</iframe>",
]


def parts(source: str) -> list[tuple[str, str]]:
    return [(block.kind, block.text) for block in html_reader.parse_html(source)]


def words(source: str) -> list[str]:
    return [
        word
        for block in html_reader.parse_html(source)
        for word in block.text.split()
        if word != "|"
    ]


# Blocks and their kinds.


def test_a_heading_has_its_level_and_a_paragraph_is_prose() -> None:
    assert parts("<h1>One</h1><p>Two</p><h6>Three</h6><div>Four</div>") == [
        ("heading", "One"),
        ("prose", "Two"),
        ("heading", "Three"),
        ("prose", "Four"),
    ]
    assert [block.level for block in html_reader.parse_html("<h1>a</h1><h3>b</h3><p>c")] == [
        1,
        3,
        0,
    ]


@pytest.mark.parametrize(
    "source",
    [
        "<h2 id=here>T</h2>",
        "<h2><a name=here></a>T</h2>",
        "<h2>T <span id=here></span></h2>",
        "<a name=here></a><h2>T</h2>",
        "<p><a id=here></a></p>\n\n<h2>T</h2>",
        "<section id=here><h2>T</h2></section>",
        '<section id=other><span id="here"></span><h2>T</h2></section>',
        '<h2>T<a class="headerlink" href="#here">¶</a></h2>',
        '<h2><a href="#here" aria-hidden="true">link</a>T</h2>',
        "<a name=other></a><h2 id=here>T</h2>",
    ],
)
def test_a_heading_has_the_id_that_leads_to_it(source: str) -> None:
    (block,) = html_reader.parse_html(source)
    assert (block.kind, block.text, block.anchor) == ("heading", "T", "here")


@pytest.mark.parametrize(
    "source", ["<a name=x></a>words<h2>T</h2>", "<div id=x></div><h2>T</h2>", "<h2>T</h2><a id=x>"]
)
def test_an_id_elsewhere_is_no_anchor(source: str) -> None:
    assert [b.anchor for b in html_reader.parse_html(source) if b.kind == "heading"] == [""]


def test_items_have_their_markers_and_depth() -> None:
    source = "<ol start=3><li>a<ul><li>b</li></ul></li><li value=9>c</li><li>d</li></ol>"
    blocks = [(b.text, b.marker, b.level) for b in html_reader.parse_html(source)]
    assert blocks == [("a", "3. ", 0), ("b", "- ", 1), ("c", "9. ", 0), ("d", "10. ", 0)]


def test_a_second_paragraph_of_an_item_has_no_marker() -> None:
    blocks = html_reader.parse_html("<ul><li><p>a</p><p>b</p></li></ul>")
    assert [(b.kind, b.text, b.marker) for b in blocks] == [("item", "a", "- "), ("item", "b", "")]


def test_items_of_one_list_share_a_group_and_those_of_another_do_not() -> None:
    source = "<ul><li>a<ul><li>b</ul><li>c</ul><ul><li>d</ul><li>e<li>f"
    groups = {b.text: b.group for b in html_reader.parse_html(source)}
    assert groups["a"] == groups["b"] == groups["c"]
    assert groups["e"] == groups["f"]
    assert len({groups["a"], groups["d"], groups["e"]}) == 3


@pytest.mark.parametrize("start", ["", "x", "9" * 5000, "1e9"])
def test_an_invalid_list_number_is_ignored(start: str) -> None:
    (block,) = html_reader.parse_html(f'<ol start="{start}"><li>a</ol>')
    assert block.text == "a"


def test_a_table_is_its_rows_with_bars_between_the_cells() -> None:
    source = """<table><caption>All</caption><thead><tr><td>Name<td>Use</thead>
    <tbody><tr><th>a</th><td>one <i>two</i></td></tr><tr><td>b<td></tr></table>"""
    assert parts(source) == [
        ("prose", "All"),
        ("header", "Name | Use"),
        ("row", "a | one two"),
        ("row", "b"),
    ]
    assert len({b.group for b in html_reader.parse_html(source) if b.kind != "prose"}) == 1


def test_a_row_of_header_cells_is_a_header_without_a_table_head() -> None:
    assert parts("<table><tr><th>a<th>b<tr><th>c<td>d</table>")[0] == ("header", "a | b")
    assert parts("<table><tr><th>a<th>b<tr><th>c<td>d</table>")[1] == ("row", "c | d")


def test_spans_change_no_words() -> None:
    source = "<table><tr><td rowspan=2>a<td>b<tr><td colspan=9>c</table>"
    assert parts(source) == [("row", "a | b"), ("row", "c")]


def test_a_list_in_a_cell_stays_in_its_row() -> None:
    source = "<table><tr><td>a<td><ul><li>b<li>c</ul><tr><td>d<td>e</table>"
    assert parts(source) == [("row", "a | b c"), ("row", "d | e")]


def test_a_table_of_one_cell_is_layout() -> None:
    source = "<table><tr><td><h2>T</h2><p>a</p><ul><li>b</ul></table>"
    assert parts(source) == [("heading", "T"), ("prose", "a"), ("item", "b")]


def test_a_table_in_a_table_keeps_its_rows_and_the_words_beside_it() -> None:
    source = "<table><tr><td>x<table><tr><td>a<td>b<tr><td>c<td>d</table>y<td>z</table>"
    assert parts(source) == [
        ("prose", "x"),
        ("row", "a | b"),
        ("row", "c | d"),
        ("prose", "y"),
        ("prose", "z"),
    ]


def test_code_in_a_cell_keeps_its_lines() -> None:
    source = "<table><tr><td>a<td><pre>b\n  c</pre><tr><td>d<td><pre>e</pre></table>"
    assert parts(source) == [("prose", "a"), ("code", "b\n  c"), ("row", "d | e")]


def test_code_is_verbatim() -> None:
    source = "<pre>\n<code>if a &lt; b:\n    <b>go</b>()  <br>\tx\n\n</code></pre>"
    assert parts(source) == [("code", "if a < b:\n    go()  \n\tx")]


def test_quotes_rules_and_breaks() -> None:
    source = "<blockquote>a<p>b</p></blockquote><hr>c<br>d"
    assert parts(source) == [("quote", "a"), ("quote", "b"), ("break", ""), ("prose", "c d")]


def test_details_figures_and_definitions_are_prose() -> None:
    source = """<details><summary>More</summary>inside</details>
    <figure><img src=i.png alt=no><figcaption>Shown</figcaption></figure>
    <dl><dt>term</dt><dd>meaning</dd></dl>"""
    expected = ["More", "inside", "Shown", "term", "meaning"]
    assert parts(source) == [("prose", text) for text in expected]


def test_inline_elements_join_words_and_block_elements_do_not() -> None:
    source = "un<b>believ</b>able H<sub>2</sub>O <kbd>Ctrl</kbd>+<kbd>C</kbd>"
    assert parts(source) == [("prose", "unbelievable H2O Ctrl+C")]
    assert words("<select><option>a<option>b</select><button>c</button>d") == list("abcd")
    assert words("<x-card>a</x-card><x-card>b</x-card><svg><text>c</text></svg>d") == list("abcd")


def test_a_block_carries_its_links_and_images() -> None:
    source = '<p>See <a href=" u ">the <b>guide</b></a> <img src="i/book.png" alt="a book"></p>'
    (block,) = html_reader.parse_html(source)
    assert block.text == "See the guide"
    assert block.links == (Link("the guide", "u"),)
    assert block.icons == ("i/book.png a book",)


def test_a_link_around_blocks_is_a_link_of_each() -> None:
    blocks = html_reader.parse_html("<a href=u><h2>Title</h2><p>text</p></a><p>after</p>")
    assert [b.links for b in blocks] == [(Link("Title", "u"),), (Link("text", "u"),), ()]


def test_a_frame_is_a_link_even_on_its_own() -> None:
    frame, video = html_reader.parse_html(
        '<iframe src="https://a.b/c" title="Talk">x</iframe>'
        "<p>Film <video><source src=v.mp4></video>"
    )
    assert (frame.text, frame.links) == ("", (Link("Talk", "https://a.b/c"),))
    assert (video.text, video.links) == ("Film", (Link("", "v.mp4"),))


@pytest.mark.parametrize("hidden", HIDDEN)
def test_hidden_elements_are_no_text(hidden: str) -> None:
    source = f"<p>a</p>{hidden.format('secret')}<p>b</p>"
    assert [text for _, text in parts(source) if text] == ["a", "b"]
    assert html_reader.extract_text(source) == "a b"


def test_invisible_characters_are_removed_and_white_space_collapses() -> None:
    assert parts("<p>a\u200bb\u00a0 \n c&shy;d</p>") == [("prose", "ab cd")]


# Whole pages.


def test_a_page_declares_its_title_and_language() -> None:
    page = "<!doctype html>\n<html lang=pt_BR><head><title>\nA &amp; B</title></head><body>x"
    assert html_reader.extract_title(page) == "A & B"
    assert html_reader.extract_language(page) == "pt-br"
    assert (
        html_reader.extract_title("<p>x<svg><title>no</title></svg>")
        == html_reader.extract_language("x")
        == ""
    )


AROUND = "<header>top</header><nav>menu</nav>{}<aside>ads</aside><footer>end</footer>"


@pytest.mark.parametrize(
    "page",
    [
        AROUND.format("<main><header>a</header><aside>b</aside><nav>no</nav></main><p>no"),
        AROUND.format("<div role=main><p>a<p>b</div>"),
        AROUND.format("<article><header>a</header><p>b</article><div>no</div>"),
        AROUND.format("<div>a</div><p>b</p>"),
        AROUND.format("<article>a</article><article>b</article>"),
        "<div role=banner>top</div><p>a<p>b<div role=navigation>menu</div>",
        "<section><header>a</header><footer>b</footer></section>",
        "<nav><p>a</p><p>b</p></nav>",
        "<main></main><p>a</p><p>b</p>",
    ],
)
def test_a_page_is_its_content_without_navigation(page: str) -> None:
    assert [block.text for block in html_reader.parse_html_page(page)] == ["a", "b"]


def test_a_header_with_the_only_main_heading_stays() -> None:
    page = "<body><header><h1>Title</h1><p>by me</p><nav>no</nav></header><p>text"
    assert [block.text for block in html_reader.parse_html_page(page)] == ["Title", "by me", "text"]


# Lines.


def test_a_block_carries_its_lines() -> None:
    source = "<h1>\nOne\n</h1>\n<p>two\nthree &amp;\n<b>four</b>\n</p>\n<!--\n\n--><ul>\n<li>five\n"
    blocks = {b.text: b.lines for b in html_reader.parse_html(source)}
    assert blocks == {"One": (2, 2), "two three & four": (4, 6), "five": (11, 11)}
    (block,) = html_reader.parse_html("<p>\nx", first_line=40)
    assert block.lines == (41, 41)


# Nothing is lost.


@st.composite
def trees(draw: st.DrawFn) -> tuple[str, list[str]]:
    """Draw well-formed HTML, with its visible words, by construction."""
    visible: list[str] = []
    numbers = iter(range(10_000))

    def word() -> str:
        visible.append(f"w{next(numbers)}")
        return draw(st.sampled_from(["{} ", "{}\n", " {} ", "{} &amp; "])).format(visible[-1])

    def inner(depth: int, tags: list[str]) -> str:
        return "".join(piece(depth, tags) for _ in range(draw(st.integers(0, 3))))

    def piece(depth: int, tags: list[str]) -> str:
        what = draw(st.sampled_from(["word", "word", "hidden", "table", "element", "element"]))
        if what == "word" or depth > 4:
            return word()
        if what == "hidden":
            return draw(st.sampled_from(HIDDEN)).format("secret")
        if what == "table" and tags is not INLINE:
            row = "<tr>" + "<td>{}</td>" * draw(st.integers(1, 3)) + "</tr>\n"
            rows = row * draw(st.integers(1, 3))
            cells = [inner(depth + 1, tags) for _ in range(rows.count("{}"))]
            return f"<table>\n{rows}</table>".format(*cells)
        tag = draw(st.sampled_from(tags))
        return f"<{tag}>{inner(depth + 1, INLINE if tag in [*INLINE, 'p'] else tags)}</{tag}>"

    return inner(0, [*BLOCK, *INLINE, "li", "h2", "pre"]), visible


@given(trees())
def test_every_visible_word_is_in_one_block_in_order(tree: tuple[str, list[str]]) -> None:
    source, visible = tree
    assert [word for word in words(source) if word != "&"] == visible
    assert [word for word in html_reader.extract_text(source).split() if word != "&"] == visible


SOUP = [
    *(f"<{tag}>" for tag in [*INLINE, *BLOCK, *CELLS, "li", "h1", "h3", "pre", "br", "hr", "body"]),
    *(f"</{tag}>" for tag in [*INLINE, *BLOCK, *CELLS, "li", "h1", "h3", "pre", "br", "body"]),
    *[
        "<a href=u id=v>",
        "<ol start=2>",
        "<main>",
        "</main>",
        "<nav role=main>",
        "<p/>",
        "\n",
        "\n",
    ],
]


@given(st.lists(st.sampled_from(SOUP) | st.integers(0, 99), max_size=40))
def test_unbalanced_tags_lose_no_words(soup: list[str | int]) -> None:
    pieces, visible, line = list[str](), dict[str, int](), 1
    for number, piece in enumerate(soup):
        if isinstance(piece, int):
            visible[f"w{number}"] = line
            piece = f" w{number} "  # noqa: PLW2901
        line += piece == "\n"
        pieces.append(piece)
    source = "".join(pieces)
    blocks = html_reader.parse_html(source)
    # Words in a table but in no cell of it are shown before it.
    in_order = list if "<table>" not in soup and "<tr>" not in soup else sorted
    assert in_order(words(source)) == in_order(visible)
    for block in blocks:
        assert 1 <= block.lines[0] <= block.lines[1] <= line
        for word in block.text.replace("|", "").split():
            assert block.lines[0] <= visible[word] <= block.lines[1]


@given(st.text(alphabet="<>/!-?&;#\"'= \n\x00abpx[]", max_size=60))
def test_any_input_is_parsed(source: str) -> None:
    html_reader.parse_html(source)
    html_reader.extract_text(source)
    html_reader.extract_title(source)


@given(st.text(max_size=30).filter(lambda text: "\0" not in text))
def test_text_without_tags_is_its_words(text: str) -> None:
    from html import escape

    assert html_reader.extract_text(f"<p>{escape(text)}</p>") == html_reader.extract_text(
        escape(text)
    )


@pytest.mark.parametrize("tag", ["div", "ul", "table><tr><td", "blockquote", "b", "section", "a"])
def test_words_at_any_depth_are_parsed(tag: str) -> None:
    source = "".join(f"<{tag}> w{number} " for number in range(5000))
    assert words(source) == [f"w{number}" for number in range(5000)]


# Time.


@pytest.mark.timeout(60)  # where time grew with the square, minutes
@pytest.mark.parametrize("shape", HTML_SHAPES)
def test_a_page_of_any_shape_is_read_in_time(shape: str) -> None:
    html_reader.parse_html(html_page(shape, 10_000))


def test_nested_entities_of_a_page_are_not_expanded() -> None:
    lines = [f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 30)]
    page = f"<!DOCTYPE x [<!ENTITY a0 'ha'>{''.join(lines)}]><p>&a29;</p>"
    assert len(html_reader.extract_text(page)) < 20 * len(page)
    assert "root:" not in html_reader.extract_text(
        '<!DOCTYPE x [<!ENTITY e SYSTEM "/etc/passwd">]>&e;'
    )
