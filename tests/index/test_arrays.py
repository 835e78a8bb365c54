"""Rows in a file are those of NumPy, however they were written and however they are read."""

from __future__ import annotations

import gc
import os
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from assistant.index import arrays as arrays_module
from assistant.index.arrays import MappedMatrix


@given(st.lists(st.integers(0, 5), max_size=6), st.sampled_from([np.float32, np.int8]))
def test_rows_written_in_parts_are_those_of_the_whole(lengths, dtype):
    numbers = np.arange(3 * sum(lengths)).reshape(-1, 3).astype(dtype)
    parts = np.split(numbers, np.cumsum(lengths)[:-1]) if lengths else []
    with tempfile.TemporaryDirectory() as folder:
        one, other = Path(folder, "one.npy"), Path(folder, "other.npy")
        assert arrays_module.write_rows(one, parts, dtype, width=3) == 3
        np.save(other, numbers)
        np.testing.assert_array_equal(np.load(one), np.load(other))
        assert np.load(one).dtype == dtype


@pytest.fixture
def ten(tmp_path) -> MappedMatrix:
    arrays_module.write_rows(
        tmp_path / "rows.npy", [np.arange(40, dtype=np.float32).reshape(10, 4)], "f4"
    )
    return MappedMatrix(tmp_path / "rows.npy")


def test_rows_come_in_the_order_asked_for(ten):
    assert (len(ten), ten.width) == (10, 4)
    assert ten.read_rows(np.array([7, 0, 7]))[:, 0].tolist() == [28, 0, 28]
    assert ten.read_rows(np.array([], dtype=np.int64)).shape == (0, 4)


def test_runs_come_one_after_another_and_may_be_empty(ten):
    assert ten.read_runs(np.array([8, 3, 0]), np.array([10, 3, 1]))[:, 0].tolist() == [32, 36, 0]


@pytest.mark.parametrize("rows", [30, 600_000])
def test_runs_are_the_same_rows_of_a_small_file_and_of_a_large_one(tmp_path, rows):
    numbers = np.arange(3 * rows, dtype=np.int32).reshape(-1, 3)
    arrays_module.write_rows(tmp_path / "rows.npy", [numbers], np.int32)
    starts, ends = np.array([20, 0, 5]), np.array([22, 3, 5])
    found = MappedMatrix(tmp_path / "rows.npy").read_runs(starts, ends)
    assert found.tolist() == numbers[[20, 21, 0, 1, 2]].tolist()


@given(st.lists(st.integers(0, 5), max_size=30), st.integers(0, 12))
def test_of_the_best_those_that_are_as_good_come_by_key_at_the_end_too(scores, k):
    keys = np.arange(len(scores)) * 3
    found = arrays_module.top_k(keys, np.array(scores, dtype=np.float32), k)
    ordered = sorted(zip(keys.tolist(), scores, strict=True), key=lambda one: (-one[1], one[0]))
    assert found == ordered[:k]


@given(
    arrays.arrays(
        st.sampled_from(["u1", "i1", "i4", "i8", "f2", "f4", "f8"]),
        arrays.array_shapes(max_dims=3, min_side=0, max_side=12),
    )
)
def test_what_numpy_wrote_is_mapped_as_numpy_reads_it(numbers):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "numbers.npy")
        np.save(path, numbers)
        mapped = arrays_module.map_array(path)
        np.testing.assert_array_equal(mapped, np.load(path))
        assert (mapped.dtype, mapped.shape) == (numbers.dtype, numbers.shape)


def test_what_is_no_file_of_numbers_is_refused(tmp_path):
    path = tmp_path / "numbers.npy"
    np.save(path, np.arange(10))
    whole = path.read_bytes()
    for damaged in [b"", whole[:9], whole[:60], whole[:-1], b"x" + whole[1:]]:
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match=r"numbers\.npy does not begin|mmap length"):
            arrays_module.map_array(path)
    np.save(path, np.array([{}]), allow_pickle=True)
    with pytest.raises(ValueError, match=r"numbers\.npy does not begin as a file of numbers does"):
        arrays_module.map_array(path)


class Knot:
    """What only a collection ends, and lets other threads on as it does."""

    def __init__(self) -> None:
        self.itself = self

    def __del__(self) -> None:
        os.stat("/")  # noqa: PTH116 for its pause, not for what it finds


def test_threads_map_at_once_while_others_collect(tmp_path):
    path = tmp_path / "numbers.npy"
    np.save(path, np.arange(10))

    def often(_: int) -> None:
        for _ in range(200):
            Knot()
            assert arrays_module.map_array(path)[9] == 9

    interval, threshold = sys.getswitchinterval(), gc.get_threshold()
    sys.setswitchinterval(1e-6)
    gc.set_threshold(20)
    try:
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(often, range(8)))
    finally:
        sys.setswitchinterval(interval)
        gc.set_threshold(*threshold)
