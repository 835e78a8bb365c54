"""Question types, over many wordings."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assistant.query.question_type import (
    asks_about_changes,
    asks_for_several,
    detect_answer_type,
    extract_topic,
    find_named_thing,
    find_question_clause,
    find_resource_fact,
    is_question,
    parse_question,
)

# -- comparisons ----------------------------------------------------------------------------

COMPARISONS = """
cat vs dog
cat vs. dog?
cat versus dog
cat v dog
cats vs dogs?
cat vs dog difference
cat vs dog whats the diff
cat and dog what is the difference
diff between cat and dog
explain cat vs dog
so what's a cat vs a dog?
For a small flat: cat vs dog?
cat or dog?
Cat or dog: which is easier?
which is better, cat or dog?
Is a cat or a dog better?
What's the difference between a cat and a dog?
What’s the difference between a cat and a dog?
what is the difference between cat and dog
What are the differences between cats and dogs?
the difference between cat and dog
difference between cat and dog?
difference cat and dog
difference cat dog
differences of cats and dogs
Is there a difference between a cat and a dog?
Is there any real difference between a cat and a dog?
can you explain the difference between a cat and a dog?
Please tell me the difference between a cat and a dog
Do you know what the difference between a cat and a dog is
What is the distinction between a cat and a dog?
What's different between a cat and a dog?
What is different about a cat and a dog?
how does a cat differ from a dog?
How do cats differ from dogs?
Does a cat differ from a dog?
Do cats and dogs differ?
How do cats and dogs differ?
how do cats and dogs compare?
How does a cat compare to a dog?
In what way does a cat differ from a dog?
In what ways is a cat different from a dog?
could you tell me how a cat differs from a dog?
how is a cat different from a dog?
how are cats different from dogs
how different is a cat from a dog?
How is a cat unlike a dog?
Is a cat the same as a dog?
is cat same as dog?
Is a cat the same thing as a dog?
Are a cat and a dog the same thing?
are cats and dogs the same
Aren't cats and dogs the same?
Are cats and dogs different?
is a cat different from a dog?
is a cat similar to a dog?
Is a cat better than a dog?
Isn't a cat just a dog?
why is a cat not the same as a dog?
compare cat with dog
Compare a cat and a dog
please compare cats to dogs
contrast cats with dogs
what distinguishes a cat from a dog?
what differentiates cats from dogs
what separates a cat from a dog?
what sets a cat apart from a dog?
What makes a cat different from a dog?
how do I distinguish a cat from a dog?
how can I tell a cat from a dog?
How do I tell a cat and a dog apart?
a cat compared to a dog
cat compared with dog?
What is a cat as opposed to a dog?
cat and dog: what's the difference?
a cat and a dog - what is the difference?
cat/dog difference
What do a cat and a dog do differently?
what is the relationship between a cat and a dog?
"""


@pytest.mark.parametrize("text", COMPARISONS.strip().split("\n"))
def test_a_comparison_has_two_sides(text: str) -> None:
    question = parse_question(text)
    assert question.type == "comparison"
    sides = [side.lower().removesuffix("s").removesuffix(" i") for side in question.subjects]
    assert sides == ["cat", "dog"]
    assert question.text == text


@pytest.mark.parametrize(
    ("text", "sides"),
    [
        ("internal cat vs. business to business dog", ("internal cat", "business to business dog")),
        ("How is B2B different from B2C?", ("B2B", "B2C")),
        ("C++ vs C#", ("C++", "C#")),
        ("what is the difference between git merge and git rebase?", ("git merge", "git rebase")),
        ("difference brown cat grey dog", ("brown cat", "grey dog")),
    ],
)
def test_the_sides_of_a_comparison_are_as_written(text: str, sides: tuple[str, str]) -> None:
    assert parse_question(text).subjects == sides


@pytest.mark.parametrize(
    "text",
    [
        "How do I use different settings for dev and prod?",
        "how do I migrate from v1 to v2?",
        "how do I read and write files?",
        "can I deploy from a branch to production?",
        "Do managers and engineers need related skills?",
        "What makes tests fail from time to time?",
        "Can a cat be a dog?",
        "How does routing work with middleware?",
        "starlette v 2",
        "how do I compare?",
        "What is the difference?",
    ],
)
def test_a_question_without_two_sides_is_no_comparison(text: str) -> None:
    assert parse_question(text).type != "comparison"


# -- other forms ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    """
    What is a cat?
    what’s a cat?
    what's a cat
    What exactly is a cat?
    who is the cat
    what are cats?
    what does cat mean?
    What does "cat" stand for?
    what do you mean by cat?
    what is meant by cat?
    What is the meaning of cat?
    define cat
    Could you define cat?
    definition of cat
    meaning of cat
    cat meaning
    cat definition?
    what is a cat good for?
    what is a cat for
    what is the point of a cat?
    what's the deal with cats
    explain what a cat is
    Can you explain what a cat is?
    tell me about cats
    Tell me what a cat is
    Hi, what is a cat?
    I want to know what a cat is
    what is a cat in simple words?
    what is a cat, please?
    """.strip().split("\n    "),
)
def test_a_definition_has_one_subject(text: str) -> None:
    question = parse_question(text)
    assert question.type == "definition"
    (subject,) = question.subjects
    assert subject.removesuffix("s").removesuffix(" i") == "cat"


@pytest.mark.parametrize(
    "text",
    """
    types of cats
    What types of cats are there?
    which kinds of cats exist?
    what are the types of cats?
    What are the different kinds of cats?
    list the types of cats
    name the three kinds of cats
    how many types of cats are there?
    How many cats are there?
    what are the advantages of cats?
    What are some examples of cats?
    Can you list the kinds of cats?
    """.strip().split("\n    "),
)
def test_a_list_has_one_subject(text: str) -> None:
    question = parse_question(text)
    assert (question.type, question.subjects) == ("list", ("cats",))


@pytest.mark.parametrize(
    "text",
    """
    How do I feed a cat?
    how to feed a cat
    How can we feed a cat?
    how should I feed a cat?
    how would one feed a cat?
    steps to feed a cat
    What are the steps to feed a cat?
    the steps to feed a cat
    how do I list the kinds of cats?
    How do I add examples of cats?
    Could you tell me how to feed a cat?
    """.strip().split("\n    "),
)
def test_how_to_do_something_asks_for_steps(text: str) -> None:
    assert parse_question(text).type == "steps"


@pytest.mark.parametrize(
    ("text", "subject", "resource_kind"),
    [
        ("What should I read about cats?", "cats", None),
        ("recommend a book on cats", "cats", "book"),
        ("Is there a book about cats?", "cats", "book"),
        ("any good articles about cats?", "cats", "article"),
        ("is there a video on cats", "cats", "video"),
        ("books on cats", "cats", "book"),
        ("Where can I learn more about cats?", "cats", None),
        ("further reading on cats", "cats", None),
        ("suggest some articles about cats", "cats", "article"),
        ("what are good resources for cats?", "cats", None),
    ],
)
def test_a_reading_request_has_a_subject_and_a_resource_kind(
    text: str, subject: str, resource_kind: str | None
) -> None:
    question = parse_question(text)
    assert (question.type, question.subjects) == ("resources", (subject,))
    assert question.resource_kind == resource_kind


@pytest.mark.parametrize(
    "text",
    """
    do cats sleep?
    Is the cat asleep?
    can a cat be a pet?
    should I get a cat?
    does the cat support websockets?
    are cats quiet?
    Don't cats sleep?
    has the cat slept
    can I read a file in chunks?
    is it better to sleep first?
    """.strip().split("\n    "),
)
def test_the_first_word_makes_a_yes_or_no_question(text: str) -> None:
    assert parse_question(text).type == "yesno"


@pytest.mark.parametrize(
    "text",
    [
        "why are cats important?",
        "who feeds the cat?",
        "when does a cat sleep?",
        "What happens after lunch?",
        "What do cats do?",
        "How often should I sleep?",
        "how much does it cost?",
        "what is the recommended way to feed a cat before a long journey?",
        "cats",
        "",
        "?!",
    ],
)
def test_any_other_question_has_the_type_other(text: str) -> None:
    assert parse_question(text).type == "other"


PIECES = [*"ab ?.,:'’-/", " or ", " and ", " vs ", " from ", "is ", "what ", "how ", "difference "]


@settings(deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=30).map("".join))
def test_any_text_has_a_question_type(text: str) -> None:
    question = parse_question(text)
    assert question.text == text
    is_comparison = question.type == "comparison"
    assert len(question.subjects) == 2 if is_comparison else len(question.subjects) <= 1
    assert all(subject and subject == subject.strip() for subject in question.subjects)


@pytest.mark.parametrize("unit", ["difference between ", "what is a ", "or ", "a and ", " ", "vs "])
def test_the_longest_question_is_classified_in_linear_time(unit: str) -> None:
    parse_question((unit * 2000)[:2000])


def test_a_topic_is_what_a_reading_request_is_about() -> None:
    assert extract_topic("which good books about cats do you recommend?") == "cats"


@pytest.mark.parametrize(
    ("heading", "expected"),
    [
        ("What is a cat?", True),
        ("Cat vs. Dog", True),
        ("How to feed a cat", True),
        ("Cats", False),
        ("Feeding", False),
    ],
)
def test_a_heading_may_be_a_question(heading: str, expected: bool) -> None:
    assert is_question(heading) is expected


@pytest.mark.parametrize(
    ("text", "answer_type"),
    [
        ("when was the house built?", "date"),
        ("in what year did it open", "date"),
        ("how many cats are there?", "number"),
        ("how long does it take?", "number"),
        ("how often is a cat fed?", "number"),
        ("maximum weight of a cat", "number"),
        ("what port does the cat flap use?", "number"),
        ("who feeds the cat?", "name"),
        ("to whom does it belong?", "name"),
        ("which city is it in?", "name"),
        ("how do I feed a cat when I am away?", ""),
        ("what is a cat?", ""),
    ],
)
def test_the_answer_type_follows_from_the_question(text, answer_type):
    assert detect_answer_type(text) == answer_type


@pytest.mark.parametrize(
    "text", ["what is new?", "what changed in 2.0", "since when are cats fed", "was milk removed?"]
)
def test_a_question_about_changes_is_detected(text):
    assert asks_about_changes(text)
    assert not asks_about_changes("how do I feed a cat?")


@pytest.mark.parametrize(
    "text",
    [
        "which placeholders can I use?",
        "what papers do I need for a goat?",
        "so which of the red boats are for hire",
        "list all the harbours",
        "show me all knots",
    ],
)
def test_all_things_of_a_kind_are_asked_for(text):
    assert asks_for_several(text)


@pytest.mark.parametrize(
    "text",
    ["which address do I use?", "what is a knot?", "what does this bus do?", "who has the boats?"],
)
def test_one_thing_is_asked_for(text):
    assert not asks_for_several(text)


def test_a_watch_is_nothing_to_see() -> None:
    assert parse_question("what is a watch captain?").type == "definition"
    assert parse_question("when does the watch end?").type == "other"
    assert parse_question("what should I watch about knots?").type == "resources"


@pytest.mark.parametrize(
    ("text", "clause"),
    [
        ("I lost my oar, what do I do?", "what do I do?"),
        ("The net is torn. Can I mend it at sea?", "Can I mend it at sea?"),
        ("when it rains, where do hens sleep", "where do hens sleep"),
        ("reef knot - how strong is it?", "how strong is it?"),
        ("how do I mend a net, and when can I fish?", "how do I mend a net, and when can I fish?"),
        ("a bowline, a reef knot and a hitch", "a bowline, a reef knot and a hitch"),
    ],
)
def test_the_question_after_a_statement_is_what_is_asked(text: str, clause: str) -> None:
    assert find_question_clause(text) == clause


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("My net is torn, how do I mend it?", "steps"),
        ("I sail alone, is a radio required?", "yesno"),
        ("oak or ash, what's the difference?", "comparison"),
        ("fallback oars?? what is that", "other"),
    ],
)
def test_a_question_after_a_statement_has_its_own_type(text: str, kind: str) -> None:
    assert parse_question(text).type == kind


# -- the thing that a question is about -------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("how do I adopt a stray cat?", ("stray", "cat")),
        ("how to train a sheep dog in a week", ("sheep", "dog")),
        ("what does a night shift vet do?", ("night", "shift", "vet")),
        ("Can I rent an aviary cage, please?", ("aviary", "cage")),
        ("who invented the cat flap?", ("cat", "flap")),
        ("how do I make a cat sleep longer?", ()),
        ("how do I feed cats?", ()),
        ("what is a cat?", ()),
    ],
)
def test_the_thing_that_a_question_names_is_found(text: str, name: tuple[str, ...]) -> None:
    assert find_named_thing(text) == name


@pytest.mark.parametrize(
    ("text", "name", "names_medium"),
    [
        ("who wrote Crust and Crumb?", "Crust and Crumb", False),
        ("how long is the sourdough talk?", "the sourdough", True),
        ("who wrote the article about ovens?", "ovens", True),
    ],
)
def test_a_resource_may_be_named_with_its_medium(text: str, name: str, names_medium: bool) -> None:
    request = find_resource_fact(text)
    assert request is not None
    assert (request.name, request.names_medium) == (name, names_medium)
