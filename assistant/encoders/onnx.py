"""Encode texts with an exported model, by onnxruntime and tokenizers alone."""

from __future__ import annotations

import json
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from assistant import bundled, files
from assistant.encoders.weights import hash_file
from assistant.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from assistant.encoders.base import Vectors

EXPORT_FORMAT = 3
"""Increased whenever the way of exporting a model changes."""

RECORD_FILE = "export.json"
GRAPH_FILE = "model.onnx"
TOKENIZER_FILE = "tokenizer.json"

INPUT_NAME = "input_ids"

# After this time without a text, a thread counts as finished.
_IDLE_SECONDS = 0.1

_BATCH_SIZE = 64
_BUILD_HINT = "Run: assistant build"


def export_folder(identity: str) -> Path:
    """Return the folder of a model's export, in the user's cache folder.

    Raises ModelError where no cache folder is known.
    """
    cache = bundled.cache_folder()
    if cache is None:
        raise ModelError(
            "No home folder is known, so there is no place for the exported model.",
            "Name a folder that may be written to: XDG_CACHE_HOME=FOLDER; "
            "then run: assistant build",
        )
    return cache / "models" / f"{identity[:32]}-{EXPORT_FORMAT}"


@dataclass(frozen=True, slots=True)
class ExportRecord:
    """Describes an export, and how close its vectors are to those of sentence-transformers.

    `precision` is the number type of the matrices: int8 or fp32. It is empty where the model could
    not be exported, and `reason` says why. `mean_cosine` and `min_cosine` compare both vectors of
    each probe text; `nearest_agreement` is the share of probes with the same nearest other probe.
    """

    identity: str
    name: str
    precision: str
    dimension: int
    window: int
    prompt: str
    files: dict[str, str]
    versions: dict[str, str]
    mean_cosine: float = 0.0
    min_cosine: float = 0.0
    nearest_agreement: float = 0.0
    reason: str = ""

    @classmethod
    def read(cls, folder: Path) -> ExportRecord:
        """Read the record of an export. Raises ModelError if a file is missing or altered."""
        try:
            data = json.loads(files.read_bytes(folder / RECORD_FILE))
            record = cls(**data)
            altered = [
                name for name, digest in record.files.items() if hash_file(folder / name) != digest
            ]
        except (OSError, ValueError, TypeError) as error:
            message = f"The exported model in {folder} cannot be read: {error}"
            raise ModelError(message, _BUILD_HINT) from error
        if altered:
            message = f"A file of the exported model in {folder} was altered: {altered[0]}"
            raise ModelError(message, _BUILD_HINT)
        return record


class OnnxEncoder:
    """Encodes texts with an exported model; thread-safe.

    Each text is run by itself, so that its vector does not depend on other texts: an int8 graph
    scales its activations over its whole input. Many texts run in parallel, one per core; a single
    text uses two cores.
    """

    def __init__(self, folder: Path) -> None:
        """Open the export in a folder. Raises ModelError if a file is missing or altered."""
        self.record = ExportRecord.read(folder)
        self._folder = folder
        self._running, self._last_thread, self._last_time = 0, 0, -_IDLE_SECONDS
        self._lock = threading.Lock()

    @property
    def name(self) -> str:
        """The model's name, for display."""
        return self.record.name

    @property
    def identity(self) -> str:
        """A sha256 of the files of the model that was exported."""
        return self.record.identity

    @property
    def backend(self) -> str:
        """The sha256 of the graph, and the number type of its matrices."""
        return f"onnxruntime {self.record.precision} {self.record.files[GRAPH_FILE]}"

    @property
    def window(self) -> int:
        """The number of tokens of a text that the model reads, special tokens included."""
        return self.record.window

    @property
    def dimension(self) -> int:
        """The length of a vector."""
        return self.record.dimension

    def encode(
        self, texts: Sequence[str], progress: Callable[[int, int], None] | None = None
    ) -> Vectors:
        """Encode texts into unit vectors: float32, shape (len(texts), dimension).

        `progress` receives (texts encoded, texts in all).
        """
        vectors = np.zeros((len(texts), self.dimension), dtype=np.float32)
        if len(texts) == 1:
            vectors[0] = self._encode_one(texts[0])
            if progress:
                progress(1, 1)
            return vectors
        # The longest first, so that at the end no core has a long text alone.
        order = sorted(range(len(texts)), key=lambda n: -len(texts[n]))
        for start in range(0, len(order), _BATCH_SIZE):
            batch = order[start : start + _BATCH_SIZE]
            vectors[batch] = list(self._pool.map(self._run, [texts[n] for n in batch]))
            if progress:
                progress(start + len(batch), len(texts))
        return vectors

    def token_rank(self, word: str) -> int | None:
        """Return the number of the model's token for a whole word, None where it has none."""
        number: int | None = self._tokenizer.token_to_id(word)
        return number

    def _encode_one(self, text: str) -> Vectors:
        """Encode one text, on two cores where they seem free: 2.8 ms instead of 3.6.

        They seem free where the same thread asks for one text after another, or where no thread has
        asked for a while. With eight threads, a second core for each would cost a quarter of the
        answers per second.
        """
        with self._lock:
            idle = time.monotonic() - self._last_time > _IDLE_SECONDS
            alone = (idle or self._last_thread == threading.get_ident()) and not self._running
            self._running += 1
        try:
            return self._run(text, self._two_thread_session if alone else self._one_thread_session)
        finally:
            with self._lock:
                self._running -= 1
                self._last_thread, self._last_time = threading.get_ident(), time.monotonic()

    def _run(self, text: str, session: Any = None) -> Vectors:
        ids = self._tokenizer.encode(self.record.prompt + text).ids
        run = (session or self._one_thread_session).run
        (vectors,) = run(None, {INPUT_NAME: np.array([ids], dtype=np.int64)})
        return np.asarray(vectors[0], dtype=np.float32)

    @cached_property
    def _tokenizer(self) -> Any:
        from tokenizers import Tokenizer

        tokenizer = Tokenizer.from_file(str(self._folder / TOKENIZER_FILE))
        tokenizer.no_padding()
        tokenizer.enable_truncation(self.window)
        return tokenizer

    @cached_property
    def _two_thread_session(self) -> Any:
        return self._open_session(threads=min(2, os.cpu_count() or 1))

    @cached_property
    def _one_thread_session(self) -> Any:
        return self._open_session(threads=1)

    def _open_session(self, *, threads: int) -> Any:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        options.log_severity_level = 3
        return onnxruntime.InferenceSession(
            str(self._folder / GRAPH_FILE),
            options,
            providers=["CPUExecutionProvider"],
            disabled_optimizers=["SkipLayerNormFusion"],  # see `export`
        )

    @cached_property
    def _pool(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="encode")
