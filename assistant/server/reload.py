"""The Assistant over the newest generation of an index, which follows the edits of its guide.

An index is brought up to date while questions are asked, and exchanged for the newer generation
between two of them. Where it cannot be, answers say that the guide has changed since.
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
from assistant.readers import SUFFIXES

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator

    from assistant.assistant import Assistant
    from assistant.index.builder import BuildResult
    from assistant.index.diff import ChangeCounts

_DEBOUNCE = 400  # milliseconds without another change, so that a checkout is one update
_FOLDER_CHECK_SECONDS = (
    1.0  # seconds between two looks at whether the guide's folder is still the same
)
_MAX_LOGGED_FILES = 10  # files that the log names which an update could not read
_CURRENT = "CURRENT"  # what a writer of the index replaces last
_log = logging.getLogger(__name__)

COMPARE_SECONDS = 30.0
"""Seconds between two comparisons of the guide with its index, so far as nothing is noticed."""

_COMPARE_SHARE = 100  # at most a hundredth of one core goes into comparing
_POLL_SECONDS = 2.0  # seconds between two of them where the guide's folders cannot be watched,
_POLL_SHARE = 20  # and a twentieth of one core
_RETRY_SHARE = 10  # and a tenth into updates that fail
_REWATCH_SECONDS = 60.0  # seconds after which watching is tried again

# What readers are told; what stands where, only the log says.
_SEE_LOG = "The server's log says why."
_INDEX_DAMAGED = (
    f"A file of the index is damaged: another state of it is served. {generations.REBUILD_HINT}."
)
_GUIDE_UNREADABLE = f"The guide cannot be read, so that its edits are not seen. {_SEE_LOG}"
_FOLDERS_UNREADABLE = (
    "Some folders of the guide cannot be read, so that edits in them are not seen."
)
_INDEX_UNREADABLE = f"The newest state of the index cannot be opened. {_SEE_LOG}"
_UPDATE_FAILED = f"The index cannot be brought up to date. {_SEE_LOG}"


@dataclass(frozen=True, slots=True)
class WatchedGuide:
    """What is followed: the guide's folder, the index's, and how one is built of the other.

    Without `build` the index is only compared with the guide, and taken as others build it.
    Where the guide is not `expected`, that it is missing is no trouble.
    """

    corpus: Path
    index: Path
    build: Callable[[], BuildResult] | None = None
    expected: bool = True


@dataclass(frozen=True, slots=True)
class _FileChange:
    """What changed: pages, or the pointer of the index; folders, or which of them are read."""

    files: bool = False
    folders: bool = False


class LiveAssistant:
    """An Assistant that is exchanged for a newer one between two questions, never during one.

    Whoever asks takes `assistant` once and keeps it to the end of the question. `trouble` is empty,
    or says, naming no path, why the answers come from an older generation than they should; it
    is then in every answer's `degraded`. `limits` say what is switched off here, and why.
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
        """Why answers come from an older generation than they should; mostly nothing."""
        return self._notice or (_INDEX_DAMAGED if self._newest.index.warning else "")

    def add_limitation(self, limitation: str) -> None:
        """Keep that something is switched off here, and why."""
        self.limitations = (*self.limitations, limitation)

    def update(self, guide: WatchedGuide) -> bool:
        """Bring the index up to date and move to it; what goes wrong is kept as `trouble`.

        False where another process is building it, so that this is to be done again soon.
        """
        try:
            built = guide.build() if guide.build else None
            self._load_newest(guide)
            unread = (
                [oddity.message for oddity in built.warnings if oddity.unreadable] if built else []
            )
            self._report("", " ".join(unread[:_MAX_LOGGED_FILES]))
        except IndexBusy:
            return False
        except (AssistantError, OSError) as error:
            self._compare(guide, error)
        except Exception as error:  # noqa: BLE001 - the outermost line of the thread that watches
            self.report_failure("The update", error)
        return True

    def check(self, guide: WatchedGuide) -> bool:
        """Move to what others have built and compare the guide with it; whether it is to be built.

        Nothing is written. That the guide has changed is `trouble` where it is not built here.
        """
        return self._compare(guide, None)

    def watch(self, guide: WatchedGuide, *, every: float = COMPARE_SECONDS) -> _Watcher:
        """Follow the guide for as long as the context lasts; compare it `every` so many seconds."""
        return _Watcher(self, guide, every)

    def report_failure(self, task: str, error: Exception) -> None:
        """Keep as `trouble` that something failed which never should."""
        _log.error("%s failed", task, exc_info=error)
        self._last_logged = notice = f"{task} failed ({type(error).__name__}). The log says more."
        self._report(notice)

    def _compare(self, followed: WatchedGuide, failure: Exception | None) -> bool:
        """Move and compare as `look` does; `failure` is why an update could not be made."""
        try:
            if generations.read_current_name(followed.index) not in {
                "",
                self._newest.index.generation,
            }:
                self._load_newest(followed)
            difference = self._diff(followed)
        except GuideError as error:
            self._report(_GUIDE_UNREADABLE if followed.expected else "", str(error))
        except (AssistantError, OSError) as error:
            self._report(_INDEX_UNREADABLE, str(error))
        else:
            if difference.pages and followed.build and not failure:
                return True
            # Where nothing can be written, an index that is as its guide is no trouble.
            stale = difference.pages or not isinstance(failure, IndexNotWritable | None)
            why = _UPDATE_FAILED if failure else STALE_HINT
            notice = f"{difference} {why}".lstrip() if stale else ""
            if difference.unlistable and not notice:
                notice = _FOLDERS_UNREADABLE
            self._report(notice, str(failure or ""))
        return False

    def _diff(self, followed: WatchedGuide) -> ChangeCounts:
        if self._freshness is None or self._freshness[0] != followed:
            self._freshness = followed, FreshnessChecker(followed.corpus, followed.index)
        return self._freshness[1].compare(self._newest.index)

    def _load_newest(self, followed: WatchedGuide) -> None:
        newest, own = indexes.open_index(followed.index), self._newest.index
        if (newest.generation, newest.warning) != (own.generation, own.warning):
            self._newest = self._newest.with_index(newest)

    def _report(self, notice: str, detail: str = "") -> None:
        """Keep what is wrong, for whoever asks; the log is told it once, with all paths."""
        logged = detail.replace("\n", " ") or notice or self._newest.index.warning
        if logged and logged != self._last_logged:
            _log.warning("%s", logged)
        self._last_logged = logged
        self._notice = notice
        self.assistant = self._newest.with_freshness_warning(notice)


