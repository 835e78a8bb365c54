"""Test hostile texts and paths at full size."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings

from tests.durability import scene
from tests.server import test_hostile_messages as messages
from tests.server import test_hostile_text as texts
from tests.sizes import LONG

pytestmark = [
    # Gradio asks pandas for an option that newer pandas announces to drop.
    pytest.mark.filterwarnings("ignore:'future.no_silent_downcasting'"),
    pytest.mark.skipif(not LONG, reason="its short size is tests/server/test_hostile_text.py"),
]


@pytest.fixture(scope="module")
def chat(tmp_path_factory, word_encoder):
    return texts.open_chat(tmp_path_factory.mktemp("odd"), word_encoder)


@settings(max_examples=50_000)
@given(texts.TEXTS, texts.TEXTS)
def test_a_hundred_thousand_questions_are_answered_or_get_a_hint(chat, first, then):
    texts.ask_twice(chat, first, then)


@texts.needs_naughty
def test_every_naughty_string_is_answered_or_gets_a_hint(chat):
    for text in json.loads(texts.NAUGHTY.read_text(encoding="utf-8")):
        texts.ask_twice(chat, text, f"what is a cat {text}")


@pytest.mark.skipif(not messages.TRAVERSAL.is_file(), reason=f"there is no {messages.TRAVERSAL}")
def test_no_form_of_a_path_leaves_the_served_folders(tmp_path, word_encoder):
    known = messages.read_forms()
    with messages.run_server(tmp_path, word_encoder) as server:
        sent = sum(messages.assert_nothing_leaks(server, form) for form in known)
    scene.figures.info("%d forms, %d requests", len(known), sent)
