"""Test what the server returns at each address, and how it starts."""

from __future__ import annotations

import contextlib
import json
import re
import socket
from urllib.parse import quote

import pytest
from drawn import HOSTILE, Tags, assert_harmless
from fastapi.testclient import TestClient
from opened import open_server

from assistant.assistant import Assistant
from assistant.errors import GuideError, SettingsError
from assistant.index import builder
from assistant.index import index as indexes
from assistant.server.answer_log import AnswerLog
from assistant.server.app import Server
from assistant.server.lifecycle import serve
from assistant.server.reload import LiveAssistant
from assistant.server.security.api_keys import ApiKeys
from assistant.settings import Settings

# Gradio asks pandas for an option that newer pandas announces to drop.
pytestmark = pytest.mark.filterwarnings("ignore:'future.no_silent_downcasting'")

CATS = f"""---
title: "Cats {HOSTILE}"
---

## What is a cat?

A cat is an animal that climbs a tree.

Is something missing? [Tell us](https://forms.gle/abc).
"""
DOGS = "# Dogs\n\n## What is a dog?\n\nA dog guards the house and the road.\n"
JOIN = {"data": ["what is a dog?"], "fn_index": 0, "session_hash": "abc", "trigger_id": 1}


@contextlib.contextmanager
def serve_guide(settings: Settings, live: LiveAssistant):
    server = open_server(settings, live)
    yield server, TestClient(server.app, base_url="http://127.0.0.1")


@pytest.fixture(scope="module")
def place(tmp_path_factory, word_encoder):
    corpus = tmp_path_factory.mktemp("guide")
    (corpus / "cats and more.md").write_text(CATS, encoding="utf-8")
    (corpus / "dogs.md").write_text(DOGS, encoding="utf-8")
    folder = tmp_path_factory.mktemp("index")
    builder.build_index(corpus, folder, word_encoder)
    return corpus, folder


@pytest.fixture(scope="module")
def live(place, word_encoder) -> LiveAssistant:
    return LiveAssistant(Assistant(indexes.open_index(place[1]), word_encoder))


@pytest.fixture(scope="module")
def client(place, live):
    with serve_guide(Settings(index=place[1], title=HOSTILE), live) as (_, client):
        yield client


def test_a_probe_gets_only_the_status(client):
    assert client.get("/healthz").json() == {"status": "ok"}
    assert client.get("/readyz").json() == {"status": "ok"}


def test_healthz_names_the_generation_to_an_admin_key_only(place, client, live):
    keys = ApiKeys(place[1] / "keys.json")
    for scope in ("admin", "read"):
        token = keys.add(scope, [scope])
        reply = client.get("/healthz", headers={"Authorization": f"Bearer {token}"}).json()
        more = {"generation": live.assistant.index.generation} if scope == "admin" else {}
        assert reply == {"status": "ok", **more}
        keys.revoke(scope)
    stale = client.get("/healthz", headers={"Authorization": f"Bearer {token}"})
    assert (stale.status_code, stale.json()) == (200, {"status": "ok"})


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost:7860", "10.1.2.3:7860", "pod-7", "a b"])
def test_a_probe_is_answered_under_any_host_name(place, live, host):
    settings = Settings(index=place[1], hosts=("help.example.com",), root="/help")
    with serve_guide(settings, live) as (_, client):
        for path in ("/healthz", "/readyz", "/help/healthz"):
            reply = client.get(path, headers={"Host": host})
            assert (reply.status_code, reply.json()) == (200, {"status": "ok"})
        assert client.get("/api/guide", headers={"Host": host}).status_code in {400, 421}


