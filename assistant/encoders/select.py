"""Select the encoder: the exported model where there is one, else sentence-transformers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from assistant.encoders.onnx import OnnxEncoder, export_folder
from assistant.encoders.sentence_transformer import SentenceTransformerEncoder
from assistant.encoders.weights import BUNDLED_NAME, Weights
from assistant.errors import ExportFailed, ModelError

if TYPE_CHECKING:
    from collections.abc import Callable

    from assistant.encoders.base import Encoder


def select_query_encoder(
    model: str = "", *, device: str = "cpu", index_model: str = ""
) -> tuple[Encoder, str]:
    """Select the encoder for queries, with a warning if it is not the fast one; write nothing.

    `index_model` is the identity of the model that the index was built with. If that model is
    exported under the name `model`, the weights need not be on this machine. Raises ModelError if
    they are needed and missing.
    """
    if device == "cpu" and index_model:
        exported = _open_export(index_model)
        if exported and exported.name == (model or BUNDLED_NAME) and exported.record.precision:
            return exported, ""  # hashing the weights would take longer than an answer
    weights = Weights(model)
    exported = _open_export(weights.identity) if device == "cpu" else None
    return _select(weights, exported, device)


def select_build_encoder(
    model: str = "", *, device: str = "cpu", progress: Callable[[int, int], None] | None = None
) -> tuple[Encoder, str]:
    """Select the encoder for a build, with a warning if it is not the fast one.

    The model is exported first, unless `device` is not the CPU. `progress` receives (exports done,
    exports to do), if one is needed. Raises ModelError if the model is not on this machine or
    cannot be loaded.
    """
    weights = Weights(model)
    exported = _open_export(weights.identity) if device == "cpu" else None
    if device == "cpu" and not exported:
        from assistant.encoders import export  # only a build needs it

        if progress:
            progress(0, 1)
        try:
            export.export_model(weights)
        except ExportFailed as error:
            warning = f"Answers are slow. {error.message} {error.hint}"
            return SentenceTransformerEncoder(weights), warning
        if progress:
            progress(1, 1)
        exported = _open_export(weights.identity)
    return _select(weights, exported, device)


def _select(weights: Weights, exported: OnnxEncoder | None, device: str) -> tuple[Encoder, str]:
    """Return the exported model if it is usable, else sentence-transformers and a warning."""
    if exported and exported.record.precision:
        return exported, ""
    reference = SentenceTransformerEncoder(weights, device=device)
    if device != "cpu":
        return reference, ""
    reason = f", as {exported.record.reason}." if exported else _export_hint(weights)
    return reference, f"Answers are slow: the model is not exported{reason}"


def _export_hint(weights: Weights) -> str:
    """Say how to export the model."""
    try:
        export_folder(weights.identity)
    except ModelError as error:
        return f". {error.message} {error.hint}"
    return ". Run: assistant build"


def _open_export(identity: str) -> OnnxEncoder | None:
    try:
        return OnnxEncoder(export_folder(identity))
    except ModelError:  # missing or altered
        return None
