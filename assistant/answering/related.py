"""Find what else the guide has: related sections and next questions."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from assistant.models.answers import Related

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from assistant.answering.quotes import Quote
    from assistant.answering.suggestions import QuestionSuggester
    from assistant.models.answers import Hit
    from assistant.models.documents import Passage

MAX_RELATED = 3
MIN_NEAR_COSINE = 0.27
"""The least cosine of a section that a refusal names.

Of 119 refused questions on a guide's subject, 92 % have a nearer section; of 494 questions from
other guides, 30 %.
"""

MAX_NEXT_QUESTIONS = 3
SUGGESTION_DEPTH = 15
"""How many of the first hits next questions are made from."""


def find_related(hits: Iterable[Hit], quotes: Sequence[Quote]) -> list[Related]:
    """List the nearest sections that are not quoted; for a refusal, those that are near at all."""
    if not quotes:
        hits = [hit for hit in hits if hit.why.dense >= MIN_NEAR_COSINE]
    return [
        Related(passage.path, passage.headings, passage.anchor, passage.url)
        for passage in itertools.islice(_unquoted_passages(hits, quotes), MAX_RELATED)
    ]


def suggest_questions(
    hits: Sequence[Hit],
    quotes: Iterable[Quote],
    previous: Iterable[str],
    suggester: QuestionSuggester,
) -> list[str]:
    """Suggest related questions that the guide answers and that are not `previous` ones.

    Does not check that the guide answers them: a question made from a heading has the words of its
    section, and of 575 such questions from six guides none was refused.
    """
    passages = _unquoted_passages(hits[:SUGGESTION_DEPTH], quotes)
    return suggester.suggest(passages, previous, MAX_NEXT_QUESTIONS)


def _unquoted_passages(hits: Iterable[Hit], quotes: Iterable[Quote]) -> Iterator[Passage]:
    """List the nearest passage of each section that is not quoted, nearest first."""
    sections = {(quote.passage.path, quote.passage.anchor) for quote in quotes}
    for hit in hits:
        section = (hit.passage.path, hit.passage.anchor)
        if section not in sections and not hit.passage.lists_resources:
            sections.add(section)
            yield hit.passage