def test_until_the_guide_is_ready_every_page_shows_the_progress(place):
    waiting = TestClient(Server(Settings(index=place[1])).app, base_url="http://127.0.0.1")
    for path in ("/", "/guide/dogs.md", "/a/" + "a" * 16):
        page = waiting.get(path, headers={"Accept": "text/html,*/*"})
        assert page.status_code == 503
        assert page.headers["retry-after"] == "2"
        assert "Preparing the guide" in page.text
        assert "script-src 'self'; style-src 'self'" in page.headers["content-security-policy"]
    for accept in ("*/*", "text/html;q=0", "application/json, text/html;q=0.5"):
        assert not waiting.get("/", headers={"Accept": accept}).text.startswith("<")
    for accept in ("TEXT/HTML", "application/json;q=0.5, text/html", "text/*"):
        assert waiting.get("/", headers={"Accept": accept}).text.startswith("<!doctype html>")
    refusal = waiting.post("/api/ask", json={"question": "what is a dog?"})
    assert refusal.status_code == 503
    assert refusal.headers["retry-after"] == "2"
    assert refusal.json()["hint"]
    assert waiting.get("/healthz").json() == {"status": "ok"}
    ready = waiting.get("/readyz")
    assert (ready.status_code, ready.json()) == (503, {"status": "not ready"})
    assert waiting.get("/progress").json() == {"ready": False, "steps": {}}


def test_the_reader_gives_every_section_the_anchor_its_links_use(client, live):
    store = live.assistant.index.store
    for path in store.page_paths():
        page = client.get("/guide/" + quote(path))
        assert page.status_code == 200
        ids = {attributes.get("id") for _, attributes in Tags(page.text).result}
        assert {section.anchor for section in store.sections(path) if section.anchor} <= ids


def test_a_page_is_found_by_its_published_name_too(client):
    reply = client.get("/guide/dogs", follow_redirects=False)
    assert (reply.status_code, reply.headers["location"]) == (307, "/guide/dogs.md")


@pytest.mark.parametrize("path", ["nothing.md", "dogs.md'%20or%201=1--", "", "dogs.md%20"])
def test_a_path_of_no_page_is_not_found(client, path):
    reply = client.get("/guide/" + path)
    assert reply.status_code == 404
    assert "is not in the guide" in reply.text


def test_a_page_is_in_the_reader_s_language(client):
    page = client.get("/guide/nothing.md", headers={"Accept-Language": "ar, en;q=0.5"})
    (html,) = Tags(page.text).all("html")
    assert (html["lang"], html["dir"]) == ("ar", "rtl")


def test_every_page_is_harmless_and_loads_from_no_other_host(client):
    for path in ("/guide/dogs.md", "/guide/cats%20and%20more.md", "/guide/none.md"):
        page = client.get(path)
        assert_harmless(page.text)
        policy = page.headers["content-security-policy"]
        assert not re.search(r"https?:|\*|unsafe", policy)


def test_the_chat_s_policy_allows_no_eval_and_no_script_without_the_page_s_own_nonce(client):
    nonces = set()
    for _ in range(3):
        page = client.get("/")
        policy = page.headers["content-security-policy"]
        assert "unsafe-eval" not in policy
        (allowed,) = re.findall(r"script-src ([^;]*)", policy)
        (nonce,) = re.findall(r"^'self' 'nonce-([^']+)'$", allowed)
        tags = Tags(page.text)
        assert {script.get("nonce") for script in tags.all("script")} == {nonce}
        nonces.add(nonce)
    assert len(nonces) == 3


def test_the_conversation_is_never_an_input_of_an_event(client):
    page = client.get("/").text
    config = json.loads(re.search(r"window.gradio_config = (\{.*?\});</script>", page, re.S)[1])
    kinds = {component["id"]: component["type"] for component in config["components"]}
    assert config["dependencies"]
    for event in config["dependencies"]:
        assert {kinds[number] for number in event["inputs"]} <= {"textbox", "button", "state"}
        assert event["api_visibility"] == "private"


MESSAGE = {"role": "user", "content": [{"type": "component", "component": "image"}]}


