"""Sites of somebody else's: pages served from another origin than ours, some of them hostile."""

from __future__ import annotations

import contextlib
import threading
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer

TEXT = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>A wiki</title>
<style nonce="own">
  body { max-width: 46rem; margin: 3rem auto; padding: 0 1rem; font: 17px/1.6 Georgia, serif; }
  p:last-child { color: rgb(1, 2, 3); }
  body > :last-child { border-left: 3px solid rgb(4, 5, 6); }
  button { background: rgb(200, 0, 0); font-size: 40px; }
  iframe, dialog, svg { display: none; }
</style>
HEAD</head><body><main><h1>Working here</h1>
<p>Who does what is written <a id="link" href="#ask">in the guide</a>. <a href="#rest">More</a>.</p>
<button id="own">A button of the wiki's</button>
<div id="place"></div>
<p id="rest">And so on.</p></main><footer>The foot of the page.</footer>BODY</body></html>"""

# What pages do to what every script relies on, and to every element in them.
RESET = "<style>* { all: unset !important; }</style>"
ARRAYS = """<script>
  for (const name of Object.getOwnPropertyNames(Array.prototype)) {
    if (typeof Array.prototype[name] === "function" && name !== "constructor") {
      Array.prototype[name] = () => { throw new Error(`no ${name} here`); };
    }
  }
  Array.prototype[Symbol.iterator] = () => { throw new Error("nothing to iterate"); };
  Object.prototype.extra = Array.prototype.extra = "something of the page's";
  String.prototype.trim = () => "";
</script>"""
NO_STORE = """<script>
  const refuse = { get() { throw new DOMException("not here", "SecurityError"); } };
  for (const name of ["localStorage", "sessionStorage", "indexedDB"]) {
    Object.defineProperty(window, name, refuse);
  }
  Object.defineProperty(document, "cookie", refuse);
</script>"""


@dataclass(frozen=True, slots=True)
class Page:
    """A page as it is sent."""

    html: str
    headers: dict[str, str] = field(default_factory=dict)


def wiki(script: str = "", head: str = "", **headers: str) -> Page:
    """A page of a wiki with a script at its end, and whatever else in its head."""
    html = TEXT.replace("HEAD", head).replace("BODY", script)
    return Page(html, {name.replace("_", "-"): value for name, value in headers.items()})


def strict(help_: str) -> dict[str, str]:
    """The policy of a careful wiki, with the two entries that are to be added for ours."""
    policy = (
        f"default-src 'none'; script-src {help_}; frame-src {help_}; style-src 'nonce-own'; "
        "base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'"
    )
    return {"Content_Security_Policy": policy}


class Site:
    """A site on a port of its own, under a name that makes it another site than 127.0.0.1."""

    def __init__(self, server: ThreadingHTTPServer, pages: dict[str, Page]) -> None:
        self.origin = f"http://localhost:{server.server_address[1]}"
        self._pages = pages

    def put(self, page: Page, path: str = "/page") -> str:
        """Serve a page, and say where."""
        self._pages[path] = page
        return self.origin + path


class _Handler(BaseHTTPRequestHandler):
    def __init__(self, pages: dict[str, Page], *rest) -> None:
        self.pages = pages
        super().__init__(*rest)

    def do_GET(self) -> None:
        page = self.pages.get(self.path.partition("?")[0])
        self.send_response(200 if page else 204)
        body = page.html.encode() if page else b""
        for name, value in {"Content-Type": "text/html", **(page.headers if page else {})}.items():
            self.send_header(name, value)
        if page:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing."""


class _Files(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Nothing."""


@contextlib.contextmanager
def _served(handler):
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=10)


@contextlib.contextmanager
def site():
    """A site that serves the pages put there."""
    pages: dict[str, Page] = {}
    with _served(partial(_Handler, pages)) as server:
        yield Site(server, pages)


@contextlib.contextmanager
def folder(path):
    """Where the files of a folder are served."""
    with _served(partial(_Files, directory=str(path))) as server:
        yield f"http://localhost:{server.server_address[1]}"
