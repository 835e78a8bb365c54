"""Answer from the structure of the guide: its resources, kinds, tables, lists and change logs.

Each kind of question has a module that quotes its answer whole, where the guide has one. Sentences
are selected for all other questions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from assistant.answering import codes, extremes, kinds, resources, steps, versions

if TYPE_CHECKING:
    from assistant.answering.quotes import Quote
    from assistant.encoders.base import Vectors
    from assistant.index.store import FaissStore
    from assistant.models.documents import Resource
    from assistant.retrieval.retriever import RetrievalResult

TOP_K = 5

_MIN_COVERAGE = 0.7
"""The share of a question's terms that things compared by their amounts have to have.

All of them where the guide probably does not answer.
"""


@dataclass(frozen=True, slots=True)
class StructuredAnswer:
    """The quotes that answer a question whole; empty where sentences have to be selected.

    With `is_certain` they answer, however unlikely an answer is. With `is_refused` the guide has
    no answer, however likely one is. `resources` are those that are asked for.
    """

    quotes: list[Quote]
    resources: list[Resource]
    is_certain: bool = True
    is_refused: bool = False


_NONE = StructuredAnswer([], [], is_certain=False)


def find_structured_answer(
    result: RetrievalResult, vector: Vectors, store: FaissStore, *, is_likely: bool
) -> StructuredAnswer:
    """Find the answer to a question in the structure of the guide.

    `vector` is that of the topic of a request for something to read, else of the question.
    `is_likely` is whether the guide probably answers.
    """
    question, hits = result.interpretation.question, result.hits
    if question.type == "resources":
        requested = resources.find_resources(question, vector, store)
        topic = "" if question.resource_kind else question.topic
        quotes = resources.quote_resources(requested, store, topic)
        return _certain(quotes, requested)
    if question.type == "comparison":
        return _NONE
    if quotes := steps.quote_steps(question, hits[:TOP_K], store):
        return _certain(quotes, [])
    if question.type == "steps":
        return _NONE
    if question.type == "list" and (quotes := kinds.quote_kinds(question, hits[:TOP_K], store)):
        return StructuredAnswer(quotes, [], is_certain=False)
    of_version = versions.quote_versions(question.text, hits, store)
    if of_version is not None:
        return StructuredAnswer(of_version, [], bool(of_version), is_refused=not of_version)
    coverage = _MIN_COVERAGE if is_likely else 1.0
    quotes = extremes.quote_extreme(question.text, hits[:TOP_K], store, min_coverage=coverage)
    if quotes := quotes or codes.quote_code(question, hits, store):
        return _certain(quotes, [])
    named = resources.find_named_resources(question, vector, store)
    return _certain(resources.quote_resources(named, store), named)


def _certain(quotes: list[Quote], requested: list[Resource]) -> StructuredAnswer:
    return StructuredAnswer(quotes, requested, is_certain=bool(quotes))
