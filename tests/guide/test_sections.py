"""Cutting a page at its headings, without its table of contents."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assistant.errors import GuideError
from assistant.readers.markdown import parse_markdown
from assistant.render.page_html import render_markdown
from tests.guide_pages import anchors, check_guide, paths, texts


def test_a_first_heading_equal_to_the_title_is_not_repeated(page) -> None:
    guide = page("---\ntitle: My Guide\n---\n# My guide\n\n## Part\n\ntext")
    assert paths(guide) == [("My guide",), ("My guide", "Part")]


def test_a_first_heading_other_than_the_title_is_under_it(page) -> None:
    guide = page("---\ntitle: My Guide\n---\n# Welcome\n\n## Part\n\ntext")
    assert paths(guide) == [("My Guide", "Welcome"), ("My Guide", "Welcome", "Part")]


def test_a_heading_is_under_the_nearest_higher_one(page) -> None:
    guide = page("# T\n\n### C\n\nc\n\n## B\n\nb\n\n#### D\n\nd\n\n# U\n\nu")
    assert paths(guide) == [("T",), ("T", "C"), ("T", "B"), ("T", "B", "D"), ("T", "U")]


def test_a_heading_inside_a_code_fence_opens_no_section(page) -> None:
    guide = page("# T\n\n````md\n# no\n```\n# no\n```\n````\n\n- item\n\n  ~~~\n  # no\n  ~~~\n")
    assert paths(guide) == [("T",)]


def test_repeated_anchors_are_numbered_around_explicit_ones(page) -> None:
    guide = page("# A\n\n# A\n\n# A-1\n\n# A\n\n# B {#a}\n\n# C {#own}\n\n# Own")
    assert anchors(guide) == ["a", "a-1", "a-1-1", "a-2", "a-3", "own", "own-1"]
    check_guide(guide)


def test_a_heading_without_letters_has_an_anchor_and_the_text_above_none(page) -> None:
    guide = page("Intro.\n\n# \U0001f389\n\nparty\n\n# ???\n\nwhat")
    assert anchors(guide) == ["", "section", "-1"]
    check_guide(guide)


def test_an_empty_heading_opens_no_section(page) -> None:
    guide = page("# T\n\na\n\n##\n\nb\n\n# ![logo](x.png)\n\nc")
    assert [texts(guide, anchor) for anchor in anchors(guide)] == [["T\n\na\n\nb\n\nc"]]


def test_a_heading_above_a_thematic_break_opens_a_section(page) -> None:
    assert anchors(page("# T\n\n---\n\n## A\n\ntext")) == ["t", "a"]


@pytest.mark.parametrize("source", ["***\n", "***\n\n***\n", "<!-- nothing -->", "[a]: http://b\n"])
def test_a_page_that_shows_nothing_is_empty(page, source: str) -> None:
    with pytest.raises(GuideError, match="empty"):
        page(source)


def test_a_break_before_the_first_heading_makes_no_passage(page) -> None:
    guide = page("***\n\n# T\n\ntext")
    assert [passage.id for passage in guide.passages] == ["page.md#t/1"]


@pytest.mark.parametrize(
    "contents",
    [
        "- [A](#a)\n- [B](#b)",
        "1. [A](#a)\n   - [B](#b)",
        "## Contents\n\n- [A](#a)\n\t- [B](#b)",
        "<div>\n## Contents\n* [A](#a)\n</div>",
        "- A table\n{:toc}",
        "1. - A table\n{:toc .wide}",
    ],
)
def test_a_table_of_contents_is_not_content(page, contents: str) -> None:
    guide = page(f"# T\n\nIntro.\n\n{contents}\n\n## A\n\na\n\n## B\n\nb")
    assert not any("Contents" in p.text or "- A" in p.text for p in guide.passages)
    assert anchors(guide) == ["t", "a", "b"]


def test_a_list_with_more_than_links_is_content(page) -> None:
    guide = page("# T\n\n- [A](#a)\n- see below\n\n## A\n\na")
    assert texts(guide, "t") == ["T\n\n- A\n- see below"]


@settings(deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [
                "# A\n",
                "## A\n",
                "## B {#a}\n",
                "#\n",
                "# ?\n",
                "A\n===\n",
                "```\n# A\n```\n",
                "x\n",
                "- [A](#a)\n",
                "***\n",
                "\n",
                "> # Q\n",
                "<!--\n# A\n-->\n",
                "---\n",
                "<div>\n",
            ]
        ),
        max_size=20,
    )
)
def test_a_rendered_page_has_the_anchors_of_its_sections(parts: list[str]) -> None:
    source = "\n".join(parts)
    ids = [(line, f"l{line}") for line in range(1, source.count("\n") + 2)]
    rendered = HeadingIds(render_markdown(source, ids)).ids
    headings = [block for block in parse_markdown(source) if block.kind == "heading"]
    assert rendered == [f"l{block.lines[0]}" for block in headings if block.level <= 6]


class HeadingIds(HTMLParser):
    """Collects the ids of a page's headings."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.feed(source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if re.fullmatch("h[1-6]", tag):
            self.ids.append(dict(attrs).get("id") or "")


@pytest.mark.parametrize("source", ["## {}\n\nA dog barks.\n", "{}\n---\n\nA dog barks.\n"])
def test_an_overlong_heading_is_read_as_text_without_loss(page, source: str) -> None:
    words = " ".join(f"word{n}" for n in range(400))
    guide = page("# Dogs\n\n" + source.format(words))
    assert paths(guide) == [("Dogs",)]
    text = " ".join(passage.text for passage in guide.passages)
    assert re.findall(r"word\d+", text) == words.split()


