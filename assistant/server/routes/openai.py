"""The guide as a model of OpenAI's chat protocol, for the clients that speak it.

Knows that protocol's requests, its responses whole or as a stream, and what of a talk is asked.
Must not know how an answer is found, nor how it is written with footnotes.
"""

from __future__ import annotations

import json
import re
import time
import uuid
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Body, Header, Path, Request
from fastapi.responses import Response

from assistant.assistant import WORD_CHARACTER
from assistant.conversation import MAX_CONVERSATION_BYTES, MAX_TURNS
from assistant.errors import NotFoundError, QuestionError
from assistant.http_accept import EVENT_STREAM, JSON
from assistant.models.answers import Turn
from assistant.render import catalogue
from assistant.render.markdown import PARAGRAPH_BREAK, MarkdownRenderer
from assistant.server.routes.schemas import (
    MAX_TURN_CHARS,
    STREAM_CONTENT,
    ChatCompletionRequest,
    ChatCompletionResponse,
    ChatMessage,
    ModelListResponse,
    ModelResponse,
    problem_responses,
)
from assistant.server.security.policies import FILE_COST, QUESTION_COST, Policy, with_policy
from assistant.text.tokenize import split_words

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from assistant.server.service import ServedAnswer, Service
    from assistant.settings import Settings

MODEL_NAME = "guide"
"""What the guide is called among models; a question may name any."""

_END_OF_STREAM = "data: [DONE]\n\n"
_HAS_WORD = re.compile(WORD_CHARACTER)


@dataclass(frozen=True, slots=True)
class Completion:
    """An answer under the name it was asked for; `pieces` are its text, `asked` words of the talk.

    `created` is in seconds since 1970.
    """

    result: ServedAnswer
    pieces: Sequence[str]
    model: str
    prompt_words: int
    id: str
    created: int

    @property
    def body(self) -> dict[str, Any]:
        """All of it at once, as JSON types."""
        message = {
            "role": "assistant",
            "content": PARAGRAPH_BREAK.join(self.pieces),
            "refusal": None,
        }
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
        return {
            **self._header("chat.completion"),
            "choices": [choice],
            "usage": self._usage,
            **self._sources,
        }

    def chunks(self, *, counted: bool) -> Iterator[dict[str, Any]]:
        """Piece by piece, what it rests on with the end; `counted` adds how long it is."""
        for number, piece in enumerate(self.pieces):
            begun = (
                {"content": PARAGRAPH_BREAK + piece}
                if number
                else {"role": "assistant", "content": piece}
            )
            yield self._chunk(begun, None, counted=counted)
        yield {**self._chunk({}, "stop", counted=counted), **self._sources}
        if counted:
            yield {**self._header("chat.completion.chunk"), "choices": [], "usage": self._usage}

    def _chunk(self, delta: dict[str, str], finish: str | None, *, counted: bool) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        frame = {**self._header("chat.completion.chunk"), "choices": [choice]}
        return {**frame, "usage": None} if counted else frame

    def _header(self, kind: str) -> dict[str, Any]:
        return {
            "id": self.id,
            "object": kind,
            "created": self.created,
            "model": self.model,
            "system_fingerprint": self.result.answer.generation,
        }

    @property
    def _usage(self) -> dict[str, int]:
        said = len(split_words(PARAGRAPH_BREAK.join(self.pieces)))
        return {
            "prompt_tokens": self.prompt_words,
            "completion_tokens": said,
            "total_tokens": self.prompt_words + said,
        }

    @property
    def _sources(self) -> dict[str, Any]:
        told = self.result.to_dict()
        rests = {name: told[name] for name in ("citations", "resources", "found")}
        return {**rests, "answer_id": self.result.id}


_MODELS = Policy(scope="read", cost=FILE_COST)


