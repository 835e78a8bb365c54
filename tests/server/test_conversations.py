"""Test the conversations that the chat holds in memory, on a clock of its own."""

from __future__ import annotations

import pytest

from assistant.server.conversations import CONVERSATION_TTL, RELOAD_SECONDS, Conversations

TAB, OTHER = "t" * 20, "o" * 20


@pytest.fixture
def clock():
    return [1000.0]


@pytest.fixture
def held(clock) -> Conversations[str]:
    return Conversations("", lambda: clock[0])


def test_a_tab_that_is_loaded_again_has_its_conversation(held, clock):
    assert held.open("first", TAB) == ""
    held.put("first", TAB, "talk")
    held.close("first")
    clock[0] += RELOAD_SECONDS / 2
    assert held.open("second", TAB) == "talk"
    clock[0] += 2 * RELOAD_SECONDS
    held.drop_closed()
    assert held.get("second", TAB) == "talk"


def test_what_a_closed_tab_leaves_is_dropped(held, clock):
    held.open("first", TAB)
    held.put("first", TAB, "talk")
    held.close("first")
    clock[0] += RELOAD_SECONDS
    held.drop_closed()
    assert len(held) == 0
    assert held.open("second", TAB) == ""


def test_a_tab_that_loads_again_before_its_old_session_ends_keeps_its_conversation(held, clock):
    held.open("first", TAB)
    held.put("first", TAB, "talk")
    held.open("second", TAB)
    held.close("first")
    clock[0] += RELOAD_SECONDS
    held.drop_closed()
    assert held.get("second", TAB) == "talk"


def test_a_conversation_ends_a_while_after_its_last_question(held, clock):
    held.open("first", TAB)
    held.put("first", TAB, "talk")
    clock[0] += CONVERSATION_TTL + 1
    assert held.get("first", TAB) == ""


def test_each_tab_has_its_own_conversation(held):
    held.put("first", TAB, "talk")
    assert held.get("first", OTHER) == ""


@pytest.mark.parametrize("tab", ["", "short", "x" * 65, "a" * 15 + "\n", "../../../../etc/passwd"])
def test_a_tab_without_a_proper_id_has_a_conversation_of_its_session(held, tab):
    held.put("first", tab, "talk")
    assert held.get("first", tab) == "talk"
    assert held.get("second", tab) == ""
