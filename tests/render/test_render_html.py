"""Test an answer as HTML: what is shown, and that everything is escaped."""

from __future__ import annotations

import html
import re

import pytest
from drawn import HOSTILE, Tags, answer, assert_harmless, citation, resource

from assistant.index import builder
from assistant.index import index as indexes
from assistant.models.answers import Block, BlockRow, Related, Span
from assistant.render import catalogue, urls
from assistant.render.html import CONTEXT_CHARS, Branding, HtmlRenderer

FEEDBACK = "https://forms.example/tell-us"


@pytest.fixture(scope="module")
def store(tmp_path_factory, word_encoder):
    corpus = tmp_path_factory.mktemp("guide")
    (corpus / "cats and more.md").write_text("# Cats\n\n## One\n\nA cat climbs.\n")
    (corpus / "dogs.md").write_text("# Dogs\n\n## Top\n\nA dog barks.\n")
    owned = "---\nowner: The <ferret> team\n---\n# Ferrets\n\n## Den\n\nA ferret digs.\n"
    (corpus / "ferrets.md").write_text(owned)
    folder = tmp_path_factory.mktemp("index")
    builder.build_index(corpus, folder, word_encoder)
    return indexes.open_index(folder).store


@pytest.fixture
def markup(store) -> HtmlRenderer:
    return HtmlRenderer(
        store, catalogue.choose_messages("en"), Branding("Animals", feedback_url=FEEDBACK)
    )


def row(text: str, marker: str = "", level: int = 0) -> BlockRow:
    return BlockRow(((Span(text),),), marker, level)


def shown(markup, reply, texts=None, stored="") -> str:
    source = markup.render_answer(reply, texts or {}, stored)
    assert "\n" not in source
    return source


def test_everything_of_an_answer_is_escaped(markup):
    cited = citation(HOSTILE, headings=(HOSTILE, HOSTILE), path=HOSTILE, anchor=HOSTILE)
    reply = answer(
        cited,
        question=HOSTILE,
        understood_as=HOSTILE,
        other_readings=(HOSTILE,),
        missing=(HOSTILE,),
        resources=(resource("javascript:alert(1)", HOSTILE), resource('https://a.b/"><b>')),
    )
    source = shown(markup, reply, {"a.md#one/1": HOSTILE}, HOSTILE)
    assert_harmless(source)
    assert_harmless(markup.render_turn(HOSTILE, ""))
    assert_harmless(markup.render_about([HOSTILE]))
    assert not re.search(r"<b[ >]", source)


def test_a_mark_that_would_be_markdown_stays_as_it_is(markup):
    cited = citation("# not a heading\n\n* not **bold**\n\n```\n$$x$$ {{7*7}} ${7*7}\n```")
    source = shown(markup, answer(cited))
    assert "<p># not a heading</p>" in source
    assert "{{7*7}} ${7*7}" in source


def test_a_quote_keeps_its_lines_and_its_items(markup):
    cited = citation("One\n\nThere are:\n- first\n  - deeper\n2. second")
    items = row("first", "-"), row("deeper", "-", 1), row("second", "2.")
    blocks = (
        Block("heading", (1,), (row("One"),)),
        Block("paragraph", (1,), (row("There are:"),)),
        Block("list", (1,), items, total=3),
    )
    source = shown(markup, answer(cited, blocks=blocks))
    assert '<p class="quoted-heading">One</p><p>There are:</p>' in source
    assert '<p class="item item-0"><span class="marker">•</span> first</p>' in source
    assert '<p class="item item-1"><span class="marker">•</span> deeper</p>' in source
    assert '<p class="item item-0"><span class="marker">2.</span> second <a ' in source


def test_the_lines_of_an_answer_stored_without_blocks_are_paragraphs(markup):
    cited = citation("One\n\nThere are:\n- first\n2. second")
    source = shown(markup, answer(cited))
    quoted = source[source.index("<blockquote") : source.index("</blockquote>")]
    lines = re.findall("<p>(.*?)(?: <a .*?)?</p>", quoted)
    assert lines == ["One", "There are:", "- first", "2. second"]


def test_every_quote_carries_its_number_which_leads_to_its_source(markup):
    cited = citation("First."), citation("Second.", n=2)
    links = [a for a in Tags(shown(markup, answer(*cited))).all("a") if a.get("class") == "number"]
    assert [a["href"] for a in links] == [urls.citation_url(one) for one in cited]
    assert [a["title"] for a in links] == ["Source 1", "Source 2"]


