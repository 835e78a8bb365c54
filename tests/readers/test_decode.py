"""Every file becomes text, whatever its encoding; one that holds no text is an error."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.errors import GuideError
from assistant.readers import reader_for
from assistant.readers.html import extract_text

if TYPE_CHECKING:
    from assistant.models.documents import Block
    from assistant.readers.decode import Source


def decode(raw: bytes, path: str = "a.md") -> Source:
    return reader_for(path).decode(path, raw)


def blocks(path: str, source: Source) -> list[Block]:
    return reader_for(path).parse(source.text)


def text(raw: bytes, path: str = "a.md") -> str:
    return decode(raw, path).text


def warnings_of(raw: bytes, path: str = "a.md") -> list[tuple[int, str]]:
    return list(decode(raw, path).warnings)


PAGE = "# Größe\n\nça va, naïve “quotes”\n\nmore and more English words\n"


@pytest.mark.parametrize(
    "raw",
    [
        PAGE.encode(),
        PAGE.encode("utf-8-sig"),
        PAGE.encode("utf-16"),
        b"\xfe\xff" + PAGE.encode("utf-16-be"),
        PAGE.encode("utf-32"),
        b"\0\0\xfe\xff" + PAGE.encode("utf-32-be"),
        *[PAGE.encode(f"utf-{width}-{end}") for width in (16, 32) for end in ("le", "be")],
        PAGE.replace("\n", "\r\n").encode(),
        PAGE.replace("\n", "\r").encode("utf-16"),
    ],
)
def test_unicode_is_decoded_in_every_encoding_form(raw: bytes) -> None:
    assert text(raw) == PAGE
    assert warnings_of(raw) == []


def test_bytes_that_are_not_utf_8_are_decoded_as_windows_1252_with_a_warning() -> None:
    raw = "# T\n\nGröße – “ja”\n".encode("cp1252")
    assert text(raw) == "# T\n\nGröße – “ja”\n"
    ((line, message),) = warnings_of(raw)
    assert line == 3
    assert "Windows-1252" in message


def test_one_invalid_byte_affects_no_other_character() -> None:
    raw = "Größe\n".encode() + b"caf\xe9\n" + "日本語\n".encode()
    assert text(raw) == "Größe\ncafé\n日本語\n"
    assert [line for line, _ in warnings_of(raw)] == [2]


@given(st.binary().filter(lambda raw: b"\0" not in raw))
def test_bytes_without_a_zero_are_always_text(raw: bytes) -> None:
    text(raw).encode()


@given(st.text(st.characters(codec="latin-1", exclude_categories=["Cc"])))
def test_every_letter_of_latin_1_survives(words: str) -> None:
    # A blank keeps two letters from being the two bytes of one in UTF-8.
    spaced = " ".join(words)
    assert text(spaced.encode("latin-1")) == spaced


def test_an_html_page_may_declare_its_encoding() -> None:
    raw = '<meta charset="windows-1251"><p>Привет'.encode("windows-1251")
    assert "Привет" in text(raw, "a.html")
    assert warnings_of(raw, "a.html") == []
    assert "Привет" not in text(raw, "a.md")


@pytest.mark.parametrize("name", ["punycode", "unicode_escape", "rot13", "nothing", "utf-7"])
def test_a_declared_encoding_that_is_not_of_text_is_ignored(name: str) -> None:
    raw = f"<meta charset={name}><p>caf".encode() + b"\xe9 \\u0041+AEE-"
    assert "café \\u0041+AEE-" in text(raw, "a.html")


@pytest.mark.parametrize("raw", [b"\x89PNG\r\n\0\0\0", b"text with a \0 in it", b"\0" * 9])
def test_a_file_that_is_not_text_is_an_error(raw: bytes) -> None:
    with pytest.raises(GuideError, match="not text"):
        decode(raw)


@pytest.mark.parametrize("hidden", ["\x08", "\x1b", "\x7f"])
def test_a_control_character_is_reported_by_name_and_line(hidden: str) -> None:
    ((line, message),) = warnings_of(f"one\ntwo {hidden}\nthree {hidden}\n".encode())
    assert line == 2
    assert f"U+{ord(hidden):04X}" in message


def test_an_html_page_declares_its_title_and_language() -> None:
    raw = b"<html lang=de><title>T</title><nav>no</nav>\n<main><h1>A</h1>\n<p>b</main>"
    source = decode(raw, "a.html")
    assert (source.title, source.language) == ("T", "de")
    assert [(b.text, b.lines) for b in blocks("a.html", source)] == [("A", (2, 2)), ("b", (3, 3))]


def test_restructured_text_keeps_its_lines() -> None:
    source = decode(b"T\n=\n\nwords :odd:`here`\n\n.. unknown::\n\n   in it\n", "a.rst")
    assert [(b.kind, b.text, b.lines) for b in blocks("a.rst", source)] == [
        ("heading", "T", (1, 1)),
        ("prose", "words here", (4, 4)),
        ("prose", "in it", (8, 8)),
    ]
    assert [line for line, _ in source.warnings] == [4, 6]


def test_restructured_text_that_docutils_cannot_read_is_read_as_plain_text() -> None:
    source = decode(b"one <b>\n\n" + b"two " * 4000, "a.rst")
    first, second = blocks("a.rst", source)
    assert [first.lines, second.lines] == [(1, 1), (3, 3)]
    assert first.text == "one <b>"
    assert second.text.split() == ["two"] * 4000
    assert "plain text" in source.warnings[0][1]


def test_nested_entities_are_not_expanded() -> None:
    lines = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 30))
    raw = f'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a0 "ha">{lines}]><p>&a29;</p>'.encode()
    assert len(extract_text(text(raw, "a.xhtml"))) < 2 * len(raw)
