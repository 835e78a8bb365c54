"""A real browser and a real server for tests: both are made once a module."""

from __future__ import annotations

import shutil
import time

import pytest

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

PATIENCE = 60.0
"""Seconds after which a page is held to stay as it is."""

sync_api.expect.set_options(timeout=PATIENCE * 1000)

CHROMIUM = shutil.which("chromium")
if CHROMIUM is None:
    pytest.skip("chromium is not installed", allow_module_level=True)

FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run "
    "--disable-background-networking --disable-component-update --disable-sync"
).split()


def eventually(page, read, wanted):
    """What is read of a page: once it is what is wanted, else when patience is over.

    A page may still be laid out when it is first looked at.
    """
    ends = time.monotonic() + PATIENCE
    while (value := read()) != wanted and time.monotonic() < ends:
        page.wait_for_timeout(20)
    return value


class Visit:
    """A reader's window on the chat, with all that it asked for and complained of."""

    def __init__(
        self,
        browser,
        origin: str,
        width=1200,
        height=860,
        scheme="light",
        language="en-GB",
    ) -> None:
        self.origin = origin
        self.requests: list[str] = []
        self.complaints: list[str] = []
        self.context = browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme=scheme,
            locale=language,
            reduced_motion="reduce",
        )
        self.context.on("request", lambda request: self.requests.append(request.url))
        self.page = self.context.new_page()
        self.page.set_default_timeout(PATIENCE * 1000)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", self._hear)
        self.box = self.page.locator("#question textarea")

    def load(self, path="/"):
        """The chat anew: nothing is asked for, complained of, intercepted or open beside it."""
        for other in self.context.pages[1:]:
            other.close()
        self.page.unroute_all()
        self.context.clear_permissions()
        self.page.goto("about:blank")
        self.requests.clear()
        self.complaints.clear()
        self.page.goto(self.origin + path)
        sync_api.expect(self.box).to_be_visible()
        return self

    def _hear(self, message) -> None:
        if message.type in {"error", "warning"}:
            self.complaints.append(message.text)

    def ready(self):
        """The same, once it can send what is asked."""
        sync_api.expect(self.page.locator("#ask")).to_be_enabled()
        return self

    def ask(self, question: str):
        """Type a question, press Enter, and wait for what comes of it."""
        question_asked = self.exchanges.count()
        self.box.fill(question)
        self.box.press("Enter")
        sync_api.expect(self.exchanges).to_have_count(question_asked + 1)
        return self.answered()

    def answered(self):
        """The last exchange, once it is no longer being looked for."""
        sync_api.expect(self.page.locator(".looking")).to_have_count(0)
        return self.exchanges.last

    @property
    def exchanges(self):
        return self.page.locator("#talk .exchange")

    def overflow(self) -> int:
        """By how many pixels the page is wider than the window, once it is laid out."""
        wider = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        return eventually(self.page, lambda: self.page.evaluate(wider), 0)
