"""A page of the guide as a reader sees it, and what was quoted of it marked."""

from __future__ import annotations

import html
import re
from urllib.parse import unquote

import pytest
from drawn import HOSTILE, Tags, assert_harmless
from hypothesis import given
from hypothesis import strategies as st

from assistant.index import builder
from assistant.index import index as indexes
from assistant.render import catalogue
from assistant.render.guide_page import Highlight, mark_quote, render_guide_page
from assistant.render.html import Branding
from assistant.render.page_list import PageEntry, PageList
from assistant.render.urls import QUOTE_ANCHOR

CATS = f"""---
title: "Cats {HOSTILE}"
---

## What is a cat {HOSTILE}?

A cat is an animal {HOSTILE} that climbs a tree. [Click](javascript:alert(3)) or
[here](data:text/html,boo), or read [the dogs](dogs.md#what-is-a-dog).

<iframe src="https://elsewhere.example/"></iframe>

![spy](https://elsewhere.example/spy.png)

## What is a bird?

A bird *flies* over the river & the road.
"""
TABLES = {
    "rst": "Kiln\n====\n\n==== ====\nClay Cone\n==== ====\nRed  04\n==== ====\n",
    "org": "* Kiln\n\n| Clay | Cone |\n|------+------|\n| Red  | 04   |\n",
    "adoc": "= Kiln\n\n|===\n|Clay |Cone\n\n|Red |04\n|===\n",
    "csv": "Clay,Cone\nRed,04\n",
    "md": "# Kiln\n\n| Clay | Cone |\n| Red | 04 |\n{: .wide }\n",
}
HEBREW = "---\nlang: he\n---\n# חתולים\n\n## מה זה חתול?\n\nחתול הוא חיה.\n"
ENGLISH = catalogue.choose_messages("en")


@pytest.fixture(scope="module")
def store(tmp_path_factory, word_encoder):
    corpus = tmp_path_factory.mktemp("guide")
    (corpus / "cats.md").write_text(CATS, encoding="utf-8")
    (corpus / "dogs.md").write_text("# Dogs\n\nA dog barks.\n", encoding="utf-8")
    (corpus / "hatul.md").write_text(HEBREW, encoding="utf-8")
    folder = tmp_path_factory.mktemp("index")
    builder.build_index(corpus, folder, word_encoder)
    return indexes.open_index(folder).store


def read(store, path, quoted=None, root="") -> str:
    return render_guide_page(
        store.page(path), store.sections(path), Branding("Animals", root), ENGLISH, quoted
    )


def plain(source: str) -> str:
    return html.unescape(re.sub("<[^>]*>", "", source))


def text_of(source: str, *, keep_tags: bool = False) -> str:
    """The text of the page itself, without the bar and the lists around it."""
    own = source[source.index('<div class="text">') : source.index("</article>")]
    return own if keep_tags else plain(own)


def text_in_marks(source: str) -> str:
    return plain("".join(re.findall(r"<mark[^>]*>(.*?)</mark>", source, re.S)))


def test_a_hostile_page_is_read_as_text(store):
    page = read(store, "cats.md")
    assert_harmless(page)
    assert "A cat is an animal" in page
    assert "elsewhere.example" not in "".join(a["href"] or "" for a in Tags(page).all("a"))


def test_the_contents_of_a_page_lead_to_its_sections(store):
    tags = Tags(read(store, "cats.md"))
    ids = {attributes.get("id") for _, attributes in tags.result}
    inside = [a["href"] for a in tags.all("a") if (a["href"] or "").startswith("#what")]
    assert len(inside) == 2
    assert all(unquote(href[1:]) in ids for href in inside)


def test_a_page_that_carries_its_title_is_not_given_it_twice(store):
    assert read(store, "dogs.md").count("<h1") == 1


def test_every_section_can_be_asked_about(store):
    page = read(store, "cats.md", root="/help")
    anchors = [section.anchor for section in store.sections("cats.md") if section.anchor]
    offered = re.findall(r'</h2><a class="ask-about" href="([^"]*)"', page)
    assert [unquote(html.unescape(url)) for url in offered] == [
        f"/help/?about=cats.md#{anchor}" for anchor in anchors
    ]


def test_a_page_written_from_right_to_left_is_shown_so(store):
    article = Tags(read(store, "hatul.md")).all("article")[0]
    assert article == {"lang": "he", "dir": "rtl"}
    assert Tags(read(store, "cats.md")).all("article")[0]["dir"] == "auto"


