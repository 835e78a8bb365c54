"""The index: a guide's passages and vectors, built where they are out of date and opened.

Knows what a generation was made from, when it must be made again and why. Must not know how
generations are kept on disk, nor what is asked of them.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from assistant import generations, vocabulary
from assistant import guide as guides
from assistant.errors import IndexDamaged, IndexMissing, IndexOutdated, ModelError
from assistant.store import FaissStore

if TYPE_CHECKING:
    from collections.abc import Callable

    from assistant.encoder import Encoder
    from assistant.generations import Generation
    from assistant.model import Guide, Oddity

    Progress = Callable[[str, int, int], None]

FORMAT = 3
"""Raised whenever the files of a generation, or what is read into them, change meaning."""


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
    """An opened generation: its name, its manifest and its store.

    `warning` is empty, or says which file of the current generation is damaged, so that another
    was opened, and what mends it.
    """

    generation: str
    manifest: Manifest
    store: FaissStore
    warning: str = ""

    @property
    def reading(self) -> guides.Reading:
        """How the guide was read, so that it can be read again the same way."""
        return guides.Reading(base_url=self.manifest.base_url, window=self.manifest.window)

    def check_model(self, encoder: Encoder) -> None:
        """Raise ModelError unless the encoder is the one the vectors came from."""
        if encoder.identity != self.manifest.model:
            raise ModelError(
                f"The index was built with {self.manifest.model_name}, not with {encoder.name}.",
                f"{generations.REBUILD} with the model you want, "
                "or ask with the one it was built with.",
            )


def open(folder: Path) -> Index:
    """Open the current generation after checking every file of it; nothing is written.

    Where it is damaged the one before is opened, and `warning` says so. Raises IndexMissing,
    IndexOutdated, or IndexDamaged where no generation is whole.
    """
    return generations.read(folder, _opened)


def _opened(found: Generation) -> Index:
    manifest = _manifest(found)
    try:
        store = FaissStore(found.home)
    except (OSError, ValueError, KeyError, RuntimeError, sqlite3.Error) as error:
        what = f"The index in {found.home} cannot be read: {error}"
        raise IndexDamaged(what, generations.REBUILD) from error
    warning = f"{found.damage} Another generation of the index is served. {generations.REBUILD}"
    return Index(found.name, manifest, store, warning if found.damage else "")


def _manifest(found: Generation) -> Manifest:
    data = json.loads(found.manifest)
    if data.get("format") != FORMAT:
        what = f"The index has format {data.get('format')}, not {FORMAT}."
        raise IndexOutdated(what, generations.REBUILD)
    return Manifest(**data)


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
    with generations.writing(folder) as draft:
        guide = guides.read(corpus, reading=reading, progress=tell("reading"))
        digest = corpus_digest(guide)
        current, reasons = _stale(folder, digest, encoder.identity, base_url)
        if reasons:
            _write(draft, guide, encoder, tell("encoding"))
            manifest = Manifest(
                format=FORMAT,
                model=encoder.identity,
                model_name=encoder.name,
                corpus=digest,
                base_url=base_url,
                window=encoder.window,
                pages=len(guide.pages),
                passages=len(guide.passages),
                files=generations.digests(draft),
            )
            text = json.dumps(asdict(manifest), indent=2, sort_keys=True) + "\n"
            current = generations.publish(folder, draft, text, previous=current)
    return Built(current, reasons, len(guide.pages), len(guide.passages), guide.oddities)


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
    try:
        FaissStore.write(
            draft,
            guide,
            vocabulary.mine(guide.passages),
            passages=vectors[: len(texts)],
            sentences=vectors[len(texts) : len(texts) + len(quotable)],
            resources=vectors[len(texts) + len(quotable) :],
        )
        FaissStore(draft).close()  # FAISS closes a file without saying that its end is not there
    except (ValueError, KeyError, RuntimeError, sqlite3.Error) as error:
        raise OSError(str(error)) from error  # the disk is full, in another library's words


def _stale(folder: Path, corpus: str, model: str, base_url: str) -> tuple[str, tuple[str, ...]]:
    """The generation there is, if any, and why it will not do; no reason where it will."""
    try:
        found, manifest = generations.read(folder, lambda found: (found, _manifest(found)))
    except IndexMissing:
        return "", ("there was no index",)
    except IndexOutdated:
        return "", ("the index format changed",)
    except IndexDamaged as error:
        return "", (f"the index was damaged ({error.what})",)
    changes = {
        "the guide changed": manifest.corpus != corpus,
        "the model changed": manifest.model != model,
        "the base URL changed": manifest.base_url != base_url,
        f"the index was damaged ({found.damage})": bool(found.damage),
    }
    return found.name, tuple(reason for reason, changed in changes.items() if changed)
