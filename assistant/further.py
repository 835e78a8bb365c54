"""What else the guide has: what it recommends to read, sections close by, and next questions.

Knows which of it belongs with an answer. Must not know how the answer is written.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np

from assistant import offers, writer
from assistant import question as questions
from assistant.model import Related

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from assistant.encoder import Encoder, Vectors
    from assistant.model import Hit, Passage, Resource
    from assistant.question import Question
    from assistant.quotes import Quote
    from assistant.store import FaissStore

RELATED = 3
NEXT_QUESTIONS = 3
LOOKED_AROUND = 15
"""How many hits are looked through for a next question."""

RESOURCES = 4
RECOMMENDED = 12
"""How much is named to who asks for something to read, on nothing in particular."""

# A resource travels when the cosine of its title with what is asked is at least this, and not
# far below the nearest title's; or when its title names all that is asked about.
_NEAR = 0.6
_NEARLY_AS_NEAR = 0.15
_NAMED = 0.99
# How many titles are looked at, the nearest: one that names a topic is never far from it.
_COMPARED = 200
# Kinds that are recommended only to who asks for them.
_ASKED_FOR = ("form", "page")


def resources(
    asked: Question, vector: Vectors, store: FaissStore, encoder: Encoder
) -> list[Resource]:
    """What the guide recommends on the question: nearest first, or all of it in order.

    Asked for something to read on a topic, the guide's titles have to name the topic or be
    near it. With any other answer only titles that are near the whole question travel.
    """
    kinds = store.resource_kinds
    fits = kinds == asked.wanted if asked.wanted else ~np.isin(kinds, _ASKED_FOR)
    fitting = np.flatnonzero(fits)
    reading_asked = asked.form == "resources"
    topic = _topic(asked) if reading_asked else asked.text
    if not len(fitting) or (reading_asked and not topic):
        return store.resources(fitting[:RECOMMENDED].tolist())
    about = encoder.encode([topic])[0] if reading_asked else vector
    cosines = store.resource_cosines(about, fitting)
    order = np.argsort(-cosines, kind="stable")[:_COMPARED]
    near = cosines[order] >= max(_NEAR, float(cosines[order[0]]) - _NEARLY_AS_NEAR)
    if not reading_asked:
        return store.resources(fitting[order[near]][:RESOURCES].tolist())
    weights = writer.Weights.of(topic, store.vocabulary.rarity)
    compared = store.resources(fitting[order].tolist())
    return [
        resource
        for resource, is_near in zip(compared, near.tolist(), strict=True)
        if is_near or weights.coverage(_placed(resource)) >= _NAMED
    ][:RESOURCES]


def recommended(resources: Iterable[Resource], store: FaissStore) -> list[Quote]:
    """The lines of the guide that list the resources, in the order given."""
    quotes: list[Quote] = []
    for resource in resources:
        for _, passage in store.section_passages(resource.path, resource.anchor):
            for quote in writer.rows(passage, [resource.title]):
                if quote not in quotes:
                    quotes.append(quote)
    return quotes


def related(hits: Iterable[Hit], quotes: Iterable[Quote]) -> list[Related]:
    """The nearest sections that are not quoted."""
    return [
        Related(passage.path, passage.headings, passage.anchor, passage.url)
        for passage in itertools.islice(_beside(hits, quotes), RELATED)
    ]


def next_questions(
    hits: Sequence[Hit], quotes: Iterable[Quote], said: Iterable[str], counts: Mapping[str, int]
) -> list[str]:
    """What else the guide answers close by: nothing that was `said`, or is quoted.

    That it answers them is not looked up: a question made of a heading is as near to its section
    as can be, and of 575 so made from six guides none was refused. `counts` is how often the
    guide writes each word.
    """
    return offers.offered(_beside(hits[:LOOKED_AROUND], quotes), said, counts, NEXT_QUESTIONS)


def _beside(hits: Iterable[Hit], quotes: Iterable[Quote]) -> Iterator[Passage]:
    """The nearest passage of each section that is not quoted, nearest first."""
    seen = {(quote.passage.path, quote.passage.anchor) for quote in quotes}
    for hit in hits:
        place = (hit.passage.path, hit.passage.anchor)
        if place not in seen and not hit.passage.lists_resources:
            seen.add(place)
            yield hit.passage


def _placed(resource: Resource) -> str:
    """A resource's title with the headings it is listed under, which say what it is on."""
    return " ".join((resource.title, *resource.headings))


def _topic(asked: Question) -> str:
    """What a question is about, without the words that only ask."""
    return " ".join(asked.subjects) or questions.topic(asked.text)
