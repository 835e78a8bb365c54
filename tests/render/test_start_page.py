"""Test what the chat shows before the first question, on invented guides."""

from __future__ import annotations

import html

from drawn import HOSTILE, Tags, assert_harmless

from assistant.render import catalogue
from assistant.render.html import Branding
from assistant.render.page_list import PageEntry, PageList
from assistant.render.start_page import MAX_TOPICS, render_start, render_title

SAY = catalogue.choose_messages("en")
HARBOUR = Branding("The harbour", root="/help")


def entries(*paths: str) -> PageList:
    return PageList(
        PageEntry(path, path.rpartition("/")[2].removesuffix(".md").title()) for path in paths
    )


def links(source: str) -> list[str | None]:
    return [tag["href"] for tag in Tags(source).all("a")]


def test_a_guide_with_folders_is_covered_by_those_at_the_top_however_deep_they_are():
    pages = entries(
        "boats/index.md", "boats/oars/wood.md", "boats/oars/care/oil.md",
        "piers/index.md", "piers/north/rules.md", "tides/index.md", "about.md",
    )  # fmt: skip
    source = render_start((), pages, HARBOUR, SAY)
    expected = ["boats", "piers", "tides"]
    assert links(source)[1:] == [f"/help/guide/{name}/index.md" for name in expected]
    assert "3 pages" in source
    assert "1 page<" in source
    assert "Wood, Oil" in source


def test_a_flat_guide_is_covered_by_its_pages_and_no_more_than_fit():
    pages = entries(*(f"page-{number}.md" for number in range(40)))
    source = render_start((), pages, HARBOUR, SAY)
    assert links(source)[0] == "/help/pages"
    assert len(links(source)) == 1 + MAX_TOPICS


def test_the_front_page_of_a_flat_guide_is_none_of_its_topics():
    pages = PageList((PageEntry("index.md", "The harbour"), PageEntry("tides.md", "Tides")))
    assert links(render_start((), pages, HARBOUR, SAY))[1:] == ["/help/guide/tides.md"]


def test_questions_to_begin_with_are_buttons_that_ask_them():
    source = render_start(("When is high tide?",), entries(), HARBOUR, SAY)
    assert [button["value"] for button in Tags(source).all("button")] == ["When is high tide?"]
    assert "The guide covers" not in source


def test_all_of_it_is_escaped_and_a_title_begins_with_its_letter():
    pages = PageList(PageEntry(f"{n}/{HOSTILE}.md", HOSTILE) for n in range(4))
    assert_harmless(render_start((HOSTILE,), pages, HARBOUR, SAY))
    assert_harmless(render_title(Branding(HOSTILE)))
    assert ">T</span>" in html.unescape(render_title(HARBOUR))
