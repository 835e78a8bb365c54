"""Test conversations of OpenAI's clients with parts that are no text and other roles."""

from __future__ import annotations

import json

import openai
import pytest
from test_openai import QUESTIONS, get_completion_sources, make_request

from tests.served import serve_assistant

# Gradio asks pandas for an option that newer pandas announces to drop.
pytestmark = pytest.mark.filterwarnings("ignore:'future.no_silent_downcasting'")


@pytest.fixture(scope="module")
def client(tmp_path_factory, corpus_assistant):
    with serve_assistant(corpus_assistant, tmp_path_factory.mktemp("served")) as served:
        base = f"{served.origin}/v1"
        with openai.OpenAI(base_url=base, api_key="any", max_retries=0) as client:
            yield client


EARLIER = [
    {"role": "user", "name": "a", "content": [{"type": "image_url", "image_url": {"url": "x"}}]},
    {"role": "assistant", "content": [{"type": "refusal", "refusal": "I see no dog."}]},
    {
        "role": "user",
        "content": [{"type": "input_audio", "input_audio": {"data": "", "format": ""}}],
    },
    {"role": "assistant", "content": None, "tool_calls": [{"id": "1"}], "audio": {"id": "2"}},
    {"role": "tool", "tool_call_id": "1", "content": [{"type": "text", "text": "a unicorn"}]},
    {"role": "user", "content": [{"type": "file", "file": {"file_id": "f"}}]},
    {"role": "developer", "name": "b", "content": "Answer in rhymes."},
]


def test_parts_that_are_no_text_in_an_earlier_turn_are_ignored(client):
    """Each message is valid, and clients send the whole conversation with every question."""
    question = make_request(QUESTIONS[0])["messages"]
    alone = client.chat.completions.create(model="guide", messages=question)
    for some in (EARLIER, *([message] for message in EARLIER)):
        assert get_completion_sources(
            client.chat.completions.create(model="guide", messages=[*some, *question])
        ) == (get_completion_sources(alone))


def test_text_beside_other_parts_in_an_earlier_turn_is_used(client):
    first, follow = "what is a product owner?", "and how do I become one?"
    text = client.chat.completions.create(**make_request(first)).choices[0].message.content
    conversation = make_request(first, text, follow)
    parted = json.loads(json.dumps(conversation))
    picture = {"type": "image_url", "image_url": {"url": "x"}}
    parted["messages"][0]["content"] = [picture, {"type": "text", "text": first}]
    parted["messages"][1]["content"] = [
        {"type": "text", "text": text},
        {"type": "refusal", "refusal": "no"},
    ]
    assert get_completion_sources(
        client.chat.completions.create(**parted)
    ) == get_completion_sources(client.chat.completions.create(**conversation))


@pytest.mark.parametrize(
    "content",
    [
        [{"type": "file", "file": {"file_id": "f"}}],
        [{"type": "text", "text": "what is this?"}, {"type": "file", "file": {"file_id": "f"}}],
    ],
)
def test_a_part_that_is_no_text_in_the_question_is_an_error(client, content):
    messages = [
        *make_request(QUESTIONS[0], "Hm.")["messages"],
        {"role": "user", "content": content},
    ]
    for after in ([], [{"role": "user", "content": " "}]):
        with pytest.raises(openai.UnprocessableEntityError, match=r"messages\.2 .* 'file'"):
            client.chat.completions.create(model="guide", messages=[*messages, *after])
