"""Every address the server's parts would answer at, against the table of what is let through."""

from __future__ import annotations

import re

import pytest
from fastapi.testclient import TestClient
from opened import opened
from starlette.routing import Mount

from assistant import building
from assistant import index as indexes
from assistant.ask import Assistant
from assistant.live import Live
from assistant.server import ROUTES, Server
from assistant.settings import Settings

# Gradio asks pandas for an option that newer pandas announces to drop.
pytestmark = pytest.mark.filterwarnings("ignore:'future.no_silent_downcasting'")

KEPT = "a" * 16

# What an anonymous reader gets at each of our own addresses: method, address, status.
OPEN = {
    "/": [("GET", "/", 200)],
    "/healthz": [("GET", "/healthz", 200)],
    "/readyz": [("GET", "/readyz", 200)],
    "/progress": [("GET", "/progress", 200)],
    "/guide/{path:path}": [("GET", "/guide/dogs.md", 200), ("GET", "/guide/none.md", 404)],
    "/a/{name}": [("GET", f"/a/{KEPT}", 404), ("GET", "/a/short", 404)],
    "/feedback": [("POST", "/feedback", 422)],
    "/chat": [("GET", "/chat/chat.css", 200), ("GET", "/chat/none.css", 404)],
    "/chat/brand.css": [("GET", "/chat/brand.css", 200)],
    "/chat/logo": [("GET", "/chat/logo", 404)],
    # Of Gradio's:
    "/assets/{path:path}": [("GET", "/assets/none.js", 404)],
    "/static/{path:path}": [("GET", "/static/none.js", 404)],
    "/theme.css": [("GET", "/theme.css", 200)],
    "/gradio_api/queue/join": [("POST", "/gradio_api/queue/join", 422)],
    "/gradio_api/queue/data": [("GET", "/gradio_api/queue/data", 404)],
    "/gradio_api/heartbeat/{session_hash}": [],  # never ends; tests/browser opens it
    "/gradio_api/startup-events": [("GET", "/gradio_api/startup-events", 200)],
}

# Gradio's others, which nobody gets anything from, by how they begin.
SHUT = """
/login /logout /config /favicon.ico /manifest.json /svelte /pwa_icon /robots.txt /monitoring
/openapi.json /docs /redoc /gradio_api/user /gradio_api/login_check /gradio_api/token
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
    building.build(corpus, folder, word_encoder)
    return opened(Settings(index=folder), Live(Assistant(indexes.open(folder), word_encoder)))


@pytest.fixture(scope="module")
def client(server) -> TestClient:
    return TestClient(server.app, base_url="http://127.0.0.1")


def addresses(app, above: str = "") -> dict[str, set[str]]:
    """Every address of an application and what is mounted in it, with its methods."""
    found: dict[str, set[str]] = {}
    for route in app.routes:
        if included := getattr(route, "original_router", None):
            for inner, methods in addresses(included, above).items():
                found.setdefault(inner, set()).update(methods)
            continue
        path = above + route.path
        if isinstance(route, Mount) and getattr(route.app, "routes", None):
            for inner, methods in addresses(route.app, path.rstrip("/")).items():
                found.setdefault(inner, set()).update(methods)
        else:
            found.setdefault(path or "/", set()).update(getattr(route, "methods", None) or {"GET"})
    return found


@pytest.fixture(scope="module")
def every(server) -> dict[str, set[str]]:
    ours, chats = addresses(server.app._app), addresses(server._chat)
    assert len(ours) >= 9
    assert len(chats) > 50
    return {path: ours.get(path, set()) | chats.get(path, set()) for path in {*ours, *chats}}


def example(path: str) -> str:
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


def test_what_is_open_answers_as_the_table_says(client):
    for rows in OPEN.values():
        for method, path, status in rows:
            found = client.request(method, path, json={} if method == "POST" else None)
            assert found.status_code == status, path


def test_what_is_shut_answers_nothing_by_any_method(client, every):
    shut = [path for path in every if path.rstrip("/") not in {one.rstrip("/") for one in OPEN}]
    assert len(shut) > 40
    for path in shut:
        for method in ("GET", "POST", "PUT", "DELETE", "PATCH"):
            found = client.request(method, example(path))
            assert found.status_code in {404, 405}, f"{method} {path}"
            assert found.headers["content-type"] == "application/problem+json"


def test_a_method_nobody_asked_for_is_refused_everywhere(client):
    for rows in OPEN.values():
        for method, path, _ in rows:
            other = "POST" if method == "GET" else "GET"
            for wrong in (other, "PUT", "DELETE", "PATCH", "TRACE"):
                found = client.request(wrong, path)
                assert found.status_code in {404, 405}, f"{wrong} {path}"


def test_every_row_of_the_gate_s_table_is_one_that_is_tested_here(every):
    listed = [path for rows in OPEN.values() for _, path, _ in rows]
    listed.append("/gradio_api/heartbeat/abc")
    for row in ROUTES:
        assert any(re.fullmatch(row.path, path) for path in listed), row.path
