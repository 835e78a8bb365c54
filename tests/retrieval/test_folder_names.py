"""The names of folders and files count as words of their pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.small_guides import build_assistant

if TYPE_CHECKING:
    from assistant.assistant import Assistant

PUMP = "# Pumps\n\nThe pump delivers {} liters a minute. Oil it every week.\n"
LITERS = {"north": "40", "harbor2": "60", "mill": "90"}


@pytest.fixture(scope="module")
def stations(tmp_path_factory, encoder) -> Assistant:
    pages = {f"{name}/pumps.md": PUMP.format(liters) for name, liters in LITERS.items()}
    return build_assistant(tmp_path_factory.mktemp("stations"), pages, encoder)


@pytest.mark.parametrize("name", LITERS)
def test_of_equal_pages_the_one_in_the_folder_that_the_question_names_is_quoted(stations, name):
    answer = stations.ask(f"how many liters a minute does the pump in {name} deliver?")
    assert answer.citations[0].path == f"{name}/pumps.md"
