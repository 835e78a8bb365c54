"""Which pages of a guide changed since it was last read; those are read again, and no other.

Knows files, their stats and digests. Must not know what is made of a page once it is read.
"""

from __future__ import annotations

import hashlib
import os
import sys
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from assistant import files
from assistant.errors import GuideError
from assistant.guide import page as guides
from assistant.guide import walk as walks
from assistant.index.build_cache import FileRecord
from assistant.index.database import ReusedPages
from assistant.models.documents import GuideWarning, ParsedPage

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping
    from pathlib import Path

    from assistant.guide.publishers import ReadingOptions
    from assistant.index.database import GuidePart


@dataclass(frozen=True, slots=True)
class GuideDiff:
    """A guide as pages that stayed and pages that were read, in order.

    `paths` are all its files, `unread` those that cannot be read, `files` how each one is, and
    `skipped` what of the folder is not read by intention.
    """

    paths: tuple[str, ...]
    parts: tuple[GuidePart, ...]
    unreadable: tuple[GuideWarning, ...]
    file_records: dict[str, FileRecord]
    skipped: tuple[GuideWarning, ...] = ()

    @property
    def pages(self) -> list[ParsedPage]:
        """The pages that were read."""
        return [piece for piece in self.parts if isinstance(piece, ParsedPage)]


def diff_guide(
    folder: Path,
    digests: Mapping[str, str],
    *,
    reading_options: ReadingOptions,
    file_records: Mapping[str, FileRecord],
    progress: Callable[[int, int], None] | None = None,
) -> GuideDiff:
    """Look at every file of a guide and read those that are not as they were.

    `digests` are the sha256 of the pages there are, in order; `seen` how files were when last
    looked at. Raises GuideError where there is no folder.
    """
    listed = walks.list_files(folder)
    paths = listed.paths
    files = {
        path: found
        for path in paths
        if (found := _inspect_file(folder, path, digests, file_records))
    }
    changed = [
        path for path in paths if path not in files or files[path].sha256 != digests.get(path)
    ]
    read = guides.read_pages(folder, changed, reading_options=reading_options, progress=progress)
    for path, page in zip(changed, read, strict=True):
        if isinstance(page, GuideWarning):
            files.pop(path, None)
        elif path in files:
            files[path] = replace(files[path], sha256=page.page.sha256)
    unread = (*listed.unreadable, *(page for page in read if isinstance(page, GuideWarning)))
    pieces = tuple(_group_parts(paths, digests, dict(zip(changed, read, strict=True))))
    skipped = tuple(oddity for oddity in listed.warnings if not oddity.unreadable)
    return GuideDiff(paths, pieces, unread, files, skipped)


@dataclass(frozen=True, slots=True)
class ChangeCounts:
    """How many pages of a guide are not as its index has them, and how its files were seen to be.

    `files` makes the next comparison cheap. `unsure` counts pages that were not read to tell,
    `hidden` those of the index whose folder cannot be read now.
    """

    edited: int
    added: int
    deleted: int
    file_records: dict[str, FileRecord]
    unchecked: int = 0
    unlistable: int = 0

    @property
    def pages(self) -> int:
        """How many pages differ."""
        return self.edited + self.added + self.deleted

    def __str__(self) -> str:
        """What differs, as one sentence; empty where nothing does."""
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
    """Compare a guide with its index, by stat where that tells, else by the files' digests.

    `digests` are the sha256 of the index's pages, `unread` the files it could not read, `seen`
    how files were when last looked at. At most `most_read` files are read. Nothing is said of
    files that cannot be looked at. Raises GuideError where there is no folder.
    """
    listed = walks.list_files(folder)
    if "" in listed.unlisted_folders:
        raise GuideError(f"{folder} cannot be read.", "Let the user who serves read it.")
    files: dict[str, FileRecord] = {}
    edited = added = unsure = 0
    for path in listed.paths:
        if path not in digests:
            added += walks.printable_path(path) not in unreadable
            continue
        found = _inspect_file(folder, path, digests if max_reads else {}, file_records)
        if found is None:
            continue
        if not found.sha256:
            unsure += 1
            continue
        max_reads -= found is not file_records.get(path)
        files[path] = found
        edited += found.sha256 != digests[path]
    paths, hidden = (
        set(listed.paths),
        tuple(f"{inside}/".lstrip("/") for inside in listed.unlisted_folders),
    )
    gone = [path for path in digests if path not in paths]
    kept = sum(bool(hidden) and path.startswith(hidden) for path in gone)
    return ChangeCounts(edited, added, len(gone) - kept, files, unsure, kept)


def _inspect_file(
    folder: Path, path: str, digests: Mapping[str, str], file_records: Mapping[str, FileRecord]
) -> FileRecord | None:
    """How a file is now, with its digest if there is one to compare; None where it is gone."""
    now = time.time_ns()  # before the file is looked at: what changes later is later than this
    try:
        stat = os.stat(f"{folder}/{path}")  # noqa: PTH116 - 30,000 of them
        before = file_records.get(path)
        if before and before.is_unchanged(stat):
            return before
        digest = ""
        if path in digests:
            with files.open_regular(folder / path) as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        return FileRecord(stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, now, digest)
    except (OSError, ValueError):
        return None


def _group_parts(
    paths: Iterable[str],
    digests: Mapping[str, str],
    read: Mapping[str, ParsedPage | GuideWarning],
) -> Iterable[GuidePart]:
    """The guide in order, neighbours that stayed as one piece."""
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
        if start < end:
            yield ReusedPages(start, end)
        start = end = 0
        page = read[path]
        if isinstance(page, ParsedPage):
            yield page
    if start < end:
        yield ReusedPages(start, end)
