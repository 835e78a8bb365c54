"""Quote the row, the item or the kind that has the highest or lowest amount."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from assistant.answering.amounts import find_amounts
from assistant.answering.entries import find_groups, quote_entries
from assistant.answering.kinds import find_subsections
from assistant.answering.quotes import Quote, body_positions
from assistant.query.question_type import find_extreme
from assistant.text.tokenize import extract_terms

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from assistant.answering.entries import EntryGroup
    from assistant.index.store import FaissStore
    from assistant.models.answers import Hit
    from assistant.query.question_type import Extreme

_MIN_SHARE = 0.7  # of the rows, items or kinds have to have an amount
_MIN_AMOUNTS = 2
_MIN_SECTIONS = 3  # two sections side by side are seldom kinds of one thing
_MAX_CHOSEN = 3  # more that are equal, or that have no amount, are no answer
_HEADERS = {
    "money": frozenset(extract_terms("price cost fee rate charge fare salary pay budget")),
    "time": frozenset(extract_terms("time duration length valid period term lasts lead deadline")),
    "length": frozenset(extract_terms("length height depth distance range")),
    "weight": frozenset(extract_terms("weight mass load")),
}
"""The stems of a header above amounts of a dimension."""


class _Candidate(NamedTuple):
    """One of the things that are compared: what is quoted of it, and the text with its amount."""

    quotes: list[Quote]
    text: str


class _Comparison(NamedTuple):
    """Things that may be compared, and the terms of the headings and headers above them."""

    candidates: list[_Candidate]
    terms: frozenset[str]
    is_column: bool = False
    has_header: bool = False  # whether the header of the column is what the question asks for


def quote_extreme(
    text: str, hits: Sequence[Hit], store: FaissStore, *, min_coverage: float
) -> list[Quote]:
    """Quote the thing that has the highest or the lowest amount, and those that equal it.

    Compares the rows of a table, the items of a list, or the sections of the kinds of a thing.
    Their words have to contain `min_coverage` of the terms of the question, and nearly all of them
    have to have an amount of one dimension. Empty where there are none, and for other questions.
    """
    extreme = find_extreme(text)
    if extreme is None:
        return []
    for comparison in _find_comparisons(extreme, hits, store):
        texts = [one.text for one in comparison.candidates]
        own = set(extract_terms(" ".join(texts)))
        terms = extreme.terms
        if comparison.has_header:  # the column may have another name
            terms -= _implied_headers(extreme)
        units = " ".join(amount.dimension for text in texts for amount in find_amounts(text))
        terms -= set(extract_terms(units))
        if len(terms & (comparison.terms | own)) >= min_coverage * len(terms):
            quotes = _quote_best(extreme, comparison)
            if quotes:
                return quotes
    return []


def _implied_headers(extreme: Extreme) -> frozenset[str]:
    return frozenset().union(*(_HEADERS[name] for name in extreme.dimensions))


def _find_comparisons(
    extreme: Extreme, hits: Sequence[Hit], store: FaissStore
) -> Iterator[_Comparison]:
    """Yield what may be compared in the sections of the hits, and in those beside them."""
    visited: set[tuple[str, tuple[str, ...]]] = set()
    for hit in hits:
        path, headings = hit.passage.path, hit.passage.headings
        for above in (headings, headings[:-1]):
            if above and (path, above) not in visited:
                visited.add((path, above))
                yield from _compare_sections(path, above, store)
        section = [passage for _, passage in store.section_passages(path, hit.passage.anchor)]
        terms = frozenset(extract_terms(hit.passage.heading_path))
        for group in find_groups(section):
            own = terms | set(extract_terms(" ".join(group.header)))
            if group.is_table:
                yield from _compare_columns(extreme, group, own)
            else:
                candidates = [_Candidate(quote_entries(group, [e]), e.text) for e in group.entries]
                yield _Comparison(candidates, own)


def _compare_sections(
    path: str, above: tuple[str, ...], store: FaissStore
) -> Iterator[_Comparison]:
    """Yield the sections under a heading: each is quoted by its heading and the amount."""
    candidates = []
    for section in find_subsections(store.sections(path), above):
        passage = store.section_passages(section.path, section.anchor)[0][1]
        body = [n for n in body_positions(passage) if passage.sentences[n].kind == "prose"]
        texts = {n: passage.slice(passage.sentences[n]) for n in body}
        first = next((n for n, text in texts.items() if find_amounts(text)), None)
        if first is None:
            candidates.append(_Candidate([], ""))
            continue
        quotes = [Quote(passage, 0, 1)] if first == 1 else [Quote(passage, 0, 0)]
        quotes += [] if first == 1 else [Quote(passage, first, first)]
        candidates.append(_Candidate(quotes, texts[first]))
    if len(candidates) >= _MIN_SECTIONS:
        yield _Comparison(candidates, frozenset(extract_terms(" ".join(above))))


def _compare_columns(
    extreme: Extreme, group: EntryGroup, terms: frozenset[str]
) -> Iterator[_Comparison]:
    """Yield the columns that may be compared: the one whose header is asked for, else each."""
    headers = [frozenset(extract_terms(header)) for header in group.header]
    implied = _implied_headers(extreme)
    columns = list(range(1, len(headers)))
    has_header = False
    for names in (extreme.terms, implied):
        overlap = max((len(headers[n] & names) for n in columns), default=0)
        if overlap:
            columns = [n for n in columns if len(headers[n] & names) == overlap]
            has_header = True
            break
    for n in columns:
        rows = [entry for entry in group.entries if n < len(entry.cells)]
        candidates = [_Candidate(quote_entries(group, [row]), row.cells[n]) for row in rows]
        words = terms | set(extract_terms(" ".join(row.text for row in rows)))
        is_only = len(columns) == 1
        yield _Comparison(candidates, words, is_column=is_only, has_header=has_header)


def _quote_best(extreme: Extreme, comparison: _Comparison) -> list[Quote]:
    """Quote the candidates with the highest or the lowest amount, where they can be compared."""
    amounts = [find_amounts(candidate.text) for candidate in comparison.candidates]
    counts = Counter(dimension for own in amounts for dimension in {one.dimension for one in own})
    wanted = [
        dimension
        for dimension in sorted(counts)
        if dimension in extreme.dimensions or extreme.terms & set(extract_terms(dimension))
    ]
    if not wanted and (len(counts) == 1 or comparison.is_column):
        wanted = sorted(counts)
    dimension = max(wanted, key=lambda name: counts[name], default=None)
    if dimension is None or counts[dimension] < max(_MIN_AMOUNTS, _MIN_SHARE * len(amounts)):
        return []
    values = [
        next((amount.value for amount in own if amount.dimension == dimension), None)
        for own in amounts
    ]
    known = [value for value in values if value is not None]
    best = max(known) if extreme.is_largest else min(known)
    if known.count(best) == len(known):
        return []
    # What has another answer than an amount, such as "as long as you like", may be the extreme.
    chosen = [
        candidate
        for candidate, value in zip(comparison.candidates, values, strict=True)
        if value == best or (value is None and len(candidate.text.strip()) > 1)
    ]
    return [q for one in chosen for q in one.quotes] if len(chosen) <= _MAX_CHOSEN else []
