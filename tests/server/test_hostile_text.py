"""Whatever comes as text is answered, refused, or told what mends it; and what comes back is text.

Questions, addresses, headers and bodies that nobody means well with. The messages and paths that
do not come from a browser at all are in `tests/test_hostile_messages.py`.
"""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import quote

import pytest
from drawn import assert_harmless
from hypothesis import example, given, settings
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
from tests.server.test_app import served
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

# Any character there is, halves of some with them, and pieces that lead somewhere.
CHARACTERS = st.characters(exclude_categories=())
WORDS = "what is a |cat|dog |? |how is a cat different from a |and |the other one?|bread |CAT |ctas"
MARKS = """which kinds of |are there|. |" |<b>|</p>|&#0;|&lt;|](|$$|{0}|{n}|%s|\\|```|<!--|vs|1. """
SIGNS = ("\0", "\ud800", "\udfff", "\u202e", "\u200f", "\u2028", "\x85", "\n\n", "\ufdfa")
PIECES = st.sampled_from([*WORDS.split("|"), *MARKS.split("|"), *SIGNS])
TEXTS = st.lists(st.one_of(PIECES, st.text(CHARACTERS, max_size=15)), max_size=10).map("".join)

_EMPTY = frozenset("br hr img input link meta".split())
_LINE_ENDS = re.compile(r"[\r\n\v\f\x1c-\x1e\x85\u2028\u2029]")


class Balance(HTMLParser):
    """Fails at an element that is closed out of turn, or not at all."""

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


def assert_said(conversation: chat_module.ChatState) -> None:
    """The last exchange is one line of harmless markup: an answer, a refusal, or a message."""
    shown = conversation.shown_html[-1]
    assert not _LINE_ENDS.search(shown)
    shown.encode()  # no half of a character is left
    Balance(shown)
    assert_harmless(shown)
    assert "Something went wrong" not in shown
    message = re.search(r'class="notice failure"><p>[^<]+</p><p>[^<]+</p></div>', shown)
    came_of_it = ["<blockquote" in shown, 'class="verdict"' in shown, bool(message)]
    assert sum(came_of_it) == 1, shown


def ask_twice(chat: chat_module.Chat, first: str, then: str) -> None:
    """Ask, and ask again in the same talk."""
    conversation, _ = chat.answer(first, chat_module.ChatState(), then)
    assert_said(conversation)
    conversation, _ = chat.answer(then, conversation, first)
    assert_said(conversation)


def guide_chat(folder: Path, encoder) -> chat_module.Chat:
    """A chat over a guide with odd text in it."""
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
    return guide_chat(place, word_encoder)


def naughty() -> list[str]:
    return json.loads(NAUGHTY.read_text(encoding="utf-8"))


# -- asked ----------------------------------------------------------------------------------------


@needs_naughty
def test_a_naughty_string_is_answered_refused_or_told_what_mends_it(chat):
    for output in naughty()[::2]:
        ask_twice(chat, output, f"what is a cat {output}")


@settings(max_examples=size(400, 1500))
@given(TEXTS, TEXTS)
@example("what is a what is a what is a \ud800", "and cat")
def test_any_text_is_answered_refused_or_told_what_mends_it(chat, first, then):
    ask_twice(chat, first, then)


@settings(max_examples=200)
@given(TEXTS)
def test_any_text_asked_from_python_gives_an_answer_or_says_what_mends_it(chat, output):
    assistant = chat.service.live.assistant
    for call in (assistant.ask, assistant.search):
        try:
            reply = call(output).to_dict()
        except QuestionError as error:
            reply = {"what": error.message, "mend": error.hint}
        assert all(reply.get(name, "said") for name in ("what", "mend"))
        json.dumps(reply, ensure_ascii=False).encode()


@settings(max_examples=200)
@given(TEXTS, TEXTS)
@example("\ud800", "")
def test_any_text_may_name_a_section_to_ask_about(chat, path, anchor):
    for section in (path, f"cats.md#{anchor}", f"{path}#{anchor}"):
        conversation = chat.about(section, path)
        assert (
            conversation == chat_module.ChatState() or '<p class="about">' in conversation.shown[0]
        )


