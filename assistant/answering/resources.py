"""Find the resources that the guide recommends: those asked for, and those beside an answer."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from assistant.answering.entries import find_groups
from assistant.answering.furniture import is_furniture
from assistant.answering.quotes import Quote
from assistant.query.question_type import asks_where_to_start, find_resource_fact
from assistant.text.tokenize import extract_terms

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from assistant.encoders.base import Vectors
    from assistant.index.store import FaissStore
    from assistant.models.documents import Passage, Resource
    from assistant.query.query import Question
    from assistant.query.question_type import ResourceFact

TITLE_CANDIDATES = 100
"""How many of the nearest titles to consider; most of a guide's lead to its own pages."""

PASSAGE_CANDIDATES = 100
"""How many passages with the words of a topic to consider for titles that name it."""

MAX_RESOURCES = 3
MAX_UNFILTERED_RESOURCES = 6
"""The most resources for a request for something to read that names no topic."""

# A resource is offered when the cosine of its title with the question is at least _MIN_COSINE and
# at most _COSINE_MARGIN below that of the nearest title; or when its title, with the headings above
# it, contains the words of the request (_MIN_COVERAGE of their summed idf).
_MIN_COSINE = 0.6
_COSINE_MARGIN = 0.15
_MIN_COVERAGE = 0.99
_MIN_LIST_COSINE = 0.25
"""The least cosine of a resource in a reading list on the page that is quoted."""

_MAX_LIST_WORDS = 60
"""The most words of a reading list that is quoted whole."""

_MAX_ITEM_WORDS = 25
"""The most words of an item of a reading list that is quoted with its note."""

_READING_STEMS = frozenset(
    extract_terms("reading learning references resources bibliography literature books articles")
)
_PLACE_STEMS = frozenset(extract_terms("find access download open locate submit request fill form"))


def find_resources(question: Question, vector: Vectors, store: FaissStore) -> list[Resource]:
    """Find what a request for something to read asks for: nearest first.

    `vector` is that of the topic. Titles have to name the topic or be near it. In document order
    where no topic is named.
    """
    if not question.topic:
        matching_kind = [r for r in store.all_resources() if _matches_kind(r, question)]
        return _take_longest_list(matching_kind)[:MAX_UNFILTERED_RESOURCES]
    chosen = _find_near(question, vector, store)
    idf = {term: store.vocabulary.idf(term) for term in extract_terms(question.topic)}
    naming = {
        n: resource
        for n, resource in _resources_on_topic_pages(question.topic, vector, store)
        if _matches_kind(resource, question) and _names_topic(idf, resource, store)
    }
    numbers = sorted({*chosen, *naming})
    cosines = dict(zip(numbers, store.resource_cosines(vector, numbers).tolist(), strict=True))
    resources = chosen | naming
    # A reading list is better than a tool that has the name of the topic.
    listed = [n for n in numbers if _is_reading_list(resources[n])]
    best = sorted(listed or numbers, key=lambda n: (-cosines[n], n))
    if listed and asks_where_to_start(question.text):
        best = listed  # the order of such a list is the guide's own
    return _deduplicate(resources[n] for n in best)[:MAX_RESOURCES]


def _take_longest_list(resources: Sequence[Resource]) -> list[Resource]:
    """Take the resources of the page that lists most of them, then the others.

    A guide may have a reading list and repeat parts of it elsewhere.
    """
    counts = Counter(resource.path for resource in resources)
    return _deduplicate(sorted(resources, key=lambda resource: -counts[resource.path]))


def _deduplicate(resources: Iterable[Resource]) -> list[Resource]:
    """Keep the first of the resources with one address or one title."""
    first: list[Resource] = []
    names: set[str] = set()
    for resource in resources:
        own = {resource.url, resource.title.lower()}
        if names.isdisjoint(own):
            first.append(resource)
        names |= own
    return first


def _find_near(question: Question, vector: Vectors, store: FaissStore) -> dict[int, Resource]:
    """Find by number the resources whose titles are near a vector."""
    near = store.resources_near(vector, TITLE_CANDIDATES)
    cosines = {n: cosine for n, cosine in near if cosine >= _MIN_COSINE}
    loaded = zip(cosines, store.resources(list(cosines)), strict=True)
    matching = {n: resource for n, resource in loaded if _matches_kind(resource, question)}
    nearest = max((cosines[n] for n in matching), default=0.0)
    return {n: r for n, r in matching.items() if cosines[n] >= nearest - _COSINE_MARGIN}


def recommend(
    question: Question, vector: Vectors, quotes: Iterable[Quote], store: FaissStore
) -> list[Resource]:
    """Find what the guide recommends beside an answer.

    First what the quoted sections list, then the reading lists of the pages they are on, then what
    is near the whole question; the nearest first in each.
    """
    passages = [quote.passage for quote in quotes]
    quoted = dict.fromkeys((own.path, own.anchor, own.headings) for own in passages)
    own: dict[int, Resource] = {}
    lists: dict[int, Resource] = {}
    for path, anchor, headings in quoted:
        for n, resource in store.page_resources(path):
            if resource.kind == "page" or is_furniture(resource.title):
                continue
            if resource.anchor == anchor:
                own[n] = resource
            elif (
                _is_reading_list(resource)
                and headings[: len(resource.headings) - 1] == (resource.headings[:-1])
            ):
                lists[n] = resource
    near = _find_near(question, vector, store)
    numbers = list(dict.fromkeys([*own, *lists, *near]))
    cosines = dict(zip(numbers, store.resource_cosines(vector, numbers).tolist(), strict=True))
    lists = {n: r for n, r in lists.items() if cosines[n] >= _MIN_LIST_COSINE}
    ordered = [
        resources[n]
        for resources in (own, lists, near)
        for n in sorted(resources, key=lambda n: (-cosines[n], n))
    ]
    return _deduplicate(ordered)[:MAX_RESOURCES]


