"""Pages from `fuzz.py` that once broke a reader, each minimised."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.readers.oracle.reader import broken_promises, read_text

ODD = sorted(path for path in (Path(__file__).parent / "odd").iterdir() if path.is_file())


@pytest.mark.parametrize("path", ODD, ids=lambda path: path.name)
def test_a_page_that_once_broke_a_reader_is_read(path, tmp_path):
    source = path.read_bytes().decode("utf-8")
    assert broken_promises(read_text(tmp_path, source, f"page{path.suffix}")) == []
