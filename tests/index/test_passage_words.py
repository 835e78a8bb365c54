"""The words of a passage: those of its address, and those of its sentences, clause by clause."""

from __future__ import annotations

from dataclasses import replace

import pytest

from assistant.index.passage_words import split_passage
from assistant.models.documents import Group, Passage, Sentence, Structure


def passage(path: str, *texts: str) -> Passage:
    """A passage of these texts, the first of them a heading if it is the last of the path."""
    spans, start = [], 0
    for text in texts:
        kind = "heading" if text == "Charger" else "prose"
        spans.append(Sentence(start, start + len(text), kind, (1, 1)))
        start += len(text) + 1
    headings = ("Laptop", "Charger")
    return Passage(f"{path}#/1", path, headings, "", path, " ".join(texts), tuple(spans))


@pytest.mark.parametrize(
    ("path", "address"),
    [
        ("laptop.md", "laptop charger"),
        ("team3/laptop.md", "laptop charger team3"),
        ("team_3/new-laptop.md", "laptop charger team 3 new"),
        ("Berlin/charger/index.html", "laptop charger berlin index"),
        ("notes", "laptop charger"),
    ],
)
def test_the_words_of_folders_and_file_follow_the_headings(path: str, address: str) -> None:
    assert split_passage(passage(path, "Text.")).address == address.split()


def test_the_header_of_a_table_that_goes_on_is_in_the_address() -> None:
    one = passage("laptop.md", "Mouse | 4 EUR")
    table = Group(0, 0, "table", 0, 60, (1, 2), "Item | Laptop price")
    words = split_passage(replace(one, structure=Structure((), (table,)).pack()))
    assert words.address == ["laptop", "charger", "item", "price"]


def test_a_sentence_has_its_clauses_and_a_heading_has_none() -> None:
    words = split_passage(passage("a.md", "Charger", "Plug it in, then wait.", "Done."))
    assert words.sentences == [[], [["plug", "it", "in"], ["then", "wait"]], [["done"]]]