def create_router(service: Service, settings: Settings) -> APIRouter:
    """The routes over a guide that is ready."""
    api = APIRouter(responses=problem_responses(400, 401, 403, 413, 415, 422, 429, 500, 503))
    opened = int(time.time())

    def described() -> dict[str, Any]:
        return {"id": MODEL_NAME, "object": "model", "created": opened, "owned_by": service.title}

    @api.post(
        "/v1/chat/completions",
        summary="Ask the guide as a model is asked",
        responses={
            200: {"model": ChatCompletionResponse, "content": STREAM_CONTENT},
        },
    )
    @with_policy(
        Policy(
            scope="read",
            is_question=True,
            cost=QUESTION_COST,
            max_body=MAX_CONVERSATION_BYTES,
            body_media_type=JSON,
        )
    )
    def complete(
        request: Request,
        completing: Annotated[ChatCompletionRequest, Body()],
        accept_language: Annotated[str, Header()] = "",
    ) -> Response:
        """Answer the last message with quotes of the guide, or say that it does not answer it.

        What the quotes stand on is in the text as footnotes, and with all that is known of it in
        `citations`: of the body, or of the frame of a stream that ends the answer.
        """
        say = catalogue.choose_messages(accept_language, settings.language)
        base = str(request.base_url).rstrip("/")
        notes = MarkdownRenderer(service.assistant.index.store, say, base)
        question, history = _split_question(completing.messages, notes)
        given = service.ask(question, history, interface="completions", language=say.language)
        completion = Completion(
            given,
            notes.render_answer(given.answer),
            completing.model,
            prompt_words=sum(
                len(split_words(turn.text)) for turn in (*history, Turn("user", question))
            ),
            id=f"chatcmpl-{uuid.uuid4().hex}",
            created=int(time.time()),
        )
        headers = {"Cache-Control": "no-store"}
        if not completing.stream:
            return Response(json.dumps(completion.body), media_type=JSON, headers=headers)
        wanted = completing.stream_options
        frames = completion.chunks(counted=bool(wanted and wanted.include_usage))
        told = "".join(f"data: {json.dumps(frame)}\n\n" for frame in frames) + _END_OF_STREAM
        # A proxy that collects a response before it hands it on would make a stream of it no more.
        return Response(
            told, media_type=EVENT_STREAM, headers={**headers, "X-Accel-Buffering": "no"}
        )

    @api.get(
        "/v1/models", summary="What can be asked", responses={200: {"model": ModelListResponse}}
    )
    @with_policy(_MODELS)
    def models() -> Response:
        """The guide, as the one model there is."""
        listed = {"object": "list", "data": [described()]}
        return Response(json.dumps(listed), media_type=JSON)

    @api.get(
        "/v1/models/{name}",
        summary="What is asked under a name",
        responses={200: {"model": ModelResponse}, **problem_responses(404)},
    )
    @with_policy(_MODELS)
    def model(name: Annotated[str, Path(max_length=200, examples=[MODEL_NAME])]) -> Response:
        """The guide, by its name among models."""
        if name != MODEL_NAME:
            raise NotFoundError(f"There is no model {name!a}.", f"The one there is: {MODEL_NAME}.")
        return Response(json.dumps(described()), media_type=JSON)

    return api


def _split_question(
    messages: Sequence[ChatMessage], renderer: MarkdownRenderer
) -> tuple[str, list[Turn]]:
    """Take the user's last question and the turns before it. Raises QuestionError without any.

    A message without a word is passed over: what a client adds to a talk, or a reader in haste.
    So are pictures, files and refusals in earlier turns; in the question they are an error, which
    is asked about what they show.
    """
    asked = [place for place, message in enumerate(messages) if message.role == "user"]
    if not asked:
        raise QuestionError("No message is the user's.", "Let messages end with the question.")
    meant = [
        one
        for one in asked
        if _non_text_type(messages[one]) or _HAS_WORD.search(_message_text(messages[one]))
    ]
    last = max(meant or asked)
    if other := _non_text_type(messages[last]):
        raise QuestionError(
            f"A part of messages.{last} is no text: its type is {other[:40]!a}.",
            "Send text alone: the guide is asked in words.",
        )
    heard = [
        (one.role, _message_text(one))
        for one in messages[:last]
        if one.role in {"user", "assistant"}
    ]
    turns = [
        Turn("user", text) if role == "user" else renderer.parse_turn(text)
        for role, text in [turn for turn in heard if turn[1]][-MAX_TURNS:]
    ]
    cut = [replace(turn, text=turn.text[:MAX_TURN_CHARS]) for turn in turns if turn.text]
    return _message_text(messages[last]), cut


def _message_text(message: ChatMessage) -> str:
    """What a message says in words."""
    if not isinstance(message.content, list):
        return message.content or ""
    return "\n".join(part.text or "" for part in message.content if part.type == "text")


def _non_text_type(message: ChatMessage) -> str:
    """The type of the first part of a message that is no text; empty where all of them are."""
    parts = message.content if isinstance(message.content, list) else []
    return next((part.type for part in parts if part.type != "text"), "")
