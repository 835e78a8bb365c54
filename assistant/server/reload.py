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

from assistant.errors import AssistantError, GuideError, IndexBusy, IndexUnwritable
from assistant.guide import walk
from assistant.index import generations
from assistant.index import index as indexes
from assistant.index.freshness import HINT, Freshness
from assistant.readers import decode

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator

    from assistant.assistant import Assistant
    from assistant.index.builder import Built
    from assistant.index.diff import Difference

_SETTLING = 400  # milliseconds without another change, so that a checkout is one update
_LOOKING_AGAIN = 1.0  # seconds between two looks at whether the guide's folder is still the same
_NAMED = 10  # files that the log names which an update could not read
_POINTER = "CURRENT"  # what a writer of the index replaces last
_log = logging.getLogger(__name__)

COMPARING = 30.0
"""Seconds between two comparisons of the guide with its index, so far as nothing is noticed."""

_SHARE = 100  # at most a hundredth of one core goes into comparing
_POLLING = 2.0  # seconds between two of them where the guide's folders cannot be watched,
_POLLING_SHARE = 20  # and a twentieth of one core
_RETRYING_SHARE = 10  # and a tenth into updates that fail
_WATCHING_AGAIN = 60.0  # seconds after which watching is tried again

# What readers are told; what stands where, only the log says.
_LOG = "The server's log says why."
_DAMAGED = f"A file of the index is damaged: another state of it is served. {generations.REBUILD}."
_NO_GUIDE = f"The guide cannot be read, so that its edits are not seen. {_LOG}"
_HIDDEN = "Some folders of the guide cannot be read, so that edits in them are not seen."
_NO_INDEX = f"The newest state of the index cannot be opened. {_LOG}"
_NOT_UPDATED = f"The index cannot be brought up to date. {_LOG}"


@dataclass(frozen=True, slots=True)
class Followed:
    """What is followed: the guide's folder, the index's, and how one is built of the other.

    Without `build` the index is only compared with the guide, and taken as others build it.
    Where the guide is not `expected`, that it is missing is no trouble.
    """

    corpus: Path
    index: Path
    build: Callable[[], Built] | None = None
    expected: bool = True


@dataclass(frozen=True, slots=True)
class _Change:
    """What changed: pages, or the pointer of the index; folders, or which of them are read."""

    files: bool = False
    folders: bool = False


class Live:
    """An Assistant that is exchanged for a newer one between two questions, never during one.

    Whoever asks takes `assistant` once and keeps it to the end of the question. `trouble` is empty,
    or says, naming no path, why the answers come from an older generation than they should; it
    is then in every answer's `degraded`. `limits` say what is switched off here, and why.
    One thread at a time updates and compares.
    """

    def __init__(self, assistant: Assistant, limits: Iterable[str] = ()) -> None:
        self.assistant = assistant
        self.limits = tuple(limits)
        self._own = assistant.noting("")
        self._notice = ""
        self._logged = assistant.index.warning
        self._compared: tuple[Followed, Freshness] | None = None

    @property
    def trouble(self) -> str:
        """Why answers come from an older generation than they should; mostly nothing."""
        return self._notice or (_DAMAGED if self._own.index.warning else "")

    def limit(self, what: str) -> None:
        """Keep that something is switched off here, and why."""
        self.limits = (*self.limits, what)

    def update(self, followed: Followed) -> bool:
        """Bring the index up to date and move to it; what goes wrong is kept as `trouble`.

        False where another process is building it, so that this is to be done again soon.
        """
        try:
            built = followed.build() if followed.build else None
            self._move(followed)
            unread = [oddity.what for oddity in built.oddities if oddity.unread] if built else []
            self._report("", " ".join(unread[:_NAMED]))
        except IndexBusy:
            return False
        except (AssistantError, OSError) as error:
            self._compare(followed, error)
        except Exception as error:  # noqa: BLE001 - the outermost line of the thread that watches
            self.fail("The update", error)
        return True

    def look(self, followed: Followed) -> bool:
        """Move to what others have built and compare the guide with it; whether it is to be built.

        Nothing is written. That the guide has changed is `trouble` where it is not built here.
        """
        return self._compare(followed, None)

    def watch(self, followed: Followed, *, every: float = COMPARING) -> _Watch:
        """Follow the guide for as long as the context lasts; compare it `every` so many seconds."""
        return _Watch(self, followed, every)

    def fail(self, what: str, error: Exception) -> None:
        """Keep as `trouble` that something failed which never should."""
        _log.error("%s failed", what, exc_info=error)
        self._logged = notice = f"{what} failed ({type(error).__name__}). The log says more."
        self._report(notice)

    def _compare(self, followed: Followed, failure: Exception | None) -> bool:
        """Move and compare as `look` does; `failure` is why an update could not be made."""
        try:
            if generations.current(followed.index) not in {"", self._own.index.generation}:
                self._move(followed)
            difference = self._difference(followed)
        except GuideError as error:
            self._report(_NO_GUIDE if followed.expected else "", str(error))
        except (AssistantError, OSError) as error:
            self._report(_NO_INDEX, str(error))
        else:
            if difference.pages and followed.build and not failure:
                return True
            # Where nothing can be written, an index that is as its guide is no trouble.
            stale = difference.pages or not isinstance(failure, IndexUnwritable | None)
            why = _NOT_UPDATED if failure else HINT
            notice = f"{difference} {why}".lstrip() if stale else ""
            if difference.hidden and not notice:
                notice = _HIDDEN
            self._report(notice, str(failure or ""))
        return False

    def _difference(self, followed: Followed) -> Difference:
        if self._compared is None or self._compared[0] != followed:
            self._compared = followed, Freshness(followed.corpus, followed.index)
        return self._compared[1].difference(self._own.index)

    def _move(self, followed: Followed) -> None:
        newest, own = indexes.open(followed.index), self._own.index
        if (newest.generation, newest.warning) != (own.generation, own.warning):
            self._own = self._own.over(newest)

    def _report(self, notice: str, detail: str = "") -> None:
        """Keep what is wrong, for whoever asks; the log is told it once, with all paths."""
        logged = detail.replace("\n", " ") or notice or self._own.index.warning
        if logged and logged != self._logged:
            _log.warning("%s", logged)
        self._logged = logged
        self._notice = notice
        self.assistant = self._own.noting(notice)


