"""The protocol of encoders: texts to unit vectors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np
    from numpy.typing import NDArray

    Vectors = NDArray[np.float32]


class Encoder(Protocol):
    """Encodes texts into unit vectors, and identifies its model."""

    @property
    def name(self) -> str:
        """The model's name, for display."""

    @property
    def identity(self) -> str:
        """A sha256 of the model's files: vectors of different models cannot be compared."""

    @property
    def backend(self) -> str:
        """The library that computes the vectors; another one gives other last digits."""

    @property
    def window(self) -> int:
        """The number of tokens of a text that the model reads, special tokens included."""

    def encode(
        self, texts: Sequence[str], progress: Callable[[int, int], None] | None = None
    ) -> Vectors:
        """Encode texts into unit vectors: float32, shape (len(texts), dimension).

        `progress` receives (texts encoded, texts in all).
        """

    def token_rank(self, word: str) -> int | None:
        """Return the number of the model's token for a whole word, None where it has none.

        The word is in lower case. The tokens of most models are in the order of their frequency.
        """
