"""Compare a guide with an index of it: which pages stay, and which must be read again."""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from assistant.errors import GuideError
from assistant.guide import walk
from assistant.guide.include_marks import find_family
from assistant.guide.includes import (
    ALL_LABELS,
    find_parts,
    inspect_page,
    mark_part,
    may_be_part,
)
from assistant.guide.labels import Labels
from assistant.guide.site import check_settings
from assistant.index.build_cache import FileRecord
from assistant.index.database import ReusedPages
from assistant.models.documents import GuideWarning, ParsedPage

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from assistant.guide.includes import Include
    from assistant.index.database import GuidePart


@dataclass(frozen=True, slots=True)
class GuideDiff:
    """The files of a guide, compared with the pages of an index.

    `paths` are all files in order, `changed` those that must be read, `parts` those that are parts
    of other pages and have no text of their own. `digests` are the sha256 of the index's pages, in
    order. `unreadable` are files that cannot be listed; `warnings` say what else in the folder is
    not read.
    """

    paths: tuple[str, ...]
    changed: tuple[str, ...]
    digests: Mapping[str, str]
    file_records: Mapping[str, FileRecord]
    unreadable: tuple[GuideWarning, ...]
    warnings: tuple[GuideWarning, ...]
    parts: frozenset[str] = frozenset()

    @property
    def is_change(self) -> bool:
        """Whether any page may differ, also where a changed file turns out to be unreadable."""
        return bool(self.changed) or list(self.digests) != list(self.paths)

    def from_nothing(self) -> GuideDiff:
        """Return the same guide compared with no index: every page must be read."""
        return replace(self, changed=self.paths, digests={})

    def assemble(self, pages: Sequence[ParsedPage | GuideWarning]) -> GuideParts:
        """Put the pages read, one for each of `changed`, between those that stay."""
        read = dict(zip(self.changed, pages, strict=True))
        records = dict(self.file_records)
        for path, page in read.items():
            if isinstance(page, GuideWarning):
                records.pop(path, None)
            elif path in records and path not in self.parts:
                records[path] = replace(records[path], sha256=page.page.sha256)
        unreadable = (page for page in pages if isinstance(page, GuideWarning))
        return GuideParts(
            paths=self.paths,
            parts=tuple(_group_parts(self.paths, self.digests, read)),
            unreadable=(*self.unreadable, *unreadable),
            warnings=self.warnings,
            file_records=records,
        )


@dataclass(frozen=True, slots=True)
class GuideParts:
    """A guide as reused pages and pages that were read, in order.

    `paths` are all its files, `unreadable` those that cannot be read, `file_records` the state of
    the others; `warnings` say what else in the folder is not read.
    """

    paths: tuple[str, ...]
    parts: tuple[GuidePart, ...]
    unreadable: tuple[GuideWarning, ...]
    warnings: tuple[GuideWarning, ...]
    file_records: Mapping[str, FileRecord]

    @property
    def pages(self) -> list[ParsedPage]:
        """The pages that were read."""
        return [part for part in self.parts if isinstance(part, ParsedPage)]


def diff_guide(
    folder: Path, digests: Mapping[str, str], file_records: Mapping[str, FileRecord]
) -> GuideDiff:
    """Compare every file of a guide with the pages of an index.

    `digests` are the sha256 of the index's pages by path, in order; `file_records` are the state of
    the files when they were last checked. Raises GuideError if there is no folder.
    """
    listed = walk.list_files(folder)
    inspection = _Inspection(folder, file_records, rechecks_labels=True)
    for path in listed.paths:
        inspection.inspect(path, reads=path in digests or find_family(path) is not None)
    parts = inspection.find_parts(listed.paths)
    return GuideDiff(
        paths=listed.paths,
        changed=tuple(
            path for path in listed.paths if inspection.digest(path, parts) != digests.get(path)
        ),
        digests=digests,
        file_records=inspection.records,
        parts=parts,
        unreadable=listed.unreadable,
        warnings=(
            *(warning for warning in listed.warnings if not warning.unreadable),
            *check_settings(folder),
        ),
    )


@dataclass(frozen=True, slots=True)
class ChangeCounts:
    """How many pages of a guide differ from its index.

    `file_records` make the next comparison cheap. `unchecked` counts the pages that were not
    compared because `max_reads` was reached, `unlistable` the pages of the index whose folder
    cannot be listed now.
    """

    edited: int
    added: int
    deleted: int
    file_records: dict[str, FileRecord]
    unchecked: int = 0
    unlistable: int = 0

    @property
    def pages(self) -> int:
        """The number of pages that differ."""
        return self.edited + self.added + self.deleted

    def __str__(self) -> str:
        """Describe the difference in one sentence; empty if there is none."""
        if not self.pages:
            return ""
        counts = {"edited": self.edited, "added": self.added, "deleted": self.deleted}
        kinds = ", ".join(f"{count:,} {kind}" for kind, count in counts.items() if count)
        noun = "page" if self.pages == 1 else "pages"
        return f"{self.pages:,} {noun} changed since this index was built ({kinds})."


