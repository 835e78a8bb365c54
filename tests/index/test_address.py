"""The place of a passage in words."""

from __future__ import annotations

import pytest

from assistant.index.address import describe_address
from assistant.models.documents import Passage, Sentence


@pytest.mark.parametrize(
    ("path", "address"),
    [
        ("laptop.md", "Laptop > Charger"),
        ("team3/laptop.md", "Laptop > Charger team3"),
        ("team_3/new-laptop.md", "Laptop > Charger team 3 new"),
        ("Berlin/charger/index.html", "Laptop > Charger berlin index"),
        ("notes", "Laptop > Charger"),
    ],
)
def test_the_words_of_folders_and_file_follow_the_headings(path: str, address: str) -> None:
    sentence = Sentence(0, 5, "prose", (1, 1))
    passage = Passage(f"{path}#/1", path, ("Laptop", "Charger"), "", path, "Text.", (sentence,))
    assert describe_address(passage) == address
