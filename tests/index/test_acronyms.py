"""Acronyms of a large guide: mined from its sample, and kept where an edit cannot change them."""

from __future__ import annotations

import numpy as np
import pytest

from assistant.index.acronyms import acronyms_unchanged, collect_acronyms
from assistant.index.forward_index import ForwardIndex, concatenate, index_texts
from assistant.index.phrases import is_sampled
from assistant.models.documents import Passage, Sentence

PATHS = [f"pages/{n}.md" for n in range(4000)]
SAMPLED = next(path for path in PATHS if is_sampled(path, 1))
LEFT_OUT = next(path for path in PATHS if not is_sampled(path, 1))


def passage(text: str, *, headings: tuple[str, ...] = ("Guide",), path: str = "p.md") -> Passage:
    sentences = (Sentence(0, len(text), "prose", (1, 1)),)
    return Passage(f"{path}#/1", path, headings, "", path, text, sentences)


def index_large_guide(words: int) -> ForwardIndex:
    """Index a guide of `words` words in clauses, all the same word."""
    one = index_texts(["cat"])
    tokens = np.repeat(one.tokens, words)
    return ForwardIndex(one.words, tokens, np.array([0, words]))


@pytest.mark.parametrize(
    ("path", "after", "unchanged"),
    [
        (LEFT_OUT, passage("A dog."), True),
        (SAMPLED, passage("A dog."), False),
        (LEFT_OUT, passage("A dog.", headings=("Guide", "Dogs")), False),
        (LEFT_OUT, passage("A Dog Guide (DG)."), False),
    ],
)
def test_acronyms_are_unchanged_where_an_edit_cannot_change_them(path, after, unchanged):
    guide = index_large_guide(3_000_000)
    edits = {path: ([passage("A cat.")], [after])}
    assert acronyms_unchanged(guide, guide, edits) is unchanged


def test_acronyms_may_change_in_a_small_guide_and_where_the_sample_changes():
    edits = {LEFT_OUT: ([passage("A cat.")], [passage("A dog.")])}
    assert not acronyms_unchanged(index_large_guide(1000), index_large_guide(1000), edits)
    assert not acronyms_unchanged(index_large_guide(3_000_000), index_large_guide(5_000_000), edits)


def test_acronyms_of_a_large_guide_come_from_its_sample():
    texts = ["Road sign. Road sign. Road sign.", "Milk cart. Milk cart. Milk cart."]
    acronyms = collect_acronyms(
        concatenate([index_large_guide(2_000_001), index_texts(texts)]),
        headings=["Road sign", "Milk cart"],
        pages=[(LEFT_OUT, 1), (SAMPLED, 1), (LEFT_OUT, 1)],
        definitions={},
    )
    assert [expansion.weight for expansion in acronyms["RS"]] == [7]
    assert "MC" not in acronyms
