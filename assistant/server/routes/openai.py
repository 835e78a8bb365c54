"""Serve the OpenAI-compatible API: the guide as a chat model, with whole or streamed responses."""

from __future__ import annotations

import json
import re
import time
import uuid
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Body, Header, Path, Request
from fastapi.responses import Response

from assistant.assistant import VISIBLE_CHARACTER
from assistant.conversation import MAX_TURN_CHARS, MAX_TURNS
from assistant.errors import NotFoundError, QuestionError
from assistant.http_accept import EVENT_STREAM, JSON
from assistant.models.answers import Turn
from assistant.render import catalogue
from assistant.render.markdown import PARAGRAPH_BREAK, MarkdownRenderer
from assistant.server.routes.hrefs import answer_to_dict
from assistant.server.routes.requests import find_origin
from assistant.server.routes.schemas import (
    STREAM_CONTENT,
    ChatCompletionRequest,
    ChatCompletionResponse,
    ChatMessage,
    ModelListResponse,
    ModelResponse,
    problem_responses,
)
from assistant.server.security.policies import FILE_COST, QUESTION_POLICY, Policy, with_policy
from assistant.text.tokenize import split_words

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from assistant.server.service import Service
    from assistant.settings import Settings

MODEL_NAME = "guide"
"""The guide's name in the list of models; a request may name any."""

_END_OF_STREAM = "data: [DONE]\n\n"
_IS_VISIBLE = re.compile(VISIBLE_CHARACTER)


@dataclass(frozen=True, slots=True)
class Completion:
    """An answer to a chat completion request.

    `pieces` are its paragraphs, `prompt_words` counts the words of the conversation, `created` is
    in seconds since 1970, and `sources` are the fields that OpenAI's protocol does not have.
    """

    generation: str
    pieces: Sequence[str]
    model: str
    prompt_words: int
    id: str
    created: int
    sources: dict[str, Any]

    @property
    def body(self) -> dict[str, Any]:
        """The whole response, as JSON types."""
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
            **self.sources,
        }

    def chunks(self, *, counted: bool) -> Iterator[dict[str, Any]]:
        """Yield the chunks of a stream; the last has the sources, `counted` adds the usage."""
        for number, piece in enumerate(self.pieces):
            delta = (
                {"content": PARAGRAPH_BREAK + piece}
                if number
                else {"role": "assistant", "content": piece}
            )
            yield self._chunk(delta, None, counted=counted)
        yield {**self._chunk({}, "stop", counted=counted), **self.sources}
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
            "system_fingerprint": self.generation,
        }

    @property
    def _usage(self) -> dict[str, int]:
        words_count = len(split_words(PARAGRAPH_BREAK.join(self.pieces)))
        return {
            "prompt_tokens": self.prompt_words,
            "completion_tokens": words_count,
            "total_tokens": self.prompt_words + words_count,
        }


_MODELS = Policy(scope="read", cost=FILE_COST)


