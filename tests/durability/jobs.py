"""The jobs of a writer: the real build, and broken ones that a harness has to catch.

Arguments are text and numbers, results are JSON.
"""

from __future__ import annotations

import ctypes
import gc
import os
import resource
import shutil
import time
from dataclasses import astuple
from pathlib import Path

from assistant.index import builder, index
from tests.conftest import WordEncoder
from tests.durability import readers, recording, scene


def build(guide: str, folder: str) -> str:
    """Publish with the assistant's own builder."""
    return builder.build_index(Path(guide), Path(folder), WordEncoder()).generation


# -- broken writers -------------------------------------------------------------------------------


LINGER = 0.02
"""Seconds that a broken writer waits halfway, so that a kill lands there on any machine."""


def in_place(guide: str, folder: str) -> None:
    """Write the new generation over the current one, then rename it."""
    new = _build_beside(guide, folder)
    home = _current(Path(folder))
    for path in home.rglob("*"):
        if path.is_file():
            path.write_bytes((new / path.relative_to(home)).read_bytes())
    time.sleep(LINGER)
    home.rename(home.with_name(new.name))
    shutil.copy(new.parent / "CURRENT", folder)


def pointer_first(guide: str, folder: str) -> None:
    """Point to the new generation, then take the old one away and rename the new one in."""
    new = _build_beside(guide, folder)
    home = _current(Path(folder))
    (new.parent / "CURRENT").rename(Path(folder, "CURRENT"))
    shutil.rmtree(home)
    time.sleep(LINGER)
    new.rename(Path(folder, new.name))


def careless(guide: str, folder: str) -> None:
    """Copy what can be written of the generation, and point to it in any case."""
    new = _build_beside(guide, folder)
    home = Path(folder, new.name)
    for path in new.rglob("*"):
        target = home / path.relative_to(new)
        try:
            if path.is_dir():
                target.mkdir(parents=True, exist_ok=True)
            else:
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(path.read_bytes())
        except OSError:
            continue
    _current(Path(folder))
    Path(folder, "CURRENT").write_bytes((new.parent / "CURRENT").read_bytes())


def _build_beside(guide: str, folder: str) -> Path:
    """Build a whole generation of the guide beside the index folder."""
    beside = Path(f"{folder}-made")
    shutil.rmtree(beside, ignore_errors=True)
    builder.build_index(Path(guide), beside, WordEncoder())
    return _current(beside)


def _current(folder: Path) -> Path:
    return folder / (folder / "CURRENT").read_text().split()[0]


# -- under a fault or a limit ---------------------------------------------------------------------


def faulty(number: int, error: int, job: str, guide: str, folder: str) -> int:
    """Run a job whose I/O of this number fails, and return the number of I/Os."""
    shim = ctypes.CDLL(None)
    shim.fault_arm(number, error, os.fsencode(folder))
    try:
        globals()[job](guide, folder)
    finally:
        done = int(shim.fault_disarm())
    return done


def limited(limit: str, value: int, job: str, guide: str, folder: str) -> None:
    """Run a job under a limit of the process; a limit on files is added to those already open."""
    kind = getattr(resource, limit)
    if kind == resource.RLIMIT_NOFILE:
        value += _open_files()
    resource.setrlimit(kind, (value, resource.getrlimit(kind)[1]))
    globals()[job](guide, folder)


# -- for long -------------------------------------------------------------------------------------


def update(count: int, keep_open: int, guide: str, folder: str) -> list[tuple[int, int, int]]:
    """Publish and read repeatedly; return open files, memory in bytes and generations each time.

    With `keep_open` every opened generation stays open, as in a leaking server.
    """
    open_indexes = []
    observed = []
    for edition in range(1, count + 1):
        scene.write_guide(Path(guide), edition)
        build(guide, folder)
        assert scene.edition_in(Path(folder)) == edition
        if keep_open:
            open_indexes.append((index.open_index(Path(folder)), bytearray(os.urandom(1 << 18))))
        gc.collect()
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        observed.append((_open_files(), pages * 4096, len(scene.generations_in(Path(folder)))))
    return observed


def _open_files() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir()) - 1  # one is the listing itself


def read(stop: str, folder: str) -> list[tuple[object, ...]]:
    """Ask again and again until a file appears."""
    return [astuple(answer) for answer in readers.read_until(Path(stop), Path(folder))]


def record(guide: str, folder: str, out: str) -> None:
    """Publish, and record every state of the disk."""
    with recording.record_to(Path(out), world=Path(folder).parent):
        build(guide, folder)
