"""The guide in a page of another site: real browser, real servers, two origins."""

from __future__ import annotations

import re
from urllib.parse import quote, unquote

import hosts
import pytest
from driving import sync_api
from visiting import script

from assistant.render import urls
from assistant.server.lifecycle import listen
from assistant.server.reload import LiveAssistant
from assistant.settings import Settings
from tests.served import serving

expect = sync_api.expect
PM_OR_PO = "how is a PM different from a PO?"
BREAD = "how to bake bread"

# Gradio asks pandas for an option that newer pandas announces to drop.
pytestmark = pytest.mark.filterwarnings("ignore:'future.no_silent_downcasting'")


# -- an answer ------------------------------------------------------------------------------


def test_a_button_opens_the_guide_which_answers_with_its_quotes_and_sources(
    guest_of, corpus_assistant
):
    reader = guest_of()
    expect(reader.button).to_have_text("Ask the guide")
    turn = reader.open().ask(PM_OR_PO)
    answer = corpus_assistant.ask(PM_OR_PO)
    numbers = turn.locator("blockquote a.number")
    expect(numbers).to_have_count(len(answer.citations))
    for number, citation in enumerate(answer.citations):
        shown = turn.locator("blockquote").nth(number)
        for line in filter(str.strip, citation.quote.splitlines()):
            expect(shown).to_contain_text(urls.LIST_MARKER.sub("", line))
    headings = answer.citations[0].headings
    expect(turn.locator(".pill .section").first).to_have_text(headings[-1])
    expect(turn.locator(".pill .page").first).to_have_text(headings[0])
    expect(turn.locator(".reading a")).to_have_count(min(3, len(answer.resources)))
    expect(turn.locator(".understood bdi")).to_have_text(answer.understood_as)
    expect(reader.frame.locator(".next button")).to_have_text(list(answer.next_questions))
    assert reader.complaints == []


def test_every_link_of_an_answer_leads_where_the_chat_s_does_and_opens_in_a_new_tab(
    guest_of, help_, corpus_assistant
):
    turn = guest_of().open().ask(PM_OR_PO)
    answer = corpus_assistant.ask(PM_OR_PO)
    links = turn.locator("a").evaluate_all(
        "links => links.map(link => [link.href, link.target, link.rel])"
    )
    assert {target for _, target, _ in links} == {"_blank"}
    plain = {re.sub(r"\+", "%20", url).removeprefix(help_) for url, *_ in links}
    expected = {urls.citation_url(citation) for citation in answer.citations}
    expected |= {resource.url for resource in answer.resources[:3]}
    assert {_same(url) for url in expected} <= {_same(url) for url in plain}


def _same(url: str) -> str:
    """An address whatever is percent-encoded in it that need not be."""
    return quote(unquote(url))


def test_an_answer_s_source_is_read_in_the_guide(guest_of):
    reader = guest_of()
    turn = reader.open().ask(PM_OR_PO)
    turn.locator("a.number").first.click()
    panel = reader.frame.locator("dialog.preview")
    expect(panel.locator("mark").first).to_be_visible()
    with reader.context.expect_page() as opened:
        panel.get_by_role("link", name="Open in the guide").click()
    opened.value.wait_for_load_state()
    expect(opened.value.get_by_text("they name different things")).to_be_in_viewport()


def test_a_question_the_guide_does_not_answer_is_refused_with_the_nearest_sections(guest_of):
    turn = guest_of().open().ask("which exam must a product owner pass?")
    expect(turn.locator(".refusal .verdict")).to_contain_text("The guide does not answer this.")
    expect(turn.locator(".refusal .sections a").first).to_be_visible()
    expect(turn.locator("blockquote")).to_have_count(0)


def test_a_follow_up_is_sent_with_the_conversation_and_its_sources(guest_of, corpus_assistant):
    reader = guest_of().open()
    reader.ask("what is a product owner?")
    turn = reader.ask("and a project manager?")
    expect(turn.locator("blockquote").first).to_contain_text("roject")
    first = corpus_assistant.ask("what is a product owner?")
    assert reader.sent("/embed/ask")[-1]["history"] == [
        {"role": "user", "text": "what is a product owner?", "sources": []},
        {
            "role": "agent",
            "text": first.text,
            "sources": [citation.passage for citation in first.citations],
        },
    ]


def test_a_new_conversation_forgets_the_old_one(guest_of):
    reader = guest_of().open()
    reader.ask("what is a product owner?")
    reader.frame.get_by_role("button", name="New conversation").click()
    expect(reader.exchanges).to_have_count(0)
    reader.ask(PM_OR_PO)
    assert reader.sent("/embed/ask")[-1]["history"] == []


