"""Ask a guide a question and get the right passage back, quoted, with its section and links."""

from __future__ import annotations

from typing import TYPE_CHECKING

from assistant.offline import stay_offline

stay_offline()  # first: any other module may import a package that uses the network

if TYPE_CHECKING:
    from assistant.assistant import Assistant as Assistant
    from assistant.client import connect as connect
    from assistant.conversation import Conversation as Conversation
    from assistant.errors import AssistantError as AssistantError
    from assistant.models.answers import Answer as Answer
    from assistant.models.answers import Turn as Turn

__version__ = "0.1.0"
__all__ = ["Answer", "Assistant", "AssistantError", "Conversation", "Turn", "connect"]

_HOMES = {
    "Answer": "models.answers",
    "Assistant": "assistant",
    "AssistantError": "errors",
    "Conversation": "conversation",
    "Turn": "models.answers",
    "connect": "client",
}


def __getattr__(name: str) -> object:
    """Import a public name when it is first used, so that `import assistant` stays light."""
    if name not in _HOMES:
        raise AttributeError(f"module 'assistant' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"assistant.{_HOMES[name]}"), name)
