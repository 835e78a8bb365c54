"""Define the errors that users see: each has a message, a hint how to fix it, and an exit code.

A question that the guide does not answer is not an error: its Answer has `found` false.
"""

from __future__ import annotations

import warnings
from typing import ClassVar

EXIT_USAGE = 2
"""Exit code when the input has to change: a question, a flag, a setting."""

EXIT_STATE = 3
"""Exit code when what is on disk has to change: a guide, an index, a model."""

_OLD_NAMES = {"what": "message", "mend": "hint"}


class AssistantError(Exception):
    """A failure: `message` says what is wrong, `hint` how to fix it."""

    exit_code: ClassVar[int] = EXIT_STATE

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message, hint)
        self.message = message
        self.hint = hint

    @property
    def status(self) -> int:
        """The HTTP status: 422 if the request has to change, 503 if the server's state has to."""
        return 422 if self.exit_code == EXIT_USAGE else 503

    def __str__(self) -> str:
        return f"{self.message}\n{self.hint}"

    def __getattr__(self, name: str) -> str:
        """Read `what` and `mend`, the old names of the two texts, until version 0.2."""
        if name not in _OLD_NAMES:
            raise AttributeError(name=name, obj=self)
        new = _OLD_NAMES[name]
        warnings.warn(f"{name} is now called {new}", DeprecationWarning, stacklevel=2)
        return str(getattr(self, new))


class QuestionError(AssistantError):
    """The question is empty, too long, or malformed."""

    exit_code = EXIT_USAGE


class AnswerTimeout(AssistantError):
    """The answer was not ready in the time that it may take."""


class SettingsError(AssistantError):
    """A setting or flag is unknown or has a value that cannot be used."""

    exit_code = EXIT_USAGE


class GuideError(AssistantError):
    """The guide's folder cannot be read, or has no page."""


class ModelError(AssistantError):
    """The encoder's files are missing, altered, or not the ones the index was built with."""


class ExportFailed(AssistantError):
    """The model could not be exported; it still works, more slowly."""


class IndexMissing(AssistantError):
    """There is no index in the folder."""


class IndexDamaged(AssistantError):
    """A file of the index is missing or altered."""


class IndexOutdated(AssistantError):
    """The index was written in another format."""


class IndexNotWritable(AssistantError):
    """The index folder cannot be written to."""


class IndexBusy(AssistantError):
    """Another process is writing the index."""


class VerifyError(AssistantError):
    """An answer could not be checked against its guide."""


class AnswerLogError(AssistantError):
    """An answer could not be written to the answer log, or read from it."""


class AnswerLogUnwritable(AnswerLogError):
    """The file of the answer log cannot be opened or written: its folder, permissions, disk."""


class ApiKeyError(AssistantError):
    """There is no such API key, name or scope."""

    exit_code = EXIT_USAGE


class ApiKeysUnusable(ApiKeyError):
    """The file of API keys is damaged, or cannot be read or written."""

    exit_code = EXIT_STATE


class ServerError(AssistantError):
    """A server could not answer, or refused to.

    `retry_after`: the seconds after which to ask again, if the server said so.
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
