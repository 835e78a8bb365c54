"""A saved answer held against the guide's own files.

Knows where the files are and how they were read. Must not know how the answer came about.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from assistant import proof
from assistant.errors import IndexMissing, VerifyError
from assistant.guide import page as page_reader
from assistant.guide.publishers import ReadingOptions
from assistant.index import index as indexes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from assistant.models.documents import Passage


_HINT = "Name the guide that was asked and its index: --corpus FOLDER --index FOLDER."


def verify_saved_answer(answer: Mapping[str, Any], corpus: Path, folder: Path) -> int:
    """Prove a saved answer against the guide's own files; how many quotes stand.

    The files are read as the index says they were read. Raises VerifyError at the first quote
    that does not stand; where the answer is of another index, it says so.
    """
    reading, generation = ReadingOptions(), ""
    with suppress(IndexMissing):
        index = indexes.open_index(folder)
        reading, generation = index.reading_options, index.generation

    looked: set[str] = set()

    def read(path: str) -> tuple[str, Sequence[Passage]]:
        looked.add(path)
        if path not in pages:
            raise VerifyError(f"There is no page {path[:200]!a} in {corpus}.", _HINT)
        found = page_reader.read_page(corpus, path, reading_options=reading)
        return found.page.sha256, found.passages

    pages = frozenset(page_reader.list_pages(corpus))
    try:
        return proof.verify_answer(answer, read)
    except VerifyError as error:
        asked = answer["generation"] if looked and "generation" in answer else generation
        if asked == generation or not generation:
            raise
        what = (
            f"{error.message} The answer is of another guide, or of another state of this one: it "
            f"is of generation {str(asked)[:40]!a}, the index in {folder} of {generation!a}."
        )
        raise VerifyError(what, _HINT) from error
