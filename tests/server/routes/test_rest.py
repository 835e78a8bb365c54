"""Test the REST interface: the responses, their media types and the OpenAPI description."""

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


ORIGIN = "http://127.0.0.1"


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
    settings = Settings(corpus=place[0], index=place[1])
    server = open_server(settings, LiveAssistant(assistant))
    return TestClient(server.app, base_url=ORIGIN)


def ask(client, question: str, **sent) -> dict:
    result = client.post("/api/ask", json={"question": question, **sent})
    assert result.status_code == 200, result.text
    return result.json()


def test_an_answer_after_the_timeout_is_a_problem_with_a_hint(place, assistant):
    hurried = Assistant(assistant.index, assistant._encoder, timeout=0)
    client = TestClient(
        open_server(Settings(index=place[1]), LiveAssistant(hurried)).app,
        base_url=ORIGIN,
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
    assistant = Assistant(indexes.open_index(tmp_path / "index"), word_encoder)
    client = TestClient(
        open_server(Settings(index=tmp_path / "index"), LiveAssistant(assistant)).app,
        base_url=ORIGIN,
    )
    assert "How do cats drink?" in client.get("/api/guide").json()["examples"]


def parse_events(text: str) -> list[tuple[str, dict]]:
    """Parse the events of a stream."""
    pairs = [event.split("\n") for event in text.split("\n\n") if event]
    return [(name.removeprefix("event: "), json.loads(data[6:])) for name, data in pairs]


def drop_times(answer: dict) -> dict:
    return {name: value for name, value in answer.items() if name not in {"id", "seconds"}}


# -- ask ------------------------------------------------------------------------------------------


def test_a_citation_and_a_section_have_an_href_for_a_browser(client, assistant):
    answer = ask(client, "What is a cat?")
    own = assistant.ask("What is a cat?")
    assert [citation["href"] for citation in answer["citations"]] == [
        citation_url(citation, ORIGIN) for citation in own.citations
    ]
    assert answer["citations"][0]["href"].startswith(
        f"{ORIGIN}/guide/cats.md?section=what-is-a-cat&first="
    )
    assert [related["href"] for related in answer["related"]] == [
        section_url(section.path, section.anchor, section.url, ORIGIN) for section in own.related
    ]


def test_an_href_begins_with_the_address_that_a_trusted_proxy_names(place, assistant):
    settings = Settings(
        index=place[1], root="/help", trusted_proxies=("10.0.0.0/8",), anonymous=True,
        hosts=("help.example.org", "127.0.0.1"),
    )  # fmt: skip
    forwarded = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "help.example.org"}
    app = open_server(settings, LiveAssistant(assistant)).app
    for peer, origin in (
        ("10.0.0.1", "https://help.example.org/help"),
        ("203.0.113.9", f"{ORIGIN}/help"),
    ):
        client = TestClient(app, ORIGIN, client=(peer, 1), headers=forwarded)
        answer = client.post("/help/api/ask", json={"question": "What is a cat?"}).json()
        assert answer["citations"][0]["href"].startswith(f"{origin}/guide/cats.md?")


def test_an_answer_is_the_one_that_python_gives(client, assistant):
    for question in ("What is a cat?", "what is bread made of?"):
        assert drop_times(without_hrefs(ask(client, question))) == drop_times(
            assistant.ask(question).to_dict()
        )


def test_an_answer_is_streamed_in_order_and_ends_with_the_whole(client):
    result = client.post("/api/ask", json={"question": "What is a cat?"}, headers=EVENTS)
    assert result.headers["content-type"].startswith("text/event-stream")
    events = parse_events(result.text)
    names = list(dict.fromkeys(name for name, _ in events))
    assert names == ["understood", "sentence", "citation", "resources", "done"]
    whole = events[-1][1]
    assert drop_times(whole) == drop_times(ask(client, "What is a cat?"))
    assert [data for name, data in events if name == "citation"] == whole["citations"]
    sentences = [f"{data['text']} [{data['n']}]" for name, data in events if name == "sentence"]
    assert "\n\n".join(sentences) == whole["text"]


