"""Pages of the guide in a real browser: the quote, all pages, the contents, search and errors."""

from __future__ import annotations

import asyncio
import re
import threading
from urllib.parse import urlsplit

import pytest
import uvicorn
from driving import PATIENCE, eventually, find_violations, sync_api

from assistant.assistant import Assistant
from assistant.index import builder
from assistant.index import index as indexes
from assistant.server.app import Server
from assistant.server.lifecycle import listen
from assistant.server.reload import LiveAssistant
from assistant.settings import Settings

expect = sync_api.expect
PM_OR_PO = "how is a PM different from a PO?"
BLANK = "about:blank"
INTRODUCTION = "/guide/introduction.md"

# Gradio asks pandas for an option that newer pandas announces to drop.
pytestmark = pytest.mark.filterwarnings("ignore:'future.no_silent_downcasting'")


@pytest.fixture
def read(contexts, origin):
    """Open an address of the server in a window of some kind."""
    opened = []

    def one(path, **kind):
        page = contexts(**kind).new_page()
        page.set_default_timeout(PATIENCE * 1000)
        page.complaints = []
        page.on("pageerror", lambda error: page.complaints.append(str(error)))
        page.on(
            "console",
            lambda message: (
                message.type in {"error", "warning"} and page.complaints.append(message.text)
            ),
        )
        page.goto(path if "//" in path or path == BLANK else origin + path)
        opened.append(page)
        return page

    yield one
    for page in opened:
        page.close()


@pytest.fixture(scope="module")
def quote(contexts, origin) -> str:
    """The address of a quote, as an answer links to it."""
    request = contexts().request
    answer = request.post(f"{origin}/api/ask", data={"question": PM_OR_PO}).json()
    return answer["citations"][0]["href"]


@pytest.fixture(scope="module")
def stored(contexts, origin) -> str:
    request = contexts().request
    return "/a/" + request.post(f"{origin}/api/ask", data={"question": PM_OR_PO}).json()["id"]


def phone(**kind):
    return {"width": 375, "height": 740, "has_touch": True, **kind}


# -- the quote ------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [{}, phone()])
def test_a_quote_is_in_view_has_the_focus_and_says_what_it_is(read, quote, kind):
    page = read(quote, **kind)
    mark = page.locator("mark").first
    expect(mark).to_be_in_viewport()
    expect(mark).to_be_focused()
    expect(page.get_by_text("Quoted in your answer")).to_be_in_viewport()
    assert eventually(page, lambda: mark.bounding_box()["y"] > 56, True)
    assert page.complaints == []


def test_back_leads_to_the_page_before_where_that_is_ours_and_else_to_the_chat(
    read, quote, stored, origin
):
    page = read(stored)
    page.goto(quote)
    page.get_by_role("link", name="Back to the answer").click()
    page.wait_for_url(origin + stored)
    fresh = read(quote)
    fresh.get_by_role("link", name="Back to the answer").click()
    fresh.wait_for_url(origin + "/")


def test_the_bar_stays_while_the_page_scrolls_and_asks_from_anywhere(read, origin):
    page = read(INTRODUCTION)
    page.evaluate("scrollTo({top: 3000, behavior: 'instant'})")
    expect(page.locator(".top-title b")).to_have_text("Introduction to Product Management")
    expect(page.locator(".top-title b")).to_be_in_viewport()
    box = page.locator("header").get_by_role("textbox", name="Ask the guide")
    box.fill("what is a roadmap?")
    box.press("Enter")
    page.wait_for_url(re.compile(r"/\?q="))
    assert urlsplit(page.url).netloc == urlsplit(origin).netloc


# -- all pages ------------------------------------------------------------------------------------


