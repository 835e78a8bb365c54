"""Anchors and URLs as each publisher makes them."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown import Markdown as PythonMarkdown

from assistant.guide.addresses import build_page_url
from assistant.guide.publishers import ReadingOptions, assign_anchors, slugify


@pytest.mark.parametrize(
    ("heading", "expected"),
    [
        ("What is a Product Manager?", "what-is-a-product-manager"),
        ("Product Manager vs. Product Owner", "product-manager-vs-product-owner"),
        ("C++ & C#", "c--c"),
        ("snake_case and kebab-case", "snake_case-and-kebab-case"),
        ("Café 中文", "café-中文"),
        ("  Trim me  ", "trim-me"),
        ("1.2.3 Release", "123-release"),
        ("\U0001f680", ""),
        ("समय सारणी", "समय-सारणी"),
        ("ชั่วโมง (ทำงาน)", "ชั่วโมง-ทำงาน"),
    ],
)
def test_a_slug_follows_the_rules_of_github(heading: str, expected: str) -> None:
    assert slugify(heading) == expected


@pytest.mark.parametrize(
    ("heading", "expected"),
    [
        ("What is a Product Manager?", "what-is-a-product-manager"),
        ("C++ & C#", "c-c"),
        ("snake_case and kebab-case", "snake_case-and-kebab-case"),
        ("Café 中文", "cafe"),
        ("Ａ — wide  gap", "a-wide-gap"),
        ("1.2.3 Release", "123-release"),
        ("\U0001f680", ""),
    ],
)
def test_a_slug_follows_the_rules_of_python_markdown(heading: str, expected: str) -> None:
    assert slugify(heading, "mkdocs") == expected


@pytest.mark.parametrize(
    ("heading", "expected"),
    [
        ("What is a crew?", "what-is-a-crew"),
        ("Café & Größe", "cafe-große"),
        ("snake_case", "snake-case"),
        ("1.2 Boats", "_1-2-boats"),
    ],
)
def test_a_slug_follows_the_rules_of_vitepress(heading: str, expected: str) -> None:
    assert slugify(heading, "vitepress") == expected


@pytest.mark.parametrize(
    ("heading", "expected"),
    [
        ("½ cup", "-cup"),
        ("Number ⅳ", "number-ⅳ"),
        ("Step ①", "step-"),
        ("a‿b", "a‿b"),
        ("\u2699\ufe0f Setup", "\ufe0f-setup"),
        ("Ⓐ and 🅰", "ⓐ-and-🅰"),
    ],
)
def test_a_slug_of_github_has_letters_marks_digits_and_roman_numerals(heading, expected) -> None:
    """As measured with github-slugger 2.0, and with Ruby's `\\p{Word}` for each character."""
    assert slugify(heading) == expected


@pytest.mark.parametrize(
    ("publisher", "heading", "expected"),
    [
        ("mdbook", "½ cup, x² and №5", "½-cup-x²-and-5"),
        ("mdbook", "समय सारणी", "समय-सारणी"),
        ("mdbook", "ชั่วโมง", "ชัวโมง"),
        ("mdbook", "İstanbul", "istanbul"),
        ("mdbook", "ΛΌΓΟΣ", "λόγος"),
        ("hugo", "½ cup, x² and №5", "-cup-x-and-5"),
        ("hugo", "समय सारणी", "समय-सरण"),
        ("hugo", "ΛΌΓΟΣ", "λόγοσ"),
        ("jekyll", "ΛΌΓΟΣ", "λόγοσ"),
        ("jekyll", "समय सारणी", "समय-सारणी"),
        ("sphinx", "What's in 2.0? C++ & größer", "what-s-in-2-0-c-groszer"),
        ("sphinx", "1. Große Boote", "grosze-boote"),
    ],
)
def test_a_slug_follows_the_alphabet_of_its_publisher(publisher, heading, expected) -> None:
    """As measured with mdBook 0.5.4, Hugo 0.168, Jekyll 4.3.1 and docutils 0.22.4."""
    assert slugify(heading, publisher) == expected


@pytest.mark.parametrize(
    ("slugs", "expected"),
    [
        ("unicode", "größe-ändern"),
        ("pymdownx", "Größe--ändern"),
        ("pymdownx-lower", "größe--ändern"),
    ],
)
def test_a_slug_of_mkdocs_follows_the_function_that_a_setting_names(slugs, expected) -> None:
    assert slugify("Größe – ändern", "mkdocs", slugs) == expected


@pytest.mark.parametrize(
    ("slugs", "expected"),
    [("unicode", "½-cup-of-liststring-x²"), ("pymdownx", "½-cup-of-List-x²")],
)
def test_a_function_of_mkdocs_keeps_numbers_and_pymdownx_drops_tags(slugs, expected) -> None:
    """As measured with Markdown 3.11 and pymdown-extensions 13.1."""
    assert slugify("½ cup of List<String> x²", "mkdocs", slugs) == expected


def headings_of(*headings: str) -> list[tuple[str, str]]:
    """Headings as text, or `text#id`."""
    return [(text, own) for text, _, own in (heading.partition("#") for heading in headings)]


