"""The web chat: a question typed in a browser, an Assistant asked, the talk drawn by Gradio.

Knows Gradio and how a talk goes on. Must not know how an answer is found, how it looks, or how
it comes to the browser. It is imported only where a chat is to be served, because Gradio is heavy.
"""

from __future__ import annotations

import html
import logging
import re
import uuid
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr
from fastapi import FastAPI
from gradio.route_utils import DEFAULT_TEMP_DIR

from assistant.conversation import MAX_TURNS
from assistant.errors import AssistantError, QuestionError
from assistant.render import catalogue as catalogue_module
from assistant.render import layout
from assistant.render.html import HtmlRenderer, escape, render_failure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from assistant.models.answers import Turn
    from assistant.render.catalogue import Messages
    from assistant.render.html import Branding
    from assistant.server.service import Service

MAX_SHOWN_TURNS = 50  # questions of one talk
MAX_CONVERSATIONS = (
    1000  # are remembered; with what Gradio keeps beside it, one takes 50 kB and more
)
CONVERSATION_TTL = 12 * 3600  # after its last question a talk is forgotten
SCRIPTS = ("actions", "chat")
QUEUE_POLL_SECONDS = 0.005  # seconds between two looks at whether a question has come
CONCURRENCY = 2  # questions that are answered at the same time

_PRIVATE_EVENT: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
_SCRIPT_TAG = re.compile(r"<script\b")
_SOCIAL_TAGS = re.compile(
    r'(?<!\s)\s*<(?:meta\s+(?:property|name)="(?:og|twitter):|link\s+rel="manifest")[^<>]*>'
)
_HTML_TAG = re.compile(r'<html\s+lang="en"')
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ChatState:
    """One reader's talk: what was said, and what of it is shown."""

    turns: tuple[Turn, ...] = ()
    shown_html: tuple[str, ...] = ()

    def add_turn(self, html: str, turns: Sequence[Turn] = ()) -> ChatState:
        """The talk with one more question, and what came of it."""
        said, shown = (*self.turns, *turns), (*self.shown_html, html)
        return ChatState(said[-MAX_TURNS:], shown[-MAX_SHOWN_TURNS:])

    @property
    def html(self) -> str:
        """The whole talk, a paragraph an exchange; only those that changed are drawn again."""
        # Something always follows an exchange, or it would change when the next one does.
        return "\n\n".join((*self.shown_html, "<div></div>")) if self.shown_html else ""


@dataclass(frozen=True, slots=True)
class Chat:
    """The chat over a guide that may be exchanged for a newer state of it between questions.

    `language` is the one all readers get, empty for each reader's own.
    """

    service: Service
    branding: Branding
    language: str = ""

    def answer(
        self, question: str, state: ChatState, accept_language: str = ""
    ) -> tuple[ChatState, bool]:
        """The talk after a question, and whether it could be asked at all.

        `accepted` are the reader's languages, as in an Accept-Language header.
        """
        say = catalogue_module.choose_messages(accept_language, self.language)
        markup = HtmlRenderer(self.service.assistant.index.store, say, self.branding)
        try:
            given = self.service.ask(question, state.turns, interface="chat", language=say.language)
            body = markup.render_answer(given.answer, given.texts, given.id)
        except AssistantError as error:
            notice = render_failure(error.message, error.hint)
            after = state.add_turn(markup.render_turn(question, notice))
            return after, not isinstance(error, QuestionError)
        except Exception:  # noqa: BLE001 - the outermost line of this door
            name = uuid.uuid4().hex[:8]
            _log.exception("Question %s failed", name)
            notice = render_failure(say("failed", id=name), say("failed_mend"))
            return state.add_turn(markup.render_turn(question, notice)), True
        shown = markup.render_turn(question, self.render_stale_notice(accept_language) + body)
        return state.add_turn(shown, given.turns), True

    def open_section(self, section: str, accept_language: str = "") -> ChatState:
        """A talk that begins at a section, `path#anchor`; an empty one where there is none."""
        place, turns = self.service.section_context(section)
        if place is None:
            return ChatState()
        say = catalogue_module.choose_messages(accept_language, self.language)
        markup = HtmlRenderer(self.service.assistant.index.store, say, self.branding)
        return ChatState(turns, (markup.render_about(place.headings),))

    def render_stale_notice(self, accept_language: str = "") -> str:
        """Why the answers come from an older state of the guide, as markup; mostly nothing."""
        if not self.service.live.stale_reason:
            return ""
        said = catalogue_module.choose_messages(accept_language, self.language)("earlier")
        return render_failure(said, self.service.live.stale_reason)