def test_emphasised_lines_are_headings_where_a_page_has_no_others(parse):
    parsed = parse("a.md", "# Title\n\n**First step**\n\nDo it.\n\n**Second step**\n\nDo more.\n")
    assert [section.headings for section in parsed.sections] == [
        ("Title",),
        ("Title", "First step"),
        ("Title", "Second step"),
    ]
    assert [section.url for section in parsed.sections] == ["a.md#title", "a.md", "a.md"]


def test_emphasised_lines_are_text_where_a_page_has_headings(parse):
    parsed = parse("a.md", "# Title\n\n**Bold line**\n\nText.\n\n## Other\n\nMore.\n")
    assert [section.headings[-1] for section in parsed.sections] == ["Title", "Other"]
    assert parsed.passages[0].text == "Title\n\nBold line\n\nText."


@pytest.mark.parametrize(
    "line", ["**A whole sentence.**", "**Note:**", "**bold** and plain", "- **item**", "> **said**"]
)
def test_emphasis_within_a_line_or_on_a_sentence_is_text(parse, line):
    assert len(parse("a.md", f"{line}\n\nText.\n").sections) == 1


@pytest.mark.parametrize(
    ("publisher", "heading", "anchor"),
    [
        ("github", "Boat :rocket: day", "boat-rocket-day"),
        ("hugo", "Boat :rocket: day", "boat-rocket-day"),
        ("vitepress", "Boat :rocket: day", "boat-day"),
        ("mkdocs", "Boat :rocket: day", "boat-day"),
        ("github", "Boat 🚀 day", "boat--day"),
        ("github", "⚙️ Rigging", "\ufe0f-rigging"),
        ("github", "👩‍💻 Crew 1️⃣", "-crew-1\ufe0f\u20e3"),
        ("hugo", "⚙️ Rigging", "-rigging"),
        ("vitepress", "Crew 👩‍💻", "crew-👩\u200d💻"),
    ],
)
def test_emojis_are_in_an_anchor_as_they_are_written(page, publisher, heading, anchor) -> None:
    """As measured with github-slugger 2, Hugo 0.168, VitePress 1.6, pymdown-extensions 13."""
    assert anchors(page(f"# T\n\n## {heading}\n\ntext", publisher=publisher))[-1] == anchor


@pytest.mark.parametrize(
    ("publisher", "anchor"),
    [
        ("github", "sails----oars---new-rows"),
        ("mdbook", "sails--oars---new-rows"),
        ("hugo", "sails--oars---new-rows"),
        ("jekyll", "sails--oars---new-rows"),
        ("starlight", "sails--oars---new-rows"),
        ("vitepress", "sails-oars-new-rows"),
    ],
)
def test_two_hyphens_are_a_dash_but_in_code(page, publisher, anchor) -> None:
    """As measured with mdBook 0.5.4, Hugo 0.168, Jekyll 4.3.1 and Astro 5 and 7."""
    guide = page("# T\n\n## Sails -- oars `--new` rows\n\ntext", publisher=publisher)
    assert anchors(guide)[-1] == anchor


@pytest.mark.parametrize(
    ("heading", "anchor"),
    [
        ('1.2 <small>May</small> { id="1.2" }', "1.2"),
        ("Oars {: .red id=oars-2 }", "oars-2"),
        ("Oars `{ id=x }` too", "oars--idx--too"),
        ("Oars { data-id=x }", "oars"),
    ],
)
def test_attributes_of_a_heading_may_name_its_id_as_in_html(page, heading, anchor) -> None:
    """As measured with the extension `attr_list` of Markdown 3.11."""
    assert anchors(page(f"# T\n\n## {heading}\n\ntext"))[-1] == anchor


def test_a_list_of_links_that_ends_a_sentence_is_no_table_of_contents(page) -> None:
    items = "- [Sail](#sail)\n- [Row](#row)\n"
    parts = "\n## Sail\n\nUp.\n\n## Row\n\nOn.\n"
    guide = page(f"# Boats\n\nA boat has two ways to move:\n\n{items}{parts}")
    assert guide.passages[0].text.endswith("- Sail\n- Row")
    named = page(f"# Boats\n\nOn this page:\n\n{items}{parts}")
    assert "- Sail" not in named.passages[0].text


def test_a_label_beside_a_word_is_a_part_of_the_word_in_an_anchor(page) -> None:
    """As measured with Docusaurus 3.10: the text of an element has no space of its own."""
    source = '# T\n\n## <div class="label">Required</div>**`oars`** and <i>sails</i>\n\ntext'
    assert anchors(page(source, publisher="docusaurus"))[-1] == "requiredoars-and-sails"


@pytest.mark.parametrize(
    "code", ["## Knots\n\nText.\n\n### Bowline", "<h2>Knots</h2>\n<h3 id='b'>Bowline</h3>"]
)
def test_headings_that_show_what_code_makes_open_no_section(page, code: str) -> None:
    example = "## Knots\n\nText.\n\n### Bowline\n\nMore."
    guide = page(f"# T\n\nWrite:\n\n```\n{code}\n```\n\n{example}\n\n## Knots\n\nReal.\n\n## Ends")
    assert paths(guide) == [("T",), ("T", "Knots"), ("T", "Ends")]
    assert anchors(guide) == ["t", "knots-1", "ends"]


def test_a_heading_after_other_text_is_no_example(page) -> None:
    guide = page("# T\n\n```\n## Knots\n```\n\nSo much for that.\n\n## Knots\n\nReal.")
    assert paths(guide) == [("T",), ("T", "Knots")]


def test_a_section_below_an_example_has_the_anchor_of_the_published_page(page) -> None:
    guide = page("# T\n\n```\n## Knots\n```\n\n## Knots\n\n## Other\n\n## Knots\n\nReal.")
    assert anchors(guide) == ["t", "other", "knots-1"]
