"""Publish, open, check and remove the generations of an index on disk.

A generation is a folder named by the digest of its `manifest.json`, which holds the sha256 of
every other file in it, or of each 4 MB of a larger file. `CURRENT` names the current generation
and the one before it, and is replaced by one rename. The names of files and folders that a writer
has not finished begin with a dot.
"""

from __future__ import annotations

import errno
import hashlib
import itertools
import json
import os
import re
import shutil
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from assistant import files
from assistant.errors import (
    IndexBusy,
    IndexDamaged,
    IndexMissing,
    IndexNotWritable,
    IndexOutdated,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from filelock import FileLock

    _Block = tuple[str, int]  # a file's path inside its generation, and the number of the block

T = TypeVar("T")

REBUILD_HINT = "Run: assistant build"

_MANIFEST_FILE = "manifest.json"
_GENERATION_NAME = re.compile(r"[0-9a-f]{16}")
_POINTER_TEXT = re.compile(r"(([0-9a-f]{16})\n([0-9a-f]{16}|-)\n)([0-9a-f]{16})\n")
# Files are hashed in blocks of 4 MB; 16 blocks or more are hashed on all cores. When a generation
# is opened, at most 64 blocks are checked: 256 MB, .2 s on two cores.
_BLOCK_BYTES = 4 << 20
_PARALLEL_FROM = 16
_MAX_BLOCKS_CHECKED = 64
_DIGEST_LENGTH = 64
_UNFINISHED_PREFIXES = (".draft-", ".current-")


@dataclass(frozen=True, slots=True)
class Generation:
    """A generation whose files were checked.

    `damage` is empty for the current generation. For another it says what is damaged in the current
    one, or in CURRENT.
    """

    name: str
    folder: Path
    manifest: str
    damage: str = ""


@dataclass(frozen=True, slots=True)
class _Pointer:
    """The generations to try, in order, and what is wrong with CURRENT (empty for nothing)."""

    names: tuple[str, ...]
    problem: str = ""


def open_current(folder: Path, load: Callable[[Generation], T], *, check_all: bool = False) -> T:
    """Load the current generation, or another one if the current one is damaged.

    The other one is the generation before; if CURRENT is damaged, it is the last published one that
    is not damaged. A generation is checked as by `check_generation` before it is loaded; nothing is
    written. `load` raises IndexDamaged if a checked file cannot be used, and IndexOutdated for
    another format. Raises these, IndexMissing, or IndexDamaged if every generation is damaged.
    """
    while True:
        pointer = _read_pointer(folder)
        damage = pointer.problem
        if not pointer.names and not damage:
            raise IndexMissing(f"There is no index in {folder}.", REBUILD_HINT)
        for name in pointer.names:
            try:
                generation = check_generation(folder / name, check_all=check_all)
                return load(replace(generation, damage=damage))
            except IndexDamaged as error:
                if _read_pointer(folder) != pointer:
                    break  # not damaged: a writer has published another and removed this one
                damage = damage or error.message
            except IndexOutdated:
                if damage == pointer.problem:  # otherwise the damage of the newer one is reported
                    raise
        else:
            raise IndexDamaged(damage, REBUILD_HINT)


def read_current_name(folder: Path) -> str:
    """Read the name of the current generation; empty if there is none."""
    return next(iter(_read_pointer(folder).names), "")


def check_generation(folder: Path, *, check_all: bool = True) -> Generation:
    """Check a generation's files against its manifest, and the manifest against the name.

    Without `check_all` only 256 MB of a larger generation are hashed: the first and the last 4 MB
    of every file, and blocks spread evenly between them. This detects a file that is missing,
    shortened, longer, from another generation, or damaged over a long range. Raises IndexDamaged
    for the first file that is missing, altered or not in the manifest.
    """
    path = folder / _MANIFEST_FILE
    try:
        text = files.read_bytes(path).decode()
        if _short_digest(text) != folder.name:
            raise _damaged(path)
        listed = dict(json.loads(text)["files"])
        present = _count_blocks(folder)
        for name in sorted({*listed, *present}):
            if len(listed.get(name, "")) != _DIGEST_LENGTH * present.get(name, 0):
                raise _damaged(folder / name)
        blocks = [(name, n) for name, count in present.items() for n in range(count)]
        sample = blocks if check_all else _sample_blocks(blocks, present)
        for (name, n), digest in zip(sample, _hash_blocks(folder, sample), strict=True):
            if listed[name][_DIGEST_LENGTH * n : _DIGEST_LENGTH * (n + 1)] != digest:
                raise _damaged(folder / name)
    except FileNotFoundError as error:
        raise _damaged(error.filename) from error
    except OSError as error:
        message = f"{error.filename or folder} cannot be read: {error.strerror or error}."
        raise IndexDamaged(message, REBUILD_HINT) from error
    except (ValueError, KeyError, TypeError) as error:
        raise _damaged(path) from error
    return Generation(folder.name, folder, text)


def hash_files(folder: Path) -> dict[str, str]:
    """Hash every file in a folder except the manifest; return the hashes by path in the folder.

    The hash of a file of more than 4 MB is the sha256 of each 4 MB, one after another.
    """
    present = _count_blocks(folder)
    blocks = [(name, n) for name, count in present.items() for n in range(count)]
    digests = iter(_hash_blocks(folder, blocks))
    return {name: "".join(itertools.islice(digests, count)) for name, count in present.items()}


def _count_blocks(folder: Path) -> dict[str, int]:
    """Count the blocks of every file except the manifest, by path in the folder, in order."""
    paths = [p for p in sorted(folder.rglob("*")) if p.is_file() and p != folder / _MANIFEST_FILE]
    return {
        path.relative_to(folder).as_posix(): max(1, -(-path.stat().st_size // _BLOCK_BYTES))
        for path in paths
    }


def _sample_blocks(blocks: Sequence[_Block], sizes: Mapping[str, int]) -> list[_Block]:
    """Choose the first and last block of every file, and others at even distances, in order."""
    if len(blocks) <= _MAX_BLOCKS_CHECKED:
        return list(blocks)
    ends = {block for block in blocks if block[1] in (0, sizes[block[0]] - 1)}
    inner = [block for block in blocks if block not in ends]
    room = min(len(inner), max(0, _MAX_BLOCKS_CHECKED - len(ends)))
    chosen = ends | {inner[n * len(inner) // room] for n in range(room)}
    return [block for block in blocks if block in chosen]


def _hash_blocks(folder: Path, blocks: Sequence[_Block]) -> list[str]:
    def sha256(block: _Block) -> str:
        name, number = block
        with (folder / name).open("rb") as file:
            file.seek(number * _BLOCK_BYTES)
            return hashlib.sha256(file.read(_BLOCK_BYTES)).hexdigest()

    if len(blocks) < _PARALLEL_FROM:
        return [sha256(block) for block in blocks]
    with ThreadPoolExecutor() as pool:
        return list(pool.map(sha256, blocks))


@contextmanager
def lock_for_writing(folder: Path) -> Iterator[Path]:
    """Lock an index for writing; yield an empty draft folder, which is removed at the end.

    The kernel releases the lock when the process ends, and the next writer removes unfinished
    files. Raises IndexBusy at once if another process holds the lock, and IndexNotWritable for
    every OSError in the block.
    """
    try:
        _make_folders(folder)
        lock = _acquire_lock(folder)
        try:
            _sweep(folder)
            try:
                draft = folder / f".draft-{os.getpid()}"
                draft.mkdir()
                yield draft
            finally:
                _sweep(folder)
        finally:
            lock.release()
    except OSError as error:
        full = error.errno in {errno.ENOSPC, errno.EDQUOT}
        hint = "Free some space there" if full else "Make its files writable"
        raise IndexNotWritable(
            f"The index cannot be written to {folder}: {error.strerror or error}.",
            f"{hint}, or name another folder with --index.",
        ) from error


def publish(folder: Path, draft: Path, manifest: str, *, previous: str = "") -> str:
    """Make a draft the current generation and return its name; only under `lock_for_writing`.

    The manifest is JSON whose `files` are the draft's digests. `previous` names the generation that
    is kept in case this one is damaged; all others are removed. Every file is synced before one
    rename gives the generation its name, so that a reader opens the old one or the new one.
    """
    (draft / _MANIFEST_FILE).write_text(manifest, encoding="utf-8")
    for path in sorted(draft.rglob("*")):
        _fsync(path)
    _fsync(draft)
    name = _short_digest(manifest)
    _move_into_place(draft, folder / name)
    _fsync(folder)
    _write_pointer(folder, name, "" if previous == name else previous)
    return name


def save_beside(folder: Path, name: str, text: str) -> None:
    """Write a small file beside the generations by one rename; an empty text removes it.

    No writer of generations changes it. Raises as `lock_for_writing` does.
    """
    with lock_for_writing(folder) as draft:
        if text:
            (draft / name).write_text(text, encoding="utf-8")
            _fsync(draft / name)
            (draft / name).replace(folder / name)
        else:
            (folder / name).unlink(missing_ok=True)
        _fsync(folder)


def _move_into_place(draft: Path, folder: Path) -> None:
    """Rename a draft to its final name, unless the same generation is there and not damaged."""
    if folder.exists():
        try:
            check_generation(folder)
        except IndexDamaged:
            _remove(folder)
        else:
            os.utime(folder)  # if CURRENT is lost, the newest generation is opened
            return
    draft.rename(folder)


def _write_pointer(folder: Path, name: str, previous: str) -> None:
    """Replace CURRENT; its last line is the digest of the lines above."""
    text = f"{name}\n{previous or '-'}\n"
    path = folder / f".current-{os.getpid()}"
    path.write_text(f"{text}{_short_digest(text)}\n", encoding="ascii")
    _fsync(path)
    path.replace(folder / "CURRENT")
    _fsync(folder)


def _read_pointer(folder: Path) -> _Pointer:
    """Read CURRENT; if it is missing or damaged, list all generations, the newest first."""
    path = folder / "CURRENT"
    try:
        text = files.read_bytes(path).decode("ascii", "replace")
    except FileNotFoundError:
        names = _list_generations(folder)
        return _Pointer(names, f"{path} is missing." if names else "")
    except OSError as error:
        problem = f"{path} cannot be read: {error.strerror or error}."
        return _Pointer(_list_generations(folder), problem)
    match = _POINTER_TEXT.fullmatch(text)
    if not match or _short_digest(match[1]) != match[4]:
        return _Pointer(_list_generations(folder), f"{path} was altered.")
    return _Pointer(tuple(name for name in match.group(2, 3) if name != "-"))


def _list_generations(folder: Path) -> tuple[str, ...]:
    """List the folders that have the name of a generation, the last published first."""
    try:
        folders = [path for path in folder.iterdir() if _GENERATION_NAME.fullmatch(path.name)]
        folders.sort(key=lambda path: (-path.stat().st_mtime_ns, path.name))
    except OSError:
        return ()
    return tuple(path.name for path in folders)


def _sweep(folder: Path) -> None:
    """Remove unfinished files of earlier writers, and generations that CURRENT does not name.

    Files that cannot be removed now are left to the next writer.
    """
    current = _read_pointer(folder).names
    with suppress(OSError):
        for path in sorted(folder.iterdir()):
            is_old = _GENERATION_NAME.fullmatch(path.name) and path.name not in current
            if is_old or path.name.startswith(_UNFINISHED_PREFIXES):
                _remove(path)


def _remove(path: Path) -> None:
    """Remove a file or folder; rename a folder first, so that no generation is half removed."""
    with suppress(OSError):
        if not path.is_dir():
            path.unlink()
            return
        aside = path.with_name(f".draft-{path.name.removeprefix('.draft-')}")
        path.rename(aside)
        shutil.rmtree(aside)


def _make_folders(folder: Path) -> None:
    """Make the folder and its missing parents, and sync them all."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for path in missing:
        _fsync(path.parent)


def _acquire_lock(folder: Path) -> FileLock:
    from filelock import FileLock, Timeout

    lock = FileLock(folder / ".lock", timeout=0, fallback_to_soft=False)
    try:
        lock.acquire()
    except Timeout as error:
        raise IndexBusy(
            f"Another process is building the index in {folder}.", "Wait for it to finish."
        ) from error
    return lock


def _fsync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _short_digest(text: str) -> str:
    """Compute the digest that names a generation and ends CURRENT: the first 64 bits of sha256."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _damaged(path: Path | str) -> IndexDamaged:
    return IndexDamaged(f"{path} is missing or altered.", REBUILD_HINT)
