"""Test generations on disk: published whole, checked before use, with the previous one kept."""

from __future__ import annotations

import fcntl
import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from assistant.errors import IndexBusy, IndexDamaged, IndexMissing, IndexNotWritable, IndexOutdated
from assistant.index import generations


def publish(folder: Path, text: str, *, previous: str = "") -> str:
    """Publish a generation of two files that hold a text."""
    with generations.lock_for_writing(folder) as draft:
        (draft / "inner").mkdir()
        (draft / "words").write_text(text)
        (draft / "inner" / "more").write_text(text * 2)
        manifest = json.dumps({"files": generations.hash_files(draft)})
        return generations.publish(folder, draft, manifest, previous=previous)


def read_text(folder: Path) -> str:
    return generations.open_current(
        folder, lambda generation: (generation.folder / "words").read_text()
    )


def read_damage(folder: Path) -> str:
    return generations.open_current(folder, lambda generation: generation.damage)


def list_names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} - {".lock"}


@pytest.fixture
def folder(tmp_path) -> Path:
    return tmp_path / "index"


@pytest.fixture
def two(folder) -> tuple[str, str]:
    """Publish an old and a current generation and return their names."""
    old = publish(folder, "old")
    return old, publish(folder, "new", previous=old)


def test_what_was_published_is_read(folder):
    name = publish(folder, "one")
    assert read_text(folder) == "one"
    assert read_damage(folder) == ""
    assert list_names(folder) == {"CURRENT", name}


def test_the_current_generation_and_the_one_before_are_kept_and_no_other(folder, two):
    newest = publish(folder, "newest", previous=two[1])
    assert list_names(folder) == {"CURRENT", newest, two[1]}
    assert read_text(folder) == "newest"


def test_publishing_an_existing_generation_points_to_it(folder, two):
    assert publish(folder, "old", previous=two[1]) == two[0]
    assert read_text(folder) == "old"
    assert list_names(folder) == {"CURRENT", *two}


def test_where_nothing_was_published_there_is_no_index(folder):
    with pytest.raises(IndexMissing):
        read_text(folder)
    with generations.lock_for_writing(folder):
        pass
    with pytest.raises(IndexMissing):
        read_text(folder)


@pytest.mark.parametrize("name", ["words", "inner/more", "manifest.json"])
@pytest.mark.parametrize("harm", [Path.unlink, lambda path: path.write_text("")])
def test_where_a_file_is_damaged_the_generation_before_is_read_and_the_file_named(
    folder, two, name, harm
):
    path = folder / two[1] / name
    harm(path)
    assert read_text(folder) == "old"
    assert str(path) in read_damage(folder)


def test_an_unknown_file_is_damage(folder, two):
    (folder / two[1] / "extra").write_text("?")
    assert "extra" in read_damage(folder)


def test_where_every_generation_is_damaged_the_current_one_s_file_is_named(folder, two):
    for name in two:
        (folder / name / "words").write_text("?")
    with pytest.raises(IndexDamaged, match=two[1]):
        read_text(folder)


def test_an_outdated_generation_to_fall_back_on_does_not_hide_the_damage(folder, two):
    def outdated(generation):
        raise IndexOutdated(generation.name, "")

    with pytest.raises(IndexOutdated, match=two[1]):
        generations.open_current(folder, outdated)
    (folder / two[1] / "words").write_text("?")
    with pytest.raises(IndexDamaged, match="words"):
        generations.open_current(folder, outdated)


def test_a_missing_generation_is_named(folder, two):
    (folder / two[1]).rename(folder.parent / "elsewhere")
    assert read_text(folder) == "old"
    assert two[1] in read_damage(folder)


@pytest.mark.parametrize("text", ["", "../elsewhere\n", "\n\n\n", None])
def test_where_the_pointer_is_damaged_the_last_one_published_is_read(folder, two, text):
    os.utime(folder / two[0], (1, 1))
    if text is None:
        (folder / "CURRENT").unlink()
    else:
        (folder / "CURRENT").write_text(text)
    assert read_text(folder) == "new"
    assert str(folder / "CURRENT") in read_damage(folder)


def test_every_bit_and_the_length_of_the_pointer_are_checked(folder, two):
    path = folder / "CURRENT"
    data = path.read_bytes()
    for position in range(len(data)):
        path.write_bytes(data[:position])
        assert str(path) in read_damage(folder)
        for bit in range(8):
            changed = data[position] ^ (1 << bit)
            path.write_bytes(data[:position] + bytes([changed]) + data[position + 1 :])
            assert str(path) in read_damage(folder)


def test_the_generation_s_name_checks_every_byte_of_the_manifest(folder, two):
    manifest = folder / two[1] / "manifest.json"
    data = manifest.read_bytes()
    for position in range(len(data)):
        manifest.write_bytes(data[:position] + bytes([data[position] ^ 1]) + data[position + 1 :])
        assert str(manifest) in read_damage(folder)


@pytest.mark.parametrize("seed", range(20))
def test_publishing_repairs_damage_and_leaves_no_debris(folder, two, seed):
    chance = random.Random(seed)
    path = chance.choice([path for path in sorted(folder.rglob("*")) if path.is_file()])
    path.write_bytes(path.read_bytes()[:-1])
    previous = generations.open_current(folder, lambda generation: generation.name)
    name = publish(folder, "new", previous=previous)
    assert (read_text(folder), read_damage(folder)) == ("new", "")
    assert list_names(folder) == {"CURRENT", name, previous}


