"""Reading a whole guide: every page in path order, and warnings for what cannot be read."""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path

import pytest

from assistant.errors import GuideError
from assistant.guide.folder import read_guide
from assistant.guide.page import read_page
from assistant.guide.publishers import ReadingOptions
from assistant.guide.site import detect_site
from assistant.guide.walk import list_files
from assistant.models.documents import Guide
from tests.guide_pages import KITCHEN, check_guide, section, texts

REAL_GUIDES = Path(__file__).parents[3] / "shared" / "guides"


@pytest.fixture(scope="module")
def kitchen() -> Guide:
    return read_guide(KITCHEN)


def test_every_markdown_file_is_a_page_in_path_order(kitchen: Guide) -> None:
    assert [page.path for page in kitchen.pages] == ["baking/README.md", "index.md", "notes.md"]
    assert [warning.message for warning in kitchen.warnings] == ["1 .dat file was not read."]
    check_guide(kitchen)


def test_a_title_comes_from_front_matter_then_the_first_heading_then_the_file(
    kitchen: Guide,
) -> None:
    assert [page.title for page in kitchen.pages] == ["Baking", "The Kitchen Handbook", "Notes"]


def test_a_page_carries_the_digest_of_its_file(kitchen: Guide) -> None:
    for page in kitchen.pages:
        raw = (KITCHEN / page.path).read_bytes()
        assert page.sha256 == hashlib.sha256(raw).hexdigest()


def test_sections_carry_heading_path_anchor_and_lines(kitchen: Guide) -> None:
    sections = [s for s in kitchen.sections if s.path == "index.md"]
    title = "The Kitchen Handbook"
    knives = (title, "Knives")
    assert [(s.headings, s.anchor, s.lines[0]) for s in sections] == [
        ((title,), "", 1),
        (knives, "knives", 20),
        ((*knives, "Chef Knife vs. Bread Knife"), "chef-knife-vs-bread-knife", 25),
        ((title, "Numbers"), "numbers", 35),
        ((title, "Reading"), "reading", 42),
    ]
    assert sections[1].lines[1] == 24
    assert sections[-1].lines[1] == 49


def test_a_table_of_contents_is_dropped_with_its_heading(kitchen: Guide) -> None:
    assert texts(kitchen, "")[0] == "Welcome to the kitchen. Wash your hands first."
    assert not any("On this page" in passage.text for passage in kitchen.passages)


def test_a_passage_reads_as_the_page_does(kitchen: Guide) -> None:
    assert texts(kitchen, "chef-knife-vs-bread-knife") == [
        (
            "Chef Knife vs. Bread Knife\n\n"
            "A chef knife chops.\n\n"
            "A bread knife saws.\n\n"
            "1. Hold the handle.\n"
            "2. Curl your fingers.\n"
            "  - Tuck the thumb."
        )
    ]
    assert texts(kitchen, "numbers") == ["Numbers\n\nDish | Minutes\nSoup | 30\nStew | 120"]


def test_each_sentence_carries_its_lines_in_the_file(kitchen: Guide) -> None:
    source = (KITCHEN / "index.md").read_text(encoding="utf-8").split("\n")
    for passage in kitchen.passages:
        if passage.path != "index.md":
            continue
        for sentence in passage.sentences:
            first, last = sentence.lines
            lines = " ".join(source[first - 1 : last])
            assert passage.slice(sentence).split()[-1].strip(".") in lines


def test_rows_of_links_are_resources(kitchen: Guide) -> None:
    assert [(r.title, r.url, r.kind, r.minutes, r.anchor) for r in kitchen.resources] == [
        ('"On knives" by Ann Sharp', "https://blog.example.com/knives", "article", 7, "reading"),
        (
            '"The Whole Loaf" by Bo Rye',
            "https://publisher.example.com/loaf",
            "book",
            None,
            "reading",
        ),
    ]
    assert any(passage.lists_resources for passage in kitchen.passages)


def test_two_sections_with_the_same_heading_have_two_anchors(kitchen: Guide) -> None:
    anchors = [s.anchor for s in kitchen.sections if s.path == "baking/README.md"]
    assert anchors == ["baking", "ovens", "ovens-1"]


def test_a_page_without_headings_is_one_section_named_after_it(kitchen: Guide) -> None:
    (only,) = (s for s in kitchen.sections if s.path == "notes.md")
    assert (only.headings, only.anchor, only.lines) == (("Notes",), "", (1, 1))