# -- addressed ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def client(place, chat):
    with served(Settings(index=place / "index"), chat.service.live) as (_, client):
        yield client


def encoded(text: str) -> str:
    return quote(text, safe="", errors="surrogatepass")


def assert_answered(response) -> None:
    """No request breaks anything: it is served, or refused with what mends it."""
    assert response.status_code in {200, 204, 307, 400, 404, 413, 422}, response.text
    kind = response.headers.get("content-type", "")
    if kind.startswith("application/problem+json"):
        problem = response.json()
        assert problem["status"] == response.status_code
        assert problem["detail"]
        assert problem["mend"]
    elif kind.startswith("text/html"):
        Balance(response.text)
        assert_harmless(response.text)
    elif response.status_code == 307:
        assert response.headers["location"] in {"/guide/cats.md", "/guide/dogs.md"}
    else:
        assert response.status_code == 204


def assert_any_address_is_answered(client, output: str, then: str) -> None:
    one, other = encoded(output), encoded(then)
    for address in (
        f"/guide/{one}",
        f"/guide/{one}/{other}?section={one}",
        f"/guide/cats.md?section={one}&first={other}&last={one}",
        f"/guide/cats.md?first={one}&section=what-is-a-cat&{other}={one}",
        f"/a/{one}",
    ):
        spoken = output.encode(errors="surrogatepass")
        assert_answered(
            client.get(address, headers={"Accept-Language": spoken}, follow_redirects=False)
        )


@settings(max_examples=80)
@given(TEXTS, TEXTS)
def test_any_text_in_an_address_is_answered_or_refused(client, output, then):
    assert_any_address_is_answered(client, output, then)


@needs_naughty
def test_a_naughty_string_in_an_address_is_answered_or_refused(client):
    for output, then in zip(naughty()[::10], naughty()[1::10], strict=False):
        assert_any_address_is_answered(client, output, then)


def chat_page(client, query: str) -> str:
    """The chat's page at an address, less what is different each time."""
    page = client.get(f"/?{query}")
    assert page.status_code == 200
    nonce = re.search(r"'nonce-([^']+)'", page.headers["content-security-policy"])
    return page.text.replace(nonce[1], "")


@settings(max_examples=60)
@given(TEXTS)
def test_nothing_of_an_address_is_in_the_chat_s_page(client, output):
    plain = chat_page(client, "")
    assert (
        chat_page(client, f"q={encoded(output)}&about={encoded(output)}&{encoded(output)}") == plain
    )


@settings(max_examples=80)
@given(
    st.one_of(st.binary(max_size=60), TEXTS.map(lambda output: json.dumps(output).encode())), TEXTS
)
@example(b"", "\ud800")
def test_any_body_of_an_opinion_is_taken_or_refused(client, body, output):
    for sent in (
        body,
        json.dumps({"answer": output, "helpful": True}).encode(),
        json.dumps({"answer": "a" * 16, "helpful": False, "comment": output}).encode(),
        b'{"answer": "' + b"a" * 16 + b'", "helpful": true, "comment": ' + body + b"}",
    ):
        reply = client.post("/feedback", content=sent, headers={"Content-Type": "application/json"})
        assert_answered(reply)


@pytest.fixture(scope="module")
def journal(place, client):
    opened = AnswerLog.open(f"sqlite:///{(place / 'index' / 'journal.sqlite').resolve()}", days=90)
    yield opened
    opened.close()


@settings(max_examples=80)
@given(TEXTS, TEXTS)
@example("", "\ud800")
def test_any_question_and_comment_are_kept_and_shown(client, journal, chat, output, then):
    try:
        given = Service(chat.service.live, journal).ask(f"what is a cat {output}", interface="test")
    except QuestionError:
        return
    name = given.id
    sent = json.dumps({"answer": name, "helpful": True, "comment": then}).encode()
    reply = client.post("/feedback", content=sent, headers={"Content-Type": "application/json"})
    assert_answered(reply)
    if reply.status_code == 204:
        (rating,) = (one for one in journal.ratings() if one.id == name)
        assert strip_invisible(then) in {"", *(comment.text for comment in rating.comments)}
    page = client.get(f"/a/{name}")
    assert page.status_code == 200
    assert_answered(page)
