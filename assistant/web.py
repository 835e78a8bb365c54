"""The web chat and the guide's reader: a question typed in a browser, an Assistant asked.

Knows HTML and how a talk looks, FastAPI, and Gradio (loaded only when a chat is to be served).
Must not know how an answer is found. Whatever comes from a reader or from the guide is escaped
here, before it meets any markup, and no page asks another host for anything.
"""

from __future__ import annotations

import html
import logging
import os
import posixpath
import re
import socket
import sys
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote, urlsplit

from fastapi import FastAPI
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.datastructures import MutableHeaders
from starlette.staticfiles import StaticFiles

from assistant import guide, links, site
from assistant.dialect import WIKI
from assistant.errors import AssistantError, QuestionError, SettingsError
from assistant.further import NEXT_QUESTIONS
from assistant.model import PageLinks, Turn
from assistant.retrieval import LONGEST_TALK
from assistant.text import normalise

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from assistant.ask import Assistant
    from assistant.live import Live
    from assistant.model import Answer, Citation, Page, Resource, Section
    from assistant.settings import Settings
    from assistant.store import FaissStore

STYLE = '<link rel="stylesheet" href="/chat/chat.css">'
SUBTITLE = "Answers are quoted word for word from the guide, with their source. No language model."
WEB = ("http://", "https://")
LONGEST_SHOWN = 50  # questions of one talk
FRAGMENT_WORDS = 8  # at each end of a quote, named in a link for the browser to find and show it

# Gradio writes scripts and styles into its page; all else a page asks for must be our own.
_CHAT_POLICY = (
    "default-src 'self' 'unsafe-inline'; img-src 'self' data:; object-src 'none'; "
    "base-uri 'self'; frame-ancestors 'self'"
)
_READER_POLICY = "default-src 'none'; style-src 'self'; img-src data:; frame-ancestors 'self'"
_LOOKING = '<p class="looking">Looking…</p>'
_QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
_ITEM = re.compile(r"^( *)(?:- |(\d+\. ))")
_LINE_ENDS = re.compile(r"\s*[\r\n\v\f\x1c-\x1e\x85\u2028\u2029]\s*")
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Talk:
    """One reader's talk: what was said, what of it is shown, and what may be asked next."""

    turns: tuple[Turn, ...] = ()
    shown: tuple[str, ...] = ()
    next_questions: tuple[str, ...] = ()

    def with_exchange(
        self, markup: str, turns: Sequence[Turn] = (), next_questions: tuple[str, ...] = ()
    ) -> Talk:
        """The talk with one more question, what came of it, and what may be asked next."""
        said, shown = (*self.turns, *turns), (*self.shown, markup)
        return Talk(said[-LONGEST_TALK:], shown[-LONGEST_SHOWN:], next_questions)

    @property
    def markup(self) -> str:
        """The whole talk, a paragraph an exchange; only those that changed are drawn again."""
        # Something always follows an exchange, or it would change when the next one does.
        return "\n\n".join((*self.shown, "<div></div>"))


def serve(live: Live, settings: Settings) -> None:
    """Serve the chat until it is stopped. Raises SettingsError where it cannot listen."""
    import uvicorn

    with _listening(settings.host, settings.port) as listener:
        app = application(live, settings)
        host, port = listener.getsockname()[:2]
        place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        print(f"The chat is at http://{place}/ (Ctrl-C stops it).", file=sys.stderr)  # noqa: T201
        config = uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1)
        server = uvicorn.Server(config)
        # That stopping cuts off the tabs still open is no error to be told of.
        logging.getLogger("uvicorn.error").addFilter(lambda _: not server.should_exit)
        server.run(sockets=[listener])


