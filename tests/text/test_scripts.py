"""Scripts and character n-grams."""

from __future__ import annotations

import pytest

from assistant.text.scripts import extract_ngrams, is_non_latin


@pytest.mark.parametrize("text", ["где парковка?", "停车场在哪里？", "καλημέρα", "шаблон API"])
def test_a_text_mostly_in_another_script_is_not_latin(text: str) -> None:
    assert is_non_latin(text)


@pytest.mark.parametrize(
    "text", ["where is it?", "Où est-ce ?", "¿qué?", "", "123 ?!", "the Ω sign"]
)
def test_a_text_mostly_in_latin_letters_is_latin(text: str) -> None:
    assert not is_non_latin(text)


@pytest.mark.parametrize(
    ("text", "ngrams"),
    [
        ("чай", {"чай"}),
        ("чаю, пью", {"чаю", "пью"}),
        ("отпуск", {"отп", "тпу", "пус", "уск"}),
        ("年假", {"年假"}),
        ("有多少天", {"有多", "多少", "少天"}),
        ("휴가", {"휴가"}),
        ("เบิก", {"เบิ", "บิก"}),
        ("", set()),
    ],
)
def test_ngrams_are_two_syllables_or_three_letters(text: str, ngrams: set[str]) -> None:
    assert extract_ngrams(text) == ngrams
