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
from assistant.index.build_cache import Seen
from assistant.index.database import Kept
from assistant.models.documents import Oddity, PageRead

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping
    from pathlib import Path

    from assistant.guide.publishers import Reading
    from assistant.index.database import Piece


@dataclass(frozen=True, slots=True)
class Changes:
    """A guide as pages that stayed and pages that were read, in order.

    `paths` are all its files, `unread` those that cannot be read, `files` how each one is, and
    `skipped` what of the folder is not read by intention.
    """

    paths: tuple[str, ...]
    pieces: tuple[Piece, ...]
    unread: tuple[Oddity, ...]
    files: dict[str, Seen]
    skipped: tuple[Oddity, ...] = ()

    @property
    def read(self) -> list[PageRead]:
        """The pages that were read."""
        return [piece for piece in self.pieces if isinstance(piece, PageRead)]


def find(
    folder: Path,
    digests: Mapping[str, str],
    *,
    reading: Reading,
    seen: Mapping[str, Seen],
    progress: Callable[[int, int], None] | None = None,
) -> Changes:
    """Look at every file of a guide and read those that are not as they were.

    `digests` are the sha256 of the pages there are, in order; `seen` how files were when last
    looked at. Raises GuideError where there is no folder.
    """
    listed = walks.files(folder)
    paths = listed.paths
    files = {path: found for path in paths if (found := _look(folder, path, digests, seen))}
    changed = [
        path for path in paths if path not in files or files[path].sha256 != digests.get(path)
    ]
    read = guides.read_pages(folder, changed, reading=reading, progress=progress)
    for path, page in zip(changed, read, strict=True):
        if isinstance(page, Oddity):
            files.pop(path, None)
        elif path in files:
            files[path] = replace(files[path], sha256=page.page.sha256)
    unread = (*listed.unread, *(page for page in read if isinstance(page, Oddity)))
    pieces = tuple(_pieces(paths, digests, dict(zip(changed, read, strict=True))))
    skipped = tuple(oddity for oddity in listed.skipped if not oddity.unread)
    return Changes(paths, pieces, unread, files, skipped)


@dataclass(frozen=True, slots=True)
class Difference:
    """How many pages of a guide are not as its index has them, and how its files were seen to be.

    `files` makes the next comparison cheap. `unsure` counts pages that were not read to tell,
    `hidden` those of the index whose folder cannot be read now.
    """

    edited: int
    added: int
    deleted: int
    files: dict[str, Seen]
    unsure: int = 0
    hidden: int = 0

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


def compare(
    folder: Path,
    digests: Mapping[str, str],
    *,
    unread: Collection[str],
    seen: Mapping[str, Seen],
    most_read: int = sys.maxsize,
) -> Difference:
    """Compare a guide with its index, by stat where that tells, else by the files' digests.

    `digests` are the sha256 of the index's pages, `unread` the files it could not read, `seen`
    how files were when last looked at. At most `most_read` files are read. Nothing is said of
    files that cannot be looked at. Raises GuideError where there is no folder.
    """
    listed = walks.files(folder)
    if "" in listed.unlisted:
        raise GuideError(f"{folder} cannot be read.", "Let the user who serves read it.")
    files: dict[str, Seen] = {}
    edited = added = unsure = 0
    for path in listed.paths:
        if path not in digests:
            added += walks.printable(path) not in unread
            continue
        found = _look(folder, path, digests if most_read else {}, seen)
        if found is None:
            continue
        if not found.sha256:
            unsure += 1
            continue
        most_read -= found is not seen.get(path)
        files[path] = found
        edited += found.sha256 != digests[path]
    paths, hidden = set(listed.paths), tuple(f"{inside}/".lstrip("/") for inside in listed.unlisted)
    gone = [path for path in digests if path not in paths]
    kept = sum(bool(hidden) and path.startswith(hidden) for path in gone)
    return Difference(edited, added, len(gone) - kept, files, unsure, kept)


def _look(
    folder: Path, path: str, digests: Mapping[str, str], seen: Mapping[str, Seen]
) -> Seen | None:
    """How a file is now, with its digest if there is one to compare; None where it is gone."""
    now = time.time_ns()  # before the file is looked at: what changes later is later than this
    try:
        stat = os.stat(f"{folder}/{path}")  # noqa: PTH116 - 30,000 of them
        before = seen.get(path)
        if before and before.is_still(stat):
            return before
        digest = ""
        if path in digests:
            with files.opened(folder / path) as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        return Seen(stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, now, digest)
    except (OSError, ValueError):
        return None


def _pieces(
    paths: Iterable[str],
    digests: Mapping[str, str],
    read: Mapping[str, PageRead | Oddity],
) -> Iterable[Piece]:
    """The guide in order, neighbours that stayed as one piece."""
    numbers = {path: number for number, path in enumerate(digests)}
    start = end = 0
    for path in paths:
        if path not in read:
            number = numbers[path]
            if end != number or start == end:
                if start < end:
                    yield Kept(start, end)
                start = number
            end = number + 1
            continue
        if start < end:
            yield Kept(start, end)
        start = end = 0
        page = read[path]
        if isinstance(page, PageRead):
            yield page
    if start < end:
        yield Kept(start, end)
