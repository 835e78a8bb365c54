"""What a guide's files may be like: front matter, links worth reading, and whatever is no page."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from assistant.errors import GuideError
from assistant.guide import page as guides
from assistant.guide.page import ReadingOptions, read_guide

if TYPE_CHECKING:
    from assistant.models.documents import Guide, Resource, Section

KITCHEN = Path(__file__).parent.parent / "guides" / "kitchen"


@pytest.fixture
def page(tmp_path: Path):
    """Reads a guide of one page, of the text handed in."""

    def read_one(source: str | bytes, *, name: str = "page.md", window: int = 256) -> Guide:
        raw = source if isinstance(source, bytes) else source.encode()
        (tmp_path / name).write_bytes(raw)
        return read_guide(tmp_path, reading_options=ReadingOptions(max_tokens=window))

    return read_one


def section(guide: Guide, anchor: str) -> Section:
    (found,) = (section for section in guide.sections if section.anchor == anchor)
    return found


def texts(guide: Guide, anchor: str) -> list[str]:
    return [passage.text for passage in guide.passages if passage.anchor == anchor]


def resource(guide: Guide) -> Resource:
    (found,) = guide.resources
    return found


# -- front matter ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("matter", "title"),
    [
        ("title: Plain", "Plain"),
        ('title: "Quoted: yes"', "Quoted: yes"),
        ("title: 2024", "2024"),
        ("title: No", "No"),
        ("title: 1.10", "1.10"),
        ("title: [a, list]", "Page"),
        ("title:", "Page"),
        ("layout: page", "Page"),
        ("", "Page"),
        ("title: Kept\ndate: !!timestamp nonsense", "Kept"),
        ("title: Kept\nwhen: 2024-99-99", "Kept"),
    ],
)
def test_front_matter_gives_the_title_and_is_not_text(page, matter: str, title: str) -> None:
    guide = page(f"---\n{matter}\n---\nText.\n")
    assert guide.pages[0].title == title
    assert texts(guide, "") == ["Text."]
    assert guide.oddities == ()


def test_of_broken_front_matter_the_plain_lines_are_read(page) -> None:
    guide = page("---\ntitle: Kept \ndescription: a: b\nlang: de\n---\nText.\n")
    assert (guide.pages[0].title, guide.pages[0].language) == ("Kept", "de")
    (oddity,) = guide.oddities
    assert oddity.what == "The front matter is not YAML: only its plain lines were read."


@pytest.mark.parametrize("matter", ["title: [a", "title: 'a", "a: b: c", "\t- x: {", "*nothing"])
def test_broken_front_matter_is_an_oddity_and_the_page_is_still_read(page, matter: str) -> None:
    guide = page(f"---\n{matter}\n---\n\n# Head\n\nText.\n")
    (oddity,) = guide.oddities
    assert (oddity.path, oddity.unread) == ("page.md", False)
    assert section(guide, "head").lines == (5, 7)
    assert texts(guide, "head") == ["Head\n\nText."]


def test_text_between_two_thematic_breaks_is_no_front_matter(page) -> None:
    guide = page("---\n\nNever lost.\n\n---\n\n# Head\n\nText.\n")
    assert texts(guide, "") == ["Never lost."]


def test_an_alias_that_grows_without_end_is_harmless(page) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    matter = "\n".join(lines)
    assert page(f"---\n{matter}\ntitle: *a11\n---\nText.").pages[0].title == "Page"


# -- resources ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "title", "kind", "minutes"),
    [
        ("- [Title](https://a.example/x)", "Title", "article", None),
        ("- [Title](HTTPS://a.example/x)", "Title", "article", None),
        ("- [Title](https://a.example/x) by Ann Sharp", "Title by Ann Sharp", "article", None),
        ("- [Title](https://a.example/x) - 7 min read", "Title", "article", 7),
        ("- [Title](https://a.example/x) (12 minutes)", "Title", "article", 12),
        ("|[Title](https://a.example/x)|by Ann|4 min read|", "Title by Ann", "article", 4),
        ("- [Title](https://www.youtube.com/watch?v=1)", "Title", "video", None),
        ("- [Title](https://youtu.be/1)", "Title", "video", None),
        ("- [Title](https://www.amazon.de/dp/1)", "Title", "book", None),
        ("- [Title](https://aws.amazon.com/s3)", "Title", "article", None),
        ("- [Title](https://getstarted.com/a)", "Title", "article", None),
        ("- [Title](https://forms.gle/1)", "Title", "form", None),
        ("- [Title](https://docs.google.com/forms/d/1)", "Title", "form", None),
        ("- [Title](https://docs.google.com/document/d/1)", "Title", "article", None),
        ("- [Title](other.md)", "Title", "page", None),
        ("- [Title](other.md#part)", "Title", "page", None),
        (
            "|![](https://i.example/open-book.png)|[Title](https://a.example/x)|",
            "Title",
            "book",
            None,
        ),
        (
            "|![](https://i.example/facebook.png)|[Title](https://a.example/x)|",
            "Title",
            "article",
            None,
        ),
        (
            "|![](https://i.example/bookmark.png)|[Title](https://a.example/x)|",
            "Title",
            "article",
            None,
        ),
    ],
)
def test_a_line_that_is_one_link_is_a_resource(
    page, line: str, title: str, kind: str, minutes: int | None
) -> None:
    found = resource(page(f"# T\n\n{line}\n"))
    assert (found.title, found.kind, found.minutes) == (title, kind, minutes)
    assert (found.headings, found.anchor) == (("T",), "t")


@pytest.mark.parametrize(
    "line",
    [
        "- see [Title](#part)",
        "- [Title](javascript:alert(1))",
        "- [Title](JAVASCRIPT:alert(1))",
        "- [Title](data:text/html,x)",
        "- [Title](mailto:ann@a.example)",
        "- [Title](file:///etc/passwd)",
        "- [Title]()",
        "- [![](x.png)](https://a.example)",
        "- [One](https://a.example) and [two](https://b.example)",
        "- a long line of quite other words that goes on and on with [Title](https://a.example)",
        "A sentence with [Title](https://a.example) in it.",
        "```\n[Title](https://a.example)\n```",
    ],
)
def test_other_lines_are_no_resources(page, line: str) -> None:
    assert page(f"# T\n\nSome text.\n\n{line}\n").resources == ()


def test_a_broken_address_stops_nothing(page) -> None:
    for address in ("http://[::1", "http://[foo", "http://a:b:c/", "http://\u2100.example"):
        guide = page(f"# T\n\n- [Title]({address})\n\n<{address}>\n")
        assert [found.anchor for found in guide.sections] == ["t"]


# -- files ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "raw", [b"a\x00b", b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"], ids=["nul", "picture"]
)
def test_a_page_that_is_not_text_is_an_oddity_and_the_rest_goes_on(
    page, tmp_path: Path, raw: bytes
) -> None:
    (tmp_path / "bad.md").write_bytes(raw)
    guide = page("Text.")
    assert [p.path for p in guide.pages] == ["page.md"]
    assert [(o.path, o.unread) for o in guide.oddities] == [("bad.md", True)]


def test_an_oddity_names_the_line_whose_bytes_are_not_utf_8(page, tmp_path: Path) -> None:
    (tmp_path / "bad.md").write_bytes(b"one\ntwo\ncaf\xe9\n")
    guide = page("Text.")
    assert texts(guide, "") == ["one two café", "Text."]
    assert [(o.path, o.line, o.unread) for o in guide.oddities] == [("bad.md", 3, False)]


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
    assert list(guides.list_pages(inside)) == ["page.md", "same.md"]


def test_links_that_lead_nowhere_stop_nothing(page, tmp_path: Path) -> None:
    (tmp_path / "round.md").symlink_to("round.md")
    (tmp_path / "gone.md").symlink_to("nothing.md")
    guide = page("Text.")
    assert [p.path for p in guide.pages] == ["page.md"]
    assert {o.path for o in guide.oddities} == {"gone.md", "round.md"}


def test_a_pipe_is_not_waited_for(page, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.md")
    assert [o.path for o in page("Text.").oddities] == ["pipe.md"]


def test_a_name_that_is_not_text_is_an_oddity(page, tmp_path: Path) -> None:
    try:
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.md")).write_text("x")
    except OSError:
        pytest.skip("this file system takes no such name")
    (oddity,) = page("Text.").oddities
    assert oddity.unread
    assert oddity.path.encode()


def test_a_page_that_may_not_be_read_is_an_oddity(page, tmp_path: Path) -> None:
    (tmp_path / "shut.md").write_text("x")
    (tmp_path / "shut.md").chmod(0)
    if os.access(tmp_path / "shut.md", os.R_OK):
        pytest.skip("this user may read everything")
    assert [(o.path, o.unread) for o in page("Text.").oddities] == [("shut.md", True)]


def test_no_folder_no_markdown_and_only_empty_pages_are_errors_with_a_mend(tmp_path: Path) -> None:
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
    with pytest.raises(GuideError, match="not text") as unread:
        read_guide(tmp_path)
    for error in (missing, nothing, empty, unread):
        assert error.value.mend
        assert error.value.exit_code == 3


def test_progress_is_told_after_every_file() -> None:
    told: list[tuple[int, int]] = []
    read_guide(KITCHEN, progress=lambda done, total: told.append((done, total)))
    assert told == [(1, 3), (2, 3), (3, 3)]
