"""The widget in pages that get in its way, and in front of readers who come by keyboard."""

from __future__ import annotations

import hosts
import pytest
from driving import sync_api
from visiting import script

from assistant.server.reload import LiveAssistant
from assistant.settings import Settings
from tests.served import serving

expect = sync_api.expect
PM_OR_PO = "how is a PM different from a PO?"

# Gradio asks pandas for an option that newer pandas announces to drop.
pytestmark = pytest.mark.filterwarnings("ignore:'future.no_silent_downcasting'")

HOSTILE = {
    "reset": hosts.RESET,
    "arrays": hosts.ARRAYS,
    "no store": hosts.NO_STORE,
    "strict": "",
    "all": hosts.RESET + hosts.NO_STORE + hosts.ARRAYS,
}
STYLES = """() => {
  const found = [];
  const all = document.querySelectorAll("*");
  for (let at = 0; at < all.length; at += 1) {
    if (all[at].localName === "guide-assistant" || all[at].localName === "script") { continue; }
    for (const pseudo of [null, "::before", "::after"]) {
      const style = getComputedStyle(all[at], pseudo);
      let line = all[at].localName + (pseudo || "");
      for (let n = 0; n < style.length; n += 1) {
        line += `\\n${style[n]}: ${style.getPropertyValue(style[n])}`;
      }
      found[found.length] = line;
    }
  }
  return found;
}"""


def page_of(hostile: str, help_: str, **data: str):
    headers = hosts.strict(help_) if hostile == "strict" else {}
    return hosts.wiki(script(help_, **data), HOSTILE[hostile], **headers)


def end(locator) -> tuple[float, float]:
    """The corner of an element that is farthest from the page's start."""
    box = locator.bounding_box()
    return box["x"] + box["width"], box["y"] + box["height"]


def count_marks(frame) -> None:
    """Count the messages "mark" that a frame is sent from now on."""
    counting = "addEventListener('message', (event) => { marks += event.data === 'mark'; })"
    frame.evaluate(f"window.marks = 0; {counting}")


def expect_marks(reader, frame, count: int) -> None:
    """Wait until a frame has had so many, each the last message of its sender."""
    assert reader.eventually(lambda: frame.evaluate("marks"), count) == count


# -- hostile pages --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("hostile", "mode"),
    [*((hostile, "button") for hostile in HOSTILE), ("all", "inline"), ("all", "search")],
)
def test_in_a_hostile_page_the_guide_is_usable_and_nothing_is_complained_of(
    guest, wiki, help_, hostile, mode
):
    target = {"target": "place"} if mode == "inline" else {}
    reader = guest(wiki.put(page_of(hostile, help_, mode=mode, **target)))
    if mode != "inline":
        corner = (1200 - 20, 860 - 20)
        assert reader.eventually(lambda: end(reader.button), corner) == corner
        reader.open()
    if mode == "search":
        reader.box.fill("product owner")
        expect(reader.frame.locator("#hits li").first).to_be_visible()
    expect(reader.ask(PM_OR_PO).locator("blockquote").first).to_be_visible()
    assert reader.complaints == []


def test_without_the_two_lines_a_strict_page_lets_nothing_in(guest, wiki, help_):
    for line in ("script-src", "frame-src"):
        policy = hosts.strict(help_)
        stored = {name: value.replace(f"{line} {help_}; ", "") for name, value in policy.items()}
        reader = guest(wiki.put(hosts.wiki(script(help_), **stored)))
        if line == "frame-src":
            reader.button.click()
            expect(reader.panel).to_contain_text("cannot be reached")
        else:
            reader.page.wait_for_load_state("networkidle")
            expect(reader.page.locator("guide-assistant")).to_have_count(0)