def test_reading_twice_gives_the_same_guide(kitchen: Guide) -> None:
    assert read_guide(KITCHEN) == kitchen


def test_urls_lead_to_the_file_or_to_the_published_page(kitchen: Guide) -> None:
    assert section(kitchen, "ovens-1").url == "baking/README.md#ovens-1"
    published = read_guide(KITCHEN, reading_options=ReadingOptions(base_url="https://k.example/"))
    assert section(published, "knives").url == "https://k.example/#knives"


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        "code-with-engineering-playbook",
        "docsgpt-docs",
        "mkdocs-material",
        "opensource.guide",
        "product-management",
        "ragflow-docs",
        "starlette-docs",
    ],
)
def test_a_real_guide_is_read(name: str) -> None:
    folder = REAL_GUIDES / name
    if not folder.is_dir():
        pytest.skip("the real guides are not here")
    names = list(list_files(folder).paths)
    sample = names[:: 1 + len(names) // 150]  # of a guide in many languages a third will do
    pages = [read_page(folder, path, reading_options=ReadingOptions()) for path in sample]
    guide = Guide(
        pages=tuple(page.page for page in pages),
        sections=tuple(section for page in pages for section in page.sections),
        passages=tuple(passage for page in pages for passage in page.passages),
        resources=tuple(resource for page in pages for resource in page.resources),
        warnings=(),
    )
    check_guide(guide)
    headings = {(s.path, s.lines[0]) for s in guide.sections if s.anchor}
    for page in guide.pages:
        for number in lines_in_fences(page.text):
            assert (page.path, number) not in headings


def lines_in_fences(source: str) -> list[int]:
    """Return the lines inside fences that open and close at the margin: an independent oracle."""
    fence, inside = "", []
    for number, line in enumerate(source.split("\n"), 1):
        mark = re.match(r"(`{3,}|~{3,})(.*)$", line)
        if fence:
            inside.append(number)
            if mark and mark[1].startswith(fence) and not mark[2].strip():
                fence = ""
        elif mark and "`" not in mark[2]:
            fence = mark[1]
    return inside


@pytest.mark.parametrize(
    "raw", [b"a\x00b", b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"], ids=["nul", "picture"]
)
def test_a_page_that_is_not_text_is_a_warning_and_the_rest_is_read(
    page, tmp_path: Path, raw: bytes
) -> None:
    (tmp_path / "bad.md").write_bytes(raw)
    guide = page("Text.")
    assert [p.path for p in guide.pages] == ["page.md"]
    assert [(w.path, w.unreadable) for w in guide.warnings] == [("bad.md", True)]


def test_a_warning_names_the_line_that_is_not_utf_8(page, tmp_path: Path) -> None:
    (tmp_path / "bad.md").write_bytes(b"one\ntwo\ncaf\xe9\n")
    guide = page("Text.")
    assert texts(guide, "") == ["one two café", "Text."]
    assert [(w.path, w.line, w.unreadable) for w in guide.warnings] == [("bad.md", 3, False)]


def test_hidden_files_and_folders_are_no_pages(page, tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "a.md").write_text("no")
    (tmp_path / ".hidden.md").write_text("no")
    (tmp_path / "a.dat").write_text("no")
    (tmp_path / "node_modules").mkdir()
    (tmp_path / "node_modules" / "a.md").write_text("no")
    (tmp_path / "B.MD").write_text("yes")
    (tmp_path / "c.markdown").write_text("yes")
    (tmp_path / "d.mdx").write_text("yes")
    assert [p.path for p in page("yes").pages] == ["B.MD", "c.markdown", "d.mdx", "page.md"]


def test_a_link_out_of_the_folder_is_never_followed(tmp_path: Path) -> None:
    outside, inside = tmp_path / "outside", tmp_path / "inside"
    outside.mkdir()
    inside.mkdir()
    (outside / "secret.md").write_text("secret")
    (inside / "page.md").write_text("open")
    (inside / "file.md").symlink_to(outside / "secret.md")
    (inside / "folder").symlink_to(outside)
    (inside / "same.md").symlink_to("page.md")
    assert list(list_files(inside).paths) == ["page.md", "same.md"]


def test_a_broken_symbolic_link_is_a_warning(page, tmp_path: Path) -> None:
    (tmp_path / "round.md").symlink_to("round.md")
    (tmp_path / "gone.md").symlink_to("nothing.md")
    guide = page("Text.")
    assert [p.path for p in guide.pages] == ["page.md"]
    assert {w.path for w in guide.warnings} == {"gone.md", "round.md"}


def test_a_pipe_is_a_warning_and_is_not_read(page, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.md")
    assert [w.path for w in page("Text.").warnings] == ["pipe.md"]


def test_a_file_name_that_is_not_utf_8_is_a_warning(page, tmp_path: Path) -> None:
    try:
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.md")).write_text("x")
    except OSError:
        pytest.skip("this file system takes no such name")
    (warning,) = page("Text.").warnings
    assert warning.unreadable
    assert warning.path.encode()


def test_a_page_without_read_permission_is_a_warning(page, tmp_path: Path) -> None:
    (tmp_path / "shut.md").write_text("x")
    (tmp_path / "shut.md").chmod(0)
    if os.access(tmp_path / "shut.md", os.R_OK):
        pytest.skip("this user may read everything")
    assert [(w.path, w.unreadable) for w in page("Text.").warnings] == [("shut.md", True)]


def test_a_guide_without_any_text_is_an_error_with_a_hint(tmp_path: Path) -> None:
    with pytest.raises(GuideError, match="no guide") as missing:
        read_guide(tmp_path / "nothing")
    with pytest.raises(GuideError, match="no page") as nothing:
        read_guide(tmp_path)
    (tmp_path / "a.md").write_text("  \n\n")
    (tmp_path / "b.md").write_text("---\ntitle: B\n---\n")
    with pytest.raises(GuideError, match="empty") as empty:
        read_guide(tmp_path)
    (tmp_path / "a.md").write_bytes(b"\0")
    (tmp_path / "b.md").unlink()
    with pytest.raises(GuideError, match="not text") as unreadable:
        read_guide(tmp_path)
    for error in (missing, nothing, empty, unreadable):
        assert error.value.hint
        assert error.value.exit_code == 3


def test_progress_is_reported_after_every_file() -> None:
    calls: list[tuple[int, int]] = []
    read_guide(KITCHEN, progress=lambda done, total: calls.append((done, total)))
    assert calls == [(1, 3), (2, 3), (3, 3)]


@pytest.mark.parametrize("place", [".", ".."])
def test_the_publisher_is_detected_by_its_file_in_the_guide_or_beside_it(tmp_path, place):
    guide = tmp_path / "docs"
    guide.mkdir()
    (guide / place / "mkdocs.yml").write_text("site_name: x")
    (guide / "a.md").write_text("# A & B\n\nx\n\n# A & B\n\ny")
    assert detect_site(guide).publisher == "mkdocs"
    assert [section.anchor for section in read_guide(guide).sections] == ["a-b", "a-b_1"]


def test_links_of_a_whole_guide_are_checked(tmp_path):
    (tmp_path / "a.md").write_text('# A\n\n[b](b.md#part) [c](c.md)\n\n<a id="own"></a>\n\ntext\n')
    (tmp_path / "b.md").write_text("# B\n\n## Part\n\n[own](a.md#own) [none](a.md#none)\n")
    assert [(w.path, w.line, w.message) for w in read_guide(tmp_path).warnings] == [
        ("a.md", 3, "The link to c.md leads to no page."),
        ("b.md", 5, "The link to a.md#none leads to no section of its page."),
    ]


@pytest.mark.parametrize("name", ["a.md", "a.html", "a.rst", "a.txt"])
def test_a_file_over_the_size_limit_is_not_loaded(tmp_path, name: str) -> None:
    with (tmp_path / name).open("wb") as file:
        file.truncate(20_000_001)
    assert error_of(tmp_path) == f"{name} has more than 20 MB; split it."


@pytest.mark.parametrize("name", ["a.docx", "a.pdf"])
def test_an_office_document_may_be_larger_for_its_pictures(tmp_path, name: str) -> None:
    with (tmp_path / name).open("wb") as file:
        file.truncate(200_000_001)
    assert error_of(tmp_path) == f"{name} has more than 200 MB; split it."


def error_of(folder: Path) -> str:
    """Return the only warning of a guide, beside which another page is read."""
    (folder / "beside.md").write_text("# Beside\n\nThis page is read.\n")
    guide = read_guide(folder)
    assert [page.path for page in guide.pages] == ["beside.md"]
    (warning,) = guide.warnings
    assert warning.unreadable
    return warning.message
