"""Encode texts with sentence-transformers: the reference that an export is compared with.

Loads torch, and never uses the network.
"""

from __future__ import annotations

import itertools
import logging
import math
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from assistant import deadline
from assistant.encoders.weights import Weights
from assistant.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from assistant.encoders.base import Vectors

PADDING_MULTIPLE = 16
"""Texts are padded to a multiple of this many tokens."""

_WORD_STARTS = "▁Ġ"  # what SentencePiece and byte-level BPE write before a token that starts a word
TOKENS_PER_BATCH = 4096
"""How many tokens, padding included, are encoded at once."""


class SentenceTransformerEncoder:
    """Encodes texts with any sentence-transformers model on this machine.

    Imports torch and loads the weights when it encodes the first text; raises ModelError if that
    fails.
    """

    backend = "sentence-transformers"

    def __init__(self, weights: Weights | None = None, *, device: str = "cpu") -> None:
        self._weights = weights or Weights()
        self._device = device
        self.name = self._weights.name

    @property
    def identity(self) -> str:
        """A sha256 of the names and contents of the model's files."""
        return self._weights.identity

    @cached_property
    def window(self) -> int:
        """The number of tokens of a text that the model reads, special tokens included."""
        # Read from the files, so that a build that changes nothing need not load the model.
        return self._weights.window or int(self.pipeline.max_seq_length or 256)

    def encode(
        self, texts: Sequence[str], progress: Callable[[int, int], None] | None = None
    ) -> Vectors:
        """Encode texts into unit vectors: float32, shape (len(texts), dimension).

        On a CPU each text is encoded by itself, so that every bit of its vector is independent of
        the other texts. `progress` receives (texts encoded, texts in all).
        """
        vectors = np.zeros((len(texts), self.dimension), dtype=np.float32)
        done = 0
        for batch in self._batches(texts):
            vectors[batch] = self.pipeline.encode(
                [texts[position] for position in batch],
                batch_size=len(batch),
                normalize_embeddings=True,
                show_progress_bar=False,
                convert_to_numpy=True,
                processing_kwargs={"text": {"pad_to_multiple_of": self._padding_multiple}},
            )
            done += len(batch)
            if progress:
                progress(done, len(texts))
        return vectors

    def _batches(self, texts: Sequence[str]) -> Iterator[list[int]]:
        """Yield text numbers: one by one on a CPU, else in batches of the same rounded length."""
        if self._device == "cpu":
            # On some CPUs the last bits of a product depend on how many rows it has.
            yield from ([n] for n in range(len(texts)))
            return
        prompt = self.pipeline.prompts.get(self.pipeline.default_prompt_name) or ""
        tokens = self.pipeline.tokenizer(
            [prompt + text for text in texts], truncation=True, max_length=self.window
        )
        lengths = [-(-len(ids) // self._padding_multiple) for ids in tokens["input_ids"]]
        order = sorted(range(len(texts)), key=lambda n: (lengths[n], n))
        for length, group in itertools.groupby(order, key=lambda n: lengths[n]):
            same_length = list(group)
            rows = max(1, TOKENS_PER_BATCH // (length * self._padding_multiple))
            for start in range(0, len(same_length), rows):
                yield same_length[start : start + rows]

    @cached_property
    def _padding_multiple(self) -> int:
        """The multiple that lengths are rounded up to; it divides the window."""
        return math.gcd(PADDING_MULTIPLE, self.window)

    @property
    def dimension(self) -> int:
        """The length of a vector."""
        return int(self.pipeline.get_embedding_dimension())

    def token_rank(self, word: str) -> int | None:
        """Return the number of the model's token for a whole word, None where it has none."""
        return self._token_numbers.get(word)

    @cached_property
    def _token_numbers(self) -> dict[str, int]:
        vocabulary = self.pipeline.tokenizer.get_vocab()
        return {token.lstrip(_WORD_STARTS) or token: n for token, n in vocabulary.items()}

    @cached_property
    def pipeline(self) -> Any:
        """The sentence-transformers model; loaded at the first use, which takes seconds."""
        with deadline.pause():
            return self._load()

    def _load(self) -> Any:
        for name in ("sentence_transformers", "transformers"):
            logging.getLogger(name).setLevel(logging.ERROR)
        try:
            from sentence_transformers import SentenceTransformer
            from transformers.utils import logging as transformers_logging
        except ImportError as error:
            raise ModelError(
                f"The model {self.name} is not exported and cannot be loaded: {error}",
                "Run: pip install sentence-transformers torch",
            ) from error
        except OSError as error:  # torch needs a folder for temporary files when it is imported
            raise ModelError(
                f"The model {self.name} is not exported and torch cannot be loaded: "
                f"{error.strerror or error}",
                "Name a folder for temporary files: TMPDIR=FOLDER; or export the model where a "
                "folder may be written to (XDG_CACHE_HOME=FOLDER): assistant build",
            ) from error
        transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
        try:
            return SentenceTransformer(
                str(self._weights.folder), device=self._device, local_files_only=True
            ).eval()
        except Exception as error:  # the loader raises errors of every kind for a model's files
            raise ModelError(
                f"The model in {self._weights.folder} cannot be loaded on {self._device}: "
                f"{_first_line(error)}",
                "Name a sentence-transformers model with --model and a device with --device, "
                "or leave both out.",
            ) from error


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
