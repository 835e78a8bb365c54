"""Quote the steps of a how-to where each step is a section of its own."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from assistant.answering.furniture import find_furniture
from assistant.answering.kinds import find_subsections
from assistant.answering.quotes import Quote, body_positions, count_words
from assistant.answering.selection import MAX_WORDS
from assistant.answering.titles import is_title_of
from assistant.text.tokenize import extract_terms

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from assistant.index.store import FaissStore
    from assistant.models.answers import Hit
    from assistant.models.documents import Passage, Section
    from assistant.query.query import Question

_MIN_STEPS = 2
_MAX_STEPS = 12
_MAX_LEAD_IN_WORDS = 40
_MAX_GROUP_LINES = 1  # a heading, and an empty line
_STEP = re.compile(r"(?:step|part|phase|stage) \w{1,5}\b|\(?\d{1,2}(?:[.):]|\s*[-–—])", re.I)
_REQUEST_STEMS = frozenset(extract_terms("step steps process procedure instructions guide"))


def quote_steps(question: Question, hits: Iterable[Hit], store: FaissStore) -> list[Quote]:
    """Quote a how-to whose sub-headings are its steps: the headings, with openings where they fit.

    The sub-headings are numbered, or the heading above them is what the question asks and has
    little text of its own. Empty where there is no such section.
    """
    terms = set(extract_terms(question.text))
    if question.type != "steps" and not terms & _REQUEST_STEMS:
        return []
    hit_headings = [(hit.passage.path, hit.passage.headings) for hit in hits]
    places = [(path, above) for path, own in hit_headings for above in (own, own[:-1]) if above]
    read_sections = cache(store.sections)  # a manual of one page has 260, and many of the hits
    for path, above in dict.fromkeys(places):
        steps = _drop_groups(find_subsections(read_sections(path), above), read_sections(path))
        if _MIN_STEPS <= len(steps) <= _MAX_STEPS and _is_how_to(question, above, steps):
            parents = [section for section in read_sections(path) if section.headings == above]
            lead_in = _quote_lead_in(parents, store)
            if lead_in is not None:
                return _quote_openings(lead_in, steps, store)
    return []


def _drop_groups(steps: list[Section], sections: Sequence[Section]) -> list[Section]:
    """Drop sub-headings that only group others, as a last "Advanced options" does."""
    parents = {section.headings[:-1] for section in sections}
    return [
        step
        for step in steps
        if step.headings not in parents
        or step.lines[1] - step.lines[0] > _MAX_GROUP_LINES
        or _STEP.match(step.headings[-1])
    ]


def _is_how_to(question: Question, above: tuple[str, ...], steps: list[Section]) -> bool:
    if all(_STEP.match(step.headings[-1]) for step in steps):
        wanted = set(extract_terms(question.text)) - _REQUEST_STEMS
        own = set(extract_terms(above[-1]))
        is_most = 2 * len(wanted & own) >= len(wanted)
        return bool(wanted) and is_most and wanted <= set(extract_terms(" ".join(above)))
    return question.type == "steps" and is_title_of(above[-1], question)


def _quote_lead_in(parents: list[Section], store: FaissStore) -> list[Quote] | None:
    """Quote the text above the steps; None where there is more than a lead-in."""
    if not parents:
        return []
    _, passage = store.section_passages(parents[0].path, parents[0].anchor)[0]
    frame = find_furniture(passage)
    body = [n for n in body_positions(passage) if n not in frame]
    if not body:
        return []
    quote = Quote(passage, body[0], body[-1])
    is_short = len(quote.text.split()) <= _MAX_LEAD_IN_WORDS
    return [quote] if is_short and len(body) == body[-1] - body[0] + 1 else None


def _quote_openings(lead_in: list[Quote], steps: list[Section], store: FaissStore) -> list[Quote]:
    passages = [store.section_passages(step.path, step.anchor)[0][1] for step in steps]
    headings = [Quote(passage, 0, 0) for passage in passages if passage.sentences]
    whole = [_quote_opening(passage) for passage in passages if passage.sentences]
    for quotes in (lead_in + whole, whole, lead_in + headings):
        if count_words(quotes) <= MAX_WORDS:
            return quotes
    return headings


def _quote_opening(passage: Passage) -> Quote:
    """Quote a heading with its first sentence."""
    frame = find_furniture(passage)
    has_opening = len(passage.sentences) > 1 and 1 not in frame
    return Quote(passage, 0, 1 if has_opening else 0)
