"""One question through every door: the same quotes, sources and resources, the same error and mend.

The widget reads the stream, and is held to it in tests/browser/test_widget.py.
"""

from __future__ import annotations

import asyncio
import html
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from assistant import client
from assistant.errors import AssistantError
from tests.conftest import ROOT
from tests.serving import Readers, Serving
from tests.speaking import Speaking

if TYPE_CHECKING:
    from pathlib import Path

QUESTIONS = (
    "how is a PM different from a PO?",
    "recommend a book",
    "Which types of product managers are there?",
    "can I bake bread here?",
)
WRONG = ("?!", "", "why " * 600)
EVENTS = {"accept": "text/event-stream"}
STORED = re.compile(r"/a/([a-z2-7]{16})")
MCP = {"accept": "application/json, text/event-stream", "mcp-protocol-version": "2025-11-25"}


@dataclass(frozen=True)
class Interfaces:
    """A guide behind every door."""

    serving: Serving
    agent: Speaking
    index: Path

    def fetch(self, method: str, path: str, sent: object = None, headers=None) -> tuple[int, bytes]:
        async def request() -> tuple[int, bytes]:
            async with Readers(self.serving.port) as readers:
                body = b"" if sent is None else json.dumps(sent).encode()
                reply = await readers.connection().request(method, path, body, headers)
                return reply.status, reply.body

        return asyncio.run(request())

    # Each gives an answer as JSON types, or what is wrong and its mend.

    def cli(self, question: str):
        own = {name: value for name, value in os.environ.items() if "ASSISTANT_" not in name}
        done = subprocess.run(
            [sys.executable, "-m", "assistant", "ask", question, "--json", "--index", self.index],
            cwd=self.index,
            env={**own, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            assert done.returncode == 2
            return tuple(done.stderr.strip().split("\n"))
        return json.loads(done.stdout)

    def rest(self, question: str):
        return _parse_reply(*self.fetch("POST", "/api/ask", {"question": question}))

    def stream(self, question: str):
        status, body = self.fetch("POST", "/api/ask", {"question": question}, EVENTS)
        if status != 200:
            return _parse_reply(status, body)
        events = [event.split("\n") for event in body.decode().split("\n\n") if event]
        sentences = [json.loads(data[6:]) for name, data in events if name == "event: sentence"]
        answer = json.loads(events[-1][1][6:])
        assert [reply["text"] for reply in sentences] == [c["quote"] for c in answer["citations"]]
        return answer

    def python_over_rest(self, question: str):
        with client.connect(self.serving.origin) as guide:
            try:
                return guide.ask(question).to_dict()
            except AssistantError as error:
                return error.message, error.hint

    def agent_by_pipe(self, question: str):
        question_asked = {"name": "ask", "arguments": {"question": question}}
        return _tooled(self.agent.request("tools/call", question_asked)["result"])

    def agent_by_http(self, question: str):
        question_asked = {"name": "ask", "arguments": {"question": question}}
        message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": question_asked}
        status, body = self.fetch("POST", "/mcp", message, MCP)
        assert status == 200
        return _tooled(json.loads(body)["result"])

    def completed(self, question: str, *, stream: bool):
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
    return data["detail"], data["mend"]


def _tooled(result: dict):
    if result.get("isError"):
        (reply,) = result["content"]
        return tuple(reply["text"].split("\n"))
    return result["structuredContent"]


def timeless(answer: dict) -> dict:
    return {name: value for name, value in answer.items() if name not in {"id", "seconds"}}


@pytest.fixture(scope="module")
def interfaces(tmp_path_factory, corpus_index):
    folder = tmp_path_factory.mktemp("doors")
    shutil.copytree(corpus_index, folder / "index")
    with Serving(folder) as serving, Speaking(folder / "index", folder) as agent:
        agent.greet()
        yield Interfaces(serving.ready(), agent, folder / "index")


@pytest.fixture(scope="module")
def expected(corpus_assistant) -> dict[str, dict]:
    return {question: timeless(corpus_assistant.ask(question).to_dict()) for question in QUESTIONS}


def test_the_questions_are_answered_and_one_is_not(expected):
    assert [answer["found"] for answer in expected.values()] == [True, True, True, False]
    assert any(answer["resources"] for answer in expected.values())


WHOLE = "cli rest stream python_over_rest agent_by_pipe agent_by_http chat".split()


@pytest.mark.parametrize("interface", WHOLE)
@pytest.mark.parametrize("question", QUESTIONS)
def test_a_door_gives_the_answer_that_python_gives(interfaces, expected, interface, question):
    assert timeless(getattr(interfaces, interface)(question)) == expected[question]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("question", QUESTIONS)
def test_a_completion_rests_on_what_python_cites(interfaces, expected, question, stream):
    results, text = interfaces.completed(question, stream=stream)
    answer = expected[question]
    for name in ("citations", "resources", "found"):
        assert results[name] == answer[name]
    words = " ".join(re.sub(r"\[\^\d+\]|^ *(?:[-*]|\d+\.) |[*`\\]", "", text, flags=re.M).split())
    for citation in answer["citations"]:
        for line in filter(None, citation["quote"].splitlines()):
            reply = re.sub(r"^ *(?:- |\d+\. )", "", line)
            assert " ".join(re.sub(r"[*`\\]", "", reply).split()) in words, line


@pytest.mark.parametrize("interface", [*WHOLE, "completed"])
@pytest.mark.parametrize("question", WRONG, ids=["signs", "nothing", "too long"])
def test_a_door_says_what_is_wrong_with_its_mend_as_python_does(
    interfaces, corpus_assistant, interface, question
):
    with pytest.raises(AssistantError) as raised:
        corpus_assistant.ask(question)
    reply = (raised.value.message, raised.value.hint)
    if interface == "chat":
        shown = html.unescape(interfaces.chat(question))
        assert all(words in shown for words in reply)
    elif interface == "completed":
        assert interfaces.completed(question, stream=True) == interfaces.completed(
            question, stream=False
        )
        assert interfaces.completed(question, stream=False) == reply
    else:
        assert getattr(interfaces, interface)(question) == reply
