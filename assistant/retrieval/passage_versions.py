"""Tell by its path and headings which version or year of a thing a passage is about."""

from __future__ import annotations

from typing import TYPE_CHECKING

from assistant.query.identifiers import find_versions, find_years
from assistant.retrieval.ranker import reorder_hits

if TYPE_CHECKING:
    from collections.abc import Sequence

    from assistant.models.answers import Hit
    from assistant.models.documents import Passage


def is_of_other_version(passage: Passage, versions: Sequence[str]) -> bool:
    """Whether the path and headings of a passage name versions or years, and none of these.

    False for a question that names no version.
    """
    if not versions:
        return False
    address = " ".join((passage.path, *passage.headings))
    named = {*find_versions(address), *find_years(address)}
    return bool(named) and named.isdisjoint(versions)


def rank_by_version(hits: Sequence[Hit], versions: Sequence[str]) -> tuple[Hit, ...]:
    """Rank the passages of other versions than a question names behind all others."""
    return reorder_hits(
        sorted(hits, key=lambda hit: is_of_other_version(hit.passage, versions)), hits
    )
