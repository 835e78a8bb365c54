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
from assistant.index.forward_index import Lexicon

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from assistant.index.forward_index import Postings
    from assistant.models.documents import Passage

    Edit = tuple[Sequence[Passage], Sequence[Passage]]


@dataclass(frozen=True, slots=True)
class Counts:
    """The words of every passage, and in which passages each stem stands."""

    lexicon: Lexicon
    postings: Postings

    @classmethod
    def read(cls, folder: Path) -> Counts:
        """The counts that `write` kept in a folder."""
        names = json.loads((folder / "words.json").read_text(encoding="utf-8"))
        return cls(
            Lexicon(
                tuple(names["words"]),
                arrays.mapped(folder / "words.npy"),
                arrays.mapped(folder / "first_word.npy"),
            ),
            bm25.read(folder, names["stems"]),
        )

    def write(self, folder: Path) -> None:
        """Keep the counts in a folder."""
        np.save(folder / "words.npy", self.lexicon.tokens)
        np.save(folder / "first_word.npy", self.lexicon.first)
        bm25.write(folder, self.postings, passages=len(self.lexicon.first) - 1)
        names = {"words": self.lexicon.words, "stems": self.postings.stems}
        text = json.dumps(names, ensure_ascii=False)
        (folder / "words.json").write_text(text, encoding="utf-8")


def count(parts: Sequence[Lexicon | slice], old: Counts | None) -> Counts:
    """The counts of a guide in parts: words that were read, or a slice of the old passages."""
    if old is None:
        lexicon = lexicons.joined([part for part in parts if isinstance(part, Lexicon)])
        return Counts(lexicon, lexicons.postings(lexicon))
    moved = np.full(len(old.lexicon.first) - 1, -1, dtype=np.int64)
    places: list[NDArray[np.int64]] = [np.zeros(0, dtype=np.int64)]
    words: list[Lexicon] = []
    read: list[Lexicon] = []
    number = 0
    for part in parts:
        if isinstance(part, Lexicon):
            words.append(part)
            read.append(part)
        else:
            words.append(old.lexicon.part(part.start, part.stop))
        passages = np.arange(number, number + len(words[-1].first) - 1)
        number += len(passages)
        if isinstance(part, Lexicon):
            places.append(passages)
        else:
            moved[part] = passages
    new = lexicons.postings(lexicons.joined(read))
    postings = lexicons.merged(old.postings, moved, new, np.concatenate(places))
    return Counts(lexicons.joined(words), postings)


def keep_acronyms(old: Lexicon, new: Lexicon, edits: Mapping[str, Edit]) -> bool:
    """Whether the acronyms are for certain what they were, where no page came or went.

    They are where what the edited pages give is as it was, before and after: their headings, what
    they write out, and no running text, since they are not in the sample. Of a guide that is
    small enough to be looked through whole, every page counts.
    """
    halved = phrases.halvings(lexicons.size(new))
    if not halved or halved != phrases.halvings(lexicons.size(old)):
        return False
    return not any(
        phrases.is_sampled(path, halved)
        or _headings(before) != _headings(after)
        or _spelled(before) != _spelled(after)
        for path, (before, after) in edits.items()
    )


def _headings(passages: Iterable[Passage]) -> set[str]:
    return {heading for passage in passages for heading in passage.headings}


def _spelled(passages: Iterable[Passage]) -> Counter[tuple[str, str]]:
    return Counter(pair for p in passages for pair in vocabulary.written_out(p.text))
