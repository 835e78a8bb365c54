"""Serve the web chat, built with Gradio.

No other module imports Gradio. It is heavy, so this module is imported only to serve a chat.
"""

from __future__ import annotations

import asyncio
import html
import logging
import re
import uuid
from contextlib import asynccontextmanager, suppress
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
from assistant.render import catalogue, layout, start_page
from assistant.render.html import HtmlRenderer, render_failure
from assistant.server.conversations import Conversations
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
    from collections.abc import AsyncIterator, Sequence

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from assistant.models.answers import Turn
    from assistant.render.catalogue import Messages
    from assistant.render.html import Branding
    from assistant.server.service import Service

MAX_SHOWN_TURNS = 50  # turns of one conversation
SWEEP_SECONDS = 20  # between two looks for conversations whose tab is closed
TAB_HEADER = "x-conversation"
"""The header with the id of the reader's tab."""
SCRIPTS = ("answer", "chat")
MESSAGE_KEYS = (
    *layout.ANSWER_KEYS,
    *"searching queued busy busy_hint connection_lost connection_lost_hint".split(),
    *"conversation box_label skip answer_ready no_answer follow_up placeholder examples".split(),
)
"""Keys of the messages that the scripts of the chat need."""
QUEUE_POLL_SECONDS = 0.005  # seconds between two looks at the queue
CONCURRENCY = 2  # questions answered at the same time

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
"""The paths that Gradio's page requests; all other paths of Gradio are refused."""


class QueueJoin(BaseModel):
    """A question on its way into Gradio's queue: its text and the number of its event."""

    model_config = ConfigDict(extra="forbid", strict=True)

    data: Annotated[list[StrictStr | None], Field(max_length=1)]
    fn_index: StrictInt
    session_hash: Annotated[str, Field(pattern=r"^[a-z0-9]{1,40}$")]
    trigger_id: StrictInt | None = None
    event_data: None = None
    simple_format: StrictBool = False


@dataclass(frozen=True, slots=True)
class ChatState:
    """One reader's conversation: its turns, and the HTML that is shown of it."""

    turns: tuple[Turn, ...] = ()
    shown_html: tuple[str, ...] = ()

    def add_turn(self, html: str, turns: Sequence[Turn] = ()) -> ChatState:
        """Return the conversation with one more question and its answer."""
        all_turns, all_html = (*self.turns, *turns), (*self.shown_html, html)
        return ChatState(all_turns[-MAX_TURNS:], all_html[-MAX_SHOWN_TURNS:])

    @property
    def html(self) -> str:
        """The whole conversation, one paragraph per turn; only changed ones are drawn again."""
        # An empty paragraph follows the last turn, or that turn would change with the next one.
        return "\n\n".join((*self.shown_html, "<div></div>")) if self.shown_html else ""


@dataclass(frozen=True, slots=True)
class Chat:
    """The chat over a guide, whose index may be replaced by a newer one between questions.

    `language` is the same for all readers; empty for each reader's own.
    """

    service: Service
    branding: Branding
    language: str = ""

    def answer(
        self, question: str, state: ChatState, accept_language: str = ""
    ) -> tuple[ChatState, bool]:
        """Return the conversation after a question, and whether the question was accepted.

        `accept_language` is the reader's Accept-Language header.
        """
        messages = catalogue.choose_messages(accept_language, self.language)
        renderer = HtmlRenderer(self.service.assistant.index.store, messages, self.branding)
        try:
            served = self.service.ask(
                question, state.turns, interface="chat", language=messages.language
            )
            body = renderer.render_answer(served.answer, served.texts, served.id)
        except AssistantError as error:
            notice = render_failure(error.message, error.hint)
            after = state.add_turn(renderer.render_turn(question, notice))
            return after, not isinstance(error, QuestionError)
        except Exception:  # noqa: BLE001 - a reader sees every error in the chat
            name = uuid.uuid4().hex[:8]
            _log.exception("Question %s failed", name)
            notice = render_failure(
                messages("internal_error", id=name), messages("internal_error_hint")
            )
            return state.add_turn(renderer.render_turn(question, notice)), True
        body = self.render_stale_notice(accept_language) + body
        turn = renderer.render_turn(question, body, renderer.gist(served.answer))
        return state.add_turn(turn, served.turns), True

    def open_section(self, section: str, accept_language: str = "") -> ChatState:
        """Start a conversation about a section, `path#anchor`; empty where there is none."""
        passage, turns = self.service.section_context(section)
        if passage is None:
            return ChatState()
        messages = catalogue.choose_messages(accept_language, self.language)
        renderer = HtmlRenderer(self.service.assistant.index.store, messages, self.branding)
        return ChatState(turns, (renderer.render_about(passage.headings),))

    def render_tools(self, accept_language: str = "") -> str:
        """Render the links beside the guide's name."""
        messages = catalogue.choose_messages(accept_language, self.language)
        return start_page.render_tools(self.branding, messages)

    def render_start(self, accept_language: str = "") -> str:
        """Render what the reader sees before the first question."""
        messages = catalogue.choose_messages(accept_language, self.language)
        return start_page.render_start(
            self.service.examples(), self.service.list_pages(), self.branding, messages
        )

    def render_stale_notice(self, accept_language: str = "") -> str:
        """Render why answers come from an older index; empty where it is up to date."""
        if not self.service.live.stale_reason:
            return ""
        messages = catalogue.choose_messages(accept_language, self.language)
        return render_failure(messages("stale_index"), self.service.live.stale_reason)


