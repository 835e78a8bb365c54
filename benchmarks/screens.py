"""Take the screenshots in docs/: every screen of the chat, in Chromium, with the guide in corpus/.

python -m assistant serve --port 7861 &
python benchmarks/screens.py http://127.0.0.1:7861/
"""

from __future__ import annotations

import argparse
import shutil
from dataclasses import dataclass, replace
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
    with page.context.expect_page() as new:
        page.locator(link).first.click()
    new.value.wait_for_load_state()
    new.value.wait_for_timeout(300)
    return new.value


def with_source(browser: Browser, url: str) -> Page:
    page = chat(browser, url, QUESTION, look=Look(height=1240))
    page.locator("#talk summary").first.click()
    page.locator("#talk .rate").nth(1).click()
    expect(page.locator("#talk .opinion")).to_be_visible()
    return page


PHONE = Look(width=360, height=740)
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
}

if __name__ == "__main__":
    main()
