"""Export a model to ONNX, once: quantize it, compare it with the reference, save it by its digest.

torch's exporter and onnxruntime's tools run in a process of their own.
"""

from __future__ import annotations

import json
import logging
import shutil
import signal
import subprocess
import sys
import tempfile
import warnings
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from assistant.encoders.onnx import (
    GRAPH_FILE,
    INPUT_NAME,
    RECORD_FILE,
    TOKENIZER_FILE,
    ExportRecord,
    OnnxEncoder,
    export_folder,
)
from assistant.encoders.sentence_transformer import SentenceTransformerEncoder
from assistant.encoders.weights import Weights, hash_file
from assistant.errors import ExportFailed, ModelError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from assistant.encoders.base import Vectors

MIN_MEAN_COSINE, MIN_COSINE, MIN_NEAREST_AGREEMENT = 0.99, 0.98, 0.9
"""How close an export must be to the reference: see `ExportRecord`."""

_PACKAGES = ("onnx", "onnxruntime", "sentence-transformers", "torch", "transformers")
_OPSET = 17
_MASK_INPUT = 3  # the number of the mask among the inputs of onnxruntime's Attention

_RESULT_FOLDER, _ERROR_FILE = "result", "error.json"
_CHILD_CODE = """
import sys
_, model, scratch, *sys.path = sys.argv
from assistant.encoders import export
export.run_child(model, export.Path(scratch))
"""
_EXPORT_HINT = (
    "It needs 1.5 GB of memory, and 300 MB in a folder that may be written to (XDG_CACHE_HOME "
    "names another), once; then run: assistant build"
)

# Short and long texts, questions and statements, plain and technical, as people write them.
_PROBES = (
    "how do I change my password?",
    "Open the settings and choose Security, then Change password.",
    "what is the difference between a lease and a loan?",
    "A lease lets you use a car for a time; with a loan you own it in the end.",
    "who decides which bugs are mended first?",
    "The team sorts the list of bugs each Monday, the most harmful ones first.",
    "when is the library open on holidays?",
    "On public holidays the reading room is closed; books can be returned at the door.",
    "install the package with pip",
    "Set `timeout = 30` in config.toml and restart the server.",
    "recipe for bread",
    "Mix flour, water, salt and yeast, let it rise for two hours and bake it until brown.",
    "is smoking allowed on the balcony?",
    "Tenants may smoke on their own balcony as long as the neighbours do not complain.",
    "error 404 page not found",
    "The server answers with a status that says whether the page was found.",
    "steps to renew a passport",
    "1. Fill in the form. 2. Add two photographs. 3. Pay the fee. 4. Send it by post.",
    "which vitamins are in oranges",
    "Oranges hold much vitamin C, some folate and potassium.",
    "Wie lange dauert die Lieferung?",
    "La livraison prend trois jours ouvrables.",
    "a",
    (
        "The garden behind the house was laid out a hundred years ago. Its paths are of gravel, "
        "its beds are bordered with box, and in the middle stands a fountain that has not run "
        "since the war. Visitors may walk through it from April to October, daily from nine until "
        "dusk. Dogs have to be kept on a lead. Guided walks begin at the gate on the first Sunday "
        "of a month; they last about an hour, and cost nothing. Who wants to help with the "
        "weeding is welcome on Wednesday mornings: gloves and tools are there, and afterwards "
        "there is coffee and cake."
    ),
)


def export_model(weights: Weights) -> ExportRecord:
    """Export a model, unless it is already exported; return the record of the export.

    Saves the smallest graph that is close enough to the reference: with int8 matrices, else with
    fp32. If neither is close enough, or the model cannot be traced, the record says so. A child
    process makes the export, so that torch's 1.5 GB of memory are free when it ends. Raises
    ModelError if the model cannot be loaded, and ExportFailed if the child fails otherwise.
    """
    try:
        folder = export_folder(weights.identity)
    except ModelError as error:
        raise ExportFailed(error.message, error.hint) from error
    try:
        return ExportRecord.read(folder)
    except ModelError:
        shutil.rmtree(folder, ignore_errors=True)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        # The parent makes the folder, so that it is removed even if the child is killed.
        with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
            reason = _run_in_child(weights, Path(scratch))
            with suppress(OSError):  # another process was first
                (Path(scratch) / _RESULT_FOLDER).rename(folder)
    except OSError as error:
        reason = str(error)
    if reason:
        message = f"The model cannot be exported to {folder}: {reason.rstrip('.')}."
        raise ExportFailed(message, _EXPORT_HINT)
    return ExportRecord.read(folder)


