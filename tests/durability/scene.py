"""What the harnesses share: guides that differ by edition, and the judge of a folder on disk.

An edition is a number written into every page, so that an answer tells which it came from. The
judge is a reader: it opens the folder as a door would and asks.
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
"""Where the harnesses tell what they counted: pytest --log-cli-level=INFO."""

NO_INDEX = 0
"""The edition a reader meets where there is no index."""

READY = 1.0
"""Seconds within which an index answers, whatever happened to its writer."""


class Bad(Exception):
    """A state that no reader may ever meet."""


def write_guide(folder: Path, edition: int) -> Path:
    """Five pages that name the edition in what they say."""
    folder.mkdir(exist_ok=True)
    for animal in ANIMALS:
        (folder / f"{animal}.md").write_text(
            f"# The {animal}\n\nThe {animal} of the year was called edition{edition}{animal}.\n\n"
            f"## Food\n\nThe {animal} eats bread and milk at {edition} o'clock.\n"
        )
    return folder


def edition_in(folder: Path, *, damaged: bool | None = False) -> int:
    """The edition that all five answers come from; raises Bad where there is no one such.

    With `damaged` the reader has to be warned, without it must not be, with None it may be.
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
    """The edition that an assistant answers from; raises Bad where its answers are of several."""
    result = set()
    for animal, question in zip(ANIMALS, QUESTIONS, strict=True):
        answer = assistant.ask(question)
        named = re.search(rf"edition(\d+){animal}", " ".join(c.quote for c in answer.citations))
        result.add(int(named[1]) if named else None)
    if len(result) != 1 or None in result:
        raise Bad(f"mixed: {result}")
    return result.pop()


def generations_in(folder: Path) -> list[str]:
    """What is named as a generation is, in an index folder."""
    return sorted(p.name for p in folder.iterdir() if re.fullmatch("[0-9a-f]{16}", p.name))


def debris_in(folder: Path) -> list[str]:
    """What lies in an index folder unfinished, or beyond two generations."""
    names = sorted(path.name for path in folder.iterdir())
    unfinished = [name for name in names if name.startswith((".draft", ".current"))]
    return unfinished + generations_in(folder)[2:]
