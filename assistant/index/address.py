"""Name the place of a passage in words: its headings, and the folders and file it is in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from assistant.text.tokenize import split_words

if TYPE_CHECKING:
    from assistant.models.documents import Passage


def describe_address(passage: Passage) -> str:
    """Join the heading path of a passage and the words of its path that no heading has.

    A guide may describe the laptops of three teams in three folders.
    """
    headings = passage.heading_path
    known = set(split_words(headings))
    in_path = split_words(passage.path.rpartition(".")[0].replace("_", " "))
    return " ".join((headings, *(word for word in in_path if word not in known)))