@pytest.mark.parametrize("hostile", ["plain", "strict", "all"])
def test_no_style_and_no_element_of_the_page_is_changed(guest, wiki, help_, hostile):
    head = HOSTILE.get(hostile, "")
    headers = hosts.strict(help_) if hostile == "strict" else {}
    without = guest(wiki.put(hosts.wiki("<script></script>", head, **headers), "/without"))
    reader = guest(wiki.put(hosts.wiki(script(help_), head, **headers), "/with"))
    before = without.apart(f"({STYLES})()")
    assert len(before) > 30
    reader.page.mouse.move(0, 0)
    expect(reader.button).to_be_visible()
    assert reader.apart(f"({STYLES})()") == before
    reader.open()
    assert reader.apart(f"({STYLES})()") == before, "nor while it is open"
    expect(reader.page.locator("html > *")).to_have_count(3)
    assert reader.apart("document.querySelector('guide-assistant').attributes.length") == 0


def test_a_style_that_is_changed_would_be_seen(guest, wiki):
    without = guest(wiki.put(hosts.wiki(), "/without"))
    changed = "<script>document.body.append(document.createElement('div'))</script>"
    reader = guest(wiki.put(hosts.wiki(changed), "/with"))
    assert reader.apart(f"({STYLES})()") != without.apart(f"({STYLES})()")


def test_no_global_name_is_left_and_the_page_cannot_look_inside(guest, wiki, help_):
    names = "Object.getOwnPropertyNames(window).filter(name => !/^\\d+$/.test(name)).sort()"
    without = guest(wiki.put(hosts.wiki(), "/without"), opened=False)
    reader = guest(wiki.put(hosts.wiki(script(help_)), "/with"), opened=False)
    home = reader.page.locator("guide-assistant")
    expect(home).to_have_count(1)
    assert reader.page.evaluate(names) == without.page.evaluate(names)
    assert home.evaluate("element => element.shadowRoot") is None
    with reader.page.expect_event("framenavigated", lambda frame: "/embed" in frame.url):
        reader.page.mouse.click(1200 - 60, 860 - 44)  # where the button is
    expect(reader.inside().locator("#box")).to_be_focused()


def test_nothing_is_kept_in_the_browser(guest_of):
    reader = guest_of().open()
    reader.ask(PM_OR_PO)
    assert reader.context.cookies() == []
    stored = "Object.keys(localStorage).length + Object.keys(sessionStorage).length"
    assert reader.page.evaluate(stored) == 0


# -- messages -------------------------------------------------------------------------------

SHAPES = """[null, 0, "close", [], ["close"], {}, {guide: "CLOSE"}, {guide: ["close"]},
  {guide: "resize"}, {guide: "resize", height: -1}, {guide: "resize", height: 1e9},
  {guide: "resize", height: NaN}, {guide: "resize", height: "9e9"}, {close: true}]"""


def test_a_spoofed_message_to_the_page_changes_nothing(guest, wiki, help_):
    other = f'<iframe id="other" title="x" src="{help_}/embed"></iframe>'
    own = '<iframe id="own" title="x" srcdoc="<p>x"></iframe>'
    page = hosts.wiki(own + other + script(help_))
    reader = guest(wiki.put(page)).open()
    # Right in shape, wrong in where they come from: the page, a frame of its own, and one of ours
    # that is not the one that was opened.
    close = "{guide: 'close'}"
    count_marks(reader.page)
    reader.page.evaluate(f"postMessage({close}, '*')")
    reader.page.evaluate(
        f"dispatchEvent(new MessageEvent('message', {{data: {close}, origin: '{help_}'}}))"
    )
    reader.page.evaluate(
        f"dispatchEvent(new MessageEvent('message', {{data: {close}, origin: '{help_}', "
        "source: document.getElementById('other').contentWindow}))"
    )
    opened = reader.inside_panel()
    strangers = [frame for frame in reader.page.frames[1:] if frame != opened]
    assert len(strangers) == 2
    for frame in strangers:
        frame.evaluate(f"parent.postMessage({close}, '*')")
        frame.evaluate("parent.postMessage({guide: 'resize', height: 9}, '*')")
    # From where they should come, wrong in shape.
    opened.evaluate(f"for (const said of {SHAPES}) parent.postMessage(said, '*')")
    for frame in (*strangers, opened):
        frame.evaluate("parent.postMessage('mark', '*')")
    expect_marks(reader, reader.page, 3)
    expect(reader.panel).to_be_visible()
    assert reader.iframe.get_attribute("style") is None
    opened.evaluate(f"parent.postMessage({close}, '*')")
    expect(reader.panel).to_be_hidden()
    assert reader.complaints == []