def test_a_quote_is_marked_where_it_stands_and_nowhere_else(store):
    quoted = Highlight("A bird flies over the", "river & the road.", "what-is-a-bird")
    page = read(store, "cats.md", quoted)
    assert "".join(text_in_marks(page).split()) == "Abirdfliesovertheriver&theroad."
    label = ENGLISH("quoted_in_answer")
    assert text_of(page).replace(label, "", 1) == text_of(read(store, "cats.md"))


def test_a_quoted_page_says_so_before_the_quote_and_leads_back_to_the_answer(store):
    quoted = Highlight("A bird flies over the", "river & the road.", "what-is-a-bird")
    page = read(store, "cats.md", quoted, "/help")
    label, back = ENGLISH("quoted_in_answer"), ENGLISH("back_to_answer")
    assert f'{label}</p><p><mark id="{QUOTE_ANCHOR}" tabindex="-1">' in page
    assert f'<a class="tool back" href="/help/" title="{back}">' in page
    unquoted = read(store, "cats.md")
    assert label not in unquoted
    assert back not in unquoted


def test_the_pages_of_the_guide_are_listed_beside_a_page_with_the_current_one_marked(store):
    pages = PageList(PageEntry(*row) for row in store.page_titles())
    page = render_guide_page(
        store.page("dogs.md"), store.sections("dogs.md"), Branding("A"), ENGLISH, pages=pages
    )
    listed = [a for a in Tags(page).all("a") if (a["href"] or "").startswith("/guide/")]
    assert [(a["href"], "aria-current" in a) for a in listed] == [
        ("/guide/cats.md", False), ("/guide/dogs.md", True), ("/guide/hatul.md", False),
    ]  # fmt: skip


@pytest.mark.parametrize("file", ["kiln.rst", "kiln.org", "kiln.adoc", "kiln.csv", "kiln.md"])
def test_the_table_of_a_page_of_any_format_is_drawn(file, tmp_path, word_encoder):
    (tmp_path / "guide").mkdir()
    (tmp_path / "guide" / file).write_text(TABLES[file.partition(".")[2]], encoding="utf-8")
    builder.build_index(tmp_path / "guide", tmp_path / "index", word_encoder)
    page = text_of(read(indexes.open_index(tmp_path / "index").store, file), keep_tags=True)
    cells = re.findall(r"<t[dh]>\s*([^<]*?)\s*</t[dh]>", page)
    assert cells == ["Clay", "Cone", "Red", "04"]
    assert "|" not in page


def test_a_quote_is_looked_for_from_its_section_on():
    body = '<h2 id="a">A</h2><p>one two</p><h2 id="b">B</h2><p>one two</p>'
    assert mark_quote(body, Highlight("one two", "one two", "b")) == (
        '<h2 id="a">A</h2><p>one two</p>'
        f'<h2 id="b">B</h2><p><mark id="{QUOTE_ANCHOR}" tabindex="-1">one two</mark></p>'
    )


def test_a_mark_never_crosses_a_tag():
    body = "<p>a <em>b c</em> d</p><ul><li>e</li><li>f &amp; g</li></ul>"
    assert mark_quote(body, Highlight("b c", "f & g")) == (
        f'<p>a <em><mark id="{QUOTE_ANCHOR}" tabindex="-1">b c</mark></em> <mark>d</mark></p>'
        "<ul><li><mark>e</mark></li><li><mark>f &amp; g</mark></li></ul>"
    )


@pytest.mark.parametrize("first", ["", "not there", HOSTILE, "\x00", "one" * 1000])
def test_what_is_not_in_the_page_marks_nothing_and_leads_to_its_section(first):
    before, section = "<p>one</p>", '<h2 id="b">B</h2><p>one two three</p>'
    assert mark_quote(before + section, Highlight(first, first, "b")) == (
        f'{before}<span id="{QUOTE_ANCHOR}"></span>{section}'
    )


PIECES = st.lists(
    st.sampled_from(["one ", "two", "&amp; ", "<em>", "</em>", "thr", "ee ", "<p>", "&lt;", " "]),
    max_size=25,
)


@given(PIECES, st.integers(0, 30), st.integers(1, 12))
def test_marking_changes_no_text_and_no_tag(pieces, start, size):
    body = "".join(pieces)
    text = "".join(plain(body).split())
    quote = text[start : start + size]
    result = mark_quote(body, Highlight(quote, quote))
    assert re.sub("</?mark[^>]*>|<span[^>]*></span>", "", result) == body
    assert "".join(text_in_marks(result).split()) == quote
    assert result.count("<mark") == result.count("</mark>")
