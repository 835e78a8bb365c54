"""Test that damage to any file of an index is detected before use, and the file is named."""

from __future__ import annotations

import hashlib
import random
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from assistant.errors import AssistantError
from assistant.index import generations, index
from tests.durability import scene
from tests.sizes import size

OLD, NEW = 2, 3


@dataclass(frozen=True, slots=True)
class Damage:
    """What was done to one file."""

    path: Path
    how: str


def build_two(writers, world: Path) -> Path:
    for edition in (OLD, NEW):
        guide = scene.write_guide(world / "guide", edition)
        writers.run("build", guide, world / "built")
    return world / "built"


def damage(folder: Path, rng: random.Random) -> Damage:
    """Flip a bit, cut the end off or remove one file of the current generation, or CURRENT."""
    pointer = folder / "CURRENT"
    home = folder / pointer.read_text().split()[0]
    files = [pointer, *sorted(path for path in home.rglob("*") if path.is_file())]
    path = rng.choice(files)
    data = bytearray(path.read_bytes())
    match rng.choice(["bit", "bit", "bit", "cut", "gone"]) if data else "gone":
        case "bit":
            place, bit = rng.randrange(len(data)), rng.randrange(8)
            data[place] ^= 1 << bit
            path.write_bytes(data)
            return Damage(path, f"bit {bit} of byte {place}")
        case "cut":
            del data[rng.randrange(len(data)) :]
            path.write_bytes(data)
            return Damage(path, f"cut to {len(data)}")
    path.unlink()
    return Damage(path, "removed")


def check_served(folder: Path, done: Damage) -> str:
    """Return what is wrong with the index served after damage, or an empty string."""
    try:
        edition = scene.edition_in(folder, damaged=True)
    except scene.Bad as bad:
        return str(bad)
    opened = index.open_index(folder)
    opened.store.close()
    if str(done.path) not in opened.warning or "assistant build" not in opened.warning:
        return f"warned of {opened.warning!r}"
    expected = NEW if done.path.name == "CURRENT" else OLD
    return "" if edition == expected else f"edition {edition}"


def check_refused(folder: Path, done: Damage) -> str:
    """Return what is wrong with the error when no generation is whole, or an empty string."""
    try:
        index.open_index(folder)
    except AssistantError as error:
        return "" if str(done.path) in error.message else f"names another file: {error}"
    return "served"


def test_any_damage_is_detected_and_the_previous_generation_is_served(writers, tmp_path):
    built, folder = build_two(writers, tmp_path), tmp_path / "index"
    rng = random.Random(1)
    bad = []
    for _ in range(times := size(40, 1000)):
        shutil.copytree(built, folder)
        done = damage(folder, rng)
        if wrong := check_served(folder, done):
            bad.append(f"{done}: {wrong}")
        shutil.rmtree(folder)
    scene.figures.info("%d damages, %d bad", times, len(bad))
    assert bad == []


def test_without_a_previous_generation_the_error_names_the_damaged_file(writers, tmp_path):
    guide = scene.write_guide(tmp_path / "guide", 1)
    writers.run("build", guide, tmp_path / "built")
    rng = random.Random(2)
    for _ in range(size(6, 300)):
        folder = tmp_path / "index"
        shutil.copytree(tmp_path / "built", folder)
        done = damage(folder, rng)
        wrong = check_refused(folder, done) if done.path.name != "CURRENT" else ""
        assert wrong == "", done
        writers.run("build", guide, folder)
        assert scene.edition_in(folder) == 1
        assert scene.debris_in(folder) == []
        shutil.rmtree(folder)


def test_a_damaged_generation_is_not_opened_by_any_library(writers, tmp_path):
    """Only the whole generation is passed on to be loaded."""
    folder = build_two(writers, tmp_path)
    rng = random.Random(3)
    handed = []
    done = damage(folder, rng)
    while done.path.name == "CURRENT":
        done = damage(folder, rng)
    generations.open_current(folder, handed.append)
    assert [
        generation.folder for generation in handed if done.path.is_relative_to(generation.folder)
    ] == []
    assert len(handed) == 1


def test_a_writer_that_hashes_damaged_files_is_caught(writers, tmp_path):
    """It computes the checksums from the damaged files, as a writer that trusts its own output."""
    built, folder = build_two(writers, tmp_path), tmp_path / "index"
    rng = random.Random(4)
    for _ in range(20):
        shutil.copytree(built, folder)
        done = damage(folder, rng)
        if done.path.name not in {"CURRENT", "manifest.json"}:
            rewrite_checksums(folder)
            if check_served(folder, done):
                return
        shutil.rmtree(folder)
    pytest.fail("no index served from damaged files was told from a whole one")


def rewrite_checksums(folder: Path) -> None:
    """Make the checksums of the current generation match its files."""
    current, previous = (folder / "CURRENT").read_text().split()[:2]
    home = folder / current
    text = (home / "manifest.json").read_text()
    for name, digest in generations.hash_files(home).items():
        text = text.replace(find_entry(name, text), f'"{name}": "{digest}"')
    (home / "manifest.json").write_text(text)
    named = hashlib.sha256(text.encode()).hexdigest()[:16]
    home.rename(folder / named)
    lines = f"{named}\n{previous}\n"
    ends = hashlib.sha256(lines.encode()).hexdigest()[:16]
    (folder / "CURRENT").write_text(f"{lines}{ends}\n")


def find_entry(name: str, text: str) -> str:
    """Return the text of a file's entry in a manifest."""
    start = text.index(f'"{name}": "')
    return text[start : start + len(f'"{name}": "') + 65]
