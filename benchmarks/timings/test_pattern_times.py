"""Texts drawn from the patterns' own words: twice as much takes about twice the time.

`tests/project/test_patterns.py` reads the patterns; this runs them and all that is around them.
"""

from __future__ import annotations

import contextlib
import logging
import os
import random
import time
from typing import TYPE_CHECKING

import pytest
from test_linear import GROWTH, YARDSTICK, yardstick

from assistant.answering import suggestions
from assistant.assistant import Assistant
from assistant.errors import QuestionError
from assistant.guide.page import read_page
from assistant.guide.publishers import ReadingOptions
from assistant.index import builder
from assistant.index import index as indexes
from assistant.models.answers import Turn
from assistant.query import follow_ups
from assistant.query import question_type as questions
from assistant.query.analyzer import Analyzer
from assistant.text.normalize import MAX_QUERY_CHARS
from tests import longest
from tests.conftest import CORPUS

if TYPE_CHECKING:
    from collections.abc import Callable

log = logging.getLogger(__name__)

SECONDS = float(os.environ.get("PATTERN_SECONDS", "60"))
"""How long each of the tests below goes on drawing texts."""

AT_THE_LIMIT = 0.1
"""Seconds of the processor that a question or a turn may take beside encoding."""

NOISE = 0.02
"""What takes fewer seconds than this is quick, however it grows."""

TURN, HEADING, PAGE = 20_000, 5_000, 40_000


@pytest.fixture(scope="module")
def assistant(tmp_path_factory, word_encoder) -> Assistant:
    folder = tmp_path_factory.mktemp("index")
    builder.build_index(CORPUS, folder, word_encoder)
    return Assistant(indexes.open_index(folder), word_encoder)


def seconds(read: Callable[[str], object], text: str, times: int = 3) -> float:
    """The least processor time of a few readings: a busy machine only ever adds."""
    least = float("inf")
    for _ in range(times):
        started = time.process_time()
        read(text)
        least = min(least, time.process_time() - started)
    return least


def slowness() -> float:
    return max(1.0, seconds(lambda _: yardstick(), "") / YARDSTICK)


def hold(seed: int, read: Callable[[str], object], size: int, limit: float, modules=longest.ASKING):
    """Draw texts and read each at half its size and whole, until the time is over."""
    rng = random.Random(seed)
    ends, count, worst, slowest = time.monotonic() + SECONDS, 0, 0.0, 0.0
    while time.monotonic() < ends:
        shape = longest.drawn(rng, modules)
        half, whole = shape(size // 2), shape(size)
        taken = seconds(read, whole, 1)
        count += 1
        if taken > NOISE:
            once, taken = seconds(read, half), seconds(read, whole)
            if taken > max(NOISE, GROWTH * once):
                once, taken = seconds(read, half, 9), seconds(read, whole, 9)
            worst = max(worst, taken / once)
            assert taken <= max(NOISE, GROWTH * once), (seed, shape, once, taken)
        if taken > limit:
            taken = seconds(read, whole, 9)
            assert taken <= limit * slowness(), (seed, shape, taken)
        slowest = max(slowest, taken)
    log.info("%d texts, at most %.2f times as long, %.3f s", count, worst, slowest)


def test_a_question_takes_time_in_proportion(assistant):
    def read(text: str) -> None:
        questions.parse_question.cache_clear()
        with contextlib.suppress(QuestionError):
            assistant.ask(text[:MAX_QUERY_CHARS])

    hold(1, read, MAX_QUERY_CHARS, AT_THE_LIMIT)


def test_what_a_question_means_takes_time_in_proportion(assistant):
    reads = Analyzer(assistant.index.store.vocabulary, lambda word: None)

    def read(text: str) -> None:
        questions.parse_question.cache_clear()
        for part in follow_ups.split_questions(text):
            reads.interpret(part)

    hold(2, read, MAX_QUERY_CHARS, AT_THE_LIMIT)


def test_a_turn_takes_time_in_proportion():
    def read(text: str) -> None:
        questions.parse_question.cache_clear()
        said = [Turn("user", text), Turn("agent", text)]
        follow_ups.build_context(said)
        follow_ups.rewrite_follow_up(
            "and how is it different from that?", follow_ups.normalise_turns(said)
        )

    hold(3, read, MAX_QUERY_CHARS, AT_THE_LIMIT)
    hold(4, read, TURN, AT_THE_LIMIT)


def test_a_heading_takes_time_in_proportion():
    def read(text: str) -> None:
        questions.parse_question.cache_clear()
        questions.is_question(text)
        suggestions._question_from_heading(
            text[:MAX_QUERY_CHARS], f"{text}. A {text} is a thing.", {}
        )

    hold(5, read, HEADING, AT_THE_LIMIT)


@pytest.mark.parametrize("name", ["page.md", "page.mdx"])
def test_a_page_takes_time_in_proportion(name, tmp_path):
    path = tmp_path / name

    def read(text: str) -> None:
        path.write_text(text.encode(errors="replace").decode(), encoding="utf-8", newline="")
        read_page(tmp_path, name, reading_options=ReadingOptions())

    hold(6, read, PAGE, 1.0, longest.READING)
