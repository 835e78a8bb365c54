"""The resources that a guide recommends, and their kinds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from assistant.models.documents import Guide, ParsedPage, Resource


def resource(guide: Guide) -> Resource:
    (only,) = guide.resources
    return only


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
    only = resource(page(f"# T\n\n{line}\n"))
    assert (only.title, only.kind, only.minutes) == (title, kind, minutes)
    assert (only.headings, only.anchor) == (("T",), "t")


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


def test_a_page_with_a_broken_address_is_read(page) -> None:
    for address in ("http://[::1", "http://[foo", "http://a:b:c/", "http://\u2100.example"):
        guide = page(f"# T\n\n- [Title]({address})\n\n<{address}>\n")
        assert [section.anchor for section in guide.sections] == ["t"]


def kinds(page: ParsedPage) -> list[tuple[str, str, int | None]]:
    return [(r.title, r.kind, r.minutes) for r in page.resources]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("- [Talk](https://www.youtube.com/watch?v=1) 12 min watch", ("Talk", "video", 12)),
        ("- \U0001f4da [Novel](https://shop.example/x)", ("Novel", "book", None)),
        ("- \U0001f3a5 [Film](https://a.example/x)", ("Film", "video", None)),
        ("- [Novel](https://a.example/x), book", ("Novel", "book", None)),
        (
            "- [Novel](https://a.example/x) by Ann Bee, free e-book",
            ("Novel by Ann Bee", "book", None),
        ),
        ("- [Talk](https://a.example/x), 16 min video", ("Talk", "video", 16)),
        ("- [Talk](https://a.example/x) (video)", ("Talk", "video", None)),
        ("- [On books](https://a.example/x) by Ann Bee", ("On books by Ann Bee", "article", None)),
        ("- [Form](https://tally.so/r/1)", ("Form", "form", None)),
        ("- [Text](https://a.example/x) (5-minute read)", ("Text", "article", 5)),
        ("| [Row](https://a.example/x) | by Ann Bee | 3 min |", ("Row by Ann Bee", "article", 3)),
    ],
)
def test_a_line_shows_the_kind_of_its_resource(parse, line, expected):
    source = f"# T\n\n{line}\n" if line[0] == "-" else f"# T\n\n{line}\n| x | y | z |\n"
    assert kinds(parse("a.md", source)) == [expected]


@pytest.mark.parametrize(
    ("heading", "kind"), [("Books", "book"), ("Talks", "video"), ("Handbooks", "article")]
)
def test_a_heading_shows_the_kind_of_the_resources_below_it(parse, heading, kind):
    source = f"# T\n\n## {heading}\n\n- [One](https://a.example/x) by Ann B. Cee. Short.\n"
    assert kinds(parse("a.md", source)) == [("One by Ann B. Cee", kind, None)]


def test_an_embedded_video_is_a_resource_and_is_not_quoted(parse):
    frame = '<iframe src="https://www.youtube.com/embed/1"{}></iframe>'
    titled = frame.format(' title="Our kitchen"')
    parsed = parse("a.md", f"# T\n\n{titled}\n\n## Knives\n\n{frame.format('')}\n\nText.\n")
    assert kinds(parsed) == [("Our kitchen", "video", None), ("Knives", "video", None)]
    assert [passage.text for passage in parsed.passages] == ["T", "Knives\n\nText."]
    other = '<iframe src="https://maps.example/1"></iframe>'
    assert kinds(parse("b.md", f"# T\n\n{other}\n")) == []


def test_under_books_a_note_after_the_author_may_be_long(parse):
    note = "The one that everybody quotes and few have read to its end, with good reason."
    source = f"# T\n\n## Books\n\n- [One](https://a.example/x) by Ann Bee. {note}\n"
    assert kinds(parse("a.md", source)) == [("One by Ann Bee", "book", None)]


def test_under_further_reading_a_note_may_be_long(parse):
    note = "which says at length why it is worth the hour that it takes you to read it"
    item = f"- [Essay](https://a.example/x), {note}\n"
    assert kinds(parse("a.md", f"# T\n\n## Further reading\n\n{item}")) == [
        ("Essay", "article", None)
    ]
    assert kinds(parse("b.md", f"# T\n\n## Usage\n\n{item}")) == []


def test_a_recommended_page_of_the_guide_has_a_path_from_the_root(parse):
    parsed = parse("deep/a.md", "# T\n\n- [Other](../other.md#part)\n- [Near](near.md)\n")
    assert [resource.url for resource in parsed.resources] == ["other.md#part", "deep/near.md"]
