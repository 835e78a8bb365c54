"""Test that every interface gives the same answer, and the same error and hint, to a question.

The widget reads the stream; tests/browser tests it.
"""

from __future__ import annotations

import asyncio
import contextlib
import html
import io
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from assistant import client
from assistant.cli.main import main
from assistant.errors import AssistantError
from tests.hrefs import drop_hrefs
from tests.served import Served, serve_assistant
from tests.serving import Readers
from tests.speaking import Speaking

if TYPE_CHECKING:
    from pathlib import Path

# Gradio asks pandas for an option that newer pandas announces to drop.
pytestmark = pytest.mark.filterwarnings("ignore:'future.no_silent_downcasting'")

QUESTIONS = (
    "how is a PM different from a PO?",
    "recommend a book",
    "Which types of product managers are there?",
    "can I bake bread here?",
)
WRONG = ("  ", "", "why " * 600)
EVENTS = {"accept": "text/event-stream"}
STORED = re.compile(r"/a/([a-z2-7]{16})")
MCP = {"accept": "application/json, text/event-stream", "mcp-protocol-version": "2025-11-25"}


@dataclass(frozen=True)
class Interfaces:
    """A guide behind every interface."""

    serving: Served
    agent: Speaking
    index: Path

    def fetch(self, method: str, path: str, sent: object = None, headers=None) -> tuple[int, bytes]:
        async def request() -> tuple[int, bytes]:
            async with Readers(self.serving.port) as readers:
                body = b"" if sent is None else json.dumps(sent).encode()
                reply = await readers.connection().request(method, path, body, headers)
                return reply.status, reply.body

        return asyncio.run(request())

    # Each returns an answer as JSON types, or the error message and its hint.

    def cli(self, question: str):
        output, errors = io.StringIO(), io.StringIO()
        with (
            contextlib.redirect_stdout(output),
            contextlib.redirect_stderr(errors),
            pytest.raises(SystemExit) as ended,
        ):
            main(["ask", question, "--json", "--index", str(self.index)])
        if ended.value.code:
            assert ended.value.code == 2
            return tuple(errors.getvalue().strip().split("\n"))
        return json.loads(output.getvalue())

    def rest(self, question: str):
        return _parse_reply(*self.fetch("POST", "/api/ask", {"question": question}))

    def stream(self, question: str):
        status, body = self.fetch("POST", "/api/ask", {"question": question}, EVENTS)
        if status != 200:
            return _parse_reply(status, body)
        events = [event.split("\n") for event in body.decode().split("\n\n") if event]
        sentences = [json.loads(data[6:]) for name, data in events if name == "event: sentence"]
        answer = json.loads(events[-1][1][6:])
        assert [sentence["text"] for sentence in sentences] == [
            c["quote"] for c in answer["citations"]
        ]
        return answer

    def python_over_rest(self, question: str):
        with client.connect(self.serving.origin) as guide:
            try:
                return guide.ask(question).to_dict()
            except AssistantError as error:
                return error.message, error.hint

    def agent_by_pipe(self, question: str):
        params = {"name": "ask", "arguments": {"question": question}}
        return _parse_tool_result(self.agent.request("tools/call", params)["result"])

    def agent_by_http(self, question: str):
        params = {"name": "ask", "arguments": {"question": question}}
        message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
        status, body = self.fetch("POST", "/mcp", message, MCP)
        assert status == 200
        return _parse_tool_result(json.loads(body)["result"])

    def complete(self, question: str, *, stream: bool):
        sent = {"messages": [{"role": "user", "content": question}], "stream": stream}
        status, body = self.fetch("POST", "/v1/chat/completions", sent)
        if status != 200:
            return _parse_reply(status, body)
        if not stream:
            whole = json.loads(body)
            return whole, whole["choices"][0]["message"]["content"]
        lines = [line[6:] for line in body.decode().split("\n\n") if line]
        assert lines.pop() == "[DONE]"
        frames = [json.loads(line) for line in lines]
        pieces = [frame["choices"][0]["delta"].get("content", "") for frame in frames]
        return frames[-1], "".join(pieces)

    def chat(self, question: str):
        async def conversation() -> str:
            async with Readers(self.serving.port) as readers:
                reader = await readers.reader()
                assert (await reader.join(question)).status == 200
                return await reader.conversation(failures=True)

        shown = asyncio.run(conversation())
        stored = STORED.search(shown)
        if stored is None:
            return shown
        _, body = self.fetch("GET", f"/api/answers/{stored[1]}")
        return json.loads(body)["answer"]


