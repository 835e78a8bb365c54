"""Which page an address in a guide means, and which lead nowhere."""

from __future__ import annotations

import pytest

from assistant.guide.links import LinkResolver, check_links, is_internal
from assistant.models.documents import PageLinks
from assistant.readers.dialects import WIKI_SCHEME


def linked(path: str, *links: str, anchors: str = "", permalink: str = "") -> PageLinks:
    numbered = tuple(enumerate(links, 1))
    return PageLinks(path, permalink, tuple(anchors.split()), numbered)


PAGES = [
    linked("index.md"),
    linked("guide/README.md"),
    linked("guide/first-steps.md", anchors="install Run-it"),
    linked("guide/deep/more.md"),
    linked("api/index.mdx"),
    linked("_posts/2020-01-01-news.md", permalink="/news/"),
    linked("Kitchen Notes.md"),
    linked("site/content/Start/run.mdx"),
    linked("posts/a.md"),
    linked("posts/b.md"),
    linked("posts/fr/a.md"),
    linked("posts/fr/b.md"),
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
        # Published as folders, pages are linked from a folder of their own name.
        ("guide/first-steps.md", "../deep/more/", "guide/deep/more.md"),
        ("posts/fr/a.md", "../b/", "posts/fr/b.md"),
        ("posts/fr/a.md", "../b.md", "posts/b.md"),
        # A site may be made of a folder inside the guide's.
        ("index.md", "/Start/run", "site/content/Start/run.mdx"),
        ("index.md", "Start/run", None),
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
def test_an_address_stays_inside_or_leaves(address, expected) -> None:
    assert is_internal(address) is expected


def test_links_to_missing_pages_and_sections_are_told_with_their_line() -> None:
    page = linked(
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
    found = check_links([page, linked("b.md", anchors="part")])
    assert [(oddity.line, oddity.message) for oddity in found] == [
        (2, "The link to gone.md leads to no page."),
        (4, "The link to b.md#other leads to no section of its page."),
        (6, "The link to #not-mine leads to no section of its page."),
        (9, "The link to Gone leads to no page."),
    ]