def test_the_pages_beside_a_page_are_filtered_by_name(read):
    page = read(INTRODUCTION)
    listed = page.locator("#pages li")
    expect(listed).to_have_count(20)
    expect(page.locator("#pages [aria-current=page]")).to_have_text(
        "Introduction to Product Management"
    )
    box = page.get_by_role("searchbox", name="Find a page")
    box.fill("STRAT")
    expect(listed.locator("visible=true")).to_have_text(["Product Strategy"])
    box.fill("zzzz")
    note = page.locator("#pages .no-page")
    expect(note).to_contain_text("No page has this name.")
    expect(note.get_by_role("link")).to_have_attribute("href", re.compile(r"/pages\?q=zzzz$"))
    box.fill("")
    expect(listed.locator("visible=true")).to_have_count(20)
    expect(note).to_have_count(0)


def test_enter_in_the_filter_searches_the_text(read):
    page = read(INTRODUCTION)
    box = page.get_by_role("searchbox", name="Find a page")
    box.fill("backlog")
    box.press("Enter")
    page.wait_for_url(re.compile(r"/pages\?q=backlog$"))
    expect(page.locator(".hits mark").first).to_have_text(re.compile("backlog", re.I))
    page.locator(".hits a").first.click()
    page.wait_for_url(re.compile("/guide/"))


def test_on_a_phone_the_pages_are_a_drawer_that_keeps_the_focus_and_closes_with_escape(read):
    page = read(INTRODUCTION, **phone())
    opener = page.get_by_role("link", name="All pages")
    opener.click()
    drawer = page.get_by_role("dialog", name="All pages")
    expect(drawer).to_be_visible()
    assert page.evaluate("document.getElementById('drawer').matches(':modal')")
    for _ in range(30):
        page.keyboard.press("Tab")
        assert page.evaluate(
            "document.activeElement === document.body"
            " || document.getElementById('drawer').contains(document.activeElement)"
        )
    page.keyboard.press("Escape")
    expect(drawer).to_be_hidden()
    expect(opener).to_be_focused()
    opener.click()
    drawer.get_by_role("searchbox").fill("vision")
    drawer.get_by_role("link", name="Product Vision").click()
    page.wait_for_url(re.compile("/guide/vision.md$"))


def test_the_drawer_closes_by_a_tap_beside_it_and_in_a_wide_window(read):
    page = read(INTRODUCTION, **phone())
    opener = page.get_by_role("link", name="All pages")
    drawer = page.locator("#drawer")
    opener.click()
    expect(drawer).to_be_visible()
    page.mouse.click(360, 400)
    expect(drawer).to_be_hidden()
    opener.click()
    page.set_viewport_size({"width": 1200, "height": 800})
    expect(drawer).to_be_hidden()
    expect(page.locator("#pages li").first).to_be_visible()
    page.set_viewport_size({"width": 375, "height": 740})


def test_of_a_large_guide_the_server_finds_pages_by_name(read, tmp_path_factory, word_encoder):
    from tests.served import serving

    corpus, index = tmp_path_factory.mktemp("large"), tmp_path_factory.mktemp("index")
    for number in range(300):
        (corpus / f"part-{number % 3}").mkdir(exist_ok=True)
        (corpus / f"part-{number % 3}" / f"{number}.md").write_text(f"# Vessel {number}\n\nClay.\n")
    builder.build_index(corpus, index, word_encoder)
    live = LiveAssistant(Assistant(indexes.open_index(index), word_encoder))
    with serving(live, Settings(corpus=corpus, index=index)) as address:
        page = read(f"{address}/guide/part-0/9.md")
        expect(page.locator("#pages li")).to_have_count(100)
        box = page.get_by_role("searchbox", name="Find a page")
        box.fill("vessel 298")
        expect(page.locator("#pages li")).to_have_text(["Vessel 298"])
        box.fill("")
        expect(page.locator("#pages li")).to_have_count(100)
        expect(page.locator("#pages .folder")).to_have_count(2)
        assert page.complaints == []


# -- the page -------------------------------------------------------------------------------------


