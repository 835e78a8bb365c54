"""Read a batch of questions from JSON lines; errors name the line."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from assistant import files
from assistant.errors import QuestionError
from assistant.models.answers import Turn

if TYPE_CHECKING:
    from collections.abc import Iterator


class BatchQuestion(BaseModel):
    """One question of a batch."""

    model_config = ConfigDict(extra="ignore")

    id: str | int
    text: str
    history: tuple[BatchTurn, ...] = ()

    @property
    def turns(self) -> list[Turn]:
        """The conversation before the question, oldest turn first."""
        return [Turn(turn.role, turn.text) for turn in self.history]


class BatchTurn(BaseModel):
    """One earlier turn of a batch question."""

    role: Literal["user", "agent"]
    text: str


BatchQuestion.model_rebuild()


def read_batch(batch: str) -> list[BatchQuestion]:
    """Read the questions of a file, or of standard input for "-".

    Raises QuestionError, which names the malformed line.
    """
    try:
        text = _read_stdin() if batch == "-" else files.read_text(Path(batch))
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror or error if isinstance(error, OSError) else error.reason
        raise QuestionError(
            f"{batch} cannot be read: {reason}.",
            "Name a file of JSON lines in UTF-8, or - for standard input.",
        ) from error
    return list(_parse_lines(batch, text))


def _read_stdin() -> str:
    """Read standard input as UTF-8, whatever the terminal's encoding is."""
    stream = getattr(sys.stdin, "buffer", None)
    return files.decode_utf8(stream.read()) if stream else sys.stdin.read() if sys.stdin else ""


def _parse_lines(batch: str, text: str) -> Iterator[BatchQuestion]:
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            yield BatchQuestion.model_validate_json(line)
        except ValidationError as error:
            first = error.errors()[0]
            field = "".join(f"{part}: " for part in first["loc"])
            raise QuestionError(
                f"{batch} line {number} is not a question: {field}{first['msg']}.",
                'Write one {"id": …, "text": …, "history": [{"role": "user", "text": …}]} a line.',
            ) from None
