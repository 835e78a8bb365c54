"""The guide over HTTP: what each address answers, in which form, and what it says of itself."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from answered import without_hrefs
from fastapi.testclient import TestClient
from opened import open_server
from pydantic import TypeAdapter

from assistant.assistant import MAX_QUESTION_LENGTH, Assistant
from assistant.index import builder
from assistant.index import index as indexes
from assistant.models.answers import Turn
from assistant.render.urls import citation_url, section_url
from assistant.server.reload import LiveAssistant
from assistant.server.routes import schemas
from assistant.server.security.api_keys import ApiKeys
from assistant.server.security.problems import PROBLEM_JSON
from assistant.settings import Settings

# Gradio asks pandas for an option that newer pandas announces to drop.
pytestmark = pytest.mark.filterwarnings("ignore:'future.no_silent_downcasting'")

CATS = """# Cats

## What is a cat?

A cat is an animal that sleeps on the road. See [On cats](https://cats.example/book) for more.

## How do cats drink?

Cats drink milk from a river. They do so at night.
"""
DOGS = """---
lang: de
---

# Dogs

## What is a dog?

A dog guards the house.

### Big dogs

Bread.
"""
EVENTS = {"Accept": "text/event-stream"}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    corpus, folder = tmp_path_factory.mktemp("guide"), tmp_path_factory.mktemp("index")
    (corpus / "cats.md").write_text(CATS, encoding="utf-8")
    (corpus / "more").mkdir()
    (corpus / "more" / "dogs.md").write_text(DOGS, encoding="utf-8")
    return corpus, folder


@pytest.fixture(scope="module")
def assistant(place, word_encoder) -> Assistant:
    builder.build_index(*place, word_encoder)
    return Assistant(indexes.open_index(place[1]), word_encoder)


@pytest.fixture(scope="module")
def client(place, assistant) -> TestClient:
    server = open_server(Settings(index=place[1]), LiveAssistant(assistant))
    return TestClient(server.app, base_url="http://127.0.0.1")


def ask(client, question: str, **sent) -> dict:
    result = client.post("/api/ask", json={"question": question, **sent})
    assert result.status_code == 200, result.text
    return result.json()


def test_an_answer_past_its_time_is_a_problem_that_says_what_to_do(place, assistant):
    hurried = Assistant(assistant.index, assistant._encoder, timeout=0)
    client = TestClient(
        open_server(Settings(index=place[1]), LiveAssistant(hurried)).app,
        base_url="http://127.0.0.1",
    )
    for route in ("/api/ask", "/api/search"):
        response = client.post(route, json={"question": "What is a cat?"})
        assert response.status_code == 503
        assert response.headers["content-type"] == PROBLEM_JSON
        assert "not ready within 0 seconds" in response.text
        assert "Ask again in a moment" in response.text


@pytest.mark.timeout(60)  # it took minutes
def test_a_guide_of_endless_headings_is_described_at_once(tmp_path, word_encoder):
    heading = ("how are " * 400 + "and " * 400 + "PM " * 400)[:5000]
    (tmp_path / "cats.md").write_text(
        CATS + f"\n## {heading}\n\nMilk.\n\n## {heading}?\n\nFish.\n", encoding="utf-8"
    )
    builder.build_index(tmp_path, tmp_path / "index", word_encoder)
    over = Assistant(indexes.open_index(tmp_path / "index"), word_encoder)
    client = TestClient(
        open_server(Settings(index=tmp_path / "index"), LiveAssistant(over)).app,
        base_url="http://127.0.0.1",
    )
    assert "How do cats drink?" in client.get("/api/guide").json()["examples"]


def report(text: str) -> list[tuple[str, dict]]:
    """The events of a stream."""
    pairs = [event.split("\n") for event in text.split("\n\n") if event]
    return [(name.removeprefix("event: "), json.loads(data[6:])) for name, data in pairs]


def timeless(answer: dict) -> dict:
    return {name: value for name, value in answer.items() if name not in {"id", "seconds"}}


# -- ask ------------------------------------------------------------------------------------------


def test_a_citation_and_a_section_say_where_a_browser_reads_them(client, assistant):
    answer = ask(client, "What is a cat?")
    own = assistant.ask("What is a cat?")
    assert [one["href"] for one in answer["citations"]] == list(map(citation_url, own.citations))
    assert answer["citations"][0]["href"].startswith("/guide/cats.md?section=what-is-a-cat&first=")
    assert [one["href"] for one in answer["related"]] == [
        section_url(one.path, one.anchor, one.url) for one in own.related
    ]


def test_an_answer_is_the_one_that_python_gives(client, assistant):
    for question in ("What is a cat?", "what is bread made of?"):
        assert timeless(without_hrefs(ask(client, question))) == timeless(
            assistant.ask(question).to_dict()
        )


def test_an_answer_is_told_event_by_event_from_what_was_understood_to_all_of_it(client):
    result = client.post("/api/ask", json={"question": "What is a cat?"}, headers=EVENTS)
    assert result.headers["content-type"].startswith("text/event-stream")
    events = report(result.text)
    names = list(dict.fromkeys(name for name, _ in events))
    assert names == ["understood", "sentence", "citation", "resources", "done"]
    whole = events[-1][1]
    assert timeless(whole) == timeless(ask(client, "What is a cat?"))
    assert [data for name, data in events if name == "citation"] == whole["citations"]
    reply = [f"{data['text']} [{data['n']}]" for name, data in events if name == "sentence"]
    assert "\n\n".join(reply) == whole["text"]


def test_a_refusal_is_told_without_a_sentence(client):
    result = client.post("/api/ask", json={"question": "Who won the war?"}, headers=EVENTS)
    assert [name for name, _ in report(result.text)] == ["understood", "resources", "done"]
    assert report(result.text)[-1][1]["found"] is False


def test_a_follow_up_is_understood_from_the_talk_that_is_sent_along(client, assistant):
    first = ask(client, "What is a cat?")
    sources = [citation["passage"] for citation in first["citations"]]
    turns = [
        {"role": "user", "text": "What is a cat?"},
        {"role": "agent", "text": first["text"], "sources": sources},
    ]
    history = [Turn("user", "What is a cat?"), Turn("agent", first["text"], tuple(sources))]
    then = ask(client, "And how do they drink?", history=turns)
    assert timeless(without_hrefs(then)) == timeless(
        assistant.ask("And how do they drink?", history).to_dict()
    )


def test_what_the_reader_has_open_is_what_a_question_leans_on(client):
    question_asked = "How do they drink it?"
    assert (
        ask(client, question_asked, context="cats.md#how-do-cats-drink")["citations"][0]["path"]
        == "cats.md"
    )
    assert timeless(ask(client, question_asked, context="no/such/page.md")) == timeless(
        ask(client, question_asked)
    )


def test_the_same_answer_has_the_same_tag_and_another_has_another(client):
    tags = [
        client.post("/api/ask", json={"question": question}).headers["etag"]
        for question in ("What is a cat?", "What is a cat?", "What is a dog?")
    ]
    assert tags[0] == tags[1] != tags[2]


@pytest.mark.parametrize(
    ("sent", "named"),
    [
        ({"question": " "}, "empty"),
        ({"question": "?!"}, "empty"),
        ({"question": "cat " * MAX_QUESTION_LENGTH}, "characters"),
        ({}, "question"),
        ({"question": 3}, "question"),
        ({"question": "cat", "other": 1}, "other"),
        ({"question": "cat", "history": [{"role": "system", "text": "x"}]}, "role"),
        ({"question": "cat", "history": [{"role": "user"}]}, "text"),
        ({"question": "cat", "context": ["cats.md"]}, "context"),
        ([], "form"),
    ],
)
def test_what_cannot_be_asked_is_said_with_its_place_and_its_mend(client, sent, named):
    for headers in ({}, EVENTS):
        result = client.post("/api/ask", json=sent, headers=headers)
        assert result.status_code == 422
        assert result.headers["content-type"] == PROBLEM_JSON
        assert named in result.json()["detail"]
        assert result.json()["hint"]
        assert result.json()["id"] == result.headers["x-request-id"]


def test_what_is_wrong_is_said_without_a_word_of_what_was_sent(client):
    result = client.post("/api/ask", json={"question": ["secret words"], "history": "secret"})
    assert result.status_code == 422
    assert "secret" not in result.text


def test_a_question_may_hold_half_a_character(client):
    body = b'{"question": "what is a cat \\ud800?"}'
    result = client.post("/api/ask", content=body, headers={"Content-Type": "application/json"})
    assert result.status_code in {200, 422}
    result.json()


def test_many_at_once_get_each_their_own_answer(client):
    question_asked = [f"What is a {thing}?" for thing in ("cat", "dog")] * 10
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda question: ask(client, question), question_asked))
    assert [answer["question"] for answer in answers] == question_asked
    assert len({json.dumps(timeless(answer)) for answer in answers}) == 2


# -- search ---------------------------------------------------------------------------------------


def test_a_search_is_the_one_that_python_makes(client, assistant):
    result = client.post("/api/search", json={"question": "milk", "k": 2}).json()
    generation = result.pop("generation")
    assert [hit["href"] for hit in result["hits"]] == [
        f"/guide/{hit['path']}#{hit['anchor']}" for hit in result["hits"]
    ]
    assert without_hrefs(result) == assistant.search("milk", 2).to_dict()
    assert generation == assistant.index.generation
    assert len(result["hits"]) == 2


@pytest.mark.parametrize("k", [0, schemas.MAX_HITS + 1, "3", 1.5])
def test_so_many_passages_cannot_be_asked_for(client, k):
    assert client.post("/api/search", json={"question": "milk", "k": k}).status_code == 422


# -- sections, the guide, answers ------------------------------------------------------------------


def test_a_page_is_read_by_its_sections_with_all_of_their_text(client, place):
    page = client.get("/api/sections/cats.md").json()
    assert page["title"] == "Cats"
    assert [section["headings"][-1] for section in page["sections"]] == [
        "Cats",
        "What is a cat?",
        "How do cats drink?",
    ]
    words = " ".join(section["text"] for section in page["sections"]).split()
    for word in "sleeps on the road. Cats drink milk from a river.".split():
        assert word in words


def test_a_section_is_read_by_itself_and_a_page_by_its_published_name(client):
    one = client.get("/api/sections/cats.md", params={"anchor": "how-do-cats-drink"}).json()
    assert [section["anchor"] for section in one["sections"]] == ["how-do-cats-drink"]
    assert client.get("/api/sections/more/dogs").json()["path"] == "more/dogs.md"


@pytest.mark.parametrize("address", ["none.md", "cats.md?anchor=none", "more", "..%2fcats.md"])
def test_what_is_not_in_the_guide_is_missed_with_a_mend(client, address):
    result = client.get(f"/api/sections/{address}")
    assert result.status_code == 404
    assert result.headers["content-type"] == PROBLEM_JSON
    assert result.json()["hint"]


def test_the_guide_says_what_there_is_to_ask(client, assistant):
    guide = client.get("/api/guide", params={"depth": 3}).json()
    assert guide["title"] == "Cats"
    assert guide["languages"] == ["de"]
    assert {"en", "de", "ar"} <= set(guide["interface"])
    assert (guide["pages"], guide["generation"]) == (2, assistant.index.generation)
    assert all(assistant.ask(question).found for question in guide["examples"])
    dogs = guide["headings"][1]
    assert (dogs["title"], dogs["below"][0]["below"][0]["title"]) == ("Dogs", "Big dogs")
    shallow = client.get("/api/guide", params={"depth": 1}).json()["headings"]
    assert [(heading["title"], heading["below"]) for heading in shallow] == [
        ("Cats", []),
        ("Dogs", []),
    ]


def test_an_answer_is_found_again_by_its_id_until_its_section_changes(tmp_path, word_encoder):
    corpus = tmp_path / "guide"
    corpus.mkdir()
    (corpus / "cats.md").write_text(CATS, encoding="utf-8")
    builder.build_index(corpus, tmp_path / "index", word_encoder)
    live = LiveAssistant(Assistant(indexes.open_index(tmp_path / "index"), word_encoder))
    client = TestClient(
        open_server(Settings(index=tmp_path / "index"), live).app, base_url="http://127.0.0.1"
    )
    given = ask(client, "What is a cat?")
    stored = client.get(f"/api/answers/{given['id']}").json()
    assert stored["answer"] == given
    assert stored["changed"] == []
    (corpus / "cats.md").write_text(CATS.replace("sleeps", "walks"), encoding="utf-8")
    builder.build_index(corpus, tmp_path / "index", word_encoder)
    live.assistant = live.assistant.with_index(indexes.open_index(tmp_path / "index"))
    stored = client.get(f"/api/answers/{given['id']}").json()
    assert stored["answer"] == given
    assert stored["changed"] == [citation["n"] for citation in given["citations"]]


@pytest.mark.parametrize("address", ["/api/guide", "/api/sections/cats.md", "/api/guide?depth=4"])
def test_what_a_client_knows_already_is_not_sent_again(client, address):
    first = client.get(address)
    tag = first.headers["etag"]
    for known in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        again = client.get(address, headers={"If-None-Match": known})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == tag
    assert client.get(address, headers={"If-None-Match": '"other"'}).content == first.content


def test_nobody_keeps_an_answer_of_the_moment(client):
    assert client.post("/api/ask", json={"question": "cat"}).headers["cache-control"] == "no-store"


# -- opinions -------------------------------------------------------------------------------------


def test_an_opinion_is_kept_with_its_answer(client):
    given = ask(client, "What is a dog?")
    reply = {"answer": given["id"], "helpful": False, "comment": "too short"}
    assert client.post("/api/feedback", json=reply).status_code == 204
    assert client.post("/api/feedback", json={**reply, "answer": "a" * 16}).status_code == 404
    assert client.post("/api/feedback", json={**reply, "answer": "A" * 16}).status_code == 422


def test_a_second_opinion_under_the_same_vote_replaces_the_first(client):
    given = ask(client, "What is a dog?")
    reply = {"answer": given["id"], "helpful": True, "vote": "abc-DEF_123"}
    for helpful in (True, False):
        assert client.post("/api/feedback", json={**reply, "helpful": helpful}).status_code == 204
    for bad in ("a b", "x" * 65, 3, "é"):
        assert client.post("/api/feedback", json={**reply, "vote": bad}).status_code == 422


# -- counters and description ---------------------------------------------------------------------


def counters(client, place) -> dict[str, float]:
    keys = ApiKeys(place[1] / "keys.json")
    token = keys.add("monitor", ["admin"])
    lines = client.get("/metrics", headers={"Authorization": f"Bearer {token}"}).text.splitlines()
    keys.revoke("monitor")
    pairs = (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    return {name: float(value) for name, value in pairs}


def test_questions_are_counted_by_door_and_by_what_came_of_them(client, place, assistant):
    before = counters(client, place)
    ask(client, "What is a cat?")
    ask(client, "Who won the war?")
    client.post("/api/ask", json={"question": " "})
    client.post("/api/search", json={"question": "milk"})
    after = counters(client, place)

    def more(name: str) -> float:
        return after[name] - before.get(name, 0)

    for outcome in ("found", "refused", "error"):
        name = f'assistant_questions_total{{door="rest",outcome="{outcome}"}}'
        assert more(name) == 1, outcome
    assert more('assistant_searches_total{door="rest"}') == 1
    assert more("assistant_answer_seconds_count") == 2
    assert more('assistant_step_seconds_count{step="write"}') == 2
    assert after["assistant_waiting"] == 0
    assert after[f'assistant_generation_info{{generation="{assistant.index.generation}"}}'] == 1


@pytest.mark.parametrize(
    ("method", "address", "sent", "form"),
    [
        ("POST", "/api/ask", {"question": "What is a cat?"}, schemas.AnswerResponse),
        ("POST", "/api/ask", {"question": "Who won the war?"}, schemas.AnswerResponse),
        ("POST", "/api/ask", {"question": ""}, schemas.ProblemDetails),
        ("POST", "/api/search", {"question": "milk"}, schemas.SearchResponse),
        ("GET", "/api/sections/cats.md", None, schemas.PageResponse),
        ("GET", "/api/guide", None, schemas.GuideResponse),
    ],
)
def test_what_is_sent_is_what_the_description_says(client, method, address, sent, form):
    result = client.request(method, address, json=sent)
    TypeAdapter(form).validate_json(result.content, strict=True)


def test_the_description_names_every_address_for_programs_and_no_other(client):
    described = client.get("/openapi.json").json()
    assert described["info"]["title"] == "Cats"
    for path, methods in described["paths"].items():
        assert path.startswith(("/api/", "/v1/", "/metrics"))
        for method in methods.values():
            assert method["summary"]
            assert "422" in method["responses"]
    assert {"/api/ask", "/api/search", "/api/guide", "/metrics"} <= described["paths"].keys()