def test_the_contents_are_beside_a_wide_page_and_folded_in_a_narrow_one(read):
    page = read(INTRODUCTION)
    link = page.locator("#contents").get_by_role("link", name="Product Manager vs. Product Owner")
    expect(link).to_be_visible()
    link.click()
    expect(page.locator("#product-manager-vs-product-owner")).to_be_in_viewport()
    expect(page.locator("#contents [aria-current]")).to_have_count(1)
    narrow = read(INTRODUCTION, **phone())
    expect(narrow.locator("#contents a").first).to_be_hidden()
    narrow.get_by_role("link", name="On this page").click()
    expect(narrow.locator("#contents a").first).to_be_visible()


def test_ask_is_beside_a_heading_on_hover_and_focus_and_always_by_touch(read):
    page = read(INTRODUCTION)
    heading = page.locator("#product-manager-vs-product-owner")
    ask = heading.locator("+ .ask-about")
    page.mouse.move(0, 0)
    opacity = "element => getComputedStyle(element).opacity"
    assert eventually(page, lambda: ask.evaluate(opacity), "0") == "0"
    heading.hover()
    assert eventually(page, lambda: ask.evaluate(opacity), "1") == "1"
    page.mouse.move(0, 0)
    page.keyboard.press("Tab")
    ask.focus()
    assert eventually(page, lambda: ask.evaluate(opacity), "1") == "1"
    expect(ask).to_have_accessible_name("Ask Product Manager vs. Product Owner")
    touched = read(INTRODUCTION, **phone(is_mobile=True))
    always = touched.locator("#product-manager-vs-product-owner + .ask-about")
    assert always.evaluate(opacity) == "1"


def test_a_wide_table_scrolls_within_itself_and_can_be_focused(read):
    page = read("/guide/prioritization.md", **phone())
    wide = page.locator(".scroll[tabindex='0']").first
    expect(wide).to_have_attribute("aria-label", "Table")
    wide.focus()
    page.keyboard.press("ArrowRight")
    assert eventually(page, lambda: wide.evaluate("element => element.scrollLeft > 0"), True)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_without_a_script_everything_is_there_and_works(read, quote, origin):
    page = read(quote, java_script_enabled=False)
    expect(page.locator("mark").first).to_be_in_viewport()
    expect(page.locator("#pages li")).to_have_count(20)
    page.get_by_role("searchbox", name="Find a page").fill("roadmap")
    page.keyboard.press("Enter")
    expect(page.locator(".hits a").first).to_be_visible()
    narrow = read(INTRODUCTION, **phone(java_script_enabled=False))
    narrow.get_by_role("link", name="All pages").click()
    narrow.wait_for_url(origin + "/pages")
    expect(narrow.get_by_role("link", name="Product Vision")).to_be_visible()


def test_a_page_does_not_move_while_it_loads(read, quote):
    page = read(BLANK)
    page.add_init_script(
        "window.shift = 0; new PerformanceObserver(list => { for (const entry of list.getEntries())"
        " window.shift += entry.hadRecentInput ? 0 : entry.value; })"
        ".observe({type: 'layout-shift', buffered: true});"
    )
    for address in (quote, quote.partition("?")[0], f"{quote.partition('/guide')[0]}/pages"):
        page.goto(address)
        page.wait_for_load_state("networkidle")
        assert page.evaluate("shift") < 0.05, address


# -- everyone -------------------------------------------------------------------------------------


WIDER = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
SCREENS = ["quote", INTRODUCTION, "/pages", "/pages?q=product+owner", "/guide/introductions.md",
           "/nothing/here", "/docs"]  # fmt: skip


@pytest.mark.parametrize("path", SCREENS[:-1])
def test_axe_has_nothing_against_a_page_in_either_scheme(read, quote, path):
    for kind in ({"color_scheme": "dark"}, {}, phone()):
        page = read(quote if path == "quote" else path, **kind)
        assert (
            eventually(page, lambda page=page: find_violations(page, {"heading-order"}), []) == []
        )