def create_app(chat: Chat, conversations: Conversations[ChatState]) -> tuple[FastAPI, gr.Blocks]:
    """Create the chat as an application, and the Blocks with its queue."""
    translations = _translations(chat.language)
    with gr.Blocks(title=chat.branding.title, analytics_enabled=False) as blocks:
        _build_interface(blocks, chat, conversations, translations)
    # A middleware limits the queue, and readers in it need no update for every answer.
    blocks.queue(status_update_rate=10, default_concurrency_limit=CONCURRENCY, api_open=False)
    # Gradio polls its queue every millisecond, which costs a twelfth of a core.
    blocks._queue.sleep_when_free = QUEUE_POLL_SECONDS  # noqa: SLF001 - no public setting
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
        i18n=translations,
        app_kwargs={"openapi_url": None},
        theme=gr.themes.Base(font="sans-serif", font_mono="monospace"),
    )
    for folder in (Path(DEFAULT_TEMP_DIR) / "vibe_edit_history", Path(DEFAULT_TEMP_DIR)):
        with suppress(OSError):  # another program uses it
            folder.rmdir()  # Gradio creates them for files, which this chat does not have
    return app, blocks


class ChatPage:
    """The chat as an ASGI application: its page at `/`, and what Gradio's script then requests."""

    def __init__(self, chat: Chat) -> None:
        self._conversations: Conversations[ChatState] = Conversations(ChatState())
        self.app, self._blocks = create_app(chat, self._conversations)
        self._chat = chat
        # The number of inputs of each event that calls a function.
        self._event_inputs = {
            number: len(event.inputs) for number, event in self._blocks.fns.items() if event.fn
        }

    @asynccontextmanager
    async def lifespan(self) -> AsyncIterator[None]:
        """Run Gradio's queue, and drop what closed tabs leave, for as long as the context lasts."""
        async with self.app.router.lifespan_context(self.app):
            sweeper = asyncio.create_task(self._drop_closed())
            yield
            sweeper.cancel()

    async def _drop_closed(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            self._conversations.drop_closed()

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
                await Refusal(404)(scope, receive, send)  # Gradio would break it off
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
        messages = catalogue.choose_messages(language, self._chat.language)
        html = customise_page(page, messages, self._chat.branding, request.state.nonce)
        return HTMLResponse(html, headers={"Cache-Control": "no-cache"})

    def _find_join_error(self, body: bytes) -> str:
        """Return what is wrong with a body that joins the queue; empty where nothing is."""
        try:
            join = QueueJoin.model_validate_json(body)
        except ValidationError:
            return "A question is sent as text."
        is_known = self._event_inputs.get(join.fn_index) == len(join.data)
        return "" if is_known else "The chat has no such event."

    @property
    def _queue(self) -> Any:
        return self._blocks._queue  # noqa: SLF001 - Gradio has no public method

    def count_waiting(self) -> int:
        """Return the length of the queue."""
        return len(self._queue)

    def is_busy(self) -> bool:
        """Whether a question is in the queue or being answered."""
        return bool(len(self._queue) or self._queue.get_active_worker_count())

    def has_undelivered(self) -> bool:
        """Whether an answer is not sent yet; an answer to a closed tab never is."""
        return any(self._queue.pending_event_ids_session.values())


async def _read_page(app: ASGIApp, scope: Scope, receive: Receive) -> str:
    """Return the page of an application, uncompressed."""
    page = bytearray()

    async def collect(message: Message) -> None:
        page.extend(message.get("body", b""))

    headers = [(name, value) for name, value in scope["headers"] if name != b"accept-encoding"]
    await app({**scope, "method": "GET", "headers": headers}, receive, collect)
    return page.decode()


def _translations(language: str) -> gr.I18n:
    """Return the messages of Gradio's components; the browser chooses the language."""
    keys = "box_label placeholder ask new_conversation subtitle".split()
    translations = {}
    for code in catalogue.languages():
        messages = catalogue.choose_messages("", language or code)
        translations[code] = {key: messages(key) for key in keys}
    return gr.I18n(**translations)


def _build_interface(
    blocks: gr.Blocks,
    chat: Chat,
    conversations: Conversations[ChatState],
    translations: gr.I18n,
) -> None:
    """Build the page and bind its events, whose only input is text."""
    with gr.Row(elem_id="top"):
        gr.Markdown(start_page.render_title(chat.branding), elem_id="heading", latex_delimiters=[])
        tools = gr.Markdown("", elem_id="tools", latex_delimiters=[])
        restart = gr.Button(translations("new_conversation"), elem_id="new-conversation", size="sm")
    gr.Markdown(translations("subtitle"), elem_id="subtitle", latex_delimiters=[])
    # Gradio's HTML component needs eval and does not remove scripts; its Markdown component leaves
    # a paragraph of pure HTML as it is.
    notice = gr.Markdown("", elem_id="stale-notice", latex_delimiters=[], visible=False)
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
        # Enabled by the load event, once the page can send.
        send = gr.Button(translations("ask"), variant="primary", elem_id="ask", interactive=False)
    start = gr.Markdown("", elem_id="start", latex_delimiters=[])

    # Everything else that changes with the conversation is done in HTML and CSS: each Gradio
    # component that an event updates costs several milliseconds of the event loop.
    def ask(question: str, request: gr.Request) -> tuple[Any, ...]:
        tab = _tab_of(request)
        before = conversations.get(*tab)
        after, accepted = chat.answer(question or "", before, _accept_language(request))
        conversations.put(*tab, after)
        # A question that was not accepted goes back into the box.
        return "" if accepted else question, after.html

    def start_again(request: gr.Request) -> tuple[Any, ...]:
        conversations.put(*_tab_of(request), ChatState())
        return "", ""

    def ready(request: gr.Request) -> tuple[Any, ...]:
        tab, language = _tab_of(request), _accept_language(request)
        state = conversations.open(*tab)
        section = str(dict(request.query_params).get("about", ""))[:1000]
        if section and (about := chat.open_section(section, language)).turns:
            state = about
            conversations.put(*tab, state)
        stale = chat.render_stale_notice(language)
        stale_notice = gr.update(value=stale, visible=bool(stale))
        return (
            gr.update(interactive=True),
            stale_notice,
            state.html,
            chat.render_tools(language),
            chat.render_start(language),
        )

    def leave(request: gr.Request) -> None:
        conversations.close(request.session_hash or "")

    blocks.load(ready, None, [send, notice, view, tools, start], **_PRIVATE_EVENT)
    blocks.unload(leave)
    outputs = [box, view]
    sent = gr.on([box.submit, send.click], ask, [box], outputs, **_PRIVATE_EVENT)
    restart.click(start_again, None, outputs, cancels=[sent], **_PRIVATE_EVENT)


def _tab_of(request: gr.Request) -> tuple[str, str]:
    """Return the session of a request and the id of its tab."""
    return request.session_hash or "", str(request.headers.get(TAB_HEADER, ""))


def _accept_language(request: gr.Request) -> str:
    return str(request.headers.get("accept-language", ""))


def customise_page(page: str, messages: Messages, branding: Branding, nonce: str) -> str:
    """Add our styles, scripts, messages and language to Gradio's page, and a nonce to its scripts.

    References to other hosts and a manifest are removed. Gradio's settings stand in the page as
    JSON without `<`, so that every `<script` is the page's own.
    """
    page = _HTML_TAG.sub(
        f'<html lang="{messages.language}" dir="{messages.direction}"', page, count=1
    )
    page = _SOCIAL_TAGS.sub("", page)
    root = branding.root
    scripts = "".join(f'<script src="{root}/chat/{name}.js" defer></script>' for name in SCRIPTS)
    additions = (
        layout.message_tags(messages, MESSAGE_KEYS)
        + layout.icon_link(branding)
        + layout.stylesheet_links(root, "answer", "chat")
        + scripts
    )
    page = page.replace("</head>", f"{additions}</head>", 1)
    return _SCRIPT_TAG.sub(f'<script nonce="{html.escape(nonce)}"', page)