def _listening(host: str, port: int) -> socket.socket:
    """A socket that listens, so that a busy port is known before anything heavy is loaded."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family)
    except OSError as error:
        reason = str(error.strerror or error).partition(" (while")[0]  # the address is named
        raise SettingsError(
            f"The chat cannot listen on {host}, port {port}: {reason}.",
            "Stop what listens there, or choose another: --port, --host.",
        ) from error


def application(live: Live, settings: Settings) -> FastAPI:
    """The chat at /, the guide's pages under /guide/, and a sign of life at /healthz."""
    store = live.assistant.index.store
    first = store.page(store.pages()[0])
    title = settings.title or (first.title if first else "The guide")
    app = FastAPI(title=title, docs_url=None, redoc_url=None, openapi_url=None)
    app.add_middleware(_headed)

    @app.get("/healthz")
    def healthz() -> dict[str, str]:
        generation = {"generation": live.assistant.index.generation}
        if live.trouble:
            return {"status": "stale", **generation, "trouble": live.trouble}
        return {"status": "ok", **generation}

    @app.get("/guide/{path:path}")
    def page(path: str) -> Response:
        headers = {"Content-Security-Policy": _READER_POLICY}
        store = live.assistant.index.store
        found = store.page(path)
        if found is None:
            meant = _meant(path, store)
            if meant:  # linked as it is published, without its suffix, or by its name alone
                return RedirectResponse(f"/guide/{quote(meant)}", status_code=307)
            return HTMLResponse(missing(title), status_code=404, headers=headers)
        return HTMLResponse(reader(found, store.sections(path), title), headers=headers)

    app.mount("/chat", StaticFiles(directory=Path(__file__).parent / "static"))
    _mount_chat(app, live, title)
    return app


def _headed(app: ASGIApp) -> ASGIApp:
    """The same app, telling the browser with every response to ask no other host for anything."""

    async def headed(scope: Scope, receive: Receive, send: Send) -> None:
        async def marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.setdefault("Content-Security-Policy", _CHAT_POLICY)
                headers.setdefault("X-Content-Type-Options", "nosniff")
                headers.setdefault("Referrer-Policy", "no-referrer")
            await send(message)

        await app(scope, receive, marked)

    return headed


def _mount_chat(app: FastAPI, live: Live, title: str) -> None:
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    # Else Gradio loads pandas to sum up its own run times after every question.
    os.environ.setdefault("GRADIO_ANALYTICS_CACHE_FREQUENCY", str(sys.maxsize))
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    import gradio as gr

    heading = f"<div><h1>{_text(title)}</h1><p>{SUBTITLE}</p></div>"
    with gr.Blocks(title=title, analytics_enabled=False) as blocks:
        talk = gr.State(Talk())
        with gr.Row(elem_id="top"):
            gr.Markdown(heading, elem_id="heading", latex_delimiters=[])
            fresh = gr.Button("New conversation", elem_id="fresh", size="sm", visible=False)
        # Markdown rather than HTML, whose templates need eval and are not cleaned of scripts.
        # A paragraph that is all markup passes through it as it is.
        notice = gr.Markdown("", elem_id="trouble", latex_delimiters=[], visible=False)
        view = gr.Markdown("", elem_id="talk", latex_delimiters=[])
        with gr.Row(elem_id="next", visible=False) as following:
            offers = [
                gr.Button("", elem_classes="chip", size="sm", visible=False)
                for _ in range(NEXT_QUESTIONS)
            ]
        with gr.Row(elem_id="composer"):
            box = gr.Textbox(
                elem_id="question",
                label="Your question",
                placeholder="Ask a question",
                show_label=False,
                container=False,
                max_lines=6,
                autofocus=True,
                html_attributes=gr.InputHTMLAttributes(autocomplete="off", enterkeyhint="send"),
            )
            # Not before the page can send anything, which it shows by sending for the notice.
            send = gr.Button("Ask", variant="primary", elem_id="ask", interactive=False)
        with gr.Row(elem_id="examples") as examples:
            questions = live.assistant.examples(4)
            chips = [gr.Button(text, elem_classes="chip", size="sm") for text in questions]

        def trouble() -> Any:
            return gr.update(value=behind(live.trouble), visible=bool(live.trouble))

        def ask(question: object, talk: Talk) -> Iterator[tuple[Any, ...]]:
            said = str(question or "")
            begun = gr.update(visible=False), gr.update(visible=True), trouble(), *offered(())
            yield "", talk.with_exchange(exchange(said, _LOOKING)).markup, talk, *begun
            after, asked = answered(live.assistant, said, talk)
            # What could not be asked goes back into the box, to be mended there.
            begun = *begun[:3], *offered(after.next_questions)
            yield gr.skip() if asked else said, after.markup, after, *begun

        def offered(questions: Sequence[str]) -> list[Any]:
            padded = [*questions, *[""] * NEXT_QUESTIONS][:NEXT_QUESTIONS]
            chips = [gr.update(value=text, visible=bool(text)) for text in padded]
            return [gr.update(visible=bool(questions)), *chips]

        def begin_again() -> tuple[Any, ...]:
            shut = gr.update(visible=bool(questions)), gr.update(visible=False)
            return "", "", Talk(), *shut, trouble(), *offered(())

        def ready() -> tuple[Any, Any]:
            return trouble(), gr.update(interactive=True)

        blocks.load(ready, None, [notice, send], **_QUIET)
        shown = [box, view, talk, examples, fresh, notice, following, *offers]
        asking = [chip.click(ask, [chip, talk], shown, **_QUIET) for chip in [*chips, *offers]]
        asking += [gr.on([box.submit, send.click], ask, [box, talk], shown, **_QUIET)]
        fresh.click(begin_again, None, shown, cancels=asking, **_QUIET)

    blocks.queue(max_size=64, default_concurrency_limit=4, api_open=False)
    gr.mount_gradio_app(
        app,
        blocks,
        path="/",
        show_error=False,
        run_history=False,
        ssr_mode=False,
        mcp_server=False,
        enable_monitoring=False,
        footer_links=[],
        max_file_size=1,
        app_kwargs={"openapi_url": None},
        theme=gr.themes.Base(font="sans-serif", font_mono="monospace"),
        head=STYLE + '<script src="/chat/chat.js"></script>',
    )


