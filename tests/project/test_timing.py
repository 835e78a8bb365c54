"""Steps are timed for who asks, each without what is inside it."""

from __future__ import annotations

import time

import pytest

from assistant.timing import record_steps, time_step


def test_nobody_watching_nothing_is_kept():
    with time_step("rest"):
        pass
    with record_steps() as seconds:
        pass
    assert seconds == {}


def test_a_step_inside_another_is_its_own_and_both_make_the_whole():
    started = time.perf_counter()
    with record_steps() as seconds, time_step("outer"):
        time.sleep(0.02)
        for _ in range(2):
            with time_step("inner"):
                time.sleep(0.03)
    whole = time.perf_counter() - started
    assert set(seconds) == {"outer", "inner"}
    assert seconds["inner"] >= 0.06
    assert seconds["outer"] >= 0.02
    assert sum(seconds.values()) == pytest.approx(whole, abs=0.01)


def test_what_fails_is_timed_too():
    with record_steps() as seconds, pytest.raises(ValueError, match="no"), time_step("failing"):
        raise ValueError("no")
    assert "failing" in seconds


def test_an_answer_says_where_its_time_went(corpus_assistant):
    with record_steps() as seconds:
        answer = corpus_assistant.ask("what is a product owner?")
    assert set(seconds) == {"understand", "encode", "look up", "compare", "rank", "write", "offer"}
    assert sum(seconds.values()) <= answer.seconds
