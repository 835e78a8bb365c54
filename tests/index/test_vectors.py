"""The nearest vectors against a dot product with all of them, one by one and by lists."""

from __future__ import annotations

import faiss
import numpy as np
import pytest

from assistant.index import vectors as vector_search
from assistant.index.vectors import VectorIndex

FEW = 500


def around(count: int, *, width: int, seed: int = 0) -> np.ndarray:
    """Unit vectors that lie around the same hundred, as those of texts lie around topics."""
    topics = np.random.default_rng(0).standard_normal((100, width))
    chance = np.random.default_rng(seed)
    moved = topics[chance.integers(100, size=count)]
    moved = moved + 0.75 * chance.standard_normal((count, width))
    return (moved / np.linalg.norm(moved, axis=1, keepdims=True)).astype(np.float32)


def written(path, vectors: np.ndarray, *, part: int = 1000) -> VectorIndex:
    """Vectors written in parts, with lists from 500 on."""
    parts = (vectors[start : start + part] for start in range(0, len(vectors), part))
    vector_search.write_vectors(path, parts, width=vectors.shape[1], flat_up_to=FEW)
    return VectorIndex(path)


@pytest.fixture(scope="module")
def many() -> np.ndarray:
    return around(6000, width=64)


@pytest.fixture(scope="module")
def listed(many, tmp_path_factory) -> VectorIndex:
    return written(tmp_path_factory.mktemp("vectors") / "vectors.npy", many)


@pytest.mark.parametrize("k", [1, 10, 400, 1000])
def test_few_vectors_are_all_compared(tmp_path, k):
    vectors = around(400, width=64)
    found = written(tmp_path / "vectors.npy", vectors)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["vectors.npy"]
    for vector in around(20, width=64, seed=1):
        cosines = vectors @ vector
        best = np.argsort(-cosines, kind="stable")[:k]
        nearest = found.search(vector, k)
        assert nearest == sorted(nearest, key=lambda pair: (-pair[1], pair[0]))
        np.testing.assert_allclose([c for _, c in nearest], cosines[best], atol=1e-6)
        np.testing.assert_allclose(cosines[[key for key, _ in nearest]], cosines[best], atol=1e-6)


def test_of_many_vectors_nearly_all_of_the_nearest_are_found(listed, many):
    shares = []
    for vector in around(100, width=64, seed=1):
        best = np.argsort(-(many @ vector), kind="stable")[:10]
        found = [key for key, _ in listed.search(vector, 10)]
        assert len(found) == 10
        shares.append(len({*found} & {*best.tolist()}) / 10)
    assert np.mean(shares) >= 0.97


def test_of_many_vectors_the_cosines_are_exact_and_in_order(listed, many):
    for vector in around(20, width=64, seed=2):
        found = listed.search(vector, 50)
        assert found == sorted(found, key=lambda pair: (-pair[1], pair[0]))
        keys = [key for key, _ in found]
        np.testing.assert_allclose([c for _, c in found], many[keys] @ vector, atol=1e-6)
        np.testing.assert_allclose(listed.cosines(vector, keys), many[keys] @ vector, atol=1e-6)


def test_vectors_that_are_the_same_come_by_number(tmp_path, many):
    found = written(tmp_path / "vectors.npy", np.repeat(many[:300], 4, axis=0))
    nearest = found.search(many[7], 4)
    assert [key for key, _ in nearest] == [28, 29, 30, 31]
    assert len({cosine for _, cosine in nearest}) == 1


def test_the_bytes_depend_neither_on_the_parts_nor_on_the_cores(tmp_path, many):
    cores, files = faiss.omp_get_max_threads(), set()
    for place, (part, threads) in enumerate([(6000, 1), (1000, 2), (7, 2)]):
        faiss.omp_set_num_threads(threads)
        (tmp_path / str(place)).mkdir()
        written(tmp_path / str(place) / "vectors.npy", many, part=part)
        names = ("vectors.npy", "vectors.lists")
        files.add(tuple((tmp_path / str(place) / name).read_bytes() for name in names))
    faiss.omp_set_num_threads(cores)
    assert len(files) == 1


def test_among_no_vectors_none_is_near(tmp_path):
    found = written(tmp_path / "vectors.npy", np.zeros((0, 64), dtype=np.float32))
    assert found.search(around(1, width=64)[0], 5) == []
    assert found.vectors.array.shape == (0, 64)


@pytest.mark.parametrize("width", [7, 9, 10, 12])
def test_vectors_of_any_width_have_lists(tmp_path, width):
    vectors = around(800, width=width)
    found = written(tmp_path / "vectors.npy", vectors)
    assert [key for key, _ in found.search(vectors[5], 1)] == [5]
