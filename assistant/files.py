"""Read and write files that a user named; refuse everything that is not a regular file.

Opening a pipe would block until another process writes to it.
"""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress
from io import BufferedReader
from pathlib import Path

_PRIVATE, _OTHERS_MASK = 0o600, 0o077
_WRITE_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_TRUNC


def read_bytes(path: Path) -> bytes:
    """Read the bytes of a regular file. Raises OSError at once for anything else."""
    with open_regular(path) as file:
        return file.read()


def open_regular(path: Path) -> BufferedReader:
    """Open a regular file for reading. Raises OSError at once for anything else."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        _require_regular(os.fstat(descriptor).st_mode, path)
    except OSError:
        os.close(descriptor)
        raise
    return open(descriptor, "rb")  # noqa: PTH123 - a descriptor has no path


def read_text(path: Path) -> str:
    """Read a regular file of UTF-8, its line ends unchanged.

    Raises OSError, and UnicodeDecodeError whose reason names the line.
    """
    return decode_utf8(read_bytes(path))


def decode_utf8(data: bytes) -> str:
    """Decode UTF-8. Raises UnicodeDecodeError whose reason names the line."""
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        number = data.count(b"\n", 0, error.start) + 1
        error.reason = f"line {number} is not UTF-8"
        raise


def check_regular(path: Path) -> None:
    """Raise OSError if the path exists and is not a regular file."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return
    _require_regular(mode, path)


def write_text(path: Path, text: str) -> None:
    """Write a file as UTF-8. Raises OSError, also for a pipe that nobody reads."""
    descriptor = os.open(path, _WRITE_FLAGS | os.O_NONBLOCK | os.O_CLOEXEC, 0o666)
    os.set_blocking(descriptor, True)
    with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace") as file:
        file.write(text)


def _require_regular(mode: int, path: Path) -> None:
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, "It is a folder", str(path))
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, "It is not a regular file", str(path))


def make_private(path: Path) -> None:
    """Create a file that only its owner may read, or remove the permissions of others.

    A file of another owner, or in a read-only folder, stays as it is. Raises OSError if the path
    exists and is not a regular file.
    """
    check_regular(path)
    with suppress(OSError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _PRIVATE))
    with suppress(OSError):
        if path.stat().st_mode & _OTHERS_MASK:
            path.chmod(_PRIVATE)
