"""Split a passage into words, once for all that the index holds of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from assistant.text.tokenize import split_clauses, split_words

if TYPE_CHECKING:
    from assistant.models.documents import Passage


@dataclass(frozen=True, slots=True)
class PassageWords:
    """The words of a passage's address, and of each sentence, clause by clause.

    The address is the heading path, then the words of the folders, the file, the page's description
    and the headers of tables that go on from another passage, as far as no heading has them: a
    guide may describe the laptops of three teams in three folders. A sentence that is a heading has
    no clauses, because the address has its words.
    """

    address: list[str]
    sentences: list[list[list[str]]]


def split_passage(passage: Passage) -> PassageWords:
    """Split a passage into words."""
    address = split_words(passage.heading_path)
    known = set(address)
    in_path = split_words(passage.path.rpartition(".")[0].replace("_", " "))
    in_headers = [word for text in passage.continued_headers for word in split_words(text)]
    more = (*in_path, *_describe(passage), *in_headers)
    address += [word for word in more if word not in known]
    sentences = [
        [] if sentence.kind == "heading" else split_clauses(passage.slice(sentence))
        for sentence in passage.sentences
    ]
    return PassageWords(address, sentences)


def _describe(passage: Passage) -> list[str]:
    """List the words of the page's description, which its first passage has beside its heading."""
    headings = (passage.slice(one) for one in passage.sentences if one.kind == "heading")
    return [word for text in headings if text != passage.heading for word in split_words(text)]
