"""Test the OpenAI interface over real HTTP with OpenAI's package and another client."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import openai
import pytest
from answered import without_hrefs
from fastapi.testclient import TestClient
from opened import open_server

from assistant.assistant import Assistant
from assistant.index import builder
from assistant.index import index as indexes
from assistant.server.reload import LiveAssistant
from assistant.server.routes.schemas import ChatCompletionResponse, ModelListResponse, ModelResponse
from assistant.settings import Settings
from tests.conftest import ROOT
from tests.hrefs import drop_hrefs
from tests.parsed import parse_markdown, words_of
from tests.served import serve_assistant
from tests.serving import Connection

# Gradio asks pandas for an option that newer pandas announces to drop.
pytestmark = pytest.mark.filterwarnings("ignore:'future.no_silent_downcasting'")

QUESTIONS = (
    "how is a PM different from a PO?",
    "which types of product managers are there?",
    "what should I read first?",
    "can I bake bread here?",
)
MODULES = Path(os.environ.get("AI_SDK", ROOT / "build" / "ai"))
"""Where `npm install ai @ai-sdk/openai-compatible` was run, for the test with another client."""

ANOTHER = """
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { generateText, streamText } from "ai";
const [origin, prompt] = process.argv.slice(2);
const made = createOpenAICompatible({ name: "guide", baseURL: `${origin}/v1`, apiKey: "any" });
const model = made("guide");
const whole = await generateText({ model, prompt, maxRetries: 0 });
const stream = streamText({ model, prompt, maxRetries: 0 });
const pieces = [];
for await (const piece of stream.textStream) pieces.push(piece);
let error = "";
try { await generateText({ model, prompt: " ", maxRetries: 0 }); } catch (e) { error = e.message; }
console.log(JSON.stringify({
  whole: whole.text, finish: whole.finishReason, usage: whole.usage.totalTokens, pieces, error,
  citations: whole.response.body.citations,
}));
"""


def make_request(*texts: str, **more) -> dict:
    """Return the body of a conversation with alternating turns of user and assistant."""
    roles = ("user", "assistant")
    messages = [{"role": roles[n % 2], "content": text} for n, text in enumerate(texts)]
    return {"model": "guide", "messages": messages, **more}


def get_sources(answer) -> dict:
    """Return an answer's citations, resources and `found`, as JSON types."""
    whole = answer.to_dict()
    return {name: whole[name] for name in ("citations", "resources", "found")}


def get_completion_sources(completion) -> dict:
    """Return the same fields of a completion, or of a frame of it."""
    return {
        name: drop_hrefs(getattr(completion, name)) for name in ("citations", "resources", "found")
    }


@pytest.fixture(scope="module")
def served(tmp_path_factory, corpus_assistant):
    with serve_assistant(corpus_assistant, tmp_path_factory.mktemp("served")) as served:
        yield served


@pytest.fixture
def client(served):
    # A server without keys accepts any; the package must send one.
    with openai.OpenAI(base_url=f"{served.origin}/v1", api_key="any", max_retries=0) as client:
        yield client


def post_body(served, body, headers=None):
    """Post a raw body that the package would not send, and return the response."""

    async def post():
        connection = Connection(served.port)
        sent = body if isinstance(body, bytes) else json.dumps(body).encode()
        try:
            return await connection.request("POST", "/v1/chat/completions", sent, headers)
        finally:
            await connection.close()

    return asyncio.run(post())


