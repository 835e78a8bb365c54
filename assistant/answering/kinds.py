"""The kinds of a thing, where each kind is a section of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from assistant.answering.quotes import Quote
from assistant.query.question_type import KIND_STEMS
from assistant.text.tokenize import extract_terms, split_words

if TYPE_CHECKING:
    from collections.abc import Iterable

    from assistant.index.store import FaissStore
    from assistant.models.answers import Hit
    from assistant.models.documents import Passage, Section
    from assistant.query.query import Question


def quote_kinds(question: Question, hits: Iterable[Hit], store: FaissStore) -> list[Quote]:
    """Quote a list whose items are sections: each heading with its first sentence."""
    return [
        Quote(passage, 0, min(1, len(passage.sentences) - 1))
        for _, passage in find_kind_sections(question, hits, store)
        if passage.sentences and passage.sentences[0].kind == "heading"
    ]


def find_kind_sections(
    question: Question, hits: Iterable[Hit], store: FaissStore
) -> list[tuple[int, Passage]]:
    """Find the section on the kinds of a thing; return its sub-sections' first passages, by number.

    Looks among the best hits and the sections above them. The heading of that section contains
    a word for kinds ("types of …"). Or it names the thing in the same words as the question,
    and the question asks for nothing else about the thing.
    """
    subject = question.subjects[0]
    subject_terms, subject_words = set(extract_terms(subject)), set(split_words(subject))
    if not subject_terms:  # "what kinds of things are there?"
        return []
    is_plain = set(extract_terms(question.text)) <= subject_terms | KIND_STEMS
    matches: list[tuple[bool, list[Section]]] = []
    for hit in hits:
        for headings in (hit.passage.headings, hit.passage.headings[:-1]):
            heading = " ".join(headings[-1:])
            terms = set(extract_terms(heading))
            names_kinds = bool(terms & KIND_STEMS)
            is_same = is_plain and subject_words <= set(split_words(heading))
            if not subject_terms <= terms or not (names_kinds or is_same):
                continue
            below = find_subsections(store.sections(hit.passage.path), headings)
            if len(below) > 1:
                matches.append((names_kinds, below))
    if not matches:
        return []
    _, below = max(matches, key=lambda match: match[0])
    return [store.section_passages(section.path, section.anchor)[0] for section in below]


def find_subsections(sections: Iterable[Section], headings: tuple[str, ...]) -> list[Section]:
    """Find the sections of a page that are directly under a heading, in order."""
    return [section for section in sections if section.headings[:-1] == headings]
