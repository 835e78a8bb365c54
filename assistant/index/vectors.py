"""Vector search: the unit vectors of a generation in one file, written and read by FAISS."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from assistant.index.arrays import top_k

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    Vectors = NDArray[np.float32]

FLAT_UP_TO = 32_768
"""Up to this number of vectors, every vector is compared with the query, and nothing is missed.

It takes 4 ms on one core. Lists are faster from about 8,000 vectors on (1 ms), and find .99 of the
ten nearest.
"""

# Of 92,100 vectors of real passages and sentences, in 1,024 lists of which 256 are searched and
# 500 candidates rescored, .990 of the ten nearest are found and .959 of the hundred nearest, in
# 1.0 ms; in 192 lists .972 and .945. With 300 rescored it is .990 and .928. More training vectors
# (64 per list, 10 rounds) or finer codes found no more of the ten.
_LISTS_FACTOR = 4.0  # times the root of the number of vectors
_PROBES_FACTOR = 8.0  # times the root of the number of lists
_EXTRA_RESCORED = 400  # candidates beyond k
_TRAINING_PER_LIST = 16
_TRAINING_ROUNDS = 5
_ADD_BATCH = 65_536
_FILE_TOP_K = 10  # a search for 10 with FAISS alone rescores as many candidates as ours


class VectorIndex:
    """Unit vectors in one FAISS file; thread-safe.

    Up to FLAT_UP_TO vectors the file is an `IndexFlatIP`, and NumPy compares them all with the
    query. More are an `IndexRefineFlat`, memory-mapped: lists of 4-bit codes
    (`IndexIVFPQFastScan`) name candidates, whose cosines come from the float32 vectors.
    """

    def __init__(self, path: Path) -> None:
        import faiss

        with path.open("rb") as file:  # FAISS itself opens only names that are valid UTF-8
            index = faiss.read_index(f"/dev/fd/{file.fileno()}", faiss.IO_FLAG_MMAP_IFC)
        self.shape = (int(index.ntotal), int(index.d))
        self._lists: Any = index if isinstance(index, faiss.IndexRefine) else None
        # A copy: rows in the file do not begin at a multiple of 4 bytes, and NumPy would take 3
        # times as long.
        self._array: Vectors | None = None
        if self._lists is None:
            self._array = index.reconstruct_n(0, len(self))

    def __len__(self) -> int:
        return self.shape[0]

    @property
    def nbytes(self) -> int:
        """The size of all vectors as float32."""
        return 4 * math.prod(self.shape)

    def search(self, vector: Vectors, k: int) -> list[tuple[int, float]]:
        """Find the k nearest as (number, cosine), best first, ties in order of their numbers.

        The cosines are exact. Past FLAT_UP_TO one of the nearest may be missed.
        """
        if self._array is not None:
            return top_k(np.arange(len(self)), dot_products(self._array, vector), k)
        query = np.ascontiguousarray(vector, dtype=np.float32).reshape(1, -1)
        _, keys = self._lists.base_index.search(query, min(len(self), k + _EXTRA_RESCORED))
        keys = keys[keys >= 0]
        return top_k(keys, self.cosines(vector, keys), k)

    def cosines(self, vector: Vectors, keys: Sequence[int] | NDArray[np.int64]) -> Vectors:
        """Compute the cosine of a unit vector with each of some vectors."""
        numbers = np.asarray(keys, dtype=np.int64)
        if self._array is not None:
            return dot_products(self._array[numbers], vector)
        return dot_products(self._lists.reconstruct_batch(numbers), vector)

    def slice(self, start: int, end: int) -> Vectors:
        """Return the vectors from `start` to before `end`."""
        if self._array is not None:
            return self._array[start:end]
        return np.asarray(self._lists.reconstruct_n(start, end - start), dtype=np.float32)


def dot_products(rows: Vectors, vector: Vectors) -> Vectors:
    """Multiply each row with a vector; the result for a row does not depend on the other rows.

    Uses one core: BLAS would divide a hundred rows among cores, and wait for a busy one.
    """
    return np.asarray(np.vecdot(rows, vector), dtype=np.float32)


def write_vectors(
    path: Path, parts: Iterable[Vectors], *, width: int = 0, flat_up_to: int = FLAT_UP_TO
) -> int:
    """Write vectors that come in parts into one FAISS file, and return their width.

    The bytes depend on the vectors and their order, not on the parts or the number of cores.
    `width` is used where there are no vectors. Raises OSError.
    """
    import faiss

    parts = (part for part in parts if len(part))
    first = next(parts, np.zeros((0, width), dtype=np.float32))
    rows = faiss.IndexFlatIP(first.shape[1])
    for part in itertools.chain([first], parts):
        rows.add(np.ascontiguousarray(part))
    index = rows if rows.ntotal <= flat_up_to else _add_lists(rows)
    with path.open("wb") as file:
        faiss.write_index(index, faiss.PyCallbackIOWriter(file.write))  # type: ignore[attr-defined]
    return int(rows.d)


def _add_lists(rows: Any) -> Any:
    """Put lists of 4-bit codes in front of a flat index."""
    import faiss

    size, width = rows.ntotal, rows.d
    count = 2 ** round(math.log2(_LISTS_FACTOR * math.sqrt(size)))
    per_code = next(n for n in (4, 3, 2, 1) if width % n == 0)
    lists = faiss.IndexIVFPQFastScan(
        faiss.IndexFlatIP(width), width, count, width // per_code, 4, faiss.METRIC_INNER_PRODUCT
    )
    lists.cp.spherical = True
    lists.cp.niter = lists.pq.cp.niter = _TRAINING_ROUNDS
    lists.cp.min_points_per_centroid = lists.pq.cp.min_points_per_centroid = 1
    lists.nprobe = min(count, round(_PROBES_FACTOR * math.sqrt(count)))
    sample = np.linspace(0, size - 1, min(size, _TRAINING_PER_LIST * count)).astype(np.int64)
    # FAISS's threads spin while they wait for each other. 50,000 vectors take 1.1 s on one thread
    # and .8 s on two; where another process keeps a core busy, 1.4 s on one and 3.3 s on two.
    threads = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)  # of this thread alone
    try:
        lists.train(rows.reconstruct_batch(sample))
    finally:
        faiss.omp_set_num_threads(threads)
    for start in range(0, size, _ADD_BATCH):
        lists.add(rows.reconstruct_n(start, min(_ADD_BATCH, size - start)))
    index = faiss.IndexRefine(lists, rows)
    index.k_factor = 1 + _EXTRA_RESCORED / _FILE_TOP_K
    return index
