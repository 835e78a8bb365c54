"""Arrays in files are those of NumPy, whether written in parts, mapped, or read in runs."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hypothesis_arrays

from assistant.index.arrays import ArrayReader, ArraySpec, ArrayWriter, MappedMatrix, top_k


@given(st.lists(st.integers(0, 5), max_size=6), st.sampled_from([np.float32, np.int8]))
def test_rows_written_in_parts_are_those_of_the_whole(lengths, dtype):
    numbers = np.arange(3 * sum(lengths)).reshape(-1, 3).astype(dtype)
    parts = np.split(numbers, np.cumsum(lengths)[:-1]) if lengths else []
    with tempfile.TemporaryDirectory() as folder:
        writer = ArrayWriter(Path(folder))
        writer.write_rows("parts.bin", parts, dtype, 3)
        writer.write("whole.bin", numbers)
        assert writer.specs["parts.bin"] == writer.specs["whole.bin"]
        assert Path(folder, "parts.bin").read_bytes() == Path(folder, "whole.bin").read_bytes()


@given(
    hypothesis_arrays.arrays(
        st.sampled_from(["u1", "i1", "i4", "i8", "f2", "f4", "f8"]),
        hypothesis_arrays.array_shapes(max_dims=3, min_side=0, max_side=12),
    )
)
def test_an_array_is_mapped_as_it_was_written(numbers):
    with tempfile.TemporaryDirectory() as folder:
        writer = ArrayWriter(Path(folder))
        writer.write("numbers.bin", numbers)
        mapped = ArrayReader(Path(folder), writer.specs).map("numbers.bin")
        np.testing.assert_array_equal(mapped, numbers)
        assert (mapped.dtype, mapped.shape) == (numbers.dtype, numbers.shape)


def test_a_file_of_another_size_is_refused(tmp_path):
    (tmp_path / "numbers.bin").write_bytes(bytes(79))
    reader = ArrayReader(tmp_path, {"numbers.bin": ArraySpec("<i8", (10,))})
    with pytest.raises(ValueError, match=r"numbers\.bin has 79 bytes, not 80"):
        reader.map("numbers.bin")


def write_matrix(folder: Path, numbers: np.ndarray) -> MappedMatrix:
    writer = ArrayWriter(folder)
    writer.write("rows.bin", numbers)
    return ArrayReader(folder, writer.specs).open_matrix("rows.bin")


@pytest.mark.parametrize("rows", [30, 600_000])
def test_runs_come_one_after_another_and_may_be_empty(tmp_path, rows):
    numbers = np.arange(3 * rows, dtype=np.int32).reshape(-1, 3)
    matrix = write_matrix(tmp_path, numbers)
    runs = matrix.read_runs(np.array([20, 0, 5]), np.array([22, 3, 5]))
    assert runs.tolist() == numbers[[20, 21, 0, 1, 2]].tolist()
    nothing = np.array([], dtype=np.int64)
    assert matrix.read_runs(nothing, nothing).shape == (0, 3)


@given(st.lists(st.integers(0, 5), max_size=30), st.integers(0, 12))
def test_equal_scores_come_in_order_of_their_keys_at_the_end_too(scores, k):
    keys = np.arange(len(scores)) * 3
    expected = sorted(zip(keys.tolist(), scores, strict=True), key=lambda one: (-one[1], one[0]))
    assert top_k(keys, np.array(scores, dtype=np.float32), k) == expected[:k]
