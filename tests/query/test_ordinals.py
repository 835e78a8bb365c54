"""A place in the agent's last list stands for what is listed there."""

from __future__ import annotations

import pytest

from assistant.query.ordinals import resolve_ordinal

KNOTS = """There are four knots [1]:

- **Bowline**: a loop
- Reef knot - joins ropes
- Clove hitch
- Sheet bend (for two sizes) [2]
"""
STEPS = "1. Moor the boat: two lines.\n2. Shut the valve. Wait a minute.\n3. Pump."


@pytest.mark.parametrize(
    ("text", "reply", "expected"),
    [
        ("what does the third one do?", KNOTS, "what does Clove hitch do?"),
        ("what does the first do?", KNOTS, "what does Bowline do?"),
        ("when do I need the 2nd option?", KNOTS, "when do I need Reef knot?"),
        ("and the last one?", KNOTS, "and Sheet bend?"),
        ("why the second step?", STEPS, "why Shut the valve?"),
        ("how is the third made?", "tar, hemp and flax", "how is the third made?"),
        ("what is the third for?", "tar, hemp, and flax", "what is flax for?"),
    ],
)
def test_an_ordinal_is_replaced_by_the_item_that_it_counts(text, reply, expected) -> None:
    assert resolve_ordinal(text, reply) == expected


@pytest.mark.parametrize(
    ("text", "reply"),
    [
        ("what does the fifth one do?", KNOTS),
        ("what does the third one do?", ""),
        ("what does the third one do?", "One knot holds two ropes of one size."),
        ("what is the last day to pay the harbour fee?", KNOTS),
        ("does the first mate sign?", KNOTS),
        ("which knot comes first?", KNOTS),
    ],
)
def test_any_other_question_stays_as_it_is(text, reply) -> None:
    assert resolve_ordinal(text, reply) == text
