"""Term statistics of a guide, kept in a generation so that an update continues from them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from assistant.index.bm25 import write_postings
from assistant.index.forward_index import ForwardIndex, concatenate
from assistant.index.postings import Postings, build_postings, merge_postings

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from assistant.index.arrays import ArrayReader, ArrayWriter

_DICTIONARY_FILE = "dictionary.json"


@dataclass(frozen=True, slots=True)
class TermStatistics:
    """The forward index of all passages, and their postings."""

    forward_index: ForwardIndex
    postings: Postings

    @classmethod
    def read(cls, folder: Path, arrays: ArrayReader) -> TermStatistics:
        """Read the statistics that `write` wrote; the arrays are mapped into memory."""
        dictionary = json.loads((folder / _DICTIONARY_FILE).read_text(encoding="utf-8"))
        return cls(
            ForwardIndex(
                tuple(dictionary["words"]),
                arrays.map("forward_index.bin"),
                arrays.map("forward_index_offsets.bin"),
            ),
            Postings(
                tuple(dictionary["terms"]),
                arrays.map("posting_offsets.bin"),
                arrays.map("posting_passages.bin"),
                arrays.map("posting_frequencies.bin"),
            ),
        )

    def write(self, folder: Path, arrays: ArrayWriter) -> None:
        """Write the statistics into a folder."""
        arrays.write("forward_index.bin", self.forward_index.tokens)
        arrays.write("forward_index_offsets.bin", self.forward_index.offsets)
        write_postings(arrays, self.postings, passages=len(self.forward_index))
        dictionary = {"words": self.forward_index.words, "terms": self.postings.terms}
        text = json.dumps(dictionary, ensure_ascii=False)
        (folder / _DICTIONARY_FILE).write_text(text, encoding="utf-8")


def count_terms(
    parts: Sequence[ForwardIndex | slice], previous: TermStatistics | None
) -> TermStatistics:
    """Count the terms of a guide, given as parts: new passages, or slices of the previous ones."""
    if previous is None:
        index = concatenate([part for part in parts if isinstance(part, ForwardIndex)])
        return TermStatistics(index, build_postings(index))
    moved = np.full(len(previous.forward_index), -1, dtype=np.int64)
    places: list[NDArray[np.int64]] = [np.zeros(0, dtype=np.int64)]
    all_parts: list[ForwardIndex] = []
    new_parts: list[ForwardIndex] = []
    number = 0
    for part in parts:
        if isinstance(part, ForwardIndex):
            all_parts.append(part)
            new_parts.append(part)
        else:
            all_parts.append(previous.forward_index.slice_passages(part.start, part.stop))
        numbers = np.arange(number, number + len(all_parts[-1]))
        number += len(numbers)
        if isinstance(part, ForwardIndex):
            places.append(numbers)
        else:
            moved[part] = numbers
    new = build_postings(concatenate(new_parts))
    postings = merge_postings(previous.postings, moved, new, np.concatenate(places))
    return TermStatistics(concatenate(all_parts), postings)