def _run_in_child(weights: Weights, scratch: Path) -> str:
    """Run `run_child` in another process; return why it failed, or empty."""
    # Not `-m`, which would import packages from the current folder.
    command = [sys.executable, "-c", _CHILD_CODE, weights.model, str(scratch), *sys.path]
    done = subprocess.run(  # noqa: S603 - our own code, from where this was imported
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        check=False,
    )
    error = scratch / _ERROR_FILE
    if error.is_file():
        raise ModelError(*json.loads(error.read_text(encoding="utf-8")))
    if done.returncode < 0:
        return signal.strsignal(-done.returncode) or f"signal {-done.returncode}"
    lines = done.stderr.strip().splitlines()
    return (lines or [f"exit code {done.returncode}"])[-1] if done.returncode else ""


def run_child(model: str, scratch: Path) -> None:
    """Export a model into a folder, or write there the error of the model."""
    try:
        weights = Weights(model)
        record = _export_best(weights, SentenceTransformerEncoder(weights), scratch)
    except ModelError as error:
        (scratch / _ERROR_FILE).write_text(
            json.dumps([error.message, error.hint]), encoding="utf-8"
        )
        return
    result = scratch / _RESULT_FOLDER
    result.mkdir()
    for name in record.files:
        (scratch / record.precision / name).rename(result / name)
    text = json.dumps(asdict(record), indent=2, sort_keys=True) + "\n"
    (result / RECORD_FILE).write_text(text, encoding="utf-8")


def _export_best(
    weights: Weights, reference: SentenceTransformerEncoder, scratch: Path
) -> ExportRecord:
    """Write the smallest export that is close enough, to a folder named by its precision."""
    reason = ""
    tokens = weights.folder / TOKENIZER_FILE
    pipeline = reference.pipeline
    blank = ExportRecord(
        identity=weights.identity,
        name=weights.name,
        precision="",
        dimension=reference.dimension,
        window=reference.window,
        prompt=pipeline.prompts.get(pipeline.default_prompt_name) or "",
        files={},
        versions={name: version(name) for name in _PACKAGES},
    )
    if not tokens.is_file():
        return replace(blank, reason=f"it has no {TOKENIZER_FILE}")
    expected = reference.encode(_PROBES)
    with _silence_logs():
        try:
            _trace(pipeline, scratch / "traced.onnx")
            _fuse(pipeline, scratch / "traced.onnx", scratch / "fused.onnx")
        except (MemoryError, OSError):
            raise  # an error of the machine, not of the model: reported, not recorded
        except Exception as error:  # noqa: BLE001 - the exporter raises errors of every kind
            return replace(blank, reason=f"it cannot be traced: {type(error).__name__}")
        for precision, convert in (("int8", _quantize), ("fp32", shutil.copyfile)):
            folder = scratch / precision
            folder.mkdir()
            convert(scratch / "fused.onnx", folder / GRAPH_FILE)
            shutil.copyfile(tokens, folder / TOKENIZER_FILE)
            files = {name: hash_file(folder / name) for name in (GRAPH_FILE, TOKENIZER_FILE)}
            record = _compare(replace(blank, precision=precision, files=files), folder, expected)
            if _is_close_enough(record):
                return record
            cosine = f"{record.mean_cosine:.3f}"
            reason = f"its {precision} vectors have a cosine of {cosine} with the reference's"
    return replace(blank, reason=reason)


