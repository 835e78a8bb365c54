"""Quote what a code or an option means: the row, the item or the section that it names."""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING

from assistant.answering.entries import find_groups, quote_entries
from assistant.query.identifiers import find_identifiers
from assistant.text.tokenize import extract_terms, stem

if TYPE_CHECKING:
    from collections.abc import Sequence

    from assistant.answering.entries import Entry, EntryGroup
    from assistant.answering.quotes import Quote
    from assistant.index.store import FaissStore
    from assistant.models.answers import Hit
    from assistant.query.query import Question

_MAX_SECTIONS = 10  # how many sections with the code are searched for its row
_EDGES = " `\"'“”()[]*.,:;"
_TERM_END = re.compile(r"[:=(–—]|\s-|\.\s")
CODE_WORD_STEMS = frozenset(
    map(
        stem,
        "mean meaning code error alarm option flag setting parameter field status message number "
        "stand signify happen wrong problem fix cause reason default value valid type".split(),
    )
)
"""Stems of words that ask about any code, and that the row of a code need not contain."""


def quote_code(question: Question, hits: Sequence[Hit], store: FaissStore) -> list[Quote]:
    """Quote the row or item that is named by the code in a question, where nothing else is asked.

    Its first cell is the code, or an item begins with it. The other words of the question have to
    be in the entry, its header or the headings above it. Several codes are all quoted, or none.
    """
    codes = find_identifiers(question.text)
    quotes: list[Quote] = []
    for code in codes:
        match = _find_entry(code, codes, question, hits, store)
        if match is None:
            return []
        group, entry = match
        quotes += quote_entries(group, [entry])
    return quotes


def _find_entry(
    code: str, codes: Sequence[str], question: Question, hits: Sequence[Hit], store: FaissStore
) -> tuple[EntryGroup, Entry] | None:
    """Find the best entry of a code: the first one with the fewest other codes beside it.

    A row of several codes says how they belong together, and not what each of them means.
    """
    rest = set(extract_terms(question.text)) - CODE_WORD_STEMS
    rest -= {term for one in codes for term in extract_terms(one)}
    matches: list[tuple[EntryGroup, Entry]] = []
    sections = {
        (hit.passage.path, hit.passage.anchor): hit.passage.headings
        for hit in hits
        if code.casefold() in hit.passage.text.casefold()
    }
    for (path, anchor), headings in itertools.islice(sections.items(), _MAX_SECTIONS):
        passages = [passage for _, passage in store.section_passages(path, anchor)]
        for group in find_groups(passages):
            above = set(extract_terms(" ".join((*headings, *group.header))))
            matches += [
                (group, entry)
                for entry in group.entries
                if is_named(entry, code) and rest <= above | set(extract_terms(entry.text))
            ]
    return min(matches, key=lambda match: len(find_identifiers(match[1].text)), default=None)


def is_named(entry: Entry, code: str) -> bool:
    """Whether a code is the first cell of a row, or the term that an item explains."""
    name = entry.cells[0]
    if len(entry.cells) == 1:
        end = _TERM_END.search(name)
        name = name[: end.start()] if end else name
    return name.strip(_EDGES).casefold() == code.strip(_EDGES).casefold()
