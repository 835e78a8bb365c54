"""Which of many unit vectors lie nearest to one: all are compared while they are few, else some.

Knows FAISS, and from how many vectors on it pays to look only where the nearest must be. Must not
know what the vectors stand for.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from assistant.index import arrays
from assistant.index.arrays import MappedMatrix, top_k

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    Vectors = NDArray[np.float32]

FLAT_UP_TO = 32_768
"""So many vectors are compared one by one: 4 ms on one core, and nothing is missed.

Lists are faster from about 8,000 on (1 ms), and find .99 of the ten nearest.
"""

# Of 92,100 vectors of real passages and sentences, in 1,024 lists of which 256 are looked through
# and 500 of what is found rescored, .990 of the ten nearest are found and .959 of the hundred
# nearest, in 1.0 ms; in 192 lists .972 and .945. With 300 rescored it is .990 and .928. More
# vectors to find the centres by (64 a list, 10 rounds), or finer codes, found no more of the ten.
_LISTS_FACTOR = 4.0  # times the root of how many vectors there are
_PROBES_FACTOR = 8.0  # times the root of how many lists there are
_EXTRA_RESCORED = 400  # beyond those that are asked for
_TRAINING_PER_LIST = 16  # vectors a list
_TRAINING_ROUNDS = 5
_ADD_BATCH = 65_536


class VectorIndex:
    """The vectors in one file, with the lists beside it where there are many; safe to share."""

    def __init__(self, path: Path) -> None:
        self.vectors = MappedMatrix(path)
        self._lists = _read(_lists_of(path))

    def search(self, vector: Vectors, k: int) -> list[tuple[int, float]]:
        """The k nearest by number and cosine, best first, ties by number.

        The cosines are exact. Past EXACT_UP_TO one of the nearest may be missed.
        """
        k = min(k, len(self.vectors))
        if not k:
            return []
        if self._lists is None:
            return top_k(np.arange(len(self.vectors)), dot_products(self.vectors.array, vector), k)
        looked = _parameters(self._lists.nlist)
        query = np.ascontiguousarray(vector, dtype=np.float32).reshape(1, -1)
        _, found = self._lists.search(query, _EXTRA_RESCORED + k, params=looked)
        keys = found[0][found[0] >= 0]
        return top_k(keys, dot_products(self.vectors.read_rows(keys), vector), k)

    def cosines(self, vector: Vectors, keys: Sequence[int]) -> Vectors:
        """The cosine of a unit vector with each of those named."""
        return dot_products(self.vectors.read_rows(np.asarray(keys, dtype=np.int64)), vector)


def dot_products(rows: Vectors, vector: Vectors) -> Vectors:
    """The dot product of each row with a vector, the same for the same row wherever it stands.

    One core: BLAS would share out a hundred rows, and wait for a core that is busy.
    """
    return np.asarray(np.vecdot(rows, vector), dtype=np.float32)


def write_vectors(
    path: Path, parts: Iterable[Vectors], *, width: int = 0, flat_up_to: int = FLAT_UP_TO
) -> int:
    """Write vectors that come in parts, with lists where they are many; returns their width.

    The bytes depend on the vectors and their order alone, not on the parts or how many cores
    there are. `width` is that of no vectors.
    """
    width = arrays.write_rows(path, parts, np.float32, width=width)
    vectors = MappedMatrix(path).array
    if len(vectors) <= flat_up_to:
        return width
    import faiss

    count = 2 ** round(math.log2(_LISTS_FACTOR * math.sqrt(len(vectors))))
    per_code = next(n for n in (4, 3, 2, 1) if width % n == 0)
    lists = faiss.IndexIVFPQFastScan(
        faiss.IndexFlatIP(width), width, count, width // per_code, 4, faiss.METRIC_INNER_PRODUCT
    )
    lists.cp.spherical = True
    lists.cp.niter = lists.pq.cp.niter = _TRAINING_ROUNDS
    lists.cp.min_points_per_centroid = lists.pq.cp.min_points_per_centroid = 1
    spread = np.linspace(0, len(vectors) - 1, min(len(vectors), _TRAINING_PER_LIST * count))
    # Threads wait for each other in a spin, many times a round: where a core is busy two take three
    # times as long as one (50,000 vectors: 3.3 s, 1.4 on one), where none is .8 s against 1.1.
    threads = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)  # of this thread alone
    try:
        lists.train(np.ascontiguousarray(vectors[spread.astype(np.int64)]))
    finally:
        faiss.omp_set_num_threads(threads)
    for start in range(0, len(vectors), _ADD_BATCH):
        lists.add(np.ascontiguousarray(vectors[start : start + _ADD_BATCH]))
    faiss.write_index(lists, str(_lists_of(path)))
    return width


def _lists_of(path: Path) -> Path:
    return path.with_suffix(".lists")


def _read(path: Path) -> Any:
    """The lists in a file, or None where there is none: FAISS takes .2 s to import."""
    if not path.exists():
        return None
    import faiss

    return faiss.read_index(str(path))


def _parameters(count: int) -> Any:
    import faiss

    looked: Any = faiss.SearchParametersIVF()
    looked.nprobe = min(count, round(_PROBES_FACTOR * math.sqrt(count)))
    return looked
