"""Arrays of numbers in files: raw rows, whose type and shape the manifest holds."""

from __future__ import annotations

import math
import os
import weakref
from dataclasses import dataclass
from itertools import repeat
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from numpy.typing import DTypeLike, NDArray

    Array = NDArray[Any]

# A file of at most this size is mapped: reading it with system calls takes twice as long.
_SMALL_FILE_BYTES = 4 << 20


@dataclass(frozen=True, slots=True)
class ArraySpec:
    """The type of an array, as NumPy writes it (`<f4`, `|i1`), and its shape."""

    dtype: str
    shape: tuple[int, ...]


class ArrayWriter:
    """Writes arrays into a folder and collects their types and shapes, by file name."""

    def __init__(self, folder: Path) -> None:
        self.specs: dict[str, ArraySpec] = {}
        self._folder = folder

    def write(self, name: str, array: Array) -> None:
        """Write one array."""
        with (self._folder / name).open("wb") as file:
            file.write(np.ascontiguousarray(array).data)
        self.specs[name] = ArraySpec(array.dtype.str, array.shape)

    def write_rows(self, name: str, parts: Iterable[Array], dtype: DTypeLike, width: int) -> None:
        """Write the rows of a matrix in parts, one part in memory at a time."""
        rows = 0
        with (self._folder / name).open("wb") as file:
            for part in parts:
                file.write(np.ascontiguousarray(part, dtype=dtype).data)
                rows += len(part)
        self.specs[name] = ArraySpec(np.dtype(dtype).str, (rows, width))


class ArrayReader:
    """Opens the arrays in a folder, by file name."""

    def __init__(self, folder: Path, specs: Mapping[str, ArraySpec]) -> None:
        self._folder = folder
        self._specs = specs

    def map(self, name: str) -> Array:
        """Map an array into memory; slices of the result are 10 times cheaper than a `memmap`'s.

        Raises KeyError or ValueError where the manifest and the file disagree.
        """
        return _map_file(self._folder / name, self._specs[name])

    def open_matrix(self, name: str) -> MappedMatrix:
        """Open a matrix whose rows are read a few at a time."""
        return MappedMatrix(self._folder / name, self._specs[name])


class MappedMatrix:
    """The rows of a matrix in a file, which stays open; thread-safe.

    `array` maps the whole file. Each row that is read there counts as 64 kB of memory of this
    process. `read_runs` reads a large file by system calls instead, at about 1 µs per run.
    """

    def __init__(self, path: Path, spec: ArraySpec) -> None:
        self.array = _map_file(path, spec)
        self._file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        weakref.finalize(self, os.close, self._file)

    def read_runs(self, starts: NDArray[np.int64], ends: NDArray[np.int64]) -> Array:
        """Read runs of rows, one after another, each from its start to before its end.

        The result has shape (rows, width).
        """
        if self.array.nbytes <= _SMALL_FILE_BYTES:
            runs = map(slice, starts.tolist(), ends.tolist())
            return np.concatenate([self.array[:0], *map(self.array.__getitem__, runs)])
        width = self.array.shape[1]
        row_bytes = width * self.array.itemsize
        lengths, offsets = (ends - starts) * row_bytes, starts * row_bytes
        chunks = map(os.pread, repeat(self._file), lengths.tolist(), offsets.tolist())
        return np.frombuffer(b"".join(chunks), dtype=self.array.dtype).reshape(-1, width)


def top_k(keys: Array, scores: Array, k: int) -> list[tuple[int, float]]:
    """Return the k highest scores as (key, score), highest first, ties in order of their keys.

    Of several scores equal to the k-th highest, those with the lowest keys are returned.
    """
    if 0 < k < len(scores):
        chosen = scores >= np.partition(scores, len(scores) - k)[len(scores) - k]
        keys, scores = keys[chosen], scores[chosen]
    order = np.lexsort((keys, -scores))[:k]
    return list(zip(keys[order].tolist(), scores[order].tolist(), strict=True))


def _map_file(path: Path, spec: ArraySpec) -> Array:
    size = math.prod(spec.shape) * np.dtype(spec.dtype).itemsize
    if path.stat().st_size != size:
        raise ValueError(f"{path.name} has {path.stat().st_size} bytes, not {size}")
    if not size:  # an empty file cannot be mapped
        return np.zeros(spec.shape, spec.dtype)
    return np.asarray(np.memmap(path, spec.dtype, "r", shape=spec.shape))