def _parse_reply(status: int, body: bytes):
    data = json.loads(body)
    if status == 200:
        return data
    assert status == 422
    return data["detail"], data["hint"]


def _parse_tool_result(result: dict):
    if result.get("isError"):
        (content,) = result["content"]
        return tuple(content["text"].split("\n"))
    return result["structuredContent"]


def drop_times(answer: dict) -> dict:
    return {name: value for name, value in answer.items() if name not in {"id", "seconds"}}


@pytest.fixture(scope="module")
def interfaces(tmp_path_factory, corpus_index, corpus_assistant):
    folder = tmp_path_factory.mktemp("interfaces")
    served = serve_assistant(corpus_assistant, folder)
    with Speaking(corpus_index, folder) as agent, served as serving:
        agent.greet()
        yield Interfaces(serving, agent, corpus_index)


@pytest.fixture(scope="module")
def expected(corpus_assistant) -> dict[str, dict]:
    return {
        question: drop_times(corpus_assistant.ask(question).to_dict()) for question in QUESTIONS
    }


def test_all_questions_but_one_are_answered(expected):
    assert [answer["found"] for answer in expected.values()] == [True, True, True, False]
    assert any(answer["resources"] for answer in expected.values())


WHOLE = "cli rest stream python_over_rest agent_by_pipe agent_by_http chat".split()


@pytest.mark.parametrize("interface", WHOLE)
@pytest.mark.parametrize("question", QUESTIONS)
def test_an_interface_gives_the_answer_that_python_gives(interfaces, expected, interface, question):
    answer = drop_hrefs(getattr(interfaces, interface)(question))
    assert drop_times(answer) == expected[question]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("question", QUESTIONS)
def test_a_completion_has_the_citations_that_python_gives(interfaces, expected, question, stream):
    completion, text = interfaces.complete(question, stream=stream)
    answer = expected[question]
    for name in ("citations", "resources", "found"):
        assert drop_hrefs(completion[name]) == answer[name]
    linked = re.sub(r"(?<!\^)\[([^\]^][^\]]*)\]\([^)\s]*\)", r"\1", text)
    words = " ".join(
        re.sub(r"\[\^\d+\]|^ *(?:[-*]|\d+\.) |[*_`\\]", "", linked, flags=re.M).split()
    )
    for citation in answer["citations"]:
        for line in filter(None, citation["quote"].splitlines()):
            line_text = re.sub(r"^ *(?:- |\d+\. )", "", line)
            assert " ".join(re.sub(r"[*_`\\]", "", line_text).split()) in words, line


@pytest.mark.parametrize("interface", [*WHOLE, "complete"])
@pytest.mark.parametrize("question", WRONG, ids=["signs", "nothing", "too long"])
def test_an_interface_gives_the_error_and_hint_that_python_gives(
    interfaces, corpus_assistant, interface, question
):
    with pytest.raises(AssistantError) as raised:
        corpus_assistant.ask(question)
    expected = (raised.value.message, raised.value.hint)
    if interface == "chat":
        shown = html.unescape(interfaces.chat(question))
        assert all(words in shown for words in expected)
    elif interface == "complete":
        assert interfaces.complete(question, stream=True) == interfaces.complete(
            question, stream=False
        )
        assert interfaces.complete(question, stream=False) == expected
    else:
        assert getattr(interfaces, interface)(question) == expected