def test_a_reader_takes_the_new_generation_where_a_writer_sweeps_the_one_it_was_opening(folder):
    """Two publishes during the loading remove the generation from disk."""
    opened = []

    def load(generation):
        opened.append(generation.name)
        if len(opened) == 1:
            second = publish(folder, "two", previous=generation.name)
            publish(folder, "three", previous=second)
        if not generation.folder.exists():
            raise IndexDamaged("gone", "")
        return generation

    first = publish(folder, "one")
    generation = generations.open_current(folder, load)
    assert opened == [first, generation.name]
    assert (generation.folder / "words").read_text() == "three"
    assert generation.damage == ""


def test_reading_writes_nothing(folder, two):
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    read_text(folder)
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


def test_the_next_writer_sweeps_what_dead_ones_left_and_nothing_else(folder, two):
    for name in (".draft-1", ".draft-2/inner", "0123456789abcdef", "kept", ".kept"):
        (folder / name).mkdir(parents=True)
    for name in (".draft-2/inner/file", ".current-3", "README.md"):
        (folder / name).write_text("?")
    with generations.lock_for_writing(folder):
        pass
    assert list_names(folder) == {"CURRENT", "kept", ".kept", "README.md", *two}


def test_while_the_pointer_is_damaged_no_generation_is_swept(folder, two):
    (folder / "CURRENT").write_text("?")
    with generations.lock_for_writing(folder):
        pass
    assert list_names(folder) == {"CURRENT", *two}


def test_a_second_writer_is_refused_at_once(folder):
    with (
        generations.lock_for_writing(folder),
        pytest.raises(IndexBusy, match="Another process"),
        generations.lock_for_writing(folder),
    ):
        pass


def test_a_lock_ends_with_its_holder_and_its_file_blocks_nobody(folder):
    program = (
        "import os, sys, time; from pathlib import Path; from assistant.index import generations\n"
        "with generations.lock_for_writing(Path(sys.argv[1])):\n"
        "    print('held', flush=True); time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, folder],
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parent.parent.parent,
    ) as holder:
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(IndexBusy):
            publish(folder, "one")
        holder.kill()
    name = publish(folder, "one")
    assert list_names(folder) == {"CURRENT", name}


def test_a_lock_held_by_another_process_refuses_a_writer(folder):
    publish(folder, "one")
    with (folder / ".lock").open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(IndexBusy):
            publish(folder, "two")
    publish(folder, "two")


def test_a_writer_that_fails_leaves_the_old_generation_and_nothing_else(folder, two):
    with (
        pytest.raises(IndexNotWritable, match="No space") as raised,
        generations.lock_for_writing(folder),
    ):
        raise OSError(28, "No space left on device")
    assert str(folder) in raised.value.message
    assert read_text(folder) == "new"
    assert list_names(folder) == {"CURRENT", *two}


# -- generations that are large ------------------------------------------------------------


MB = 1 << 20


@pytest.fixture(scope="module")
def large(tmp_path_factory) -> Path:
    """Publish a generation with 300 MB in one file and a few bytes in others."""
    folder = tmp_path_factory.mktemp("large")
    with generations.lock_for_writing(folder) as draft:
        with (draft / "rows").open("wb") as file:
            file.truncate(300 * MB)
        (draft / "words").write_text("new")
        manifest = json.dumps({"files": generations.hash_files(draft)})
        generations.publish(folder, draft, manifest)
    return folder


@pytest.fixture
def changed(large):
    """Return a function that overwrites a part of the large file; it is restored afterwards."""
    path = next(large.glob("*/rows"))

    def write(start: int, length: int) -> None:
        with path.open("r+b") as file:
            file.seek(start)
            file.write(b"?" * length)

    yield write
    with path.open("r+b") as file:
        file.truncate(0)
        file.truncate(300 * MB)


@pytest.mark.parametrize(
    ("start", "length"), [(0, 1), (300 * MB - 1, 1), (300 * MB, 1), (150 * MB, 16 * MB)]
)
def test_of_a_large_file_the_ends_are_checked_and_long_stretches(large, changed, start, length):
    changed(start, length)
    with pytest.raises(IndexDamaged, match="rows"):
        read_text(large)


def test_a_large_file_that_is_cut_is_damaged(large, changed):
    os.truncate(next(large.glob("*/rows")), 299 * MB)
    with pytest.raises(IndexDamaged, match="rows"):
        read_text(large)


@pytest.mark.parametrize("start", [5 * MB, 99 * MB, 150 * MB, 151 * MB, 293 * MB])
def test_a_full_check_detects_any_changed_bit_of_a_large_file(large, changed, start):
    changed(start, 1)
    with pytest.raises(IndexDamaged, match="rows"):
        generations.open_current(large, lambda generation: generation, check_all=True)


def test_a_large_generation_that_is_whole_is_read(large):
    assert read_text(large) == "new"
    assert (
        generations.open_current(large, lambda generation: generation.damage, check_all=True) == ""
    )
