"""The guide over HTTP: questions, searches, sections and opinions as JSON, answers as events too.

Knows addresses, bodies and what a response says of itself. Must not know how an answer is found,
nor who may ask: that is the gate's.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Body, Header, Path, Query, Request
from fastapi.responses import Response

from assistant.conversation import MAX_CONVERSATION_BYTES
from assistant.errors import NotFoundError
from assistant.http_accept import EVENT_STREAM, JSON, choose_media_type
from assistant.models.answers import Turn
from assistant.render import catalogue
from assistant.server import response_cache
from assistant.server.metrics import CONTENT_TYPE
from assistant.server.routes.schemas import (
    STREAM_CONTENT,
    AnswerResponse,
    AskRequest,
    FeedbackRequest,
    GuideResponse,
    PageResponse,
    SearchRequest,
    SearchResponse,
    StoredAnswerResponse,
    problem_responses,
)
from assistant.server.security.policies import (
    FILE_COST,
    PAGE_COST,
    QUESTION_COST,
    Policy,
    with_policy,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from assistant.server.routes.schemas import HistoryTurn
    from assistant.server.service import Service

_LINKS = {
    "as it was given": {"operationId": "answer", "parameters": {"name": "$response.body#/id"}},
    "what is thought of it": {
        "operationId": "feedback",
        "requestBody": {"answer": "$response.body#/id", "helpful": True},
    },
}
_PAGES_HINT = "See GET /api/guide for its pages."

_READ = Policy(scope="read", cost=PAGE_COST)
_QUESTION = Policy(
    scope="read",
    is_question=True,
    cost=QUESTION_COST,
    max_body=MAX_CONVERSATION_BYTES,
    body_media_type=JSON,
)


def create_router(service: Service, count_waiting: Callable[[], int]) -> APIRouter:
    """The routes over a guide; `waiting` says how many questions wait for their turn."""
    api = APIRouter(responses=problem_responses(400, 401, 403, 413, 415, 422, 429, 500, 503))

    @api.post(
        "/api/ask",
        summary="Ask the guide",
        operation_id="ask",
        responses={200: {"model": AnswerResponse, "content": STREAM_CONTENT, "links": _LINKS}},
    )
    @with_policy(_QUESTION)
    def ask(
        request: Request,
        asking: Annotated[AskRequest, Body()],
        accept: Annotated[str, Header()] = JSON,  # noqa: ARG001 - so that it is described
    ) -> Response:
        """Answer a question with quotes of the guide, or say that it does not answer it.

        With `Accept: text/event-stream` the answer comes as the events understood, sentence,
        citation, resources and done, whose data is all of it.
        """
        accepted = ", ".join(request.headers.getlist("accept"))
        streamed = choose_media_type(accepted, (JSON, EVENT_STREAM)) == EVENT_STREAM
        history = _build_history(service, asking)
        given = service.ask(asking.question, history, interface="stream" if streamed else "rest")
        told = given.to_dict()
        headers = {"ETag": _answer_etag(told), "Cache-Control": "no-store"}
        if not streamed:
            return Response(_dump_json(told), media_type=JSON, headers=headers)
        sent = "".join(_format_event(name, data) for name, data in stream_events(told))
        # A proxy that collects a response before it hands it on would make a stream of it no more.
        return Response(
            sent, media_type=EVENT_STREAM, headers={**headers, "X-Accel-Buffering": "no"}
        )

    @api.post(
        "/api/search",
        summary="Find passages",
        operation_id="search",
        responses={200: {"model": SearchResponse}},
    )
    @with_policy(_QUESTION)
    def search(searching: Annotated[SearchRequest, Body()]) -> Response:
        """The passages that answer best, best first, and why each ranks where it does."""
        assistant = service.assistant
        found = service.search(
            searching.question, searching.k, _build_history(service, searching), interface="rest"
        )
        data = {**found.to_dict(), "generation": assistant.index.generation}
        return Response(_dump_json(data), media_type=JSON, headers={"Cache-Control": "no-store"})

    @api.get(
        "/api/sections/{path:path}",
        summary="Read a page or a section",
        operation_id="sections",
        responses={200: {"model": PageResponse}, 304: {}, **problem_responses(404)},
    )
    @with_policy(_READ)
    def sections(
        path: Annotated[str, Path(max_length=1000, examples=["index.md"])],
        anchor: Annotated[str, Query(max_length=500, description="Only this section.")] = "",
        if_none_match: Annotated[str, Header()] = "",
    ) -> Response:
        """A page's sections with all of their text."""

        def make() -> bytes:
            found = service.read_page(path, anchor)
            if found is None:
                named = f"{path}#{anchor}" if anchor else path
                raise NotFoundError(f"The guide has no {named!a}.", _PAGES_HINT)
            return _dump_json(found)

        body = service.cached_response(("sections", path, anchor), make)
        return body.to_response(if_none_match, JSON)

    @api.get(
        "/api/guide",
        summary="What the guide is",
        operation_id="guide",
        responses={200: {"model": GuideResponse}, 304: {}},
    )
    @with_policy(_READ)
    def guide(
        depth: Annotated[int, Query(ge=1, le=6, description="Levels of headings.")] = 2,
        if_none_match: Annotated[str, Header()] = "",
    ) -> Response:
        """The guide's title, languages, size, headings, and questions it answers."""

        def make() -> bytes:
            return _dump_json(
                {**service.describe_guide(depth), "interface": list(catalogue.languages())}
            )

        return service.cached_response(("guide", str(depth)), make).to_response(if_none_match, JSON)

    @api.get(
        "/api/answers/{name}",
        summary="An answer as it was given",
        operation_id="answer",
        responses={200: {"model": StoredAnswerResponse}, 304: {}, **problem_responses(404)},
    )
    @with_policy(_READ)
    def answer(
        name: Annotated[str, Path(pattern=r"^[a-z2-7]{16}$", examples=["abcdefghijklmnop"])],
        if_none_match: Annotated[str, Header()] = "",
    ) -> Response:
        """An answer by its id, and which of its citations no longer stand."""
        kept = service.answer_log.get(name) if service.answer_log else None
        if kept is None:
            raise NotFoundError(
                "No such answer is kept.", "Ask again: answers are kept for a while."
            )
        data = {
            "id": kept.id,
            "at": kept.at.isoformat(timespec="seconds").replace("+00:00", "Z"),
            "answer": {"id": kept.id, **kept.answer.to_dict()},
            "changed": service.outdated_citations(kept),
        }
        return response_cache.CachedBody.from_content(_dump_json(data)).to_response(
            if_none_match, JSON
        )

    @api.post(
        "/api/feedback",
        status_code=204,
        summary="Say what you think of an answer",
        operation_id="feedback",
        responses=problem_responses(404),
    )
    @with_policy(Policy(scope="feedback", cost=PAGE_COST, body_media_type=JSON))
    def feedback(opinion: Annotated[FeedbackRequest, Body()]) -> Response:
        """Keep what a reader thinks of an answer, beside what others do."""
        journal, said = service.answer_log, (opinion.answer, opinion.helpful, opinion.comment)
        if journal and journal.rate(*said, vote=opinion.vote):
            return Response(status_code=204)
        raise NotFoundError("No such answer is kept.", "Ask again, and rate the answer given then.")

    @api.get(
        "/metrics",
        summary="Counters for Prometheus",
        operation_id="metrics",
        responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
    )
    @with_policy(Policy(scope="admin", cost=FILE_COST))
    def metrics() -> Response:
        """Questions, refusals, searches, seconds by step, the generation and who waits."""
        index = service.assistant.index
        text = service.metrics.render(
            generation=index.generation,
            passages=index.store.size,
            waiting=count_waiting(),
            stale=bool(service.live.stale_reason),
        )
        return Response(text, media_type=CONTENT_TYPE)

    return api