def create_app(chat: Chat, examples: Sequence[str]) -> tuple[FastAPI, gr.Blocks]:
    """The chat as an application of its own, and the Blocks that know how many wait."""
    say = _translations(chat.language)
    with gr.Blocks(title=chat.branding.title, analytics_enabled=False) as blocks:
        _build_interface(blocks, chat, examples, say)
    blocks.state_session_capacity = MAX_CONVERSATIONS
    # How many may wait is the gate's to say, before anything is read.
    # Nor are those who wait told of every answer to someone else.
    blocks.queue(status_update_rate=10, default_concurrency_limit=CONCURRENCY, api_open=False)
    # It looks for questions every millisecond, which keeps a core a twelfth busy for nothing.
    blocks._queue.sleep_when_free = QUEUE_POLL_SECONDS  # noqa: SLF001 - there is no other way to say so
    root = chat.branding.root
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    gr.mount_gradio_app(
        app,
        blocks,
        path="/",
        root_path=root or None,
        show_error=False,
        run_history=False,
        ssr_mode=False,
        mcp_server=False,
        enable_monitoring=False,
        footer_links=[],
        max_file_size=1,
        i18n=say,
        app_kwargs={"openapi_url": None},
        theme=gr.themes.Base(font="sans-serif", font_mono="monospace"),
    )
    for folder in (Path(DEFAULT_TEMP_DIR) / "vibe_edit_history", Path(DEFAULT_TEMP_DIR)):
        with suppress(OSError):  # another program has put something there
            folder.rmdir()  # Gradio makes them for files, and a chat here has none
    return app, blocks


def count_waiting(blocks: gr.Blocks) -> int:
    """How many questions wait for their turn."""
    return len(blocks._queue)  # noqa: SLF001 - there is no other way to ask


def is_busy(blocks: gr.Blocks) -> bool:
    """Whether a question waits or is being answered."""
    queue = blocks._queue  # noqa: SLF001 - as above
    return bool(len(queue) or queue.get_active_worker_count())


def has_undelivered(blocks: gr.Blocks) -> bool:
    """Whether an answer is not yet sent; it never will be to a tab that was closed meanwhile."""
    return any(blocks._queue.pending_event_ids_session.values())  # noqa: SLF001 - as above


def has_messages(blocks: gr.Blocks, session: str) -> bool:
    """Whether there is anything for a tab to listen for."""
    return session in blocks._queue.pending_messages_per_session  # noqa: SLF001 - as above


def event_inputs(blocks: gr.Blocks) -> dict[int, int]:
    """The events by their numbers, and how many inputs each takes; those that do anything."""
    return {number: len(event.inputs) for number, event in blocks.fns.items() if event.fn}


def _translations(language: str) -> gr.I18n:
    """What Gradio's own parts say; the browser chooses the language, as we do by its header."""
    names = "box_label placeholder ask new examples subtitle".split()
    said = {}
    for code in catalogue_module.languages():
        catalogue = catalogue_module.choose_messages("", language or code)
        said[code] = {name: catalogue(name) for name in names}
    return gr.I18n(**said)


