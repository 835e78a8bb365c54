"""A question in another language than the guide's."""

from __future__ import annotations

import pytest

from assistant.query.language import detect_languages, is_other_language

ENGLISH = detect_languages({"goat": 4, "barn": 3, "keep": 2, "day": 2, "la": 1}, 10)
GERMAN = detect_languages({"ziege": 2, "der": 2, "stall": 1, "und": 1}, 3)
GREEK_AND_ENGLISH = detect_languages({"goat": 4, "barn": 3, "κατσίκα": 2, "είναι": 1}, 10)


@pytest.mark.parametrize(
    "text",
    [
        "wie viele Ziegen darf ich halten?",
        "¿cuántas cabras puedo tener?",
        "combien de chèvres est-ce que je peux avoir ?",
        "quante capre posso tenere?",
        "hoeveel geiten mag ik houden?",
        "quantas cabras posso ter em um ano?",
        "сколько коз можно держать?",
        "ヤギは何頭飼えますか",
    ],
)
def test_another_language_is_noticed(text: str) -> None:
    assert is_other_language(text, ENGLISH)


@pytest.mark.parametrize(
    "text",
    [
        "how many goats may I keep?",
        "goat limit per year",
        "what is an Eierschalensollbruchstellenverursacher?",
        "E4711",
        "las vegas",
        "does the c'est la vie rule apply to goats in the barn",
        "",
    ],
)
def test_english_words_names_and_codes_are_no_other_language(text: str) -> None:
    assert not is_other_language(text, ENGLISH)


def test_the_languages_of_a_guide_are_no_other_languages() -> None:
    assert not is_other_language("wie viel ist das, und habe ich die Ziege?", GERMAN)
    assert not is_other_language("πόσες κατσίκες έχω;", GREEK_AND_ENGLISH)
    assert not is_other_language("how many goats may I keep?", GREEK_AND_ENGLISH)
    assert is_other_language("сколько коз можно держать?", GREEK_AND_ENGLISH)