def test_an_example_another_interpretation_and_a_next_question_are_asked_by_a_click(guest_of):
    reader = guest_of().open()
    for offered in (".chips button", "button.other", ".next button"):
        button = reader.frame.locator(f"{offered}:visible").first
        if offered == "button.other":
            reader.ask(PM_OR_PO)
        question, count = button.inner_text(), reader.exchanges.count()
        button.click()
        expect(reader.exchanges).to_have_count(count + 1)
        expect(reader.exchanges.last.locator(".asked")).to_have_text(question)
        expect(reader.exchanges.last.locator("blockquote, .reading").first).to_be_visible()


def test_feedback_on_an_answer_is_stored(guest_of, help_):
    reader = guest_of().open()
    turn = reader.ask("what do product managers do?")
    name = turn.locator(".permalink").evaluate("link => link.pathname.slice(3)")
    turn.get_by_role("button", name="No", exact=True).click()
    expect(turn.locator("output")).to_have_text("Thank you.")
    turn.locator(".opinion input").fill("too short")
    turn.locator(".opinion button").click()
    expect(turn.locator(".opinion input")).to_have_count(0)
    first, second = reader.sent("/feedback")
    assert len(first["vote"]) > 20  # hard to guess
    opinion = {"answer": name, "helpful": False, "vote": first["vote"]}
    assert (first, second) == (opinion, {**opinion, "comment": "too short"})
    assert reader.context.request.get(f"{help_}/api/answers/{name}").status == 200


def test_the_answer_is_announced_to_a_screen_reader(guest_of):
    reader = guest_of().open()
    status = reader.frame.get_by_role("status").first
    reader.ask(PM_OR_PO)
    expect(status).to_contain_text("they name different things")
    reader.ask(BREAD)
    expect(status).to_have_text("The guide does not answer this.")


def test_a_question_entered_before_the_script_runs_is_asked_once_it_does(guest_of):
    reader, held = guest_of(), []
    reader.page.route("**/embed.js*", lambda route: held.append(route))  # noqa: PLW0108
    reader.button.click()
    reader.box.fill(PM_OR_PO)
    expect(reader.frame.locator("#send")).to_be_disabled()
    reader.box.press("Enter")
    assert reader.eventually(lambda: len(held), 1) == 1
    held[0].continue_()
    expect(reader.exchanges).to_have_count(1)
    expect(reader.exchanges.locator("blockquote").first).to_be_visible()
    expect(reader.box).to_have_value("")


# -- what goes wrong ------------------------------------------------------------------------


def test_a_response_that_breaks_off_is_a_failure_and_can_be_asked_again(guest_of):
    reader = guest_of().open()
    reader.page.route("**/embed/ask?*", lambda route: route.fulfill(body='{"html": "Half of'))
    turn = reader.ask(PM_OR_PO)
    expect(turn.locator(".failure")).to_contain_text("The connection to the guide was lost.")
    expect(turn.locator("blockquote")).to_have_count(0)
    reader.page.unroute("**/embed/ask?*")
    turn.get_by_role("button", name="Ask it again").click()
    expect(reader.exchanges).to_have_count(1)
    expect(reader.exchanges.locator("blockquote").first).to_be_visible()


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (429, "{}", "Too many questions at the moment. Try again in a few seconds."),
        (503, "not JSON", "Too many questions at the moment. Try again in a few seconds."),
        (401, '{"detail": "A key is needed.", "hint": "Ask for one."}', "A key is needed. Ask"),
        (
            500,
            "<html>",
            "Something went wrong (id 500). Try again. If it keeps happening, report it.",
        ),
    ],
)
def test_an_error_is_shown_with_its_hint(guest_of, status, body, words):
    reader = guest_of().open()
    reader.page.route("**/embed/ask?*", lambda route: route.fulfill(status=status, body=body))
    turn = reader.ask(PM_OR_PO)
    expect(turn.locator(".failure p").first).to_have_text(words.partition(". ")[0] + ".")
    expect(reader.frame.get_by_role("status").first).to_contain_text(words)


def test_a_question_too_long_is_not_sent(guest_of):
    reader = guest_of().open()
    expect(reader.ask("x" * 2001).locator(".failure")).to_contain_text("2001 characters")
    assert reader.sent("/embed/ask") == []


MARKUP = '<img src=x onerror="document.title=1"><b>bold</b>'


def test_a_question_with_markup_is_shown_as_text(guest_of):
    reader = guest_of().open()
    turn = reader.ask(MARKUP)
    expect(turn).to_contain_text("<b>bold</b>")
    expect(turn.locator("img, b")).to_have_count(0)
    assert reader.inside().title() != "1"
    assert reader.complaints == []