def count_changes(
    folder: Path,
    digests: Mapping[str, str],
    *,
    unreadable: Collection[str],
    file_records: Mapping[str, FileRecord],
    max_reads: int = sys.maxsize,
) -> ChangeCounts:
    """Count the pages of a guide that differ from its index, by stat where that is certain.

    `digests` are the sha256 of the index's pages, `unreadable` the files that its build could not
    read, and `file_records` the state of the files when they were last checked. At most `max_reads`
    files are read. A file that cannot be read does not count. Raises GuideError if there is no
    folder.
    """
    listed = walk.list_files(folder)
    if "" in listed.unlisted_folders:
        raise GuideError(f"{folder} cannot be read.", "Let the user who serves read it.")
    inspection = _Inspection(folder, file_records)
    may_have_parts = any(map(may_be_part, listed.paths))
    added = unchecked = 0
    compared: list[str] = []
    for path in listed.paths:
        if path not in digests:
            added += walk.printable_path(path) not in unreadable
            if not may_have_parts or find_family(path) is None:
                continue
        record = inspection.inspect(path, reads=max_reads > 0)
        if record is None:
            continue
        if not record.sha256:
            unchecked += 1
            continue
        max_reads -= record is not file_records.get(path)
        if path in digests:
            compared.append(path)
    parts = inspection.find_parts(listed.paths)
    edited = sum(inspection.digest(path, parts) != digests[path] for path in compared)
    paths = set(listed.paths)
    missing = [path for path in digests if path not in paths]
    unlisted = tuple(f"{inside}/".lstrip("/") for inside in listed.unlisted_folders)
    unlistable = sum(bool(unlisted) and path.startswith(unlisted) for path in missing)
    deleted = len(missing) - unlistable
    return ChangeCounts(edited, added, deleted, inspection.records, unchecked, unlistable)


class _Inspection:
    """Describes the files of a guide at one moment: each is checked once.

    A page stays unchanged only if every file that it includes, or looked for, does. So a file that
    two pages include is compared, for both, with its record of the time when they were read. Labels
    of the guide are read, and count, if `rechecks_labels`: that opens every file.
    """

    def __init__(
        self, folder: Path, before: Mapping[str, FileRecord], *, rechecks_labels: bool = False
    ) -> None:
        self._folder = folder
        self._labels = Labels(folder)
        self._rechecks_labels = rechecks_labels
        self._before = before
        self._checks: dict[str, tuple[int, os.stat_result | None]] = {}
        self.records: dict[str, FileRecord] = {}

    def inspect(self, path: str, *, reads: bool) -> FileRecord | None:
        """Describe a page, with its digest if it is unchanged or `reads`; None if it is missing."""
        checked_ns, stat = self._check(path)
        before = self._before.get(path)
        if stat is None:
            return None
        if before and before.sha256 and self._is_unchanged(path) and self._are_unchanged(before):
            record = before
        else:
            digest = ""
            includes: tuple[Include, ...] = ()
            if reads:
                try:
                    digest, includes = inspect_page(self._folder, path, self._labels)
                except (OSError, ValueError):
                    return None
            record = FileRecord(
                stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, checked_ns, digest, includes
            )
        self.records[path] = record
        for include in record.includes:
            if include.path not in self.records:
                self.records[include.path] = self._describe(include.path)
        return record

    def digest(self, path: str, parts: Collection[str]) -> str:
        """Return the digest that an index of the guide has for a page; empty if unknown."""
        record = self.records.get(path)
        if record is None or not record.sha256:
            return ""
        return mark_part(record.sha256) if path in parts else record.sha256

    def find_parts(self, paths: Iterable[str]) -> frozenset[str]:
        """Return the pages that are parts of others."""
        return find_parts({p: self.records[p].includes for p in paths if p in self.records})

    def _are_unchanged(self, page: FileRecord) -> bool:
        return all(self._is_unchanged(include.path) for include in page.includes)

    def _is_unchanged(self, path: str) -> bool:
        before = self._before.get(path)
        if before is None:
            return False
        if path == ALL_LABELS:
            return not self._rechecks_labels or before.sha256 == self._labels.digest()
        return before.is_unchanged(self._check(path)[1])

    def _describe(self, path: str) -> FileRecord:
        """Describe a file that a page includes, or looked for, without a digest."""
        checked_ns, stat = self._check(path)
        if self._is_unchanged(path):
            return self._before[path]
        if path == ALL_LABELS:
            return FileRecord(-1, 0, 0, checked_ns, self._labels.digest())
        if stat is None:
            return FileRecord(-1, 0, 0, checked_ns, "")
        return FileRecord(stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, checked_ns, "")

    def _check(self, path: str) -> tuple[int, os.stat_result | None]:
        """Return the stat of a file, None if it is missing, and the time before the check."""
        if path not in self._checks:
            now = time.time_ns()  # before the check, so that every later change has a later time
            try:
                stat = os.stat(f"{self._folder}/{path}")  # noqa: PTH116 - 30,000 of them
            except (OSError, ValueError):
                stat = None
            self._checks[path] = now, stat
        return self._checks[path]


def _group_parts(
    paths: Iterable[str],
    digests: Mapping[str, str],
    read: Mapping[str, ParsedPage | GuideWarning],
) -> Iterator[GuidePart]:
    """Put the guide in order, neighbouring pages that stay as one part."""
    numbers = {path: number for number, path in enumerate(digests)}
    start = end = 0
    for path in paths:
        if path not in read:
            number = numbers[path]
            if end != number or start == end:
                if start < end:
                    yield ReusedPages(start, end)
                start = number
            end = number + 1
            continue
        page = read[path]
        if isinstance(page, ParsedPage):
            if start < end:
                yield ReusedPages(start, end)
            start = end = 0
            yield page
    if start < end:
        yield ReusedPages(start, end)
