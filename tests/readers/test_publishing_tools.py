"""Marks of publishing tools: components, code from other files, hidden lines, keys, block ids."""

from __future__ import annotations

import pytest

from assistant.readers.markdown import parse_markdown, parse_mdx


def parts(source: str, *, mdx: bool = False) -> list[tuple[str, str]]:
    blocks = (parse_mdx if mdx else parse_markdown)(source)
    return [(block.kind, block.text) for block in blocks if block.text]


def texts(source: str, *, mdx: bool = False) -> list[str]:
    return [text for _, text in parts(source, mdx=mdx)]


# -- Docusaurus, Mintlify, Starlight --------------------------------------------------------------


@pytest.mark.parametrize(
    "imports",
    [
        "import Boat from '@theme/Boat'; import Sea from './sea';",
        "import Boat from '@theme/Boat';\nimport Sea from './sea';",
        "import Boat from '@theme/Boat'; import\nSea from './sea';",
        "Intro.\n\nimport Boat from '@theme/Boat';",
    ],
)
def test_imports_are_not_text_wherever_they_stand(imports: str) -> None:
    assert texts(f"{imports}\n\n<Boat label='Red' />\n")[-1] == "Red"
    assert "import" not in " ".join(texts(imports))


def test_an_import_shown_in_code_makes_no_component_of_a_page() -> None:
    source = "Write:\n\n```js\nimport Boat from '@theme/Boat';\n```\n\nA {boat} floats."
    assert texts(source)[-1] == "A {boat} floats."


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("<CodeBlock>{`# red\nrow()`}</CodeBlock>", [("code", "# red\nrow()")]),
        (
            '<CodeBlock language="sh" title="Row">\n  {`# red\nrow <fast>\n`}\n</CodeBlock>',
            [("prose", "Row"), ("code", "# red\nrow <fast>")],
        ),
        ("<CodeBlock>\nrow()\n</CodeBlock>", [("code", "row()")]),
        ("<CodeBlock>{Source}</CodeBlock>", []),
    ],
)
def test_a_component_with_code_is_code(source: str, expected: list[tuple[str, str]]) -> None:
    blocks = parse_mdx(f"{source}\n\nAfter.")
    shown = [(block.kind, block.text) for block in blocks if block.text]
    assert shown == [*expected, ("prose", "After.")]
    assert blocks[-1].lines[0] == source.count("\n") + 3


@pytest.mark.parametrize(
    ("tag", "expected"),
    [
        ('<ParamField path="crew" type="string" required>', "crew | string | required"),
        ('<ParamField query="oars" type="number" default={2}>', "oars | number | default 2"),
        ("<ResponseField name='wet' type='boolean'>", "wet | boolean"),
    ],
)
def test_a_field_shows_its_name_type_and_default(tag: str, expected: str) -> None:
    closes = f"</{tag[1:].partition('Field')[0]}Field>"
    assert texts(f"{tag}\n  Who rows.\n{closes}", mdx=True) == [expected, "Who rows."]


def test_a_title_of_a_component_is_apart_from_its_content() -> None:
    assert texts('<Card title="Boats">\nRed ones.\n</Card>', mdx=True) == ["Boats", "Red ones."]
    assert texts('<Step title="Row">Fast.</Step>', mdx=True) == ["Row Fast."]


def test_a_component_that_is_a_link_is_a_link() -> None:
    (block,) = parse_mdx('See <Link to="/boats/">the boats</Link>.')
    assert block.text == "See the boats."
    assert [(link.title, link.url) for link in block.links] == [("the boats", "/boats/")]


def test_a_name_of_a_picture_is_not_text() -> None:
    assert texts('Row <Icon name="oar" /> now.', mdx=True) == ["Row now."]


# -- VitePress, mdBook, Material for MkDocs, Obsidian ---------------------------------------------


def test_code_of_a_group_has_its_title() -> None:
    source = "::: code-group\n\n```js{1,3} [row.js]\nrow() // [!code focus]\n```\n\n:::"
    assert parts(source) == [("prose", "row.js"), ("code", "row()")]


@pytest.mark.parametrize(
    "mark",
    [
        "<<< @/boats/row.js{2}",
        "<!--@include: ./row.md-->",
        "{{#include row.rs}}",
        "```rust\n{{#rustdoc_include row.rs:fast}}\n```",
        '--8<-- "row.md"',
        "^row-id",
    ],
)
def test_a_mark_for_another_file_or_a_block_is_not_text(mark: str) -> None:
    assert texts(f"Before.\n\n{mark}\n\nAfter.") == ["Before.", "After."]