def answered(assistant: Assistant, question: str, talk: Talk) -> tuple[Talk, bool]:
    """The talk after a question, and whether it could be asked at all."""
    try:
        answer = assistant.ask(question, talk.turns)
        body = reply(answer, assistant.index.store)
    except AssistantError as error:
        notice = failure(error.what, error.mend)
        return talk.with_exchange(exchange(question, notice)), not isinstance(error, QuestionError)
    except Exception:  # noqa: BLE001 - the outermost line of this door
        name = uuid.uuid4().hex[:8]
        _log.exception("Question %s failed", name)
        notice = failure(f"Something went wrong (id {name}).", "Try again; if it lasts, report it.")
        return talk.with_exchange(exchange(question, notice)), True
    sources = tuple(citation.passage for citation in answer.citations)
    turns = (Turn("user", question), Turn("agent", answer.text, sources))
    return talk.with_exchange(exchange(question, body), turns, answer.next_questions), True


# From here on: markup. Each function returns a single line, with all text in it escaped.


def exchange(question: str, body: str) -> str:
    """One question and what came of it."""
    asked = normalise(question[:1000])
    shown = _text(asked if len(asked) <= 300 else asked[:300] + " …")
    heading = f'<h2 class="asked">{shown}</h2>' if shown else ""
    return f'<section class="exchange">{heading}{body}</section>'


def failure(what: str, mend: str) -> str:
    """What went wrong and what mends it."""
    return f'<div class="notice failure"><p>{_text(what)}</p><p>{_text(mend)}</p></div>'


def behind(trouble: str) -> str:
    """Why the answers come from an older state of the guide than they should."""
    said = "The answers are from an earlier state of the guide."
    return f'<div class="notice failure"><p>{said}</p><p>{_text(trouble)}</p></div>'


