"""Readers' words are read as the guide's own where its authors say so."""

from __future__ import annotations

import pytest

from assistant.query.synonyms import Synonyms

OWN = frozenset(("goat", "fee", "back", "pen"))
SYNONYMS = Synonyms(
    {"goat": ["nanny", "billy goat"], "fee": ("money back", "price"), "hen": ["pen"]},
    contains=OWN.__contains__,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("May I keep a nanny?", "May I keep a goat?"),
        ("how many nannies may I keep", "how many goat may I keep"),
        ("is the Money Back in May?", "is the fee in May?"),
        ("where is a billy goat?", "where is a goat?"),
        ("where is a fox?", "where is a fox?"),
        ("", ""),
    ],
)
def test_a_word_that_the_guide_lacks_is_replaced_by_its_own(text: str, expected: str) -> None:
    assert SYNONYMS.replace(text) == (expected, ())


def test_a_word_that_the_guide_uses_too_stays_and_brings_the_other() -> None:
    assert SYNONYMS.replace("where is the pen?") == ("where is the pen?", ("hen",))


def test_a_readers_phrase_inside_the_guides_own_stays() -> None:
    synonyms = Synonyms({"grazing permit form": ["permit form"]}, contains=OWN.__contains__)
    text = "where is the grazing permit form?"
    assert synonyms.replace(text) == (text, ())
    assert synonyms.replace("where is the permit form?") == (text, ())