@pytest.mark.parametrize("prefix", ["", "> ", "  "])
def test_lines_of_rust_that_only_the_compiler_needs_are_not_shown(prefix: str) -> None:
    code = ["```rust,ignore", "# fn main() {", "let a = 1;", "#", "#[derive(B)]", "# }", "```"]
    source = "\n".join(prefix + line for line in code)
    assert parts(source) == [("code", "let a = 1;\n#[derive(B)]")]


def test_comments_of_other_languages_are_shown() -> None:
    assert parts("```sh\n# row\n```") == [("code", "# row")]


def test_keys_and_inserted_words_are_shown_without_their_marks() -> None:
    assert texts("Press ++ctrl+c++ in C++ or ^^now^^.") == ["Press ctrl+c in C++ or now."]


def test_headings_of_an_example_are_none_of_the_page() -> None:
    source = '# Boats\n\n<div class="demo">\n<h1>Hello</h1>\n</div>\n\n## Oars'
    assert parts(source) == [("heading", "Boats"), ("prose", "Hello"), ("heading", "Oars")]


def test_a_heading_in_a_centred_element_is_one_of_the_page() -> None:
    assert parts('<div align="center">\n<h1>Boats</h1>\n</div>') == [("heading", "Boats")]


# -- MkDocs: what plugins of the site put in a page ---------------------------------------------


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("#### <!-- setting crew.size -->\n\nHow many row.", ["crew.size", "How many row."]),
        ("<!-- version 4.2 -->\n\nIt floats.", ["It floats."]),
        ("<!-- flag:new --> It **floats**\nat sea.", ["It floats at sea."]),
        ("It floats <!-- at last --> at sea.", ["It floats at sea."]),
        ("- <!-- later --> Row *now*.", ["Row now."]),
    ],
)
def test_a_comment_is_shown_only_where_it_is_all_of_a_title(
    source: str, expected: list[str]
) -> None:
    assert texts(source) == expected


def test_a_comment_names_the_option_that_the_text_under_it_describes() -> None:
    source = """<!-- option crew.captain -->

:   <!-- default `Ann` --> The name of the captain, who
    gives [orders].

    ``` yaml
    captain: Ben
    ```

[orders]: orders.md
"""
    assert parts(source) == [
        ("prose", "crew.captain"),
        ("prose", "The name of the captain, who gives orders."),
        ("code", "captain: Ben"),
    ]


def test_the_text_under_such_a_name_may_be_a_note() -> None:
    source = "<!-- option calm -->\n\n:   !!! calm\n\n        The sea is **blue**.\n"
    assert parts(source) == [("prose", "calm"), ("prose", "The sea is blue.")]


def test_the_anchor_of_such_a_title_is_its_whole_name() -> None:
    (heading,) = parse_markdown("## <!-- setting crew.size -->")
    assert (heading.text, heading.anchor) == ("crew.size", "crew.size")


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("Set [`size`][crew.size] first.", "Set size first."),
        ("Use the [crew list][crew]: it is short.", "Use the crew list: it is short."),
        ("Ask [harbour][port] early.", "Ask harbour early."),
        ("Read [crew.size][] first.", "Read crew.size first."),
        ("In the [crew\nlist][crew.list].", "In the crew list."),
        ("In the [crew list]\n[crew.list].", "In the crew list."),
        ("It is in [`crew`]\n[crew.list], too.", "It is in crew, too."),
        ("Write `#!css a {}` or `#!/bin/sh -e`.", "Write a {} or #!/bin/sh -e."),
        ("Names match [A-Z][a-z]+ only.", "Names match [A-Z][a-z]+ only."),
        ("Take seat[row][number] next.", "Take seat[row][number] next."),
        ("Write `[crew][crew.list]` so.", "Write [crew][crew.list] so."),
    ],
)
def test_a_reference_that_the_site_knows_is_shown_as_its_text(source: str, expected: str) -> None:
    assert texts(source) == [expected]


def test_a_reference_that_the_page_defines_is_a_link() -> None:
    (block,) = parse_markdown("See the [crew list][crew.list].\n\n[crew.list]: crew.md")
    assert [(link.title, link.url) for link in block.links] == [("crew list", "crew.md")]


def test_a_rule_in_a_card_does_not_part_its_title_from_its_text() -> None:
    source = "-   **Sails**\n\n    ---\n\n    They are red.\n\n-   **Oars**\n"
    assert [kind for kind, _ in parts(source)] == ["item", "item", "item"]
    assert all(block.kind != "break" for block in parse_markdown(source))
    assert [block.kind for block in parse_markdown("One.\n\n---\n\nTwo.")][1] == "break"


