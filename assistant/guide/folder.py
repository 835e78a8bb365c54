"""Read a whole guide, or some of its pages; use all cores where there is much text."""

from __future__ import annotations

import gc
import multiprocessing
import os
import sys
import threading
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

from assistant.errors import GuideError
from assistant.guide.includes import list_parts
from assistant.guide.labels import Labels
from assistant.guide.links import check_links
from assistant.guide.page import read_page
from assistant.guide.publication import DraftError
from assistant.guide.site import check_settings, detect_site
from assistant.guide.walk import list_files, printable_path
from assistant.models.documents import Guide, GuideWarning, ParsedPage
from assistant.readers import SUFFIXES

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from assistant.guide.publishers import ReadingOptions

    Progress = Callable[[int, int], None]

# Below this much text, starting other processes costs more than it saves.
_MIN_PARALLEL_BYTES = 4_000_000
_PAGES_PER_TASK = 32
_MAX_SKIPPED = 5  # kinds of files that the error for a guide without pages names


def read_guide(
    folder: Path,
    *,
    reading_options: ReadingOptions | None = None,
    progress: Progress | None = None,
) -> Guide:
    """Read every page under a folder, in path order.

    A file that cannot be read becomes a warning, and the rest is read. `progress` receives (files
    read, files in all). Raises GuideError where there is no folder, or no page in it.
    """
    files = list_files(folder)
    options = reading_options or detect_site(folder)
    parts = list_parts(folder, files.paths)
    results = read_pages(
        folder, files.paths, reading_options=options, parts=parts, progress=progress
    )
    pages = [page for page in results if isinstance(page, ParsedPage)]
    unreadable = [*files.unreadable, *(w for w in results if isinstance(w, GuideWarning))]
    if not any(page.passages for page in pages):
        raise empty_guide_error(folder, files.paths, unreadable, files.warnings)
    return Guide(
        pages=tuple(page.page for page in pages),
        sections=tuple(section for page in pages for section in page.sections),
        passages=tuple(passage for page in pages for passage in page.passages),
        resources=tuple(resource for page in pages for resource in page.resources),
        warnings=(
            *unreadable,
            *(warning for warning in files.warnings if not warning.unreadable),
            *check_settings(folder),
            *(warning for page in pages for warning in page.warnings),
            *check_links([page.links for page in pages]),
        ),
    )


def empty_guide_error(
    folder: Path,
    paths: Sequence[str],
    unreadable: Sequence[GuideWarning],
    warnings: Sequence[GuideWarning] = (),
) -> GuideError:
    """Return the error to raise for a folder without any passage.

    `warnings` say what else in the folder is not read.
    """
    if unreadable and all(warning.is_draft for warning in unreadable):
        return GuideError(f"No page in {folder} is published.", "Set `drafts` to read them.")
    if unreadable:
        return GuideError(unreadable[0].message, "Save it as UTF-8 text the builder may read.")
    if paths:
        return GuideError(
            f"The pages in {folder} are empty.", "Write something under a heading and build again."
        )
    skipped = " ".join(warning.message for warning in warnings[:_MAX_SKIPPED])
    return GuideError(
        f"There is no page in {folder}. {skipped}".rstrip(),
        f"Put files ending in {', '.join(SUFFIXES)} there.",
    )


def read_pages(
    folder: Path,
    paths: Sequence[str],
    *,
    reading_options: ReadingOptions,
    parts: frozenset[str] = frozenset(),
    progress: Progress | None = None,
) -> list[ParsedPage | GuideWarning]:
    """Read pages in the order of `paths`; a page that cannot be read is a warning in its place.

    `parts` are the files that are parts of other pages, and have no text of their own.
    """
    labels = Labels(folder)
    read_one = partial(_read_page_or_warn, folder, reading_options, parts, labels)
    results: list[ParsedPage | GuideWarning] = []
    with _WorkerPool(folder, paths) as pool:
        if pool:
            labels.load()  # once, and not in every process
        pages = (
            pool.map(read_one, paths, chunksize=_PAGES_PER_TASK) if pool else map(read_one, paths)
        )
        for page in pages:
            results.append(page)
            if progress:
                progress(len(results), len(paths))
    return results


def _read_page_or_warn(
    folder: Path,
    reading_options: ReadingOptions,
    parts: frozenset[str],
    labels: Labels,
    path: str,
) -> ParsedPage | GuideWarning:
    try:
        return read_page(
            folder, path, reading_options=reading_options, is_part=path in parts, labels=labels
        )
    except GuideError as error:
        return GuideWarning(
            printable_path(path),
            1,
            error.message,
            unreadable=True,
            is_draft=isinstance(error, DraftError),
        )


class _WorkerPool:
    """Processes that read pages; yields None where there is little text, or where it cannot fork.

    They are forked, so that a script that builds an index needs no main guard. A process with
    threads is not forked: a lock that a thread holds would stay locked in the child for ever.
    """

    def __init__(self, folder: Path, paths: Sequence[str]) -> None:
        self._pool: ProcessPoolExecutor | None = None
        cores = os.cpu_count() or 1
        if cores == 1 or threading.active_count() > 1 or not sys.platform.startswith("linux"):
            return
        if _exceeds_bytes(folder, paths, _MIN_PARALLEL_BYTES):
            context = multiprocessing.get_context("fork")
            self._pool = ProcessPoolExecutor(cores, mp_context=context, initializer=_init_worker)

    def __enter__(self) -> ProcessPoolExecutor | None:
        return self._pool

    def __exit__(self, *_: object) -> None:
        if self._pool:
            self._pool.shutdown(cancel_futures=True)


def _init_worker() -> None:
    """End this worker when its parent is killed, even with kill -9.

    Otherwise it would wait for work for ever, and hold the index's lock, which it got by the fork.
    """
    # Reading leaves few reference cycles, and looking for them takes a tenth of the time.
    gc.set_threshold(100_000)

    def wait() -> None:
        parent = multiprocessing.parent_process()
        if parent:
            parent.join()
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def _exceeds_bytes(folder: Path, paths: Sequence[str], limit: int) -> bool:
    """Check whether files together have more bytes than a limit."""
    for path in paths:
        try:
            limit -= (folder / path).stat().st_size
        except (OSError, ValueError):
            continue
        if limit < 0:
            return True
    return False