def test_axe_has_nothing_against_the_drawer(read):
    page = read(INTRODUCTION, **phone())
    page.get_by_role("link", name="All pages").click()
    assert eventually(page, lambda: find_violations(page, {"heading-order"}), []) == []


@pytest.mark.parametrize("language", ["en", "ar", "de"])
def test_a_page_fits_the_smallest_window_and_twice_its_size_in_every_direction(
    read, quote, stored, language
):
    for path in (*SCREENS, stored):
        for width, height in ((320, 640), (600, 430)):
            page = read(
                quote if path == "quote" else path, width=width, height=height, locale=language
            )
            assert eventually(page, lambda page=page: page.evaluate(WIDER), 0) == 0, (path, width)
            page.close()


def test_forced_colours_show_the_quote_and_the_current_page(read, quote):
    page = read(quote, forced_colors="active")
    look = "element => [getComputedStyle(element).backgroundColor, getComputedStyle(element).color]"
    marked, plain = page.locator("mark").first.evaluate(look), page.locator("body").evaluate(look)
    assert marked[0] != plain[0]
    border = page.locator("#pages [aria-current]").evaluate(
        "element => getComputedStyle(element).borderStyle"
    )
    assert border == "solid"


def test_print_shows_the_page_alone(read):
    page = read(INTRODUCTION)
    page.emulate_media(media="print")
    for hidden in ("header.top", "#pages", ".contents", ".ask-about"):
        expect(page.locator(hidden).first).to_be_hidden()
    expect(page.locator("h1")).to_be_visible()


# -- while the guide is prepared ------------------------------------------------------------------


@pytest.fixture
def preparing(tmp_path):
    """Serve a guide that is never ready, and yield the server and its address."""
    server = Server(Settings(index=tmp_path / "index", title="Pots"))
    with listen("127.0.0.1", 0) as listener:
        config = uvicorn.Config(server.app, log_level="critical", proxy_headers=False)
        runner = uvicorn.Server(config)
        thread = threading.Thread(
            target=asyncio.run, args=(runner.serve(sockets=[listener]),), daemon=True
        )
        thread.start()
        yield server, f"http://127.0.0.1:{listener.getsockname()[1]}"
        runner.should_exit = True
        thread.join(timeout=PATIENCE)


def test_the_progress_names_what_is_done_and_the_time_that_is_left(read, preparing):
    server, address = preparing
    server.steps.update(reading=(7, 7), encoding=(100, 1000))
    page = read(address)
    expect(page.locator("[data-step=reading]")).to_have_class("finished")
    expect(page.locator("[data-step=encoding] output")).to_have_text("100 of 1,000")
    expect(page.locator("[data-step=opening]")).to_have_class("waiting")
    expect(page.locator("[data-step=waiting]")).to_be_hidden()
    assert page.locator(".left").inner_text() == "", "its speed is not known yet"
    for done in range(110, 1000, 10):
        server.steps["encoding"] = done, 1000
        page.wait_for_timeout(100)
        if page.locator(".left").inner_text():
            break
    expect(page.locator(".left")).to_have_text(re.compile(r"^About \d+ seconds to go$"))
    assert eventually(page, lambda: find_violations(page, {"heading-order"}), []) == []
    server.steps["encoding"] = 1000, 1000
    expect(page.locator("[data-step=opening]")).to_have_class("active")
    expect(page.locator(".left")).to_have_text("")


# -- the API --------------------------------------------------------------------------------------


def test_the_api_can_be_tried_in_the_browser_without_another_host(read, origin):
    requests = []
    page = read(BLANK)
    page.on("request", lambda request: requests.append(request.url))
    page.goto(origin + "/docs")
    page.locator(".opblock-summary-control", has_text="/api/guide").click()
    page.get_by_role("button", name="Execute").click()
    expect(page.locator(".live-responses-table .response-col_status").last).to_contain_text("200")
    assert page.complaints == []
    assert {urlsplit(url).netloc for url in requests if not url.startswith(("data:", "blob:"))} == {
        urlsplit(origin).netloc
    }
