"""What is in use here, and whether it is well: the model, the guide, the index, the packages.

Knows what to look at, and the mend of each. Must not know how it is shown.
"""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from assistant.encoders import select as encoder_selection
from assistant.encoders.onnx import OnnxEncoder, folder
from assistant.errors import AssistantError
from assistant.evaluation import calibration
from assistant.guide import walk
from assistant.index import freshness, generations
from assistant.index import index as indexes
from assistant.index.freshness import HINT, Freshness

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from assistant.index.index import Index
    from assistant.settings import Settings

PACKAGES = "numpy onnxruntime tokenizers faiss-cpu gradio sentence-transformers torch".split()


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at: what was found, and what mends it (empty: it is well)."""

    name: str
    found: str
    mend: str = ""


def checks(chosen: Settings) -> Iterator[Check]:
    """Look at everything in turn; nothing is written, and what fails stops nothing."""
    yield Check("machine", f"Python {platform.python_version()}, {os.cpu_count()} cores")
    yield from _packages()
    yield _tried("guide", lambda: _guide(chosen))
    found: list[Index] = []
    yield _tried("index", lambda: _index(chosen, found))
    yield _tried("encoder", lambda: _encoder(chosen))
    if found:
        if chosen.corpus.is_dir():
            yield _tried("pages", lambda: _pages(chosen, found[0]))
        yield _tried("model of the index", lambda: _same_model(chosen, found[0]))
        yield _tried("bar", lambda: _bar(chosen, found[0]))


def _tried(name: str, look: Callable[[], Check]) -> Check:
    try:
        return look()
    except AssistantError as error:
        return Check(name, error.what, error.mend)


def _packages() -> Iterator[Check]:
    missing, there = [], []
    for name in PACKAGES:
        try:
            there.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            missing.append(name)
    yield Check("packages", ", ".join(there))
    if missing:
        what = " ".join(missing)
        yield Check("packages", f"{what}: not installed", f"Run: pip install {what}")


def _guide(chosen: Settings) -> Check:
    found = walk.files(chosen.corpus)
    said = f"{len(found.paths):,} files in {chosen.corpus}"
    if found.unread:
        more = f", and {len(found.unread) - 1:,} more like it" if found.unread[1:] else ""
        what = found.unread[0].what.rstrip(".")
        return Check("guide", f"{said}; {what}{more}.", "Let the user who builds read it.")
    if not found.paths:
        return Check("guide", f"{chosen.corpus} holds no page.", "Name the guide: --corpus FOLDER")
    return Check("guide", said)


def _index(chosen: Settings, opened: list[Index]) -> Check:
    """The index, every byte of it looked at."""
    found = generations.read(chosen.index, indexes.opened, whole=True)
    opened.append(found)
    made = found.manifest
    home = chosen.index / found.generation
    size = sum(path.stat().st_size for path in home.rglob("*") if path.is_file()) / 1e6
    said = f"{made.pages:,} pages, {made.passages:,} passages, {size:,.1f} MB in {chosen.index}"
    if found.warning:
        what, _, mend = found.warning.rpartition(". ")
        return Check("index", f"{said}; {what}.", mend)
    return Check("index", f"{said}, generation {found.generation}, format {made.format}")


def _pages(chosen: Settings, opened: Index) -> Check:
    """Whether the index has the pages of the guide as they are now."""
    corpus = freshness.guide_of(chosen)  # the one it was built from, whatever the settings name
    if corpus is None:
        return Check("pages", "the guide it was built from is not here")
    found = Freshness(corpus, chosen.index).difference(opened)
    if found.pages:
        return Check("pages", str(found), HINT)
    return Check("pages", "the index has them as they are now")


def _encoder(chosen: Settings) -> Check:
    """The encoder that answers, and how many threads it takes."""
    encoder, notice = encoder_selection.serving(chosen.model, device=chosen.device)
    if isinstance(encoder, OnnxEncoder):
        record = encoder.record
        said = (
            f"{encoder.name} by onnxruntime in {record.number}, {os.cpu_count()} texts at once "
            f"(one alone on two cores), cosine with the reference {record.cosine:.3f} "
            f"(lowest {record.lowest:.3f}), in {folder(encoder.identity)}"
        )
        return Check("encoder", said)
    why, _, mend = notice.partition(". ")
    said = f"{encoder.name} by sentence-transformers on {chosen.device}"
    return Check("encoder", f"{said}. {why}" if why else said, mend)


def _same_model(chosen: Settings, opened: Index) -> Check:
    encoder, _ = encoder_selection.serving(chosen.model, device=chosen.device)
    opened.check_model(encoder)
    by = opened.manifest.arithmetic.rsplit(" ", 1)[0]
    return Check("model of the index", f"{opened.manifest.model_name}, its vectors by {by}")


def _bar(chosen: Settings, opened: Index) -> Check:
    bar, forgotten = calibration.read(chosen.index, opened.manifest.model)
    if forgotten:
        what, _, mend = forgotten.partition(": ")
        return Check("bar", what, mend)
    return Check("bar", "the shipped one" if bar is None else f"the guide's own, {bar:.3f}")
