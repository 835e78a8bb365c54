"""Check whether an index is up to date, by comparing the guide's files with it.

Writes nothing, so that the index may be read-only.
"""

from __future__ import annotations

import os
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
"""An index with at most this many pages is compared with its guide when it is opened.

It takes 25 ms on one core.
"""

_MAX_READS = 20  # the most files read for that comparison; the others are compared by stat

STALE_HINT = f"{generations.REBUILD_HINT}, or serve with --watch."


class FreshnessChecker:
    """Compares a guide with its index repeatedly, from the second time on by stat alone.

    The first time it uses the file records of the build. For one thread.
    """

    def __init__(
        self, corpus: Path, folder: Path, file_records: Mapping[str, FileRecord] | None = None
    ) -> None:
        """Without `file_records`, those in the build cache of the index's folder are used."""
        self._corpus = corpus
        self._folder = folder
        self._records = file_records
        self._generation = ""
        self._digests: dict[str, str] = {}
        self._unreadable: frozenset[str] = frozenset()

    def compare(self, index: Index, *, max_reads: int = sys.maxsize) -> ChangeCounts:
        """Count the pages that differ from the index; read at most `max_reads` files for it.

        Raises GuideError if the guide's folder does not exist.
        """
        if self._records is None:
            guide, records = read_file_records(self._folder)
            self._records = records if guide == self._corpus.resolve() else {}
        if self._generation != index.generation:  # once, since answers use the same database
            self._digests = index.store.page_digests()
            warnings = index.store.guide_warnings()
            self._unreadable = frozenset(w.path for w in warnings if w.unreadable)
            self._generation = index.generation
        changes = diff.count_changes(
            self._corpus,
            self._digests,
            unreadable=self._unreadable,
            file_records=self._records,
            max_reads=max_reads,
        )
        self._records = changes.file_records
        return changes


def find_guide(settings: Settings) -> Path | None:
    """Find the guide to compare an index with: the one it was built from, if it exists here.

    Otherwise it is the guide that the settings name. None if neither exists: the index may be used
    on a machine that does not have the guide.
    """
    return _find_guide_and_records(settings)[0]


def describe_staleness(index: Index, settings: Settings) -> str:
    """Describe how the guide has changed since an index was built; empty if it has not.

    Also empty where the check would take long: for more than MAX_PAGES_COMPARED pages, and where
    many files differ from the records of the build, as in a copy of the guide.
    """
    if index.manifest.pages > MAX_PAGES_COMPARED:
        return ""
    corpus, records = _find_guide_and_records(settings)
    if corpus is None:
        return ""
    try:
        checker = FreshnessChecker(corpus, settings.index, records)
        changes = checker.compare(index, max_reads=_MAX_READS)
    except GuideError:  # removed a moment ago
        return ""
    return f"{changes} {STALE_HINT}" if changes.pages and not changes.unchecked else ""


def _find_guide_and_records(settings: Settings) -> tuple[Path | None, dict[str, FileRecord]]:
    """Find the guide to compare an index with, and the records of its files."""
    built_from, records = read_file_records(settings.index)
    if built_from is not None and os.path.isdir(built_from):  # noqa: PTH112 - Path's own may raise
        return built_from, records
    named = "corpus" in settings.model_fields_set and settings.corpus.is_dir()
    return (settings.corpus if named else None), {}
