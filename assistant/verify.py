"""A saved answer held against the guide's own files.

Knows where the files are and how they were read. Must not know how the answer came about.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from assistant import guide, proof
from assistant import index as indexes
from assistant.errors import IndexMissing, VerifyError
from assistant.site import Reading

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from assistant.model import Passage


def verify(answer: Mapping[str, Any], corpus: Path, folder: Path) -> int:
    """Prove a saved answer against the guide's own files; how many quotes stand.

    The files are read as the index says they were read. Raises VerifyError at the first quote
    that does not stand.
    """
    try:
        reading = indexes.open(folder).reading
    except IndexMissing:
        reading = Reading()

    def read(path: str) -> tuple[str, Sequence[Passage]]:
        if path not in pages:
            raise VerifyError(f"There is no page {path} in {corpus}.", "Name the guide: --corpus")
        found = guide.read_page(corpus, path, reading=reading)
        return found.page.sha256, found.passages

    pages = frozenset(guide.walk(corpus))
    return proof.verify(answer, read)