@pytest.mark.parametrize(
    "data",
    [
        [MESSAGE],
        [[MESSAGE]],
        [{"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}}],
        [["a", "b"]],
        [1],
        [True],
        ["text", None],
        ["text", {"value": "state"}],
    ],
)
def test_an_event_takes_text_and_nothing_else(client, data):
    for event in range(12):
        sent = client.post("/gradio_api/queue/join", json={**JOIN, "data": data, "fn_index": event})
        assert sent.status_code == 422
        assert set(sent.json()) == {"type", "title", "status", "detail", "hint", "mend", "id"}


@pytest.mark.parametrize(
    "path",
    "/gradio_api/run/predict /gradio_api/api/ask /gradio_api/call/ask /gradio_api/upload "
    "/gradio_api/component_server /gradio_api/file=/etc/passwd /gradio_api/proxy=https://x.example "
    "/gradio_api/cancel /gradio_api/stream/a /login /redoc /gradio_api/info "
    "/config /monitoring /gradio_api/openapi.json /svelte/a /gradio_api/dev/reload /api".split(),
)
def test_only_the_gradio_routes_that_the_chat_needs_are_served(client, path):
    for method in ("GET", "POST"):
        reply = client.request(method, path, json={} if method == "POST" else None)
        assert reply.status_code in {404, 405}, reply.text
        assert reply.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("path", ["web.py", "none.css", "", "catalogues", "py.typed"])
def test_source_files_are_not_served(client, path):
    reply = client.get("/chat/" + path)
    assert reply.status_code == 404
    assert "import" not in reply.text


# -- the answer log -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def stored_id(place, live) -> str:
    """Return the id of a stored answer."""
    journal = AnswerLog.open(f"sqlite:///{(place[1] / 'journal.sqlite').resolve()}", days=90)
    answer = live.assistant.ask("what is a dog?")
    texts = {hit.passage.id: hit.passage.text for hit in answer.hits}
    name = journal.add(answer, texts)
    journal.close()
    return name


def test_an_answer_can_be_opened_later_as_it_was_given(client, stored_id):
    page = client.get(f"/a/{stored_id}")
    assert page.status_code == 200
    assert "A dog guards the house and the road." in page.text
    assert "The guide still says this." in page.text
    assert_harmless(page.text)


def test_an_answer_whose_section_changed_says_so_and_stays_as_it_was(
    place, tmp_path, word_encoder, stored_id
):
    (tmp_path / "dogs.md").write_text(DOGS.replace("the house", "a mountain"), encoding="utf-8")
    folder = tmp_path / "index"
    builder.build_index(tmp_path, folder, word_encoder)
    live = LiveAssistant(Assistant(indexes.open_index(folder), word_encoder))
    journal = f"sqlite:///{(place[1] / 'journal.sqlite').resolve()}"
    with serve_guide(Settings(index=folder, journal=journal), live) as (_, later):
        page = later.get(f"/a/{stored_id}").text
    assert "A dog guards the house and the road." in page
    assert "The guide has changed here since." in page
    assert "still says this" not in page


def test_an_answer_that_is_not_stored_is_not_found(client):
    reply = client.get("/a/" + "b" * 16)
    assert reply.status_code == 404
    assert "There is no answer at this address" in reply.text


def test_feedback_on_an_answer_is_stored(client, place, stored_id):
    sent = client.post(
        "/feedback", json={"answer": stored_id, "helpful": False, "comment": HOSTILE}
    )
    assert sent.status_code == 204
    journal = AnswerLog.open(f"sqlite:///{(place[1] / 'journal.sqlite').resolve()}", days=90)
    (rating,) = journal.ratings()
    journal.close()
    assert (rating.id, rating.helpful, rating.unhelpful) == (stored_id, 0, 1)
    assert [comment.text for comment in rating.comments] == [HOSTILE]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"answer": "b" * 16, "helpful": True}, 404),
        ({"answer": "short", "helpful": True}, 422),
        ({"answer": "b" * 16, "helpful": "yes"}, 422),
        ({"answer": "b" * 16, "helpful": True, "comment": "x" * 2001}, 422),
        ({"answer": "b" * 16, "helpful": True, "more": 1}, 422),
        ([], 422),
        ("text", 422),
        (None, 415),
    ],
)
def test_malformed_feedback_is_refused(client, body, status):
    sent = client.post("/feedback", json=body)
    assert sent.status_code == status
    assert sent.headers["content-type"] == "application/problem+json"


def test_nothing_is_stored_when_the_answer_log_is_off(live, tmp_path):
    with serve_guide(Settings(index=tmp_path, journal="off"), live) as (_, client):
        assert (
            client.post("/feedback", json={"answer": "b" * 16, "helpful": True}).status_code == 404
        )
        assert client.get("/a/" + "b" * 16).status_code == 404
    assert list(tmp_path.iterdir()) == []


# -- pictures of the guide ------------------------------------------------------------------------


SCRIPTED = '<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'


