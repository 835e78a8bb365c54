"""The web door without a browser: what it serves, and that what it writes is escaped."""

from __future__ import annotations

import asyncio
import logging
import re
import socket
import subprocess
import sys
from html.parser import HTMLParser
from urllib.parse import quote, unquote, urlsplit

import pytest
from fastapi.testclient import TestClient

from assistant import building, web
from assistant import index as indexes
from assistant.ask import Assistant
from assistant.errors import SettingsError
from assistant.live import Live
from assistant.model import Answer, Citation, Resource
from assistant.settings import Settings

HOSTILE = '<img src=x onerror="alert(1)"><script>alert(2)</script>'

HOSTILE_PAGE = f"""---
title: "Cats {HOSTILE}"
---

## What is a cat {HOSTILE}?

A cat is an animal {HOSTILE} that climbs a tree. [Click](javascript:alert(3)) or
[here](data:text/html,boo), or read [the dogs](dogs.md#what-is-a-dog).

<iframe src="https://elsewhere.example/"></iframe>

![spy](https://elsewhere.example/spy.png)

## What is a bird?

A bird flies over the river.
"""

DOGS = "# Dogs\n\n## What is a dog?\n\nA dog guards the house and the road.\n"


@pytest.fixture(scope="module")
def hostile_assistant(tmp_path_factory, word_encoder) -> Assistant:
    """An Assistant over a guide whose author means harm."""
    corpus = tmp_path_factory.mktemp("hostile")
    (corpus / "cats and more.md").write_text(HOSTILE_PAGE, encoding="utf-8")
    (corpus / "dogs.md").write_text(DOGS, encoding="utf-8")
    folder = tmp_path_factory.mktemp("hostile-index")
    building.build(corpus, folder, word_encoder)
    return Assistant(indexes.open(folder), word_encoder)


@pytest.fixture(scope="module")
def client(hostile_assistant) -> TestClient:
    async def made():
        return web.application(Live(hostile_assistant), Settings(title=HOSTILE))

    # Outside a running loop Gradio opens event loops of its own and closes none of them.
    return TestClient(asyncio.run(made()))


