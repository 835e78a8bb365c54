"""The index on disk: generations, a manifest for each, and a pointer to the current one.

Knows when an index must be rebuilt and why, and how one is published so that a reader finds
the old one or the new one and never a mixture. Must not know what is asked of it.

Layout: `CURRENT` holds a generation's name; a generation is a folder named by the digest of its
contents, holding the store's files and `manifest.json` with the sha256 of each.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import sqlite3
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from assistant import guide as guides
from assistant import vocabulary
from assistant.errors import (
    IndexBusy,
    IndexDamaged,
    IndexMissing,
    IndexOutdated,
    IndexUnwritable,
    ModelError,
)
from assistant.store import FaissStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from assistant.encoder import Encoder
    from assistant.model import Guide, Oddity

    Progress = Callable[[str, int, int], None]

FORMAT = 2
"""Raised whenever the files of a generation, or what is read into them, change meaning."""

_REBUILD = "Run: assistant build"


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a generation was made from, and the sha256 of each of its files."""

    format: int
    model: str
    model_name: str
    corpus: str
    base_url: str
    window: int
    pages: int
    passages: int
    files: dict[str, str]


@dataclass(frozen=True, slots=True)
class Built:
    """What a build did: the generation, why it was needed (empty: it was not), what was odd."""

    generation: str
    reasons: tuple[str, ...]
    pages: int
    passages: int
    oddities: tuple[Oddity, ...]


@dataclass(frozen=True, slots=True)
class Index:
    """An opened generation: its name, its manifest and its store."""

    generation: str
    manifest: Manifest
    store: FaissStore

    @property
    def reading(self) -> guides.Reading:
        """How the guide was read, so that it can be read again the same way."""
        return guides.Reading(base_url=self.manifest.base_url, window=self.manifest.window)

    def check_model(self, encoder: Encoder) -> None:
        """Raise ModelError unless the encoder is the one the vectors came from."""
        if encoder.identity != self.manifest.model:
            raise ModelError(
                f"The index was built with {self.manifest.model_name}, not with {encoder.name}.",
                f"{_REBUILD} with the model you want, or ask with the one it was built with.",
            )


def open(folder: Path) -> Index:
    """Open the current generation after checking every file of it; nothing is written.

    Raises IndexMissing, IndexOutdated or IndexDamaged.
    """
    generation = _current(folder)
    home = folder / generation
    manifest = _checked(home, generation)
    try:
        return Index(generation, manifest, FaissStore(home))
    except (OSError, ValueError, KeyError, RuntimeError, sqlite3.Error) as error:
        raise IndexDamaged(f"The index in {home} cannot be read: {error}", _REBUILD) from error


def build(
    corpus: Path,
    folder: Path,
    encoder: Encoder,
    *,
    base_url: str = "",
    progress: Progress | None = None,
) -> Built:
    """Bring the index up to date with the guide; does nothing where it already is.

    `progress` is told (step, done, in all). One writer at a time: raises IndexBusy. Raises
    IndexUnwritable where the folder cannot be written, and GuideError as `guide.read` does.
    """

    def tell(step: str) -> Callable[[int, int], None]:
        return lambda done, total: progress(step, done, total) if progress else None

    reading = guides.Reading(base_url=base_url, window=encoder.window)
    guide = guides.read(corpus, reading=reading, progress=tell("reading"))
    try:
        with _writing(folder):
            generation, reasons = _brought_up_to_date(
                folder, guide, encoder, base_url=base_url, progress=tell("encoding")
            )
    except OSError as error:
        raise IndexUnwritable(
            f"The index cannot be written to {folder}: {error.strerror or error}.",
            "Make room there, or name another folder with --index.",
        ) from error
    return Built(generation, reasons, len(guide.pages), len(guide.passages), guide.oddities)


def _brought_up_to_date(
    folder: Path,
    guide: Guide,
    encoder: Encoder,
    *,
    base_url: str,
    progress: Callable[[int, int], None],
) -> tuple[str, tuple[str, ...]]:
    """The generation that holds the guide, and why it had to be made (empty: it was there)."""
    corpus = corpus_digest(guide)
    reasons = _stale(folder, corpus, encoder.identity, base_url)
    if not reasons:
        return _current(folder), ()
    draft = folder / f".draft-{os.getpid()}"
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir()
    try:
        _write(draft, guide, encoder, progress)
        manifest = Manifest(
            format=FORMAT,
            model=encoder.identity,
            model_name=encoder.name,
            corpus=corpus,
            base_url=base_url,
            window=encoder.window,
            pages=len(guide.pages),
            passages=len(guide.passages),
            files=_digests(draft),
        )
        return _publish(folder, draft, manifest), reasons
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def corpus_digest(guide: Guide) -> str:
    """A sha256 over the paths and contents of a guide's pages."""
    lines = "".join(f"{page.sha256}  {page.path}\n" for page in guide.pages)
    return hashlib.sha256(lines.encode()).hexdigest()


