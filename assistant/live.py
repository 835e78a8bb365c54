"""The Assistant over the newest generation of an index, which follows the edits of its guide.

Knows how to bring the index up to date while questions are asked, and how to move to the new
generation between them. Must not know how a question is answered or how a page is shown.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assistant import formats
from assistant import index as indexes
from assistant.errors import AssistantError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from assistant.ask import Assistant

_SETTLING = 400  # milliseconds without another change, so that a checkout is one update
_LOOKING_AGAIN = 1.0  # seconds between two looks at whether the guide's folder is still the same
_POINTER = "CURRENT"  # what a writer of the index replaces last
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Followed:
    """What is followed: the guide's folder, the index's, and how one is built of the other."""

    corpus: Path
    index: Path
    build: Callable[[], object]


class Live:
    """An Assistant that is exchanged for a newer one between two questions, never during one.

    Whoever asks takes `assistant` once and keeps it to the end of the question. `trouble` is empty,
    or says why the answers come from an older generation than they should.
    """

    def __init__(self, assistant: Assistant) -> None:
        self.assistant = assistant
        self.trouble = assistant.index.warning

    def update(self, followed: Followed) -> None:
        """Bring the index up to date and move to it; what goes wrong is kept as `trouble`."""
        try:
            followed.build()
            newest = indexes.open(followed.index)
            if newest.generation != self.assistant.index.generation:
                self.assistant = self.assistant.over(newest)
            self.trouble = newest.warning
        except AssistantError as error:
            self.trouble = f"{error.what} {error.mend}"
        except Exception as error:  # noqa: BLE001 - the outermost line of the thread that watches
            _log.exception("The update failed")
            self.trouble = f"The update failed ({type(error).__name__}). The log says more."

    def watch(self, followed: Followed) -> _Watch:
        """Follow the guide's edits for as long as the context lasts."""
        return _Watch(self, followed)


class _Watch:
    """A thread that updates whenever a page of the guide, or the index, has changed."""

    def __init__(self, live: Live, followed: Followed) -> None:
        self._live = live
        self._followed = followed
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(timeout=10)

    def _run(self) -> None:
        while not self._stop.is_set():
            place, begun = self._place(), False
            with contextlib.suppress(FileNotFoundError):  # gone since: noticed the next time
                for changes in self._changes() if place else self._absence():
                    if self._place() != place:  # another folder of that name, as after a `mv`
                        break
                    if changes or not begun:  # an edit, or a loss, may be as old as the watch
                        self._live.update(self._followed)
                        begun = True
            if not self._stop.wait(_SETTLING / 1000):
                self._live.update(self._followed)

    def _place(self) -> tuple[int, int] | None:
        """Which folder the guide's is; none while there is none."""
        try:
            stat = self._followed.corpus.stat()
        except OSError:
            return None
        return stat.st_dev, stat.st_ino

    def _absence(self) -> Iterator[tuple[()]]:
        while not self._stop.wait(_LOOKING_AGAIN):
            yield ()

    def _changes(self) -> Iterator[set[Any]]:
        """What changed, and nothing every so often, so that it can be looked for more."""
        import watchfiles

        current = str((self._followed.index / _POINTER).resolve())

        def matters(_: object, path: str) -> bool:
            return path == current or path.lower().endswith(formats.SUFFIXES)

        return watchfiles.watch(
            self._followed.corpus,
            self._followed.index,
            watch_filter=matters,
            debounce=_SETTLING,
            stop_event=self._stop,
            rust_timeout=int(_LOOKING_AGAIN * 1000),
            yield_on_timeout=True,
        )
