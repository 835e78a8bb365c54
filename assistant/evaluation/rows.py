"""Read the JSON lines of evaluation sets; an error names the file and the line."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from assistant import files
from assistant.errors import SettingsError

if TYPE_CHECKING:
    from pathlib import Path


class Row(BaseModel):
    """One JSON object of a file; fields that it does not know are ignored."""

    model_config = ConfigDict(extra="ignore")


RowT = TypeVar("RowT", bound=Row)


def read_rows(path: Path, row_type: type[RowT], example: str) -> list[tuple[int, RowT]]:
    """Read JSON lines as (line number, row); empty lines are skipped.

    `example` is a line as it should be. Raises SettingsError with the first line that has not this
    type, or with the reason why the file cannot be read.
    """
    rows = []
    for number, line in enumerate(read_text(path).split("\n"), 1):
        if not line.strip():
            continue
        try:
            rows.append((number, row_type.model_validate_json(line)))
        except ValidationError as error:
            first = error.errors()[0]
            where = "".join(f"{part}: " for part in first["loc"])
            raise line_error(path, number, f"{where}{first['msg']}", example) from None
    return rows


def line_error(path: Path, number: int, reason: str, example: str) -> SettingsError:
    """Make the error for a line that cannot be used; `example` is a line as it should be."""
    return SettingsError(
        f"{path} line {number} cannot be used: {reason}.", f"Write one {example} a line."
    )


def read_text(path: Path) -> str:
    """Read a file of a set. Raises SettingsError where it cannot be read as UTF-8."""
    try:
        return files.read_text(path)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror or error if isinstance(error, OSError) else error.reason
        raise SettingsError(
            f"{path} cannot be read: {reason}.", "Name a folder of questions in UTF-8."
        ) from error
