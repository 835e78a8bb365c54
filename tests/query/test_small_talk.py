"""Small talk, thanks and a call for help are told from questions about the guide."""

from __future__ import annotations

import pytest

from assistant.query.small_talk import is_small_talk


@pytest.mark.parametrize(
    "text",
    [
        "hi", "Hi there!", "Hello", "good morning", "thanks", "Thank you so much!",
        "thanks, that helped!", "ok great", "help", "Please help me.", "???", "…", "!?", "👋",
        "what can you do?", "What can I ask you?", "who are you", "hey, what do you know?",
        "What is in this guide?", "how does this work?", "bye",
    ],
)  # fmt: skip
def test_a_text_that_asks_nothing_of_the_guide_is_small_talk(text: str) -> None:
    assert is_small_talk(text)


@pytest.mark.parametrize(
    "text",
    [
        "help desk", "thanks to whom is the barn rebuilt?", "hi, where do I feed the hens?",
        "what can you do with a broken gate?", "how does this gate work?", "hens", "yes", "no",
        "who are you allowed to lend a tractor to?", "nice barns", "?hens", "C", "1", "猫",
    ],
)  # fmt: skip
def test_a_question_is_none_however_polite(text: str) -> None:
    assert not is_small_talk(text)
