"""Test an answer in a notebook: nothing hostile in it runs, and it follows the dark colours.

A notebook puts the markup into a page of its own, where no policy stops a script.
"""

from __future__ import annotations

import contextlib
import html
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from assistant.models.answers import Answer, Citation, Hit, Reason, Related, Search
from assistant.models.documents import Passage, Resource
from tests.browser import hostile
from tests.sizes import LONG

pytestmark = pytest.mark.skipif(
    not hostile.PAYLOADS.is_file(), reason=f"there are no payloads at {hostile.PAYLOADS}"
)

TOGETHER = 4
SCHEMES = {"http", "https", "mailto"}


def answer(payload: str) -> Answer:
    """An answer with a payload wherever one has words or an address."""
    path, span = (payload, payload), (0, len(payload))
    return Answer(
        question=payload,
        understood_as=f"{payload}?",
        found=True,
        citations=(
            Citation(1, payload, payload, path, payload, payload, payload, span, (1, 1), ""),
        ),
        confidence=0.5,
        resources=(Resource(payload, payload, "book", 3, payload, path, payload),),
        related=(Related(payload, path, payload, payload),),
        hits=(),
        missing=(payload,),
        next_questions=(payload,),
        writer=payload,
        degraded=(payload,),
        generation=payload,
        seconds=0.0,
        other_readings=(payload,),
    )


def refusal(payload: str) -> Answer:
    """An answer that quotes nothing, with a payload in the sections it offers."""
    return Answer(
        **{
            name: getattr(answer(payload), name)
            for name in Answer.__dataclass_fields__
            if name not in {"found", "citations"}
        },
        found=False,
        citations=(),
    )


def search(payload: str) -> Search:
    passage = Passage(payload, payload, (payload,), payload, payload, payload, ())
    why = Reason(1, 0.5, None, 0.0, (payload,))
    return Search(payload, payload, (Hit(passage, 0, 1, 0.5, why),))


def cell(payload: str) -> str:
    outputs = (answer(payload), refusal(payload), search(payload))
    return "\n".join(output._repr_html_() for output in outputs)


@pytest.fixture(scope="module")
def chosen() -> list[str]:
    payloads = hostile.payloads()
    return payloads if LONG else hostile.spread(payloads, 60)


@pytest.fixture(scope="module")
def browser():
    with hostile.chromium() as opened:
        yield opened


@pytest.fixture(scope="module")
def context(browser):
    """A browser's memory with an empty page: without one, each next page costs a second more."""
    context = browser.new_context()
    context.new_page()
    yield context
    context.close()


@pytest.fixture
def page(context):
    page = context.new_page()
    yield page
    page.close()


@contextlib.contextmanager
def notebook(pages):
    """Where pages are served, `/0` and on, with no policy; `/empty` has nothing in it."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            name = self.path[1:]
            known = name.isdecimal() and int(name) < len(pages)
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            head = '<!doctype html><title>Notebook</title><link rel="icon" href="data:,">'
            body = pages[int(name)] if known else ""
            self.wfile.write((head + body).encode(errors="replace"))

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_nothing_that_is_hostile_in_an_answer_runs_or_is_fetched(browser, chosen):
    groups = [chosen[at : at + TOGETHER] for at in range(0, len(chosen), TOGETHER)]
    pages = ["\n".join(map(cell, group)) for group in groups]
    with notebook(pages) as origin:
        watch = hostile.Watch(browser, origin)
        watch.learn(f"{origin}/empty")
        for number, group in enumerate(groups):
            watch.visit(f"/{number}", repr(group)[:200])
            watch.settle()
            watch.click("a")
        watch.settle(100)
        result = watch.taken()
        led = {url.partition(":")[0] for url in watch.led}
        watch.close()
    assert result == []
    assert led <= SCHEMES


def test_hostile_text_is_shown_as_plain_text(page, chosen):
    for payload in chosen[:40]:
        page.set_content(answer(payload)._repr_html_())
        (shown,) = page.locator("blockquote").all_text_contents()
        assert shown.split() == f"{payload} [1]".split()


def test_payloads_that_are_not_escaped_are_detected(browser, chosen):
    pages = [f"{payload}<a href='{html.escape(payload)}'>a</a>" for payload in chosen[:40]]
    with notebook(pages) as origin:
        watch = hostile.Watch(browser, origin)
        watch.learn(f"{origin}/empty")
        for number in range(len(pages)):
            watch.visit(f"/{number}", str(number))
            watch.settle()
        counts = watch.counts()
        watch.close()
    assert counts["script"] + counts["handler"] >= 9


@pytest.mark.parametrize(
    ("url", "leads"),
    [
        ("https://example.org/?a=1&b=2", True),
        ("HTTP://example.org", True),
        ("mailto:a@example.org", True),
        ("introduction.md#a", False),
        ("/etc/passwd", False),
        ("//example.org", False),
        ("javascript:alert(1)", False),
        (" https://example.org", False),
        ("https://example.org\n", False),
        ("java\nscript:https://example.org", False),
        ("data:text/html,https://example.org", False),
        ("file:///etc/passwd", False),
    ],
)
def test_only_an_address_of_the_web_or_of_mail_is_a_link(page, url, leads):
    passage = Passage("a", "a", ("Heading",), "a", url, "Text.", ())
    result = Search("q", "q", (Hit(passage, 0, 1, 0.5, Reason(1, 0.5, None, 0.0, ())),))
    page.set_content(result._repr_html_())
    links = page.locator("a").evaluate_all("all => all.map(a => [a.href, a.rel])")
    assert bool(links) == leads
    assert all(rel == "noopener noreferrer" for _, rel in links)


# Each element's colours, where they are not those of the cell it stands in.
OTHER = """() => {
  const cell = getComputedStyle(document.body);
  return [...document.body.querySelectorAll("*")].filter(element => {
    const own = getComputedStyle(element);
    return own.color !== cell.color || own.backgroundColor !== "rgba(0, 0, 0, 0)"
      || own.backgroundImage !== "none" || own.opacity !== "1";
  }).map(element => element.outerHTML);
}"""


@pytest.mark.parametrize(("paper", "ink"), [("#fff", "#000"), ("#111", "#ddd")])
def test_an_answer_is_read_in_the_colours_of_the_notebook(page, corpus_assistant, paper, ink):
    questions = (
        "how is a PM different from a PO?",
        "how do I bake bread?",
        "recommend a book",
    )
    outputs = [*map(corpus_assistant.ask, questions), corpus_assistant.search("backlog", 3)]
    page.set_viewport_size({"width": 500, "height": 800})
    requests = []
    page.on("request", lambda request: requests.append(request.url))
    for output in outputs:
        style = f"margin: 0; background: {paper}; color: {ink}"
        page.set_content(f"<body style='{style}'>{output._repr_html_()}</body>")
        assert page.evaluate(OTHER) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= 500
    assert requests == []
