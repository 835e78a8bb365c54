"""Texts to unit vectors with onnxruntime and tokenizers alone: what questions are asked with.

Knows the files an export keeps. Must not know how they are made, and never imports torch.
"""

from __future__ import annotations

import json
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from assistant import bundled, files
from assistant.encoders.weights import hash_file
from assistant.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    Vectors = NDArray[np.float32]

EXPORT_FORMAT = 2
"""Raised whenever a model would be exported in another way."""

RECORD_FILE = "export.json"
GRAPH_FILE = "model.onnx"
TOKENIZER_FILE = "tokenizer.json"

INPUT_NAME = "input_ids"

_IDLE_SECONDS = 0.1
"""Seconds after which a thread that encoded is held to be done."""

_BATCH_SIZE = 64
_BUILD_HINT = "Run: assistant build"


class Encoder(Protocol):
    """Anything that turns texts into unit vectors and can say which model it is."""

    @property
    def name(self) -> str:
        """What the model is called, to be shown."""

    @property
    def identity(self) -> str:
        """A sha256 over the model's files: vectors of another model cannot be compared."""

    @property
    def backend(self) -> str:
        """What computes the vectors; another's are as good and differ in their last digits."""

    @property
    def window(self) -> int:
        """How many tokens of a text the model reads, special ones included."""

    def encode(
        self, texts: Sequence[str], progress: Callable[[int, int], None] | None = None
    ) -> Vectors:
        """One unit vector a text: float32, shape (len(texts), dimension)."""

    def has_token(self, word: str) -> bool:
        """Whether the model has a token for the whole word, lower-case."""


def export_folder(identity: str) -> Path:
    """Where the export of a model is kept, in the user's own cache folder.

    Raises ModelError where no such folder is known.
    """
    cache = bundled.cache_folder()
    if cache is None:
        raise ModelError(
            "No home folder is known, where the exported model would be.",
            "Name one that may be written to: XDG_CACHE_HOME=FOLDER; then run: assistant build",
        )
    return cache / "models" / f"{identity[:32]}-{EXPORT_FORMAT}"


@dataclass(frozen=True, slots=True)
class ExportRecord:
    """What an export is of, and how near its vectors are to the reference's.

    `number` is what the matrices are made of: int8 or fp32, empty where the model could not be
    exported, and `why` says why. `cosine` and `lowest` are the mean and the smallest cosine with
    the reference over the probe texts, `nearest` the share of these whose nearest other is the
    same.
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
        """The record of an export. Raises ModelError where it is not there or not whole."""
        try:
            data = json.loads(files.read_bytes(folder / RECORD_FILE))
            found = cls(**data)
            altered = [
                name for name, digest in found.files.items() if hash_file(folder / name) != digest
            ]
        except (OSError, ValueError, TypeError) as error:
            what = f"The exported model in {folder} cannot be read: {error}"
            raise ModelError(what, _BUILD_HINT) from error
        if altered:
            raise ModelError(
                f"The exported model in {folder} was altered: {altered[0]}", _BUILD_HINT
            )
        return found


class OnnxEncoder:
    """The encoder of an export; thread-safe.

    Each text is run by itself, so that its vector cannot depend on a neighbour: an int8 graph
    scales its activations over all it is given. Many texts are run side by side, one a core; one
    alone takes two cores.
    """

    def __init__(self, folder: Path) -> None:
        """Open the export in a folder. Raises ModelError where it is not whole."""
        self.record = ExportRecord.read(folder)
        self._folder = folder
        self._running, self._last, self._when = 0, 0, -_IDLE_SECONDS
        self._lock = threading.Lock()

    @property
    def name(self) -> str:
        """What the model is called, to be shown."""
        return self.record.name

    @property
    def identity(self) -> str:
        """A sha256 over the files of the model that was exported."""
        return self.record.identity

    @property
    def backend(self) -> str:
        """The sha256 of the graph, and what its matrices are made of."""
        return f"onnxruntime {self.record.precision} {self.record.files[GRAPH_FILE]}"

    @property
    def window(self) -> int:
        """How many tokens of a text the model reads, special ones included."""
        return self.record.window

    @property
    def dimension(self) -> int:
        """The length of a vector."""
        return self.record.dimension

    def encode(
        self, texts: Sequence[str], progress: Callable[[int, int], None] | None = None
    ) -> Vectors:
        """One unit vector a text: float32, shape (len(texts), dimension).

        `progress` is told (texts encoded, texts in all).
        """
        vectors = np.zeros((len(texts), self.dimension), dtype=np.float32)
        if len(texts) == 1:
            vectors[0] = self._encode_one(texts[0])
        # The longest first, so that no core is left alone with one at the end.
        order = sorted(range(len(texts)), key=lambda n: -len(texts[n])) if len(texts) > 1 else []
        for start in range(0, len(order), _BATCH_SIZE):
            batch = order[start : start + _BATCH_SIZE]
            vectors[batch] = list(self._pool.map(self._run, [texts[n] for n in batch]))
            if progress:
                progress(start + len(batch), len(texts))
        if progress and len(texts) == 1:
            progress(1, 1)
        return vectors

    def has_token(self, word: str) -> bool:
        """Whether the model has a token for the whole word, lower-case."""
        return self._tokenizer.token_to_id(word) is not None

    def _encode_one(self, text: str) -> Vectors:
        """The vector of one text, on two cores where they are free: 2.8 ms, not 3.6.

        They are where one thread asks for one text after another, or none has for a while. Where
        eight do, a second core for each costs a quarter of the answers.
        """
        with self._lock:
            mine = (
                self._last == threading.get_ident() or time.monotonic() - self._when > _IDLE_SECONDS
            )
            alone = mine and not self._running
            self._running += 1
        try:
            return self._run(text, self._two_thread_session if alone else self._one_thread_session)
        finally:
            with self._lock:
                self._running -= 1
                self._last, self._when = threading.get_ident(), time.monotonic()

    def _run(self, text: str, session: Any = None) -> Vectors:
        ids = self._tokenizer.encode(self.record.prompt + text).ids
        run = (session or self._one_thread_session).run
        (found,) = run(None, {INPUT_NAME: np.array([ids], dtype=np.int64)})
        return np.asarray(found[0], dtype=np.float32)

    @cached_property
    def _tokenizer(self) -> Any:
        from tokenizers import Tokenizer

        found = Tokenizer.from_file(str(self._folder / TOKENIZER_FILE))
        found.no_padding()
        found.enable_truncation(self.window)
        return found

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
        graph = str(self._folder / GRAPH_FILE)
        return onnxruntime.InferenceSession(
            graph,
            options,
            providers=["CPUExecutionProvider"],
            disabled_optimizers=["SkipLayerNormFusion"],  # see `export`
        )

    @cached_property
    def _pool(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="encode")
