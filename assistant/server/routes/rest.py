"""Serve the REST API: questions, searches, sections, stored answers and feedback, as JSON.

An answer can also be sent as server-sent events.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Body, Header, Path, Query, Request
from fastapi.responses import Response

from assistant.errors import NotFoundError
from assistant.http_accept import EVENT_STREAM, JSON, choose_media_type
from assistant.models.answers import Turn
from assistant.render import catalogue
from assistant.server import response_cache
from assistant.server.metrics import CONTENT_TYPE
from assistant.server.routes.hrefs import answer_to_dict, search_to_dict
from assistant.server.routes.requests import find_origin
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
    FEEDBACK_POLICY,
    FILE_COST,
    PAGE_COST,
    QUESTION_POLICY,
    Policy,
    with_policy,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from assistant.server.routes.schemas import HistoryTurn
    from assistant.server.service import Service

_LINKS = {
    "stored_answer": {
        "operationId": "answer",
        "parameters": {"name": "$response.body#/id"},
        "description": "Read the stored answer.",
    },
    "feedback": {
        "operationId": "feedback",
        "requestBody": {"answer": "$response.body#/id", "helpful": True},
        "description": "Rate the answer.",
    },
}
_PAGES_HINT = "See GET /api/guide for its pages."

_READ_POLICY = Policy(scope="read", cost=PAGE_COST)


def create_router(service: Service, count_waiting: Callable[[], int]) -> APIRouter:
    """Create the routes over a guide; `count_waiting` returns the length of the queue.

    The address for a browser of each citation, section and hit begins with the server's origin as
    the request names it.
    """
    api = APIRouter(
        tags=["REST"], responses=problem_responses(400, 401, 403, 413, 415, 422, 429, 500, 503)
    )

    @api.post(
        "/api/ask",
        summary="Ask the guide",
        operation_id="ask",
        responses={200: {"model": AnswerResponse, "content": STREAM_CONTENT, "links": _LINKS}},
    )
    @with_policy(QUESTION_POLICY)
    def ask(
        request: Request,
        body: Annotated[AskRequest, Body()],
        accept: Annotated[str, Header()] = JSON,  # noqa: ARG001 - OpenAPI describes it
    ) -> Response:
        """Answer a question with quotes from the guide, or say that it has no answer.

        With `Accept: text/event-stream` the answer is sent as the events understood, sentence,
        citation, resources and done. The last one holds the whole answer.
        """
        accept_header = ", ".join(request.headers.getlist("accept"))
        streamed = choose_media_type(accept_header, (JSON, EVENT_STREAM)) == EVENT_STREAM
        history = build_history(service, body)
        interface = "stream" if streamed else "rest"
        served = service.ask(body.question, history, interface=interface)
        store = service.assistant.index.store
        data = {"id": served.id, **answer_to_dict(served.answer, store, find_origin(request))}
        headers = {"ETag": _answer_etag(data), "Cache-Control": "no-store"}
        if not streamed:
            return Response(_dump_json(data), media_type=JSON, headers=headers)
        content = "".join(_format_event(name, data) for name, data in stream_events(data))
        # A proxy must not buffer the stream.
        return Response(
            content, media_type=EVENT_STREAM, headers={**headers, "X-Accel-Buffering": "no"}
        )

    @api.post(
        "/api/search",
        summary="Find passages",
        operation_id="search",
        responses={200: {"model": SearchResponse}},
    )
    @with_policy(QUESTION_POLICY)
    def search(request: Request, query: Annotated[SearchRequest, Body()]) -> Response:
        """Return the best passages, best first, and why each ranks where it does."""
        assistant = service.assistant
        result = service.search(
            query.question, query.k, build_history(service, query), interface="rest"
        )
        hits = search_to_dict(result, find_origin(request))
        data = {**hits, "generation": assistant.index.generation}
        return Response(_dump_json(data), media_type=JSON, headers={"Cache-Control": "no-store"})

    @api.get(
        "/api/sections/{path:path}",
        summary="Read a page or a section",
        operation_id="sections",
        responses={200: {"model": PageResponse}, 304: {}, **problem_responses(404)},
    )
    @with_policy(_READ_POLICY)
    def sections(
        path: Annotated[str, Path(max_length=1000, examples=["index.md"])],
        anchor: Annotated[str, Query(max_length=500, description="Only this section.")] = "",
        if_none_match: Annotated[str, Header()] = "",
    ) -> Response:
        """Return the sections of a page with their whole text."""

        def build() -> bytes:
            result = service.read_page(path, anchor)
            if result is None:
                name = f"{path}#{anchor}" if anchor else path
                raise NotFoundError(f"The guide has no {name!a}.", _PAGES_HINT)
            return _dump_json(result)

        return service.cached_response(("sections", path, anchor), build).to_response(
            if_none_match, JSON
        )

    @api.get(
        "/api/guide",
        summary="Describe the guide",
        operation_id="guide",
        responses={200: {"model": GuideResponse}, 304: {}},
    )
    @with_policy(_READ_POLICY)
    def guide(
        depth: Annotated[int, Query(ge=1, le=6, description="Levels of headings.")] = 2,
        if_none_match: Annotated[str, Header()] = "",
    ) -> Response:
        """Return the guide's title, languages, size, headings, and questions that it answers."""

        def build() -> bytes:
            return _dump_json(
                {**service.describe_guide(depth), "interface": list(catalogue.languages())}
            )

        body = service.cached_response(("guide", str(depth)), build)
        return body.to_response(if_none_match, JSON)

    @api.get(
        "/api/answers/{name}",
        summary="Read a stored answer",
        operation_id="answer",
        responses={200: {"model": StoredAnswerResponse}, 304: {}, **problem_responses(404)},
    )
    @with_policy(_READ_POLICY)
    def answer(
        request: Request,
        name: Annotated[str, Path(pattern=r"^[a-z2-7]{16}$", examples=["abcdefghijklmnop"])],
        if_none_match: Annotated[str, Header()] = "",
    ) -> Response:
        """Return a stored answer, and the citations whose section has changed since."""
        stored = service.answer_log.get(name) if service.answer_log else None
        if stored is None:
            raise NotFoundError(
                "No answer has this id.", "Ask again: answers are stored for some days."
            )
        store = service.assistant.index.store
        data = {
            "id": stored.id,
            "at": stored.at.isoformat(timespec="seconds").replace("+00:00", "Z"),
            "answer": {
                "id": stored.id,
                **answer_to_dict(stored.answer, store, find_origin(request)),
            },
            "changed": service.outdated_citations(stored),
        }
        return response_cache.CachedBody.from_content(_dump_json(data)).to_response(
            if_none_match, JSON
        )

    @api.post(
        "/api/feedback",
        status_code=204,
        summary="Rate an answer",
        operation_id="feedback",
        responses=problem_responses(404),
    )
    @with_policy(FEEDBACK_POLICY)
    def feedback(vote: Annotated[FeedbackRequest, Body()]) -> Response:
        """Store a reader's vote on an answer."""
        log = service.answer_log
        if log and log.rate(vote.answer, vote.helpful, vote.comment, vote=vote.vote):
            return Response(status_code=204)
        raise NotFoundError("No answer has this id.", "Ask again, and rate the new answer.")

    @api.get(
        "/metrics",
        summary="Counters for Prometheus",
        operation_id="metrics",
        responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
    )
    @with_policy(Policy(scope="admin", cost=FILE_COST))
    def metrics() -> Response:
        """Return questions, refusals, searches, seconds by step, generation and queue length."""
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
    """Yield the events of a streamed answer as names and data; the last holds the whole answer."""
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


def build_history(service: Service, request: AskRequest) -> list[Turn]:
    """Return the turns before a question: those about its section, then the conversation."""
    context = service.section_context(request.context)[1] if request.context else ()
    return [*context, *(_to_turn(turn) for turn in request.history)]


def _to_turn(turn: HistoryTurn) -> Turn:
    return Turn(turn.role, turn.text, tuple(turn.sources))


def _dump_json(data: dict[str, Any]) -> bytes:
    # A lone surrogate, which a question may contain, exists in JSON escapes but not in UTF-8.
    return json.dumps(data).encode("ascii")


def _answer_etag(data: dict[str, Any]) -> str:
    """Return an entity tag of the answer that does not depend on how long it took."""
    return response_cache.CachedBody.from_content(_dump_json({**data, "seconds": 0})).etag
