"""Test the web chat without a browser: its conversation, its page and its events."""

from __future__ import annotations

import logging
import re
import subprocess
import sys

import pytest
from drawn import HOSTILE, assert_harmless

from assistant.assistant import Assistant
from assistant.index import builder
from assistant.index import index as indexes
from assistant.render import catalogue
from assistant.render.html import Branding
from assistant.server.reload import LiveAssistant
from assistant.server.routes import chat as chat_module
from assistant.server.service import Service

# Gradio asks pandas for an option that newer pandas announces to drop.
pytestmark = pytest.mark.filterwarnings("ignore:'future.no_silent_downcasting'")

CATS = (
    f"# Cats\n\n## What is a cat {HOSTILE}?\n\nA cat is an animal {HOSTILE} that climbs a tree.\n"
)
DOGS = "# Dogs\n\n## What is a dog?\n\nA dog guards the house and the road.\n"


@pytest.fixture(scope="module")
def assistant(tmp_path_factory, word_encoder) -> Assistant:
    """Return an Assistant over a hostile guide."""
    corpus = tmp_path_factory.mktemp("hostile")
    (corpus / "cats.md").write_text(CATS, encoding="utf-8")
    (corpus / "dogs.md").write_text(DOGS, encoding="utf-8")
    folder = tmp_path_factory.mktemp("hostile-index")
    builder.build_index(corpus, folder, word_encoder)
    return Assistant(indexes.open_index(folder), word_encoder)


@pytest.fixture(scope="module")
def chat(assistant) -> chat_module.Chat:
    return chat_module.Chat(Service(LiveAssistant(assistant)), Branding("Animals"))


def test_a_hostile_question_is_shown_as_text(chat):
    for question in (HOSTILE, f"what is a cat {HOSTILE}", "\n\n# cat\n\n" + HOSTILE, '"><b>cat'):
        conversation, _ = chat.answer(question, chat_module.ChatState())
        assert_harmless(conversation.html)
        assert "\n" not in conversation.shown_html[0]


def test_a_hostile_guide_is_quoted_as_text(chat):
    conversation, is_accepted = chat.answer("what is a cat?", chat_module.ChatState())
    assert is_accepted
    assert_harmless(conversation.html)


@pytest.mark.parametrize("question", ["", "   ", "\u200b", "word " * 401])
def test_a_question_that_cannot_be_asked_gets_a_hint(chat, question):
    conversation, is_accepted = chat.answer(question, chat_module.ChatState())
    assert not is_accepted
    assert conversation.turns == ()
    assert 'class="notice failure"' in conversation.html
    assert ("the limit is 2,000" in conversation.html) == (len(question) > 2000)


class Broken:
    """An encoder that raises an unexpected error."""

    def token_rank(self, word):
        return 1

    def encode(self, texts, progress=None):
        raise ArithmeticError("nobody foresaw this")


def test_an_error_shows_an_id_that_is_in_the_log(assistant, caplog):
    broken = chat_module.Chat(
        Service(LiveAssistant(Assistant(assistant.index, Broken()))), Branding("Animals")
    )
    with caplog.at_level(logging.ERROR):
        conversation, _ = broken.answer("what is a cat?", chat_module.ChatState())
    named = re.search(r"Something went wrong \(id ([0-9a-f]{8})\)", conversation.html)
    assert named
    assert named[1] in caplog.text
    assert "nobody foresaw" in caplog.text
    assert "nobody foresaw" not in conversation.html


def test_a_conversation_keeps_its_newest_turns_only(chat):
    conversation = chat_module.ChatState()
    for _ in range(60):
        conversation, _ = chat.answer("what is a dog?", conversation)
    assert [turn.role for turn in conversation.turns[:2]] == ["user", "agent"]
    assert len(conversation.turns) == 20
    assert len(conversation.shown_html) == 50


def test_a_conversation_about_a_section_starts_with_its_passages(chat, assistant):
    conversation = chat.open_section("dogs.md#what-is-a-dog")
    passages = assistant.index.store.section_passages("dogs.md", "what-is-a-dog")
    assert conversation.turns[-1].sources == tuple(passage.id for _, passage in passages)
    assert "What is a dog?" in conversation.html


@pytest.mark.parametrize("section", ["", "#", "none.md#x", "dogs.md#none", HOSTILE, "../dogs.md#a"])
def test_a_conversation_about_an_unknown_section_starts_empty(chat, section):
    assert chat.open_section(section) == chat_module.ChatState()


def test_the_chat_is_in_the_reader_s_language_or_the_configured_one(assistant, chat):
    assert (
        catalogue.choose_messages("de")("no_answer")
        in chat.answer("bread", chat_module.ChatState(), "de")[0].html
    )
    fixed = chat_module.Chat(Service(LiveAssistant(assistant)), Branding("Animals"), language="fr")
    assert (
        catalogue.choose_messages("fr")("no_answer")
        in fixed.answer("bread", chat_module.ChatState(), "de")[0].html
    )


PAGE = (
    '<!doctype html><html\n\tlang="en"><head><meta property="og:image" content="https://x.example">'
    '<meta\n name="twitter:card"\n content="a" /><link rel="manifest" href="/m.json">'
    "<title>T</title><script>1</script>"
    '<script type="module" src="a.js"></script></head><body></body></html>'
)


def test_every_script_of_the_page_carries_the_nonce():
    page = chat_module.customise_page(PAGE, catalogue.choose_messages("en"), Branding("T"), "n0nce")
    assert re.findall(r"<script[^>]*>", page) == [
        '<script nonce="n0nce">',
        '<script nonce="n0nce" type="module" src="a.js">',
        '<script nonce="n0nce" src="/chat/answer.js" defer>',
        '<script nonce="n0nce" src="/chat/chat.js" defer>',
    ]


def test_the_page_is_in_the_reader_s_language_and_names_no_other_host():
    page = chat_module.customise_page(PAGE, catalogue.choose_messages("ar"), Branding("T"), "n")
    assert '<html lang="ar" dir="rtl"' in page
    assert "x.example" not in page
    assert "twitter" not in page
    assert "m.json" not in page


def test_the_chat_s_settings_hold_no_tag_that_could_become_a_script():
    from gradio.routes import toorjson

    assert "<" not in toorjson({"title": HOSTILE})


def test_importing_the_package_loads_no_gradio():
    code = "import sys, assistant, assistant.server.app; sys.exit('gradio' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