def test_a_refusal_is_streamed_without_a_sentence(client):
    result = client.post("/api/ask", json={"question": "Who won the war?"}, headers=EVENTS)
    assert [name for name, _ in parse_events(result.text)] == ["understood", "resources", "done"]
    assert parse_events(result.text)[-1][1]["found"] is False


def test_a_follow_up_is_understood_from_the_history(client, assistant):
    first = ask(client, "What is a cat?")
    sources = [citation["passage"] for citation in first["citations"]]
    turns = [
        {"role": "user", "text": "What is a cat?"},
        {"role": "agent", "text": first["text"], "sources": sources},
    ]
    history = [Turn("user", "What is a cat?"), Turn("agent", first["text"], tuple(sources))]
    then = ask(client, "And how do they drink?", history=turns)
    assert drop_times(without_hrefs(then)) == drop_times(
        assistant.ask("And how do they drink?", history).to_dict()
    )


def test_a_question_is_understood_from_the_context(client):
    question = "How do they drink it?"
    assert (
        ask(client, question, context="cats.md#how-do-cats-drink")["citations"][0]["path"]
        == "cats.md"
    )
    assert drop_times(ask(client, question, context="no/such/page.md")) == drop_times(
        ask(client, question)
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
        ({"question": " \u200b "}, "empty"),
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
def test_an_invalid_question_is_an_error_with_its_field_and_a_hint(client, sent, named):
    for headers in ({}, EVENTS):
        result = client.post("/api/ask", json=sent, headers=headers)
        assert result.status_code == 422
        assert result.headers["content-type"] == PROBLEM_JSON
        assert named in result.json()["detail"]
        assert result.json()["hint"]
        assert result.json()["id"] == result.headers["x-request-id"]


def test_a_validation_error_repeats_nothing_of_the_request(client):
    result = client.post("/api/ask", json={"question": ["secret words"], "history": "secret"})
    assert result.status_code == 422
    assert "secret" not in result.text


def test_a_question_may_contain_a_surrogate(client):
    body = b'{"question": "what is a cat \\ud800?"}'
    result = client.post("/api/ask", content=body, headers={"Content-Type": "application/json"})
    assert result.status_code in {200, 422}
    result.json()


def test_concurrent_questions_get_their_own_answers(client):
    questions = [f"What is a {thing}?" for thing in ("cat", "dog")] * 10
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda question: ask(client, question), questions))
    assert [answer["question"] for answer in answers] == questions
    assert len({json.dumps(drop_times(answer)) for answer in answers}) == 2


# -- search ---------------------------------------------------------------------------------------


def test_a_search_is_the_one_that_python_makes(client, assistant):
    result = client.post("/api/search", json={"question": "milk", "k": 2}).json()
    generation = result.pop("generation")
    assert [hit["href"] for hit in result["hits"]] == [
        f"{ORIGIN}/guide/{hit['path']}#{hit['anchor']}" for hit in result["hits"]
    ]
    assert without_hrefs(result) == assistant.search("milk", 2).to_dict()
    assert generation == assistant.index.generation
    assert len(result["hits"]) == 2


@pytest.mark.parametrize("k", [0, schemas.MAX_HITS + 1, "3", 1.5])
def test_an_invalid_k_is_refused(client, k):
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
def test_a_missing_section_is_an_error_with_a_hint(client, address):
    result = client.get(f"/api/sections/{address}")
    assert result.status_code == 404
    assert result.headers["content-type"] == PROBLEM_JSON
    assert result.json()["hint"]


