"""Requests for something to read, in a guide whose reading list other pages repeat in part."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.small_guides import build_assistant

if TYPE_CHECKING:
    from assistant.assistant import Assistant

PAGES = {
    "bread.md": """# Bread

Bread is baked at 230 degrees for 40 minutes.

## Further reading

- [Crust and Crumb](https://books.example/crust) by Ada Holm, book
- [Rising slowly](https://films.example/rising) by Bo Lind, 20 min video
""",
    "list.md": """# Reading list

## Books

- [Flour by Hand](https://books.example/flour) by Eva Berg. Every mill in the country. Short.
- [Crust and Crumb](https://books.example/crust) by Ada Holm. The oven, step by step.
- [Salt](https://books.example/salt) by Per Dahl. Why bread needs it.

## Talks

- [Rising slowly](https://films.example/rising) by Bo Lind. On sourdough.
""",
}


@pytest.fixture(scope="module")
def bakery(tmp_path_factory, encoder) -> Assistant:
    return build_assistant(tmp_path_factory.mktemp("bakery"), PAGES, encoder)


@pytest.mark.parametrize("question", ["recommend a book", "any good books?"])
def test_books_are_quoted_as_one_list_without_repeats_and_with_their_notes(bakery, question):
    answer = bakery.ask(question)
    (citation,) = answer.citations
    assert citation.path == "list.md"
    assert citation.quote.splitlines()[2].startswith("- Salt by Per Dahl. Why bread needs it.")
    titles = [resource.title.rpartition(" by ")[0] for resource in answer.resources]
    assert titles == ["Flour by Hand", "Crust and Crumb", "Salt"]


@pytest.mark.parametrize(
    ("question", "title"),
    [
        ("which video should I watch?", "Rising slowly by Bo Lind"),
        ("is there a good book on bread?", "Crust and Crumb by Ada Holm"),
    ],
)
def test_one_of_a_kind_is_recommended_once(bakery, question, title):
    answer = bakery.ask(question)
    assert [resource.title for resource in answer.resources if title in resource.title]
    urls = [resource.url for resource in answer.resources]
    assert len(urls) == len(set(urls))


@pytest.mark.parametrize(
    ("question", "title"),
    [
        ("who wrote the crust book?", "Crust and Crumb"),
        ("how long is the slowly video", "Rising slowly"),
    ],
)
def test_a_resource_is_named_by_a_word_of_its_title_and_its_medium(bakery, question, title):
    assert title in bakery.ask(question).text


@pytest.mark.parametrize(
    "question", ["what can I read about sourdough?", "im new, is there a talk about sourdough?"]
)
def test_a_resource_is_recommended_for_what_its_note_names(bakery, question):
    answer = bakery.ask(question)
    assert answer.resources[0].title == "Rising slowly by Bo Lind"
    assert "On sourdough." in answer.text
