"""What the gate lets through to an application, and what it makes of the answer."""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import dataclass, field
from urllib.parse import unquote

import pytest

from assistant.server.security.middleware import SecurityMiddleware
from assistant.server.security.request import API_CONTENT_POLICY, PROBLEM_JSON, Policy, problem_json
from assistant.settings import Settings

PAGE = "default-src 'self'; script-src 'nonce-{nonce}'; frame-ancestors {frames}"
LISTED = "https://good.example"
PROXIES = {"trusted_proxies": ("10.0.0.0/8", "fd00::/8"), "host": "0.0.0.0"}
READER = ("203.0.113.9", 4711)
FRAME = "https://wiki.example.org"


def wrong_with(body: bytes) -> str:
    return "" if b"question" in body else "There is no question in it."


ROUTES = (
    Policy(("GET", "HEAD"), "/", PAGE),
    Policy(("POST",), "/ask", is_question=True, cost=1.0, validate_body=wrong_with),
    Policy(("GET",), "/talk"),
    Policy(("DELETE", "GET"), "/talk"),
    Policy(("GET",), "/widget[.]js", cross_origin=True),
    Policy(("GET",), "/files/.+", cost=0.5),
)


@dataclass
class Application:
    """What stands behind the gate: it remembers what reached it and answers as it is told."""

    status: int = 200
    headers: tuple[tuple[str, str], ...] = (("content-type", "text/plain"),)
    body: bytes = b"well"
    error: Exception | None = None
    scopes: list[dict] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)

    async def __call__(self, scope, receive, send):
        self.scopes.append(scope)
        self.bodies.append((await receive())["body"])
        if self.error:
            raise self.error
        headers = [(name.encode(), value.encode()) for name, value in self.headers]
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": self.body})

    def header(self, name: str) -> list[str]:
        """What the last request to arrive says under a name."""
        return [v.decode() for n, v in self.scopes[-1]["headers"] if n == name.encode()]


@dataclass
class Reply:
    """A response, its headers as they were sent."""

    status: int
    pairs: list[tuple[str, str]]
    body: bytes

    def all(self, name: str) -> list[str]:
        return [value for found, value in self.pairs if found == name]

    def __getitem__(self, name: str) -> str:
        (value,) = self.all(name)
        return value

    @property
    def problem(self) -> dict:
        assert self["content-type"] == PROBLEM_JSON
        return json.loads(self.body)


async def exchanged(gate: SecurityMiddleware, scope: dict, body: list[bytes]) -> Reply:
    pieces, said = list(body), []

    async def receive():
        if not pieces:
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": pieces.pop(0), "more_body": bool(pieces)}

    async def send(message):
        said.append(message)

    await gate(scope, receive, send)
    start, *rest = said
    assert [message.get("more_body", False) for message in rest][-1] is False
    pairs = [(name.decode(), value.decode("latin-1")) for name, value in start["headers"]]
    return Reply(start["status"], pairs, b"".join(message.get("body", b"") for message in rest))


def asked(gate: SecurityMiddleware, method: str = "GET", path: str = "/", **how) -> Reply:
    """A request's response. The path is as it is sent; Host is named unless it is given."""
    headers = [(name.lower(), value) for name, value in how.get("headers", ())]
    if "host" not in dict(headers) and not how.get("hostless"):
        headers.append(("host", "127.0.0.1"))
    body = how.get("body", b"")
    pieces = body if isinstance(body, list) else [body]
    if isinstance(body, bytes) and body:
        headers.append(("content-length", str(len(body))))
    raw, _, query = path.partition("?")
    scope = {
        "type": "http",
        "method": method,
        "scheme": how.get("scheme", "http"),
        "path": unquote(raw),
        "raw_path": raw.encode(),
        "root_path": "",
        "query_string": query.encode(),
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in headers],
        "client": how.get("client", READER),
    }
    return asyncio.run(exchanged(gate, scope, pieces))


def gate(application: Application | None = None, **settings) -> SecurityMiddleware:
    return SecurityMiddleware(application or Application(), ROUTES, Settings(**settings))


def question(guarded: SecurityMiddleware, **how) -> Reply:
    return asked(guarded, "POST", "/ask", **{"body": b"question", **how})


# Requests and what becomes of them


def test_every_response_has_an_id_of_the_gates_own():
    application = Application()
    ids = []
    for path in ("/", "/nowhere"):
        reply = asked(gate(application), path=path, headers=[("X-Request-Id", "mine")])
        assert re.fullmatch("[0-9a-f]{12}", reply["x-request-id"])
        ids.append(reply["x-request-id"])
    assert application.scopes[0]["state"]["request_id"] == ids[0] != ids[1]
    assert reply.problem["id"] == ids[1]


