"""What a reader can do with an answer, and how the chat speaks to them."""

from __future__ import annotations

import re

import pytest
from driving import sync_api

from assistant.render import catalogue
from assistant.server.answer_log import AnswerLog
from assistant.server.reload import LiveAssistant
from assistant.settings import Settings
from tests.served import serving

expect = sync_api.expect
PM_OR_PO = "how is a PM different from a PO?"

# Gradio asks pandas for an option that newer pandas announces to drop.
pytestmark = pytest.mark.filterwarnings("ignore:'future.no_silent_downcasting'")


def test_a_quote_is_marked_in_the_reader_and_in_view(visit):
    chat = visit()
    number = chat.ask(PM_OR_PO).locator("a.number").first
    quote = "".join(chat.exchanges.last.locator("blockquote").first.inner_text().split())
    reader = chat.page
    reader.goto(number.evaluate("link => link.href"))
    marks = reader.locator("mark")
    expect(marks.first).to_be_in_viewport()
    marked = " ".join(" ".join(marks.all_inner_texts()).split())
    assert re.sub(r"\s", "", marked) == quote.removesuffix("[1]")


def test_a_source_shows_its_quote_in_its_surroundings(visit):
    chat = visit()
    turn = chat.ask(PM_OR_PO)
    expect(turn.locator(".context mark").first).to_be_hidden()
    turn.locator(".pill").first.click()
    expect(chat.page.locator("dialog.preview mark").first).to_be_visible()


def test_another_interpretation_is_asked_by_a_click(visit):
    chat = visit()
    button = chat.ask(PM_OR_PO).locator(".other").first
    question = button.inner_text()
    button.click()
    expect(chat.exchanges).to_have_count(2)
    expect(chat.answered().locator(".asked")).to_have_text(question)


def test_feedback_is_acknowledged_and_stored_with_its_comment(browser, corpus_assistant, tmp_path):
    from driving import Visit

    url = f"sqlite:///{tmp_path / 'journal.sqlite'}"
    with serving(LiveAssistant(corpus_assistant), Settings(journal=url)) as origin:
        chat = Visit(browser, origin).load()
        turn = chat.ask(PM_OR_PO)
        turn.get_by_role("button", name="Yes", exact=True).click()  # the reader changes their mind
        expect(turn.locator(".opinion output")).to_have_text("Thank you.")
        expect(turn.get_by_label("What was missing or wrong?")).to_have_count(0)
        turn.get_by_role("button", name="No", exact=True).click()
        expect(turn.get_by_role("button", name="No", exact=True)).to_have_attribute(
            "aria-pressed", "true"
        )
        turn.get_by_label("What was missing or wrong?").fill("<b>more</b> of it")
        turn.get_by_role("button", name="Send").click()
        expect(turn.locator(".opinion")).to_have_text("Thank you.")
        chat.context.close()
    journal = AnswerLog.open(url, days=1)
    (rating,) = journal.ratings()
    journal.close()
    assert (rating.question, rating.helpful, rating.unhelpful) == (PM_OR_PO, 0, 1)
    assert [comment.text for comment in rating.comments] == ["<b>more</b> of it"]


def test_an_answer_is_copied_as_markdown_with_whole_addresses(visit):
    chat = visit()
    chat.context.grant_permissions(["clipboard-read", "clipboard-write"])
    turn = chat.ask(PM_OR_PO)
    turn.get_by_role("button", name="Copy", exact=True).click()
    expect(turn.locator(".copy")).to_have_text("Copied")
    copied = chat.page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith(f"**{PM_OR_PO}**\n\n> ")
    assert f"]({chat.origin}/guide/introduction.md?section=" in copied


def test_an_answer_has_an_address_of_its_own_where_it_can_be_asked_again(visit):
    chat = visit()
    chat.context.grant_permissions(["clipboard-read", "clipboard-write"])
    quote = chat.ask(PM_OR_PO).locator("blockquote").first.inner_text()
    link = chat.exchanges.last.locator(".permalink")
    link.click()
    expect(link).to_have_text("Copied")
    page = chat.page
    page.goto(page.evaluate("navigator.clipboard.readText()"))
    assert re.search(r"/a/[a-z2-7]{16}$", page.url)
    expect(page.locator("blockquote").first).to_have_text(quote, use_inner_text=True)
    expect(page.get_by_text("The guide still says this.")).to_be_visible()
    page.get_by_role("button", name="Yes", exact=True).click()
    expect(page.locator(".opinion output")).to_have_text("Thank you.")
    page.get_by_role("link", name="Ask it again").click()
    expect(page.locator("#talk .exchange .asked")).to_have_text(PM_OR_PO)
    assert "?" not in page.url  # a question is asked once, however often the page is loaded