class _Watcher:
    """A thread that updates, or only compares, whenever something of the guide has changed."""

    def __init__(self, live: LiveAssistant, followed: WatchedGuide, every: float) -> None:
        self._live = live
        self._guide = followed
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
                    self._stop.wait(_DEBOUNCE / 1000)
                else:
                    self._check()
                    self._stop.wait(self._next_check - time.monotonic())
            except Exception as error:  # noqa: BLE001 - the outermost line of the thread
                self._live.report_failure("Following the guide", error)
                self._stop.wait(self._every)

    def _follow(self) -> None:
        """Update at every change, until it is other folders that are to be watched."""
        place, busy = self._folder_identity(), False
        for change in self._changes() if place else self._wait_for_folder():
            if change.folders or self._folder_identity() != place:  # the latter as after a `mv`
                self._next_check = 0.0  # what happens before they are watched is then noticed
                return
            if change.files or busy or self._check():
                busy = self._update()

    def _check(self) -> bool:
        """Compare the guide, if it is time; whether the index is to be brought up to date."""
        begun = time.monotonic()
        if begun < self._next_check:
            return False
        differs = self._live.check(self._guide)
        now = time.monotonic()
        every, share = (
            (_POLL_SECONDS, _POLL_SHARE) if self._is_polling else (self._every, _COMPARE_SHARE)
        )
        self._next_check = now + max(min(every, self._every), share * (now - begun))
        return differs

    def _update(self) -> bool:
        """Bring the index up to date; whether another process is at it."""
        begun = time.monotonic()
        done = self._live.update(self._guide)
        now = time.monotonic()
        if self._live.stale_reason:  # tried again, but not over and over where it takes long
            self._next_check = now + max(self._every, _RETRY_SHARE * (now - begun))
        return not done

    def _folder_identity(self) -> tuple[int, int] | None:
        """Which folder the guide's is; none while there is none."""
        try:
            stat = self._guide.corpus.stat()
        except OSError:
            return None
        return stat.st_dev, stat.st_ino

    def _wait_for_folder(self) -> Iterator[_FileChange]:
        while not self._stop.wait(_FOLDER_CHECK_SECONDS):
            yield _FileChange()

    def _changes(self) -> Iterator[_FileChange]:
        """What changed, and nothing every so often, so that it can be looked for more.

        Each folder is watched by itself, so that those that are not read cost nothing of what the
        system allows. Where that is not enough, only nothing is told, and the guide is compared
        more often.
        """
        import watchfiles

        root, index = self._guide.corpus.resolve(), self._guide.index.resolve()
        current = str(index / _CURRENT)
        folders = {str(root / path) for path in self._list_folders()}

        def matters(_: object, path: str) -> bool:
            place, _, name = path.rpartition(os.sep)
            if place == str(index) or walk.is_ignored(name):
                return path == current
            return walk.affects_guide(name) or path in folders or Path(path).is_dir()

        try:
            for found in watchfiles.watch(
                *sorted({*folders, str(index)}),
                watch_filter=matters,
                debounce=_DEBOUNCE,
                stop_event=self._stop,
                rust_timeout=int(_FOLDER_CHECK_SECONDS * 1000),
                yield_on_timeout=True,
                recursive=False,
            ):
                self._is_polling = False
                others = [path for _, path in found if path != current]
                pages = [path for path in others if _is_page(path, folders)]
                yield _FileChange(files=bool(found), folders=len(pages) < len(others))
        except FileNotFoundError:  # gone since it was listed
            yield _FileChange(folders=True)
        except (OSError, RuntimeError) as error:  # the latter where there may be no more watchers
            if not self._is_polling:
                _log.warning("The guide cannot be watched, so it is compared often: %s", error)
            self._is_polling = True
            ends = time.monotonic() + _REWATCH_SECONDS
            while time.monotonic() < ends:
                until = min(self._next_check, ends) - time.monotonic()
                if self._stop.wait(max(_FOLDER_CHECK_SECONDS, until)):
                    return
                yield _FileChange()

    def _list_folders(self) -> tuple[str, ...]:
        try:
            return walk.list_files(self._guide.corpus).folders
        except GuideError:  # gone since it was looked for
            return ()


def _is_page(path: str, folders: Collection[str]) -> bool:
    """Whether a path that changed is a page: no folder, and no file that decides which are read."""
    page = path.lower().endswith(SUFFIXES)
    return page and path not in folders and not Path(path).is_dir()