def test_quotes_of_one_section_share_a_source(markup):
    cited = (
        citation("First."),
        citation("Second.", n=2),
        citation("Third.", n=3, anchor="two", headings=("Guide", "Two")),
    )
    source = shown(markup, answer(*cited))
    assert source.count("<blockquote") == 3
    pills = re.findall('<a class="pill".*?</a>', source)
    numbers = [re.findall(r'class="number">([^<]*)<', pill) for pill in pills]
    assert numbers == [["1", "2"], ["3"]]
    sections = [re.findall(r'class="section"[^>]*>([^<]*)<', pill) for pill in pills]
    assert sections == [["One"], ["Two"]]
    assert all('class="page" dir="auto">Guide<' in pill for pill in pills)


def test_a_source_shows_the_quote_marked_in_its_surroundings(markup):
    passage = "Before it.\nA quote. After it."
    cited = citation("A quote.", span=(11, 19))
    source = shown(markup, answer(cited), {"a.md#one/1": passage})
    assert '<p dir="auto">Before it.<br><mark>A quote.</mark> After it.</p>' in source


def test_the_heading_of_a_section_is_not_repeated_in_its_passage(markup):
    cited = citation("A quote.", span=(5, 13))
    source = shown(markup, answer(cited), {"a.md#one/1": "One\n\nA quote. More."})
    assert '<p dir="auto"><mark>A quote.</mark> More.</p>' in source


def test_at_most_three_resources_are_under_an_answer_and_all_in_one_that_lists_them(markup):
    many = tuple(resource(f"https://a.example/{n}", f"Title {n}") for n in range(5))
    source = shown(markup, answer(citation("A quote."), resources=many))
    assert re.findall("Title ([0-9])<", source) == ["0", "1", "2"]
    path = {"path": many[0].path, "anchor": many[0].anchor}
    lines = [citation(f"Title {n}", n=n + 1, **path) for n in range(5)]
    source = shown(markup, answer(*lines, resources=many))
    assert re.findall("Title ([0-9])<", source) == ["0", "1", "2", "3", "4"]
    assert "<blockquote" not in source


def test_a_closed_turn_shows_its_question_and_the_words_that_decide(markup):
    spans = Span("Mostly not. "), Span("Only at night.", highlight=True)
    block = Block("paragraph", (1,), (BlockRow((spans,)),))
    reply = answer(citation("Mostly not. Only at night."), blocks=(block,))
    assert markup.gist(reply) == "Only at night."
    assert markup.gist(answer(citation("One\nMostly not."))) == "Mostly not."
    assert markup.gist(answer()) == "The guide does not answer this."
    turn = markup.render_turn("when?", "<p>body</p>", "<now>")
    assert '<summary><h2 class="asked" dir="auto">when?</h2><p class="gist" dir="auto">' in turn
    assert "&lt;now&gt;</p></summary><p>body</p></details>" in turn


def test_two_quotes_of_one_passage_are_marked_in_it_once_each(markup):
    cited = citation("ab", span=(0, 2)), citation("ef", n=2, span=(4, 6))
    source = shown(markup, answer(*cited), {"a.md#one/1": "abcdefgh"})
    assert "<mark>ab</mark>cd<mark>ef</mark>gh" in source


def test_a_long_passage_is_shown_around_its_quote_only(markup):
    words = " ".join(f"w{number}" for number in range(1000))
    start = words.index("w500 ")
    cited = citation("w500", span=(start, start + 4))
    source = shown(markup, answer(cited), {"a.md#one/1": words})
    result = html.unescape(re.search(r'<p dir="auto">(… .*? …)</p>', source)[1])
    plain = re.sub("<[^>]*>", "", result).strip("… ")
    assert plain in words
    assert len(plain) <= 2 * CONTEXT_CHARS + 4
    assert "w499 <mark>w500</mark> w501" in result


def test_the_side_the_guide_does_not_speak_of_is_named_and_escaped(markup):
    for cited in ((), (citation("One."),)):
        source = shown(markup, answer(*cited, missing=("<b>ferrets</b>",)))
        assert "does not mention “&lt;b&gt;ferrets&lt;/b&gt;”." in source


def test_a_refusal_says_how_it_was_understood_and_where_to_turn(markup):
    source = shown(markup, answer(question="whats <1>", understood_as="what is <one>?"))
    assert "The guide does not answer this." in source
    assert "what is &lt;one&gt;?" in source
    assert "<blockquote" not in source
    assert FEEDBACK in [a["href"] for a in Tags(source).all("a")]


def test_a_refusal_names_who_keeps_the_page_that_is_near_or_else_the_guide(store):
    say = catalogue.choose_messages("en")
    zoo = HtmlRenderer(store, say, Branding("Animals", contact="the zoo"))
    assert "Ask <b><bdi>the zoo</bdi></b>." in shown(zoo, answer())
    near = Related("ferrets.md", ("Ferrets", "Den"), "den", "ferrets.md#den")
    assert "Ask <b><bdi>The &lt;ferret&gt; team</bdi></b>." in shown(zoo, answer(related=(near,)))
    alone = HtmlRenderer(store, say, Branding("Animals"))
    assert 'class="contact"' not in shown(alone, answer())


