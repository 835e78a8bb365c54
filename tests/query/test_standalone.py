"""A question stands alone, or depends on the conversation before it."""

from __future__ import annotations

import pytest

from assistant.query.standalone import refers_back, stands_alone, strip_change_of_subject


@pytest.mark.parametrize(
    "text",
    [
        "how many hens may I keep?",
        "How do I register a goat at the fair?",
        "what is a heifer?",
        "goat vs sheep",
        "recommend a book",
        "for which animals do I need a licence?",
        "ok. who feeds the hens on Sunday?",
        "other thing: sheep dip",
    ],
)
def test_a_whole_question_stands_alone(text: str) -> None:
    assert stands_alone(text)


@pytest.mark.parametrize(
    "text",
    [
        "and the goats?",
        "what about the goats?",
        "until when?",
        "who approves that?",
        "when is it inactive",
        "can i ask for several at once?",
        "what does the third one do?",
        "what does the second do?",
        "does the black hen need a licence too?",
        "the goats?",
        "what happens then?",
        "what is the limit?",
        "whats the limit",
        "what does each colour mean?",
        "what is it good for?",
        "who is it for",
        "if the goat dies",
    ],
)
def test_a_question_that_refers_back_or_lacks_something_does_not(text: str) -> None:
    assert not stands_alone(text)
    assert refers_back(text)


@pytest.mark.parametrize(
    "text",
    [
        "shearing fee in Oslo",
        "phone number of the mechanic?",
        "my goat fell into the well",
        "I bought the goat myself. how do I get money back for it",
        "thanks. egg delivery when the road is flooded",
    ],
)
def test_keywords_and_statements_with_a_subject_neither_stand_alone_nor_refer_back(text) -> None:
    assert not stands_alone(text)
    assert not refers_back(text)


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("ok new subject, command to shear a goat", "command to shear a goat"),
        ("thx. other thing: how do I shear a goat", "how do I shear a goat"),
        ("good. now something else, how do I shear a goat", "how do I shear a goat"),
        ("Another question: what is a heifer?", "what is a heifer?"),
        ("is there another question?", "is there another question?"),
        ("another thing.", "another thing."),
    ],
)
def test_the_announcement_of_a_new_subject_is_stripped(text: str, rest: str) -> None:
    assert strip_change_of_subject(text) == rest
