"""Reading one page: its title, language, lines, links, and characters that nobody can see."""

from __future__ import annotations

import hashlib

import pytest

from tests.guide_pages import section, texts


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_lines_are_those_of_the_file_for_every_line_end(page, end: bytes, mark: bytes) -> None:
    source = [b"---", b"title: T", b"---", b"Intro.", b"", b"# Head", b"", b"Text.", b""]
    guide = page(mark + end.join(source))
    assert [(s.headings, s.lines) for s in guide.sections] == [
        (("T",), (1, 5)),
        (("T", "Head"), (6, 8)),
    ]
    assert guide.passages[1].sentences[1].lines == (8, 8)
    assert guide.pages[0].sha256 == hashlib.sha256(mark + end.join(source)).hexdigest()


def test_the_last_line_counts_with_or_without_a_line_end(page) -> None:
    assert section(page("# A\n\ntext"), "a").lines == (1, 3)
    assert section(page("# A\n\ntext\n"), "a").lines == (1, 3)


def test_a_utf_16_page_with_a_byte_order_mark_is_read(page) -> None:
    assert texts(page("Text é.".encode("utf-16")), "") == ["Text é."]


@pytest.mark.parametrize(
    ("path", "source", "language"),
    [
        ("a.md", "---\nlang: de\n---\nText", "de"),
        ("a.md", "---\nlanguage: pt-BR\n---\nText", "pt-br"),
        ("a.md", "---\nlocale: zh_CN\n---\nText", "zh-cn"),
        ("de/a.md", "Text", "de"),
        ("docs/fr/deep/a.md", "Text", "fr"),
        ("i18n/pt-BR/docs/a.md", "Text", "pt-br"),
        ("a.fr.md", "Text", "fr"),
        ("fr/a.md", "---\nlang: de\n---\nText", "de"),
        # Folders of a handbook whose names only look like a language.
        ("it/a.md", "Text", ""),
        ("id/a.md", "Text", ""),
        ("ai/a.md", "Text", ""),
        ("deep/down/de/a.md", "Text", ""),
        ("v1.0.md", "Text", ""),
        ("a.md", "---\nlang: a long story\n---\nText", ""),
    ],
)
def test_a_page_declares_its_language_or_its_path_names_it(parse, path, source, language):
    parsed = parse(path, source)
    assert parsed.page.language == language
    assert {passage.language for passage in parsed.passages} == {language}


WORDS = "# Größe\n\nÜber 20 € – ja.\n"


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252"]
)
def test_a_page_is_read_in_any_encoding(parse, encoding):
    parsed = parse("a.md", WORDS.encode(encoding))
    assert [passage.text for passage in parsed.passages] == ["Größe\n\nÜber 20 € – ja."]


def test_line_ends_of_every_system_end_lines(parse):
    for end in ("\n", "\r\n", "\r"):
        parsed = parse("a.md", end.join(["# A", "", "text", "", "## B", "", "more"]).encode())
        assert [section.lines for section in parsed.sections] == [(1, 4), (5, 7)]


@pytest.mark.parametrize(
    ("hidden", "name"),
    [
        ("\U000e0041\U000e0042", "U+E0041 (TAG LATIN CAPITAL LETTER A)"),
        ("\u202e", "U+202E (RIGHT-TO-LEFT OVERRIDE)"),
        ("\u2066", "U+2066 (LEFT-TO-RIGHT ISOLATE)"),
        ("\u200b", "U+200B (ZERO WIDTH SPACE)"),
        ("\ufe01", "U+FE01 (VARIATION SELECTOR-2)"),
        ("\U000e0100", "U+E0100 (VARIATION SELECTOR-17)"),
    ],
)
def test_hidden_characters_are_left_out_with_a_warning(parse, hidden, name):
    source = f"# Title\n\nfirst{hidden}word\n\n`co{hidden}de` [li{hidden}nk](b.md)\n"
    parsed = parse("a.md", source)
    assert [passage.text for passage in parsed.passages] == ["Title\n\nfirstword\n\ncode link"]
    (warning,) = parsed.warnings
    assert warning.line == 3
    assert warning.message.endswith(f"left out, the first {name}.")


def test_emoji_and_right_to_left_words_give_no_warning(parse):
    assert parse("a.md", "# שלום عالم\n\nDone \u2714\ufe0f می\u200cخواهم\n").warnings == ()


@pytest.mark.parametrize(
    ("path", "source", "title"),
    [
        ("a.md", "---\ntitle: Bread &amp; wine\n---\nText", "Bread & wine"),
        ("a.md", "# Bread\n\nText", "Bread"),
        ("a.md", "## Bread\n\nText\n\n### Rye\n\nText", "Bread"),
        # Two headings beside each other: neither is that of the page.
        ("a.md", "## Bread\n\nText\n\n## Wine\n\nText", "A"),
        ("a.md", "Text\n\n## Bread\n\nText", "A"),
        ("API-reference.md", "Text", "API-reference"),
        ("Bake-off in May.md", "Text", "Bake-off in May"),
        ("our_daily_bread.md", "Text", "Our daily bread"),
        ("bake-off.md", "The Bake-Off is in May.", "Bake-off"),
        ("rye-bread.md", "Bread of rye.", "Rye bread"),
        ("our-bread/index.md", "Text", "Our bread"),
        ("Our bread 0123456789abcdef0123456789abcdef.md", "Text", "Our bread"),
    ],
)
def test_a_title_is_declared_or_the_pages_heading_or_of_its_file_name(parse, path, source, title):
    assert parse(path, source).page.title == title


def test_a_menu_of_a_book_has_no_passages(parse):
    menu = "# Summary\n\n[Foreword](a.md)\n\n- [Boats](b.md)\n  - [Oars](c.md)\n\n---\n"
    assert parse("src/SUMMARY.md", menu).passages == ()
    assert len(parse("src/SUMMARY.md", f"{menu}\nA book on boats.\n").passages) == 2
