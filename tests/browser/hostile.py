"""What an attacker can bring, and a browser that tells of everything it sets off.

A watched page tells of each script that was parsed to be run, whoever wrote it and whatever it
does: the browser's own debugger says so. It also tells of scripts that only the page's policy
stopped, of event handlers, of addresses that would run something, and of requests to other hosts.
Nothing reaches another host: every name but this machine's is one that cannot be found.
"""

from __future__ import annotations

import contextlib
import html
import json
import re
import threading
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from assistant.server.security.policies import PAGE_CONTENT_POLICY
from tests.browser.driving import CHROMIUM, FLAGS, PATIENCE, sync_api
from tests.conftest import SHARED

PAYLOADS = SHARED / "security" / "xss.jsonl"
OWN = ("/chat/", "/assets/", "/static/")
"""Where a server's own scripts are."""

MARKS = re.compile(r"<\W{0,3}[a-z]+|\bon[a-z]+\s*=|[a-z]+script:|data:|src=\S{0,5}//|srcdoc|style")

# Told by the console, which a page's policy does not stop; the key is one no payload has.
KEY = "told-by-the-page:"
INIT = f"""(() => {{
  const tell = console.debug.bind(console, {KEY!r});
  for (const name of ["alert", "confirm", "prompt", "print"]) {{
    window[name] = (said) => tell("dialog", `${{name}}(${{said}})`);
  }}
  document.addEventListener("securitypolicyviolation", (event) => tell(
    "attempt", `${{event.violatedDirective}} ${{event.blockedURI}} ${{event.sample}}`));
}})()"""

LOOK = """() => {
  const found = [];
  const running = /^(javascript|vbscript|data|blob):/;
  const named = /^(href|xlink:href|src|action|formaction|data|poster|background|to|from|values)$/;
  const loading = "iframe, frame, object, embed, applet, meta[http-equiv], form";
  const own = ".opinion, [role=search][action$='/'], [role=search][action$='/pages']";
  function told(kind, element, more) {
    found.push([kind, `<${element.localName} ${more}>`.slice(0, 200)]);
  }
  function look(root) {
    for (const element of root.querySelectorAll("*")) {
      // A form's fields may be called what its own properties are.
      for (const name of Element.prototype.getAttributeNames.call(element)) {
        const value = Element.prototype.getAttribute.call(element, name);
        let address = "";
        try { address = new URL(value, document.baseURI).href; } catch {}
        if (/^on/i.test(name)) {
          told("handler", element, `${name}="${value}"`);
        } else if (/srcdoc/i.test(name)) {
          told("address", element, `${name}="${value}"`);
        } else if (named.test(name.toLowerCase()) && running.test(address)) {
          const icon = element.matches("link[rel=icon]") && value === "data:,";
          if (!icon) { told("address", element, `${name}="${value}"`); }
        }
      }
      const foreign = element.matches("link, base")
        && ![location.origin, "null"].includes(new URL(element.href, location).origin);
      const loads = element.matches(loading) && !element.matches(own);
      if (foreign || loads) { told("element", element, element.href ?? ""); }
      if (element.shadowRoot) { look(element.shadowRoot); }
      if (element.localName === "template") { look(element.content); }
    }
  }
  look(document);
  return found;
}"""

# One after the other and in this tab; what a link leads to is answered with nothing, so that the
# page stays. A link that runs a script runs it all the same.
CLICK = """async ([selector, pause]) => {
  const seen = new Set();
  let clicked = 0;
  for (const element of document.querySelectorAll(selector)) {
    const name = element.getAttribute("href") ?? element.value ?? "";
    if (name && seen.has(element.localName + name)) { continue; }
    // What is no address leads to an empty page and runs nothing.
    if (element.localName === "a" && !URL.canParse(element.href)) { continue; }
    seen.add(element.localName + name);
    element.removeAttribute("target");
    if (element.click) {
      element.click();
    } else {
      element.dispatchEvent(new MouseEvent("click", { bubbles: true, cancelable: true }));
    }
    clicked += 1;
    await new Promise((done) => setTimeout(done, pause));
  }
  await new Promise((done) => setTimeout(done, 4 * pause));
  return clicked;
}"""

