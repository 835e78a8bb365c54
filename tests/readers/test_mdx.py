"""Components, imports and expressions of MDX become what a reader sees of them."""

from __future__ import annotations

import pytest

from assistant.readers.markdown import parse_markdown, parse_mdx
from assistant.readers.mdx import convert_mdx, find_tag_end, starts_with_import

TABS = "<Tabs items={['One', 'Two']}>\n<Tabs.Tab>\nFirst\n</Tabs.Tab>\n</Tabs>"
VALUES = """\
<Tabs
  values={[
    {label: 'One', value: 'a'},
    {label: 'Two', value: 'b'},
  ]}>
<TabItem value="a">

First

</TabItem>
</Tabs>
"""


def texts(source: str) -> list[str]:
    return [block.text for block in parse_mdx(source) if block.text]


@pytest.mark.parametrize(
    "code",
    [
        "import X from '@theme/x';",
        'import { A, B } from "b" // why',
        "import {\n  A,\n  B,\n} from 'b';",
        "import './style.css'",
        "export const a = 1;",
        "export default function L({children}) {\n  return <div>{children}</div>\n}",
    ],
)
def test_imports_and_exports_are_not_text(code: str) -> None:
    assert texts(f"{code}\n\n# Title\n\nText") == ["Title", "Text"]


def test_a_sentence_about_imports_is_text() -> None:
    assert texts("import taxes are due\n\nexport them") == ["import taxes are due", "export them"]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ('<Callout type="info">\nMind this.\n</Callout>', ["Mind this."]),
        ('<Card title="Shown" href="/x" />', ["Shown"]),
        (TABS, ["One | Two", "First"]),
        ("<Cards items={[{title: 'One'}, {title: 'Two'}]} />", ["One | Two"]),
        (VALUES, ["One", "Two", "First"]),
        ("<Image\n  src='a.png'\n  style={{width: 1}}\n/>\n\nAfter", ["After"]),
        ("a {/* no */}b{props.x} {'c'} <Badge text=\"new\"/>", ["a b c new"]),
        ('<img src="a" style={{\n  width: 1\n}} /> after', ["after"]),
        ("a <T> b", ["a b"]),
        ("1 < 2 and x => y", ["1 < 2 and x => y"]),
        ("`<A b={c}>` and `{x}`", ["<A b={c}> and {x}"]),
        ("```jsx\n<A b={c}>{x}</A>\n```", ["<A b={c}>{x}</A>"]),
    ],
)
def test_a_component_becomes_the_text_it_shows(source: str, expected: list[str]) -> None:
    shown = [text for text in texts(source) if text]
    assert " / ".join(shown).replace(" / ", " ").split() == " ".join(expected).split()


def test_a_card_is_a_link_on_its_own_line() -> None:
    source = """\
<Cards
  items={[
    {
      title: 'Start [now]',
      link: '/start',
    },
    {
      link: "https://example.org/deploy",
      title: "Deploy",
      description: "To a host of your own."
    },
  ]}
/>

<Card title="Ask" href="/ask" /> and <Card title="Read" />
"""
    blocks = parse_mdx(source)
    assert [(block.text, block.lines) for block in blocks] == [
        ("Start [now]", (4, 4)),
        ("Deploy", (9, 9)),
        ("To a host of your own.", (10, 10)),
        ("Ask and Read", (15, 15)),
    ]
    links = [(link.title, link.url) for block in blocks for link in block.links]
    assert links == [("Deploy", "https://example.org/deploy"), ("Ask", "/ask")]


def test_indentation_in_a_component_makes_no_code() -> None:
    source = (
        "<Steps>\n    Some text.\n\n    ```bash\n    run\n    ```\n\n    - item\n</Steps>\n\nAfter"
    )
    blocks = [(block.kind, block.text) for block in parse_mdx(source)]
    assert blocks == [
        ("prose", "Some text."),
        ("code", "run"),
        ("item", "item"),
        ("prose", "After"),
    ]


def test_text_that_only_looks_like_a_component_stays() -> None:
    assert [b.text for b in parse_markdown("Use {x} and {props.y} here.")] == [
        "Use {x} and {props.y} here."
    ]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import X from 'y'\n\n# T", True),
        ("\n\nimport {\n a\n} from 'y';\n", True),
        ("# T\n\nimport X from 'y'", False),
        ("import is a word", False),
    ],
)
def test_a_page_that_begins_with_an_import_is_mdx(source: str, expected: bool) -> None:
    assert starts_with_import(source) is expected


@pytest.mark.parametrize(
    ("tag", "rest"),
    [
        ("<A>", "x"),
        ("<A b='>'>", ""),
        ("<A b={x > 1 ? {a: '}'} : 2}>", "y"),
        ("<A b={() => 1}/>", ""),
    ],
)
def test_a_tag_ends_outside_its_quotes_and_braces(tag: str, rest: str) -> None:
    assert find_tag_end(f"{tag}{rest}", 0) == len(tag)


def test_a_tag_that_never_ends_is_text() -> None:
    assert find_tag_end("<A b='c", 0) is None
    assert texts("<A b={c\n\n# Title") == ["<A b={c", "Title"]


@pytest.mark.parametrize("piece", ["<A b={", "{", "<A ", "`<A>", "<A\n", "import {\n", "{/*"])
def test_any_number_of_unclosed_tags_keeps_its_lines(piece: str) -> None:
    source = piece * 500
    assert convert_mdx(source).count("\n") == source.count("\n")


def test_the_label_of_an_update_is_a_heading_and_what_its_feed_says_is_not_shown() -> None:
    source = """\
<Update label="May 2" tags={["New"]} rss={{ title: "Boats, and more" }}>

  ## Boats

  They float.

</Update>

<Update
  label="May 1"
>

Old.

</Update>
"""
    blocks = parse_mdx(source)
    assert [(b.kind, b.level, b.text) for b in blocks] == [
        ("heading", 1, "May 2"),
        ("heading", 2, "Boats"),
        ("prose", 0, "They float."),
        ("heading", 1, "May 1"),
        ("prose", 0, "Old."),
    ]


def test_an_export_ends_where_its_braces_are_closed() -> None:
    source = (
        "export const Ask = () => {\n  const a = f({\n\n    b: 1,\n  })\n\n  return a\n}\n\nText.\n"
    )
    assert [block.text for block in parse_mdx(source)] == ["Text."]
    assert [block.text for block in parse_mdx("export const a = '{'\n\nText.\n")] == ["Text."]


def test_an_icon_over_several_lines_shows_nothing() -> None:
    assert texts('Before.\n\n<Icon\n  name="oar"\n  label="x"\n/>\n\nAfter.\n') == [
        "Before.",
        "After.",
    ]
