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