def test_markup_that_would_run_a_script_runs_none(guest_of):
    reader = guest_of().open()
    script = "<script>document.title = 1</script>"
    html = f"<section class=exchange><h2 class=asked>q</h2>{MARKUP}{script}</section>"
    data = {"html": html, "text": "", "turns": []}
    reader.page.route("**/embed/ask?*", lambda route: route.fulfill(json=data))
    expect(reader.ask("q")).to_contain_text("bold")
    assert reader.inside().title() != "1"


def test_without_our_server_there_is_nothing_and_the_page_is_as_it_was(guest, wiki):
    with listen("127.0.0.1", 0) as closed:
        port = closed.getsockname()[1]
    page = hosts.wiki(script(f"http://127.0.0.1:{port}"))
    reader = guest(wiki.put(page))
    reader.page.wait_for_load_state("networkidle")
    expect(reader.page.locator("guide-assistant")).to_have_count(0)
    # The browser notes of itself that a script was not there; nothing else is said.
    assert [text for text in reader.complaints if "ERR_CONNECTION_REFUSED" not in text] == []


def test_a_server_that_goes_away_later_is_reported_as_unreachable(guest, wiki, corpus_assistant):
    with serving(
        LiveAssistant(corpus_assistant), Settings(journal="off", frames=(wiki.origin,))
    ) as help_:
        inline = hosts.wiki(script(help_, mode="inline"))
        reader = guest(wiki.put(hosts.wiki(script(help_))))
        inline_reader = guest(wiki.put(inline, "/inline"))
        expect(reader.button).to_be_visible()
        expect(inline_reader.box).to_be_visible()
    reader.button.click()
    note = reader.panel.get_by_role("alert")
    expect(note).to_contain_text("The guide cannot be reached at the moment.")
    expect(note.get_by_role("link")).to_have_attribute("href", f"{help_}/")
    expect(reader.iframe).to_have_count(0)
    reader.page.keyboard.press("Escape")
    expect(reader.panel).to_be_hidden()
    expect(reader.button).to_be_focused()
    assert reader.complaints == []
    expect(inline_reader.ask(PM_OR_PO).locator(".failure")).to_contain_text("was lost")


def test_a_page_that_is_a_file_says_why_there_is_nothing(guest, help_, tmp_path):
    file = tmp_path / "page.html"
    file.write_text(hosts.wiki(script(help_)).html, encoding="utf-8")
    reader = guest(file.as_uri())
    expect(reader.page.locator("guide-assistant")).to_contain_text("served over http or https")
    expect(reader.button).to_have_count(0)
    expect(reader.iframe).to_have_count(0)


# -- ways in --------------------------------------------------------------------------------


def test_before_the_button_is_pressed_nothing_but_the_script_is_loaded(guest_of, help_):
    reader = guest_of()
    expect(reader.button).to_be_visible()
    reader.page.wait_for_load_state("networkidle")
    ours = [request.url for request in reader.requests if request.url.startswith(help_)]
    assert ours == [f"{help_}/widget.js"]


def test_a_box_stands_where_the_script_does_and_grows_with_the_answer(guest_of):
    reader = guest_of(mode="inline")
    expect(reader.box).to_be_visible()
    foot = reader.page.locator("footer")
    assert reader.eventually(lambda: top(reader.iframe) > top(foot), wanted=True)
    hidden = "Math.max(0, view.scrollHeight - view.clientHeight)"
    assert reader.eventually(lambda: reader.inside().evaluate(hidden), 0) == 0
    reader.ask(PM_OR_PO)
    tallest = 860 * 0.8
    expect(reader.iframe).to_have_css("height", f"{tallest:.0f}px")
    expect(reader.page.locator("guide-assistant button")).to_have_count(0)
    assert reader.complaints == []


def top(locator) -> float:
    return locator.bounding_box()["y"]


def test_a_box_stands_in_the_element_that_is_named(guest_of):
    reader = guest_of(mode="inline", target="place")
    expect(reader.page.locator("#place guide-assistant")).to_have_count(1)
    expect(reader.ask(PM_OR_PO).locator("blockquote").first).to_be_visible()


def test_a_link_opens_the_guide_and_has_the_focus_again_when_it_is_closed(guest_of):
    reader = guest_of(mode="link")
    link = reader.page.locator("#link")
    expect(reader.page.locator("guide-assistant")).to_have_count(1)
    expect(reader.button).to_have_count(0)
    link.click()
    expect(reader.box).to_be_focused()
    assert reader.eventually(lambda: reader.page.evaluate("location.hash"), "") == ""
    reader.box.press("Escape")
    expect(reader.panel).to_be_hidden()
    expect(link).to_be_focused()
    reader.page.get_by_text("More", exact=True).click()
    expect(reader.panel).to_be_hidden()


def test_an_address_that_ends_in_ask_opens_the_guide(guest, wiki, help_):
    reader = guest(wiki.put(hosts.wiki(script(help_))) + "#ask")
    expect(reader.box).to_be_focused()


