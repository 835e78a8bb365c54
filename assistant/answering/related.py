"""What else the guide has: what it recommends to read, sections close by, and next questions.

Knows which of it belongs with an answer. Must not know how the answer is written.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from assistant.answering import answerer
from assistant.models.answers import Related
from assistant.query import question_type as questions
from assistant.text.text import extract_terms

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from assistant.answering.quotes import Quote
    from assistant.answering.suggestions import QuestionSuggester
    from assistant.encoders.base import Encoder, Vectors
    from assistant.index.store import FaissStore
    from assistant.models.answers import Hit
    from assistant.models.documents import Passage, Resource
    from assistant.query.question_type import Question

MAX_RELATED = 3
MAX_NEXT_QUESTIONS = 3
SUGGESTION_DEPTH = 15
"""How many hits are looked through for a next question."""

TITLE_CANDIDATES = 100
"""How many of the nearest titles are looked at; most of a guide's lead to its own pages."""

PASSAGE_CANDIDATES = 100
"""How many passages with the words of a topic are looked around for titles that name it."""

MAX_RESOURCES = 4
MAX_UNFILTERED_RESOURCES = 12
"""How much is named to who asks for something to read, on nothing in particular."""

# A resource travels when the cosine of its title with what is asked is at least this, and not
# far below the nearest title's; or when its title names all that is asked about.
_MIN_COSINE = 0.6
_COSINE_MARGIN = 0.15
_MIN_COVERAGE = 0.99


def find_resources(
    asked: Question, vector: Vectors, store: FaissStore, encoder: Encoder
) -> list[Resource]:
    """What the guide recommends on the question: nearest first, or all of it in order.

    Asked for something to read on a topic, the guide's titles have to name the topic or be
    near it. With any other answer only titles that are near the whole question travel.
    """
    reading_asked = asked.type == "resources"
    topic = _resource_topic(asked) if reading_asked else asked.text
    if reading_asked and not topic:
        fitting_all = (r for r in store.all_resources() if _matches_kind(r, asked))
        return list(itertools.islice(fitting_all, MAX_UNFILTERED_RESOURCES))
    sought = encoder.encode([topic])[0] if reading_asked else vector
    near = store.resources_near(sought, TITLE_CANDIDATES)
    cosines = {n: cosine for n, cosine in near if cosine >= _MIN_COSINE}
    found = zip(cosines, store.resources(list(cosines)), strict=True)
    fitting = {n: resource for n, resource in found if _matches_kind(resource, asked)}
    nearest = max((cosines[n] for n in fitting), default=0.0)
    kept = {n: r for n, r in fitting.items() if cosines[n] >= nearest - _COSINE_MARGIN}
    if reading_asked:
        weights = answerer.TermWeights.from_text(topic, store.vocabulary.idf)
        named = {
            n: resource
            for n, resource in _resources_on_topic_pages(topic, sought, store)
            if _matches_kind(resource, asked)
            and weights.coverage(_title_with_headings(resource)) >= _MIN_COVERAGE
        }
        kept |= named
        own = store.resource_cosines(sought, list(named)).tolist()
        cosines |= dict(zip(named, own, strict=True))
    best = sorted(kept, key=lambda n: (-cosines[n], n))
    return [kept[n] for n in best[:MAX_RESOURCES]]


def _resources_on_topic_pages(
    topic: str, vector: Vectors, store: FaissStore
) -> Iterator[tuple[int, Resource]]:
    """What the pages list by number that say the words of a topic most."""
    said = store.candidates(vector, extract_terms(topic), PASSAGE_CANDIDATES).lexical
    passages = store.passages([key for key, _ in said])
    for path in dict.fromkeys(passage.path for passage in passages):
        yield from store.page_resources(path)


def quote_resources(resources: Iterable[Resource], store: FaissStore) -> list[Quote]:
    """The lines of the guide that list the resources, in the order given."""
    quotes: list[Quote] = []
    for resource in resources:
        for _, passage in store.section_passages(resource.path, resource.anchor):
            for quote in answerer.quote_rows(passage, [resource.title]):
                if quote not in quotes:
                    quotes.append(quote)
    return quotes


def find_related(hits: Iterable[Hit], quotes: Iterable[Quote]) -> list[Related]:
    """The nearest sections that are not quoted."""
    return [
        Related(passage.path, passage.headings, passage.anchor, passage.url)
        for passage in itertools.islice(_unquoted_passages(hits, quotes), MAX_RELATED)
    ]


def suggest_questions(
    hits: Sequence[Hit], quotes: Iterable[Quote], said: Iterable[str], offers: QuestionSuggester
) -> list[str]:
    """What else the guide answers close by: nothing that was `said`, or is quoted.

    That it answers them is not looked up: a question made of a heading is as near to its section
    as can be, and of 575 so made from six guides none was refused.
    """
    return offers.suggest(
        _unquoted_passages(hits[:SUGGESTION_DEPTH], quotes), said, MAX_NEXT_QUESTIONS
    )


def _unquoted_passages(hits: Iterable[Hit], quotes: Iterable[Quote]) -> Iterator[Passage]:
    """The nearest passage of each section that is not quoted, nearest first."""
    seen = {(quote.passage.path, quote.passage.anchor) for quote in quotes}
    for hit in hits:
        place = (hit.passage.path, hit.passage.anchor)
        if place not in seen and not hit.passage.lists_resources:
            seen.add(place)
            yield hit.passage


def _matches_kind(resource: Resource, asked: Question) -> bool:
    """Whether a resource is of the kind asked for; forms and own pages only where they are."""
    return (
        resource.kind == asked.resource_kind
        if asked.resource_kind
        else resource.kind not in {"form", "page"}
    )


def _title_with_headings(resource: Resource) -> str:
    """A resource's title with the headings it is listed under, which say what it is on."""
    return " ".join((resource.title, *resource.headings))


def _resource_topic(asked: Question) -> str:
    """What a question is about, without the words that only ask."""
    return " ".join(asked.subjects) or questions.extract_topic(asked.text)
