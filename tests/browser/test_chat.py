"""The chat as a reader meets it: a real browser, a real server, the repository's own guide."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from driving import eventually, sync_api

expect = sync_api.expect
PM_OR_PO = "how is a PM different from a PO?"
ARTICLE = "https://medium.com/@melissaperri/product-manager-vs-product-owner-57ff829aa74d"

# Gradio asks pandas for an option that newer pandas announces to drop.
pytestmark = pytest.mark.filterwarnings("ignore:'future.no_silent_downcasting'")


def test_a_question_sent_before_the_page_can_send_it_is_asked_once(window, origin):
    page = window.context.new_page()
    held = []
    page.route(
        "**/queue/join*", lambda route: held.append(route) if not held else route.continue_()
    )
    page.goto(origin + "/")
    box = page.get_by_label("Your question")
    box.fill(PM_OR_PO)
    box.press("Enter")
    expect(page.get_by_role("button", name="Ask", exact=True)).to_be_disabled()
    held[0].continue_()
    expect(page.locator("#talk .exchange blockquote").first).to_be_visible()
    expect(page.locator("#talk .exchange")).to_have_count(1)
    expect(box).to_have_value("")
    page.close()


@pytest.mark.parametrize("refusal", [429, 503, None])
def test_a_page_whose_own_first_request_is_turned_away_becomes_ready_all_the_same(
    window, origin, refusal
):
    """The page itself sends this request, so no reader would repeat it."""
    page = window.context.new_page()
    turned = []

    def turn_away(route):
        turned.append(route)
        if len(turned) > 2:
            route.continue_()
        elif refusal:
            route.fulfill(status=refusal, json={"detail": "No."}, headers={"Retry-After": "1"})
        else:
            route.abort()

    page.route("**/queue/join*", turn_away)
    page.goto(origin)
    box = page.get_by_label("Your question")
    box.fill("what is a product owner?")
    box.press("Enter")
    expect(page.locator(".pending .asked")).to_have_text("what is a product owner?")
    expect(page.locator("#talk .exchange")).to_have_count(1)
    expect(page.locator(".pending")).to_have_count(0)
    page.close()


def test_the_answer_quotes_the_guide_word_for_word(visit):
    turn = visit().ask(PM_OR_PO)
    expect(turn.locator("blockquote").first).to_contain_text(
        "they name different things. A Product Owner is a role from the Scrum framework"
    )
    expect(turn.locator(".understood bdi")).to_have_text(
        "how is a product manager different from a product owner?"
    )


def test_the_answer_names_its_section_whose_passage_opens_beside_it_and_leads_to_the_page(visit):
    chat = visit()
    pill = chat.ask(PM_OR_PO).locator(".sources .pill").first
    expect(pill).to_contain_text("Product Manager vs. Product Owner")
    expect(pill).to_contain_text("Introduction to Product Management")
    pill.click()
    panel = chat.page.get_by_role("dialog", name="Product Manager vs. Product Owner")
    expect(panel.locator("mark").first).to_be_visible()
    expect(panel.locator("h2")).to_be_focused()
    expect(pill).to_have_attribute("aria-expanded", "true")
    panel.get_by_role("link", name="Open in the guide").click()
    reader = chat.page
    reader.wait_for_url("**/guide/**")
    (anchor,) = parse_qs(urlsplit(reader.url).query)["section"]
    heading = reader.locator(f'[id="{anchor}"]')
    expect(heading).to_contain_text("Product Manager vs. Product Owner")
    # The quoted words are scrolled to, so the passage itself is what the reader sees.
    expect(reader.get_by_text("they name different things")).to_be_in_viewport()
    reader.go_back()
    expect(chat.exchanges).to_have_count(1)
    expect(chat.exchanges.first.locator(".asked")).to_have_text(PM_OR_PO)


def test_escape_closes_the_passage_and_the_focus_returns_to_its_source(visit):
    chat = visit()
    pill = chat.ask(PM_OR_PO).locator(".pill").first
    pill.focus()
    chat.page.keyboard.press("Enter")
    panel = chat.page.locator("dialog.preview")
    expect(panel).to_be_visible()
    chat.page.keyboard.press("Escape")
    expect(panel).to_be_hidden()
    expect(pill).to_be_focused()
    expect(pill).to_have_attribute("aria-expanded", "false")


def test_on_a_phone_the_passage_is_a_sheet_that_holds_the_focus(visit):
    chat = visit(width=375, height=740)
    chat.ask(PM_OR_PO).locator("a.number").first.click()
    panel = chat.page.locator("dialog.preview")
    expect(panel).to_be_visible()
    assert panel.evaluate("sheet => sheet.matches(':modal')")
    assert panel.bounding_box()["width"] == 375
    for _ in range(8):
        chat.page.keyboard.press("Tab")
        inside = (
            "document.activeElement === document.body || !!document.activeElement.closest('dialog')"
        )
        assert chat.page.evaluate(inside)
    panel.get_by_role("button", name="Close").click()
    expect(panel).to_be_hidden()


@pytest.mark.parametrize("width", [1200, 375])
def test_the_first_line_of_an_answer_is_within_160_pixels_of_the_top(visit, width):
    chat = visit(width=width, height=740)
    quote = chat.ask(PM_OR_PO).locator("blockquote").first
    expect(quote).to_be_in_viewport()
    assert quote.bounding_box()["y"] < 160


def test_a_conversation_of_ten_turns_is_short_and_an_earlier_turn_opens_again(visit):
    chat = visit()
    for _ in range(9):
        chat.ask("what are the types of product managers?")
    last = chat.ask(PM_OR_PO)
    expect(last.locator("blockquote").first).to_be_visible()
    assert chat.page.evaluate("document.documentElement.scrollHeight") < 3500
    first = chat.exchanges.first
    expect(first.locator(".gist")).to_be_visible()
    expect(first.locator("blockquote").first).to_be_hidden()
    first.locator("summary").click()
    expect(first.locator("blockquote").first).to_be_visible()


def test_a_conversation_outlives_a_reload_of_its_tab_and_no_other_tab_has_it(visit):
    chat = visit()
    chat.ask("what is a product owner?")
    chat.page.reload()
    expect(chat.page.locator("#ask")).to_be_enabled()
    expect(chat.exchanges).to_have_count(1)
    turn = chat.ask("and a project manager?")
    expect(turn.locator("blockquote").first).to_contain_text("roject")
    other = chat.context.new_page()
    other.goto(chat.origin)
    expect(other.locator("#ask")).to_be_enabled()
    expect(other.locator("#talk .exchange")).to_have_count(0)
    other.close()


def test_a_conversation_is_saved_as_markdown_with_its_sources(visit):
    chat = visit()
    chat.ask("what is a product owner?")
    chat.ask(PM_OR_PO)
    with chat.page.expect_download() as saved:
        chat.page.get_by_role("button", name="Save as Markdown").click()
    assert saved.value.suggested_filename.endswith(".md")
    text = Path(saved.value.path()).read_text(encoding="utf-8")
    assert text.startswith("**what is a product owner?**\n\n> ")
    assert f"**{PM_OR_PO}**" in text
    assert f"]({chat.origin}/guide/introduction.md?section=" in text


def test_a_slash_goes_to_the_question_box(visit):
    chat = visit().ready()
    chat.page.evaluate("document.activeElement.blur()")
    chat.page.keyboard.press("/")
    expect(chat.box).to_be_focused()
    expect(chat.box).to_have_value("")


def test_the_start_says_what_the_guide_covers_and_leads_to_its_pages(visit):
    chat = visit().ready()
    topics = chat.page.locator("#start .topics a")
    expect(topics.first).to_be_visible()
    links = topics.evaluate_all("links => links.map(link => link.href)")
    assert len(links) > 5
    assert {chat.context.request.get(link).status for link in links} == {200}


def test_the_answer_recommends_melissa_perris_article(visit):
    card = visit().ask(PM_OR_PO).locator(f'a[href="{ARTICLE}"]')
    expect(card).to_be_visible()
    expect(card).to_contain_text("Melissa Perri")
    expect(card).to_contain_text("7 min")
    expect(card).to_have_attribute("target", "_blank")
    expect(card).to_have_attribute("rel", "noopener noreferrer")


def test_every_section_link_of_an_answer_leads_to_a_heading(visit):
    chat = visit()
    turn = chat.ask("what are the types of product managers?")
    shown = turn.locator(".sources a, .sections a")
    expect(shown.first).to_be_visible()
    links = shown.evaluate_all("links => links.map(link => link.href)")
    for link in links:
        page = chat.context.request.get(link.partition("#")[0])
        assert page.status == 200
        anchor = unquote(urlsplit(link).fragment.partition(":~:")[0])
        assert not anchor or f'id="{anchor}"' in page.text()


def test_no_page_loads_anything_from_another_host(visit):
    chat = visit()
    chat.ask(PM_OR_PO)
    chat.ask("what should I read?")
    chat.page.goto(chat.origin + "/guide/introduction.md")
    chat.page.wait_for_load_state("networkidle")
    urls = {url for url in chat.requests if not url.startswith(("data:", "blob:"))}
    assert len(urls) > 10
    assert {url for url in urls if not url.startswith(chat.origin + "/")} == set()


def test_a_question_the_guide_does_not_answer_is_refused_with_somewhere_to_go(visit):
    chat = visit()
    chat.ask(PM_OR_PO)
    turn = chat.ask("which exam must a product owner pass?")
    expect(chat.exchanges).to_have_count(2)
    expect(turn.locator(".refusal")).to_contain_text("The guide does not answer this.")
    expect(turn.locator(".refusal .sections a").first).to_be_visible()
    expect(turn.locator("blockquote")).to_have_count(0)


def test_a_follow_up_question_is_understood_from_the_one_before(visit):
    chat = visit()
    chat.ask("what is a product owner?")
    turn = chat.ask("and a project manager?")
    expect(turn.locator(".asked")).to_have_text("and a project manager?")
    expect(turn.locator("blockquote").first).to_contain_text("roject")


def test_an_example_asks_at_once_and_then_makes_room(visit):
    chat = visit()
    chips = chat.page.locator("#start .cards button")
    expect(chips.first).to_be_visible()
    question = chips.first.inner_text()
    chips.first.click()
    expect(chat.exchanges).to_have_count(1)
    turn = chat.answered()
    expect(turn.locator(".asked")).to_have_text(question)
    expect(turn.locator("blockquote").first).to_be_visible()
    expect(chips.first).to_be_hidden()


def test_a_next_question_is_asked_by_a_click_and_new_ones_take_its_place(visit):
    chat = visit()
    suggestions = chat.page.locator(".next button:visible")
    expect(suggestions).to_have_count(0)
    chat.ask("what is a product manager?")
    expect(suggestions.first).to_be_visible()
    question = suggestions.first.inner_text()
    suggestions.first.click()
    expect(chat.exchanges).to_have_count(2)
    turn = chat.answered()
    expect(turn.locator(".asked")).to_have_text(question)
    expect(turn.locator("blockquote").first).to_be_visible()
    expect(suggestions.filter(has_text=question)).to_have_count(0)
    chat.page.get_by_role("button", name="New conversation").click()
    expect(suggestions).to_have_count(0)


def test_a_new_conversation_clears_the_old_one(visit):
    chat = visit()
    fresh = chat.page.get_by_role("button", name="New conversation")
    expect(fresh).to_be_hidden()
    chat.ask("what is a product owner?")
    fresh.click()
    expect(chat.exchanges).to_have_count(0)
    expect(chat.page.locator("#start .cards button").first).to_be_visible()
    expect(chat.box).to_be_focused()
    # The old conversation no longer completes the question.
    turn = chat.ask("and from a project manager?")
    expect(turn).not_to_contain_text("roduct owner different")
    expect(chat.exchanges).to_have_count(1)


def test_a_question_that_is_too_long_says_so_and_stays_in_the_box(visit):
    chat = visit()
    question = "what is a product manager? " * 80
    turn = chat.ask(question)
    expect(turn.locator(".failure")).to_contain_text("the limit is 2,000")
    expect(turn.locator(".failure")).to_contain_text("Ask for one thing at a time.")
    expect(chat.box).to_have_value(question)


def test_an_empty_question_says_what_to_do(visit):
    chat = visit()
    chat.page.get_by_role("button", name="Ask", exact=True).click()
    expect(chat.exchanges).to_have_count(1)
    expect(chat.answered().locator(".failure")).to_contain_text("The question is empty.")


def test_what_a_reader_types_is_never_markup(visit):
    chat = visit()
    question = (
        '<img src=x onerror="document.title=1"> **b** $$x$$ `c` ${7*7} {{7*7}} [a](javascript:1)'
    )
    turn = chat.ask(question)
    expect(turn.locator(".asked")).to_have_text(question)
    expect(turn.locator("img, script, strong, code, .katex")).to_have_count(0)
    assert chat.complaints == []


def test_the_keyboard_alone_reaches_the_answers_sources(visit):
    chat = visit()
    expect(chat.box).to_be_focused()
    chat.page.keyboard.type(PM_OR_PO)
    chat.page.keyboard.press("Enter")
    turn = chat.answered()
    number = turn.locator("a.number").first
    expect(number).to_be_visible()
    expect(chat.box).to_be_focused()
    for _ in range(40):
        if number.evaluate("link => link === document.activeElement"):
            break
        chat.page.keyboard.press("Shift+Tab")
    expect(number).to_be_focused()
    expect(number).to_have_css("outline-style", "solid")
    chat.page.keyboard.press("Enter")
    expect(chat.page.locator("dialog.preview mark").first).to_be_visible()


def test_the_newest_question_is_in_view_and_the_box_in_reach(visit):
    chat = visit(height=500)
    for question in (PM_OR_PO, "what are the types of product managers?", "how to bake bread"):
        turn = chat.ask(question)
        expect(turn.locator(".asked")).to_be_in_viewport(ratio=1)
        expect(chat.box).to_be_in_viewport(ratio=1)


def test_a_screen_reader_is_told_of_new_answers_only(visit):
    chat = visit()
    log = chat.page.get_by_role("log", name="Conversation")
    expect(log).to_have_attribute("aria-live", "off")
    chat.ask(PM_OR_PO)
    status = chat.page.locator("p[role=status]")
    expect(status).to_have_text("Answer from Product Manager vs. Product Owner")
    chat.page.evaluate("document.querySelector('#talk .exchange').dataset.same = 'yes'")
    chat.ask("how to bake bread")
    expect(status).to_contain_text("The guide does not answer this.")
    # What was there is the same element still: it was not written again.
    expect(chat.exchanges.first).to_have_attribute("data-same", "yes")


def test_a_narrow_window_never_scrolls_sideways(visit):
    chat = visit(width=320, height=640)
    assert chat.overflow() == 0
    for question in (PM_OR_PO, "what should I read?", "how to bake bread", "x" * 500):
        chat.ask(question)
        for width in (360, 320):
            chat.page.set_viewport_size({"width": width, "height": 640})
            assert chat.overflow() == 0
    chat.page.goto(chat.origin + "/guide/introduction.md")
    assert chat.overflow() == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_stands_out_and_nothing_is_complained_of_in_either_scheme(visit, scheme):
    chat = visit(scheme=scheme)
    ask = ".card, #heading h1, #subtitle p, #start h2, #start a"
    assert faint(chat.page, ask) == []
    chat.page.locator(".card").first.hover()
    assert faint(chat.page, ".card") == []
    chat.ask(PM_OR_PO)
    chat.ask("how to bake bread")
    assert chat.complaints == []
    chat.ask("x" * 2001)
    chat.exchanges.first.locator("summary").click()
    parts = ".asked, .understood, .other, .gist, p, a, h3, .number, .kind, .title"
    shown = f"#talk :is({parts}), #new-conversation, .tool"
    assert faint(chat.page, shown) == []
    chat.page.goto(chat.origin + "/guide/introduction.md")
    assert faint(chat.page, ":is(p, a, li, td, h1, h2, h3, header span)") == []


def faint(page, selector: str) -> list[str]:
    """The texts whose contrast stays under 4.5 to 1 (WCAG 2.2, 1.4.3)."""
    return eventually(page, lambda: faint_now(page, selector), [])


def faint_now(page, selector: str) -> list[str]:
    result = page.locator(selector).evaluate_all(
        """elements => elements.map(element => {
            let behind = element;
            const clear = /^(transparent|rgba\\(.*, 0\\))$/;
            while (behind && clear.test(getComputedStyle(behind).backgroundColor)) {
                behind = behind.parentElement;
            }
            const colour = getComputedStyle(element).color;
            const ground = behind ? getComputedStyle(behind).backgroundColor : "rgb(255, 255, 255)";
            return [element.innerText.slice(0, 40), colour, ground];
        })"""
    )
    assert result
    return [f"{text}: {a} on {b}" for text, a, b in result if contrast(a, b) < 4.5]


def contrast(one: str, other: str) -> float:
    """The contrast of two CSS colours as WCAG defines it, 1 to 21."""

    def luminance(colour: str) -> float:
        parts = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
        red, green, blue = (
            part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
        )
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_questions_complete_what_is_typed_and_one_is_chosen_by_the_keyboard(visit):
    chat = visit().ready()
    chat.box.press_sequentially("what is a product m")
    options = chat.page.get_by_role("option")
    expect(options.first).to_have_text(re.compile("^What is a product m", re.IGNORECASE))
    expect(chat.box).to_have_attribute("aria-expanded", "true")
    question = options.first.inner_text()
    chat.page.keyboard.press("ArrowDown")
    expect(options.first).to_have_attribute("aria-selected", "true")
    chat.page.keyboard.press("Enter")
    expect(chat.exchanges).to_have_count(1)
    expect(chat.answered().locator(".asked")).to_have_text(question)
    expect(options).to_have_count(0)


def test_escape_hides_the_questions_and_the_typed_one_is_asked(visit):
    chat = visit().ready()
    chat.box.press_sequentially("roadmap")
    options = chat.page.get_by_role("option")
    expect(options.first).to_be_visible()
    chat.page.keyboard.press("Escape")
    expect(options).to_have_count(0)
    chat.page.keyboard.press("Enter")
    expect(chat.answered().locator(".asked")).to_have_text("roadmap")
