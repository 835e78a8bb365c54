"""What a page says of itself beside its text: its language, what it hides, what it recommends."""

from __future__ import annotations

from pathlib import Path

import pytest

from assistant.guide.page import ReadingOptions, detect_publisher, read_guide, read_page


@pytest.fixture
def reads(tmp_path: Path):
    """Reads one page of a guide from its path and text."""

    def read_one(path: str, source: str | bytes, **reading):
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(source if isinstance(source, bytes) else source.encode())
        return read_page(tmp_path, path, reading_options=ReadingOptions(**reading))

    return read_one


# -- language -----------------------------------------------------------------------------------


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
        # Folders of a handbook that only look like one.
        ("it/a.md", "Text", ""),
        ("id/a.md", "Text", ""),
        ("ai/a.md", "Text", ""),
        ("deep/down/de/a.md", "Text", ""),
        ("v1.0.md", "Text", ""),
        ("a.md", "---\nlang: a long story\n---\nText", ""),
    ],
)
def test_the_language_of_a_page_is_what_it_or_its_place_says(reads, path, source, language):
    found = reads(path, source)
    assert found.page.language == language
    assert {passage.language for passage in found.passages} == {language}


# -- encodings ----------------------------------------------------------------------------------

WORDS = "# Größe\n\nÜber 20 € – ja.\n"


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252"]
)
def test_a_page_is_read_in_the_encoding_it_is_in(reads, encoding):
    found = reads("a.md", WORDS.encode(encoding))
    assert [passage.text for passage in found.passages] == ["Größe\n\nÜber 20 € – ja."]


def test_line_ends_of_every_system_end_lines(reads):
    for end in ("\n", "\r\n", "\r"):
        found = reads("a.md", end.join(["# A", "", "text", "", "## B", "", "more"]).encode())
        assert [section.lines for section in found.sections] == [(1, 4), (5, 7)]


# -- what no reader can see -----------------------------------------------------------------------


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
def test_hidden_characters_are_left_out_and_told(reads, hidden, name):
    found = reads("a.md", f"# Title\n\nfirst{hidden}word\n\n`co{hidden}de` [li{hidden}nk](b.md)\n")
    assert [passage.text for passage in found.passages] == ["Title\n\nfirstword\n\ncode link"]
    (oddity,) = found.oddities
    assert oddity.line == 3
    assert name in oddity.what
    assert "no reader can see" in oddity.what


def test_a_page_with_emoji_and_right_to_left_words_hides_nothing(reads):
    assert reads("a.md", "# שלום عالم\n\nDone \u2714\ufe0f می\u200cخواهم\n").oddities == ()


# -- the tool that publishes ----------------------------------------------------------------------


@pytest.mark.parametrize("place", [".", ".."])
def test_the_tool_is_guessed_from_its_file_in_the_guide_or_beside_it(tmp_path, place):
    guide = tmp_path / "docs"
    guide.mkdir()
    (guide / place / "mkdocs.yml").write_text("site_name: x")
    (guide / "a.md").write_text("# A & B\n\nx\n\n# A & B\n\ny")
    assert detect_publisher(guide) == "mkdocs"
    assert [section.anchor for section in read_guide(guide).sections] == ["a-b", "a-b_1"]


def test_links_of_a_whole_guide_are_checked(tmp_path):
    (tmp_path / "a.md").write_text('# A\n\n[b](b.md#part) [c](c.md)\n\n<a id="own"></a>\n\ntext\n')
    (tmp_path / "b.md").write_text("# B\n\n## Part\n\n[own](a.md#own) [none](a.md#none)\n")
    assert [(o.path, o.line, o.message) for o in read_guide(tmp_path).warnings] == [
        ("a.md", 3, "The link to c.md leads to no page."),
        ("b.md", 5, "The link to a.md#none leads to no section of its page."),
    ]


# -- headings ------------------------------------------------------------------------------


def test_emphasised_lines_are_headings_where_a_page_has_no_others(reads):
    found = reads("a.md", "# Title\n\n**First step**\n\nDo it.\n\n**Second step**\n\nDo more.\n")
    assert [section.headings for section in found.sections] == [
        ("Title",),
        ("Title", "First step"),
        ("Title", "Second step"),
    ]
    assert [section.url for section in found.sections] == ["a.md#title", "a.md", "a.md"]


def test_emphasised_lines_are_text_where_a_page_has_headings(reads):
    found = reads("a.md", "# Title\n\n**Bold line**\n\nText.\n\n## Other\n\nMore.\n")
    assert [section.headings[-1] for section in found.sections] == ["Title", "Other"]
    assert found.passages[0].text == "Title\n\nBold line\n\nText."


@pytest.mark.parametrize(
    "line", ["**A whole sentence.**", "**Note:**", "**bold** and plain", "- **item**", "> **said**"]
)
def test_emphasis_that_is_no_line_of_its_own_or_a_sentence_is_text(reads, line):
    assert len(reads("a.md", f"{line}\n\nText.\n").sections) == 1


# -- what is recommended -------------------------------------------------------------------


def kinds(found) -> list[tuple[str, str, int | None]]:
    return [(r.title, r.kind, r.minutes) for r in found.resources]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("- [Talk](https://www.youtube.com/watch?v=1) 12 min watch", ("Talk", "video", 12)),
        ("- \U0001f4da [Novel](https://shop.example/x)", ("Novel", "book", None)),
        ("- \U0001f3a5 [Film](https://a.example/x)", ("Film", "video", None)),
        ("- [Form](https://tally.so/r/1)", ("Form", "form", None)),
        ("- [Text](https://a.example/x) (5-minute read)", ("Text", "article", 5)),
        ("| [Row](https://a.example/x) | by Ann Bee | 3 min |", ("Row by Ann Bee", "article", 3)),
    ],
)
def test_a_line_tells_what_kind_of_thing_it_recommends(reads, line, expected):
    source = f"# T\n\n{line}\n" if line[0] == "-" else f"# T\n\n{line}\n| x | y | z |\n"
    assert kinds(reads("a.md", source)) == [expected]


def test_a_film_that_a_page_shows_is_recommended_and_not_quoted(reads):
    frame = '<iframe src="https://www.youtube.com/embed/1"{}></iframe>'
    titled = frame.format(' title="Our kitchen"')
    found = reads("a.md", f"# T\n\n{titled}\n\n## Knives\n\n{frame.format('')}\n\nText.\n")
    assert kinds(found) == [("Our kitchen", "video", None), ("Knives", "video", None)]
    assert [passage.text for passage in found.passages] == ["T", "Knives\n\nText."]
    other = '<iframe src="https://maps.example/1"></iframe>'
    assert kinds(reads("b.md", f"# T\n\n{other}\n")) == []


def test_under_further_reading_a_note_may_be_long(reads):
    note = "which says at length why it is worth the hour that it takes you to read it"
    item = f"- [Essay](https://a.example/x), {note}\n"
    assert kinds(reads("a.md", f"# T\n\n## Further reading\n\n{item}")) == [
        ("Essay", "article", None)
    ]
    assert kinds(reads("b.md", f"# T\n\n## Usage\n\n{item}")) == []


def test_a_recommended_page_of_the_guide_is_named_from_its_root(reads):
    found = reads("deep/a.md", "# T\n\n- [Other](../other.md#part)\n- [Near](near.md)\n")
    assert [resource.url for resource in found.resources] == ["other.md#part", "deep/near.md"]
