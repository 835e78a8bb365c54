"""Follow-ups are rewritten to stand alone, and several questions in one are split."""

from __future__ import annotations

import pytest

from assistant.models.answers import REFUSAL, Turn
from assistant.query.follow_ups import build_context, is_reply, rewrite_follow_up, split_questions


def read(*questions: str) -> str:
    """Rewrite the last question of a conversation, with an agent's turn after each other one."""
    *before, last = questions
    turns = [
        turn
        for text in before
        for turn in (Turn("user", text), Turn("agent", "Birds sing about it.", ("p#a/1",)))
    ]
    return rewrite(last, turns)


def rewrite(text: str, turns: list[Turn]) -> str:
    """Rewrite a question whether or not what it leaves out is certain."""
    return rewrite_follow_up(text, turns)[0]


def test_the_first_question_of_a_conversation_is_unchanged() -> None:
    assert rewrite("what is it?", []) == "what is it?"


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
def test_a_question_is_repeated_about_another_subject(
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
def test_a_follow_up_is_completed_from_the_conversation(
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
def test_a_question_that_stands_alone_is_unchanged(follow_up: str) -> None:
    assert read("what is a cat?", follow_up) == follow_up


@pytest.mark.parametrize(
    "correction", ["no, I meant a dog", "sorry, I mean a dog", "not that. I mean a dog"]
)
def test_a_correction_replaces_the_subject(correction: str) -> None:
    assert read("what is a cat?", correction) == "what is a dog?"


def test_references_are_resolved_over_several_turns() -> None:
    questions = ["how is a cat different from a dog?", "and from a fox?", "and from a red panda?"]
    assert read(*questions) == "how is a cat different from a red panda?"
    assert "red panda" in read("what is a cat?", "and a red panda?", "do they climb trees?")


def test_an_off_topic_question_becomes_the_topic_of_the_next() -> None:
    assert read("what is a cat?", "what is bread?", "is it tasty?") == "is bread tasty?"


@pytest.mark.parametrize("thanks", ["thanks", "Thank you!", "ok, great", "Hi", "got it, thanks."])
def test_thanks_do_not_change_the_topic(thanks: str) -> None:
    assert read("what is a cat?", thanks, "what about a dog?") == "what is a dog?"


def test_the_agents_text_is_not_the_users_question() -> None:
    assert "Birds" not in read("what is a cat?", "do they sing?")


def test_a_refusal_changes_no_topic() -> None:
    turns = [Turn("user", "What band split up?"), Turn("agent", REFUSAL)]
    assert "guide" not in rewrite("When did they split up?", turns)


# -- who and what was spoken of ---------------------------------------------------------------


def test_a_name_given_by_the_agent_is_the_next_topic() -> None:
    turns = [
        Turn("user", "Which group left in spring?"),
        Turn("agent", "Anna Berg and the Travellers [1]"),
    ]
    standing = rewrite("When did they come back?", turns)
    assert standing == "When did Anna Berg and the Travellers come back?"


def test_a_person_gets_the_fullest_name_in_the_conversation() -> None:
    turns = [
        Turn("user", "When did Berg start to paint?"),
        Turn("agent", "As a girl Anna Berg painted in Rome."),
    ]
    assert rewrite("Where was she born?", turns) == "Where was Anna Berg born?"


@pytest.mark.parametrize("name", ["Winter Feeding Plan", "SEED CARD"])
def test_a_word_also_written_in_small_letters_is_no_person(name: str) -> None:
    turns = [Turn("agent", f"The {name} is a plan for feeding birds in winter; {name} is free.")]
    assert rewrite("Did he go to school?", turns) == "Did he go to school?"


@pytest.mark.parametrize(
    "text", ["My sister keeps hens, can she sell eggs?", "How does an owner register his dog?"]
)
def test_a_pronoun_refers_to_a_person_in_the_same_question(text: str) -> None:
    assert read("what is a cat?", text) == text


def test_a_place_is_no_person() -> None:
    turns = [Turn("user", "Who lived in Rome?"), Turn("agent", "I met Anna Berg in Rome.")]
    assert "Anna Berg" in rewrite("Was she happy?", turns)


def test_a_pronoun_keeps_its_referent() -> None:
    standing = read("what is a cat?", "where do they sleep at night?", "do they dream?")
    assert standing == "do cat dream?"


def test_a_lower_case_word_is_no_antecedent_of_a_person_pronoun() -> None:
    turns = [Turn("user", "Who is Anna Berg?"), Turn("agent", "A painter.")]
    assert "Anna Berg" in rewrite("Which old masters were named in her letters?", turns)


@pytest.mark.parametrize("short", ["what else?", "anything else?", "which ones?", "for whom?"])
def test_a_question_without_a_verb_continues_the_last(short: str) -> None:
    assert "cat" in read("what does a cat eat?", short)


# -- replies to the agent ---------------------------------------------------------------------

QUESTIONS = [
    Turn("user", "I want to give my cat away."),
    Turn("agent", "We can help. Is your cat older than a year?"),
]


@pytest.mark.parametrize("text", ["yes", "No, it is not.", "Yeah, much older", "I think so"])
def test_a_reply_is_joined_to_the_agents_question(text: str) -> None:
    assert rewrite(text, QUESTIONS) == f"Is your cat older than a year? {text}"
    assert is_reply(text, QUESTIONS)


@pytest.mark.parametrize("text", ["how do I bake bread?", "no, how do I bake bread?"])
def test_a_question_is_not_a_reply(text: str) -> None:
    assert "year" not in rewrite(text, QUESTIONS)
    assert not is_reply(text, QUESTIONS)


def test_nothing_is_a_reply_where_the_agent_asked_nothing() -> None:
    assert not is_reply("yes", [Turn("user", "what is a cat?"), Turn("agent", "A cat purrs.")])
    assert not is_reply("yes", [])


# -- what was talked about --------------------------------------------------------------------


def test_the_context_starts_with_the_newest_turn_and_omits_thanks() -> None:
    turns = [
        Turn("user", "what is a cat?"),
        Turn("agent", "A cat purrs. [1]"),
        Turn("user", "thanks!"),
        Turn("agent", REFUSAL),
    ]
    assert build_context(turns) == "A cat purrs.  what is a cat?"
    assert build_context([]) == ""


def test_a_long_answer_leaves_room_for_its_question() -> None:
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
def test_a_question_of_several_parts_is_split(text: str, expected: tuple[str, ...]) -> None:
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
def test_one_question_is_not_split(text: str) -> None:
    assert split_questions(text) == (text,)