def test_an_application_gets_the_body_and_its_answer_goes_back():
    application = Application(headers=(("content-type", "text/plain"), ("etag", '"1"')))
    reply = question(gate(application))
    assert (reply.status, reply.body, reply["etag"]) == (200, b"well", '"1"')
    assert application.bodies == [b"question"]


def test_what_else_an_application_keeps_in_a_requests_state_stays():
    application = Application()
    scope = {"type": "http", "method": "GET", "path": "/", "state": {"kept": 1}}
    scope["headers"] = [(b"host", b"localhost")]
    assert asyncio.run(exchanged(gate(application), scope, [b""])).status == 200
    assert application.scopes[0]["state"]["kept"] == 1
    assert set(scope["state"]) == {"kept"}


def test_the_life_of_the_server_is_the_applications_and_a_websocket_is_refused():
    async def both():
        heard, said = [], []

        async def application(scope, receive, send):
            heard.append(scope["type"])

        async def send(message):
            said.append(message)

        guarded = SecurityMiddleware(application, ROUTES, Settings())
        await guarded({"type": "lifespan"}, None, send)
        await guarded({"type": "websocket", "path": "/", "headers": []}, None, send)
        return heard, said

    heard, said = asyncio.run(both())
    assert heard == ["lifespan"]
    assert said == [{"type": "websocket.close", "code": 1008}]


# What is let through


@pytest.mark.parametrize(
    "path", ["/admin", "/ask/", "//", "/ASK", "/widgetxjs", "/files/", "/ask;"]
)
def test_what_is_not_in_the_table_does_not_exist(path):
    application = Application()
    assert asked(gate(application), path=path).status == 404
    assert application.scopes == []


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("POST", "/", "GET, HEAD"),
        ("GET", "/ask", "POST"),
        ("PUT", "/talk", "GET, HEAD, DELETE"),
        ("TRACE", "/", "GET, HEAD"),
        ("OPTIONS", "/ask", "POST"),
        ("get", "/", "GET, HEAD"),
        ("<script>", "/", "GET, HEAD"),
    ],
)
def test_a_method_that_is_not_in_the_table_is_refused_with_those_that_are(method, path, allow):
    application = Application()
    reply = asked(gate(application), method, path)
    assert (reply.status, reply["allow"]) == (405, allow)
    assert application.scopes == []


def test_two_rows_of_one_path_are_told_apart_by_their_method():
    for method in ("GET", "DELETE"):
        assert asked(gate(), method, "/talk").status == 200


# What goes back

EVERYWHERE = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
    "x-frame-options": "SAMEORIGIN",
}


@pytest.mark.parametrize("path", ["/", "/talk", "/nowhere", "/ask", "/files/../a"])
def test_every_response_has_the_headers_that_keep_a_browser_safe(path):
    reply = asked(gate(), path=path)
    assert {name: reply[name] for name in EVERYWHERE} == EVERYWHERE
    assert reply.all("strict-transport-security") == []
    assert asked(gate(), path=path, scheme="https")["strict-transport-security"]
    assert ("frame-ancestors 'self'" in reply["content-security-policy"]) == (path == "/")
    assert (reply["content-security-policy"] == API_CONTENT_POLICY) == (path != "/")


def test_a_page_has_a_nonce_of_its_own_that_the_application_knows():
    application = Application()
    nonces = []
    for _ in range(3):
        reply = asked(gate(application))
        nonces.append(application.scopes[-1]["state"]["nonce"])
        assert f"script-src 'nonce-{nonces[-1]}';" in reply["content-security-policy"]
    assert len(set(nonces)) == 3
    assert all(len(nonce) >= 22 for nonce in nonces)


def test_a_page_with_a_nonce_is_never_answered_as_unchanged():
    application = Application()
    headers = [("If-None-Match", '"1"'), ("If-Modified-Since", "Sat, 01 Jan 2000 00:00:00 GMT")]
    asked(gate(application), headers=headers)
    assert application.header("if-none-match") == application.header("if-modified-since") == []
    asked(gate(application), path="/files/a", headers=headers)
    assert application.header("if-none-match") == ['"1"']


