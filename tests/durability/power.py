"""Model a disk that loses power: its possible states after each step of a recording.

Synced data is there. For the rest the model allows anything: a file that was not synced holds its
last synced content, or nothing, or half of what was written, or half and then zeros, or all of it;
and each creation, rename or removal of a name in a folder that was not synced since may have
happened or not, in any order. Real filesystems allow fewer states.
"""

from __future__ import annotations

import itertools
import json
import random
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    Tree = dict[str, tuple[int, str]]
    Content = tuple[str, str]
    State = dict[str, Content | None]

ROOT = "."


@dataclass(frozen=True, slots=True)
class Step:
    """The file number and content digest at each path, and the file that was synced, if any."""

    tree: Tree
    synced: int | None


@dataclass(frozen=True, slots=True)
class Change:
    """Names that changed together: (folder, name, file before, file now)."""

    names: tuple[tuple[int, str, int | None, int | None], ...]


@dataclass(slots=True)
class Disk:
    """What is certainly on the disk, and what was written since."""

    folders: dict[int, dict[str, int]] = field(default_factory=dict)
    files: dict[int, str] = field(default_factory=dict)
    live: dict[int, str] = field(default_factory=dict)
    pending: list[Change] = field(default_factory=list)
    names: dict[tuple[int, str], int] = field(default_factory=dict)

    def follow(self, step: Step) -> None:
        """Apply what a step changed, then what it synced."""
        now = _names(step.tree)
        self.pending += _changes(self.names, now)
        self.names = now
        self.live |= dict(step.tree.values())
        if step.synced is None:
            return
        if self.live[step.synced]:
            self.files[step.synced] = self.live[step.synced]
            return
        self.folders[step.synced] = {
            n: at for (where, n), at in now.items() if where == step.synced
        }
        self.pending = [c for c in self.pending if all(n[0] != step.synced for n in c.names)]

    def settle(self) -> None:
        """Sync everything."""
        for number, digest in self.live.items():
            if digest:
                self.files[number] = digest
            else:
                self.folders[number] = self._named_in(number)
        self.pending = []

    def _named_in(self, folder: int) -> dict[str, int]:
        return {name: number for (where, name), number in self.names.items() if where == folder}


class Recording:
    """The steps of one publish, read back."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        steps = json.loads((folder / "steps.json").read_text())
        self.steps = [
            Step({path: tuple(at) for path, at in step["tree"].items()}, step["synced"])
            for step in steps
        ]

    @property
    def synced(self) -> list[int]:
        """The steps at which something was synced."""
        return [number for number, step in enumerate(self.steps) if step.synced is not None]

    def states(
        self, step: int, rng: random.Random, *, without: frozenset[int] = frozenset()
    ) -> Iterator[State]:
        """Yield each possible state after a step once: path to content, or None for a folder.

        `without` names steps whose sync is left out, as a broken writer would.
        """
        disk = Disk()
        disk.follow(self.steps[0])
        disk.settle()
        for number, taken in enumerate(self.steps[1 : step + 1], 1):
            disk.follow(Step(taken.tree, None) if number in without else taken)
        root = self.steps[0].tree[ROOT][0]
        observed = set()
        for done in _subsets(disk.pending, rng):
            folders = _after(disk.folders, done)
            for loss in ("all", "old", "nothing", "half", "zeros", "mixed"):
                state: State = {}
                self._fill(state, root, "", disk, folders, loss, rng)
                key = tuple(sorted(state.items()))
                if key not in observed:
                    observed.add(key)
                    yield state

    def _fill(self, state, number, path, disk, folders, loss, rng) -> None:
        for name, inner in sorted(folders.get(number, {}).items()):
            below = f"{path}/{name}".lstrip("/")
            if disk.live[inner]:
                state[below] = _content(inner, disk, loss, rng)
            else:
                state[below] = None
                self._fill(state, inner, below, disk, folders, loss, rng)

    def lay_out(self, state: State, world: Path) -> None:
        """Put a state into an empty folder."""
        for path, content in sorted(state.items()):
            if content is None:
                (world / path).mkdir()
                continue
            digest, left = content
            data = (self._folder / digest).read_bytes()
            half = data[: len(data) // 2]
            zeros = bytes(len(data) - len(half))
            lost = {"all": data, "nothing": b"", "half": half, "zeros": half + zeros}
            (world / path).write_bytes(lost[left])


def _content(number: int, disk: Disk, loss: str, rng: random.Random) -> Content:
    """Return what is left of a file: the digest of the content, and how much of it."""
    written, synced = disk.live[number], disk.files.get(number)
    if written == synced:
        return written, "all"
    if loss == "mixed":
        loss = rng.choice(["all", "old", "nothing", "half", "zeros"])
    if loss == "old":
        return (synced, "all") if synced else (written, "nothing")
    return written, loss


def _names(tree: Tree) -> dict[tuple[int, str], int]:
    """Map each name in each folder to its file number."""
    return {
        (tree[Path(path).parent.as_posix()][0], Path(path).name): number
        for path, (number, _) in tree.items()
        if path != ROOT
    }


def _changes(before: dict[tuple[int, str], int], now: dict[tuple[int, str], int]) -> list[Change]:
    """List the changes between two moments: a move is one change, everything else by itself."""
    edits = {
        (*name, before.get(name), now.get(name))
        for name in {*before, *now}
        if before.get(name) != now.get(name)
    }
    changes = []
    for came in sorted((edit for edit in edits if edit[3] is not None), key=str):
        left = {edit for edit in edits if edit[2] == came[3] and edit != came}
        changes.append(Change((came, *left)))
        edits -= {came, *left}
    return changes + [Change((edit,)) for edit in sorted(edits, key=str)]


def _subsets(pending: list[Change], rng: random.Random) -> Iterator[list[Change]]:
    """Yield the changes that may have happened, largest sets first; of many only some subsets."""
    ends = range(len(pending), -1, -1)
    if len(pending) <= 5:
        for size in ends:
            yield from map(list, itertools.combinations(pending, size))
        return
    yield from (pending[:end] for end in ends)
    yield from (pending[:n] + pending[n + 1 :] for n in range(len(pending)))
    for _ in range(20):
        yield [change for change in pending if rng.random() < 0.5]


def _after(folders: dict[int, dict[str, int]], done: list[Change]) -> dict[int, dict[str, int]]:
    result = {number: dict(names) for number, names in folders.items()}
    for change in done:
        for folder, name, before, now in change.names:
            names = result.setdefault(folder, {})
            if now is not None:
                names[name] = now
            elif names.get(name) == before:
                del names[name]
    return result
