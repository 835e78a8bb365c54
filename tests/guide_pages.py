"""Looking at a guide that was read: its sections and passages, and what holds of every guide."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from assistant.models.documents import Guide, Section

KITCHEN = Path(__file__).parent / "guides" / "kitchen"
"""A small guide with everything in it."""


def anchors(guide: Guide) -> list[str]:
    return [section.anchor for section in guide.sections]


def paths(guide: Guide) -> list[tuple[str, ...]]:
    return [section.headings for section in guide.sections]


def section(guide: Guide, anchor: str) -> Section:
    (only,) = (section for section in guide.sections if section.anchor == anchor)
    return only


def texts(guide: Guide, anchor: str) -> list[str]:
    return [passage.text for passage in guide.passages if passage.anchor == anchor]


def check_guide(guide: Guide) -> None:
    """Assert what holds of every guide."""
    ids = [passage.id for passage in guide.passages]
    assert len(set(ids)) == len(ids)
    sources = {page.path: page.text.split("\n") for page in guide.pages}
    sections = {(s.path, s.anchor): s for s in guide.sections}
    assert len(sections) == len(guide.sections)
    for passage in guide.passages:
        owner = sections[passage.path, passage.anchor]
        assert (passage.headings, passage.url) == (owner.headings, owner.url)
        assert re.fullmatch(re.escape(f"{passage.path}#{passage.anchor}/") + r"\d+", passage.id)
        assert passage.sentences
        for sentence in passage.sentences:
            text = passage.slice(sentence)
            assert text
            assert sentence.kind == "code" or text == text.strip()
            first, last = sentence.lines
            assert owner.lines[0] <= first <= last <= owner.lines[1]
    for each in guide.sections:
        assert 1 <= each.lines[0] <= each.lines[1] <= max(1, len(sources[each.path]))
        assert each.headings
        assert all(each.headings)
    for resource in guide.resources:
        assert resource.title
        assert not resource.url.startswith("#")
        assert re.match(r"https?://|[^:]*$|[^:/?#]*[/?#]", resource.url, re.I)
