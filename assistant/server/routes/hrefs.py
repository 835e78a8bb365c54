"""Add to answers and hits, as JSON types, the addresses that a browser opens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from assistant.render import urls

if TYPE_CHECKING:
    from assistant.index.store import FaissStore
    from assistant.models.answers import Answer, Search


def answer_to_dict(answer: Answer, store: FaissStore, root: str) -> dict[str, Any]:
    """Return an answer with an `href` in each citation, resource and related section."""
    data = answer.to_dict()
    for citation, record in zip(answer.citations, data["citations"], strict=True):
        record["href"] = urls.citation_url(citation, root)
    for resource, record in zip(answer.resources, data["resources"], strict=True):
        record["href"] = urls.resource_url(resource, store, root)
    for section, record in zip(answer.related, data["related"], strict=True):
        record["href"] = urls.section_url(section.path, section.anchor, section.url, root)
    return data


def search_to_dict(search: Search, root: str) -> dict[str, Any]:
    """Return a search with an `href` in each hit."""
    data = search.to_dict()
    for hit, record in zip(search.hits, data["hits"], strict=True):
        passage = hit.passage
        record["href"] = urls.section_url(passage.path, passage.anchor, passage.url, root)
    return data
