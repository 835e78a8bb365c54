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
from assistant.encoders.onnx import OnnxEncoder, export_folder
from assistant.errors import AssistantError
from assistant.guide import walk
from assistant.index import freshness, generations
from assistant.index import index as indexes
from assistant.index.freshness import STALE_HINT, FreshnessChecker
from assistant.retrieval import answerability

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from assistant.index.index import Index
    from assistant.settings import Settings

PACKAGES = "numpy onnxruntime tokenizers faiss-cpu gradio sentence-transformers torch".split()


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at: what was found, and what mends it (empty: it is well)."""

    name: str
    result: str
    hint: str = ""


def run_checks(settings: Settings) -> Iterator[Check]:
    """Look at everything in turn; nothing is written, and what fails stops nothing."""
    yield Check("machine", f"Python {platform.python_version()}, {os.cpu_count()} cores")
    yield from _check_packages()
    yield _run_check("guide", lambda: _check_guide(settings))
    found: list[Index] = []
    yield _run_check("index", lambda: _check_index(settings, found))
    yield _run_check("encoder", lambda: _check_encoder(settings))
    if found:
        if settings.corpus.is_dir():
            yield _run_check("pages", lambda: _check_pages(settings, found[0]))
        yield _run_check("model of the index", lambda: _check_model(settings, found[0]))
        yield _run_check("bar", lambda: _check_threshold(settings, found[0]))


def _run_check(name: str, check: Callable[[], Check]) -> Check:
    try:
        return check()
    except AssistantError as error:
        return Check(name, error.message, error.hint)


def _check_packages() -> Iterator[Check]:
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


def _check_guide(settings: Settings) -> Check:
    found = walk.list_files(settings.corpus)
    said = f"{len(found.paths):,} files in {settings.corpus}"
    if found.unreadable:
        more = f", and {len(found.unreadable) - 1:,} more like it" if found.unreadable[1:] else ""
        what = found.unreadable[0].message.rstrip(".")
        return Check("guide", f"{said}; {what}{more}.", "Let the user who builds read it.")
    if not found.paths:
        return Check(
            "guide", f"{settings.corpus} holds no page.", "Name the guide: --corpus FOLDER"
        )
    return Check("guide", said)


def _check_index(settings: Settings, opened: list[Index]) -> Check:
    """The index, every byte of it looked at."""
    found = generations.open_current(settings.index, indexes.open_generation, check_all=True)
    opened.append(found)
    made = found.manifest
    home = settings.index / found.generation
    size = sum(path.stat().st_size for path in home.rglob("*") if path.is_file()) / 1e6
    said = f"{made.pages:,} pages, {made.passages:,} passages, {size:,.1f} MB in {settings.index}"
    if found.warning:
        what, _, mend = found.warning.rpartition(". ")
        return Check("index", f"{said}; {what}.", mend)
    return Check("index", f"{said}, generation {found.generation}, format {made.format}")


def _check_pages(settings: Settings, opened: Index) -> Check:
    """Whether the index has the pages of the guide as they are now."""
    corpus = freshness.find_guide(settings)  # the one it was built from, whatever the settings name
    if corpus is None:
        return Check("pages", "the guide it was built from is not here")
    found = FreshnessChecker(corpus, settings.index).compare(opened)
    if found.pages:
        return Check("pages", str(found), STALE_HINT)
    return Check("pages", "the index has them as they are now")


def _check_encoder(settings: Settings) -> Check:
    """The encoder that answers, and how many threads it takes."""
    encoder, notice = encoder_selection.select_query_encoder(settings.model, device=settings.device)
    if isinstance(encoder, OnnxEncoder):
        record = encoder.record
        said = (
            f"{encoder.name} by onnxruntime in {record.precision}, {os.cpu_count()} texts at once "
            f"(one alone on two cores), cosine with the reference {record.mean_cosine:.3f} "
            f"(lowest {record.min_cosine:.3f}), in {export_folder(encoder.identity)}"
        )
        return Check("encoder", said)
    why, _, mend = notice.partition(". ")
    said = f"{encoder.name} by sentence-transformers on {settings.device}"
    return Check("encoder", f"{said}. {why}" if why else said, mend)


def _check_model(settings: Settings, opened: Index) -> Check:
    encoder, _ = encoder_selection.select_query_encoder(settings.model, device=settings.device)
    opened.check_model(encoder)
    by = opened.manifest.encoder_backend.rsplit(" ", 1)[0]
    return Check("model of the index", f"{opened.manifest.model_name}, its vectors by {by}")


def _check_threshold(settings: Settings, opened: Index) -> Check:
    bar, forgotten = answerability.read_threshold(settings.index, opened.manifest.model)
    if forgotten:
        what, _, mend = forgotten.partition(": ")
        return Check("bar", what, mend)
    return Check("bar", "the shipped one" if bar is None else f"the guide's own, {bar:.3f}")