def test_the_guide_lists_headings_and_example_questions(client, assistant, place):
    guide = client.get("/api/guide", params={"depth": 3}).json()
    assert guide["title"] == place[0].name
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
    reply = ask(client, "What is a cat?")
    stored = client.get(f"/api/answers/{reply['id']}").json()
    assert stored["answer"] == reply
    assert stored["changed"] == []
    (corpus / "cats.md").write_text(CATS.replace("sleeps", "walks"), encoding="utf-8")
    builder.build_index(corpus, tmp_path / "index", word_encoder)
    live.assistant = live.assistant.with_index(indexes.open_index(tmp_path / "index"))
    stored = client.get(f"/api/answers/{reply['id']}").json()
    assert stored["answer"] == reply
    sleeping = {c["anchor"] for c in reply["citations"] if "sleeps" in c["quote"]}
    assert sleeping
    assert stored["changed"] == [c["n"] for c in reply["citations"] if c["anchor"] in sleeping]


@pytest.mark.parametrize("address", ["/api/guide", "/api/sections/cats.md", "/api/guide?depth=4"])
def test_a_client_with_the_current_etag_gets_304(client, address):
    first = client.get(address)
    tag = first.headers["etag"]
    for known in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        again = client.get(address, headers={"If-None-Match": known})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == tag
    assert client.get(address, headers={"If-None-Match": '"other"'}).content == first.content


def test_an_answer_is_not_cached(client):
    assert client.post("/api/ask", json={"question": "cat"}).headers["cache-control"] == "no-store"


# -- feedback -------------------------------------------------------------------------------------


def test_feedback_is_stored_with_its_answer(client):
    reply = ask(client, "What is a dog?")
    feedback = {"answer": reply["id"], "helpful": False, "comment": "too short"}
    assert client.post("/api/feedback", json=feedback).status_code == 204
    assert client.post("/api/feedback", json={**feedback, "answer": "a" * 16}).status_code == 404
    assert client.post("/api/feedback", json={**feedback, "answer": "A" * 16}).status_code == 422


def test_feedback_with_the_same_vote_replaces_the_first(client):
    reply = ask(client, "What is a dog?")
    feedback = {"answer": reply["id"], "helpful": True, "vote": "abc-DEF_123"}
    for helpful in (True, False):
        assert (
            client.post("/api/feedback", json={**feedback, "helpful": helpful}).status_code == 204
        )
    for bad in ("a b", "x" * 65, 3, "é"):
        assert client.post("/api/feedback", json={**feedback, "vote": bad}).status_code == 422


# -- metrics and OpenAPI --------------------------------------------------------------------------


def read_metrics(client, place) -> dict[str, float]:
    keys = ApiKeys(place[1] / "keys.json")
    token = keys.add("monitor", ["admin"])
    lines = client.get("/metrics", headers={"Authorization": f"Bearer {token}"}).text.splitlines()
    keys.revoke("monitor")
    pairs = (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    return {name: float(value) for name, value in pairs}


def test_questions_are_counted_by_interface_and_outcome(client, place, assistant):
    before = read_metrics(client, place)
    ask(client, "What is a cat?")
    ask(client, "Who won the war?")
    client.post("/api/ask", json={"question": " "})
    client.post("/api/search", json={"question": "milk"})
    after = read_metrics(client, place)

    def increase(name: str) -> float:
        return after[name] - before.get(name, 0)

    for outcome in ("found", "refused", "error"):
        name = f'assistant_questions_total{{door="rest",interface="rest",outcome="{outcome}"}}'
        assert increase(name) == 1, outcome
    assert increase('assistant_searches_total{door="rest",interface="rest"}') == 1
    assert increase("assistant_answer_seconds_count") == 2
    assert increase('assistant_step_seconds_count{step="write"}') == 2
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
def test_a_response_matches_its_schema(client, method, address, sent, form):
    result = client.request(method, address, json=sent)
    TypeAdapter(form).validate_json(result.content, strict=True)


def test_openapi_lists_every_address_for_programs_and_no_other(client, place):
    described = client.get("/openapi.json").json()
    assert described["info"]["title"] == place[0].name
    for path, methods in described["paths"].items():
        assert path.startswith(("/api/", "/v1/", "/metrics"))
        for method in methods.values():
            assert method["summary"]
            assert "422" in method["responses"]
    assert {"/api/ask", "/api/search", "/api/guide", "/metrics"} <= described["paths"].keys()
