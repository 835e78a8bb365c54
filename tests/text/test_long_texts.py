"""The longest question, conversation and heading are answered or refused at once.

What these texts took before was minutes; `make timings` measures what they take.
"""

from __future__ import annotations

import random
import threading
import time

import pytest

from assistant.answering import suggestions
from assistant.assistant import ANSWER_TIMEOUT, Assistant, validate_question
from assistant.deadline import check, limit
from assistant.errors import AnswerTimeout
from assistant.index import builder
from assistant.index import index as indexes
from assistant.models.answers import Turn
from assistant.query import analyzer, follow_ups
from assistant.query import question_type as questions
from assistant.text.normalize import MAX_QUERY_CHARS, truncate
from tests import longest
from tests.conftest import CORPUS

TURN = 20_000

pytestmark = pytest.mark.timeout(60)


@pytest.fixture(scope="module")
def assistant(tmp_path_factory, word_encoder) -> Assistant:
    folder = tmp_path_factory.mktemp("index")
    builder.build_index(CORPUS, folder, word_encoder)
    return Assistant(indexes.open_index(folder), word_encoder)


@pytest.mark.parametrize("shape", longest.SHAPES)
def test_a_question_is_answered_at_once(shape, assistant):
    assistant.ask(longest.text(shape, MAX_QUERY_CHARS))


@pytest.mark.parametrize("shape", longest.SHAPES)
def test_a_conversation_is_read_at_once(shape, assistant):
    turns = [Turn(role, longest.text(shape, TURN)) for role in ("user", "agent")] * 10
    assistant.ask("and how is it different from the other one?", turns)
    assistant.ask("yes", turns)


@pytest.mark.parametrize("shape", longest.SHAPES)
def test_a_heading_is_read_at_once(shape):
    for _ in range(20):
        questions.is_question(longest.text(shape, TURN))


def test_headings_too_long_for_a_question_are_no_examples(tmp_path, word_encoder):
    headings = [longest.text(shape, 5000) for shape in longest.SHAPES]
    headings += ["How do I feed a cat?", "???", "What is " + "a very " * 400 + "good cat?"]
    page = "# Cats\n\n" + "".join(f"## {heading}\n\nA cat likes fish.\n\n" for heading in headings)
    (tmp_path / "guide").mkdir()
    (tmp_path / "guide" / "cats.md").write_text(page, encoding="utf-8")
    builder.build_index(tmp_path / "guide", tmp_path / "index", word_encoder)
    over = Assistant(indexes.open_index(tmp_path / "index"), word_encoder)
    assert all(len(example) <= 200 for example in over.examples())
    for hit in over.ask("How do I feed a cat?").hits:
        assert len(suggestions.make_question(hit.passage, {})) <= suggestions.MAX_SUGGESTION_LENGTH


def test_expanding_a_question_of_acronyms_is_bounded(assistant):
    answer = assistant.ask("PM " * (MAX_QUERY_CHARS // 3))
    assert len(answer.understood_as) <= analyzer.MAX_INTERPRETATION_LENGTH


def test_a_question_at_the_end_of_a_long_answer_is_part_of_the_conversation():
    long = "A cat sleeps. " * 1000 + "Do you have a cat?"
    turns = follow_ups.normalise_turns([Turn("user", "where do cats sleep?"), Turn("agent", long)])
    assert len(turns[1].text) <= MAX_QUERY_CHARS + 3
    assert follow_ups.rewrite_follow_up("yes", turns)[0] == "Do you have a cat? yes"


def test_a_truncated_text_ends_with_a_word():
    assert truncate("one  two\nthree") == "one two three"
    assert truncate("one two three", 8) == "one two"
    assert truncate("one two three", 7) == "one two"
    assert truncate("x" * 5000) == "x" * MAX_QUERY_CHARS


def test_a_question_past_its_deadline_is_a_clear_error(assistant):
    hurried = Assistant(assistant.index, assistant._encoder, timeout=0)
    for ask in (hurried.ask, hurried.search, hurried.with_index(assistant.index).ask):
        with pytest.raises(AnswerTimeout, match="not ready within 0 seconds") as raised:
            ask("what is a cat?")
        assert raised.value.status == 503
        assert raised.value.hint


def test_a_deadline_ends_with_its_question_and_holds_for_its_thread_alone():
    check()
    with limit(0):
        time.sleep(0.001)
        with pytest.raises(AnswerTimeout):
            check()
        with limit(ANSWER_TIMEOUT), pytest.raises(AnswerTimeout):
            check()  # the one around it is nearer
        passed: list[bool] = []
        other = threading.Thread(target=lambda: (check(), passed.append(True)))
        other.start()
        other.join()
        assert passed
    check()


def test_a_deadline_is_checked_between_the_turns_of_a_conversation():
    turns = follow_ups.normalise_turns([Turn("user", "what is a cat?")] * 20)
    with limit(0):
        time.sleep(0.001)
        with pytest.raises(AnswerTimeout):
            follow_ups.rewrite_follow_up("and a dog?", turns)


def test_texts_of_any_shape_are_read_at_once(assistant):
    rng = random.Random(14)
    for _ in range(60):
        shape = longest.drawn(rng)
        turn = Turn("user", shape(TURN))
        questions.is_question(turn.text)
        try:
            validate_question(shape(MAX_QUERY_CHARS))
        except Exception:  # noqa: BLE001 - a shape may be no question
            continue
        assistant.ask(shape(MAX_QUERY_CHARS), [turn, Turn("agent", turn.text)])
