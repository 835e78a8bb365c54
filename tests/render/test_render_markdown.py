"""Test an answer as Markdown with footnotes, and how it is parsed back."""

from __future__ import annotations

import itertools
import re
import time

import drawn
import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from mdit_py_plugins.footnote import footnote_plugin

from assistant.answering.blocks import build_blocks
from assistant.answering.quotes import Quote
from assistant.assistant import Assistant
from assistant.index import builder
from assistant.index import index as indexes
from assistant.models.answers import REFUSAL, Turn
from assistant.render import catalogue
from assistant.render.markdown import PARAGRAPH_BREAK, MarkdownRenderer
from tests.parsed import parse_markdown, words_of

BASE = "https://help.example/guide-of-ours"
QUESTIONS = """
how is a PM different from a PO?
what is a product owner?
which types of product managers are there?
what do product managers do?
what should I read first?
how do I become a product manager?
what is a dinosaur and what is a product owner?
can I bake bread here?
how is a PM different from a unicorn?
""".strip().splitlines()

ODD = r"""# Cats [and](javascript:alert(1)) \ <b>more</b>

## What is a *cat* > dog?

A cat climbs a tree [^1] and waits.

- a cat in a tree [^2]
- a [cat](https://cats.example/a_(cat).html) in a house

## What is a bird?

A bird is no fish.

## What is a bird?

A bird is no cat.
"""
PATH = "odd (cats) [1].md"

KINDS = r"""# A *cat* & <b>dog</b>

A cat [climbs](https://cats.example/a_b_) __init__ & \*waits\* at 3 < 4 &amp;lt; c:\\d.

9. one

   more of one

10. two
    - deeper

```
a = "\*"  # **b** [c](d) [^1] e

| --- |
```

| A | B |
|---|---|
| `c_d` | [e](https://cats.example/e) |
"""


def notes_of(assistant: Assistant, language: str = "en") -> MarkdownRenderer:
    return MarkdownRenderer(assistant.index.store, catalogue.choose_messages("", language), BASE)


def without_borders(text: str) -> str:
    """Return the words of a table, without the borders of its cells and the numbers of sources."""
    return " ".join(re.sub(r"\||\[\d+\]", " ", text).split())


def with_one_bullet(text: str) -> str:
    """Return a text whose lists have one kind of bullet.

    Lists that follow each other are written with two in turn, so that they do not become one.
    """
    return re.sub(r"^\* ", "- ", text, flags=re.MULTILINE)


def agent(answer) -> Turn:
    """Return the agent's turn of a conversation, as the web chat keeps it."""
    return Turn("agent", answer.text, tuple(citation.passage for citation in answer.citations))


@pytest.fixture(scope="module")
def odd(tmp_path_factory, word_encoder) -> Assistant:
    """Return a guide whose headings, path and text contain Markdown syntax."""
    corpus, folder = tmp_path_factory.mktemp("guide"), tmp_path_factory.mktemp("index")
    (corpus / PATH).write_text(ODD, encoding="utf-8")
    builder.build_index(corpus, folder, word_encoder)
    return Assistant(indexes.open_index(folder), word_encoder)


