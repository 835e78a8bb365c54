"""Questions asked in a talk and several at once, of both product management guides."""

from __future__ import annotations

import pytest

from assistant.models.answers import Turn


def said(answer) -> str:
    """All an answer quotes and where from, in lower case."""
    cited = [f"{' > '.join(c.headings)}\n{c.quote}" for c in answer.citations]
    return "\n".join(cited).casefold()


def talk(assistant, *questions):
    """The answer to the last of several questions asked in one talk."""
    turns: list[Turn] = []
    for question in questions:
        answer = assistant.ask(question, turns)
        turns += [Turn("user", question), Turn("agent", answer.text)]
    return answer


OWNER = "Product Manager vs. Product Owner"
PROJECT = "Product Manager vs. Project Manager"
MARKETING = "Product Manager vs. Product Marketing Manager"


def test_a_follow_up_about_another_role_is_answered_about_that_role(product_assistant):
    answer = talk(product_assistant, "what is a product owner?", "and a project manager?")
    assert answer.found
    assert "project manager" in answer.understood_as
    assert answer.citations[0].headings[-1] == PROJECT


def test_a_comparison_goes_on_with_a_new_side(product_assistant):
    answer = talk(product_assistant, "how is a PM different from a PO?", "and from a PMM?")
    assert answer.citations[0].headings[-1] == MARKETING


def test_a_pronoun_stands_for_what_the_talk_is_about(product_assistant):
    answer = talk(product_assistant, "what is a PMM?", "do they set prices?")
    assert "product marketing manager" in said(answer)


def test_which_one_is_asked_of_what_was_compared(product_assistant):
    answer = talk(product_assistant, "how is a PM different from a PO?", "which one is from Scrum?")
    assert "product owner" in said(answer)
    assert answer.citations[0].headings[-1] == OWNER


def test_which_one_is_asked_of_the_kinds_that_were_listed(product_assistant):
    answer = talk(product_assistant, "what types of PMs are there?", "which one is the hardest?")
    assert "business to consumer" in said(answer)


def test_an_off_topic_follow_up_inherits_nothing(product_assistant):
    answer = talk(product_assistant, "what is a product owner?", "and how do I bake bread?")
    assert not answer.found


FOREIGN = [
    "how do I bake bread?",
    "what is the weather?",
    "and the best pizza?",
    "and pizza?",
    "what about bread?",
    "and in Paris?",
    "is it edible?",
    "which one tastes best?",
    "what is its population?",
    "how is it different from a giraffe?",
]


@pytest.mark.parametrize("follow_up", FOREIGN)
@pytest.mark.parametrize(
    "before",
    [
        "what is a product owner?",
        "how is a PM different from a PO?",
        "what types of PMs are there?",
        "who decides pricing and messaging?",
        "do PMs manage people?",
    ],
)
def test_what_the_talk_was_about_answers_nothing_foreign_to_the_guide(
    product_assistant, before, follow_up
):
    answer = talk(product_assistant, before, follow_up)
    assert not answer.found
    assert answer.resources == ()


@pytest.mark.parametrize(
    "question", ["what is a KPI?", "PM vs PMM", "what types of PMs are there?", "recommend a book"]
)
def test_a_question_that_stands_by_itself_is_answered_alike_in_any_talk(
    product_assistant, question
):
    alone = product_assistant.ask(question)
    answer = talk(product_assistant, "what is a product owner?", question)
    assert answer.understood_as == alone.understood_as
    assert answer.text == alone.text


class TestParts:
    """Several questions in one."""

    BOTH = "what is a product owner and what types of PMs are there?"

    def test_each_part_is_quoted_in_its_turn(self, product_assistant):
        answer = product_assistant.ask(self.BOTH)
        first = product_assistant.ask("what is a product owner?")
        second = product_assistant.ask("what types of PMs are there?")
        quotes = [citation.quote for citation in answer.citations]
        assert quotes == [c.quote for c in (*first.citations, *second.citations)]
        assert answer.understood_as == f"{first.understood_as} {second.understood_as}"

    def test_a_part_may_lean_on_the_one_before(self, product_assistant):
        answer = product_assistant.ask("what is a PMM and do they set prices?")
        assert answer.understood_as.count("product marketing manager") == 2
        assert "product marketing manager" in said(answer)

    def test_nothing_is_quoted_twice(self, product_assistant):
        answer = product_assistant.ask("what is a KPI? And what does KPI stand for?")
        spans = [(citation.passage, citation.span) for citation in answer.citations]
        assert len(spans) == len(set(spans))

    @pytest.mark.parametrize(
        "question",
        [
            "what is a product owner and how do I bake bread?",
            "how do I bake bread and what is a product owner?",
        ],
    )
    def test_a_part_the_guide_does_not_answer_leaves_the_other_alone(
        self, product_assistant, question
    ):
        alone = product_assistant.ask("what is a product owner?")
        answer = product_assistant.ask(question)
        assert [c.quote for c in answer.citations] == [c.quote for c in alone.citations]

    def test_two_questions_foreign_to_the_guide_are_refused(self, product_assistant):
        assert not product_assistant.ask("how do I bake bread and what is the weather?").found

    def test_a_search_finds_the_passages_of_every_part(self, product_assistant):
        found = product_assistant.search(self.BOTH)
        assert [hit.rank for hit in found.hits] == list(range(1, len(found.hits) + 1))
        chances = [hit.probability for hit in found.hits]
        assert chances == sorted(chances, reverse=True)
        for question in ("what is a product owner?", "what types of PMs are there?"):
            best = product_assistant.search(question).hits[0]
            assert best.passage.id in [hit.passage.id for hit in found.hits[:5]]
