"""A folder of Markdown to pages, sections, passages and resources."""

from __future__ import annotations

import hashlib
import re
import tempfile
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assistant.errors import GuideError
from assistant.guide import page as guides
from assistant.guide.page import ReadingOptions, read_guide
from assistant.guide.sections import estimate_tokens
from assistant.models.documents import Guide
from assistant.readers import markdown
from assistant.render import page_html

if TYPE_CHECKING:
    from assistant.models.documents import Section

HERE = Path(__file__).parent.parent
KITCHEN = HERE / "guides" / "kitchen"
REAL_GUIDES = HERE.parent.parent / "shared" / "guides"


@pytest.fixture
def page(tmp_path: Path):
    """Reads a guide of one page, of the text handed in."""

    def read_one(source: str | bytes, *, name: str = "page.md", window: int = 256) -> Guide:
        raw = source if isinstance(source, bytes) else source.encode()
        (tmp_path / name).write_bytes(raw)
        return read_guide(tmp_path, reading_options=ReadingOptions(max_tokens=window))

    return read_one


def anchors(guide: Guide) -> list[str]:
    return [section.anchor for section in guide.sections]


def paths(guide: Guide) -> list[tuple[str, ...]]:
    return [section.headings for section in guide.sections]


def section(guide: Guide, anchor: str) -> Section:
    (found,) = (section for section in guide.sections if section.anchor == anchor)
    return found


def texts(guide: Guide, anchor: str) -> list[str]:
    return [passage.text for passage in guide.passages if passage.anchor == anchor]


def check(guide: Guide) -> None:
    """What is true of every guide, however it is written."""
    ids = [passage.id for passage in guide.passages]
    assert len(set(ids)) == len(ids)
    sources = {page.path: page.text.split("\n") for page in guide.pages}
    known = {(s.path, s.anchor): s for s in guide.sections}
    assert len(known) == len(guide.sections)
    for passage in guide.passages:
        owner = known[passage.path, passage.anchor]
        assert (passage.headings, passage.url) == (owner.headings, owner.url)
        assert re.fullmatch(re.escape(f"{passage.path}#{passage.anchor}/") + r"\d+", passage.id)
        assert passage.sentences
        for sentence in passage.sentences:
            text = passage.slice(sentence)
            assert text
            assert sentence.kind == "code" or text == text.strip()
            first, last = sentence.lines
            assert owner.lines[0] <= first <= last <= owner.lines[1]
    for found in guide.sections:
        assert 1 <= found.lines[0] <= found.lines[1] <= max(1, len(sources[found.path]))
        assert found.headings
        assert all(found.headings)
    for found in guide.resources:
        assert found.title
        assert not found.url.startswith("#")
        assert re.match(r"https?://|[^:]*$|[^:/?#]*[/?#]", found.url, re.I)


# -- the kitchen: a small guide with everything in it ----------------------------------------


@pytest.fixture(scope="module")
def kitchen() -> Guide:
    return read_guide(KITCHEN)


def test_every_markdown_file_is_a_page_in_path_order(kitchen: Guide) -> None:
    assert [page.path for page in kitchen.pages] == ["baking/README.md", "index.md", "notes.md"]
    assert kitchen.warnings == ()
    check(kitchen)


def test_a_title_comes_from_front_matter_then_the_first_heading_then_the_file(
    kitchen: Guide,
) -> None:
    assert [page.title for page in kitchen.pages] == ["Baking", "The Kitchen Handbook", "Notes"]


def test_a_page_carries_the_digest_of_its_file(kitchen: Guide) -> None:
    for found in kitchen.pages:
        raw = (KITCHEN / found.path).read_bytes()
        assert found.sha256 == hashlib.sha256(raw).hexdigest()


def test_sections_carry_heading_path_anchor_and_lines(kitchen: Guide) -> None:
    found = [s for s in kitchen.sections if s.path == "index.md"]
    title = "The Kitchen Handbook"
    knives = (title, "Knives")
    assert [(s.headings, s.anchor, s.lines[0]) for s in found] == [
        ((title,), "", 1),
        (knives, "knives", 20),
        ((*knives, "Chef Knife vs. Bread Knife"), "chef-knife-vs-bread-knife", 25),
        ((title, "Numbers"), "numbers", 35),
        ((title, "Reading"), "reading", 42),
    ]
    assert found[1].lines[1] == 24
    assert found[-1].lines[1] == 49


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


def test_each_sentence_knows_its_line_in_the_file(kitchen: Guide) -> None:
    source = (KITCHEN / "index.md").read_text(encoding="utf-8").split("\n")
    for passage in kitchen.passages:
        if passage.path != "index.md":
            continue
        for sentence in passage.sentences:
            first, last = sentence.lines
            written = " ".join(source[first - 1 : last])
            assert passage.slice(sentence).split()[-1].strip(".") in written


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


def test_two_sections_of_one_heading_have_two_anchors(kitchen: Guide) -> None:
    found = [s.anchor for s in kitchen.sections if s.path == "baking/README.md"]
    assert found == ["baking", "ovens", "ovens-1"]