def reply(answer: Answer, store: FaissStore) -> str:
    """An answer: quotes with their sources and what the guide recommends, or an honest no."""
    if not answer.found:
        return (
            '<div class="notice refusal"><p class="verdict">The guide does not answer this.</p>'
            f"<p>Looked for: <q>{_text(answer.understood_as)}</q></p>{_others(answer)}"
            f"{_gap(answer)}{_related('The nearest sections', answer)}"
            "<p>If it should be there, try the words the guide itself would use.</p></div>"
        )
    understood = ""
    if normalise(answer.question).casefold() != answer.understood_as.casefold():
        understood = f'<p class="understood">Understood as: {_text(answer.understood_as)}</p>'
    understood += _others(answer)
    quotes = "".join(_quotes(answer.citations)) + _gap(answer)
    cards = "".join(_card(resource, store) for resource in answer.resources)
    recommended = f'<h3>The guide recommends</h3><ul class="cards">{cards}</ul>' if cards else ""
    related = _related("Related sections", answer)
    if all(_lists(citation, answer.resources) for citation in answer.citations):
        # The cards say all that the quotes say, and link it: they come first, their proof below.
        proof = f"<details><summary>As the guide lists them</summary>{quotes}</details>"
        return f"{understood}{recommended}{proof}{related}"
    return f"{understood}{quotes}{recommended}{related}"


def _gap(answer: Answer) -> str:
    return f'<p class="gap">{_text(answer.gap)}</p>' if answer.gap else ""


def _others(answer: Answer) -> str:
    """The other readings of a question, offered."""
    offered = " ".join(f"<q>{_text(reading)}</q>" for reading in answer.other_readings)
    return f'<p class="others">Did you mean: {offered}</p>' if offered else ""


def _lists(citation: Citation, resources: Sequence[Resource]) -> bool:
    """Whether a quote is the line in which the guide lists one of the resources."""
    line = citation.quote.replace(" | ", " ")
    place = (citation.path, citation.anchor)
    return any((r.path, r.anchor) == place and r.title in line for r in resources)


def _quotes(citations: Sequence[Citation]) -> Iterator[str]:
    """The quotes in order, with one source under those that follow each other in a section."""
    waiting = ""
    for citation, after in zip(citations, (*citations[1:], None), strict=True):
        number = f'<span class="number" title="Quote {citation.n}">[{citation.n}]</span>'
        waiting += f"<blockquote>{_lines(citation)}{number}</blockquote>"
        if after and (after.path, after.anchor) == (citation.path, citation.anchor):
            continue
        source = _link(quote_url(citation), _text(" › ".join(citation.headings)))
        yield f"<figure>{waiting}<figcaption>{source}</figcaption></figure>"
        waiting = ""


