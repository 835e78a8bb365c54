"""Damage to any file of an index is noticed before the file is used, and named."""

from __future__ import annotations

import hashlib
import random
import shutil
from dataclasses import dataclass
from pathlib import Path

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


def damage(folder: Path, chance: random.Random) -> Damage:
    """Flip a bit, cut the end off or remove one file of the current generation, or CURRENT."""
    pointer = folder / "CURRENT"
    home = folder / pointer.read_text().split()[0]
    files = [pointer, *sorted(path for path in home.rglob("*") if path.is_file())]
    path = chance.choice(files)
    data = bytearray(path.read_bytes())
    match chance.choice(["bit", "bit", "bit", "cut", "gone"]) if data else "gone":
        case "bit":
            place, bit = chance.randrange(len(data)), chance.randrange(8)
            data[place] ^= 1 << bit
            path.write_bytes(data)
            return Damage(path, f"bit {bit} of byte {place}")
        case "cut":
            del data[chance.randrange(len(data)) :]
            path.write_bytes(data)
            return Damage(path, f"cut to {len(data)}")
    path.unlink()
    return Damage(path, "removed")


def served_after(folder: Path, done: Damage) -> str:
    """What is wrong with what a reader is served after damage; empty where nothing is."""
    try:
        edition = scene.edition_in(folder, damaged=True)
    except scene.Bad as bad:
        return str(bad)
    opened = index.open_index(folder)
    opened.store.close()
    if str(done.path) not in opened.warning or "assistant build" not in opened.warning:
        return f"warned of {opened.warning!r}"
    wanted = NEW if done.path.name == "CURRENT" else OLD
    return "" if edition == wanted else f"edition {edition}"


def refused_after(folder: Path, done: Damage) -> str:
    """What is wrong with how a reader is refused where no generation is whole."""
    try:
        index.open_index(folder)
    except AssistantError as error:
        return "" if str(done.path) in error.message else f"names another file: {error}"
    return "served"


def test_any_damage_is_noticed_and_named_and_the_generation_before_is_served(writers, tmp_path):
    built, folder = build_two(writers, tmp_path), tmp_path / "index"
    chance = random.Random(1)
    bad = []
    for _ in range(times := size(100, 1000)):
        shutil.copytree(built, folder)
        done = damage(folder, chance)
        if wrong := served_after(folder, done):
            bad.append(f"{done}: {wrong}")
        shutil.rmtree(folder)
    scene.figures.info("%d damages, %d bad", times, len(bad))
    assert bad == []


def test_where_there_is_no_generation_before_the_damaged_file_is_named(writers, tmp_path):
    guide = scene.write_guide(tmp_path / "guide", 1)
    writers.run("build", guide, tmp_path / "built")
    chance = random.Random(2)
    for _ in range(size(15, 300)):
        folder = tmp_path / "index"
        shutil.copytree(tmp_path / "built", folder)
        done = damage(folder, chance)
        wrong = refused_after(folder, done) if done.path.name != "CURRENT" else ""
        assert wrong == "", done
        writers.run("build", guide, folder)
        assert scene.edition_in(folder) == 1
        assert scene.debris_in(folder) == []
        shutil.rmtree(folder)


def test_a_damaged_generation_is_not_opened_by_any_library(writers, tmp_path):
    """Only the generation that is whole is ever handed on to be loaded."""
    folder = build_two(writers, tmp_path)
    chance = random.Random(3)
    handed = []
    done = damage(folder, chance)
    while done.path.name == "CURRENT":
        done = damage(folder, chance)
    generations.open_current(folder, handed.append)
    assert [result.home for result in handed if done.path.is_relative_to(result.home)] == []
    assert len(handed) == 1


def test_a_writer_that_sums_up_what_it_finds_on_disk_is_caught(writers, tmp_path):
    """It reads the sums off the damaged files, as one does that trusts what it wrote."""
    built, folder = build_two(writers, tmp_path), tmp_path / "index"
    chance = random.Random(4)
    bad = []
    for _ in range(20):
        shutil.copytree(built, folder)
        done = damage(folder, chance)
        if done.path.name not in {"CURRENT", "manifest.json"}:
            sum_up(folder)
            bad.append(served_after(folder, done))
        shutil.rmtree(folder)
    assert any(bad)


def sum_up(folder: Path) -> None:
    """Make the sums of the current generation fit its files, whatever they are."""
    current, previous = (folder / "CURRENT").read_text().split()[:2]
    home = folder / current
    text = (home / "manifest.json").read_text()
    for name, digest in generations.hash_files(home).items():
        text = text.replace(sum_of(name, text), f'"{name}": "{digest}"')
    (home / "manifest.json").write_text(text)
    named = hashlib.sha256(text.encode()).hexdigest()[:16]
    home.rename(folder / named)
    lines = f"{named}\n{previous}\n"
    ends = hashlib.sha256(lines.encode()).hexdigest()[:16]
    (folder / "CURRENT").write_text(f"{lines}{ends}\n")


def sum_of(name: str, text: str) -> str:
    """The entry of a file in a manifest, as it is written there."""
    start = text.index(f'"{name}": "')
    return text[start : start + len(f'"{name}": "') + 65]
