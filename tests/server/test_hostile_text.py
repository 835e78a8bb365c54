"""Test hostile text in questions, addresses, headers and bodies: every reply is well-formed.

Messages and paths that no browser would send are in `tests/server/test_hostile_messages.py`.
"""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import quote

import pytest
from drawn import assert_harmless
from hypothesis import example, given
from hypothesis import strategies as st

from assistant.assistant import Assistant
from assistant.errors import QuestionError
from assistant.index import builder
from assistant.index import index as indexes
from assistant.render.html import Branding
from assistant.server.answer_log import AnswerLog
from assistant.server.reload import LiveAssistant
from assistant.server.routes import chat as chat_module
from assistant.server.service import Service
from assistant.settings import Settings
from assistant.text.normalize import strip_invisible
from tests.conftest import SHARED
from tests.server.test_app import serve_guide
from tests.sizes import size

# Gradio asks pandas for an option that newer pandas announces to drop.
pytestmark = pytest.mark.filterwarnings("ignore:'future.no_silent_downcasting'")

NAUGHTY = SHARED / "security" / "blns.json"
needs_naughty = pytest.mark.skipif(not NAUGHTY.is_file(), reason=f"there is no {NAUGHTY}")

GUIDE = """# Cats {0}

## What is a cat {0}?

A cat is an animal {0} that climbs a tree.

- [Read about cats](https://cats.example/) {0}

## How is a cat different from a dog?

A cat climbs a tree and a dog guards the house. There are two kinds: {0}

- the one of the house
- the one of the road
"""
ODD = "\u202e\u200f\ufeff {0} %s ${x} {{y}} $$z$$ \u2028 &#0; <b> \U000e0041 e\u0301"

# Any character, surrogates too, and pieces of questions, HTML and Markdown.
CHARACTERS = st.characters(exclude_categories=())
WORDS = "what is a |cat|dog |? |how is a cat different from a |and |the other one?|bread |CAT |ctas"
MARKS = """which kinds of |are there|. |" |<b>|</p>|&#0;|&lt;|](|$$|{0}|{n}|%s|\\|```|<!--|vs|1. """
SIGNS = ("\0", "\ud800", "\udfff", "\u202e", "\u200f", "\u2028", "\x85", "\n\n", "\ufdfa")
PIECES = st.sampled_from([*WORDS.split("|"), *MARKS.split("|"), *SIGNS])
TEXTS = st.lists(st.one_of(PIECES, st.text(CHARACTERS, max_size=15)), max_size=10).map("".join)

_EMPTY = frozenset("br hr img input link meta".split())
_LINE_ENDS = re.compile(r"[\r\n\v\f\x1c-\x1e\x85\u2028\u2029]")