# The last exchange of the talk: the question as it is shown, and what became of it.
TURN = """() => {
  const exchange = [...document.querySelectorAll("#talk .exchange")].at(-1);
  return {
    asked: exchange?.querySelector(".asked")?.textContent ?? "",
    quotes: exchange?.querySelectorAll("blockquote, .reading").length ?? 0,
    kept: exchange?.querySelector(".permalink")?.pathname ?? "",
  };
}"""


def payloads() -> list[str]:
    """Read every payload in the order of the file."""
    lines = PAYLOADS.read_text(encoding="utf-8").split("\n")
    return [json.loads(line)["payload"] for line in lines if line]


def spread(all_of_them: Sequence[str], number: int) -> list[str]:
    """Choose one payload of each of `number` kinds, the most frequent kinds first.

    A kind is the set of tags, handlers and schemes in a payload.
    """
    kinds: defaultdict[tuple[str, ...], list[str]] = defaultdict(list)
    for payload in all_of_them:
        kinds[tuple(sorted(set(MARKS.findall(payload.lower())))[:3])].append(payload)
    ordered = sorted(kinds.values(), key=len, reverse=True)
    return [alike[len(alike) // 2] for alike in ordered[:number]]


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that should not be, and what was being shown when it was.

    Its kind is one of these: script, one that ran; attempt, one that only a policy stopped; dialog;
    handler, an `on…` attribute; address, one that would run something; element, one that loads
    something; foreign, a request to another host; error, one of the page's own.
    """

    kind: str
    what: str
    shown: str


@contextlib.contextmanager
def chromium():
    """Start a browser that can reach no host but this machine."""
    nowhere = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS, nowhere])
        yield browser
        browser.close()


class Watch:
    """A tab in which everything that is set off is told; `origin` is where its pages are served.

    What is found is found while `shown` is shown. Another watch may have taught it which scripts
    are harmless.
    """

    def __init__(self, browser, origin: str, taught_by: Watch | None = None) -> None:
        self.origin = origin
        self.shown = ""
        self.result: list[Finding] = []
        self.led: set[str] = set()
        self.clicks = 0
        self._known: set[str] = taught_by._known if taught_by else set()
        self._parsed: list[dict] = []
        self._learning = False
        self._clicking = False
        self.context = browser.new_context(reduced_motion="reduce")
        self.context.set_default_timeout(PATIENCE * 1000)
        self.context.add_init_script(INIT)
        self.context.on("console", self._hear)
        self.context.on("request", self._on_request)
        self.context.on("dialog", self._dialog)
        self.context.on("weberror", lambda error: self._find("error", str(error.error)))
        self.context.route("**/*", self._answer)
        self.page = self.context.new_page()
        self.context.on("page", self._opened)
        self.page.on("websocket", lambda socket: self._foreign(socket.url))
        self._debugger = self.context.new_cdp_session(self.page)
        self._debugger.on("Debugger.scriptParsed", self._parse)
        self._debugger.send("Debugger.enable")

    def close(self) -> None:
        self.context.close()

    def learn(self, url: str = "about:blank") -> None:
        """Visit a page that nothing hostile is on, and take its scripts for harmless.

        What drives the browser runs scripts of its own, which are learnt as well.
        """
        self._learning = True
        self.visit(url)
        self.click("no such element")
        self.turn()
        self.settle(300)
        self.settle(100)  # what it took to look is told a little later
        self._learning = False

    def visit(self, url: str, shown: str = "") -> int:
        """Open an address of the origin's, or any other with a scheme; how it was answered."""
        self.shown, self._clicking = shown, False
        response = self.page.goto(self.origin + url if url[0] == "/" else url)
        return response.status if response else 0

    def turn(self) -> dict:
        """The last exchange of the talk, as EXCHANGE has it."""
        return self.page.evaluate(TURN)

    def settle(self, milliseconds: int = 0) -> None:
        """Wait for what is still to come, and look for what should not be in the page."""
        if milliseconds:
            self.page.wait_for_timeout(milliseconds)
        for kind, what in self.page.evaluate(LOOK):
            self._find(kind, what)
        parsed, self._parsed[:] = list(self._parsed), ()
        for script in parsed:
            if self._learning:
                self._known |= {script["hash"], self._source(script)}
            elif not self._harmless(script):
                self._find("script", f"{script['url']} {self._source(script)}")

    def click(self, selector: str, pause: int = 5) -> None:
        """Click everything there is of a kind; where links led is in `led`."""
        self._clicking = True
        self.clicks += self.page.evaluate(CLICK, [selector, pause])

    def counts(self) -> Counter[str]:
        """How many of what was shown set off something, by its kind."""
        return Counter(kind for kind, _ in {(one.kind, one.shown) for one in self.result})

    def taken(self) -> list[Finding]:
        """What was found since it was last taken, and what is still told a little later."""
        self.settle(50)
        taken, self.result[:] = list(self.result), ()
        return taken

    def _find(self, kind: str, what: str) -> None:
        if not self._learning:
            self.result.append(Finding(kind, what[:300], self.shown))

    def _parse(self, script: dict) -> None:
        self._parsed.append(script)

    def _harmless(self, script: dict) -> bool:
        """Whether it is known, a file of the server's, data, or the browser's own.

        What drives the browser has a world of its own, where no page can put a script.
        """
        if not script["executionContextAuxData"]["isDefault"] or script["hash"] in self._known:
            return True
        if script["url"].startswith((*(self.origin + path for path in OWN), "chrome-error:")):
            return True
        source = self._source(script)
        return source in self._known or _is_data(source)

    def _source(self, script: dict) -> str:
        """A script's text without the origin; empty where it is gone already."""
        params = {"scriptId": script["scriptId"]}
        try:
            source = self._debugger.send("Debugger.getScriptSource", params)["scriptSource"]
        except sync_api.Error:
            return f"gone: {script['hash']}"
        return source.replace(self.origin, "")

    def _hear(self, message) -> None:
        text = message.text
        if text.startswith(KEY):
            kind, _, what = text.removeprefix(KEY).strip().partition(" ")
            self._find(kind, what)
        elif "Content Security Policy" in text:
            self._find("attempt", text)
        elif message.type == "error":
            self._find("error", text)

    def _on_request(self, request) -> None:
        followed = self._clicking and request.is_navigation_request()
        if followed and self._is_whole_page(request):
            self.led.add(request.url)
        else:
            self._foreign(request.url)

    def _is_whole_page(self, request) -> bool:
        try:
            return request.frame.parent_frame is None
        except sync_api.Error:  # that of a window which is not yet open
            return True

    def _opened(self, page) -> None:
        if page != self.page:
            page.close()

    def _foreign(self, url: str) -> None:
        parts = urlsplit(url)
        abroad = f"http://{parts.netloc}" != self.origin
        if abroad and parts.scheme in {"http", "https", "ws", "wss", "ftp"}:
            self._find("foreign", url)

    def _dialog(self, dialog) -> None:
        self._find("dialog", dialog.message)
        dialog.dismiss()

    def _answer(self, route) -> None:
        if self._clicking and route.request.is_navigation_request():
            route.fulfill(status=204)
        else:
            route.continue_()


def _is_data(source: str) -> bool:
    """Whether a script only gives a value, written as JSON with no tag in it, one of two names."""
    value = re.fullmatch(r"window\.gradio_(?:config|api_info) = ([^<]*);", source)
    if not value:
        return False
    try:
        json.loads(value[1])
    except ValueError:
        return False
    return True


@contextlib.contextmanager
def undefended(all_of_them: Sequence[str]) -> Iterator[str]:
    """Where payloads are served as they are, each on a page of its own: `/5`, `/5?policy`.

    With `policy` the page has that of the reader's pages, and nothing else to protect it.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path, _, query = self.path.partition("?")
            known = path[1:].isdecimal() and int(path[1:]) < len(all_of_them)
            self.send_response(200 if known else 404)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            if query == "policy":
                self.send_header(
                    "Content-Security-Policy", PAGE_CONTENT_POLICY.format(frames="'self'")
                )
            self.end_headers()
            if known:
                self.wfile.write(raw(all_of_them[int(path[1:])]).encode(errors="replace"))

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def raw(payload: str) -> str:
    """A page with a payload as the address of a link, and as markup."""
    link = f'<a href="{html.escape(payload)}">link</a>'
    return f"<!doctype html><title>Undefended</title><p>{link}</p>\n{payload}"
