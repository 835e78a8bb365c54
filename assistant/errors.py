"""What can go wrong, said with its mend.

Knows every kind of failure a caller may see and the exit code that belongs to it.
Must not know which door will show it. "Nothing found" is a value, never an error.
"""

from __future__ import annotations

from typing import ClassVar

EXIT_USAGE = 2
"""Exit code when what was handed in has to change: a question, a flag, a setting."""

EXIT_STATE = 3
"""Exit code when what lies on disk has to change: a guide, an index, a model."""


class AssistantError(Exception):
    """A failure that names what is wrong and what mends it."""

    exit_code: ClassVar[int] = EXIT_STATE

    @property
    def status(self) -> int:
        """The HTTP status that belongs to it: the request has to change, or the server's state."""
        return 422 if self.exit_code == EXIT_USAGE else 503

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message, hint)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n{self.hint}"


class QuestionError(AssistantError):
    """The question is empty, too long, or not in the shape asked for."""

    exit_code = EXIT_USAGE


class AnswerTimeout(AssistantError):
    """The answer was not ready in the time that one may take."""


class SettingsError(AssistantError):
    """A setting or flag is unknown or has a value that cannot be used."""

    exit_code = EXIT_USAGE


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


class IndexNotWritable(AssistantError):
    """The folder of the index cannot be written to."""


class IndexBusy(AssistantError):
    """Another process is writing the index."""


class VerifyError(AssistantError):
    """An answer could not be checked against its guide."""


class AnswerLogError(AssistantError):
    """What was answered could not be kept, or what was kept cannot be read."""


class AnswerLogUnwritable(AnswerLogError):
    """The file of the journal cannot be opened or written: its folder, its rights, its disk."""


class ApiKeyError(AssistantError):
    """There is no key, name or scope such as was asked for."""

    exit_code = EXIT_USAGE


class ApiKeysUnusable(ApiKeyError):
    """The file of the keys is damaged, or cannot be read or written."""

    exit_code = EXIT_STATE


class ServerError(AssistantError):
    """A server that was asked could not answer, or would not.

    `retry_after` is in how many seconds it may be asked again, if it said so.
    """

    def __init__(self, message: str, hint: str, *, retry_after: int | None = None) -> None:
        super().__init__(message, hint)
        self.retry_after = retry_after


class NotFoundError(AssistantError):
    """There is no such page, section or answer."""

    exit_code = EXIT_USAGE

    @property
    def status(self) -> int:
        """404: there is nothing at this address."""
        return 404