def _write(
    draft: Path, guide: Guide, encoder: Encoder, progress: Callable[[int, int], None]
) -> None:
    texts = [passage.search_text for passage in guide.passages]
    quotable = [text for passage in guide.passages for text in passage.sentence_texts]
    titles = [resource.title for resource in guide.resources]
    # One call, so that texts of like length share batches and one bar tells the whole work.
    vectors = encoder.encode([*texts, *quotable, *titles], progress)
    FaissStore.write(
        draft,
        guide,
        vocabulary.mine(guide.passages),
        passages=vectors[: len(texts)],
        sentences=vectors[len(texts) : len(texts) + len(quotable)],
        resources=vectors[len(texts) + len(quotable) :],
    )


def _stale(folder: Path, corpus: str, model: str, base_url: str) -> tuple[str, ...]:
    """Why the current generation will not do; empty where it will."""
    try:
        current = _current(folder)
        manifest = _checked(folder / current, current)
    except IndexMissing:
        return ("there was no index",)
    except IndexOutdated:
        return ("the index format changed",)
    except IndexDamaged as error:
        return (f"the index was damaged ({error.what})",)
    changes = {
        "the guide changed": manifest.corpus != corpus,
        "the model changed": manifest.model != model,
        "the base URL changed": manifest.base_url != base_url,
    }
    return tuple(reason for reason, changed in changes.items() if changed)


def _publish(folder: Path, draft: Path, manifest: Manifest) -> str:
    """Make a draft the current generation: synced, checked, renamed, pointed to, in that order."""
    text = json.dumps(asdict(manifest), indent=2, sort_keys=True) + "\n"
    (draft / "manifest.json").write_text(text, encoding="utf-8")
    generation = _name(text)
    for path in sorted(draft.rglob("*")):
        _sync(path)
    _sync(draft)
    _checked(draft, generation)
    FaissStore(draft).close()
    home = folder / generation
    if home.exists():  # damaged, or it would have been up to date
        shutil.rmtree(home)
    draft.rename(home)
    _sync(folder)
    pointer = folder / f".current-{os.getpid()}"
    pointer.write_text(generation + "\n", encoding="utf-8")
    _sync(pointer)
    pointer.replace(folder / "CURRENT")
    _sync(folder)
    _sweep(folder, generation)
    return generation


def _sweep(folder: Path, generation: str) -> None:
    """Remove generations and drafts that nothing points to."""
    for path in folder.iterdir():
        old = path.name != generation and (path / "manifest.json").is_file()
        if path.is_dir() and (old or path.name.startswith(".draft-")):
            shutil.rmtree(path, ignore_errors=True)


def _current(folder: Path) -> str:
    try:
        name = (folder / "CURRENT").read_text(encoding="utf-8").strip()
    except FileNotFoundError as error:
        raise IndexMissing(f"There is no index in {folder}.", _REBUILD) from error
    except (OSError, UnicodeDecodeError) as error:
        raise IndexDamaged(f"{folder / 'CURRENT'} cannot be read.", _REBUILD) from error
    if not name.isalnum():
        raise IndexDamaged(f"{folder / 'CURRENT'} names no generation.", _REBUILD)
    return name


def _name(manifest: str) -> str:
    """A generation's name: the digest of its manifest, which holds those of its files."""
    return hashlib.sha256(manifest.encode()).hexdigest()[:16]


def _checked(home: Path, generation: str) -> Manifest:
    """The manifest of a generation, once it and every file it names hash to what they should."""
    path = home / "manifest.json"
    try:
        text = path.read_text(encoding="utf-8")
        data = json.loads(text)
        found = data["format"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise IndexDamaged(f"{path} is missing or unreadable.", _REBUILD) from error
    if _name(text) != generation:
        raise IndexDamaged(f"{path} is missing or altered.", _REBUILD)
    if found != FORMAT:
        raise IndexOutdated(f"The index has format {found}, not {FORMAT}.", _REBUILD)
    try:
        manifest = Manifest(**data)
        present = _digests(home)
    except (OSError, TypeError) as error:
        raise IndexDamaged(f"The index in {home} cannot be read.", _REBUILD) from error
    for name in sorted({*manifest.files, *present}):
        if manifest.files.get(name) != present.get(name):
            raise IndexDamaged(f"{home / name} is missing or altered.", _REBUILD)
    return manifest


def _digests(home: Path) -> dict[str, str]:
    found: dict[str, str] = {}
    for path in sorted(home.rglob("*")):
        if path.is_file() and path.name != "manifest.json":
            with path.open("rb") as file:
                name = path.relative_to(home).as_posix()
                found[name] = hashlib.file_digest(file, "sha256").hexdigest()
    return found


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    """Hold the index for writing; the kernel lets go of it when the process ends."""
    folder.mkdir(parents=True, exist_ok=True)
    lock = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise IndexBusy(
                f"Another process is building the index in {folder}.", "Wait for it to finish."
            ) from error
        yield
    finally:
        os.close(lock)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
