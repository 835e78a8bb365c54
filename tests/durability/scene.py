"""Write guides that differ by edition, and check an index folder by asking it.

An edition is a number written into every page, so that an answer tells its edition. The check opens
the folder as an interface would and asks.
"""

from __future__ import annotations

import logging
import re
from pathlib import Path

from assistant.assistant import Assistant
from assistant.errors import IndexMissing
from assistant.index import index
from tests.conftest import WordEncoder

ANIMALS = ("cat", "dog", "bird", "fish", "tree")
QUESTIONS = tuple(f"What was the {animal} of the year called?" for animal in ANIMALS)

figures = logging.getLogger("torture")
"""Logs the counts of the harnesses: pytest --log-cli-level=INFO."""

NO_INDEX = 0
"""The edition of a folder without an index."""

READY = 1.0
"""Seconds within which an index answers after any failure of its writer."""


class Bad(Exception):
    """A state that no reader may ever meet."""


def write_guide(folder: Path, edition: int) -> Path:
    """Write five pages that contain the edition."""
    folder.mkdir(exist_ok=True)
    for animal in ANIMALS:
        (folder / f"{animal}.md").write_text(
            f"# The {animal}\n\nThe {animal} of the year was called edition{edition}{animal}.\n\n"
            f"## Food\n\nThe {animal} eats bread and milk at {edition} o'clock.\n"
        )
    return folder


def edition_in(folder: Path, *, damaged: bool | None = False) -> int:
    """Return the edition of all five answers; raise Bad if they have no common one.

    With `damaged` True the index must have a warning, with False none, with None it may have one.
    """
    try:
        opened = index.open_index(folder)
    except IndexMissing:
        return NO_INDEX
    except Exception as error:
        raise Bad(f"unreadable: {error!r}") from error
    if damaged is not None and bool(opened.warning) != damaged:
        raise Bad(f"warned of {opened.warning!r}")
    try:
        edition = edition_of(Assistant(opened, WordEncoder()))
    finally:
        opened.store.close()
    return edition


def edition_of(assistant: Assistant) -> int:
    """Return the edition that an assistant answers from; raise Bad if there are several."""
    editions = set()
    for animal, question in zip(ANIMALS, QUESTIONS, strict=True):
        answer = assistant.ask(question)
        named = re.search(rf"edition(\d+){animal}", " ".join(c.quote for c in answer.citations))
        editions.add(int(named[1]) if named else None)
    if len(editions) != 1 or None in editions:
        raise Bad(f"mixed: {editions}")
    return editions.pop()


def generations_in(folder: Path) -> list[str]:
    """List the generation folders of an index folder."""
    return sorted(p.name for p in folder.iterdir() if re.fullmatch("[0-9a-f]{16}", p.name))


def debris_in(folder: Path) -> list[str]:
    """List the unfinished files of an index folder, and generations beyond two."""
    names = sorted(path.name for path in folder.iterdir())
    unfinished = [name for name in names if name.startswith((".draft", ".current"))]
    return unfinished + generations_in(folder)[2:]
