"""A question for an amount is refused where the sentences that match best have none."""

from __future__ import annotations

import numpy as np
import pytest

from assistant.index.term_matches import TermPositions
from assistant.models.answers import Hit, Reason
from assistant.models.documents import Passage, Sentence
from assistant.query.question_type import parse_question
from assistant.retrieval.answerability import lacks_amount
from assistant.retrieval.features import Evidence


def lacks(question: str, *sentences: tuple[str, float]) -> bool:
    """Whether passages of one sentence each, with their scores, lack the amount."""
    passages = [
        Passage(
            f"{n}", "a.md", ("A",), "a", "a.md", text, (Sentence(0, len(text), "prose", (1, 1)),)
        )
        for n, (text, _) in enumerate(sentences)
    ]
    scores = np.array([score for _, score in sentences])
    evidence = Evidence(
        keys=range(len(passages)),
        passages=passages,
        matches=TermPositions.from_passages(passages).match(()),
        cosines=scores.astype(np.float32),
        sentence_cosines=scores.astype(np.float32),
        sentence_scores=scores,
        dense_ranks=[None] * len(passages),
        lexical_scores=[0.0] * len(passages),
        lexical_ranks=[None] * len(passages),
    )
    why = Reason(None, 0.5, None, 0.0, ())
    hits = [Hit(passage, n, n + 1, 0.5, why) for n, passage in enumerate(passages)]
    return lacks_amount(parse_question(question), evidence, hits)


@pytest.mark.parametrize(
    "sentence",
    [
        "A pound of clay costs 12 shillings.",
        "Firing takes half of the day.",
        "Two kilns are here.",
        "Glaze is free.",
        "The kiln cools for weeks.",
    ],
)
def test_an_amount_is_a_number_a_date_or_a_length_of_time(sentence):
    assert not lacks("how much is it?", (sentence, 0.5))


@pytest.mark.parametrize("sentence", ["Clay is dear.", "The weight of clay matters.", "Often."])
def test_a_sentence_without_any_has_no_amount(sentence):
    assert lacks("how much does a pot weigh?", (sentence, 0.5))


def test_only_the_sentences_that_match_best_count():
    assert not lacks("how much is clay?", ("Clay is dear.", 0.5), ("A cup costs 3 pence.", 0.41))
    assert lacks("how much is clay?", ("Clay is dear.", 0.5), ("A cup costs 3 pence.", 0.39))


@pytest.mark.parametrize(
    "question", ["why is clay dear?", "how long does it burn?", "how many kinds of clay are there?"]
)
def test_other_questions_need_no_amount(question):
    assert not lacks(question, ("Clay is dear.", 0.5))
