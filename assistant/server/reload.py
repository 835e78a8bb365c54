"""Reload the Assistant when its guide changes: update the index, then switch to it.

An index is updated while questions are answered, and the newer generation takes over between two
of them. Where it cannot be updated, answers say that the guide has changed since.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from assistant.errors import AssistantError, GuideError, IndexBusy, IndexNotWritable
from assistant.guide import walk
from assistant.index import generations
from assistant.index import index as indexes
from assistant.index.freshness import STALE_HINT, FreshnessChecker
from assistant.readers import is_page

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator

    from assistant.assistant import Assistant
    from assistant.index.builder import BuildResult
    from assistant.index.diff import ChangeCounts

_DEBOUNCE_MS = 400  # milliseconds without another change, so that a checkout is one update
_FOLDER_CHECK_SECONDS = 1.0  # seconds between two checks that the guide's folder is still the same
_MAX_LOGGED_FILES = 10  # files that an update could not read, named in the log
_CURRENT = "CURRENT"  # the file that a writer of the index replaces last
_log = logging.getLogger(__name__)

COMPARE_SECONDS = 30.0
"""Seconds between two comparisons of the guide with its index while no change is noticed."""

# Work is followed by a pause of this many times its own duration:
_COMPARE_PAUSE = 100  # comparing takes at most a hundredth of one core,
_POLL_PAUSE = 20  # a twentieth where folders cannot be watched,
_RETRY_PAUSE = 10  # and repeating updates that fail takes a tenth
_POLL_SECONDS = 2.0  # seconds between two comparisons where folders cannot be watched
_REWATCH_SECONDS = 60.0  # seconds after which watching is tried again

# Messages for readers; only the log names paths.
_SEE_LOG = "The server's log says why."
_INDEX_DAMAGED = (
    f"A file of the index is damaged: another version of it is served. {generations.REBUILD_HINT}."
)
_GUIDE_UNREADABLE = f"The guide cannot be read, so its edits are not noticed. {_SEE_LOG}"
_FOLDERS_UNREADABLE = "Some folders of the guide cannot be read, so edits in them are not noticed."
_INDEX_UNREADABLE = f"The newest version of the index cannot be opened. {_SEE_LOG}"
_UPDATE_FAILED = f"The index cannot be updated. {_SEE_LOG}"


@dataclass(frozen=True, slots=True)
class WatchedGuide:
    """What to watch: the guide's folder, the index's, and how the index is built.

    Without `build` the index is only compared with the guide, and reloaded where another process
    builds it. A guide that is not `expected` may be missing.
    """

    corpus: Path
    index: Path
    build: Callable[[], BuildResult] | None = None
    expected: bool = True


@dataclass(frozen=True, slots=True)
class _FileChange:
    """What has changed.

    `files`: a page, or the index's pointer. `folders`: a folder, or a file that decides which
    folders are read.
    """

    files: bool = False
    folders: bool = False


class LiveAssistant:
    """An Assistant that is replaced by a newer one between two questions, never during one.

    Take `assistant` once and use it to the end of a question. `stale_reason` is usually empty. Else
    it says, without a path, why answers come from an older generation than they should, and is in
    every answer's `degraded`. `limitations` say what is switched off here, and why.
    One thread at a time updates and compares.
    """

    def __init__(self, assistant: Assistant, limitations: Iterable[str] = ()) -> None:
        self.assistant = assistant
        self.limitations = tuple(limitations)
        self._newest = assistant.with_freshness_warning("")
        self._notice = ""
        self._last_logged = assistant.index.warning
        self._freshness: tuple[WatchedGuide, FreshnessChecker] | None = None

    @property
    def stale_reason(self) -> str:
        """Why answers come from an older generation than they should; usually empty."""
        return self._notice or (_INDEX_DAMAGED if self._newest.index.warning else "")

    def add_limitation(self, limitation: str) -> None:
        """Record that something is switched off here, and why."""
        self.limitations = (*self.limitations, limitation)

    def update(self, guide: WatchedGuide) -> bool:
        """Update the index and switch to it; a failure becomes the `stale_reason`.

        False where another process is building the index, so that the caller tries again soon.
        """
        try:
            built = guide.build() if guide.build else None
            self._load_newest(guide)
            unreadable = (
                [w.message for w in built.warnings if w.unreadable and not w.is_draft]
                if built
                else []
            )
            self._report("", " ".join(unreadable[:_MAX_LOGGED_FILES]))
        except IndexBusy:
            return False
        except (AssistantError, OSError) as error:
            self._compare(guide, error)
        except Exception as error:  # noqa: BLE001 - the watching thread must not end
            self.report_failure("The update", error)
        return True

    def check(self, guide: WatchedGuide) -> bool:
        """Switch to the newest generation and compare the guide; return whether to build it.

        Writes nothing. Where the index is not built here, a changed guide is a `stale_reason`.
        """
        return self._compare(guide, None)

    def watch(self, guide: WatchedGuide, *, every: float = COMPARE_SECONDS) -> _Watcher:
        """Watch the guide for as long as the context lasts; compare it each `every` seconds."""
        return _Watcher(self, guide, every)

    def report_failure(self, task: str, error: Exception) -> None:
        """Report an unexpected failure as the `stale_reason`, and log it."""
        _log.error("%s failed", task, exc_info=error)
        self._last_logged = notice = f"{task} failed ({type(error).__name__}). The log says more."
        self._report(notice)

    def _compare(self, guide: WatchedGuide, failure: Exception | None) -> bool:
        """Switch and compare as `check` does; `failure` is why an update could not be made."""
        try:
            if generations.read_current_name(guide.index) not in {
                "",
                self._newest.index.generation,
            }:
                self._load_newest(guide)
            difference = self._diff(guide)
        except GuideError as error:
            self._report(_GUIDE_UNREADABLE if guide.expected else "", str(error))
        except (AssistantError, OSError) as error:
            self._report(_INDEX_UNREADABLE, str(error))
        else:
            if difference.pages and guide.build and not failure:
                return True
            # Where nothing can be written, an index that matches its guide is not stale.
            stale = difference.pages or not isinstance(failure, IndexNotWritable | None)
            explanation = _UPDATE_FAILED if failure else STALE_HINT
            notice = f"{difference} {explanation}".lstrip() if stale else ""
            if difference.unlistable and not notice:
                notice = _FOLDERS_UNREADABLE
            self._report(notice, str(failure or ""))
        return False

    def _diff(self, guide: WatchedGuide) -> ChangeCounts:
        if self._freshness is None or self._freshness[0] != guide:
            self._freshness = guide, FreshnessChecker(guide.corpus, guide.index)
        return self._freshness[1].compare(self._newest.index)

    def _load_newest(self, guide: WatchedGuide) -> None:
        newest, own = indexes.open_index(guide.index), self._newest.index
        if (newest.generation, newest.warning) != (own.generation, own.warning):
            self._newest = self._newest.with_index(newest)

    def _report(self, notice: str, detail: str = "") -> None:
        """Set the `stale_reason`, and log it once, with all paths."""
        logged = detail.replace("\n", " ") or notice or self._newest.index.warning
        if logged and logged != self._last_logged:
            _log.warning("%s", logged)
        self._last_logged = logged
        self._notice = notice
        self.assistant = self._newest.with_freshness_warning(notice)


class _Watcher:
    """A thread that updates, or only compares, whenever the guide has changed."""

    def __init__(self, live: LiveAssistant, guide: WatchedGuide, every: float) -> None:
        self._live = live
        self._guide = guide
        self._every = every
        self._next_check = 0.0
        self._is_polling = False
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(timeout=10)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                if self._guide.build:
                    self._follow()
                    self._stop.wait(_DEBOUNCE_MS / 1000)
                else:
                    self._check()
                    self._stop.wait(self._next_check - time.monotonic())
            except Exception as error:  # noqa: BLE001 - the thread must not end
                self._live.report_failure("Following the guide", error)
                self._stop.wait(self._every)

    def _follow(self) -> None:
        """Update at every change, until other folders have to be watched."""
        identity, busy = self._folder_identity(), False
        for change in self._changes() if identity else self._wait_for_folder():
            if change.folders or self._folder_identity() != identity:  # after `mv`, `chmod`
                self._next_check = 0.0  # compare at once: files may change before they are watched
                return
            if change.files or busy or self._check():
                busy = self._update()

    def _check(self) -> bool:
        """Compare the guide, if it is time; return whether the index has to be updated."""
        begun = time.monotonic()
        if begun < self._next_check:
            return False
        differs = self._live.check(self._guide)
        now = time.monotonic()
        every, pause = (
            (_POLL_SECONDS, _POLL_PAUSE) if self._is_polling else (self._every, _COMPARE_PAUSE)
        )
        self._next_check = now + max(min(every, self._every), pause * (now - begun))
        return differs

    def _update(self) -> bool:
        """Update the index; return whether another process is updating it."""
        begun = time.monotonic()
        done = self._live.update(self._guide)
        now = time.monotonic()
        if self._live.stale_reason:  # try again, but less often where an update takes long
            self._next_check = now + max(self._every, _RETRY_PAUSE * (now - begun))
        return not done

    def _folder_identity(self) -> tuple[int, int, int] | None:
        """Return the identity of the guide's folder and who may read it; None while missing."""
        try:
            stat = self._guide.corpus.stat()
        except OSError:
            return None
        return stat.st_dev, stat.st_ino, stat.st_mode

    def _wait_for_folder(self) -> Iterator[_FileChange]:
        while not self._stop.wait(_FOLDER_CHECK_SECONDS):
            yield _FileChange()

    def _changes(self) -> Iterator[_FileChange]:
        """Yield what changed, and now and then an empty change, so that the caller compares.

        Each folder is watched by itself, so that folders which are not read use none of the watches
        that the system allows. Where these are too few, only empty changes are yielded, and the
        guide is compared more often.
        """
        import watchfiles

        root, index = self._guide.corpus.resolve(), self._guide.index.resolve()
        current = str(index / _CURRENT)
        folders = {str(root / path) for path in self._list_folders()}

        def is_relevant(_: object, path: str) -> bool:
            folder, _, name = path.rpartition(os.sep)
            if folder == str(index) or walk.is_ignored(name):
                return path == current
            return walk.affects_guide(name) or path in folders or Path(path).is_dir()

        try:
            for changes in watchfiles.watch(
                *sorted({*folders, str(index)}),
                watch_filter=is_relevant,
                debounce=_DEBOUNCE_MS,
                stop_event=self._stop,
                rust_timeout=int(_FOLDER_CHECK_SECONDS * 1000),
                yield_on_timeout=True,
                recursive=False,
            ):
                self._is_polling = False
                others = [path for _, path in changes if path != current]
                pages = [path for path in others if _is_page(path, folders)]
                yield _FileChange(files=bool(changes), folders=len(pages) < len(others))
        except FileNotFoundError:  # removed since it was listed
            yield _FileChange(folders=True)
        except (
            OSError,
            RuntimeError,
        ) as error:  # the latter where the system allows no more watches
            if not self._is_polling:
                _log.warning("The guide cannot be watched, so it is compared often: %s", error)
            self._is_polling = True
            ends_at = time.monotonic() + _REWATCH_SECONDS
            while time.monotonic() < ends_at:
                remaining = min(self._next_check, ends_at) - time.monotonic()
                if self._stop.wait(max(_FOLDER_CHECK_SECONDS, remaining)):
                    return
                yield _FileChange()

    def _list_folders(self) -> tuple[str, ...]:
        try:
            return walk.list_files(self._guide.corpus).folders
        except GuideError:  # removed since it was checked
            return ()


def _is_page(path: str, folders: Collection[str]) -> bool:
    """Whether a changed path is a page, and not a folder or a file that decides what is read."""
    return is_page(path) and path not in folders and not Path(path).is_dir()
