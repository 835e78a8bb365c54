"""Vector search against a dot product with every vector, flat and in lists."""

from __future__ import annotations

import faiss
import numpy as np
import pytest

from assistant.index.vectors import VectorIndex, write_vectors

FLAT_UP_TO = 500


def unit_vectors(count: int, *, width: int, seed: int = 0) -> np.ndarray:
    """Unit vectors around the same hundred, as those of texts lie around topics."""
    topics = np.random.default_rng(0).standard_normal((100, width))
    random = np.random.default_rng(seed)
    vectors = topics[random.integers(100, size=count)]
    vectors = vectors + 0.75 * random.standard_normal((count, width))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def write_and_open(path, vectors: np.ndarray, *, part: int = 1000) -> VectorIndex:
    """Write vectors in parts; more than 500 go into lists."""
    parts = (vectors[start : start + part] for start in range(0, len(vectors), part))
    write_vectors(path, parts, width=vectors.shape[1], flat_up_to=FLAT_UP_TO)
    return VectorIndex(path)


@pytest.fixture(scope="module")
def many() -> np.ndarray:
    return unit_vectors(6000, width=64)


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return tmp_path_factory.mktemp("vectors") / "vectors.faiss"


@pytest.fixture(scope="module")
def in_lists(many, path) -> VectorIndex:
    return write_and_open(path, many)


@pytest.mark.parametrize("k", [1, 10, 400, 1000])
def test_a_flat_index_finds_exactly_the_nearest(tmp_path, k):
    vectors = unit_vectors(400, width=64)
    index = write_and_open(tmp_path / "vectors.faiss", vectors)
    for query in unit_vectors(20, width=64, seed=1):
        cosines = vectors @ query
        expected = np.argsort(-cosines, kind="stable")[:k]
        nearest = index.search(query, k)
        assert nearest == sorted(nearest, key=lambda pair: (-pair[1], pair[0]))
        np.testing.assert_allclose([c for _, c in nearest], cosines[expected], atol=1e-6)
        keys = [key for key, _ in nearest]
        np.testing.assert_allclose(cosines[keys], cosines[expected], atol=1e-6)


def test_lists_find_nearly_all_of_the_nearest(in_lists, many):
    shares = []
    for query in unit_vectors(100, width=64, seed=1):
        expected = np.argsort(-(many @ query), kind="stable")[:10]
        keys = [key for key, _ in in_lists.search(query, 10)]
        assert len(keys) == 10
        shares.append(len({*keys} & {*expected.tolist()}) / 10)
    assert np.mean(shares) >= 0.97


def test_cosines_from_lists_are_exact_and_in_order(in_lists, many):
    for query in unit_vectors(20, width=64, seed=2):
        nearest = in_lists.search(query, 50)
        assert nearest == sorted(nearest, key=lambda pair: (-pair[1], pair[0]))
        keys = [key for key, _ in nearest]
        np.testing.assert_allclose([c for _, c in nearest], many[keys] @ query, atol=1e-6)
        np.testing.assert_allclose(in_lists.cosines(query, keys), many[keys] @ query, atol=1e-6)


def test_faiss_alone_finds_the_same_ten_in_lists(in_lists, path):
    alone = faiss.read_index(str(path))
    for query in unit_vectors(50, width=64, seed=3):
        _, (keys,) = alone.search(query[None], 10)
        assert keys.tolist() == [key for key, _ in in_lists.search(query, 10)]


def test_equal_vectors_come_in_order_of_their_numbers(tmp_path, many):
    index = write_and_open(tmp_path / "vectors.faiss", np.repeat(many[:300], 4, axis=0))
    nearest = index.search(many[7], 4)
    assert [key for key, _ in nearest] == [28, 29, 30, 31]
    assert len({cosine for _, cosine in nearest}) == 1


def test_the_bytes_depend_neither_on_the_parts_nor_on_the_cores(tmp_path, many):
    cores, files = faiss.omp_get_max_threads(), set()
    for part, threads in [(6000, 1), (1000, 2), (7, 2)]:
        faiss.omp_set_num_threads(threads)
        write_and_open(tmp_path / "vectors.faiss", many, part=part)
        files.add((tmp_path / "vectors.faiss").read_bytes())
    faiss.omp_set_num_threads(cores)
    assert len(files) == 1


@pytest.mark.parametrize("count", [400, 800])
def test_a_slice_is_the_vectors_as_they_were_written(tmp_path, count):
    vectors = unit_vectors(count, width=64)
    index = write_and_open(tmp_path / "vectors.faiss", vectors)
    assert index.shape == vectors.shape
    np.testing.assert_array_equal(index.slice(3, 90), vectors[3:90])


def test_an_index_without_vectors_finds_nothing(tmp_path):
    index = write_and_open(tmp_path / "vectors.faiss", np.zeros((0, 64), dtype=np.float32))
    assert index.search(unit_vectors(1, width=64)[0], 5) == []
    assert index.shape == (0, 64)


@pytest.mark.parametrize("width", [7, 9, 10, 12])
def test_vectors_of_any_width_can_be_put_into_lists(tmp_path, width):
    vectors = unit_vectors(800, width=width)
    index = write_and_open(tmp_path / "vectors.faiss", vectors)
    assert [key for key, _ in index.search(vectors[5], 1)] == [5]


@pytest.mark.parametrize("count", [400, 800])
def test_a_file_that_is_cut_short_does_not_open(tmp_path, count):
    path = tmp_path / "vectors.faiss"
    write_and_open(path, unit_vectors(count, width=64))
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(RuntimeError):
        VectorIndex(path)


def test_a_folder_s_name_need_not_be_valid_utf_8(tmp_path):
    folder = tmp_path / "caf\udce9"
    folder.mkdir()
    vectors = unit_vectors(20, width=64)
    assert write_and_open(folder / "vectors.faiss", vectors).shape == (20, 64)