def test_a_picture_of_the_guide_is_shown_above_its_text_and_runs_nothing(tmp_path, word_encoder):
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "my tree.svg").write_text(SCRIPTED)
    (tmp_path / "docs" / "cats.md").write_text(
        "# Cats\n\nA cat climbs a tree.\n\n"
        '![](<my tree.svg> "A cat in a tree") ![no bird](bird.png) ![far](https://far.example/x.png)\n'
    )
    builder.build_index(tmp_path / "docs", tmp_path / "index", word_encoder)
    live = LiveAssistant(Assistant(indexes.open_index(tmp_path / "index"), word_encoder))
    settings = Settings(corpus=tmp_path / "docs", index=tmp_path / "index", root="/help")
    with serve_guide(settings, live) as (_, client):
        page = client.get("/help/guide/cats.md")
        assert_harmless(page.text)
        (picture,) = Tags(page.text).all("img")
        assert picture["src"] == "/help/picture/my%20tree.svg"
        assert [
            text for text in ("A cat in a tree", "no bird", "far") if text not in page.text
        ] == []
        reply = client.get(picture["src"])
        assert reply.text == SCRIPTED
        assert reply.headers["content-type"] == "image/svg+xml"
        policy = reply.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "sandbox" in policy
        assert "script-src" not in policy
        for path in ("bird.png", "cats.md", "..%2Findex%2FCURRENT", "%2Fetc%2Fpasswd"):
            assert client.get(f"/help/picture/{path}").status_code == 404


# -- the guide's own look -------------------------------------------------------------------------


def test_the_guide_s_own_logo_and_colour_are_served(place, live, tmp_path):
    logo = tmp_path / "logo.svg"
    logo.write_text('<svg xmlns="http://www.w3.org/2000/svg"/>')
    settings = Settings(index=place[1], logo=logo, accent="#ff0000", journal="off")
    with serve_guide(settings, live) as (_, client):
        assert client.get("/chat/logo").headers["content-type"] == "image/svg+xml"
        assert 'src="/chat/logo"' in client.get("/guide/dogs.md").text
        assert "--accent" in client.get("/chat/brand.css").text


def test_the_title_is_that_of_the_guide_s_front_page_or_folder(tmp_path, word_encoder):
    (tmp_path / "about.md").write_text("# About cats\n\nA cat climbs.\n")
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "index.md").write_text("# Deep cats\n\nA cat dives.\n")
    folder = tmp_path / "index"
    for title, path in ((tmp_path.name, None), ("All cats", "README.md")):
        if path:
            (tmp_path / path).write_text(f"# {title}\n\nA cat sleeps.\n")
        builder.build_index(tmp_path, folder, word_encoder)
        live = LiveAssistant(Assistant(indexes.open_index(folder), word_encoder))
        settings = Settings(corpus=tmp_path, index=folder, journal="off")
        with serve_guide(settings, live) as (server, _):
            assert server.branding.title == title


def test_readers_are_sent_to_the_guide_s_own_form(place, live):
    with serve_guide(Settings(index=place[1], journal="off"), live) as (server, _):
        assert server.branding.feedback_url == "https://forms.gle/abc"
    own = Settings(index=place[1], journal="off", feedback_url="mailto:us@example.com")
    with serve_guide(own, live) as (server, _):
        assert server.branding.feedback_url == "mailto:us@example.com"


# -- starting -------------------------------------------------------------------------------------


def refuse(_):
    raise GuideError("There is no guide.", "Write one.")


def test_a_busy_port_is_a_settings_error():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SettingsError, match=f"port {port}: Address already in use") as caught:
            serve(refuse, Settings(port=port))
    assert "--port" in caught.value.hint


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"host": "256.0.0.1"}, r"cannot listen on 256\.0\.0\.1"),
        ({"logo": "logo.txt"}, "no picture"),
        ({"language": "tlh"}, "tlh"),
    ],
)
def test_an_unusable_setting_is_an_error_before_anything_else_happens(changes, message):
    with pytest.raises(SettingsError, match=message):
        serve(refuse, Settings(**changes))


def test_an_error_while_the_guide_is_prepared_ends_the_server():
    with pytest.raises(GuideError, match="no guide"):
        serve(refuse, Settings(port=0))