def _lines(citation: Citation) -> str:
    """A quote's own lines: its heading, items and paragraphs, each to be seen as such."""
    pieces = []
    for line in filter(str.strip, citation.quote.splitlines()):
        item = _ITEM.match(line)
        if item:
            marker = f'<span class="marker">{item[2] or "•"}</span> '
            depth = min(3, len(item[1]) // 2)
            pieces.append(f'<p class="item item-{depth}">{marker}{_text(line[item.end() :])}</p>')
        elif not pieces and line == citation.headings[-1]:
            pieces.append(f'<p class="quoted-heading">{_text(line)}</p>')
        else:
            pieces.append(f"<p>{_text(line)}</p>")
    return "".join(pieces)


def _card(resource: Resource, store: FaissStore) -> str:
    minutes = f" · {resource.minutes} min read" if resource.minutes else ""
    title = f'<span class="title">{_text(resource.title)}</span>'
    kind = f'<span class="kind">{resource.kind.capitalize()}{minutes}</span>'
    icon = f'<span class="icon icon-{resource.kind}"></span>'
    return f"<li>{_link(resource_url(resource, store), f'{icon}<span>{title}{kind}</span>')}</li>"


def _related(heading: str, answer: Answer) -> str:
    items = "".join(
        f"<li>{_link(section_url(r.path, r.anchor, r.url), _text(' › '.join(r.headings)))}</li>"
        for r in answer.related
    )
    return f'<h3>{heading}</h3><ul class="sections">{items}</ul>' if items else ""


def _link(url: str, inside: str) -> str:
    # In a new tab, because leaving the page would end the talk.
    return f'<a href="{_text(url)}" target="_blank" rel="noopener noreferrer">{inside}</a>'


def _text(words: str) -> str:
    """Words as markup on one line; a blank line would end the paragraph they stand in."""
    return html.escape(_LINE_ENDS.sub(" ", words))


def section_url(path: str, anchor: str, url: str) -> str:
    """Where a section is read: on the published site where there is one, else in our reader."""
    return url if url.startswith(WEB) else f"/guide/{quote(path)}#{quote(anchor)}"


def quote_url(citation: Citation) -> str:
    """Where a quote is read: its section, and in our reader the quoted words themselves.

    The text fragment (https://wicg.github.io/scroll-to-text-fragment/) names its first and last
    words, less what is not in the page's own text: list markers and cell borders.
    """
    url = section_url(citation.path, citation.anchor, citation.url)
    lines = [line for line in citation.quote.splitlines() if line != citation.headings[-1]]
    cells = [cell.split() for line in lines for cell in _ITEM.sub("", line).split(" | ")]
    worded = [words for words in cells if words]
    if url.startswith(WEB) or not worded:
        return url
    ends = [worded[0][:FRAGMENT_WORDS], worded[-1][-FRAGMENT_WORDS:]]
    named = [quote(" ".join(words), safe="").replace("-", "%2D") for words in ends]
    long = sum(map(len, worded)) > 2 * FRAGMENT_WORDS
    return f"{url}:~:text={','.join(named if long else named[:1])}"


def resource_url(resource: Resource, store: FaissStore) -> str:
    """Where a resource is read; one that is no web link is a page of the guide."""
    if resource.url.startswith(WEB):
        return resource.url
    link = urlsplit(resource.url)
    path = posixpath.join(posixpath.dirname(resource.path), unquote(link.path))
    page = store.page(posixpath.normpath(path))
    if page is None:
        return section_url(resource.path, resource.anchor, "")
    return section_url(page.path, unquote(link.fragment), page.url)


def reader(page: Page, sections: Sequence[Section], title: str) -> str:
    """A page of the guide as HTML, with links to its sections."""
    anchors = [(section.lines[0], section.anchor) for section in sections if section.anchor]
    body = guide.rendered(page, anchors, resolve=_address)
    heading = "" if "<h1" in body else f"<h1>{_text(page.title)}</h1>"
    linked = [section for section in sections if section.anchor]
    top = min((len(section.headings) for section in linked), default=0)
    contents = "".join(
        f'<li class="item-{min(3, len(section.headings) - top)}">'
        f'<a href="#{quote(section.anchor)}">{_text(section.headings[-1])}</a></li>'
        for section in linked
    )
    nav = f'<nav aria-label="On this page"><p>On this page</p><ul>{contents}</ul></nav>'
    article = f"<article>{heading}{body}</article>"
    return _document(page.title, title, nav + article if len(linked) > 1 else article)


def _address(address: str) -> str:
    """Where a link of a page leads in the reader: a wiki link to the page of that name."""
    if not address.startswith(WIKI):
        return address
    path, heading = links.split(address)
    anchor = f"#{quote(site.slug(heading.rpartition('#')[2]))}" if heading else ""
    return (f"/guide/{quote(path)}" if path else "") + anchor


def _meant(path: str, store: FaissStore) -> str | None:
    """The page that an address without a suffix means, or a name, or None."""
    if {".", ".."} & set(path.split("/")):
        return None
    places = links.Places(PageLinks(known, "", (), ()) for known in store.pages())
    return places.page("", f"/{path}") or places.page("", f"{WIKI}{path}")


def missing(title: str) -> str:
    """What is said of a page that is not in the guide."""
    text = "<h1>This page is not in the guide</h1><p>It may have been moved or renamed.</p>"
    return _document("Not found", title, f"<article>{text}</article>")


def _document(name: str, title: str, main: str) -> str:
    named = name if name == title else f"{name} – {title}"
    return (
        '<!doctype html><html lang="en" class="reader"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<title>{_text(named)}</title>{STYLE}<link rel="icon" href="data:,"></head><body>'
        f'<header><a href="/">← Ask the guide</a><span>{_text(title)}</span></header>'
        f"<main>{main}</main></body></html>"
    )
