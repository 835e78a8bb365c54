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
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import gradio as gr
from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse
from gradio.route_utils import DEFAULT_TEMP_DIR
from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt, StrictStr, ValidationError

from assistant.conversation import MAX_TURNS
from assistant.errors import AssistantError, QuestionError
from assistant.http_accept import JSON
from assistant.render import catalogue as catalogue_module
from assistant.render import layout
from assistant.render.html import HtmlRenderer, escape, render_failure
from assistant.server.security.body_limit import replay_body
from assistant.server.security.policies import (
    ASSET_CONTENT_POLICY,
    CHAT_CONTENT_POLICY,
    FILE_COST,
    QUESTION_COST,
    AllowedRoute,
    Policy,
)
from assistant.server.security.problems import Refusal

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractAsyncContextManager

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

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


_QUEUE_JOIN_PATH = "/gradio_api/queue/join"
_QUEUE_DATA_PATH = "/gradio_api/queue/data"

_ASSET = Policy(cost=FILE_COST, content_policy=ASSET_CONTENT_POLICY)
_STREAM = Policy(scope="read", streams=True, content_policy=ASSET_CONTENT_POLICY)
_PAGE = Policy(scope="read", cost=QUESTION_COST, content_policy=CHAT_CONTENT_POLICY)
_JOIN = Policy(
    scope="read",
    is_question=True,
    cost=QUESTION_COST,
    body_media_type=JSON,
    content_policy=ASSET_CONTENT_POLICY,
)

GRADIO_ROUTES = (
    AllowedRoute.from_pattern(("GET",), "/", _PAGE),
    AllowedRoute.from_pattern(("GET",), "/(assets|static)/.+", _ASSET),
    AllowedRoute.from_pattern(("GET",), r"/theme\.css", _ASSET),
    AllowedRoute.from_pattern(
        ("GET",), "/gradio_api/startup-events", replace(_ASSET, scope="read")
    ),
    AllowedRoute.from_pattern(("POST",), _QUEUE_JOIN_PATH, _JOIN),
    AllowedRoute.from_pattern(("GET",), _QUEUE_DATA_PATH, _STREAM),
    AllowedRoute.from_pattern(("GET",), "/gradio_api/heartbeat/[a-z0-9]+", _STREAM),
)
"""The paths that Gradio's page asks for; everything else of Gradio's does not exist."""


class QueueJoin(BaseModel):
    """A question on its way into Gradio's queue: its text and the number of its event."""

    model_config = ConfigDict(extra="forbid", strict=True)

    data: Annotated[list[StrictStr | None], Field(max_length=2)]
    fn_index: StrictInt
    session_hash: Annotated[str, Field(pattern=r"^[a-z0-9]{1,40}$")]
    trigger_id: StrictInt | None = None
    event_data: None = None
    simple_format: StrictBool = False


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


class ChatPage:
    """The chat as an ASGI application: its page at `/`, and what Gradio's script then asks for."""

    def __init__(self, chat: Chat, examples: Sequence[str]) -> None:
        self.app, self._blocks = create_app(chat, examples)
        self._chat = chat
        # The events that do anything, and how many inputs each takes.
        self._event_inputs = {
            number: len(event.inputs) for number, event in self._blocks.fns.items() if event.fn
        }

    def lifespan(self) -> AbstractAsyncContextManager[Any]:
        """Run Gradio's queue for as long as the context lasts."""
        return self.app.router.lifespan_context(self.app)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with the page in the reader's language, or as Gradio does."""
        request = Request(scope, receive)
        path = request.url.path.removeprefix(self._chat.branding.root)
        if path in {"", "/"}:
            response = await self._render_page(request)
            await response(scope, receive, send)
            return
        if path == _QUEUE_DATA_PATH:
            session = request.query_params.get("session_hash", "")
            if session not in self._queue.pending_messages_per_session:
                await Refusal(404)(scope, receive, send)  # Gradio breaks the response off
                return
        if path == _QUEUE_JOIN_PATH:
            body = await request.body()
            if message := self._find_join_error(body):
                await Refusal(422, message)(scope, receive, send)
                return
            receive = replay_body(body, receive)
        await self.app(scope, receive, send)

    async def _render_page(self, request: Request) -> HTMLResponse:
        page = await _read_page(self.app, request.scope, request.receive)
        language = request.headers.get("accept-language", "")
        messages = catalogue_module.choose_messages(language, self._chat.language)
        html = customise_page(page, messages, self._chat.branding, request.state.nonce)
        return HTMLResponse(html, headers={"Cache-Control": "no-cache"})

    def _find_join_error(self, body: bytes) -> str:
        """Say what is wrong with a body that joins the queue; empty where nothing is."""
        try:
            join = QueueJoin.model_validate_json(body)
        except ValidationError:
            return "A question is sent as text."
        is_known = self._event_inputs.get(join.fn_index) == len(join.data)
        return "" if is_known else "The chat has no such event."

    @property
    def _queue(self) -> Any:
        return self._blocks._queue  # noqa: SLF001 - there is no other way to ask

    def count_waiting(self) -> int:
        """How many questions wait for their turn."""
        return len(self._queue)

    def is_busy(self) -> bool:
        """Whether a question waits or is being answered."""
        return bool(len(self._queue) or self._queue.get_active_worker_count())

    def has_undelivered(self) -> bool:
        """Whether an answer is not yet sent; it never will be to a tab that was closed."""
        return any(self._queue.pending_event_ids_session.values())


async def _read_page(app: ASGIApp, scope: Scope, receive: Receive) -> str:
    """Return the page that an application answers with, not compressed."""
    page = bytearray()

    async def collect(message: Message) -> None:
        page.extend(message.get("body", b""))

    headers = [(name, value) for name, value in scope["headers"] if name != b"accept-encoding"]
    await app({**scope, "method": "GET", "headers": headers}, receive, collect)
    return page.decode()


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