class _Watch:
    """A thread that updates, or only compares, whenever something of the guide has changed."""

    def __init__(self, live: Live, followed: Followed, every: float) -> None:
        self._live = live
        self._followed = followed
        self._every = every
        self._next_look = 0.0
        self._polls = False
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
                if self._followed.build:
                    self._follow()
                    self._stop.wait(_SETTLING / 1000)
                else:
                    self._look()
                    self._stop.wait(self._next_look - time.monotonic())
            except Exception as error:  # noqa: BLE001 - the outermost line of the thread
                self._live.fail("Following the guide", error)
                self._stop.wait(self._every)

    def _follow(self) -> None:
        """Update at every change, until it is other folders that are to be watched."""
        place, busy = self._place(), False
        for change in self._changes() if place else self._absence():
            if change.folders or self._place() != place:  # the latter as after a `mv`
                self._next_look = 0.0  # what happens before they are watched is then noticed
                return
            if change.files or busy or self._look():
                busy = self._update()

    def _look(self) -> bool:
        """Compare the guide, if it is time; whether the index is to be brought up to date."""
        begun = time.monotonic()
        if begun < self._next_look:
            return False
        differs = self._live.look(self._followed)
        now = time.monotonic()
        every, share = (_POLLING, _POLLING_SHARE) if self._polls else (self._every, _SHARE)
        self._next_look = now + max(min(every, self._every), share * (now - begun))
        return differs

    def _update(self) -> bool:
        """Bring the index up to date; whether another process is at it."""
        begun = time.monotonic()
        done = self._live.update(self._followed)
        now = time.monotonic()
        if self._live.trouble:  # tried again, but not over and over where it takes long
            self._next_look = now + max(self._every, _RETRYING_SHARE * (now - begun))
        return not done

    def _place(self) -> tuple[int, int] | None:
        """Which folder the guide's is; none while there is none."""
        try:
            stat = self._followed.corpus.stat()
        except OSError:
            return None
        return stat.st_dev, stat.st_ino

    def _absence(self) -> Iterator[_Change]:
        while not self._stop.wait(_LOOKING_AGAIN):
            yield _Change()

    def _changes(self) -> Iterator[_Change]:
        """What changed, and nothing every so often, so that it can be looked for more.

        Each folder is watched by itself, so that those that are not read cost nothing of what the
        system allows. Where that is not enough, only nothing is told, and the guide is compared
        more often.
        """
        import watchfiles

        root, index = self._followed.corpus.resolve(), self._followed.index.resolve()
        current = str(index / _POINTER)
        folders = {str(root / path) for path in self._listed()}

        def matters(_: object, path: str) -> bool:
            place, _, name = path.rpartition(os.sep)
            if place == str(index) or walk.ignored(name):
                return path == current
            return walk.decides(name) or path in folders or Path(path).is_dir()

        try:
            for found in watchfiles.watch(
                *sorted({*folders, str(index)}),
                watch_filter=matters,
                debounce=_SETTLING,
                stop_event=self._stop,
                rust_timeout=int(_LOOKING_AGAIN * 1000),
                yield_on_timeout=True,
                recursive=False,
            ):
                self._polls = False
                others = [path for _, path in found if path != current]
                pages = [path for path in others if _is_page(path, folders)]
                yield _Change(files=bool(found), folders=len(pages) < len(others))
        except FileNotFoundError:  # gone since it was listed
            yield _Change(folders=True)
        except (OSError, RuntimeError) as error:  # the latter where there may be no more watchers
            if not self._polls:
                _log.warning("The guide cannot be watched, so it is compared often: %s", error)
            self._polls = True
            ends = time.monotonic() + _WATCHING_AGAIN
            while time.monotonic() < ends:
                until = min(self._next_look, ends) - time.monotonic()
                if self._stop.wait(max(_LOOKING_AGAIN, until)):
                    return
                yield _Change()

    def _listed(self) -> tuple[str, ...]:
        try:
            return walk.files(self._followed.corpus).folders
        except GuideError:  # gone since it was looked for
            return ()


def _is_page(path: str, folders: Collection[str]) -> bool:
    """Whether a path that changed is a page: no folder, and no file that decides which are read."""
    page = path.lower().endswith(decode.SUFFIXES)
    return page and path not in folders and not Path(path).is_dir()
