"""A real browser and a real server for tests: both are made once a module."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import axe_playwright_python
import pytest

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

PATIENCE = 60.0
"""Seconds after which a page counts as unchanged."""

sync_api.expect.set_options(timeout=PATIENCE * 1000)

CHROMIUM = shutil.which("chromium")
if CHROMIUM is None:
    pytest.skip("chromium is not installed", allow_module_level=True)

FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run "
    "--disable-background-networking --disable-component-update --disable-sync"
).split()


AXE = Path(axe_playwright_python.__file__).parent / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def find_violations(frame, but=()) -> list[str]:
    """List the violations that axe finds in a page or a frame, without the minor ones."""
    if not frame.evaluate("'axe' in window"):
        frame.evaluate(AXE.read_text(encoding="utf-8"))
    result = frame.evaluate("rules => axe.run(document, {runOnly: rules})", RULES)
    assert len(result["passes"]) > 5
    return [
        f"{one['impact']} {one['id']}: {node['html'][:160]}"
        for one in result["violations"]
        if one["impact"] in {"moderate", "serious", "critical"} and one["id"] not in but
        for node in one["nodes"]
    ]


def eventually(page, read, wanted):
    """Read a value of a page until it is `wanted` or `PATIENCE` is over, and return it.

    The layout of a page may not be finished at the first look.
    """
    ends = time.monotonic() + PATIENCE
    while (value := read()) != wanted and time.monotonic() < ends:
        page.wait_for_timeout(20)
    return value


class Visit:
    """A reader's window on the chat, with its requests and its console messages."""

    def __init__(self, browser, origin: str) -> None:
        self.origin = origin
        self.requests: list[str] = []
        self.complaints: list[str] = []
        # A language of the context's would go before that of `load` in some requests.
        self.context = browser.new_context(
            viewport={"width": 1200, "height": 860}, reduced_motion="reduce"
        )
        self.context.set_default_timeout(PATIENCE * 1000)
        self.context.on("request", lambda request: self.requests.append(request.url))
        self.page = self.context.new_page()
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", self._hear)
        self._session = self.context.new_cdp_session(self.page)
        self._agent = self.page.evaluate("navigator.userAgent")
        self.box = self.page.locator("#question textarea")

    def load(self, path="/", *, width=1200, height=860, scheme="light", language="en-GB"):
        """Load the chat again without earlier requests, messages, routes or other pages.

        The window's size, colours and language are set before: a window of its own for each of
        them would fetch and compile all scripts anew, which takes 2 s of processor time.
        """
        for other in self.context.pages[1:]:
            other.close()
        self.page.unroute_all()
        self.context.clear_permissions()
        if self.page.url.startswith(self.origin):
            self.page.evaluate("sessionStorage.clear()")  # a tab keeps its conversation
        self.page.goto("about:blank")
        self.page.set_viewport_size({"width": width, "height": height})
        self.page.emulate_media(color_scheme=scheme)
        speaking = {"userAgent": self._agent, "acceptLanguage": language}
        self._session.send("Emulation.setUserAgentOverride", speaking)
        self.requests.clear()
        self.complaints.clear()
        self.page.goto(self.origin + path)
        sync_api.expect(self.box).to_be_visible()
        return self

    def _hear(self, message) -> None:
        if message.type in {"error", "warning"}:
            self.complaints.append(message.text)

    def ready(self):
        """Wait until the chat can send a question."""
        sync_api.expect(self.page.locator("#ask")).to_be_enabled()
        return self

    def ask(self, question: str):
        """Type a question, press Enter, and wait for the answer."""
        count = self.exchanges.count()
        self.box.fill(question)
        self.box.press("Enter")
        sync_api.expect(self.exchanges).to_have_count(count + 1)
        return self.answered()

    def answered(self):
        """Wait for the answer and return the last exchange."""
        sync_api.expect(self.page.locator(".looking")).to_have_count(0)
        return self.exchanges.last

    @property
    def exchanges(self):
        return self.page.locator("#talk .exchange")

    def overflow(self) -> int:
        """Return by how many pixels the page is wider than the window."""
        wider = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        return eventually(self.page, lambda: self.page.evaluate(wider), 0)