# Answers


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_completion_has_the_text_and_sources_of_the_assistant(client, corpus_assistant, question):
    answer = corpus_assistant.ask(question)
    completion = client.chat.completions.create(**make_request(question))
    (choice,) = completion.choices
    assert choice.finish_reason == "stop"
    assert choice.message.role == "assistant"
    assert get_completion_sources(completion) == get_sources(answer)
    shown = " ".join(parse_markdown(choice.message.content).text.split())
    in_tables = {n for block in answer.blocks if block.kind == "table" for n in block.citations}
    for citation in answer.citations:
        end = "" if citation.n in in_tables else f" [{citation.n}]"
        assert f"{words_of(citation.quote)}{end}" in shown
        assert f"[{citation.n}]" in shown  # those of a table are below it
    for resource in answer.resources:
        assert f"[{resource.title}]({resource.url})" in choice.message.content
    if not answer.found:
        assert choice.message.content.startswith(answer.text)
    assert completion.system_fingerprint == answer.generation


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_stream_has_the_text_and_sources_of_the_whole_completion(
    client, corpus_assistant, question
):
    whole = client.chat.completions.create(**make_request(question))
    frames = list(client.chat.completions.create(**make_request(question, stream=True)))
    deltas = [frame.choices[0].delta for frame in frames]
    assert deltas[0].role == "assistant"
    assert "".join(delta.content or "" for delta in deltas) == whole.choices[0].message.content
    assert len(frames) > len(corpus_assistant.ask(question).blocks)
    assert [frame.choices[0].finish_reason for frame in frames[:-1]] == [None] * (len(frames) - 1)
    assert frames[-1].choices[0].finish_reason == "stop"
    assert get_completion_sources(frames[-1]) == get_completion_sources(whole)
    assert frames[-1].answer_id == whole.answer_id  # the same answer is kept once
    assert len({frame.id for frame in frames}) == 1


def test_an_asynchronous_client_gets_the_same(served, client, corpus_assistant):
    async def both():
        async with openai.AsyncOpenAI(
            base_url=f"{served.origin}/v1", api_key="any", max_retries=0
        ) as waiting:
            whole = await waiting.chat.completions.create(**make_request(QUESTIONS[0]))
            stream = await waiting.chat.completions.create(
                **make_request(QUESTIONS[0], stream=True)
            )
            return whole, [frame async for frame in stream]

    whole, frames = asyncio.run(both())
    assert (
        get_completion_sources(whole)
        == get_completion_sources(frames[-1])
        == get_sources(corpus_assistant.ask(QUESTIONS[0]))
    )


