"""Whether an index still is what its guide says: the guide's files compared with it.

Reads files and never writes one, so that it holds where the index is read only.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from assistant.errors import GuideError
from assistant.index import diff, generations
from assistant.index.build_cache import read_file_records

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from assistant.index.build_cache import FileRecord
    from assistant.index.diff import ChangeCounts
    from assistant.index.index import Index
    from assistant.settings import Settings

MAX_PAGES_COMPARED = 2_000
"""Pages up to which opening an index compares it with its guide: some 25 ms on one core."""

_MAX_READS = 20  # files that may be read for that; the others are told by their stat

STALE_HINT = f"{generations.REBUILD_HINT}, or serve with --watch."


class FreshnessChecker:
    """A guide compared with its index again and again, from the second time on by stat alone.

    The first time it starts from what the build remembered of the files. For one thread.
    """

    def __init__(
        self, corpus: Path, folder: Path, file_records: Mapping[str, FileRecord] | None = None
    ) -> None:
        """`seen` is how files were; without it, the cache in the index's folder says so."""
        self._corpus = corpus
        self._folder = folder
        self._seen = file_records
        self._generation = ""
        self._digests: dict[str, str] = {}
        self._unread: frozenset[str] = frozenset()

    def compare(self, index: Index, *, max_reads: int = sys.maxsize) -> ChangeCounts:
        """How the guide differs from an index of it; at most `most_read` files are read to tell.

        Raises GuideError where the guide's folder is not there.
        """
        if self._seen is None:
            guide, files = read_file_records(self._folder)
            self._seen = files if guide == self._corpus.resolve() else {}
        if self._generation != index.generation:  # once, for questions ask the same database
            self._digests = index.store.page_digests()
            unread = (oddity.path for oddity in index.store.guide_warnings() if oddity.unreadable)
            self._unread = frozenset(unread)
            self._generation = index.generation
        found = diff.count_changes(
            self._corpus,
            self._digests,
            unreadable=self._unread,
            file_records=self._seen,
            max_reads=max_reads,
        )
        self._seen = found.file_records
        return found


def find_guide(chosen: Settings) -> Path | None:
    """The guide to compare an index with: the one it was built from, where that is here.

    Else it is the one that the settings name. None where neither is: an index may be used on a
    machine that its guide was never on.
    """
    return _find_guide_and_records(chosen)[0]


def describe_staleness(index: Index, chosen: Settings) -> str:
    """What to say of an index that is opened once, where its guide has changed; mostly nothing.

    Nothing is said where it would take long to tell: of a guide of more than `MOST_COMPARED`
    pages, and where many files are not as the build remembers them, as in a copy.
    """
    if index.manifest.pages > MAX_PAGES_COMPARED:
        return ""
    corpus, seen = _find_guide_and_records(chosen)
    if corpus is None:
        return ""
    try:
        found = FreshnessChecker(corpus, chosen.index, seen).compare(index, max_reads=_MAX_READS)
    except GuideError:  # gone since it was looked for
        return ""
    return f"{found} {STALE_HINT}" if found.pages and not found.unchecked else ""


def _find_guide_and_records(chosen: Settings) -> tuple[Path | None, dict[str, FileRecord]]:
    """The guide to compare an index with, and how its files were."""
    built_from, seen = read_file_records(chosen.index)
    if built_from is not None and built_from.is_dir():
        return built_from, seen
    named = "corpus" in chosen.model_fields_set and chosen.corpus.is_dir()
    return (chosen.corpus if named else None), {}
