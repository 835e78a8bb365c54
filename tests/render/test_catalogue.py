"""Test the catalogues of messages: the same keys in every language, chosen by the browser."""

from __future__ import annotations

import itertools
import re
import tomllib
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assistant.errors import SettingsError
from assistant.models import documents
from assistant.render import catalogue

FOLDER = Path(catalogue.__file__).parent / "catalogues"
LANGUAGES = ("ar", "de", "en", "es", "fr", "ja", "pt")
READ = {
    language: tomllib.loads((FOLDER / f"{language}.toml").read_text(encoding="utf-8"))
    for language in LANGUAGES
}
FORMS = {
    language: {
        key: [message] if isinstance(message, str) else list(message.values())
        for key, message in read["messages"].items()
    }
    for language, read in READ.items()
}


def names(text: str) -> set[str]:
    """The names a message needs, each of them plain: no attribute, no width, no conversion."""
    return set(re.findall(r"{([a-z]+)}", text))


def texts(language: str) -> list[str]:
    return [text for forms in FORMS[language].values() for text in forms]


# -- catalogues -----------------------------------------------------------------------------


def test_there_is_a_catalogue_for_each_language_and_nothing_else():
    assert catalogue.languages() == LANGUAGES
    assert sorted(path.stem for path in FOLDER.iterdir()) == list(LANGUAGES)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_catalogue_has_the_keys_of_the_english_one_with_the_same_names(language):
    assert list(FORMS[language]) == list(FORMS["en"]), "in the same order, to be read side by side"
    for key, forms in FORMS[language].items():
        for text in forms:
            assert names(text) == names(FORMS["en"][key][0]), key
            assert text.count("{") == text.count("}") == len(names(text)), "each once, and plain"


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_catalogue_holds_its_direction_and_messages_of_one_form_or_two(language):
    read = READ[language]
    assert set(read) == {"direction", "messages"}
    assert read["direction"] == ("rtl" if language == "ar" else "ltr")
    for message in read["messages"].values():
        assert isinstance(message, str) or set(message) == {"one", "other"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_message_is_a_line_of_text_with_the_marks_of_a_printed_one(language):
    spaces = r"« | [»:;?!]|[^\u202f\u00a0][»:;?!]" if language == "fr" else r"\s[:;?!、。，：؟؛]"
    for text in texts(language):
        assert text.strip(), "not empty"
        assert len(text) < 160
        assert not re.search(r"[\n\t\"'`]|\.\.\.|  ", text), text
        assert not re.search(spaces, text), text


@pytest.mark.parametrize(("language", "other"), list(itertools.combinations(LANGUAGES, 2)))
def test_a_catalogue_is_no_copy_of_another(language, other):
    pairs = [(FORMS[language][key], FORMS[other][key]) for key in FORMS["en"]]
    assert sum(one == two for one, two in pairs) <= len(pairs) // 10


@pytest.mark.parametrize(
    ("language", "letters"), [("ar", "[\u0621-\u064a]"), ("ja", "[\u3040-\u30ff\u4e00-\u9fff]")]
)
def test_a_catalogue_is_written_in_its_own_letters(language, letters):
    for key, forms in FORMS[language].items():
        for text in forms:
            assert key in {"quoted", "date_words"} or re.search(letters, text), key


@pytest.mark.parametrize(
    ("language", "addressed"),
    [
        ("de", r"\b(Sie|Ihnen|Ihr\w*|du|dein\w*)\b"),
        ("es", r"\b(tú|tu|tus|te|usted|ustedes)\b"),
        ("fr", r"\b(tu|ton|ta|tes|toi)\b"),
        ("pt", r"\b(tu|teu|tua|o senhor|a senhora)\b"),
    ],
)
def test_readers_are_addressed_formally(language, addressed):
    for text in texts(language):
        assert not re.search(addressed, text, flags=re.I if language != "de" else 0), text


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_kind_of_resource_and_every_step_of_a_build_has_its_word(language):
    for kind in get_args(documents.ResourceKind):
        assert kind in FORMS[language]
    for step in (
        "waiting",
        "exporting",
        "reading",
        "encoding",
    ):  # what a build's progress is told of
        assert f"step_{step}" in FORMS[language]


# -- messages -------------------------------------------------------------------------------


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_message_fills_in_its_names(language):
    for key, (text, *_) in FORMS["en"].items():
        message = catalogue.choose_messages(language)(key, **dict.fromkeys(names(text), "<7>"))
        assert message.count("<7>") == len(names(text)), key
        assert "{" not in message


def test_a_message_says_what_it_is_given():
    german = catalogue.choose_messages("de")
    assert german("ask") == "Fragen"
    assert german("interpreted_as", question="Was ist das?") == "Verstanden als: Was ist das?"
    assert german("minutes", n=5) == "5 Min."


def test_filled_in_text_is_not_formatted_again():
    english = catalogue.choose_messages("en")
    message = english("interpreted_as", question="{id} {0.__class__} {{ %s \ud800")
    assert message == "Understood as: {id} {0.__class__} {{ %s \ud800"


def test_a_number_decides_between_one_thing_and_others():
    english, japanese = catalogue.choose_messages("en"), catalogue.choose_messages("ja")
    assert english("missing_answer_hint", days=1).endswith("kept for 1 day.")
    assert english("missing_answer_hint", days=2).endswith("kept for 2 days.")
    assert english("missing_answer_hint", days=90).endswith("kept for 90 days.")
    assert "1日" in japanese("missing_answer_hint", days=1)


@pytest.mark.parametrize("key", ["", "nothing", "missing_answer_hint.one", "direction"])
def test_a_key_there_is_no_message_for_is_a_key_error(key):
    with pytest.raises(KeyError):
        catalogue.choose_messages("en")(key)


def test_a_name_that_is_not_given_is_a_key_error():
    with pytest.raises(KeyError, match="question"):
        catalogue.choose_messages("en")("interpreted_as")


# -- choosing -------------------------------------------------------------------------------

HEADERS = [
    ("", "en"),
    ("de", "de"),
    ("DE-at", "de"),
    ("de_CH", "de"),
    ("pt-BR;q=0.9, en;q=0.8", "pt"),
    ("en;q=0.8, pt-BR;q=0.9", "pt"),
    ("fr-CH, fr;q=0.9, en;q=0.8, de;q=0.7, *;q=0.5", "fr"),
    ("fr;q=0.5, de;q=0.5", "fr"),  # the first of equals
    ("de, fr", "de"),
    ("nl, ja;q=0.3, es;q=0.2", "ja"),  # there is none for nl
    ("nl", "en"),
    ("den", "en"),  # Slavey, not German
    ("zh-Hant-TW, ar-EG;q=0.1", "ar"),
    ("*", "en"),
    ("*, de;q=0.5", "en"),
    ("*;q=0.1, de;q=0.5", "de"),
    ("de;q=0", "en"),
    ("de;q=0, fr;q=0.1", "fr"),
    ("de;q=0.000, *", "en"),
    ("en;q=0, *;q=0", "en"),
    ("de ; q=0.4 , es\t;\tQ=0.6", "es"),
    ("de;q=1.000", "de"),
    ("de;q=1.5, fr;q=0.1", "fr"),  # from here on, invalid parts beside valid ones
    ("de;q=-1, fr;q=0.1", "fr"),
    ("de;q=nan, fr;q=0.1", "fr"),
    ("de;q=0.1234, fr;q=0.1", "fr"),
    ("de;q=٠.٩, fr;q=0.1", "fr"),
    ("de;q=, fr;q=0.1", "fr"),
    ("de;level=1, fr;q=0.1", "de"),
    ("de;level=1;q=0, fr;q=0.1", "fr"),
    ("de;q=1;q=1, fr;q=0.1", "fr"),
    (",;=,;q=1,,-,_,fr;q=0.1", "fr"),
    ("en" * 5000 + ", fr;q=0.1", "fr"),
    ("fr;q=0.1" + " " * 100_000 + ", de", "de"),
    ("fr;q=0.1," + "," * 100_000, "fr"),
    (", ".join(["nl"] * 49) + ", fr", "fr"),
    ("\x00\ud800\u202e, fr", "fr"),
    ("../../etc/passwd", "en"),
]


@pytest.mark.parametrize(("header", "language"), HEADERS, ids=lambda text: text[:30])
def test_the_language_is_what_the_browser_asks_for_first_of_those_there_are(header, language):
    chosen = catalogue.choose_messages(header)
    assert chosen.language == language
    assert chosen("ask") == FORMS[language]["ask"][0]
    assert chosen.direction == ("rtl" if language == "ar" else "ltr")


WEIGHTED = st.tuples(
    st.sampled_from([*LANGUAGES, "nl", "zh"]),
    st.sampled_from(["", "-XX", "-Latn-XX"]),
    st.integers(0, 1000),
)


@settings(deadline=None)
@given(st.lists(WEIGHTED, max_size=9))
def test_no_language_that_could_be_had_was_wanted_more(wanted):
    header = ", ".join(f"{name}{rest};q={weight / 1000:.3f}" for name, rest, weight in wanted)
    weights = {}
    for name, _, weight in reversed(wanted):
        if name in LANGUAGES and weight:
            weights[name] = max(weight, weights.get(name, 0))
    chosen = catalogue.choose_messages(header).language
    if weights:
        assert weights[chosen] == max(weights.values())
    else:
        assert chosen == "en"


@settings(deadline=None)
@given(st.text(st.characters()) | st.text("deqEN=;,*-_. 019\t", max_size=40))
def test_whatever_a_header_holds_a_language_is_chosen(header):
    assert catalogue.choose_messages(header).language in LANGUAGES


@pytest.mark.parametrize("fixed", ["ja", "JA", "ja-JP", " ja "])
@pytest.mark.parametrize("header", ["", "de", "*"])
def test_a_language_that_is_set_wins_over_the_browser(header, fixed):
    assert catalogue.choose_messages(header, fixed).language == "ja"


@pytest.mark.parametrize("fixed", ["xx", "den", "*", " ", "../en", "\ud800"])
def test_a_language_without_a_catalogue_is_an_error_that_names_those_there_are(fixed):
    with pytest.raises(SettingsError) as raised:
        catalogue.choose_messages("de", fixed)
    assert "ar, de, en, es, fr, ja, pt" in raised.value.hint
    assert raised.value.message.isprintable()
