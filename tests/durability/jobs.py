"""What a writer can be told to do: the real build, and the broken ones a harness has to catch.

Words come in as text and numbers, results go out as JSON.
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
    """Publish as the assistant does."""
    return builder.build_index(Path(guide), Path(folder), WordEncoder()).generation


# -- broken writers -------------------------------------------------------------------------------


LINGER = 0.02
"""Seconds a broken writer is in between, so that a kill lands there however fast the machine is."""


def in_place(guide: str, folder: str) -> None:
    """Write the new generation over the current one, then rename it."""
    made = _made(guide, folder)
    home = _current(Path(folder))
    for path in home.rglob("*"):
        if path.is_file():
            path.write_bytes((made / path.relative_to(home)).read_bytes())
    time.sleep(LINGER)
    home.rename(home.with_name(made.name))
    shutil.copy(made.parent / "CURRENT", folder)


def pointer_first(guide: str, folder: str) -> None:
    """Point to the new generation, then take the old one away and rename the new one in."""
    made = _made(guide, folder)
    home = _current(Path(folder))
    (made.parent / "CURRENT").rename(Path(folder, "CURRENT"))
    shutil.rmtree(home)
    time.sleep(LINGER)
    made.rename(Path(folder, made.name))


def careless(guide: str, folder: str) -> None:
    """Copy the generation in, whatever of it can be written, and point to it all the same."""
    made = _made(guide, folder)
    home = Path(folder, made.name)
    for path in made.rglob("*"):
        target = home / path.relative_to(made)
        try:
            if path.is_dir():
                target.mkdir(parents=True, exist_ok=True)
            else:
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(path.read_bytes())
        except OSError:
            continue
    _current(Path(folder))
    Path(folder, "CURRENT").write_bytes((made.parent / "CURRENT").read_bytes())


def _made(guide: str, folder: str) -> Path:
    """A whole generation of the guide, made beside the index folder."""
    beside = Path(f"{folder}-made")
    shutil.rmtree(beside, ignore_errors=True)
    builder.build_index(Path(guide), beside, WordEncoder())
    return _current(beside)


def _current(folder: Path) -> Path:
    return folder / (folder / "CURRENT").read_text().split()[0]


# -- under a fault or a limit ---------------------------------------------------------------------


def faulty(number: int, error: int, job: str, guide: str, folder: str) -> int:
    """Do a job of which the I/O of this number fails; how many there were."""
    shim = ctypes.CDLL(None)
    shim.fault_arm(number, error, os.fsencode(folder))
    try:
        globals()[job](guide, folder)
    finally:
        done = int(shim.fault_disarm())
    return done


def limited(limit: str, value: int, job: str, guide: str, folder: str) -> None:
    """Do a job under a limit on the process, counted from what is open where it is on files."""
    kind = getattr(resource, limit)
    if kind == resource.RLIMIT_NOFILE:
        value += _open_files()
    resource.setrlimit(kind, (value, resource.getrlimit(kind)[1]))
    globals()[job](guide, folder)


# -- for long -------------------------------------------------------------------------------------


def update(count: int, stored: int, guide: str, folder: str) -> list[tuple[int, int, int]]:
    """Publish again and again, reading each; open files, bytes in memory, generations at each.

    With `kept` every generation that was opened stays open, as a leaking server would.
    """
    opened = []
    observed = []
    for edition in range(1, count + 1):
        scene.write_guide(Path(guide), edition)
        build(guide, folder)
        assert scene.edition_in(Path(folder)) == edition
        if stored:
            opened.append((index.open_index(Path(folder)), bytearray(os.urandom(1 << 18))))
        gc.collect()
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        observed.append((_open_files(), pages * 4096, len(scene.generations_in(Path(folder)))))
    return observed


def _open_files() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir()) - 1  # one is of the looking itself


def read(stop: str, folder: str) -> list[tuple[object, ...]]:
    """Ask again and again until a file appears."""
    return [astuple(request) for request in readers.read_until(Path(stop), Path(folder))]


def record(guide: str, folder: str, out: str) -> None:
    """Publish, and write down every state of the disk on the way."""
    with recording.to(Path(out), world=Path(folder).parent):
        build(guide, folder)
