"""What a follow-up leans on, and which questions are several in one."""

from __future__ import annotations

import pytest

from assistant.models.answers import REFUSAL, Turn
from assistant.query.follow_ups import build_context, is_reply, rewrite_follow_up, split_questions


def read(*asked: str) -> str:
    """The last question of a talk, standing alone; the agent says something after each other."""
    *before, last = asked
    turns = [
        turn
        for text in before
        for turn in (Turn("user", text), Turn("agent", "Birds sing about it.", ("p#a/1",)))
    ]
    return rewrite_follow_up(last, turns)


def test_the_first_question_of_a_talk_stands_alone() -> None:
    assert rewrite_follow_up("what is it?", []) == "what is it?"


@pytest.mark.parametrize(
    ("before", "follow_up", "expected"),
    [
        (
            "how is a cat different from a dog?",
            "and a red fox?",
            "how is a cat different from a red fox?",
        ),
        (
            "how is a cat different from a dog?",
            "and from a red fox?",
            "how is a cat different from a red fox?",
        ),
        (
            "how is a cat different from a dog?",
            "what about B2B?",
            "how is a cat different from B2B?",
        ),
        (
            "what is the difference between a cat and a dog?",
            "and a fox",
            "what is the difference between a cat and a fox?",
        ),
        ("what is a cat?", "and a dog?", "what is a dog?"),
        ("what is a cat?", "What about a dog?", "what is a dog?"),
        ("what is a cat?", "and what about a dog?", "what is a dog?"),
        ("what is a cat?", "and what is a dog?", "what is a dog?"),
        ("what is an owl?", "and a dog?", "what is a dog?"),
        ("how do I get to Rome?", "and to Paris?", "how do I get to Paris?"),
    ],
)
def test_a_question_asked_again_about_something_else(
    before: str, follow_up: str, expected: str
) -> None:
    assert read(before, follow_up) == expected


@pytest.mark.parametrize(
    ("before", "follow_up", "words"),
    [
        ("what kinds of cats are there?", "which one is the hardest?", ["cats", "hardest"]),
        ("what kinds of cats are there?", "Which is the riskiest?", ["cats", "riskiest"]),
        ("what kinds of cats are there?", "which of them are calm?", ["cats", "calm"]),
        ("what is a cat?", "do they manage people?", ["cat", "manage people"]),
        ("what is a cat?", "What are its goals?", ["cat", "goals"]),
        ("what is a cat?", "how is it different from a dog?", ["cat", "different from a dog"]),
        ("what is a cat?", "how does that differ from a dog?", ["cat", "differ from a dog"]),
        ("what is a cat?", "what should I read about that?", ["cat", "read"]),
        ("what is a cat?", "is it hard to become one?", ["hard to become", "cat"]),
        ("what is a cat?", "why?", ["why", "cat"]),
        ("what is a cat?", "tell me more", ["more", "cat"]),
        ("why do cats purr?", "since when?", ["since when", "cats purr"]),
        ("how do I set up logging?", "what about metrics?", ["metrics", "set up"]),
        ("what do cats do?", "and dogs?", ["dogs", "do"]),
        ("what is a cat?", "What if the vet says that it is late?", ["says that", "cat is late"]),
    ],
)
def test_a_follow_up_takes_what_it_leans_on_from_the_talk(
    before: str, follow_up: str, words: list[str]
) -> None:
    standing = read(before, follow_up)
    assert [word for word in words if word not in standing] == []


@pytest.mark.parametrize(
    "follow_up",
    [
        "how do I bake bread?",
        "Are there pages on birds in this guide?",
        "What is the weather tomorrow?",
        "what is a dog?",
        "does a dog bark?",
        "Is it important to talk to users?",
        "is it true that dogs bark?",
        "what is it like to be a dog?",
        "How does a project team make sure that it ships on time?",
        "What does a team that owns a product do?",
        "Why do most managers dislike their meetings?",
    ],
)
def test_a_question_that_leans_on_nothing_is_left_alone(follow_up: str) -> None:
    assert read("what is a cat?", follow_up) == follow_up


def test_a_talk_is_followed_several_turns_deep() -> None:
    talk = ["how is a cat different from a dog?", "and from a fox?", "and from a red panda?"]
    assert read(*talk) == "how is a cat different from a red panda?"
    assert "red panda" in read("what is a cat?", "and a red panda?", "do they climb trees?")


def test_an_off_topic_question_becomes_what_the_next_leans_on() -> None:
    assert read("what is a cat?", "what is bread?", "is it tasty?") == "is bread tasty?"


@pytest.mark.parametrize("thanks", ["thanks", "Thank you!", "ok, great", "Hi", "got it, thanks."])
def test_a_word_of_thanks_does_not_lose_the_thread(thanks: str) -> None:
    assert read("what is a cat?", thanks, "what about a dog?") == "what is a dog?"


def test_what_the_agent_said_is_not_what_the_reader_asked() -> None:
    assert "Birds" not in read("what is a cat?", "do they sing?")


def test_a_refusal_is_nothing_to_lean_on() -> None:
    turns = [Turn("user", "What band split up?"), Turn("agent", REFUSAL)]
    assert "guide" not in rewrite_follow_up("When did they split up?", turns)