def _is_reading_list(resource: Resource) -> bool:
    """Whether a resource is in a section that is there to recommend."""
    return bool(_READING_STEMS & set(extract_terms(" ".join(resource.headings))))


def find_named_resources(question: Question, vector: Vectors, store: FaissStore) -> list[Resource]:
    """Find the resource whose author, length or place a question asks for, by its title."""
    fact = find_resource_fact(question.text)
    if fact is None:
        return []
    named_terms = set(extract_terms(fact.name))
    terms = named_terms - _PLACE_STEMS
    near = store.resources_near(vector, TITLE_CANDIDATES)
    named: list[Resource] = []
    partly_named: list[Resource] = []
    for resource in store.resources([n for n, _ in near]):
        title = set(extract_terms(resource.title.rpartition(" by ")[0] or resource.title))
        is_named = terms <= set(extract_terms(resource.title)) and bool(terms & title)
        is_close = len(title - named_terms) <= len(terms)
        if is_named and not is_furniture(resource.title) and _has_fact(resource, fact.fact):
            (named if is_close else partly_named).append(resource)
    if not named and fact.names_medium:
        named = _deduplicate(partly_named)
        named = named if len(named) == 1 else []  # else it is not clear which is meant
    return named[:1]


def _has_fact(resource: Resource, fact: ResourceFact) -> bool:
    if fact == "author":
        return " by " in resource.title
    return fact == "place" or resource.minutes is not None


def _resources_on_topic_pages(
    topic: str, vector: Vectors, store: FaissStore
) -> Iterator[tuple[int, Resource]]:
    """List, by number, the resources of the pages that match a topic's words best."""
    lexical = store.candidates(vector, extract_terms(topic), PASSAGE_CANDIDATES).lexical
    passages = store.passages([key for key, _ in lexical])
    for path in dict.fromkeys(passage.path for passage in passages):
        yield from store.page_resources(path)


def quote_resources(
    resources: Iterable[Resource], store: FaissStore, topic: str = ""
) -> list[Quote]:
    """Quote the lines of the guide that list the resources, in the order given.

    A short reading list below a heading that names the topic is quoted whole.
    """
    terms = set(extract_terms(topic))
    quotes: list[Quote] = []
    for resource in resources:
        for _, passage in store.section_passages(resource.path, resource.anchor):
            quote = _quote_row(passage, resource.title)
            quote = quote and _widen_to_item(quote)
            is_on_topic = terms and terms <= set(extract_terms(" ".join(resource.headings)))
            if quote and is_on_topic and _is_reading_list(resource):
                quote = _widen_to_list(quote)
            if quote and quote not in quotes:
                quotes.append(quote)
    return _unite_neighbours(quotes)


def _unite_neighbours(quotes: Iterable[Quote]) -> list[Quote]:
    """Quote entries of one list that follow each other as one, where the first of them is."""
    united: list[Quote] = []
    for quote in quotes:
        for n, own in enumerate(united):
            if own.passage.id != quote.passage.id:
                continue
            if own.last + 1 == quote.first or quote.last + 1 == own.first:
                first, last = min(own.first, quote.first), max(own.last, quote.last)
                united[n] = Quote(own.passage, first, last)
                break
        else:
            united.append(quote)
    return united


def _widen_to_item(quote: Quote) -> Quote:
    """Widen the quote of an item's first sentence to its note, where it is short."""
    for group in find_groups([quote.passage]):
        for entry in group.entries:
            whole = Quote(quote.passage, entry.first, entry.last)
            if entry.first == quote.first and len(whole.text.split()) <= _MAX_ITEM_WORDS:
                return whole
    return quote


def _widen_to_list(quote: Quote) -> Quote:
    """Widen the quote of an item to the whole list, where it is short."""
    passage = quote.passage
    for group in find_groups([passage]):
        whole = Quote(passage, group.entries[0].first, group.entries[-1].last)
        is_inside = whole.first <= quote.first and quote.last <= whole.last
        if is_inside and not group.is_table and len(whole.text.split()) <= _MAX_LIST_WORDS:
            return whole
    return quote


def _quote_row(passage: Passage, title: str) -> Quote | None:
    """Quote the first sentence of a passage that contains a title."""
    for n, sentence in enumerate(passage.sentences):
        if sentence.kind != "code" and title in passage.slice(sentence):
            return Quote(passage, n, n)
    return None


def _matches_kind(resource: Resource, question: Question) -> bool:
    """Whether a resource is of the kind asked for; forms and the guide's pages only on request."""
    if is_furniture(resource.title):
        return False
    if question.resource_kind:
        return resource.kind == question.resource_kind
    return resource.kind not in {"form", "page"}


def _names_topic(idf: Mapping[str, float], resource: Resource, store: FaissStore) -> bool:
    """Whether a resource's title with the headings above it, or with its note, names a topic."""
    if _coverage(idf, " ".join((resource.title, *resource.headings))) >= _MIN_COVERAGE:
        return True
    if not _is_reading_list(resource):
        return False
    listed = (
        _quote_row(passage, resource.title)
        for _, passage in store.section_passages(resource.path, resource.anchor)
    )
    return any(
        _coverage(idf, _widen_to_item(quote).text) >= _MIN_COVERAGE for quote in listed if quote
    )


def _coverage(idf: Mapping[str, float], text: str) -> float:
    """Compute the share of the summed idf of some terms that a text contains."""
    terms = set(extract_terms(text))
    covered = sum(weight for term, weight in idf.items() if term in terms)
    return covered / (sum(idf.values()) or 1.0)