def _trace(pipeline: Any, graph: Path) -> None:
    """Trace all modules of the model over one text, from its tokens to its unit vector."""
    import torch

    class Whole(torch.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.steps = pipeline

        def forward(self, input_ids: Any) -> Any:
            features = {INPUT_NAME: input_ids, "attention_mask": torch.ones_like(input_ids)}
            if "token_type_ids" in self.steps.tokenizer.model_input_names:
                features["token_type_ids"] = torch.zeros_like(input_ids)
            for step in self.steps:
                # The mean without a mask for padding: each text is run by itself.
                if getattr(step, "pooling_mode", "") == "mean":
                    features["sentence_embedding"] = features["token_embeddings"].mean(dim=1)
                else:
                    features = step(features)
            return torch.nn.functional.normalize(features["sentence_embedding"], dim=1)

    # In this form attention is recognised, and becomes one node of the graph.
    transformer = pipeline[0].auto_model
    used = transformer.config._attn_implementation  # noqa: SLF001 - there is no public name
    transformer.set_attn_implementation("eager")
    try:
        ids = pipeline.tokenizer([_PROBES[0]], return_tensors="pt")[INPUT_NAME]
        torch.onnx.export(
            Whole().eval(),
            (ids,),
            str(graph),
            input_names=[INPUT_NAME],
            output_names=["vector"],
            dynamic_axes={INPUT_NAME: {1: "tokens"}},
            opset_version=_OPSET,
            dynamo=False,
        )
    finally:
        transformer.set_attn_implementation(used)


def _fuse(pipeline: Any, graph: Path, fused: Path) -> None:
    """Fuse many small nodes of a graph into few large ones, by onnxruntime's own patterns."""
    from onnxruntime.transformers import optimizer
    from onnxruntime.transformers.fusion_options import FusionOptions

    config = pipeline[0].auto_model.config
    options = FusionOptions("bert")
    # Fused, they take up to six times as long as a separate addition and norm.
    options.enable_skip_layer_norm = options.enable_bias_skip_layer_norm = False
    options.enable_gelu_approximation = True  # by tanh: the error is smaller than that of int8
    model = optimizer.optimize_model(
        str(graph),
        model_type="bert",
        num_heads=config.num_attention_heads,
        hidden_size=config.hidden_size,
        opt_level=0,
        optimization_options=options,
    )
    for attention in model.get_nodes_by_op_type("Attention"):
        # A text that is run by itself has no padding to mask.
        if len(attention.input) > _MASK_INPUT:
            attention.input[_MASK_INPUT] = ""
    model.prune_graph()
    model.save_model_to_file(str(fused))


def _quantize(graph: Path, quantized: Path) -> None:
    """Quantize the matrices of a graph to int8, each column with a scale of its own."""
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic

    quantize_dynamic(
        graph,
        quantized,
        weight_type=QuantType.QInt8,
        per_channel=True,
        reduce_range=True,  # otherwise CPUs without VNNI overflow, and give other vectors
        op_types_to_quantize=["MatMul", "Attention", "EmbedLayerNormalization", "Gather"],
        extra_options={
            "MatMulConstBOnly": True,
            "DefaultTensorType": onnx.TensorProto.FLOAT,
        },
    )


def _compare(record: ExportRecord, folder: Path, expected: Vectors) -> ExportRecord:
    """Compare the export's vectors of the probes with the reference's, and complete the record."""
    text = json.dumps(asdict(record))
    (folder / RECORD_FILE).write_text(text, encoding="utf-8")
    vectors = OnnxEncoder(folder).encode(_PROBES)
    cosines = np.einsum("ij,ij->i", vectors, expected)
    nearest = np.mean(_nearest_neighbours(vectors) == _nearest_neighbours(expected))
    return replace(
        record,
        mean_cosine=round(float(cosines.mean()), 5),
        min_cosine=round(float(cosines.min()), 5),
        nearest_agreement=round(float(nearest), 5),
    )


def _nearest_neighbours(vectors: Vectors) -> Any:
    """Return, for each vector, the number of the nearest other vector."""
    cosines = vectors @ vectors.T
    np.fill_diagonal(cosines, -1.0)
    return cosines.argmax(axis=1)


def _is_close_enough(record: ExportRecord) -> bool:
    return (
        record.mean_cosine >= MIN_MEAN_COSINE
        and record.min_cosine >= MIN_COSINE
        and record.nearest_agreement >= MIN_NEAREST_AGREEMENT
    )


@contextmanager
def _silence_logs() -> Iterator[None]:
    """Suppress the messages of the exporter and its tools."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