# -- who and what was spoken of ---------------------------------------------------------------


def test_what_the_agent_named_is_what_the_next_question_is_about() -> None:
    turns = [
        Turn("user", "Which group left in spring?"),
        Turn("agent", "Anna Berg and the Travellers [1]"),
    ]
    standing = rewrite_follow_up("When did they come back?", turns)
    assert standing == "When did Anna Berg and the Travellers come back?"


def test_a_person_is_named_by_the_fullest_name_the_talk_gives() -> None:
    turns = [
        Turn("user", "When did Berg start to paint?"),
        Turn("agent", "As a girl Anna Berg painted in Rome."),
    ]
    assert rewrite_follow_up("Where was she born?", turns) == "Where was Anna Berg born?"


@pytest.mark.parametrize("name", ["Winter Feeding Plan", "SEED CARD"])
def test_what_is_also_said_in_small_letters_is_nobody(name: str) -> None:
    turns = [Turn("agent", f"The {name} is a plan for feeding birds in winter; {name} is free.")]
    assert rewrite_follow_up("Did he go to school?", turns) == "Did he go to school?"


@pytest.mark.parametrize(
    "text", ["My sister keeps hens, can she sell eggs?", "How does an owner register his dog?"]
)
def test_a_person_the_question_itself_speaks_of_is_meant(text: str) -> None:
    assert read("what is a cat?", text) == text


def test_a_place_is_nobody() -> None:
    turns = [Turn("user", "Who lived in Rome?"), Turn("agent", "I met Anna Berg in Rome.")]
    assert "Anna Berg" in rewrite_follow_up("Was she happy?", turns)


def test_a_pronoun_goes_on_meaning_what_it_meant() -> None:
    standing = read("what is a cat?", "where do they sleep at night?", "do they dream?")
    assert standing == "do cat dream?"


def test_a_lower_case_word_before_a_person_s_pronoun_is_not_that_person() -> None:
    turns = [Turn("user", "Who is Anna Berg?"), Turn("agent", "A painter.")]
    assert "Anna Berg" in rewrite_follow_up("Which old masters were named in her letters?", turns)


@pytest.mark.parametrize("short", ["what else?", "anything else?", "which ones?", "for whom?"])
def test_a_question_without_a_verb_asks_on(short: str) -> None:
    assert "cat" in read("what does a cat eat?", short)


# -- what the agent asked ---------------------------------------------------------------------

ASKED = [
    Turn("user", "I want to give my cat away."),
    Turn("agent", "We can help. Is your cat older than a year?"),
]


@pytest.mark.parametrize("text", ["yes", "No, it is not.", "Yeah, much older", "I think so"])
def test_a_reply_is_read_with_what_the_agent_asked(text: str) -> None:
    assert rewrite_follow_up(text, ASKED) == f"Is your cat older than a year? {text}"
    assert is_reply(text, ASKED)


@pytest.mark.parametrize("text", ["how do I bake bread?", "no, how do I bake bread?"])
def test_a_question_is_no_reply(text: str) -> None:
    assert "year" not in rewrite_follow_up(text, ASKED)
    assert not is_reply(text, ASKED)


def test_nothing_replies_to_an_agent_that_asked_nothing() -> None:
    assert not is_reply("yes", [Turn("user", "what is a cat?"), Turn("agent", "A cat purrs.")])
    assert not is_reply("yes", [])


# -- what was talked about --------------------------------------------------------------------


def test_the_newest_turn_opens_the_context_and_thanks_are_left_out() -> None:
    turns = [
        Turn("user", "what is a cat?"),
        Turn("agent", "A cat purrs. [1]"),
        Turn("user", "thanks!"),
        Turn("agent", REFUSAL),
    ]
    assert build_context(turns) == "A cat purrs.  what is a cat?"
    assert build_context([]) == ""


def test_a_long_answer_leaves_room_for_the_question_it_answered() -> None:
    turns = [Turn("user", "what is a cat?"), Turn("agent", "It purrs. " * 500)]
    assert "what is a cat?" in build_context(turns)


# -- several questions in one -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("What is a cat and how do I feed one?", ("What is a cat?", "how do I feed one?")),
        ("How to feed a cat and how to wash it?", ("How to feed a cat?", "how to wash it?")),
        ("What is a cat? Where do I buy one?", ("What is a cat?", "Where do I buy one?")),
        ("what is a cat, and is it clean?", ("what is a cat?", "is it clean?")),
        ("Where does it sleep and can I wake it?", ("Where does it sleep?", "can I wake it?")),
    ],
)
def test_a_question_of_several_parts_is_taken_apart(text: str, expected: tuple[str, ...]) -> None:
    assert split_questions(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "how are cats and dogs different?",
        "what is the difference between how a cat and how a dog sleeps?",
        "what are the duties and skills of a vet?",
        "How and when do I feed a cat?",
        "Which cats are calm and can be left alone?",
        "Why is my cat slow and also sometimes very tired?",
        "I have a cat. How do I feed it?",
        "what is a cat?",
        "what? and how?",
        "cats and dogs",
        "",
    ],
)
def test_one_question_stays_one(text: str) -> None:
    assert split_questions(text) == (text,)
