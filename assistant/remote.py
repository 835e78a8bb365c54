"""Accept the former name of `assistant.client` for one version."""

from __future__ import annotations

import warnings

from assistant.client import RemoteAssistant, connect

__all__ = ["RemoteAssistant", "connect"]

warnings.warn(
    "assistant.remote is now assistant.client: from assistant.client import connect",
    DeprecationWarning,
    stacklevel=2,
)
