"""The cache beside the generations: trusted in nothing, lost at worst."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import pytest

from assistant.index.build_cache import NAME, Cache, Seen

UNKNOWN = b"sixteen unknowns"
ROWS = {bytes([n]) * 16: bytes([n, 255 - n]) * 20 for n in range(200)}


@pytest.fixture
def filled(tmp_path) -> Path:
    with Cache(tmp_path, "model") as cache:
        cache.put(ROWS)
        cache.remember(tmp_path, {"a.md": Seen(1, 2, 3, 4, "5")})
    return tmp_path


def test_what_was_put_is_there_in_the_next_build(filled):
    with Cache(filled, "model") as cache:
        assert cache.vectors(list(ROWS)) == ROWS
        assert cache.has([*ROWS, UNKNOWN]) == set(ROWS)
        assert cache.vectors([UNKNOWN]) == {}


def test_a_text_has_another_digest_for_another_model_and_another_kind(tmp_path):
    with Cache(tmp_path, "one") as one:
        digests = {one.digest("text", kind="exact"), one.digest("text", kind="rough")}
        assert one.digest("text", kind="exact") in digests
    with Cache(tmp_path, "two") as two:
        assert two.digest("text", kind="exact") not in digests
    assert len(digests) == 2


def test_a_vector_put_again_takes_the_place_of_the_first(filled):
    with Cache(filled, "model") as cache:
        cache.put({bytes(16): b"new"})
        assert cache.vectors([bytes(16)]) == {bytes(16): b"new"}


def test_what_was_put_outlives_a_process_that_is_killed(tmp_path):
    cache = Cache(tmp_path, "model")
    cache.put(ROWS)  # and never closed: the other connection reads what lies on disk
    with Cache(tmp_path, "model") as other:
        assert other.vectors(list(ROWS)) == ROWS


def test_what_is_not_kept_is_gone_and_its_space_given_back(filled):
    before = (filled / NAME).stat().st_size
    kept = dict(list(ROWS.items())[:3])
    with Cache(filled, "model") as cache:
        cache.keep(kept)
        assert cache.vectors(list(ROWS)) == kept
    assert (filled / NAME).stat().st_size < before


def test_files_are_remembered_for_the_folder_they_were_seen_in(filled):
    with Cache(filled, "model") as cache:
        assert cache.files(filled) == {"a.md": Seen(1, 2, 3, 4, "5")}
        assert cache.files(filled / "elsewhere") == {}
        cache.remember(filled, {"b.md": Seen(6, 7, 8, 9, "0")})
        assert cache.files(filled) == {"b.md": Seen(6, 7, 8, 9, "0")}


@pytest.mark.parametrize("seed", range(60))
def test_damage_costs_rows_and_never_serves_one(filled, seed):
    chance = random.Random(seed)
    path = filled / NAME
    data = bytearray(path.read_bytes())
    for _ in range(chance.choice([1, 1, 30])):
        # Half of them in the first page, where the tables are described.
        end = 4096 if seed % 2 else len(data)
        data[chance.randrange(end)] ^= 1 << chance.randrange(8)
    if seed % 5 == 0:
        del data[chance.randrange(len(data)) :]
    path.write_bytes(data)
    with Cache(filled, "model") as cache:
        found = cache.vectors(list(ROWS))
        assert all(ROWS[digest] == vector for digest, vector in found.items())
        seen = cache.files(filled)
        assert seen in ({}, {"a.md": Seen(1, 2, 3, 4, "5")})
        cache.put(ROWS)
        assert cache.vectors(list(ROWS)) == ROWS


@pytest.mark.parametrize("junk", [b"", b"not a database at all", bytes(5000)])
def test_a_file_that_is_no_database_is_replaced(tmp_path, junk):
    (tmp_path / NAME).write_bytes(junk)
    with Cache(tmp_path, "model") as cache:
        cache.put(ROWS)
        assert cache.vectors(list(ROWS)) == ROWS


def test_a_folder_where_nothing_can_be_written_is_an_error_of_the_disk(tmp_path):
    with pytest.raises(OSError, match="unable to open"):
        Cache(tmp_path / "missing", "model")


def test_a_file_is_as_it_was_only_where_its_stat_is_and_had_settled(tmp_path):
    path = tmp_path / "a.md"
    path.write_text("text")
    stat = path.stat()
    late = max(stat.st_mtime_ns, stat.st_ctime_ns) + 5_000_000_000
    seen = Seen(stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, late, "digest")
    assert seen.is_still(stat)
    assert not replace(seen, size=5).is_still(stat)
    assert not replace(seen, modified=seen.modified + 1).is_still(stat)
    assert not replace(seen, changed=seen.changed + 1).is_still(stat)
    # Looked at within two seconds of its last change, it may have changed again unseen.
    assert not replace(seen, seen=late - 4_000_000_000).is_still(stat)
