"""Steps are timed where a caller records them, each without its nested steps."""

from __future__ import annotations

import time

import pytest

from assistant.timing import record_steps, time_step


def test_without_a_recorder_nothing_is_recorded():
    with time_step("rest"):
        pass
    with record_steps() as seconds:
        pass
    assert seconds == {}


def test_a_nested_step_is_counted_once():
    around = time.perf_counter()
    with record_steps() as seconds:
        with time_step("outer"):
            within, inner = time.perf_counter(), 0.0
            for _ in range(2):
                with time_step("inner"):
                    started = time.perf_counter()
                    time.sleep(0.01)
                    inner += time.perf_counter() - started
            within = time.perf_counter() - within
        around = time.perf_counter() - around
    assert set(seconds) == {"outer", "inner"}
    assert inner <= seconds["inner"] <= within
    assert within <= sum(seconds.values()) <= around
    assert 0 <= seconds["outer"] <= around - inner


def test_a_failing_step_is_timed_too():
    with record_steps() as seconds, pytest.raises(ValueError, match="no"), time_step("failing"):
        raise ValueError("no")
    assert "failing" in seconds


def test_the_steps_of_an_answer_are_timed(corpus_assistant):
    with record_steps() as seconds:
        answer = corpus_assistant.ask("what is a product owner?")
    assert set(seconds) == {"understand", "encode", "look up", "compare", "rank", "write", "offer"}
    assert sum(seconds.values()) <= answer.seconds