# -- MyST -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("```{versionadded} 3.1\n```\n\nSail.", ["Added in version 3.1", "Sail."]),
        ("```{versionchanged} 3.2\nIt is red.\n```", ["Changed in version 3.2", "It is red."]),
        (":::{deprecated} 4.0\nRow.\n:::", ["Deprecated since version 4.0", "Row."]),
        ("It follows {pep}`8` and {rfc}`2616`.", ["It follows PEP 8 and RFC 2616."]),
        ("(the crew)=\n# Crew\n\nTen row.", ["Crew", "Ten row."]),
        ("```{tab} Sea\nThe **sea** is {file}`blue`.\n```", ["Sea", "The sea is blue."]),
    ],
)
def test_roles_and_directives_of_sphinx_are_shown_as_it_shows_them(
    source: str, expected: list[str]
) -> None:
    assert texts(source) == expected


def test_a_target_of_several_words_is_an_anchor_with_hyphens() -> None:
    (heading,) = parse_markdown("(the crew)=\n# Crew")
    assert heading.anchor == "the-crew"


# -- HTML in Markdown -----------------------------------------------------------------------------


def test_paragraphs_and_items_in_a_cell_are_parted() -> None:
    source = "| Who | What |\n|--|--|\n| Ann | Rows.<p>Sails.<ul><li>Sings.</li></ul> |\n"
    assert texts(source) == ["Who | What", "Ann | Rows. Sails. Sings."]


def test_an_empty_line_in_a_cell_of_html_does_not_end_the_table() -> None:
    source = """<table>
  <tr>
    <td>Ann</td>
    <td>
      <p>

        She sails the red boat.

      </p>
    </td>
  </tr>
</table>

She sings."""
    assert parts(source) == [("row", "Ann | She sails the red boat."), ("prose", "She sings.")]


def test_tags_between_the_rows_of_a_table_of_html_do_not_end_it() -> None:
    source = """<table>
  <tr>
    <td>Ann</td>
    <td>

      {% if boat.red %}

        <p>Rows.</p>

      {% endif %}

    </td>
  </tr>
</table>"""
    assert parts(source) == [("row", "Ann | Rows.")]


def test_markdown_in_a_cell_of_html_stays_markdown() -> None:
    source = "<table><tr><td>\n\n```\nrow()\n```\n\n</td></tr></table>"
    assert ("code", "row()") in parts(source)


def test_a_script_gives_the_heading_after_it_no_anchor() -> None:
    source = '<script>\n  find(\'[id="mast"]\' + x, " id=mast")\n</script>\n\n# Sails'
    assert [block.anchor for block in parse_markdown(source) if block.text == "Sails"] == [""]


# -- marks in code, in headings and of components -------------------------------------------------


@pytest.mark.parametrize(
    "mark",
    [
        "// highlight-next-line",
        "  # highlight-start",
        "/* highlight-end */",
        "{/* highlight-add-next-line */}",
        "<!-- highlight-next-line -->",
    ],
)
def test_a_comment_that_marks_lines_of_code_is_not_shown(mark: str) -> None:
    assert texts(f"```\nraise()\n{mark}\nlower()\n```") == ["raise()\nlower()"]


def test_a_comment_about_such_marks_is_code() -> None:
    code = "// highlight-next-line marks a sail\nraise() // highlight-end"
    assert texts(f"```\n{code}\n```") == [code]


def test_a_helper_of_a_book_is_shown_without_its_backslash() -> None:
    source = "Write `\\{{#include sea.md}}`:\n\n```\n\\{{#playground boat.rs}}\n```"
    assert texts(source) == ["Write {{#include sea.md}}:", "{{#playground boat.rs}}"]


def test_a_class_that_hides_is_followed() -> None:
    source = (
        'Above.\n\n<div class="hidden">Nobody sees this.</div>\n\n<p class="hidden wide">Seen.</p>'
    )
    assert texts(source) == ["Above.", "Seen."]


@pytest.mark.parametrize(
    ("heading", "text", "anchor"),
    [
        ("## Sailing home [#home]", "Sailing home", "home"),
        ("## The `keel` [#the-keel]", "The keel", "the-keel"),
        ("## See [#12]", "See [#12]", ""),
        ("## [#all]", "[#all]", ""),
    ],
)
def test_a_heading_has_its_anchor_in_square_brackets(heading: str, text: str, anchor: str) -> None:
    (block,) = parse_markdown(heading)
    assert (block.text, block.anchor) == (text, anchor)