@pytest.mark.parametrize("question", QUESTIONS)
def test_every_quote_stands_as_it_is_with_its_marker_and_each_marker_has_its_footnote(
    corpus_assistant, question
):
    answer = corpus_assistant.ask(question)
    text = PARAGRAPH_BREAK.join(notes_of(corpus_assistant).render_answer(answer))
    shown = " ".join(parse_markdown(text).text.split())
    in_tables = {n for block in answer.blocks if block.kind == "table" for n in block.citations}
    for citation in answer.citations:
        if citation.n in in_tables:  # the numbers of all rows are below the table
            assert without_borders(citation.quote) in without_borders(shown)
            assert f" [{citation.n}]" in shown
        else:
            assert f"{words_of(citation.quote)} [{citation.n}]" in shown
        (note,) = re.findall(rf"^\[\^{citation.n}\]: (.*)$", text, re.MULTILINE)
        headings = " > ".join(citation.headings)
        assert note.startswith(f"{headings} — [{citation.path}]({BASE}/guide/{citation.path}")
    assert text.count("[^") == 2 * len(answer.citations)
    for resource in answer.resources:
        assert f"- [{resource.title}]({resource.url}) ({resource.kind}" in text


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_reader_of_markdown_sees_as_many_footnotes_as_there_are_citations(
    corpus_assistant, question
):
    answer = corpus_assistant.ask(question)
    text = PARAGRAPH_BREAK.join(notes_of(corpus_assistant).render_answer(answer))
    drawn = MarkdownIt().use(footnote_plugin).render(text)
    assert drawn.count('class="footnote-item"') == len(answer.citations)
    assert drawn.count('class="footnote-ref"') == len(answer.citations)


def test_what_is_not_answered_is_refused_in_the_words_of_the_language_with_the_nearest_sections(
    corpus_assistant,
):
    answer = corpus_assistant.ask("which exam must a product owner pass?")
    assert not answer.found
    for language in catalogue.languages():
        say = catalogue.choose_messages("", language)
        first, *rest = notes_of(corpus_assistant, language).render_answer(answer)
        assert first == say("no_answer")
        assert rest[-1].startswith(say("nearest"))
        assert rest[-1].count(f"]({BASE}/guide/") == len(answer.related) > 0


def test_a_side_that_the_guide_does_not_speak_of_is_named(corpus_assistant):
    answer = corpus_assistant.ask("how is a PM different from a unicorn?")
    assert answer.missing
    assert answer.note in notes_of(corpus_assistant).render_answer(answer)


@pytest.mark.parametrize("language", catalogue.languages())
@pytest.mark.parametrize("question", QUESTIONS)
def test_an_answer_is_read_back_as_it_was_in_every_language(corpus_assistant, question, language):
    answer = corpus_assistant.ask(question)
    notes = notes_of(corpus_assistant, language)
    text = PARAGRAPH_BREAK.join(notes.render_answer(answer))
    turn = notes_of(corpus_assistant).parse_turn(text)
    if any(block.kind == "table" for block in answer.blocks):
        assert turn.sources == agent(answer).sources
        assert without_borders(turn.text) == without_borders(answer.text)
    else:
        assert turn.sources == agent(answer).sources
        assert with_one_bullet(turn.text) == answer.text
    # Clients may trim it or send Windows line ends.
    assert notes.parse_turn(text.replace("\n", "\r\n") + "\r\n ") == turn


@pytest.mark.parametrize(
    "question", ["what is a cat dog?", "what is a bird?", "what is a cat in a tree?"]
)
def test_markdown_in_headings_paths_and_quotes_leads_nowhere_else(odd, question):
    answer = odd.ask(question)
    assert answer.found
    text = PARAGRAPH_BREAK.join(notes_of(odd).render_answer(answer))
    assert notes_of(odd).parse_turn(text) == agent(answer)
    footnotes = [line for line in text.splitlines() if line.startswith("[^")]
    drawn = MarkdownIt().render("\n\n".join(line.partition(": ")[2] for line in footnotes))
    links = re.findall(r'<a href="([^"]*)">(.*?)</a>', drawn)
    assert all(address.startswith(f"{BASE}/guide/odd%20") for address, _ in links)
    assert [words for _, words in links] == [PATH] * len(answer.citations)
    assert "<b>" not in drawn


def test_of_two_sections_of_one_name_the_one_that_says_it_is_the_source(odd):
    texts = ["A bird is no fish.", "A bird is no cat."]
    heading = next(s for s in odd.index.store.sections(PATH) if "bird" in s.headings[-1]).headings
    label = re.sub(r"([\[\]\\<])", r"\\\1", " > ".join(heading))
    page = re.sub(r"([\[\]\\])", r"\\\1", PATH)
    result = []
    for text in texts:
        turn = notes_of(odd).parse_turn(f"{text} [^1]\n\n[^1]: {label} — [{page}](x)")
        assert turn.text == f"{text} [1]"
        result += turn.sources
    assert len(set(result)) == 2