def test_a_page_without_headings_is_one_section_named_after_it(kitchen: Guide) -> None:
    (found,) = (s for s in kitchen.sections if s.path == "notes.md")
    assert (found.headings, found.anchor, found.lines) == (("Notes",), "", (1, 1))


def test_reading_twice_gives_the_same_guide(kitchen: Guide) -> None:
    assert read_guide(KITCHEN) == kitchen


def test_addresses_lead_to_the_file_or_to_the_published_page(kitchen: Guide) -> None:
    assert section(kitchen, "ovens-1").url == "baking/README.md#ovens-1"
    published = read_guide(KITCHEN, reading_options=ReadingOptions(base_url="https://k.example/"))
    assert section(published, "knives").url == "https://k.example/#knives"


# -- lines ----------------------------------------------------------------------------------


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_lines_are_those_of_the_file_whatever_ends_them(page, end: bytes, mark: bytes) -> None:
    source = [b"---", b"title: T", b"---", b"Intro.", b"", b"# Head", b"", b"Text.", b""]
    guide = page(mark + end.join(source))
    assert [(s.headings, s.lines) for s in guide.sections] == [
        (("T",), (1, 5)),
        (("T", "Head"), (6, 8)),
    ]
    assert guide.passages[1].sentences[1].lines == (8, 8)
    assert guide.pages[0].sha256 == hashlib.sha256(mark + end.join(source)).hexdigest()


def test_the_last_line_is_the_last_whether_or_not_it_is_ended(page) -> None:
    assert section(page("# A\n\ntext"), "a").lines == (1, 3)
    assert section(page("# A\n\ntext\n"), "a").lines == (1, 3)


def test_a_utf_16_page_with_its_mark_is_read(page) -> None:
    assert texts(page("Text é.".encode("utf-16")), "") == ["Text é."]


# -- sections -------------------------------------------------------------------------------


def test_a_first_heading_that_is_the_title_is_not_doubled(page) -> None:
    guide = page("---\ntitle: My Guide\n---\n# My guide\n\n## Part\n\ntext")
    assert paths(guide) == [("My guide",), ("My guide", "Part")]


def test_a_first_heading_that_is_not_the_title_stands_under_it(page) -> None:
    guide = page("---\ntitle: My Guide\n---\n# Welcome\n\n## Part\n\ntext")
    assert paths(guide) == [("My Guide", "Welcome"), ("My Guide", "Welcome", "Part")]


def test_headings_stand_under_the_nearest_higher_one(page) -> None:
    guide = page("# T\n\n### C\n\nc\n\n## B\n\nb\n\n#### D\n\nd\n\n# U\n\nu")
    assert paths(guide) == [("T",), ("T", "C"), ("T", "B"), ("T", "B", "D"), ("T", "U")]


def test_a_heading_inside_a_code_fence_opens_no_section(page) -> None:
    guide = page("# T\n\n````md\n# no\n```\n# no\n```\n````\n\n- item\n\n  ~~~\n  # no\n  ~~~\n")
    assert paths(guide) == [("T",)]


def test_repeated_anchors_are_numbered_around_those_that_are_taken(page) -> None:
    guide = page("# A\n\n# A\n\n# A-1\n\n# A\n\n# B {#a}\n\n# C {#own}\n\n# Own")
    assert anchors(guide) == ["a", "a-1", "a-1-1", "a-2", "a-3", "own", "own-1"]
    check(guide)


def test_a_heading_without_letters_has_an_anchor_and_the_text_above_none(page) -> None:
    guide = page("Intro.\n\n# \U0001f389\n\nparty\n\n# ???\n\nwhat")
    assert anchors(guide) == ["", "section", "section-1"]
    check(guide)


def test_an_empty_heading_is_none(page) -> None:
    guide = page("# T\n\na\n\n##\n\nb\n\n# ![logo](x.png)\n\nc")
    assert [texts(guide, anchor) for anchor in anchors(guide)] == [["T\n\na\n\nb\n\nc"]]


def test_a_heading_over_a_thematic_break_is_kept(page) -> None:
    assert anchors(page("# T\n\n---\n\n## A\n\ntext")) == ["t", "a"]


@pytest.mark.parametrize("source", ["***\n", "***\n\n***\n", "<!-- nothing -->", "[a]: http://b\n"])
def test_a_page_of_nothing_a_reader_sees_is_empty(page, source: str) -> None:
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


def test_a_list_that_also_says_something_is_content(page) -> None:
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
    placed = [(line, f"l{line}") for line in range(1, source.count("\n") + 2)]
    rendered = Ids(page_html.render_markdown(source, placed)).found
    headings = [block for block in markdown.parse_markdown(source) if block.kind == "heading"]
    assert rendered == [f"l{block.lines[0]}" for block in headings if block.level <= 6]


