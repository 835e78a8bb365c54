"""Quote what a version changed, and which version changed something, from a change log."""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING, NamedTuple

from assistant.answering.quotes import Quote, join_quotes
from assistant.answering.selection import MAX_WORDS
from assistant.query.question_type import find_version_request
from assistant.text.tokenize import extract_terms, stem

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from assistant.index.store import FaissStore
    from assistant.models.answers import Hit
    from assistant.models.documents import Passage

MAX_PAGES = 10
_MIN_VERSIONS = 2  # a page with fewer versions in its headings is no change log
_MAX_CHANGES = 3  # more places that match are not what is asked for
_CHANGE_LOG = re.compile(r"change|release|history|news|version|upgrad", re.I)
# A heading such as "2.3 Claims" is numbered, and no version.
_HEADING = re.compile(
    r"(?:[^\s\d]\S{0,30} ){0,4}?[\[(]?(?:(?:v\.? ?|version |release )(?P<short>\d{1,4})|"
    r"v?(?P<long>\d{1,4}(?:\.\d{1,4}){1,3}))[\])]?\s*(?:$|[-–—:(/,]|\d{4}|\w+ \d)",
    re.I,
)
_VERSION = re.compile(r"\bv?\d[\d.]*", re.I)
_DATE = re.compile(r"\b(?:19|20)\d\d\b")
_VERBS = tuple(
    frozenset(map(stem, verbs.split()))
    for verbs in (
        "add added new introduce introduced support supported appear appeared feature features",
        "remove removed drop dropped delete deleted",
        "deprecate deprecated deprecations",
        "fix fixed fixes mended repaired",
        "rename renamed",
    )
)
"""Verbs of change logs; those of one set mean the same."""

_REQUEST_WORDS = frozenset(
    stem(word)
    for word in "version versions release released releases latest newest last recent current "
    "update change changes changed log notes new news come came out list different".split()
) | frozenset().union(*_VERBS)


class Change(NamedTuple):
    """A line of a change log, with the version that it is under.

    `heading` is the passage that opens with the heading of the version.
    """

    version: str
    heading: Passage
    passage: Passage
    first: int
    last: int

    @property
    def text(self) -> str:
        """The line with the heading above it, such as "Added"."""
        sentences = self.passage.sentences
        line = self.passage.text[sentences[self.first].start : sentences[self.last].end]
        is_below = self.passage.headings != self.heading.headings
        return f"{self.passage.heading}: {line}" if is_below else line


def quote_versions(text: str, hits: Sequence[Hit], store: FaissStore) -> list[Quote] | None:
    """Quote the changes of a version, or the version of a change.

    Empty where the guide has a change log without the version that is named. None where the
    question asks for neither, or where the guide has no change log or no such change.
    """
    request = find_version_request(text)
    if request is None:
        return None
    changes = list(_read_change_logs(hits, store))
    if not changes:
        return None
    topic = set(extract_terms(_VERSION.sub(" ", text) if request.version else text))
    topic -= _REQUEST_WORDS
    if request.version:
        changes = _select_version(request.version, changes)
    if not changes:
        return []
    if request.asks_when and not topic:
        return _quote_date(changes)
    if topic:
        changes = [change for change in changes if topic <= set(extract_terms(change.text))]
        changes = _prefer_verbs(text, changes)
        is_clear = 0 < len(changes) <= _MAX_CHANGES
        return _quote_changes(changes) if is_clear else [] if request.version else None
    return _quote_changes(changes)


def parse_version(heading: str) -> str:
    """Return the version in a heading; empty where there is none."""
    match = _HEADING.match(heading)
    return next(filter(None, match.groups()), "") if match else ""


def _read_change_logs(hits: Sequence[Hit], store: FaissStore) -> Iterator[Change]:
    """Read the lines of the change logs among the pages of the hits, and of those named so."""
    named = (path for path in store.page_paths() if _CHANGE_LOG.search(path))
    paths = dict.fromkeys([*(hit.passage.path for hit in hits), *named])
    pages = 0
    for path in paths:
        sections = store.sections(path)
        versions = {version for s in sections if (version := parse_version(s.headings[-1]))}
        if len(versions) >= _MIN_VERSIONS and pages < MAX_PAGES:
            pages += 1
            yield from _read_changes(store.page_passages(path))