def test_a_guide_without_a_place_to_write_to_offers_none(store):
    alone = HtmlRenderer(store, catalogue.choose_messages("en"), Branding("Animals"))
    assert "Tell the guide" not in shown(alone, answer())


def test_other_interpretations_are_buttons_that_ask_them(markup):
    source = shown(markup, answer(other_readings=("what is <two>?",)))
    assert [b["value"] for b in Tags(source).all("button") if "asks" in b["class"]] == [
        "what is <two>?"
    ]
    assert "did you mean" not in shown(markup, answer())


def test_what_may_be_asked_next_is_asked_by_a_button(markup):
    source = shown(markup, answer(next_questions=("And <that>?",)))
    assert [b["value"] for b in Tags(source).all("button") if "asks" in b["class"]] == [
        "And <that>?"
    ]
    assert "Ask next" in source
    assert "Ask next" not in shown(markup, answer())


def test_the_interpretation_is_shown_only_if_it_differs(markup):
    same = answer(citation("A quote."), question="  What is  ONE? ")
    assert "Understood as" not in shown(markup, same)
    other = answer(citation("A quote."), question="what is 1?")
    assert "Understood as: <bdi>what is one?</bdi>" in shown(markup, other)


def test_every_link_but_the_answer_s_own_opens_a_new_tab_without_access_to_this_one(markup):
    reply = answer(citation("A quote."), resources=(resource("https://a.example"),))
    links = Tags(shown(markup, reply, stored="a" * 16)).all("a")
    links = [link for link in links if link.get("class") != "action permalink"]
    assert len(links) == 3
    assert all(a["target"] == "_blank" and a["rel"] == "noopener noreferrer" for a in links)


def test_only_a_stored_answer_can_be_rated_and_linked(markup):
    def actions(source):
        return [b["class"] for b in Tags(source).all("button")]

    reply = answer(citation("A quote."))
    assert actions(shown(markup, reply)) == ["action copy"]
    page = shown(markup, reply, stored="k" * 16)
    assert actions(page) == ["action copy", "action rate rate-yes", "action rate rate-no"]
    assert "/a/" + "k" * 16 in [a["href"] for a in Tags(page).all("a")]


def test_what_is_copied_is_the_answer_as_markdown_with_its_sources(markup):
    blocks = (
        Block("heading", (1,), (row("One"),)),
        Block("paragraph", (1,), (row("A quote of *stars*."),)),
        Block("code", (1,), (row("a = 1\n\nb = 2"),)),
    )
    quote = "One\n\nA quote of *stars*.\n\na = 1\n\nb = 2"
    reply = answer(citation(quote, headings=("Guide [x]", "One")), blocks=blocks)
    (copy,) = Tags(shown(markup, reply)).all("button")
    assert copy["value"] == (
        "**what is one?**\n\n> **One**\n>\n> A quote of \\*stars\\*.\n>\n"
        "> ```\n> a = 1\n>\n> b = 2\n> ```\n>\n> [1]\n\n"
        f"[1] [Guide \\[x\\] › One]({urls.citation_url(reply.citations[0])})"
    )


def test_a_resource_is_a_web_link_or_a_page_of_the_guide(store):
    assert urls.resource_url(resource("https://a.example/x"), store) == "https://a.example/x"
    assert urls.resource_url(resource("./dogs.md#top"), store) == "/guide/dogs.md#top"
    for elsewhere in ("missing.md", "javascript:alert(1)", "//evil.example/x", "../../etc/passwd"):
        result = urls.resource_url(resource(elsewhere), store)
        assert result == "/guide/cats%20and%20more.md#one"


@pytest.mark.parametrize("language", catalogue.languages())
def test_every_part_of_an_answer_is_said_in_the_reader_s_language(store, language):
    say = catalogue.choose_messages("", language)
    own = HtmlRenderer(store, say, Branding("Animals", feedback_url=FEEDBACK))
    reply = answer(citation("Q."), question="q?", other_readings=("r?",), missing=("s",))
    source = html.unescape(own.render_answer(reply, {"a.md#one/1": "Q. And more."}, "k" * 16))
    keys = "did_you_mean sources helpful yes no copy link_to_answer".split()
    for key in keys:
        assert say(key) in source, key
    refused = html.unescape(own.render_answer(answer(), {}))
    for key in ("no_answer", "tell_authors"):
        assert say(key) in refused, key