def _build_interface(
    blocks: gr.Blocks, chat: Chat, examples: Sequence[str], translations: gr.I18n
) -> None:
    """Draw the chat and tie its events. An event's inputs are text and the talk, nothing else."""
    masthead = chat.branding
    talk = gr.State(ChatState(), time_to_live=CONVERSATION_TTL)
    logo = f'<img class="logo" src="{escape(masthead.logo)}" alt="">' if masthead.logo else ""
    with gr.Row(elem_id="top"):
        with gr.Column(elem_id="heading"):
            title = f'<h1 dir="auto">{logo}{escape(masthead.title)}</h1>'
            gr.Markdown(title, elem_id="title", latex_delimiters=[])
            gr.Markdown(translations("subtitle"), elem_id="subtitle", latex_delimiters=[])
        fresh = gr.Button(translations("new"), elem_id="fresh", size="sm")
    # Markdown rather than HTML, whose templates need eval and are not cleaned of scripts.
    # A paragraph that is all markup passes through it as it is.
    notice = gr.Markdown("", elem_id="trouble", latex_delimiters=[], visible=False)
    view = gr.Markdown("", elem_id="talk", latex_delimiters=[])
    with gr.Row(elem_id="composer"):
        box = gr.Textbox(
            elem_id="question",
            label=translations("box_label"),
            placeholder=translations("placeholder"),
            show_label=False,
            container=False,
            max_lines=6,
            autofocus=True,
            html_attributes=gr.InputHTMLAttributes(autocomplete="off", enterkeyhint="send"),
        )
        # Not before the page can send anything, which it shows by sending for the notice.
        send = gr.Button(translations("ask"), variant="primary", elem_id="ask", interactive=False)
    if examples:
        with gr.Row(elem_id="examples"):
            gr.Markdown(translations("examples"), elem_classes="offer", latex_delimiters=[])
            chips = [gr.Button(question, elem_classes="chip", size="sm") for question in examples]
    else:
        chips = []

    # What else changes with a talk, what is offered and what is not, its markup and styles say:
    # a part of Gradio's that is told to change costs several milliseconds, in which no other
    # question is answered.
    def ask(question: str, talk: ChatState, request: gr.Request) -> tuple[Any, ...]:
        after, asked = chat.answer(question or "", talk, _accept_language(request))
        # What could not be asked goes back into the box, to be mended there.
        return "" if asked else question, after.html, after

    def begin_again() -> tuple[Any, ...]:
        return "", "", ChatState()

    def ready(request: gr.Request) -> tuple[Any, ...]:
        section = str(dict(request.query_params).get("about", ""))[:1000]
        begun = chat.open_section(section, _accept_language(request)) if section else ChatState()
        trouble = chat.render_stale_notice(_accept_language(request))
        shown = gr.update(value=trouble, visible=bool(trouble))
        return gr.update(interactive=True), shown, begun.html, begun

    blocks.load(ready, None, [send, notice, view, talk], **_PRIVATE_EVENT)
    shown = [box, view, talk]
    asking = [chip.click(ask, [chip, talk], shown, **_PRIVATE_EVENT) for chip in chips]
    asking += [gr.on([box.submit, send.click], ask, [box, talk], shown, **_PRIVATE_EVENT)]
    fresh.click(begin_again, None, shown, cancels=asking, **_PRIVATE_EVENT)


def _accept_language(request: gr.Request) -> str:
    return str(request.headers.get("accept-language", ""))


def customise_page(page: str, messages: Messages, branding: Branding, nonce: str) -> str:
    """Gradio's page in the reader's language, with our styles and scripts, all of them allowed.

    What is for other places, pictures on other hosts and a manifest, is taken out. Its settings
    stand in it as JSON with no `<`, so that every script in it is one of the page itself.
    """
    page = _HTML_TAG.sub(
        f'<html lang="{messages.language}" dir="{messages.direction}"', page, count=1
    )
    page = _SOCIAL_TAGS.sub("", page)
    root = branding.root
    scripts = "".join(f'<script src="{root}/chat/{name}.js" defer></script>' for name in SCRIPTS)
    ours = (
        layout.message_tags(messages)
        + layout.icon_link(branding)
        + layout.stylesheet_links(root)
        + scripts
    )
    page = page.replace("</head>", f"{ours}</head>", 1)
    return _SCRIPT_TAG.sub(f'<script nonce="{html.escape(nonce)}"', page)