def test_a_question_in_the_address_is_asked_once(visit):
    chat = visit(path="/?q=what%20is%20a%20product%20owner%3F")
    expect(chat.exchanges).to_have_count(1)
    expect(chat.exchanges.first.locator(".asked")).to_have_text("what is a product owner?")
    chat.page.reload()
    expect(chat.page.locator("#ask")).to_be_enabled()
    expect(chat.exchanges).to_have_count(1)


def test_a_section_can_be_asked_about_from_the_reader(visit):
    chat = visit()
    chat.page.goto(chat.origin + "/guide/introduction.md")
    heading = chat.page.locator("#product-manager-vs-product-owner")
    title = heading.inner_text()
    heading.hover()
    heading.locator("+ .ask-about").click()
    expect(chat.page.locator("#ask")).to_be_enabled()
    expect(chat.exchanges).to_have_count(1)
    expect(chat.exchanges.first).to_contain_text("Asking about: ")
    expect(chat.exchanges.first).to_contain_text(title)
    turn = chat.ask("which of them is a role from a framework?")
    expect(turn.locator(".sources a").first).to_contain_text(title)


def test_a_refusal_says_where_to_write_to(visit):
    link = visit().ask("how to bake bread").locator(".refusal a").last
    expect(link).to_have_text("Tell the guide’s authors what is missing")
    expect(link).to_have_attribute("href", re.compile("^https://forms"))


def test_a_question_that_waits_says_so_and_then_is_answered(visit):
    chat = visit().ready()
    held = []
    chat.page.route("**/queue/join*", lambda route: held.append(route))  # noqa: PLW0108
    chat.box.fill(PM_OR_PO)
    chat.box.press("Enter")
    pending = chat.page.locator(".pending")
    expect(pending.locator(".asked")).to_have_text(PM_OR_PO)
    expect(pending).to_contain_text("Your question is waiting")
    held[0].continue_()
    expect(chat.exchanges).to_have_count(1)
    expect(pending).to_have_count(0)


@pytest.mark.parametrize(("status", "what"), [(429, "Too many questions"), (503, "Too many")])
def test_a_question_that_is_turned_away_says_why_and_stays_in_the_box(visit, status, what):
    chat = visit().ready()
    chat.page.route(
        "**/queue/join*",
        lambda route: route.fulfill(
            status=status, json={"detail": "No."}, headers={"Retry-After": "1"}
        ),
    )
    chat.box.fill(PM_OR_PO)
    chat.box.press("Enter")
    expect(chat.page.locator(".pending .failure")).to_contain_text(what)
    expect(chat.box).to_have_value(PM_OR_PO)
    chat.page.unroute("**/queue/join*")
    chat.box.press("Enter")
    expect(chat.exchanges).to_have_count(1)
    expect(chat.page.locator(".pending")).to_have_count(0)


def test_a_lost_connection_says_so_and_the_question_stays_in_the_box(visit):
    chat = visit().ready()
    chat.page.route("**/queue/join*", lambda route: route.abort())
    chat.box.fill(PM_OR_PO)
    chat.box.press("Enter")
    expect(chat.page.locator(".pending .failure")).to_contain_text(
        "connection to the guide was lost"
    )
    expect(chat.box).to_have_value(PM_OR_PO)


def test_nothing_is_left_in_a_shared_browser(visit):
    chat = visit()
    chat.ask(PM_OR_PO)
    storage = chat.page.evaluate(
        "JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])"
    )
    assert "product" not in storage.lower()
    assert PM_OR_PO not in storage
    assert chat.context.cookies() == []


@pytest.mark.parametrize("language", catalogue.languages())
def test_the_chat_speaks_the_reader_s_language(visit, language):
    say = catalogue.choose_messages("", language)
    chat = visit(language=language)
    page = chat.page
    expect(page.locator("html")).to_have_attribute("lang", language)
    expect(page.locator("html")).to_have_attribute("dir", say.direction)
    expect(page.locator("#subtitle")).to_have_text(say("subtitle"))
    expect(chat.box).to_have_attribute("placeholder", say("placeholder"))
    expect(page.locator("#ask")).to_have_text(say("ask"))
    expect(page.locator("#start h2").first).to_have_text(say("examples"))
    turn = chat.ask("how to bake bread")
    expect(turn).to_contain_text(say("no_answer"))
    expect(page.locator("#new-conversation")).to_have_text(say("new_conversation"))


def test_a_language_without_a_catalogue_is_spoken_to_in_english(visit):
    chat = visit(language="nl-NL")
    expect(chat.page.locator("#ask")).to_have_text("Ask")
    expect(chat.page.locator("html")).to_have_attribute("lang", "en")