def test_every_kind_of_block_is_read_back_with_its_source(tmp_path, word_encoder):
    (tmp_path / "guide").mkdir()
    (tmp_path / "guide" / "zorb.md").write_text(KINDS, encoding="utf-8")
    builder.build_index(tmp_path / "guide", tmp_path / "index", word_encoder)
    assistant = Assistant(indexes.open_index(tmp_path / "index"), word_encoder)
    (passage,) = assistant.index.store.passages([0])
    whole = Quote(passage, 0, len(passage.sentences) - 1)
    start, end = whole.span
    cited = drawn.citation(
        whole.text,
        passage=passage.id,
        path=passage.path,
        headings=passage.headings,
        span=(start, end),
    )
    blocks = build_blocks([whole], ["cat"], lambda _origin, _address: None)
    reply = drawn.answer(cited, blocks=tuple(blocks))
    assert {block.kind for block in blocks} == {"heading", "paragraph", "list", "table", "code"}
    text = PARAGRAPH_BREAK.join(notes_of(assistant).render_answer(reply))
    turn = notes_of(assistant).parse_turn(text)
    assert turn.sources == (passage.id,)
    assert re.sub(r"[\s|]+", " ", turn.text) == re.sub(r"[\s|]+", " ", reply.text)


def test_an_answer_of_a_guide_that_has_changed_since_keeps_its_words_and_loses_its_source(odd):
    turn = notes_of(odd).parse_turn("A fish is a cat. [^1]\n\n[^1]: Cats — [gone.md](x)")
    assert turn == Turn("agent", "A fish is a cat. [1]")


@pytest.mark.parametrize(
    ("reply", "read"),
    [
        ("Somebody else's words.", "Somebody else's words."),
        ("", ""),
        (REFUSAL, REFUSAL),
        (f"{REFUSAL} Or does it?", f"{REFUSAL} Or does it?"),
        ("Cut short [^1] by the [^2] client", "Cut short by the client"),
        ("One. [^1]\n\n[^2]: H — [p](u)", "One."),  # our footnotes are never numbered like this
        ("[^1]: H — [p](u)", ""),
        ("[^0]: H — [p](u)", ""),
        ("".join(f"{n} [^{n}]\n\n" for n in range(1, 102)) + "[^1]: H — [p](u)\n" * 101, None),
    ],
)
def test_what_is_not_an_answer_of_ours_stays_as_it_is_but_for_its_markers(odd, reply, read):
    result = notes_of(odd).parse_turn(reply)
    assert result == Turn("agent", read if read is not None else result.text)
    assert "[^" not in result.text


@given(st.text(st.sampled_from("[]^123: —\\()\n a"), max_size=200))
def test_any_text_is_parsed(odd, text):
    assert notes_of(odd).parse_turn(text).role == "agent"


@pytest.mark.parametrize(
    "piece",
    [
        "[^1]: ",
        "[^1]: — [",
        "\\",
        "[^1]: a — [b](c)\n",
        " [^1]\n\n",
        "\n",
        " — [a](",
        "[^1]: a — [",
        " ",
    ],
)
def test_parsing_takes_linear_time(odd, piece):
    notes = notes_of(odd)
    for text in (piece * 40_000, "[^1]: " + piece * 40_000, piece * 40_000 + "](x)"):
        began = time.monotonic()
        notes.parse_turn(text)
        assert time.monotonic() - began < 5  # quadratic time would take minutes


def test_no_text_between_two_pieces_is_lost(corpus_assistant):
    answer = corpus_assistant.ask(QUESTIONS[0])
    pieces = notes_of(corpus_assistant).render_answer(answer)
    assert all(pieces)
    assert not any(
        one.endswith("\n") or two.startswith("\n") for one, two in itertools.pairwise(pieces)
    )
