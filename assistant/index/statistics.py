"""What was counted of a guide's words, kept in a generation so that an update counts on from it.

Knows the files of a lexicon, and when acronyms need not be looked for again.
Must not know which pages changed, nor how words are searched.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from assistant.index import arrays, bm25, phrases, vocabulary
from assistant.index import forward_index as lexicons
from assistant.index.forward_index import ForwardIndex

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from assistant.index.forward_index import Postings
    from assistant.models.documents import Passage

    Edit = tuple[Sequence[Passage], Sequence[Passage]]


@dataclass(frozen=True, slots=True)
class TermStatistics:
    """The words of every passage, and in which passages each stem stands."""

    forward_index: ForwardIndex
    postings: Postings

    @classmethod
    def read(cls, folder: Path) -> TermStatistics:
        """The counts that `write` kept in a folder."""
        names = json.loads((folder / "words.json").read_text(encoding="utf-8"))
        return cls(
            ForwardIndex(
                tuple(names["words"]),
                arrays.map_array(folder / "words.npy"),
                arrays.map_array(folder / "first_word.npy"),
            ),
            bm25.read_postings(folder, names["stems"]),
        )

    def write(self, folder: Path) -> None:
        """Keep the counts in a folder."""
        np.save(folder / "words.npy", self.forward_index.tokens)
        np.save(folder / "first_word.npy", self.forward_index.offsets)
        bm25.write_postings(folder, self.postings, passages=len(self.forward_index.offsets) - 1)
        names = {"words": self.forward_index.words, "stems": self.postings.terms}
        text = json.dumps(names, ensure_ascii=False)
        (folder / "words.json").write_text(text, encoding="utf-8")


def count_terms(
    parts: Sequence[ForwardIndex | slice], previous: TermStatistics | None
) -> TermStatistics:
    """The counts of a guide in parts: words that were read, or a slice of the old passages."""
    if previous is None:
        lexicon = lexicons.concatenate([part for part in parts if isinstance(part, ForwardIndex)])
        return TermStatistics(lexicon, lexicons.build_postings(lexicon))
    moved = np.full(len(previous.forward_index.offsets) - 1, -1, dtype=np.int64)
    places: list[NDArray[np.int64]] = [np.zeros(0, dtype=np.int64)]
    words: list[ForwardIndex] = []
    read: list[ForwardIndex] = []
    number = 0
    for part in parts:
        if isinstance(part, ForwardIndex):
            words.append(part)
            read.append(part)
        else:
            words.append(previous.forward_index.slice_passages(part.start, part.stop))
        passages = np.arange(number, number + len(words[-1].offsets) - 1)
        number += len(passages)
        if isinstance(part, ForwardIndex):
            places.append(passages)
        else:
            moved[part] = passages
    new = lexicons.build_postings(lexicons.concatenate(read))
    postings = lexicons.merge_postings(previous.postings, moved, new, np.concatenate(places))
    return TermStatistics(lexicons.concatenate(words), postings)


def acronyms_unchanged(old: ForwardIndex, new: ForwardIndex, edits: Mapping[str, Edit]) -> bool:
    """Whether the acronyms are for certain what they were, where no page came or went.

    They are where what the edited pages give is as it was, before and after: their headings, what
    they write out, and no running text, since they are not in the sample. Of a guide that is
    small enough to be looked through whole, every page counts.
    """
    halved = phrases.count_halvings(lexicons.count_clause_words(new))
    if not halved or halved != phrases.count_halvings(lexicons.count_clause_words(old)):
        return False
    return not any(
        phrases.is_sampled(path, halved)
        or _headings(before) != _headings(after)
        or _definitions(before) != _definitions(after)
        for path, (before, after) in edits.items()
    )


def _headings(passages: Iterable[Passage]) -> set[str]:
    return {heading for passage in passages for heading in passage.headings}


def _definitions(passages: Iterable[Passage]) -> Counter[tuple[str, str]]:
    return Counter(pair for p in passages for pair in vocabulary.find_definitions(p.text))
