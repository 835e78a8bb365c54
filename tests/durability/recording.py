"""Record step by step what one publish does to the disk.

A step is the content of all files at one moment, and the file or folder that was synced then, if
any. A moment is each open, rename, creation and removal by Python, and each sync. What SQLite and
FAISS write between two moments is recorded at the second.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_MOMENTS = {"open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate"}


class _Recorder:
    def __init__(self, out: Path, world: Path) -> None:
        self._out = out
        self._world = world
        self._numbers = itertools.count()
        self._known: dict[int, int] = {}
        self._recording = False
        self.steps: list[dict[str, object]] = []

    def record(self, synced: int | None = None) -> None:
        """Record all files, and the inode that was just synced."""
        if self._recording:  # recording opens files, which is a moment too
            return
        self._recording = True
        tree = {}
        inodes = set()
        for path in (self._world, *sorted(self._world.rglob("*"))):
            inode = path.stat().st_ino
            inodes.add(inode)
            digest = "" if path.is_dir() else self._store(path.read_bytes())
            number = self._known.setdefault(inode, next(self._numbers))
            tree[path.relative_to(self._world).as_posix()] = (number, digest)
        for removed in (
            set(self._known) - inodes
        ):  # the system reuses inodes; these numbers are unique
            del self._known[removed]
        self._recording = False
        if synced or not self.steps or self.steps[-1]["tree"] != tree:
            self.steps.append({"tree": tree, "synced": self._known.get(synced)})

    def _store(self, data: bytes) -> str:
        digest = hashlib.sha256(data).hexdigest()
        if not (self._out / digest).exists():
            (self._out / digest).write_bytes(data)
        return digest


@contextmanager
def record_to(out: Path, world: Path) -> Iterator[None]:
    """Record into a folder what happens to all files below another; once a process."""
    out.mkdir()
    recorder = _Recorder(out, world)

    def fsync(handle: int) -> None:
        real(handle)
        recorder.record(os.fstat(handle).st_ino)

    real, os.fsync = os.fsync, fsync
    sys.addaudithook(lambda event, _: recorder.record() if event in _MOMENTS else None)
    recorder.record()
    yield
    recorder.record()
    os.fsync = real
    (out / "steps.json").write_text(json.dumps(recorder.steps))
