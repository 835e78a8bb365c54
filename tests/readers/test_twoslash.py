"""Code that a compiler reads first: what it cuts and asks is not shown."""

from __future__ import annotations

import pytest

from assistant.readers.markdown import parse_markdown
from assistant.readers.twoslash import strip_twoslash


@pytest.mark.parametrize(
    ("code", "shown"),
    [
        ("let boat = 1\n// ---cut---\nsail(boat)", "sail(boat)"),
        ("a()\n// ---cut-before---\n\nb()\n// ---cut-after---\nc()", "b()"),
        ("a()\n// ---cut-start---\nb()\n// ---cut-end---\nc()", "a()\nc()"),
        ("a()\n// ---cut-start---\nb()", "a()\nb()"),
        ("// @noErrors\n// @errors: 2304\nrow()", "row()"),
        ("const oar = 2\n//    ^?", "const oar = 2"),
        ("// @filename: oar.ts\nrow()", "// @filename: oar.ts\nrow()"),
        ("row()\n  // @warn: Wet wood", "row()\n  // Wet wood"),
        ("// row twice\nrow() // ---cut---", "// row twice\nrow() // ---cut---"),
    ],
)
def test_lines_for_the_compiler_are_not_shown(code: str, shown: str) -> None:
    assert strip_twoslash(code) == shown


@pytest.mark.parametrize("info", ["ts twoslash", "js {2} twoslash [boat.js]"])
def test_the_first_line_of_a_fence_asks_for_it(info: str) -> None:
    blocks = parse_markdown(f"```{info}\nlet boat = 1\n// ---cut---\nsail(boat)\n```")
    assert [block.text for block in blocks if block.kind == "code"] == ["sail(boat)"]


def test_other_code_keeps_such_lines() -> None:
    (block,) = parse_markdown("```ts\nlet boat = 1\n// ---cut---\nsail(boat)\n```")
    assert block.text == "let boat = 1\n// ---cut---\nsail(boat)"
