"""A page is read in time, whatever it is made of.

That twice the page takes twice the time is measured by `make timings`.
"""

from __future__ import annotations

import pytest

from assistant.readers import html as html_reader
from tests.readers.oracle.reader import read_text
from tests.readers.oracle.shapes import SHAPES
from tests.sizes import size

SIZE = size(15_000, 300_000)

pytestmark = pytest.mark.timeout(size(60, 600))  # where time grew with the square, minutes


@pytest.mark.parametrize("shape", SHAPES)
def test_a_page_of_any_shape_is_read_in_time(tmp_path, shape):
    source = SHAPES[shape](SIZE)
    for name in ("page.md", "page.mdx"):
        assert read_text(tmp_path, source, name).page.path == name
    html_reader.parse_html(source)
