"""Test what other sites load: its size, its rights and its languages, without a browser."""

from __future__ import annotations

import gzip
import html
import json
import re
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from opened import open_server

from assistant import server
from assistant.assistant import Assistant
from assistant.index import builder
from assistant.index import index as indexes
from assistant.render import catalogue
from assistant.render.html import Branding
from assistant.server.app import Server
from assistant.server.reload import LiveAssistant
from assistant.server.routes import widget
from assistant.server.service import Service
from assistant.settings import Settings

# Gradio asks pandas for an option that newer pandas announces to drop.
pytestmark = pytest.mark.filterwarnings("ignore:'future.no_silent_downcasting'")

STATIC = Path(server.__file__).parent / "static"
OWN = "http://127.0.0.1"
WIKI = "https://wiki.example"
TITLE = 'Cats & "Dogs" <script>alert(1)</script>'


@pytest.fixture(scope="module")
def live(tmp_path_factory, word_encoder) -> LiveAssistant:
    corpus, folder = tmp_path_factory.mktemp("guide"), tmp_path_factory.mktemp("index")
    (corpus / "dogs.md").write_text("# Dogs\n\n## What is a dog?\n\nA dog guards the house.\n")
    builder.build_index(corpus, folder, word_encoder)
    return LiveAssistant(Assistant(indexes.open_index(folder), word_encoder))


@pytest.fixture(scope="module")
def client(live):
    """Return a function that opens a client of a server with given settings, once for each."""
    made: dict[tuple, TestClient] = {}

    def open_client(**chosen) -> TestClient:
        key = tuple(sorted(chosen.items()))
        if key not in made:
            made[key] = TestClient(open_server(Settings(journal="off", **chosen), live).app, OWN)
        return made[key]

    return open_client


@pytest.fixture(scope="module")
def bare(live):
    """Return a function that opens a client of the widget's routes without middlewares."""

    def open_client(**chosen) -> TestClient:
        settings, app = Settings(journal="off", **chosen), FastAPI()
        masthead = Branding(settings.title, settings.root, "", settings.feedback_url)
        app.include_router(widget.create_script_router(settings))
        app.include_router(widget.create_router(Service(live), masthead, settings))
        return TestClient(app, OWN)

    return open_client


def gzipped_size(*texts: str) -> int:
    return sum(len(gzip.compress(text.encode())) for text in texts)


# -- the script -----------------------------------------------------------------------------


def test_the_script_is_at_most_five_kilobytes_compressed(bare):
    assert gzipped_size(bare().get("/widget.js").text) <= 5_000


def test_the_page_in_the_frame_is_at_most_forty_kilobytes_compressed_with_all_it_loads(client):
    reader = client()
    page = reader.get("/embed").text
    loaded = set(re.findall(r'(?:src|href)="(/[^"]+)"', page))
    assert loaded == {
        *(f"/chat/{name}.css" for name in ("theme", "answer", "page", "embed", "brand")),
        "/chat/embed.js", "/chat/answer.js",
    }  # fmt: skip
    assert gzipped_size(page, *(reader.get(path).text for path in loaded)) <= 40_000


def test_the_script_may_be_loaded_by_any_site_and_needs_no_key(live):
    server = open_server(Settings(journal="off"), live)
    elsewhere = TestClient(server.app, OWN, client=("203.0.113.9", 50000))
    result = elsewhere.get("/widget.js", headers={"sec-fetch-site": "cross-site"})
    assert result.status_code == 200
    assert result.headers["content-type"] == "text/javascript; charset=utf-8"
    assert result.headers["cross-origin-resource-policy"] == "cross-origin"
    assert elsewhere.get("/embed").status_code == 401


def test_the_script_is_served_before_the_guide_is_ready():
    waiting = TestClient(Server(Settings(journal="off")).app, OWN)
    assert waiting.get("/widget.js").status_code == 200
    assert waiting.get("/embed").status_code == 503


