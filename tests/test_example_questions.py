"""Test the questions that are offered to begin with, in an invented guide of a ferry."""

from __future__ import annotations

import pytest

from assistant.assistant import Assistant
from assistant.index import builder
from assistant.index import index as indexes

FERRY = """---
questions:
  - When does the last ferry leave?
  - Who painted the moon?
  - ""
---
# Ferry

## How do I carry a bicycle?

Carry a bicycle on the lower deck, behind the chain.

## Timetable

The last ferry leaves at nine in the evening.
"""


@pytest.fixture(scope="module")
def ferry(tmp_path_factory, encoder) -> Assistant:
    folder = tmp_path_factory.mktemp("ferry")
    (folder / "docs").mkdir()
    (folder / "docs" / "ferry.md").write_text(FERRY, encoding="utf-8")
    builder.build_index(folder / "docs", folder / "index", encoder)
    return Assistant(indexes.open_index(folder / "index"), encoder)


def test_the_questions_that_a_page_names_come_first_and_only_those_it_answers(ferry):
    assert ferry.examples() == ["When does the last ferry leave?", "How do I carry a bicycle?"]


def test_the_questions_of_a_guide_are_made_from_its_headings_in_their_order(ferry):
    questions = ferry.list_questions(9)
    assert questions[0] == "How do I carry a bicycle?"
    assert len(questions) == len(set(questions))
    assert ferry.list_questions(1) == questions[:1]