def test_the_conversation_is_still_there_after_closing_and_opening(guest_of):
    reader = guest_of().open()
    reader.ask(PM_OR_PO)
    reader.panel.get_by_role("button", name="Close").click()
    expect(reader.panel).to_be_hidden()
    reader.open()
    expect(reader.exchanges).to_have_count(1)


def test_a_plain_frame_works_without_the_script(guest, wiki, help_):
    page = f'<iframe title="The guide" src="{help_}/embed?language=fr" width=420 height=600>'
    reader = guest(wiki.put(hosts.Page(f"<!doctype html>{page}")))
    frame = reader.page.frame_locator("iframe")
    frame.locator("#box").fill(PM_OR_PO)
    frame.get_by_role("button", name="Demander").or_(frame.locator("#send")).first.click()
    expect(frame.locator("blockquote").first).to_be_visible()
    expect(frame.locator("h3").first).to_have_text("Sources")
    frame.locator("#box").press("Escape")
    assert reader.complaints == []


# -- searching ------------------------------------------------------------------------------


def test_passages_are_found_while_typing_and_then_the_question_is_answered(
    guest_of, corpus_assistant
):
    reader = guest_of(mode="search").open()
    reader.box.press_sequentially("product owner", delay=20)
    hits = reader.frame.locator("#hits li")
    result = corpus_assistant.search("product owner", 6)
    expect(hits.locator("a")).to_have_text([hit.passage.headings[-1] for hit in result.hits])
    expect(hits.first.locator("mark").first).to_have_text(re.compile("product|owner", re.I))
    assert len(reader.sent("/api/search")) < len("product owner"), "not for every key"
    expect(reader.frame.get_by_role("status").first).to_have_text("6 passages")
    reader.frame.get_by_role("button", name="Ask", exact=True).click()
    expect(reader.exchanges.locator("blockquote").first).to_be_visible()
    expect(hits).to_have_count(0)
    assert reader.complaints == []


def test_results_for_an_older_query_are_dropped(guest_of):
    reader = guest_of(mode="search").open()
    held = []

    def hold(route):
        if route.request.post_data_json["question"] == "project":
            held.append(route)
        else:
            route.continue_()

    reader.page.route("**/api/search", hold)
    reader.box.fill("project")
    assert reader.eventually(lambda: len(held), 1) == 1
    with reader.page.expect_event("requestfailed") as aborted:
        reader.box.fill("product owner")
    assert aborted.value == held[0].request
    expect(reader.frame.locator("#hits li a").first).to_have_text(
        "Product Manager vs. Product Owner"
    )


# -- what the host is told, and tells -------------------------------------------------------


def test_the_page_s_own_address_is_sent_nowhere(guest_of, help_):
    reader = guest_of()
    reader.open().ask(PM_OR_PO)
    for request in reader.requests:
        if request.url.startswith(help_) and not request.url.endswith("widget.js"):
            assert not request.all_headers().get("referer")
            address = request.url.partition("#")[0].removesuffix("/chat/page.css")
            assert "/page" not in address + (request.post_data or "")
    assert reader.sent("/embed/ask")[0]["context"] == ""


@pytest.mark.parametrize(
    ("page_context", "sent"), [("introduction.md#x", "introduction.md#x"), ("page", "/page")]
)
def test_what_the_reader_is_on_is_sent_where_the_author_asks_for_it(guest_of, page_context, sent):
    reader = guest_of(context=page_context)
    reader.open().ask(PM_OR_PO)
    assert reader.sent("/embed/ask")[0]["context"] == sent


def test_the_words_are_in_the_reader_s_language_unless_the_author_names_another(guest_of):
    reader = guest_of(window={"locale": "de-DE"})
    expect(reader.button).to_have_text("Den Leitfaden fragen")
    reader.open()
    expect(reader.frame.locator("#send")).to_have_text("Fragen")
    named = guest_of(language="fr", title="Demandez-moi", window={"locale": "de-DE"})
    expect(named.button).to_have_text("Demandez-moi")
    named.open()
    expect(named.frame.locator("html")).to_have_attribute("lang", "fr")


def test_the_colours_are_light_or_dark_as_the_reader_wants_or_the_author(guest_of):
    for scheme, wanted, ground in [
        ("light", "", "rgb(251, 250, 248)"),
        ("dark", "", "rgb(20, 23, 25)"),
        ("dark", "light", "rgb(251, 250, 248)"),
    ]:
        reader = guest_of(window={"color_scheme": scheme}, scheme=wanted).open()
        expect(reader.frame.locator("body")).to_have_css("background-color", ground)
        expect(reader.panel).to_have_css("background-color", ground)
