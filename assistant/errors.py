"""What can go wrong, said with its mend.

Knows every kind of failure a caller may see and the exit code that belongs to it.
Must not know which door will show it. "Nothing found" is a value, never an error.
"""

from __future__ import annotations

from typing import ClassVar

USAGE = 2
"""Exit code when what was handed in has to change: a question, a flag, a setting."""

STATE = 3
"""Exit code when what lies on disk has to change: a guide, an index, a model."""


class AssistantError(Exception):
    """A failure that names what is wrong and what mends it."""

    exit_code: ClassVar[int] = STATE

    @property
    def status(self) -> int:
        """The HTTP status that belongs to it: the request has to change, or the server's state."""
        return 422 if self.exit_code == USAGE else 503

    def __init__(self, what: str, mend: str) -> None:
        super().__init__(what, mend)
        self.what = what
        self.mend = mend

    def __str__(self) -> str:
        return f"{self.what}\n{self.mend}"


class QuestionError(AssistantError):
    """The question is empty, too long, or not in the shape asked for."""

    exit_code = USAGE


class AnswerTimeout(AssistantError):
    """The answer was not ready in the time that one may take."""


class SettingsError(AssistantError):
    """A setting or flag is unknown or has a value that cannot be used."""

    exit_code = USAGE


class GuideError(AssistantError):
    """The guide's folder cannot be read, or holds no page."""


class ModelError(AssistantError):
    """The encoder's files are missing, altered, or not the ones the index was built with."""


class ExportFailed(AssistantError):
    """The model could not be exported; it still answers, more slowly."""


class IndexMissing(AssistantError):
    """There is no index where one was looked for."""


class IndexDamaged(AssistantError):
    """A file of the index is missing or altered."""


class IndexOutdated(AssistantError):
    """The index was written in another format."""


class IndexUnwritable(AssistantError):
    """The folder of the index cannot be written to."""


class IndexBusy(AssistantError):
    """Another process is writing the index."""


class VerifyError(AssistantError):
    """An answer could not be checked against its guide."""


class JournalError(AssistantError):
    """What was answered could not be kept, or what was kept cannot be read."""


class JournalUnwritable(JournalError):
    """The file of the journal cannot be opened or written: its folder, its rights, its disk."""


class KeysError(AssistantError):
    """There is no key, name or scope such as was asked for."""

    exit_code = USAGE


class KeysUnusable(KeysError):
    """The file of the keys is damaged, or cannot be read or written."""

    exit_code = STATE


class ServerError(AssistantError):
    """A server that was asked could not answer, or would not.

    `retry_after` is in how many seconds it may be asked again, if it said so.
    """

    def __init__(self, what: str, mend: str, *, retry_after: int | None = None) -> None:
        super().__init__(what, mend)
        self.retry_after = retry_after


class MissingError(AssistantError):
    """There is no such page, section or answer."""

    exit_code = USAGE

    @property
    def status(self) -> int:
        """404: there is nothing at this address."""
        return 404
