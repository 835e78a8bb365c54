"""The last question is asked again about something else."""

from __future__ import annotations

import pytest

from assistant.query.ellipsis import ask_about


@pytest.mark.parametrize(
    ("last", "rest", "expected"),
    [
        ("how many goats fit a small pen?", "large pen", "how many goats fit a large pen?"),
        ("how fast do they mend broken gates", "rusty ones", "how fast do they mend rusty gates"),
        ("what is the fee for Oslo?", "Bergen", "what is the fee for Bergen?"),
        ("which port does barn-east use?", "barn-west", "which port does barn-west use?"),
        ("what sells in Oslo in May?", "in June", "what sells in Oslo in June?"),
        ("how long is lambing in Oslo?", "in Bergen", "how long is lambing in Bergen?"),
        ("how is a goat different from an ox?", "a llama", "how is a goat different from a llama?"),
        ("what is a goat?", "a llama", "what is a llama?"),
    ],
)  # fmt: skip
def test_what_is_like_the_new_subject_is_replaced(last: str, rest: str, expected: str) -> None:
    assert ask_about(last, rest) == (expected, True)


@pytest.mark.parametrize(
    ("last", "rest", "expected"),
    [
        ("how many hens may I keep in town", "on a farm", "how many hens may I keep on a farm?"),
        ("how many hens may I keep in norway", "denmark", "how many hens may I keep in denmark?"),
        ("who pays the vet?", "if the goat dies", "who pays the vet if the goat dies?"),
        ("how do I shear a goat?", "hens", "hens: how do I shear a goat?"),
    ],
)
def test_a_guess_is_marked_as_one(last: str, rest: str, expected: str) -> None:
    assert ask_about(last, rest) == (expected, False)
