"""A row of a table that is cut into passages is answered with its header, wherever it stands."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest

from assistant.cli.output import print_answer
from tests.small_guides import build_assistant

if TYPE_CHECKING:
    from assistant.assistant import Assistant

FIRST = "Bel Dor Fal Gim Hol Jar Kes Lom Mav Nid Pol Rus Sil Tam Vor Wen".split()
LAST = "bury cliff dale gate haven mere ridge sand".split()
BERTHS = [first + last for first, last in itertools.product(FIRST, LAST)]


def make_row(n: int) -> tuple[str, str, str, str]:
    return BERTHS[n], f"{3 + n % 9}.5 m", f"Keeper number {n}", f"B-{2000 + n}"


PAGES = {
    "berths.md": "# Harbours\n\nBoats may stay at every berth of ours.\n\n## All berths\n\n"
    "| Berth | Depth | Harbour master | Code |\n|---|---|---|---|\n"
    + "".join(f"| {' | '.join(make_row(n))} |\n" for n in range(len(BERTHS))),
    "fees.md": "# Fees\n\nA fee is due at every berth. The harbour master takes it in cash.\n",
}


@pytest.fixture(scope="module")
def harbours(tmp_path_factory, encoder) -> Assistant:
    return build_assistant(tmp_path_factory.mktemp("harbours"), PAGES, encoder)


@pytest.mark.parametrize("n", [1, 40, 77, 101, 127])
@pytest.mark.parametrize(
    ("question", "column"),
    [
        ("Who is the harbour master of {0}?", 2),
        ("What is the depth of the {0} berth?", 1),
        ("What is the depth of {3}?", 1),
        ("{3}", 0),
    ],
)
def test_a_row_is_named_by_its_first_cell_or_its_code(harbours, n, question, column) -> None:
    row = make_row(n)
    answer = harbours.ask(question.format(*row))
    tables = [block for block in answer.blocks if block.kind == "table"]
    assert tables, answer.text
    header = ["".join(span.text for span in cell) for cell in tables[0].header]
    assert header == ["Berth", "Depth", "Harbour master", "Code"]
    shown = [
        ["".join(span.text for span in cell) for cell in each.cells] for each in tables[0].rows
    ]
    assert list(row) in shown
    assert row[column] in next(cells for cells in shown if cells[0] == row[0])
    assert tables[0].total == len(BERTHS)


def test_a_terminal_shows_a_header_and_its_row_as_one_source(harbours, capsys) -> None:
    answer = harbours.ask("What is the depth of B-2101?")
    assert len({citation.passage for citation in answer.citations}) == 2
    print_answer(answer)
    sources = [line for line in capsys.readouterr().out.split("\n") if "berths.md" in line]
    assert sources == ["[1] [2] Harbours > All berths (berths.md#all-berths)"]