def stream_events(data: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """An answer as it is told piece by piece: each event's name and data, all of it in the last."""
    yield (
        "understood",
        {name: data[name] for name in ("question", "understood_as", "other_readings")},
    )
    for citation in data["citations"]:
        yield "sentence", {"n": citation["n"], "text": citation["quote"]}
    for citation in data["citations"]:
        yield "citation", citation
    yield "resources", {name: data[name] for name in ("resources", "related", "next_questions")}
    yield "done", data


def _format_event(name: str, data: dict[str, Any]) -> str:
    return f"event: {name}\ndata: {json.dumps(data)}\n\n"


def _build_history(service: Service, request: AskRequest) -> list[Turn]:
    begun = service.section_context(request.context)[1] if request.context else ()
    return [*begun, *(_to_turn(said) for said in request.history)]


def _to_turn(turn: HistoryTurn) -> Turn:
    return Turn(turn.role, turn.text, tuple(turn.sources))


def _dump_json(data: dict[str, Any]) -> bytes:
    # Half a character, which a question may hold, can be written in JSON but not in UTF-8.
    return json.dumps(data).encode("ascii")


def _answer_etag(data: dict[str, Any]) -> str:
    """The same for the same answer of the same generation, however long it took."""
    return response_cache.CachedBody.from_content(_dump_json({**data, "seconds": 0})).etag
