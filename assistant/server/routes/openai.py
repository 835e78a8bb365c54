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

from assistant.assistant import WORDED
from assistant.conversation import LONGEST_TALK
from assistant.errors import MissingError, QuestionError
from assistant.http_accept import EVENTS, JSON
from assistant.models.answers import Turn
from assistant.render import catalogue
from assistant.render.markdown import BREAK, Footnotes
from assistant.server.routes.schemas import (
    LONGEST_TURN,
    STREAM,
    Completing,
    CompletionBody,
    MessageBody,
    ModelBody,
    ModelsBody,
    problems,
)
from assistant.text.text import words

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from assistant.server.service import Given, Service
    from assistant.settings import Settings

MODEL = "guide"
"""What the guide is called among models; a question may name any."""

_DONE = "data: [DONE]\n\n"
_WORDED = re.compile(WORDED)


@dataclass(frozen=True, slots=True)
class Completion:
    """An answer under the name it was asked for; `pieces` are its text, `asked` words of the talk.

    `created` is in seconds since 1970.
    """

    given: Given
    pieces: Sequence[str]
    model: str
    asked: int
    id: str
    created: int

    @property
    def body(self) -> dict[str, Any]:
        """All of it at once, as JSON types."""
        message = {"role": "assistant", "content": BREAK.join(self.pieces), "refusal": None}
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
        return {
            **self._head("chat.completion"),
            "choices": [choice],
            "usage": self._usage,
            **self._sources,
        }

    def frames(self, *, counted: bool) -> Iterator[dict[str, Any]]:
        """Piece by piece, what it rests on with the end; `counted` adds how long it is."""
        for number, piece in enumerate(self.pieces):
            begun = (
                {"content": BREAK + piece} if number else {"role": "assistant", "content": piece}
            )
            yield self._frame(begun, None, counted=counted)
        yield {**self._frame({}, "stop", counted=counted), **self._sources}
        if counted:
            yield {**self._head("chat.completion.chunk"), "choices": [], "usage": self._usage}

    def _frame(self, delta: dict[str, str], finish: str | None, *, counted: bool) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        frame = {**self._head("chat.completion.chunk"), "choices": [choice]}
        return {**frame, "usage": None} if counted else frame

    def _head(self, kind: str) -> dict[str, Any]:
        return {
            "id": self.id,
            "object": kind,
            "created": self.created,
            "model": self.model,
            "system_fingerprint": self.given.answer.generation,
        }

    @property
    def _usage(self) -> dict[str, int]:
        said = len(words(BREAK.join(self.pieces)))
        return {
            "prompt_tokens": self.asked,
            "completion_tokens": said,
            "total_tokens": self.asked + said,
        }

    @property
    def _sources(self) -> dict[str, Any]:
        told = self.given.to_dict()
        rests = {name: told[name] for name in ("citations", "resources", "found")}
        return {**rests, "answer_id": self.given.id}


def router(service: Service, settings: Settings) -> APIRouter:
    """The routes over a guide that is ready."""
    api = APIRouter(responses=problems(400, 401, 403, 413, 415, 422, 429, 500, 503))
    opened = int(time.time())

    def described() -> dict[str, Any]:
        return {"id": MODEL, "object": "model", "created": opened, "owned_by": service.title}

    @api.post(
        "/v1/chat/completions",
        summary="Ask the guide as a model is asked",
        responses={
            200: {"model": CompletionBody, "content": STREAM},
        },
    )
    def complete(
        request: Request,
        completing: Annotated[Completing, Body()],
        accept_language: Annotated[str, Header()] = "",
    ) -> Response:
        """Answer the last message with quotes of the guide, or say that it does not answer it.

        What the quotes stand on is in the text as footnotes, and with all that is known of it in
        `citations`: of the body, or of the frame of a stream that ends the answer.
        """
        say = catalogue.choose(accept_language, settings.language)
        base = str(request.base_url).rstrip("/")
        notes = Footnotes(service.assistant.index.store, say, base)
        question, history = _talk(completing.messages, notes)
        given = service.ask(question, history, door="completions", language=say.language)
        completion = Completion(
            given,
            notes.written(given.answer),
            completing.model,
            asked=sum(len(words(turn.text)) for turn in (*history, Turn("user", question))),
            id=f"chatcmpl-{uuid.uuid4().hex}",
            created=int(time.time()),
        )
        headers = {"Cache-Control": "no-store"}
        if not completing.stream:
            return Response(json.dumps(completion.body), media_type=JSON, headers=headers)
        wanted = completing.stream_options
        frames = completion.frames(counted=bool(wanted and wanted.include_usage))
        told = "".join(f"data: {json.dumps(frame)}\n\n" for frame in frames) + _DONE
        # A proxy that collects a response before it hands it on would make a stream of it no more.
        return Response(told, media_type=EVENTS, headers={**headers, "X-Accel-Buffering": "no"})

    @api.get("/v1/models", summary="What can be asked", responses={200: {"model": ModelsBody}})
    def models() -> Response:
        """The guide, as the one model there is."""
        listed = {"object": "list", "data": [described()]}
        return Response(json.dumps(listed), media_type=JSON)

    @api.get(
        "/v1/models/{name}",
        summary="What is asked under a name",
        responses={200: {"model": ModelBody}, **problems(404)},
    )
    def model(name: Annotated[str, Path(max_length=200, examples=[MODEL])]) -> Response:
        """The guide, by its name among models."""
        if name != MODEL:
            raise MissingError(f"There is no model {name!a}.", f"The one there is: {MODEL}.")
        return Response(json.dumps(described()), media_type=JSON)

    return api


def _talk(said: Sequence[MessageBody], notes: Footnotes) -> tuple[str, list[Turn]]:
    """Take the user's last question and the turns before it. Raises QuestionError without any.

    A message without a word is passed over: what a client adds to a talk, or a reader in haste.
    So are pictures, files and refusals in earlier turns; in the question they are an error, which
    is asked about what they show.
    """
    asked = [place for place, message in enumerate(said) if message.role == "user"]
    if not asked:
        raise QuestionError("No message is the user's.", "Let messages end with the question.")
    meant = [one for one in asked if _other(said[one]) or _WORDED.search(_text(said[one]))]
    last = max(meant or asked)
    if other := _other(said[last]):
        raise QuestionError(
            f"A part of messages.{last} is no text: its type is {other[:40]!a}.",
            "Send text alone: the guide is asked in words.",
        )
    heard = [(one.role, _text(one)) for one in said[:last] if one.role in {"user", "assistant"}]
    turns = [
        Turn("user", text) if role == "user" else notes.turn(text)
        for role, text in [turn for turn in heard if turn[1]][-LONGEST_TALK:]
    ]
    cut = [replace(turn, text=turn.text[:LONGEST_TURN]) for turn in turns if turn.text]
    return _text(said[last]), cut


def _text(message: MessageBody) -> str:
    """What a message says in words."""
    if not isinstance(message.content, list):
        return message.content or ""
    return "\n".join(part.text or "" for part in message.content if part.type == "text")


def _other(message: MessageBody) -> str:
    """The type of the first part of a message that is no text; empty where all of them are."""
    parts = message.content if isinstance(message.content, list) else []
    return next((part.type for part in parts if part.type != "text"), "")
