"""Every address the server's parts would answer at, against the allow-list."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from fastapi.testclient import TestClient
from opened import open_server
from starlette.routing import Mount

from assistant.assistant import Assistant
from assistant.index import builder
from assistant.index import index as indexes
from assistant.server.app import protect
from assistant.server.reload import LiveAssistant
from assistant.server.security.api_keys import KEY_PREFIX, ApiKeys
from assistant.settings import Settings

if TYPE_CHECKING:
    from assistant.server.app import Server

# Gradio asks pandas for an option that newer pandas announces to drop.
pytestmark = pytest.mark.filterwarnings("ignore:'future.no_silent_downcasting'")

STORED = "a" * 16

# What an authorised caller gets at each of our addresses: method, address, status, scope needed.
OPEN = {
    "/": [("GET", "/", 200, "read")],
    "/progress": [("GET", "/progress", 200, "")],
    "/guide/{path:path}": [
        ("GET", "/guide/dogs.md", 200, "read"),
        ("GET", "/guide/none.md", 404, "read"),
    ],
    "/picture/{path:path}": [
        ("GET", "/picture/dog.svg", 200, "read"),
        ("GET", "/picture/none.svg", 404, "read"),
    ],
    "/pages": [("GET", "/pages", 200, "read"), ("GET", "/pages?q=dog", 200, "read")],
    "/suggest": [("GET", "/suggest?q=dog", 200, "read")],
    "/pages/find": [("GET", "/pages/find?q=dog", 200, "read")],
    "/a/{name}": [("GET", f"/a/{STORED}", 404, "read"), ("GET", "/a/short", 404, "")],
    "/feedback": [("POST", "/feedback", 422, "feedback")],
    "/chat": [("GET", "/chat/chat.css", 200, ""), ("GET", "/chat/none.css", 404, "")],
    "/chat/brand.css": [("GET", "/chat/brand.css", 200, "")],
    "/chat/logo": [("GET", "/chat/logo", 404, "")],
    # In other sites' pages:
    "/widget.js": [("GET", "/widget.js", 200, "")],
    "/embed": [("GET", "/embed", 200, "read")],
    "/embed/ask": [("POST", "/embed/ask", 422, "read")],
    # For programs:
    "/api/ask": [("POST", "/api/ask", 422, "read")],
    "/api/search": [("POST", "/api/search", 422, "read")],
    "/api/sections/{path:path}": [
        ("GET", "/api/sections/dogs.md", 200, "read"),
        ("GET", "/api/sections/none.md", 404, "read"),
    ],
    "/api/guide": [("GET", "/api/guide", 200, "read")],
    "/api/answers/{name}": [("GET", f"/api/answers/{STORED}", 404, "read")],
    "/api/feedback": [("POST", "/api/feedback", 422, "feedback")],
    "/metrics": [("GET", "/metrics", 200, "admin")],
    "/mcp": [("POST", "/mcp", 400, "read")],
    "/docs": [("GET", "/docs", 200, "read")],
    "/docs/{name}": [
        ("GET", "/docs/swagger-ui.css", 200, ""),
        ("GET", "/docs/swagger-ui-bundle.js", 200, ""),
        ("GET", "/docs/none.js", 404, ""),
    ],
    "/openapi.json": [("GET", "/openapi.json", 200, "read")],
    "/v1/chat/completions": [("POST", "/v1/chat/completions", 422, "read")],
    "/v1/models": [("GET", "/v1/models", 200, "read")],
    "/v1/models/{name}": [
        ("GET", "/v1/models/guide", 200, "read"),
        ("GET", "/v1/models/none", 404, "read"),
    ],
    # Of Gradio's:
    "/assets/{path:path}": [("GET", "/assets/none.js", 404, "")],
    "/static/{path:path}": [("GET", "/static/none.js", 404, "")],
    "/theme.css": [("GET", "/theme.css", 200, "")],
    "/gradio_api/queue/join": [("POST", "/gradio_api/queue/join", 422, "read")],
    "/gradio_api/queue/data": [("GET", "/gradio_api/queue/data", 404, "read")],
    "/gradio_api/heartbeat/{session_hash}": [],  # never ends; tests/browser opens it
    "/gradio_api/startup-events": [("GET", "/gradio_api/startup-events", 200, "read")],
}

# What a middleware answers before any route.
HEALTH = {
    "/healthz": [("GET", "/healthz", 200, "")],
    "/readyz": [("GET", "/readyz", 200, "")],
}
ROWS = [row for rows in (*OPEN.values(), *HEALTH.values()) for row in rows]

# The status that each caller from another machine gets, by scope; 0 means allowed.
CALLERS = {
    "anonymous": {"": 0, "read": 401, "feedback": 401, "admin": 401},
    "wrong": {"": 0, "read": 401, "feedback": 401, "admin": 401},
    "revoked": {"": 0, "read": 401, "feedback": 401, "admin": 401},
    "reader": {"": 0, "read": 0, "feedback": 403, "admin": 403},
    "rater": {"": 0, "read": 403, "feedback": 0, "admin": 403},
    "admin": {"": 0, "read": 0, "feedback": 0, "admin": 0},
}

# Prefixes of Gradio's other addresses, which nobody may use.
SHUT = """
/login /logout /config /favicon.ico /manifest.json /svelte /pwa_icon /robots.txt /monitoring
/redoc /gradio_api/user /gradio_api/login_check /gradio_api/token
/gradio_api/app_id /gradio_api/dev /gradio_api/runs /gradio_api/run-history
/gradio_api/deep_link /gradio_api/info /gradio_api/openapi /gradio_api/custom_component
/gradio_api/proxy= /gradio_api/file= /gradio_api/file/ /gradio_api/stream /gradio_api/reset
/gradio_api/run/ /gradio_api/api/ /gradio_api/call/ /gradio_api/queue/status /gradio_api/cancel
/gradio_api/component_server /gradio_api/upload /gradio_api/theme.css
/gradio_api/process_recording /gradio_api/vibe /gradio_api/undo-vibe /gradio_api/profiling
/gradio_api/{url_path /gradio_api/app_id /{page}
""".split()


@pytest.fixture(scope="module")
def server(tmp_path_factory, word_encoder) -> Server:
    corpus, folder = tmp_path_factory.mktemp("guide"), tmp_path_factory.mktemp("index")
    (corpus / "dogs.md").write_text("# Dogs\n\n## What is a dog?\n\nA dog guards the house.\n")
    (corpus / "dog.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg"/>')
    builder.build_index(corpus, folder, word_encoder)
    live = LiveAssistant(Assistant(indexes.open_index(folder), word_encoder))
    return open_server(Settings(corpus=corpus, index=folder), live)


@pytest.fixture(scope="module")
def client(server) -> TestClient:
    return TestClient(server.app, base_url="http://127.0.0.1")


@pytest.fixture(scope="module")
def tokens(server) -> dict[str, str]:
    """Return the key of each caller, empty for a caller without one."""
    keys = ApiKeys(server.settings.keys_file)
    made = {
        "anonymous": "",
        "wrong": KEY_PREFIX + "w" * 43,
        "revoked": keys.add("revoked", ["read", "feedback", "admin"]),
        "reader": keys.add("reader", ["read"]),
        "rater": keys.add("rater", ["feedback"]),
        "admin": keys.add("admin", ["admin"]),
    }
    keys.revoke("revoked")
    return made


def list_addresses(app, above: str = "") -> dict[str, set[str]]:
    """List every address of an application and its mounts, with the methods."""
    methods_of: dict[str, set[str]] = {}
    for route in app.routes:
        if included := getattr(route, "original_router", None):
            for inner, methods in list_addresses(included, above).items():
                methods_of.setdefault(inner, set()).update(methods)
            continue
        path = above + route.path
        if isinstance(route, Mount) and getattr(route.app, "routes", None):
            for inner, methods in list_addresses(route.app, path.rstrip("/")).items():
                methods_of.setdefault(inner, set()).update(methods)
        else:
            methods_of.setdefault(path or "/", set()).update(
                getattr(route, "methods", None) or {"GET"}
            )
    return methods_of


@pytest.fixture(scope="module")
def every(server) -> dict[str, set[str]]:
    ours, chats = list_addresses(server.base_app), list_addresses(server.chat.app)
    for path, methods in list_addresses(server.guide_app).items():
        ours.setdefault(path, set()).update(methods)
    assert len(ours) >= 9
    assert len(chats) > 50
    return {path: ours.get(path, set()) | chats.get(path, set()) for path in {*ours, *chats}}


def fill_path(path: str) -> str:
    """An address that a route's path stands for."""
    return re.sub(r"\{[^}]*\}", "a", path)


def test_every_route_has_its_row(every):
    without = [
        path
        for path in every
        if path.rstrip("/") not in {one.rstrip("/") for one in OPEN}
        and not path.startswith(tuple(SHUT))
    ]
    assert without == []


def test_every_row_is_of_a_route(every):
    assert {path for path in OPEN if path not in every} == set()


def test_a_local_caller_gets_the_status_of_the_table_except_for_admin(client):
    for method, path, status, scope in ROWS:
        reply = client.request(method, path, json={} if method == "POST" else None)
        assert reply.status_code == (401 if scope == "admin" else status), path


@pytest.mark.parametrize("settings", [{"hosts": ("127.0.0.1",)}, {"trust_loopback": False}])
def test_without_trust_in_the_loopback_a_local_caller_needs_a_key(server, settings):
    chosen = server.settings.model_copy(update=settings)
    app = protect(server.base_app, lambda: server.routes, chosen)
    untrusting = TestClient(app, base_url="http://127.0.0.1")
    for rows in OPEN.values():
        for method, path, status, scope in rows:
            reply = untrusting.request(method, path, json={} if method == "POST" else None)
            assert reply.status_code == (401 if scope else status), path


@pytest.mark.parametrize("caller", CALLERS)
def test_a_remote_caller_gets_the_scopes_of_its_key_and_nothing_else(server, tokens, caller):
    # Each from an address of its own: one that sends many wrong keys is refused for a while.
    address = f"203.0.113.{list(CALLERS).index(caller) + 9}"
    elsewhere = TestClient(server.app, "http://127.0.0.1", client=(address, 50000))
    headers = {"Authorization": f"Bearer {tokens[caller]}"} if tokens[caller] else {}
    for method, path, status, scope in ROWS:
        sent = {} if method == "POST" else None
        reply = elsewhere.request(method, path, json=sent, headers=headers)
        assert reply.status_code == (CALLERS[caller][scope] or status), f"{caller}: {path}"
        if reply.status_code == 401:
            assert reply.headers["www-authenticate"] == "Bearer"
            assert "assistant keys add" in reply.json()["hint"]


def test_closed_addresses_answer_no_method(client, every):
    shut = [path for path in every if path.rstrip("/") not in {one.rstrip("/") for one in OPEN}]
    assert len(shut) > 40
    for path in shut:
        for method in ("GET", "POST", "PUT", "DELETE", "PATCH"):
            reply = client.request(method, fill_path(path))
            assert reply.status_code in {404, 405}, f"{method} {path}"
            assert reply.headers["content-type"] == "application/problem+json"


def test_other_methods_are_refused_everywhere(client):
    for method, path, *_ in ROWS:
        other = "POST" if method == "GET" else "GET"
        for wrong in (other, "PUT", "DELETE", "PATCH", "TRACE"):
            reply = client.request(wrong, path)
            assert reply.status_code in {404, 405}, f"{wrong} {path}"


def test_every_rendered_response_has_a_cost(server):
    free = {route.pattern.pattern for route in server.routes if not route.policy.cost}
    # Streams and the progress do no work by themselves.
    assert free == {
        "^/progress$",
        "/gradio_api/queue/data",
        "/gradio_api/heartbeat/[a-z0-9]+",
    }


def test_every_row_of_the_allow_list_is_tested_here(server):
    listed = [path.partition("?")[0] for _, path, *_ in ROWS]
    listed.append("/gradio_api/heartbeat/abc")
    for route in server.routes:
        assert any(route.pattern.fullmatch(path) for path in listed), route.pattern.pattern


def test_the_pages_of_questions_cost_one_and_take_json_where_they_take_a_body(server):
    questions = {route.pattern.pattern for route in server.routes if route.policy.is_question}
    assert len(questions) == 7
    for route in server.routes:
        if route.policy.is_question:
            media_type = "application/json" if "POST" in route.methods else ""
            assert (route.policy.cost, route.policy.body_media_type) == (1.0, media_type)
