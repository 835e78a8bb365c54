"""Term statistics are read as they were written."""

from __future__ import annotations

from assistant.index.arrays import ArrayReader, ArrayWriter
from assistant.index.forward_index import index_texts
from assistant.index.postings import build_postings
from assistant.index.statistics import TermStatistics


def test_statistics_are_read_as_they_were_written(tmp_path):
    index = index_texts(["A cat. A bird.", "A dog."])
    written = TermStatistics(index, build_postings(index))
    writer = ArrayWriter(tmp_path)
    written.write(tmp_path, writer)
    read = TermStatistics.read(tmp_path, ArrayReader(tmp_path, writer.specs))
    assert read.forward_index.words == written.forward_index.words
    assert read.postings.terms == written.postings.terms
    for one, other in [
        (read.forward_index.tokens, written.forward_index.tokens),
        (read.forward_index.offsets, written.forward_index.offsets),
        (read.postings.offsets, written.postings.offsets),
        (read.postings.passages, written.postings.passages),
        (read.postings.frequencies, written.postings.frequencies),
    ]:
        assert one.dtype == other.dtype
        assert one.tolist() == other.tolist()
