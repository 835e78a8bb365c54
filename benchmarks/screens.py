"""Take the screenshots in docs/: every screen of the chat and of the widget, in Chromium.

ASSISTANT_FRAMES=http://localhost:7862 python -m assistant serve --port 7861 &
python benchmarks/screens.py http://127.0.0.1:7861/
"""

from __future__ import annotations

import argparse
import contextlib
import shutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, Page, expect, sync_playwright

DOCS = Path(__file__).parent.parent / "docs"
FLAGS = "--headless --no-sandbox --disable-gpu --hide-scrollbars --force-device-scale-factor=1"
QUESTION = "how is a PM different from a PO?"
REFUSED = "which exam must a product owner pass?"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("url")
    parser.add_argument("--out", type=Path, default=DOCS)
    arguments = parser.parse_args()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=FLAGS.split()
        )
        for name, draw in SCREENS.items():
            draw(browser, arguments.url).screenshot(path=arguments.out / f"{name}.png")
            print(arguments.out / f"{name}.png")
        for name, draw in EVERY_SCREEN.items():
            for kind, look in LOOKS.items():
                file = arguments.out / "screens" / f"{name}-{kind}.png"
                draw(browser, arguments.url, look).screenshot(path=file)
                print(file)
        browser.close()


@dataclass(frozen=True, slots=True)
class Look:
    """The window of a screenshot: its size, colour scheme and language."""

    width: int = 1200
    height: int = 860
    scheme: Literal["light", "dark"] = "light"
    language: str = "en"


def window(browser: Browser, url: str, look: Look) -> Page:
    context = browser.new_context(
        viewport={"width": look.width, "height": look.height},
        color_scheme=look.scheme,
        locale=look.language,
        reduced_motion="reduce",
    )
    page = context.new_page()
    page.goto(url)
    return page


PLAIN = Look()


def chat(browser: Browser, url: str, *questions: str, look: Look = PLAIN) -> Page:
    page = window(browser, url, look)
    expect(page.locator("#ask")).to_be_enabled(timeout=20_000)
    for number, question in enumerate(questions, 1):
        page.locator("#question textarea").fill(question)
        page.locator("#question textarea").press("Enter")
        expect(page.locator("#talk .exchange")).to_have_count(number)
    page.wait_for_timeout(300)
    return page


def opened(browser: Browser, url: str, link: str, look: Look = PLAIN) -> Page:
    """Open the page that a link of the answer leads to."""
    page = chat(browser, url, QUESTION, look=look)
    page.goto(page.locator(link).first.evaluate("link => link.href"))
    page.wait_for_timeout(300)
    return page


def with_source(browser: Browser, url: str) -> Page:
    return source(browser, url, Look())


def source(browser: Browser, url: str, look: Look) -> Page:
    page = chat(browser, url, QUESTION, look=look)
    page.locator("#talk .pill").first.click()
    page.wait_for_timeout(300)
    return page


def typing(browser: Browser, url: str, look: Look) -> Page:
    page = chat(browser, url, look=look)
    page.locator("#question textarea").press_sequentially("how do i")
    expect(page.locator("#completions li").first).to_be_visible()
    page.keyboard.press("ArrowDown")
    return page


def comment(browser: Browser, url: str, look: Look) -> Page:
    page = chat(browser, url, QUESTION, look=look)
    page.locator("#talk .rate-no").click()
    expect(page.locator("#talk .opinion input")).to_be_visible()
    return page


def plain(browser: Browser, url: str, look: Look, path: str) -> Page:
    page = window(browser, url + path, look)
    page.wait_for_timeout(300)
    return page


def wiki(browser: Browser, url: str, look: Look = PLAIN, **data: str) -> Page:
    """Open a page of a wiki that has the widget in it; `data` are the script's attributes."""
    attributes = "".join(f' data-{name}="{value}"' for name, value in data.items())
    script = f'<script src="{url}widget.js"{attributes} async></script>'
    context = browser.new_context(
        viewport={"width": look.width, "height": look.height},
        color_scheme=look.scheme,
        locale=look.language,
        reduced_motion="reduce",
    )
    page = context.new_page()
    page.add_init_script(OPEN_SHADOW)
    with serve_wiki(WIKI_PAGE.replace("SCRIPT", script)):
        page.goto(WIKI)
    return page


@contextlib.contextmanager
def serve_wiki(html: str) -> Iterator[None]:
    """Serve one page on a host of its own, as a wiki is."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(html.encode())

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    with ThreadingHTTPServer(("127.0.0.1", WIKI_PORT), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield
        server.shutdown()


def widget(browser: Browser, url: str, question: str, look: Look = PLAIN, **data: str) -> Page:
    """Press the widget's button, and ask; in search mode only type."""
    page = wiki(browser, url, look, **data)
    page.locator("guide-assistant button.open").click()
    frame = page.frame_locator("guide-assistant iframe")
    frame.locator("#box").fill(question)
    if data.get("mode") == "search":
        expect(frame.locator("#hits li").first).to_be_visible()
    else:
        frame.locator("#box").press("Enter")
        expect(frame.locator("#talk .exchange blockquote").first).to_be_visible()
    page.wait_for_timeout(800)
    return page


