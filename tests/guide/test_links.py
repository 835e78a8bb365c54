"""Resolving the links between the pages of a guide, with warnings for broken ones."""

from __future__ import annotations

import pytest

from assistant.guide.folder import read_guide
from assistant.guide.links import LinkResolver, check_links, is_internal
from assistant.models.documents import PageLinks
from assistant.readers import SUFFIXES
from assistant.readers.dialects import WIKI_SCHEME


def page_links(path: str, *links: str, anchors: str = "", permalink: str = "") -> PageLinks:
    numbered = tuple(enumerate(links, 1))
    return PageLinks(path, permalink, tuple(anchors.split()), numbered)


PAGES = [
    page_links("index.md"),
    page_links("guide/README.md"),
    page_links("guide/first-steps.md", anchors="install Run-it"),
    page_links("guide/deep/more.md"),
    page_links("api/index.mdx"),
    page_links("_posts/2020-01-01-news.md", permalink="/news/"),
    page_links("Kitchen Notes.md"),
    page_links("site/content/Start/run.mdx"),
    page_links("posts/a.md"),
    page_links("posts/b.md"),
    page_links("posts/fr/a.md"),
    page_links("posts/fr/b.md"),
]


@pytest.mark.parametrize(
    ("origin", "address", "expected"),
    [
        ("index.md", "guide/first-steps.md", "guide/first-steps.md"),
        ("index.md", "./guide/first-steps.md#install", "guide/first-steps.md"),
        ("index.md", "guide/first-steps", "guide/first-steps.md"),
        ("index.md", "guide/first-steps/", "guide/first-steps.md"),
        ("index.md", "guide/first-steps.html?x=1", "guide/first-steps.md"),
        ("index.md", "guide/", "guide/README.md"),
        ("index.md", "/api", "api/index.mdx"),
        ("index.md", "/news/", "_posts/2020-01-01-news.md"),
        ("index.md", "Kitchen%20Notes.md", "Kitchen Notes.md"),
        ("index.md", "#here", "index.md"),
        ("guide/deep/more.md", "../first-steps.md", "guide/first-steps.md"),
        ("guide/deep/more.md", "../../index.md", "index.md"),
        ("guide/deep/more.md", "/", "index.md"),
        # A page published as a folder is linked from as if it lay in that folder.
        ("guide/first-steps.md", "../deep/more/", "guide/deep/more.md"),
        ("posts/fr/a.md", "../b/", "posts/fr/b.md"),
        ("posts/fr/a.md", "../b.md", "posts/b.md"),
        # The root of a site may be a folder of the guide.
        ("index.md", "/Start/run", "site/content/Start/run.mdx"),
        ("index.md", "Start/run", None),
        # The guide may be a folder of the site.
        ("index.md", "/docs/guide/first-steps.html", "guide/first-steps.md"),
        ("index.md", "/docs/en/guide/", "guide/README.md"),
        ("index.md", "docs/guide/first-steps", None),
        ("index.md", "/docs/", None),
        ("index.md", "/docs/first-steps", None),
        ("guide/deep/more.md", f"{WIKI_SCHEME}kitchen notes", "Kitchen Notes.md"),
        ("guide/deep/more.md", f"{WIKI_SCHEME}First Steps#install", "guide/first-steps.md"),
        ("index.md", "missing.md", None),
        ("index.md", "../outside.md", None),
        ("index.md", "../../../../etc/passwd", None),
        ("index.md", f"{WIKI_SCHEME}Nothing", None),
    ],
)
def test_an_address_means_a_page(origin, address, expected) -> None:
    assert LinkResolver(PAGES).resolve(origin, address) == expected


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("a.md", True),
        ("#a", True),
        (f"{WIKI_SCHEME}a", True),
        ("https://a.example", False),
        ("//a.example/b", False),
        ("mailto:a@b.example", False),
        ("", False),
        ("http://[broken", False),
    ],
)
def test_an_address_is_internal_or_external(address, expected) -> None:
    assert is_internal(address) is expected


def test_a_link_to_a_missing_page_or_section_is_a_warning_with_its_line() -> None:
    page = page_links(
        "a.md",
        "b.md",
        "gone.md",
        "b.md#part",
        "b.md#other",
        "#mine",
        "#not-mine",
        "picture.png",
        f"{WIKI_SCHEME}b#Part",
        f"{WIKI_SCHEME}Gone",
        "b.md#PART",
        anchors="mine",
    )
    warnings = check_links([page, page_links("b.md", anchors="part")])
    assert [(warning.line, warning.message) for warning in warnings] == [
        (2, "The link to gone.md leads to no page."),
        (4, "The link to b.md#other leads to no section of its page."),
        (6, "The link to #not-mine leads to no section of its page."),
        (9, "The link to Gone leads to no page."),
    ]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_broken_link_to_a_page_of_every_format_that_is_read_is_reported(suffix, tmp_path):
    (tmp_path / "index.md").write_text(f"# Pets\n\nSee [the cats](cats{suffix}).\n")
    (warning,) = read_guide(tmp_path).warnings
    assert (warning.path, warning.line) == ("index.md", 3)
    assert warning.message == f"The link to cats{suffix} leads to no page."


def test_a_link_to_a_file_of_a_format_that_is_not_read_is_not_checked(tmp_path):
    (tmp_path / "index.md").write_text("# Pets\n\nSee [the cats](cats.odp).\n")
    assert read_guide(tmp_path).warnings == ()