class Tags(HTMLParser):
    """Every start tag of a piece of HTML with its attributes."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(source)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.found if name == tag]


def assert_harmless(source: str) -> None:
    for tag, attributes in Tags(source).found:
        assert tag not in {"script", "iframe", "img", "object", "embed", "form", "base"}
        assert not any(name.startswith("on") or name == "style" for name in attributes)
        assert not re.match(r"\s*(javascript|data|vbscript):[^,]", attributes.get("href") or "")


def sent_as_it_stands(app, path: str) -> tuple[int, str]:
    """The status and text of a path whose dots no client has resolved before it is sent."""
    said = []

    async def send(message):
        said.append(message)

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    scope = {
        "type": "http",
        "method": "GET",
        "path": unquote(path),
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": b"",
        "headers": [(b"host", b"testserver")],
        "scheme": "http",
        "server": ("testserver", 80),
        "client": ("testclient", 1),
        "http_version": "1.1",
    }
    asyncio.run(app(scope, receive, send))
    body = b"".join(message.get("body", b"") for message in said)
    return said[0]["status"], body.decode()


def citation(quoted: str, **changes) -> Citation:
    fields = {
        "n": 1,
        "passage": "a.md#one/1",
        "path": "a.md",
        "headings": ("Guide", "One"),
        "anchor": "one",
        "url": "a.md#one",
        "quote": quoted,
        "span": (0, len(quoted)),
        "lines": (1, 1),
        "sha256": "",
    }
    return Citation(**{**fields, **changes})


def answer(*citations: Citation, **changes) -> Answer:
    fields = {
        "question": "what is one?",
        "understood_as": "what is one?",
        "found": bool(citations),
        "citations": citations,
        "confidence": 0.5,
        "resources": (),
        "related": (),
        "missing": (),
        "next_questions": (),
        "hits": (),
        "writer": "extractive",
        "degraded": (),
        "generation": "",
        "seconds": 0.0,
    }
    return Answer(**{**fields, **changes})


def resource(url: str, title: str = "A title") -> Resource:
    return Resource(title, url, "article", 7, "cats and more.md", ("Guide", "One"), "one")


# -- what is served -------------------------------------------------------------------------------


def test_a_sign_of_life_names_the_generation(client, hostile_assistant):
    found = client.get("/healthz")
    assert found.status_code == 200
    assert found.json() == {"status": "ok", "generation": hostile_assistant.index.generation}


def test_the_reader_gives_every_section_the_anchor_its_links_use(client, hostile_assistant):
    store = hostile_assistant.index.store
    for path in store.pages():
        page = client.get("/guide/" + quote(path))
        assert page.status_code == 200
        ids = {attributes.get("id") for _, attributes in Tags(page.text).found}
        assert {section.anchor for section in store.sections(path) if section.anchor} <= ids


def test_the_contents_of_a_page_lead_to_its_sections(client):
    tags = Tags(client.get("/guide/cats%20and%20more.md").text)
    ids = {attributes.get("id") for _, attributes in tags.found}
    inside = [a["href"] for a in tags.all("a") if (a["href"] or "").startswith("#")]
    assert len(inside) == 2
    assert all(unquote(href[1:]) in ids for href in inside)


def test_a_page_that_carries_its_title_is_not_given_it_twice(client):
    assert client.get("/guide/dogs.md").text.count("<h1") == 1


@pytest.mark.parametrize(
    "path",
    [
        "nothing.md",
        "../pyproject.toml",
        "..%2fpyproject.toml",
        "%2e%2e/%2e%2e/etc/passwd",
        "/etc/passwd",
        "%2fetc%2fpasswd",
        "dogs.md/../cats and more.md/.",
        "dogs.md%00",
        "dogs.md'%20or%201=1--",
        "",
        "..%5c..%5cetc",
    ],
)
def test_what_is_not_a_page_of_the_guide_is_not_found(client, path):
    status, text = sent_as_it_stands(client.app, "/guide/" + path)
    assert status == 404
    assert "is not in the guide" in text
    assert "root:" not in text


@pytest.mark.parametrize("path", ["../web.py", "%2e%2e/web.py", "..%2fweb.py", "", "none.css"])
def test_the_files_of_the_program_are_not_served(client, path):
    status, text = sent_as_it_stands(client.app, "/chat/" + path)
    assert status == 404
    assert "import" not in text


def test_there_is_no_page_of_api_documentation(client):
    for path in ("/docs", "/redoc", "/openapi.json"):
        assert client.get(path).status_code == 404


def test_every_response_forbids_the_browser_other_hosts(client):
    for path in ("/", "/healthz", "/guide/dogs.md", "/guide/none.md", "/chat/chat.css", "/config"):
        headers = client.get(path).headers
        policy = headers["content-security-policy"]
        assert policy.startswith(("default-src 'self'", "default-src 'none'"))
        assert not re.search(r"https?:|\*|unsafe-eval", policy)
        assert headers["x-content-type-options"] == "nosniff"


def test_the_reader_allows_no_script_at_all(client):
    policy = client.get("/guide/dogs.md").headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy


def test_the_talk_is_never_an_input_of_an_event(client):
    config = client.get("/config").json()
    kinds = {component["id"]: component["type"] for component in config["components"]}
    for event in config["dependencies"]:
        assert {kinds[number] for number in event["inputs"]} <= {"textbox", "button", "state"}
        assert event["api_visibility"] == "private"


def test_no_event_may_be_called_past_the_queue(client):
    config = client.get("/config").json()
    # One event only stops another and has nothing to call.
    events = [event["id"] for event in config["dependencies"] if not event["cancels"]]
    assert events
    for event in events:
        body = {"fn_index": event, "data": ["what is a dog?", None], "session_hash": "any"}
        for path in ("/gradio_api/run/predict", "/gradio_api/api/ask"):
            found = client.post(path, json=body)
            assert found.status_code == 404
            assert "join the queue" in found.text


def test_no_file_may_be_left_on_the_server(client):
    sent = client.post("/gradio_api/upload", files={"files": ("a.txt", b"more than a byte")})
    assert sent.status_code == 413


# -- what is written ------------------------------------------------------------------------------


def test_a_hostile_page_is_read_as_text(client):
    page = client.get("/guide/cats%20and%20more.md").text
    assert_harmless(page)
    assert "A cat is an animal" in page
    assert "elsewhere.example" not in "".join(a["href"] or "" for a in Tags(page).all("a"))


def test_a_hostile_question_is_shown_as_text(hostile_assistant):
    for said in (HOSTILE, f"what is a cat {HOSTILE}", "\n\n# cat\n\n" + HOSTILE, '"><b>cat'):
        talk, _ = web.answered(hostile_assistant, said, web.Talk())
        assert_harmless(talk.markup)
        assert "\n" not in talk.shown[0]


def test_a_hostile_guide_is_quoted_as_text(hostile_assistant):
    talk, asked = web.answered(hostile_assistant, "what is a cat?", web.Talk())
    assert asked
    assert_harmless(talk.markup)


def test_everything_of_an_answer_is_escaped(hostile_assistant):
    cited = citation(HOSTILE, headings=(HOSTILE, HOSTILE), path=HOSTILE, anchor=HOSTILE)
    shown = web.reply(
        answer(
            cited,
            understood_as=HOSTILE,
            resources=(resource("javascript:alert(1)", HOSTILE), resource('https://a.b/"><b>')),
        ),
        hostile_assistant.index.store,
    )
    assert_harmless(shown)
    assert shown.count("<b") == shown.count("<blockquote")


def test_a_mark_that_would_be_markdown_stays_as_it_is(hostile_assistant):
    cited = citation("# not a heading\n\n* not **bold**\n\n```\n$$x$$ {{7*7}} ${7*7}\n```")
    shown = web.reply(answer(cited), hostile_assistant.index.store)
    assert "\n" not in shown
    assert "<p># not a heading</p>" in shown
    assert "{{7*7}} ${7*7}" in shown


def test_a_quote_keeps_its_lines_and_its_items(hostile_assistant):
    cited = citation("One\n\nThere are:\n- first\n  - deeper\n2. second")
    shown = web.reply(answer(cited), hostile_assistant.index.store)
    assert '<p class="quoted-heading">One</p><p>There are:</p>' in shown
    assert '<p class="item item-0"><span class="marker">•</span> first</p>' in shown
    assert '<p class="item item-1"><span class="marker">•</span> deeper</p>' in shown
    assert '<p class="item item-0"><span class="marker">2. </span> second</p>' in shown


def test_quotes_of_one_section_share_a_source_and_keep_their_numbers(hostile_assistant):
    cited = (
        citation("First."),
        citation("Second.", n=2),
        citation("Third.", n=3, anchor="two", headings=("Guide", "Two")),
    )
    shown = web.reply(answer(*cited), hostile_assistant.index.store)
    assert shown.count("<blockquote>") == 3
    assert re.findall(r"<figcaption>.*?>([^<]*)</a>", shown) == ["Guide › One", "Guide › Two"]
    assert [f"[{n}]" in shown for n in (1, 2, 3)] == [True] * 3


@pytest.mark.parametrize("cited", [(), (citation("One."),)])
def test_the_side_the_guide_does_not_speak_of_is_named_and_escaped(hostile_assistant, cited):
    markup = web.reply(answer(*cited, missing=("<b>ferrets</b>",)), hostile_assistant.index.store)
    assert "does not speak of “&lt;b&gt;ferrets&lt;/b&gt;”." in markup


def test_a_talk_remembers_what_may_be_asked_next_of_its_last_answer_alone(hostile_assistant):
    talk, _ = web.answered(hostile_assistant, "what is a dog?", web.Talk(next_questions=("Old?",)))
    assert talk.next_questions == hostile_assistant.ask("what is a dog?").next_questions


def test_a_refusal_says_so_and_what_was_looked_for(hostile_assistant):
    shown = web.reply(answer(understood_as="what is <one>?"), hostile_assistant.index.store)
    assert "The guide does not answer this." in shown
    assert "what is &lt;one&gt;?" in shown
    assert "<blockquote" not in shown


def test_other_readings_are_offered_as_text(hostile_assistant):
    store = hostile_assistant.index.store
    offered = web.reply(answer(other_readings=("what is <two>?",)), store)
    assert "Did you mean: <q>what is &lt;two&gt;?</q>" in offered
    assert "Did you mean" not in web.reply(answer(), store)


def test_what_was_understood_is_said_only_where_it_differs(hostile_assistant):
    store = hostile_assistant.index.store
    same = answer(citation("A quote."), question="  What is  ONE? ")
    assert "Understood as" not in web.reply(same, store)
    other = answer(citation("A quote."), question="what is 1?")
    assert "Understood as: what is one?" in web.reply(other, store)


@pytest.mark.parametrize("said", ["", "   ", "\u200b", "?!", "word " * 401])
def test_a_question_that_cannot_be_asked_says_what_mends_it(hostile_assistant, said):
    talk, asked = web.answered(hostile_assistant, said, web.Talk())
    assert not asked
    assert talk.turns == ()
    assert 'class="notice failure"' in talk.markup
    assert ("at most 2,000" in talk.markup) == (len(said) > 2000)


class Broken:
    """An encoder that fails as no encoder should."""

    def knows(self, word):
        return True

    def encode(self, texts, progress=None):
        raise ArithmeticError("nobody foresaw this")


def test_a_fault_is_named_by_an_id_that_the_log_has_too(hostile_assistant, caplog):
    broken = Assistant(hostile_assistant.index, Broken())
    with caplog.at_level(logging.ERROR):
        talk, _ = web.answered(broken, "what is a cat?", web.Talk())
    named = re.search(r"Something went wrong \(id ([0-9a-f]{8})\)", talk.markup)
    assert named
    assert named[1] in caplog.text
    assert "nobody foresaw" in caplog.text
    assert "nobody foresaw" not in talk.markup


def test_a_talk_leans_on_what_was_said_and_does_not_grow_for_ever(hostile_assistant):
    talk = web.Talk()
    for _ in range(60):
        talk, _ = web.answered(hostile_assistant, "what is a dog?", talk)
    assert [turn.role for turn in talk.turns[:2]] == ["user", "agent"]
    assert len(talk.turns) == 20
    assert len(talk.shown) == 50


# -- where links lead -----------------------------------------------------------------------------


def test_a_section_is_linked_in_the_reader_or_on_the_published_site():
    assert web.section_url("a b/c.md", "é", "a%20b/c.md#x") == "/guide/a%20b/c.md#%C3%A9"
    published = "https://guide.example/c#x"
    assert web.section_url("c.md", "x", published) == published


def test_a_link_names_the_quoted_words_with_its_delimiters_encoded():
    url = web.quote_url(citation("One\n\n- well-known, R&D"))
    assert url == "/guide/a.md#one:~:text=well%2Dknown%2C%20R%26D"


def test_a_link_to_a_long_quote_names_its_two_ends():
    words = [f"w{number}" for number in range(40)]
    url = web.quote_url(citation(" ".join(words)))
    first, last = urlsplit(url).fragment.partition(":~:text=")[2].split(",")
    assert unquote(first).split() == words[:8]
    assert unquote(last).split() == words[-8:]


def test_a_resource_is_a_web_link_or_a_page_of_the_guide(hostile_assistant):
    store = hostile_assistant.index.store
    assert web.resource_url(resource("https://a.example/x"), store) == "https://a.example/x"
    assert web.resource_url(resource("./dogs.md#top"), store) == "/guide/dogs.md#top"
    for elsewhere in ("missing.md", "javascript:alert(1)", "//evil.example/x", "../../etc/passwd"):
        assert web.resource_url(resource(elsewhere), store) == "/guide/cats%20and%20more.md#one"


def test_every_link_opens_a_new_tab_that_knows_nothing_of_this_one(hostile_assistant):
    shown = web.reply(
        answer(citation("A quote."), resources=(resource("https://a.example"),)),
        hostile_assistant.index.store,
    )
    links = Tags(shown).all("a")
    assert len(links) == 2
    assert all(a["target"] == "_blank" and a["rel"] == "noopener noreferrer" for a in links)


# -- starting -------------------------------------------------------------------------------------


def test_a_busy_port_is_a_setting_to_mend(hostile_assistant):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SettingsError, match=f"port {port}: Address already in use") as caught:
            web.serve(Live(hostile_assistant), Settings(port=port))
    assert "--port" in caught.value.mend


def test_an_unknown_host_is_a_setting_to_mend(hostile_assistant):
    with pytest.raises(SettingsError, match=r"cannot listen on 256\.0\.0\.1"):
        web.serve(Live(hostile_assistant), Settings(host="256.0.0.1"))


def test_neither_the_package_nor_this_door_loads_gradio_when_imported():
    code = "import sys, assistant, assistant.web; sys.exit('gradio' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
