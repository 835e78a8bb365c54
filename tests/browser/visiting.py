"""A reader of somebody else's page that has the guide in it, in a real browser."""

from __future__ import annotations

import json

from driving import PATIENCE, eventually, find_violations, sync_api

expect = sync_api.expect

# The widget's shadow root is closed to the page, and would be to the test: it is opened before
# anything of the page runs, and one test looks at it as it is.
OPENED = """
const attach = Element.prototype.attachShadow;
Element.prototype.attachShadow = function (how) {
  return attach.call(this, { ...how, mode: "open" });
};
addEventListener("focusin", () => {
  window.focused ??= performance.timeOrigin + performance.now();
}, true);
"""


def script(help_: str, **data: str) -> str:
    """The line that a page's author adds."""
    attributes = "".join(f' data-{name}="{value}"' for name, value in data.items())
    return f'<script src="{help_}/widget.js"{attributes} async></script>'


class Guest:
    """A reader's window on a page, with its requests and its console messages."""

    def __init__(self, context, url, *, opened=True) -> None:
        self.requests: list[sync_api.Request] = []
        self.complaints: list[str] = []
        self.context = context
        self.context.on("request", self._see)
        self.page = self.context.new_page()
        if opened:
            self.page.add_init_script(OPENED)
        self.page.set_default_timeout(PATIENCE * 1000)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", self._hear)
        self.page.goto(url)
        self.button = self.page.locator("guide-assistant button.open")
        self.panel = self.page.locator("guide-assistant dialog")
        self.iframe = self.page.locator("guide-assistant iframe")
        self.frame = self.page.frame_locator("guide-assistant iframe")
        self.box = self.frame.locator("#box")
        self.exchanges = self.frame.locator("#talk .exchange")

    def leave(self) -> None:
        """Close the page and every other that it has opened, but for the context's empty first."""
        self.context.remove_listener("request", self._see)
        for page in self.context.pages[1:]:
            page.unroute_all(behavior="ignoreErrors")
            page.close()

    def _see(self, request) -> None:
        self.requests.append(request)

    def _hear(self, message) -> None:
        if message.type in {"error", "warning"}:
            self.complaints.append(message.text)

    def open(self):
        """Press the button, and wait for the box."""
        self.button.click()
        expect(self.box).to_be_focused()
        return self

    def ask(self, question: str):
        """Type a question, press Enter, and wait for the answer."""
        count = self.exchanges.count()
        self.box.fill(question)
        self.box.press("Enter")
        expect(self.exchanges).to_have_count(count + 1)
        expect(self.frame.locator(".looking")).to_have_count(0)
        expect(self.frame.locator("#send")).to_have_attribute("aria-disabled", "false")
        return self.exchanges.last

    def eventually(self, read, wanted):
        """What is read, as `driving.eventually` does."""
        return eventually(self.page, read, wanted)

    def inside(self):
        """The frame itself, to run something in."""
        return next(frame for frame in self.page.frames if "/embed" in frame.url)

    def inside_panel(self):
        """The frame in the panel, where the page has others of ours."""
        return self.iframe.element_handle().content_frame()

    def apart(self, expression: str):
        """Evaluate an expression in an isolated world, out of reach of the page's scripts."""
        session = self.context.new_cdp_session(self.page)
        tree = session.send("Page.getFrameTree")
        world = session.send(
            "Page.createIsolatedWorld", {"frameId": tree["frameTree"]["frame"]["id"]}
        )
        evaluated = session.send(
            "Runtime.evaluate",
            {
                "expression": expression,
                "contextId": world["executionContextId"],
                "returnByValue": True,
            },
        )
        session.detach()
        return evaluated["result"]["value"]

    def sent(self, path: str) -> list[dict]:
        """Return the bodies of the requests to an address."""
        return [
            json.loads(request.post_data)
            for request in self.requests
            if request.method == "POST" and request.url.partition("?")[0].endswith(path)
        ]

    def weaknesses(self) -> list[str]:
        """List the violations that axe finds in the page and its frame, without the minor ones."""
        return [each for frame in self.page.frames for each in find_violations(frame)]
