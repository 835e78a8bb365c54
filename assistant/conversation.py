"""A conversation with a guide: the earlier turns go with each question."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from assistant.models.answers import Answer, Search, Turn

MAX_TURNS = 20
"""How many earlier turns a question may refer to."""

MAX_CONVERSATION_BYTES = 512 * 1024
"""The largest request with a whole conversation, in bytes; clients send no larger one."""

MAX_TURN_CHARS = 20_000
MAX_SOURCES = 100
"""What a server accepts of one turn: characters of its text, and sources."""


class Guide(Protocol):
    """What an Assistant and a RemoteAssistant have in common."""

    def ask(self, question: str, history: Sequence[Turn] = ()) -> Answer:
        """Answer a question; `history` is the conversation so far, oldest first."""

    async def ask_async(self, question: str, history: Sequence[Turn] = ()) -> Answer:
        """Answer a question in a thread of its own."""

    def search(self, question: str, k: int = 10, history: Sequence[Turn] = ()) -> Search:
        """Return the k passages that answer best, best first."""

    def examples(self, count: int = 4) -> list[str]:
        """Make questions that the guide answers."""

    def conversation(self) -> Conversation:
        """Start a conversation."""


class Conversation:
    """A conversation with one guide; questions from several threads wait for each other."""

    def __init__(self, guide: Guide) -> None:
        self._guide = guide
        self._turns: tuple[Turn, ...] = ()
        self._lock = threading.Lock()

    @property
    def turns(self) -> tuple[Turn, ...]:
        """The last 20 turns, oldest first."""
        return self._turns

    def ask(self, question: str) -> Answer:
        """Answer a question as part of this conversation; an error leaves it unchanged."""
        with self._lock:
            answer = self._guide.ask(question, self._turns)
            self._turns = (*self._turns, *answer.turns)[-MAX_TURNS:]
        return answer

    async def ask_async(self, question: str) -> Answer:
        """Answer a question in a thread of its own; one that is cancelled may still be answered."""
        return await asyncio.to_thread(self.ask, question)

    def clear(self) -> None:
        """Remove all turns, so that the next question starts a new conversation."""
        with self._lock:
            self._turns = ()
