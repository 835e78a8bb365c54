"""Talks as OpenAI's clients send them: parts that are no text, and turns of others."""

from __future__ import annotations

import json

import openai
import pytest
from test_openai import QUESTIONS, asking, rests

from tests.serving import Serving


@pytest.fixture(scope="module")
def client(tmp_path_factory, encoder):
    with Serving(tmp_path_factory.mktemp("served")) as serving:
        base = f"{serving.ready().origin}/v1"
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


def test_what_is_no_text_in_an_earlier_turn_is_passed_over(client):
    """Each of these is legal to send, and clients send all of a talk with every question."""
    question = asking(QUESTIONS[0])["messages"]
    alone = client.chat.completions.create(model="guide", messages=question)
    for some in (EARLIER, *([one] for one in EARLIER)):
        assert rests(
            client.chat.completions.create(model="guide", messages=[*some, *question])
        ) == (rests(alone))


def test_the_words_beside_what_is_no_text_in_an_earlier_turn_are_leant_on(client):
    first, follow = "what is a product owner?", "and how do I become one?"
    text = client.chat.completions.create(**asking(first)).choices[0].message.content
    conversation = asking(first, text, follow)
    parted = json.loads(json.dumps(conversation))
    picture = {"type": "image_url", "image_url": {"url": "x"}}
    parted["messages"][0]["content"] = [picture, {"type": "text", "text": first}]
    parted["messages"][1]["content"] = [
        {"type": "text", "text": text},
        {"type": "refusal", "refusal": "no"},
    ]
    assert rests(client.chat.completions.create(**parted)) == rests(
        client.chat.completions.create(**conversation)
    )


@pytest.mark.parametrize(
    "content",
    [
        [{"type": "file", "file": {"file_id": "f"}}],
        [{"type": "text", "text": "what is this?"}, {"type": "file", "file": {"file_id": "f"}}],
    ],
)
def test_what_is_no_text_in_the_question_itself_is_one_clear_error(client, content):
    messages = [*asking(QUESTIONS[0], "Hm.")["messages"], {"role": "user", "content": content}]
    for after in ([], [{"role": "user", "content": " "}]):
        with pytest.raises(openai.UnprocessableEntityError, match=r"messages\.2 .* 'file'"):
            client.chat.completions.create(model="guide", messages=[*messages, *after])
