"""The build cache: no damage to it costs more than its rows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from assistant.index.build_cache import CACHE_FILE, BuildCache, FileRecord

UNKNOWN = b"sixteen unknowns"
ROWS = {bytes([n]) * 16: bytes([n, 255 - n]) * 20 for n in range(200)}


@pytest.fixture
def filled(tmp_path) -> Path:
    with BuildCache(tmp_path, "model") as cache:
        cache.put(ROWS)
        cache.save_file_records(tmp_path, {"a.md": FileRecord(1, 2, 3, 4, "5")})
    return tmp_path


def test_vectors_are_there_in_the_next_build(filled):
    with BuildCache(filled, "model") as cache:
        assert cache.vectors(list(ROWS)) == ROWS
        assert cache.contains([*ROWS, UNKNOWN]) == set(ROWS)
        assert cache.vectors([UNKNOWN]) == {}


def test_a_text_has_another_digest_for_another_model_and_another_kind(tmp_path):
    with BuildCache(tmp_path, "one") as one:
        digests = {one.digest("text", kind="exact"), one.digest("text", kind="rough")}
        assert one.digest("text", kind="exact") in digests
    with BuildCache(tmp_path, "two") as two:
        assert two.digest("text", kind="exact") not in digests
    assert len(digests) == 2


def test_a_vector_put_again_takes_the_place_of_the_first(filled):
    with BuildCache(filled, "model") as cache:
        cache.put({bytes(16): b"new"})
        assert cache.vectors([bytes(16)]) == {bytes(16): b"new"}


def test_vectors_outlive_a_process_that_is_killed(tmp_path):
    cache = BuildCache(tmp_path, "model")
    cache.put(ROWS)  # and never closed: the other connection reads what lies on disk
    with BuildCache(tmp_path, "model") as other:
        assert other.vectors(list(ROWS)) == ROWS


def test_vectors_not_retained_are_deleted_and_their_space_is_freed(filled):
    before = (filled / CACHE_FILE).stat().st_size
    some = dict(list(ROWS.items())[:3])
    with BuildCache(filled, "model") as cache:
        cache.retain(some)
        assert cache.vectors(list(ROWS)) == some
    assert (filled / CACHE_FILE).stat().st_size < before


def test_file_records_belong_to_one_folder(filled):
    with BuildCache(filled, "model") as cache:
        assert cache.file_records(filled) == {"a.md": FileRecord(1, 2, 3, 4, "5")}
        assert cache.file_records(filled / "elsewhere") == {}
        cache.save_file_records(filled, {"b.md": FileRecord(6, 7, 8, 9, "0")})
        assert cache.file_records(filled) == {"b.md": FileRecord(6, 7, 8, 9, "0")}


@pytest.mark.parametrize("seed", range(60))
def test_damage_costs_rows_and_never_serves_one(filled, seed):
    random = Random(seed)
    path = filled / CACHE_FILE
    data = bytearray(path.read_bytes())
    for _ in range(random.choice([1, 1, 30])):
        # Half of them in the first page, where the tables are described.
        end = 4096 if seed % 2 else len(data)
        data[random.randrange(end)] ^= 1 << random.randrange(8)
    if seed % 5 == 0:
        del data[random.randrange(len(data)) :]
    path.write_bytes(data)
    with BuildCache(filled, "model") as cache:
        vectors = cache.vectors(list(ROWS))
        assert all(ROWS[digest] == vector for digest, vector in vectors.items())
        assert cache.file_records(filled) in ({}, {"a.md": FileRecord(1, 2, 3, 4, "5")})
        cache.put(ROWS)
        assert cache.vectors(list(ROWS)) == ROWS


@pytest.mark.parametrize("junk", [b"", b"not a database at all", bytes(5000)])
def test_a_file_that_is_no_database_is_replaced(tmp_path, junk):
    (tmp_path / CACHE_FILE).write_bytes(junk)
    with BuildCache(tmp_path, "model") as cache:
        cache.put(ROWS)
        assert cache.vectors(list(ROWS)) == ROWS


def test_a_folder_where_nothing_can_be_written_is_an_error_of_the_disk(tmp_path):
    with pytest.raises(OSError, match="unable to open"):
        BuildCache(tmp_path / "missing", "model")


def test_a_file_is_unchanged_only_if_its_stat_is_and_had_settled(tmp_path):
    path = tmp_path / "a.md"
    path.write_text("text")
    stat = path.stat()
    late = max(stat.st_mtime_ns, stat.st_ctime_ns) + 5_000_000_000
    record = FileRecord(stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, late, "digest")
    assert record.is_unchanged(stat)
    assert not replace(record, size=5).is_unchanged(stat)
    assert not replace(record, modified_ns=record.modified_ns + 1).is_unchanged(stat)
    assert not replace(record, changed_ns=record.changed_ns + 1).is_unchanged(stat)
    # Checked within two seconds of its last change, it may have changed again unseen.
    assert not replace(record, checked_ns=late - 4_000_000_000).is_unchanged(stat)