def test_a_spoofed_message_to_the_frame_changes_nothing(guest, wiki, help_):
    own = '<iframe id="own" title="x" srcdoc="<p>x"></iframe>'
    reader = guest(wiki.put(hosts.wiki(own + script(help_)))).open()
    opened = reader.inside_panel()
    # No script of the page's gets at it, but for a root that this test has opened.
    assert reader.page.evaluate("frames.length") == 1
    there = "document.querySelector('guide-assistant').shadowRoot.querySelector('iframe')"
    report = "{guide: 'open', context: 'SPOOFED', focus: true}"
    (stranger,) = [frame for frame in reader.page.frames[1:] if frame != opened]
    count_marks(opened)
    stranger.evaluate(f"parent.{there}.contentWindow.postMessage({report}, '*')")
    opened.evaluate(f"postMessage({report}, '*')")
    opened.evaluate(
        f"dispatchEvent(new MessageEvent('message', {{data: {report}, source: parent, "
        "origin: 'https://evil.example'}))"
    )
    wrong = (
        "null", "'open'", "{guide: 'open'}", "{guide: 'open', context: 'SPOOFED'}",
        "{guide: 'open', context: ['SPOOFED'], focus: true}",
        "{guide: 'open', context: 'SPOOFED', focus: 1}", "{guide: 'ask', question: 'SPOOFED'}",
        "{guide: 'OPEN', context: 'SPOOFED', focus: true}",
    )  # fmt: skip
    for message in wrong:
        reader.page.evaluate(f"{there}.contentWindow.postMessage({message}, '*')")
    reader.page.evaluate(f"{there}.contentWindow.postMessage('mark', '*')")
    stranger.evaluate(f"parent.{there}.contentWindow.postMessage('mark', '*')")
    expect_marks(reader, opened, 2)
    reader.ask(PM_OR_PO)
    assert reader.sent("/embed/ask")[0]["context"] == ""
    right = report.replace("SPOOFED", "x.md")
    reader.page.evaluate(f"{there}.contentWindow.postMessage({right}, '*')")
    reader.page.evaluate(f"{there}.contentWindow.postMessage('mark', '*')")
    expect_marks(reader, opened, 3)
    reader.ask(PM_OR_PO)
    assert reader.sent("/embed/ask")[1]["context"] == "x.md"
    assert reader.complaints == []


def test_a_frame_that_is_told_of_another_host_says_nothing_to_the_one_it_has(guest, wiki, help_):
    page = (
        "<!doctype html><script>heard = []; addEventListener('message', (e) => heard.push(e.data))"
        f'</script><iframe title="x" src="{help_}/embed#host=https://evil.example"></iframe>'
    )
    reader = guest(wiki.put(hosts.Page(page)))
    reader.page.frame_locator("iframe").locator("#box").press("Escape")  # which asks to be closed
    reader.inside().evaluate("parent.postMessage('mark', '*')")
    assert reader.eventually(lambda: reader.page.evaluate("heard"), ["mark"]) == ["mark"]


def test_a_site_that_is_not_listed_is_refused_by_the_browser(guest, wiki, corpus_assistant):
    elsewhere = Settings(journal="off", frames=("https://other.example",))
    with serving(LiveAssistant(corpus_assistant), elsewhere) as help_:
        reader = guest(wiki.put(hosts.wiki(script(help_))))
        reader.button.click()
        expect(reader.panel).to_contain_text("cannot be reached")
        assert any("frame-ancestors" in text for text in reader.complaints)
        assert not any("/api/" in request.url for request in reader.requests)


# -- everyone -------------------------------------------------------------------------------


