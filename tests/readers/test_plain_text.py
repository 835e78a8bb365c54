"""Plain text is cut into paragraphs, and no character is markup."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from assistant.readers.decode import decode_text
from assistant.readers.plain_text import parse_plain_text


def test_no_character_of_plain_text_is_markup() -> None:
    source = decode_text("a.txt", b"# no *title* <b>\n- [x](y) \\_ &amp;\n\n\n    {% z %}\n")
    assert [(b.kind, b.text, b.lines) for b in parse_plain_text(source.text)] == [
        ("prose", "# no *title* <b> - [x](y) \\_ &amp;", (1, 2)),
        ("prose", "{% z %}", (5, 5)),
    ]


@given(st.text(alphabet="ab*#<>_`\n\t &[\u200b\x0c", max_size=60))
def test_plain_text_loses_no_words(source: str) -> None:
    blocks = parse_plain_text(source)
    words = " ".join(block.text for block in blocks).split()
    assert words == source.replace("\u200b", "").split()
    for block in blocks:
        lines = source.split("\n")[block.lines[0] - 1 : block.lines[1]]
        assert " ".join(lines).replace("\u200b", "").split() == block.text.split()
