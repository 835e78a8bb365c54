"""The names of folders and files count as words of their pages."""

from __future__ import annotations

import pytest

from assistant.assistant import Assistant
from assistant.index import builder
from assistant.index import index as indexes

PUMP = "# Pumps\n\nThe pump delivers {} liters a minute. Oil it every week.\n"
LITERS = {"north": "40", "harbor2": "60", "mill": "90"}


@pytest.fixture(scope="module")
def stations(tmp_path_factory, encoder) -> Assistant:
    folder = tmp_path_factory.mktemp("stations")
    for name, liters in LITERS.items():
        (folder / "docs" / name).mkdir(parents=True)
        (folder / "docs" / name / "pumps.md").write_text(PUMP.format(liters), encoding="utf-8")
    builder.build_index(folder / "docs", folder / "index", encoder)
    return Assistant(indexes.open_index(folder / "index"), encoder)


@pytest.mark.parametrize("name", LITERS)
def test_of_equal_pages_the_one_in_the_folder_that_the_question_names_is_quoted(stations, name):
    answer = stations.ask(f"how many liters a minute does the pump in {name} deliver?")
    assert answer.citations[0].path == f"{name}/pumps.md"