class Ids(HTMLParser):
    """The ids of a page's headings."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if re.fullmatch("h[1-6]", tag):
            self.found.append(dict(attrs).get("id") or "")


# -- passages -------------------------------------------------------------------------------

LONG = " ".join(f"This is sentence number {n} of a long paragraph." for n in range(60))


def test_a_section_that_fits_is_one_passage(page) -> None:
    assert len(page("# T\n\nOne.\n\nTwo.\n\n- a\n- b").passages) == 1


def test_a_long_paragraph_is_cut_between_sentences_and_loses_none(page) -> None:
    guide = page(f"# T\n\n{LONG}", window=128)
    assert len(guide.passages) > 3
    said = [p.slice(s) for p in guide.passages for s in p.sentences]
    assert said == ["T", *(f"{part}." for part in LONG.rstrip(".").split(". "))]
    assert all(estimate_tokens(p.search_text) <= 128 for p in guide.passages)
    assert [p.id for p in guide.passages] == [
        f"page.md#t/{n}" for n in range(1, len(guide.passages) + 1)
    ]


def test_code_is_never_cut(page) -> None:
    code = "\n\n".join(f"line_{n} = call({n}, 'word word word')" for n in range(80))
    guide = page(f"# T\n\nBefore.\n\n```\n{code}\n```\n\nAfter.", window=64)
    assert sum(code in passage.text for passage in guide.passages) == 1


def test_a_table_is_cut_between_rows_only(page) -> None:
    rows = [f"row {n} | some words that say a little more {n}" for n in range(60)]
    guide = page("# T\n\n| a | b |\n|---|---|\n" + "\n".join(f"| {r} |" for r in rows), window=64)
    assert len(guide.passages) > 3
    lines = [line for passage in guide.passages for line in passage.text.split("\n")]
    assert [line for line in lines if line.startswith("row")] == rows


def test_a_thematic_break_ends_a_passage(page) -> None:
    assert texts(page("# T\n\none\n\n---\n\ntwo"), "t") == ["T\n\none", "two"]


def test_ids_stay_when_another_section_is_edited(page) -> None:
    before = page("# T\n\n## A\n\nalpha\n\n## B\n\nbeta\n\n## C\n\ngamma")
    after = page(
        f"# T\n\n## A\n\n{LONG}\n\n## B\n\nbeta\n\n## New\n\nnew\n\n## C\n\ngamma", window=64
    )

    def named(guide: Guide) -> dict[str, str]:
        return {p.id: p.text for p in guide.passages}

    for name in ("page.md#b/1", "page.md#c/1"):
        assert named(before)[name] == named(after)[name]


@settings(deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [
                "# A",
                "## B",
                "Some words. And more!",
                "- item one",
                "1. step",
                "> said",
                "| a | b |",
                "|---|---|",
                "```\ncode\n```",
                "---",
                "",
                "x" * 300,
                "产品经理。" * 30,
                "Term\n: What",
                "[t](http://u.v)",
                "<div>",
                "</div>",
                "{: .x}",
                "[^1]",
                "[^1]: Note.",
                LONG,
            ]
        ),
        min_size=1,
        max_size=15,
    ),
    st.integers(16, 300),
)
def test_whatever_is_written_every_sentence_slices(parts: list[str], window: int) -> None:
    source = "\n".join(parts)
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "p.md").write_text(source, encoding="utf-8")
        read_page = guides.read_page(
            Path(folder), "p.md", reading_options=ReadingOptions(max_tokens=window)
        )
    made = read_page.passages
    assert len({passage.id for passage in made}) == len(made)
    for passage in made:
        assert passage.sentences
        for sentence in passage.sentences:
            assert passage.slice(sentence).strip()


# -- real guides ----------------------------------------------------------------------------


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
def test_a_real_guide_is_read_whole(name: str) -> None:
    folder = REAL_GUIDES / name
    if not folder.is_dir():
        pytest.skip("the real guides are not here")
    names = list(guides.list_pages(folder))
    every = names[:: 1 + len(names) // 150]  # of a guide in many languages a third will do
    made = [guides.read_page(folder, path, reading_options=ReadingOptions()) for path in every]
    guide = Guide(
        pages=tuple(one.page for one in made),
        sections=tuple(found for one in made for found in one.sections),
        passages=tuple(found for one in made for found in one.passages),
        resources=tuple(found for one in made for found in one.resources),
        warnings=(),
    )
    check(guide)
    headings = {(s.path, s.lines[0]) for s in guide.sections if s.anchor}
    for found in guide.pages:
        for number in lines_in_fences(found.text):
            assert (found.path, number) not in headings


def lines_in_fences(source: str) -> list[int]:
    """Lines inside fences that open and close at the margin: an oracle of a few lines."""
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


@pytest.mark.parametrize("source", ["## {}\n\nA dog barks.\n", "{}\n---\n\nA dog barks.\n"])
def test_a_heading_longer_than_any_is_read_as_text_and_none_of_it_is_lost(
    page, source: str
) -> None:
    words = " ".join(f"word{n}" for n in range(400))
    guide = page("# Dogs\n\n" + source.format(words))
    assert paths(guide) == [("Dogs",)]
    text = " ".join(passage.text for passage in guide.passages)
    assert re.findall(r"word\d+", text) == words.split()