def test_the_script_is_cached_for_an_hour_and_revalidated_by_its_etag(client):
    reader = client()
    first = reader.get("/widget.js")
    assert first.headers["cache-control"] == "public, max-age=3600"
    again = reader.get("/widget.js", headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert reader.get("/widget.js", headers={"if-none-match": '"other"'}).status_code == 200


def parse_constants(script: str) -> dict:
    """Return the constants that the server put into the script."""
    (result,) = re.findall(r"const SERVER = (\{.*\});", script)
    return json.loads(result)


def test_the_script_has_its_messages_in_every_language_and_the_configured_colour(bare):
    ours = parse_constants(bare(accent="#aa3300").get("/widget.js").text)
    assert sorted(ours["messages"]) == list(catalogue.languages())
    assert ours["messages"]["de"]["close"] == "Schließen"
    assert ours["messages"]["ar"]["direction"] == "rtl"
    assert ours["fixed"] == ""
    assert re.match(r"\.guide \{ --accent: light-dark\(#aa3300, #", ours["colours"])
    assert parse_constants(bare(language="de-AT").get("/widget.js").text)["fixed"] == "de"


def test_the_scripts_keep_nothing_in_the_browser_write_no_markup_and_log_nothing():
    for name in ("widget.js", "embed.js", "answer.js"):
        script = (STATIC / name).read_text(encoding="utf-8")
        for word in (
            "localStorage", "sessionStorage", "indexedDB", "cookie", "innerHTML", "outerHTML",
            "insertAdjacentHTML", "document.write", "eval(", "console.", "XMLHttpRequest",
        ):  # fmt: skip
            assert word not in script, f"{name}: {word}"


def test_the_script_defines_no_global_name(bare):
    script = bare().get("/widget.js").text
    assert re.match(r"\(\(\) => \{\n", script)
    assert script.endswith("})();\n")


# -- the page in the frame ------------------------------------------------------------------


def test_only_the_listed_sites_may_frame_the_page(client):
    policy = client(frames=(WIKI,)).get("/embed").headers["content-security-policy"]
    assert policy == (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
        f"img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'self' {WIKI}"
    )
    unlisted = client().get("/embed").headers
    assert unlisted["content-security-policy"].endswith("frame-ancestors 'self'")
    assert unlisted["x-frame-options"] == "SAMEORIGIN"


@pytest.mark.parametrize(
    ("site_language", "accepted", "fixed", "language"),
    [
        ("de", "fr", "", "de"),
        ("de-AT", "fr", "es", "de"),
        ("", "fr, en;q=0.5", "", "fr"),
        ("", "fr", "es", "es"),
        ("xx", "fr", "", "fr"),
        ("<script>", "", "", "en"),
        ("ar", "", "", "ar"),
    ],
)
def test_the_page_language_is_the_site_s_then_the_configured_then_the_reader_s(
    bare, site_language, accepted, fixed, language
):
    page = bare(language=fixed).get(
        "/embed", params={"language": site_language}, headers={"accept-language": accepted}
    )
    assert f'<html lang="{language}" dir="{"rtl" if language == "ar" else "ltr"}"' in page.text
    assert html.escape(catalogue.choose_messages(language)("ask")) in page.text


def test_a_language_name_that_is_too_long_is_refused(bare):
    assert bare().get("/embed", params={"language": "x" * 101}).status_code == 422


def test_the_page_has_every_element_that_its_scripts_use(bare):
    page = bare().get("/embed").text
    for script in ("embed.js", "answer.js"):
        source = (STATIC / script).read_text(encoding="utf-8")
        for name in re.findall(r'say\("([\w-]+)"', source):
            assert f'name="say-{name}"' in page, name
    for name in ("view", "start", "talk", "hits", "status", "form", "box", "send", "restart"):
        assert page.count(f'id="{name}"') == 1


def test_title_and_questions_are_escaped_in_the_page(bare):
    page = bare(title=TITLE, feedback_url='https://x.example/?a="b"').get("/embed").text
    assert "alert(1)</script>" not in page
    assert f"<title>{html.escape(TITLE)}</title>" in page
    assert "What is a dog?</button>" in page


def test_every_address_of_the_page_is_below_the_root(bare):
    page = bare(root="/help").get("/embed").text
    assert all(
        path.startswith("/help/chat/") for path in re.findall(r'(?:src|href)="(/[^"]+)"', page)
    )


def test_the_page_holds_no_key(bare):
    assert "guide_" not in bare().get("/embed").text + bare().get("/widget.js").text
