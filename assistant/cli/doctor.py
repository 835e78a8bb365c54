"""Check the packages, the guide, the index and the model, and suggest fixes."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from assistant.cli.output import count_noun
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
    """One check: its result, and a hint on how to fix it (empty where all is well)."""

    name: str
    result: str
    hint: str = ""


def run_checks(settings: Settings) -> Iterator[Check]:
    """Yield all checks in turn; they write nothing, and one that fails does not stop the others."""
    yield Check("machine", f"Python {platform.python_version()}, {os.cpu_count()} cores")
    yield from _check_packages()
    yield _run_check("guide", lambda: _check_guide(settings))
    opened: list[Index] = []
    yield _run_check("index", lambda: _check_index(settings, opened))
    yield _run_check("encoder", lambda: _check_encoder(settings))
    if opened:
        if settings.corpus.is_dir():
            yield _run_check("pages", lambda: _check_pages(settings, opened[0]))
        yield _run_check("model of the index", lambda: _check_model(settings, opened[0]))
        yield _run_check("threshold", lambda: _check_threshold(settings, opened[0]))


def _run_check(name: str, check: Callable[[], Check]) -> Check:
    try:
        return check()
    except AssistantError as error:
        return Check(name, error.message, error.hint)


def _check_packages() -> Iterator[Check]:
    missing, installed = [], []
    for name in PACKAGES:
        try:
            installed.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            missing.append(name)
    yield Check("packages", ", ".join(installed))
    if missing:
        names = " ".join(missing)
        yield Check("packages", f"{names}: not installed", f"Run: pip install {names}")


def _check_guide(settings: Settings) -> Check:
    files = walk.list_files(settings.corpus)
    description = f"{count_noun(len(files.paths), 'file')} in {settings.corpus}"
    if files.unreadable:
        others = len(files.unreadable) - 1
        more = f", and {others:,} more like it" if others else ""
        problem = files.unreadable[0].message.rstrip(".")
        hint = "Give the user who builds the right to read it."
        return Check("guide", f"{description}; {problem}{more}.", hint)
    if not files.paths:
        return Check("guide", f"{settings.corpus} has no page.", "Name the guide: --corpus FOLDER")
    return Check("guide", description)


def _check_index(settings: Settings, opened: list[Index]) -> Check:
    """Check every byte of the index."""
    index = generations.open_current(settings.index, indexes.open_generation, check_all=True)
    opened.append(index)
    manifest = index.manifest
    home = settings.index / index.generation
    size = sum(path.stat().st_size for path in home.rglob("*") if path.is_file()) / 1e6
    description = (
        f"{count_noun(manifest.pages, 'page')}, {count_noun(manifest.passages, 'passage')}, "
        f"{size:,.1f} MB in {settings.index}"
    )
    if index.warning:
        message, _, hint = index.warning.rpartition(". ")
        return Check("index", f"{description}; {message}.", hint)
    version_text = f"generation {index.generation}, format {manifest.format}"
    return Check("index", f"{description}, {version_text}")


def _check_pages(settings: Settings, opened: Index) -> Check:
    """Check whether the index is up to date with the guide."""
    corpus = freshness.find_guide(settings)  # the guide it was built from, not the settings' one
    if corpus is None:
        return Check("pages", "the guide it was built from does not exist here")
    difference = FreshnessChecker(corpus, settings.index).compare(opened)
    if difference.pages:
        return Check("pages", str(difference), STALE_HINT)
    return Check("pages", "the index is up to date")


def _check_encoder(settings: Settings) -> Check:
    """Check the encoder, and report its threads."""
    encoder, notice = encoder_selection.select_query_encoder(settings.model, device=settings.device)
    if isinstance(encoder, OnnxEncoder):
        record = encoder.record
        description = (
            f"{encoder.name} with onnxruntime in {record.precision}, "
            f"{os.cpu_count()} texts at once (one alone on two cores), "
            f"cosine with the reference {record.mean_cosine:.3f} (lowest {record.min_cosine:.3f}), "
            f"in {export_folder(encoder.identity)}"
        )
        return Check("encoder", description)
    reason, _, hint = notice.partition(". ")
    description = f"{encoder.name} with sentence-transformers on {settings.device}"
    return Check("encoder", f"{description}. {reason}" if reason else description, hint)


def _check_model(settings: Settings, opened: Index) -> Check:
    encoder, _ = encoder_selection.select_query_encoder(settings.model, device=settings.device)
    opened.check_model(encoder)
    backend = opened.manifest.encoder_backend.rsplit(" ", 1)[0]
    model = opened.manifest.model_name
    return Check("model of the index", f"{model}, with vectors by {backend}")


def _check_threshold(settings: Settings, opened: Index) -> Check:
    threshold, ignored = answerability.read_threshold(settings.index, opened.manifest.model)
    if ignored:
        message, _, hint = ignored.partition(": ")
        return Check("threshold", message, hint)
    description = "the default" if threshold is None else f"calibrated, {threshold:.3f}"
    return Check("threshold", description)
