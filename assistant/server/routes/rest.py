"""The guide over HTTP: questions, searches, sections and opinions as JSON, answers as events too.

Knows addresses, bodies and what a response says of itself. Must not know how an answer is found,
nor who may ask: that is the gate's.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Body, Header, Path, Query, Request
from fastapi.responses import Response

from assistant.errors import MissingError
from assistant.http_accept import EVENTS, JSON, preferred
from assistant.models.answers import Turn
from assistant.render import catalogue
from assistant.server import response_cache
from assistant.server.metrics import CONTENT_TYPE
from assistant.server.routes.schemas import (
    STREAM,
    AnswerBody,
    Asking,
    GuideBody,
    KeptBody,
    Opinion,
    PageBody,
    SearchBody,
    Searching,
    problems,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from assistant.server.routes.schemas import Said
    from assistant.server.service import Service

_LINKS = {
    "as it was given": {"operationId": "answer", "parameters": {"name": "$response.body#/id"}},
    "what is thought of it": {
        "operationId": "feedback",
        "requestBody": {"answer": "$response.body#/id", "helpful": True},
    },
}
_FIRST_PAGE = "See GET /api/guide for its pages."


def router(service: Service, waiting: Callable[[], int]) -> APIRouter:
    """The routes over a guide; `waiting` says how many questions wait for their turn."""
    api = APIRouter(responses=problems(400, 401, 403, 413, 415, 422, 429, 500, 503))

    @api.post(
        "/api/ask",
        summary="Ask the guide",
        operation_id="ask",
        responses={200: {"model": AnswerBody, "content": STREAM, "links": _LINKS}},
    )
    def ask(
        request: Request,
        asking: Annotated[Asking, Body()],
        accept: Annotated[str, Header()] = JSON,  # noqa: ARG001 - so that it is described
    ) -> Response:
        """Answer a question with quotes of the guide, or say that it does not answer it.

        With `Accept: text/event-stream` the answer comes as the events understood, sentence,
        citation, resources and done, whose data is all of it.
        """
        accepted = ", ".join(request.headers.getlist("accept"))
        streamed = preferred(accepted, (JSON, EVENTS)) == EVENTS
        history = _history(service, asking)
        given = service.ask(asking.question, history, door="stream" if streamed else "rest")
        told = given.to_dict()
        headers = {"ETag": _answer_tag(told), "Cache-Control": "no-store"}
        if not streamed:
            return Response(_dumped(told), media_type=JSON, headers=headers)
        sent = "".join(_event(name, data) for name, data in events(told))
        # A proxy that collects a response before it hands it on would make a stream of it no more.
        return Response(sent, media_type=EVENTS, headers={**headers, "X-Accel-Buffering": "no"})

    @api.post(
        "/api/search",
        summary="Find passages",
        operation_id="search",
        responses={200: {"model": SearchBody}},
    )
    def search(searching: Annotated[Searching, Body()]) -> Response:
        """The passages that answer best, best first, and why each ranks where it does."""
        assistant = service.assistant
        found = service.search(
            searching.question, searching.k, _history(service, searching), door="rest"
        )
        data = {**found.to_dict(), "generation": assistant.index.generation}
        return Response(_dumped(data), media_type=JSON, headers={"Cache-Control": "no-store"})

    @api.get(
        "/api/sections/{path:path}",
        summary="Read a page or a section",
        operation_id="sections",
        responses={200: {"model": PageBody}, 304: {}, **problems(404)},
    )
    def sections(
        path: Annotated[str, Path(max_length=1000, examples=["index.md"])],
        anchor: Annotated[str, Query(max_length=500, description="Only this section.")] = "",
        if_none_match: Annotated[str, Header()] = "",
    ) -> Response:
        """A page's sections with all of their text."""

        def make() -> bytes:
            found = service.read(path, anchor)
            if found is None:
                named = f"{path}#{anchor}" if anchor else path
                raise MissingError(f"The guide has no {named!a}.", _FIRST_PAGE)
            return _dumped(found)

        body = service.body(("sections", path, anchor), make)
        return body.response(if_none_match, JSON)

    @api.get(
        "/api/guide",
        summary="What the guide is",
        operation_id="guide",
        responses={200: {"model": GuideBody}, 304: {}},
    )
    def guide(
        depth: Annotated[int, Query(ge=1, le=6, description="Levels of headings.")] = 2,
        if_none_match: Annotated[str, Header()] = "",
    ) -> Response:
        """The guide's title, languages, size, headings, and questions it answers."""

        def make() -> bytes:
            return _dumped({**service.guide(depth), "interface": list(catalogue.languages())})

        return service.body(("guide", str(depth)), make).response(if_none_match, JSON)

    @api.get(
        "/api/answers/{name}",
        summary="An answer as it was given",
        operation_id="answer",
        responses={200: {"model": KeptBody}, 304: {}, **problems(404)},
    )
    def answer(
        name: Annotated[str, Path(pattern=r"^[a-z2-7]{16}$", examples=["abcdefghijklmnop"])],
        if_none_match: Annotated[str, Header()] = "",
    ) -> Response:
        """An answer by its id, and which of its citations no longer stand."""
        kept = service.journal.answer(name) if service.journal else None
        if kept is None:
            raise MissingError(
                "No such answer is kept.", "Ask again: answers are kept for a while."
            )
        data = {
            "id": kept.id,
            "at": kept.at.isoformat(timespec="seconds").replace("+00:00", "Z"),
            "answer": {"id": kept.id, **kept.answer.to_dict()},
            "changed": service.changed(kept),
        }
        return response_cache.Body.of(_dumped(data)).response(if_none_match, JSON)

    @api.post(
        "/api/feedback",
        status_code=204,
        summary="Say what you think of an answer",
        operation_id="feedback",
        responses=problems(404),
    )
    def feedback(opinion: Annotated[Opinion, Body()]) -> Response:
        """Keep what a reader thinks of an answer, beside what others do."""
        journal, said = service.journal, (opinion.answer, opinion.helpful, opinion.comment)
        if journal and journal.rate(*said, vote=opinion.vote):
            return Response(status_code=204)
        raise MissingError("No such answer is kept.", "Ask again, and rate the answer given then.")

    @api.get(
        "/metrics",
        summary="Counters for Prometheus",
        operation_id="metrics",
        responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
    )
    def metrics() -> Response:
        """Questions, refusals, searches, seconds by step, the generation and who waits."""
        index = service.assistant.index
        text = service.metrics.text(
            generation=index.generation,
            passages=index.store.size,
            waiting=waiting(),
            stale=bool(service.live.trouble),
        )
        return Response(text, media_type=CONTENT_TYPE)

    return api


def events(told: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """An answer as it is told piece by piece: each event's name and data, all of it in the last."""
    yield (
        "understood",
        {name: told[name] for name in ("question", "understood_as", "other_readings")},
    )
    for citation in told["citations"]:
        yield "sentence", {"n": citation["n"], "text": citation["quote"]}
    for citation in told["citations"]:
        yield "citation", citation
    yield "resources", {name: told[name] for name in ("resources", "related", "next_questions")}
    yield "done", told


def _event(name: str, data: dict[str, Any]) -> str:
    return f"event: {name}\ndata: {json.dumps(data)}\n\n"


def _history(service: Service, asking: Asking) -> list[Turn]:
    begun = service.about(asking.context)[1] if asking.context else ()
    return [*begun, *(_turn(said) for said in asking.history)]


def _turn(said: Said) -> Turn:
    return Turn(said.role, said.text, tuple(said.sources))


def _dumped(data: dict[str, Any]) -> bytes:
    # Half a character, which a question may hold, can be written in JSON but not in UTF-8.
    return json.dumps(data).encode("ascii")


def _answer_tag(told: dict[str, Any]) -> str:
    """The same for the same answer of the same generation, however long it took."""
    return response_cache.Body.of(_dumped({**told, "seconds": 0})).etag
