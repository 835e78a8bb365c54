"""Show what a guide covers, for a reader who has asked nothing yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from assistant.answering.furniture import is_furniture
from assistant.models.answers import Related

if TYPE_CHECKING:
    from assistant.answering.suggestions import QuestionSuggester
    from assistant.index.store import FaissStore

MAX_SECTIONS = 6
MAX_QUESTIONS = 3
_MAX_PAGES = 60
"""How many pages are read for their titles, spread over a large guide."""


def find_top_sections(store: FaissStore) -> list[Related]:
    """Find the sections at the top: the titles of pages, or the headings of a single page."""
    paths = store.page_paths()
    paths = paths[:: max(1, len(paths) // _MAX_PAGES)][:_MAX_PAGES]
    sections = [section for path in paths for section in store.sections(path)]
    for depth in (1, 2):
        tops = {
            section.headings: Related(section.path, section.headings, section.anchor, section.url)
            for section in sections
            if len(section.headings) == depth and not is_furniture(section.headings[-1])
        }
        if len(tops) > 1:
            break
    spread = list(tops.values())
    return spread[:: max(1, len(spread) // MAX_SECTIONS)][:MAX_SECTIONS]


def suggest_questions(store: FaissStore, suggester: QuestionSuggester) -> list[str]:
    """Suggest questions made from headings spread over the guide, then the headings themselves."""
    paths = store.page_paths()
    step = max(1, len(paths) // MAX_QUESTIONS)
    passages = [passage for path in paths[::step] for passage in store.page_passages(path)[1:6]]
    headings = [passage.headings[-1] for passage in passages if passage.body]
    plain = [heading for heading in headings if not is_furniture(heading)]
    return list(dict.fromkeys([*suggester.suggest(passages, (), len(passages)), *plain]))
