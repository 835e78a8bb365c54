"""Every screen is usable by everyone: axe, the keyboard, zoom, narrow windows, both directions."""

from __future__ import annotations

from functools import partial

import pytest
from driving import eventually, find_violations, sync_api

expect = sync_api.expect
PM_OR_PO = "how is a PM different from a PO?"

# Gradio asks pandas for an option that newer pandas announces to drop.
pytestmark = pytest.mark.filterwarnings("ignore:'future.no_silent_downcasting'")


def start(chat):
    expect(chat.page.locator("#ask")).to_be_enabled()


def answer(chat):
    chat.ask(PM_OR_PO).locator(".pill").first.click()
    expect(chat.page.locator("dialog.preview")).to_be_visible()


def recommended(chat):
    chat.page.keyboard.press("Escape")
    chat.ask("what should I read?")


def refusal(chat):
    chat.ask("how to bake bread")


def failure(chat):
    chat.ask("x" * 2001)


def opinion(chat):
    chat.ask(PM_OR_PO).locator(".rate").last.click()
    expect(chat.page.locator(".opinion input")).to_be_visible()


def stored(chat):
    chat.page.goto(chat.exchanges.last.locator(".permalink").evaluate("link => link.href"))


def reader(chat):
    chat.page.goto(chat.page.locator("a.number").first.evaluate("link => link.href"))


def missing(chat):
    chat.page.goto(chat.origin + "/guide/nothing.md")


def no_answer(chat):
    chat.page.goto(chat.origin + "/a/" + "b" * 16)


SCREENS = (
    start,
    answer,
    recommended,
    refusal,
    failure,
    opinion,
    stored,
    reader,
    missing,
    no_answer,
)
"""The screens in an order in which each can be come to from the one before."""


def walk(chat):
    """Yield the name of each screen while it is shown."""
    for screen in SCREENS:
        screen(chat)
        yield screen.__name__


def test_axe_has_nothing_against_a_screen_in_either_colour_scheme(visit):
    chat = visit()
    for screen in walk(chat):
        # The headings of a page of the guide are its author's.
        but = {"heading-order"} if screen == "reader" else ()
        for scheme in ("light", "dark"):
            chat.page.emulate_media(color_scheme=scheme)
            read = partial(find_violations, chat.page, but)
            assert eventually(chat.page, read, []) == [], (screen, scheme)


def test_axe_does_find_what_is_wrong(visit):
    chat = visit()
    chat.page.evaluate(
        "document.querySelector('#ask').insertAdjacentHTML('afterend', '<img src=x>')"
    )
    assert any("image-alt" in violation for violation in find_violations(chat.page))


OUTSIDE = """() => [...document.querySelectorAll("main :is(a, button, p, h1, h2)")]
    .filter(e => e.checkVisibility() && (r => r.left < -1 || r.right > innerWidth + 1)
        (e.getBoundingClientRect()))
    .map(e => e.outerHTML.slice(0, 120))"""


@pytest.mark.parametrize("language", ["en", "ar", "de"])
def test_a_screen_fits_the_smallest_window_and_twice_its_size_in_every_direction(visit, language):
    # At 200 % a window of 1,200 by 860 has half as many pixels to lay a page out in.
    chat = visit(width=600, height=430, language=language)
    for screen in walk(chat):
        assert chat.overflow() == 0, screen
        chat.page.set_viewport_size({"width": 320, "height": 640})
        assert chat.overflow() == 0, screen
        assert eventually(chat.page, lambda: chat.page.evaluate(OUTSIDE), []) == [], screen
        chat.page.set_viewport_size({"width": 600, "height": 430})


def test_the_first_of_all_links_leads_to_the_question(visit):
    chat = visit()
    chat.page.goto("about:blank")
    chat.page.goto(chat.origin)
    expect(chat.page.locator("#ask")).to_be_enabled()
    first = "document.querySelector('a, button, input, textarea, summary, [tabindex]')"
    assert chat.page.evaluate(f"{first}.className") == "skip"
    chat.page.evaluate(f"{first}.focus()")
    skip = chat.page.get_by_role("link", name="Skip to the question")
    expect(skip).to_be_focused()
    expect(skip).to_be_visible()
    chat.page.keyboard.press("Enter")
    expect(chat.box).to_be_focused()


def test_everything_that_can_be_used_can_be_reached_by_the_keyboard_and_shows_it(visit):
    chat = visit()
    chat.ask(PM_OR_PO)
    usable = chat.page.evaluate(
        """() => [...document.querySelectorAll("a, button, textarea, summary, input")]
            .filter(e => e.checkVisibility() && !e.disabled).length"""
    )
    chat.page.evaluate("document.activeElement.blur(); scrollTo(0, 0)")
    reached = {}
    for _ in range(usable + 5):
        chat.page.keyboard.press("Tab")
        name, outline = chat.page.evaluate(
            """() => {
                const e = document.activeElement, s = getComputedStyle(e);
                const all = [...document.querySelectorAll("*")];
                return [all.indexOf(e), s.outlineStyle + s.outlineWidth + s.boxShadow];
            }"""
        )
        reached[name] = outline
    body = chat.page.evaluate("[...document.querySelectorAll('*')].indexOf(document.body)")
    reached.pop(body, None)
    assert len(reached) >= usable
    assert [outline for outline in reached.values() if outline.startswith("none0pxnone")] == []
