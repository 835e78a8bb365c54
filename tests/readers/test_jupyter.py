"""Notebooks are read as text, code and what the code printed."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from assistant.errors import GuideError
from assistant.guide.page import read_page
from assistant.guide.publishers import ReadingOptions
from assistant.readers import reader_for

if TYPE_CHECKING:
    from assistant.models.documents import ParsedPage


def cell(kind: str, source: str | list[str], **more: Any) -> dict[str, Any]:
    return {"cell_type": kind, "metadata": {}, "source": source, **more}


def code(source: str, *outputs: dict[str, Any], tags: tuple[str, ...] = ()) -> dict[str, Any]:
    return cell("code", source, outputs=list(outputs), metadata={"tags": list(tags)})


def shown(text: str | list[str], kind: str = "text/plain") -> dict[str, Any]:
    return {"output_type": "execute_result", "data": {kind: text}, "metadata": {}}


def printed(text: str) -> dict[str, Any]:
    return {"output_type": "stream", "name": "stdout", "text": text}


def notebook(*cells: dict[str, Any], **metadata: Any) -> bytes:
    return json.dumps({"nbformat": 4, "metadata": metadata, "cells": cells}).encode()


def parts(raw: bytes) -> list[tuple[str, str]]:
    reader = reader_for("a.ipynb")
    return [(block.kind, block.text) for block in reader.parse(reader.decode("a.ipynb", raw).text)]


def read(tmp_path, raw: bytes) -> ParsedPage:
    (tmp_path / "boats-at-sea.ipynb").write_bytes(raw)
    return read_page(tmp_path, "boats-at-sea.ipynb", reading_options=ReadingOptions())


def test_text_code_and_output_are_read_in_order() -> None:
    raw = notebook(
        cell("markdown", ["# Boats\n", "\n", "A boat *floats*."]),
        code("length = 4\nprint(length)", printed("4\n")),
        code("length * 2", shown("8")),
    )
    assert parts(raw) == [
        ("heading", "Boats"),
        ("prose", "A boat floats."),
        ("code", "length = 4\nprint(length)"),
        ("code", "4"),
        ("code", "length * 2"),
        ("code", "8"),
    ]


def test_every_word_of_a_notebook_is_in_a_passage(tmp_path) -> None:
    raw = notebook(
        cell("markdown", "# Alpha bravo\n\ncharlie\n\n| delta | echo |\n|---|---|\n| fox | golf |"),
        code("hotel = 'india'", printed("juliett\nkilo\n"), shown("lima", "text/markdown")),
        cell("raw", "mike november"),
        code("oscar()", {"output_type": "error", "ename": "Papa", "evalue": "quebec romeo"}),
    )
    page = read(tmp_path, raw)
    words = re.findall(r"\w+", " ".join(passage.text for passage in page.passages))
    expected = "Alpha bravo charlie delta echo fox golf hotel india juliett kilo lima mike november"
    assert words == [*expected.split(), "oscar", "Papa", "quebec", "romeo"]


def test_pictures_and_objects_without_words_are_left_out() -> None:
    picture = {"image/png": "iVBORw0KGgo=", "text/plain": "<Figure size 640x480 with 1 Axes>"}
    raw = notebook(code("plot()", {"output_type": "display_data", "data": picture}))
    assert parts(raw) == [("code", "plot()")]
    assert parts(notebook(code("get()", shown("<Reply [200]>"))))[1] == ("code", "<Reply [200]>")


def test_a_table_that_has_no_other_text_is_read() -> None:
    html = "<table>\n\n<tr><td>mast</td><td>9 m</td></tr>\n</table>"
    data = {"text/html": html, "text/plain": "<IPython.core.display.HTML object>"}
    raw = notebook(code("show()", {"output_type": "display_data", "data": data}))
    assert parts(raw)[1:] == [("row", "mast | 9 m")]


def test_colours_and_progress_bars_are_read_as_a_terminal_shows_them() -> None:
    raw = notebook(code("load()", printed("\x1b[31mred\x1b[0m\n10 %\r50 %\r100 %\ndone\r\n")))
    assert parts(raw)[1:] == [("code", "red\n100 %\ndone")]


def test_cells_that_a_book_hides_are_left_out() -> None:
    raw = notebook(
        code("secret()", printed("one"), tags=("remove-cell",)),
        code("hidden()", printed("two"), tags=("remove-input",)),
        code("open()", printed("three"), tags=("remove-output",)),
    )
    assert parts(raw) == [("code", "two"), ("code", "open()")]


def test_a_cell_ends_where_it_ends() -> None:
    raw = notebook(
        cell("markdown", "Before\n\n```\nopen"), cell("markdown", "---\nAfter"), code("a = '```'")
    )
    assert parts(raw) == [
        ("prose", "Before"),
        ("code", "open"),
        ("break", ""),
        ("prose", "After"),
        ("code", "a = '```'"),
    ]


def test_a_title_comes_from_the_first_raw_cell_the_notebook_or_its_heading(tmp_path) -> None:
    heading = cell("markdown", "# In the text")
    front = cell("raw", "---\ntitle: In front\n---")
    assert read(tmp_path, notebook(heading, cell("markdown", "x"))).page.title == "In the text"
    named = notebook(heading, cell("markdown", "x"), title="Of the notebook")
    assert read(tmp_path, named).page.title == "Of the notebook"
    assert read(tmp_path, notebook(front, heading, cell("markdown", "x"))).page.title == "In front"


def test_a_rule_at_the_start_of_a_text_cell_is_no_front_matter(tmp_path) -> None:
    page = read(tmp_path, notebook(cell("markdown", "---\nsails: white\n\n---\n")))
    assert "sails: white" in page.passages[0].text


def test_a_notebook_of_format_3_is_read() -> None:
    cells = [
        {"cell_type": "heading", "level": 2, "source": ["Old boats"]},
        {
            "cell_type": "code",
            "input": ["sail()"],
            "language": "python",
            "outputs": [{"output_type": "pyout", "text": ["away"]}],
        },
    ]
    raw = json.dumps({"nbformat": 3, "worksheets": [{"cells": cells}]}).encode()
    assert parts(raw) == [("heading", "Old boats"), ("code", "sail()"), ("code", "away")]


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "line 1 is not JSON"),
        (b"no notebook", "line 1 is not JSON"),
        (notebook(cell("markdown", "words"))[:-5], "is not JSON"),
        (b"[" * 200_000, "it nests too deep"),
        (b"[]", "there are no cells in it"),
        (b'{"cells": 4}', "there are no cells in it"),
        (b"\x00\x01\x02", "is not text"),
    ],
)
def test_a_broken_notebook_is_an_error_that_says_why(raw: bytes, reason: str) -> None:
    with pytest.raises(GuideError, match=reason):
        reader_for("a.ipynb").decode("a.ipynb", raw)


def test_parts_of_another_type_than_jupyter_writes_are_passed_over() -> None:
    odd: list[Any] = [4, None, {"cell_type": "markdown"}, {"cell_type": 3, "source": {"a": 1}}]
    odd += [{"cell_type": "code", "source": ["a", 4], "outputs": ["x", {"data": []}]}]
    raw = json.dumps({"cells": odd, "metadata": []}).encode()
    assert parts(raw) == [("code", "a")]