@pytest.mark.parametrize(
    ("publisher", "headings", "expected"),
    [
        ("github", ["A", "A", "A"], ["a", "a-1", "a-2"]),
        ("jekyll", ["A", "A", "?", "?"], ["a", "a-1", "section", "-1"]),
        ("docusaurus", ["A", "B#a", "A 1", "A"], ["a", "a-1", "a-1-1", "a-2"]),
        ("hugo", ["?", "?"], ["heading", "heading-1"]),
        ("sphinx", ["A", "A", "B", "B", "1.2", "क"], ["a", "id1", "b", "id2", "id3", "id4"]),
        ("sphinx", ["A#a", "A#a", "A"], ["a", "a-1", "id1"]),
        ("mkdocs", ["A", "A", "A"], ["a", "a_1", "a_2"]),
        ("mkdocs", ["A", "A", "A 1", "A_1"], ["a", "a_1", "a-1", "a_2"]),
        ("mkdocs", ["?", "?"], ["_1", "_2"]),
        # Explicit ids anywhere on the page come first.
        ("mkdocs", ["A", "B#a"], ["a_1", "a"]),
    ],
)
def test_repeated_anchors_are_numbered_as_by_the_publisher(publisher, headings, expected) -> None:
    assert assign_anchors(headings_of(*headings), publisher) == expected


@pytest.mark.parametrize("publisher", ["github", "mkdocs", "sphinx"])
def test_no_two_headings_of_a_page_share_an_anchor(publisher) -> None:
    headings = headings_of(*["A", "A-1", "A", "a_1", "A#a-1", "A 1", "?", "section", "_1"] * 3)
    anchors = assign_anchors(headings, publisher)
    assert len(set(anchors)) == len(anchors)
    assert all(anchors)


SITE = "https://site.example/docs/"


@pytest.mark.parametrize(
    ("publisher", "path", "expected"),
    [
        ("github", "a/b.md", "a/b"),
        ("github", "a/index.md", "a/"),
        ("jekyll", "README.md", ""),
        ("mkdocs", "a/b.md", "a/b/"),
        ("mkdocs", "docs/a/b.md", "a/b/"),
        ("mkdocs", "index.md", ""),
        ("docusaurus", "01-start/02_first steps.mdx", "start/first%20steps"),
        ("docusaurus", "2024-review.md", "review"),
        ("docusaurus", "crew/Crew.md", "crew/"),
        ("jekyll", "a/b.md", "a/b.html"),
        ("sphinx", "a/README.md", "a/README.html"),
        ("vitepress", "a/README.md", "a/README.html"),
        ("hugo", "content/README.md", "readme/"),
        ("hugo", "content/Crew & Boats/A+B v1.2.md", "crew--boats/a%2Bb-v1.2/"),
        ("hugo", "content/a.en.md", "a/"),
        ("starlight", "src/content/docs/README.md", "readme/"),
        ("starlight", "src/content/docs/Crew & Boats/v1.2.md", "crew--boats/v12/"),
        ("sphinx", "a/b.rst", "a/b.html"),
        ("mdbook", "src/a/b.md", "a/b.html"),
        ("mdbook", "src/README.md", ""),
        ("vitepress", "a/b.md", "a/b.html"),
        ("hugo", "content/Big Boats/_index.md", "big-boats/"),
        ("starlight", "src/content/docs/a/b.mdx", "a/b/"),
    ],
)
def test_the_url_of_a_page_is_its_publishers(publisher, path, expected) -> None:
    options = ReadingOptions(base_url=SITE, publisher=publisher)
    assert build_page_url(path, options) == SITE + expected


def test_the_url_of_a_page_in_a_repository_ends_with_its_file_name() -> None:
    base = "https://code.example/team/guide/blob/main"
    assert build_page_url("a/b.md", ReadingOptions(base_url=base)) == f"{base}/a/b.md"


@pytest.mark.parametrize(
    ("permalink", "expected"),
    [("/start/", "start/"), ("first", "a/first"), ("./first", "a/first"), ("../first", "first")],
)
def test_a_permalink_decides_the_url(permalink, expected) -> None:
    options = ReadingOptions(base_url=SITE)
    assert build_page_url("a/b.md", options, permalink) == SITE + expected


def test_a_slug_of_hugo_takes_the_place_of_the_file_name() -> None:
    options = ReadingOptions(base_url=SITE, publisher="hugo")
    assert build_page_url("content/a/b.md", options, "first") == f"{SITE}a/first/"


def test_the_url_of_a_page_without_a_site_is_its_path() -> None:
    options = ReadingOptions(publisher="mkdocs")
    assert build_page_url("a b.md", options, "/x/") == "a%20b.md"


@example(["?_1_?"])
@settings(max_examples=150)
@given(st.lists(st.text(st.sampled_from("aAbé中1 -_.&?🚀"), max_size=6), min_size=1, max_size=8))
def test_anchors_of_mkdocs_are_those_of_python_markdown(headings: list[str]) -> None:
    written = [heading.strip(" _-.") or "x" for heading in headings]
    converter = PythonMarkdown(extensions=["toc"])
    # Escape underscores: a pair of them would be emphasis.
    plain = [heading.replace("_", r"\_") for heading in written]
    converter.convert("\n\n".join(f"# {heading}" for heading in plain))
    made = [token["id"] for token in flat(converter.toc_tokens)]
    assert assign_anchors([(heading, "") for heading in written], "mkdocs") == made


def flat(tokens):
    for token in tokens:
        yield token
        yield from flat(token["children"])