def run_node(script: str, *arguments: str) -> str:
    """Run a Node.js script that uses the other client, and return its output."""
    node = shutil.which("node")
    if not node or not (MODULES / "node_modules" / "@ai-sdk" / "openai-compatible").is_dir():
        pytest.skip(f"npm install ai @ai-sdk/openai-compatible was not run in {MODULES}")
    done = subprocess.run(
        [node, "--input-type=module", "-", *arguments],
        input=script,
        cwd=MODULES,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_another_client_gets_the_same(served, corpus_assistant):
    answer = corpus_assistant.ask(QUESTIONS[0])
    result = json.loads(run_node(ANOTHER, served.origin, QUESTIONS[0]))
    assert result["whole"] == "".join(result["pieces"])
    assert f"{answer.citations[0].quote} [^1]" in result["whole"]
    assert without_hrefs(result)["citations"] == answer.to_dict()["citations"]
    assert result["finish"] == "stop"
    assert result["usage"] > 0
    assert result["error"] == "The question is empty. Ask in words, for example: what is …?"


def test_a_completion_matches_its_schema(served):
    ChatCompletionResponse.model_validate_json(post_body(served, make_request(QUESTIONS[0])).body)


def test_every_frame_is_a_data_line_and_the_last_is_done(served):
    result = post_body(served, make_request(QUESTIONS[0], stream=True))
    assert result.headers["content-type"].startswith("text/event-stream")
    assert result.headers["cache-control"] == "no-store"
    *frames, done, nothing = result.body.decode().split("\n\n")
    assert (done, nothing) == ("data: [DONE]", "")
    assert all(frame.startswith('data: {"id": "chatcmpl-') for frame in frames)
    assert "citations" in frames[-1]
    assert not any("citations" in frame or "usage" in frame for frame in frames[:-1])


def test_the_requested_model_name_comes_back(client):
    for name in ("gpt-9", "guide", "ours/the guide 🐈"):
        request = {**make_request(QUESTIONS[0]), "model": name}
        assert client.chat.completions.create(**request).model == name


def test_without_a_model_name_the_model_is_guide(served):
    (message,) = make_request(QUESTIONS[0])["messages"]
    assert post_body(served, {"messages": [message]}).json()["model"] == "guide"


def test_ids_differ_and_the_time_is_now(client):
    before = int(time.time())
    result = [client.chat.completions.create(**make_request(QUESTIONS[0])) for _ in range(2)]
    assert result[0].id != result[1].id
    assert all(before <= one.created <= time.time() for one in result)


def test_an_answer_is_kept_and_can_be_read_again_by_its_id(served, client):
    completion = client.chat.completions.create(**make_request(QUESTIONS[0]))

    async def read():
        connection = Connection(served.port)
        try:
            return await connection.request("GET", f"/api/answers/{completion.answer_id}")
        finally:
            await connection.close()

    stored = asyncio.run(read()).json()["answer"]["citations"]
    assert drop_hrefs(stored) == drop_hrefs(completion.citations)


def test_questions_are_counted_for_this_interface(served, client):
    async def read_count():
        connection = Connection(served.port)
        try:
            with served.admin() as headers:
                response = await connection.request("GET", "/metrics", headers=headers)
            text = response.body.decode()
        finally:
            await connection.close()
        labels = 'door="completions",interface="completions",outcome="found"'
        match = re.search(rf"assistant_questions_total\{{{labels}\}} (\S+)", text)
        return float(match[1])

    client.chat.completions.create(**make_request(QUESTIONS[0]))
    before = asyncio.run(read_count())
    client.chat.completions.create(**make_request(QUESTIONS[0]))
    assert asyncio.run(read_count()) == before + 1


# Usage


def test_usage_counts_words(client):
    completion = client.chat.completions.create(**make_request(QUESTIONS[0]))
    usage = completion.usage
    assert usage.prompt_tokens == 8
    plain = re.sub(r"\W+", " ", completion.choices[0].message.content).split()
    assert usage.completion_tokens == pytest.approx(len(plain), rel=0.2)
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens
    longer = client.chat.completions.create(
        **make_request(QUESTIONS[0], "It is not.", QUESTIONS[0])
    ).usage
    assert longer.prompt_tokens == 8 + 3 + 8


def test_a_stream_has_its_usage_on_request(client):
    whole = client.chat.completions.create(**make_request(QUESTIONS[0]))
    with_usage = make_request(QUESTIONS[0], stream=True, stream_options={"include_usage": True})
    *frames, last = client.chat.completions.create(**with_usage)
    assert (last.choices, last.usage) == ([], whole.usage)
    assert [frame.usage for frame in frames] == [None] * len(frames)
    assert get_completion_sources(frames[-1]) == get_completion_sources(whole)
    without_usage = make_request(QUESTIONS[0], stream=True, stream_options={"include_usage": False})
    assert all(frame.choices for frame in client.chat.completions.create(**without_usage))


# Conversations


@pytest.mark.parametrize(
    "first", ["what is a product owner?", "which types of product managers are there?"]
)
def test_a_conversation_continues_as_in_the_chat(client, corpus_assistant, first):
    """The client sends back footnotes and lists, which the chat's conversation does not have."""
    follow = "and how do I become one?"
    dialogue = corpus_assistant.conversation()
    dialogue.ask(first)
    expected = dialogue.ask(follow)
    reply = client.chat.completions.create(**make_request(first)).choices[0].message.content
    assert get_completion_sources(
        client.chat.completions.create(**make_request(first, reply, follow))
    ) == get_sources(expected)
    # Without the conversation the question is answered differently.
    assert get_sources(expected) != get_sources(corpus_assistant.ask(follow))


def test_messages_of_other_roles_are_ignored(client):
    question = make_request(QUESTIONS[0])["messages"]
    others = [
        {"role": "system", "content": "Answer in rhymes about unicorns."},
        {"role": "developer", "content": [{"type": "image_url", "image_url": {"url": "x"}}]},
        {"role": "assistant", "content": None, "tool_calls": []},
        {"role": "tool", "tool_call_id": "1", "content": "a unicorn"},
    ]
    alone = client.chat.completions.create(model="guide", messages=question)
    for messages in ([*others, *question], [*question, *others]):
        result = client.chat.completions.create(model="guide", messages=messages)
        assert get_completion_sources(result) == get_completion_sources(alone)
        assert result.usage == alone.usage


def test_text_parts_of_a_message_are_joined(client):
    parts = [
        {"type": "text", "text": "how is a PM"},
        {"type": "text", "text": "different from a PO?"},
    ]
    result = client.chat.completions.create(
        model="guide", messages=[{"role": "user", "content": parts}]
    )
    assert get_completion_sources(result) == get_completion_sources(
        client.chat.completions.create(**make_request(QUESTIONS[0]))
    )


def test_other_request_fields_change_nothing(client):
    more = {
        "temperature": 0.0,
        "max_tokens": 1,
        "n": 3,
        "stop": ["."],
        "tools": [{"type": "function", "function": {"name": "f", "parameters": {}}}],
        "response_format": {"type": "json_object"},
        "user": "somebody",
        "stream_options": None,
    }
    result = client.chat.completions.create(**make_request(QUESTIONS[0]), **more)
    assert get_completion_sources(result) == get_completion_sources(
        client.chat.completions.create(**make_request(QUESTIONS[0]))
    )
    assert len(result.choices) == 1


def test_a_conversation_over_512_kb_is_refused_with_a_hint(client):
    reply = client.chat.completions.create(**make_request(QUESTIONS[1])).choices[0].message.content
    dialogue = [QUESTIONS[1], reply] * (400_000 // len(reply)) + [QUESTIONS[0]]
    assert client.chat.completions.create(**make_request(*dialogue)).found
    with pytest.raises(openai.APIStatusError, match=r"too long\. Send at most 512 kB") as refused:
        client.chat.completions.create(**make_request(*dialogue, *dialogue))
    assert refused.value.status_code == 413


# Errors


@pytest.mark.parametrize(
    ("messages", "what", "hint"),
    [
        (
            [{"role": "assistant", "content": "Hm."}],
            "No message has the role user.",
            "End messages",
        ),
        ([{"role": "system", "content": "Hm."}], "No message has the role user.", "End messages"),
        ([{"role": "user", "content": " "}], "The question is empty.", "Ask in words"),
        ([{"role": "user", "content": None}], "The question is empty.", "Ask in words"),
        ([{"role": "user", "content": "a" * 2001}], "2,001 characters", "one thing at a time"),
        (
            [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}],
            "A part of messages.0 is not text: its type is 'image_url'.",
            "Send text only",
        ),
        ([], "at least 1 item", "/openapi.json"),
        ([{"role": "king", "content": "Why?"}], "messages.0.role", "/openapi.json"),
        ([{"role": "user", "content": 5}], "messages.0.content", "/openapi.json"),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_the_package_raises_the_message_and_the_hint(client, messages, what, hint, stream):
    with pytest.raises(openai.UnprocessableEntityError) as raised:
        client.chat.completions.create(model="guide", messages=messages, stream=stream)
    assert what in str(raised.value)
    assert hint in str(raised.value)
    assert raised.value.type == "invalid_request_error"
    assert re.fullmatch("[0-9a-f]{12}", raised.value.request_id)


def test_an_error_is_a_problem_details_object_too(served):
    result = post_body(served, make_request(" "))
    assert (result.status, result.headers["content-type"]) == (422, "application/problem+json")
    error = result.json()
    assert (error["detail"], error["status"]) == ("The question is empty.", 422)
    assert error["error"]["message"] == f"{error['detail']} {error['mend']}"


@pytest.mark.parametrize(
    "body", [b"{", b"[]", b'"?"', b"null", b"[" * 60_000, b"\xff", b'{"messages": {}}']
)
def test_a_malformed_request_is_refused(served, body):
    result = post_body(served, body)
    assert result.status in {400, 422}
    assert result.json()["error"]["message"]


def test_a_surrogate_breaks_nothing(served):
    assert post_body(served, make_request("what is a product owner \ud800?")).status == 200
    assert post_body(served, {**make_request("why?"), "model": "\udfff"}).status == 422


# Models


def test_the_only_model_is_the_guide(served, client):
    (model,) = client.models.list().data
    assert model.id == "guide"
    assert abs(model.created - time.time()) < 3600
    assert client.models.retrieve("guide") == model

    async def read(path):
        connection = Connection(served.port)
        try:
            return (await connection.request("GET", path)).body
        finally:
            await connection.close()

    ModelListResponse.model_validate_json(asyncio.run(read("/v1/models")))
    ModelResponse.model_validate_json(asyncio.run(read("/v1/models/guide")))


def test_an_unknown_model_is_not_found_and_the_error_names_the_model(client):
    with pytest.raises(openai.NotFoundError, match=r"'gpt-9'\. Use the model guide\."):
        client.models.retrieve("gpt-9")


# docs/openai.md


PAGE = (ROOT / "docs" / "openai.md").read_text(encoding="utf-8")
PYTHON = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
JAVASCRIPT = re.findall(r"^```js\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
PRINTED = ("[^1]: ", " cited\n", "The question is empty. Ask in words, for example: what is …?\n")


def set_port(served, code: str) -> str:
    """Return the code of the page with the port of this server."""
    assert code.count("127.0.0.1:7860") == 1
    return code.replace("127.0.0.1:7860", f"127.0.0.1:{served.port}")


@pytest.mark.parametrize(("code", "printed"), [*zip(PYTHON, PRINTED, strict=True)], ids=range(3))
def test_the_python_of_the_page_runs_unchanged(served, code, printed):
    done = subprocess.run(
        [sys.executable, "-c", set_port(served, code)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert printed in done.stdout


def test_the_javascript_of_the_page_runs_unchanged(served):
    (code,) = JAVASCRIPT
    assert "[^1]: " in run_node(set_port(served, code))


# Links of sources


@pytest.fixture(scope="module")
def ask_with(tmp_path_factory, word_encoder):
    """Return a function that asks a server with given settings and headers."""
    corpus = tmp_path_factory.mktemp("guide")
    (corpus / "dogs.md").write_text("# Dogs\n\n## What is a dog?\n\nA dog guards the house.\n")

    def ask(question="what is a dog?", host="127.0.0.1", headers=None, reading=None, **settings):
        folder = tmp_path_factory.mktemp("index")
        builder.build_index(
            corpus, folder, word_encoder, **({"reading_options": reading} if reading else {})
        )
        live = LiveAssistant(Assistant(indexes.open_index(folder), word_encoder))
        server = open_server(Settings(index=folder, **settings), live)
        root = settings.get("root", "")
        client = TestClient(server.app, base_url=f"http://{host}", client=("127.0.0.1", 5))
        result = client.post(
            f"{root}/v1/chat/completions", json=make_request(question), headers=headers
        )
        assert result.status_code == 200, result.text
        return result.json()["choices"][0]["message"]["content"]

    return ask


def test_a_source_links_to_the_reader_on_the_same_host(ask_with):
    assert "— [dogs.md](http://127.0.0.1/guide/dogs.md" in ask_with()


def test_behind_a_proxy_a_source_links_to_the_proxy_and_its_root(ask_with):
    headers = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "help.example"}
    trusted = {"trusted_proxies": "127.0.0.1", "hosts": "help.example", "anonymous": True}
    text = ask_with(headers=headers, root="/ask", **trusted)
    assert "(https://help.example/ask/guide/dogs.md" in text


def test_a_source_of_a_published_guide_links_to_its_site(ask_with):
    from assistant.guide.publishers import ReadingOptions

    text = ask_with(reading=ReadingOptions(base_url="https://docs.example/", publisher="mkdocs"))
    assert "— [dogs.md](https://docs.example/dogs/#what-is-a-dog" in text


def test_the_words_around_the_quotes_are_in_the_readers_language(ask_with):
    for how in ({"headers": {"Accept-Language": "de"}}, {"language": "de"}):
        assert ask_with("what is a unicorn?", **how).startswith(
            "Der Leitfaden beantwortet das nicht."
        )
