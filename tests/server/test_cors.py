"""Test every address from twelve origins: only the listed one may read."""

from __future__ import annotations

import pytest
from fastapi.testclient import TestClient
from opened import open_server

from assistant.assistant import Assistant
from assistant.index import builder
from assistant.index import index as indexes
from assistant.server.reload import LiveAssistant
from assistant.settings import Settings
from tests.server.security.test_allow_list import OPEN

# Gradio asks pandas for an option that newer pandas announces to drop.
pytestmark = pytest.mark.filterwarnings("ignore:'future.no_silent_downcasting'")

LISTED = "https://wiki.example"
FOREIGN = [
    "http://wiki.example",
    "https://wiki.example:8443",
    "https://wiki.example.evil.example",
    "https://evil.example",
    "https://evil.example/https://wiki.example",
    "https://wiki.example/",
    "https://WIKI.EXAMPLE",
    "https://wiki.example, https://evil.example",
    "null",
    "file://",
    "*",
]
# No request here has an admin key.
ROWS = [
    (method, path, 401 if scope == "admin" else status)
    for rows in OPEN.values()
    for method, path, status, scope in rows
]
ALLOWED = "access-control-allow-origin"


@pytest.fixture(scope="module")
def client(tmp_path_factory, word_encoder) -> TestClient:
    corpus, folder = tmp_path_factory.mktemp("guide"), tmp_path_factory.mktemp("index")
    (corpus / "dogs.md").write_text("# Dogs\n\n## What is a dog?\n\nA dog guards the house.\n")
    (corpus / "dog.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg"/>')
    builder.build_index(corpus, folder, word_encoder)
    settings = Settings(corpus=corpus, index=folder, origins=(LISTED,))
    server = open_server(
        settings, LiveAssistant(Assistant(indexes.open_index(folder), word_encoder))
    )
    return TestClient(server.app, base_url="http://127.0.0.1")


def send_request(client, method: str, path: str, origin: str):
    body = {} if method == "POST" else None
    return client.request(method, path, json=body, headers={"Origin": origin})


def test_the_tables_hold_twelve_origins_and_all_addresses():
    assert len({LISTED, *FOREIGN}) == 12
    assert len(ROWS) > 20


def test_the_listed_origin_may_read_every_address(client):
    for method, path, status in ROWS:
        reply = send_request(client, method, path, LISTED)
        assert reply.status_code == status, path
        assert reply.headers.get(ALLOWED) in {None, LISTED}, path
        assert "access-control-allow-credentials" not in reply.headers
        if status < 400:
            assert reply.headers[ALLOWED] == LISTED, path
            assert "Origin" in reply.headers["vary"]


@pytest.mark.parametrize("origin", FOREIGN)
def test_a_foreign_origin_may_read_and_change_nothing(client, origin):
    for method, path, status in ROWS:
        reply = send_request(client, method, path, origin)
        assert ALLOWED not in reply.headers, path
        unknown = status in {404, 405} and reply.status_code == status
        assert reply.status_code == (403 if method == "POST" and not unknown else status), path


@pytest.mark.parametrize("origin", [LISTED, *FOREIGN])
def test_only_the_listed_origin_passes_a_preflight_request(client, origin):
    for method, path, _ in ROWS:
        headers = {"Origin": origin, "Access-Control-Request-Method": method}
        reply = client.options(path, headers=headers)
        assert (reply.headers.get(ALLOWED) == LISTED) == (
            origin == LISTED and reply.status_code == 204
        ), path
        if origin == LISTED:
            assert reply.status_code in {204, 404}, path


def test_the_server_s_own_origin_needs_no_list(client):
    reply = send_request(client, "POST", "/api/ask", "http://127.0.0.1")
    assert reply.status_code == 422
    assert ALLOWED not in reply.headers
