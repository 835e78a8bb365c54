"""Which pages of a guide changed since it was last read; those are read again, and no other.

Knows files, their stats and digests. Must not know what is made of a page once it is read.
"""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from assistant import files
from assistant import guide as guides
from assistant.cache import Seen
from assistant.model import Oddity, PageRead
from assistant.rows import Kept

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from assistant.rows import Piece
    from assistant.site import Reading


@dataclass(frozen=True, slots=True)
class Changes:
    """A guide as pages that stayed and pages that were read, in order.

    `paths` are all its files, `unread` those that cannot be read, `files` how each one is.
    """

    paths: tuple[str, ...]
    pieces: tuple[Piece, ...]
    unread: tuple[Oddity, ...]
    files: dict[str, Seen]

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
    paths = tuple(guides.walk(folder))
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
    unread = tuple(page for page in read if isinstance(page, Oddity))
    pieces = tuple(_pieces(paths, digests, dict(zip(changed, read, strict=True))))
    return Changes(paths, pieces, unread, files)


def _look(
    folder: Path, path: str, digests: Mapping[str, str], seen: Mapping[str, Seen]
) -> Seen | None:
    """How a file is now, with its digest if there is one to compare; None where it is gone."""
    now = time.time_ns()  # before the file is looked at: what changes later is later than this
    try:
        stat = (folder / path).stat()
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