class Balance(HTMLParser):
    """Fail at an element that is closed in the wrong order, or not at all."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self._open: list[str] = []
        self.feed(source)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag, attrs):
        if tag not in _EMPTY:
            self._open.append(tag)

    def handle_endtag(self, tag):
        assert self._open.pop() == tag


def assert_well_formed(conversation: chat_module.ChatState) -> None:
    """Check that the last turn is one line of harmless HTML: an answer, a refusal or an error."""
    shown = conversation.shown_html[-1]
    assert not _LINE_ENDS.search(shown)
    shown.encode()  # no surrogate is left
    Balance(shown)
    assert_harmless(shown)
    assert "Something went wrong" not in shown
    message = re.search(r'class="notice failure"><p>[^<]+</p><p>[^<]+</p></div>', shown)
    outcomes = ["<blockquote" in shown, 'class="verdict"' in shown, bool(message)]
    assert sum(outcomes) == 1, shown


def ask_twice(chat: chat_module.Chat, first: str, then: str) -> None:
    """Ask two questions in one conversation."""
    conversation, _ = chat.answer(first, chat_module.ChatState(), then)
    assert_well_formed(conversation)
    conversation, _ = chat.answer(then, conversation, first)
    assert_well_formed(conversation)


def open_chat(folder: Path, encoder) -> chat_module.Chat:
    """Open a chat over a guide with unusual text in it."""
    (folder / "guide").mkdir()
    (folder / "guide" / "cats.md").write_text(GUIDE.replace("{0}", ODD), encoding="utf-8")
    (folder / "guide" / "dogs.md").write_text("# Dogs\n\nA dog guards the house.\n")
    builder.build_index(folder / "guide", folder / "index", encoder)
    return chat_module.Chat(
        Service(LiveAssistant(Assistant(indexes.open_index(folder / "index"), encoder))),
        Branding("Animals"),
    )


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("odd")


@pytest.fixture(scope="module")
def chat(place, word_encoder) -> chat_module.Chat:
    return open_chat(place, word_encoder)


def read_naughty_strings() -> list[str]:
    return json.loads(NAUGHTY.read_text(encoding="utf-8"))


# -- questions-------------------------------------------------------------------------------------


@needs_naughty
def test_a_naughty_string_is_answered_refused_or_an_error_with_a_hint(chat):
    for text in read_naughty_strings()[:: size(10, 1)]:
        ask_twice(chat, text, f"what is a cat {text}")


@given(TEXTS, TEXTS)
@example("what is a what is a what is a \ud800", "and cat")
def test_any_text_is_answered_refused_or_an_error_with_a_hint(chat, first, then):
    ask_twice(chat, first, then)


@given(TEXTS)
def test_any_text_asked_from_python_gives_an_answer_or_an_error_with_a_hint(chat, text):
    assistant = chat.service.live.assistant
    for call in (assistant.ask, assistant.search):
        try:
            reply = call(text).to_dict()
        except QuestionError as error:
            reply = {"message": error.message, "hint": error.hint}
        assert all(reply.get(name, "absent") for name in ("message", "hint"))
        json.dumps(reply, ensure_ascii=False).encode()


@given(TEXTS, TEXTS)
@example("\ud800", "")
def test_any_text_may_name_a_section_to_ask_about(chat, path, anchor):
    for section in (path, f"cats.md#{anchor}", f"{path}#{anchor}"):
        conversation = chat.open_section(section, path)
        assert (
            conversation == chat_module.ChatState()
            or '<p class="about">' in conversation.shown_html[0]
        )


# -- addresses ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def client(place, chat):
    with serve_guide(Settings(index=place / "index"), chat.service.live) as (_, client):
        yield client


def encode(text: str) -> str:
    return quote(text, safe="", errors="surrogatepass")


def assert_answered(response) -> None:
    """Check that a request was served, or refused with a hint."""
    assert response.status_code in {200, 204, 307, 400, 404, 413, 422}, response.text
    kind = response.headers.get("content-type", "")
    if kind.startswith("application/problem+json"):
        problem = response.json()
        assert problem["status"] == response.status_code
        assert problem["detail"]
        assert problem["hint"]
    elif kind.startswith("text/html"):
        Balance(response.text)
        assert_harmless(response.text)
    elif response.status_code == 307:
        assert response.headers["location"] in {"/guide/cats.md", "/guide/dogs.md"}
    else:
        assert response.status_code == 204


def assert_any_address_is_answered(client, text: str, then: str) -> None:
    first, second = encode(text), encode(then)
    for address in (
        f"/guide/{first}",
        f"/guide/{first}/{second}?section={first}",
        f"/guide/cats.md?section={first}&first={second}&last={first}",
        f"/guide/cats.md?first={first}&section=what-is-a-cat&{second}={first}",
        f"/a/{first}",
    ):
        language = text.encode(errors="surrogatepass")
        assert_answered(
            client.get(address, headers={"Accept-Language": language}, follow_redirects=False)
        )


@given(TEXTS, TEXTS)
def test_any_text_in_an_address_is_answered_or_refused(client, text, then):
    assert_any_address_is_answered(client, text, then)


@needs_naughty
def test_a_naughty_string_in_an_address_is_answered_or_refused(client):
    for text, then in zip(
        read_naughty_strings()[:: size(20, 1)],
        read_naughty_strings()[1 :: size(20, 1)],
        strict=False,
    ):
        assert_any_address_is_answered(client, text, then)


def fetch_chat_page(client, query: str) -> str:
    """Fetch the chat's page at an address and remove the nonce."""
    page = client.get(f"/?{query}")
    assert page.status_code == 200
    nonce = re.search(r"'nonce-([^']+)'", page.headers["content-security-policy"])
    return page.text.replace(nonce[1], "")


@given(TEXTS)
def test_the_chat_s_page_repeats_nothing_of_its_address(client, text):
    plain = fetch_chat_page(client, "")
    assert fetch_chat_page(client, f"q={encode(text)}&about={encode(text)}&{encode(text)}") == plain


@given(st.one_of(st.binary(max_size=60), TEXTS.map(lambda text: json.dumps(text).encode())), TEXTS)
@example(b"", "\ud800")
def test_any_body_of_feedback_is_accepted_or_refused(client, body, text):
    for sent in (
        body,
        json.dumps({"answer": text, "helpful": True}).encode(),
        json.dumps({"answer": "a" * 16, "helpful": False, "comment": text}).encode(),
        b'{"answer": "' + b"a" * 16 + b'", "helpful": true, "comment": ' + body + b"}",
    ):
        reply = client.post("/feedback", content=sent, headers={"Content-Type": "application/json"})
        assert_answered(reply)


@pytest.fixture(scope="module")
def journal(place, client):
    opened = AnswerLog.open(f"sqlite:///{(place / 'index' / 'journal.sqlite').resolve()}", days=90)
    yield opened
    opened.close()


@given(TEXTS, TEXTS)
@example("", "\ud800")
@example("", "\ud800\udfffwhat is a ")
def test_any_question_and_comment_are_stored_and_shown(client, journal, chat, text, then):
    try:
        result = Service(chat.service.live, journal).ask(f"what is a cat {text}", interface="test")
    except QuestionError:
        return
    id_ = result.id
    sent = json.dumps({"answer": id_, "helpful": True, "comment": then}).encode()
    reply = client.post("/feedback", content=sent, headers={"Content-Type": "application/json"})
    assert_answered(reply)
    if reply.status_code == 204:
        (rating,) = (rating for rating in journal.ratings() if rating.id == id_)
        arrived = json.loads(json.dumps(then))  # two halves of a pair arrive as one character
        assert strip_invisible(arrived) in {"", *(comment.text for comment in rating.comments)}
    page = client.get(f"/a/{id_}")
    assert page.status_code == 200
    assert_answered(page)
