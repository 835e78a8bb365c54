"""Follow sections that only point to another one: "See Travel policy"."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from assistant.answering.furniture import find_furniture
from assistant.answering.quotes import body_positions
from assistant.answering.sections import Target
from assistant.guide.links import is_internal, split_address
from assistant.guide.publishers import slugify
from assistant.text.tokenize import extract_terms

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    from assistant.encoders.base import Vectors
    from assistant.index.store import FaissStore
    from assistant.models.documents import Markup, Passage

    ResolvePath = Callable[[str, str], str | None]

_MAX_SENTENCES = 3
_MAX_LINKS = 3  # of a longer list of links, those that name what is asked for are followed
_POINTS = re.compile(
    r"\b(?:see|refer|consult|read|visit|check|follow|described|documented|listed|covered|explained|"
    r"found|available|moved|instead|obsolete|replaced|related|details|more information|go to)\b",
    re.I,
)
_MIN_LINK_SHARE = 0.5  # a sentence of which this much is a link says nothing else


def follow_pointers(
    targets: Sequence[Target],
    terms: Collection[str],
    vector: Vectors,
    store: FaissStore,
    resolve: ResolvePath,
) -> list[Target]:
    """Replace the best section by those that it points to, where it does nothing else.

    `terms` are those of the question: they choose among many links, and `vector` among the sections
    of a page. `resolve` returns the path of the page that an address on a page means. A section
    whose links lead out of the guide stays.
    """
    if not targets:
        return []
    first, *others = targets
    section = store.section_passages(first.passage.path, first.passage.anchor)
    pointed = []
    for link, path in _choose_links([own for _, own in section], terms, resolve):
        place = _find_passage(path, link.url, vector, store)
        own = (first.passage.path, first.passage.anchor)
        if place and (place[1].path, place[1].anchor) != own:
            pointed.append(Target(place[0], place[1], first.probability))
    if not pointed:
        return list(targets)
    places = {(target.passage.path, target.passage.anchor) for target in pointed}
    rest = [t for t in others if (t.passage.path, t.passage.anchor) not in places]
    return [*pointed, *rest]


def _choose_links(
    passages: Iterable[Passage], terms: Collection[str], resolve: ResolvePath
) -> list[tuple[Markup, str]]:
    """Return the links of a section to pages of the guide, where all of it only points there."""
    links: list[tuple[Markup, str, str]] = []
    count = 0
    for passage in passages:
        frame = find_furniture(passage)
        for n in body_positions(passage):
            if n in frame:
                continue
            sentence = passage.sentences[n]
            own = [li for li in passage.links if sentence.start <= li.start < sentence.end]
            text = passage.slice(sentence)
            is_item = sentence.kind == "item"
            count += not is_item
            if sentence.kind == "code" or not _only_points(text, own) or count > _MAX_SENTENCES:
                return []
            for link in own:
                path = resolve(passage.path, link.url) if is_internal(link.url) else None
                if path:
                    links.append((link, path, text))
    if len(links) > _MAX_LINKS:
        wanted = set(terms)
        scores = [len(wanted & set(extract_terms(text))) for _, _, text in links]
        best = max(scores)
        links = [own for own, s in zip(links, scores, strict=True) if best and s == best]
    return [(link, path) for link, path, _ in links[:_MAX_LINKS]]


def _only_points(text: str, links: Sequence[Markup]) -> bool:
    if not links:
        return False
    linked = sum(link.end - link.start for link in links)
    return linked >= _MIN_LINK_SHARE * len(text) or bool(_POINTS.search(text))


def _find_passage(
    path: str, address: str, vector: Vectors, store: FaissStore
) -> tuple[int, Passage] | None:
    """Find the section that an address means; of a whole page, the passage nearest to a vector."""
    anchor = split_address(address)[1].rpartition("#")[2]
    sections = store.sections(path)
    names = {anchor.casefold(), slugify(anchor)} - {""}
    for section in sections:
        if section.anchor.casefold() in names:
            return store.section_passages(path, section.anchor)[0]
    numbered = [
        (number, passage)
        for section in sections
        for number, passage in store.section_passages(path, section.anchor)
        if body_positions(passage)
    ]
    if not numbered:
        return None
    cosines = store.cosines(vector, [number for number, _ in numbered]).tolist()
    return max(zip(cosines, numbered, strict=True), key=lambda pair: (pair[0], -pair[1][0]))[1]