def test_sites_that_are_listed_may_show_a_page_in_a_frame():
    reply = asked(gate(frames=(FRAME, "https://b.example")))
    assert f"frame-ancestors 'self' {FRAME} https://b.example" in reply["content-security-policy"]
    assert reply.all("x-frame-options") == []
    assert (
        "frame-ancestors 'none'"
        in asked(gate(frames=(FRAME,)), path="/talk")["content-security-policy"]
    )


def test_what_is_shared_may_be_loaded_by_other_sites_pages():
    assert asked(gate(), path="/widget.js")["cross-origin-resource-policy"] == "cross-origin"


def test_what_an_application_may_not_say_is_dropped():
    theirs = (
        ("Set-Cookie", "a=b"),
        ("Server", "software/1.0"),
        ("Content-Security-Policy", "default-src *"),
        ("X-Frame-Options", "ALLOWALL"),
        ("X-Request-Id", "theirs"),
        ("Strict-Transport-Security", "max-age=0"),
        ("Cache-Control", "max-age=60"),
    )
    reply = asked(gate(Application(headers=theirs)))
    assert not {"set-cookie", "server", "strict-transport-security"} & {*dict(reply.pairs)}
    assert reply["x-frame-options"] == "SAMEORIGIN"
    assert "*" not in reply["content-security-policy"]
    assert reply["x-request-id"] != "theirs"
    assert reply["cache-control"] == "max-age=60"


# Errors


def test_a_problem_says_what_is_wrong_and_how_to_mend_it():
    assert json.loads(problem_json(404, "It is gone.", "Look elsewhere.", "0123456789ab")) == {
        "type": "about:blank",
        "title": "Not Found",
        "status": 404,
        "detail": "It is gone.",
        "mend": "Look elsewhere.",
        "id": "0123456789ab",
    }
    assert json.loads(problem_json(799, "", "", ""))["title"] == "Error"


@pytest.mark.parametrize(
    "status", [400, 401, 403, 404, 405, 409, 418, 422, 429, 499, 500, 503, 599]
)
@pytest.mark.parametrize("kind", ["application/json", "text/plain; charset=utf-8", ""])
def test_an_error_of_the_application_takes_our_shape_and_says_nothing_of_what_is_inside(
    status, kind
):
    inside = b'{"detail": "/srv/secret.py, line 7"}'
    headers = (("content-type", kind), ("content-length", str(len(inside))), ("allow", "GET"))
    reply = asked(gate(Application(status, headers, inside)))
    said = reply.problem
    assert (reply.status, said["status"], reply["allow"]) == (status, status, "GET")
    assert b"secret" not in reply.body
    assert set(said) == {"type", "title", "status", "detail", "mend", "id"}
    assert all(said.values())
    assert int(reply["content-length"]) == len(reply.body)
    assert reply["cache-control"] == "no-store"


def test_an_error_page_for_readers_and_a_problem_pass_as_they_are():
    page = Application(404, (("content-type", "text/html; charset=utf-8"),), b"<p>Not there")
    assert asked(gate(page)).body == b"<p>Not there"
    assert "nonce-" in asked(gate(page))["content-security-policy"]
    said = Application(409, (("content-type", PROBLEM_JSON),), b"{}")
    assert asked(gate(said)).body == b"{}"


def test_a_page_of_a_broken_application_does_not_pass():
    page = Application(500, (("content-type", "text/html"),), b"<pre>Traceback")
    assert asked(gate(page)).problem["status"] == 500


def test_an_error_sent_in_pieces_is_replaced_once():
    async def application(scope, receive, send):
        await send({"type": "http.response.start", "status": 502, "headers": []})
        for _ in range(3):
            await send({"type": "http.response.body", "body": b"piece", "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    reply = asked(SecurityMiddleware(application, ROUTES, Settings()))
    assert reply.problem["status"] == 502


def test_an_application_that_breaks_is_logged_under_the_requests_id(caplog):
    reply = asked(gate(Application(error=ValueError("inside"))))
    assert reply.problem["status"] == 500
    assert b"inside" not in reply.body
    (record,) = caplog.records
    assert (record.name, record.levelname) == ("assistant.server.security.middleware", "ERROR")
    assert reply["x-request-id"] in record.getMessage()
    assert "ValueError: inside" in caplog.text


def test_an_application_that_breaks_after_its_own_error_is_answered_once(caplog):
    class Broken(Application):
        async def __call__(self, scope, receive, send):
            await super().__call__(scope, receive, send)
            raise ValueError

    assert asked(gate(Broken(status=500))).problem["status"] == 500
    assert len(caplog.records) == 1