def test_the_language_of_code_in_a_line_is_not_shown() -> None:
    source = "Call `sail(){:ts}` or `<Mast>{:.token.tag}`, not `{:ok}` and `a {:js}`."
    assert texts(source, mdx=True) == ["Call sail() or <Mast>, not {:ok} and a {:js}."]


def test_code_that_says_it_is_markdown_has_links() -> None:
    (block,) = parse_markdown("Type ```md (wind: [Wind](wind.md)) => Course```.")
    assert block.text == "Type (wind: Wind) => Course."
    assert [link.url for link in block.links] == ["wind.md"]


@pytest.mark.parametrize(
    "element",
    [
        "<p>\n**Crew:** `four`<br />\n[Ask](ask.md)\n</p>",
        '<div className="wide">\n**Crew:** `four`\n[Ask](ask.md)\n</div>',
        "<figcaption>**Crew:** `four` [Ask](ask.md)</figcaption>",
    ],
)
def test_markdown_between_tags_of_a_container_is_markdown_in_mdx(element: str) -> None:
    assert texts(element, mdx=True) == ["Crew: four Ask"]


def test_code_right_below_the_tag_of_a_container_is_code_in_mdx() -> None:
    assert parts("<figure>\n```js\nrow()\n```\n</figure>", mdx=True) == [("code", "row()")]


def test_text_right_below_a_heading_of_html_is_markdown_in_mdx() -> None:
    source = '<h3 className="wide">Crew</h3>\n<Badge>**Four** `oars`</Badge>'
    assert parts(source, mdx=True) == [("heading", "Crew"), ("prose", "Four oars")]


def test_a_table_of_html_stays_one_in_mdx() -> None:
    source = "<table>\n<tr>\n<td>\n<p>\n`Oar`\n</p>\n</td>\n<td>Wood</td>\n</tr>\n</table>"
    assert [kind for kind, _ in parts(source, mdx=True)] == ["row"]


def test_components_in_a_row_are_items() -> None:
    source = 'The hold:\n\n<Hold>\n<Crate name="Rope" />\n<Crate name="Sails" />\n</Hold>\n\nEnd.'
    assert parts(source, mdx=True) == [
        ("prose", "The hold:"),
        ("item", "Rope"),
        ("item", "Sails"),
        ("prose", "End."),
    ]


def test_tabs_in_slots_are_labelled() -> None:
    slots = '<Fragment slot="oar">\n```\nrow\n```\n</Fragment>'
    assert texts(f"<BoatTabs>\n{slots}\n</BoatTabs>", mdx=True) == ["oar", "row"]
    assert texts(f"<Boat>\n{slots}\n</Boat>", mdx=True) == ["row"]


@pytest.mark.parametrize(
    "expression",
    [
        "{isAtSea && <Flag />}",
        "{boats.map(boat => (\n  <li key={boat}>{boat}</li>\n))}",
        "{wind ? <Sail /> : <Oar />}",
    ],
)
def test_an_expression_that_decides_what_is_shown_is_no_text(expression: str) -> None:
    assert texts(f"Before.\n\n{expression}\n\nAfter.", mdx=True) == ["Before.", "After."]


def test_a_comment_with_code_in_it_is_no_text() -> None:
    source = "Sail {/* as `boat` may */}on `{/* home */}`.\n\n{/* It's `so` */}"
    assert texts(source, mdx=True) == ["Sail on {/* home */}."]


def test_the_id_of_a_picture_is_no_text() -> None:
    assert texts("Above.\n\n![[boat.png]]^the-boat\n\nBelow.") == ["Above.", "Below."]


def test_braces_in_a_sentence_are_text() -> None:
    source = "{a && b} holds at sea."
    assert texts(source, mdx=True) == [source]


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("- <b style={{color: 'red'}} className='x' /> Red {hue}", ["Red"]),
        ("`<Boat sail={x}>` takes {hue}", ["<Boat sail={x}> takes {hue}"]),
        ("```\n<Boat sail={x} />\n```\n\nTakes {hue}", ["<Boat sail={x} />", "Takes {hue}"]),
        ('<b title="{{ x }}">Red</b> {hue}', ["Red {hue}"]),
    ],
)
def test_a_page_with_values_in_braces_is_mdx(source: str, shown: list[str]) -> None:
    assert texts(source) == shown


def test_a_part_of_an_address_in_double_brackets_is_no_wiki_link() -> None:
    assert texts("The file [[...port]] takes all, [[Port]] one.") == [
        "The file [[...port]] takes all, Port one."
    ]