def create_router(service: Service, settings: Settings) -> APIRouter:
    """Create the routes over a guide that is ready."""
    api = APIRouter(
        tags=["OpenAI-compatible"],
        responses=problem_responses(400, 401, 403, 413, 415, 422, 429, 500, 503),
    )
    created = int(time.time())

    def describe() -> dict[str, Any]:
        return {"id": MODEL_NAME, "object": "model", "created": created, "owned_by": service.title}

    @api.post(
        "/v1/chat/completions",
        summary="Ask the guide as a chat model",
        responses={
            200: {"model": ChatCompletionResponse, "content": STREAM_CONTENT},
        },
    )
    @with_policy(QUESTION_POLICY)
    def complete(
        request: Request,
        body: Annotated[ChatCompletionRequest, Body()],
        accept_language: Annotated[str, Header()] = "",
    ) -> Response:
        """Answer the last message with quotes from the guide, or say that it has no answer.

        The sources are in the text as footnotes, and in full in `citations`: of the body, or of the
        last chunk of a stream.
        """
        messages = catalogue.choose_messages(accept_language, settings.language)
        base_url = find_origin(request)
        renderer = MarkdownRenderer(service.assistant.index.store, messages, base_url)
        question, history = _split_question(body.messages, renderer)
        served = service.ask(question, history, interface="completions", language=messages.language)
        answer = answer_to_dict(served.answer, service.assistant.index.store, base_url)
        sources = {name: answer[name] for name in ("citations", "resources", "found")}
        completion = Completion(
            served.answer.generation,
            renderer.render_answer(served.answer),
            body.model,
            prompt_words=sum(
                len(split_words(turn.text)) for turn in (*history, Turn("user", question))
            ),
            id=f"chatcmpl-{uuid.uuid4().hex}",
            created=int(time.time()),
            sources={**sources, "answer_id": served.id},
        )
        headers = {"Cache-Control": "no-store"}
        if not body.stream:
            return Response(json.dumps(completion.body), media_type=JSON, headers=headers)
        options = body.stream_options
        chunks = completion.chunks(counted=bool(options and options.include_usage))
        content = "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks) + _END_OF_STREAM
        # A proxy must not buffer the stream.
        return Response(
            content, media_type=EVENT_STREAM, headers={**headers, "X-Accel-Buffering": "no"}
        )

    @api.get("/v1/models", summary="List the models", responses={200: {"model": ModelListResponse}})
    @with_policy(_MODELS)
    def models() -> Response:
        """Return the guide as the only model."""
        models = {"object": "list", "data": [describe()]}
        return Response(json.dumps(models), media_type=JSON)

    @api.get(
        "/v1/models/{name}",
        summary="Read a model",
        responses={200: {"model": ModelResponse}, **problem_responses(404)},
    )
    @with_policy(_MODELS)
    def model(name: Annotated[str, Path(max_length=200, examples=[MODEL_NAME])]) -> Response:
        """Return the guide by its name as a model."""
        if name != MODEL_NAME:
            raise NotFoundError(f"There is no model {name!a}.", f"Use the model {MODEL_NAME}.")
        return Response(json.dumps(describe()), media_type=JSON)

    return api


def _split_question(
    messages: Sequence[ChatMessage], renderer: MarkdownRenderer
) -> tuple[str, list[Turn]]:
    """Return the user's last question and the turns before it.

    Ignores messages without a word, and images, files and refusals in earlier turns. Raises
    QuestionError where there is no question, or a part of it is not text.
    """
    by_user = [n for n, message in enumerate(messages) if message.role == "user"]
    if not by_user:
        raise QuestionError("No message has the role user.", "End messages with the question.")
    with_words = [
        n
        for n in by_user
        if _non_text_type(messages[n]) or _IS_VISIBLE.search(_message_text(messages[n]))
    ]
    last = max(with_words or by_user)
    if other := _non_text_type(messages[last]):
        raise QuestionError(
            f"A part of messages.{last} is not text: its type is {other[:40]!a}.",
            "Send text only.",
        )
    earlier = [
        (message.role, _message_text(message))
        for message in messages[:last]
        if message.role in {"user", "assistant"}
    ]
    turns = [
        Turn("user", text) if role == "user" else renderer.parse_turn(text)
        for role, text in [turn for turn in earlier if turn[1]][-MAX_TURNS:]
    ]
    history = [replace(turn, text=turn.text[:MAX_TURN_CHARS]) for turn in turns if turn.text]
    return _message_text(messages[last]), history


def _message_text(message: ChatMessage) -> str:
    """Return the text of a message."""
    if not isinstance(message.content, list):
        return message.content or ""
    return "\n".join(part.text or "" for part in message.content if part.type == "text")


def _non_text_type(message: ChatMessage) -> str:
    """Return the type of the first part that is not text; empty where all parts are."""
    parts = message.content if isinstance(message.content, list) else []
    return next((part.type for part in parts if part.type != "text"), "")
