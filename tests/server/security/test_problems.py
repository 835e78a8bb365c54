"""Problem details: the JSON of every error."""

from __future__ import annotations

import json

from assistant.server.security.problems import Refusal, problem_json
from tests.server.security.asgi_requests import request


def test_a_problem_says_what_is_wrong_and_how_to_fix_it():
    assert json.loads(problem_json(404, "It is not here.", "Look elsewhere.", "0123456789ab")) == {
        "type": "about:blank",
        "title": "Not Found",
        "status": 404,
        "detail": "It is not here.",
        "hint": "Look elsewhere.",
        "mend": "Look elsewhere.",
        "id": "0123456789ab",
    }
    assert json.loads(problem_json(799, "", "", ""))["title"] == "Error"


def test_openai_s_clients_get_the_message_and_the_hint_in_one_place():
    for status, kind in ((404, "invalid_request_error"), (503, "server_error")):
        problem = json.loads(problem_json(status, "No.", "Look.", "", openai_error=True))
        assert problem["error"] == {
            "message": "No. Look.",
            "type": kind,
            "param": None,
            "code": None,
        }


def test_a_refusal_is_an_application_by_itself():
    reply = request(Refusal(429, "Too many.", headers={"retry-after": "3"}))
    assert (reply.status, reply["retry-after"], reply["cache-control"]) == (429, "3", "no-store")
    assert reply.problem["detail"] == "Too many."
    assert reply.problem["hint"] == "Wait a moment and ask again."
    assert int(reply["content-length"]) == len(reply.body)


def test_a_refusal_to_a_head_request_has_no_body():
    reply = request(Refusal(404), "HEAD")
    assert (reply.status, reply.body) == (404, b"")
    assert int(reply["content-length"]) > 0


def test_a_refusal_reads_what_the_client_still_sends():
    pieces = [b"x" * 10] * 5
    reply = request(Refusal(404), "POST", body=pieces, headers=[("Transfer-Encoding", "chunked")])
    assert (reply.status, reply["connection"]) == (404, "close")


def test_a_refusal_without_a_body_has_none():
    reply = request(Refusal(204))
    assert (reply.body, reply.all("content-type"), reply.all("content-length")) == (b"", [], [])
