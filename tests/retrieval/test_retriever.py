"""Conversations and several questions at once, with both product management guides."""

from __future__ import annotations

import pytest

from assistant.models.answers import Turn


def cited_text(answer) -> str:
    """The quotes and headings of an answer, in lower case."""
    cited = [f"{' > '.join(c.headings)}\n{c.quote}" for c in answer.citations]
    return "\n".join(cited).casefold()


def converse(assistant, *questions):
    """The answer to the last of several questions of one conversation."""
    turns: list[Turn] = []
    for question in questions:
        answer = assistant.ask(question, turns)
        turns += [Turn("user", question), Turn("agent", answer.text)]
    return answer


OWNER = "Product Manager vs. Product Owner"
PROJECT = "Product Manager vs. Project Manager"
MARKETING = "Product Manager vs. Product Marketing Manager"


def test_a_follow_up_about_another_role_is_answered_about_that_role(product_assistant):
    answer = converse(product_assistant, "what is a product owner?", "and a project manager?")
    assert answer.found
    assert "project manager" in answer.understood_as
    assert answer.citations[0].headings[-1] == PROJECT


def test_a_comparison_continues_with_a_new_side(product_assistant):
    answer = converse(product_assistant, "how is a PM different from a PO?", "and from a PMM?")
    assert answer.citations[0].headings[-1] == MARKETING


def test_a_pronoun_refers_to_the_topic_of_the_conversation(product_assistant):
    answer = converse(product_assistant, "what is a PMM?", "do they set prices?")
    assert "product marketing manager" in cited_text(answer)


def test_which_one_refers_to_the_sides_compared(product_assistant):
    answer = converse(
        product_assistant, "how is a PM different from a PO?", "which one is from Scrum?"
    )
    assert "product owner" in cited_text(answer)
    assert answer.citations[0].headings[-1] == OWNER


def test_which_one_refers_to_the_kinds_listed(product_assistant):
    answer = converse(
        product_assistant, "what types of PMs are there?", "which one is the hardest?"
    )
    assert "business to consumer" in cited_text(answer)


def test_an_off_topic_follow_up_inherits_nothing(product_assistant):
    answer = converse(product_assistant, "what is a product owner?", "and how do I bake bread?")
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
def test_the_conversation_answers_nothing_foreign_to_the_guide(
    product_assistant, before, follow_up
):
    answer = converse(product_assistant, before, follow_up)
    assert not answer.found
    assert answer.resources == ()


@pytest.mark.parametrize(
    "question", ["what is a KPI?", "PM vs PMM", "what types of PMs are there?", "recommend a book"]
)
def test_a_question_that_stands_alone_is_answered_from_the_same_place_in_any_conversation(
    product_assistant, question
):
    alone = product_assistant.ask(question)
    answer = converse(product_assistant, "what is a product owner?", question)
    assert answer.understood_as == alone.understood_as
    assert answer.found
    assert [each.quote for each in answer.citations[:1]] == [
        each.quote for each in alone.citations[:1]
    ]


class TestParts:
    """Several questions in one."""

    BOTH = "what is a product owner and what types of PMs are there?"

    def test_each_part_is_quoted_in_order(self, product_assistant):
        answer = product_assistant.ask(self.BOTH)
        first = product_assistant.ask("what is a product owner?")
        second = product_assistant.ask("what types of PMs are there?")
        quotes = [citation.quote for citation in answer.citations]
        assert quotes == [c.quote for c in (*first.citations, *second.citations)]
        assert answer.understood_as == f"{first.understood_as} {second.understood_as}"

    def test_a_part_may_refer_to_the_one_before(self, product_assistant):
        answer = product_assistant.ask("what is a PMM and do they set prices?")
        assert answer.understood_as.count("product marketing manager") == 2
        assert "product marketing manager" in cited_text(answer)

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
    def test_a_part_the_guide_does_not_answer_does_not_change_the_other(
        self, product_assistant, question
    ):
        alone = product_assistant.ask("what is a product owner?")
        answer = product_assistant.ask(question)
        assert [c.quote for c in answer.citations] == [c.quote for c in alone.citations]

    def test_two_questions_foreign_to_the_guide_are_refused(self, product_assistant):
        assert not product_assistant.ask("how do I bake bread and what is the weather?").found

    def test_a_search_returns_the_passages_of_every_part(self, product_assistant):
        search = product_assistant.search(self.BOTH)
        assert [hit.rank for hit in search.hits] == list(range(1, len(search.hits) + 1))
        probabilities = [hit.probability for hit in search.hits]
        assert probabilities == sorted(probabilities, reverse=True)
        for question in ("what is a product owner?", "what types of PMs are there?"):
            best = product_assistant.search(question).hits[0]
            assert best.passage.id in [hit.passage.id for hit in search.hits[:5]]