def _read_changes(passages: Iterable[Passage]) -> Iterator[Change]:
    opening: dict[tuple[str, ...], Passage] = {}
    for passage in passages:
        opening.setdefault(passage.headings, passage)
        levels = range(len(passage.headings), 0, -1)
        above = (passage.headings[:n] for n in levels if parse_version(passage.headings[n - 1]))
        place = next(above, None)
        if place is None or place not in opening:
            continue
        version = parse_version(place[-1])
        sentences = passage.sentences
        lines = itertools.groupby(
            range(len(sentences)), key=lambda n: (sentences[n].kind, sentences[n].lines)
        )
        for (kind, _), numbers in lines:
            own = list(numbers)
            if kind != "heading":
                yield Change(version, opening[place], passage, own[0], own[-1])


def _select_version(version: str, changes: Sequence[Change]) -> list[Change]:
    """Select the changes of a version; of 2.3, those of 2.3.1 only where 2.3.0 has none."""
    if version == "latest":
        newest = max(_parse_parts(change.version) for change in changes)
        return [change for change in changes if _parse_parts(change.version) == newest]
    parts = _parse_parts(version)
    same = [change for change in changes if _parse_parts(change.version) == parts]
    written = tuple(map(int, version.split(".")))
    return same or [
        change
        for change in changes
        if tuple(map(int, change.version.split(".")))[: len(written)] == written
    ]


def _parse_parts(version: str) -> tuple[int, ...]:
    """Return the numbers of a version, without the zeros at its end."""
    parts = [int(part) for part in version.split(".")]
    while len(parts) > 1 and not parts[-1]:
        parts.pop()
    return tuple(parts)


def _prefer_verbs(text: str, changes: Sequence[Change]) -> list[Change]:
    """Prefer the changes with the verb of the question, and leave out those with another one."""
    wanted = [verbs for verbs in _VERBS if verbs & set(extract_terms(text))]
    terms = [set(extract_terms(change.text)) for change in changes]
    pairs = list(zip(changes, terms, strict=True))
    same = [change for change, own in pairs if any(own & verbs for verbs in wanted)]
    if same or not wanted:
        return same or list(changes)
    return [change for change, own in pairs if not any(own & verbs for verbs in _VERBS)]


def _quote_date(changes: Sequence[Change]) -> list[Quote]:
    """Quote the heading of a version that has a date, else the first line with one."""
    for change in changes:
        if _DATE.search(change.heading.heading):
            return [Quote(change.heading, 0, 0)]
        if _DATE.search(change.text):
            return [Quote(change.heading, 0, 0), Quote(change.passage, change.first, change.last)]
    return []


def _quote_changes(changes: Sequence[Change]) -> list[Quote]:
    """Quote changes, each under the heading of its version, in at most MAX_WORDS words."""
    quotes: list[Quote] = []
    words = 0
    for change in changes:
        added = [Quote(change.heading, 0, 0)]
        if change.passage.headings != change.heading.headings:
            opens = change.passage.sentences[0].kind == "heading"
            added += [Quote(change.passage, 0, 0)] if opens else []
        added.append(Quote(change.passage, change.first, change.last))
        new = [quote for quote in added if not any(_covers(one, quote) for one in quotes)]
        words += sum(len(quote.text.split()) for quote in new)
        if quotes and words > MAX_WORDS:
            break
        for quote in new:
            _append(quotes, quote)
    return join_quotes(quotes)


def _covers(one: Quote, other: Quote) -> bool:
    same = one.passage is other.passage
    return same and one.first <= other.first and other.last <= one.last


def _append(quotes: list[Quote], quote: Quote) -> None:
    """Append a quote; one that goes on where the last one ends becomes part of it."""
    if quotes and quotes[-1].passage is quote.passage and quotes[-1].last + 1 == quote.first:
        quotes[-1] = Quote(quote.passage, quotes[-1].first, quote.last)
    else:
        quotes.append(quote)
