"""Tell by its path and headings which version or year of a thing a passage is about."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from assistant.query.identifiers import find_versions, find_years

if TYPE_CHECKING:
    from collections.abc import Sequence

    from assistant.models.answers import Hit
    from assistant.models.documents import Passage


def is_of_other_version(passage: Passage, versions: Sequence[str]) -> bool:
    """Whether the path and headings of a passage name other versions or years than these."""
    address = " ".join((passage.path, *passage.headings))
    named = {*find_versions(address), *find_years(address)}
    return bool(named) and named.isdisjoint(versions)


def rank_by_version(hits: Sequence[Hit], versions: Sequence[str]) -> tuple[Hit, ...]:
    """Rank the passages of other versions than a question names behind all others."""
    if not versions:
        return tuple(hits)
    order = sorted(hits, key=lambda hit: is_of_other_version(hit.passage, versions))
    return keep_probabilities(order, hits)


def keep_probabilities(order: Sequence[Hit], hits: Sequence[Hit]) -> tuple[Hit, ...]:
    """Give hits in a new order the ranks and probabilities of the old one, the highest first."""
    return tuple(
        replace(hit, rank=old.rank, probability=old.probability)
        for hit, old in zip(order, hits, strict=True)
    )