def box_in_page(browser: Browser, url: str) -> Page:
    page = wiki(browser, url, Look(width=760, height=760), mode="inline", target="guide")
    expect(page.frame_locator("guide-assistant iframe").locator("#box")).to_be_visible()
    page.wait_for_timeout(800)
    return page


WIKI_PORT = 7862
WIKI = f"http://localhost:{WIKI_PORT}/plans"
OPEN_SHADOW = """
const attach = Element.prototype.attachShadow;
Element.prototype.attachShadow = function (how) {
  return attach.call(this, { ...how, mode: "open" });
};
"""
WIKI_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Team wiki</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
  body { margin: 0; font: 17px/1.65 "DejaVu Serif", serif; color: #222; background: #fff; }
  header { background: #20303c; color: #fff; padding: 12px 40px; font: bold 15px "DejaVu Sans"; }
  main { max-width: 620px; padding: 24px 40px; }
  @media (prefers-color-scheme: dark) { body { background: #15191c; color: #ddd; } }
  @media (max-width: 500px) { main, header { padding-left: 20px; padding-right: 20px; } }
</style>
<header>Team wiki</header>
<main><h1>How we plan a quarter</h1>
<p>Each quarter starts from what the one before has taught us. A team writes its open questions on
one page, before anyone mentions a date.</p>
<div id="guide"></div>
<p>The lead keeps that page current. If it is unclear who decides, ask the guide.</p>
<p>In the first week we read all the pages together; in the second we answer the comments.</p>
</main>
SCRIPT</html>"""
PHONE, WINDOW = Look(width=360, height=740), Look(height=800)
SCREENS = {
    "chat-start": chat,
    "chat-light": lambda b, u: chat(b, u, QUESTION),
    "chat-dark": lambda b, u: chat(b, u, QUESTION, look=Look(scheme="dark")),
    "chat-phone": lambda b, u: chat(b, u, QUESTION, look=PHONE),
    "chat-phone-dark": lambda b, u: chat(
        b, u, "recommend a book", look=replace(PHONE, scheme="dark")
    ),
    "chat-refusal": lambda b, u: chat(b, u, REFUSED, look=Look(height=620)),
    "chat-sources": with_source,
    "chat-arabic": lambda b, u: chat(b, u, QUESTION, look=Look(language="ar")),
    "reader": lambda b, u: opened(b, u, "#talk .number"),
    "reader-dark": lambda b, u: opened(b, u, "#talk .number", look=Look(scheme="dark")),
    "reader-phone": lambda b, u: opened(b, u, "#talk .number", PHONE),
    "answer": lambda b, u: opened(b, u, "#talk .permalink"),
    "widget": lambda b, u: widget(b, u, QUESTION, WINDOW),
    "widget-dark": lambda b, u: widget(b, u, QUESTION, replace(WINDOW, scheme="dark")),
    "widget-arabic": lambda b, u: widget(b, u, QUESTION, replace(WINDOW, language="ar")),
    "widget-phone": lambda b, u: widget(b, u, QUESTION, PHONE),
    "widget-search": lambda b, u: widget(b, u, "product owner", WINDOW, mode="search"),
    "widget-inline": box_in_page,
}

LOOKS = {"light": PLAIN, "dark": Look(scheme="dark"), "phone": Look(375, 740)}
EVERY_SCREEN = {
    "start": lambda b, u, look: chat(b, u, look=look),
    "typing": typing,
    "answer": lambda b, u, look: chat(b, u, QUESTION, look=look),
    "source": source,
    "table": lambda b, u, look: chat(b, u, "compare RICE and MoSCoW", look=look),
    "reading": lambda b, u, look: chat(b, u, "recommend a book", look=look),
    "conversation": lambda b, u, look: chat(
        b, u, "what is a product owner?", "and a project manager?", "what is RICE?", look=look
    ),
    "comment": comment,
    "refusal": lambda b, u, look: chat(b, u, REFUSED, look=look),
    "stored": lambda b, u, look: opened(b, u, "#talk .permalink", look),
    "reader": lambda b, u, look: opened(b, u, "#talk .number", look),
    "pages": lambda b, u, look: plain(b, u, look, "pages"),
    "search": lambda b, u, look: plain(b, u, look, "pages?q=roadmap"),
    "missing": lambda b, u, look: plain(b, u, look, "guide/roadmap.md"),
}

if __name__ == "__main__":
    main()
