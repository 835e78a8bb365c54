"""Which encoder works here: the export where there is one, the reference elsewhere.

Knows both. Must not know what is encoded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from assistant.encoders.onnx import OnnxEncoder, export_folder
from assistant.encoders.sentence_transformer import SentenceTransformerEncoder
from assistant.encoders.weights import BUNDLED_NAME, Weights
from assistant.errors import ExportFailed, ModelError

if TYPE_CHECKING:
    from collections.abc import Callable

    from assistant.encoders.onnx import Encoder


def select_query_encoder(
    model: str = "", *, device: str = "cpu", index_model: str = ""
) -> tuple[Encoder, str]:
    """The encoder to ask with, and in one line why it is not the fast one; nothing is written.

    `built_with` is the identity of the model the index was built with: where that is exported
    under the name asked for, the weights need not be on this machine. Raises ModelError where
    they are needed and are not.
    """
    if device == "cpu" and index_model:
        exported = _open_export(index_model)
        if exported and exported.name == (model or BUNDLED_NAME) and exported.record.precision:
            return exported, ""  # to hash the weights would take longer than to answer
    weights = Weights(model)
    return _select(weights, _open_export(weights.identity) if device == "cpu" else None, device)


def select_build_encoder(
    model: str = "", *, device: str = "cpu", progress: Callable[[int, int], None] | None = None
) -> tuple[Encoder, str]:
    """The encoder to build with, and in one line why it is not the fast one.

    The model is exported first, unless another device is named. `progress` is told (exports done,
    exports to do), only where there is one to do. Raises ModelError where the model is not on
    this machine or cannot be loaded.
    """
    weights = Weights(model)
    found = _open_export(weights.identity) if device == "cpu" else None
    if device == "cpu" and not found:
        from assistant.encoders import export  # what only building needs

        if progress:
            progress(0, 1)
        try:
            export.export_model(weights)
        except ExportFailed as error:
            notice = f"Answers are slow. {error.message} {error.hint}"
            return SentenceTransformerEncoder(weights), notice
        if progress:
            progress(1, 1)
        found = _open_export(weights.identity)
    return _select(weights, found, device)


def _select(weights: Weights, found: OnnxEncoder | None, device: str) -> tuple[Encoder, str]:
    """The export where there is one, else the reference, and why."""
    if found and found.record.precision:
        return found, ""
    reference = SentenceTransformerEncoder(weights, device=device)
    if device != "cpu":
        return reference, ""
    why = f", as {found.record.reason}." if found else ""
    return reference, f"Answers are slow: the model is not exported{why or _export_hint(weights)}"


def _export_hint(weights: Weights) -> str:
    """How to have the model exported."""
    try:
        export_folder(weights.identity)
    except ModelError as error:
        return f". {error.message} {error.hint}"
    return ". Run: assistant build"


def _open_export(identity: str) -> OnnxEncoder | None:
    try:
        return OnnxEncoder(export_folder(identity))
    except ModelError:  # not there, or not whole
        return None
