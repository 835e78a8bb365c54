"""The kinds of a thing are found where each is a section of its own."""

from __future__ import annotations

import pytest

from assistant.answering.kinds import find_kind_sections, quote_kinds
from assistant.query.question_type import parse_question
from tests.answering.candidates import build_store, make_hits

PAGES = {
    "birds.md": "# Aviary\n\nThey fly.\n\n## Types of birds\n\nThere are two.\n\n"
    "### Owl\n\nAn owl works nights. It eats mice.\n\n### Crow\n\n## Feeding\n\nOnce a day.\n",
    "cats.md": "# Pets\n\n## Cats\n\n### House cat\n\nIt sleeps.\n\n### Barn cat\n\nIt hunts.\n\n"
    "## Dogs\n\n### Guard dog\n\nIt barks.\n",
    "trees.md": "# Trees\n\n## Old trees\n\n### Oak\n\nIt is old.\n\n### Elm\n\nIt is older.\n\n"
    "## Kinds of old trees\n\n### Yew\n\nIt is dark.\n\n### Lime\n\nIt is sweet.\n",
}


@pytest.fixture(scope="module")
def store(tmp_path_factory, word_encoder):
    return build_store(tmp_path_factory.mktemp("kinds"), PAGES, word_encoder)


@pytest.fixture(scope="module")
def kinds(store):
    """Finds the headings of the kinds, from hits with some headings."""
    passages = dict(enumerate(store.all_passages()))

    def kinds(question: str, *headings: str) -> list[str]:
        hits = make_hits(
            {n: passage for name in headings for n, passage in passages.items()
             if passage.heading == name}
        )  # fmt: skip
        sections = find_kind_sections(parse_question(question), hits, store)
        assert all(passages[number] == passage for number, passage in sections)
        return [passage.heading for _, passage in sections]

    return kinds


BIRDS = "what types of birds are there?"


@pytest.mark.parametrize("hit", ["Types of birds", "Owl", "Crow"])
def test_kinds_are_found_from_their_section_and_from_any_of_them(kinds, hit):
    assert kinds(BIRDS, hit) == ["Owl", "Crow"]


def test_kinds_are_found_behind_better_hits_on_something_else(kinds):
    assert kinds(BIRDS, "Feeding", "House cat", "Owl") == ["Owl", "Crow"]
    assert kinds(BIRDS, "Feeding", "House cat") == []


def test_a_heading_that_names_the_thing_alone_lists_its_kinds(kinds):
    assert kinds("what kinds of cats are there?", "Cats") == ["House cat", "Barn cat"]


def test_it_does_not_where_the_question_asks_for_more(kinds):
    assert kinds("in Rome, what kinds of cats are there?", "Cats") == []


def test_a_heading_that_says_kinds_is_preferred(kinds):
    question = "what kinds of old trees are there?"
    assert kinds(question, "Old trees") == ["Oak", "Elm"]
    assert kinds(question, "Old trees", "Kinds of old trees") == ["Yew", "Lime"]


def test_one_section_alone_is_no_list_of_kinds(kinds):
    assert kinds("what kinds of dogs are there?", "Dogs", "Guard dog") == []


def test_things_in_general_have_no_kinds(kinds):
    assert kinds("what kinds of things are there?", "Types of birds") == []


def test_each_kind_is_quoted_by_its_heading_and_first_sentence(store):
    hits = make_hits({n: p for n, p in enumerate(store.all_passages()) if p.heading == "Owl"})
    quotes = quote_kinds(parse_question(BIRDS), hits, store)
    assert [quote.text for quote in quotes] == ["Owl\n\nAn owl works nights.", "Crow"]


def test_no_hits_have_no_kinds(store):
    assert quote_kinds(parse_question(BIRDS), [], store) == []
