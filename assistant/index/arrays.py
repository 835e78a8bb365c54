"""Rows of numbers in a file, read through from first to last or a few at a time; and the best.

Knows which way of reading a file counts as memory. Must not know what the numbers are.
"""

from __future__ import annotations

import os
import re
import weakref
from itertools import repeat
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from numpy.typing import DTypeLike, NDArray

    Numbers = NDArray[Any]


_HEADER = re.compile(
    rb"\{'descr': '([<|][iuf]\d)', 'fortran_order': False, 'shape': \(([\d, ]*)\), \} *\n"
)
"""What NumPy writes at the head of a file of numbers, in its format 1.0, after ten bytes."""


# A file of so many bytes may count as memory; to read it would take twice as long.
_SMALL_FILE_BYTES = 4 << 20


class MappedMatrix:
    """The rows of one file, which stays open; safe to share.

    `whole` is mapped into memory: what is touched of it counts as memory of this process, 64 KB
    around every row where the file is in the system's cache. So `runs` and `rows` read a large file
    instead, at about a microsecond a run, and it takes no memory however much is asked.
    """

    def __init__(self, path: Path) -> None:
        self.array = map_array(path)
        self._file = os.open(path, os.O_RDONLY)
        self._begin = os.fstat(self._file).st_size - self.array.nbytes
        weakref.finalize(self, os.close, self._file)

    def __len__(self) -> int:
        return len(self.array)

    @property
    def width(self) -> int:
        """How many numbers a row has."""
        return int(self.array.shape[1])

    def read_rows(self, keys: NDArray[np.int64]) -> Numbers:
        """Some rows, in the order asked for."""
        return self.read_runs(keys, keys + 1)

    def read_runs(self, starts: NDArray[np.int64], ends: NDArray[np.int64]) -> Numbers:
        """The rows of some runs, each from its start up to its end, one run after another."""
        if self.array.nbytes <= _SMALL_FILE_BYTES:
            runs = map(slice, starts.tolist(), ends.tolist())
            return np.concatenate([self.array[:0], *map(self.array.__getitem__, runs)])
        size = self.width * self.array.itemsize
        lengths, places = (ends - starts) * size, self._begin + starts * size
        read = map(os.pread, repeat(self._file), lengths.tolist(), places.tolist())
        return np.frombuffer(b"".join(read), dtype=self.array.dtype).reshape(-1, self.width)


def map_array(path: Path) -> Numbers:
    """The array in a file, mapped into memory; not as a `memmap`, whose slices cost ten times.

    Raises ValueError for what is no file of numbers. `numpy.load` is not used: it takes the header
    for Python, which CPython 3.11 cannot parse in two threads at once (its issue 106905).
    """
    with path.open("rb") as file:
        begun = file.read(10)
        head = file.read(int.from_bytes(begun[8:], "little"))
    described = _HEADER.fullmatch(head) if begun.startswith(b"\x93NUMPY\x01\x00") else None
    if not described:
        raise ValueError(f"{path.name} does not begin as a file of numbers does")
    shape = tuple(int(size) for size in described[2].replace(b",", b" ").split())
    dtype = np.dtype(described[1].decode("ascii"))
    if 0 in shape:  # nothing to map
        return np.zeros(shape, dtype)
    return np.asarray(np.memmap(path, dtype, "r", len(begun) + len(head), shape))


def top_k(keys: Numbers, scores: Numbers, k: int) -> list[tuple[int, float]]:
    """The k of highest score, best first, ties by key and those at the end too."""
    if 0 < k < len(scores):
        kept = scores >= np.partition(scores, len(scores) - k)[len(scores) - k]
        keys, scores = keys[kept], scores[kept]
    order = np.lexsort((keys, -scores))[:k]
    return list(zip(keys[order].tolist(), scores[order].tolist(), strict=True))


def write_rows(path: Path, parts: Iterable[Numbers], dtype: DTypeLike, *, width: int = 0) -> int:
    """Write rows that come in parts, one part in memory at a time, and return their width.

    `width` is that of a file without any rows.
    """
    found = iter(parts)
    first = next((part for part in found if len(part)), np.zeros((0, width), dtype))
    rows, width = len(first), first.shape[1]
    with path.open("wb") as file:
        # NumPy leaves room in a header for the number of rows to grow.
        _write_header(file, dtype, (0, width))
        file.write(np.ascontiguousarray(first).data)
        for part in found:
            file.write(np.ascontiguousarray(part).data)
            rows += len(part)
        file.seek(0)
        _write_header(file, dtype, (rows, width))
    return width


def _write_header(file: Any, dtype: DTypeLike, shape: tuple[int, int]) -> None:
    described = np.lib.format.dtype_to_descr(np.dtype(dtype))
    header = {"descr": described, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, header)
