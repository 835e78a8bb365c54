"""A page as HTML that carries nothing of its author's markup."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given, settings

from assistant.readers import html as html_reader
from assistant.render.page_html import render_blocks, render_markdown
from tests.readers.test_markdown import MARKUP

SECURITY = Path(__file__).parent.parent.parent.parent / "shared" / "security"


EVERYWHERE = [(line, "h") for line in range(1, 60)]


class Tags(HTMLParser):
    """Every tag of a page with its attributes."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.result: list[tuple[str, dict[str, str]]] = []
        self.feed(source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.result.append((tag, {name: value or "" for name, value in attrs}))


ALLOWED = set(
    "p br hr h1 h2 h3 h4 h5 h6 a em strong s code pre ul ol li blockquote table thead tbody tr th "
    "td dl dt dd span sup section div".split()
)
ATTRIBUTES = {"id", "href", "title", "class", "start", "style"}


def check_harmless(shown: str) -> None:
    for tag, attributes in Tags(shown).result:
        assert tag in ALLOWED, tag
        assert set(attributes) <= ATTRIBUTES, attributes
        assert attributes.get("style", "") in {
            "",
            "text-align:left",
            "text-align:right",
            "text-align:center",
        }
        scheme = attributes.get("href", "").split(":")[0].strip().lower()
        assert scheme not in {"javascript", "vbscript", "file"}


HOSTILE = [
    "<script>alert(1)</script>",
    "a <script>alert(1)</script> b",
    "<img src=x onerror=alert(1)>",
    "a <img src=x onerror=alert(1)> b",
    "[a](javascript:alert(1))",
    "[a](JaVaScRiPt:alert(1))",
    "[a](&#106;avascript:alert(1))",
    "<javascript:alert(1)>",
    "[a](data:text/html;base64,PHNjcmlwdD4=)",
    "[a](vbscript:x)",
    '[a](http://b "x\\" onclick=\\"alert(1)")',
    '![a](http://b/c.png "<script>")',
    "![<img src=x onerror=alert(1)>](x)",
    '# a {#"><script>alert(1)</script>}',
    '``` "><script>alert(1)</script>\ncode\n```',
    "<div onclick=alert(1)>\n\ntext\n\n</div>",
    "<a href=javascript:alert(1)>x</a>",
    "<svg/onload=alert(1)>",
    "[^1]\n\n[^1]: <img src=x onerror=alert(1)>",
    "<!-- --!><img src=x onerror=alert(1)> -->",
    "<br onmouseover=alert(1)>",
    "| <script>x</script> |\n|---|\n| <img src=x onerror=y> |",
]


@pytest.mark.parametrize("source", HOSTILE)
def test_nothing_hostile_survives_rendering(source: str) -> None:
    check_harmless(render_markdown(source, EVERYWHERE))


@settings(deadline=None)
@given(MARKUP)
def test_whatever_is_rendered_is_harmless(source: str) -> None:
    check_harmless(render_markdown(source, EVERYWHERE))


def test_published_attacks_do_not_survive_rendering() -> None:
    attacks = SECURITY / "xss.jsonl"
    if not attacks.exists():
        pytest.skip("the collection of attacks is not here")
    for line in attacks.read_text(encoding="utf-8").strip().split("\n")[::4]:
        for value in json.loads(line).values():
            if isinstance(value, str):
                check_harmless(render_markdown(value, EVERYWHERE))
                check_harmless(render_markdown(f"# {value}", EVERYWHERE))


@pytest.mark.parametrize(
    "address",
    ["https://a.example/x", "other.md#part", "../up.md", "#here", "mailto:a@b.example", "a:b/c"],
)
def test_a_link_stays_one_only_where_it_leads_somewhere(address: str) -> None:
    result = [
        a["href"] for tag, a in Tags(render_markdown(f"[x](<{address}>)", [])).result if tag == "a"
    ]
    assert result == ([] if address == "a:b/c" else [address])


def test_a_link_is_resolved_by_whoever_knows_the_pages() -> None:
    shown = render_markdown(
        "[x](a) [y](b)", [], resolve=lambda address: "/guide/a" if address == "a" else ""
    )
    assert shown == '<p><a href="/guide/a">x</a> y</p>\n'


def test_the_title_of_an_admonition_is_shown_as_a_label() -> None:
    shown = render_markdown('!!! note "Mind this"\n    Text', [])
    assert shown == '<p class="label">Mind this</p>\n<p>Text</p>\n'


def test_headings_carry_the_anchors_handed_in() -> None:
    result = Tags(
        render_markdown(
            "# A {#x}\n\n## B\n\n```\n# C\n```\n\nD\n---", [(1, "x"), (3, "b"), (9, "d")]
        )
    ).result
    assert [(tag, a.get("id")) for tag, a in result if tag in {"h1", "h2"}] == [
        ("h1", "x"),
        ("h2", "b"),
        ("h2", "d"),
    ]


def test_an_anchor_is_not_shown_beside_its_heading() -> None:
    assert "{" not in render_markdown("# A {#x}\n\n## B\n{: #y }", [(1, "x"), (3, "y")])


def test_raw_html_becomes_its_text() -> None:
    shown = render_markdown("<div><b>Bold</b> &amp; more</div>", [])
    assert shown == "<p><strong>Bold</strong> &amp; more</p>\n"


def test_an_image_is_named_and_never_fetched() -> None:
    shown = render_markdown('![alt](https://other.example/x.png "A title")', [])
    assert "A title" in shown
    assert "other.example" not in shown


def test_blocks_of_another_format_are_shown_with_the_ids_of_their_headings() -> None:
    result = html_reader.parse_html(
        "<h1>A</h1><p>x &amp; y</p><h2>B</h2><ul><li>i</ul><pre>c</pre>"
    )
    assert render_blocks(result, [(1, "a"), (1, "b")]) == (
        '<h1 id="a">A</h1>\n<p>x &amp; y</p>\n<h2 id="b">B</h2>\n'
        "<ul>\n<li>i</li>\n</ul>\n<pre><code>c</code></pre>\n"
    )


def test_rows_between_bars_without_a_header_are_a_table() -> None:
    shown = render_markdown(
        "# Zorbs\n\n| a | `b` |\n| **c | d** | e |\n|---|---|\n| | [f](g) |\n", []
    )
    assert "|" not in shown
    assert [tag for tag, _ in Tags(shown).result] == [
        "h1", "div", "table", "tr", "td", "td", "code", "tr", "td", "strong", "td", "td",
        "tr", "td", "td", "a",
    ]  # fmt: skip
    check_harmless(shown)


@pytest.mark.parametrize(
    ("code", "shown"),
    [
        ("```js\nnew Kiln() // [!code ++]\n```", "new Kiln()"),
        ("```js\n// highlight-next-line\nfire(kiln)\n```", "fire(kiln)"),
        ("```rust\n# use clay;\nfn fire() {}\n```", "\nfn fire() {}"),
        ("```ts twoslash\nimport kiln\n// ---cut---\nkiln.fire()\n```", "kiln.fire()"),
    ],
)
def test_what_a_publishing_tool_hides_in_code_is_not_shown(code: str, shown: str) -> None:
    rendered = render_markdown(code, [])
    assert rendered.strip() == f"<pre><code>{shown.strip()}</code></pre>"


def test_blocks_of_another_format_keep_their_links_and_styles_where_they_are_harmless() -> None:
    blocks = html_reader.parse_html(
        "<p>Read <a href='kiln.html'>the <em>kiln</em> page</a> or "
        "<a href='javascript:alert(1)'>nothing</a> with <code>fire</code>.</p>"
    )
    assert render_blocks(blocks, []) == (
        '<p>Read <a href="kiln.html">the <em>kiln</em> page</a> or nothing with '
        "<code>fire</code>.</p>\n"
    )


def test_lists_of_another_format_keep_their_numbers_and_their_depth() -> None:
    blocks = html_reader.parse_html(
        "<ol start=3><li>Knead<ul><li>well</ul><li>Throw</ol><ul><li>Fire</ul>"
    )
    tags = [
        (tag, attributes.get("start", ""))
        for tag, attributes in Tags(render_blocks(blocks, [])).result
    ]
    assert tags == [
        ("ol", "3"), ("li", ""), ("ul", ""), ("li", ""), ("li", ""), ("ul", ""), ("li", ""),
    ]  # fmt: skip


def test_a_table_of_another_format_has_its_header_its_empty_cells_and_its_links() -> None:
    blocks = html_reader.parse_html(
        "<table><tr><th>Clay<th>Cone</tr><tr><td><a href=a.html>Red</a><td></tr></table>"
        "<table><tr><td>x | y<td>z</tr></table>"
    )
    shown = render_blocks(blocks, [])
    assert shown.count("<table>") == 2
    assert '<td><a href="a.html">Red</a></td><td></td>' in shown
    assert "<td>x | y</td><td>z</td>" in shown