def test_the_keyboard_alone_opens_asks_reads_and_closes(guest_of):
    reader = guest_of()
    expect(reader.button).to_be_visible()
    press, focused = reader.page.keyboard.press, "document.activeElement.localName"
    for _ in range(10):
        press("Tab")
        if reader.page.evaluate(focused) == "guide-assistant":
            break
    expect(reader.button).to_be_focused()
    expect(reader.button).to_have_css("outline-style", "solid")
    press("Enter")
    expect(reader.box).to_be_focused()
    expect(reader.button).to_have_attribute("aria-expanded", "true")
    reader.page.keyboard.type(PM_OR_PO)
    press("Enter")
    expect(reader.frame.locator(".actions")).to_be_visible()
    # However often it moves, the focus never comes to anything of the page below.
    for way in ["Tab"] * 30 + ["Shift+Tab"] * 30:
        press(way)
        assert reader.page.evaluate(focused) in {"guide-assistant", "body"}
    press("Escape")
    expect(reader.panel).to_be_hidden()
    expect(reader.button).to_be_focused()
    expect(reader.button).to_have_attribute("aria-expanded", "false")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_has_nothing_against_the_widget_in_any_state(guest, wiki, help_, scheme):
    plain = "<style>button, a { all: revert !important }</style>"  # its own colours are its own
    page = hosts.wiki(script(help_), plain)
    reader = guest(wiki.put(page), color_scheme=scheme)
    expect(reader.button).to_be_visible()
    assert reader.weaknesses() == []
    reader.open()
    assert reader.weaknesses() == []
    reader.ask(PM_OR_PO).get_by_role("button", name="No", exact=True).click()
    expect(reader.frame.locator(".opinion input")).to_be_visible()
    assert reader.weaknesses() == []
    reader.ask("how to bake bread")
    reader.ask("x" * 2001)
    assert reader.weaknesses() == []
    searching = guest(
        wiki.put(hosts.wiki(script(help_, mode="search"), plain)), color_scheme=scheme
    )
    searching.open().box.fill("product owner")
    expect(searching.frame.locator("#hits li").first).to_be_visible()
    assert searching.weaknesses() == []


def test_axe_does_find_what_is_wrong_in_the_widget(guest_of):
    reader = guest_of().open()
    reader.inside().evaluate("box.removeAttribute('aria-label'); box.placeholder = ''")
    reader.panel.locator(".close").evaluate("one => one.removeAttribute('aria-label')")
    text = " ".join(reader.weaknesses())
    assert "label" in text
    assert "button-name" in text


@pytest.mark.parametrize("language", ["en", "de", "ar"])
def test_on_the_smallest_screen_it_fills_the_window_and_never_scrolls_sideways(guest_of, language):
    reader = guest_of(window={"width": 320, "height": 640, "locale": language}).open()
    window = {"x": 0, "y": 0, "width": 320, "height": 640}
    assert reader.eventually(reader.panel.bounding_box, window) == window
    for question in (PM_OR_PO, "what should I read?", "how to bake bread", "x" * 2001):
        reader.ask(question)
        for element in ("document.documentElement", "view"):
            wider = f"{element}.scrollWidth - {element}.clientWidth"
            assert reader.eventually(lambda js=wider: reader.inside().evaluate(js), 0) == 0


def test_in_a_language_written_from_right_to_left_it_is_on_the_left(guest_of):
    reader = guest_of(window={"locale": "ar"})
    assert reader.eventually(lambda: reader.button.bounding_box()["x"], 20) == 20
    reader.open()
    assert reader.eventually(lambda: reader.panel.bounding_box()["x"], 20) == 20
    expect(reader.frame.locator("html")).to_have_attribute("dir", "rtl")


def test_who_wants_no_movement_sees_none(guest_of):
    still, moving = guest_of(), guest_of(window={"reduced_motion": "no-preference"})
    for reader, name in ((still, "none"), (moving, "rise")):
        reader.button.click()
        expect(reader.panel).to_have_css("animation-name", name)
