"""The sections that may answer are loaded whole, and each of their sentences is measured."""

from __future__ import annotations

from dataclasses import replace

import pytest

from assistant.answering.sections import (
    MAX_SECTIONS,
    MAX_SUBSECTIONS,
    Target,
    choose_hits,
    choose_targets,
    load_sections,
)
from assistant.query.query import Query
from assistant.retrieval.ranker import load_shipped_model
from assistant.retrieval.retriever import Retriever
from assistant.text.tokenize import extract_terms
from tests.answering.candidates import build_store, make_hits

LONG = " ".join(f"The cat on road {n} sees a dog and a bird by the river." for n in range(60))
ROOMS = "\n\n".join(f"### Room {n}\n\nThe house has a cat in room {n}." for n in range(5))
PAGES = {
    "barn.md": f"# Barn\n\n## Doors\n\n### Front\n\nA dog is here. It eats bread.\n\n"
    f"### Back\n\nA cat drinks milk.\n\n## Roof\n\nA bird sits there.\n\n## Rooms\n\n{ROOMS}\n\n"
    "## Empty\n",
    "roads.md": f"# Roads\n\n## Long road\n\n{LONG}\n\n## Short road\n\nThe road has a tree.\n",
}
QUERY = Query.from_text("does a cat drink milk on the road?")


@pytest.fixture(scope="module")
def store(tmp_path_factory, word_encoder):
    return build_store(tmp_path_factory.mktemp("barn"), PAGES, word_encoder)


@pytest.fixture(scope="module")
def passages(store):
    return list(store.all_passages())


@pytest.fixture(scope="module")
def load(store, passages, word_encoder):
    """Loads the sections of the passages with some numbers."""
    (vector,) = word_encoder.encode(["cat milk milk"])
    retriever = Retriever(store, load_shipped_model())

    def load(*keys):
        targets = [Target(key, passages[key], 0.25) for key in keys]
        return load_sections(QUERY, vector, targets, store, retriever)

    return load


def key_of(passages, heading: str) -> int:
    return next(n for n, passage in enumerate(passages) if passage.heading == heading)


def texts(section) -> list[str]:
    return [sentence.text for sentence in section.sentences]


def test_a_section_is_loaded_without_its_heading(load, passages):
    (front,) = load(key_of(passages, "Front"))
    assert texts(front) == ["A dog is here.", "It eats bread."]
    assert front.key == ("barn.md", "front")
    assert front.probability == 0.25


def test_a_section_of_many_passages_is_loaded_three_passages_around_the_one_retrieved(
    load, passages
):
    numbers = [n for n, passage in enumerate(passages) if passage.heading == "Long road"]
    assert len(numbers) > 7
    for key in (numbers[0], numbers[4], numbers[-1]):
        (section,) = load(key)
        near = [n for n in numbers if abs(n - key) <= 3]
        body = [(n, s) for n in near for s in passages[n].sentences if s.kind != "heading"]
        assert texts(section) == [passages[n].slice(s) for n, s in body]
        assert section.in_passage.tolist() == [n == key for n, _ in body]


def test_a_heading_without_text_has_the_sentences_of_the_sections_under_it(load, passages):
    (section,) = load(key_of(passages, "Doors"))
    assert texts(section) == ["A dog is here.", "It eats bread.", "A cat drinks milk."]
    assert not section.in_passage.any()
    (rooms,) = load(key_of(passages, "Rooms"))
    assert texts(rooms) == [f"The house has a cat in room {n}." for n in range(MAX_SUBSECTIONS)]


def test_a_heading_with_nothing_under_it_is_all_there_is(load, passages):
    (empty,) = load(key_of(passages, "Empty"))
    assert texts(empty) == ["Empty"]


def test_each_sentence_is_measured_as_by_hand(load, passages, word_encoder):
    keys = [key_of(passages, name) for name in ("Short road", "Doors", "Long road")]
    sections = load(*keys)
    assert len(sections) == 3
    (vector,) = word_encoder.encode(["cat milk milk"])
    for section in sections:
        for n, sentence in enumerate(section.sentences):
            own = f"{sentence.passage.heading}: {sentence.text}"
            terms = set(extract_terms(sentence.text))
            assert section.matches[n].tolist() == [term in terms for term in QUERY.terms]
            cosine = word_encoder.encode([own])[0] @ vector
            assert section.cosines[n] == pytest.approx(cosine, abs=0.01)
    assert sections[0].heading_matches.tolist() == [term == "road" for term in QUERY.terms]
    assert sections[1].heading_matches.tolist() == [False] * len(QUERY.terms)


def test_a_sub_section_that_is_read_below_its_heading_is_not_read_twice(load, passages):
    keys = [key_of(passages, name) for name in ("Doors", "Back")]
    sections = load(*keys)
    places = [(one.passage.id, one.number) for section in sections for one in section.sentences]
    assert len(places) == len(set(places))
    assert "Back" in {one.passage.heading for section in sections for one in section.sentences}


def test_no_targets_load_no_sections(load):
    assert load() == []


def test_only_the_best_passage_of_each_of_the_best_sections_is_chosen(passages):
    last_first = dict(reversed([*enumerate(passages)]))
    hits = make_hits(last_first)
    targets = choose_targets(hits)
    sections = dict.fromkeys((p.path, p.anchor) for p in last_first.values())
    assert len(sections) > MAX_SECTIONS
    chosen = [(target.passage.path, target.passage.anchor) for target in targets]
    assert chosen == [*sections][:MAX_SECTIONS]
    for target in targets:
        best = next(
            hit
            for hit in hits
            if (hit.passage.path, hit.passage.anchor)
            == (target.passage.path, target.passage.anchor)
        )
        assert target == (best.key, best.passage, best.probability)


def test_passages_that_only_list_resources_are_left_out_where_there_are_others(passages):
    links = replace(passages[1], lists_resources=True)
    hits = make_hits({1: links, 2: passages[2]})
    assert [hit.key for hit in choose_hits(hits)] == [2]
    assert [hit.key for hit in choose_hits(hits[:1])] == [1]
